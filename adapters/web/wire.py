"""Requests over real loopback HTTP, and the log of them with the secrets taken out."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

import aiohttp
from aiohttp import web
from yarl import URL

from adapters.web.people import Pane
from adapters.web.room import Exchange, Room

_SHOWN = ("authorization", "content-type", "user-agent", "x-slack-request-timestamp", "x-slack-signature")
_SECRET = ("authorization", "x-slack-signature")
_SECONDS_BETWEEN_LOOKS = 0.02

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Wire:
    """The playground's HTTP client towards its own adapters, and the ear at its far ends."""

    def __init__(self, room: Room, origin: str, prefix: str) -> None:
        self._room = room
        self._origin = origin
        self._prefix = prefix
        self._session: aiohttp.ClientSession | None = None

    async def wait_for_server(self) -> None:
        """Wait until the program that this is a part of takes connections."""
        url = URL(self._origin)
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(url.host, url.port)
                writer.close()
                return
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def post(self, pane: Pane, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Send a request to an adapter and return status, content type and body; status 0 if nothing came back."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        start = time.perf_counter()
        try:
            async with self._session.post(
                f"{self._origin}{self._prefix}{path}", data=body, headers=headers
            ) as response:
                status, kind, answer = response.status, response.content_type, await response.read()
        except (aiohttp.ClientError, TimeoutError):
            status, kind, answer = 0, "", b""
        self._log(pane, True, "POST", path, status, start, len(body), len(answer), headers.items())
        return status, kind, answer

    def heard(self, pane: Pane, handler: Handler) -> Handler:
        """Return a far end's handler that logs what the adapter asked of it."""

        async def logged(request: web.Request) -> web.Response:
            start = time.perf_counter()
            sent = len(await request.read())
            response = await handler(request)
            cut = request.transport is None or request.transport.is_closing()
            body = response.body
            received = len(body) if isinstance(body, bytes) and not cut else 0
            status = 0 if cut else response.status
            path = request.path.partition("/far")[2]
            self._log(pane, False, request.method, path, status, start, sent, received, request.headers.items())
            return response

        return logged

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _log(
        self,
        pane: Pane,
        inward: bool,
        method: str,
        path: str,
        status: int,
        start: float,
        sent: int,
        received: int,
        headers: Iterable[tuple[str, str]],
    ) -> None:
        took = (time.perf_counter() - start) * 1000
        shown = tuple((name, _redacted(name, value)) for name, value in headers if name.lower() in _SHOWN)
        at = self._room.clock()
        self._room.log(Exchange(at, pane, inward, method, path[:200], status, took, sent, received, shown))


def _redacted(name: str, value: str) -> str:
    if name.lower() not in _SECRET:
        return value[:200]
    scheme, separator, _ = value.partition("=" if value.startswith("v0=") else " ")
    return f"{scheme}{separator}•••" if separator else "•••"
