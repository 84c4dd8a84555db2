"""What nobody is waiting for, sent once: posting, looking whether it arrived, and who is in a room.

Each call is one request with no retry: whoever repeats a post that may have arrived doubles it. What became of it
is said by the outcome, and the ledger decides.
"""

import asyncio
import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.payloads import string_in
from adapters.slack.render import Payload, compact, to_slack
from adapters.slack.timely import Timely
from chatbot.delivery.model import Absent, CantTell, Delivery, Failed, Later, Limits, Look, Outcome, Sent, Unknown
from chatbot.errors import SteadyError
from chatbot.language import legible
from chatbot.model import Mention, Message, Reply, Room
from chatbot.push_groups import Group
from chatbot.roles import GROUP, NotGranted
from chatbot.rooms import Standing

log = logging.getLogger("steady.slack.delivery")

#: The name of our metadata on a message; its payload holds the row's key.
EVENT_TYPE = "steady_delivery"
#: Slack's own limit for a conversation; it lets short bursts pass.
_PER_CONVERSATION = 1.0
#: A form can be opened for three seconds after somebody asked for it, whatever else there is to do.
_SECONDS_TO_TELL = 1.5
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
#: A post that is not on its way by then, connection and all, was held up by something that others took for our end.
_SECONDS_TO_LEAVE = 4.0
#: By Slack's clock a message may be a little older than the moment since which it may be there.
_SECONDS_BEFORE = 60
_LOOK_PAGES, _LOOK_PAGE = 3, 100
_MEMBER_PAGES, _MEMBER_PAGE = 10, 999

#: No connection was made, so nothing was asked.
_NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)

