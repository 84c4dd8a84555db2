"""The HTTP door in front of Bolt, which answers 500 to a broken payload and logs bodies whose signature is wrong.

Nothing of a request is looked at before its signature is found right, and nothing of it is ever logged.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from adapters.slack.inbox import Inbox
from adapters.slack.payloads import MalformedError, kind_of, parse

#: Slack's largest requests are a few kilobytes.
MOST_BYTES = 256 * 1024
#: How far the time of a request may be from ours, either way.
MOST_SECONDS_APART = 300
#: Slack gives up after three; whoever takes longer to send a body only holds the connection.
SECONDS_TO_SEND = 10.0


class FrontDoor:
    """Lets Slack's own requests in: size, signature, form."""

    def __init__(self, signing_secret: str, inbox: Inbox, clock: Callable[[], float]) -> None:
        self._secret = signing_secret.encode()
        self._inbox = inbox
        self._clock = clock

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request: 408 too slow, 413 too large, 401 not Slack's, 400 malformed, else what the inbox says."""
        try:
            async with asyncio.timeout(SECONDS_TO_SEND):
                body = await _read(request)
        except TimeoutError:
            return web.Response(status=408)
        except (web.RequestPayloadError, HttpProcessingError):
            return web.Response(status=400)
        if body is None:
            return web.Response(status=413)
        signature = request.headers.get("X-Slack-Signature", "")
        if not self._signed(request.headers.get("X-Slack-Request-Timestamp", ""), signature, body):
            return web.Response(status=401)
        try:
            payload = parse(body)
            if kind_of(payload) == "verification":
                return web.json_response({"challenge": payload["challenge"]})
            # The same signature means the same bytes in the same second: a request that was recorded and replayed.
            answer = await self._inbox.take(payload, signature)
        except MalformedError:
            return web.Response(status=400)
        if not answer.body:
            return web.Response(status=answer.status)
        return web.Response(status=answer.status, text=answer.body, content_type="application/json")

    def _signed(self, timestamp: str, signature: str, body: bytes) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            return False
        if abs(self._clock() - int(timestamp)) > MOST_SECONDS_APART:
            return False
        wanted = "v0=" + hmac.digest(self._secret, b"v0:%s:%s" % (timestamp.encode(), body), hashlib.sha256).hex()
        return hmac.compare_digest(wanted.encode(), signature.encode(errors="surrogateescape"))


async def _read(request: web.Request) -> bytes | None:
    """Return the body, or None as soon as it proves too large."""
    if (request.content_length or 0) > MOST_BYTES:
        return None
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)
