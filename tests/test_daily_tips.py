"""The tips of channels by conversation and by the clock: what is typed, what comes when, and what `why` says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from chatbot.coach import Coach
from chatbot.delivery.model import Failed
from chatbot.guidance import Guidance
from chatbot.model import Choice, Entry, Language, Message, Reply, Room, plain_text
from chatbot.store.tables import tip_subscriptions
from tests.fake_team import HERE, START, Team

ROOM = Room("C1", "C1")
NO_SUCH_HOLIDAYS = '{"at": "09:30", "zone": "UTC", "weekdays": [0, 4], "holidays": "XX"}'


class Channel(Team):
    """A channel in which things are typed."""

    async def type(self, text: str, locale: Language = Language.EN, room: Room = ROOM, **values: Any) -> Reply:
        pressed = values.pop("pressed", False)
        message = Message(
            text, HERE, "U1", locale, pressed, room, "Lena", {name: str(value) for name, value in values.items()}
        )
        return await self.coach.reply(message)

    async def ask(self, text: str, locale: Language = Language.EN, **more: Any) -> str:
        return plain_text(await self.type(text, locale, **more))

    async def pass_time(self, until: datetime) -> list[str]:
        """Move the clock, let everything due be sent, and return what came."""
        before = len(self.platform.sent)
        self.now = until
        await self.delivering.tips.tick()
        await self.delivering.lanes.run(HERE)
        return [plain_text(reply) for _, reply in self.platform.sent[before:]]


@pytest.fixture
async def team(coach: Coach, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Channel]:
    async with Channel.on(coach, new_database(kind)) as team:
        yield team


async def test_a_channel_gets_one_tip_a_day_at_its_own_time(team: Channel) -> None:
    team.now = START + timedelta(hours=1)
    told = await team.ask("tips on 09:30 Europe/Berlin weekdays")
    assert "Monday 23 November, 09:30 (Europe/Berlin)" in told
    introduced = await team.pass_time(START + timedelta(hours=1, minutes=1))
    assert len(introduced) == 1
    assert "Lena" in introduced[0]
    assert "tips off" in introduced[0]
    assert await team.pass_time(datetime(2026, 11, 23, 8, 29, tzinfo=UTC)) == []
    came = await team.pass_time(datetime(2026, 11, 23, 8, 30, tzinfo=UTC))
    assert len(came) == 1
    assert "Tip of the day" in came[0]
    assert await team.pass_time(datetime(2026, 11, 23, 20, 0, tzinfo=UTC)) == []
    assert len(await team.pass_time(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))) == 1


async def test_a_tip_is_not_repeated_until_all_were_shown(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily topics calm, pause")
    seen = []
    for day in range(1, 11):
        came = await team.pass_time(START + timedelta(days=day, hours=2))
        seen += [text for text in came if "Tip of the day" in text]
    first = seen[:5]  # all that there are on these topics
    assert len(set(first)) == 5
    assert set(seen[5:]) == set(first)


async def test_a_late_tip_is_sent_within_two_hours_and_skipped_after(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    await team.pass_time(START + timedelta(minutes=1))
    assert len(await team.pass_time(datetime(2026, 11, 20, 11, 29, tzinfo=UTC))) == 1
    assert await team.pass_time(datetime(2026, 11, 23, 11, 31, tzinfo=UTC)) == []
    why = await team.ask("tips why")
    assert "Saturday 21 November: not sent" in why
    assert "Monday 23 November: not sent" in why
    assert "Next tip: Tuesday 24 November, 09:30" in why


async def test_two_replicas_that_look_at_the_same_time_write_one_tip(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    team.now = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    due = await team.delivering.tips.store.due(team.now.timestamp(), 10)
    texts = (await team.coach.guidance_of("test:T1")).tips[Language.EN]
    advances = [team.delivering.tips._advance(each, team.now, None, texts) for each in due]
    assert await team.delivering.tips.store.advance(advances, team.now.timestamp()) == 1
    assert await team.delivering.tips.store.advance(advances, team.now.timestamp()) == 0
    rows = await team.delivering.ledger.latest(f"tips:{due[0].id}", 10)
    assert [row.kind for row in rows] == ["tips.tip", "tips.intro"]


async def test_whoever_is_no_member_changes_nothing(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    team.platform.who = "stranger"
    assert "Only members" in await team.ask("tips off")
    assert "Only members" in await team.ask("tips on 10:00")
    assert "09:30" in await team.ask("tips status")
    team.platform.who = "no_bot"
    assert "Add me" in await team.ask("tips now")
    team.platform.who = "cant_tell"
    assert "try again" in await team.ask("tips swap")


async def test_without_a_zone_it_asks_and_changes_nothing(team: Channel) -> None:
    reply = await team.type("tips on 9.30")
    assert "Which time zone?" in plain_text(reply)
    assert reply.buttons[0].command == "tips on 9.30 Europe/London"
    assert "No tips are set up" in await team.ask("tips")
    assert "09:30, Europe/London" in await team.ask(reply.buttons[0].command)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("tips on 25:61 UTC", "no time that I know"),
        ("tips on 09:30 Europe/Berln", "Did you mean Europe/Berlin"),
        ("tips on 09:30 Europe/../../etc/passwd", "no time zone"),
        ("tips on 09:30 UTC topics " + "calm, " * 2000, "too long"),
        ("tips on 09:30 UTC topics nonsense", "no topic"),
        ("tips on 09:30 UTC holidays XX", "no holiday calendar"),
    ],
)
async def test_what_makes_no_sense_is_refused_clearly(team: Channel, typed: str, said: str) -> None:
    assert said in await team.ask(typed)
    assert "No tips are set up" in await team.ask("tips")


async def test_pause_of_the_year_9999_is_refused(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    assert "no day that I can use" in await team.ask("tips pause until 9999-12-31")
    assert "Paused" not in await team.ask("tips status")


async def test_pause_until_a_day_and_resume(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    assert "Paused; the tips go on again from Thursday 24 December" in await team.ask("tips pause until 2026-12-24")
    assert "Next tip: Thursday 24 December, 09:30" in await team.ask("tips why")
    await team.ask("tips resume")
    assert "Next tip: Friday 20 November, 09:30" in await team.ask("tips status")


async def test_what_is_over_is_not_told_as_if_it_were_to_come(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily, not 2026-11-25, 2026-12-24")
    told = await team.type("tips pause until 2026-11-23")
    assert "Paused" in plain_text(told)
    assert "tips resume" in [button.command for button in told.buttons]
    assert "Left out: Wednesday 25 November" in plain_text(told)
    await team.pass_time(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    told = await team.type("tips")
    assert "Paused" not in plain_text(told)
    assert "tips resume" not in [button.command for button in told.buttons]
    assert "Left out: Wednesday 25 November" in plain_text(told)
    await team.pass_time(datetime(2026, 11, 26, 9, 30, tzinfo=UTC))
    said = await team.ask("tips")
    assert "25 November" not in said
    assert "Left out: Thursday 24 December" in said


async def test_why_goes_by_the_days_of_the_channels_own_clock(team: Channel) -> None:
    """At 12:00 UTC on the 22nd it is the 23rd in Auckland: a pause until then is over."""
    await team.ask("tips on 09:30 Pacific/Auckland")
    await team.ask("tips pause until 2026-11-23")
    team.now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert "Paused" in await team.ask("tips why")
    team.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert "Paused" not in await team.ask("tips why")


async def test_the_form_lists_the_chosen_of_many_topics_and_says_how_many(
    team: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [tip.partition("#")[0] for tip in team.coach.guidance.tips[Language.EN]]
    last = every[-1]
    await team.ask(f"tips on 09:30 UTC topics {last}")
    monkeypatch.setattr("chatbot.tip_cards._MOST_OPTIONS", 5)
    form = (await team.type("tips form")).form
    assert form
    (topics,) = [field for field in form.fields if field.name == "topics"]
    assert isinstance(topics, Choice)
    assert topics.chosen == (last,)
    assert last in [option.value for option in topics.options]
    assert f"5 of {len(set(every))} are listed" in topics.label


async def test_off_and_on_again_does_not_send_twice_on_a_day(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    assert len(await team.pass_time(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))) == 2
    assert "turned off" in await team.ask("tips off")
    assert "Next tip: Saturday 21 November, 11:00" in await team.ask("tips on 11:00")
    came = await team.pass_time(datetime(2026, 11, 20, 11, 30, tzinfo=UTC))
    assert ["Tips for this channel" in text for text in came] == [True]


async def test_the_team_turns_a_tip_down_and_takes_it_back(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily topics calm de")
    await team.pass_time(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    _, tip = team.platform.sent[-1]
    tried, dropped = tip.buttons
    assert (tried.private, dropped.private) == (True, False)
    assert (await team.type(tried.command, Language.DE)).outcome.topic == "calm"
    gone = await team.type(dropped.command, Language.EN, pressed=True)
    assert gone.language is Language.DE, "everybody reads it, so it keeps to the channel's language"
    assert "Herausgenommen" in plain_text(gone)
    assert "Vom Team herausgenommene Tipps: 1" in await team.ask("tips status", Language.DE)
    back = await team.type(gone.buttons[0].command, pressed=True)
    assert plain_text(back) == plain_text(tip)


async def test_preview_swap_and_now(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    first = (await team.type("tips preview")).blocks[2].items  # type: ignore[union-attr]
    swapped = (await team.type("tips swap")).blocks[2].items  # type: ignore[union-attr]
    assert swapped[:2] == first[1:]
    await team.ask("tips now")
    came = await team.pass_time(START + timedelta(seconds=5))
    assert swapped[0] in came[-1]


async def test_now_says_so_when_the_team_wants_none_of_its_tips(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    await team.pass_time(START)
    for tip in (await team.coach.guidance_of(HERE)).tips[Language.EN]:
        await team.ask(f"tips drop {tip}")
    assert "There are no tips" in await team.ask("tips now")
    assert await team.pass_time(START + timedelta(seconds=5)) == []


async def test_a_channel_whose_schedule_cannot_be_read_holds_up_no_other(team: Channel) -> None:
    for room in (Room("C1", "C1"), Room("C2", "C2")):
        await team.ask("tips on 09:30 UTC daily", room=room)
    await team.pass_time(START)
    await spoil(team, schedule=NO_SUCH_HOLIDAYS, next_due=START.timestamp())
    came = await team.pass_time(START + timedelta(hours=2))
    assert ["Tip of the day" in text for text in came] == [True]
    assert team.platform.reached[-1] == "C2"
    await team.coach.room_changed(HERE, None, "uninstalled")
    assert "the app was removed" in await team.ask("tips", room=Room("C2", "C2"))


async def test_many_that_cannot_be_read_hold_up_no_other_and_are_logged_once(
    team: Channel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chatbot.daily_tips._TOGETHER", 2)
    for number in range(1, 6):
        room = Room(f"C{number}", f"C{number}")
        await team.ask("tips on 09:30 UTC daily", room=room)
    await team.pass_time(START)
    for number in range(1, 5):
        await spoil(team, f"C{number}", schedule=NO_SUCH_HOLIDAYS, next_due=START.timestamp())
    came = await team.pass_time(START + timedelta(hours=2))
    assert ["Tip of the day" in text for text in came] == [True]
    await team.pass_time(START + timedelta(hours=3))
    assert len(caplog.records) == 4


@pytest.mark.parametrize(
    "spoilt",
    [{"schedule": NO_SUCH_HOLIDAYS}, {"schedule": "{"}, {"deck": "{}"}],
    ids=["holidays", "schedule", "deck"],
)
async def test_what_cannot_be_read_is_told_and_set_up_anew_without_a_loss(
    team: Channel, spoilt: dict[str, Any]
) -> None:
    await team.ask("tips on 09:30 UTC daily")
    (subscription,) = await team.delivering.tips.store.of_workspace(HERE)
    (shown,) = await team.delivering.tips.next_tips(subscription, 1)
    removed = next(tip for tip, text in team.coach.guidance.tips[Language.EN].items() if text != shown)
    await team.ask(f"tips drop {removed}")
    await team.pass_time(START + timedelta(hours=2))
    await spoil(team, **spoilt)
    before = await stored(team)
    for typed in (
        "tips",
        "tips off",
        "tips resume",
        "tips now",
        "tips swap",
        "tips pause 2026-12-01",
        f"tips keep {removed}",
    ):
        said = await team.type(typed)
        assert "I can't read their set-up any more" in plain_text(said)
        assert [button.command for button in said.buttons] == ["tips form"]
    assert await stored(team) == before, "nothing is written over what can't be read"
    form = (await team.type("tips on 10:00")).form
    assert form
    values = {each.name: each.value if isinstance(each, Entry) else ",".join(each.chosen) for each in form.fields}
    assert values["time"] == "09:30"
    assert values["holidays"] == ""
    assert "Tips are on" in await team.ask("tips save", **values)
    after = await stored(team)
    kept = ("id", "removed", "last_day", "set_by") + (() if "deck" in spoilt else ("deck",))
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    came = await team.pass_time(START + timedelta(days=3, hours=2))
    assert any("Tip of the day" in text for text in came)


async def spoil(team: Channel, room: str = "C1", **values: Any) -> None:
    """Write over a channel's row what another version, or somebody by hand, might have written."""
    await team.database.write(
        lambda c: c.execute(update(tip_subscriptions).where(tip_subscriptions.c.room == room).values(**values))
    )


