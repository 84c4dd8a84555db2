"""Answers that go out by themselves, after the request was acknowledged: Slack's Web API and response URLs."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient
from yarl import URL

from adapters.slack.payloads import place_of, string_in
from adapters.slack.render import Payload, compact, to_slack
from adapters.tasks import Tasks
from chatbot.incidents import log_incident
from chatbot.language import legible
from chatbot.model import Reply
from chatbot.settings import LOOPBACK

log = logging.getLogger("steady.slack")

#: Slack's libraries log whole requests when their own logger has no level; ours has one.
api_log = logging.getLogger("steady.slack.api")
api_log.setLevel(logging.WARNING)

_SECONDS_PER_CALL = 15
_SECONDS_TO_FINISH = 3
#: One answer with all its attempts. Slack may ask for long waits, and an answer of an hour ago helps nobody.
_SECONDS_PER_ANSWER = 300
_LONGEST_NAME = 80


class _Client(AsyncWebClient):
    """Slack's client, with one kind of error for all that is no answer of Slack's."""

    async def api_call(self, *arguments: Any, **named: Any) -> AsyncSlackResponse:
        """Call a method. Raises SlackApiError, aiohttp.ClientError or OSError."""
        try:
            return await super().api_call(*arguments, **named)
        except (AttributeError, ValueError, RecursionError) as error:
            # What stands before Slack answers with plain text when it is in trouble, over which the library breaks.
            raise SlackApiError("What answered was not Slack.", {}) from error  # type: ignore[no-untyped-call]


class Sender:
    """Sends replies, each in a task of its own so that no request waits for the network."""

    def __init__(self, token: str, api_url: str) -> None:
        retries = [
            AsyncRateLimitErrorRetryHandler(max_retry_count=3),
            # A kept connection that Slack closed meanwhile. One that can't be opened is not tried again.
            AsyncConnectionErrorRetryHandler(error_types=[aiohttp.ServerDisconnectedError]),
        ]
        self.client = _Client(token=token, base_url=api_url, logger=api_log, retry_handlers=retries)
        self._retries = retries
        self._under_way = Tasks()

    async def start(self) -> None:
        """Open the one HTTP session that all calls share."""
        self.client.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_SECONDS_PER_CALL), json_serialize=compact
        )
        if self.local:
            self.client.proxy = None  # a proxy from the environment has no business on loopback

    @property
    def local(self) -> bool:
        """Return whether the Web API is on this machine: a test's, or the playground's."""
        return urlsplit(self.client.base_url).hostname in LOOPBACK

    @property
    def is_full(self) -> bool:
        """Return whether no further answer can be taken on."""
        return self._under_way.is_full

    async def stop(self) -> None:
        """Let what is under way finish within a few seconds, then close the session."""
        if lost := await self._under_way.finish(_SECONDS_TO_FINISH):
            log.warning("stopped before %d answer(s) could be delivered to Slack", lost)
        if self.client.session:
            await self.client.session.close()

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work in the background; if it fails, that is logged with an id."""
        self._under_way.start(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(_SECONDS_PER_ANSWER):
                await work
        except SlackApiError as error:
            log.error("incident %s: an answer was not delivered; Slack says %s", log_incident(error), code_of(error))
        except Exception as error:  # nobody awaits this task
            log.error("incident %s: an answer was not delivered to Slack", log_incident(error))

    async def post(self, channel: str, reply: Reply, thread: str | None = None) -> None:
        """Post a reply in a conversation, for everybody in it to see."""
        await self.client.chat_postMessage(channel=channel, thread_ts=thread, **to_slack(reply))

    async def whisper(self, channel: str, person: str, reply: Reply, thread: str | None = None) -> None:
        """Show a reply to one person in a room; where that is refused or gets no answer, in a direct message."""
        try:
            await self.client.chat_postEphemeral(channel=channel, user=person, thread_ts=thread, **to_slack(reply))
            return
        except SlackApiError as error:
            log.info("a private answer in a room was refused (%s): sent as a direct message", code_of(error))
        except (aiohttp.ClientError, OSError) as error:  # twice is no harm, not at all would be
            log.info("a private answer in a room failed (%s): sent as a direct message", type(error).__name__)
        await self.direct(person, reply)

    async def direct(self, person: str, reply: Reply) -> None:
        """Post a reply in the direct messages with a person."""
        opened = await self.client.conversations_open(users=person)
        await self.post(opened["channel"]["id"], reply)

    async def name_of(self, channel: str) -> str:
        """Return what a public channel is called; "" of any other, whose name is for its members only."""
        try:
            about = (await self.client.conversations_info(channel=channel)).get("channel")
        except (SlackApiError, aiohttp.ClientError, OSError) as error:
            log.info("a channel's name could not be had: %s", type(error).__name__)
            return ""
        public = isinstance(about, dict) and about.get("is_private") is False
        return legible(string_in(about, "name"))[:_LONGEST_NAME] if public else ""

    async def open(self, trigger: str, view: Payload) -> bool:
        """Open a modal; return False if Slack did not: a trigger lives for three seconds, and opens one."""
        try:
            await self.client.views_open(trigger_id=trigger, view=view)
        except SlackApiError as error:
            log.info("a modal was not opened (%s): a button stands in for it", code_of(error))
            return False
        except (aiohttp.ClientError, OSError) as error:
            log.info("a modal was not opened (%s): a button stands in for it", type(error).__name__)
            return False
        return True

    async def follow(self, payload: Payload, reply: Reply) -> None:
        """Show a reply to whoever gave a slash command, after that was acknowledged."""
        url = payload.get("response_url")
        if self._is_slacks(url) and await self._respond(url, {"response_type": "ephemeral", **to_slack(reply)}):
            return
        await self.whisper(string_in(payload, "channel_id"), payload["user_id"], reply)

    async def replace(self, payload: Payload, reply: Reply) -> None:
        """Put a reply in the place of the message whose button was pressed."""
        url = payload.get("response_url")
        if self._is_slacks(url) and await self._respond(url, {"replace_original": True, **to_slack(reply)}):
            return
        place = place_of(payload)
        if place.private:  # such a message can't be updated, only followed by another
            await self.whisper(place.channel, payload["user"]["id"], reply, place.thread)
        else:
            await self.client.chat_update(channel=place.channel, ts=place.message, **to_slack(reply))

    def _is_slacks(self, url: object) -> TypeGuard[str]:
        """Return whether a response URL is Slack's: of the Web API's own server, or of `hooks.` before its name.

        Only Slack can sign one, but should the signing secret leak, nobody shall send us to other servers with it.
        """
        if not isinstance(url, str):
            return False
        try:
            wanted, ours = URL(url), URL(self.client.base_url)
        except ValueError:
            return False
        return (wanted.scheme, wanted.port, wanted.user) == (ours.scheme, ours.port, None) and wanted.host in (
            ours.host,
            f"hooks.{ours.host}",
        )

    async def _respond(self, url: str, message: Payload) -> bool:
        """Use a response URL; return whether Slack took it. They live for 30 minutes and five uses."""
        webhook = AsyncWebhookClient(url, session=self.client.session, logger=api_log, retry_handlers=self._retries)
        webhook.proxy = self.client.proxy
        try:
            response = await webhook.send_dict(message)
        except (aiohttp.ClientError, OSError) as error:  # the same message twice is no harm, none at all would be
            log.info("a response URL can't be reached (%s): the answer goes another way", type(error).__name__)
            return False
        if response.status_code != 200:
            log.info("a response URL was refused (%d): the answer goes another way", response.status_code)
        return response.status_code == 200


def code_of(error: SlackApiError) -> str:
    """Return Slack's short name for an error. The response itself may quote the message."""
    try:
        return str(error.response.get("error") or error.response.status_code)
    except (AttributeError, json.JSONDecodeError):
        return "no readable answer"
