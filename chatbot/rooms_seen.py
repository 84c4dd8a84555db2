"""The rooms in which Steady was spoken to, or to which it was added: where a push can go.

Of a conversation with one person it is kept that there is one, with whom, to respect their quiet time, and by which
clock they live, to send at their hour. What was said, how often and when last is not.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from chatbot.delivery.model import Reason
from chatbot.incidents import log_incident
from chatbot.model import Language, Room
from chatbot.rooms import RoomChange
from chatbot.zones import is_zone

#: Rooms that this process remembers having noted; past that it begins anew.
_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class KnownRoom:
    """A room that a push can go to; `person` is who it is shared with, if it is personal.

    `language` is that of its tips, or the one last spoken in it; `zone` an IANA name, "" while none is known.
    """

    room: Room
    language: Language
    zone: str = ""
    person: str = ""


class RoomStore(Protocol):
    """Where rooms are kept. Each call is one transaction."""

    async def note(self, workspace: str, room: Room, language: Language, person: str, zone: str = "") -> None:
        """Write a room down, new or again, with a zone if one is known by now.

        One that is not `certain` gets its name if it is known, and no more.
        """

    async def gone(self, workspace: str, address: str | None, reason: Reason) -> None:
        """Note that a room, or (None) each of a workspace, takes nothing any more."""

    async def changed(self, workspace: str, room: str | None, change: RoomChange) -> None:
        """Note what happened to a room, to a team's rooms, or (None) to a whole workspace."""

    async def find(self, workspace: str, room: str) -> KnownRoom | None:
        """Return the room with a key, if a push can go there."""

    async def of_workspace(self, workspace: str) -> list[KnownRoom]:
        """Return the rooms that a push can go to, by their keys."""


#: Returns a person's time zone, "" if the platform does not say; it may fail as a request fails.
ZoneOf = Callable[[str, str], Awaitable[str]]


async def _untold(workspace: str, person: str) -> str:
    return ""


class RoomsSeen:
    """Notes rooms at most once a day, and never delays an answer.

    `zone_of` is asked about people whose messages do not say by which clock they live.
    """

    def __init__(self, store: RoomStore, clock: Callable[[], datetime], zone_of: ZoneOf = _untold) -> None:
        self.store = store
        self._clock = clock
        self._zone_of = zone_of
        self._noted: dict[tuple[str, str, bool], tuple[date, Language | None, str]] = {}
        #: What is to be written of a room, the latest alone, and who is at it: what waits is bounded by the rooms.
        self._wanted: dict[tuple[str, str, bool], tuple[str, Room, Language, str, str]] = {}
        self._writing: dict[tuple[str, str, bool], asyncio.Task[None]] = {}
        self._closed = False

    def note(self, workspace: str, room: Room, language: Language, person: str = "", zone: str = "") -> None:
        """Note a room in the background; what fails is logged, and tried again with the next message."""
        if self._closed or (room.personal and not room.certain):
            return
        # In a channel everybody has a language and a clock of their own; a person who changes theirs means it.
        key = (workspace, room.key, room.name != "")
        value = (self._clock().date(), language, zone) if room.personal else (self._clock().date(), None, "")
        if self._noted.get(key) == value or not (room.certain or room.name):
            return
        if len(self._noted) >= _REMEMBERED:
            self._noted.clear()
        self._noted[key] = value
        own = (person, zone) if room.personal else ("", "")
        self._wanted[key] = (workspace, room, language, *own)
        if key not in self._writing:
            self._writing[key] = asyncio.create_task(self._write_latest(key))

    async def gone(self, workspace: str, address: str | None, reason: Reason) -> None:
        """Leave out what takes nothing any more; told by delivery when a platform refuses."""
        await self.store.gone(workspace, address, reason)
        self._forget(workspace)

    async def changed(self, workspace: str, room: str | None, change: RoomChange) -> None:
        """Take note of what happened to a room, to a team's rooms, or to a whole workspace."""
        await self.store.changed(workspace, room, change)
        self._forget(workspace)

    async def written(self) -> None:
        """Wait until everything noted so far is written."""
        await asyncio.gather(*self._writing.values())

    async def close(self) -> None:
        """Note nothing more."""
        self._closed = True
        await self.written()

    def _forget(self, workspace: str) -> None:
        """Note the rooms of a workspace anew when they are spoken in."""
        self._noted = {key: value for key, value in self._noted.items() if key[0] != workspace}

    async def _write_latest(self, key: tuple[str, str, bool]) -> None:
        try:
            while wanted := self._wanted.pop(key, None):
                await self._write(*wanted)
        finally:
            del self._writing[key]

    async def _write(self, workspace: str, room: Room, language: Language, person: str, zone: str) -> None:
        if person and not zone:
            try:
                zone = await self._zone_of(workspace, person)
            except Exception as error:  # the room is worth knowing all the same
                log_incident(error)
        try:
            await self.store.note(workspace, room, language, person, zone if is_zone(zone) else "")
        except Exception as error:  # nobody awaits this task
            self._forget(workspace)
            log_incident(error)
