"""What leads are shown: forms, drafts, versions and lists. Pure functions of an ask and what was looked up for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from chatbot.cards import Ask
from chatbot.language import OWN_NAMES
from chatbot.model import (
    Block,
    Button,
    Choice,
    Entry,
    Form,
    Language,
    Lead,
    Mention,
    Note,
    Option,
    Outcome,
    Points,
    Reply,
    Text,
    Title,
)
from chatbot.publishing import LONGEST_PHRASE, MOST_PHRASES, Piece, Publishing, Refused, Version
from chatbot.roles import GROUP, OWNERS, NotAllowed, Role, RoleRow
from chatbot.store.audit import AuditRow
from chatbot.topic_file import LONGEST
from chatbot.written import Change, FieldProblem, Words, Written

#: What fits on one card with its buttons, Georgian letters at three bytes.
_PIECES_SHOWN = 8
_VERSIONS_SHOWN = 6
_WARNINGS_SHOWN = 3
_BYTES_OF_LINES = 1_800
_LONGEST_PIECE_OF_TEXT = 160
#: Options of a choice; Slack shows a hundred at most.
_MOST_OPTIONS = 100
_MOST_PEOPLE = 50
NEW = "new"
_DAY = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class Desk:
    """What is true for whoever is shown something: their id, and whether drafts need a second lead."""

    person: str
    reviewed: bool


def reply(ask: Ask, title: str, lead: str, blocks: Iterable[Block] = (), buttons: Iterable[Button] = ()) -> Reply:
    """Return something for leads."""
    shown = (Title(title), *((Lead(lead),) if lead else ()), *blocks)
    return ask.reply(shown, buttons, "for leads")


def _back(ask: Ask, command: str) -> Button:
    return Button(ask.t("leads.button_back"), command)


def plain(ask: Ask, key: str, *buttons: Button, **values: object) -> Reply:
    """Return one sentence."""
    back = buttons or (Button(ask.t("leads.desk_title"), "lead"),)
    return reply(ask, ask.t("leads.desk_title"), ask.t(key, **values), (), back)


def not_allowed(ask: Ask, error: NotAllowed) -> Reply:
    """Return who may do it, and who can let them."""
    names = "; ".join(error.admins) or ask.t("leads.nobody")
    key = "leads.need_admin" if error.needed == "admin" else "leads.need_lead"
    return reply(ask, ask.t("leads.desk_title"), ask.t(key, names=names), (), (ask.all_topics(),))


def refused(ask: Ask, error: Refused) -> Reply:
    """Return why something can't be done, with what is to be mended."""
    problems = [sentence(ask, problem) for problem in error.problems if problem.blocks]
    blocks = (Points(ask.t("leads.warnings"), _within(ask, problems)),) if problems else ()
    back = Button(ask.t("leads.button_list"), "write list")
    return reply(ask, ask.t("leads.desk_title"), ask.t(error.key, **error.values), blocks, (back,))


def sentence(ask: Ask, problem: FieldProblem) -> str:
    """Return a problem with the field it is at."""
    values = {"field": ask.t(f"leads.field_{problem.field}"), "problem": ask.t(problem.key, **problem.values)}
    if problem.language is None:
        return ask.t("leads.problem_of_all", **values)
    return ask.t("leads.problem_at", spoken=OWN_NAMES[problem.language], **values)


def desk(ask: Ask, role: Role, reviewed: bool) -> Reply:
    """Return what a lead can do."""
    buttons = [
        Button(ask.t("leads.button_new"), "write", "primary"),
        Button(ask.t("leads.button_list"), "write list"),
        Button(ask.t("leads.button_leads"), "leads"),
        Button(ask.t("insights.title"), "insights"),
    ]
    notes = [Note(ask.t("leads.review_is_on" if reviewed else "leads.review_is_off"))]
    if role == "admin":
        notes.append(Note(ask.t("leads.desk_add")))
        buttons.append(Button(ask.t("leads.button_audit"), "audit"))
        turn, label = ("off", "leads.button_review_off") if reviewed else ("on", "leads.button_review_on")
        buttons.append(Button(ask.t(label), f"lead review {turn}"))
    return reply(ask, ask.t("leads.desk_title"), ask.t("leads.desk_lead"), notes, buttons)


