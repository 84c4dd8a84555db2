"""What becomes stale, in the database. What each call promises stands in chatbot/freshness.py."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.delivery.model import Draft, Engine
from chatbot.freshness import Ageing, Reached
from chatbot.model import Language
from chatbot.store.database import Database
from chatbot.store.ledger import write_drafts
from chatbot.store.tables import pieces, rooms


class SqlFreshness:
    """Finds pieces, and writes whom was asked in the same transaction as what they are sent."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def ageing(self, until: date) -> Sequence[Ageing]:
        """Return the published pieces that were verified until a day or an earlier one."""
        rows = await self._database.read(
            select(pieces)
            .where(pieces.c.published.is_not(None), pieces.c.verified_until <= until.isoformat())
            .order_by(pieces.c.id)
        )
        return [_ageing(row) for row in rows]

    async def find(self, piece: int) -> Ageing | None:
        """Return a piece, if it is published."""
        rows = await self._database.read(select(pieces).where(pieces.c.id == piece, pieces.c.published.is_not(None)))
        return _ageing(rows[0]) if rows else None

    async def reach(self, workspace: str, person: str) -> Reached | None:
        """Return the conversation that a person has with Steady."""
        rows = await self._database.read(
            select(rooms.c.address, rooms.c.language).where(
                rooms.c.workspace == workspace, rooms.c.personal == 1, rooms.c.name == person, rooms.c.gone == ""
            )
        )
        return Reached(rows[0].address, Language(rows[0].language)) if rows else None

    async def remind(self, ageing: Ageing, reminded: str, draft: Draft, now: float) -> bool:
        """Write that somebody is asked, and what they are sent, unless the piece changed since it was read."""
        unchanged = (
            update(pieces)
            .where(
                pieces.c.id == ageing.piece,
                pieces.c.published.is_not(None),
                pieces.c.verified_until == ageing.verified_until.isoformat(),
                pieces.c.reminded == ageing.reminded,
            )
            .values(reminded=reminded)
        )

        async def change(connection: AsyncConnection) -> tuple[bool, set[str]]:
            if (await connection.execute(unchanged)).rowcount != 1:
                return False, set()
            lanes = await write_drafts(connection, [draft], now)
            await self._engine.enlist(connection, lanes)
            return True, lanes

        done, lanes = await self._database.write(change)
        self._engine.wake(lanes)
        return done


def _ageing(row: Row[Any]) -> Ageing:
    return Ageing(
        row.id, row.workspace, row.topic, row.owner, row.deputy, date.fromisoformat(row.verified_until), row.reminded
    )
