"""The guidance library: read the files of responses/, check them, find a topic in them.

A file is Markdown with TOML front matter and all languages in it; docs/content.md describes the format.
Reading collects every problem before it gives up, so that one run of `steady check` shows them all.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Limited

from chatbot.errors import ContentError, Problem, SteadyError
from chatbot.model import Language
from chatbot.templates import Template

_HERE = Path(__file__).resolve().parent
#: The guidance that ships with the product: inside the package once installed, beside it in a checkout.
BUILT_IN_RESPONSES = _HERE / "responses" if (_HERE / "responses").is_dir() else _HERE.parent / "responses"

Kind = Literal["move", "archetype", "step"]

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


@dataclass(frozen=True, slots=True)
class Saying:
    """Words for the customer, and where they belong: aloud, in writing, or both."""

    text: str
    medium: Literal["voice", "chat", "both"] = "both"


@dataclass(frozen=True, slots=True)
class TopicText:
    """One topic in one language, rendered."""

    title: str
    lead: str
    steps: tuple[str, ...]
    say: tuple[Saying, ...]
    sections: Mapping[str, tuple[str, ...]]

    def section(self, name: str) -> tuple[str, ...]:
        """Return the lines of a section such as `avoid`; empty if this kind of topic has none."""
        return self.sections.get(name, ())


@dataclass(frozen=True, slots=True)
class Topic:
    """A piece of guidance in every language."""

    id: str
    kind: Kind
    sources: tuple[str, ...]
    next: tuple[str, ...]
    aliases: Mapping[Language, tuple[str, ...]]
    texts: Mapping[Language, TopicText]


@dataclass(frozen=True, slots=True)
class Guide:
    """A published guide that points are taken from."""

    file: str
    prefixes: tuple[str, ...]
    title: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the menu: some topics under one heading."""

    id: str
    title: Mapping[Language, str]
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Guidance:
    """All topics, by id, and what is needed to find and cite them."""

    topics: Mapping[str, Topic]
    guides: tuple[Guide, ...]
    points: Mapping[str, tuple[str, ...]]
    pages: tuple[Page, ...]

    def of_kind(self, kind: Kind) -> tuple[Topic, ...]:
        """Return the topics of a kind; archetypes and steps in the order of their points."""
        found = [topic for topic in self.topics.values() if topic.kind == kind]
        return tuple(
            sorted(found, key=lambda t: (t.sources[0][0], int(t.sources[0][1:])) if kind != "move" else ("", 0))
        )

    @cached_property
    def names(self) -> Mapping[str, tuple[str, frozenset[Language]]]:
        """Return folded name or alias -> topic id and the languages in which it is one."""
        found: dict[str, tuple[str, frozenset[Language]]] = {}

        def enter(name: str, topic_id: str, language: Language) -> None:
            owner, languages = found.get(fold(name), (topic_id, frozenset()))
            if owner == topic_id:
                found[fold(name)] = (topic_id, languages | {language})

        for topic in self.topics.values():
            for language, aliases in topic.aliases.items():
                for alias in aliases:
                    enter(alias, topic.id, language)
        for topic in self.topics.values():
            for language, text in topic.texts.items():
                enter(text.title, topic.id, language)
        everywhere = frozenset(Language)
        for topic_id in self.topics:
            found[fold(topic_id)] = (topic_id, everywhere)
        return found

    def find(self, name: str) -> tuple[Topic, frozenset[Language]] | None:
        """Return the topic with this id, title or alias, and the languages in which it is called so."""
        match = self.names.get(fold(name))
        return (self.topics[match[0]], match[1]) if match else None

    def find_kind(self, name: str, kind: Kind) -> Topic | None:
        """Return the topic of one kind; its id may stand without the kind's prefix."""
        match = self.names.get(fold(f"{kind}/{name}")) or self.names.get(fold(name))
        topic = self.topics[match[0]] if match else None
        return topic if topic and topic.kind == kind else None

    def guide_of(self, point: str) -> Guide:
        """Return the guide that a point such as "B8" stands in."""
        return next(guide for guide in self.guides if point[0] in guide.prefixes)


_SPACES = re.compile(r"[\s_-]+")
_EDGES = " \t\n.,;:!?…\"'“”„«»‘’()[]*`"


def fold(name: str) -> str:
    """Return a name as it is compared: no case, quotes or apostrophes, hyphens as spaces, ё as е."""
    folded = name.strip(_EDGES).casefold().replace("ё", "е").replace("’", "").replace("'", "")
    return _SPACES.sub(" ", folded).strip()


