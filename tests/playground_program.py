"""The whole program on a free loopback port, as somebody without credentials starts it, and its page's side of HTTP."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from adapters.app import build, runner_of
from chatbot.settings import Settings

Change = dict[str, Any]
SECONDS = 60


class Program:
    """A running program and somebody who looks at its page."""

    def __init__(self, origin: str, session: aiohttp.ClientSession, prefix: str = "") -> None:
        self.origin = origin
        self.base = f"{origin}{prefix}/playground"
        self.session = session
        self.changes: list[Change] = []
        self._news = asyncio.Condition()

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, str]:
        """Post as the page does; `body` may be bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Origin": self.origin, **headers}
        async with self.session.post(f"{self.base}/{path}", data=data, headers=sent) as response:
            return response.status, await response.text()

    async def send(self, text: str, persona: str = "sam", place: str = "dm", language: str = "en") -> None:
        body = {"text": text, "persona": persona, "place": place, "language": language}
        assert await self.post("send", body) == (200, '{"ok": true}')

    async def watch(self, language: str = "en") -> None:
        """Take in the stream of events until it ends."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        timeout = aiohttp.ClientTimeout(total=None)
        url = f"{self.base}/events?lang={language}"
        async with self.session.get(url, headers=headers, timeout=timeout) as response:
            assert response.status == 200
            async for line in response.content:
                if line.startswith(b"data: "):
                    async with self._news:
                        self.changes.append(json.loads(line[6:]))
                        self._news.notify_all()

    async def until(self, wanted: Callable[[Change], bool]) -> Change:
        """Return the first change that is wanted, waiting for it if need be."""
        async with asyncio.timeout(SECONDS), self._news:
            while True:
                found = next((change for change in self.changes if wanted(change)), None)
                if found:
                    return found
                await self._news.wait()

    def said(self, pane: str, *words: str) -> int:
        """Return how many messages of a pane, as they stand now, have all the words."""
        now = {change["id"]: change["html"] for change in self.changes if change.get("pane") == pane}
        return sum(all(word in html for word in words) for html in now.values())

    async def desk(self, wanted: Callable[[Change], bool]) -> Change:
        """Return the desk once it stands as wanted: unlike `until`, what it was before does not count."""
        async with asyncio.timeout(SECONDS), self._news:
            while True:
                desk = next((change for change in reversed(self.changes) if change["kind"] == "desk"), None)
                if desk and wanted(desk):
                    return desk
                await self._news.wait()

    async def shows(self, pane: str, *words: str) -> Change:
        """Return the message of a pane that has all the words."""
        return await self.until(
            lambda change: change.get("pane") == pane and all(word in change["html"] for word in words)
        )


@asynccontextmanager
async def program(folder: Path, prefix: str = "", **settings: Any) -> AsyncIterator[Program]:
    """Start the program, watch its page, and stop it afterwards."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        app = build(Settings(_env_file=None, database_url=f"sqlite:///{folder}/steady.sqlite3", **settings), port)
        runner = runner_of(app)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            async with aiohttp.ClientSession() as session:
                here = Program(f"http://127.0.0.1:{port}", session, prefix)
                watching = asyncio.create_task(here.watch())
                await here.until(lambda change: change["kind"] == "ready")
                yield here
                await runner.cleanup()
                async with asyncio.timeout(SECONDS):
                    await watching
        finally:
            await runner.cleanup()


def slack_press(post: Change, label: str) -> dict[str, object]:
    """Return what the page posts when somebody presses the button of a Slack message that reads so."""
    found = re.search(rf'data-block="([^"]*)" data-action="([^"]*)">{re.escape(label)}<', post["html"])
    assert found
    block, action = map(unescape, found.groups())
    return {
        "pane": "slack",
        "message": post["id"],
        "persona": "sam",
        "language": "en",
        "block": block,
        "action": action,
    }


def card_of(post: Change) -> dict[str, object]:
    """Return the card of a Teams message."""
    found = re.search(r'data-card="([^"]*)"', post["html"])
    assert found
    card: dict[str, object] = json.loads(unescape(found[1]))
    return card


def teams_press(post: Change, label: str, **typed: str) -> dict[str, object]:
    """Return what the page posts when somebody presses the button of a Teams card that reads so, with what is typed."""

    def actions(node: object) -> list[dict[str, object]]:
        if isinstance(node, list):
            return [action for item in node for action in actions(item)]
        if isinstance(node, dict):
            inner = [action for value in node.values() for action in actions(value)]
            return [node, *inner] if node.get("type") == "Action.Execute" else inner
        return []

    action = next(action for action in actions(card_of(post)) if action["title"] == label)
    data = {**action["data"], **typed}  # type: ignore[dict-item]
    return {
        "pane": "teams",
        "message": post["id"],
        "persona": "sam",
        "language": "en",
        "verb": action["verb"],
        "data": data,
    }
