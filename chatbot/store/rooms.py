"""Rooms in the database. What each call promises stands in chatbot/rooms_seen.py."""

from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatbot.delivery.model import Reason
from chatbot.model import Language, Room
from chatbot.rooms import RoomChange
from chatbot.rooms_seen import KnownRoom
from chatbot.store.database import Database
from chatbot.store.insert import insert
from chatbot.store.tables import rooms, tip_subscriptions

_table = rooms
_tips = tip_subscriptions
#: A channel's tips say which language and which clocks it goes by.
_KNOWN = (
    select(
        _table,
        func.coalesce(_tips.c.language, _table.c.language).label("spoken"),
        _tips.c.schedule.label("schedule"),
    )
    .select_from(_table.outerjoin(_tips, and_(_tips.c.workspace == _table.c.workspace, _tips.c.room == _table.c.room)))
    .where(_table.c.gone == "")
    .order_by(_table.c.room)
)


class SqlRooms:
    """Keeps the rooms that Steady is in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, workspace: str, room: Room, language: Language, person: str, zone: str = "") -> None:
        """Write a room down, new or again, with a zone if one is known by now.

        One that is not `certain` gets its name if it is known, and no more.
        """
        name = person if room.personal else room.name
        here = and_(_table.c.workspace == workspace, _table.c.room == room.key)
        known: dict[str, Any] = {"address": room.address, "language": str(language), "gone": ""}
        known |= ({"name": name} if name else {}) | ({"zone": zone} if zone else {})
        fresh = {"workspace": workspace, "room": room.key, "personal": int(room.personal), "name": name, "zone": ""}
        statement = (
            insert(self._database.engine, _table)
            .values(**(fresh | known))
            .on_conflict_do_update(index_elements=["workspace", "room"], set_=known)
            if room.certain
            else update(_table).where(here).values(name=name)
        )

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._database.write(change)

    async def gone(self, workspace: str, address: str | None, reason: Reason) -> None:
        """Note that a room, or (None) each of a workspace, takes nothing any more."""
        mine = [_table.c.workspace == workspace, _table.c.gone == ""]
        if address is not None:
            mine.append(_table.c.address == address)
        await self._write(update(_table).where(*mine).values(gone=reason))

    async def changed(self, workspace: str, room: str | None, change: RoomChange) -> None:
        """Note what happened to a room, to a team's rooms, or (None) to a whole workspace."""
        mine = [_table.c.workspace == workspace]
        if room is not None:
            # The address is JSON where rooms belong to a team, whose id stands in it.
            mine.append(or_(_table.c.room == room, _table.c.address.contains(f'"{room}"', autoescape=True)))
        if change == "back":
            # A workspace that comes back has the channels it had, but for those that were lost one by one.
            back = (
                ("uninstalled", "no_scope")
                if room is None
                else ("removed", "blocked", "archived", "deleted", "no_scope")
            )
            await self._write(update(_table).where(*mine, _table.c.gone.in_(back)).values(gone=""))
        else:
            await self._write(update(_table).where(*mine, _table.c.gone == "").values(gone=change))

    async def find(self, workspace: str, room: str) -> KnownRoom | None:
        """Return the room with a key, if a push can go there."""
        rows = await self._database.read(_KNOWN.where(_table.c.workspace == workspace, _table.c.room == room))
        return _known(rows[0]) if rows else None

    async def of_workspace(self, workspace: str) -> list[KnownRoom]:
        """Return the rooms that a push can go to, by their keys."""
        rows = await self._database.read(_KNOWN.where(_table.c.workspace == workspace))
        return [_known(row) for row in rows]

    async def _write(self, statement: Any) -> None:
        async def change(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._database.write(change)


def _known(row: Any) -> KnownRoom:
    from chatbot.tips import zone_of

    personal = bool(row.personal)
    room = Room(row.room, row.address, personal, "" if personal else row.name)
    zone = zone_of(row.schedule) if row.schedule else row.zone
    return KnownRoom(room, Language(row.spoken), zone, row.name if personal else "")
