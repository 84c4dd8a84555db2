"""One contract for both engines; and what only several processes on one database have to keep."""

import asyncio
import gc
import logging
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.delivery.lanes import Lanes
from chatbot.delivery.local import LocalEngine
from chatbot.delivery.model import Delivery, Draft, Engine, Limits, Reason
from chatbot.delivery.replicas import ReplicaEngine
from chatbot.model import Reply
from chatbot.store.database import Database
from chatbot.store.ledger import SqlLedger, write_drafts
from tests.fake_delivery import REPLY, FakePlatform, draft
from tests.waiting import until

FAST = Limits(200.0, 200.0, 200.0)


class Program:
    """A process of its own, as far as the engine can tell: a database, lanes, an engine."""

    def __init__(self, url: str, platform: FakePlatform, **changes: float) -> None:
        self.database = Database(url)
        self.ledger = SqlLedger(self.database)
        self.lanes = Lanes(self.ledger, {"fake": platform}, self._compose, self._gone)
        self.platform = platform
        self.engine: Engine
        if self.database.is_sqlite:
            self.engine = LocalEngine(self.lanes)
        else:
            self.engine = ReplicaEngine(self.lanes, url, **changes)

    async def _compose(self, _: Delivery) -> Reply:
        return REPLY

    async def _gone(self, lane: str, target: str | None, reason: Reason) -> None: ...

    async def write(self, drafts: Iterable[Draft]) -> None:
        """Write rows as the program does: with their lanes, in one transaction."""
        wanted = list(drafts)

        async def change(connection: AsyncConnection) -> set[str]:
            lanes = await write_drafts(connection, wanted, time.time())
            await self.engine.enlist(connection, lanes)
            return lanes

        self.engine.wake(await self.database.write(change))

    async def until(self, state: str, number: int) -> None:
        """Wait until so many rows are in a state."""
        statement = text("SELECT count(*) FROM deliveries WHERE state = :state")
        async with asyncio.timeout(30):
            while (await self.database.read(statement, {"state": state}))[0][0] != number:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def die(self) -> None:
        """End without a word to anybody: nothing is finished and nothing is written down."""
        ours = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        database: Any = self.engine
        connector = getattr(getattr(database, "_app", None), "connector", None)
        if connector is not None:
            await connector.close_async()  # from here on not even its last words can be written
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
        self.database._writing = None
        await self.database.engine.dispose()


@asynccontextmanager
async def running(url: str, platform: FakePlatform, **changes: float) -> AsyncIterator[Program]:
    program = Program(url, platform, **changes)
    await program.database.start()
    await program.engine.start()
    try:
        yield program
    finally:
        await program.engine.stop()
        await program.database.stop()


@pytest.fixture
def url(new_database: Callable[[str], str], kind: str) -> str:
    return new_database(kind)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform(FAST)


def now(*keys: str, lane: str = "fake:w", later: float = 0.0) -> list[Draft]:
    return [draft(key, f"C-{key}", lane, due=time.time() + later) for key in keys]


async def test_what_is_written_is_sent(url: str, platform: FakePlatform) -> None:
    async with running(url, platform) as program:
        await program.write([*now("a", "b"), *now("c", lane="fake:v")])
        await program.until("sent", 3)
    assert platform.arrived == {"a": 1, "b": 1, "c": 1}


async def test_what_is_due_later_is_sent_then(url: str, platform: FakePlatform) -> None:
    async with running(url, platform) as program:
        rows = [*now("tomorrow", later=86_400), *now("soon", later=1.2), *now("now")]
        for row in rows:  # each sooner than the one before, for which it is being waited
            await program.write([row])
            await asyncio.sleep(0.3)
        await program.until("sent", 2)
    sent = {key: at for at, _, key in platform.posts}
    assert set(sent) == {"now", "soon"}
    assert all(sent[row.key] >= row.due for row in rows if row.key in sent)


async def test_what_is_written_during_a_run_is_sent(url: str, platform: FakePlatform) -> None:
    platform.seconds = 0.3
    async with running(url, platform) as program:
        for number in range(8):
            await program.write(now(f"k{number}"))
            await asyncio.sleep(0.1)
        await program.until("sent", 8)
    assert set(platform.arrived.values()) == {1}


async def test_what_was_written_while_nobody_ran_is_sent(url: str, platform: FakePlatform) -> None:
    async with running(url, platform):
        pass  # makes the tables
    program = Program(url, platform)
    await program.database.start()
    await program.database.write(lambda connection: write_drafts(connection, now("a", "b"), 0))
    await program.database.stop()
    async with running(url, platform) as program:
        await program.until("sent", 2)


