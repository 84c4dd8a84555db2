"""The form in which a piece is written: its fields, and how they become a piece and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from multidict import MultiDictProxy

from chatbot.model import Language
from chatbot.publishing import VERIFIED, FieldProblem, Words, Written
from chatbot.roles import GROUP, Actor, RoleRow
from chatbot.strings import Strings
from chatbot.written import lines, listed

Kind = Literal["line", "lines"]

#: The fields of each language: what is typed into one line, and what on several.
FIELDS: Mapping[str, Kind] = {
    "title": "line",
    "lead": "line",
    "steps": "lines",
    "say": "lines",
    "aliases": "line",
    "phrases": "lines",
    "tip": "line",
}
SHARED = ("topic", "owner", "deputy", "verified_until", "audience")
_NO_DAY = date.min


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem in words; only one that `blocks` must be mended."""

    text: str
    blocks: bool


def to_written(form: MultiDictProxy[str], topic: str, people: Mapping[str, str]) -> Written:
    """Return what was typed; an owner or a date that can't be is left for the check to complain about."""
    words = {language: _words(form, language) for language in Language}
    owner, deputy = form.get("owner", ""), form.get("deputy", "")
    try:
        until = date.fromisoformat(form.get("verified_until", ""))
    except ValueError:
        until = _NO_DAY
    return Written(
        topic=topic,
        words={language: found for language, found in words.items() if found != Words()},
        owner=owner if owner in people else "",
        deputy=deputy if deputy in people else "",
        verified_until=until,
        audience=listed(form.get("audience", "")),
        owner_name=people.get(owner, ""),
        deputy_name=people.get(deputy, ""),
    )


def _words(form: MultiDictProxy[str], language: Language) -> Words:
    def typed(name: str) -> str:
        return form.get(f"{name}-{language}", "")

    return Words(
        title=typed("title").strip(),
        lead=typed("lead").strip(),
        steps=lines(typed("steps")),
        say=lines(typed("say")),
        aliases=listed(typed("aliases")),
        tip=typed("tip").strip(),
        phrases=lines(typed("phrases")),
    )


def new(actor: Actor, today: date, topic: str = "") -> Written:
    """Return a piece with nothing written yet."""
    return Written(topic, {}, actor.person, "", today + VERIFIED, owner_name=actor.name)


def to_values(written: Written) -> dict[str, str]:
    """Return the fields of the form as a piece fills them in."""
    values = {
        "owner": written.owner,
        "deputy": written.deputy,
        "verified_until": "" if written.verified_until == _NO_DAY else written.verified_until.isoformat(),
        "audience": ", ".join(written.audience),
    }
    for language in Language:
        words = written.words.get(language, Words())
        values |= {
            f"title-{language}": words.title,
            f"lead-{language}": words.lead,
            f"steps-{language}": "\n".join(words.steps),
            f"say-{language}": "\n".join(words.say),
            f"aliases-{language}": ", ".join(words.aliases),
            f"phrases-{language}": "\n".join(words.phrases),
            f"tip-{language}": words.tip,
        }
    return values


def as_typed(form: MultiDictProxy[str]) -> dict[str, str]:
    """Return the fields of the form as they were typed, right or wrong."""
    names = [*SHARED, *(f"{name}-{language}" for name in FIELDS for language in Language)]
    return {name: form.get(name, "") for name in names}


def people_of(rows: Sequence[RoleRow], actor: Actor, written: Written | None) -> dict[str, str]:
    """Return who can own a piece, id to name: leads, admins, whoever writes, and who owned it so far."""
    people = {row.subject: row.name or row.subject for row in rows if not row.subject.startswith(GROUP)}
    people[actor.person] = actor.name or actor.person
    if written:
        known = ((written.owner, written.owner_name), (written.deputy, written.deputy_name))
        people |= {person: name or person for person, name in known if person and person not in people}
    return people


def troubles(problems: Sequence[FieldProblem], strings: Strings, language: Language) -> dict[str, list[Trouble]]:
    """Return what is wrong by the name of the field it stands at; "" for what belongs to none."""
    names = {*SHARED, *(f"{name}-{tag}" for name in FIELDS for tag in Language)}
    found: dict[str, list[Trouble]] = {}
    for problem in problems:
        name = f"{problem.field}-{problem.language}" if problem.language else problem.field
        if problem.field in ("card", "title") and problem.language is None:
            name = ""
        elif problem.field == "card":
            name = f"title-{problem.language}"
        trouble = Trouble(strings(problem.key, language, **problem.values), problem.blocks)
        known = found.setdefault(name if name in names else "", [])
        if trouble not in known:
            known.append(trouble)
    return found


def stale(until: date, today: date) -> bool:
    """Return whether a piece is past the day until which it was verified."""
    return until < today


def soon(until: date, today: date) -> bool:
    """Return whether that day is near."""
    return not stale(until, today) and until - today <= timedelta(days=14)
