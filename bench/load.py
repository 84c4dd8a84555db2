"""The load: a closed loop of clients over kept connections, each sending its next request when the last is done.

Requests are whole byte strings made beforehand and answers are barely parsed, so that the servers are measured and
not this.
"""

import asyncio
import gc
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.process import Server

TIMEOUT = 30
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """Bytes to send, and what is seen of their arrival elsewhere: `after` ends when it is done, with the time."""

    data: bytes
    after: Callable[[], Awaitable[float]] | None = None


@dataclass(frozen=True)
class Run:
    """What one run found; all in seconds. `done` counts until what the request led to had arrived."""

    seconds: float
    cpu: float
    answered: Sequence[float]
    done: Sequence[float]

    @property
    def per_second(self) -> float:
        """Return how many requests were done in a second."""
        return len(self.done) / self.seconds


#: Says whether a status and a body are the right answer.
Check = Callable[[int, bytes], bool]


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]]
        self._transport: asyncio.Transport

    @classmethod
    async def connect(cls, port: int) -> "Client":
        """Open a connection to a port of this machine. Raises OSError."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    async def send(self, data: bytes) -> tuple[int, bytes]:
        """Send a request and return the status and body of the answer."""
        self._buffer = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        async with asyncio.timeout(TIMEOUT):
            return await self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is a TCP connection
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what arrived; the answer is there once it has its whole length."""
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if end:
            length = _LENGTH.search(head)
            if len(body) >= (int(length[1]) if length else 0) and not self._answer.done():
                self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that was under way."""
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())


async def drive(server: Server, requests: Sequence[Request], clients: int, check: Check) -> Run:
    """Send all requests from some clients at once. Raises RuntimeError at a wrong answer."""
    connections = [await Client.connect(server.port) for _ in range(clients)]
    left = iter(requests)
    answered: list[float] = []
    done: list[float] = []

    async def work(client: Client) -> None:
        for request in left:
            arrival = request.after() if request.after else None
            began = time.perf_counter()
            status, body = await client.send(request.data)
            ended = time.perf_counter()
            if not check(status, body):
                raise RuntimeError(
                    f"{server.program.name} answered {status}: {body[:200]!r}\n{server.output()[-2000:]}"
                )
            answered.append(ended - began)
            done.append((max(ended, await asyncio.wait_for(arrival, TIMEOUT)) if arrival else ended) - began)

    gc.collect()
    gc.disable()  # a pause of ours would count as the server's
    try:
        cpu, began = server.cpu_seconds(), time.perf_counter()
        await asyncio.gather(*(work(client) for client in connections))
        run = Run(time.perf_counter() - began, server.cpu_seconds() - cpu, answered, done)
        if "incident" in server.output():  # our word for an error, which is answered with a card as well
            raise RuntimeError(f"{server.program.name} logged an error:\n{server.output()[-2000:]}")
        return run
    finally:
        gc.enable()
        for client in connections:
            client.close()


async def answers(port: int, request: Request, check: Check) -> bool:
    """Return whether a server answers a request well, with nobody listening counting as no."""
    try:
        client = await Client.connect(port)
    except OSError:
        return False
    try:
        arrival = request.after() if request.after else None
        status, body = await client.send(request.data)
        good = check(status, body)
        if good and arrival:
            await asyncio.wait_for(arrival, TIMEOUT)
        return good
    except (OSError, TimeoutError):
        return False
    finally:
        client.close()


def post(path: str, body: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    """Return a POST request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
