"""Slack and Teams with records of their own: what stands in each conversation by now, and how often it was changed.

The tests compare these records with what Steady reports.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from aiohttp import web

from tests import fake_identity, slack_far_end

Json = dict[str, Any]


@dataclass
class Record:
    """The messages with our key in their metadata, by conversation and id; others are answers, and not counted."""

    shown: dict[tuple[str, str], Json] = field(default_factory=dict)
    posts: int = 0
    changes: int = 0

    def take(self, conversation: str, reference: str, message: Json) -> None:
        """Write a new message down."""
        self.posts += 1
        self.shown[conversation, reference] = message

    def change(self, conversation: str, reference: str, message: Json) -> bool:
        """Write down that a message was changed; return False if there is none."""
        if (conversation, reference) not in self.shown:
            return False
        self.changes += 1
        self.shown[conversation, reference] |= message
        return True

    def texts(self) -> dict[str, list[str]]:
        """Return what is to be read in each conversation, the oldest first."""
        found: dict[str, list[str]] = {}
        for (conversation, _), message in sorted(self.shown.items()):
            found.setdefault(conversation, []).append(json.dumps(message, ensure_ascii=False))
        return found

    def figures(self) -> tuple[int, int]:
        """Return how many messages were posted, and how often one was changed."""
        return self.posts, self.changes


class Kept(Protocol):
    """A far end with a record. `cut`: so many of the next messages are taken, and then it hangs up."""

    record: Record
    cut: int


@dataclass
class SlackRecord(slack_far_end.FarEnd):
    """Slack's far end. `refuses`: the errors that a channel answers with first; "update" and a channel for changes."""

    record: Record = field(default_factory=Record)
    refuses: dict[str, list[str]] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    cut: int = 0

    async def _method(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        body = await request.text()
        content: Json = json.loads(body) if body.startswith("{") else {}
        of_ours = "metadata" in content or (content.get("channel"), content.get("ts")) in self.record.shown
        if not (of_ours or method == "chat.update") or method not in ("chat.postMessage", "chat.update"):
            return await super()._method(request)
        await self._note(method, content)
        channel = content["channel"]
        planned = channel if method == "chat.postMessage" else f"update {channel}"
        if planned in self.busy:
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(self.busy.pop(planned))}
            )
        if self.refuses.get(planned):
            return slack_far_end.refused(self.refuses[planned].pop(0))
        timestamp = content.get("ts") or f"1700000000.{self.record.posts + 1:06}"
        if method == "chat.postMessage":
            self.record.take(channel, timestamp, content)
        elif not self.record.change(channel, timestamp, content):
            return slack_far_end.refused("message_not_found")
        if self.cut and request.transport:
            self.cut -= 1
            request.transport.abort()
        return web.json_response({"ok": True, "channel": channel, "ts": timestamp, "message": {"text": "-"}})


@dataclass
class TeamsRecord(fake_identity.FarEnd):
    """The connector. `refuses`: the status and name that a conversation answers with first; "PUT" and it for changes."""

    record: Record = field(default_factory=Record)
    refuses: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    cut: int = 0

    async def _connector(self, request: web.Request) -> web.Response:
        conversation, _, reference = self._place(request)
        planned = conversation if request.method == "POST" else f"{request.method} {conversation}"
        if planned in self.busy:
            return web.Response(status=429, headers={"Retry-After": str(self.busy.pop(planned))})
        if self.refuses.get(planned):
            status, code = self.refuses[planned].pop(0)
            return web.json_response({"error": {"code": code, "message": "no"}}, status=status)
        answer = await super()._connector(request)
        if answer.status != 200 or request.method not in ("POST", "PUT") or not conversation:
            return answer
        body = self.calls[-1].body
        if request.method == "PUT":
            if not self.record.change(conversation, reference, body):
                code = "ActivityNotFoundInConversation"
                return web.json_response({"error": {"code": code, "message": "no"}}, status=404)
        elif "steady" in body.get("channelData", {}):
            reference = str(1_700_000_000_101 + self.record.posts)
            self.record.take(conversation, reference, body)
        else:
            return answer
        if self.cut and request.transport:
            self.cut -= 1
            request.transport.abort()
        return web.json_response({"id": reference})

    @staticmethod
    def _place(request: web.Request) -> tuple[str, str, str]:
        path = request.raw_path.removeprefix("/connector/emea/v3/conversations/")
        conversation, what, reference = (*path.split("/"), "", "")[:3]
        return (unquote(conversation), what, unquote(reference)) if what == "activities" else ("", what, "")
