"""What is kept about a person, in the database. What each call promises stands in chatbot/personal.py."""

from typing import Any

from sqlalchemy import ColumnElement, String, Table, cast, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.personal import Kept
from chatbot.store.database import Database
from chatbot.store.tables import audit, deliveries, pieces, pushes, receipts, rooms, tip_subscriptions


class SqlPersonal:
    """Counts and deletes the rows that name a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, workspace: str, person: str) -> Kept:
        """Return what is kept about a person."""
        own_room = _own_room(workspace, person)
        named = (pieces.c.workspace == workspace, or_(pieces.c.owner == person, pieces.c.deputy == person))
        by_them = or_(audit.c.actor == person, audit.c.actor.endswith(f" ({person})", autoescape=True))
        return Kept(
            tips=await self._count(tip_subscriptions, *_own_tips(workspace, person)) > 0,
            chat=await self._count(rooms, *own_room) > 0,
            receipts=await self._count(receipts, *_receipts(workspace, person)),
            pieces=await self._count(pieces, *named),
            audit=await self._count(audit, audit.c.workspace == workspace, by_them),
            zone=await self._zone(*own_room),
        )

    async def erase(self, workspace: str, person: str) -> None:
        """Delete a person's receipts, time zone, and the tips they ordered for themselves with what became of these."""
        own = select(literal("tips:").concat(cast(tip_subscriptions.c.id, String))).where(*_own_tips(workspace, person))
        statements = (
            # With their rows in the ledger: SQLite may give the number of what is deleted to somebody else's tips.
            delete(deliveries).where(deliveries.c.source.in_(own)),
            delete(receipts).where(*_receipts(workspace, person)),
            delete(tip_subscriptions).where(*_own_tips(workspace, person)),
            update(rooms).where(*_own_room(workspace, person)).values(zone=""),
        )

        async def change(connection: AsyncConnection) -> None:
            for statement in statements:
                await connection.execute(statement)

        await self._database.write(change)

    async def _zone(self, *conditions: ColumnElement[bool]) -> str:
        rows = await self._database.read(select(rooms.c.zone).where(*conditions))
        return next((row.zone for row in rows if row.zone), "")

    async def _count(self, table: Table, *conditions: ColumnElement[bool]) -> int:
        rows: Any = await self._database.read(select(func.count()).select_from(table).where(*conditions))
        return int(rows[0][0])


def _own_room(workspace: str, person: str) -> tuple[ColumnElement[bool], ...]:
    return rooms.c.workspace == workspace, rooms.c.personal == 1, rooms.c.name == person


def _receipts(workspace: str, person: str) -> tuple[ColumnElement[bool], ...]:
    here = select(pushes.c.id).where(pushes.c.workspace == workspace)
    return receipts.c.person == person, receipts.c.push.in_(here)


def _own_tips(workspace: str, person: str) -> tuple[ColumnElement[bool], ...]:
    table = tip_subscriptions
    return table.c.workspace == workspace, table.c.personal == 1, table.c.set_by == person
