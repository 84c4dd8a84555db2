"""Messages that need help rather than coaching: recognised by the patterns of responses/safety-patterns.toml.

The file explains the little language the patterns are written in; here they are compiled and matched.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from chatbot.errors import ContentError, Problem
from chatbot.recognition.normalise import latin, plain

_FILE = "safety-patterns.toml"
#: When several cards fit, the first of these is shown.
ORDER = ("self-harm", "emergency", "threat", "harassment", "crisis")
#: Words that a gap may span, and words between the two halves of `a <> b`.
_GAPS = {".": 1, "..": 3, "...": 7, "<>": 6}
#: Length of the word beginnings by which the patterns worth trying are found.
_BEGINNING = 4
_NOTHING: tuple[int, tuple[int, ...]] = (0, ())
#: How the letters that people type in different ways are typed, beside the spelling that `latin` gives them.
_TYPED = {
    "ru": {"ж": "j", "ь": "i", "й": "j", "ся": "sa", "ые": "ye", "ц": "c"},
    "ka": {"ყ": "y", "წ": "w", "ფ": "f", "ხ": "x", "შ": "s", "ჭ": "ts", "ჟ": "j"},
}
_UMLAUTS = {"ä": "(?:ä|ae?)", "ö": "(?:ö|oe?)", "ü": "(?:ü|ue?)"}
_WITHOUT_DOTS = str.maketrans("äöü", "aou")


@dataclass(frozen=True)
class Pattern:
    """One entry of the file: `doubtful` ones count only in messages without a word that makes them harmless."""

    language: str
    escalation: str
    source: str
    doubtful: bool
    compiler: "_Compiler"

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Return the compiled pattern; compiled at first need, for all at once would delay the start by seconds."""
        return re.compile(self.compiler.regex(self.source))


@dataclass(frozen=True)
class _Language:
    """What the patterns of one language share."""

    idioms: re.Pattern[str] | None
    ordinary: re.Pattern[str] | None
    negations: frozenset[str]
    reach: int
    is_latin: bool


class SafetyPatterns:
    """The compiled patterns of all languages."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.patterns: list[Pattern] = []
        self._languages: dict[str, _Language] = {}
        #: For text as it is typed, and for text in loose Latin letters.
        self._beginnings = (_Beginnings(), _Beginnings())
        for tag, part in content.items():
            self._add(tag, part)
        self._rank = {name: place for place, name in enumerate(ORDER)}

    def matches(self, text: str) -> list[Pattern]:
        """Return all patterns that a message matches, the most urgent card's first."""
        spelled = plain(text)
        both = (f"{spelled} ", f"{latin(spelled)} ")
        found = [self.patterns[i] for i in self._candidates(both) if self._applies(self.patterns[i], both)]
        return sorted(found, key=lambda pattern: self._rank[pattern.escalation])

    def touched_by(self, text: str) -> bool:
        """Return whether a message matches any pattern, be it denied, an idiom or an ordinary matter."""
        spelled = plain(text)
        both = (f"{spelled} ", f"{latin(spelled)} ")
        found = map(self.patterns.__getitem__, self._candidates(both))
        return any(one.regex.search(both[self._languages[one.language].is_latin]) for one in found)

    def _candidates(self, both: tuple[str, str]) -> list[int]:
        found = {
            number
            for spelled, beginnings in zip(both, self._beginnings, strict=True)
            for number in beginnings.candidates(spelled.split())
        }
        return sorted(found)

    def _applies(self, pattern: Pattern, both: tuple[str, str]) -> bool:
        language = self._languages[pattern.language]
        text = both[language.is_latin]
        if not pattern.regex.search(text):
            return False
        if language.idioms:
            text = language.idioms.sub("", text)
        if pattern.doubtful and language.ordinary and language.ordinary.search(text):
            return False
        for match in pattern.regex.finditer(text):
            before = text[max(0, match.start() - 60) : match.start()].split()[-language.reach :]
            if language.negations.isdisjoint(before):
                return True
        return False

    def _add(self, tag: str, part: Mapping[str, Any]) -> None:
        compiler = _Compiler(tag, part)
        self._languages[tag] = _Language(
            idioms=compiler.joined(part["idioms"]),
            ordinary=compiler.joined(part["ordinary"]),
            negations=frozenset(s for word in part["negations"].split("|") for s in compiler.spellings(word)),
            reach=part["reach"],
            is_latin=compiler.is_latin,
        )
        for doubtful in (False, True):
            for escalation, sources in part["doubtful" if doubtful else "sure"].items():
                for source in sources:
                    number = len(self.patterns)
                    self.patterns.append(Pattern(tag, escalation, source, doubtful, compiler))
                    self._beginnings[compiler.is_latin].add(number, compiler.beginnings(source))


class _Beginnings:
    """Which patterns are worth trying: those for each of whose words the text has one that begins alike.

    What is needed and what a text has are the bits of whole numbers: to compare them takes one step a pattern.
    """

    def __init__(self) -> None:
        self._bits: dict[frozenset[str], int] = {}
        self._needs: dict[int, int] = {}
        # From a beginning to the bits that a word with it gives, and to the patterns whose most telling word it begins.
        self._begun: dict[str, tuple[int, tuple[int, ...]]] = {}
        # Most words of most messages are the same few thousand.
        self._of_word = lru_cache(maxsize=4096)(self._look_up)

    def add(self, number: int, needed: Sequence[Set[str]]) -> None:
        """Add a pattern: how each word that it must have may begin, the most telling word first."""
        self._needs[number] = 0
        for starts in map(frozenset, needed):
            if starts not in self._bits:
                bit = self._bits[starts] = 1 << len(self._bits)
                for start in starts:
                    gives, numbers = self._begun.get(start, (0, ()))
                    self._begun[start] = gives | bit, numbers
            self._needs[number] |= self._bits[starts]
        for start in needed[0]:
            gives, numbers = self._begun[start]
            self._begun[start] = gives, (*numbers, number)

    def candidates(self, words: Sequence[str]) -> list[int]:
        """Return the patterns whose words a text may have."""
        has = 0
        told: list[int] = []
        for gives, numbers in map(self._of_word, words):
            has |= gives
            told += numbers
        lacks = ~has
        return [number for number in told if not self._needs[number] & lacks]

    def _look_up(self, word: str) -> tuple[int, tuple[int, ...]]:
        all_given = 0
        told: tuple[int, ...] = ()
        for start in (f"{word} ", word[:1], word[:2], word[:3], word[:_BEGINNING]):
            gives, numbers = self._begun.get(start, _NOTHING)
            all_given |= gives
            told += numbers
        return all_given, told


