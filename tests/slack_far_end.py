"""Slack as the tests play it: it signs requests, and it answers the Web API and response URLs on loopback."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from slack_sdk.models.blocks import Block as SlackBlock
from slack_sdk.models.views import View

from adapters.slack import SlackAdapter
from chatbot.coach import Coach
from chatbot.model import Message, Reply
from chatbot.settings import Settings
from tests.conftest import PAYLOADS

SECRET = "a made-up signing secret"
Payload = dict[str, Any]


def payload(name: str, **changes: Any) -> Payload:
    """Return a recorded payload; `event` replaces fields of the event, the rest top-level ones."""
    content = json.loads((PAYLOADS / "slack" / f"{name}.json").read_text(encoding="utf-8"))
    content.get("event", {}).update(changes.pop("event", {}))
    return {**content, **changes}


def form(fields: Payload) -> bytes:
    return urlencode(fields).encode()


def interactive(content: Payload) -> bytes:
    return form({"payload": json.dumps(content)})


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    kind = "application/json" if body[:1] == b"{" else "application/x-www-form-urlencoded"
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}", "Content-Type": kind}


def checked(view: Payload) -> Payload:
    """Return a view after asserting that the SDK's models take it, input by input."""
    parsed = View(**view)
    parsed.validate_json()
    assert len(view["private_metadata"]) <= 3000
    for block in SlackBlock.parse_all(view["blocks"]):
        block.validate_json()
        block.to_dict()
    drawn = [block.to_dict() for block in SlackBlock.parse_all(view["blocks"]) if block.type == "input"]
    sent = [block for block in view["blocks"] if block["type"] == "input"]
    assert [json.loads(json.dumps(one["element"])) for one in drawn] == [one["element"] for one in sent]
    return view


def submitted(view: Payload, **values: Any) -> Payload:
    """Return the payload of sending a view with what stands in it, and `values` typed or picked over that."""
    state: Payload = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element, name = block["element"], block["element"]["action_id"]
        if element["type"] == "plain_text_input":
            held: Any = {"value": element.get("initial_value")}
        elif ("select" in element["type"] and not element["type"].startswith("multi")) or element["type"][0] == "r":
            held = {"selected_option": element.get("initial_option")}
        else:
            held = {"selected_options": element.get("initial_options", [])}
        if name in values:
            held = values[name]
        state[block["block_id"]] = {name: {"type": element["type"], **held}}
    content = payload("view_submission")
    content["view"] |= {**view, "state": {"values": state}}
    return content


