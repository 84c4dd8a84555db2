"""What the product says of the data it keeps, and that it erases what it promised to."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from adapters.delivering import Delivering
from adapters.slack import measure as measure_slack
from adapters.teams import measure as measure_teams
from chatbot.coach import Coach
from chatbot.insights import Insights
from chatbot.model import Language, Message, Reply, Room, plain_text
from chatbot.roles import Actor, Roles
from chatbot.store.counts import SqlCounts
from chatbot.store.database import Database
from chatbot.store.personal import SqlPersonal
from chatbot.store.preferences import SqlPreferences
from chatbot.store.roles import SqlRoles
from chatbot.store.tables import audit, deliveries, metadata, pieces, pushes, receipts
from tests.fake_team import ByHand, Platform

HOME, AWAY = "test:T1", "test:T2"
OWN_CHAT = Room("D1", "D1", personal=True)
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class Desk:
    """Two workspaces that share people's ids."""

    def __init__(self, coach: Coach, database: Database, delivering: Delivering) -> None:
        self.coach = coach
        self.database = database
        self.delivering = delivering

    async def ask(
        self,
        typed: str,
        person: str = "U1",
        workspace: str = HOME,
        locale: Language = Language.EN,
        room: Room | None = None,
    ) -> Reply:
        reply = await self.coach.reply(Message(typed, workspace, person, locale, room=room))
        await self.delivering.rooms_seen.written()
        return reply

    async def says(self, typed: str, *where: Any) -> str:
        return plain_text(await self.ask(typed, *where))

    async def enter(self, table: Any, **values: Any) -> None:
        await self.database.write(lambda c: c.execute(insert(table).values(values)))

    async def fill(self, person: str, workspace: str, number: int) -> None:
        """Let everything be stored about somebody that can be."""
        await self.says("language english", person, workspace)
        await self.says("quiet until 2026-12-24", person, workspace)
        await self.says("tips on 09:30 UTC daily", person, workspace, Language.EN, OWN_CHAT)
        await self.delivering.rooms_seen.store.note(workspace, OWN_CHAT, Language.EN, person, "Asia/Tbilisi")
        await self.enter(
            pushes, id=number, workspace=workspace, author="U9", content="", state="", at=0.0, receipts=1, reminded=0
        )
        await self.enter(receipts, push=number, person=person)
        await self.enter(audit, workspace=workspace, at=0.0, actor=f"Anna ({person})", action="published", about="x")
        await self.enter(
            pieces, workspace=workspace, topic="calm", published=None, owner=person, deputy="",
            verified_until="2026-12-01", reminded="",
        )  # fmt: skip
        await SqlRoles(self.database).install(Actor(workspace, person, "Anna"), 0.0)


@pytest.fixture
async def desk(coach: Coach, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Desk]:
    database = Database(new_database(kind))
    await database.start()
    coach.preferences = SqlPreferences(database)
    coach.personal = SqlPersonal(database)
    coach.roles = Roles(SqlRoles(database), {}, {})
    platform = Platform()
    delivering = Delivering(
        database, coach, {"test": platform}, {"test": platform}, timedelta(hours=2), NOW.timestamp,
        engine=ByHand,
    )  # fmt: skip
    yield Desk(coach, database, delivering)
    await delivering.rooms_seen.close()
    await database.stop()


async def test_it_says_what_is_kept_and_what_is_not(desk: Desk) -> None:
    told = await desk.says("privacy")
    assert "What you ask me is not stored" in told
    assert "Got it" in told
    assert "insights are off" in told
    desk.coach.counting = Insights(SqlCounts(desk.database))
    await desk.coach.counting.switch(Actor(HOME, "U9"), True)
    assert "groups of five different people" in await desk.says("privacy")
    assert "groups of five different people" not in await desk.says("privacy", "U1", AWAY)


async def test_a_stranger_has_nothing_stored(desk: Desk) -> None:
    assert "Nothing is stored about you" in await desk.says("privacy export")


