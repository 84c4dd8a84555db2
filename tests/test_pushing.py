"""Pushes by conversation and by the clock: who may, how many, what is sent when, and how it is taken back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from adapters.slack import limits as slack_limits
from chatbot.coach import Coach
from chatbot.delivery.model import CantTell, Failed, Limits, Result, Sent, Unknown
from chatbot.errors import SteadyError
from chatbot.model import Choice, Language, Message, Reply, Room, plain_text
from chatbot.pushing import BadPush, NoSuchPush, Push, Pushes, Targets, Wording, WrongMoment
from chatbot.roles import Actor, NotAllowed, Roles
from chatbot.rooms_seen import RoomsSeen
from chatbot.store.audit import AuditLog
from chatbot.store.roles import SqlRoles
from chatbot.store.tables import tip_subscriptions
from chatbot.written import Words, Written
from tests.fake_team import HERE, Platform, Team

ELSEWHERE = "test:T2"
LEAD = Actor(HERE, "LEAD", "Lena")
AGENT = Actor(HERE, "AGENT", "Ann")
STRANGER = Actor(ELSEWHERE, "LEAD2", "Lars")
TEXT = Wording("New refund rule", "Refunds up to 50 € need no approval from today.")


class Leads(Team):
    """A workspace with a lead and rooms."""

    @property
    def pushes(self) -> Pushes:
        return self.delivering.pushes

    async def type(self, text: str, /, who: Actor = LEAD, locale: Language = Language.EN, **values: str) -> Reply:
        room = Room(f"D-{who.person}", f"D-{who.person}", personal=True, certain=False)
        if text.startswith(("push open", "push got")):  # pressed on the push, in the first of its rooms
            room = Room("C0000", "C0000")
        return await self.coach.reply(Message(text, who.workspace, who.person, locale, True, room, who.name, values))

    async def ask(self, text: str, /, who: Actor = LEAD, locale: Language = Language.EN, **values: str) -> str:
        return plain_text(await self.type(text, who, locale, **values))

    async def rooms(self, count: int, *, people: int = 0, workspace: str = HERE) -> None:
        for number in range(count):
            room = Room(f"C{number:04}", f"C{number:04}", name=f"room-{number}")
            await self.delivering.rooms_seen.store.note(workspace, room, Language.EN, "")
        for number in range(people):
            room = Room(f"D{number:04}", f"D{number:04}", personal=True)
            await self.delivering.rooms_seen.store.note(workspace, room, Language.DE, f"P{number}")

    async def made(self, words: Wording = TEXT, **changes: Any) -> Push:
        targets = changes.pop("targets", Targets(channels=True))
        push = Push(HERE, "", LEAD.name, {Language.EN: words}, targets, **changes)
        return await self.pushes.create(LEAD, push)

    async def begun(self, words: Wording = TEXT, **changes: Any) -> Push:
        made = await self.made(words, **changes)
        await self.pushes.start(LEAD, made.id)
        await self.pushes.tick()
        return made

    async def run(self, later: timedelta = timedelta()) -> None:
        """Move the clock and let everything due be sent."""
        self.now += later
        await self.pushes.tick()
        await self.delivering.lanes.run(HERE)
        await self.pushes.tick()
        await self.delivering.lanes.run(HERE)

    async def until(self, push: Push, states: list[str], most: int) -> None:
        """Wait until the first rows of a push are in these states."""
        async with asyncio.timeout(20):
            while (await self.states(push))[-most:][: len(states)] != states:  # noqa: ASYNC110 - it is in the database
                await asyncio.sleep(0.01)

    async def states(self, push: Push) -> list[str]:
        rows = await self.delivering.ledger.latest(push.source, 10_000)
        return [row.state for row in rows]


@pytest.fixture
async def team(coach: Coach, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Leads]:
    async with Leads.on(coach, new_database(kind)) as team:
        coach.roles = Roles(SqlRoles(team.database), {HERE: ["LEAD"], ELSEWHERE: ["LEAD2"]}, {})
        yield team


# ---- who may


LEADS_ACTIONS = (
    "push", "push piece 1", "push save", "push list", "push report 1", "push confirm 1", "push preview 1",
    "push send 1", "push discard 1", "push cancel 1", "push correct 1", "push correct 1 save", "push withdraw 1",
    "push withdraw 1 yes", "push resend 1", "push resend 1 unknown yes", "push remind 1",
)  # fmt: skip


@pytest.mark.parametrize("command", LEADS_ACTIONS)
async def test_an_agent_is_refused_clearly_and_in_private(team: Leads, command: str) -> None:
    await team.rooms(2)
    push = await team.begun()
    reply = await team.type(command, AGENT, title="T", text="t", to="channels")
    assert "Only team leads can push" in plain_text(reply)
    assert reply.private, "the button may have been forged on a message that everybody sees"
    found = await team.pushes.find(LEAD, push.id)
    assert (found.ended, found.revision, found.reminded) == ("", 0, False)


@pytest.mark.parametrize("command", LEADS_ACTIONS[4:])
async def test_another_workspaces_push_is_as_good_as_none(team: Leads, command: str) -> None:
    await team.rooms(2)
    push = await team.begun()
    told = await team.ask(command, STRANGER, title="T", text="t", to="channels")
    assert "no such push" in told or command in ("push list",), told
    found = await team.pushes.find(LEAD, push.id)
    assert (found.ended, found.revision, found.reminded) == ("", 0, False)
    assert await team.pushes.list(STRANGER) == []
    with pytest.raises(NoSuchPush):
        await team.pushes.report(STRANGER, push.id)


async def test_every_call_asks_for_the_role(team: Leads) -> None:
    made = await team.made()
    words = {Language.EN: TEXT}
    calls: Sequence[Any] = (
        team.pushes.channels(AGENT), team.pushes.estimate(AGENT, made), team.pushes.groups(AGENT),
        team.pushes.create(AGENT, made), team.pushes.find(AGENT, 1), team.pushes.list(AGENT),
        team.pushes.report(AGENT, 1), team.pushes.start(AGENT, 1), team.pushes.discard(AGENT, 1),
        team.pushes.cancel(AGENT, 1), team.pushes.correct(AGENT, 1, words), team.pushes.withdraw(AGENT, 1),
        team.pushes.resend_failed(AGENT, 1), team.pushes.remind(AGENT, 1),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(NotAllowed):
            await call


@pytest.mark.parametrize(
    "number", ["", "0", "-1", "999999999999999", "9" * 400, "1e3", "٣", "1; DROP TABLE pushes", "x"]
)
async def test_a_forged_number_leads_nowhere(team: Leads, number: str) -> None:
    for action in ("report", "send", "cancel", "open", "got", "withdraw"):
        told = await team.ask(f"push {action} {number}")
        assert "no such push" in told or "Nothing has been pushed" in told, told


async def test_plain_words_that_begin_with_push_are_no_command(team: Leads) -> None:
    reply = await team.type("push him gently", AGENT)
    assert "team lead" not in plain_text(reply)


# ---- before it is sent


async def test_it_says_how_many_and_how_long_before_anything_is_sent(team: Leads) -> None:
    await team.rooms(3, people=2)
    team.platform.limits = Limits(per_target=1, per_lane=0.5, looks=1)
    opened = await team.type("push")
    assert opened.form
    assert len(opened.blocks[0].text) <= 24  # type: ignore[union-attr]
    told = await team.ask("push save", title="New refund rule", text="No approval up to 50.", to="channels,people")
    assert "Channels: 3" in told
    assert "People: 2" in told
    assert "about 10 s" in told
    assert "push send 1" in told
    assert team.platform.sent == []
    assert "New refund rule" in await team.ask("push preview 1")
    assert "Sending has begun" in await team.ask("push send 1")
    team.platform.limits = Platform.limits  # the clock stands still
    await team.run()
    assert sorted(team.platform.reached) == ["C0000", "C0001", "C0002", "D0000", "D0001"]
    assert "Sent: 5" in await team.ask("push report 1")
    assert "already begun" in await team.ask("push send 1")


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(team: Leads) -> None:
    await team.rooms(1)
    again = await team.type("push save", title="", text="ქ" * 600, to="", at="25:61", zone="Nowhere")
    assert again.form
    errors = {field.name for field in again.form.fields if field.error}
    assert errors == {"at", "zone"}
    again = await team.type("push save", title="", text="ქ" * 600, to="")
    assert again.form
    errors = {field.name for field in again.form.fields if field.error}
    assert errors == {"title", "text", "to"}
    assert {field.name: getattr(field, "value", "") for field in again.form.fields}["text"] == "ქ" * 600


async def test_a_draft_can_be_thrown_away_and_is_then_gone(team: Leads) -> None:
    await team.rooms(1)
    await team.made()
    assert "nothing was sent" in await team.ask("push discard 1")
    assert "no such push" in await team.ask("push send 1")


async def test_a_push_to_nobody_is_not_begun(team: Leads) -> None:
    await team.made()
    assert "Nobody would get this" in await team.ask("push confirm 1")
    assert "Nobody would get this" in await team.ask("push send 1")


async def test_languages_and_single_channels_choose_who_gets_it(team: Leads) -> None:
    await team.rooms(2, people=2)
    store = team.delivering.rooms_seen.store
    await store.note(HERE, Room("C9", "C9"), Language.DE, "")
    await store.note(HERE, Room("D9", "D9", personal=True), Language.KA, "P9")
    await team.begun(targets=Targets(channels=True, people=True, languages=(Language.DE,)))
    await team.run()
    assert sorted(team.platform.reached) == ["C9", "D0000", "D0001"]
    await team.begun(targets=Targets(rooms=("C0001", "C7777")))
    await team.run()
    assert team.platform.reached[3:] == ["C0001"]


async def test_everybody_reads_it_in_their_own_language_or_is_told_that_there_is_none(team: Leads) -> None:
    store = team.delivering.rooms_seen.store
    for name, language in (("C1", Language.DE), ("C2", Language.RU)):
        await store.note(HERE, Room(name, name), language, "")
    words = {
        Language.EN: Wording("Refunds", "Ask.", ("Ask first",), ("May I?",)),
        Language.DE: Wording("Gutschriften", "Fragen."),
    }
    push = Push(HERE, "", "Lena", words, Targets(channels=True), topic="team/refunds")
    made = await team.pushes.create(LEAD, push)
    await team.pushes.start(LEAD, made.id)
    await team.run()
    shown = {delivery.target: plain_text(reply) for delivery, reply in team.platform.sent}
    assert "Gutschriften" in shown["C1"]
    assert "Von Lena, Ihrer Teamleitung" in shown["C1"]
    assert "Refunds" in shown["C2"]
    assert "перевода нет" in shown["C2"]


@pytest.mark.parametrize("language", list(Language))
async def test_every_card_in_every_language_fits_slack(team: Leads, language: Language) -> None:
    longest = {Language.EN: 1_150, Language.DE: 1_150, Language.RU: 575, Language.KA: 383}[language]
    letter = {Language.EN: "x", Language.DE: "x", Language.RU: "ж", Language.KA: "ქ"}[language]
    await team.rooms(1)
    words = {Language.EN: Wording(letter * 80, letter * longest)}
    await team.pushes.create(LEAD, Push(HERE, "", letter * 99, words, Targets(channels=True), receipts=True))
    for command in ("push", "push confirm 1", "push preview 1", "push report 1", "push list"):
        assert slack_limits.measure(await team.type(command, LEAD, language)).problems == (), command
    await team.pushes.start(LEAD, 1)
    await team.run()
    for command in ("push report 1", "push correct 1", "push withdraw 1", "push resend 1 unknown", "push got 1"):
        assert slack_limits.measure(await team.type(command, LEAD, language)).problems == (), command
    for command in ("push withdraw 1 yes", "push report 1", "push open 1"):
        assert slack_limits.measure(await team.type(command, LEAD, language)).problems == (), command


# ---- sending


async def test_each_recipient_gets_it_once_though_the_writing_broke_off(
    team: Leads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatbot.pushing.TOGETHER", 4)
    await team.rooms(10)
    made = await team.made()
    await team.pushes.start(LEAD, made.id)
    writes = 0
    write = team.pushes.store.write

    async def breaks(*arguments: Any) -> bool:
        nonlocal writes
        writes += 1
        if writes == 2:
            raise ConnectionError
        return await write(*arguments)

    monkeypatch.setattr(team.pushes.store, "write", breaks)
    with pytest.raises(ConnectionError):
        await team.pushes.tick()
    assert len(await team.states(made)) == 4
    assert (await team.pushes.find(LEAD, made.id)).state == "starting"
    await team.delivering.lanes.run(HERE)
    await team.run()
    assert sorted(team.platform.reached) == [f"C{number:04}" for number in range(10)]
    assert (await team.pushes.find(LEAD, made.id)).state == "started"


async def test_a_push_that_cannot_go_on_holds_up_no_other(team: Leads, monkeypatch: pytest.MonkeyPatch) -> None:
    await team.rooms(2)
    stuck, next_ = await team.made(), await team.made()
    for push in (stuck, next_):
        await team.pushes.start(LEAD, push.id)
    write = team.pushes.store.write

    async def breaks(push: Push, *arguments: Any) -> bool:
        if push.id == stuck.id:
            raise SteadyError("This can't be read.")
        return await write(push, *arguments)

    monkeypatch.setattr(team.pushes.store, "write", breaks)
    with pytest.raises(SteadyError):
        await team.pushes.tick()
    assert (len(await team.states(stuck)), len(await team.states(next_))) == (0, 2)
    monkeypatch.undo()
    await team.pushes.tick()
    assert len(await team.states(stuck)) == 2


async def test_the_time_is_that_of_each_recipients_own_clock(team: Leads) -> None:
    """At 08:00 UTC it is 09:00 in Berlin, 12:00 in Tbilisi and 03:00 in New York."""
    await team.rooms(3)
    for number, zone in enumerate(("Europe/Berlin", "Asia/Tbilisi", "America/New_York")):
        message = Message(f"tips on 07:00 {zone}", HERE, "U1", Language.EN, room=Room(f"C{number:04}", f"C{number:04}"))
        await team.coach.reply(message)
    await team.delivering.rooms_seen.store.note(HERE, Room("C9", "C9"), Language.EN, "")
    await team.delivering.lanes.run(HERE)  # the introductions of the tips
    team.platform.sent.clear()
    told = await team.ask("push save", title="Rule", text="Text", to="channels", at="10:00", zone="Europe/Moscow")
    assert "At 10:00 by each recipient's own clock" in told
    await team.ask("push send 1")
    await team.run()
    assert team.platform.sent == []

    async def at(hour: int, day: int = 20) -> list[str]:
        team.platform.sent.clear()
        team.now = datetime(2026, 11, day, hour, tzinfo=UTC)
        await team.delivering.lanes.run(HERE)
        return [delivery.target for delivery, _ in team.platform.sent if delivery.kind == "push.card"]

    await team.pushes.tick()
    assert await at(9) == ["C0000"]
    assert await at(14) == []
    assert await at(15) == ["C0002"]
    assert sorted(await at(7, day=21)) == ["C0001", "C9"]
    assert "Under way" not in await team.ask("push report 1")


@pytest.mark.parametrize(
    ("schedule", "hour"),
    [
        ('{"at": "09:30", "zone": "Asia/Tbilisi", "weekdays": [0], "holidays": "XX"}', 11),
        ('{"at": "09:30", "zone": "Middle/Earth", "weekdays": [0]}', 12),
        ("nonsense", 12),
    ],
)
async def test_a_channel_whose_tips_cannot_be_read_gets_pushes_all_the_same(
    team: Leads, schedule: str, hour: int
) -> None:
    """By the clock of its tips where that can be read, or else by the push's: 15:00 is 11:00 or 12:00 UTC."""
    await team.rooms(2)
    room = Room("C0000", "C0000")
    await team.coach.reply(Message("tips on 09:30 Asia/Tbilisi", HERE, "U1", Language.EN, room=room))
    spoilt = update(tip_subscriptions).values(schedule=schedule)
    await team.database.write(lambda c: c.execute(spoilt))
    assert "Channels: 2" in await team.ask(
        "push save", title="a", text="b", to="channels", at="15:00", zone="Europe/Moscow"
    )
    await team.ask("push send 1")
    await team.pushes.tick()
    rows = await team.delivering.ledger.latest("push:1", 10)
    due = {row.target: datetime.fromtimestamp(row.due, UTC).hour for row in rows}
    assert due == {"C0000": hour, "C0001": 12}


