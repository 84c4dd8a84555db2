"""The commands of leads and admins: who is a lead, writing guidance, publishing it and taking it back.

Whoever else gives one is refused. What a button says may have been made up by whoever sends it, so nothing in it is
taken for granted: the role is looked up and the piece sought in the person's own workspace, each time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING

from chatbot.cards import Ask
from chatbot.commands.registry import Run, command
from chatbot.guidance import fold
from chatbot.incidents import log_incident
from chatbot.model import Language, Reply
from chatbot.roles import GROUP, Actor, NotAllowed, Role

if TYPE_CHECKING:
    from chatbot.coach import Coach
    from chatbot.publishing import Piece, Publishing, Version
    from chatbot.written import Written

_AUDIT_SHOWN = 20
_SWITCH = {"on": True, "off": False}
#: The longest number of a piece or version that is looked up.
_DIGITS = 9


def _answered(run: Run) -> Run:
    """Turn what a lead may not do, or can't just now, into an answer that says so."""

    @wraps(run)
    async def answered(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
        from chatbot import lead_cards
        from chatbot.publishing import Refused

        try:
            return await run(coach, ask, argument)
        except NotAllowed as error:
            return replace(lead_cards.not_allowed(ask, error), private=True)
        except Refused as error:
            return lead_cards.refused(ask, error)

    return answered


def _action(coach: "Coach", name: str, argument: str, actions: tuple[str, ...]) -> tuple[str, str]:
    """Return which action an argument begins with, in any language, and the rest; ("", argument) if none."""
    first, _, rest = argument.partition(" ")
    said = fold(first)
    for action in actions:
        names = coach.strings.words.get(f"{name}.{action}", {}).values()
        if said == action or any(said == fold(word) for words in names for word in words):
            return action, rest.strip()
    return "", argument


def _actor(ask: Ask) -> Actor:
    return Actor(ask.message.workspace, ask.message.person, ask.message.name)


async def _role(coach: "Coach", ask: Ask, needed: Role) -> Role:
    """Return the role of whoever asks. Raises NotAllowed if it is less than needed, or nothing is kept here."""
    if coach.roles is None:
        raise NotAllowed(needed, ())
    await coach.roles.need(ask.message.workspace, ask.message.person, needed)
    return await coach.roles.role_of(ask.message.workspace, ask.message.person)


@command("lead", role="lead")
@_answered
async def lead(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show what leads can do; name leads and take that back; switch the second pair of eyes on and off."""
    from chatbot import lead_cards

    action, rest = _action(coach, "lead", argument, ("add", "remove", "review"))
    if argument and not action:
        return None
    if not action:
        role = await _role(coach, ask, "lead")
        reviewed = coach.publishing is not None and await coach.publishing.reviewed(ask.message.workspace)
        return lead_cards.desk(ask, role, reviewed)
    if action == "review":
        if fold(rest) not in _SWITCH or coach.publishing is None:
            return None
        role = await _role(coach, ask, "admin")
        await coach.publishing.set_reviewed(_actor(ask), _SWITCH[fold(rest)])
        return lead_cards.desk(ask, role, _SWITCH[fold(rest)])
    if rest and not ask.message.mentions and not rest.startswith("@"):  # "lead add value to the conversation"
        actor = _actor(ask)
        role = await coach.roles.role_of(actor.workspace, actor.person) if coach.roles and ask.insist else "agent"
        if role != "admin":
            return None
    await _role(coach, ask, "admin")
    return await _named(coach, ask, adds=action == "add")


async def _named(coach: "Coach", ask: Ask, *, adds: bool) -> Reply:
    """Make those who are mentioned leads, or no longer."""
    from chatbot import lead_cards

    assert coach.roles is not None  # noqa: S101 - the role was looked up
    mentions = ask.message.mentions
    if not mentions:
        return lead_cards.plain(ask, "leads.who")
    try:
        known = [await coach.roles.identified(ask.message, mention) for mention in mentions]
    except Exception as error:  # the platform did not tell
        log_incident(error)
        return lead_cards.plain(ask, "leads.cant_tell")
    done, not_done = list[str](), list[str]()
    for mention in known:
        name = mention.name or mention.id.removeprefix(GROUP)
        if adds:
            await coach.roles.add_lead(_actor(ask), mention)
            done.append(name)
        else:
            (done if await coach.roles.remove_lead(_actor(ask), mention) else not_done).append(name)
    if not done:
        return lead_cards.plain(ask, "leads.was_none", names="; ".join(not_done))
    return lead_cards.plain(ask, "leads.added" if adds else "leads.removed", names="; ".join(done))


@command("leads", listed=False, role="lead")
@_answered
async def leads(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show who is a lead."""
    from chatbot import lead_cards

    if argument:
        return None
    await _role(coach, ask, "lead")
    assert coach.roles is not None  # noqa: S101 - the role was looked up
    return lead_cards.leads(ask, await coach.roles.leads(ask.message.workspace))


@command("audit", listed=False, role="admin")
@_answered
async def audit(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show what leads and admins did last."""
    from chatbot import lead_cards

    if argument:
        return None
    await _role(coach, ask, "admin")
    rows = await coach.audit.of(ask.message.workspace, _AUDIT_SHOWN) if coach.audit else ()
    return lead_cards.audit(ask, rows)


# ---- writing


@command("write", listed=False, role="lead")
@_answered
async def write(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Write guidance and see it; publish it, compare its versions and take it back."""
    from chatbot import lead_cards

    action, rest = _action(coach, "write", argument, tuple(_RUN))
    if argument and not action:
        return None
    parts = rest.split()
    if action in _NEED_NUMBERS and len(_numbers(parts)) < _NEED_NUMBERS[action]:
        return None  # "write list of complaints" is no command either
    if (action == "new" and rest) or (action == "list" and rest and not _numbers(parts)):
        return None
    if action == "save" and not ask.message.pressed:
        return None
    await _role(coach, ask, "lead")
    if coach.publishing is None:
        return lead_cards.plain(ask, "leads.elsewhere")
    return await _RUN[action or "new"](coach, coach.publishing, ask, parts)


_Step = Callable[["Coach", "Publishing", Ask, list[str]], Awaitable[Reply]]


def _numbers(parts: list[str]) -> list[int]:
    """Return the numbers that stand at the beginning."""
    found: list[int] = []
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) <= _DIGITS):
            break
        found.append(int(part))
    return found


async def _card(
    coach: "Coach", publishing: "Publishing", ask: Ask, piece: int, number: int | None = None, note: str = "",
    language: Language | None = None,
) -> Reply:  # fmt: skip
    """Return a version of a piece as agents will see it, the newest if none is named."""
    from chatbot import lead_cards

    found = await publishing.piece(ask.message.workspace, piece)
    version = found.latest if number is None else await publishing.version(found, number)
    desk = lead_cards.Desk(ask.message.person, await publishing.reviewed(ask.message.workspace))
    return lead_cards.version_card(ask, publishing, desk, found, version, language or ask.language, note)


async def _people(coach: "Coach", ask: Ask) -> list[tuple[str, str]]:
    """Return who may own a piece: whoever writes it, and everybody who has a role by name."""
    rows = await coach.roles.leads(ask.message.workspace) if coach.roles else ()
    people = {ask.message.person: ask.message.name or ask.message.person}
    people |= {row.subject: row.name or row.subject for row in rows if not row.subject.startswith(GROUP)}
    return list(people.items())


async def _new(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards
    from chatbot.publishing import VERIFIED

    until = {"verified_until": (publishing.today() + VERIFIED).isoformat()}
    return lead_cards.form(ask, await _people(coach, ask), None, None, ask.language, until)


async def _edit(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards
    from chatbot.publishing import VERIFIED

    found = await publishing.piece(ask.message.workspace, int(parts[0]))
    language = Language.from_tag(parts[1] if len(parts) > 1 else None) or ask.language
    written = found.latest.written
    if written.verified_until <= publishing.today():
        written = replace(written, verified_until=publishing.today() + VERIFIED)
    return lead_cards.form(ask, await _people(coach, ask), written, found.id, language, {})


async def _save(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    """Take what was filled in: an error goes back to its field, all else becomes a draft."""
    from chatbot import lead_cards
    from chatbot.publishing import Refused

    numbers = _numbers(parts)
    piece = (await publishing.piece(ask.message.workspace, numbers[0])) if numbers else None
    values = {name: value[:3000] for name, value in ask.message.values.items()}
    language = Language.from_tag(values.get("language")) or ask.language
    written = await _filled_in(publishing, ask, piece, language, values)
    try:
        version = await publishing.save_draft(_actor(ask), written, piece.id if piece else None)
    except Refused as error:
        if not error.problems:
            raise
        people = await _people(coach, ask)
        number = piece.id if piece else None
        return lead_cards.form(ask, people, written, number, language, values, error.problems)
    return await _card(coach, publishing, ask, version.piece, version.number, language=language)


async def _filled_in(
    publishing: "Publishing", ask: Ask, piece: "Piece | None", language: Language, values: dict[str, str]
) -> "Written":
    """Return a form's values as a piece, over what it says in other languages."""
    from chatbot.lead_cards import NEW
    from chatbot.written import Words, Written, lines, listed

    words = Words(
        title=values.get("title", ""),
        lead=values.get("lead", ""),
        steps=lines(values.get("steps", "")),
        say=lines(values.get("say", "")),
        aliases=listed(values.get("aliases", "")),
        tip=values.get("tip", ""),
        phrases=lines(values.get("phrases", "")),
    )
    topic = values.get("topic", "")
    before = piece.latest.written if piece else None
    if before is None and topic not in ("", NEW):  # a topic that somebody has begun to write on
        same = (each for each in await publishing.pieces(ask.message.workspace) if each.topic == topic)
        before = next((each.latest.written for each in same), None)
    try:
        until = date.fromisoformat(values.get("verified_until", "").strip())
    except ValueError:
        until = date.min  # refused, at its field
    return Written(
        topic=before.topic if before else "" if topic == NEW else topic,
        words={**(before.words if before else {}), language: words},
        owner=values.get("owner") or ask.message.person,
        deputy=values.get("deputy", ""),
        verified_until=until,
        audience=listed(values.get("audience", "")),
    )


async def _list(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards

    page = max(0, (_numbers(parts) or [1])[0] - 1)
    return lead_cards.listing(ask, await publishing.pieces(ask.message.workspace), page)


async def _see(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    numbers = _numbers(parts)
    language = Language.from_tag(parts[len(numbers)]) if len(parts) > len(numbers) else None
    return await _card(coach, publishing, ask, numbers[0], numbers[1] if len(numbers) > 1 else None, language=language)


async def _version(publishing: "Publishing", ask: Ask, parts: list[str]) -> "tuple[Piece, Version]":
    numbers = _numbers(parts)
    piece = await publishing.piece(ask.message.workspace, numbers[0])
    return piece, await publishing.version(piece, numbers[1])


async def _languages(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards

    return lead_cards.languages(ask, *await _version(publishing, ask, parts))


async def _missing(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards

    piece, version = await _version(publishing, ask, parts)
    problems = await publishing.problems(ask.message.workspace, version.written, piece.id)
    return lead_cards.missing(ask, piece, version, problems)


async def _versions(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards

    piece = await publishing.piece(ask.message.workspace, int(parts[0]))
    return lead_cards.versions(ask, piece, await publishing.versions(piece))


async def _diff(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards
    from chatbot.written import diff

    piece, old = await _version(publishing, ask, parts)
    new = await publishing.version(piece, _numbers(parts)[2])
    return lead_cards.differences(ask, piece, old.number, new.number, diff(old.written, new.written))


async def _publish(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    piece, number = _numbers(parts)[:2]
    await publishing.publish(_actor(ask), piece, number)
    return await _card(coach, publishing, ask, piece, number)


async def _submit(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    piece, number = _numbers(parts)[:2]
    await publishing.submit(_actor(ask), piece, number)
    return await _card(coach, publishing, ask, piece, number)


async def _approve(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    piece, number = _numbers(parts)[:2]
    await publishing.approve(_actor(ask), piece, number)
    return await _card(coach, publishing, ask, piece, number)


async def _roll_back(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    piece, number = _numbers(parts)[:2]
    await publishing.roll_back(_actor(ask), piece, number)
    return await _card(coach, publishing, ask, piece, number)


async def _withdraw(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    piece = int(parts[0])
    await publishing.withdraw(_actor(ask), piece)
    return await _card(coach, publishing, ask, piece)


async def _confirm(coach: "Coach", publishing: "Publishing", ask: Ask, parts: list[str]) -> Reply:
    from chatbot import lead_cards
    from chatbot.publishing import Refused

    until = None
    if len(parts) > 1:
        try:
            until = date.fromisoformat(parts[1])
        except ValueError:
            raise Refused("leads.bad_date") from None
    piece = int(parts[0])
    return lead_cards.confirmed(ask, piece, await publishing.confirm(_actor(ask), piece, until))


_RUN: dict[str, _Step] = {
    "new": _new,
    "edit": _edit,
    "save": _save,
    "list": _list,
    "piece": _see,
    "see": _see,
    "languages": _languages,
    "missing": _missing,
    "versions": _versions,
    "diff": _diff,
    "publish": _publish,
    "submit": _submit,
    "approve": _approve,
    "rollback": _roll_back,
    "withdraw": _withdraw,
    "confirm": _confirm,
}
#: How many numbers an action needs: of a piece, of a version, of another version.
_NEED_NUMBERS = {
    "edit": 1,
    "piece": 1,
    "see": 2,
    "languages": 2,
    "missing": 2,
    "versions": 1,
    "diff": 3,
    "publish": 2,
    "submit": 2,
    "approve": 2,
    "rollback": 2,
    "withdraw": 1,
    "confirm": 1,
}
