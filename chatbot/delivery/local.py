"""The engine of one process: it runs all lanes itself, and at its start takes up what a crash left."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from chatbot.delivery.lanes import Lanes
from chatbot.incidents import log_incident

log = logging.getLogger("steady.delivery")

#: Seconds after which a lane that broke is run again.
_AGAIN = 5.0
#: Seconds given at the end to what is under way.
_SECONDS_TO_FINISH = 5.0


class LocalEngine:
    """Runs each lane in a task of its own when something in it is due."""

    def __init__(self, lanes: Lanes, clock: Callable[[], float] = time.time) -> None:
        self._lanes = lanes
        self._clock = clock
        self._when: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._planning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up whatever is left to do, and from now on what is new."""
        for lane, due in await self._lanes.ledger.lanes():
            self._plan(lane, due)
        self._planning = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Let what is under way finish within a few seconds."""
        if self._planning:
            self._planning.cancel()
            await asyncio.gather(self._planning, return_exceptions=True)
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
        self._when[lane] = min(due, self._when.get(lane, due))
        self._changed.set()

    async def _go_on(self) -> None:
        while True:
            self._changed.clear()
            now = self._clock()
            for lane in [lane for lane, due in self._when.items() if due <= now and lane not in self._running]:
                del self._when[lane]
                self._running[lane] = asyncio.create_task(self._run(lane))
            waiting = [due for lane, due in self._when.items() if lane not in self._running]
            # A clock may be moved; nobody need tell us.
            pause = min(1.0, max(0.0, min(waiting) - now)) if waiting else None
            try:
                await asyncio.wait_for(self._changed.wait(), pause)
            except TimeoutError:
                continue

    async def _run(self, lane: str) -> None:
        try:
            due = await self._lanes.run(lane)
        except Exception as error:  # such as a database that is locked: nothing is lost, only late
            log_incident(error)
            due = self._clock() + _AGAIN
        finally:
            del self._running[lane]
            self._changed.set()
        if due is not None:
            self._plan(lane, due)
