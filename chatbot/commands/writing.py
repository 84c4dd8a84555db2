"""What a lead does with guidance, step by step; leads.py has asked whether they may."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date

from chatbot import lead_cards
from chatbot.cards import Ask
from chatbot.coach import Coach
from chatbot.commands.leads import actor_of, numbers_in
from chatbot.lead_cards import NEW
from chatbot.model import Language, Reply, by_platform
from chatbot.publishing import VERIFIED, Piece, Publishing, Refused, Version
from chatbot.roles import GROUP, Actor
from chatbot.written import Words, Written, diff, lines, listed

#: More than any field may hold, so that what is cut off here was too long anyway.
_LONGEST_FIELD = 8_000

_Step = Callable[[Coach, Publishing, Ask, list[str]], Awaitable[Reply]]


async def _card(
    publishing: Publishing, ask: Ask, piece: int, number: int | None = None, language: Language | None = None
) -> Reply:
    """Return a version of a piece as agents will see it, the newest if none is named."""
    found = await publishing.piece(ask.message.workspace, piece)
    version = found.latest if number is None else await publishing.version(found, number)
    desk = lead_cards.Desk(ask.message.person, await publishing.reviewed(ask.message.workspace))
    return lead_cards.version_card(ask, publishing, desk, found, version, language or ask.language)


async def _people(coach: Coach, ask: Ask) -> list[tuple[str, str]]:
    """Return who may own a piece: whoever writes it, and everybody who has a role by name."""
    rows = await coach.roles.leads(ask.message.workspace) if coach.roles else ()
    people = {ask.message.person: ask.message.name or ask.message.person}
    people |= {row.subject: row.name or row.subject for row in rows if not row.subject.startswith(GROUP)}
    return list(people.items())


async def _new(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    until = {"verified_until": (publishing.today() + VERIFIED).isoformat()}
    return lead_cards.form(ask, await _people(coach, ask), None, None, ask.language, until)


async def _edit(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    found = await publishing.piece(ask.message.workspace, int(parts[0]))
    language = Language.from_tag(parts[1] if len(parts) > 1 else None) or ask.language
    written = found.latest.written
    if written.verified_until <= publishing.today():
        written = replace(written, verified_until=publishing.today() + VERIFIED)
    form = lead_cards.form(ask, await _people(coach, ask), written, found.id, language, {})
    sizes = {size.platform.lower(): size for size in publishing.sizes(form)}
    size = by_platform(sizes, ask.message.workspace)
    if size and size.problems:  # never a part of it: what is sent back takes the place of all
        return lead_cards.too_long(ask, found.id, size.platform, coach.console)
    return form


async def _save(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    """Take what was filled in: an error goes back to its field, all else becomes a draft."""
    numbers = numbers_in(parts)
    if not ask.message.values:  # typed, or by a button that stands in for the form: nothing is not what was meant
        return await (_edit if numbers else _new)(coach, publishing, ask, parts)
    piece = (await publishing.piece(ask.message.workspace, numbers[0])) if numbers else None
    values = {name: value[:_LONGEST_FIELD] for name, value in ask.message.values.items()}
    language = Language.from_tag(values.get("language")) or ask.language
    written = await _filled_in(publishing, ask, piece, language, values)
    try:
        version = await publishing.save_draft(actor_of(ask), written, piece.id if piece else None)
    except Refused as error:
        if not error.problems:
            raise
        people = await _people(coach, ask)
        number = piece.id if piece else None
        return lead_cards.form(ask, people, written, number, language, values, error.problems)
    return await _card(publishing, ask, version.piece, version.number, language=language)


async def _filled_in(
    publishing: Publishing, ask: Ask, piece: Piece | None, language: Language, values: dict[str, str]
) -> Written:
    """Return a form's values as a piece, over what it says in other languages."""
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


async def _list(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    page = max(0, (numbers_in(parts) or [1])[0] - 1)
    return lead_cards.listing(ask, await publishing.pieces(ask.message.workspace), page)


async def _see(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    numbers = numbers_in(parts)
    language = Language.from_tag(parts[len(numbers)]) if len(parts) > len(numbers) else None
    return await _card(publishing, ask, numbers[0], numbers[1] if len(numbers) > 1 else None, language=language)


async def _version(publishing: Publishing, ask: Ask, parts: list[str]) -> tuple[Piece, Version]:
    numbers = numbers_in(parts)
    piece = await publishing.piece(ask.message.workspace, numbers[0])
    return piece, await publishing.version(piece, numbers[1])


async def _languages(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    return lead_cards.languages(ask, *await _version(publishing, ask, parts))


async def _missing(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    piece, version = await _version(publishing, ask, parts)
    problems = await publishing.problems(ask.message.workspace, version.written, piece.id)
    return lead_cards.missing(ask, piece, version, problems)


async def _versions(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    piece = await publishing.piece(ask.message.workspace, int(parts[0]))
    return lead_cards.versions(ask, piece, await publishing.versions(piece))


async def _diff(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    piece, old = await _version(publishing, ask, parts)
    new = await publishing.version(piece, numbers_in(parts)[2])
    return lead_cards.differences(ask, piece, old.number, new.number, diff(old.written, new.written))


def _on_a_version(act: Callable[[Publishing, Actor, int, int], Awaitable[None]]) -> _Step:
    """Return the step that does something with a version, and shows it as it is then."""

    async def step(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
        piece, number = numbers_in(parts)[:2]
        await act(publishing, actor_of(ask), piece, number)
        return await _card(publishing, ask, piece, number)

    return step


async def _withdraw(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    piece = int(parts[0])
    await publishing.withdraw(actor_of(ask), piece)
    return await _card(publishing, ask, piece)


async def _confirm(coach: Coach, publishing: Publishing, ask: Ask, parts: list[str]) -> Reply:
    until = None
    if len(parts) > 1:
        try:
            until = date.fromisoformat(parts[1])
        except ValueError:
            raise Refused("leads.bad_date") from None
    piece = int(parts[0])
    return lead_cards.confirmed(ask, piece, await publishing.confirm(actor_of(ask), piece, until))


#: What each action does; it may raise NotAllowed or Refused.
STEPS: Mapping[str, _Step] = {
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
    "publish": _on_a_version(Publishing.publish),
    "submit": _on_a_version(Publishing.submit),
    "approve": _on_a_version(Publishing.approve),
    "rollback": _on_a_version(Publishing.roll_back),
    "withdraw": _withdraw,
    "confirm": _confirm,
}
