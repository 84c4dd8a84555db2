"""The way out: calls to the Bot Framework connector and to Microsoft Graph, with the bot's own tokens.

What answers a person is tried again within bounds; delivery makes its requests by `once`, and decides itself.
"""

import asyncio
import json
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp
from yarl import URL

from adapters.teams.activity import Json, part, text_at
from chatbot.errors import SteadyError
from chatbot.settings import Settings

log = logging.getLogger("steady.teams.connector")

SCOPE = "https://api.botframework.com/.default"
#: A token is renewed this many seconds before it runs out.
RENEW_EARLY = 300
#: Stands for the status of a call that got no answer.
NO_ANSWER = 0
#: What Microsoft says may be tried again: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
TRY_AGAIN = frozenset({NO_ANSWER, 412, 429, 502, 503, 504})
ATTEMPTS = 4
#: Seconds for one answer with all its attempts; who asked has long looked elsewhere by then.
DEADLINE = 30.0
FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0


class ConnectorError(SteadyError):
    """A call to the connector failed for good. `status` is its HTTP status, or NO_ANSWER."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(what)
        self.status = status


class NoTokenError(ConnectorError):
    """Microsoft gave the bot no token, so nothing was asked of the connector."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the connector answered: its status, the seconds that it asks us to wait, and the body, {} if unreadable."""

    status: int
    wait: float | None = None
    body: Json = field(default_factory=dict)

    @property
    def error(self) -> str:
        """Return the connector's name for what is wrong, such as "ConversationNotFound"."""
        return text_at(part(self.body, "error"), "code")


class BotToken:
    """A token of the bot's own for one tenant and scope, fetched when first needed and by one call at a time."""

    def __init__(
        self, settings: Settings, session: aiohttp.ClientSession, clock: Callable[[], float], tenant: str, scope: str
    ) -> None:
        self._url = settings.teams_token_url.replace("{tenant}", quote(tenant, safe=""))
        self._form = {
            "grant_type": "client_credentials",
            "client_id": settings.microsoft_app_id,
            "client_secret": settings.microsoft_app_password.get_secret_value(),
            "scope": scope,
        }
        self._session = session
        self._clock = clock
        self._token = ""
        self._renew_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def get(self) -> str:
        """Return a token that is good for some minutes yet. Raises NoTokenError if the bot gets none."""
        if self._clock() < self._renew_at:
            return self._token
        async with self._fetching:
            if self._clock() >= self._renew_at:  # not renewed while this call waited for the lock
                await self._fetch()
            return self._token

    def forget(self, token: str) -> None:
        """Fetch a new token next time, unless `token` has been replaced already."""
        if token == self._token:
            self._renew_at = float("-inf")

    async def _fetch(self) -> None:
        try:
            async with self._session.post(self._url, data=self._form, allow_redirects=False) as response:
                if response.status != 200:
                    raise NoTokenError(
                        f"Microsoft gave the bot no token (HTTP {response.status}): "
                        "check MicrosoftAppId, MicrosoftAppPassword, MicrosoftAppType and MicrosoftAppTenantId.",
                        response.status,
                    )
                answer = await response.json(content_type=None)
                self._token = str(answer["access_token"])
                self._renew_at = self._clock() + float(answer["expires_in"]) - RENEW_EARLY
        except (aiohttp.ClientError, OSError) as error:
            log.info("no answer from TEAMS_TOKEN_URL: %s", type(error).__name__)
            raise NoTokenError("TEAMS_TOKEN_URL can't be reached.", NO_ANSWER) from error
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise NoTokenError("What TEAMS_TOKEN_URL answers is no token: check that address.", 200) from error