async def stored(team: Channel) -> dict[str, Any]:
    (row,) = await team.database.read(select(tip_subscriptions))
    return dict(row._mapping)


async def test_what_others_change_at_the_same_time_is_not_lost(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    tips = team.delivering.tips
    before = (await tips.store.of_workspace("test:T1"))[0]
    shown = await tips.next_tips(before, 2)
    await asyncio.gather(
        tips.change(before, lambda now: replace(now, removed=now.removed | {"calm#1"})),
        tips.change(before, lambda now: replace(now, removed=now.removed | {"calm#2"})),
        tips.swap(before),
        tips.change(before, lambda now: replace(now, stopped="off")),
        tips.room_changed("test:T1", "C1", "removed"),
    )
    after = (await tips.store.of_workspace("test:T1"))[0]
    assert after.removed == {"calm#1", "calm#2"}
    assert after.stopped in ("off", "blocked")
    assert after.next_run is None
    assert after.deck != before.deck, shown
    # Whoever turned it off has the last word: a room that is back does not begin by itself.
    await tips.change(before, lambda now: replace(now, stopped="off"))
    await tips.room_changed("test:T1", "C1", "back")
    assert (await tips.store.of_workspace("test:T1"))[0].stopped == "off"
    assert await tips.change(replace(before, id=before.id + 1000), lambda now: now) is None


async def test_a_weekly_digest_brings_five(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC mo-fr weekly")
    monday = await team.pass_time(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    assert "Tips of the week" in monday[-1]
    assert await team.pass_time(datetime(2026, 11, 27, 12, 0, tzinfo=UTC)) == []
    assert len(await team.pass_time(datetime(2026, 11, 30, 9, 31, tzinfo=UTC))) == 1


async def test_a_room_that_is_gone_is_left_alone_and_taken_up_again(team: Channel) -> None:
    await team.ask("tips on 09:30 UTC daily")
    team.platform.answer = Failed("archived", gone="target")
    await team.pass_time(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    assert "the channel was archived" in await team.ask("tips why")
    assert await team.pass_time(datetime(2026, 11, 21, 9, 30, tzinfo=UTC)) == []
    team.platform.answer = None
    await team.coach.room_changed("test:T1", "C1", "back")
    assert len(await team.pass_time(datetime(2026, 11, 22, 9, 30, tzinfo=UTC))) == 1
    await team.coach.room_changed("test:T1", None, "uninstalled")
    assert "the app was removed" in await team.ask("tips status")
    await team.coach.room_changed("other:T9", None, "back")
    assert "the app was removed" in await team.ask("tips status")


async def test_quiet_mutes_personal_tips_is_shown_and_undone(team: Channel) -> None:
    own = Room("D1", "D1", personal=True)
    await team.type("tips on 09:30 UTC daily", room=own)
    assert "Until Tuesday 24 November" in plain_text(await team.type("quiet until 2026-11-24", room=own))
    assert await team.pass_time(datetime(2026, 11, 20, 9, 30, tzinfo=UTC)) == []
    assert "you wanted quiet" in plain_text(await team.type("tips why", room=own))
    shown = await team.type("quiet", room=own)
    assert shown.buttons[0].command == "quiet off"
    await team.type("quiet off", room=own)
    assert len(await team.pass_time(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))) == 1


async def test_the_form_says_at_each_field_what_is_wrong_and_keeps_what_was_typed(team: Channel) -> None:
    opened = await team.type("tips form", pressed=True)
    assert opened.form
    typed = {
        "time": "25:61", "zone": "Europe/Berln", "days": "", "rhythm": "daily", "language": "de",
        "topics": "calm", "holidays": "XX",
    }  # fmt: skip
    again = await team.type("tips save", pressed=True, **typed)
    assert again.form
    errors = {field.name: field.error for field in again.form.fields if field.error}
    assert errors.keys() == {"time", "zone", "days", "holidays"}
    assert "Europe/Berlin" in errors["zone"]
    values = {field.name: getattr(field, "value", "") for field in again.form.fields}
    assert values["time"] == "25:61"
    good = typed | {"time": "8.15", "zone": "Berlin", "days": "0,2,4", "holidays": "DE-BE"}
    saved = await team.ask("tips save", pressed=True, **good)
    assert "08:15, Europe/Berlin" in saved
    assert "Monday, Wednesday and Friday" in saved
    assert "DE-BE" in saved


@pytest.mark.parametrize("language", list(Language))
async def test_every_title_of_a_form_fits_a_modal(team: Channel, language: Language) -> None:
    reply = await team.type("tips form", language, pressed=True)
    assert len(reply.blocks[0].text) <= 24  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("language", list(Language))
async def test_why_in_every_language(team: Channel, language: Language, golden: Any) -> None:
    """Plain day, holiday, clock change tomorrow, missed run, paused, blocked."""
    told: dict[str, list[str]] = {}

    async def note(name: str) -> None:
        told[name] = (await team.ask("tips why", language)).splitlines()

    await team.ask("tips on 09:30 Europe/Berlin daily holidays DE")
    await note("plain day")
    team.now = datetime(2026, 12, 20, 12, 0, tzinfo=UTC)
    await team.delivering.tips.tick()
    await note("holiday and missed runs")
    await team.ask("tips on 02:30")
    team.now = datetime(2027, 3, 27, 12, 0, tzinfo=UTC)
    await team.delivering.tips.tick()
    await note("clock goes forward tomorrow")
    team.now = datetime(2027, 10, 30, 12, 0, tzinfo=UTC)
    await team.delivering.tips.tick()
    await note("clock goes back tomorrow")
    await team.ask("tips pause until 2027-12-01")
    await note("paused")
    await team.coach.room_changed("test:T1", "C1", "removed")
    await note("blocked")
    golden(f"tips-why-{language}", told)


async def test_a_tip_that_the_guidance_lost_is_not_sent(team: Channel, guidance: Guidance) -> None:
    await team.ask("tips on 09:30 UTC daily")
    await team.pass_time(START + timedelta(seconds=1))
    subscription = (await team.delivering.tips.store.of_workspace("test:T1"))[0]
    lost = replace(
        team.delivering.tips._draft(subscription, "tip", "2026-11-19", {}, START),
        content=json.dumps({"tips": ["no-such-topic#1"], "language": "en"}),
    )
    await team.delivering.tips.store.save(subscription, lambda _: [lost], START.timestamp())
    assert await team.pass_time(START + timedelta(seconds=2)) == []
    row = await team.delivering.ledger.find(lost.key)
    assert row
    assert (row.state, row.reason) == ("failed", "not_composed")