def leads(ask: Ask, rows: Sequence[RoleRow]) -> Reply:
    """Return who has a role."""
    lines = []
    for row in rows:
        kind = "group" if row.subject.startswith(GROUP) else row.role
        lines.append(ask.t(f"leads.role_{kind}", name=_called(ask, row.subject, row.name)))
    shown = (Points(ask.t("leads.leads_label"), _within(ask, lines)),) if lines else (Text(ask.t("leads.leads_none")),)
    return reply(ask, ask.t("leads.leads_title"), "", shown, (_back(ask, "lead"),))


def names(ask: Ask, mentions: Sequence[Mention]) -> str:
    """Return what people and groups are called."""
    return "; ".join(_called(ask, mention.id, mention.name) for mention in mentions)


def _called(ask: Ask, subject: str, name: str) -> str:
    if subject.startswith(OWNERS):
        return ask.t("leads.owners_of", name=name or subject.removeprefix(OWNERS))
    return name or subject.removeprefix(GROUP)


def audit(ask: Ask, rows: Sequence[AuditRow]) -> Reply:
    """Return what was done last."""
    lines = [
        " · ".join(
            filter(
                None,
                (
                    f"{datetime.fromtimestamp(row.at, UTC):%Y-%m-%d %H:%M}",
                    row.actor,
                    ask.t(f"leads.did_{row.action.replace(' ', '_')}"),
                    row.about,
                ),
            )
        )
        for row in rows
    ]
    shown = (Points(ask.t("leads.audit_label"), _within(ask, lines)),) if lines else (Text(ask.t("leads.audit_none")),)
    back = _back(ask, "lead")
    return reply(ask, ask.t("leads.audit_title"), ask.t("leads.audit_lead"), shown, (back,))


# ---- writing


def form(
    ask: Ask,
    people: Sequence[tuple[str, str]],
    written: Written | None,
    piece: int | None,
    language: Language,
    values: Mapping[str, str],
    problems: Sequence[FieldProblem] = (),
) -> Reply:
    """Return the form for a piece in one language, filled with what is there or was typed.

    `people` are the ids and names of those who may own it.
    """
    known = {**_known(ask, written, language), **values}
    errors = _errors(ask, problems, language)

    def entry(name: str, longest: int, *, lines: bool = False, optional: bool = True) -> Entry:
        label, error = ask.t(f"leads.field_{name}"), errors.get(name, "")
        return Entry(name, label, known[name], error=error, lines=lines, optional=optional, longest=longest)

    persons, of = _persons(people, known["owner"], known["deputy"])
    fields: list[Entry | Choice] = [
        Choice(
            "language",
            ask.t("leads.form_language"),
            tuple(Option(str(tag), name) for tag, name in OWN_NAMES.items()),
            (known["language"],),
            errors.get("language", ""),
        )
    ]
    if piece is None:
        fields.append(_topics(ask, known["topic"] or NEW, errors.get("topic", "")))
    fields += [
        entry("title", LONGEST["title"], optional=False),
        entry("lead", LONGEST["lead"], optional=False),
        entry("steps", 600, lines=True),
        entry("say", 1_200, lines=True),
        entry("phrases", MOST_PHRASES * (LONGEST_PHRASE + 1), lines=True),
        entry("aliases", 900),
        entry("tip", LONGEST["tips"], lines=True),
        entry("verified_until", 10, optional=False),
        Choice(
            "owner",
            ask.label("leads.field_owner", len(persons), of),
            persons,
            (known["owner"],),
            errors.get("owner", ""),
        ),
        Choice(
            "deputy",
            ask.label("leads.field_deputy", len(persons), of),
            persons,
            tuple(filter(None, (known["deputy"],))),
            errors.get("deputy", ""),
            optional=True,
        ),
        entry("audience", 250),
    ]
    command = "write save" if piece is None else f"write save {piece}"
    return Reply(
        (Title(ask.t("leads.form_title")),),
        ask.language,
        Outcome("menu", why="the form for guidance"),
        form=Form(command, ask.t("leads.form_save"), ask.t("leads.form_cancel"), tuple(fields)),
    )


