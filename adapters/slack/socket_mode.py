"""Socket Mode: the same payloads over a connection that we open ourselves, so no public address is needed."""

import asyncio
import json
import logging

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.inbox import Inbox
from adapters.slack.payloads import MalformedError
from adapters.slack.render import compact


class _WithoutDetails(logging.Filter):
    """Cuts warnings and errors at the first bracket or colon: they quote the URL, which holds a ticket."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            record.msg = record.getMessage().partition("(")[0].partition(":")[0].strip()
            record.args = record.exc_info = record.exc_text = None
        return True


_log = logging.getLogger("steady.slack.socket")
_log.setLevel(logging.INFO)
_log.addFilter(_WithoutDetails())


class SocketMode:
    """Keeps the connection open and answers what comes over it."""

    def __init__(self, app_token: str, inbox: Inbox, web: AsyncWebClient, url: str | None) -> None:
        self._inbox = inbox
        self._client = SocketModeClient(app_token=app_token, logger=_log, web_client=web, ping_interval=10)
        self._client.proxy = web.proxy
        self._client.wss_uri = url
        self._client.socket_mode_request_listeners.append(self._answer)
        # It tries until it succeeds, and the program need not wait for that.
        self._connecting = asyncio.create_task(self._client.connect())  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        """Close the connection."""
        self._connecting.cancel()
        await asyncio.gather(self._connecting, return_exceptions=True)
        await self._client.close()  # type: ignore[no-untyped-call]
        await asyncio.gather(self._client.message_processor, return_exceptions=True)

    async def _answer(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer: dict[str, object] = {"envelope_id": request.envelope_id}
        try:
            response = await self._inbox.take(request.payload, request.envelope_id)
        except MalformedError:
            _log.warning("Slack sent a payload that lacks something; it was left unanswered")
        else:
            if response.status != 200:
                return  # without an acknowledgement Slack sends it again
            if response.body:
                answer["payload"] = json.loads(response.body)
        await client.send_message(compact(answer))
