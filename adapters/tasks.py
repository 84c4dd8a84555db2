"""Work that goes on after its request was answered, and is finished before the program ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any

#: Answers under way at the same time; past that a platform is asked to come again later.
MOST_UNDER_WAY = 1_000


class Tasks:
    """Tasks under way, which nobody awaits: what they are made of deals with its own errors."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()

    @property
    def is_full(self) -> bool:
        """Return whether no further answer can be taken on."""
        return len(self.running) >= MOST_UNDER_WAY

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work in the background."""
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def finish(self, seconds: float) -> int:
        """Wait for what is under way, then give up what is left; return how many those were."""
        if not self.running:
            return 0
        _, late = await asyncio.wait(self.running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return len(late)