def _known(ask: Ask, written: Written | None, language: Language) -> dict[str, str]:
    """Return what is written in a language, by the fields of the form."""
    words = written.words.get(language, Words()) if written else Words()
    return {
        "language": str(language),
        "topic": NEW,
        "title": words.title,
        "lead": words.lead,
        "steps": "\n".join(words.steps),
        "say": "\n".join(words.say),
        "aliases": ", ".join(words.aliases),
        "phrases": "\n".join(words.phrases),
        "tip": words.tip,
        "owner": written.owner if written else ask.message.person,
        "deputy": written.deputy if written else "",
        "verified_until": written.verified_until.isoformat() if written else "",
        "audience": ", ".join(written.audience) if written else "",
    }


def _persons(people: Sequence[tuple[str, str]], *now: str) -> tuple[tuple[Option, ...], int]:
    """Return the people to choose from, and how many there are in all.

    Who it is now comes first: of many not all are offered, and a deputy who is not would be gone by saving.
    """
    may = {person: name for person, name in people if "," not in person}
    offered = {person: may.get(person, person) for person in now if person} | may
    return tuple(Option(person, name[:75]) for person, name in list(offered.items())[:_MOST_PEOPLE]), len(offered)


def too_long(ask: Ask, piece: int, platform: str, console: str) -> Reply:
    """Return that the form of a platform can't hold a piece, and where it can be edited; `console` may be ""."""
    address = f"{console}/pieces/{piece}/edit"
    way = ask.t("leads.long_console", address=address) if console else ask.t("leads.long_no_console")
    lead = ask.t("leads.long_lead", platform=platform)
    return reply(ask, ask.t("leads.long_title"), lead, (Text(way),), (_back(ask, f"write piece {piece}"),))


def _topics(ask: Ask, chosen: str, error: str) -> Choice:
    new = Option(NEW, ask.t("leads.form_topic_new"))
    topics = [Option(topic.id, ask.title(topic)) for topic in ask.guidance.topics.values() if "," not in topic.id]
    listed = topics[: _MOST_OPTIONS - 1]
    label = ask.label("leads.form_topic", len(listed), len(topics))
    return Choice("topic", label, (new, *listed), (chosen,), error)


def _errors(ask: Ask, problems: Sequence[FieldProblem], language: Language) -> dict[str, str]:
    """Return what must be mended, by the field of the form at which it is shown."""
    errors: dict[str, list[str]] = {}
    for problem in problems:
        if not problem.blocks:
            continue
        if problem.language not in (None, language):  # the fields are those of another language
            errors.setdefault("language", []).append(sentence(ask, problem))
        else:
            name = "steps" if problem.field == "card" else problem.field
            errors.setdefault(name, []).append(ask.t(problem.key, **problem.values))
    return {name: " ".join(dict.fromkeys(said))[:400] for name, said in errors.items()}


