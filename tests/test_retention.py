"""What is long over is deleted, and nothing else: on both databases, with a moved clock."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from chatbot.coach import Coach
from chatbot.delivery.model import Draft, Failed, Unknown
from chatbot.model import Language, Message, Room
from chatbot.pushing import NoSuchPush, Targets
from chatbot.retention import Retention
from chatbot.roles import Roles
from chatbot.store.audit import AuditLog
from chatbot.store.ledger import write_drafts
from chatbot.store.retention import SqlRetention
from chatbot.store.roles import SqlRoles
from chatbot.store.tables import deliveries, pushes, receipts
from tests.fake_team import HERE
from tests.test_pushing import LEAD, Leads

ROOM = Room("C0000", "C0000", name="room-0")
STATES = ("pending", "sending", "sent", "failed", "unknown", "cancelled", "skipped")


@pytest.fixture
async def team(coach: Coach, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Leads]:
    async with Leads.on(coach, new_database(kind)) as team:
        coach.roles = Roles(SqlRoles(team.database), {HERE: ["LEAD"]}, {})
        yield team


async def keys(team: Leads) -> set[str]:
    return {row.key for row in await team.database.read(select(deliveries.c.key))}


async def enter(
    team: Leads, key: str, state: str, age: timedelta, *, due: bool = False, kind: str = "tips.tip"
) -> None:
    """Enter a row that has been in its state for so long."""
    now = team.now.timestamp()
    draft = Draft(key, "tips:1", HERE, "C1", kind, "{}", now, now)
    values = {"state": state, "since": now - age.total_seconds(), "due": now + 9e9 if due else None}
    await team.database.write(lambda c: write_drafts(c, [draft], now))
    await team.database.write(lambda c: c.execute(update(deliveries).where(deliveries.c.key == key).values(values)))


async def test_rows_that_were_over_for_long_go_and_no_others(team: Leads) -> None:
    for state in STATES:
        to_do = state == "pending"
        await enter(team, f"old {state}", state, timedelta(days=91), due=to_do)
        await enter(team, f"new {state}", state, timedelta(days=89), due=to_do)
    await enter(team, "old and looked for", "unknown", timedelta(days=91), due=True)
    await enter(team, "old reminder", "sent", timedelta(days=91), kind="fresh.remind")
    await team.delivering.retention.tick()
    kept = {f"new {state}" for state in STATES} | {"old pending", "old sending", "old and looked for"}
    assert await keys(team) == kept
    team.now += timedelta(days=2)
    await team.delivering.retention.tick()
    assert await keys(team) == {"old pending", "old sending", "old and looked for", "new pending", "new sending"}


async def test_what_tips_why_tells_is_kept(team: Leads) -> None:
    message = Message("tips on 09:00 UTC daily", HERE, "U1", Language.EN, room=ROOM)
    await team.coach.reply(message)
    for _ in range(100):
        team.now += timedelta(days=1)
        await team.delivering.tips.tick()
        await team.delivering.lanes.run(HERE)
    found = await team.delivering.tips.find(message)
    assert found
    before = await team.delivering.tips.history(found)
    rows = len(await keys(team))
    await team.delivering.retention.tick()
    assert rows > len(await keys(team)) >= 88
    assert await team.delivering.tips.history(found) == before
    await team.delivering.tips.tick()
    assert len(await keys(team)) < rows, "no day comes back"


async def test_a_push_goes_with_its_rows_and_receipts_and_its_audit_stays(team: Leads) -> None:
    await team.rooms(3)
    old = await team.begun(receipts=True)
    await team.run()
    assert await team.pushes.got_it(HERE, old.id, "P1", ROOM)
    draft = await team.made()
    team.now += timedelta(days=399)
    young = await team.begun(receipts=True)
    await team.run()
    assert await team.pushes.got_it(HERE, young.id, "P1", ROOM)
    await team.delivering.retention.tick()
    assert (await team.pushes.report(LEAD, old.id)).sent == 3
    team.now += timedelta(days=2)
    await team.delivering.retention.tick()
    assert [push.id for push in await team.pushes.list(LEAD)] == [young.id]
    for gone in (old, draft):
        with pytest.raises(NoSuchPush):
            await team.pushes.report(LEAD, gone.id)
    report = await team.pushes.report(LEAD, young.id)
    assert (report.sent, report.receipts) == (3, 1)
    assert [row.push for row in await team.database.read(select(receipts))] == [young.id]
    assert {key.partition(":C")[0] for key in await keys(team)} == {young.source}
    said = [row.about for row in await AuditLog(team.database).of(HERE, None)]
    assert sum(f"push {old.id}:" in about for about in said) == 2, "it was created and started"


async def test_a_push_with_anything_left_to_do_or_young_is_kept_whole(team: Leads) -> None:
    await team.rooms(3)
    planned = await team.begun()  # and never sent: its rows stay pending
    team.platform.answer = Unknown()
    looked_for = await team.begun()
    await team.delivering.lanes.run(HERE)
    team.platform.answer = Failed("refused")
    again = await team.begun()
    await team.delivering.lanes.run(HERE)
    begun = await team.made()
    await team.pushes.start(LEAD, begun.id)  # its rows are not written
    rows = await team.database.read(select(deliveries.c.source, deliveries.c.state))
    assert {row.state for row in rows if row.source == looked_for.source} >= {"unknown"}
    statement = update(deliveries).where(deliveries.c.source == planned.source).values(state="pending", due=9e12)
    await team.database.write(lambda c: c.execute(statement))
    before = await keys(team)
    team.now += timedelta(days=390)
    assert await team.pushes.resend_failed(LEAD, again.id) == 3
    statement = update(deliveries).where(deliveries.c.source == again.source, deliveries.c.state == "pending")
    settled = {"state": "sent", "due": None, "since": team.now.timestamp()}
    await team.database.write(lambda c: c.execute(statement.values(settled)))
    team.now += timedelta(days=30)
    await team.delivering.retention.tick()
    assert await keys(team) >= before
    assert {push.id for push in await team.pushes.list(LEAD)} == {planned.id, looked_for.id, again.id, begun.id}


async def test_it_goes_in_small_steps_and_on_the_next_day(team: Leads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.retention.TOGETHER", 2)
    monkeypatch.setattr("chatbot.retention.MOST_AT_ONCE", 3)
    monkeypatch.setattr("chatbot.retention._PAUSE", 0.0)
    for number in range(7):
        await enter(team, f"tip {number}", "sent", timedelta(days=91))
    await team.delivering.retention.tick()
    assert await keys(team) == {"tip 6"}
    await team.rooms(9)
    await team.begun(targets=Targets(channels=True))
    await team.run()
    team.now += timedelta(days=401)
    await team.delivering.retention.tick()
    assert len(await keys(team)) == 3
    assert len(await team.pushes.list(LEAD)) == 1, "not before its rows are gone"
    await team.delivering.retention.tick()
    assert await keys(team) == set()
    assert await team.database.read(select(pushes)) == []


async def test_how_long_is_a_setting(team: Leads) -> None:
    await enter(team, "tip", "sent", timedelta(days=31))
    store = SqlRetention(team.database)
    await Retention(store, timedelta(days=32), timedelta(days=32), lambda: team.now).tick()
    assert await keys(team) == {"tip"}
    await Retention(store, timedelta(days=30), timedelta(days=30), lambda: team.now).tick()
    assert await keys(team) == set()
