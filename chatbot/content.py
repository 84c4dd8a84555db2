"""Reading the guidance: every file of responses/, checked one by one and against each other.

Reading collects every problem before it gives up, so that one run of `steady check` shows them all.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from chatbot.errors import ContentError, Problem
from chatbot.guidance import Answer, Escalation, Guidance, Guide, Page, Question, fold
from chatbot.model import Language
from chatbot.topic_file import TopicReader, from_pydantic

_HERE = Path(__file__).resolve().parent
#: The guidance that ships with the product: inside the package once installed, beside it in a checkout.
BUILT_IN_RESPONSES = _HERE / "responses" if (_HERE / "responses").is_dir() else _HERE.parent / "responses"


#: Topics that commands and buttons lead to by name.
NEEDED = frozenset(
    {
        "calm",
        "vent",
        "apologise",
        "firm",
        "pause",
        "hand-over",
        "let-go",
        "write-it-down",
        "step/recover",
        "step/diagnose",
    }
)
#: How many questions the archetype finder may ask.
LONGEST_PATH = 3


class _Guide(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: str
    prefixes: list[Annotated[str, Field(pattern=r"^[A-G]$")]]
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


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: dict[Language, str]
    to: str


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid")
    question: dict[Language, str]
    answers: list[_Answer] = Field(min_length=2, max_length=4)


class _Finder(RootModel[dict[str, _Question]]):
    pass


class _Escalation(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: dict[Language, str]
    lead: dict[Language, str]
    steps: dict[Language, list[str]]


class _Safety(RootModel[dict[str, _Escalation]]):
    pass


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
    finder = _read_toml(folder / "finder.toml", _Finder, problems)
    safety = _read_toml(folder / "safety.toml", _Safety, problems)
    root = folder / "topics"
    files = {path.relative_to(root).with_suffix("").as_posix(): path for path in sorted(root.rglob("*.md"))}
    read = (TopicReader(path, topic_id, values, problems).read() for topic_id, path in files.items())
    topics = {topic.id: topic for topic in read if topic is not None}
    if not files and not problems:
        problems.append(Problem(str(root), "folder", "holds no topic files; is STEADY_RESPONSES right?"))
    if sources is None or menu is None or finder is None or safety is None:
        return None, problems
    guidance = Guidance(
        topics,
        tuple(Guide(g.file, tuple(g.prefixes), g.title) for g in sources.guides.values()),
        {point: tuple(carriers) for point, carriers in sources.points.items()},
        tuple(Page(p.id, p.title, tuple(p.topics)) for p in menu.page),
        {name: Question(q.question, tuple(Answer(a.text, a.to) for a in q.answers)) for name, q in finder.root.items()},
        {
            name: Escalation(name, e.title, e.lead, {language: tuple(steps) for language, steps in e.steps.items()})
            for name, e in safety.root.items()
        },
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
        problems += from_pydantic(path.name, error)
    return None


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
    for topic_id in sorted(NEEDED - ids):
        yield Problem(f"topics/{topic_id}.md", "file", "is missing, and commands lead to it")
    yield from _check_pages(guidance, ids)
    yield from _check_finder(guidance)
    yield from _check_languages(guidance)


def _check_languages(guidance: Guidance) -> Iterable[Problem]:
    texts: list[tuple[str, str, Mapping[Language, object]]] = []
    texts += [("sources.toml", f"guides.{guide.file}.title", guide.title) for guide in guidance.guides]
    texts += [("menu.toml", f"page.{page.id}.title", page.title) for page in guidance.pages]
    for name, question in guidance.finder.items():
        texts += [("finder.toml", f"{name}.question", question.text)]
        texts += [("finder.toml", f"{name}.answers.{n}", a.text) for n, a in enumerate(question.answers, 1)]
    for name, escalation in guidance.escalations.items():
        texts += [
            ("safety.toml", f"{name}.title", escalation.title),
            ("safety.toml", f"{name}.lead", escalation.lead),
            ("safety.toml", f"{name}.steps", escalation.steps),
        ]
    for file, where, text in texts:
        for language in Language:
            if not text.get(language):
                yield Problem(file, where, f"lacks {language}")


def _check_finder(guidance: Guidance) -> Iterable[Problem]:
    """Yield what is wrong with the tree: a dead end, a loop, a path too long, a question or archetype left out."""
    file, reached = "finder.toml", set[str]()

    def follow(name: str, path: tuple[str, ...]) -> Iterable[Problem]:
        reached.add(name)
        if name.startswith("archetype/"):
            if name not in guidance.topics:
                yield Problem(file, path[-1], f"leads to {name!r}, which is no topic")
        elif name not in guidance.finder:
            yield Problem(file, path[-1] if path else name, f"leads to {name!r}, which is no question")
        elif len(path) >= LONGEST_PATH:
            yield Problem(file, name, f"is question {len(path) + 1} on the path {' > '.join(path)}; 3 at most")
        else:
            for answer in guidance.finder[name].answers:
                yield from follow(answer.to, (*path, name))

    yield from follow("start", ())
    for topic in guidance.of_kind("archetype"):
        if topic.id not in reached:
            yield Problem(file, "start", f"no path leads to {topic.id!r}")
    for name in guidance.finder:
        if name not in reached:
            yield Problem(file, name, "is never asked")


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
