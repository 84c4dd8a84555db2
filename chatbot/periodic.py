"""Work that is done again and again in the background, such as looking for what is due."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from chatbot.incidents import log_incident


class Periodic:
    """Does some work every `every` seconds, the first time `first` seconds after its start, until it is stopped.

    `work` may return in how many seconds it is to be done again; None means `every`. What fails is logged and done
    again. With `log_first` only the first of several failures in a row is, for work that is done every second.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[float | None]],
        every: float,
        *,
        first: float = 0.0,
        log_first: bool = False,
    ) -> None:
        self.every = every
        self._work = work
        self._first = first
        self._log_first = log_first
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; it may be begun anew after a stop."""
        self._stopping = False
        self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Do it no more; what is under way is cancelled."""
        if self._task:
            # Cancelling alone is not enough: in Python 3.11 a database driver's wait may forget that it was cancelled.
            self._stopping = True
            self._woken.set()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def wake(self) -> None:
        """Do it soon; once more if it is under way."""
        self._woken.set()

    async def _go_on(self) -> None:
        failing = False
        await self._pause(self._first)
        while not self._stopping:
            self._woken.clear()
            pause = None
            try:
                pause = await self._work()
                failing = False
            except Exception as error:  # such as a database that is gone: it is done later
                if not (failing and self._log_first):
                    log_incident(error)
                failing = True
            await self._pause(self.every if pause is None else pause)

    async def _pause(self, seconds: float) -> None:
        # Not wait_for: in Python 3.11 that forgets that it was cancelled when both happen at once.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