async def test_export_lists_everything_that_names_the_person(desk: Desk) -> None:
    await desk.fill("U1", HOME, 1)
    lines = (await desk.says("privacy export")).splitlines()
    assert [line for line in lines if line.startswith("- ")] == [
        "- Language: English",
        "- Quiet until Thursday 24 December",
        "- Tips that you ordered for yourself",
        "- That you have a chat with me",
        "- Your time zone: Asia/Tbilisi",
        "- “Got it”, pressed: 1",
        "- Cards that name you: 1",
        "- Lines in the log of leads and admins: 2",
        "- Your role: admin",
    ]
    assert "Nothing is stored about you" in await desk.says("privacy export", "U1", AWAY)
    assert "Nothing is stored about you" in await desk.says("privacy export", "U", HOME)


async def test_erase_deletes_what_a_person_chose_and_confirmed_here_and_nothing_else(desk: Desk) -> None:
    await desk.fill("U1", HOME, 1)
    await desk.fill("U1", AWAY, 2)
    for workspace in (HOME, AWAY):
        assert "on its way" in await desk.says("tips now", "U1", workspace, Language.EN, OWN_CHAT)
    before = await desk.says("privacy export", "U1", AWAY)
    told = await desk.says("privacy erase")
    assert "are erased" in told
    assert "What remains" in told
    lines = [line for line in (await desk.says("privacy export")).splitlines() if line.startswith("- ")]
    assert lines == [
        "- That you have a chat with me",
        "- Cards that name you: 1",
        "- Lines in the log of leads and admins: 2",
        "- Your role: admin",
    ]
    assert await desk.says("privacy export", "U1", AWAY) == before
    assert await desk.coach.preferences.language(HOME, "U1") is None
    left = {
        table.name
        for table in metadata.sorted_tables
        for row in await desk.database.read(select(table))
        if "'U1'" in repr(tuple(row)) and HOME in repr(tuple(row))
    }
    assert left == {"rooms", "pieces", "roles"}
    assert [row.lane for row in await desk.database.read(select(deliveries))] == [AWAY]
    assert [row.push for row in await desk.database.read(select(receipts))] == [2]


async def test_a_person_called_like_the_end_of_another_is_not_mixed_up(desk: Desk) -> None:
    await desk.enter(audit, workspace=HOME, at=0.0, actor="Anna (XU1)", action="published", about="x")
    await desk.enter(audit, workspace=HOME, at=0.0, actor="Anna (U_1)", action="published", about="x")
    assert "Nothing is stored about you" in await desk.says("privacy export")


async def test_without_a_database_it_answers_all_the_same(coach: Coach) -> None:
    async def says(typed: str) -> str:
        return plain_text(await coach.reply(Message(typed, HOME, "U1")))

    assert "not stored" in await says("privacy")
    await says("language english")
    assert "Language: English" in await says("privacy export")
    await says("privacy erase")
    assert "Nothing is stored" in await says("privacy export")


@pytest.mark.parametrize(
    "typed", ["privacy", "datenschutz", "приватность", "კონფიდენციალურობა", "/steady datenschutz löschen"]
)
async def test_it_goes_by_its_name_in_every_language(coach: Coach, typed: str) -> None:
    reply = await coach.reply(Message(typed, HOME, "U1"))
    assert reply.outcome.why in ("privacy", "erased")


async def test_other_words_after_it_are_plain_words(coach: Coach) -> None:
    reply = await coach.reply(Message("privacy of my customer is hurt, she is furious", HOME, "U1"))
    assert reply.outcome.why != "privacy"


@pytest.mark.parametrize("language", list(Language))
async def test_every_card_fits_both_platforms(desk: Desk, language: Language, golden: Any, kind: str) -> None:
    await desk.fill("U1", HOME, 1)
    await desk.says("language " + language)
    desk.coach.counting = Insights(SqlCounts(desk.database))
    await desk.coach.counting.switch(Actor(HOME, "U9"), True)
    told = {}
    for typed in ("privacy", "privacy export", "privacy erase"):
        reply = await desk.ask(typed, "U1", HOME, language)
        assert reply.language is language
        assert not measure_slack(reply).problems
        assert not measure_teams(reply).problems
        told[typed] = plain_text(reply).splitlines()
    if kind == "sqlite":
        golden(f"privacy-{language}", told)
