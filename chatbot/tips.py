"""When tips are sent: schedules as pure functions of time. Which tip it is, is chatbot.deck's part.

Days are local days of the schedule's zone; moments are aware UTC datetimes, and "now" is always an argument.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from chatbot import days_off
from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.zones import zone_named

EVERY_DAY = frozenset(range(7))
WORKING_DAYS = frozenset(range(5))
#: How many days ahead a next run is looked for: five years.
HORIZON = 5 * 366

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a channel gets its tips. Raises SteadyError, naming what is wrong, if it makes no sense.

    `at` is the local wall-clock time in whole minutes, `zone` an IANA name, `weekdays` holds 0 for Monday to 6 for
    Sunday, `holidays` a code such as "DE" or "DE-BE" whose days off are left out ("" leaves out none). `blackouts` are
    pairs of first and last day; `paused_until` is the first day on which it is sent again. `weekly` means once a week,
    on the first day of the week (from Monday) that nothing speaks against.
    """

    at: time
    zone: str
    weekdays: frozenset[int]
    holidays: str = ""
    blackouts: tuple[tuple[date, date], ...] = ()
    paused_until: date | None = None
    weekly: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo or self.at.second or self.at.microsecond:
            raise SteadyError(f"A schedule's time is a local one in whole minutes, not {self.at.isoformat()}.")
        zone_named(self.zone)
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise SteadyError("A schedule needs at least one weekday, each a number from 0 (Monday) to 6 (Sunday).")
        if self.holidays and days_off.known(self.holidays) != self.holidays:
            raise SteadyError(f"There is no holiday calendar {self.holidays[:20]!r}: use a code such as DE or DE-BE.")
        if any(first > last for first, last in self.blackouts):
            raise SteadyError("A blackout ends before it begins: give its first day, then its last.")

    def to_json(self) -> str:
        """Write the schedule as JSON, for `from_json`."""
        plain = asdict(self) | {"at": f"{self.at:%H:%M}", "weekdays": sorted(self.weekdays)}
        return json.dumps(plain, default=date.isoformat)

    @classmethod
    def from_json(cls, text: str) -> "Schedule":
        """Read what `to_json` wrote. Raises SteadyError naming what is missing or wrong."""
        plain = read_object(text, "schedule")
        given: dict[str, Any] = {name: reader(plain, name) for name, reader in _READERS.items() if name in plain}
        for name in ("at", "zone", "weekdays"):
            if name not in given:
                raise SteadyError(f"The stored schedule has no {name!r}: set the tips of this channel up again.")
        return cls(**given)

    def salvaging(self, text: str) -> "Schedule":
        """Return this schedule with all that can be read of a stored one which `from_json` refuses."""
        found = self
        with suppress(SteadyError):
            plain = read_object(text, "schedule")
            for name, reader in _READERS.items():
                with suppress(SteadyError, KeyError):
                    given: dict[str, Any] = {name: reader(plain, name)}
                    found = replace(found, **given)
        return found


