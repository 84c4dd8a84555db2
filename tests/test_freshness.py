"""Whether guidance still holds: who is asked, when, once, and what the buttons say."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from adapters.delivering import Delivering, _by_id
from adapters.leading import Leading
from chatbot.coach import Coach
from chatbot.model import Language, Message, plain_text
from chatbot.publishing import Words, Written
from chatbot.roles import Actor
from chatbot.store.database import Database
from chatbot.store.tables import pieces, rooms
from tests.fake_team import ByHand, Platform

HOME = "test:T1"
OWNER, DEPUTY = "UOWNER", "UDEPUTY"
UNTIL = date(2026, 11, 30)
START = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)  # two weeks before


class Desk:
    """A workspace with one published piece, and a clock that is moved."""

    def __init__(self, coach: Coach, database: Database, platform: Platform) -> None:
        self.coach = coach
        self.database = database
        self.platform = platform
        self.now = START
        self.delivering = self.made()

    def made(self) -> Delivering:
        return Delivering(
            self.database,
            self.coach,
            {"test": self.platform},
            {"test": self.platform},
            timedelta(hours=2),
            lambda: self.now.timestamp(),
            engine=ByHand,
        )

    async def has_piece(self, **values: Any) -> None:
        row = {
            "id": 7, "workspace": HOME, "topic": "calm", "published": 1, "owner": OWNER, "deputy": DEPUTY,
            "verified_until": UNTIL.isoformat(), "reminded": "",
        }  # fmt: skip
        await self.database.write(lambda c: c.execute(insert(pieces).values(row | values)))

    async def change(self, **values: Any) -> None:
        await self.database.write(lambda c: c.execute(update(pieces).values(values)))

    async def knows(self, person: str, language: Language = Language.EN, gone: str = "") -> None:
        row = {
            "workspace": HOME, "room": f"D-{person}", "address": f"address of {person}", "personal": 1, "name": person,
            "language": str(language), "zone": "", "gone": gone,
        }  # fmt: skip
        await self.database.write(lambda c: c.execute(insert(rooms).values(row)))

    async def pass_time(self, until: datetime | date) -> list[tuple[str, str]]:
        """Move the clock, let everything due be sent, and return to whom what came."""
        before = len(self.platform.sent)
        self.now = until if isinstance(until, datetime) else datetime(until.year, until.month, until.day, 9, tzinfo=UTC)
        await self.delivering.freshness.tick()
        await self.delivering.freshness.tick()
        await self.delivering.lanes.run(HOME)
        return [(delivery.target, plain_text(reply)) for delivery, reply in self.platform.sent[before:]]


@pytest.fixture
async def desk(coach: Coach, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Desk]:
    database = Database(new_database(kind))
    await database.start()
    yield Desk(coach, database, Platform())
    await database.stop()


async def test_the_owner_is_asked_once_a_week_before_and_the_deputy_two_weeks_later(desk: Desk) -> None:
    await desk.has_piece()
    await desk.knows(OWNER)
    await desk.knows(DEPUTY, Language.DE)
    assert await desk.pass_time(UNTIL - timedelta(days=8)) == []
    ((target, told),) = await desk.pass_time(UNTIL - timedelta(days=7))
    assert target == f"address of {OWNER}"
    assert "was checked until Monday 30 November." in told
    for command in ("write confirm 7", "write edit 7", "write withdraw 7"):
        assert command in told
    desk.delivering = desk.made()  # a restart
    for days in range(-6, 7):
        assert await desk.pass_time(UNTIL + timedelta(days=days)) == []
    ((target, told),) = await desk.pass_time(UNTIL + timedelta(days=7))
    assert target == f"address of {DEPUTY}"
    assert "Vertretung" in told
    assert "dieser Tag ist vorbei" in told
    for days in range(8, 60):
        assert await desk.pass_time(UNTIL + timedelta(days=days)) == []


async def test_confirmed_means_asked_again_only_for_the_new_day(desk: Desk) -> None:
    await desk.has_piece()
    await desk.knows(OWNER)
    assert len(await desk.pass_time(UNTIL)) == 1
    later = UNTIL + timedelta(days=90)
    await desk.change(verified_until=later.isoformat())
    assert await desk.pass_time(later - timedelta(days=8)) == []
    assert len(await desk.pass_time(later)) == 1


async def test_what_is_not_published_is_nobodys_business(desk: Desk) -> None:
    await desk.has_piece(published=None)
    await desk.knows(OWNER)
    assert await desk.pass_time(UNTIL) == []


@pytest.mark.parametrize("change", [{"published": None}, {"verified_until": "2027-03-01"}])
async def test_a_reminder_that_is_out_of_date_by_now_is_not_sent(desk: Desk, change: dict[str, Any]) -> None:
    await desk.has_piece()
    await desk.knows(OWNER)
    desk.now = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert await desk.delivering.freshness.tick() == 1
    await desk.change(**change)
    await desk.delivering.lanes.run(HOME)
    assert desk.platform.sent == []


async def test_quiet_time_is_respected(desk: Desk) -> None:
    await desk.has_piece()
    await desk.knows(OWNER)
    await desk.knows(DEPUTY)
    await desk.coach.preferences.set_quiet_until(HOME, OWNER, UNTIL + timedelta(days=3))
    assert await desk.pass_time(UNTIL) == []
    ((target, _),) = await desk.pass_time(UNTIL + timedelta(days=3))
    assert target == f"address of {OWNER}"
    await desk.coach.preferences.set_quiet_until(HOME, DEPUTY, UNTIL + timedelta(days=30))
    assert await desk.pass_time(UNTIL + timedelta(days=20)) == []
    ((target, _),) = await desk.pass_time(UNTIL + timedelta(days=30))
    assert target == f"address of {DEPUTY}"


@pytest.mark.parametrize("why", ["unknown", "gone", "away for months", "nobody"])
async def test_the_deputy_is_asked_at_once_if_the_owner_can_not_be(desk: Desk, why: str) -> None:
    await desk.has_piece(**({"owner": ""} if why == "nobody" else {}))
    await desk.knows(DEPUTY)
    if why == "gone":
        await desk.knows(OWNER, gone="blocked")
    if why == "away for months":
        await desk.knows(OWNER)
        await desk.coach.preferences.set_quiet_until(HOME, OWNER, UNTIL + timedelta(days=100))
    assert [target for target, _ in await desk.pass_time(UNTIL)] == [f"address of {DEPUTY}"]
    assert await desk.pass_time(UNTIL + timedelta(days=40)) == []


async def test_nobody_to_ask_is_tried_again(desk: Desk) -> None:
    await desk.has_piece(deputy="")
    assert await desk.pass_time(UNTIL) == []
    await desk.knows(OWNER)
    assert len(await desk.pass_time(UNTIL + timedelta(days=1))) == 1
    assert await desk.pass_time(UNTIL + timedelta(days=40)) == []


async def test_the_chosen_language_comes_before_that_of_the_conversation(desk: Desk) -> None:
    await desk.has_piece()
    await desk.knows(OWNER, Language.RU)
    await desk.coach.preferences.set_language(HOME, OWNER, Language.KA)
    ((_, told),) = await desk.pass_time(UNTIL)
    assert "ეს ისევ სწორია?" in told


async def test_nobody_is_asked_at_night(desk: Desk) -> None:
    await desk.has_piece()
    await desk.knows(OWNER)
    assert await desk.pass_time(datetime(2026, 11, 30, 3, 0, tzinfo=UTC)) == []
    assert len(await desk.pass_time(datetime(2026, 11, 30, 8, 0, tzinfo=UTC))) == 1


async def test_two_replicas_ask_once(desk: Desk) -> None:
    await desk.has_piece()
    await desk.knows(OWNER)
    desk.now = datetime(2026, 11, 30, 9, tzinfo=UTC)
    other = desk.made().freshness
    found = await other._store.ageing(UNTIL)
    assert await desk.delivering.freshness.tick() == 1
    assert [await other._remind(ageing, desk.now) for ageing in found] == [False]
    rows = await desk.delivering.ledger.latest("fresh:7", 10)
    assert [row.kind for row in rows] == ["fresh.remind"]


async def test_the_service_looks_by_itself_and_survives_a_database_that_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    await desk.has_piece()
    await desk.knows(OWNER)
    desk.now = datetime(2026, 11, 30, 9, tzinfo=UTC)
    monkeypatch.setattr(desk.delivering.freshness._looking, "every", 0.01)
    looked = asyncio.Event()
    real = desk.delivering.freshness.tick
    times = 0

    async def tick() -> int:
        nonlocal times
        times += 1
        if times == 1:
            raise OSError("gone")
        found = await real()
        looked.set()
        return found

    monkeypatch.setattr(desk.delivering.freshness, "tick", tick)
    await desk.delivering.freshness.start()
    await asyncio.wait_for(looked.wait(), 20)
    await desk.delivering.freshness.stop()
    (row,) = await desk.database.read(select(pieces.c.reminded))
    assert row.reminded == "2026-11-30 owner 2026-11-30"


async def test_from_publishing_to_the_buttons(desk: Desk) -> None:
    """The whole way: a lead publishes, is asked, confirms; is asked again, withdraws."""
    coach = desk.coach
    leading = Leading(desk.database, coach, {HOME: [OWNER]}, {}, lambda: desk.now.timestamp(), fits=False)
    await leading.start()
    owner = Actor(HOME, OWNER, "Olga")
    words = {Language.EN: Words("Key drop", "Ask for the key.", ("Ask.",), ("Where is your key?",))}
    draft = await leading.publishing.save_draft(owner, Written("", words, OWNER, "", UNTIL))
    await leading.publishing.publish(owner, draft.piece, draft.number)
    await desk.knows(OWNER)

    async def press(number: int, person: str = OWNER, workspace: str = HOME) -> str:
        button = desk.platform.sent[-1][1].buttons[number]
        return plain_text(await coach.reply(Message(button.command, workspace, person, Language.EN, pressed=True)))

    assert "“Key drop” was checked until" in (await desk.pass_time(UNTIL))[0][1]
    assert "Only leads" in await press(0, "UAGENT")
    assert "Only leads" in await press(2, OWNER, "test:T2")
    await press(0)
    again = UNTIL + timedelta(days=90)
    assert await desk.pass_time(again - timedelta(days=8)) == []
    assert len(await desk.pass_time(again)) == 1
    assert (await coach.reply(Message("key drop", HOME, "UAGENT"))).outcome.topic is not None
    await press(2)
    assert (await coach.reply(Message("key drop", HOME, "UAGENT"))).outcome.topic is None
    assert await desk.pass_time(again + timedelta(days=30)) == []
    await leading.stop()


def test_only_slack_takes_a_persons_id_for_an_address() -> None:
    assert _by_id("slack:T1", "U1") == "U1"
    assert _by_id("teams:x", "U1") is None


@pytest.mark.parametrize("language", list(Language))
async def test_the_reminder_in_every_language(desk: Desk, language: Language, golden: Any) -> None:
    await desk.has_piece()
    await desk.knows(OWNER, language)
    await desk.knows(DEPUTY, language)
    told = [text for day in (UNTIL, UNTIL + timedelta(days=14)) for _, text in await desk.pass_time(day)]
    golden(f"fresh-{language}", [text.splitlines() for text in told])
