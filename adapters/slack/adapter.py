"""The Slack adapter: settings and a coach in, a surface of the program out."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.delivery import SlackDelivery
from adapters.slack.front import FrontDoor
from adapters.slack.inbox import Inbox
from adapters.slack.listeners import register
from adapters.slack.sending import Sender, code_of
from adapters.slack.socket_mode import SocketMode
from chatbot.coach import Coach
from chatbot.errors import SettingsError
from chatbot.settings import Settings

log = logging.getLogger("steady.slack")

#: Bolt quotes requests in its warnings, so only its errors are let through; ours go by incident id.
_bolt_log = logging.getLogger("steady.slack.bolt")
_bolt_log.setLevel(logging.ERROR)

_SECONDS_TO_CHECK = 3
#: What Slack says when a token can't work, however often it is tried.
_WRONG_TOKEN = frozenset(
    ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type")
)


class SlackAdapter:
    """Serves one Slack workspace, over HTTP, Socket Mode or both."""

    def __init__(self, settings: Settings, coach: Coach, *, clock: Callable[[], float] = time.time) -> None:
        self._app_token = settings.slack_app_token.get_secret_value()
        self._signing_secret = settings.slack_signing_secret.get_secret_value()
        self._clock = clock
        self._coach = coach
        token = settings.slack_bot_token.get_secret_value()
        self._sender = Sender(token, settings.slack_api_url)
        #: Sends what nobody is waiting for, and knows who is in a room.
        self.delivery = SlackDelivery(
            self._sender.client, settings.slack_messages_per_second, settings.slack_looks_per_minute
        )
        app = _bolt(token)
        on_command = register(app, coach, self._sender, clock)
        self._inbox = Inbox(app, on_command, lambda: self._sender.is_full, clock)
        self._socket: SocketMode | None = None

    def routes(self, prefix: str = "") -> Sequence[web.AbstractRouteDef]:
        """Return the route of HTTP mode; none without a signing secret, for then nobody could be let in."""
        if not self._signing_secret:
            return []
        door = FrontDoor(self._signing_secret, self._inbox, self._clock)
        return [web.post(f"{prefix}/slack/events", door.handle)]

    async def start(self) -> None:
        """Check the tokens and open what is needed.

        Raises SettingsError if Slack says that a token is wrong. If Slack can't be reached the program goes on:
        it is better up and late than down.
        """
        await self._sender.start()
        try:
            who = await self._check("SLACK_BOT_TOKEN", self._sender.client.auth_test)
            if who:
                log.info("Slack: %s in workspace %s", who["user"], who["team"])
                # Slack tells when the app is removed, but not when it is installed again.
                await self._coach.room_changed(f"slack:{who['team_id']}", None, "back")
            if self._app_token:
                opened = await self._check(
                    "SLACK_APP_TOKEN", self._sender.client.apps_connections_open, self._app_token
                )
                url = str(opened["url"]) if opened else None
                self._socket = SocketMode(self._app_token, self._inbox, self._sender.client, url)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close the socket, let the answers under way finish, close the session."""
        if self._socket:
            await self._socket.stop()
            self._socket = None
        await self._sender.stop()

    async def _check(
        self, setting: str, call: Callable[..., Any], token: str | None = None
    ) -> AsyncSlackResponse | None:
        try:
            async with asyncio.timeout(_SECONDS_TO_CHECK):
                answer: AsyncSlackResponse = await (call(app_token=token) if token else call())
                return answer
        except SlackApiError as error:
            reason = code_of(error)
            if reason in _WRONG_TOKEN:
                raise SettingsError(
                    f"{setting} is not accepted by Slack ({reason}). Copy it again from your app's page at "
                    "https://api.slack.com/apps, after installing the app to the workspace."
                ) from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            # On this machine it is the playground's, served by this very process, which listens in a moment.
            reason = "it can't be reached"
            if self._sender.local:
                return None
        log.warning("Slack did not confirm %s (%s); going on without", setting, reason)
        return None


class _OneWorkspace(AsyncAuthorize):
    """Says who we are without asking Slack again with every request."""

    def __init__(self, token: str) -> None:
        self._result = AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token)

    async def __call__(self, **_: Any) -> AuthorizeResult:
        return self._result


def _bolt(token: str) -> AsyncApp:
    """Return Bolt without what the front door has done already."""
    return AsyncApp(
        name=_bolt_log.name,  # Bolt gives the logger of this name the level of its own
        logger=_bolt_log,
        client=AsyncWebClient(logger=_bolt_log),
        authorize=_OneWorkspace(token),
        process_before_response=True,  # else it looks for the answer only every 10 ms
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
