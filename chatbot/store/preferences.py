"""What people chose for themselves: their language, and until when personal messages are muted."""

from collections import OrderedDict
from datetime import date
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.model import Language
from chatbot.store.database import Change, Database
from chatbot.store.insert import insert
from chatbot.store.tables import preferences

_CACHED = 10_000
_Known = tuple[Language | None, date | None]


class SqlPreferences:
    """Keeps preferences; with SQLite, where nobody else writes, the last ten thousand people's in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._changes = 0

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a person chose, if they did."""
        return (await self._of(workspace, person))[0]

    async def set_language(self, workspace: str, person: str, language: Language) -> None:
        """Remember the language that a person chose."""
        await self._set(workspace, person, {"language": str(language)})

    async def quiet_until(self, workspace: str, person: str) -> date | None:
        """Return the first day on which a person wants personal messages again, if they muted them."""
        return (await self._of(workspace, person))[1]

    async def set_quiet_until(self, workspace: str, person: str, day: date | None) -> None:
        """Mute personal messages until a day; None undoes it."""
        await self._set(workspace, person, {"quiet_until": day.isoformat() if day else None})

    async def forget(self, workspace: str, person: str) -> None:
        """Forget all that a person chose."""
        statement = delete(preferences).where(preferences.c.workspace == workspace, preferences.c.person == person)

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._write(workspace, person, change)

    async def _of(self, workspace: str, person: str) -> _Known:
        key = (workspace, person)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        changes = self._changes
        rows = await self._database.read(
            select(preferences.c.language, preferences.c.quiet_until).where(
                preferences.c.workspace == workspace, preferences.c.person == person
            )
        )
        language, quiet = (rows[0].language, rows[0].quiet_until) if rows else (None, None)
        known = (Language(language) if language else None, date.fromisoformat(quiet) if quiet else None)
        # What was read while somebody chose anew may be what they chose before, and would be kept for good.
        if self._database.is_sqlite and changes == self._changes:
            self._known[key] = known
            if len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return known

    async def _set(self, workspace: str, person: str, values: dict[str, Any]) -> None:
        statement = (
            insert(self._database.engine, preferences)
            .values(workspace=workspace, person=person, **values)
            .on_conflict_do_update(index_elements=["workspace", "person"], set_=values)
        )

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._write(workspace, person, change)

    async def _write(self, workspace: str, person: str, change: Change[None]) -> None:
        await self._database.write(change)
        self._changes += 1
        self._known.pop((workspace, person), None)