async def test_who_wants_quiet_is_left_out_and_counted(team: Leads) -> None:
    await team.rooms(0, people=3)
    await team.coach.preferences.set_quiet_until(HERE, "P1", date(2026, 11, 25))
    await team.coach.preferences.set_quiet_until(HERE, "P2", date(2026, 11, 20))
    await team.begun(targets=Targets(people=True))
    await team.run()
    assert sorted(team.platform.reached) == ["D0000", "D0002"]
    assert "Left out: 1 (quiet time)" in await team.ask("push report 1")


async def test_a_day_late_it_is_not_sent(team: Leads) -> None:
    await team.rooms(1)
    await team.begun()
    await team.run(timedelta(hours=25))
    assert team.platform.sent == []
    assert "Left out: 1 (too late)" in await team.ask("push report 1")


# ---- cancelling


async def test_cancelling_stops_what_is_pending_and_the_figures_add_up(team: Leads, kind: str) -> None:
    await team.rooms(40)
    made = await team.begun()
    team.platform.hold = asyncio.Event()
    sending = asyncio.create_task(team.delivering.lanes.run(HERE))
    await team.until(made, ["sending"], most=40)
    cancelled = await team.pushes.cancel(LEAD, made.id)
    team.platform.hold.set()
    await sending
    await team.pushes.tick()
    report = await team.pushes.report(LEAD, made.id)
    assert report.sent == len(team.platform.sent)
    assert report.cancelled >= cancelled
    assert (report.sent + report.cancelled, report.all, report.pending) == (40, 40, 0)
    assert "Cancelled." in await team.ask(f"push report {made.id}")
    await team.run(timedelta(minutes=1))
    assert len(team.platform.sent) == report.sent


