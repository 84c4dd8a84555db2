"""The commands about pushes: what leads send to channels and people, and what those do with it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING

from chatbot import cards
from chatbot.cards import Ask
from chatbot.commands.registry import action_in, command
from chatbot.incidents import log_incident
from chatbot.model import Language, Reply
from chatbot.roles import Actor, NotAllowed

if TYPE_CHECKING:
    from chatbot.coach import Coach
    from chatbot.publishing import Piece
    from chatbot.pushing import Push, Pushes, Wording

ACTIONS = ("list", "report", "cancel", "correct", "withdraw", "resend", "remind")
_BY_BUTTON = ("piece", "save", "confirm", "preview", "send", "discard")
_FOR_ALL = ("open", "got")
#: The longest number that counts pushes in any database.
_DIGITS = 15
#: What is kept of a field: the longest text, or all of many channels' keys.
_LONGEST_FIELD = 4_000
_LONGEST_CHOICE = 20_000


def action_of(coach: "Coach", argument: str) -> tuple[str, str]:
    """Return what is to be done and the rest of the argument; ("", argument) if the first words name nothing."""
    return action_in(coach.strings, "push", argument, (*ACTIONS, *_BY_BUTTON, *_FOR_ALL))


@command("push", role="lead")
async def push(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Send something to channels and people, see what became of it, and take it back."""
    action, rest = action_of(coach, argument)
    if coach.pushes is None or (argument and not action):
        return None
    from chatbot import push_cards
    from chatbot.push_groups import GroupUntold
    from chatbot.pushing import NoSuchPush, WrongMoment

    number = _number(rest)
    try:
        if action in _FOR_ALL:
            return await _read(coach.pushes, ask, action, number)
        this = _Lead(coach, coach.pushes, ask, rest, number)
        return await _RUN[action or "new"](this)
    except NotAllowed as error:
        return push_cards.refused(ask, error.admins)
    except NoSuchPush:
        return push_cards.gone(ask)
    except WrongMoment as error:
        return push_cards.plain(ask, f"push.not_{error.why}", f"push refused: {error.why}", number)
    except GroupUntold as error:
        log_incident(error)
        return push_cards.untold(ask, error, number)


async def _read(pushes: "Pushes", ask: Ask, action: str, number: int) -> Reply:
    """Show the whole of a push to one reader, or count them."""
    from chatbot import push_cards

    message = ask.message
    found = await pushes.read(message.workspace, number, message.room)
    if action == "got":
        await pushes.got_it(message.workspace, number, message.person, message.room)
        return replace(push_cards.thanks(ask, found), private=True)
    if found.ended == "withdrawn":
        return replace(push_cards.taken_back(ask, found), private=True)
    topic = ask.guidance.topics.get(found.topic)
    reply = cards.topic_card(ask, topic, why="a push") if topic else push_cards.opened(ask, found)
    return replace(reply, private=True)


class _Lead:
    """What a lead asked for, and what is needed to do it."""

    def __init__(self, coach: "Coach", pushes: "Pushes", ask: Ask, rest: str, number: int) -> None:
        self.coach = coach
        self.pushes = pushes
        self.ask = ask
        self.rest = rest
        self.number = number
        message = ask.message
        self.actor = Actor(message.workspace, message.person, message.name)

    async def report(self, *, title: str = "", lead: str = "") -> Reply:
        """Return the report of the push, as it is by now."""
        from chatbot import push_cards

        found = await self.pushes.report(self.actor, self.number)
        return push_cards.report(self.ask, found, title=title, lead=lead)


async def _new(this: _Lead) -> Reply:
    return await _form(this, "push save", {}, {})


async def _piece(this: _Lead) -> Reply:
    piece = await _published(this, this.number)
    if piece is None:
        await this.pushes.channels(this.actor)
        return _plain(this, "not_published")
    return await _form(this, f"push save piece {this.number}", {}, {})


async def _form(this: _Lead, command_: str, values: Mapping[str, str], errors: Mapping[str, str]) -> Reply:
    from chatbot import push_cards

    channels = await this.pushes.channels(this.actor)  # only for leads
    groups = await this.pushes.groups(this.actor)
    named = {}
    if command_ == "push save":
        for piece in await _pieces(this):
            if piece.live and piece.live.written.written:
                named[str(piece.id)] = piece.live.written.title(this.ask.language)
    may_count = not this.pushes.works_council
    return push_cards.form(this.ask, command_, channels, groups, named, values, errors, receipts=may_count)