class Connector:
    """Calls the connector of the service URL that an activity came from."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession, clock: Callable[[], float]) -> None:
        single = settings.microsoft_app_type == "SingleTenant"
        tenant = settings.microsoft_app_tenant_id if single else "botframework.com"
        self._settings = settings
        self._session = session
        self._clock = clock
        self.token = BotToken(settings, session, clock, tenant, SCOPE)

    def token_for(self, tenant: str, scope: str) -> BotToken:
        """Return a token for another service, of the tenant whose data is asked for; it is to be kept."""
        return BotToken(self._settings, self._session, self._clock, tenant, scope)

    async def send(self, service_url: str, conversation: str, activity: Json) -> None:
        """Post an activity to a conversation, as the answer to its `replyToId` if it has one."""
        path = f"v3/conversations/{quote(conversation, safe='')}/activities"
        if activity.get("replyToId"):
            path += f"/{quote(activity['replyToId'], safe='')}"
        await self._call("POST", service_url, path, activity)

    async def update(self, service_url: str, conversation: str, activity_id: str, activity: Json) -> None:
        """Put an activity in the place of one that was sent before."""
        path = f"v3/conversations/{quote(conversation, safe='')}/activities/{quote(activity_id, safe='')}"
        await self._call("PUT", service_url, path, activity)

    async def open_chat(self, service_url: str, bot: Json, person: Json, tenant: str) -> str:
        """Return the id of the conversation between the bot and one person, which is made if there is none."""
        body = {
            "bot": bot,
            "members": [person],
            "isGroup": False,
            "tenantId": tenant,
            "channelData": {"tenant": {"id": tenant}},
        }
        answer = await self._call("POST", service_url, "v3/conversations", body)
        conversation = answer.get("id")
        if not isinstance(conversation, str) or not conversation:
            # Without one, what was meant for one person must not go to the room instead.
            raise ConnectorError("The connector made a conversation but did not say which.", 404)
        return conversation

    async def get(self, token: BotToken, base: str, path: str) -> Answer:
        """Return what is answered to a GET, which is tried again within bounds; NO_ANSWER is a status too.

        Raises NoTokenError.
        """
        return await self._tried(token, "GET", base, path)

    async def once(
        self,
        token: str,
        method: str,
        service_url: str,
        path: str,
        body: Json | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109 # aiohttp's own, which tells its phases apart
    ) -> Answer:
        """Make one request. Raises aiohttp.ClientError or OSError if there is no answer."""
        url = URL(f"{service_url.rstrip('/')}/{path}", encoded=True)
        data = None if body is None else _bytes(body)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        # A redirect would carry the message elsewhere.
        async with self._session.request(
            method, url, data=data, headers=headers, allow_redirects=False, timeout=timeout or self._session.timeout
        ) as response:
            if response.status == 401:
                self.token.forget(token)
            return Answer(response.status, _seconds(response.headers), await _json_object(response))

    async def _call(self, method: str, service_url: str, path: str, body: Json) -> Json:
        """Return the connector's answer. Raises ConnectorError once there is nothing left to try."""
        answer = await self._tried(self.token, method, service_url, path, body)
        if 200 <= answer.status < 300:
            return answer.body
        raise ConnectorError(
            f"The connector did not take an answer (last HTTP status: {answer.status or 'none'}).", answer.status
        )

    async def _tried(self, token: BotToken, method: str, base: str, path: str, body: Json | None = None) -> Answer:
        """Return the answer, or the last one once there is nothing left to try."""
        answer, wait = Answer(NO_ANSWER), FIRST_WAIT
        try:
            async with asyncio.timeout(DEADLINE):
                for attempt in range(1, ATTEMPTS + 1):
                    answer = await self._attempt(token, method, base, path, body)
                    if answer.status == 401 and attempt == 1:  # the token was withdrawn early: a new one may do
                        continue
                    if attempt == ATTEMPTS or answer.status not in TRY_AGAIN:
                        break
                    # Jitter, so that many answers held up together do not come back together.
                    jittered = wait * random.uniform(0.5, 1.5)  # noqa: S311
                    await asyncio.sleep(min(jittered if answer.wait is None else answer.wait, LONGEST_WAIT))
                    wait *= 2
        except TimeoutError:
            pass
        return answer

    async def _attempt(self, token: BotToken, method: str, base: str, path: str, body: Json | None) -> Answer:
        """Return the answer, or one with the status NO_ANSWER. Raises NoTokenError if trying again is of no use."""
        try:
            text = await token.get()
            answer = await self.once(text, method, base, path, body)
            if answer.status == 401:
                token.forget(text)
            return answer
        except (aiohttp.ClientError, OSError) as error:
            log.info("no answer from the connector: %s", type(error).__name__)
            return Answer(NO_ANSWER)
        except NoTokenError as error:
            if error.status not in TRY_AGAIN:
                raise
            return Answer(error.status)


def _bytes(body: Json) -> bytes:
    """Return a body as it is sent. Names go back as they came: half an emoji in one must not cost the answer."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


async def _json_object(response: aiohttp.ClientResponse) -> Json:
    """Return the body if it is a JSON object; the connector answers some calls with none."""
    try:
        answer = await response.json(content_type=None)
    except (ValueError, RecursionError, aiohttp.ClientPayloadError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(headers: Mapping[str, str]) -> float | None:
    """Return what Retry-After asks for; None if it is missing or a date."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