async def test_what_the_platform_puts_off_is_not_sent_after_a_cancel(team: Leads) -> None:
    await team.rooms(1)
    made = await team.begun()
    ledger = team.delivering.ledger
    row = (await ledger.latest(made.source, 1))[0]
    attempt = (await ledger.intend([row.id], team.now.timestamp()))[row.id]
    assert await team.pushes.cancel(LEAD, made.id) == 0
    assert await team.pushes.tick(), "a row is still under way"
    await ledger.settle([Result(row.id, attempt, "pending", row.due)], team.now.timestamp())
    await team.run()
    assert team.platform.sent == []
    report = await team.pushes.report(LEAD, made.id)
    assert (report.cancelled, report.failed) == (1, {})


async def test_cancelling_while_the_rows_are_being_written_writes_no_more(
    team: Leads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatbot.pushing.TOGETHER", 4)
    await team.rooms(10)
    made = await team.made()
    await team.pushes.start(LEAD, made.id)
    write = team.pushes.store.write

    async def then_cancel(*arguments: Any) -> bool:
        went = await write(*arguments)
        await team.pushes.cancel(LEAD, made.id)
        return went

    monkeypatch.setattr(team.pushes.store, "write", then_cancel)
    await team.pushes.tick()
    await team.run()
    assert team.platform.sent == []
    assert await team.states(made) == ["cancelled"] * 4


async def test_thousands_are_cancelled_at_once(team: Leads, monkeypatch: pytest.MonkeyPatch) -> None:
    await team.rooms(1)
    made = await team.begun()
    row = (await team.delivering.ledger.latest(made.source, 1))[0]
    drafts = [team.pushes._draft(replace(made, moment=1.0), known)[0] for known in await team.pushes.channels(LEAD)]
    copies = [replace(drafts[0], key=f"{row.key}:{number}") for number in range(3_000)]
    from chatbot.store.ledger import write_drafts

    for first in range(0, 3_000, 500):
        await team.database.write(lambda c, at=first: write_drafts(c, copies[at : at + 500], 1.0))  # type: ignore[misc]
    assert await team.pushes.cancel(LEAD, made.id) == 3_001


# ---- correcting and withdrawing


async def test_a_correction_changes_what_was_sent_and_what_is_still_to_be(team: Leads) -> None:
    await team.rooms(3)
    made = await team.begun()
    team.platform.answers["C0002"] = [Failed("refused")]
    await team.run()
    form = await team.type("push correct 1")
    assert form.form
    told = await team.ask(form.form.command, title="New refund rule", text="Up to 80 €.")
    assert "being changed in place" in told
    await team.run(timedelta(seconds=5))
    assert all("Up to 80 €" in text for text in team.platform.shown.values())
    assert len(team.platform.sent) == 2, "nothing was posted anew"
    await team.ask("push resend 1")
    await team.run(timedelta(seconds=5))
    assert len(team.platform.shown) == 3
    assert all("Up to 80 €" in text for text in team.platform.shown.values())
    report = await team.pushes.report(LEAD, made.id)
    assert (report.sent, report.changed, report.changing) == (3, 2, 0)
    assert report.push.state == "started"


async def test_a_second_correction_takes_the_place_of_the_first(team: Leads) -> None:
    await team.rooms(3)
    made = await team.begun()
    await team.run()
    for text in ("first", "second"):
        await team.pushes.correct(LEAD, made.id, {Language.EN: replace(TEXT, lead=text)})
    await team.run(timedelta(seconds=5))
    assert sorted(delivery.target for delivery, _ in team.platform.amended) == ["C0000", "C0001", "C0002"]
    assert all("second" in text for text in team.platform.shown.values())


async def test_what_was_under_way_during_a_correction_is_changed_too(team: Leads) -> None:
    await team.rooms(2)
    made = await team.begun()
    team.platform.hold = asyncio.Event()
    sending = asyncio.create_task(team.delivering.lanes.run(HERE))
    await team.until(made, ["sending", "sending"], most=2)
    await team.pushes.correct(LEAD, made.id, {Language.EN: replace(TEXT, lead="corrected")})
    assert (await team.pushes.find(LEAD, made.id)).state == "settling"
    team.platform.hold.set()
    await sending
    assert any("corrected" not in text for text in team.platform.shown.values())
    await team.run(timedelta(seconds=5))
    assert all("corrected" in text for text in team.platform.shown.values())
    assert (await team.pushes.find(LEAD, made.id)).state == "started"


async def test_what_turns_out_to_have_arrived_is_changed_too(team: Leads) -> None:
    await team.rooms(1)
    made = await team.begun()
    team.platform.answers["C0000"] = [Unknown()]
    team.platform.looks = Sent("C0000:7")
    team.platform.shown["C0000:7"] = "the old words"
    looking = asyncio.create_task(team.delivering.lanes.run(HERE))
    await team.until(made, ["unknown"], most=1)
    await team.pushes.correct(LEAD, made.id, {Language.EN: replace(TEXT, lead="corrected")})
    team.now += timedelta(seconds=30)
    await looking
    await team.run(timedelta(seconds=30))
    assert "corrected" in team.platform.shown["C0000:7"]


async def test_a_change_whose_outcome_is_unknown_is_made_again(team: Leads) -> None:
    await team.rooms(1)
    made = await team.begun()
    await team.run()
    team.platform.answers["amend C0000"] = [Unknown(), Unknown()]
    team.platform.looks = CantTell()
    await team.pushes.correct(LEAD, made.id, {Language.EN: replace(TEXT, lead="corrected")})
    for _ in range(6):
        await team.run(timedelta(seconds=60))
    assert len(team.platform.amended) == 1
    assert "corrected" in team.platform.shown["C0000:1"]
    assert (await team.pushes.report(LEAD, made.id)).changed == 1


async def test_a_message_that_was_deleted_meanwhile_is_told_and_harms_nothing(team: Leads) -> None:
    await team.rooms(2)
    made = await team.begun()
    await team.run()
    team.platform.answers["amend C0000"] = [Failed("deleted")]
    await team.pushes.correct(LEAD, made.id, {Language.EN: replace(TEXT, lead="corrected")})
    await team.run(timedelta(seconds=5))
    report = await team.pushes.report(LEAD, made.id)
    assert (report.changed, report.unchanged, report.sent) == (1, 1, 2)
    assert "Could not be changed: 1" in await team.ask("push report 1")


async def test_withdrawn_it_says_so_everywhere_and_goes_nowhere_else(team: Leads) -> None:
    await team.rooms(4)
    made = await team.begun(receipts=True)
    team.platform.answers["C0003"] = [Failed("refused")]
    await team.run()
    await team.ask("push remind 1")
    await team.run(timedelta(seconds=5))
    assert len(team.platform.shown) == 6
    asked = await team.ask("push withdraw 1")
    assert "push withdraw 1 yes" in asked
    assert all("Taken back" not in text for text in team.platform.shown.values())
    await team.ask("push withdraw 1 yes")
    await team.run(timedelta(seconds=5))
    assert all("Taken back" in text and "Got it" not in text for text in team.platform.shown.values())
    for action in ("resend", "remind", "correct", "cancel"):
        assert "has ended" in await team.ask(f"push {action} 1"), action
    assert "Taken back" in await team.ask("push open 1", AGENT)
    assert (await team.pushes.report(LEAD, made.id)).changed == 6


async def test_messages_that_stand_changed_are_counted_not_their_changes(team: Leads) -> None:
    await team.rooms(3)
    made = await team.begun()
    await team.run()
    await team.pushes.correct(LEAD, made.id, {Language.EN: replace(TEXT, lead="corrected")})
    await team.run(timedelta(seconds=5))
    assert "Changed in place: 3; still to do: 0" in await team.ask("push report 1")
    team.platform.answers["amend C0001"] = [Failed("deleted")]
    await team.ask("push withdraw 1 yes")
    assert "Changed in place: 0; still to do: 3" in await team.ask("push report 1")
    await team.run(timedelta(seconds=5))
    told = await team.ask("push report 1")
    assert "Changed in place: 2; still to do: 0" in told
    assert "Could not be changed: 1" in told


async def test_withdrawn_in_the_middle_nothing_more_is_sent(team: Leads) -> None:
    await team.rooms(3)
    made = await team.begun()
    await team.pushes.withdraw(LEAD, made.id)
    await team.run(timedelta(seconds=5))
    assert team.platform.sent == []
    assert (await team.pushes.report(LEAD, made.id)).cancelled == 3


async def test_the_same_words_are_no_correction_and_wrong_ones_are_refused(team: Leads) -> None:
    await team.rooms(1)
    made = await team.begun()
    with pytest.raises(WrongMoment):
        await team.pushes.correct(LEAD, made.id, {Language.EN: TEXT})
    with pytest.raises(BadPush):
        await team.pushes.correct(LEAD, made.id, {Language.EN: Wording("", "")})
    again = await team.type(f"push correct {made.id} save", title="", text="x")
    assert again.form
    assert [field.error for field in again.form.fields] == ["Please write a title.", ""]


# ---- sending again, receipts, reminders


async def test_only_the_failed_are_sent_again_and_the_unknown_when_the_lead_says_so(team: Leads) -> None:
    await team.rooms(4)
    team.platform.answers = {"C0001": [Failed("refused")], "C0002": [Unknown()]}
    team.platform.looks = CantTell()
    await team.begun()
    await team.run(timedelta(seconds=30))
    await team.run(timedelta(seconds=30))
    told = await team.ask("push report 1")
    assert "Failed: 1 (the platform refused it)" in told
    assert "can’t be found out: 1" in told
    assert "Sent again: 1" in await team.ask("push resend 1")
    await team.run(timedelta(seconds=5))
    assert sorted(team.platform.reached) == ["C0000", "C0001", "C0003"]
    assert "stand there twice" in await team.ask("push resend 1 unknown")
    await team.ask("push resend 1 unknown yes")
    await team.run(timedelta(seconds=5))
    assert team.platform.reached[3:] == ["C0002"]
    report = await team.pushes.report(LEAD, 1)
    assert (report.sent, report.failed, report.unknown, report.all) == (4, {}, 0, 4)
    assert "Sent again: 0" in await team.ask("push resend 1")


async def test_receipts_are_counted_once_a_person_and_only_where_asked_for(team: Leads) -> None:
    await team.rooms(1)
    await team.begun(receipts=True)
    await team.run()
    _, card = team.platform.sent[0]
    assert "how many have read this, but not who" in plain_text(card)
    (got,) = [button for button in card.buttons if button.command.startswith("push got")]
    assert got.private
    for person in ("U1", "U2", "U1"):
        thanked = await team.type(got.command, Actor(HERE, person))
        assert thanked.private
        assert "Thank you" in plain_text(thanked)
    assert "no such push" in await team.ask(got.command, STRANGER)
    told = await team.ask("push report 1")
    assert "Pressed “Got it”: 2" in told
    assert "U1" not in told
    await team.begun()
    await team.run()
    assert not any("got" in button.command for button in team.platform.sent[1][1].buttons)
    assert "no such push" in await team.ask("push got 2", AGENT)


async def test_a_push_is_read_only_where_it_was_sent(team: Leads) -> None:
    await team.rooms(2)
    await team.begun(targets=Targets(rooms=("C0001",)), receipts=True)
    await team.run()
    await team.begun(targets=Targets(rooms=("C0000",)), receipts=True)

    async def pressed(command: str, room: Room | None) -> str:
        message = Message(command, HERE, AGENT.person, pressed=True, room=room)
        return plain_text(await team.coach.reply(message))

    forged = Room("C0001", "C0001", certain=False)  # what a button in a private chat says of a room
    elsewhere = Room(f"D-{AGENT.person}", f"D-{AGENT.person}", personal=True)
    for room in (Room("C0000", "C0000"), forged, elsewhere, None):
        for command in ("push open 1", "push got 1"):
            assert "no such push" in await pressed(command, room), (command, room)
    assert "no such push" in await pressed("push open 2", Room("C0000", "C0000")), "not on its way yet"
    assert (await team.pushes.report(LEAD, 1)).receipts == 0
    assert TEXT.title in await pressed("push open 1", Room("C0001", "C0001"))
    assert "Thank you" in await pressed("push got 1", Room("C0001", "C0001"))
    assert (await team.pushes.report(LEAD, 1)).receipts == 1


async def test_in_works_council_mode_nobody_is_asked_for_receipts(team: Leads) -> None:
    team.pushes.works_council = True
    await team.rooms(1)
    opened = await team.type("push")
    assert opened.form
    assert "receipts" not in {field.name for field in opened.form.fields}
    assert not (await team.begun(receipts=True)).receipts


async def test_one_reminder_goes_to_whom_it_reached(team: Leads) -> None:
    await team.rooms(2)
    team.platform.answers["C0001"] = [Failed("refused")]
    await team.begun(receipts=True)
    await team.run()
    assert "Reminders on their way: 1" in await team.ask("push remind 1")
    await team.run(timedelta(seconds=5))
    assert "A reminder" in plain_text(team.platform.sent[1][1])
    assert "once is enough" in await team.ask("push remind 1")
    report = await team.pushes.report(LEAD, 1)
    assert (report.sent, report.reminded) == (1, 1)


async def test_a_reminder_that_nobody_gets_does_not_use_up_the_one(team: Leads) -> None:
    await team.rooms(1)
    await team.begun()
    assert "Reminders on their way: 0" in await team.ask("push remind 1")
    await team.run()
    assert "Reminders on their way: 1" in await team.ask("push remind 1")


async def test_a_form_says_how_many_of_many_channels_it_lists(team: Leads) -> None:
    await team.rooms(98)
    assert "are listed" not in await team.ask("push")
    await team.rooms(120)
    assert "98 of 120 are listed" in await team.ask("push")
    form = (await team.type("push")).form
    assert form
    (to,) = [field for field in form.fields if field.name == "to"]
    assert isinstance(to, Choice)
    assert len(to.options) == 100


# ---- the rest


async def test_what_leads_did_is_in_the_audit(team: Leads) -> None:
    await team.rooms(2)
    team.platform.answers["C0001"] = [Failed("refused")]
    made = await team.begun()
    await team.run()
    await team.pushes.resend_failed(LEAD, made.id)
    await team.pushes.remind(LEAD, made.id)
    await team.pushes.correct(LEAD, made.id, {Language.EN: replace(TEXT, lead="x")})
    await team.pushes.cancel(LEAD, made.id)
    await team.pushes.withdraw(LEAD, made.id)
    rows = await AuditLog(team.database).of(HERE, None)
    assert [row.action for row in reversed(rows)] == [
        "push created", "push started", "push resent", "push reminded", "push corrected", "push cancelled",
        "push withdrawn",
    ]  # fmt: skip
    assert {row.actor for row in rows} == {"Lena (LEAD)"}


async def test_rooms_are_noted_once_a_day_and_left_out_when_they_are_gone(team: Leads) -> None:
    seen = team.delivering.rooms_seen

    async def speak(room: Room, who: str = "U1", locale: Language = Language.EN) -> None:
        await team.coach.reply(Message("calm", HERE, who, locale, room=room))
        await seen.written()

    writes = 0
    note = seen.store.note

    async def counting(*arguments: Any) -> None:
        nonlocal writes
        writes += 1
        await note(*arguments)

    seen.store.note = counting  # type: ignore[method-assign]
    for _ in range(3):
        await speak(Room("C1", "C1"))
    assert writes == 1
    await speak(Room("C1", "C1", name="support", certain=False))
    await speak(Room("C2", "C2", name="not-ours", certain=False))
    await speak(Room("D2", "D2", personal=True, certain=False))
    await speak(Room("D1", "D1", personal=True), "U7", Language.DE)
    known = await seen.store.of_workspace(HERE)
    assert [(each.room.key, each.room.name, each.language, each.person) for each in known] == [
        ("C1", "support", Language.EN, ""),
        ("D1", "", Language.DE, "U7"),
    ]
    await team.coach.room_changed(HERE, "C1", "archived")
    assert [each.room.key for each in await seen.store.of_workspace(HERE)] == ["D1"]
    await team.coach.room_changed(HERE, "C1", "back")
    await team.coach.room_changed(HERE, None, "uninstalled")
    assert await seen.store.of_workspace(HERE) == []
    await team.coach.room_changed(HERE, None, "back")
    assert len(await seen.store.of_workspace(HERE)) == 2
    team.now += timedelta(days=1)
    before = writes
    await speak(Room("C1", "C1"))
    assert writes == before + 1


@pytest.mark.parametrize(
    ("typed", "locale", "spoken"),
    [
        ("ich bin so gestresst", None, Language.DE),
        ("ruhe", None, Language.DE),
        ("я на грани", None, Language.RU),
        ("calm", None, Language.EN),
        ("calm", Language.DE, Language.DE),
        ("ruhe", Language.EN, Language.EN),
    ],
)
async def test_a_channel_speaks_as_it_was_spoken_to(
    team: Leads, typed: str, locale: Language | None, spoken: Language
) -> None:
    await team.coach.reply(Message(typed, HERE, "U1", locale, room=Room("C1", "C1")))
    await team.delivering.rooms_seen.written()
    (known,) = await team.delivering.rooms_seen.store.of_workspace(HERE)
    assert known.language is spoken


async def test_a_room_that_refuses_gets_no_further_push(team: Leads) -> None:
    await team.rooms(2)
    team.platform.answers["C0001"] = [Failed("archived", gone="target")]
    await team.begun()
    await team.run()
    assert "Failed: 1 (the channel is archived)" in await team.ask("push report 1")
    assert (await team.pushes.estimate(LEAD, await team.pushes.find(LEAD, 1))).channels == 1


async def test_a_database_that_fails_delays_no_answer(team: Leads, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(team.delivering.rooms_seen.store, "note", broken)
    reply = await team.coach.reply(Message("calm", HERE, "U1", Language.EN, room=Room("C1", "C1")))
    assert reply.outcome.topic == "calm"
    await team.delivering.rooms_seen.written()


async def test_markup_stays_text(team: Leads) -> None:
    from adapters.slack import to_slack

    await team.rooms(1)
    nasty = "<!channel> {{ 7*7 }} {% raw %} *bold* [x](javascript:1) \u202eevil"
    await team.begun(Wording(nasty, nasty))
    await team.run()
    _, card = team.platform.sent[0]
    told = to_slack(card)
    assert "<!channel>" not in told["text"]
    assert "{{ 7*7 }} {% raw %}" in plain_text(card)
    assert "\u202e" not in plain_text(card)


async def test_a_published_card_is_pushed_opened_and_corrected_by_what_is_published_next(team: Leads) -> None:
    from adapters.leading import Leading

    leading = Leading(team.database, team.coach, {HERE: ["LEAD"], ELSEWHERE: ["LEAD2"]}, {}, team.now.timestamp)
    await leading.start()
    words = Words(
        "Refund rule", "Refund up to 50 at once.", ("Look at the sum", "Refund it"), ("You will have it today.",)
    )
    written = Written("", {Language.EN: words}, "LEAD", "", date(2027, 1, 1))
    await team.rooms(2)

    async def publish(written: Written, piece: int | None = None) -> int:
        draft = await leading.publishing.save_draft(LEAD, written, piece)
        assert "Publish it first" in await team.ask(f"push piece {draft.piece}") or piece
        await leading.publishing.publish(LEAD, draft.piece, draft.number)
        return draft.piece

    piece = await publish(written)
    assert "Publish it first" in await team.ask(f"push piece {piece}", STRANGER)
    form = (await team.type(f"push piece {piece}")).form
    assert form
    assert "title" not in {field.name for field in form.fields}
    assert "Channels: 2" in await team.ask(form.command, to="channels")
    await team.ask("push send 1")
    await team.run()
    _, card = team.platform.sent[0]
    assert "Look at the sum" in plain_text(card)
    opened = await team.type(card.buttons[0].command, AGENT)
    assert opened.private
    assert opened.outcome.kind == "topic"
    assert "says just that already" in await team.ask("push correct 1")
    topic = (await leading.publishing.piece(HERE, piece)).topic
    corrected = replace(written, topic=topic, words={Language.EN: replace(words, lead="Refund up to 80 at once.")})
    await publish(corrected, piece)
    assert "changed in place" in await team.ask("push correct 1")
    await team.run(timedelta(seconds=5))
    assert all("up to 80" in text for text in team.platform.shown.values())
    await leading.stop()


async def test_of_a_room_that_changes_faster_than_it_is_written_only_the_latest_waits() -> None:
    written: list[Language] = []
    slow = asyncio.Event()

    class Store:
        async def note(self, workspace: str, room: Room, language: Language, person: str, zone: str = "") -> None:
            await slow.wait()
            written.append(language)

    seen = RoomsSeen(Store(), lambda: datetime(2026, 11, 22, tzinfo=UTC))  # type: ignore[arg-type] # only what is asked for here
    room = Room("D1", "D1", personal=True)
    for language in [*Language] * 50:
        seen.note("test:T1", room, language, "P1")
        await asyncio.sleep(0)
    assert len(seen._writing) == 1
    slow.set()
    await seen.written()
    assert written == [Language.EN, [*Language][-1]]
    assert not seen._writing