def version_card(
    ask: Ask,
    publishing: Publishing,
    desk: Desk,
    piece: Piece,
    version: Version,
    language: Language,
) -> Reply:
    """Return a version as agents will see it in a language, with what can be done with it."""
    written = version.written
    problems = [problem for problem in publishing.check(written) if not problem.blocks]
    state = Note(ask.t(f"leads.state_{version.state}", number=version.number))
    notes: list[Block] = [state]
    card: tuple[Block, ...] = (Title(written.title(language)), Lead(ask.t("leads.names_only")))
    if written.written:
        shown = publishing.preview(written, language)
        card = shown.blocks
        sizes = [
            ask.t("leads.size", platform=size.platform, bytes=size.bytes, limit=size.limit)
            for size in publishing.sizes(shown)
        ]
        if sizes:
            notes.append(Note("; ".join(sizes)))
    else:
        names = [name for words in written.words.values() for name in (*words.aliases, *words.phrases)]
        card = (*card, Points(ask.t("leads.field_aliases"), _within(ask, names)))
    full = reply(ask, "", "", (), _actions(ask, desk, piece, version))
    warnings = [sentence(ask, problem) for problem in problems[:_WARNINGS_SHOWN]]
    advice = (Points(ask.t("leads.warnings"), tuple(warnings)),) if warnings else ()
    # Leads see more on the card than agents do: what does not fit is one press away.
    for blocks in ((*card, *notes, *advice), (*card, *notes), (*card[:2], *notes)):
        made = replace(full, blocks=blocks)
        if not any(size.problems for size in publishing.sizes(made)):
            return made
    return made


def _actions(ask: Ask, desk: Desk, piece: Piece, version: Version) -> Iterable[Button]:
    at = f"{piece.id} {version.number}"
    mine = version.author == desk.person
    if version.state == "review" and not mine:
        yield Button(ask.t("leads.button_approve"), f"write approve {at}", "primary")
    if version.state == "draft" and desk.reviewed:
        yield Button(ask.t("leads.button_submit"), f"write submit {at}", "primary")
    if version.state in ("draft", "review") and not desk.reviewed:
        yield Button(ask.t("leads.button_publish"), f"write publish {at}", "primary")
    if version.state in ("replaced", "withdrawn"):
        label = ask.t("leads.button_roll_back", number=version.number)
        yield Button(label, f"write rollback {at}", "primary")
    yield Button(ask.t("leads.button_edit"), f"write edit {piece.id} {ask.language}")
    yield Button(ask.t("leads.button_languages"), f"write languages {at}")
    yield Button(ask.t("leads.button_missing"), f"write missing {at}")
    yield Button(ask.t("leads.button_versions"), f"write versions {piece.id}")
    if piece.live:
        yield Button(ask.t("leads.button_push"), f"push piece {piece.id}")
        yield Button(ask.t("leads.button_confirm"), f"write confirm {piece.id}")
        yield Button(ask.t("leads.button_withdraw"), f"write withdraw {piece.id}", "danger")
    yield Button(ask.t("leads.button_list"), "write list")


def languages(ask: Ask, piece: Piece, version: Version) -> Reply:
    """Return the ways to see a version in each language that it has, and to write it in the others."""
    buttons = []
    for tag, name in OWN_NAMES.items():
        if tag in version.written.written:
            see = f"write see {piece.id} {version.number} {tag}"
            buttons.append(Button(ask.t("leads.button_see", spoken=name), see))
        else:
            buttons.append(Button(ask.t("leads.button_write_in", spoken=name), f"write edit {piece.id} {tag}"))
    back = _back(ask, f"write piece {piece.id}")
    return reply(ask, version.written.title(ask.language), ask.t("leads.languages_title"), (), (*buttons, back))


def missing(ask: Ask, piece: Piece, version: Version, problems: Sequence[FieldProblem]) -> Reply:
    """Return everything that had better be otherwise."""
    lines = [sentence(ask, problem) for problem in problems]
    blocks = (Points(ask.t("leads.warnings"), _within(ask, lines)),) if lines else ()
    lead = "" if lines else ask.t("leads.warnings_none")
    buttons = (
        Button(ask.t("leads.button_edit"), f"write edit {piece.id} {ask.language}", "primary"),
        Button(ask.t("leads.button_languages"), f"write languages {piece.id} {version.number}"),
        _back(ask, f"write piece {piece.id}"),
    )
    return reply(ask, version.written.title(ask.language), lead, blocks, buttons)


