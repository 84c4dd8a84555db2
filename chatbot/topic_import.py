"""Reading a team's topic from a file: the same Markdown as the built-in topics, of which one language is enough.

Nothing in it is a template. What is written is checked by chatbot.publishing, as if it had been typed into a form.
"""

import re
import tomllib
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import ContentError, Problem
from chatbot.guidance import TEAM
from chatbot.model import Language
from chatbot.topic_file import from_pydantic
from chatbot.written import Words, Written

#: The sections that a team's topic may have besides its steps.
_SECTIONS = ("say", "tips")


class _Header(BaseModel):
    """The front matter; all of it may be left out."""

    model_config = ConfigDict(extra="forbid")

    aliases: dict[Language, list[str]] = {}
    phrases: dict[Language, list[str]] = {}
    audience: list[str] = []
    deputy: str = ""
    verified_until: date | None = None


def read_topic(path: Path, folder: Path, built_in: frozenset[str], owner: str, until: date) -> Written:
    """Return what a file says; `until` is when it was verified until if it does not say.

    Its name, as seen from `folder`, is the topic's: one of `built_in`, or else of the team's own. Raises ContentError
    with every problem found.
    """
    file = path.relative_to(folder).as_posix()
    problems: list[Problem] = []
    header, body = _split(path, file, problems)
    words = {language: Words() for language in (*header.aliases, *header.phrases)}
    words |= _languages(file, body, problems)
    if not words and not problems:
        problems.append(Problem(file, "text", "is missing; add a section `## en: Title`, with one of en, de, ru, ka"))
    if problems:
        raise ContentError(problems)
    name = path.relative_to(folder).with_suffix("").as_posix()
    made = {
        language: Words(
            of.title,
            of.lead,
            of.steps,
            of.say,
            tuple(header.aliases.get(language, ())),
            of.tip,
            tuple(header.phrases.get(language, ())),
        )
        for language, of in words.items()
    }
    slug = re.sub(r"[^\w/]+", "-", name.removeprefix(TEAM))
    topic = name if name in built_in else f"{TEAM}{slug}"
    until = header.verified_until or until
    audience = tuple(header.audience)
    return Written(topic, made, owner, header.deputy, until, audience, owner, header.deputy)


def _split(path: Path, file: str, problems: list[Problem]) -> tuple[_Header, str]:
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        problems.append(Problem(file, "file", f"is not UTF-8: {error}"))
        return _Header(), ""
    if not source.startswith("+++\n"):
        return _Header(), source
    parts = source.split("+++\n", 2)
    if len(parts) != 3:
        problems.append(Problem(file, "front matter", "must begin and end with a line of three plus signs"))
        return _Header(), ""
    try:
        return _Header.model_validate(tomllib.loads(parts[1])), parts[2]
    except tomllib.TOMLDecodeError as error:
        problems.append(Problem(file, "front matter", f"is not TOML: {error}"))
    except ValidationError as error:
        problems += from_pydantic(file, error)
    return _Header(), parts[2]


def _languages(file: str, body: str, problems: list[Problem]) -> dict[Language, Words]:
    found: dict[Language, Words] = {}
    before, *parts = re.split(r"^## ", body, flags=re.MULTILINE)
    if before.strip():
        problems.append(Problem(file, "text", f"stands before the first language: {before.strip()[:40]!r}"))
    for part in parts:
        heading, _, rest = part.partition("\n")
        tag, colon, title = heading.partition(":")
        language = Language.from_tag(tag.strip())
        if language is None or not colon:
            problems.append(Problem(file, f"## {heading}", "must read `## en: Title`, with one of en, de, ru, ka"))
        elif language in found:
            problems.append(Problem(file, str(language), "stands there twice"))
        else:
            found[language] = _words(file, language, title.strip(), rest, problems)
    return found


def _words(file: str, language: Language, title: str, body: str, problems: list[Problem]) -> Words:
    head, *parts = re.split(r"^### ", body, flags=re.MULTILINE)
    lead, *steps = _lines(head) or [""]
    sections: dict[str, tuple[str, ...]] = {}
    for part in parts:
        heading, _, rest = part.partition("\n")
        name = heading.strip()
        if name not in _SECTIONS:
            said = f"is no section of a team's topic; those are {', '.join(_SECTIONS)}"
            problems.append(Problem(file, f"{language}.{name}", said))
            continue
        sections[name] = _items(file, f"{language}.{name}", _lines(rest), problems)
    tips = sections.get("tips", ())
    if len(tips) > 1:
        problems.append(Problem(file, f"{language}.tips", f"has {len(tips)} entries; a team's topic has one"))
    items = _items(file, f"{language}.steps", steps, problems)
    return Words(title, lead, items, sections.get("say", ()), tip=tips[0] if tips else "")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _items(file: str, where: str, lines: list[str], problems: list[Problem]) -> tuple[str, ...]:
    problems += [
        Problem(file, where, f"must be a list, each line beginning with `- `: {line[:40]!r}")
        for line in lines
        if not line.startswith("- ")
    ]
    return tuple(line.removeprefix("- ").strip() for line in lines)
