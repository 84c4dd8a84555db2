"""What is sent to people by themselves: at their own hour, and not while they want quiet, even if that is new."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import insert, select

from chatbot.coach import Coach
from chatbot.delivery.model import Failed
from chatbot.model import Language, Message, Room, plain_text
from chatbot.pushing import Push, Targets, Wording
from chatbot.roles import Roles
from chatbot.store.roles import SqlRoles
from chatbot.store.tables import deliveries, pieces, rooms
from tests.fake_team import HERE, START
from tests.test_pushing import LEAD, Leads

TO_PEOPLE = Targets(people=True)


@pytest.fixture
async def team(coach: Coach, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Leads]:
    async with Leads.on(coach, new_database(kind)) as team:
        coach.roles = Roles(SqlRoles(team.database), {HERE: ["LEAD"]}, {})
        yield team


async def says(team: Leads, text: str, person: str = "P1", zone: str = "", room: Room | None = None) -> str:
    room = room or Room(f"D-{person}", f"D-{person}", personal=True)
    reply = await team.coach.reply(Message(text, HERE, person, Language.EN, room=room, zone=zone))
    await team.delivering.rooms_seen.written()
    return plain_text(reply)


async def rows(team: Leads, push: Push, kind: str = "push.card") -> dict[str, tuple[str, str]]:
    """Return state and reason of a push's rows, by target."""
    found = await team.database.read(select(deliveries).where(deliveries.c.source == push.source))
    return {row.target: (row.state, row.reason) for row in found if row.kind == kind}


# ---- quiet


async def test_who_mutes_after_a_push_was_planned_does_not_get_it(team: Leads) -> None:
    for person in ("P1", "P2"):
        await says(team, "calm", person)
    push = await team.begun(targets=TO_PEOPLE, at=time(10), zone="Europe/Berlin")
    assert await rows(team, push) == {"D-P1": ("pending", ""), "D-P2": ("pending", "")}
    assert "24 November" in await says(team, "quiet until 2026-11-24", "P1")
    await team.run(timedelta(hours=1, minutes=1))
    assert team.platform.reached == ["D-P2"]
    assert (await rows(team, push))["D-P1"] == ("skipped", "quiet")
    assert "Left out: 1 (quiet time)" in await team.ask(f"push report {push.id}")


async def test_quiet_ends_on_its_day_by_the_persons_own_clock(team: Leads) -> None:
    """At 20:00 UTC of the 20th it is the 21st in Tbilisi, and still the 20th in Berlin."""
    await says(team, "calm", "P1", "Asia/Tbilisi")
    await says(team, "calm", "P2", "Europe/Berlin")
    team.now = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    push = await team.begun(targets=TO_PEOPLE)
    for person in ("P1", "P2"):
        await team.coach.preferences.set_quiet_until(HERE, person, date(2026, 11, 21))
    await team.run()
    assert await rows(team, push) == {"D-P1": ("sent", ""), "D-P2": ("skipped", "quiet")}


async def test_who_muted_is_not_reminded_but_what_they_have_is_put_right(team: Leads) -> None:
    await says(team, "calm", "P1")
    push = await team.begun(targets=TO_PEOPLE, receipts=True)
    await team.run()
    await team.coach.preferences.set_quiet_until(HERE, "P1", date(2026, 12, 24))
    await team.pushes.remind(LEAD, push.id)
    await team.run()
    assert (await rows(team, push, "push.remind"))["D-P1"] == ("skipped", "quiet")
    await team.pushes.correct(LEAD, push.id, {Language.EN: Wording("New rule", "It was 40 €.")})
    await team.run()
    assert [plain_text(reply).count("It was 40 €.") for _, reply in team.platform.amended] == [1]


async def test_who_mutes_before_it_is_sent_again_does_not_get_it(team: Leads) -> None:
    await says(team, "calm", "P1")
    team.platform.answers["D-P1"] = [Failed("refused")]
    push = await team.begun(targets=TO_PEOPLE)
    await team.run()
    await team.coach.preferences.set_quiet_until(HERE, "P1", date(2026, 12, 24))
    assert await team.pushes.resend_failed(LEAD, push.id) == 1
    await team.run()
    assert (await rows(team, push))["D-P1"] == ("skipped", "quiet")
    assert team.platform.sent == []


async def test_a_channel_is_never_quiet(team: Leads) -> None:
    await team.rooms(1)
    push = await team.begun()
    for person in ("C0000", "LEAD", ""):
        await team.coach.preferences.set_quiet_until(HERE, person, date(2026, 12, 24))
    await team.run()
    assert (await rows(team, push))["C0000"] == ("sent", "")


async def test_the_ledger_names_no_person(team: Leads) -> None:
    await says(team, "calm", "PERSON", room=Room("D7", "D7", personal=True))
    await team.begun(targets=TO_PEOPLE)
    found = await team.database.read(select(deliveries))
    assert [json.loads(row.content) for row in found] == [{"language": "en", "room": "D7"}]
    assert not [row for row in found if "PERSON" in repr(tuple(row))]


