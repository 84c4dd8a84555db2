"""Pushes and their rows in the database. What each call promises stands in chatbot/pushing.py."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Executable, String, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.delivery.model import Draft, Engine, Reason
from chatbot.pushing import TRIED, Counted, Ended, Push, Skipped, State, from_json, to_json
from chatbot.roles import Actor
from chatbot.store.audit import Action, noted
from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.ledger import write_drafts, write_skipped
from chatbot.store.tables import deliveries, pushes, receipts

_table = pushes
_row = deliveries
#: Ids in one statement.
_TOGETHER = 500

# Kinds of rows: "push.card" and "push.remind" are messages. With ".stale" it was under way when the push was changed,
# so that it may say what it said before; with ".old" it has been sent anew. "….amend" changes a message that was sent.
_MESSAGES = ("push.card", "push.remind")
_STALE = _row.c.kind.like("%.stale")
_AMENDS = _row.c.kind.like("%.amend")
_FRESH_KIND = func.replace(_row.c.kind, ".stale", "", type_=String)
#: The outcome is not known yet, and somebody sees to it.
_LOOKED_FOR = and_(_row.c.state == "unknown", _row.c.due.is_not(None))
_OPEN = or_(_row.c.state == "sending", _LOOKED_FOR)


class SqlPushes:
    """Keeps pushes, and writes their rows in the same transactions."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine

    async def create(self, push: Push, now: float) -> Push:
        """Write a new push; return it with its id."""

        async def change(connection: AsyncConnection) -> Push:
            values = _values(replace(push, moment=now))
            created = await connection.execute(insert(self._database.engine, _table).values(**values).returning(_table))
            made = _push(created.one())
            await noted(connection, Actor(push.workspace, push.author, push.by), "push created", _about(made), now)
            return made

        return await self._database.write(change)

    async def find(self, push: int) -> Push | None:
        """Return the push with this id, of whatever workspace."""
        rows = await self._database.read(select(_table).where(_table.c.id == push))
        return _push(rows[0]) if rows else None

    async def went_to(self, push: Push, room: str) -> bool:
        """Return whether a push has left for a room."""
        row = select(_row.c.id).where(_row.c.key == f"{push.source}:{room}")
        return bool(await self._database.read(row.where(_row.c.state.not_in(("pending", "cancelled", "skipped")))))

    async def of_workspace(self, workspace: str, limit: int) -> Sequence[Push]:
        """Return the newest pushes of a workspace."""
        mine = select(_table).where(_table.c.workspace == workspace).order_by(_table.c.id.desc()).limit(limit)
        return [_push(row) for row in await self._database.read(mine)]

    async def unfinished(self) -> Sequence[Push]:
        """Return pushes that somebody has to go on with."""
        wanted = select(_table).where(_table.c.state.in_(("starting", "settling"))).order_by(_table.c.id)
        return [_push(row) for row in await self._database.read(wanted)]

    async def begin(self, push: Push, actor: Actor, now: float) -> bool:
        """Make a draft one to be started; return False if it is no draft any more."""

        async def change(connection: AsyncConnection) -> bool:
            begun = update(_table).where(_table.c.id == push.id, _table.c.state == "draft")
            if not await _count(connection, begun.values(state="starting", at=now)):
                return False
            await noted(connection, actor, "push started", _about(push), now)
            return True

        return await self._database.write(change)

    async def discard(self, push: Push) -> bool:
        """Remove a draft; return False if it is none."""
        statement = delete(_table).where(_table.c.id == push.id, _table.c.state == "draft")
        return bool(await self._database.write(lambda connection: _count(connection, statement)))

    async def write(self, push: Push, drafts: Sequence[Draft], skipped: Skipped, now: float) -> bool:
        """Enter rows in the ledger, those that are there already left alone; return False if it is not starting."""

        async def change(connection: AsyncConnection) -> tuple[bool, set[str]]:
            found = await _locked(connection, push.id)
            if found is None or found.state != "starting":
                return False, set()
            lanes = await write_drafts(connection, drafts, now)
            await write_skipped(connection, skipped, now)
            await self._engine.enlist(connection, lanes)
            return True, lanes

        going, lanes = await self._database.write(change)
        self._engine.wake(lanes)
        return going

    async def started(self, push: Push) -> None:
        """Note that all rows are written."""
        statement = update(_table).where(_table.c.id == push.id, _table.c.state == "starting").values(state="started")
        await self._database.write(lambda connection: _count(connection, statement))

    async def cancel(self, push: Push, actor: Actor, now: float) -> int:
        """Cancel what is pending, at once; return how many rows."""

        async def change(connection: AsyncConnection) -> int:
            found = await _locked(connection, push.id)
            if found is None:
                return 0
            ended: Ended = found.ended or "cancelled"
            await _write(connection, replace(found, ended=ended, state="settling"))
            await noted(connection, actor, "push cancelled", _about(push), now)
            return await _count(connection, _cancelled(push.source, now))

        return await self._database.write(change)

    async def change(self, push: Push, actor: Actor, now: float) -> bool:
        """Write a push's new words, or that it is withdrawn, as its next revision; False if it was changed meanwhile.

        What has been sent is changed by `settle`, after this is in force: no row says the old words from then on.
        """

        async def change(connection: AsyncConnection) -> bool:
            found = await _locked(connection, push.id)
            if found is None or found.revision != push.revision or found.ended == "withdrawn":
                return False
            ended = push.ended or found.ended
            action: Action = "push withdrawn" if ended == "withdrawn" else "push corrected"
            new = replace(
                found,
                words=push.words,
                version=push.version,
                ended=ended,
                revision=found.revision + 1,
                state="settling",
            )
            await _write(connection, new)
            await noted(connection, actor, action, _about(push), now)
            return True

        return await self._database.write(change)

    async def settle(self, push: int, now: float) -> bool:
        """Apply the latest change to what was sent, or cancel what came back; return whether nothing is left to do."""

        async def change(connection: AsyncConnection) -> tuple[bool, set[str]]:
            found = await _locked(connection, push)
            if found is None or found.state != "settling":
                return True, set()
            mine = _row.c.source == found.source
            if found.ended:  # also what the platform asked to send later, after the push was ended
                await connection.execute(_cancelled(found.source, now))
            new = 0
            if found.applied < found.revision:
                outdated = update(_row).where(mine, _AMENDS, _row.c.state == "pending")
                await connection.execute(outdated.values(state="cancelled", due=None, since=now))
                stale = update(_row).where(mine, _row.c.kind.in_(_MESSAGES), _OPEN)
                await connection.execute(stale.values(kind=_row.c.kind + ".stale"))
                new += await self._amend(connection, found, _row.c.kind.in_(_MESSAGES), now)
            new += await self._amend(connection, found, _STALE, now)
            await connection.execute(update(_row).where(mine, _STALE, ~_OPEN).values(kind=_FRESH_KIND))
            # What is under way may come back as pending; only a push that was ended minds.
            open_ = or_(_STALE, and_(_row.c.kind.in_(_MESSAGES), _OPEN)) if found.ended else _STALE
            done = (await connection.execute(select(_row.c.id).where(mine, open_).limit(1))).first() is None
            state: State = "started" if done else "settling"
            await _write(connection, replace(found, applied=found.revision, state=state))
            lanes = {found.workspace} if new else set()
            await self._engine.enlist(connection, lanes)
            return done, lanes

        done, lanes = await self._database.write(change)
        self._engine.wake(lanes)
        return done

    async def _amend(self, connection: AsyncConnection, push: Push, which: Any, now: float) -> int:
        """Write, for each message that was sent, the row that changes it."""
        return await self._copy(
            connection,
            and_(_row.c.source == push.source, which, _row.c.state == "sent"),
            key=f":amend:{push.revision}",
            kind=_FRESH_KIND + ".amend",
            reference=_row.c.reference,
            now=now,
        )

    async def resend(self, push: Push, unknown: bool, actor: Actor, now: float) -> int:
        """Send anew to where it failed, or also to where nobody knows; return to how many."""
        failed = and_(_row.c.source == push.source, _row.c.kind == "push.card", _row.c.state == "failed")
        lost = and_(
            _row.c.source == push.source, _row.c.kind == "push.card", _row.c.state == "unknown", _row.c.due.is_(None)
        )

        async def change(connection: AsyncConnection) -> int:
            found = await _locked(connection, push.id)
            if found is None or found.ended:
                return 0
            which = select(_row.c.id).where(or_(failed, lost) if unknown else failed).with_for_update()
            ids = list((await connection.execute(which)).scalars())
            if not ids:
                return 0
            count = found.resent + 1
            await _write(connection, replace(found, resent=count))
            for first in range(0, len(ids), _TOGETHER):
                these = _row.c.id.in_(ids[first : first + _TOGETHER])
                await self._copy(connection, these, key=f":again:{count}", kind=literal("push.card"), now=now)
                await connection.execute(update(_row).where(these).values(kind="push.card.old"))
            await self._engine.enlist(connection, {push.workspace})
            await noted(connection, actor, "push resent", f"{_about(push)}: {len(ids)}", now)
            return len(ids)

        count = await self._database.write(change)
        self._engine.wake({push.workspace})
        return count

    async def remind(self, push: Push, actor: Actor, now: float) -> int:
        """Send a reminder to where it arrived, once; return to how many."""
        arrived = and_(_row.c.source == push.source, _row.c.kind == "push.card", _row.c.state == "sent")

        async def change(connection: AsyncConnection) -> int:
            found = await _locked(connection, push.id)
            if found is None or found.ended or found.reminded:
                return 0
            count = await self._copy(connection, arrived, key=":remind", kind=literal("push.remind"), now=now)
            if not count:  # it has not arrived anywhere yet: the one reminder is not used up
                return 0
            await _write(connection, replace(found, reminded=True))
            await self._engine.enlist(connection, {push.workspace})
            await noted(connection, actor, "push reminded", f"{_about(push)}: {count}", now)
            return count

        count = await self._database.write(change)
        self._engine.wake({push.workspace})
        return count

    async def _copy(
        self, connection: AsyncConnection, which: Any, *, key: str, kind: Any, now: float, reference: Any = None
    ) -> int:
        """Write a row for each of some rows, with an addition to their keys; those that are there are left as they are.

        It is one statement, whatever their number.
        """
        values: dict[str, Any] = {
            "key": _row.c.key + key,
            "source": _row.c.source,
            "lane": _row.c.lane,
            "target": _row.c.target,
            "kind": kind,
            "content": _row.c.content,
            "state": literal("pending"),
            "attempt": literal(0),
            "due": literal(now),
            "expires": literal(now + TRIED.total_seconds()),
            "since": literal(now),
            "reason": literal(""),
            "reference": literal("") if reference is None else reference,
        }
        chosen = select(*(value.label(name) for name, value in values.items())).where(which).order_by(_row.c.id)
        statement = insert(self._database.engine, _row).from_select(list(values), chosen)
        written = statement.on_conflict_do_nothing(index_elements=["key"]).returning(_row.c.id)
        return len((await connection.execute(written)).all())

    async def receive(self, push: Push, person: str) -> bool:
        """Note that a person read it; return False if that was noted before."""
        statement = insert(self._database.engine, receipts).values(push=push.id, person=person)
        once = statement.on_conflict_do_nothing(index_elements=["push", "person"]).returning(receipts.c.push)

        async def change(connection: AsyncConnection) -> bool:
            return (await connection.execute(once)).first() is not None

        return await self._database.write(change)

    async def counted(self, push: Push) -> tuple[Sequence[Counted], int]:
        """Return its rows, counted, of several changes of one message the latest alone; and how many receipts."""
        mine = _row.c.source == push.source
        changes = select(func.max(_row.c.id)).where(mine, _AMENDS, _row.c.state != "cancelled")
        latest = changes.group_by(_row.c.target, _row.c.reference)
        looking = case((_LOOKED_FOR, 1), else_=0).label("looking")
        parts = (_row.c.kind, _row.c.state, _row.c.reason, looking)
        rows = await self._database.read(
            select(*parts, func.count().label("number"))
            .where(mine, or_(~_AMENDS, _row.c.id.in_(latest)))
            .group_by(*parts)
        )
        read = await self._database.read(select(func.count()).select_from(receipts).where(receipts.c.push == push.id))
        return [_counted(row) for row in rows], int(read[0][0])

    async def waiting(self, lane: str, now: float) -> int:
        """Return how many rows of a lane are due."""
        due = select(func.count()).select_from(_row)
        rows = await self._database.read(
            due.where(_row.c.lane == lane, _row.c.due.is_not(None), _row.c.due <= now, _row.c.state == "pending")
        )
        return int(rows[0][0])


