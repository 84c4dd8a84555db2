"""What people type after `tips on`: a time, a place, days and wishes, in any order and four languages."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from chatbot import days_off
from chatbot import tip_patterns as patterns
from chatbot.errors import SteadyError
from chatbot.language import legible, split_language
from chatbot.model import Language
from chatbot.tip_dates import FURTHEST, STRETCH, read_day, read_until, weekday_of
from chatbot.tips import EVERY_DAY
from chatbot.zones import find_zone, zones_at_offset, zones_near

#: Longer requests are refused unread.
LONGEST = 1_000
_SHOWN = 40

Kind = Literal["time", "zone", "weekday", "holidays", "date", "topic", "rest", "too_long"]
FindTopic = Callable[[str], str | None]


class NotUnderstood(SteadyError):  # noqa: N818 - it says what happened
    """A word of a request says nothing that we know; the command layer puts it in the agent's language.

    `word` is at most 40 characters of what was typed, `suggestions` at most three things to type instead.
    """

    def __init__(self, kind: Kind, word: str = "", suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(kind)
        self.kind: Kind = kind
        self.word = legible(word).strip()[:_SHOWN]
        self.suggestions = suggestions[:3]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; None is what was not said.

    `holidays` is "" for "holidays none", `topics` empty for "topics all".
    """

    at: time | None = None
    zone: str | None = None
    weekdays: frozenset[int] | None = None
    weekly: bool | None = None
    language: Language | None = None
    holidays: str | None = None
    blackouts: tuple[tuple[date, date], ...] | None = None
    topics: tuple[str, ...] | None = None


def read_request(text: str, today: date, find_topic: FindTopic) -> Wanted:
    """Read what follows `tips on`; `find_topic` gives the id of a topic by its name. Raises NotUnderstood."""
    tidy = _tidy(text)
    low = _low(tidy)
    # A wrong word is quoted as typed, as long as small letters take up the same places.
    return _Reading(tidy if len(low) == len(tidy) else low, low, today, find_topic).run()


def read_until_day(text: str, today: date) -> date:
    """Read what follows `pause until`: a date, "tomorrow", "monday", "2 weeks". Raises NotUnderstood."""
    tidy = _tidy(text)
    until = read_until(_low(tidy).rstrip(",!"), today)
    if until is None:
        raise NotUnderstood("date", tidy)
    return until


_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))  # left by copying from documents and web pages
_ALIKE = str.maketrans(dict.fromkeys("–—−‑‐‒", "-") | dict.fromkeys('"“”„«»‘()[]', " ") | {"’": "'"})


def _tidy(text: str) -> str:
    """Return a text with single spaces and one kind of hyphen. Raises NotUnderstood if it isn't plain writing."""
    if len(text) > LONGEST:
        raise NotUnderstood("too_long")
    tidy = unicodedata.normalize("NFKC", text.translate(_UNSEEN)).translate(_ALIKE)
    tidy = " ".join(tidy.split())
    if len(tidy) > LONGEST:
        raise NotUnderstood("too_long")
    for letter in tidy:
        # Controls, turns of the writing direction, halves of letters.
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn"):
            raise NotUnderstood("rest", tidy)
    return tidy


def _low(text: str) -> str:
    return text.lower().replace("ё", "е")