async def test_stop_finishes_what_is_under_way_and_start_goes_on(url: str, platform: FakePlatform) -> None:
    platform.limits = Limits(20.0, 5.0, 20.0)  # all of it would take eight seconds
    platform.seconds = 0.4
    async with running(url, platform) as program:
        await program.write(now(*[f"k{number}" for number in range(40)]))
        await program.until("sent", 3)
    assert sum(platform.arrived.values()) == len(platform.posts) < 40
    platform.limits = FAST
    async with running(url, platform) as program:
        states = await program.database.read(text("SELECT DISTINCT state FROM deliveries"))
        assert {row.state for row in states} <= {"sent", "pending", "sending"}
        await program.until("sent", 40)
    assert set(platform.arrived.values()) == {1}


async def test_what_a_crash_left_is_taken_up(url: str, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.delivery.lanes.SETTLED", 0.5)
    platform.seconds = 0.5
    async with running(url, platform):
        pass
    program = Program(url, platform)
    await program.database.start()
    await program.database.write(lambda connection: write_drafts(connection, now("a", "b", "c"), 0))
    await program.ledger.intend([1, 2], time.time())  # and with that it died
    await program.database.stop()
    platform.arrived["a"] += 1
    async with running(url, platform) as program:
        await program.until("sent", 3)
    assert platform.arrived == {"a": 1, "b": 1, "c": 1}
    assert sorted(key for _, key in platform.looked) == ["a", "b"]


async def test_a_lane_that_breaks_is_run_again(
    url: str, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chatbot.delivery.local._AGAIN", 0.2)
    async with running(url, platform) as program:
        due, failures, words = program.ledger.due, iter([True, True]), "hunter" + "2"

        async def broken(*values: Any) -> Any:
            if next(failures, False):
                raise OSError(words)
            return await due(*values)

        monkeypatch.setattr(program.ledger, "due", broken)
        await program.write(now("a"))
        await program.until("sent", 1)
    assert "incident" in caplog.text
    assert "hunter2" not in caplog.text


# ---- several processes


@pytest.fixture
def shared(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


@pytest.fixture
def broken_off() -> Iterator[None]:
    """Clear away the connections that were being made when they broke off, as the end of a process would."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def test_two_share_lanes_and_send_nothing_twice(shared: str) -> None:
    ours, theirs = FakePlatform(Limits(5.0, 20.0, 20.0)), FakePlatform(Limits(5.0, 20.0, 20.0))
    async with running(shared, ours) as one, running(shared, theirs) as two:
        rows = [draft(f"{lane}-{n}", f"C{n}", f"fake:{lane}", due=time.time()) for lane in range(20) for n in range(20)]
        await asyncio.gather(one.write(rows[:250]), two.write(rows[150:]))
        await one.until("sent", 400)
    assert ours.arrived
    assert theirs.arrived
    assert ours.arrived + theirs.arrived == {row.key: 1 for row in rows}


async def test_a_transaction_that_is_taken_back_leaves_no_job(shared: str, platform: FakePlatform) -> None:
    async with running(shared, platform) as program:

        async def change(connection: AsyncConnection) -> None:
            await program.engine.enlist(connection, await write_drafts(connection, now("a"), 0))
            await program.engine.enlist(connection, {"fake:w", "fake:v"})  # one of them is queued already
            raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011
            await program.database.write(change)
        assert await program.database.read(text("SELECT 1 FROM deliveries")) == []
        assert await program.database.read(text("SELECT 1 FROM procrastinate_jobs")) == []


async def test_a_job_holds_nothing_but_the_name_of_its_lane(shared: str, platform: FakePlatform) -> None:
    async with running(shared, platform) as program:
        await program.write([draft("secret", "C-secret", due=time.time() + 600, content='{"words": "secret"}')])
        async with asyncio.timeout(20):
            while True:
                jobs = await program.database.read(text("SELECT * FROM procrastinate_jobs"))
                if [job.status for job in jobs] == ["todo"] and jobs[0].scheduled_at:
                    break
                await asyncio.sleep(0.05)
        assert "secret" not in str(jobs)
        assert jobs[0].args == {"lane": "fake:w"}
        await program.write(now("a"))
        await program.until("sent", 1)  # the job for later is not in the way
        await program.until("pending", 1)


@pytest.mark.usefixtures("broken_off")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_whoever_was_killed_is_taken_over_from(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.delivery.lanes.SETTLED", 1.0)
    platform = FakePlatform(Limits(5.0, 10.0, 50.0), seconds=0.2)
    dying = Program(shared, platform, beat=0.2, dead_after=1.0)
    await dying.database.start()
    await dying.engine.start()
    await dying.write([draft(f"k{n}", f"C{n}", due=time.time()) for n in range(40)])
    await dying.until("sent", 5)
    await dying.die()
    before = sum(platform.arrived.values())
    assert before < 40
    async with running(shared, platform, beat=0.2, dead_after=1.0) as heir:
        await heir.until("sent", 40)
    assert set(platform.arrived.values()) == {1}


async def test_whoever_stood_still_leaves_its_lanes_to_the_others(
    shared: str, platform: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(shared, platform, beat=0.1, dead_after=1.0) as program:
        await asyncio.sleep(0.5)
        time.sleep(1.5)  # noqa: ASYNC251 - just that: nothing of this process moves
        await until(lambda: "stood still" in caplog.text)
        await program.write(now("a"))
        await program.until("sent", 1)
        workers = await program.database.read(text("SELECT count(*) FROM procrastinate_workers"))
        assert workers[0][0] == 1


async def test_a_lane_without_a_job_is_found(
    shared: str, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatbot.delivery.replicas._FORGOTTEN", 0.2)
    async with running(shared, platform, beat=0.1) as program:
        await program.database.write(lambda connection: write_drafts(connection, now("a"), 0))  # nobody is told
        await program.database.write(
            lambda connection: write_drafts(connection, [draft("b", lane="other:w", due=time.time())], 0)
        )
        await program.until("sent", 1)
        await asyncio.sleep(0.5)
        assert await program.database.read(text("SELECT 1 FROM procrastinate_jobs WHERE lock = 'other:w'")) == []


@pytest.mark.usefixtures("broken_off")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_the_database_may_go_away_and_come_back(
    postgres: Any, shared: str, caplog: pytest.LogCaptureFixture
) -> None:
    platform = FakePlatform(Limits(5.0, 10.0, 50.0))
    async with running(shared, platform, beat=0.2) as program:
        await program.write([draft(f"k{n}", f"C{n}", due=time.time()) for n in range(40)])
        await program.until("sent", 5)
        await asyncio.to_thread(postgres.stop)
        await asyncio.sleep(1)
        await asyncio.to_thread(postgres.start)
        async with asyncio.timeout(60):
            while sum(platform.arrived.values()) < 40:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await program.until("sent", 40)
        await program.write(now("after"))
        await program.until("sent", 41)
    assert set(platform.arrived.values()) == {1}
    assert "steady@" not in caplog.text


async def test_tables_are_made_by_one_and_brought_up_to_date(
    shared: str, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [Program(shared, platform) for _ in range(4)]
    for program in programs:
        await program.database.start()
    await asyncio.gather(*(program.engine.start() for program in programs))
    for program in programs:
        await program.engine.stop()
    noted = text("SELECT obj_description('procrastinate_jobs'::regclass) AS name")
    newest = (await programs[0].database.read(noted))[0].name
    assert newest.endswith(".sql")
    monkeypatch.setattr(
        "chatbot.delivery.replicas._migrations",
        lambda: {newest: b"broken", "99.sql": b"CREATE TABLE newer (id int); INSERT INTO newer VALUES (1);"},
    )
    async with running(shared, platform):
        pass
    async with running(shared, platform):
        pass
    assert len(await programs[0].database.read(text("SELECT * FROM newer"))) == 1
    assert (await programs[0].database.read(noted))[0].name == "99.sql"
    for program in programs:
        await program.database.stop()


def test_its_library_is_quiet() -> None:
    assert not logging.getLogger("procrastinate.worker").isEnabledFor(logging.ERROR)


async def test_no_more_lanes_run_at_once_than_may(
    url: str, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatbot.delivery.local.LANES_AT_ONCE", 3)
    monkeypatch.setattr("chatbot.delivery.replicas.LANES_AT_ONCE", 3)
    platform.hold = asyncio.Event()
    async with running(url, platform) as program:
        await program.write(draft(f"k{n}", lane=f"fake:{n}", due=time.time()) for n in range(12))
        await until(lambda: platform.at_once == 3)
        await asyncio.sleep(0.2)  # in which a fourth could come
        platform.hold.set()
        await program.until("sent", 12)
    assert platform.most_at_once == 3