def _cancelled(source: str, now: float) -> Executable:
    """Return the statement that cancels the pending messages of a push."""
    pending = update(_row).where(_row.c.source == source, _row.c.state == "pending", ~_AMENDS)
    return pending.values(state="cancelled", due=None, since=now)


async def _locked(connection: AsyncConnection, push: int) -> Push | None:
    """Return a push that nobody else changes until the end of the transaction."""
    found = (await connection.execute(select(_table).where(_table.c.id == push).with_for_update())).first()
    return _push(found) if found else None


async def _write(connection: AsyncConnection, push: Push) -> None:
    await connection.execute(update(_table).where(_table.c.id == push.id).values(**_values(push)))


async def _count(connection: AsyncConnection, statement: Executable) -> int:
    return int((await connection.execute(statement)).rowcount)


def _about(push: Push) -> str:
    """Return what the audit calls a push."""
    return f"push {push.id}: {next(iter(push.words.values())).title}"


def _counted(row: Any) -> Counted:
    reason: Reason = row.reason
    return Counted(row.kind, row.state, reason, bool(row.looking), row.number)


def _values(push: Push) -> dict[str, Any]:
    return {
        "workspace": push.workspace,
        "author": push.author,
        "piece": push.piece,
        "version": push.version,
        "content": to_json(push),
        "state": push.state,
        "at": push.moment,
        "receipts": int(push.receipts),
        "reminded": int(push.reminded),
    }


def _push(row: Any) -> Push:
    state: State = row.state
    return Push(
        workspace=row.workspace,
        author=row.author,
        piece=row.piece,
        version=row.version,
        state=state,
        moment=row.at,
        receipts=bool(row.receipts),
        reminded=bool(row.reminded),
        id=row.id,
        **from_json(row.content),
    )
