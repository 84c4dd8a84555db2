"""The database: SQLite in a file, or PostgreSQL; opened, migrated, and written to by one connection.

A commit costs a write to the disk, so changes that come at the same time share one.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Executable, Row, event, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from chatbot.errors import SteadyError
from chatbot.store.tables import metadata, prepare

T = TypeVar("T")
Change = Callable[[AsyncConnection], Awaitable[T]]

#: The newest migration; a test compares it with the folder's. Alembic is loaded only for a database that is older, for
#: it costs half a second and 25 MB: a new one is made as the tables stand now, which a test compares with migrating.
HEAD = "0003"
#: What one process locks in PostgreSQL while it makes or changes tables: any number that nobody else locks by.
MIGRATING = 57_005_011
#: Changes that share a transaction at most.
TOGETHER = 64
_SECONDS_TO_WAIT = 5
#: An option of our own. SQLAlchemy's AUTOCOMMIT costs two statements more, and can't be asked for afterwards.
_READING = "steady_reading"
_VERSION = text("SELECT version_num FROM alembic_version")
_MADE = (
    text(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    ),
    text("INSERT INTO alembic_version VALUES (:head)").bindparams(head=HEAD),
)
#: A process that stands still within a transaction must not keep the others from its rows for longer.
PATIENCE = "-c idle_in_transaction_session_timeout=4s"
#: Times that a change is tried when another process was in its way.
_ATTEMPTS = 3

# At DEBUG it writes down each statement with its values: who somebody is and what they chose.
logging.getLogger("aiosqlite").setLevel(logging.INFO)
# What it says at INFO is of interest to whoever writes migrations.
logging.getLogger("alembic").setLevel(logging.WARNING)


@dataclass(slots=True)
class _Asked(Generic[T]):
    change: Change[T]
    done: "asyncio.Future[T]"


class Database:
    """A database by its URL: `sqlite:///FILE` or `postgresql://…`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite:")
        self.engine: AsyncEngine = _engine(url)
        self._reading = {_READING: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._asked: asyncio.Queue[_Asked[Any]] = asyncio.Queue()
        self._writing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the database and bring its tables up to date. Raises SteadyError if that can't be done."""
        shown = make_url(self.url).render_as_string(hide_password=True)
        try:
            if await self._version() != HEAD and not await self._made():
                await asyncio.to_thread(_migrate, self.url)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            cause = getattr(error, "orig", None) or error
            if self.is_sqlite:
                hint = "Does its folder exist, may this user write there, and is the file an SQLite database?"
            else:
                hint = "Is the server running, and are the user, password and database name right?"
            raise SteadyError(
                f"The database {shown} can't be opened ({type(cause).__name__}: {_first_line(cause)}). {hint} "
                "DATABASE_URL names it."
            ) from None
        self._writing = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Finish the changes that were asked for and close the database."""
        if self._writing:
            await self._asked.join()
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
            self._writing = None
        await self.engine.dispose()

    async def _version(self) -> str | None:
        """Return the migration that the database stands at, None for a new one."""
        if self.is_sqlite:
            # Not by aiosqlite, whose thread outlives the event loop where a file can't be opened.
            with closing(sqlite3.connect(make_url(self.url).database or "", timeout=_SECONDS_TO_WAIT)) as file:
                file.execute("PRAGMA journal_mode=WAL")
                known = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
                found = file.execute(str(_VERSION)).fetchone() if known else None
        else:
            try:
                async with self.engine.connect() as connection:
                    known = await connection.run_sync(lambda sync: sync.dialect.has_table(sync, "alembic_version"))
                    found = (await connection.execute(_VERSION)).first() if known else None
            finally:
                await self.engine.dispose()
        return str(found[0]) if found else None

    async def _made(self) -> bool:
        """Make the tables in a database that has none; return False if it has some by now."""

        def make(connection: Connection) -> bool:
            if inspect(connection).get_table_names():
                return False
            metadata.create_all(connection, checkfirst=False)
            for statement in _MADE:
                connection.execute(statement)
            return True

        try:
            async with self.engine.begin() as connection:
                if not self.is_sqlite:
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATING})
                return await connection.run_sync(make)
        finally:
            await self.engine.dispose()

    async def read(self, statement: Executable, values: Any = None) -> Sequence[Row[Any]]:
        """Return the rows of a query."""
        async with self.engine.connect() as connection:
            connection = await connection.execution_options(**self._reading)
            return (await connection.execute(statement, values)).all()

    async def write(self, change: Change[T]) -> T:
        """Make a change in a transaction, perhaps shared with others, and return its result once it is on the disk.

        If it raises, nothing of it is kept. It may be run more than once, so it must change nothing but the database.
        """
        if self._writing is None:
            raise SteadyError("The store is used before start() or after stop().")
        asked: _Asked[T] = _Asked(change, asyncio.get_running_loop().create_future())
        self._asked.put_nowait(asked)
        return await asked.done

    async def _write(self) -> None:
        while True:
            group = [await self._asked.get()]
            while len(group) < TOGETHER and not self._asked.empty():
                group.append(self._asked.get_nowait())
            try:
                await self._together([asked for asked in group if not asked.done.done()])
            except asyncio.CancelledError:
                for asked in group:
                    asked.done.cancel()
                raise
            for _ in group:
                self._asked.task_done()

    async def _together(self, group: list[_Asked[Any]]) -> None:
        try:
            async with self.engine.begin() as connection:
                results = [await asked.change(connection) for asked in group]
        except Exception as error:  # whose fault it was can't be told when they share a transaction: each on its own
            if len(group) == 1:
                await self._alone(group[0], error)
            else:
                for asked in group:
                    await self._together([asked])
        else:
            for asked, result in zip(group, results, strict=True):
                if not asked.done.done():
                    asked.done.set_result(result)

    async def _alone(self, asked: _Asked[Any], error: Exception) -> None:
        """Try a change again if only another process was in its way."""
        for attempt in range(1, _ATTEMPTS):
            if not (isinstance(error, DBAPIError) and _in_the_way(error)):
                break
            await asyncio.sleep(0.05 * attempt)
            try:
                async with self.engine.begin() as connection:
                    result = await asked.change(connection)
            except Exception as again:  # handed to whoever asked
                error = again
            else:
                if not asked.done.done():
                    asked.done.set_result(result)
                return
        if not asked.done.done():
            asked.done.set_exception(error)


def _in_the_way(error: DBAPIError) -> bool:
    """Return whether a change failed for a lock, a deadlock or a connection that had died meanwhile."""
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlstate", None)
    return code in ("40001", "40P01", "55P03") or "database is locked" in str(error.orig)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")


def _engine(url: str) -> AsyncEngine:
    # An error of SQLAlchemy's would quote the values of its statement into whatever log it ends up in: they are hidden.
    wanted = make_url(url)
    prepare(wanted.get_backend_name())
    if url.startswith("sqlite:"):
        engine = create_async_engine(
            wanted.set(drivername="sqlite+aiosqlite"),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=4,
            connect_args={"timeout": _SECONDS_TO_WAIT},
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine
    return create_async_engine(
        wanted.set(drivername="postgresql+psycopg"),
        pool_size=5,
        pool_pre_ping=True,
        connect_args={"options": PATIENCE},
        hide_parameters=True,
    )


def _prepare(connection: Any, _: Any) -> None:
    # The driver must not begin transactions by itself: its own let another's changes in between reading and writing.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    # A query needs no transaction, and must not wait for whoever is writing.
    if not connection.get_execution_options().get(_READING):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(url: str) -> None:
    """Bring the tables up to date, each migration in a transaction."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise SteadyError(
            f"The database was made by another version of Steady ({error}). Run the version that made it, or a newer "
            "one, or restore a backup."
        ) from None