async def _save(this: _Lead) -> Reply:
    """Take what was filled in, and show what would be sent."""
    from chatbot import push_cards
    from chatbot.pushing import BadPush, Push, Targets

    await this.pushes.channels(this.actor)  # only for leads
    typed = this.ask.message.values.items()
    values = {name: value[: _LONGEST_CHOICE if name in ("to", "groups") else _LONGEST_FIELD] for name, value in typed}
    errors: dict[str, str] = {}
    of_piece = this.rest.startswith("piece ")
    wanted = this.rest.removeprefix("piece ") if of_piece else values.get("piece", "")
    piece = await _published(this, _number(wanted)) if wanted else None
    if wanted and piece is None:
        return _plain(this, "not_published")
    words = _words(piece) if piece else _typed(this.ask.language, values)
    at = zone = None
    if values.get("at", "").strip():
        at = _time(values["at"], this)
        if at is None:
            errors["at"] = this.ask.t("tips.bad_time", word=values["at"].strip()[:40])
    if values.get("zone", "").strip():
        zone = _zone(values["zone"])
        if zone is None:
            errors["zone"] = this.ask.t("tips.bad_zone", word=values["zone"].strip()[:40])
    to = [value for value in values.get("to", "").split(",") if value]
    targets = Targets(
        channels="channels" in to,
        rooms=tuple(value.removeprefix("room:") for value in to if value.startswith("room:")),
        people="people" in to,
        languages=tuple(tag for tag in Language if tag in values.get("languages", "").split(",")),
        groups=tuple(dict.fromkeys(filter(None, values.get("groups", "").split(",")))),
    )
    made = Push(
        workspace=this.actor.workspace,
        author=this.actor.person,
        by=this.actor.name,
        words=words,
        targets=targets,
        topic=piece.topic if piece else "",
        piece=piece.id if piece else None,
        version=piece.published if piece else None,
        at=at,
        zone=zone or "UTC",
        receipts=values.get("receipts") == "yes",
    )
    try:
        if errors:
            raise BadPush({})
        made = await this.pushes.create(this.actor, made)
    except BadPush as error:
        errors |= push_cards.problems(this.ask, error.fields)
        form_command = f"push save piece {wanted}" if of_piece else "push save"
        return await _form(this, form_command, values, errors)
    return await _estimated(this, made)


async def _confirm(this: _Lead) -> Reply:
    found = await this.pushes.find(this.actor, this.number)
    if found.state != "draft":
        return await this.report()
    return await _estimated(this, found)


async def _estimated(this: _Lead, draft: "Push") -> Reply:
    """Show to how many a draft would go."""
    from chatbot import push_cards
    from chatbot.push_groups import GroupUntold

    try:
        return push_cards.confirm(this.ask, draft, await this.pushes.estimate(this.actor, draft))
    except GroupUntold as error:
        log_incident(error)
        return push_cards.untold(this.ask, error, draft.id)


async def _preview(this: _Lead) -> Reply:
    from chatbot import push_cards

    found = await this.pushes.find(this.actor, this.number)
    return push_cards.preview(this.ask, found) if found.state == "draft" else await this.report()


async def _send(this: _Lead) -> Reply:
    await this.pushes.start(this.actor, this.number)
    return await this.report(title=this.ask.t("push.started_title"))


async def _discard(this: _Lead) -> Reply:
    await this.pushes.discard(this.actor, this.number)
    return _plain(this, "discarded")


async def _list(this: _Lead) -> Reply:
    from chatbot import push_cards

    return push_cards.listing(this.ask, await this.pushes.list(this.actor))


async def _report(this: _Lead) -> Reply:
    return await this.report() if this.number else await _list(this)


async def _cancel(this: _Lead) -> Reply:
    if not this.number:
        return await _list(this)
    count = await this.pushes.cancel(this.actor, this.number)
    return await this.report(lead=this.ask.t("push.did_cancel", count=count))


