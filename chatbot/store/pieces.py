"""Pieces and their versions in the database. What each call promises stands in chatbot/publishing.py and library.py."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.model import Language
from chatbot.overlay import Live
from chatbot.publishing import Piece, State, Version
from chatbot.roles import Actor
from chatbot.store.audit import Action, noted
from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.tables import libraries, pieces, versions, workspace_settings
from chatbot.written import Words, Written, added_names, from_plain, to_plain, with_names

_REVIEW = "review"
#: What is being written, or waits to be approved.
_OPEN = ("draft", "review")
_all = select(versions, pieces.c.topic).join(pieces, pieces.c.id == versions.c.piece)


class SqlPieces:
    """Keeps what leads write, and counts up the generation of a workspace's library with each change of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- looking

    async def pieces(self, workspace: str) -> Sequence[Piece]:
        """Return all pieces of a workspace, in the order in which they were begun."""
        return await self._pieces(pieces.c.workspace == workspace)

    async def piece(self, workspace: str, piece: int) -> Piece | None:
        """Return a piece of a workspace."""
        found = await self._pieces(and_(pieces.c.workspace == workspace, pieces.c.id == piece))
        return found[0] if found else None

    async def _pieces(self, which: ColumnElement[bool]) -> list[Piece]:
        newest = (
            select(func.max(versions.c.number))
            .where(versions.c.piece == pieces.c.id)
            .correlate(pieces)
            .scalar_subquery()
        )
        wanted = _all.where(which, or_(versions.c.number == newest, versions.c.number == pieces.c.published))
        of: dict[int, list[Version]] = {}
        for row in await self._database.read(wanted.order_by(versions.c.number)):
            of.setdefault(row.piece, []).append(_version(row))
        rows = await self._database.read(select(pieces).where(which).order_by(pieces.c.id))
        return [_piece(row, of[row.id]) for row in rows if row.id in of]

    async def versions(self, workspace: str, piece: int) -> Sequence[Version]:
        """Return all versions of a piece, the newest first."""
        statement = _all.where(pieces.c.workspace == workspace, pieces.c.id == piece)
        return [_version(row) for row in await self._database.read(statement.order_by(versions.c.number.desc()))]

    async def generations(self) -> Mapping[str, int]:
        """Return how often the library of each workspace that has one was changed."""
        rows = await self._database.read(select(libraries.c.workspace, libraries.c.generation))
        return {row.workspace: row.generation for row in rows}

    async def live(self, workspace: str) -> Sequence[Live]:
        """Return what is published in a workspace."""
        statement = select(versions, pieces.c.topic, pieces.c.verified_until).join(
            pieces, and_(pieces.c.id == versions.c.piece, pieces.c.published == versions.c.number)
        )
        rows = await self._database.read(statement.where(pieces.c.workspace == workspace).order_by(pieces.c.id))
        return [
            Live(
                row.piece,
                from_plain(row.topic, json.loads(row.content)["written"]),
                date.fromisoformat(row.verified_until),
            )
            for row in rows
        ]

    # ---- changing

    async def save(self, actor: Actor, written: Written, piece: int | None, now: float) -> Version | None:
        """Write a draft: over the newest version if that is a draft by the same author, else as a new one."""

        async def change(connection: AsyncConnection) -> Version | None:
            at = piece if piece is not None else await self._begun(connection, actor.workspace, written)
            if await _locked(connection, actor.workspace, at) is None:
                return None
            number = await self._written(connection, actor, at, written, now)
            await noted(connection, actor, "draft saved", _about(written.topic, number), now)
            return Version(at, number, written, "draft", actor.person, "", now, actor.name)

        return await self._database.write(change)

    async def submit(self, actor: Actor, piece: int, number: int, now: float) -> bool:
        """Put a draft up for review."""

        async def change(connection: AsyncConnection) -> bool:
            row = await _locked(connection, actor.workspace, piece)
            if row is None or not await _moved(connection, piece, number, ("draft",), "review"):
                return False
            await noted(connection, actor, "submitted", _about(row.topic, number), now)
            return True

        return await self._database.write(change)

    async def publish(
        self, actor: Actor, piece: int, number: int, came_from: Sequence[State], action: Action, now: float
    ) -> Version | None:
        """Make a version the one that agents see, if its state is one of `came_from`; None if it is not."""

        async def change(connection: AsyncConnection) -> Version | None:
            row = await _locked(connection, actor.workspace, piece)
            if row is None:
                return None
            return await self._published(connection, actor, row, number, came_from, action, now)

        return await self._database.write(change)

    async def add_names(
        self, actor: Actor, written: Written, live: int | None, now: float, *, reviewed: bool
    ) -> Version | None:
        """Publish what is live with more names, or put it up for review; None if another version is live by now."""

        async def change(connection: AsyncConnection) -> Version | None:
            piece = await self._begun(connection, actor.workspace, written)
            row = await _locked(connection, actor.workspace, piece)
            if row is None or row.published != live:
                return None
            number = await self._written_beneath(connection, actor, row, written, now)
            await noted(connection, actor, "draft saved", _about(row.topic, number), now)
            if not reviewed:
                return await self._published(connection, actor, row, number, ("draft",), "published", now)
            await _moved(connection, piece, number, ("draft",), "review")
            await noted(connection, actor, "submitted", _about(row.topic, number), now)
            return Version(piece, number, written, "review", actor.person, "", now, actor.name)

        return await self._database.write(change)

    async def withdraw(self, actor: Actor, piece: int, now: float) -> bool:
        """Take a piece out of what agents see."""

        async def change(connection: AsyncConnection) -> bool:
            row = await _locked(connection, actor.workspace, piece)
            if row is None or row.published is None:
                return False
            await _moved(connection, piece, row.published, ("published",), "withdrawn")
            await connection.execute(update(pieces).where(pieces.c.id == piece).values(published=None))
            await self._counted_up(connection, actor.workspace)
            await noted(connection, actor, "withdrawn", _about(row.topic, row.published), now)
            return True

        return await self._database.write(change)

    async def confirm(self, actor: Actor, piece: int, until: date, now: float) -> bool:
        """Set until when a published piece is taken for right."""

        async def change(connection: AsyncConnection) -> bool:
            row = await _locked(connection, actor.workspace, piece)
            if row is None or row.published is None:
                return False
            values = {"verified_until": until.isoformat(), "reminded": ""}
            await connection.execute(update(pieces).where(pieces.c.id == piece).values(values))
            await self._counted_up(connection, actor.workspace)
            await noted(connection, actor, "confirmed", f"{row.topic} until {until.isoformat()}", now)
            return True

        return await self._database.write(change)

    async def bring(self, actor: Actor, written: Written, now: float) -> Version:
        """Write and publish in one go, over the piece on the same topic if there is one."""

        async def change(connection: AsyncConnection) -> Version:
            piece = await self._begun(connection, actor.workspace, written)
            row = await _locked(connection, actor.workspace, piece)
            number = await self._written(connection, actor, piece, written, now)
            assert row is not None  # noqa: S101 - it was begun a moment ago, in the same transaction
            made = await self._published(connection, actor, row, number, ("draft",), "imported", now)
            assert made is not None  # noqa: S101 - it was written in it too
            return made

        return await self._database.write(change)

    async def reviewed(self, workspace: str) -> bool:
        """Return whether a second lead must look at everything."""
        rows = await self._database.read(
            select(workspace_settings.c.value).where(
                workspace_settings.c.workspace == workspace, workspace_settings.c.name == _REVIEW
            )
        )
        return bool(rows) and rows[0].value == "on"

    async def set_reviewed(self, actor: Actor, on: bool, now: float) -> None:
        """Switch that on or off."""
        value = {"value": "on" if on else "off"}
        statement = (
            insert(self._database.engine, workspace_settings)
            .values(workspace=actor.workspace, name=_REVIEW, **value)
            .on_conflict_do_update(index_elements=["workspace", "name"], set_=value)
        )

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)
            await noted(connection, actor, "review on" if on else "review off", "", now)

        await self._database.write(change)

    # ---- within a transaction

    async def _begun(self, connection: AsyncConnection, workspace: str, written: Written) -> int:
        """Return the id of the piece on a topic, made if there was none."""
        made = (
            insert(self._database.engine, pieces)
            .values(workspace=workspace, topic=written.topic, published=None, reminded="", **_kept(written))
            .on_conflict_do_update(index_elements=["workspace", "topic"], set_={"topic": written.topic})
            .returning(pieces.c.id)
        )
        return int((await connection.execute(made)).scalar_one())

    async def _written(
        self, connection: AsyncConnection, actor: Actor, piece: int, written: Written, now: float
    ) -> int:
        """Write a draft over one's own or as a new version; return its number."""
        last = await _newest(connection, piece)
        own = last is not None and last.state == "draft" and last.author == actor.person
        number = (last.number if own else last.number + 1) if last else 1
        await self._put(connection, actor, piece, number, written, now)
        return number

    async def _written_beneath(
        self, connection: AsyncConnection, actor: Actor, piece: Row[Any], written: Written, now: float
    ) -> int:
        """Write a new version and return its number; a draft that was the newest gets a number beyond it.

        No number is used twice: a button that names the old one leads nowhere, instead of to other words.
        """
        last = await _newest(connection, piece.id)
        number = last.number + 1 if last else 1
        if last and last.state in _OPEN and not await _brings_names(connection, piece, last.number):
            open_ = and_(versions.c.piece == piece.id, versions.c.number == last.number)
            await connection.execute(update(versions).where(open_).values(number=number + 1))
        await self._put(connection, actor, piece.id, number, written, now)
        return number

    async def _put(
        self, connection: AsyncConnection, actor: Actor, piece: int, number: int, written: Written, now: float
    ) -> None:
        values = {
            "content": _content(actor.name, written),
            "state": "draft",
            "author": actor.person,
            "reviewer": "",
            "at": now,
        }
        statement = (
            insert(connection, versions)
            .values(piece=piece, number=number, **values)
            .on_conflict_do_update(index_elements=["piece", "number"], set_=values)
        )
        await connection.execute(statement)

    async def _published(
        self,
        connection: AsyncConnection,
        actor: Actor,
        piece: Row[Any],
        number: int,
        came_from: Sequence[State],
        action: Action,
        now: float,
    ) -> Version | None:
        if not await _moved(connection, piece.id, number, came_from, "published"):
            return None
        live = None
        if piece.published is not None and piece.published != number:
            await _moved(connection, piece.id, piece.published, ("published",), "replaced")
            live = (await connection.execute(_one(piece.id, piece.published))).one()
        if action == "approved":
            one = and_(versions.c.piece == piece.id, versions.c.number == number)
            await connection.execute(update(versions).where(one).values(reviewer=actor.person))
        version = _version((await connection.execute(_one(piece.id, number))).one())
        names = added_names(_before(live, version), version.written)
        if names:
            await self._given_to_drafts(connection, actor, piece, names, now)
        # More names make nothing fresher: until when the rest was verified, and who was asked, stays as it is.
        kept = {} if live and names is not None else {"reminded": "", **_kept(version.written)}
        await connection.execute(update(pieces).where(pieces.c.id == piece.id).values(published=number, **kept))
        await self._counted_up(connection, actor.workspace)
        await noted(connection, actor, action, _about(piece.topic, number), now)
        return version

    async def _given_to_drafts(
        self, connection: AsyncConnection, actor: Actor, piece: Row[Any], names: Mapping[Language, Words], now: float
    ) -> None:
        """Add names to what is still being written on a piece, so that they are not lost when that is published."""
        open_ = _all.where(versions.c.piece == piece.id, versions.c.state.in_(_OPEN)).order_by(versions.c.number)
        for draft in [_version(row) for row in await connection.execute(open_)]:
            written = with_names(draft.written, names)
            if written == draft.written:
                continue
            one = and_(versions.c.piece == piece.id, versions.c.number == draft.number)
            content = _content(draft.author_name, written)
            await connection.execute(update(versions).where(one).values(content=content))
            await noted(connection, actor, "draft saved", _about(piece.topic, draft.number), now)

    async def _counted_up(self, connection: AsyncConnection, workspace: str) -> None:
        statement = (
            insert(self._database.engine, libraries)
            .values(workspace=workspace, generation=1)
            .on_conflict_do_update(index_elements=["workspace"], set_={"generation": libraries.c.generation + 1})
        )
        await connection.execute(statement)