def listing(ask: Ask, pieces: Sequence[Piece], page: int) -> Reply:
    """Return a workspace's pieces, eight at a time, the newest first."""
    newest = list(reversed(pieces))
    shown = newest[page * _PIECES_SHOWN : (page + 1) * _PIECES_SHOWN]
    new = Button(ask.t("leads.button_new"), "write", "primary")
    if not shown:
        return reply(ask, ask.t("leads.list_title"), ask.t("leads.list_none"), (), (new,))
    buttons = [Button(piece.latest.written.title(ask.language)[:75], f"write piece {piece.id}") for piece in shown]
    if len(newest) > (page + 1) * _PIECES_SHOWN:
        buttons.append(Button(ask.t("leads.button_more"), f"write list {page + 2}"))
    return reply(ask, ask.t("leads.list_title"), ask.t("leads.list_lead"), (), (*buttons, new))


def versions(ask: Ask, piece: Piece, known: Sequence[Version]) -> Reply:
    """Return the versions of a piece, the newest first, and the ways back to them."""
    shown = known[:_VERSIONS_SHOWN]
    lines = [_line(ask, version) for version in shown]
    if len(known) > len(shown):
        lines.append(ask.t("leads.warnings_more", count=len(known) - len(shown)))
    buttons = [
        Button(ask.t("leads.button_roll_back", number=version.number), f"write rollback {piece.id} {version.number}")
        for version in shown
        if version.state in ("replaced", "withdrawn")
    ]
    if len(known) > 1:
        old, new = known[1].number, known[0].number
        buttons.insert(0, Button(ask.t("leads.button_diff"), f"write diff {piece.id} {old} {new}"))
    back = _back(ask, f"write piece {piece.id}")
    points = Points(ask.t("leads.versions_title"), tuple(lines))
    return reply(ask, piece.latest.written.title(ask.language), "", (points,), (*buttons, back))


def _line(ask: Ask, version: Version) -> str:
    values = {
        "number": version.number,
        "author": version.author_name or version.author,
        "day": f"{datetime.fromtimestamp(version.at, UTC):{_DAY}}",
    }
    return ask.t(f"leads.version_{version.state}", **values)


def differences(ask: Ask, piece: Piece, old: int, new: int, changes: Sequence[Change]) -> Reply:
    """Return what one version says otherwise than another."""
    blocks: list[Block] = []
    room = _BYTES_OF_LINES
    for number, change in enumerate(changes):
        field = ask.t(f"leads.field_{change.field}")
        label = f"{OWN_NAMES[change.language]} – {field}" if change.language else field
        texts = (("leads.diff_before", change.before), ("leads.diff_after", change.after))
        said = tuple(ask.t(key, text=_cut(text.replace("\n", " / "))) for key, text in texts if text)
        room -= len((label + "".join(said)).encode()) + 60
        if room < 0:
            blocks.append(Note(ask.t("leads.warnings_more", count=len(changes) - number)))
            break
        blocks.append(Points(label, said))
    lead = "" if changes else ask.t("leads.diff_none")
    back = _back(ask, f"write versions {piece.id}")
    return reply(ask, ask.t("leads.diff_title", old=old, new=new), lead, blocks, (back,))


def confirmed(ask: Ask, piece: int, until: date) -> Reply:
    """Return until when a piece is now taken for right."""
    back = _back(ask, f"write piece {piece}")
    return plain(ask, "leads.confirmed", back, day=until.isoformat())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_PIECE_OF_TEXT else f"{text[:_LONGEST_PIECE_OF_TEXT]}…"


def _within(ask: Ask, items: Sequence[str]) -> tuple[str, ...]:
    """Return as many lines as fit on a card, and how many more there are."""
    room, shown = _BYTES_OF_LINES, list[str]()
    for item in items:
        room -= len(item.encode()) + 50
        if room < 0:
            return (*shown, ask.t("leads.warnings_more", count=len(items) - len(shown)))
        shown.append(item)
    return tuple(shown)
