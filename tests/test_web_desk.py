"""The playground's desk at its HTTP door: the channel's tips by a moved clock, failures of the far ends, the kill."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from html import unescape
from pathlib import Path

import pytest

from adapters.web.clock import FARTHEST, Clock, before_clock_change, before_next_tip
from chatbot.daily_tips import Subscription
from chatbot.deck import Deck
from chatbot.model import Language, Room
from chatbot.tips import EVERY_DAY, Schedule, next_run
from tests.playground_program import Change, Program, program, slack_press, teams_press

PANES = ("slack", "teams")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Program]:
    async with program(tmp_path) as running:
        yield running


def rows(desk: Change) -> list[list[str]]:
    """Return the ledger's cells: key, platform, state, tries, due, since, reason."""
    found = re.findall(r"<tr>(.*?)</tr>", desk["ledger"], re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in found]
    return [[unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells if len(row) == 7]


def states(desk: Change, kind: str) -> dict[str, str]:
    """Return the state of the newest row of a kind on each platform."""
    return {row[1].split()[-1].lower(): row[2] for row in reversed(rows(desk)) if f":{kind}:" in row[0]}


async def set_up(here: Program, command: str = "/steady tips on 09:30 Europe/Berlin") -> None:
    await here.send(command, place="channel")
    for pane in PANES:
        await here.shows(pane, "Tips are on")
        await here.shows(pane, "Tips for this channel", "#support-desk")


async def move(here: Program, to: str) -> None:
    status, said = await here.post("clock", {"to": to, "language": "en"})
    assert status == 200
    assert '"ok": true' in said


async def break_(here: Program, kind: str, count: int = 1) -> None:
    for pane in PANES:
        assert (await here.post("break", {"pane": pane, "kind": kind, "count": count}))[0] == 200


def daily(zone: str, now: datetime) -> Subscription:
    schedule = Schedule(time(9, 30), zone, EVERY_DAY)
    run = next_run(schedule, now)
    return Subscription("slack:T", Room("C", "C"), Language.EN, schedule, Deck(1), next_run=run)


def test_the_clock_only_goes_forward_and_not_too_far() -> None:
    real = [1_800_000_000.0]
    clock = Clock(lambda: real[0])
    start = datetime.fromtimestamp(real[0], UTC)
    assert clock.now == start
    assert clock.move(start + timedelta(days=1)) == ""
    real[0] += 5
    assert clock.now == start + timedelta(days=1, seconds=5)
    assert clock.move(start) == "back"
    assert clock.move(start + FARTHEST + timedelta(days=1)) == "far"
    assert clock.now == start + timedelta(days=1, seconds=5)
    clock.reset()
    assert clock() == real[0]


def test_where_the_clock_jumps_to() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    berlin, tbilisi = daily("Europe/Berlin", now), daily("Asia/Tbilisi", now)
    assert before_next_tip([], now) is None
    assert before_next_tip([berlin, tbilisi], now) == datetime(2026, 11, 23, 5, 29, 57, tzinfo=UTC)
    assert before_next_tip([berlin], datetime(2026, 11, 23, 8, 29, 58, tzinfo=UTC)) is None
    assert before_clock_change([tbilisi], now) is None
    change = before_clock_change([tbilisi, berlin], now)
    assert change == datetime(2027, 3, 27, 1, 0, tzinfo=UTC)
    assert before_clock_change([berlin], change) == datetime(2027, 10, 30, 1, 0, tzinfo=UTC)


async def test_a_channel_is_introduced_and_gets_its_tip(here: Program) -> None:
    await set_up(here)
    await move(here, "tip")
    for pane in PANES:
        tip = await here.shows(pane, "Tip of the day", "#support-desk")
        assert "only Sam Carter sees this" not in tip["html"]
    desk = await here.desk(lambda d: states(d, "tip") == {"slack": "sent", "teams": "sent"})
    assert states(desk, "intro") == {"slack": "sent", "teams": "sent"}
    assert desk["zones"] == ["UTC", "Europe/Berlin"]
    assert desk["schedules"].count("Next tip: ") == 2
    assert "sent at 09:30" in desk["schedules"]


@pytest.mark.parametrize("pane", PANES)
async def test_try_it_is_private_and_not_for_us_is_undone(here: Program, pane: str) -> None:
    press = slack_press if pane == "slack" else teams_press
    await set_up(here)
    await here.send("/steady tips now", place="channel")
    tip = await here.shows(pane, "Tip of the day", "#support-desk")
    assert await here.post("press", press(tip, "Try it")) == (200, '{"ok": true}')
    alone = "only Sam Carter sees this" if pane == "slack" else "Direct message"
    await here.shows(pane, "Not for me", alone)  # not every card has something to say: some are about writing, or doing
    assert here.said(pane, "Tip of the day", "Not for us") == 1
    assert (await here.post("press", press(tip, "Not for us")))[0] == 200
    dropped = await here.until(lambda c: c.get("id") == tip["id"] and "Taken out" in c["html"])
    await here.send("/steady tips status", place="channel")
    await here.shows(pane, "Tips taken out by the team: 1")
    assert (await here.post("press", press(dropped, "Bring it back")))[0] == 200
    again = await here.until(lambda c: c.get("id") == tip["id"] and c is not tip and "Not for us" in c["html"])
    assert "Tip of the day" in again["html"]


async def test_a_refusal_is_tried_again_and_a_hang_up_is_looked_for(here: Program) -> None:
    await set_up(here)
    await break_(here, "limited", 2)
    await here.send("/steady tips now", place="channel")
    desk = await here.desk(lambda d: states(d, "now") == {"slack": "sent", "teams": "sent"})
    assert [row[3] for row in rows(desk) if ":now:" in row[0]] == ["3", "3"]
    assert desk["faults"] == {"slack": "Works as it should.", "teams": "Works as it should."}
    await break_(here, "cut")
    await here.send("/steady tips now", place="channel")
    # Slack lets us read back whether it arrived; Teams doesn't, and then it is not sent again.
    desk = await here.desk(
        lambda d: (
            sum(":now:" in row[0] for row in rows(d)) == 4 and states(d, "now") == {"slack": "sent", "teams": "unknown"}
        )
    )
    assert rows(desk)[0][3] == "1"
    for pane in PANES:
        assert here.said(pane, "Tip of the day", "Not for us") == 2
    cut = [c for c in here.changes if c["kind"] == "exchange" and "no answer" in c["html"]]
    assert len(cut) == 2


async def test_what_was_not_taken_is_sent_once_it_is_known(here: Program) -> None:
    await set_up(here)
    await break_(here, "broken")
    await here.send("/steady tips now", place="channel")
    await here.desk(lambda d: states(d, "now") == {"slack": "sent", "teams": "unknown"})
    assert here.said("slack", "Tip of the day", "Not for us") == 1
    assert here.said("teams", "Tip of the day", "Not for us") == 0


async def test_what_was_under_way_at_a_kill_is_found_again(here: Program) -> None:
    await set_up(here)
    await break_(here, "slow")
    await here.send("/steady tips now", place="channel")
    for pane in PANES:
        await here.shows(pane, "Tip of the day", "Not for us")
    await here.desk(lambda d: states(d, "now") == {"slack": "being sent", "teams": "being sent"})
    assert await here.post("kill", {}) == (200, '{"ok": true}')
    desk = await here.desk(lambda d: states(d, "now") == {"slack": "sent", "teams": "unknown"})
    assert "being sent" not in desk["ledger"]
    for pane in PANES:
        assert here.said(pane, "Tip of the day", "Not for us") == 1
    await here.send("/steady tips status", place="channel")
    await here.shows("slack", "Tips in this channel", "Next tip")


async def test_moving_the_clock_over_many_days_sends_nothing_late(here: Program) -> None:
    await set_up(here)
    await here.desk(lambda d: states(d, "intro") == {"slack": "sent", "teams": "sent"})
    later = datetime.now(UTC) + timedelta(days=400)
    later = later.replace(hour=20, minute=0)
    answer = await here.post("clock", {"to": "moment", "moment": f"{later:%Y-%m-%dT%H:%M}", "language": "de"})
    assert answer[0] == 200
    assert "Die Uhr wurde vorgestellt: " in answer[1]
    desk = await here.desk(lambda d: "skipped" in d["ledger"])
    assert {row[2] for row in rows(desk) if ":tip:" in row[0]} == {"skipped"}
    assert {row[6] for row in rows(desk) if ":tip:" in row[0]} == {"too late"}
    assert here.said("slack", "Tip of the day") == 0
    back = await here.post("clock", {"to": "moment", "moment": "2026-01-01T00:00", "language": "en"})
    assert back == (200, '{"ok": false, "refused": "back"}')


async def test_start_over_forgets_what_was_set_up(here: Program) -> None:
    await set_up(here)
    await move(here, "day")
    await break_(here, "slow")
    assert (await here.post("reset", {}))[0] == 200
    desk = await here.desk(lambda d: rows(d) == [])
    assert abs(desk["now"] / 1000 - datetime.now(UTC).timestamp()) < 60
    assert desk["zones"] == ["UTC"]
    assert desk["faults"]["slack"] == "Works as it should."
    assert desk["schedules"].count("No tips are set up here yet.") == 2
    await set_up(here)


async def test_nothing_is_left_on_the_disk_and_the_real_store_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    async with program(tmp_path) as here:
        await set_up(here)
        assert [folder.name for folder in (tmp_path / "temporary").glob("*/*.sqlite3")] == ["playground.sqlite3"]
        assert (await here.post("reset", {}))[0] == 200
    assert list((tmp_path / "temporary").iterdir()) == []
    assert b"tips on" not in (tmp_path / "steady.sqlite3").read_bytes()
    assert b"C0SUPPORT" not in (tmp_path / "steady.sqlite3").read_bytes()


@pytest.mark.parametrize("language", ["de", "ru", "ka"])
async def test_the_why_is_told_in_the_language_of_the_page(here: Program, language: str) -> None:
    await set_up(here)
    watching = Program(here.origin, here.session)
    task = asyncio.create_task(watching.watch(language))
    desk = await watching.desk(lambda d: "Europe/Berlin" in d["schedules"])
    assert "Next tip" not in desk["schedules"]
    assert "sent" not in [row[2] for row in rows(desk)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("person", ["sam", "lena"])
async def test_a_personal_chat_has_tips_and_a_quiet_time(here: Program, person: str) -> None:
    await here.send("tips on 09:30 Europe/Berlin", person)
    for pane in PANES:
        await here.shows(pane, "Tips are on", "Direct message")
    await here.send("quiet 2 weeks", person)
    for pane in PANES:
        await here.shows(pane, "Quiet time")
    await move(here, "tip")
    desk = await here.desk(lambda d: states(d, "tip") == {"slack": "skipped", "teams": "skipped"})
    assert {row[6] for row in rows(desk)} == {"quiet time"}


async def test_each_channel_has_tips_of_its_own(here: Program) -> None:
    desk = await here.desk(lambda d: "#support-desk" in d["schedules"])
    assert "#billing" not in desk["schedules"], "nothing is set up there yet"
    await here.send("/steady tips on 09:30 Europe/Berlin", place="billing")
    for pane in PANES:
        await here.shows(pane, "Tips for this channel", "#billing")
    desk = await here.desk(lambda d: d["schedules"].count("Next tip: ") == 2)
    assert desk["schedules"].count("#billing") == 2 == desk["schedules"].count("#support-desk")
    assert "#returns" not in desk["schedules"]
    await move(here, "tip")
    for pane in PANES:
        await here.shows(pane, "Tip of the day", "#billing")
        assert here.said(pane, "Tip of the day", "#support-desk") == 0


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize("after", ["start", "reset", "kill"])
async def test_steady_is_in_every_channel_without_being_spoken_to(here: Program, pane: str, after: str) -> None:
    async with here.session.get(f"{here.origin}/lead/sign-in/{pane}/lena", allow_redirects=False) as response:
        session = {name: morsel.value for name, morsel in response.cookies.items()}

    async def known() -> None:
        async with asyncio.timeout(30):
            found: set[str] = set()
            while found != {"support-desk", "returns", "billing"}:
                async with here.session.get(f"{here.origin}/lead/pushes/new", cookies=session) as response:
                    found = set(re.findall(r'name="room"[^>]*> ([^<]*)</label>', await response.text()))
                await asyncio.sleep(0.2)

    await known()
    if after != "start":
        assert (await here.post(after, {}))[0] == 200
        await known()
    assert [change for change in here.changes if change["kind"] == "post"] == [], "nobody is greeted"
