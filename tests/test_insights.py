"""Counting without watching: what may be on the disk, who may look, and what is forgotten."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text

from adapters.slack import measure as measure_slack
from adapters.teams import measure as measure_teams
from chatbot import cards
from chatbot.coach import Coach
from chatbot.guidance import Guidance
from chatbot.insights import STEP, USED_BY, Group, Insights, TopicCount, Unheard, week_of
from chatbot.library import Libraries
from chatbot.model import Entry, Language, Mention, Message, Outcome, Reply, plain_text
from chatbot.publishing import Publishing
from chatbot.roles import Actor, Roles
from chatbot.store.audit import AuditLog
from chatbot.store.counts import SqlCounts
from chatbot.store.database import Database
from chatbot.store.pieces import SqlPieces
from chatbot.store.roles import SqlRoles
from chatbot.store.tables import metadata, pushes, receipts

HOME, AWAY = "test:T1", "test:T2"
ADMIN, LEAD = "UADMIN", "ULEAD"
START = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)  # a Monday, week 47
WORDS = "how do i book a holiday"


class Desk:
    """A workspace in which many people ask, with an admin, a lead and a clock that is moved."""

    def __init__(self, coach: Coach, database: Database) -> None:
        self.coach = coach
        self.database = database
        self.now = START
        self.insights = self.made()

    def made(self, **more: Any) -> Insights:
        made = Insights(SqlCounts(self.database), clock=lambda: self.now, **more)
        self.coach.counting = made
        return made

    async def ask(self, typed: str, person: str, workspace: str = HOME, **more: Any) -> Reply:
        locale = more.pop("locale", Language.EN)
        pressed = more.pop("pressed", False)
        return await self.coach.reply(Message(typed, workspace, person, locale, pressed, name=person.title(), **more))

    async def says(self, typed: str, person: str, workspace: str = HOME, **more: Any) -> str:
        return plain_text(await self.ask(typed, person, workspace, **more))

    async def everybody_asks(self, typed: str, people: int, workspace: str = HOME, first: int = 0) -> None:
        for number in range(first, first + people):
            await self.ask(typed, f"UAGENT{number}", workspace)
        await self.insights.write()

    async def rows(self, table: str) -> list[dict[str, Any]]:
        found = await self.database.read(select(metadata.tables[table]))
        return [dict(row._mapping) for row in found]


@pytest.fixture
async def desk(coach: Coach, guidance: Guidance, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Desk]:
    database = Database(new_database(kind))
    await database.start()
    store = SqlPieces(database)
    coach.libraries = Libraries(store, guidance, coach.strings, coach.recogniser, fits=False)
    coach.roles = Roles(SqlRoles(database), {HOME: [ADMIN], AWAY: ["UOTHER"]}, {})
    coach.audit = AuditLog(database)
    coach.publishing = Publishing(
        store, coach.roles, guidance, coach.strings, coach.parser.words, coach.libraries.changed, clock=lambda: made.now
    )
    made = Desk(coach, database)
    await SqlRoles(database).install(Actor(HOME, ADMIN, "Ada"), 0.0)
    await coach.roles.add_lead(Actor(HOME, ADMIN), Mention(LEAD, "Lena"))
    await coach.libraries.start()
    await made.insights._look()
    yield made
    await coach.libraries.stop()
    await database.stop()


# ---- who may, and what is said


async def test_insights_are_off_until_an_admin_switches_them_on(desk: Desk) -> None:
    await desk.everybody_asks("calm", 20)
    assert await desk.rows("topic_counts") == []
    off = await desk.ask("insights", LEAD)
    assert "Insights are off" in plain_text(off)
    assert "Ada" in plain_text(off)
    assert not any(button.command == "insights on" for button in off.buttons), "a lead can't, so is not offered it"
    offered = await desk.ask("insights", ADMIN)
    assert any(button.command == "insights on" for button in offered.buttons)
    assert "Insights are on" in await desk.says("insights on", ADMIN)
    assert "Nothing has come together yet" in await desk.says("insights", LEAD)
    audit = await desk.coach.audit.of(HOME, 1) if desk.coach.audit else []
    assert [(row.action, ADMIN in row.actor) for row in audit] == [("insights on", True)]


@pytest.mark.parametrize("typed", ["insights", "insights words", "insights alias 0123", "insights take 0123"])
async def test_an_agent_is_refused(desk: Desk, typed: str) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks("calm", 6)
    await desk.everybody_asks(WORDS, 4)
    for person, workspace in (("UAGENT1", HOME), (LEAD, AWAY), (ADMIN, AWAY)):
        told = await desk.says(typed, person, workspace, pressed=True, values={"topic": "calm"})
        assert "Only leads can do this" in told
        assert "Calm" not in told
        assert "holiday" not in told


@pytest.mark.parametrize("typed", ["insights on", "insights off"])
async def test_only_an_admin_of_this_workspace_switches(desk: Desk, typed: str) -> None:
    await desk.says("insights on", ADMIN)
    for person, workspace in (("UAGENT1", HOME), (LEAD, HOME), (ADMIN, AWAY), (LEAD, AWAY)):
        told = await desk.says(typed, person, workspace, pressed=True)
        assert "Insights are o" not in told
    assert await desk.insights.is_on(HOME)
    assert not await desk.insights.is_on(AWAY)


async def test_counts_are_shown_in_groups_of_five(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks("calm", 13)
    await desk.everybody_asks("pause", 4)
    await desk.everybody_asks("worked calm", 6)
    await desk.everybody_asks("other calm", 4)
    title = desk.coach.guidance.topics["calm"].texts[Language.EN].title
    told = await desk.says("insights", LEAD)
    assert f"- {title}: 10, useful 5" in told.splitlines()
    assert "not useful" not in told
    assert desk.coach.guidance.topics["pause"].texts[Language.EN].title not in told
    assert await desk.insights.counts(HOME) == [TopicCount("2026-W47", "calm", Language.EN, 10, 5, 0)]
    assert await desk.insights.counts(AWAY) == ()


async def test_one_person_alone_is_never_counted(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    for _ in range(50):
        await desk.ask("calm", "UAGENT1")
    await desk.everybody_asks("calm", 3, first=2)
    assert await desk.rows("topic_counts") == []


async def test_turning_a_card_over_is_not_asking(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks("card calm 1", 9)
    await desk.everybody_asks("/steady more calm", 9)
    assert await desk.rows("topic_counts") == []


async def test_the_walk_counts_as_useful_too(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks("walk worked 3", 5)
    (row,) = await desk.rows("topic_counts")
    assert (row["topic"].startswith("step/"), row["asked"], row["useful"]) == (True, 0, 5)


async def test_switched_off_nothing_more_is_written(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    for number in range(8):
        await desk.ask("calm", f"UAGENT{number}")
    # Another replica has counted already, and has not seen yet that it was switched off.
    other = Insights(SqlCounts(desk.database), clock=lambda: desk.now)
    await other._look()
    for number in range(8):
        other.note(Message("calm", HOME, f"U{number}"), _topic("calm"))
    assert "Insights are off" in await desk.says("insights off", ADMIN)
    await desk.insights.write()
    await other.write()
    await desk.everybody_asks("calm", 9)
    assert await desk.rows("topic_counts") == []
    assert await desk.insights.counts(HOME) == ()


async def test_a_restart_and_a_new_week_forget(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks("calm", 4)
    await desk.insights.stop()
    desk.insights = desk.made()
    await desk.insights.start()
    await desk.everybody_asks("calm", 4, first=4)
    assert await desk.rows("topic_counts") == []
    desk.now += timedelta(days=7)
    await desk.everybody_asks("calm", 4, first=8)
    assert await desk.rows("topic_counts") == []
    await desk.everybody_asks("calm", 1, first=12)
    assert [row["week"] for row in await desk.rows("topic_counts")] == ["2026-W48"]
    await desk.insights.stop()


async def test_what_came_together_is_written_when_the_program_ends(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    for number in range(5):
        await desk.ask("calm", f"UAGENT{number}")
    await desk.insights.stop()
    assert [row["asked"] for row in await desk.rows("topic_counts")] == [5]


async def test_two_replicas_add_up(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    other = Insights(SqlCounts(desk.database), clock=lambda: desk.now)
    await other._look()
    for number in range(5):
        other.note(Message("calm", HOME, f"U{number}"), _topic("calm"))
    await desk.everybody_asks("calm", 5)
    await other.write()
    assert [row["asked"] for row in await desk.rows("topic_counts")] == [10]


async def test_a_write_that_fails_is_made_up_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.says("insights on", ADMIN)
    for number in range(5):
        await desk.ask("calm", f"UAGENT{number}")
    with monkeypatch.context() as broken:
        broken.setattr(SqlCounts, "add", _fails)
        with pytest.raises(OSError, match="gone"):
            await desk.insights.write()
    await desk.insights.write()
    await desk.insights.write()
    assert [row["asked"] for row in await desk.rows("topic_counts")] == [5]


async def test_what_is_being_written_when_the_program_ends_is_written_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.says("insights on", ADMIN)
    for number in range(5):
        await desk.ask("calm", f"UAGENT{number}")
    begun, going_on = asyncio.Event(), asyncio.Event()
    add = SqlCounts.add

    async def slow(*arguments: Any) -> None:
        await add(*arguments)
        begun.set()
        await going_on.wait()

    monkeypatch.setattr(SqlCounts, "add", slow)
    writing = asyncio.create_task(desk.insights.write())
    await begun.wait()
    writing.cancel()
    going_on.set()
    await asyncio.gather(writing, return_exceptions=True)
    await desk.insights.stop()
    assert [row["asked"] for row in await desk.rows("topic_counts")] == [5]


async def _fails(*_: Any) -> None:
    raise OSError("gone")


async def test_old_weeks_are_deleted(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks("calm", 5)
    await desk.everybody_asks(WORDS, 3)
    desk.now += timedelta(weeks=52)
    await desk.insights._look()
    assert len(await desk.rows("topic_counts")) == 1
    desk.now += timedelta(weeks=1)
    await desk.insights._look()
    assert await desk.rows("topic_counts") == []
    assert await desk.rows("unheard") == []


async def test_what_is_shown_is_of_eight_weeks(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks("calm", 5)
    desk.now += timedelta(weeks=7)
    assert len(await desk.insights.counts(HOME)) == 1
    desk.now += timedelta(weeks=1)
    assert await desk.insights.counts(HOME) == []
    assert len(await desk.insights.counts(HOME, weeks=9)) == 1


async def test_memory_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.insights.MOST_GROUPS", 10)
    await desk.says("insights on", ADMIN)
    for number in range(30):
        desk.insights.note(Message("x", HOME, "U1"), _topic(f"topic{number}"))
    assert len(desk.insights._people) == 10


# ---- words


async def test_words_that_three_people_used_are_listed_without_them(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    for _ in range(9):
        await desk.ask(WORDS, "UAGENT0")
    await desk.everybody_asks(WORDS, 2)
    assert await desk.rows("unheard") == []
    assert "There are none" in await desk.says("insights words", LEAD)
    await desk.everybody_asks(f"{WORDS.title()}???", 1, first=2)
    assert await desk.insights.unheard(HOME) == [Unheard("2026-W47", Language.EN, WORDS)]
    assert await desk.insights.unheard(AWAY) == ()
    assert f"- {WORDS}" in (await desk.says("insights words", LEAD)).splitlines()


@pytest.mark.parametrize(
    "typed",
    [
        "the canteen 1234 is closed",
        "12 34 56 78",
        "canteen anna@example.org",
        "canteen https://example.org",
        "canteen " * 11,
        '"the canteen is closed again, who is to blame for that"',
        "customer: the canteen is closed again",
        "i feel numb",
        "my kid is sick and i can't go on",
        "somebody sent me a bomb emoji",
        "he will kill me",
        "help",
        "calm",
        "🙂🙂🙂",
        "",
    ],
)
async def test_what_may_tell_of_a_customer_or_of_danger_is_never_kept(desk: Desk, typed: str) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks(typed, 9)
    assert await desk.rows("unheard") == []
    assert [group for group in desk.insights._people if group.what == "words"] == []


async def test_nothing_near_danger_in_the_development_set_is_kept(coach: Coach) -> None:
    import json
    from pathlib import Path

    recogniser = await coach.recogniser()
    told = [
        json.loads(line)["text"]
        for path in (Path(__file__).parent / "corpus").glob("dev.*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
        if json.loads(line)["topic"].startswith("safety")
    ]
    assert len(told) > 100
    assert [
        text for text in told if recogniser.recognise(text).kind == "menu" and not recogniser.near_danger(text)
    ] == []


async def test_one_tap_makes_words_an_alias(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks(WORDS, 3)
    listed = await desk.ask("insights words", LEAD)
    button = listed.buttons[0]
    assert WORDS in button.label
    opened = await desk.ask(button.command, LEAD, pressed=True)
    assert opened.form
    nothing = await desk.ask(opened.form.command, LEAD, pressed=True)
    assert nothing.form
    assert nothing.form.fields[0].error
    done = await desk.says(opened.form.command, LEAD, pressed=True, values={"topic": "pause"})
    assert f"“{WORDS}” now leads to" in done
    assert (await desk.ask(WORDS, "UAGENT9")).outcome.topic == "pause"
    assert (await desk.ask(WORDS, "UAGENT9", AWAY)).outcome.topic is None
    assert await desk.insights.unheard(HOME) == []
    again = await desk.says(opened.form.command, LEAD, pressed=True, values={"topic": "pause"})
    assert "not on the list any more" in again


async def test_words_of_another_workspace_can_not_be_taken(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks(WORDS, 3)
    command = (await desk.ask("insights words", LEAD)).buttons[0].command
    await desk.says("insights on", "UOTHER", AWAY)
    assert "not on the list" in await desk.says(command, "UOTHER", AWAY, pressed=True)
    forged = command.replace("alias", "take")
    assert "not on the list" in await desk.says(forged, "UOTHER", AWAY, pressed=True, values={"topic": "pause"})
    assert (await desk.ask(WORDS, "UAGENT9", AWAY)).outcome.topic is None


async def test_many_words_come_in_pages(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    group = [
        Group(HOME, "2026-W47", Language.KA, "words", f"{'სად არის სასადილო ' * 3}{letter}") for letter in "აბგდევზთიკ"
    ]
    await SqlCounts(desk.database).add({}, group)
    seen: list[str] = []
    command = "insights words"
    while command:
        page = await desk.ask(command, LEAD, locale=Language.KA)
        seen += page.blocks[2].items  # type: ignore[union-attr]
        command = next((b.command for b in page.buttons if b.command.startswith("insights words ")), "")
    assert sorted(seen) == sorted(one.name for one in group)


@pytest.mark.parametrize("language", list(Language))
async def test_every_card_fits_both_platforms_in_every_language(
    desk: Desk, language: Language, golden: Any, kind: str
) -> None:
    told: dict[str, list[str]] = {}

    async def note(name: str, typed: str, person: str = LEAD, **more: Any) -> Reply:
        reply = await desk.ask(typed, person, locale=language, **more)
        assert reply.language is language
        assert not measure_slack(reply).problems
        assert not measure_teams(reply).problems
        told[name] = plain_text(reply).splitlines()
        return reply

    actions = {a: desk.coach.strings.words[f"insights.{a}"][language][0] for a in ("on", "off", "unheard")}
    command = desk.coach.strings.words["insights"][language][0]
    await note("refused", command, "UAGENT1")
    await note("off", command)
    await note("on", f"{command} {actions['on']}", ADMIN)
    await note("nothing", command)
    await note("no words", f"{command} {actions['unheard']}")
    store = SqlCounts(desk.database)
    topics = list(desk.coach.guidance.topics)
    rows = {
        Group(HOME, "2026-W47", language, what, topic): 5 * (number + 1)
        for number, topic in enumerate(topics)
        for what in ("asked", "useful", "useless")[: 1 + number % 3]
    }
    words = [Group(HOME, "2026-W47", language, "words", letter * 80) for letter in "აბგდევზ"]
    await store.add(rows, words)
    await note("counts", command)
    listed = await note("words", f"{command} {actions['unheard']}")
    opened = await note("form", listed.buttons[0].command, pressed=True)
    assert len(opened.blocks[0].text) <= 24  # type: ignore[union-attr]
    await store.add({}, [Group(HOME, "2026-W47", language, "words", "short words")])
    listed = await desk.ask("insights words", LEAD, locale=language)
    while not any("short words" in button.label for button in listed.buttons):
        more = next(button for button in listed.buttons if button.command.startswith("insights words "))
        listed = await desk.ask(more.command, LEAD, locale=language)
    button = next(button for button in listed.buttons if "short words" in button.label)
    taken = button.command.replace("alias", "take")
    await note("done", taken, pressed=True, values={"topic": "pause"})
    await note("gone", taken, pressed=True, values={"topic": "pause"})
    await note("switched off", f"{command} {actions['off']}", ADMIN)
    desk.made(works_council=True)
    await note("works council", command)
    if kind == "sqlite":
        golden(f"insights-{language}", told)


async def test_with_more_topics_than_a_menu_takes_one_is_typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.commands.insights._MOST_OPTIONS", 10)
    await desk.says("insights on", ADMIN)
    await desk.everybody_asks(WORDS, 3)
    command = (await desk.ask("insights words", LEAD)).buttons[0].command
    opened = await desk.ask(command, LEAD, pressed=True)
    assert opened.form
    assert isinstance(opened.form.fields[0], Entry)
    wrong = await desk.ask(opened.form.command, LEAD, pressed=True, values={"topic": "no such card" * 50})
    assert wrong.form
    assert wrong.form.fields[0].error
    await desk.ask(opened.form.command, LEAD, pressed=True, values={"topic": "take a breather"})
    done = await desk.ask(opened.form.command, LEAD, pressed=True, values={"topic": "Pause"})
    assert "now leads to" in plain_text(done)


async def test_words_too_long_for_an_alias_lead_there_by_one_tap_too(desk: Desk) -> None:
    words = "where do the people from the night shift put the spare headset"
    await desk.says("insights on", ADMIN)
    await SqlCounts(desk.database).add({}, [Group(HOME, "2026-W47", Language.EN, "words", words)])
    opened = await desk.ask((await desk.ask("insights words", LEAD)).buttons[0].command, LEAD, pressed=True)
    assert opened.form
    done = await desk.says(opened.form.command, LEAD, pressed=True, values={"topic": "pause"})
    assert f"“{words}” now leads to" in done
    assert (await desk.ask(words, "UAGENT9")).outcome.topic == "pause"
    assert (await desk.ask(words, "UAGENT9", AWAY)).outcome.topic is None
    assert await desk.insights.unheard(HOME) == []


async def test_what_cannot_be_an_alias_is_said_at_the_field(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await SqlCounts(desk.database).add({}, [Group(HOME, "2026-W47", Language.EN, "words", "help")])
    command = (await desk.ask("insights words", LEAD)).buttons[0].command.replace("alias", "take")
    again = await desk.ask(command, LEAD, pressed=True, values={"topic": "pause"})
    assert again.form
    assert again.form.fields[0].error
    assert len(await desk.insights.unheard(HOME)) == 1


def test_every_card_of_a_topic_asks_whether_it_was_useful(coach: Coach) -> None:
    ask = coach._ask(Message("", HOME, "U1"), Language.EN)
    for topic in coach.guidance.topics.values():
        commands = [button.command for button in cards.topic_card(ask, topic).buttons]
        assert {f"worked {topic.id}", f"other {topic.id}"} <= set(commands)


# ---- works-council mode


async def test_in_works_council_mode_everything_is_off_for_good(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    await desk.database.write(
        lambda c: c.execute(
            insert(pushes).values(
                id=1, workspace=HOME, author=LEAD, content="", state="", at=0.0, receipts=1, reminded=0
            )
        )
    )
    await desk.database.write(lambda c: c.execute(insert(receipts).values(push=1, person="UAGENT1")))
    desk.insights = desk.made(works_council=True)
    await desk.insights.start()
    assert await desk.rows("receipts") == []
    await desk.everybody_asks("calm", 9)
    await desk.everybody_asks(WORDS, 9)
    assert await desk.rows("topic_counts") == []
    assert await desk.rows("unheard") == []
    for typed in ("insights", "insights on", "insights words", "insights take 12"):
        assert "works-council mode" in await desk.says(typed, ADMIN)
    assert not await desk.insights.is_on(HOME)
    assert "Works-council mode is on" in await desk.says("privacy", "UAGENT1")
    await desk.insights.stop()


# ---- the law


async def test_no_table_tells_who_asked_after_a_busy_week(desk: Desk) -> None:
    await desk.says("insights on", ADMIN)
    typed = [
        "calm",
        "pause",
        "/archetype whiner",
        "say calm",
        WORDS,
        "he will kill me",
        "worked calm",
        "steps",
        "privacy",
    ]
    for day in range(7):
        desk.now = START + timedelta(days=day)
        for number in range(12):
            for each in typed:
                await desk.ask(each, f"UAGENT{number}")
        await desk.insights.write()
    seen = 0
    for table in metadata.sorted_tables:
        for row in await desk.database.read(select(table)):
            seen += 1
            assert "UAGENT" not in repr(tuple(row)), table.name
            if table.name not in ("roles", "audit"):
                assert LEAD not in repr(tuple(row)), table.name
    assert seen >= 10
    assert {row["asked"] % STEP for row in await desk.rows("topic_counts")} == {0}


Event = tuple[int, int, bool]
EVENTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 2), st.booleans()) | st.sampled_from(["write", "restart", "week"]),
    max_size=120,
)


class _Disk:
    """What would be on the disk, with the law checked at each write."""

    def __init__(self) -> None:
        self.counts: dict[Group, int] = defaultdict(int)
        self.words: set[Group] = set()

    async def switched_on(self) -> frozenset[str]:
        return frozenset((HOME,))

    async def switch(self, actor: Actor, on: bool, now: float) -> None: ...

    async def add(self, counts: Any, words: Any) -> None:
        for group, number in counts.items():
            self.counts[group] += number
        self.words.update(words)

    async def counts_of(self) -> None: ...

    async def unheard(self, workspace: str, since: str) -> list[Unheard]:
        return []

    async def drop_words(self, workspace: str, words: str) -> None: ...

    async def forget(self, before: str, *, receipts_too: bool) -> None: ...


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS)
async def test_no_count_below_five_and_no_words_below_three_people_are_ever_on_disk(events: list[Any]) -> None:
    now = START
    disk = _Disk()
    asked: dict[tuple[str, int], list[int]] = defaultdict(list)
    said: dict[tuple[str, int], set[int]] = defaultdict(set)

    async def begun() -> Insights:
        made = Insights(disk, clock=lambda: now)  # type: ignore[arg-type]
        await made._look()
        return made

    insights = await begun()
    for event in [*events, "write"]:
        if event == "week":
            now += timedelta(days=7)
        elif event == "restart":
            insights = await begun()
        elif event == "write":
            await insights.write()
        else:
            person, thing, is_topic = event
            message = Message("x", HOME, f"U{person}")
            if is_topic:
                asked[week_of(now), thing].append(person)
                insights.note(message, _topic(str(thing)))
            else:
                said[week_of(now), thing].add(person)
                insights.not_understood(message, f"words {'abc'[thing]}", Language.EN, lambda _: False)
        for group, number in disk.counts.items():
            people = asked[group.week, int(group.name)]
            assert number >= STEP
            assert number % STEP == 0
            assert len(set(people)) >= STEP
            assert number <= len(people), "no more than were asked for"
            assert all(number <= STEP * len(people) - STEP * (people.count(one) - 1) for one in set(people))
        for group in disk.words:
            assert len(said[group.week, "abc".index(group.name[-1])]) >= USED_BY


async def test_each_step_is_made_by_five_people_again(desk: Desk) -> None:
    """Six would be told from five by looking twice."""
    await desk.says("insights on", ADMIN)
    seen = []
    for number in range(14):
        await desk.everybody_asks("calm", 1, first=number)
        seen.append(sum(row["asked"] for row in await desk.rows("topic_counts")))
    assert seen == [0] * 4 + [5] * 5 + [10] * 5


async def test_a_count_waits_for_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands on the way to an answer: it only remembers, and is written later."""
    await desk.says("insights on", ADMIN)

    def asked(*_: object) -> None:
        raise AssertionError("the database was asked")

    with monkeypatch.context() as without_database:
        without_database.setattr(desk.database, "read", asked)
        without_database.setattr(desk.database, "write", asked)
        for workspace in (HOME, AWAY):
            for number in range(STEP):
                desk.insights.note(Message("calm", workspace, f"U{number}"), _topic("calm"))
    await desk.insights.write()
    assert [(row["workspace"], row["asked"]) for row in await desk.rows("topic_counts")] == [(HOME, STEP)]


def _topic(topic: str) -> Reply:
    return Reply((), Language.EN, Outcome("topic", topic))


async def test_the_tables_were_looked_at(desk: Desk) -> None:
    """A table that is not in the metadata would not be looked at above."""
    made = await desk.database.read(
        text("SELECT name FROM sqlite_master WHERE type = 'table'")
        if desk.database.is_sqlite
        else text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    )
    assert {row[0] for row in made} - {"alembic_version", "sqlite_sequence"} == set(metadata.tables)
    assert (await desk.database.read(select(func.count()).select_from(pushes)))[0][0] == 0
