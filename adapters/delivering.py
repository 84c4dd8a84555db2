"""Puts tips and delivery together: the store, the subscriptions, the lanes and what runs them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from chatbot.coach import Coach
from chatbot.daily_tips import DailyTips
from chatbot.delivery.compose import Composer
from chatbot.delivery.lanes import Lanes
from chatbot.delivery.local import LocalEngine
from chatbot.delivery.model import Engine, Reason, Sender
from chatbot.freshness import Freshness
from chatbot.push_groups import Platform, PushGroups
from chatbot.pushing import Pushes
from chatbot.retention import KEEP_PUSHES, KEEP_TIPS, Retention
from chatbot.roles import NotAllowed, Role
from chatbot.rooms import Clocks, Rooms
from chatbot.rooms_seen import RoomsSeen, ZoneOf
from chatbot.store.database import Database
from chatbot.store.freshness import SqlFreshness
from chatbot.store.ledger import SqlLedger
from chatbot.store.pushes import SqlPushes
from chatbot.store.retention import SqlRetention
from chatbot.store.rooms import SqlRooms
from chatbot.store.subscriptions import SqlTips


class Delivering:
    """What is sent without anybody waiting for it.

    `senders` and `rooms` go by platform ("slack") or workspace, and so do `clocks`, where messages don't tell people's
    zone, and `groups`, whose people a push can go to. They are read when something is sent, so they may be filled in
    until `start`. The clock gives seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        coach: Coach,
        senders: Mapping[str, Sender],
        rooms: Mapping[str, Rooms],
        late: timedelta,
        clock: Callable[[], float],
        engine: Callable[[Lanes], Engine] | None = None,
        *,
        clocks: Mapping[str, Clocks] | None = None,
        groups: Mapping[str, Platform] | None = None,
        works_council: bool = False,
        keep_tips: timedelta = KEEP_TIPS,
        keep_pushes: timedelta = KEEP_PUSHES,
    ) -> None:
        self.ledger = SqlLedger(database)
        composer = Composer(coach)
        self.lanes = Lanes(self.ledger, senders, composer.compose, self._gone, clock)
        self.engine = engine(self.lanes) if engine else _engine(database, self.lanes, clock)
        self.tips = DailyTips(
            SqlTips(database, self.engine),
            coach.guidance_of,
            coach.preferences,
            rooms,
            late,
            lambda: datetime.fromtimestamp(clock(), UTC),
        )
        composer.tips = coach.tips = self.tips
        self.rooms_seen = coach.rooms_seen = RoomsSeen(SqlRooms(database), self.tips.clock, _zones(clocks or {}))
        self.pushes = Pushes(
            SqlPushes(database, self.engine),
            self.rooms_seen.store,
            coach.preferences,
            _Leads(coach),
            senders,
            self.tips.clock,
            works_council=works_council,
            groups=PushGroups({} if groups is None else groups, clock),
        )
        composer.pushes = coach.pushes = self.pushes
        self.freshness = Freshness(SqlFreshness(database, self.engine), coach.preferences, _by_id, self.tips.clock)
        composer.freshness = self.freshness
        self.retention = Retention(SqlRetention(database), keep_tips, keep_pushes, self.tips.clock)

    async def start(self) -> None:
        """Take up what is left to send, and look for what is due; the database must be open."""
        await self.engine.start()
        await self.tips.start()
        await self.pushes.open()
        await self.freshness.start()
        await self.retention.start()

    async def stop(self) -> None:
        """Write and send nothing more; what is under way is finished."""
        await self.look_no_more()
        await self.engine.stop()

    async def look_no_more(self) -> None:
        """Write nothing more for the lanes."""
        await self.retention.stop()
        await self.freshness.stop()
        await self.pushes.close()
        await self.tips.stop()
        await self.rooms_seen.close()

    async def _gone(self, lane: str, target: str | None, reason: Reason) -> None:
        await self.tips.gone(lane, target, reason)
        await self.rooms_seen.gone(lane, target, reason)


class _Leads:
    """Asks the coach's roles, which may be set after this was made; without any nobody is a lead."""

    def __init__(self, coach: Coach) -> None:
        self._coach = coach

    async def need(self, workspace: str, person: str, role: Role) -> None:
        """Raise NotAllowed if a person has no such role in a workspace."""
        if self._coach.roles is None:
            raise NotAllowed(role, ())
        await self._coach.roles.need(workspace, person, role)


def _engine(database: Database, lanes: Lanes, clock: Callable[[], float]) -> Engine:
    """Return what runs the lanes: this process alone, or with PostgreSQL any number of replicas."""
    if database.is_sqlite:
        return LocalEngine(lanes, clock)
    from chatbot.delivery.replicas import ReplicaEngine

    return ReplicaEngine(lanes, database.url, clock)


def _zones(clocks: Mapping[str, Clocks]) -> ZoneOf:
    async def zone_of(workspace: str, person: str) -> str:
        clock = clocks.get(workspace) or clocks.get(workspace.partition(":")[0])
        return await clock.zone_of(workspace, person) if clock else ""

    return zone_of


def _by_id(workspace: str, person: str) -> str | None:
    """Return an address made of a person's id: Slack alone takes that for the direct messages with them."""
    return person if workspace.startswith("slack:") else None
