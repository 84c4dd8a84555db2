"""The guidance library: topics in every language, and how to find one by any of its names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

from chatbot.model import Language

Kind = Literal["move", "archetype", "step"]

#: What the id of a topic begins with that a team's leads added.
TEAM = "team/"


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
class Own:
    """Whose word a topic is that a team's leads wrote, and the languages they wrote it in.

    A reader of another language is shown the one in `instead`. `audience` names those it is for, if not for all.
    `tips` are the languages in which the tip too is theirs, and not the guide's.
    """

    owner: str
    verified_until: date
    written: frozenset[Language]
    instead: Language
    audience: tuple[str, ...] = ()
    tips: frozenset[Language] = frozenset()


@dataclass(frozen=True, slots=True)
class Topic:
    """A piece of guidance in every language; `own` if it is that of a team, and not the product's."""

    id: str
    kind: Kind
    sources: tuple[str, ...]
    next: tuple[str, ...]
    aliases: Mapping[Language, tuple[str, ...]]
    texts: Mapping[Language, TopicText]
    own: Own | None = None

    def shown_in(self, language: Language) -> Language:
        """Return the language that a reader of `language` is shown this in."""
        return language if self.own is None or language in self.own.written else self.own.instead


@dataclass(frozen=True, slots=True)
class Guide:
    """A published guide that points are taken from."""

    file: str
    prefixes: tuple[str, ...]
    title: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the menu: some topics under one heading. `following` is the id of the page that goes on with it."""

    id: str
    title: Mapping[Language, str]
    topics: tuple[str, ...]
    following: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a question of the finder, and where it leads: a question's id or an archetype."""

    text: Mapping[Language, str]
    to: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the archetype finder."""

    text: Mapping[Language, str]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """What to do first when coaching is not what is needed."""

    id: str
    title: Mapping[Language, str]
    lead: Mapping[Language, str]
    steps: Mapping[Language, tuple[str, ...]]


@dataclass(frozen=True)
class Guidance:
    """All topics, by id, and what is needed to find and cite them; the finder starts at its question "start"."""

    topics: Mapping[str, Topic]
    guides: tuple[Guide, ...]
    points: Mapping[str, tuple[str, ...]]
    pages: tuple[Page, ...]
    finder: Mapping[str, Question]
    escalations: Mapping[str, Escalation]

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
                if topic.shown_in(language) is language:
                    enter(text.title, topic.id, language)
        everywhere = frozenset(Language)
        for topic_id in self.topics:
            found[fold(topic_id)] = (topic_id, everywhere)
        return found

    @cached_property
    def tips(self) -> Mapping[Language, Mapping[str, str]]:
        """Return the tips of each language by id: the topic's, and the number of the tip."""
        return {
            language: {
                f"{topic.id}#{number}": text
                for topic in self.topics.values()
                if topic.shown_in(language) is language
                for number, text in enumerate(topic.texts[language].section("tips"), 1)
            }
            for language in Language
        }

    @property
    def owners(self) -> Mapping[str, str]:
        """Return folded name or alias -> topic id."""
        return {name: topic_id for name, (topic_id, _) in self.names.items()}

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
