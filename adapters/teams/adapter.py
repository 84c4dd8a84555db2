"""The door that Teams comes in by: POST /api/messages."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence

import aiohttp
from aiohttp import web

from adapters.teams.auth import Gate, IdentityUnreachableError, Keys, UnauthorizedError
from adapters.teams.connector import Connector
from adapters.teams.delivery import TeamsDelivery
from adapters.teams.handler import CoachBot, Turns
from adapters.teams.outbox import DRAIN, Outbox
from chatbot.coach import Coach
from chatbot.errors import SettingsError
from chatbot.incidents import log_incident
from chatbot.settings import Settings

log = logging.getLogger("steady.teams")

#: Teams sends far less; this bounds what a stranger can make us read.
LARGEST_BODY = 256 * 1024
#: Seconds that a body may take to arrive.
SECONDS_TO_SEND = 10.0
#: Seconds for one call to Microsoft; Teams itself gives up on us after 15.
CALL_TIMEOUT = aiohttp.ClientTimeout(total=10)


class TeamsAdapter:
    """Teams as a surface of the coach.

    Every request is checked: there is no way to turn that off. Raises SettingsError without an app id, which would
    turn the SDK's own checks off, and for a wrong service URL. The clock returns seconds since 1970.
    """

    def __init__(self, settings: Settings, coach: Coach, *, clock: Callable[[], float] = time.time) -> None:
        if not settings.microsoft_app_id:
            raise SettingsError("Teams needs the bot's app id: set MicrosoftAppId, and MicrosoftAppPassword with it.")
        self._settings = settings
        self._coach = coach
        self._clock = clock
        #: Sends what nobody is waiting for, and knows who is in a room.
        self.delivery = TeamsDelivery(settings)
        self._turns = Turns()
        self._session: aiohttp.ClientSession
        self._gate: Gate
        self._outbox: Outbox
        self._bot: CoachBot

    def routes(self, prefix: str = "") -> Sequence[web.AbstractRouteDef]:
        """Return the messaging endpoint, its path beginning with `prefix`."""
        return [web.post(f"{prefix}/api/messages", self._receive)]

    async def start(self) -> None:
        """Open the HTTP session. Keys and token are fetched when first needed, so Microsoft may be down now."""
        self._session = aiohttp.ClientSession(timeout=CALL_TIMEOUT)
        self._gate = Gate(
            self._settings,
            Keys(self._settings.teams_openid_metadata_url, self._session, self._clock),
            self._clock,
        )
        connector = Connector(self._settings, self._session, self._clock)
        self._outbox = Outbox(connector, self._coach.strings)
        self._bot = CoachBot(self._coach, self._outbox, self._gate.is_ours, self._clock)
        self.delivery.open(connector)

    async def stop(self, seconds: float = DRAIN) -> None:
        """Finish the answers under way, within some seconds, and close the session."""
        await self._outbox.drain(seconds)
        self.delivery.close()
        await self._session.close()

    async def _receive(self, request: web.Request) -> web.Response:
        """Check, understand and take on one activity; a failure of ours is a 503, after which Teams comes again."""
        try:
            return await self._checked(request)
        except UnauthorizedError as error:
            log.warning("refused a request: %s", error)
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        except IdentityUnreachableError:
            return _come_again()
        except web.HTTPException:
            raise
        except Exception as error:  # its text could quote the message, so it must not reach aiohttp's log
            log_incident(error)
            return _come_again()

    async def _checked(self, request: web.Request) -> web.Response:
        if (request.content_length or 0) > LARGEST_BODY:
            raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, request.content_length or 0)
        # The token first: nothing of a stranger's body is read.
        caller = await self._gate.check_token(request.headers.get("Authorization"))
        try:
            async with asyncio.timeout(SECONDS_TO_SEND):
                body = await request.read()
        except TimeoutError:
            return web.Response(status=408)
        except web.RequestPayloadError:  # it does not unpack
            return web.Response(status=400, text="The body can't be read.")
        if len(body) > LARGEST_BODY:  # sent in chunks, which tell no length beforehand
            raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, len(body))
        try:
            activity = json.loads(body)
        except (ValueError, RecursionError):
            return web.Response(status=400, text="The body is no JSON.")
        if not isinstance(activity, dict) or not isinstance(activity.get("type"), str):
            return web.Response(status=400, text="The body is no activity.")
        self._gate.check_activity(caller, activity)
        if self._outbox.is_full:
            return _come_again()
        invoked = await self._turns.run(self._bot, activity)
        if invoked is None:
            return web.Response()
        if invoked.body is None:
            return web.Response(status=invoked.status)
        return web.json_response(invoked.body, status=invoked.status, dumps=_compact)


def _come_again() -> web.Response:
    return web.Response(status=503, headers={"Retry-After": "5"})


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
