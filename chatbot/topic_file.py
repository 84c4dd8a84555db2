"""Reading one topic file: Markdown with TOML front matter and all languages in it (docs/content.md)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.errors import Problem, SteadyError
from chatbot.guidance import Kind, Saying, Topic, TopicText
from chatbot.model import Language
from chatbot.templates import Template

#: Longest texts in characters. They keep a card within what both platforms show, Georgian's three bytes
#: a letter included (docs/content.md has the same table for writers).
LONGEST = {
    "title": 40,
    "lead": 85,
    "steps": 90,
    "why": 180,
    "say": 180,
    "avoid": 90,
    "tips": 220,
    "signs": 90,
    "wants": 180,
    "let-go": 180,
    "friends": 60,
    "enemies": 60,
    "alias": 40,
}
LONGEST_LEAD_IN_ENGLISH = 70

#: How many items a section holds, least and most. A section of one holds a line, not a list.
COUNT = {
    "steps": (2, 4),
    "why": (1, 1),
    "say": (2, 5),
    "avoid": (1, 3),
    "tips": (2, 4),
    "signs": (2, 3),
    "wants": (1, 1),
    "let-go": (1, 1),
    "friends": (2, 4),
    "enemies": (2, 4),
    "aliases": (6, 20),
}
SECTIONS: dict[Kind, tuple[str, ...]] = {
    "move": ("why", "say", "avoid", "tips"),
    "archetype": ("signs", "wants", "why", "say", "avoid", "let-go", "tips"),
    "step": ("why", "say", "avoid", "friends", "enemies", "tips"),
}


#: A point of a guide, such as "B8".
Point = Annotated[str, Field(pattern=r"^[A-G][1-9][0-9]?$")]


class _Header(BaseModel):
    """The front matter of a topic file."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    sources: list[Point] = Field(min_length=1)
    next: list[str] = Field(min_length=2, max_length=4)
    aliases: dict[Language, list[str]]
    values: dict[str, int | str] = {}


def from_pydantic(file: str, error: ValidationError) -> Iterable[Problem]:
    """Yield the problems that pydantic found, in our form."""
    for part in error.errors():
        where = ".".join(str(step) for step in part["loc"]) or "file"
        yield Problem(file, where, part["msg"].lower())


