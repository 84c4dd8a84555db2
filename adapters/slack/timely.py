"""A request body that goes out at once or not at all.

A process may be frozen at any moment: by its machine, or by a debugger. What it had in hand is looked for by another
meanwhile, and sent; when it wakes it must not send it too. So the clock is read in the instant before the socket.
"""

import time
from collections.abc import Callable

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload


class TooLateError(ConnectionError):
    """The body was not written in time, so nothing of the request has left."""


class Timely(BytesPayload):
    """A body that is refused once it is older than some seconds; `missed` tells afterwards whether it was."""

    def __init__(self, body: bytes, seconds: float, clock: Callable[[], float] = time.time) -> None:
        super().__init__(body)
        self._clock = clock
        self._until = clock() + seconds
        self.missed = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Write the body, and with it the headers, which aiohttp holds back for it. Raises TooLateError."""
        if self._clock() > self._until:
            self.missed = True
            raise TooLateError
        await super().write_with_length(writer, content_length)
