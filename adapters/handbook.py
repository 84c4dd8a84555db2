"""The printable handbook: all guidance of one language as a single page that stands alone."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chatbot.guidance import Guidance, Topic
from chatbot.model import Language, quoted
from chatbot.strings import Strings


class Chapter(NamedTuple):
    """Topics under one heading."""

    id: str
    title: str
    topics: Sequence[Topic]


def handbook(guidance: Guidance, strings: Strings, language: Language, contacts: Mapping[str, Sequence[str]]) -> str:
    """Return the handbook as HTML with its styles in it and nothing to load from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["quote"] = partial(quoted, language=language)
    chapters = [
        Chapter("steps", strings("handbook.steps", language), guidance.of_kind("step")),
        *(
            Chapter(page.id, page.title[language], [guidance.topics[topic_id] for topic_id in page.topics])
            for page in guidance.pages
        ),
        Chapter("archetypes", strings("handbook.archetypes", language), guidance.of_kind("archetype")),
    ]
    return environment.get_template("handbook.html").render(
        language=language,
        chapters=chapters,
        topics=guidance.topics,
        escalations=list(guidance.escalations.values()),
        contacts=contacts,
        guides=guidance.guides,
        t=lambda key, **values: strings(key, language, **values),
        quoted=partial(quoted, language=language),
        anchor=lambda topic_id: "topic-" + topic_id.replace("/", "-"),
    )
