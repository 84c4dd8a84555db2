"""The playground's own delivery: a database in a folder that is removed, and lanes towards the far ends."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event, text

from adapters.delivering import Delivering
from adapters.leading import Leading
from adapters.web.clock import Clock
from adapters.web.people import WORKSPACES
from chatbot.coach import Coach
from chatbot.daily_tips import Subscription
from chatbot.delivery.lanes import Lanes
from chatbot.delivery.local import LocalEngine
from chatbot.delivery.model import Delivery, Sender
from chatbot.insights import Insights
from chatbot.rooms import Rooms
from chatbot.store.counts import SqlCounts
from chatbot.store.database import Database

log = logging.getLogger("steady.playground")

#: Between a kill and the new start.
SECONDS_DEAD = 1.0
ROWS_SHOWN = 50
_CONNECTIONS = 4


class _Mortal(LocalEngine):
    """An engine that can be ended in the middle of its work."""

    async def kill(self) -> None:
        """Drop everything: requests are cut off, and nobody writes down what became of them."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await self._planning.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class _Life:
    """One life of the delivery, from its start to its end or its kill."""

    database: Database
    delivering: Delivering
    engine: _Mortal
    leading: Leading
    insights: Insights


class Stack:
    """Starts, kills and starts again what sends the tips of `coach`; `changed` is told when the database changes."""

    def __init__(
        self,
        coach: Coach,
        senders: Mapping[str, Sender],
        rooms: Mapping[str, Rooms],
        late: timedelta,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._coach = coach
        self._senders = senders
        self._rooms = rooms
        self._late = late
        self._clock = clock
        self._changed = changed
        self._changing = asyncio.Lock()
        self._closed = False
        self._folder: TemporaryDirectory[str]
        self._life: _Life

    async def start(self) -> None:
        """Begin with nothing set up and nothing sent."""
        self._folder = TemporaryDirectory(prefix="steady-playground-", ignore_cleanup_errors=True)
        await self._begin()

    async def stop(self) -> None:
        """Send nothing more; what is under way is finished. Whoever asks is still answered."""
        await self._life.delivering.stop()
        await self._life.leading.stop()
        await self._life.insights.stop()

    async def close(self) -> None:
        """Close the database and remove all that was written."""
        async with self._changing:
            self._closed = True
            await self._life.database.stop()
            self._folder.cleanup()

    async def kill(self) -> None:
        """End the delivery as if its process had been killed, and start it again after a moment."""
        async with self._changing:
            await self._end()
            await asyncio.sleep(SECONDS_DEAD)
            await self._begin()

    async def reset(self) -> None:
        """Forget all that was set up and sent."""
        async with self._changing:
            await self._end()
            self._folder.cleanup()
            await self.start()

    async def alive(self) -> None:
        """Wait until the delivery runs, should it just have been killed."""
        async with self._changing:
            pass

    async def look(self) -> tuple[Sequence[Subscription], Sequence[Delivery]]:
        """Return what is set up in each workspace, and the newest rows of the ledger; nothing after `close`."""
        async with self._changing:
            if self._closed:
                return (), ()
            subscriptions = await self._subscriptions()
            return subscriptions, await self._life.delivering.ledger.latest(None, ROWS_SHOWN)

    async def subscriptions(self) -> Sequence[Subscription]:
        """Return what is set up."""
        async with self._changing:
            return await self._subscriptions()

    async def tick(self) -> None:
        """Write what is due now, after the clock was moved."""
        async with self._changing:
            await self._life.delivering.tips.tick()

    async def _subscriptions(self) -> Sequence[Subscription]:
        store = self._life.delivering.tips.store
        found: list[Subscription] = []
        for workspace in WORKSPACES.values():
            found += await store.of_workspace(workspace)
        return found

    async def _begin(self) -> None:
        file = Path(self._folder.name) / "playground.sqlite3"
        database = Database(f"sqlite:///{file}")
        await database.start()
        # A kill may come while a connection is being opened, and that one would never be closed: open them all now.
        await asyncio.gather(*(database.read(text("SELECT 1")) for _ in range(_CONNECTIONS)))
        event.listen(database.engine.sync_engine, "commit", self._committing)
        engines: list[_Mortal] = []

        def engine(lanes: Lanes) -> _Mortal:
            engines.append(_Mortal(lanes, self._clock))
            return engines[0]

        delivering = Delivering(
            database, self._coach, self._senders, self._rooms, self._late, self._clock, engine=engine
        )
        # Nobody signs in here, so everybody may try everything.
        leading = Leading(database, self._coach, {}, {}, self._clock, everyone="admin")
        insights = self._coach.counting = Insights(SqlCounts(database), clock=lambda: self._clock.now)
        self._life = _Life(database, delivering, engines[0], leading, insights)
        await leading.start()
        await insights.start()
        await delivering.start()
        self._changed()

    async def _end(self) -> None:
        self._coach.tips = self._coach.pushes = self._coach.rooms_seen = None
        await self._life.engine.kill()
        await self._life.delivering.look_no_more()
        await self._life.leading.stop()
        await self._life.insights.stop()
        await self._life.database.stop()

    def _committing(self, _: Any) -> None:
        self._changed()
