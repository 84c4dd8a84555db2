"""Schedules: one run per local day that nothing speaks against, whatever the clocks do."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot import days_off
from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.tips import (
    EVERY_DAY,
    WORKING_DAYS,
    ClockChange,
    Excluded,
    Run,
    Schedule,
    clock_change,
    exists,
    moment,
    next_run,
    reason_against,
    verdict,
)
from chatbot.zones import find_zone, names, zone_named, zones_at_offset, zones_near

NINE = time(9)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

zones = st.sampled_from(sorted(names()))
times = st.times().map(lambda t: t.replace(second=0, microsecond=0, fold=0))
days = st.dates(date(2020, 1, 1), date(2036, 12, 31))
weekdays = st.frozensets(st.integers(0, 6), min_size=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def runs(schedule: Schedule, after: datetime, count: int) -> Iterator[Run]:
    for _ in range(count):
        run = next_run(schedule, after)
        if run is None:
            return
        yield run
        after = run.at


@st.composite
def cases(draw: st.DrawFn, *, weekly: bool | None = None) -> tuple[Schedule, datetime]:
    """A schedule, and a moment some weeks before or after whatever is special in it."""
    start = draw(days)
    first = start + draw(st.integers(-60, 60)) * DAY
    schedule = Schedule(
        draw(times),
        draw(zones),
        draw(weekdays),
        draw(st.sampled_from(["", "DE", "DE-BE", "RU", "GE", "US-CA"])),
        draw(st.sampled_from([(), ((first, first + draw(st.integers(0, 20)) * DAY),)])),
        draw(st.none() | st.just(first + 3 * DAY)),
        draw(st.booleans()) if weekly is None else weekly,
    )
    return schedule, datetime.combine(start, draw(times), UTC)


# The laws


@given(cases(weekly=False))
@settings(max_examples=300)
def test_one_run_per_eligible_day_in_order(case: tuple[Schedule, datetime]) -> None:
    schedule, after = case
    clocks = zone_named(schedule.zone)
    found = list(runs(schedule, after, 40))
    assert len(found) == 40
    assert all(one.day < two.day and one.at < two.at for one, two in pairwise(found))
    first = after.astimezone(clocks).date()
    expected = {
        day
        for day in (first + n * DAY for n in range((found[-1].day - first).days + 1))
        if reason_against(schedule, day) is None and moment(schedule.zone, day, schedule.at) > after
    }
    assert {run.day for run in found} == expected
    for run in found:
        local = run.at.astimezone(clocks)
        wanted = datetime.combine(run.day, schedule.at)
        assert local.replace(tzinfo=None, fold=0) >= wanted
        assert local.fold == 0, "the first time that the hour occurs"
        assert local.second == 0
        if local.replace(tzinfo=None) != wanted:
            a_minute_before = (run.at - timedelta(minutes=1)).astimezone(clocks).replace(tzinfo=None, fold=0)
            assert a_minute_before < wanted, "the first minute that exists"


@given(cases(weekly=True))
@settings(max_examples=200)
def test_a_weekly_schedule_runs_once_in_each_week_that_has_a_day_for_it(case: tuple[Schedule, datetime]) -> None:
    schedule, start = case
    daily = Schedule(
        schedule.at, schedule.zone, schedule.weekdays, schedule.holidays, schedule.blackouts, schedule.paused_until
    )
    weekly = [run.day for run in runs(schedule, start, 8)]
    firsts: dict[tuple[int, int], Run] = {}
    for run in runs(daily, start - 8 * DAY, 100):  # from the week before, whose first day may be gone
        firsts.setdefault(run.day.isocalendar()[:2], run)
    assert weekly == [run.day for run in firsts.values() if run.at > start][:8]


@given(cases())
@settings(max_examples=200)
def test_a_schedule_changed_in_mid_day_gives_no_day_two(case: tuple[Schedule, datetime]) -> None:
    schedule, after = case
    last = after.astimezone(zone_named("Pacific/Kiritimati")).date()
    run = next_run(schedule, after, not_before_day=last + DAY)
    assert run
    assert run.day > last
    if schedule.weekly:
        assert run.day.isocalendar()[:2] != last.isocalendar()[:2]


@given(cases())
@settings(max_examples=200)
def test_nothing_is_sent_before_a_pause_ends_or_in_a_blackout(case: tuple[Schedule, datetime]) -> None:
    schedule, after = case
    for run in runs(schedule, after, 12):
        assert not schedule.paused_until or run.day >= schedule.paused_until
        assert not any(first <= run.day <= last for first, last in schedule.blackouts)


@given(cases())
def test_a_schedule_survives_json(case: tuple[Schedule, datetime]) -> None:
    schedule, _ = case
    assert Schedule.from_json(schedule.to_json()) == schedule


def test_ten_years_in_every_zone() -> None:
    """Walk every zone; of several names for the same clocks one is walked."""
    clocks: dict[bytes, str] = {}
    for name in sorted(names()):
        data = resources.files("tzdata.zoneinfo").joinpath(*name.split("/"))
        clocks.setdefault(data.read_bytes(), name)
    assert len(clocks) > 300
    end = date(2036, 1, 1)
    for number, name in enumerate(clocks.values()):
        schedule = Schedule(time(number % 24, number * 7 % 60), name, EVERY_DAY)
        run = next_run(schedule, utc(2025, 12, 31, 12), not_before_day=date(2026, 1, 1))
        assert run
        day = date(2026, 1, 1)
        while run.day < end:
            assert run.day == day, name
            following = next_run(schedule, run.at)
            assert following
            # A day is 24 hours but for the clocks' changes, two hours at most.
            assert abs(following.at - run.at - DAY) <= 2 * HOUR, name
            run, day = following, day + DAY


# The clocks: past dates, which no later release of the zone data changes


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        ("Europe/Berlin", date(2024, 3, 31), time(2, 30), utc(2024, 3, 31, 1, 0)),  # left out: 3:00
        ("Europe/Berlin", date(2024, 10, 27), time(2, 30), utc(2024, 10, 27, 0, 30)),  # twice: the first
        ("Europe/Berlin", date(2024, 10, 27), time(3, 0), utc(2024, 10, 27, 2, 0)),
        ("Australia/Lord_Howe", date(2024, 10, 6), time(2, 10), utc(2024, 10, 5, 15, 30)),  # half an hour left out
        ("Australia/Lord_Howe", date(2025, 4, 6), time(1, 45), utc(2025, 4, 5, 14, 45)),  # half an hour twice
        ("Antarctica/Troll", date(2025, 3, 30), time(1, 30), utc(2025, 3, 30, 1, 0)),  # two hours left out
        ("Antarctica/Troll", date(2025, 3, 30), time(2, 59), utc(2025, 3, 30, 1, 0)),
        ("Asia/Tehran", date(2022, 3, 22), time(0, 30), utc(2022, 3, 21, 20, 30)),  # begins at midnight: 1:00
        ("Asia/Tehran", date(2024, 3, 22), time(0, 30), utc(2024, 3, 21, 21, 0)),  # given up in 2022
        ("America/Nuuk", date(2024, 3, 30), time(23, 30), utc(2024, 3, 31, 1, 0)),  # left out up to midnight
        ("Africa/Monrovia", date(1972, 1, 7), time(0, 10), utc(1972, 1, 7, 0, 45)),  # 44 minutes 30 left out
    ],
)
def test_moments_when_the_clocks_change(zone: str, day: date, at: time, expected: datetime) -> None:
    assert moment(zone, day, at) == expected


@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Apia", date(2011, 12, 30)), ("Pacific/Kwajalein", date(1993, 8, 21))]
)
@pytest.mark.parametrize("at", [time(0, 0), NINE, time(23, 59)])
def test_a_day_that_does_not_exist_has_no_run(zone: str, day: date, at: time) -> None:
    assert not exists(zone, day)
    start = datetime.combine(day - 3 * DAY, time(), UTC)
    found = [run.day for run in runs(Schedule(at, zone, EVERY_DAY), start, 6)]
    assert day not in found
    assert {day - DAY, day + DAY} <= set(found)
    week = Schedule(at, zone, frozenset({day.weekday(), (day.weekday() + 1) % 7}), weekly=True)
    assert reason_against(week, day + DAY) is None


def test_ramadan_moves_moroccos_clocks() -> None:
    schedule = Schedule(NINE, "Africa/Casablanca", EVERY_DAY)
    offsets = [run.at.hour for run in runs(schedule, utc(2025, 1, 1), 365)]
    assert sorted(set(offsets)) == [8, 9]
    assert 30 <= offsets.count(9) <= 45
    change = clock_change("Africa/Casablanca", utc(2025, 1, 1), 365 * DAY)
    assert change == ClockChange(utc(2025, 2, 23, 2, 0), date(2025, 2, 23), -HOUR)


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        ("Europe/Berlin", utc(2024, 7, 1), ClockChange(utc(2024, 10, 27, 1), date(2024, 10, 27), -HOUR)),
        ("Australia/Lord_Howe", utc(2024, 7, 1), ClockChange(utc(2024, 10, 5, 15, 30), date(2024, 10, 6), HOUR / 2)),
        ("Antarctica/Troll", utc(2025, 1, 1), ClockChange(utc(2025, 3, 30, 1), date(2025, 3, 30), 2 * HOUR)),
        ("Asia/Tbilisi", utc(2024, 7, 1), None),
        ("Asia/Tehran", utc(2024, 7, 1), None),
    ],
)
def test_the_next_clock_change(zone: str, after: datetime, expected: ClockChange | None) -> None:
    assert clock_change(zone, after, 366 * DAY) == expected


def test_a_clock_change_is_later_than_asked_and_within() -> None:
    change = utc(2026, 10, 25, 1)
    second = timedelta(seconds=1)
    assert clock_change("Europe/Berlin", change - 36 * HOUR, 36 * HOUR)
    assert not clock_change("Europe/Berlin", change - 36 * HOUR, 36 * HOUR - second)
    assert not clock_change("Europe/Berlin", change, 36 * HOUR)
    found = clock_change("Europe/Berlin", change - timedelta(microseconds=1), 36 * HOUR)
    assert found
    assert found.at == change


# What speaks against a day


@pytest.mark.parametrize(
    ("code", "day", "off"),
    [
        ("DE-BE", date(2027, 3, 8), True),
        ("DE-BY", date(2027, 3, 8), False),
        ("DE", date(2027, 3, 8), False),
        ("DE-BY", date(2027, 1, 6), True),
        ("DE", date(2026, 10, 3), True),
        ("RU", date(2026, 5, 9), True),
        ("GE", date(2026, 1, 19), True),
        ("GE", date(2026, 1, 14), False),
        ("US", date(2027, 12, 31), True),  # New Year 2028, observed the day before
        ("", date(2026, 12, 25), False),
    ],
)
def test_holidays_by_country_and_region(code: str, day: date, off: bool) -> None:
    reason = reason_against(Schedule(NINE, "UTC", EVERY_DAY, code), day)
    assert (reason is not None and reason.kind == "holiday" and reason.name != "") is off


def test_a_holiday_is_named_in_the_agents_language_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "fr_FR")  # what the machine speaks plays no part
    day = date(2030, 10, 3)
    schedule = Schedule(NINE, "Europe/Berlin", EVERY_DAY, "DE")
    assert reason_against(schedule, day) == Excluded("holiday", "Tag der Deutschen Einheit")
    assert reason_against(schedule, day, Language.EN) == Excluded("holiday", "German Unity Day")
    assert reason_against(schedule, day, Language.KA) == Excluded("holiday", "Tag der Deutschen Einheit")
    assert days_off.day_off("RU", date(2030, 5, 9), Language.RU) == "День Победы"
    assert days_off.day_off("GE", date(2030, 1, 19), Language.KA) == "ნათლისღება"


def test_codes_of_calendars() -> None:
    assert [days_off.known(code) for code in ("de", "de-be", "DE-Bayern", "at-wien", "GE")] == [
        "DE", "DE-BE", "DE-BY", "AT-9", "GE",
    ]  # fmt: skip
    assert not any(days_off.known(code) for code in ("", "XX", "DE-", "DE-XX", "GE-TB", "../etc", "D", "DEU\0"))
    assert "DE-BE" in days_off.regions_of("de")
    assert days_off.regions_of("xx") == ()


def test_each_reason() -> None:
    schedule = Schedule(
        NINE, "Europe/Berlin", WORKING_DAYS, "DE", ((date(2026, 12, 28), date(2026, 12, 30)),), date(2026, 12, 23)
    )
    kinds = {day: reason_against(schedule, date(2026, 12, day)) for day in range(21, 32)}
    assert [reason.kind if reason else "" for reason in kinds.values()] == [
        "paused", "paused", "", "", "holiday", "weekday", "weekday", "blackout", "blackout", "blackout", "",
    ]  # fmt: skip
    weekly = Schedule(NINE, "Europe/Berlin", WORKING_DAYS, "DE", weekly=True)
    # Christmas Monday does not count: Tuesday is the first, and the rest of the week is done.
    assert [reason_against(weekly, date(2028, 12, day)) for day in (25, 27, 28, 30)] == [
        Excluded("holiday", "Erster Weihnachtstag"), None, Excluded("week_done"), Excluded("weekday"),
    ]  # fmt: skip


def test_a_pause_ends_on_its_day() -> None:
    schedule = Schedule(NINE, "Asia/Tbilisi", EVERY_DAY, paused_until=date(2026, 12, 24))
    assert next_run(schedule, utc(2026, 11, 1)) == Run(date(2026, 12, 24), utc(2026, 12, 24, 5))


def test_a_week_with_no_day_left_has_no_digest() -> None:
    schedule = Schedule(NINE, "UTC", frozenset({2}), blackouts=((date(2026, 12, 2), date(2026, 12, 9)),), weekly=True)
    assert [run.day.day for run in runs(schedule, utc(2026, 11, 20), 3)] == [25, 16, 23]


def test_nothing_within_five_years() -> None:
    for_ever = Schedule(NINE, "UTC", EVERY_DAY, blackouts=((date(2020, 1, 1), date.max),))
    assert next_run(for_ever, utc(2026, 1, 1)) is None
    assert next_run(Schedule(NINE, "UTC", EVERY_DAY, paused_until=date.max), utc(2026, 1, 1)) is None
    assert next_run(Schedule(NINE, "UTC", EVERY_DAY), utc(9999, 12, 30, 12)) is None


def test_the_next_run_is_later_than_now() -> None:
    schedule = Schedule(NINE, "UTC", EVERY_DAY)
    at = utc(2026, 6, 1, 9)
    assert next_run(schedule, at - timedelta(microseconds=1)) == Run(date(2026, 6, 1), at)
    assert next_run(schedule, at) == Run(date(2026, 6, 2), at + DAY)


def test_the_hour_that_comes_twice_brings_no_second_run() -> None:
    schedule = Schedule(time(2, 30), "Europe/Berlin", EVERY_DAY)
    second_two_o_clock = utc(2026, 10, 25, 1, 5)
    assert second_two_o_clock.astimezone(zone_named("Europe/Berlin")).time() < schedule.at
    assert next_run(schedule, second_two_o_clock) == Run(date(2026, 10, 26), utc(2026, 10, 26, 1, 30))


def test_late_runs_are_sent_for_two_hours() -> None:
    run = Run(date(2026, 6, 1), utc(2026, 6, 1, 9))
    late = 2 * HOUR
    second = timedelta(seconds=1)
    assert [verdict(run, run.at + by, late) for by in (-second, 0 * HOUR, late, late + second)] == [
        "early", "send", "send", "skip",
    ]  # fmt: skip


# What is wrong with a schedule


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ('"at": "25:61"', "'at'"),
        ('"at": null', "'at'"),
        ('"zone": "Europe/Berlim"', "Europe/Berlin"),
        ('"zone": "../../etc/passwd"', "time zone"),
        ('"zone": "localtime"', "time zone"),
        ('"zone": 3', "'zone'"),
        ('"weekdays": []', "weekday"),
        ('"weekdays": [7]', "weekday"),
        ('"weekdays": [true]', "'weekdays'"),
        ('"weekdays": "mo"', "'weekdays'"),
        ('"holidays": "XX"', "calendar"),
        ('"holidays": "de-be"', "calendar"),
        ('"blackouts": [["2026-12-24"]]', "'blackouts'"),
        ('"blackouts": "2026"', "'blackouts'"),
        ('"blackouts": [["2026-12-31", "2026-12-24"]]', "blackout"),
        ('"paused_until": "9999-99-99"', "'paused_until'"),
        ('"weekly": "yes"', "'weekly'"),
    ],
)
def test_a_stored_schedule_that_is_wrong_is_named(change: str, named: str) -> None:
    good = '"at": "09:30", "zone": "Europe/Berlin", "weekdays": [0]'
    assert Schedule.from_json(f"{{{good}}}") == Schedule(time(9, 30), "Europe/Berlin", frozenset({0}))
    with pytest.raises(SteadyError, match=named):
        Schedule.from_json(f"{{{good}, {change}}}")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"at": "09:30", "zone": "UTC"}'])
def test_a_stored_schedule_that_is_none(text: str) -> None:
    with pytest.raises(SteadyError):
        Schedule.from_json(text)


def test_a_time_with_seconds_or_a_zone_is_refused() -> None:
    for at in (time(9, 0, 1), time(9, tzinfo=UTC)):
        with pytest.raises(SteadyError, match="whole minutes"):
            Schedule(at, "UTC", EVERY_DAY)


# Zones


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("europe/BERLIN", "Europe/Berlin"), ("New York", "America/New_York"), ("Мюнхен", "Europe/Berlin"),
        ("თბილისის", "Asia/Tbilisi"), ("wien", "Europe/Vienna"), ("St. Petersburg", "Europe/Moscow"),
        ("MSK", "Europe/Moscow"), ("utc", "UTC"), ("Etc/GMT-4", "Etc/GMT-4"), ("port-au-prince", "America/Port-au-Prince"),
        ("MEZ", None), ("CET", None), ("UTC+4", None), ("localtime", None), ("Factory", None), ("", None), ("west", None),
        ("x" * 10_000, None), ("Europe/../Europe/Berlin", None), ("Europe", None),
    ],
)  # fmt: skip
def test_what_names_a_zone(typed: str, zone: str | None) -> None:
    assert find_zone(typed) == zone


def test_every_zone_is_found_by_its_name() -> None:
    fixed = {"CET", "MET", "EET", "WET", "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT"}
    for name in names() - fixed:
        assert find_zone(name) == name
    assert all(find_zone(name) is None and zones_at_offset(name, date(2026, 1, 1)) for name in fixed)


def test_wrong_zones_are_answered_with_near_ones() -> None:
    assert zones_near("Europe/Berlim")[0] == "Europe/Berlin"
    assert zones_near("tblisi") == ("Asia/Tbilisi",)
    assert zones_near("x" * 10_000) == ()
    assert zones_at_offset("UTC+1", date(2026, 1, 1))[0] == "Europe/Berlin"
    assert zones_at_offset("UTC+2", date(2026, 7, 1))[0] == "Europe/Berlin"
    assert zones_at_offset("+04:00", date(2026, 7, 1))[0] == "Asia/Tbilisi"
    assert zones_at_offset("mez", date(2026, 7, 1))[0] == "Europe/Berlin"
    assert zones_at_offset("UTC+99", date(2026, 7, 1)) == zones_at_offset("berlin", date(2026, 7, 1)) == ()
    with pytest.raises(SteadyError, match="did you mean Europe/Berlin"):
        zone_named("Europe/Berlim")
