"""One contract for the ledger: in memory, where the lanes are tested with it, and in both databases."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from chatbot.delivery.model import Delivery, Draft, Result
from chatbot.store.database import Database
from chatbot.store.ledger import _ABANDON, _LANES, _NEXT, _TO_DO, SqlLedger, write_drafts, write_skipped
from tests.fake_delivery import START, MemoryLedger, draft, timeless

LANE = "fake:w"


class _Ledger:
    """A ledger with the one thing more that the tests need: `write`."""

    def __init__(self, ledger: Any, database: Database | None) -> None:
        self._ledger = ledger
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def write(self, drafts: Iterable[Draft]) -> set[str]:
        wanted = list(drafts)
        if self._database:
            return await self._database.write(lambda connection: write_drafts(connection, wanted, START))
        known = {row.key for row in self._ledger.rows.values()}
        self._ledger.write(wanted)
        return {each.lane for each in wanted if each.key not in known}

    async def row(self, key: str) -> Delivery:
        found = await self._ledger.find(key)
        assert found
        return found  # type: ignore[no-any-return]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[_Ledger]:
    if request.param == "memory":
        yield _Ledger(MemoryLedger(), None)
        return
    database = Database(request.getfixturevalue("new_database")(request.param))
    await database.start()
    yield _Ledger(SqlLedger(database), database)
    await database.stop()


async def keys(ledger: _Ledger, state: Literal["pending", "unknown"] = "pending", now: float = START) -> list[str]:
    return [row.key for row in await ledger.due(LANE, state, now, 100)]


async def test_a_key_is_written_once(ledger: _Ledger) -> None:
    assert await ledger.write([draft("a"), draft("b", lane="fake:v")]) == {LANE, "fake:v"}
    assert await ledger.write([draft("a", content="other"), draft("c")]) == {LANE}
    assert await ledger.write([draft("a"), draft("c")]) == set(), "nobody need be woken"
    assert await ledger.write([]) == set()
    row = await ledger.row("a")
    assert (row.content, row.state, row.attempt, row.since, row.reason) == ("{}", "pending", 0, START, "")


async def test_due_rows_come_in_order_and_only_those(ledger: _Ledger) -> None:
    moments = {"c": 0, "a": -5, "later": 5, "b": -5}
    await ledger.write([draft(key, due=START + moment) for key, moment in moments.items()])
    await ledger.write([draft("another's", lane="fake:v")])
    assert await keys(ledger) == ["a", "b", "c"]
    assert await keys(ledger, now=START + 5) == ["a", "b", "c", "later"]
    assert [row.key for row in await ledger.due(LANE, "pending", START, 2)] == ["a", "b"]
    assert await ledger.next_due(LANE) == START - 5
    assert await ledger.next_due("fake:nobody") is None
    assert sorted(await ledger.lanes()) == [("fake:v", START), (LANE, START - 5)]


async def test_of_two_only_one_gets_a_row(ledger: _Ledger) -> None:
    await ledger.write([draft("a"), draft("b")])
    a, b = (await ledger.row("a")).id, (await ledger.row("b")).id
    assert await ledger.intend([a], START + 1) == {a: 1}
    assert await ledger.intend([a, b], START + 1) == {b: 1}
    assert await keys(ledger) == []
    row = await ledger.row("a")
    assert (row.state, row.due, row.since) == ("sending", None, START + 1)
    assert dict(await ledger.lanes()) == {LANE: 0.0}
    assert await ledger.next_due(LANE) == 0.0


async def test_only_the_latest_attempt_counts_but_sent_always_does(ledger: _Ledger) -> None:
    await ledger.write([draft("a")])
    number = (await ledger.row("a")).id
    await ledger.intend([number], START)
    await ledger.settle([Result(number, 1, "pending", START + 9)], START + 1)
    row = await ledger.row("a")
    assert (row.state, row.due, row.since) == ("pending", START + 9, START + 1)
    await ledger.intend([number], START)
    await ledger.settle([Result(number, 1, "failed", reason="refused")], START + 2)
    assert (await ledger.row("a")).state == "sending", "that was the first attempt"
    await ledger.settle([Result(number, 1, "sent", reference="ts")], START + 3)
    row = await ledger.row("a")
    assert (row.state, row.due, row.reference, row.since) == ("sent", None, "ts", START + 3)
    await ledger.settle([Result(number, 2, "failed", reason="refused")], START + 4)
    await ledger.looked([Result(number, 2, "pending", START)], START + 4)
    await ledger.settle([Result(number, 2, "sent", reference="another")], START + 4)
    assert await ledger.row("a") == row
    assert await ledger.intend([number], START) == {}


async def test_several_results_at_once(ledger: _Ledger) -> None:
    await ledger.write([draft(key) for key in "abcd"])
    ids = {key: (await ledger.row(key)).id for key in "abcd"}
    await ledger.intend(list(ids.values()), START)
    await ledger.settle(
        [
            Result(ids["d"], 1, "unknown", START + 2, "no_answer"),
            Result(ids["a"], 1, "sent", reference="ts"),
            Result(ids["b"], 1, "failed", reason="refused"),
            Result(ids["c"], 1, "skipped", reason="late"),
        ],
        START + 1,
    )
    rows = [await ledger.row(key) for key in "abcd"]
    assert [row.state for row in rows] == ["sent", "failed", "skipped", "unknown"]
    assert [row.reason for row in rows] == ["", "refused", "late", "no_answer"]
    assert [row.due for row in rows] == [None, None, None, START + 2]


async def test_what_is_unknown_is_looked_for(ledger: _Ledger) -> None:
    await ledger.write([draft("a"), draft("b")])
    a, b = (await ledger.row("a")).id, (await ledger.row("b")).id
    await ledger.intend([a], START + 1)
    assert await ledger.abandon(LANE, START + 7) == 1
    assert await ledger.abandon(LANE, START + 9) == 0
    assert await ledger.abandon("fake:v", START + 9) == 0
    assert await keys(ledger, "unknown", START + 6) == []
    assert await keys(ledger, "unknown", START + 7) == ["a"]
    assert await ledger.intend([a], START) == {}, "it is not sent again"
    row = await ledger.row("a")
    assert (row.reason, row.attempt) == ("crashed", 1)
    assert row.since == START + 1, "the message may be as old as the intent"
    await ledger.looked([Result(a, 1, "unknown", START + 60, "crashed")], START + 8)
    assert (await ledger.row("a")).since == START + 1
    await ledger.looked([Result(a, 2, "pending", START), Result(b, 0, "failed")], START + 8)
    assert [(await ledger.row(key)).state for key in "ab"] == ["unknown", "pending"]
    await ledger.looked([Result(a, 1, "pending", START)], START + 8)
    assert await ledger.intend([a], START + 9) == {a: 2}


async def test_found_counts_even_if_another_had_not_found_it(ledger: _Ledger) -> None:
    await ledger.write([draft("a")])
    number = (await ledger.row("a")).id
    await ledger.intend([number], START)
    await ledger.abandon(LANE, START)
    await ledger.looked([Result(number, 1, "pending", START)], START)
    await ledger.looked([Result(number, 1, "sent", reference="ts")], START)
    assert (await ledger.row("a")).state == "sent"


async def test_what_cannot_be_told_is_not_asked_again(ledger: _Ledger) -> None:
    await ledger.write([draft("a")])
    number = (await ledger.row("a")).id
    await ledger.intend([number], START)
    await ledger.settle([Result(number, 1, "unknown", START, "no_answer")], START)
    await ledger.looked([Result(number, 1, "unknown", None, "cant_tell")], START)
    assert await ledger.lanes() == []
    assert await ledger.next_due(LANE) is None


async def test_a_target_or_a_lane_stops(ledger: _Ledger) -> None:
    await ledger.write([draft("a", "C1"), draft("b", "C1"), draft("c", "C2"), draft("d", "C1", "fake:v")])
    await ledger.intend([(await ledger.row("a")).id], START)
    assert await ledger.stop_target(LANE, "C1", "archived", START + 1) == 1
    rows = [await ledger.row(key) for key in "abcd"]
    assert [row.state for row in rows] == ["sending", "failed", "pending", "pending"]
    assert (rows[1].reason, rows[1].due, rows[1].since) == ("archived", None, START + 1)
    assert await ledger.stop_target(LANE, None, "uninstalled", START + 1) == 1
    assert [(await ledger.row(key)).state for key in "cd"] == ["failed", "pending"]


async def test_what_was_missed_is_written_down(new_database: Callable[[str], str], kind: str) -> None:
    database = Database(new_database(kind))
    await database.start()
    ledger = SqlLedger(database)
    await database.write(lambda connection: write_skipped(connection, [(draft("a"), "late")], START))
    await database.write(lambda connection: write_drafts(connection, [draft("a"), draft("b", source="x")], START))
    rows = await ledger.latest("tips:1", 10)
    assert [(row.key, row.state, row.reason, row.due) for row in rows] == [("a", "skipped", "late", None)]
    assert [row.key for row in await ledger.latest(None, 1)] == ["b"]
    await database.stop()


# Two who both believe that a lane is theirs: each step is one of theirs, in any order.
_STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["intend", "post", "settle", "lose", "abandon", "look", "told"]),
        st.integers(0, 2),
    ),
    max_size=60,
)


async def _interleaved(ledger: _Ledger, steps: Sequence[tuple[int, str, int]]) -> None:
    """Do the steps as the lanes do, but with any pause and any death between them.

    A look that finds nothing is believed only if no post of that attempt is still to come: that is what the waits are for.
    """
    await ledger.write([draft(key, f"C{key}") for key in "abc"])
    ids = [(await ledger.row(key)).id for key in "abc"]
    posted: dict[int, set[int]] = {number: set() for number in ids}
    in_hand: list[dict[int, int]] = [{}, {}]
    results: list[dict[int, Result]] = [{}, {}]
    found: list[dict[int, Result]] = [{}, {}]
    for who, what, which in steps:
        number = ids[which]
        row = await ledger.row("abc"[which])
        match what:
            case "intend":
                in_hand[who] |= await ledger.intend([number], START)
            case "post" if number in in_hand[who]:
                attempt = in_hand[who].pop(number)
                if row.attempt == attempt and row.state == "sending":  # else its lease is over
                    assert not posted[number], "posted twice, and nobody had found it missing"
                    posted[number].add(attempt)
                    results[who][number] = Result(number, attempt, "sent", reference="ts")
            case "settle" if number in results[who]:
                await ledger.settle([results[who].pop(number)], START)
            case "lose" if number in results[who]:
                attempt = results[who].pop(number).attempt
                await ledger.settle([Result(number, attempt, "unknown", START, "no_answer")], START)
            case "abandon":
                await ledger.abandon(LANE, START)
            case "look" if row.state == "unknown":
                there = bool(posted[number])
                state: Literal["sent", "pending"] = "sent" if there else "pending"
                found[who][number] = Result(number, row.attempt, state, None if there else START)
            case "told" if number in found[who]:
                await ledger.looked([found[who].pop(number)], START)
    for number in ids:
        row = next(each for each in [await ledger.row(key) for key in "abc"] if each.id == number)
        assert len(posted[number]) <= 1
        if row.state == "sent":
            assert posted[number], "nothing is called sent that was not"


@settings(max_examples=400)
@given(steps=_STEPS)
def test_two_at_once_never_post_a_row_twice(steps: list[tuple[int, str, int]]) -> None:
    timeless(_interleaved(_Ledger(MemoryLedger(), None), steps))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
async def test_nor_do_they_in_a_real_database(
    new_database: Callable[[str], str], kind: str, steps: list[tuple[int, str, int]]
) -> None:
    database = Database(new_database(kind))
    await database.start()
    await database.write(_empty)
    await _interleaved(_Ledger(SqlLedger(database), database), steps)
    await database.stop()


async def _empty(connection: Any) -> None:
    from sqlalchemy import text

    await connection.execute(text("DELETE FROM deliveries"))


async def test_a_query_does_not_wait_for_whoever_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.store.database._SECONDS_TO_WAIT", 0.05)
    database = Database(f"sqlite:///{tmp_path}/s.sqlite3")
    await database.start()
    ledger = SqlLedger(database)
    await database.write(lambda connection: write_drafts(connection, [draft("a")], START))
    with closing(sqlite3.connect(tmp_path / "s.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [row.key for row in await ledger.due(LANE, "pending", START, 9)] == ["a"]
        assert await ledger.next_due(LANE) == START
    await database.stop()


async def test_what_is_left_to_do_is_found_without_reading_all_that_was_done(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/s.sqlite3")
    await database.start()
    await database.stop()
    for statement in (_NEXT, _LANES, _TO_DO, _ABANDON):
        query = str(statement.compile(dialect=sqlite.dialect()))
        with closing(sqlite3.connect(tmp_path / "s.sqlite3")) as file:
            plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {query}", [None] * query.count("?"))]
        assert not [line for line in plan if line.endswith("SCAN deliveries")], plan
        assert [line for line in plan if "INDEX deliveries_to_do" in line or "INDEX deliveries_sending" in line], plan
