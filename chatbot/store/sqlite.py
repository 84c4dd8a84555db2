"""The store in an SQLite file."""

import logging
import sqlite3
from collections import OrderedDict
from contextlib import closing

import aiosqlite

from chatbot.errors import SteadyError
from chatbot.model import Language

#: What people chose for themselves. Nothing here or elsewhere says what anybody asked.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS preferences (
    workspace TEXT NOT NULL,
    person TEXT NOT NULL,
    language TEXT NOT NULL,
    PRIMARY KEY (workspace, person)
) WITHOUT ROWID
"""
_GET = "SELECT language FROM preferences WHERE workspace = ? AND person = ?"
_SET = (
    "INSERT INTO preferences (workspace, person, language) VALUES (?, ?, ?) "
    "ON CONFLICT (workspace, person) DO UPDATE SET language = excluded.language"
)
_CACHED = 10_000
#: For a locked database. All wait behind one connection, and Slack gives up after three.
_SECONDS_TO_WAIT = 1

#: At DEBUG it writes down each statement with its values: who somebody is and what they chose.
logging.getLogger("aiosqlite").setLevel(logging.INFO)


class SqliteStore:
    """Keeps preferences in a file, with the last ten thousand people's in memory: each message asks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: aiosqlite.Connection | None = None
        self._languages: OrderedDict[tuple[str, str], Language | None] = OrderedDict()

    async def start(self) -> None:
        """Open the database and make its tables. Raises SteadyError if it can't be opened."""
        path = self._url.removeprefix("sqlite:///")
        try:
            # Not by aiosqlite, whose thread outlives the event loop where a file can't be opened.
            with closing(sqlite3.connect(path, timeout=_SECONDS_TO_WAIT)) as file:
                file.execute("PRAGMA journal_mode=WAL")
                file.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise SteadyError(
                f"The database {self._url} can't be opened ({error}). Does its folder exist, may this user write "
                "there, and is the file an SQLite database? DATABASE_URL names it."
            ) from error
        # Without transactions: one that failed would stay open, and everything written after it would fail too.
        self._connection = await aiosqlite.connect(path, timeout=_SECONDS_TO_WAIT, isolation_level=None)

    async def stop(self) -> None:
        """Close the database."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a person chose, if they did."""
        key = (workspace, person)
        if key in self._languages:
            self._languages.move_to_end(key)
            return self._languages[key]
        async with self._open().execute(_GET, key) as rows:
            row = await rows.fetchone()
        return self._remember(key, Language(row[0]) if row else None)

    async def set_language(self, workspace: str, person: str, language: Language) -> None:
        """Remember the language that a person chose."""
        await self._open().execute(_SET, (workspace, person, str(language)))
        self._remember((workspace, person), language)

    def _remember(self, key: tuple[str, str], language: Language | None) -> Language | None:
        self._languages[key] = language
        if len(self._languages) > _CACHED:
            self._languages.popitem(last=False)
        return language

    def _open(self) -> aiosqlite.Connection:
        if self._connection is None:
            raise SteadyError("The store is used before start() or after stop().")
        return self._connection