@dataclass(slots=True)
class _Reading:
    """One reading from left to right; each reader takes what it knows and says whether it took anything."""

    text: str
    low: str
    today: date
    find_topic: FindTopic
    place: int = 0
    after_topics: int = -1
    at: time | None = None
    zone: str | None = None
    weekdays: frozenset[int] = frozenset()
    weekly: bool | None = None
    language: Language | None = None
    holidays: str | None = None
    blackouts: tuple[tuple[date, date], ...] = ()
    topics: tuple[str, ...] | None = None

    def run(self) -> Wanted:
        readers = (
            self._topics, self._holidays, self._blackouts, self._weekly, self._days, self._language, self._time,
            self._zone,
        )  # fmt: skip
        while True:
            self._take(patterns.GAP)
            if self.place == len(self.low):
                break
            if not any(reader() for reader in readers) and not self._take(patterns.FILLER):
                raise self._unknown()
        return Wanted(
            self.at,
            self.zone,
            self.weekdays or None,
            self.weekly,
            self.language,
            self.holidays,
            self.blackouts or None,
            self.topics,
        )

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.low, self.place)
        if match:
            self.place = match.end()
        return match

    def _word(self) -> str:
        """Return the next word, as typed."""
        match = patterns.WORD.match(self.low, self.place)
        return self.text[self.place : match.end()] if match else ""

    def _ahead(self, most: int) -> Iterator[tuple[int, str]]:
        """Yield the next words together, from the most down to one, and where they end."""
        found: list[tuple[int, str]] = []
        end = self.place
        while len(found) < most and (match := patterns.WORD.match(self.low, end)):
            found.append((match.end(), self.low[self.place : match.end()]))
            if self.low[match.end() : match.end() + 1] != " ":
                break
            end = match.end() + 1
        return reversed(found)

    def _once(self, kind: Kind, known: object, start: int) -> None:
        """Refuse a second word on what was already said."""
        if known is not None:
            raise NotUnderstood(kind, self.text[start : self.place])

    def _topics(self) -> bool:
        start = self.place
        if not self._take(patterns.TOPICS):
            return False
        self._once("topic", self.topics, start)
        if self._take(patterns.ALL):
            self.topics = ()
            return True
        found: list[str] = []
        while topic := self._topic():
            found.append(topic)
            comma = patterns.COMMA.match(self.low, self.place)
            if not comma:
                break
            self.place = comma.end()
        else:
            if not found:
                raise NotUnderstood("topic", self._word() or self.text[start:])
            self.after_topics = self.place
        self.topics = tuple(dict.fromkeys(found))
        return True

    def _topic(self) -> str | None:
        for end, words in self._ahead(8):
            topic = self.find_topic(words)
            if topic:
                self.place = end
                return topic
        return None

    def _holidays(self) -> bool:
        start = self.place
        keyword = self._take(patterns.HOLIDAYS)
        if not keyword:
            return False
        self._once("holidays", self.holidays, start)
        self._take(patterns.GAP)
        if self._take(patterns.NO_HOLIDAYS):
            self.holidays = ""
            return True
        word = self._word()
        found = self._take(patterns.REGION)
        code = found["country"] + (f"-{found['region']}" if found["region"] else "") if found else word.lower()
        known = patterns.COUNTRIES.get(code) or days_off.known(code)
        land = days_off.known(f"de-{code}") if keyword["german"] else None
        if known and land:
            # "Feiertage BY" means Bavaria's, most likely; but BY is Belarus.
            country = next((name for name, of in patterns.COUNTRIES.items() if of == known), known)
            raise NotUnderstood("holidays", word, (land, country.title() if len(country) > 2 else country))
        if not (known or land):
            regions = days_off.regions_of(code[:2])
            near = difflib.get_close_matches(code[:_SHOWN].upper(), regions, cutoff=0.5) or regions
            named = difflib.get_close_matches(code[:_SHOWN], patterns.COUNTRIES, cutoff=0.75)
            raise NotUnderstood(
                "holidays",
                word,
                tuple(dict.fromkeys(patterns.COUNTRIES[name] for name in named)) or tuple(near) or ("DE", "RU", "GE"),
            )
        if not found:
            self.place += len(word)
        self.holidays = known or land
        return True

    def _blackouts(self) -> bool:
        if not self._take(patterns.NOT):
            return False
        while True:
            start = self.place
            match = self._take(STRETCH)
            if not match:
                raise NotUnderstood("date", self._word())
            first = read_day(match[1], self.today)
            last = read_day(match[2], first) if first and match[2] else first
            if not first or not last or last > self.today + FURTHEST:
                raise NotUnderstood("date", self.text[start : self.place])
            self.blackouts += ((first, last),)
            comma = patterns.COMMA.match(self.low, self.place)
            following = STRETCH.match(self.low, comma.end()) if comma else None
            # After a comma, 9.30 is rather a time; 9.3. and 9.3.2027 are dates.
            if not comma or not following or re.fullmatch(r"[0-9]+\.[0-9]{2}", following[0]):
                return True
            self.place = comma.end()

    def _weekly(self) -> bool:
        start = self.place
        if not self._take(patterns.WEEKLY):
            return False
        self._once("weekday", self.weekly, start)
        self.weekly = True
        return True

    def _days(self) -> bool:
        start = self.place
        for days, words in patterns.DAYS:
            if self._take(words):
                self.weekdays |= days
                if days == EVERY_DAY:
                    self._once("weekday", self.weekly, start)
                    self.weekly = False
                return True
        first = self._take(patterns.DAY)
        if not first:
            return False
        to = patterns.TO.match(self.low, self.place)
        until = to.end() if to else self.place + 1 if first[1].endswith("დან") else None
        last = patterns.DAY.match(self.low, until) if until else None
        begin = weekday_of(first[1]) or 0
        end = begin
        if last:
            self.place = last.end()
            end = weekday_of(last[1]) or 0
        self.weekdays |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
        return True

    def _language(self) -> bool:
        start = self.place
        for end, words in self._ahead(3):
            rest, language = split_language(words)
            if language and not rest:
                self.place = end
                self._once("rest", self.language, start)
                self.language = language
                return True
        return False

    def _time(self) -> bool:
        start = self.place
        match = self._take(patterns.TIME)
        if not match:
            return False
        self._once("time", self.at, start)
        hour = int(match["h1"] or match["h2"] or match["h3"])
        minute = int(match["m1"] or match["m2"] or match["m3"] or 0)
        if match["am"] or match["am2"]:
            hour = {12: 0}.get(hour, hour if hour < 12 else 24)
        elif match["pm"] or match["pm2"]:
            hour += 12 * (hour < 12)
        if hour > 23 or minute > 59:
            raise NotUnderstood("time", self.text[start : self.place])
        self.at = time(hour, minute)
        return True

    def _zone(self) -> bool:
        start = self.place
        for end, words in self._ahead(3):
            zone = find_zone(words)
            if zone:
                self.place = end
                self._once("zone", self.zone, start)
                self.zone = zone
                return True
        return False

    def _unknown(self) -> NotUnderstood:
        """Make the error for the word at this place: of the kind that it comes nearest to."""
        word = self._word()
        low = word.lower()[:_SHOWN].strip(".:!?")
        if self.place == self.after_topics:
            return NotUnderstood("topic", word)
        if cities := zones_at_offset(low, self.today):
            return NotUnderstood("zone", word, cities)
        if re.match(r"[0-9]+[./-][0-9]+[./-]?", low) and not re.fullmatch(r"[0-9]+\.[0-9]+", low):
            return NotUnderstood("date", word)
        if re.match(r"[0-9]", low):
            return NotUnderstood("time", word)
        if "/" in low or re.match(r"(?:utc|gmt)?[+-]?[0-9]", low):
            return NotUnderstood("zone", word, zones_near(low))
        if near := difflib.get_close_matches(low, patterns.WEEKDAY_SAMPLES, cutoff=0.8):
            return NotUnderstood("weekday", word, tuple(near))
        if near := difflib.get_close_matches(low, patterns.OTHER_SAMPLES, cutoff=0.8):
            return NotUnderstood("rest", word, tuple(near))
        zones = zones_near(low)
        return NotUnderstood("zone" if zones else "rest", word, zones)