async def _locked(connection: AsyncConnection, workspace: str, piece: int) -> Row[Any] | None:
    """Return a workspace's piece, which nobody else changes until the transaction ends."""
    statement = select(pieces).where(pieces.c.workspace == workspace, pieces.c.id == piece)
    return (await connection.execute(statement.with_for_update())).first()


async def _newest(connection: AsyncConnection, piece: int) -> Row[Any] | None:
    newest = select(versions).where(versions.c.piece == piece).order_by(versions.c.number.desc()).limit(1)
    return (await connection.execute(newest)).first()


def _one(piece: int, number: int) -> Select[Any]:
    return _all.where(versions.c.piece == piece, versions.c.number == number)


async def _brings_names(connection: AsyncConnection, piece: Row[Any], number: int) -> bool:
    """Return whether a version is what is published with more names, and nothing else."""
    version = _version((await connection.execute(_one(piece.id, number))).one())
    live = (await connection.execute(_one(piece.id, piece.published))).first() if piece.published else None
    return added_names(_before(live, version), version.written) is not None


def _before(live: Row[Any] | None, version: Version) -> Written:
    """Return what was published before a version; without anything it is all names that the version adds."""
    return _version(live).written if live else replace(version.written, words={})


def _content(by: str, written: Written) -> str:
    return json.dumps({"by": by, "written": to_plain(written)}, ensure_ascii=False)


async def _moved(
    connection: AsyncConnection, piece: int, number: int, came_from: Iterable[State], state: State
) -> bool:
    statement = (
        update(versions)
        .where(versions.c.piece == piece, versions.c.number == number, versions.c.state.in_(list(came_from)))
        .values(state=state)
    )
    return bool((await connection.execute(statement)).rowcount)


def _kept(written: Written) -> dict[str, str]:
    return {
        "owner": written.owner,
        "deputy": written.deputy,
        "verified_until": written.verified_until.isoformat(),
    }


def _about(topic: str, number: int) -> str:
    return f"{topic} version {number}"


def _version(row: Row[Any]) -> Version:
    content = json.loads(row.content)
    written = from_plain(row.topic, content["written"])
    return Version(row.piece, row.number, written, row.state, row.author, row.reviewer, row.at, content["by"])


def _piece(row: Row[Any], known: Sequence[Version]) -> Piece:
    live = next((version for version in known if version.number == row.published), None)
    return Piece(
        row.id, row.workspace, row.topic, row.owner, row.deputy, date.fromisoformat(row.verified_until), known[-1], live
    )
