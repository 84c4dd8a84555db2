"""The ledger in the database. What each call promises stands in chatbot/delivery/model.py."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import (
    Executable,
    Row,
    String,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.delivery.model import Delivery, Draft, Reason, Result
from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.tables import deliveries

_table = deliveries
# Written out, for with a parameter no database could know that the small index of such rows will do.
_SENDING = _table.c.state == literal_column("'sending'")
_TO_DO = (
    select(_table)
    .where(
        _table.c.lane == bindparam("lane"),
        _table.c.due.is_not(None),
        _table.c.due <= bindparam("now"),
        _table.c.state == bindparam("state_"),
    )
    .order_by(_table.c.due, _table.c.id)
    .limit(bindparam("most"))
)
# Two queries in one, for with OR neither database would use the small indexes of what is to do and what is being sent.
_MINE = _table.c.lane == bindparam("lane")
_MOMENTS = union_all(
    select(_table.c.due.label("moment"))
    .where(_MINE, _table.c.due.is_not(None))
    .order_by(_table.c.due)
    .limit(1)
    .subquery()
    .select(),
    select(literal(0.0).label("moment")).where(_MINE, _SENDING).limit(1).subquery().select(),
).subquery()
_NEXT = select(func.min(_MOMENTS.c.moment))
_LEFT = union_all(
    select(_table.c.lane, func.min(_table.c.due).label("moment"))
    .where(_table.c.due.is_not(None))
    .group_by(_table.c.lane),
    select(_table.c.lane, literal(0.0).label("moment")).where(_SENDING).distinct(),
).subquery()
_LANES = select(_LEFT.c.lane, func.min(_LEFT.c.moment).label("moment")).group_by(_LEFT.c.lane)
# While a result is on its way a row may be given up as lost, or cancelled: that it was sent still counts.
_SENT = (
    update(_table)
    .where(_table.c.id == bindparam("row"), _table.c.state != "sent")
    .values(state="sent", due=None, reason="", reference=bindparam("reference_"), since=bindparam("now"))
)
_ABANDON = (
    update(_table)
    .where(_table.c.lane == bindparam("lane_"), _SENDING)
    .values(state="unknown", reason="crashed", due=bindparam("due_"))
)
_NEW: dict[str, Any] = {
    "state": bindparam("state_"),
    "due": bindparam("due_"),
    "reason": bindparam("reason_"),
    # What changes a message has that message's reference from its beginning.
    "reference": func.coalesce(func.nullif(bindparam("reference_", type_=String), ""), _table.c.reference),
    # Whoever looks for a message wants to know since when it may be there.
    "since": case((bindparam("state_") == "unknown", _table.c.since), else_=bindparam("now")),
}
_SETTLE = (
    update(_table)
    .where(_table.c.id == bindparam("row"), _table.c.state == "sending", _table.c.attempt == bindparam("attempt_"))
    .values(_NEW)
)
_LOOKED = (
    update(_table)
    .where(_table.c.id == bindparam("row"), _table.c.state == "unknown", _table.c.attempt == bindparam("attempt_"))
    .values(_NEW)
)


class SqlLedger:
    """Keeps the rows of what is to be sent and what became of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, lane: str, state: Literal["pending", "unknown"], now: float, limit: int) -> Sequence[Delivery]:
        """Return rows that are pending and due, or unknown and due for a look, the earliest first."""
        rows = await self._database.read(_TO_DO, {"lane": lane, "now": now, "state_": state, "most": limit})
        return [_delivery(row) for row in rows]

    async def next_due(self, lane: str) -> float | None:
        """Return when the lane's next row needs somebody; at once if one is `sending`, which only a lost result is."""
        rows = await self._database.read(_NEXT, {"lane": lane})
        moment: float | None = rows[0][0]
        return moment

    async def abandon(self, lane: str, look_at: float) -> int:
        """Make rows that a dead process was sending unknown, to be looked for; return how many."""
        values = {"lane_": lane, "due_": look_at}
        return await self._database.write(lambda connection: _count(connection, _ABANDON, values))

    async def intend(self, ids: Sequence[int], now: float) -> dict[int, int]:
        """Take pending rows for sending; return the attempt of those that were got."""
        statement = (
            update(_table)
            .where(_table.c.id.in_(ids), _table.c.state == "pending")
            .values(state="sending", attempt=_table.c.attempt + 1, since=now, due=None)
            .returning(_table.c.id, _table.c.attempt)
        )

        async def change(connection: AsyncConnection) -> dict[int, int]:
            return {row.id: row.attempt for row in await connection.execute(statement)}

        return await self._database.write(change)

    async def settle(self, results: Sequence[Result], now: float) -> None:
        """Write what became of rows; each only if it is still `sending` with that attempt, or is sent."""
        await self._write(results, _SETTLE, now)

    async def looked(self, results: Sequence[Result], now: float) -> None:
        """Write what looking for unknown rows found; each only if still `unknown` with that attempt, or if sent."""
        await self._write(results, _LOOKED, now)

    async def _write(self, results: Sequence[Result], statement: Executable, now: float) -> None:
        # In the order of their ids, so that two processes never wait for each other.
        ordered = sorted(results, key=lambda result: result.id)
        sent = [_values(result, now) for result in ordered if result.state == "sent"]
        others = [_values(result, now) for result in ordered if result.state != "sent"]

        async def change(connection: AsyncConnection) -> None:
            if sent:
                await connection.execute(_SENT, sent)
            if others:
                await connection.execute(statement, others)

        await self._database.write(change)

    async def stop_target(self, lane: str, target: str | None, reason: Reason, now: float) -> int:
        """Fail what is pending for a target, or for a whole lane; return how many rows."""
        mine = [_table.c.lane == lane, _table.c.due.is_not(None), _table.c.state == "pending"]
        if target is not None:
            mine.append(_table.c.target == target)
        statement = update(_table).where(*mine).values(state="failed", reason=reason, since=now, due=None)
        return await self._database.write(lambda connection: _count(connection, statement))

    async def lanes(self) -> Sequence[tuple[str, float]]:
        """Return each lane that has something left to do, with when; rows under way count as due at once."""
        return [(row.lane, row.moment) for row in await self._database.read(_LANES)]

    async def find(self, key: str) -> Delivery | None:
        """Return the row with this key."""
        rows = await self._database.read(select(_table).where(_table.c.key == key))
        return _delivery(rows[0]) if rows else None

    async def latest(self, source: str | None, limit: int) -> Sequence[Delivery]:
        """Return the newest rows that belong to something, or of all."""
        statement = select(_table).order_by(_table.c.id.desc()).limit(limit)
        if source is not None:
            statement = statement.where(_table.c.source == source)
        return [_delivery(row) for row in await self._database.read(statement)]


