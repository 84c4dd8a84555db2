"""The store in an SQL database, through SQLAlchemy Core."""

import sqlite3
from collections import OrderedDict
from contextlib import closing

from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chatbot.errors import SteadyError
from chatbot.model import Language

metadata = MetaData()

#: What people chose for themselves. Nothing here or elsewhere says what anybody asked.
preferences = Table(
    "preferences",
    metadata,
    Column("workspace", String(100), primary_key=True),
    Column("person", String(200), primary_key=True),
    Column("language", String(2), nullable=False),
)

_CACHED = 10_000


class SqlStore:
    """Keeps preferences in a database, with the last ten thousand people's in memory: each message asks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine | None = None
        self._languages: OrderedDict[tuple[str, str], Language | None] = OrderedDict()

    async def start(self) -> None:
        """Open the database and make its tables. Raises SteadyError if it can't be opened."""
        engine = create_async_engine(self._url.replace("sqlite:", "sqlite+aiosqlite:", 1), connect_args={"timeout": 5})
        try:
            # WAL is a property of the file; set here once, and a file that is no database is found here.
            with closing(sqlite3.connect(engine.url.database or ":memory:")) as file:
                file.execute("PRAGMA journal_mode=WAL")
            async with engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
        except (SQLAlchemyError, sqlite3.Error) as error:
            await engine.dispose()
            raise SteadyError(
                f"The database {self._url} can't be opened ({type(error).__name__}). Does its folder exist, may this "
                "user write there, and is the file an SQLite database? DATABASE_URL names it."
            ) from error
        self._engine = engine

    async def stop(self) -> None:
        """Close the database."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a person chose, if they did."""
        key = (workspace, person)
        if key in self._languages:
            self._languages.move_to_end(key)
            return self._languages[key]
        query = preferences.select().where(preferences.c.workspace == workspace, preferences.c.person == person)
        async with self._open().connect() as connection:
            row = (await connection.execute(query)).first()
        return self._remember(key, Language(row.language) if row else None)

    async def set_language(self, workspace: str, person: str, language: Language) -> None:
        """Remember the language that a person chose."""
        statement = insert(preferences).values(workspace=workspace, person=person, language=str(language))
        statement = statement.on_conflict_do_update(index_elements=["workspace", "person"], set_={"language": language})
        async with self._open().begin() as connection:
            await connection.execute(statement)
        self._remember((workspace, person), language)

    def _remember(self, key: tuple[str, str], language: Language | None) -> Language | None:
        self._languages[key] = language
        if len(self._languages) > _CACHED:
            self._languages.popitem(last=False)
        return language

    def _open(self) -> AsyncEngine:
        if self._engine is None:
            raise SteadyError("The store is used before start() or after stop().")
        return self._engine
