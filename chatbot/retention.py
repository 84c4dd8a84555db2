"""Forgetting what is long over: rows of the ledger, and pushes with their receipts.

The audit of leads and admins is not among it: its rows are only ever added.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from chatbot.periodic import Periodic

#: How long things are kept after they were over, unless a setting says otherwise.
KEEP_TIPS = timedelta(days=90)
KEEP_PUSHES = timedelta(days=400)
#: Rows deleted in one transaction, and transactions in a row: the rest has time until the next day.
TOGETHER = 500
MOST_AT_ONCE = 400
#: Seconds between two of them, for others want to write too; from the start to the first look, and between two looks.
_PAUSE = 0.05
_FIRST = 60.0
_LOOK_EVERY = 86_400.0


class OldStore(Protocol):
    """Where it is kept. Each call looks, and deletes in one transaction."""

    async def forget_rows(self, before: float, limit: int) -> int:
        """Delete rows of the ledger that were over before a moment, but for those of pushes; return how many."""

    async def old_pushes(self, before: float, limit: int) -> Sequence[int]:
        """Return pushes that were begun before a moment, and all of whose rows were over before it too."""

    async def forget_push(self, push: int, before: float, limit: int) -> bool:
        """Delete rows of a push that were over before a moment; once it has none, itself and its receipts.

        Return whether it is gone.
        """


class Retention:
    """Deletes once a day what is old enough. What is pending, under way or looked for is never old enough."""

    def __init__(
        self,
        store: OldStore,
        keep_tips: timedelta = KEEP_TIPS,
        keep_pushes: timedelta = KEEP_PUSHES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._keep_tips = keep_tips
        self._keep_pushes = keep_pushes
        self._clock = clock
        self._looking = Periodic(self.tick, _LOOK_EVERY, first=_FIRST)

    async def start(self) -> None:
        """Look each day from now on."""
        self._looking.start()

    async def stop(self) -> None:
        """Look no more; what was not deleted is at the next start."""
        await self._looking.stop()

    async def tick(self) -> None:
        """Delete what is old enough, a bounded number of rows at a time and in all."""
        left = MOST_AT_ONCE
        before = (self._clock() - self._keep_tips).timestamp()
        while left and await self._store.forget_rows(before, TOGETHER) == TOGETHER:
            left -= 1
            await asyncio.sleep(_PAUSE)
        before = (self._clock() - self._keep_pushes).timestamp()
        for push in await self._store.old_pushes(before, left):
            while left and not await self._store.forget_push(push, before, TOGETHER):
                left -= 1
                await asyncio.sleep(_PAUSE)