@dataclass(frozen=True, slots=True)
class Run:
    """One sending: the local day it belongs to, and the moment in UTC."""

    day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Excluded:
    """Why nothing is sent on a day; `name` is the holiday's."""

    kind: Literal["weekday", "holiday", "blackout", "paused", "week_done"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A change of a zone's clocks: the moment in UTC, the local day just after it, and by how much (+1 h in spring)."""

    at: datetime
    day: date
    shift: timedelta


def reason_against(schedule: Schedule, day: date, language: Language | None = None) -> Excluded | None:
    """Return why nothing is sent on a day, or None; a holiday is named in `language` if its calendar can."""
    reason = _own_reason(schedule, day, language)
    if reason or not schedule.weekly:
        return reason
    monday = day - day.weekday() * _DAY
    earlier = (monday + past * _DAY for past in range(day.weekday()))
    done = any(not _own_reason(schedule, past) and exists(schedule.zone, past) for past in earlier)
    return Excluded("week_done") if done else None


def moment(zone: str, day: date, at: time) -> datetime:
    """Return when it is `at` on a local day, in UTC.

    A time that the clocks leave out is the next minute that exists, even if that is midnight of the next day; of a time
    that occurs twice it is the first.
    """
    clocks = zone_named(zone)
    local = datetime.combine(day, at, clocks)
    utc = local.astimezone(UTC)
    if utc.astimezone(clocks) == local:  # in one zone, datetimes are compared by what the clock shows
        return utc
    # The offset from before the gap makes it a moment after the change; with the one from after it, it is before.
    left_out = utc.astimezone(clocks).replace(tzinfo=UTC) - local.replace(tzinfo=UTC)
    change = _change_between(zone, utc - left_out, utc)
    odd = change.astimezone(clocks).second  # only zones of long ago changed within a minute
    return change + timedelta(seconds=-odd % 60)


def exists(zone: str, day: date) -> bool:
    """Return whether a local day exists: the Pacific has zones that once left one out."""
    return moment(zone, day, time()).astimezone(zone_named(zone)).date() == day


def next_run(schedule: Schedule, after: datetime, *, not_before_day: date | None = None) -> Run | None:
    """Return the first run later than `after`; None if there is none within five years.

    Who changes a schedule passes as `not_before_day` the day after the last one already used, so that no day gets two;
    in weekly mode no day of that last one's week is used again either.
    """
    clocks = zone_named(schedule.zone)
    local = after.astimezone(clocks)
    today = local.date()
    first = max(today, schedule.paused_until or today)
    if first == today and local.time() >= schedule.at:
        first += _DAY
    if not_before_day:
        rest_of_week = -not_before_day.weekday() % 7 if schedule.weekly else 0
        first = max(first, not_before_day + rest_of_week * _DAY)
    end = min(today.toordinal() + HORIZON, date.max.toordinal())
    for ordinal in range(first.toordinal(), end):
        day = date.fromordinal(ordinal)
        if reason_against(schedule, day):
            continue
        at = moment(schedule.zone, day, schedule.at)
        # In the hour that comes twice, today's run may be over though the clock shows an earlier time again.
        if at > after and (at.astimezone(clocks).date() == day or exists(schedule.zone, day)):
            return Run(day, at)
    return None


def verdict(run: Run, now: datetime, late: timedelta) -> Literal["early", "send", "skip"]:
    """Return what to do with a run: wait, send it (at most `late` after its time), or skip it."""
    if now < run.at:
        return "early"
    return "send" if now - run.at <= late else "skip"


def clock_change(zone: str, after: datetime, within: timedelta) -> ClockChange | None:
    """Return the first change of a zone's clocks later than `after` and at most `within` from it."""
    clocks = zone_named(zone)
    end = after + within
    start = after
    while start < end:
        stop = min(start + _DAY, end)
        old, new = (moment.astimezone(clocks).utcoffset() or timedelta() for moment in (start, stop))
        if old != new:
            change = _change_between(zone, start, stop)
            return ClockChange(change, change.astimezone(clocks).date(), new - old)
        start = stop
    return None


def _own_reason(schedule: Schedule, day: date, language: Language | None = None) -> Excluded | None:
    """Return why nothing is sent on a day, whatever the rest of its week is like."""
    if schedule.paused_until and day < schedule.paused_until:
        return Excluded("paused")
    for first, last in schedule.blackouts:
        if first <= day <= last:
            return Excluded("blackout")
    if day.weekday() not in schedule.weekdays:
        return Excluded("weekday")
    if schedule.holidays and (name := days_off.day_off(schedule.holidays, day, language)):
        return Excluded("holiday", name)
    return None


def _change_between(zone: str, low: datetime, high: datetime) -> datetime:
    """Return the second from which a zone has the offset that it has at `high`, and not yet at `low`."""
    clocks = zone_named(zone)
    new = high.astimezone(clocks).utcoffset()
    low = low.replace(microsecond=0)
    seconds = -((low - high) // timedelta(seconds=1))
    before, changed = 0, seconds
    while changed - before > 1:
        middle = (before + changed) // 2
        if (low + timedelta(seconds=middle)).astimezone(clocks).utcoffset() == new:
            changed = middle
        else:
            before = middle
    return low + timedelta(seconds=changed)


# What was stored. A row may have been written by another version, or by hand.


def zone_of(text: str) -> str:
    """Return the zone of a stored schedule, "" if that can't be read; the rest of it is not looked at."""
    try:
        zone = _text(read_object(text, "schedule"), "zone")
        zone_named(zone)
    except (SteadyError, KeyError):
        return ""
    return zone


def read_object(text: str, what: str) -> dict[str, Any]:
    """Read a JSON object. Raises SteadyError if it is none."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise SteadyError(f"The stored {what} is not a JSON object: set the tips of this channel up again.")
    return plain


def wrong(what: str, name: str, wanted: str) -> SteadyError:
    """Make the error that a stored value is not what it must be."""
    return SteadyError(f"The stored {what}'s {name!r} must be {wanted}: set the tips of this channel up again.")


def _time(plain: dict[str, Any], name: str) -> time:
    try:
        return datetime.strptime(plain[name], "%H:%M").time()  # noqa: DTZ007 - a wall-clock time has no zone
    except (TypeError, ValueError):
        raise wrong("schedule", name, 'a time such as "09:30"') from None


def _text(plain: dict[str, Any], name: str) -> str:
    if not isinstance(plain[name], str):
        raise wrong("schedule", name, "text")
    return str(plain[name])


def _flag(plain: dict[str, Any], name: str) -> bool:
    if not isinstance(plain[name], bool):
        raise wrong("schedule", name, "true or false")
    return bool(plain[name])


def _weekdays(plain: dict[str, Any], name: str) -> frozenset[int]:
    days = plain[name]
    if not isinstance(days, list) or not all(type(day) is int for day in days):
        raise wrong("schedule", name, "a list of numbers from 0 to 6")
    return frozenset(days)


def _blackouts(plain: dict[str, Any], name: str) -> tuple[tuple[date, date], ...]:
    try:
        return tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in _listed(plain[name]))
    except (TypeError, ValueError):
        raise wrong("schedule", name, "a list of pairs of dates") from None


def _day(plain: dict[str, Any], name: str) -> date | None:
    try:
        return None if plain[name] is None else date.fromisoformat(plain[name])
    except (TypeError, ValueError):
        raise wrong("schedule", name, 'a date such as "2026-12-24", or null') from None


def _listed(value: Any) -> Iterable[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


_READERS = {
    "at": _time,
    "zone": _text,
    "weekdays": _weekdays,
    "holidays": _text,
    "blackouts": _blackouts,
    "paused_until": _day,
    "weekly": _flag,
}