async def write_drafts(connection: AsyncConnection, drafts: Iterable[Draft], now: float) -> set[str]:
    """Enter drafts in the ledger, within somebody's transaction; return the lanes that got a row by it.

    A key that is there already is left as it is.
    """
    return await _insert_new(connection, [_row(draft, now) for draft in drafts])


async def write_skipped(connection: AsyncConnection, skipped: Iterable[tuple[Draft, Reason]], now: float) -> None:
    """Record what was not sent, and why."""
    values = [_row(draft, now) | {"state": "skipped", "due": None, "reason": reason} for draft, reason in skipped]
    await _insert_new(connection, values)


def _row(draft: Draft, now: float) -> dict[str, Any]:
    return {
        "key": draft.key,
        "source": draft.source,
        "lane": draft.lane,
        "target": draft.target,
        "kind": draft.kind,
        "content": draft.content,
        "state": "pending",
        "attempt": 0,
        "due": draft.due,
        "expires": draft.expires,
        "since": now,
        "reason": "",
        "reference": "",
    }


async def _insert_new(connection: AsyncConnection, values: list[dict[str, Any]]) -> set[str]:
    if not values:
        return set()
    statement = insert(connection, _table).on_conflict_do_nothing(index_elements=["key"]).returning(_table.c.lane)
    return {row.lane for row in await connection.execute(statement, values)}


async def _count(connection: AsyncConnection, statement: Any, values: Any = None) -> int:
    return int((await connection.execute(statement, values)).rowcount)


def _values(result: Result, now: float) -> dict[str, Any]:
    return {
        "row": result.id,
        "attempt_": result.attempt,
        "state_": result.state,
        "due_": result.due,
        "reason_": result.reason,
        "reference_": result.reference,
        "now": now,
    }


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**row._mapping)
