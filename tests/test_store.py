"""One contract for every store, and a guard on what may be stored."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import SteadyError
from chatbot.model import Language
from chatbot.store.memory import MemoryStore
from chatbot.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    made = MemoryStore() if request.param == "memory" else SqliteStore(f"sqlite:///{tmp_path}/s.sqlite3")
    await made.start()
    yield made
    await made.stop()


async def test_a_language_is_remembered_and_changed(store: Any) -> None:
    assert await store.language("w", "p") is None
    await store.set_language("w", "p", Language.KA)
    assert await store.language("w", "p") is Language.KA
    await store.set_language("w", "p", Language.RU)
    assert await store.language("w", "p") is Language.RU
    assert await store.language("other", "p") is None


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    for expected in (None, Language.DE):
        store = SqliteStore(f"sqlite:///{tmp_path}/s.sqlite3")
        await store.start()
        assert await store.language("w", "p") is expected
        await store.set_language("w", "p", Language.DE)
        await store.stop()


async def test_memory_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.store.sqlite._CACHED", 3)
    store = SqliteStore(f"sqlite:///{tmp_path}/s.sqlite3")
    await store.start()
    for number in range(6):
        await store.set_language("w", str(number), Language.DE)
    assert len(store._languages) == 3
    assert await store.language("w", "0") is Language.DE
    await store.stop()


@pytest.mark.parametrize("content", [None, b"this is no database, whatever its name says" * 50])
async def test_a_database_that_cannot_be_opened_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "missing" / "s.sqlite3" if content is None else tmp_path / "s.sqlite3"
    if content:
        path.write_bytes(content)
    with pytest.raises(SteadyError, match="DATABASE_URL"):
        await SqliteStore(f"sqlite:///{path}").start()


async def test_nothing_stored_ties_a_person_to_what_they_asked(tmp_path: Path) -> None:
    """Every table and column is listed here: adding one means thinking about it."""
    store = SqliteStore(f"sqlite:///{tmp_path}/s.sqlite3")
    await store.start()
    await store.stop()
    query = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    with closing(sqlite3.connect(tmp_path / "s.sqlite3")) as connection:
        columns = set(connection.execute(query))
    assert columns == {("preferences", "workspace"), ("preferences", "person"), ("preferences", "language")}


async def test_a_lock_that_is_gone_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setattr("chatbot.store.sqlite._SECONDS_TO_WAIT", 0.05)
    store = SqliteStore(f"sqlite:///{tmp_path}/s.sqlite3")
    await store.start()
    with closing(sqlite3.connect(tmp_path / "s.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError):
            await store.set_language("w", "somebody", Language.DE)
        other.execute("ROLLBACK")
        assert await store.language("w", "somebody") is None
        other.execute("INSERT INTO preferences VALUES ('w', 'another', 'ru')")
    await store.set_language("w", "somebody", Language.KA)
    assert await store.language("w", "another") is Language.RU
    await store.stop()
    assert "somebody" not in caplog.text, "not even at DEBUG"
