"""Deleting what is long over, in the database. What each call promises stands in chatbot/retention.py."""

from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, delete, exists, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.store.database import Database
from chatbot.store.tables import deliveries, pushes, receipts

_row = deliveries
#: Nobody sees to it any more: it was settled, or is unknown for good.
_OVER = and_(_row.c.due.is_(None), _row.c.state != "sending")
_SOURCE = literal("push:").concat(cast(pushes.c.id, String))


class SqlRetention:
    """Looks before it deletes, since a look keeps nobody from writing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_rows(self, before: float, limit: int) -> int:
        """Delete rows of the ledger that were over before a moment, but for those of pushes; return how many."""
        return await self._delete(and_(_over_before(before), ~_row.c.kind.startswith("push.")), limit)

    async def old_pushes(self, before: float, limit: int) -> list[int]:
        """Return pushes that were begun before a moment, and all of whose rows were over before it too."""
        young = exists().where(_row.c.source == _SOURCE, ~_over_before(before))
        old = select(pushes.c.id).where(pushes.c.at < before, pushes.c.state.in_(("draft", "started")), ~young)
        return [row.id for row in await self._database.read(old.order_by(pushes.c.id).limit(limit))]

    async def forget_push(self, push: int, before: float, limit: int) -> bool:
        """Delete rows of a push that were over before a moment; once it has none, itself and its receipts.

        Return whether it is gone.
        """
        if await self._delete(and_(_row.c.source == f"push:{push}", _over_before(before)), limit):
            return False
        empty = ~exists().where(_row.c.source == f"push:{push}")
        itself = delete(pushes).where(pushes.c.id == push, pushes.c.state.in_(("draft", "started")), empty)

        async def change(connection: AsyncConnection) -> bool:
            if (await connection.execute(itself)).rowcount:
                await connection.execute(delete(receipts).where(receipts.c.push == push))
            return True

        return await self._database.write(change)

    async def _delete(self, which: ColumnElement[bool], limit: int) -> int:
        found = await self._database.read(select(_row.c.id).where(which).order_by(_row.c.id).limit(limit))
        if not found:
            return 0
        # What was sent again meanwhile, or looked for, does not fit any more.
        statement = delete(_row).where(_row.c.id.in_([row.id for row in found]), which)

        async def change(connection: AsyncConnection) -> int:
            done: Any = await connection.execute(statement)
            return int(done.rowcount)

        return await self._database.write(change)


def _over_before(moment: float) -> ColumnElement[bool]:
    return and_(_OVER, _row.c.since < moment)
