"""Puts tips and delivery together: the store, the subscriptions, the lanes and what runs them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from chatbot.coach import Coach
from chatbot.daily_tips import DailyTips
from chatbot.delivery.compose import Composer
from chatbot.delivery.lanes import Lanes
from chatbot.delivery.local import LocalEngine
from chatbot.delivery.model import Engine, Reason, Sender
from chatbot.rooms import Rooms
from chatbot.store.database import Database
from chatbot.store.ledger import SqlLedger
from chatbot.store.subscriptions import SqlTips


class Delivering:
    """What is sent without anybody waiting for it. `senders` and `rooms` go by platform ("slack") or workspace.

    They are read when something is sent, so they may be filled in until `start`. The clock gives seconds since 1970.
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
    ) -> None:
        self.ledger = SqlLedger(database)
        composer = Composer(coach)
        self.lanes = Lanes(self.ledger, senders, composer.compose, self._gone, clock)
        self.engine = engine(self.lanes) if engine else _engine(database, self.lanes, clock)
        self.tips = DailyTips(
            SqlTips(database, self.engine),
            coach.guidance,
            coach.preferences,
            rooms,
            late,
            lambda: datetime.fromtimestamp(clock(), UTC),
        )
        composer.tips = coach.tips = self.tips

    async def start(self) -> None:
        """Take up what is left to send, and look for what is due; the database must be open."""
        await self.engine.start()
        await self.tips.start()

    async def stop(self) -> None:
        """Write and send nothing more; what is under way is finished."""
        await self.tips.stop()
        await self.engine.stop()

    async def _gone(self, lane: str, target: str | None, reason: Reason) -> None:
        await self.tips.gone(lane, target, reason)


def _engine(database: Database, lanes: Lanes, clock: Callable[[], float]) -> Engine:
    """Return what runs the lanes: this process alone, or with PostgreSQL any number of replicas."""
    if database.is_sqlite:
        return LocalEngine(lanes, clock)
    from chatbot.delivery.replicas import ReplicaEngine

    return ReplicaEngine(lanes, database.url, clock)
