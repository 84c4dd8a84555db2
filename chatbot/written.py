"""What a lead writes: its parts, how it is tidied and kept, and what makes one version differ from another.

All of it is text. None is a template or markup, so nothing is escaped here either: each renderer shows it literally.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from dataclasses import field as made_by
from datetime import date
from typing import Any

from chatbot.guidance import TEAM
from chatbot.model import Language


@dataclass(frozen=True, slots=True)
class Words:
    """A piece in one language; "" and () where nothing is written. `phrases` are what agents may type to get it."""

    title: str = ""
    lead: str = ""
    steps: tuple[str, ...] = ()
    say: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    tip: str = ""
    phrases: tuple[str, ...] = ()

    @property
    def is_card(self) -> bool:
        """Return whether this is a card, or only more names and phrases for a built-in one."""
        return bool(self.title or self.lead or self.steps or self.say or self.tip)


@dataclass(frozen=True, slots=True)
class Written:
    """A piece as its lead wrote it.

    `topic` is the built-in one it takes the place of, one of the team's own, or "" for a new one. `owner` and `deputy`
    are ids of people, with their names beside them; `audience` names those it is for.
    """

    topic: str
    words: Mapping[Language, Words]
    owner: str
    deputy: str
    verified_until: date
    audience: tuple[str, ...] = ()
    owner_name: str = ""
    deputy_name: str = ""

    @property
    def written(self) -> frozenset[Language]:
        """Return the languages that have a card."""
        return frozenset(language for language, words in self.words.items() if words.is_card)

    @property
    def instead(self) -> Language:
        """Return the language shown to readers of those that nothing is written in."""
        return next((language for language in Language if language in self.written), Language.EN)

    def title(self, language: Language) -> str:
        """Return the title in a language or else another, or the topic's id if there is none."""
        titles = {tag: words.title for tag, words in self.words.items() if words.title}
        return titles.get(language) or titles.get(Language.EN) or next(iter(titles.values()), self.topic)


@dataclass(frozen=True, slots=True)
class Change:
    """A field that two versions differ in; `language` is None for what belongs to all."""

    language: Language | None
    field: str
    before: str
    after: str


_BLANKS = re.compile(r"\s+")


def tidy_line(text: str) -> str:
    """Return a text as one line, without what shows nothing: control characters, and those that turn the direction."""
    shown = (" " if mark.isspace() else mark for mark in text if mark.isspace() or _shows(mark))
    return _BLANKS.sub(" ", "".join(shown)).strip()


def _shows(mark: str) -> bool:
    return not unicodedata.category(mark).startswith("C")


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of what was typed into a field, tidied, empty ones left out."""
    return _tidied(text.splitlines())


def listed(text: str) -> tuple[str, ...]:
    """Return what stands between commas or on lines of its own, tidied."""
    return _tidied(re.split(r"[,;\n]", text))


def _tidied(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for item in items if (line := tidy_line(item))))


def tidied(written: Written) -> Written:
    """Return a piece with each of its texts tidied, and languages left out in which nothing is written."""
    words: dict[Language, Words] = {}
    for language in Language:  # in one order, so that equal pieces are kept as equal text
        given = written.words.get(language)
        if given is None:
            continue
        made = Words(
            tidy_line(given.title),
            tidy_line(given.lead),
            _tidied(given.steps),
            _tidied(given.say),
            _tidied(given.aliases),
            tidy_line(given.tip),
            _tidied(given.phrases),
        )
        if made != Words():
            words[language] = made
    return replace(
        written,
        topic=tidy_line(written.topic),
        words=words,
        audience=_tidied(written.audience),
        owner_name=tidy_line(written.owner_name),
        deputy_name=tidy_line(written.deputy_name),
    )


def to_plain(written: Written) -> dict[str, Any]:
    """Return a piece as what JSON can hold, for `from_plain`; `topic` is left out, the piece has it."""
    content = {name: getattr(written, name) for name in Written.__slots__}
    del content["topic"]
    content["words"] = {str(language): asdict(words) for language, words in written.words.items()}
    content["verified_until"] = written.verified_until.isoformat()
    return content


def from_plain(topic: str, plain: Mapping[str, Any]) -> Written:
    """Return what `to_plain` gave."""
    content = dict(plain)
    words = {Language(tag): _words(given) for tag, given in content.pop("words").items()}
    until = date.fromisoformat(content.pop("verified_until"))
    audience = tuple(content.pop("audience"))
    return Written(topic=topic, words=words, verified_until=until, audience=audience, **content)


def _words(given: Mapping[str, Any]) -> Words:
    values: dict[str, Any] = {name: tuple(of) if isinstance(of, list) else of for name, of in given.items()}
    return Words(**values)


def diff(old: Written, new: Written) -> list[Change]:
    """Return each field that differs, lists as lines."""
    return list(_changes(old, new))


def _changes(old: Written, new: Written) -> Iterator[Change]:
    for language in Language:
        before, after = (asdict(written.words.get(language, Words())) for written in (old, new))
        for name, was in before.items():
            if was != after[name]:
                yield Change(language, name, _text(was), _text(after[name]))
    shared = (
        ("owner", old.owner_name or old.owner, new.owner_name or new.owner),
        ("deputy", old.deputy_name or old.deputy, new.deputy_name or new.deputy),
        ("verified_until", old.verified_until.isoformat(), new.verified_until.isoformat()),
        ("audience", _text(old.audience), _text(new.audience)),
    )
    for name, was, now in shared:
        if was != now:
            yield Change(None, name, was, now)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(value)


def added_names(old: Written, new: Written) -> Mapping[Language, Words] | None:
    """Return the names and phrases that a piece got, by language; None if anything else of it became different."""
    names: dict[Language, Words] = {}
    for language in Language:
        before, after = old.words.get(language, Words()), new.words.get(language, Words())
        more = Words(
            aliases=tuple(name for name in after.aliases if name not in before.aliases),
            phrases=tuple(text for text in after.phrases if text not in before.phrases),
        )
        if more != Words():
            names[language] = more
    return names if with_names(old, names) == new else None


def with_names(written: Written, names: Mapping[Language, Words]) -> Written:
    """Return a piece with more names and phrases at the end; those that it has already are left out.

    A team's own topic that has no card in their language gets them in one that it has: any is found in all.
    """
    words = dict(written.words)
    for of, more in names.items():
        foreign = written.topic.startswith(TEAM) and of not in written.written
        language = written.instead if foreign else of
        known = words.get(language, Words())
        aliases = tuple(dict.fromkeys((*known.aliases, *more.aliases)))
        phrases = tuple(dict.fromkeys((*known.phrases, *more.phrases)))
        words[language] = replace(known, aliases=aliases, phrases=phrases)
    return replace(written, words={language: words[language] for language in Language if language in words})


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with a field: a sentence of strings.toml with its values. Only what `blocks` must be mended."""

    language: Language | None
    field: str
    key: str
    values: Mapping[str, object] = made_by(default_factory=dict)
    blocks: bool = True
