"""One contract for every store, on both databases; and a guard on what may be stored."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.store import database as database_module
from chatbot.store.database import HEAD, Database
from chatbot.store.memory import MemoryPreferences
from chatbot.store.preferences import SqlPreferences
from chatbot.store.tables import metadata, preferences


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield MemoryPreferences()
        return
    database = Database(request.getfixturevalue("new_database")(request.param))
    await database.start()
    yield SqlPreferences(database)
    await database.stop()


async def test_a_language_is_remembered_and_changed(store: Any) -> None:
    assert await store.language("w", "p") is None
    await store.set_language("w", "p", Language.KA)
    assert await store.language("w", "p") is Language.KA
    await store.set_language("w", "p", Language.RU)
    assert await store.language("w", "p") is Language.RU
    assert await store.language("other", "p") is None


async def test_a_quiet_time_is_remembered_and_undone(store: Any) -> None:
    assert await store.quiet_until("w", "p") is None
    await store.set_quiet_until("w", "p", date(2026, 12, 24))
    assert await store.quiet_until("w", "p") == date(2026, 12, 24)
    assert await store.language("w", "p") is None
    await store.set_language("w", "p", Language.DE)
    await store.set_quiet_until("w", "p", None)
    assert await store.quiet_until("w", "p") is None
    assert await store.language("w", "p") is Language.DE


async def test_it_survives_a_restart(new_database: Any, kind: str) -> None:
    url = new_database(kind)
    for expected in (None, Language.DE):
        database = Database(url)
        await database.start()
        store = SqlPreferences(database)
        assert await store.language("w", "p") is expected
        await store.set_language("w", "p", Language.DE)
        await database.stop()


async def test_memory_stays_bounded(new_database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.store.preferences._CACHED", 3)
    database = Database(new_database("sqlite"))
    await database.start()
    store = SqlPreferences(database)
    for number in range(6):
        await store.set_language("w", str(number), Language.DE)
    for number in range(6):
        assert await store.language("w", str(number)) is Language.DE
    assert len(store._known) == 3
    await database.stop()


async def test_what_was_read_during_a_change_is_not_remembered(
    new_database: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(new_database(kind))
    await database.start()
    store = SqlPreferences(database)
    await store.set_language("w", "p", Language.DE)
    read = database.read

    async def then_forgotten(*arguments: Any) -> Any:
        rows = await read(*arguments)
        monkeypatch.undo()
        await store.forget("w", "p")
        return rows

    monkeypatch.setattr(database, "read", then_forgotten)
    assert await store.language("w", "p") is Language.DE
    assert await store.language("w", "p") is None
    await database.stop()


async def test_changes_at_the_same_time_are_all_kept(new_database: Any, kind: str) -> None:
    """Read, add one, write: a transaction that begins too late loses most of these."""
    url = new_database(kind)
    both = [Database(url), Database(url)]
    for one in both:
        await one.start()
        await one.write(lambda c: _execute(c, "DELETE FROM preferences"))
    await both[0].write(
        lambda c: _execute(c, "INSERT INTO preferences (workspace, person, language) VALUES ('w','n','0')")
    )

    async def add_one(connection: AsyncConnection) -> None:
        found = await connection.execute(select(preferences.c.language).with_for_update())  # SQLite locks by itself
        await connection.execute(text("UPDATE preferences SET language = :n"), {"n": str(int(found.scalar_one()) + 1)})

    await asyncio.gather(*(one.write(add_one) for one in both for _ in range(100)))
    rows = await both[0].read(text("SELECT language FROM preferences"))
    assert rows[0][0] == "200"
    for one in both:
        await one.stop()


async def test_a_change_that_fails_takes_no_other_with_it(new_database: Any, kind: str) -> None:
    database = Database(new_database(kind))
    await database.start()
    store = SqlPreferences(database)

    async def broken(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO preferences (workspace, person) VALUES ('w', 'half')"))
        raise ValueError

    results = await asyncio.gather(
        store.set_language("w", "before", Language.DE),
        database.write(broken),
        store.set_language("w", "after", Language.KA),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    rows = await database.read(text("SELECT person FROM preferences ORDER BY person"))
    assert [row.person for row in rows] == ["after", "before"]
    await database.stop()


async def test_an_error_does_not_quote_what_was_to_be_written(new_database: Any, kind: str) -> None:
    database = Database(new_database(kind))
    await database.start()

    async def broken(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO preferences (nobody) VALUES (:who)"), {"who": "U0SECRET"})

    with pytest.raises(DBAPIError) as raised:
        await database.write(broken)
    assert "U0SECRET" not in str(raised.value)
    await database.stop()


@pytest.mark.parametrize("content", [None, b"this is no database, whatever its name says" * 50])
async def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "missing" / "s.sqlite3" if content is None else tmp_path / "s.sqlite3"
    if content:
        path.write_bytes(content)
    with pytest.raises(SteadyError, match="DATABASE_URL"):
        await Database(f"sqlite:///{path}").start()


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(SteadyError, match="Is the server running") as raised:
        await Database("postgresql://steady:hunter2@127.0.0.1:9/steady").start()
    assert "hunter2" not in str(raised.value)


async def test_a_database_of_a_newer_version_is_refused(new_database: Any, kind: str) -> None:
    database = Database(new_database(kind))
    await database.start()
    await database.write(lambda c: _execute(c, "UPDATE alembic_version SET version_num = '9999'"))
    await database.stop()
    with pytest.raises(SteadyError, match="another version of Steady"):
        await Database(database.url).start()


async def test_what_the_first_version_kept_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    with closing(sqlite3.connect(path)) as old:
        old.execute(
            "CREATE TABLE preferences (workspace TEXT NOT NULL, person TEXT NOT NULL, language TEXT NOT NULL, "
            "PRIMARY KEY (workspace, person)) WITHOUT ROWID"
        )
        old.execute("INSERT INTO preferences VALUES ('w', 'p', 'ka')")
        old.commit()
    database = Database(f"sqlite:///{path}")
    await database.start()
    assert await SqlPreferences(database).language("w", "p") is Language.KA
    await database.stop()


async def test_a_new_database_and_a_migrated_one_have_the_tables_that_the_code_uses(
    tmp_path: Path, new_database: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for migrated in (False, True):
        url = new_database(kind).replace("steady.sqlite3", f"{migrated}.sqlite3")
        if migrated:
            database_module._migrate(url)
        else:
            monkeypatch.setattr(database_module, "_migrate", lambda _: pytest.fail("a new one needs no migration"))
        for _ in range(2):  # the second time there is nothing to do
            database = Database(url)
            await database.start()
            async with database.engine.connect() as connection:
                made.append(await connection.run_sync(_described))
            await database.stop()
        monkeypatch.undo()
    expected = {
        table.name: ({column.name: column.nullable for column in table.columns}, {str(i.name) for i in table.indexes})
        for table in metadata.sorted_tables
    }
    described = {
        name: ({c: nullable for c, (_, nullable) in columns.items()}, {*indexes})
        for name, (columns, indexes, *_) in made[0].items()
    }
    assert described == expected
    assert made == [made[0]] * 4, "types, keys and unique columns too"
    scripts = Config()
    scripts.set_main_option("script_location", str(Path(database_module.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(scripts).get_current_head() == HEAD


def _described(connection: Any) -> dict[str, tuple[Any, ...]]:
    looking = inspect(connection)
    return {
        name: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in looking.get_columns(name)},
            {
                str(index["name"]): [str(value) for value in index.get("dialect_options", {}).values()]
                for index in looking.get_indexes(name)
                if not index.get("duplicates_constraint")
            },
            looking.get_pk_constraint(name)["constrained_columns"],
            sorted(unique["column_names"] for unique in looking.get_unique_constraints(name)),
            sorted(sorted(foreign.items(), key=str) for foreign in looking.get_foreign_keys(name)),
        )
        for name in looking.get_table_names()
        if name != "alembic_version"
    }


def test_nothing_stored_ties_a_person_to_what_they_asked() -> None:
    """Every table and column is listed here: adding one means thinking about it."""
    assert {table.name: " ".join(column.name for column in table.columns) for table in metadata.sorted_tables} == {
        "preferences": "workspace person language quiet_until",
        "deliveries": "id key source lane target kind content state attempt due expires since reason reference",
        "tip_subscriptions": "id workspace room address personal language schedule topics removed deck set_by "
        "next_due next_day last_day stopped",
        "pieces": "id workspace topic published owner deputy verified_until reminded",
        "versions": "piece number content state author reviewer at",
        "libraries": "workspace generation",
        "roles": "workspace subject role name",
        "audit": "id workspace at actor action about",
        # `zone` is by which clock somebody lives, which is no answer to when they asked.
        "rooms": "workspace room address personal name language zone gone",
        "pushes": "id workspace author piece version content state at receipts reminded",
        "receipts": "push person",
        "unheard": "workspace week language words",
        "topic_counts": "workspace week topic language asked useful useless",
        "workspace_settings": "workspace name value",
        # A random id that stood in a cookie, for hours; nobody's name is beside it.
        "ended_sessions": "session until",
    }


async def test_a_lock_that_is_gone_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setattr("chatbot.store.database._SECONDS_TO_WAIT", 0.05)
    database = Database(f"sqlite:///{tmp_path}/s.sqlite3")
    await database.start()
    store = SqlPreferences(database)
    with closing(sqlite3.connect(tmp_path / "s.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError):
            await store.set_language("w", "somebody", Language.DE)
        other.execute("ROLLBACK")
        assert await store.language("w", "somebody") is None
        other.execute("INSERT INTO preferences VALUES ('w', 'another', 'ru', NULL)")
    await store.set_language("w", "somebody", Language.KA)
    assert await store.language("w", "another") is Language.RU
    await database.stop()
    assert "somebody" not in caplog.text, "not even at DEBUG"


async def _execute(connection: AsyncConnection, statement: str) -> None:
    await connection.execute(text(statement))