async def _correct(this: _Lead) -> Reply:
    """Correct a free text by a form, and a piece by what is published of it now."""
    from chatbot import push_cards
    from chatbot.pushing import BadPush

    if not this.number:
        return await _list(this)
    found = await this.pushes.begun(this.actor, this.number)
    if found.piece is not None:
        piece = await _published(this, found.piece)
        if piece is None:
            return _plain(this, "not_published")
        await this.pushes.correct(this.actor, found.id, _words(piece), piece.published)
    elif this.rest.endswith(" save"):
        values = this.ask.message.values
        try:
            await this.pushes.correct(this.actor, found.id, _typed(_language_of(found), values))
        except BadPush as error:
            return push_cards.words_form(this.ask, found, values, push_cards.problems(this.ask, error.fields))
    else:
        return push_cards.words_form(this.ask, found)
    return await this.report(lead=this.ask.t("push.did_correct"))


async def _withdraw(this: _Lead) -> Reply:
    from chatbot import push_cards

    if not this.number:
        return await _list(this)
    if not this.rest.endswith(" yes"):
        return push_cards.ask_withdraw(this.ask, await this.pushes.begun(this.actor, this.number))
    await this.pushes.withdraw(this.actor, this.number)
    return await this.report(lead=this.ask.t("push.did_withdraw"))


async def _resend(this: _Lead) -> Reply:
    from chatbot import push_cards

    if not this.number:
        return await _list(this)
    unknown = "unknown" in this.rest.split()
    if unknown and not this.rest.endswith(" yes"):
        found = await this.pushes.report(this.actor, this.number)
        return push_cards.ask_unknown(this.ask, found.push, found.unknown)
    count = await this.pushes.resend_failed(this.actor, this.number, unknown=unknown)
    return await this.report(lead=this.ask.t("push.did_resend", count=count))


async def _remind(this: _Lead) -> Reply:
    if not this.number:
        return await _list(this)
    count = await this.pushes.remind(this.actor, this.number)
    return await this.report(lead=this.ask.t("push.did_remind", count=count))


_RUN: dict[str, Callable[[_Lead], Awaitable[Reply]]] = {
    "new": _new,
    "piece": _piece,
    "save": _save,
    "confirm": _confirm,
    "preview": _preview,
    "send": _send,
    "discard": _discard,
    "list": _list,
    "report": _report,
    "cancel": _cancel,
    "correct": _correct,
    "withdraw": _withdraw,
    "resend": _resend,
    "remind": _remind,
}


def _plain(this: _Lead, key: str) -> Reply:
    from chatbot import push_cards

    return push_cards.plain(this.ask, f"push.{key}", f"push: {key}")


def _number(rest: str) -> int:
    """Return the number that an argument begins with, 0 if it does with none."""
    first = rest.partition(" ")[0].removeprefix("#")
    return int(first) if first.isascii() and first.isdigit() and len(first) <= _DIGITS else 0


async def _pieces(this: _Lead) -> "list[Piece]":
    publishing = this.coach.publishing
    return list(await publishing.pieces(this.actor.workspace)) if publishing else []


async def _published(this: _Lead, number: int) -> "Piece | None":
    """Return a published piece of the lead's workspace."""
    return next(
        (piece for piece in await _pieces(this) if piece.id == number and piece.live and piece.live.written.written),
        None,
    )


def _words(piece: "Piece") -> "Mapping[Language, Wording]":
    """Return the words of a published piece, in each language that it is written in."""
    from chatbot.pushing import Wording

    live = piece.live
    written = live.written if live else None
    if written is None:
        return {}
    return {
        tag: Wording(words.title, words.lead, words.steps, words.say)
        for tag, words in written.words.items()
        if tag in written.written
    }


def _typed(language: Language, values: Mapping[str, str]) -> "Mapping[Language, Wording]":
    from chatbot.pushing import Wording

    return {language: Wording(values.get("title", ""), values.get("text", ""))}


def _language_of(push: "Push") -> Language:
    """Return the language that a free text was written in."""
    return next(iter(push.words))


def _time(typed: str, this: _Lead) -> time | None:
    from chatbot.tip_words import NotUnderstood, read_request

    try:
        return read_request(typed.strip(), this.coach.today(), lambda name: None).at
    except NotUnderstood:
        return None


def _zone(typed: str) -> str | None:
    from chatbot.zones import find_zone

    return find_zone(typed.strip())
