"""What this program is measured against: `python -m bench.servers KIND PORT [FAR_END]`.

Each is the shortest program its framework's own documentation shows. It imports only what it needs, for its
start-up time and memory are measured too.
"""

import asyncio
import hashlib
import hmac
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.keys import APP_ID, APP_SECRET, SLACK_SECRET, SLACK_TOKEN

PATH_SLACK = "/slack/events"


def bolt(port: int, far_end: str) -> None:
    """Run Bolt's asynchronous hello-world with its defaults, on its own server."""
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    client = AsyncWebClient(token=SLACK_TOKEN, base_url=f"{far_end}/api/")
    app = AsyncApp(token=SLACK_TOKEN, signing_secret=SLACK_SECRET, client=client)

    @app.command("/steady")
    async def hello(ack: Any) -> None:
        await ack("hello")

    app.server(port=port, path=PATH_SLACK, host="127.0.0.1").start()


def aiohttp_hmac(port: int) -> None:
    """Run aiohttp with nothing but a check of Slack's signature."""
    from aiohttp import web

    async def hello(request: web.Request) -> web.Response:
        body = await request.read()
        timestamp = request.headers["X-Slack-Request-Timestamp"]
        if abs(time.time() - int(timestamp)) > 300:
            return web.Response(status=401)
        signed = b"v0:%s:%s" % (timestamp.encode(), body)
        wanted = "v0=" + hmac.new(SLACK_SECRET.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, request.headers["X-Slack-Signature"]):
            return web.Response(status=401)
        return web.Response(text="hello")

    _aiohttp(port, hello)


def aiohttp_echo(port: int) -> None:
    """Run aiohttp with nothing at all."""
    from aiohttp import web

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    _aiohttp(port, echo)


def _aiohttp(port: int, answer: Any) -> None:
    from aiohttp import web

    app = web.Application()
    app.router.add_post(PATH_SLACK, answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


def http_adapter(port: int, far_end: str = "") -> None:
    """Run botbuilder's echo on BotFrameworkHttpAdapter; without a far end, with its token checks off."""
    from aiohttp import web
    from botbuilder.core import BotFrameworkAdapterSettings
    from botbuilder.integration.aiohttp import BotFrameworkHttpAdapter

    if far_end:
        settings = BotFrameworkAdapterSettings(
            APP_ID, APP_SECRET, open_id_metadata=f"{far_end}/openid", app_credentials=_credentials(far_end)
        )
    else:
        settings = BotFrameworkAdapterSettings("", "")
    adapter, bot = BotFrameworkHttpAdapter(settings), _echo_bot()

    async def messages(request: web.Request) -> Any:
        return await adapter.process(request, None, bot)  # type: ignore[arg-type] # no web socket

    _bot_server(port, messages)


def cloud_adapter(port: int, far_end: str = "") -> None:
    """Run botbuilder's echo on CloudAdapter; without a far end, with its token checks off."""
    from aiohttp import web
    from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
    from botframework.connector.auth import ChannelValidation, PasswordServiceClientCredentialFactory

    class Factory(PasswordServiceClientCredentialFactory):
        """Hands out credentials that keep their token; the stock ones would fetch one with every turn."""

        async def create_credentials(self, *_: Any, **__: Any) -> Any:
            return credentials

    class Configuration:
        """A bot without an app id."""

        APP_ID = APP_PASSWORD = ""

    if far_end:
        ChannelValidation.open_id_metadata_endpoint = f"{far_end}/openid"
        credentials = _credentials(far_end)
        authentication = ConfigurationBotFrameworkAuthentication(
            Configuration(), credentials_factory=Factory(APP_ID, APP_SECRET)
        )
    else:
        authentication = ConfigurationBotFrameworkAuthentication(Configuration())
    adapter, bot = CloudAdapter(authentication), _echo_bot()

    async def messages(request: web.Request) -> Any:
        return await adapter.process(request, bot)

    _bot_server(port, messages)


def _echo_bot() -> Any:
    from botbuilder.core import ActivityHandler, MessageFactory, TurnContext

    class EchoBot(ActivityHandler):
        """Says what it was told."""

        async def on_message_activity(self, turn_context: TurnContext) -> None:
            await turn_context.send_activity(MessageFactory.text(f"Echo: {turn_context.activity.text}"))

    return EchoBot()


def _credentials(far_end: str) -> Any:
    """Return credentials with a token of the local far end, which Microsoft's library would want HTTPS for.

    It is fetched once and then had for nothing, which makes the stock adapters a little faster than they are.
    """
    import requests
    from botframework.connector.auth import MicrosoftAppCredentials

    class Credentials(MicrosoftAppCredentials):
        """Keeps its token for the minutes that this runs."""

        token = ""

        def get_access_token(self, force_refresh: bool = False) -> str:
            if not self.token:
                answer = requests.post(f"{far_end}/tenant/token", data={"client_id": APP_ID}, timeout=10)
                self.token = answer.json()["access_token"]
            return self.token

    return Credentials(APP_ID, APP_SECRET)


def _bot_server(port: int, messages: Any) -> None:
    from aiohttp import web
    from botbuilder.core.integration import aiohttp_error_middleware

    app = web.Application(middlewares=[aiohttp_error_middleware])
    app.router.add_post("/api/messages", messages)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


def steady_watched(_: int) -> None:
    """Run this program in asyncio's debug mode, which warns of everything that holds the event loop for over 50 ms."""
    from adapters.app import serve
    from chatbot.settings import load_settings

    async def watched() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.05
        await serve(load_settings(), lambda address: None)

    logging.basicConfig(level=logging.WARNING)
    asyncio.run(watched(), debug=True)


KINDS: dict[str, Callable[..., None]] = {
    "bolt": bolt,
    "aiohttp-hmac": aiohttp_hmac,
    "aiohttp-echo": aiohttp_echo,
    "http-adapter": http_adapter,
    "cloud-adapter": cloud_adapter,
    "steady-watched": steady_watched,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
