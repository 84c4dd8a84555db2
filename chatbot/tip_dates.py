"""Days as people type them: dates, weekdays and stretches of time, in four languages.

Patterns are for text in small letters with е for ё and plain hyphens, as `chatbot.tip_words` makes it.
"""

import re
from datetime import date, timedelta

#: Dates further ahead than this are taken for slips.
FURTHEST = timedelta(days=2 * 366)

#: Monday to Sunday. Georgian კვირა is Sunday and week both: after a number it is a week.
_WEEKDAYS = (
    r"mondays?|mon|montags?|mo|понедельник\w*|пн|ორშ\w*",
    r"tuesdays?|tues?|dienstags?|di|вторник\w*|вт|სამშ\w*",
    r"wednesdays?|weds?|mittwochs?|mi|сред(?:а|у|ы|ам|е|ой)|ср|ოთხშ\w*",
    r"thursdays?|thurs|thur?|donnerstags?|do|четверг\w*|чт|ხუთშ\w*",
    r"fridays?|fri|freitags?|fr|пятниц\w*|пт|პარ(?:ასკ\w*)?",
    r"saturdays?|sat|samstags?|sonnabends?|sa|суббот\w*|сб|შაბ(?:ათ\w*)?",
    r"sundays?|sun|sonntags?|so|воскресень\w*|вс|კვ(?:ირა(?:ს|დან|მდე|ობით)?)?",
)
WEEKDAY = re.compile("|".join(_WEEKDAYS))
_ONE = [re.compile(names) for names in _WEEKDAYS]

_ISO = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_POINTED = r"[0-9]{1,2}\.[0-9]{1,2}(?:\.(?!\.)(?:[0-9]{4}|[0-9]{2})?)?"
#: A date, alone: 2026-12-24, 24.12.2026, 24.12.26, 24.12. or 24.12
DATE = re.compile(rf"(?:{_ISO}|{_POINTED})(?![\w/]|[.-][0-9])")
#: The first and last day of a stretch.
STRETCH = re.compile(
    rf"({_ISO}|{_POINTED})(?:\s*(?:-?დან|\.\.+|-|bis|to|till|until|through|по|до)\s*({_ISO}|{_POINTED}))?"
    r"(?:-?(?:მდე|ის|ში))?(?![\w/]|[.-][0-9])"
)

_SUFFIX = re.compile(r"(?<=[0-9.])-?მდე$")
_LEADS = re.compile(
    r"^(?:(?:until|till|to|for|on|bis|zum|am|für|fuer|до|на|в|во|по|next|nächsten?|naechsten?|следующ\w+|შემდეგ)\s+)+"
)
_DAYS_AHEAD = (
    (0, re.compile(r"today|heute|сегодня|დღეს")),
    (1, re.compile(r"tomorrow|morgen|завтра|завтрашнего дня|ხვალ(?:ამდე)?")),
    (2, re.compile(r"(?:the )?day after tomorrow|übermorgen|uebermorgen|послезавтра|ზეგ(?:ამდე)?")),
)
_NEXT_WEEK = re.compile(
    r"(?:.*\s)?(?:next|nächsten?r?|naechsten?r?|следующ\w+|შემდეგ)\s+(?:week|woche|недел\w+|კვირ\w+)"
)
_COUNT = r"(?:(?:([0-9]{1,3})|an?|one|eine[nr]?|один|одну|ერთი)\s*)?"
_AHEAD = (
    (1, re.compile(_COUNT + r"(?:days?|tage?n?|дн(?:я|ей|и)|день|დღ(?:ე|ით|ის))")),
    (7, re.compile(_COUNT + r"(?:weeks?|wks?|wochen?|недел(?:я|и|ь|ю)|нед|კვირ(?:ა|ით|ის))")),
    (30, re.compile(_COUNT + r"(?:months?|monate?n?|месяц(?:а|ев)?|мес|თვ(?:ე|ით|ის))")),
)


def weekday_of(word: str) -> int | None:
    """Return the number of a weekday, 0 for Monday; None if the word is none."""
    return next((number for number, names in enumerate(_ONE) if names.fullmatch(word)), None)


def read_day(text: str, today: date) -> date | None:
    """Return the day that a date stands for, in the coming year if it names none.

    None if there is no such day, it is over, or it is too far ahead to be meant.
    """
    try:
        if "." in text:
            day, month, *year = (int(part) for part in text.rstrip(".").split("."))
            found = _coming(day, month, today) if not year else date(year[0] + 2000 * (year[0] < 100), month, day)
        else:
            first, month, day = (int(part) for part in text.split("-"))
            found = date(first, month, day)
    except ValueError:
        return None
    return found if today <= found <= today + FURTHEST else None


def read_until(text: str, today: date) -> date | None:
    """Return the day that a pause ends on: a date, "tomorrow", a weekday to come, "2 weeks"; None if not understood."""
    if _NEXT_WEEK.fullmatch(text):
        return today + timedelta(days=7 - today.weekday())
    text = _SUFFIX.sub("", _LEADS.sub("", text, count=1))
    if DATE.fullmatch(text):
        return read_day(text, today)
    for days, words in _DAYS_AHEAD:
        if words.fullmatch(text):
            return today + timedelta(days=days)
    if (weekday := weekday_of(text)) is not None:
        return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
    for days, words in _AHEAD:
        if match := words.fullmatch(text):
            ahead = today + timedelta(days=days * int(match[1] or 1))
            return ahead if today < ahead <= today + FURTHEST else None
    return None


def _coming(day: int, month: int, today: date) -> date:
    """Return the next such day from today on; 29 February may be years away."""
    for year in range(today.year, today.year + 3):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    raise ValueError
