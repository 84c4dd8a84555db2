"""What is said about pushes. Pure functions of a language and a push."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil

from chatbot import dates
from chatbot.delivery.model import Reason
from chatbot.language import OWN_NAMES, legible
from chatbot.model import (
    Block,
    Button,
    Choice,
    Entry,
    Form,
    Language,
    Lead,
    Note,
    Option,
    Outcome,
    Phrase,
    Points,
    Reply,
    Steps,
    Text,
    Title,
    quoted,
)
from chatbot.push_groups import Group, GroupUntold
from chatbot.pushing import LONGEST_TEXT, LONGEST_TITLE, Estimate, Push, Report
from chatbot.rooms_seen import KnownRoom
from chatbot.strings import Strings
from chatbot.voice import Voice
from chatbot.zones import SUGGESTED

#: Channels that a form names one by one; Slack shows a hundred options, two of which are "all" and "people".
_NAMED = 98
_MOST_OPTIONS = 100
_LONGEST_LABEL = 75
_LONGEST_KEY = 140
_MINUTE, _HOUR = 60, 3600


# ---- what those see to whom it is sent


def compose(voice: Voice, push: Push, kind: str) -> Reply | None:
    """Return what a row of a push says at this moment; None if there is nothing left to say."""
    base = kind.removesuffix(".stale")
    if base.endswith(".amend"):
        if push.ended == "withdrawn":
            return taken_back(voice, push)
        base = base.removesuffix(".amend")
    elif push.ended:
        return None
    return reminder(voice, push) if base == "push.remind" else card(voice, push)


def card(voice: Voice, push: Push) -> Reply:
    """Return the message that a push sends."""
    return voice.reply((*_words(voice, push), *_notes(voice, push)), tuple(_buttons(voice, push)), "a push")


def reminder(voice: Voice, push: Push) -> Reply:
    """Return the message that reminds of a push."""
    _, words = push.wording(voice.language)
    blocks: list[Block] = [
        Title(voice.t("push.reminder_title")),
        Lead(quoted(words.title, voice.language)),
        Text(words.lead),
        *_notes(voice, push),
    ]
    return voice.reply(blocks, tuple(_buttons(voice, push)), "the reminder of a push")


def taken_back(voice: Voice, push: Push) -> Reply:
    """Return what stands in the place of a push that was withdrawn."""
    _, words = push.wording(voice.language)
    return voice.reply(
        (
            Title(voice.t("push.taken_back_title")),
            Lead(voice.t("push.taken_back", title=quoted(words.title, voice.language))),
            Note(_by(voice, push)),
        ),
        why="a push taken back",
    )


def opened(voice: Voice, push: Push) -> Reply:
    """Return the words of a push for one reader."""
    return voice.reply((*_words(voice, push), Note(_by(voice, push))), why="a push, opened")


def thanks(voice: Voice, push: Push) -> Reply:
    """Return the answer to "Got it"."""
    return voice.reply(
        (Title(voice.t("push.got_title")), Lead(voice.t("push.got_lead")), Note(voice.t("push.receipts_note"))),
        why="a receipt",
    )


def _words(voice: Voice, push: Push) -> Iterable[Block]:
    spoken, words = push.wording(voice.language)
    yield Title(words.title)
    yield Lead(words.lead) if push.topic else Text(words.lead)
    if words.steps:
        yield Steps(words.steps)
    if words.say:
        yield Phrase(voice.t("card.say"), words.say[0], spoken)
    if spoken is not voice.language and push.topic:
        yield Note(voice.t("push.untranslated", name=OWN_NAMES[spoken]))


def _notes(voice: Voice, push: Push) -> Iterable[Note]:
    yield Note(_by(voice, push))
    if push.receipts:
        yield Note(voice.t("push.receipts_note"))


def _by(voice: Voice, push: Push) -> str:
    return voice.t("push.by", name=push.by) if push.by else voice.t("push.by_lead")


def _buttons(voice: Voice, push: Push) -> Iterable[Button]:
    if push.topic:
        yield Button(voice.t("push.open"), f"push open {push.id}", "primary", private=True)
    if push.receipts:
        yield Button(voice.t("push.got"), f"push got {push.id}", private=True)


# ---- what a lead sees


def confirm(voice: Voice, push: Push, estimate: Estimate) -> Reply:
    """Return what would be sent to how many, and how long it takes, before anything is."""
    _, words = push.wording(voice.language)
    if not (estimate.channels or estimate.people):
        return voice.reply(
            (
                Title(voice.t("push.confirm_title")),
                Lead(voice.t("push.nobody")),
                *([Text(voice.t("push.unreached", count=estimate.unreached))] if estimate.unreached else []),
            ),
            (Button(voice.t("push.throw_away"), f"push discard {push.id}"),),
            "a push that would reach nobody",
        )
    facts = [
        voice.t("push.channels", count=estimate.channels),
        voice.t("push.people", count=estimate.people),
        *([voice.t("push.unreached", count=estimate.unreached)] if estimate.unreached else []),
        voice.t("push.takes", time=duration(voice, estimate.seconds)),
        voice.t("push.languages", names=", ".join(OWN_NAMES[tag] for tag in Language if tag in push.words)),
        voice.t("push.when_at", time=dates.clock(push.at), zone=push.zone) if push.at else voice.t("push.when_now"),
        voice.t("push.with_receipts") if push.receipts else voice.t("push.without_receipts"),
    ]
    return voice.reply(
        (
            Title(voice.t("push.confirm_title")),
            Lead(quoted(words.title, voice.language)),
            Points(voice.t("push.confirm_label"), tuple(facts)),
            *([Note(voice.t("push.late_note"))] if push.at else []),
        ),
        (
            Button(voice.t("push.send"), f"push send {push.id}", "primary"),
            Button(voice.t("push.preview"), f"push preview {push.id}"),
            Button(voice.t("push.throw_away"), f"push discard {push.id}", "danger"),
        ),
        "a push, before it is sent",
    )


def preview(voice: Voice, push: Push) -> Reply:
    """Return the message as it will be sent, with the way back instead of its own buttons."""
    blocks = (*_words(voice, push), *_notes(voice, push))
    return voice.reply(
        blocks,
        (
            Button(voice.t("push.back"), f"push confirm {push.id}", "primary"),
            Button(voice.t("push.throw_away"), f"push discard {push.id}", "danger"),
        ),
        "the preview of a push",
    )


def report(voice: Voice, found: Report, *, title: str = "", lead: str = "") -> Reply:
    """Return what became of a push, with what can be done about it."""
    push = found.push
    _, words = push.wording(voice.language)
    return voice.reply(
        (
            Title(title or voice.t("push.report_title", number=push.id)),
            Lead(lead or quoted(words.title, voice.language)),
            Text(_state(voice, found)),
            Points(voice.t("push.report_label"), tuple(_figures(voice, found))),
        ),
        tuple(_actions(voice, found)),
        "the report of a push",
    )


def _state(voice: Voice, found: Report) -> str:
    push = found.push
    if push.ended:
        return voice.t(f"push.is_{push.ended}")
    if push.state in ("draft", "starting"):
        return voice.t(f"push.is_{push.state}")
    return voice.t("push.is_under_way") if found.pending else voice.t("push.is_done")


def _figures(voice: Voice, found: Report) -> Iterable[str]:
    yield voice.t("push.sent", count=found.sent)
    if found.pending:
        yield voice.t("push.pending", count=found.pending)
    for reason, count in sorted(found.failed.items()):
        yield voice.t("push.failed", count=count, reason=_reason(voice, reason))
    if found.unknown:
        yield voice.t("push.unknown", count=found.unknown)
    for reason, count in sorted(found.skipped.items()):
        yield voice.t("push.skipped", count=count, reason=_reason(voice, reason))
    if found.cancelled:
        yield voice.t("push.cancelled", count=found.cancelled)
    if found.changing or found.changed or found.unchanged:
        yield voice.t("push.changed", count=found.changed, left=found.changing)
    if found.unchanged:
        yield voice.t("push.unchanged", count=found.unchanged)
    if found.push.receipts:
        yield voice.t("push.receipts", count=found.receipts)
    if found.reminded:
        yield voice.t("push.reminded", count=found.reminded)


def _reason(voice: Voice, reason: Reason) -> str:
    return voice.t(f"web.reason_{reason}") if reason else voice.t("web.reason_refused")


def _actions(voice: Voice, found: Report) -> Iterable[Button]:
    push = found.push
    if push.state == "draft":
        yield Button(voice.t("push.back"), f"push confirm {push.id}", "primary")
        return
    yield Button(voice.t("push.refresh"), f"push report {push.id}", "primary")
    if push.ended != "withdrawn":
        if found.pending and not push.ended:
            yield Button(voice.t("push.cancel"), f"push cancel {push.id}", "danger")
        if found.failed and not push.ended:
            yield Button(voice.t("push.resend"), f"push resend {push.id}")
        if found.unknown and not push.ended:
            yield Button(voice.t("push.resend_unknown"), f"push resend {push.id} unknown")
        if found.sent and not push.ended and not push.reminded:
            yield Button(voice.t("push.remind"), f"push remind {push.id}")
        yield Button(voice.t("push.correct"), f"push correct {push.id}")
        yield Button(voice.t("push.withdraw"), f"push withdraw {push.id}", "danger")
    yield Button(voice.t("push.all"), "push list")


def listing(voice: Voice, pushes: Sequence[Push]) -> Reply:
    """Return the newest pushes, each with the way to its report."""
    new = Button(voice.t("push.new"), "push", "primary")
    if not pushes:
        return voice.reply((Title(voice.t("push.list_title")), Lead(voice.t("push.list_none"))), (new,))
    lines = tuple(f"{push.id}. {push.wording(voice.language)[1].title}" for push in pushes)
    buttons = [Button(voice.t("push.report", number=push.id), f"push report {push.id}") for push in pushes]
    return voice.reply(
        (Title(voice.t("push.list_title")), Points(voice.t("push.list_label"), lines)), (new, *buttons), "the pushes"
    )


def ask_withdraw(voice: Voice, push: Push) -> Reply:
    """Return the question whether to take a push back."""
    _, words = push.wording(voice.language)
    return voice.reply(
        (
            Title(voice.t("push.withdraw_title")),
            Lead(quoted(words.title, voice.language)),
            Text(voice.t("push.withdraw_text")),
        ),
        (
            Button(voice.t("push.withdraw"), f"push withdraw {push.id} yes", "danger"),
            Button(voice.t("push.back"), f"push report {push.id}"),
        ),
        "whether to take a push back",
    )


def ask_unknown(voice: Voice, push: Push, count: int) -> Reply:
    """Return the question whether to send again where it may have arrived."""
    return voice.reply(
        (
            Title(voice.t("push.report_title", number=push.id)),
            Lead(voice.t("push.unknown", count=count)),
            Text(voice.t("push.unknown_text")),
        ),
        (
            Button(voice.t("push.resend_unknown"), f"push resend {push.id} unknown yes", "danger"),
            Button(voice.t("push.back"), f"push report {push.id}"),
        ),
        "whether to send again what may have arrived",
    )


def form(
    voice: Voice,
    command: str,
    channels: Sequence[KnownRoom],
    groups: Sequence[Group],
    topics: Mapping[str, str],
    values: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    receipts: bool = True,
) -> Reply:
    """Return the form for a push; `topics` are the titles of the team's own pieces by id.

    With `topics` of one only, and its id in `command`, there is nothing to write.
    """
    fields: list[Entry | Choice] = []
    if not command.startswith("push save piece"):
        fields += _of_topics(voice, topics, values, errors)
        fields += words_fields(voice, values, errors, optional=bool(topics))
    fields += _to(voice, channels, groups, values, errors)
    fields += _when(voice, values, errors)
    if receipts:
        fields.append(
            Choice(
                "receipts",
                voice.t("push.form_receipts"),
                (Option("no", voice.t("push.receipts_no")), Option("yes", voice.t("push.receipts_yes"))),
                (values.get("receipts") or "no",),
            )
        )
    return _a_form(voice, voice.t("push.form_title"), command, fields)


def _of_topics(
    voice: Voice, topics: Mapping[str, str], values: Mapping[str, str], errors: Mapping[str, str]
) -> Iterable[Choice]:
    """Yield the choice of a piece, if there are any."""
    if topics:
        options = tuple(Option(topic, title[:_LONGEST_LABEL]) for topic, title in list(topics.items())[:_MOST_OPTIONS])
        chosen = tuple(filter(None, [values.get("piece")]))
        label = voice.label("push.form_piece", len(options), len(topics))
        yield Choice("piece", label, options, chosen, errors.get("piece", ""), optional=True)


def _to(
    voice: Voice,
    channels: Sequence[KnownRoom],
    groups: Sequence[Group],
    values: Mapping[str, str],
    errors: Mapping[str, str],
) -> Iterable[Choice]:
    """Yield the choices of who gets it."""
    shown = [known for known in channels if len(known.room.key) <= _LONGEST_KEY and "," not in known.room.key]
    to = [Option("channels", voice.t("push.to_channels")), Option("people", voice.t("push.to_people"))]
    to += [Option(f"room:{known.room.key}", _label(voice, known)) for known in shown[:_NAMED]]
    yield Choice(
        "to",
        voice.label("push.form_to", len(shown[:_NAMED]), len(channels)),
        tuple(to),
        tuple(filter(None, values.get("to", "").split(","))),
        errors.get("to", "") or ("" if groups else errors.get("groups", "")),
        several=True,
        optional=bool(groups),
    )
    yield from _of_groups(voice, groups, values, errors)
    yield Choice(
        "languages",
        voice.t("push.form_languages"),
        tuple(Option(str(tag), name) for tag, name in OWN_NAMES.items()),
        tuple(filter(None, values.get("languages", "").split(","))),
        several=True,
        optional=True,
    )


def _when(voice: Voice, values: Mapping[str, str], errors: Mapping[str, str]) -> Iterable[Entry]:
    """Yield the fields of when they get it."""
    yield Entry(
        "at",
        voice.t("push.form_at"),
        values.get("at", ""),
        "09:00",
        voice.t("push.form_at_hint"),
        errors.get("at", ""),
        optional=True,
        longest=20,
    )
    yield Entry(
        "zone",
        voice.t("push.form_zone"),
        values.get("zone", SUGGESTED[voice.language]),
        "Europe/Berlin",
        error=errors.get("zone", ""),
        optional=True,
        longest=60,
    )


def _of_groups(
    voice: Voice, groups: Sequence[Group], values: Mapping[str, str], errors: Mapping[str, str]
) -> Iterable[Choice]:
    """Yield the choice of groups, if there are any."""
    if groups:
        options = tuple(Option(group.id, legible(group.name)[:_LONGEST_LABEL]) for group in groups)
        chosen = tuple(filter(None, values.get("groups", "").split(",")))
        label, error = voice.t("push.form_groups"), errors.get("groups", "")
        yield Choice("groups", label, options, chosen, error, several=True, optional=True)


def words_form(
    voice: Voice, push: Push, values: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> Reply:
    """Return the form that corrects a free text."""
    _, words = push.wording(voice.language)
    known = {"title": words.title, "text": words.lead} if values is None else values
    fields = words_fields(voice, known, errors or {}, optional=False)
    return _a_form(voice, voice.t("push.correct_title"), f"push correct {push.id} save", fields)


def words_fields(
    voice: Voice, values: Mapping[str, str], errors: Mapping[str, str], *, optional: bool
) -> list[Entry | Choice]:
    """Return the fields of a free text."""
    return [
        Entry(
            "title",
            voice.t("push.form_words"),
            values.get("title", ""),
            error=errors.get("title", ""),
            optional=optional,
            longest=LONGEST_TITLE,
        ),
        Entry(
            "text",
            voice.t("push.form_text"),
            values.get("text", ""),
            error=errors.get("text", ""),
            lines=True,
            optional=optional,
            longest=LONGEST_TEXT,
        ),
    ]


def _a_form(voice: Voice, title: str, command: str, fields: Sequence[Entry | Choice]) -> Reply:
    shown = Form(command, voice.t("push.form_submit"), voice.t("push.form_cancel"), tuple(fields))
    return Reply((Title(title),), voice.language, Outcome("menu", why="the form for a push"), form=shown)


def _label(voice: Voice, known: KnownRoom) -> str:
    """Return what a channel is called: its name, or the end of its key where the platform does not say."""
    name = known.room.name or voice.t("push.channel", end=known.room.key[-12:])
    return name[:_LONGEST_LABEL]


def refused(voice: Voice, admins: Sequence[str]) -> Reply:
    """Return that only leads may push, and who makes somebody one."""
    ask = (
        voice.t("push.ask", names=dates.listed(admins, voice.language, either=True))
        if admins
        else voice.t("push.ask_admin")
    )
    reply = voice.reply(
        (Title(voice.t("push.refused_title")), Lead(voice.t("push.refused")), Text(ask)), why="push refused: no lead"
    )
    return _private(reply)


def plain(voice: Voice, key: str, why: str, push: int = 0) -> Reply:
    """Return one sentence, with the way to the other pushes."""
    back = Button(voice.t("push.back"), f"push report {push}") if push else Button(voice.t("push.all"), "push list")
    return voice.reply((Title(voice.t("push.list_title")), Lead(voice.t(key))), (back,), why)


def untold(voice: Voice, error: GroupUntold, push: int) -> Reply:
    """Return that nobody tells who is in a group, with the ways on for a draft."""
    return voice.reply(
        (Title(voice.t("push.list_title")), Lead(why_untold(voice.strings, voice.language, error))),
        (
            Button(voice.t("push.again"), f"push confirm {push}", "primary"),
            Button(voice.t("push.throw_away"), f"push discard {push}", "danger"),
        ),
        "a push to a group that the platform does not tell of",
    )


def why_untold(strings: Strings, language: Language, error: GroupUntold) -> str:
    """Return what is to be done where nobody tells who is in a group."""
    if error.permission:
        return strings("push.group_not_granted", language, name=error.name, permission=error.permission)
    return strings("push.group_untold", language, name=error.name)


def gone(voice: Voice) -> Reply:
    """Return that there is no such push."""
    return _private(voice.reply((Title(voice.t("push.list_title")), Lead(voice.t("push.none"))), why="no such push"))


def _private(reply: Reply) -> Reply:
    return replace(reply, private=True)  # it may be about a message that everybody sees


def duration(voice: Voice, seconds: float) -> str:
    """Return how long something takes: "about 3 min"."""
    if seconds < _MINUTE:
        return voice.t("push.seconds", count=max(1, ceil(seconds)))
    if seconds < 2 * _HOUR:
        return voice.t("push.minutes", count=ceil(seconds / _MINUTE))
    return voice.t("push.hours", count=ceil(seconds / _HOUR))


def problems(voice: Voice, fields: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the fields of a push, in sentences."""
    return {name: voice.t(f"push.bad_{name}_{why}") for name, why in fields.items()}
