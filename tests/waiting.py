"""Waiting for what happens elsewhere, however fast the machine is."""

import asyncio
from collections.abc import Callable


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, and fail if it never is."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it becomes true elsewhere, which tells nobody
            await asyncio.sleep(0.01)
