"""Dates, times and lists as people of each language write them; CLDR's ways, by the library Babel."""

from collections.abc import Sequence
from datetime import date, datetime, time

from babel.dates import format_date, get_day_names
from babel.lists import format_list

from chatbot.model import Language
from chatbot.zones import zone_named

_DAY = {
    Language.EN: "EEEE d MMMM",
    Language.DE: "EEEE, d. MMMM",
    Language.RU: "EEEE, d MMMM",
    Language.KA: "EEEE, d MMMM",
}


def day(value: date, language: Language) -> str:
    """Return a date with its weekday: "Monday 23 November"."""
    return format_date(value, _DAY[language], locale=_locale(language))


def clock(value: time | datetime) -> str:
    """Return a time of day; all four languages write 09:30 so at work."""
    return f"{value:%H:%M}"


def local_day(moment: datetime, zone: str, language: Language) -> str:
    """Return the local date of a moment."""
    return day(moment.astimezone(zone_named(zone)).date(), language)


def local_clock(moment: datetime, zone: str) -> str:
    """Return the local time of a moment."""
    return clock(moment.astimezone(zone_named(zone)))


def weekdays(days: frozenset[int], language: Language) -> str:
    """Return the names of weekdays, 0 for Monday, in a list."""
    names = get_day_names("wide", "stand-alone", locale=_locale(language))
    return listed([names[number] for number in sorted(days)], language)


def weekday(number: int, language: Language) -> str:
    """Return the name of a weekday, 0 for Monday."""
    return str(get_day_names("wide", "stand-alone", locale=_locale(language))[number])


def listed(items: Sequence[str], language: Language, *, either: bool = False) -> str:
    """Return items in a sentence: "a, b, and c", or "a, b, or c"."""
    return format_list(list(items), style="or" if either else "standard", locale=_locale(language))


def _locale(language: Language) -> str:
    # Day before month, as everywhere but in the United States, whose readers understand it too.
    return "en_GB" if language is Language.EN else str(language)
