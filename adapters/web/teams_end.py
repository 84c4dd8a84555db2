"""Teams' part in the playground: activities with RSA-signed tokens in, the Bot Framework connector at the far end."""

import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.web.faults import Faults
from adapters.web.guard import Guard
from adapters.web.people import (
    BOT_NAME,
    CHANNELS,
    PERSONAS,
    TEAMS_TEAM,
    TEAMS_TENANT,
    Channel,
    Persona,
    Place,
    teams_place,
)
from adapters.web.room import Payload, Post, Room
from adapters.web.wire import Wire
from chatbot.model import Language

CARD = "application/vnd.microsoft.card.adaptive"

_PATH = "/api/messages"
_TOKEN_SECONDS = 3600


class TeamsEnd:
    """Microsoft's identity service and the connector, as far as the adapter can tell."""

    def __init__(self, room: Room, wire: Wire, origin: str, prefix: str, real_time: Callable[[], float]) -> None:
        self.app_id = str(uuid.uuid4())
        self.password = secrets.token_urlsafe(24)
        self._prefix = f"{prefix}/playground/far/teams"
        self.service_url = f"{origin}{self._prefix}/"
        self.metadata_url = f"{self.service_url}openid"
        self.token_url = f"{self.service_url}token"
        self.issuer = self.service_url
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(8)
        self._bot_token = secrets.token_urlsafe(32)
        self._room = room
        self._wire = wire
        self._real_time = real_time
        self.faults = Faults()

    def routes(self, guard: Guard) -> Sequence[web.AbstractRouteDef]:
        """Return identity service and connector."""
        paths = [
            ("GET", "openid", self._openid),
            ("GET", "keys", self._keys),
            ("POST", "token", self._token),
            ("POST", "v3/conversations", self._create),
            ("GET", "v3/conversations/{conversation}/members/{member}", self._member),
            ("POST", "v3/conversations/{conversation}/activities", self._post),
            ("POST", "v3/conversations/{conversation}/activities/{activity}", self._post),
            ("PUT", "v3/conversations/{conversation}/activities/{activity}", self._put),
        ]
        return [
            web.route(method, f"{self._prefix}/{path}", guard.open(self._wire.heard("teams", handler)))
            for method, path, handler in paths
        ]

    # ---- what an agent does

    async def say(self, text: str, persona: Persona, place: Place, language: Language) -> None:
        """Send what an agent typed, in the channel as a mention."""
        mine = self._room.add(Post("teams", "agent", persona, place, self._room.key(), text))
        activity = self._activity("message", mine.key, persona, place, language)
        mention = f"<at>{BOT_NAME}</at>"
        activity |= {"text": text if place == "dm" else f"{mention} {text}", "textFormat": "plain"}
        if place != "dm":
            activity["entities"].append({"type": "mention", "mentioned": activity["recipient"], "text": mention})
        status, _ = await self._send(activity)
        if status not in (200, 201, 202):
            self._note(persona, place)

    async def restore(self, channel: Channel) -> None:
        """Tell of a channel as when somebody restores it: Steady takes note of it, and greets nobody."""
        activity = self._activity("conversationUpdate", self._room.key(), PERSONAS["sam"], channel.key, Language.EN)
        activity["channelData"] |= {
            "eventType": "channelRestored",
            "channel": {"id": channel.teams, "name": channel.name},
        }
        await self._send(activity)

    async def press(self, post: Post, presser: Persona, verb: str, data: Payload, language: Language) -> bool:
        """Execute an action of a card; return False if the card has no such action."""
        found = next(
            (a for a in _actions(post.content) if a.get("verb", "") == verb and _within(a.get("data"), data)), None
        )
        if found is None:
            return False
        persona = post.persona or presser
        activity = self._activity("invoke", self._room.key(), persona, post.place, language, thread=post.key)
        action = {"type": "Action.Execute", "title": found.get("title", ""), "verb": verb, "data": data}
        activity |= {
            "name": "adaptiveCard/action",
            "value": {"action": action, "trigger": "manual"},
            "replyToId": post.key,
        }
        status, answer = await self._send(activity)
        kind, value = answer.get("type"), answer.get("value")
        if status == 200 and kind == CARD and isinstance(value, dict):
            self._replace(post, {"type": "message", "attachments": [{"contentType": CARD, "content": value}]})
        elif status == 200 and kind == "application/vnd.microsoft.activity.message":
            told = {"type": "message", "text": str(value), "isTargeted": True}
            self._show(told, persona, post.place, self._room.key())
        elif status != 200 or answer.get("statusCode", 200) != 200:
            self._note(persona, post.place)
        return True

    def _activity(
        self, kind: str, key: str, persona: Persona, place: Place, language: Language, thread: str = ""
    ) -> Payload:
        channel_data: Payload = {"tenant": {"id": TEAMS_TENANT}}
        if place == "dm":
            conversation: Payload = {"conversationType": "personal", "tenantId": TEAMS_TENANT, "id": persona.teams_dm}
        else:
            channel = CHANNELS[place]
            conversation = {
                "conversationType": "channel",
                "tenantId": TEAMS_TENANT,
                "isGroup": True,
                "id": f"{channel.teams};messageid={thread or key}",
                "name": channel.name,
            }
            channel_data |= {
                "teamsChannelId": channel.teams,
                "teamsTeamId": TEAMS_TEAM,
                "channel": {"id": channel.teams},
                "team": {"id": TEAMS_TEAM},
            }
        now = datetime.fromtimestamp(self._room.clock(), UTC).isoformat(timespec="milliseconds")
        return {
            "type": kind,
            "id": key,
            "timestamp": now.replace("+00:00", "Z"),
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": persona.teams_user, "name": persona.name, "aadObjectId": persona.teams_aad},
            "conversation": conversation,
            "recipient": {"id": f"28:{self.app_id}", "name": BOT_NAME},
            "locale": str(language),
            "entities": [{"type": "clientInfo", "locale": str(language), "platform": "Web"}],
            "channelData": channel_data,
        }

    async def _send(self, activity: Payload) -> tuple[int, Payload]:
        now = int(self._real_time())
        claims = {
            "iss": self.issuer,
            "aud": self.app_id,
            "iat": now,
            "nbf": now,
            "exp": now + _TOKEN_SECONDS,
            "serviceurl": self.service_url,
        }
        token = jwt.encode(claims, self._key, "RS256", headers={"kid": self._key_id})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        status, _, answer = await self._wire.post("teams", _PATH, json.dumps(activity).encode(), headers)
        try:
            body = json.loads(answer or b"{}")
        except ValueError:
            body = {}
        return status, body if isinstance(body, dict) else {}

    # ---- what the adapter asks of Microsoft

    async def _openid(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.service_url}keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def _keys(self, request: web.Request) -> web.Response:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        ours = {**key, "use": "sig", "alg": "RS256", "kid": self._key_id, "endorsements": ["msteams"]}
        return web.json_response({"keys": [ours]})

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl((await request.read()).decode(errors="replace")))
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        if not all(_same(*pair) for pair in zip(given, (self.app_id, self.password), strict=True)):
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response(
            {"token_type": "Bearer", "expires_in": _TOKEN_SECONDS, "access_token": self._bot_token}
        )

    async def _create(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        members = body.get("members")
        ids = [member.get("id") for member in members if isinstance(member, dict)] if isinstance(members, list) else []
        found = next((p for p in PERSONAS.values() if p.teams_user in ids or p.teams_aad in ids), None)
        if found is None:
            return _error(400, "BadArgument", "no such member")
        answer = {"id": found.teams_dm}
        activity = body.get("activity")
        if isinstance(activity, dict):
            answer["activityId"] = self._show(activity, found, "dm", self._room.key()).key
        return web.json_response(answer, status=201)

    async def _member(self, request: web.Request) -> web.Response:
        self._check(request)
        if teams_place(request.match_info["conversation"]) is None:
            return _error(404, "ConversationNotFound", "no such conversation")
        asked = request.match_info["member"]
        found = next((p for p in PERSONAS.values() if asked in (p.teams_user, p.teams_aad)), None)
        if found is None:
            return _error(404, "MemberNotFoundInConversation", "no such member")
        return web.json_response(
            {"id": found.teams_user, "name": found.name, "objectId": found.teams_aad, "tenantId": TEAMS_TENANT}
        )

    async def _post(self, request: web.Request) -> web.Response:
        activity = await self._body(request)
        place = teams_place(request.match_info["conversation"])
        if place is None:
            return _error(404, "ConversationNotFound", "no such conversation")

        def accept() -> web.Response:
            key = self._room.key()
            if activity.get("type") == "message":
                self._show(activity, place[0], place[1], key)
            return web.json_response({"id": key}, status=201)

        channel_data = activity.get("channelData")
        if isinstance(channel_data, dict) and "steady" in channel_data:  # there delivery puts the key of its row
            return await self.faults.happen(request, accept)
        return accept()

    async def _put(self, request: web.Request) -> web.Response:
        activity = await self._body(request)
        post = self._room.find("teams", key=request.match_info["activity"])
        if post is None or post.author != "steady":
            return _error(404, "ActivityNotFoundInConversation", "no such message")
        self._replace(post, activity)
        return web.json_response({"id": post.key})

    async def _body(self, request: web.Request) -> Payload:
        """Return what was sent, if it bears the token that only our own adapter was given; 401 and 400 otherwise."""
        self._check(request)
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise web.HTTPBadRequest
        return body

    def _check(self, request: web.Request) -> None:
        if not _same(request.headers.get("Authorization", ""), f"Bearer {self._bot_token}"):
            raise web.HTTPUnauthorized

    # ---- what is shown

    def _show(self, activity: Payload, persona: Persona | None, place: Place, key: str) -> Post:
        content, size = _content(activity)
        private = place != "dm" and bool(activity.get("isTargeted"))
        post = Post("teams", "steady", persona, place, key, content=content, size=size, private=private)
        return self._room.add(post)

    def _replace(self, post: Post, activity: Payload) -> None:
        self._room.edit(post, *_content(activity))

    def _note(self, persona: Persona, place: Place) -> None:
        self._room.add(
            Post("teams", "platform", persona, place, self._room.key(), private=True, note="web.teams_failed")
        )


def card_of(content: Payload) -> Payload | None:
    """Return the first Adaptive Card of a message."""
    attachments = content.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else ():
        if isinstance(attachment, dict) and attachment.get("contentType") == CARD:
            card = attachment.get("content")
            return card if isinstance(card, dict) else None
    return None


def _content(activity: Payload) -> tuple[Payload, int]:
    """Return what a message shows, and its bytes in UTF-16, which is how Teams counts."""
    content = {key: activity[key] for key in ("type", "text", "summary", "attachments") if activity.get(key)}
    return content, len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-16-le"))


def _actions(node: Any) -> list[Payload]:
    """Return every Action.Execute anywhere in a card."""
    if isinstance(node, list):
        return [action for item in node for action in _actions(item)]
    if not isinstance(node, dict):
        return []
    inner = [action for value in node.values() for action in _actions(value)]
    return [node, *inner] if node.get("type") == "Action.Execute" else inner


def _within(given: Any, data: Payload) -> bool:
    """Return whether `data` is what the card gave the action, plus perhaps what was typed into its inputs."""
    return not isinstance(given, dict) or all(data.get(key) == value for key, value in given.items())


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