class _Compiler:
    """Turns the patterns of one language into regular expressions over text in which a space follows each word.

    English and German are matched as they are typed; Russian and Georgian in loose Latin letters, into which their
    patterns are brought word by word, so that native and Latin spellings match alike.
    """

    def __init__(self, tag: str, part: Mapping[str, Any]) -> None:
        self.is_latin = tag in _TYPED
        self._typed = _TYPED.get(tag, {})
        self._words: Mapping[str, str] = part["words"]
        negations = "|".join(self._alternative(word) for word in part["negations"].split("|"))
        self._between = rf"(?:(?!(?:{negations}))\S+ )"

    def regex(self, source: str) -> str:
        """Return the regular expression of a pattern."""
        first, either, second = source.partition(" <> ")
        if not either:
            return rf"(?<!\S){self._run(source)}"
        one, other, gap = self._run(first), self._run(second), f"{self._between}{{0,{_GAPS['<>']}}}"
        return rf"(?<!\S)(?:{one}{gap}{other}|{other}{gap}{one})"

    def joined(self, sources: Iterable[str]) -> re.Pattern[str] | None:
        """Return one regular expression for any of several patterns, None if there are none."""
        joined = "|".join(self.regex(source) for source in sources)
        return re.compile(joined) if joined else None

    def beginnings(self, source: str) -> list[set[str]]:
        """Return how each word that a pattern must have may begin, the most telling word first.

        A whole word has a space behind it.
        """
        needed = [piece for piece in source.split() if piece not in _GAPS and not piece.endswith("?")]
        found = [{start for name in self._named(piece) for start in self._starts(name)} for piece in needed]
        return sorted(found, key=lambda starts: -min(map(len, starts)))

    def _starts(self, name: str) -> Iterator[str]:
        spellings = self.spellings(name.removesuffix("*"))
        # One umlaut may be typed in one way and the next in another: then only the beginning is sure.
        umlauts = {umlaut for umlaut in _UMLAUTS if any(umlaut in spelling for spelling in spellings)}
        for umlaut in umlauts:
            base = umlaut.translate(_WITHOUT_DOTS)
            spellings |= {spelling.replace(umlaut, way) for spelling in spellings for way in (f"{base}e", base)}
        for spelling in spellings:
            first, *more = spelling.split()
            whole = not umlauts and (more or not name.endswith("*"))
            yield f"{first} " if whole else first[:_BEGINNING]

    def spellings(self, word: str) -> set[str]:
        """Return the spellings in which a word, or several joined with "_", stands in the text."""
        word = plain(word.replace("_", " "))
        if not self.is_latin:
            return {word}
        choices: list[tuple[str, ...]] = []
        place = 0
        while place < len(word):
            length = 2 if word[place : place + 2] in self._typed else 1
            letter = word[place : place + length]
            choices.append((letter, self._typed[letter]) if letter in self._typed else (letter,))
            place += length
        # A person types a letter in one way throughout, but a word has few such letters: all combinations are simpler.
        return {latin("".join(choice)) for choice in product(*choices)}

    def _run(self, source: str) -> str:
        return "".join(self._piece(piece) for piece in source.split())

    def _piece(self, piece: str) -> str:
        if piece in _GAPS:
            return f"{self._between}{{0,{_GAPS[piece]}}}"
        optional = piece.endswith("?")
        alternatives = "|".join(self._alternative(name) for name in self._named(piece.removesuffix("?")))
        return f"(?:{alternatives})" + ("?" if optional else "")

    def _alternative(self, name: str) -> str:
        spellings = sorted(self.spellings(name.removesuffix("*")))
        joined = "|".join(re.escape(spelling) for spelling in spellings)
        if not self.is_latin:
            joined = "".join(_UMLAUTS.get(letter, letter) for letter in joined)
        return f"(?:{joined})" + (r"\S* " if name.endswith("*") else " ")

    def _named(self, piece: str) -> Iterator[str]:
        for name in piece.split("|"):
            if name.startswith("$"):
                yield from self._named(self._words[name[1:]])
            else:
                yield name


def load_patterns(folder: Path) -> SafetyPatterns:
    """Read safety-patterns.toml in `folder`. Raises ContentError if it can't be used."""
    try:
        content = tomllib.loads((folder / _FILE).read_text(encoding="utf-8"))
        unknown = {name for part in content.values() for kind in ("sure", "doubtful") for name in part[kind]} - {*ORDER}
        if unknown:
            raise ContentError(
                [Problem(_FILE, name, f"is no escalation; those are {', '.join(ORDER)}") for name in unknown]
            )
        return SafetyPatterns(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ContentError([Problem(_FILE, "file", f"can't be read: {error}")]) from error
    except (KeyError, TypeError, AttributeError, re.error) as error:
        raise ContentError([Problem(_FILE, "patterns", f"can't be used: {error!r}")]) from error
