"""Subscriptions of tips in the database. What each call promises stands in chatbot/daily_tips.py."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.daily_tips import Advance, Alter, DraftsOf, Subscription
from chatbot.deck import Deck
from chatbot.delivery.model import Delivery, Draft, Engine
from chatbot.errors import SteadyError
from chatbot.incidents import log_incident
from chatbot.model import Language, Room
from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.ledger import SqlLedger, write_drafts, write_skipped
from chatbot.store.tables import tip_subscriptions
from chatbot.tips import WORKING_DAYS, Run, Schedule

_table = tip_subscriptions
_ADVANCE = (
    update(_table)
    .where(_table.c.id == bindparam("row"))
    .values(
        deck=bindparam("deck_"),
        next_due=bindparam("next_due_"),
        next_day=bindparam("next_day_"),
        last_day=bindparam("last_day_"),
    )
)
_DUE = (
    select(_table)
    .where(_table.c.next_due <= bindparam("now"))
    .order_by(_table.c.next_due, _table.c.id)
    .limit(bindparam("most"))
    .offset(bindparam("past"))
)


class SqlTips:
    """Keeps subscriptions, and writes what they send into the ledger in the same transaction."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine
        self._ledger = SqlLedger(database)
        #: Rows that can't be read, each of which was logged: they are found again at every look.
        self._unreadable: set[int] = set()

    async def find(self, workspace: str, room: str) -> Subscription | None:
        """Return the subscription of a room."""
        rows = await self._database.read(select(_table).where(_table.c.workspace == workspace, _table.c.room == room))
        return _readable(rows[0]) if rows else None

    async def by_id(self, subscription: int) -> Subscription | None:
        """Return the subscription with this id."""
        rows = await self._database.read(select(_table).where(_table.c.id == subscription))
        return _readable(rows[0]) if rows else None

    async def save(self, subscription: Subscription, drafts: DraftsOf, now: float) -> Subscription:
        """Write a subscription, or over the room's, with what is to be sent because of it; return it with its id."""
        values = _values(subscription)
        statement = (
            insert(self._database.engine, _table)
            .values(**values)
            .on_conflict_do_update(index_elements=["workspace", "room"], set_=values)
            .returning(_table)
        )

        async def change(connection: AsyncConnection) -> tuple[Subscription, set[str]]:
            saved = _subscription((await connection.execute(statement)).one())
            return saved, await self._written(connection, drafts(saved), now)

        saved, lanes = await self._database.write(change)
        self._engine.wake(lanes)
        return saved

    async def alter(self, subscription: int, alter: Alter, drafts: DraftsOf, now: float) -> Subscription | None:
        """Change a subscription as it stands by then, so that no other change is lost; None if it is there no more."""
        itself = _table.c.id == subscription

        async def change(connection: AsyncConnection) -> tuple[Subscription | None, set[str]]:
            # On PostgreSQL the row is locked until the end; on SQLite everything is.
            row = (await connection.execute(select(_table).where(itself).with_for_update())).first()
            if row is None:
                return None, set()
            altered = alter(_readable(row))
            if altered.stopped == "unreadable":  # what can't be read must not be lost by what could be
                return altered, set()
            await connection.execute(update(_table).where(itself).values(**_values(altered)))
            return altered, await self._written(connection, drafts(altered), now)

        altered, lanes = await self._database.write(change)
        self._engine.wake(lanes)
        return altered

    async def due(self, now: float, limit: int) -> Sequence[Subscription]:
        """Return subscriptions whose next run has come, the earliest first; what can't be read is left out."""
        for past in count(0, limit):
            rows = await self._database.read(_DUE, {"now": now, "most": limit, "past": past})
            found = [each for row in rows if (each := self._read(row))]
            if found or len(rows) < limit:  # else those that can be read come after many that can't
                break
        return found

    def _read(self, row: Row[Any]) -> Subscription | None:
        try:
            found = _subscription(row)
        except SteadyError as error:  # such as a holiday calendar that is no more: the other channels get theirs
            if row.id not in self._unreadable:
                self._unreadable.add(row.id)
                log_incident(error)
            return None
        self._unreadable.discard(row.id)
        return found

    async def advance(self, advances: Sequence[Advance], now: float) -> int:
        """Write what a tick found, each only if its run is still the next one; return how many were."""
        ids = [advance.before.id for advance in advances]
        wanted = select(_table.c.id, _table.c.next_due).where(_table.c.id.in_(ids)).order_by(_table.c.id)

        async def change(connection: AsyncConnection) -> tuple[int, set[str]]:
            # On PostgreSQL the rows are locked until the end; on SQLite everything is.
            still = {row.id: row.next_due for row in await connection.execute(wanted.with_for_update())}
            valid = [each for each in advances if _moment(each.before.next_run) == still.get(each.before.id)]
            if not valid:
                return 0, set()
            await connection.execute(_ADVANCE, [_advanced(each.after) for each in valid])
            await write_skipped(connection, [missed for each in valid for missed in each.missed], now)
            drafts = [draft for each in valid for draft in each.drafts]
            return len(valid), await self._written(connection, drafts, now)

        done, lanes = await self._database.write(change)
        self._engine.wake(lanes)
        return done

    async def _written(self, connection: AsyncConnection, drafts: Sequence[Draft], now: float) -> set[str]:
        """Enter drafts in the ledger and have their lanes drained; return those."""
        lanes = await write_drafts(connection, drafts, now)
        await self._engine.enlist(connection, lanes)
        return lanes

    async def next_due(self) -> float | None:
        """Return the moment of the earliest next run."""
        rows = await self._database.read(select(func.min(_table.c.next_due)))
        moment: float | None = rows[0][0]
        return moment

    async def of_workspace(self, workspace: str) -> Sequence[Subscription]:
        """Return all subscriptions of a workspace."""
        rows = await self._database.read(select(_table).where(_table.c.workspace == workspace).order_by(_table.c.id))
        return [_readable(row) for row in rows]

    async def history(self, subscription: int, limit: int) -> Sequence[Delivery]:
        """Return the newest rows of the ledger that a subscription made."""
        return await self._ledger.latest(f"tips:{subscription}", limit)