class _Header(BaseModel):
    """The front matter of a topic file."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    sources: list[str] = Limited(min_length=1)
    next: list[str] = Limited(min_length=2, max_length=4)
    aliases: dict[Language, list[str]]
    values: dict[str, int | str] = {}


class _Guide(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: str
    prefixes: list[str]
    title: dict[Language, str]


class _Sources(BaseModel):
    model_config = ConfigDict(extra="forbid")
    guides: dict[str, _Guide]
    points: dict[str, list[str]]


class _Page(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    title: dict[Language, str]
    topics: list[str]


class _Menu(BaseModel):
    model_config = ConfigDict(extra="forbid")
    page: list[_Page]


def load_guidance(folder: Path, values: Mapping[str, int | str] | None = None) -> Guidance:
    """Read and check the guidance in `folder`; `values` replaces the example values of templates.

    Raises ContentError with every problem found.
    """
    guidance, problems = read_guidance(folder, values or {})
    if problems or guidance is None:
        raise ContentError(problems)
    return guidance


def read_guidance(folder: Path, values: Mapping[str, int | str]) -> tuple[Guidance | None, list[Problem]]:
    """Return the guidance as far as it can be read, and every problem with it."""
    problems: list[Problem] = []
    sources = _read_toml(folder / "sources.toml", _Sources, problems)
    menu = _read_toml(folder / "menu.toml", _Menu, problems)
    root = folder / "topics"
    files = {path.relative_to(root).with_suffix("").as_posix(): path for path in sorted(root.rglob("*.md"))}
    read = (_TopicReader(path, topic_id, values, problems).read() for topic_id, path in files.items())
    topics = {topic.id: topic for topic in read if topic is not None}
    if not files and not problems:
        problems.append(Problem(str(root), "folder", "holds no topic files; is STEADY_RESPONSES right?"))
    if sources is None or menu is None:
        return None, problems
    guidance = Guidance(
        topics,
        tuple(Guide(g.file, tuple(g.prefixes), g.title) for g in sources.guides.values()),
        {point: tuple(carriers) for point, carriers in sources.points.items()},
        tuple(Page(p.id, p.title, tuple(p.topics)) for p in menu.page),
    )
    problems += _check_links(guidance, frozenset(files))
    return guidance, problems


_M = TypeVar("_M", bound=BaseModel)


def _read_toml(path: Path, model: type[_M], problems: list[Problem]) -> _M | None:
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(Problem(path.name, "file", f"can't be read: {error}"))
    except ValidationError as error:
        problems += _from_pydantic(path.name, error)
    return None


def _from_pydantic(file: str, error: ValidationError) -> Iterable[Problem]:
    for part in error.errors():
        where = ".".join(str(step) for step in part["loc"]) or "file"
        yield Problem(file, where, part["msg"].lower())


class _TopicReader:
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
            self._problems += _from_pydantic(self._file, error)
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


def _check_links(guidance: Guidance, ids: frozenset[str]) -> Iterable[Problem]:
    """Yield what is wrong between the files: links, points, aliases, pages. `ids` names unreadable topics too."""
    topics = guidance.topics
    names = {fold(topic_id): topic_id for topic_id in ids}
    for topic in topics.values():
        file = f"topics/{topic.id}.md"
        for link in topic.next:
            if link not in ids:
                yield Problem(file, "next", f"there is no topic {link!r}")
        for point in topic.sources:
            if topic.id not in guidance.points.get(point, ()):
                yield Problem(file, "sources", f"{point!r} is no point that sources.toml gives to this topic")
        for language, aliases in topic.aliases.items():
            for alias in aliases:
                other = names.setdefault(fold(alias), topic.id)
                if other != topic.id:
                    yield Problem(file, f"aliases.{language}", f"{alias!r} belongs to {other!r} already")
    for topic in topics.values():
        for language, text in topic.texts.items():
            other = names.get(fold(text.title), topic.id)
            if other != topic.id:
                yield Problem(f"topics/{topic.id}.md", f"{language}.title", f"is an alias of {other!r}")
    for point, carriers in guidance.points.items():
        for carrier in carriers:
            if carrier in topics and point not in topics[carrier].sources:
                yield Problem(f"topics/{carrier}.md", "sources", f"{point!r} is missing")
            elif carrier not in ids:
                yield Problem("sources.toml", f"points.{point}", f"there is no topic {carrier!r}")
    yield from _check_pages(guidance, ids)
    for name, titled in [(f"guides.{g.file}", g.title) for g in guidance.guides] + [
        (f"page.{p.id}", p.title) for p in guidance.pages
    ]:
        for language in Language:
            if language not in titled:
                yield Problem("sources.toml" if name.startswith("guides") else "menu.toml", name, f"lacks {language}")


def _check_pages(guidance: Guidance, ids: frozenset[str]) -> Iterable[Problem]:
    listed: dict[str, str] = {}
    for page in guidance.pages:
        for topic_id in page.topics:
            if topic_id not in ids:
                yield Problem("menu.toml", f"page.{page.id}", f"there is no topic {topic_id!r}")
            elif topic_id in listed:
                yield Problem("menu.toml", f"page.{page.id}", f"{topic_id!r} stands on page {listed[topic_id]!r} too")
            listed[topic_id] = page.id
    for topic in guidance.topics.values():
        if topic.kind == "move" and topic.id not in listed:
            yield Problem("menu.toml", "page", f"{topic.id!r} stands on no page")
