"""Failures of a platform's far end, switched on by the page: they happen to the next messages that delivery sends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from aiohttp import web

#: "limited" and "broken" refuse the message with 429 and 500; "cut" and "slow" take it, then hang up or take long.
Fault = Literal["limited", "broken", "cut", "slow"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
RETRY_AFTER = 2
SECONDS_SLOW = 5


@dataclass(slots=True)
class Faults:
    """What happens to the next `left` messages."""

    kind: Fault = "limited"
    left: int = 0
    #: Told when one has happened.
    changed: Callable[[], None] = lambda: None

    def take(self) -> Fault | None:
        """Return what happens to the message that has just come."""
        if self.left == 0:
            return None
        self.left -= 1
        self.changed()
        return self.kind

    async def happen(self, request: web.Request, accept: Callable[[], web.Response]) -> web.Response:
        """Answer a request to post a message; `accept` posts it and returns the answer that is due."""
        fault = self.take()
        if fault == "limited":
            return web.Response(status=429, headers={"Retry-After": str(RETRY_AFTER)})
        if fault == "broken":
            return web.Response(status=500)
        answer = accept()
        if fault == "slow":
            await asyncio.sleep(SECONDS_SLOW)
        if fault == "cut" and request.transport:
            request.transport.abort()
        return answer