def _moment(run: Run | None) -> float | None:
    return run.at.timestamp() if run else None


def _advanced(subscription: Subscription) -> dict[str, Any]:
    return {
        "row": subscription.id,
        "deck_": subscription.deck.to_json(),
        "next_due_": _moment(subscription.next_run),
        "next_day_": subscription.next_run.day.isoformat() if subscription.next_run else None,
        "last_day_": subscription.last_day.isoformat() if subscription.last_day else None,
    }


def _values(subscription: Subscription) -> dict[str, Any]:
    advanced = {name.removesuffix("_"): value for name, value in _advanced(subscription).items() if name != "row"}
    return advanced | {
        "workspace": subscription.workspace,
        "room": subscription.room.key,
        "address": subscription.room.address,
        "personal": int(subscription.room.personal),
        "language": str(subscription.language),
        "schedule": subscription.schedule.to_json(),
        "topics": json.dumps(subscription.topics),
        "removed": json.dumps(sorted(subscription.removed)),
        "set_by": subscription.set_by,
        "stopped": subscription.stopped,
    }


def _readable(row: Row[Any]) -> Subscription:
    """Read a row, or what can be read of it: it is then stopped, with a deck of its own if it had none to read."""
    try:
        return _subscription(row)
    except SteadyError:
        schedule = Schedule(time(9, 30), "UTC", WORKING_DAYS).salvaging(row.schedule)
        try:
            deck = Deck.from_json(row.deck)
        except SteadyError:
            deck = Deck(secrets.randbits(48))
        return replace(_made_of(row, schedule, deck), stopped="unreadable", next_run=None)


def _subscription(row: Row[Any]) -> Subscription:
    """Read a row. Raises SteadyError if its schedule or its deck can't be read."""
    return _made_of(row, Schedule.from_json(row.schedule), Deck.from_json(row.deck))


def _made_of(row: Row[Any], schedule: Schedule, deck: Deck) -> Subscription:
    run = None
    if row.next_due is not None:
        run = Run(date.fromisoformat(row.next_day), datetime.fromtimestamp(row.next_due, UTC))
    return Subscription(
        workspace=row.workspace,
        room=Room(row.room, row.address, bool(row.personal)),
        language=Language(row.language),
        schedule=schedule,
        deck=deck,
        topics=tuple(json.loads(row.topics)),
        removed=frozenset(json.loads(row.removed)),
        set_by=row.set_by,
        next_run=run,
        last_day=date.fromisoformat(row.last_day) if row.last_day else None,
        stopped=row.stopped,
        id=row.id,
    )
