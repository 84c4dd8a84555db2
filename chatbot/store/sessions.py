"""Sessions of the console that were signed out of before their time."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.tables import ended_sessions


class EndedSessions:
    """Remembers sessions by their random id until they would have ended anyway; whose they were is not kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: str, until: float, now: float) -> None:
        """Remember a session until a moment, and forget those whose time is up; in seconds since 1970."""

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(delete(ended_sessions).where(ended_sessions.c.until <= now))
            ended = insert(connection, ended_sessions).values(session=session, until=until)
            await connection.execute(ended.on_conflict_do_nothing())

        await self._database.write(change)

    async def has(self, session: str) -> bool:
        """Return whether a session was signed out of."""
        known = select(ended_sessions.c.session).where(ended_sessions.c.session == session)
        return bool(await self._database.read(known))
