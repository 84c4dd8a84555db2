"""The engine of one process: it runs all lanes itself, and at its start takes up what a crash left."""

import asyncio
import math
import time
from collections.abc import Callable, Collection
from heapq import heappop, heappush
from typing import Any

from chatbot.delivery.lanes import LANES_AT_ONCE, Lanes
from chatbot.incidents import log_incident
from chatbot.periodic import Periodic

#: Seconds after which a lane that broke is run again.
_AGAIN = 5.0
#: Seconds given at the end to what is under way.
_SECONDS_TO_FINISH = 5.0


class LocalEngine:
    """Runs each lane in a task of its own when something in it is due."""

    def __init__(self, lanes: Lanes, clock: Callable[[], float] = time.time) -> None:
        self._lanes = lanes
        self._clock = clock
        # When lanes are to be run: the earliest for each, and all that was ever planned, in order.
        self._when: dict[str, float] = {}
        self._plans: list[tuple[float, str]] = []
        self._running: dict[str, asyncio.Task[None]] = {}
        # A clock may be moved, and nobody need tell us: so it looks up once a second.
        self._planning = Periodic(self._run_due, 1.0)

    async def start(self) -> None:
        """Take up whatever is left to do, and from now on what is new."""
        for lane, due in await self._lanes.ledger.lanes():
            self._plan(lane, due)
        self._planning.start()

    async def stop(self) -> None:
        """Let what is under way finish within a few seconds."""
        await self._planning.stop()
        self._lanes.stopping = True
        if self._running:
            _, late = await asyncio.wait(list(self._running.values()), timeout=_SECONDS_TO_FINISH)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def enlist(self, connection: Any, lanes: Collection[str]) -> None:
        """Do nothing: this process is the only one, and reads the ledger when it starts."""

    def wake(self, lanes: Collection[str]) -> None:
        """Run lanes soon."""
        for lane in lanes:
            self._plan(lane, 0.0)

    def _plan(self, lane: str, due: float) -> None:
        if due < self._when.get(lane, math.inf):
            self._when[lane] = due
            heappush(self._plans, (due, lane))
            self._planning.wake()

    async def _run_due(self) -> float | None:
        """Begin what is due, and return when to look up again."""
        now = self._clock()
        while self._plans and self._plans[0][0] <= now and len(self._running) < LANES_AT_ONCE:
            due, lane = heappop(self._plans)
            # An earlier plan may have come in between. One that is running is planned again at its end.
            if self._when.get(lane) == due and lane not in self._running:
                del self._when[lane]
                self._running[lane] = asyncio.create_task(self._run(lane))
        # Where as many run as may, one that ends wakes this.
        coming = self._plans[0][0] - now if self._plans else 0.0
        return coming if 0 < coming < self._planning.every else None

    async def _run(self, lane: str) -> None:
        try:
            due = await self._lanes.run(lane)
        except Exception as error:  # such as a database that is locked: nothing is lost, only late
            log_incident(error)
            due = self._clock() + _AGAIN
        finally:
            del self._running[lane]
            self._planning.wake()
        planned = self._when.pop(lane, None)
        for moment in (due, planned):
            if moment is not None:
                self._plan(lane, moment)