@dataclass
class FarEnd:
    """Slack's Web API and response URLs.

    `answers` holds what a method says instead of ok, in order; `broken` ones hang up.
    """

    calls: list[tuple[str, Payload]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[web.Response]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    hung: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    acks: list[Payload] = field(default_factory=list)
    url: str = ""

    async def _method(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        body = await request.text()
        content = json.loads(body) if body.startswith("{") else dict(await request.post()) | dict(request.query)
        self.tokens[name] = request.headers.get("Authorization", "")
        if name in self.broken and request.transport:
            request.transport.close()
        if name in self.silent:
            self.hung.set()
            await self._over.wait()
        await self._note(name, content)
        if self.answers.get(name):
            return self.answers[name].pop(0)
        more: Payload = {
            "auth.test": {"user": "steady", "team": "Example", "user_id": "U0STEADY1", "bot_id": "B0STEADY1"},
            "conversations.open": {"channel": {"id": "D0OPENED1"}},
            "conversations.history": {"messages": []},
            "conversations.info": {"channel": {"id": "C0ROOM001", "is_channel": True, "is_member": True}},
            "conversations.members": {"members": ["U0STEADY1", "U0AGENT01"], "response_metadata": {"next_cursor": ""}},
            "chat.postMessage": {"channel": "C0ROOM001", "ts": "1700000000.000800"},
            "apps.connections.open": {"url": self.url.replace("http", "ws") + "socket?ticket=secret"},
        }.get(name, {})
        return web.json_response({"ok": True, **more})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with self._news:
            self.sockets.append(socket)
            self._news.notify_all()
        async for message in socket:
            async with self._news:
                self.acks.append(json.loads(message.data))
                self._news.notify_all()
        return socket

    def speak(self) -> None:
        """End the silence of the silent methods."""
        self._over.set()

    async def _note(self, name: str, content: Payload) -> None:
        async with self._news:
            self.calls.append((name, content))
            self._news.notify_all()

    async def until(self, true: Any) -> None:
        """Wait until something is true of the calls."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: true(self))

    async def called(self, name: str) -> Payload:
        """Wait for the first call of a method and return what it carried."""
        await self.until(lambda _: any(method == name for method, _ in self.calls))
        return next(content for method, content in self.calls if method == name)

    def names(self) -> list[str]:
        """Return what was called, without the check of the token at the start."""
        return [name for name, _ in self.calls if name not in ("auth.test", "apps.connections.open")]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["FarEnd"]:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._method)
        app.router.add_post("/respond/{method}", self._method)
        app.router.add_get("/socket", self._socket)
        async with TestServer(app, shutdown_timeout=0.1) as server:
            self.url = str(server.make_url("/"))
            yield self
            self.speak()
            for socket in self.sockets:
                await socket.close()


def refused(code: str) -> web.Response:
    return web.json_response({"ok": False, "error": code})


@dataclass
class Script:
    """What the coach says next, and what it heard; `wait` holds its answers back."""

    says: list[Reply] = field(default_factory=list)
    heard: list[Message] = field(default_factory=list)
    changes: list[tuple[str, str | None, str]] = field(default_factory=list)
    asks_platform: bool = False
    wait: asyncio.Event | None = None

    def take_over(self, coach: Coach, monkeypatch: pytest.MonkeyPatch) -> "Script":
        """Speak in the place of a coach."""

        async def room_changed(workspace: str, room: str | None, change: str) -> None:
            self.changes.append((workspace, room, change))

        monkeypatch.setattr(coach, "reply", self._reply)
        monkeypatch.setattr(coach, "asks_platform", lambda message: self.asks_platform, raising=False)
        monkeypatch.setattr(coach, "room_changed", room_changed, raising=False)
        return self

    async def _reply(self, message: Message) -> Reply:
        self.heard.append(message)
        if self.wait:
            await self.wait.wait()
        return self.says.pop(0)


@dataclass
class Slack:
    """The adapter behind its real HTTP door, and the far end that it talks to."""

    adapter: SlackAdapter
    client: TestClient[web.Request, web.Application]
    far: FarEnd

    async def send(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        answer = await self.client.post("/slack/events", data=body, headers=headers or signed(body))
        return answer.status, await answer.read()

    async def send_json(self, content: Payload) -> tuple[int, bytes]:
        return await self.send(json.dumps(content).encode())

    async def finish(self) -> list[str]:
        """Stop the adapter, which lets what is under way finish, and return what was called."""
        await self.adapter.stop()
        return self.far.names()


def settings(far: FarEnd, **changes: Any) -> Settings:
    values = {
        "_env_file": None,
        "slack_signing_secret": SECRET,
        "slack_bot_token": "xoxb-made-up",
        "slack_api_url": f"{far.url}api/",
        **changes,
    }
    return Settings(**values)


@asynccontextmanager
async def slack(coach: Coach, far: FarEnd, **changes: Any) -> AsyncIterator[Slack]:
    """Run the adapter; `changes` are settings, or `clock`."""
    clock = changes.pop("clock", time.time)
    async with far.serve():
        adapter = SlackAdapter(settings(far, **changes), coach, clock=clock)
        app = web.Application()
        app.router.add_routes(adapter.routes())
        await adapter.start()
        try:
            async with TestClient(TestServer(app)) as client:
                yield Slack(adapter, client, far)
        finally:
            await adapter.stop()