class TopicReader:
    """Reads one topic file and notes what is wrong with it."""

    def __init__(self, path: Path, topic_id: str, values: Mapping[str, int | str], problems: list[Problem]) -> None:
        self._path = path
        self._id = topic_id
        self._file = f"topics/{topic_id}.md"
        self._values = values
        self._problems = problems

    def _wrong(self, where: str, what: str) -> None:
        self._problems.append(Problem(self._file, where, what))

    def read(self) -> Topic | None:
        """Return the topic, or None when so much is wrong that there is none."""
        before = len(self._problems)
        header, body = self._split()
        if header is None:
            return None
        missing = [language for language in Language if language not in header.aliases]
        for language in missing:
            self._wrong(f"aliases.{language}", "is missing; every language needs its own")
        for language, aliases in header.aliases.items():
            self._count("aliases", f"aliases.{language}", len(aliases))
            for alias in aliases:
                self._length("alias", f"aliases.{language}", alias, LONGEST["alias"])
        values = {**header.values, **{k: v for k, v in self._values.items() if k in header.values}}
        texts = self._texts(body, header.kind, values)
        if len(self._problems) > before:
            return None
        names = {language: tuple(aliases) for language, aliases in header.aliases.items()}
        return Topic(self._id, header.kind, tuple(header.sources), tuple(header.next), names, texts)

    def _split(self) -> tuple[_Header | None, str]:
        try:
            source = self._path.read_text(encoding="utf-8")
            start, front, body = source.split("+++\n", 2)
            if start:
                raise ValueError
            return _Header.model_validate(tomllib.loads(front)), body
        except ValidationError as error:
            self._problems += from_pydantic(self._file, error)
        except UnicodeDecodeError as error:
            self._wrong("file", f"is not UTF-8: {error}")
        except tomllib.TOMLDecodeError as error:
            self._wrong("front matter", f"is not TOML: {error}")
        except ValueError:
            self._wrong("front matter", "must begin and end with a line of three plus signs")
        return None, ""

    def _texts(self, body: str, kind: Kind, values: Mapping[str, int | str]) -> dict[Language, TopicText]:
        texts: dict[Language, TopicText] = {}
        parts = re.split(r"^## ", body, flags=re.MULTILINE)
        if parts[0].strip():
            self._wrong("text", f"stands before the first language: {parts[0].strip()[:40]!r}")
        for part in parts[1:]:
            heading, _, rest = part.partition("\n")
            tag, colon, title = heading.partition(":")
            language = Language.from_tag(tag.strip())
            if language is None or not colon:
                self._wrong(f"## {heading}", "must read `## en: Title`, with one of en, de, ru, ka")
            elif language in texts:
                self._wrong(str(language), "stands there twice")
            else:
                texts[language] = self._text(language, title.strip(), rest, kind, values)
        for language in Language:
            if language not in texts:
                self._wrong(str(language), f"is missing; add a section `## {language}: …`")
        return texts

    def _text(
        self, language: Language, title: str, body: str, kind: Kind, values: Mapping[str, int | str]
    ) -> TopicText:
        head, *rest = re.split(r"^### ", body, flags=re.MULTILINE)
        lead, *more = [line.strip() for line in head.strip().splitlines() if line.strip()] or [""]
        sections: dict[str, list[str]] = {"steps": self._items(f"{language}.steps", more)}
        for part in rest:
            name, _, lines = part.partition("\n")
            name = name.strip()
            if name in sections:
                self._wrong(f"{language}.{name}", "stands there twice")
            if name not in SECTIONS[kind]:
                self._wrong(f"{language}.{name}", f"is no section of a {kind}; those are {', '.join(SECTIONS[kind])}")
                continue
            kept = [line.strip() for line in lines.splitlines() if line.strip()]
            sections[name] = kept if COUNT[name] == (1, 1) else self._items(f"{language}.{name}", kept)
        for name in SECTIONS[kind]:
            if name not in sections:
                self._wrong(f"{language}.{name}", f"is missing; add `### {name}`")
        self._one_line(language, "title", title)
        self._one_line(language, "lead", lead)
        rendered = {name: self._render(language, name, items, values) for name, items in sections.items()}
        title, lead = ((*self._render(language, "title", [title, lead], values), "", ""))[:2]
        longest_lead = LONGEST_LEAD_IN_ENGLISH if language is Language.EN else LONGEST["lead"]
        self._length("title", f"{language}.title", title, LONGEST["title"])
        self._length("first line", f"{language}.lead", lead, longest_lead)
        says = tuple(_saying(item) for item in rendered.pop("say", ()))
        for saying in says:
            self._length("item", f"{language}.say", saying.text, LONGEST["say"])
        return TopicText(title, lead, rendered.pop("steps"), says, rendered)

    def _items(self, where: str, lines: list[str]) -> list[str]:
        for line in lines:
            if not line.startswith("- "):
                self._wrong(where, f"must be a list, each line beginning with `- `: {line[:40]!r}")
        return [line.removeprefix("- ").strip() for line in lines]

    def _render(
        self, language: Language, name: str, items: list[str], values: Mapping[str, int | str]
    ) -> tuple[str, ...]:
        where = f"{language}.{name}"
        rendered: list[str] = []
        for item in items:
            try:
                rendered.append(Template(item).render(values))
            except SteadyError as error:
                self._wrong(where, str(error))
        if name in COUNT:
            self._count(name, where, len(items))
        if name in LONGEST and name not in ("title", "say"):
            for item in rendered:
                self._length("item", where, item, LONGEST[name])
        return tuple(rendered)

    def _one_line(self, language: Language, name: str, text: str) -> None:
        if not text:
            self._wrong(f"{language}.{name}", "is empty")

    def _count(self, name: str, where: str, count: int) -> None:
        least, most = COUNT[name]
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            self._wrong(where, f"has {count} entries; it needs {wanted}")

    def _length(self, what: str, where: str, text: str, longest: int) -> None:
        if len(text) > longest:
            self._wrong(where, f"{what} has {len(text)} characters; {longest} at most: {text[:40]!r}")


def _saying(item: str) -> Saying:
    match item.split(": ", 1):
        case ["voice", text]:
            return Saying(text, "voice")
        case ["chat", text]:
            return Saying(text, "chat")
        case _:
            return Saying(item)