async def test_a_tip_that_waited_is_not_sent_to_who_muted_meanwhile(team: Leads) -> None:
    room = Room("D7", "D7", personal=True)
    await says(team, "tips on 09:00 UTC daily", "P1", room=room)
    await team.delivering.lanes.run(HERE)
    team.platform.sent.clear()
    team.now = START + timedelta(hours=1, minutes=1)
    assert await team.delivering.tips.tick() == 1
    await team.coach.preferences.set_quiet_until(HERE, "P1", date(2026, 12, 24))
    await team.delivering.lanes.run(HERE)
    assert team.platform.sent == []
    assert "quiet" in await says(team, "tips why", "P1", room=room)
    await says(team, "tips now", "P1", room=room)
    await team.delivering.lanes.run(HERE)
    assert len(team.platform.sent) == 1, "whoever asks for one wants it"


async def test_an_owner_who_muted_meanwhile_is_not_asked_whether_a_piece_holds(team: Leads) -> None:
    await says(team, "calm", "P1")
    row = {
        "id": 7, "workspace": HERE, "topic": "calm", "published": 1, "owner": "P1", "deputy": "",
        "verified_until": "2026-11-21", "reminded": "",
    }  # fmt: skip
    await team.database.write(lambda c: c.execute(insert(pieces).values(row)))
    assert await team.delivering.freshness.tick() == 1
    await team.coach.preferences.set_quiet_until(HERE, "P1", date(2026, 11, 25))
    await team.delivering.lanes.run(HERE)
    assert team.platform.sent == []
    found = await team.database.read(select(deliveries))
    assert [(row.state, row.reason) for row in found] == [("skipped", "quiet")]


# ---- each at their own hour


async def test_people_get_it_at_the_hour_of_their_own_clock(team: Leads) -> None:
    """At 08:00 UTC it is 09:00 in Berlin, 12:00 in Tbilisi and 03:00 in New York."""
    for person, zone in (("P1", "Europe/Berlin"), ("P2", "Asia/Tbilisi"), ("P3", "America/New_York")):
        await says(team, "calm", person, zone)
    for person, zone in (("P4", ""), ("P5", "W. Europe Standard Time"), ("P6", "../../etc/passwd")):
        await says(team, "calm", person, zone)
    await team.begun(targets=TO_PEOPLE, at=time(10), zone="Europe/London")

    async def at(day: int, hour: int) -> list[str]:
        team.platform.sent.clear()
        team.now = datetime(2026, 11, day, hour, tzinfo=UTC)
        await team.delivering.lanes.run(HERE)
        return sorted(team.platform.reached)

    assert await at(20, 9) == ["D-P1"]
    assert await at(20, 10) == ["D-P4", "D-P5", "D-P6"], "whose clock nobody knows, by that of the push"
    assert await at(20, 15) == ["D-P3"]
    assert await at(21, 6) == ["D-P2"]


async def test_a_zone_is_kept_while_nothing_newer_is_known_and_never_of_a_channel(team: Leads) -> None:
    await says(team, "calm", "P1", "Asia/Tbilisi")
    await says(team, "calm", "P1", "")
    await says(team, "calm", "P1", "Mars/Olympus")
    await says(team, "calm", "P2", "Asia/Tbilisi", Room("C1", "C1", name="support"))
    found = await team.database.read(select(rooms).order_by(rooms.c.room))
    assert {row.room: row.zone for row in found} == {"C1": "", "D-P1": "Asia/Tbilisi"}
    await says(team, "calm", "P1", "Europe/Berlin")
    found = await team.database.read(select(rooms.c.zone).where(rooms.c.room == "D-P1"))
    assert [row.zone for row in found] == ["Europe/Berlin"], "who moves takes the clock along at once"


async def test_the_platform_is_asked_once_a_day_and_only_about_people_it_does_not_tell_of(team: Leads) -> None:
    asked: list[str] = []

    async def zone_of(workspace: str, person: str) -> str:
        asked.append(f"{workspace} {person}")
        if person == "P3":
            raise ConnectionError
        return "Europe/Vienna"

    team.delivering.rooms_seen._zone_of = zone_of
    for _ in range(3):
        await says(team, "calm", "P1")
        await says(team, "calm", "P2", "Asia/Tbilisi")
        await says(team, "calm", "P3")
        await says(team, "calm", "P4", room=Room("C1", "C1"))
    assert asked == [f"{HERE} P1", f"{HERE} P3"]
    found = await team.database.read(select(rooms).order_by(rooms.c.room))
    zones = {row.room: row.zone for row in found}
    assert zones == {"C1": "", "D-P1": "Europe/Vienna", "D-P2": "Asia/Tbilisi", "D-P3": ""}
    team.now += timedelta(days=1)
    await says(team, "calm", "P1")
    assert len(asked) == 3
