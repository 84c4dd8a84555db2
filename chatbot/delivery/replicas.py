"""The engine of several processes on one PostgreSQL: they share the lanes, and take over those of one that died.

procrastinate says who runs which lane: a job per lane, which is its lock. What was sent is the ledger's part, so a lane
that two processes run for a moment is no harm.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from procrastinate.worker import Worker
from psycopg import AsyncConnection
from psycopg.sql import SQL, Literal
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from chatbot.delivery.lanes import LANES_AT_ONCE, Lanes
from chatbot.incidents import log_incident
from chatbot.store.database import PATIENCE

log = logging.getLogger("steady.delivery")

#: Seconds between two signs of life of a process, and after which one that gives none is dead. See lanes.SETTLED.
BEAT = 1.0
DEAD_AFTER = 5.0
#: Seconds between two looks for jobs that have become due; new ones are told at once.
_POLL = 0.5
#: Seconds given at the end, or when the worker is begun anew, to what is under way.
_SECONDS_TO_FINISH = 5.0
#: Seconds after which a lane that broke is run again, and a worker begun anew.
_AGAIN = 1.0
#: Seconds between two looks for lanes that have something to do and no job. There are none, but for accidents.
_FORGOTTEN = 5.0
_QUEUE = "steady-lanes"
_TASK = "steady.lane"
#: A job for now goes before one for later: procrastinate holds back whatever was queued after a job of the same lock.
_NOW, _LATER = 1, 0
#: Any number that no other program uses for its advisory locks in this database.
_SCHEMA_LOCK = 0x5EADE1
_NOTED = (
    "SELECT to_regclass('procrastinate_jobs') IS NOT NULL, "
    "obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"
)
_QUEUED = (
    "SELECT lock FROM procrastinate_jobs WHERE lock = ANY(%(lanes)s::text[]) AND status IN ('todo', 'doing') "
    "AND (scheduled_at IS NULL OR scheduled_at <= now())"
)

# What they have to say is said here, in a line; theirs are whole tracebacks whenever the database goes away.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class ReplicaEngine:
    """Runs lanes as jobs that all processes on a database share. `url` is the database's, as in the settings."""

    def __init__(
        self,
        lanes: Lanes,
        url: str,
        clock: Callable[[], float] = time.time,
        *,
        beat: float = BEAT,
        dead_after: float = DEAD_AFTER,
    ) -> None:
        self._lanes = lanes
        self._clock = clock
        self._beat = beat
        self._dead_after = dead_after
        self._conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._app = App(
            connector=PsycopgConnector(
                conninfo=self._conninfo,
                kwargs={"options": PATIENCE, "connect_timeout": 5},
                min_size=1,
                max_size=4,
                timeout=5,
            )
        )
        self._jobs = self._app.job_manager = _Jobs(self._app.connector)
        self._app.task(name=_TASK, queue=_QUEUE)(self._run)
        self._working: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    async def start(self) -> None:
        """Take up whatever is left to do, and from now on what is new."""
        await self._app.open_async()
        await self._prepare()
        self._working = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Let what is under way finish within a few seconds; the rest is for the other processes."""
        # Not by cancelling: in Python 3.11 the waits of the driver may forget that they were cancelled.
        self._ending.set()
        if self._working:
            await asyncio.wait([self._working], timeout=4 * _SECONDS_TO_FINISH)
            self._working.cancel()
        await self._app.close_async()

    async def enlist(self, connection: Transaction, lanes: Collection[str]) -> None:
        """Queue lanes within the transaction that writes their rows."""
        if lanes:
            driver = (await connection.get_raw_connection()).driver_connection
            await self._queue(sorted(lanes), connection, driver)

    def wake(self, lanes: Collection[str]) -> None:
        """Do nothing: with the end of that transaction the database tells every process."""

    async def _queue(self, lanes: Sequence[str], connection: Transaction, driver: Any) -> None:
        """Queue lanes, leaving out those that are queued: what they conflict with is found by halving."""
        try:
            async with connection.begin_nested():
                await self._jobs.batch_defer_jobs_async([_job(lane) for lane in lanes], connection=driver)
        except AlreadyEnqueued:
            if len(lanes) > 1:
                middle = len(lanes) // 2
                await self._queue(lanes[:middle], connection, driver)
                await self._queue(lanes[middle:], connection, driver)

    # ---- one lane

    async def _run(self, lane: str) -> None:
        """Run a lane; its next run is queued before this one ends."""
        try:
            due = await self._lanes.run(lane)
        except SQLAlchemyError:  # the database went away, which is said once for all lanes; nothing is lost, only late
            due = self._clock() + _AGAIN
        except Exception as error:
            log_incident(error)
            due = self._clock() + _AGAIN
        if due is not None:
            with suppress(ConnectorException):  # then the next sweep finds the lane
                await self._plan(lane, due)

    async def _plan(self, lane: str, due: float) -> None:
        """Queue the next run of a lane."""
        if due <= self._clock():
            with suppress(AlreadyEnqueued):
                await self._jobs.defer_job_async(_job(lane))
            return
        job = _job(lane, due)
        try:
            await self._jobs.defer_job_async(job)
        except AlreadyEnqueued:
            for other in await self._jobs.list_jobs_async(queueing_lock=job.queueing_lock, status=Status.TODO.value):
                if other.id and other.scheduled_at and job.scheduled_at and other.scheduled_at > job.scheduled_at:
                    await self._jobs.cancel_job_by_id_async(other.id, delete_job=True)
                    with suppress(AlreadyEnqueued):
                        await self._jobs.defer_job_async(job)

    # ---- all of them

    async def _work(self) -> None:
        """Keep a worker running; each is begun anew after the database, or this process, was away."""
        while not self._ending.is_set():
            worker = Worker(
                self._app,
                queues=[_QUEUE],
                concurrency=LANES_AT_ONCE,
                fetch_job_polling_interval=_POLL,
                shutdown_graceful_timeout=_SECONDS_TO_FINISH,
                delete_jobs=DeleteJobCondition.ALWAYS,
                install_signal_handlers=False,
                update_heartbeat_interval=self._beat,
                stalled_worker_timeout=self._dead_after,
            )
            running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
            try:
                await self._watch(worker, running)
            finally:
                # Lanes that others have taken over are left to them; what has been begun is finished.
                self._lanes.stopping = True
                worker.stop()  # type: ignore[no-untyped-call]
                await asyncio.wait([running], timeout=2 * _SECONDS_TO_FINISH)
                running.cancel()
                await asyncio.wait([running], timeout=_SECONDS_TO_FINISH)
                if running.done() and not running.cancelled():
                    running.exception()  # that it broke off is all there is to know: it is begun anew
                self._lanes.stopping = self._ending.is_set()
            await self._pause(_AGAIN)

    async def _pause(self, seconds: float, *running: asyncio.Task[None]) -> None:
        """Wait, but not when this process ends, or something that runs does."""
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait([ending, *running], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()

    async def _watch(self, worker: Worker, running: asyncio.Task[None]) -> None:
        """Sweep every few seconds; return when the worker has ended or can't be relied on any more."""
        away = False
        self._jobs.unfinished = False
        alive = self._clock()
        swept = 0.0
        while not running.done() and not self._ending.is_set():
            try:
                await self._take_over(worker)
                if alive - swept >= _FORGOTTEN:
                    await self._find_forgotten()
                    swept = alive
            except Exception as error:  # the database went away: it is tried again until it is back
                if not away:
                    log.warning("the database can't be reached (%s); trying again", type(error).__name__)
                away = True
            else:
                if away or self._jobs.unfinished:
                    log.warning("the database is back")
                    return
            await self._pause(self._beat, running)
            stood_still = self._clock() - alive > self._dead_after
            alive = self._clock()
            if stood_still and not away and not self._ending.is_set():
                log.warning("this process stood still for a while: others have its lanes by now")
                return

    async def _take_over(self, worker: Worker) -> None:
        """Give a sign of life, and queue the lanes of processes that give none."""
        # The worker gives signs of life too, but once that failed it never does again, and does not say so.
        if worker.worker_id is not None:
            await self._jobs.update_heartbeat(worker.worker_id)
        await self._jobs.prune_stalled_workers(self._dead_after)
        stalled = await self._jobs.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=self._dead_after)
        for job in stalled:
            with suppress(ConnectorException):  # another process was quicker
                await self._jobs.finish_job_by_id_async(job.id or 0, Status.FAILED, delete_job=True)
            await self._plan(str(job.task_kwargs["lane"]), 0.0)

    async def _find_forgotten(self) -> None:
        """Queue lanes that have something to do and no job."""
        now = self._clock()
        due = [lane for lane, moment in await self._lanes.ledger.lanes() if moment <= now and self._lanes.sender(lane)]
        if due:
            queued = await self._app.connector.execute_query_all_async(_QUEUED, lanes=due)
            for lane in set(due) - {row["lock"] for row in queued}:
                await self._plan(lane, 0.0)

    async def _prepare(self) -> None:
        """Make procrastinate's tables, or bring them up to date; one process at a time.

        procrastinate keeps no record of how far that went: the newest of its migrations is noted on its table.
        """
        migrations = await asyncio.to_thread(_migrations)
        newest = max(migrations)
        async with await AsyncConnection.connect(self._conninfo, connect_timeout=10) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
            found = await (await connection.execute(_NOTED)).fetchone()
            there, noted = found or (False, None)
            if there and noted and noted >= newest:
                return
            if not there:
                await connection.execute(SchemaManager.get_schema())
            for name in sorted(name for name in migrations if there and noted and name > noted):
                await connection.execute(migrations[name])
            await connection.execute(SQL("COMMENT ON TABLE procrastinate_jobs IS {}").format(Literal(newest)))


class _Jobs(JobManager):
    """Notes if the end of a job could not be written: its lane stays locked until the worker that has it is gone."""

    unfinished = False

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Write the end of a job."""
        try:
            await super().finish_job(job, status, delete_job)
        except ConnectorException:
            self.unfinished = True


def _migrations() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(SchemaManager.get_migrations_path()).glob("*.sql")}


def _job(lane: str, due: float | None = None) -> Job:
    """Return the job that runs a lane, now or when it is due."""
    return Job(
        queue=_QUEUE,
        task_name=_TASK,
        task_kwargs={"lane": lane},
        lock=lane,
        queueing_lock=lane if due is None else f"{lane} later",
        priority=_NOW if due is None else _LATER,
        scheduled_at=None if due is None else datetime.fromtimestamp(due, UTC),
    )
