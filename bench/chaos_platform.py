"""Slack's far end for the fault runs, in a process of its own: it limits, fails, and keeps its own record.

Started as `python -m bench.chaos_platform '{"limited": true, …}'`; it prints its port.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

#: What Slack lets pass, a second: in a channel (with a short burst), in a workspace; and looks into its history.
PER_CHANNEL, CHANNEL_BURST = 1.0, 2.0
PER_WORKSPACE, WORKSPACE_BURST = 5.0, 5.0
LOOKS, LOOKS_BURST = 50 / 60, 10.0
#: Seconds after which a message arrives whose connection was cut, in half of the cases; else it is there at once.
LATE = 1.0


@dataclass(frozen=True)
class Faults:
    """How often each of them happens, of all posts; `limited` is whether there are limits at all."""

    limited: bool = True
    busy: float = 0.0  # 429 out of the blue
    broken_before: float = 0.0  # 500, and nothing arrived
    broken_after: float = 0.0  # 500 although it arrived
    cut_before: float = 0.0  # the connection is cut, and nothing arrived
    cut_after: float = 0.0  # the connection is cut although it arrived


class Bucket:
    """Lets `rate` a second pass and `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self.left, self.at = burst, 0.0

    def passes(self, now: float) -> bool:
        """Return whether one more may pass, which then it has."""
        self.left = min(self.burst, self.left + (now - self.at) * self.rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Platform:
    """Its record: how often each key arrived, and what it refused."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self.random = random.Random(seed)  # noqa: S311
        self.arrived: Counter[str] = Counter()
        self.messages: dict[tuple[str, str], list[tuple[float, str]]] = {}
        self.counts: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.buckets: dict[tuple[str, ...], Bucket] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the process."""
        return [
            web.post("/api/chat.postMessage", self.post),
            web.post("/api/conversations.history", self.history),
            web.get("/record", self.record),
        ]

    def passes(self, rate: float, burst: float, *name: str) -> bool:
        """Return whether a limit lets one more pass."""
        if not self.faults.limited:
            return True
        return self.buckets.setdefault(name, Bucket(rate, burst)).passes(time.monotonic())

    async def post(self, request: web.Request) -> web.Response:
        """Take a message, or not."""
        content = await request.json()
        workspace, channel = request.headers["Authorization"], content["channel"]
        key = content["metadata"]["event_payload"]["key"]
        self.counts["posts"] += 1
        if not (
            self.passes(PER_WORKSPACE, WORKSPACE_BURST, workspace)
            and self.passes(PER_CHANNEL, CHANNEL_BURST, workspace, channel)
        ):
            return self.busy("limited")
        what = self.chosen()
        if what == "busy":
            self.held[workspace] += 1
            return self.busy("busy")
        if what == "cut_after" and self.random.random() < 0.5:
            self.later(self.arrive_late(workspace, channel, key))
        elif not what.endswith("_before"):
            self.arrive(workspace, channel, key)
        if what.startswith("cut") and request.transport:
            self.counts[what] += 1
            request.transport.abort()
        if what.startswith("broken"):
            self.counts[what] += 1
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        return web.json_response({"ok": True, "channel": channel, "ts": f"{time.time():.6f}"})

    def chosen(self) -> str:
        """Return what goes wrong this time."""
        dice = self.random.random()
        for name in ("busy", "broken_before", "broken_after", "cut_before", "cut_after"):
            dice -= getattr(self.faults, name)
            if dice < 0:
                return name
        return ""

    def busy(self, why: str) -> web.Response:
        """Refuse one, and ask for a second's pause."""
        self.counts[why] += 1
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"})

    def arrive(self, workspace: str, channel: str, key: str) -> None:
        """Write down a message in the record and in its channel."""
        self.arrived[key] += 1
        self.messages.setdefault((workspace, channel), []).append((time.time(), key))

    async def arrive_late(self, workspace: str, channel: str, key: str) -> None:
        """Be slow about it."""
        await asyncio.sleep(LATE)
        self.arrive(workspace, channel, key)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the answer."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def history(self, request: web.Request) -> web.Response:
        """Show the messages of a channel."""
        query = {name: values[-1] for name, values in parse_qs(await request.text()).items()}
        workspace = request.headers["Authorization"]
        self.counts["looks"] += 1
        if not self.passes(LOOKS, LOOKS_BURST, workspace, "history"):
            return self.busy("looks_limited")
        found = [
            {
                "ts": f"{at:.6f}",
                "metadata": {"event_type": "steady_delivery", "event_payload": {"key": key}},
            }
            for at, key in self.messages.get((workspace, query["channel"]), [])
            if at >= float(query["oldest"])
        ]
        return web.json_response({"ok": True, "messages": found[-int(query["limit"]) :]})

    async def record(self, _: web.Request) -> web.Response:
        """Tell what happened; the judge asks."""
        return web.json_response(
            {
                "arrived": self.arrived,
                "counts": self.counts,
                # The longest that it told a workspace to wait which had done nothing wrong, in seconds.
                "held": max(self.held.values(), default=0),
            }
        )


async def main(faults: Faults, seed: int, ready: Callable[[int], None]) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app.router.add_routes(Platform(faults, seed).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    ready(runner.addresses[0][1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(Faults(**given["faults"]), given["seed"], lambda port: print(port, flush=True)))
