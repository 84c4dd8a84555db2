"""A workspace's own guidance laid over the built-in one. Pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from chatbot.guidance import Guidance, Own, Page, Saying, Topic, TopicText
from chatbot.model import Language
from chatbot.strings import Strings
from chatbot.written import Words, Written

#: Where a team's topic leads that says nothing of it: commands lead there too, so they are always there.
_NEXT = ("calm", "firm", "hand-over")
#: Topics on one page of the menu.
_ON_A_PAGE = 10


@dataclass(frozen=True, slots=True)
class Live:
    """A piece that is published; `verified_until` is as it was confirmed last."""

    piece: int
    written: Written
    verified_until: date


def overlaid(guidance: Guidance, pieces: Sequence[Live], strings: Strings) -> Guidance:
    """Return the guidance with a workspace's pieces: new topics, and those that take the place of built-in ones."""
    if not pieces:
        return guidance
    topics = dict(guidance.topics)
    # More names for a built-in topic that this version has no more lead nowhere.
    pieces = [live for live in pieces if live.written.written or live.written.topic in topics]
    for live in pieces:
        topics[live.written.topic] = _topic(live, guidance.topics.get(live.written.topic))
    own = [live.written.topic for live in pieces if live.written.written]
    return replace(guidance, topics=topics, pages=(*guidance.pages, *_pages(own, strings)))


def names_of(pieces: Iterable[Live]) -> dict[str, str]:
    """Return each name that leads gave to a topic, with the topic's id."""
    return {
        name: live.written.topic
        for live in pieces
        for words in live.written.words.values()
        for name in (words.title, *words.aliases)
        if name
    }


def phrases_of(pieces: Iterable[Live]) -> list[tuple[str, str, Language]]:
    """Return what agents may type to get each topic: the text, the topic's id, the language."""
    return [
        (text, live.written.topic, language)
        for live in pieces
        for language, words in live.written.words.items()
        for text in (*words.phrases, *words.aliases, words.title)
        if text
    ]


def _topic(live: Live, built_in: Topic | None) -> Topic:
    written = live.written
    aliases = {
        language: (*_built_in_names(built_in, language), *written.words.get(language, Words()).aliases)
        for language in Language
    }
    if built_in and not written.written:  # only names and phrases for the card
        return replace(built_in, aliases=aliases)
    own = Own(
        written.owner_name or written.owner,
        live.verified_until,
        written.written,
        written.instead,
        written.audience,
        tips=frozenset(language for language, words in written.words.items() if words.tip),
    )
    shown = {language: language if language in own.written else own.instead for language in Language}
    texts = {language: _text(written.words[shown[language]], built_in, shown[language]) for language in Language}
    if built_in:
        return replace(built_in, aliases=aliases, texts=texts, own=own)
    return Topic(written.topic, "move", (), _NEXT, aliases, texts, own)


def _built_in_names(topic: Topic | None, language: Language) -> tuple[str, ...]:
    """Return what a built-in topic is called, its title too: people know it, whatever a lead calls the card."""
    return (*topic.aliases.get(language, ()), topic.texts[language].title) if topic else ()


def _text(words: Words, built_in: Topic | None, language: Language) -> TopicText:
    # What a lead does not write, such as what to avoid, is still the guide's.
    sections = dict(built_in.texts[language].sections) if built_in else {}
    if words.tip:
        sections["tips"] = (words.tip,)
    return TopicText(words.title, words.lead, words.steps, tuple(Saying(text) for text in words.say), sections)


def _pages(topics: Sequence[str], strings: Strings) -> Iterable[Page]:
    title = {language: strings("leads.page", language) for language in Language}
    starts = range(0, len(topics), _ON_A_PAGE)
    ids = ["team" if not start else f"team-{start // _ON_A_PAGE + 1}" for start in starts]
    for start, page, following in zip(starts, ids, [*ids[1:], ""], strict=False):
        yield Page(page, title, tuple(topics[start : start + _ON_A_PAGE]), following)
