"""Slack's part in the playground: signs requests as Slack does and answers the Web API calls that come back."""

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from adapters.web import slack_rooms
from adapters.web.faults import Faults
from adapters.web.guard import Guard
from adapters.web.people import (
    CHANNELS,
    PERSONAS,
    SLACK_APP,
    SLACK_BOT,
    SLACK_TEAM,
    Channel,
    Persona,
    Place,
    slack_place,
)
from adapters.web.room import Payload, Post, Room
from adapters.web.slack_message import content_of, element_of, state_of
from adapters.web.slack_modals import SlackModals
from adapters.web.wire import Wire
from chatbot.commands import COMMANDS, UMBRELLA

_COMMANDS = frozenset({UMBRELLA, *(name for name, command in COMMANDS.items() if command.slash)})
_URLS_KEPT = 500
_USES = 5
_PATH = "/slack/events"


@dataclass(slots=True)
class _ResponseUrl:
    """Where a press or a command may be answered for a while: in place of `post`, or as a new message."""

    post: Post | None
    persona: Persona
    place: Place
    uses: int = 0


class SlackEnd:
    """Slack itself, as far as the adapter can tell."""

    def __init__(self, room: Room, wire: Wire, origin: str, prefix: str, real_time: Callable[[], float]) -> None:
        self.signing_secret = secrets.token_hex(16)
        self.token = f"xoxb-playground-{secrets.token_hex(12)}"
        self._prefix = f"{prefix}/playground/far/slack"
        self.api_url = f"{origin}{self._prefix}/api/"
        self._response_url = f"{origin}{self._prefix}/response/"
        self._room = room
        self._wire = wire
        self._real_time = real_time
        self._urls: OrderedDict[str, _ResponseUrl] = OrderedDict()
        self.faults = Faults()
        self.modals = SlackModals(room, self._send)

    def routes(self, guard: Guard) -> Sequence[web.AbstractRouteDef]:
        """Return the Web API and the response URLs."""
        return [
            # Slack takes either, and its SDK asks by GET what only reads.
            *(
                web.route(verb, f"{self._prefix}/api/{{method}}", guard.open(self._wire.heard("slack", self._api)))
                for verb in ("GET", "POST")
            ),
            web.post(f"{self._prefix}/response/{{key}}", guard.open(self._wire.heard("slack", self._response))),
        ]

    # ---- what an agent does

    async def say(self, text: str, persona: Persona, place: Place) -> None:
        """Send what an agent typed: a slash command, a direct message or a mention."""
        name = text[1:].partition(" ")[0] if text.startswith("/") else None
        mine = Post("slack", "agent", persona, place, self._room.key(), text, private=name is not None)
        self._room.add(mine)
        if name is None:
            await self._deliver_event(text, mine.key, persona, place)
        elif name in _COMMANDS:
            await self._deliver_command(name, text, persona, place)
        else:
            self._note(persona, place, "web.slack_no_command")

    async def invite(self, channel: Channel) -> None:
        """Let Steady join a channel, as `/invite @Steady` does."""
        now = self._room.key()
        event = {"type": "member_joined_channel", "user": SLACK_BOT, "channel": channel.slack, "channel_type": "C"}
        await self._tell({**event, "team": SLACK_TEAM, "inviter": PERSONAS["sam"].slack_user, "event_ts": now})

    async def press(
        self, post: Post, presser: Persona, block_id: str, action_id: str, values: dict[str, dict[str, str]]
    ) -> bool:
        """Press a button or submit a line of a message; return False if the message has no such element."""
        found = element_of(post.content, block_id, action_id)
        if found is None:
            return False
        persona = post.persona or presser
        action: Payload = {
            "action_id": action_id,
            "block_id": block_id,
            "type": found["type"],
            "action_ts": self._room.key(),
        }
        if found["type"] == "plain_text_input":
            action["value"] = values.get(block_id, {}).get(action_id, "")
        else:
            action |= {key: found[key] for key in ("text", "value", "style") if key in found}
        channel = self._channel(persona, post.place)
        body: Payload = {
            "type": "block_actions",
            "user": {"id": persona.slack_user, "username": persona.key, "name": persona.key, "team_id": SLACK_TEAM},
            "api_app_id": SLACK_APP,
            "token": "playground",
            "container": {
                "type": "message",
                "message_ts": post.key,
                "channel_id": channel["id"],
                "is_ephemeral": post.private,
            },
            "trigger_id": self.modals.trigger(persona),
            "team": {"id": SLACK_TEAM, "domain": "playground"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": channel,
            "state": {"values": state_of(post.content, values)},
            "response_url": self._answer_at(_ResponseUrl(post, persona, post.place)),
            "actions": [action],
        }
        if not post.private:
            body["message"] = {"type": "message", "user": SLACK_BOT, "ts": post.key, **post.content}
        form = urlencode({"payload": json.dumps(body)}).encode()
        status, _, _ = await self._send(form, "application/x-www-form-urlencoded")
        if status != 200:
            self._note(persona, post.place, "web.slack_failed")
        return True

    async def _deliver_command(self, name: str, text: str, persona: Persona, place: Place) -> None:
        channel = self._channel(persona, place)
        form = {
            "token": "playground",
            "team_id": SLACK_TEAM,
            "team_domain": "playground",
            "channel_id": channel["id"],
            "channel_name": channel["name"],
            "user_id": persona.slack_user,
            "user_name": persona.key,
            "command": f"/{name}",
            "text": text[1:].partition(" ")[2],
            "api_app_id": SLACK_APP,
            "is_enterprise_install": "false",
            "response_url": self._answer_at(_ResponseUrl(None, persona, place)),
            "trigger_id": self.modals.trigger(persona),
        }
        status, kind, answer = await self._send(urlencode(form).encode(), "application/x-www-form-urlencoded")
        if status != 200:
            self._note(persona, place, "web.slack_failed")
        elif answer.strip():
            content = json.loads(answer) if kind == "application/json" else {"text": answer.decode(errors="replace")}
            self._show(content, persona, place, private=content.get("response_type") != "in_channel")

    async def _deliver_event(self, text: str, ts: str, persona: Persona, place: Place) -> None:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        event: Payload = {"user": persona.slack_user, "ts": ts, "event_ts": ts, "team": SLACK_TEAM}
        if place == "dm":
            event |= {"type": "message", "channel": persona.slack_dm, "channel_type": "im", "text": escaped}
        else:
            event |= {"type": "app_mention", "channel": CHANNELS[place].slack, "text": f"<@{SLACK_BOT}> {escaped}"}
        if await self._tell(event) != 200:
            self._note(persona, place, "web.slack_failed")

    async def _tell(self, event: Payload) -> int:
        """Send an event and return the status that it was answered with."""
        body = {
            "token": "playground",
            "team_id": SLACK_TEAM,
            "api_app_id": SLACK_APP,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(6).upper()}",
            "event_time": int(self._room.clock()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": SLACK_TEAM,
                    "user_id": SLACK_BOT,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        status, _, _ = await self._send(json.dumps(body).encode(), "application/json")
        return status

    async def _send(self, body: bytes, kind: str) -> tuple[int, str, bytes]:
        stamp = str(int(self._real_time()))
        signed = hmac.new(self.signing_secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
        }
        return await self._wire.post("slack", _PATH, body, headers)

    # ---- what the adapter asks of Slack

    async def _api(self, request: web.Request) -> web.Response:
        bearer = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(bearer, f"Bearer {self.token}".encode()):
            return _api_error("invalid_auth")
        call = await _read(request)
        match request.match_info["method"]:
            case "auth.test":
                answer: Payload = {
                    "url": "https://playground.invalid/",
                    "team": "Playground",
                    "team_id": SLACK_TEAM,
                    "user": "steady",
                    "user_id": SLACK_BOT,
                    "bot_id": "B0STEADY",
                }
            case "conversations.open":
                place = slack_place(str(call.get("users", "")))
                if place is None or place[0] is None:
                    return _api_error("user_not_found")
                answer = {"channel": {"id": place[0].slack_dm}}
            case "conversations.info":
                return _answer(slack_rooms.info(call))
            case "conversations.members":
                return _answer(slack_rooms.members(call))
            case "conversations.history":
                return _answer(slack_rooms.history(call, self._room))
            case "views.open":
                return _answer(self.modals.open(call))
            case "users.info":
                place = slack_place(str(call.get("user", "")))
                if place is None or place[0] is None:
                    return _api_error("user_not_found")
                person = place[0]
                answer = {"user": {"id": person.slack_user, "name": person.key, "real_name": person.name}}
            case "chat.postMessage" if isinstance(call.get("metadata"), dict):  # by it delivery finds its own again
                return await self.faults.happen(request, partial(self._post, call, private=False))
            case "chat.postMessage" | "chat.postEphemeral" as method:
                return self._post(call, private=method.endswith("Ephemeral"))
            case "chat.update":
                post = self._room.find("slack", key=str(call.get("ts", "")))
                if post is None or post.author != "steady":
                    return _api_error("message_not_found")
                self._replace(post, call)
                answer = {"channel": call.get("channel"), "ts": post.key}
            case _:
                return _api_error("unknown_method")
        return web.json_response({"ok": True, **answer})

    def _post(self, call: Payload, *, private: bool) -> web.Response:
        place = slack_place(str(call.get("channel", "")))
        if place is None:
            return _api_error("channel_not_found")
        reader = slack_place(str(call.get("user", ""))) if private else place
        if reader is None or (private and reader[0] is None):
            return _api_error("user_not_in_channel")
        if not (call.get("text") or call.get("blocks")):
            return _api_error("no_text")
        post = self._show(call, reader[0], place[1], private=private)
        key = "message_ts" if private else "ts"
        return web.json_response({"ok": True, "channel": call["channel"], key: post.key})

    async def _response(self, request: web.Request) -> web.Response:
        url = self._urls.get(request.match_info["key"])
        if url is None or url.uses >= _USES:
            return web.Response(status=404, text="expired_url")
        url.uses += 1
        body = await _read(request)
        if url.post is not None and body.get("replace_original"):
            self._replace(url.post, body)
        else:
            self._show(body, url.persona, url.place, private=body.get("response_type") != "in_channel")
        return web.Response(text="ok")

    # ---- what is shown

    def _show(self, message: Payload, persona: Persona | None, place: Place, *, private: bool) -> Post:
        content, size = content_of(message)
        post = Post("slack", "steady", persona, place, self._room.key(), content=content, size=size, private=private)
        return self._room.add(post)

    def _replace(self, post: Post, message: Payload) -> None:
        content, size = content_of(message)
        kept = {key: post.content[key] for key in ("metadata",) if key in post.content}
        self._room.edit(post, {**kept, **content}, size)

    def _note(self, persona: Persona, place: Place, note: str) -> None:
        self._room.add(Post("slack", "platform", persona, place, self._room.key(), private=True, note=note))

    def _channel(self, persona: Persona, place: Place) -> dict[str, str]:
        if place == "dm":
            return {"id": persona.slack_dm, "name": "directmessage"}
        return {"id": CHANNELS[place].slack, "name": CHANNELS[place].name}

    def _answer_at(self, url: _ResponseUrl) -> str:
        key = secrets.token_urlsafe(18)
        self._urls[key] = url
        while len(self._urls) > _URLS_KEPT:
            self._urls.popitem(last=False)
        return f"{self._response_url}{key}"


async def _read(request: web.Request) -> Payload:
    """Return the arguments of an API call: its query, and its body, JSON or form (whose nested values are JSON)."""
    if request.content_type != "application/json":
        form = dict(request.query)
        form |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        return form | {"blocks": _parsed(form["blocks"])} if "blocks" in form else dict(form)
    body = _parsed((await request.read()).decode(errors="replace"))
    return body if isinstance(body, dict) else {}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _answer(answer: Payload | str) -> web.Response:
    """Return the response of a method that was worked out elsewhere; a word names an error."""
    return _api_error(answer) if isinstance(answer, str) else web.json_response({"ok": True, **answer})


def _api_error(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error})
