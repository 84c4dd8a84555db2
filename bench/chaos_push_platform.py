"""Slack's far end for the fault run of pushes: that of the tips, with messages that can be changed.

Started as `python -m bench.chaos_push_platform '{"faults": {…}, "seed": 1}'`; it prints its port.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bench.chaos_platform import PER_WORKSPACE, WORKSPACE_BURST, Faults, Platform


class PushPlatform(Platform):
    """Keeps what stands in each channel, and when the last message came in each workspace."""

    def __init__(self, faults: Faults, seed: int) -> None:
        super().__init__(faults, seed)
        self.shown: dict[str, str] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the process."""
        return [*super().routes(), web.post("/api/chat.update", self.update)]

    async def post(self, request: web.Request) -> web.Response:
        """Take a message, or not; what it says counts once it has arrived."""
        content = await request.json()
        self.shown[content["metadata"]["event_payload"]["key"]] = content["text"]
        return await super().post(request)

    async def update(self, request: web.Request) -> web.Response:
        """Change a message, or not."""
        content = await request.json()
        workspace, channel = request.headers["Authorization"], content["channel"]
        if not self.passes(PER_WORKSPACE, WORKSPACE_BURST, workspace):
            return self.busy("limited")
        what = self.chosen()
        if what == "busy":
            self.held[workspace] += 1
            return self.busy("busy")
        there = self.messages.get((workspace, channel), [])
        if not there:
            return web.json_response({"ok": False, "error": "message_not_found"})
        if not what.endswith("_before"):
            # A channel has one message a second at most: the nearest in time is the one that is meant.
            _, key = min(there, key=lambda message: abs(message[0] - float(content["ts"])))
            self.shown[key] = content["text"]
            self.counts["updates"] += 1
        if what.startswith("cut") and request.transport:
            request.transport.abort()
        if what.startswith("broken"):
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        return web.json_response({"ok": True, "channel": channel, "ts": content["ts"]})

    async def record(self, _: web.Request) -> web.Response:
        """Tell what happened; the judge asks."""
        last: dict[str, float] = {}
        for (workspace, _channel), messages in self.messages.items():
            last[workspace] = max(last.get(workspace, 0.0), *(at for at, _key in messages))
        told: dict[str, Any] = {
            "arrived": self.arrived,
            "counts": self.counts,
            "shown": {key: text for key, text in self.shown.items() if key in self.arrived},
            "last": last,
        }
        return web.json_response(told)


async def main(faults: Faults, seed: int, ready: Callable[[int], None]) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app.router.add_routes(PushPlatform(faults, seed).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    ready(runner.addresses[0][1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(Faults(**given["faults"]), given["seed"], lambda port: print(port, flush=True)))