_BUSY = frozenset(("ratelimited", "rate_limited"))
#: What Slack says to an app that was not let see the user groups.
_NOT_GRANTED = frozenset(("missing_scope", "no_permission", "not_allowed_token_type"))
#: Slack is moving the workspace to an organisation, and takes nothing meanwhile.
_MOVING = frozenset(("team_added_to_org", "org_login_required"))
_SECONDS_TO_MOVE = 60.0
#: Slack broke down over it: it may have posted all the same.
_BROKEN = frozenset(("fatal_error", "internal_error", "service_unavailable", "request_timeout"))
_FAILURES: dict[str, Failed] = {
    "message_not_found": Failed("deleted"),
    **dict.fromkeys(
        ("channel_not_found", "not_in_channel", "user_not_found", "user_disabled", "user_not_visible", "cannot_dm_bot"),
        Failed("blocked", gone="target"),
    ),
    **dict.fromkeys(("is_archived", "is_inactive"), Failed("archived", gone="target")),
    **dict.fromkeys(
        ("account_inactive", "token_revoked", "token_expired", "invalid_auth", "not_authed", "team_not_found"),
        Failed("uninstalled", gone="lane"),
    ),
    **dict.fromkeys(
        (
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "access_denied",
            "accesslimited",
            "ekm_access_denied",
            "enterprise_is_restricted",
            "team_access_not_granted",
        ),
        Failed("no_scope", gone="lane"),
    ),
    **dict.fromkeys(
        (
            "restricted_action",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "restricted_action_non_threadable_channel",
        ),
        Failed("no_scope", gone="target"),
    ),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What Slack answered; `body` is empty if it can't be read, `wait` the seconds it asks us to wait."""

    status: int
    wait: float | None
    body: Payload

    @property
    def error(self) -> str:
        """Return Slack's short name for what is wrong; "" if nothing is."""
        if self.status == 429:
            return "ratelimited"
        if self.status >= 500 or not isinstance(self.body.get("ok"), bool):
            return "service_unavailable"
        return "" if self.body["ok"] else string_in(self.body, "error") or "fatal_error"


class SlackDelivery:
    """Posts rows of the ledger, looks for them, and knows who is in a room.

    It shares the session of `client`, which is open while the adapter runs, but none of its retries.
    """

    def __init__(self, client: AsyncWebClient, messages_per_second: float, looks_per_minute: float) -> None:
        self._client = client
        self.limits = Limits(_PER_CONVERSATION, messages_per_second, looks_per_minute / 60)

    async def send(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Post a message, with the row's key in its metadata."""
        message = {
            "channel": delivery.target,
            **to_slack(reply),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": delivery.key}},
            "unfurl_links": False,
        }
        return await self._write("chat.postMessage", message, delivery)

    async def amend(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Put a reply in the place of a message; its metadata stays, by which it may still be looked for."""
        channel, _, timestamp = delivery.reference.partition(":")
        message = {"channel": channel, "ts": timestamp, **to_slack(reply)}
        return await self._write("chat.update", message, delivery)

    async def _write(self, method: str, message: Payload, delivery: Delivery) -> Outcome:
        body = Timely(compact(message).encode(), _SECONDS_TO_LEAVE)
        try:
            answer = await self._ask(method, body, "application/json; charset=utf-8")
        except _NEVER_LEFT:
            return Later()
        except (aiohttp.ClientError, OSError):
            return Later() if body.missed else Unknown("no_answer")
        error = answer.error
        if not error:
            timestamp = string_in(answer.body, "ts")
            channel = string_in(answer.body, "channel") or delivery.target
            return Sent(f"{channel}:{timestamp}") if timestamp else Unknown("no_answer")
        if error in _BUSY:
            return Later(answer.wait)
        if error in _MOVING:
            return Later(_SECONDS_TO_MOVE)
        if error in _BROKEN:
            return Unknown("no_answer")
        if error not in _FAILURES:
            log.warning("Slack refused a message: %s", error)
        return _FAILURES.get(error, Failed("refused"))

    async def look(self, delivery: Delivery) -> Look:
        """Look in the conversation whether the row's message arrived."""
        query = {
            "channel": delivery.target,
            "oldest": f"{max(0.0, delivery.since - _SECONDS_BEFORE):.6f}",
            "limit": str(_LOOK_PAGE),
            "include_all_metadata": "true",
        }
        for _ in range(_LOOK_PAGES):
            try:
                answer = await self._read("conversations.history", query)
            except (aiohttp.ClientError, OSError):
                return Later()
            if answer.error in _BUSY:
                return Later(answer.wait)
            if answer.error in _BROKEN | _MOVING:
                return Later()
            if answer.error:
                return CantTell()
            for message in _list(answer.body, "messages"):
                if _key_of(message) == delivery.key:
                    return Sent(f"{delivery.target}:{string_in(message, 'ts')}")
            query["cursor"] = _next(answer.body)
            if not query["cursor"]:
                return Absent()
        return CantTell()  # so much was said since that to go on would cost more than it is worth

    async def standing(self, message: Message) -> Standing:
        """Return what the message's author is in its room, as Slack knows it at this moment."""
        room = message.room
        if room is None:
            return "cant_tell"
        try:
            return await (self._with_us(room, message.person) if room.personal else self._in(room, message.person))
        except (aiohttp.ClientError, OSError):
            return "cant_tell"

    async def name_of(self, message: Message) -> str:
        """Return the author's name in the workspace: a payload has no more than a handle, or none at all."""
        known = await self._user(message.person)
        named = string_in(known.get("profile"), "display_name")
        return legible(named or string_in(known, "real_name")) or message.name

    async def zone_of(self, workspace: str, person: str) -> str:
        """Return a person's time zone, "" if Slack does not say; no payload has it."""
        return string_in(await self._user(person), "tz")

    async def _user(self, person: str) -> Payload:
        """Return what Slack tells of a person, nothing if it can't be asked."""
        try:
            info = await self._read("users.info", {"user": person})
        except (aiohttp.ClientError, OSError):
            return {}
        user = info.body.get("user")
        return user if isinstance(user, dict) and not info.error else {}

    async def _with_us(self, room: Room, person: str) -> Standing:
        """Return "member" in the direct messages with us: a slash command works in other people's as well."""
        opened = await self._read("conversations.open", {"users": person})
        channel = opened.body.get("channel")
        if opened.error or not isinstance(channel, dict):
            return "cant_tell"
        return "member" if channel.get("id") == room.address else "no_bot"

    async def _in(self, room: Room, person: str) -> Standing:
        info = await self._read("conversations.info", {"channel": room.address})
        if info.error:  # a private channel that we are not in is not shown to us
            return "no_bot" if info.error == "channel_not_found" else "cant_tell"
        channel = info.body.get("channel")
        if not isinstance(channel, dict) or channel.get("is_member") is not True:
            return "no_bot"
        query = {"channel": room.address, "limit": str(_MEMBER_PAGE)}
        for _ in range(_MEMBER_PAGES):
            members = await self._read("conversations.members", query)
            if members.error:
                return "cant_tell"
            if person in _list(members.body, "members"):
                return "member"
            query["cursor"] = _next(members.body)
            if not query["cursor"]:
                return "stranger"
        return "cant_tell"

    async def groups(self, workspace: str, addresses: Collection[str]) -> Sequence[Group]:
        """Return the workspace's user groups but for disabled ones.

        Raises NotGranted, SteadyError or aiohttp's errors if Slack does not tell.
        """
        try:
            async with asyncio.timeout(_SECONDS_TO_TELL):
                answer = await self._read("usergroups.list", {"include_disabled": "false"})
        except TimeoutError:
            raise SteadyError("Slack does not tell in time which user groups there are.") from None
        if answer.error in _NOT_GRANTED:
            raise NotGranted("usergroups:read")
        if answer.error:
            raise SteadyError(f"Slack does not tell which user groups there are ({answer.error}).")
        found = ((string_in(one, "id"), _called(one)) for one in _list(answer.body, "usergroups"))
        return [Group(f"{GROUP}{group}", name) for group, name in found if group and name]

    async def members(self, workspace: str, group: str) -> Collection[str]:
        """Return the ids of a user group's members.

        Raises NotGranted, SteadyError or aiohttp's errors if Slack does not tell.
        """
        answer = await self._read("usergroups.users.list", {"usergroup": group})
        if answer.error in _NOT_GRANTED:
            raise NotGranted("usergroups:read")
        if answer.error:
            raise SteadyError(f"Slack does not tell who is in a user group ({answer.error}).")
        return frozenset(one for one in _list(answer.body, "users") if isinstance(one, str))

    async def owners(self, message: Message) -> None:
        """Return None: what Slack calls a team has no owners that an app could be told of."""

    async def identified(self, message: Message, mention: Mention) -> Mention:
        """Return a mention as it is: Slack names people the same way everywhere."""
        return mention

    async def _read(self, method: str, query: dict[str, str]) -> _Answer:
        """Ask with a form: not every reading method takes JSON."""
        return await self._ask(method, urlencode(query).encode(), "application/x-www-form-urlencoded")

    async def _ask(self, method: str, body: bytes | Timely, kind: str) -> _Answer:
        session = self._client.session
        if session is None:
            raise ConnectionError("the adapter is not started")
        headers = {"Authorization": f"Bearer {self._client.token}", "Content-Type": kind}
        async with session.post(
            f"{self._client.base_url}{method}",
            data=body,
            headers=headers,
            proxy=self._client.proxy,
            timeout=_TIMEOUT,
            allow_redirects=False,
        ) as response:
            return _Answer(
                response.status, _seconds(response.headers.get("Retry-After")), _parsed(await response.read())
            )


def _parsed(body: bytes) -> Payload:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else None


def _list(holder: Payload, key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _called(group: Any) -> str:
    """Return what people type to mention a user group, or else its name."""
    handle = string_in(group, "handle")
    return legible(f"@{handle}" if handle else string_in(group, "name"))


def _next(body: Payload) -> str:
    return string_in(body.get("response_metadata"), "next_cursor")


def _key_of(message: Any) -> str:
    metadata = message.get("metadata") if isinstance(message, dict) else None
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return ""
    return string_in(metadata.get("event_payload"), "key")
