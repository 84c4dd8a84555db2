"""Who may call: the checks on the token that comes with every activity, and on where answers would go.

The SDK's own checks fetch keys with blocking calls on the event loop; these do the same checks with async ones.
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication names them.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from yarl import URL

from chatbot.errors import SettingsError, SteadyError
from chatbot.settings import Settings

log = logging.getLogger("steady.teams.auth")

#: How far the clocks of two servers may be apart, in seconds.
LEEWAY = 300
KEEP_KEYS = 24 * 3600
#: An unknown key id makes us look for new keys, but a stranger must not make us do so at will.
LOOK_AGAIN = 60
RETRY_FAILED = 5
#: What comes of reading something else than keys.
_NO_KEYS = (ValueError, LookupError, TypeError, AttributeError, RecursionError, jwt.PyJWTError)


class UnauthorizedError(Exception):
    """The request does not come from Teams; the text says why, without quoting the token."""


class IdentityUnreachableError(SteadyError):
    """The keys that sign Teams' tokens can't be had just now, so nobody can be let in."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the channels that it may speak for; none named means all."""

    public: jwt.PyJWK
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """What a good token says: the service URL it was made out for, and the key that signed it."""

    service_url: str
    key: Key


class Keys:
    """The keys that sign Teams' tokens: fetched when first needed, kept for a day."""

    def __init__(self, metadata_url: str, session: aiohttp.ClientSession, clock: Callable[[], float]) -> None:
        self._metadata_url = metadata_url
        self._session = session
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fresh_until = float("-inf")
        self._next_look = float("-inf")
        self._failed = False
        self._looking = asyncio.Lock()

    async def find(self, key_id: str) -> Key | None:
        """Return the key of that id, or None if there is none. Raises IdentityUnreachableError if nobody knows."""
        key = self._keys.get(key_id)
        if key is None or self._clock() >= self._fresh_until:
            await self._look()
            key = self._keys.get(key_id)
        if key is None and self._failed:
            raise IdentityUnreachableError("Teams' signing keys can't be fetched: check TEAMS_OPENID_METADATA_URL.")
        return key

    async def _look(self) -> None:
        async with self._looking:
            now = self._clock()
            if now < self._next_look:  # it was just done, perhaps while this request waited for the lock
                return
            try:
                metadata = await self._get(self._metadata_url)
                self._keys = _usable(await self._get(metadata["jwks_uri"]))
            except (aiohttp.ClientError, OSError, *_NO_KEYS) as error:
                # Keys that we have stay good: better a day-old key than a bot that is down with its identity provider.
                self._failed = True
                self._next_look = self._clock() + RETRY_FAILED  # the attempt itself may have taken long
                log.warning("Teams' signing keys can't be fetched (%s); trying again soon", type(error).__name__)
            else:
                self._failed = False
                self._fresh_until = now + KEEP_KEYS
                self._next_look = now + LOOK_AGAIN

    async def _get(self, url: str) -> Any:
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"HTTP {response.status}")
            return await response.json(content_type=None)


def _usable(jwks: Mapping[str, Any]) -> dict[str, Key]:
    """Return the RSA keys of a key set by their id."""
    return {
        jwk["kid"]: Key(jwt.PyJWK(jwk, algorithm="RS256"), frozenset(jwk.get("endorsements") or ()))
        for jwk in jwks["keys"]
        if jwk.get("kty") == "RSA" and jwk.get("kid")
    }


class Gate:
    """Lets in what comes from Teams, and nothing else."""

    def __init__(self, settings: Settings, keys: Keys, clock: Callable[[], float]) -> None:
        self._app_id = settings.microsoft_app_id
        self._issuer = settings.teams_token_issuer
        self._keys = keys
        self._clock = clock
        self._service_urls = service_urls(settings)

    async def check_token(self, authorization: str | None) -> Caller:
        """Return who calls. Raises UnauthorizedError, or IdentityUnreachableError if it can't be known now."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthorizedError("no bearer token")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":
                raise UnauthorizedError("signed with another algorithm than RS256")
            key = await self._keys.find(header.get("kid", ""))
            if key is None:
                raise UnauthorizedError("signed with an unknown key")
            claims = jwt.decode(
                token,
                key.public,
                algorithms=["RS256"],
                audience=self._app_id,
                issuer=self._issuer,
                # The times are checked below, by our own clock.
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            if not float(claims.get("nbf", 0)) - LEEWAY <= self._clock() < float(claims["exp"]) + LEEWAY:
                raise UnauthorizedError("expired, or not valid yet")
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise UnauthorizedError(f"not a valid token ({type(error).__name__})") from None
        return Caller(str(claims.get("serviceurl", "")), key)

    def check_activity(self, caller: Caller, activity: Mapping[str, Any]) -> None:
        """Check that the token was made out for this activity. Raises UnauthorizedError."""
        service_url = activity.get("serviceUrl")
        if not isinstance(service_url, str) or service_url != caller.service_url:
            raise UnauthorizedError("made out for another service URL")
        if not self.is_ours(service_url):
            raise UnauthorizedError("a service URL that is not in TEAMS_SERVICE_URLS")
        channel = activity.get("channelId")
        if caller.key.channels and not (isinstance(channel, str) and channel in caller.key.channels):
            raise UnauthorizedError("signed with the key of another channel")

    def is_ours(self, service_url: str) -> bool:
        """Return whether we may call a service URL: our own token goes along, it must never reach a stranger."""
        return is_among(service_url, self._service_urls)


def is_among(service_url: str, known: Collection[URL]) -> bool:
    """Return whether a service URL begins with one of those that are known."""
    try:
        url = URL(service_url)
    except ValueError:
        return False
    return (
        service_url.isascii()
        and service_url.isprintable()
        and url.user is None
        and url.password is None
        and not url.raw_query_string
        and not url.raw_fragment
        and any(
            (url.scheme, url.host, url.port) == (one.scheme, one.host, one.port)
            and url.raw_path.startswith(one.raw_path)
            for one in known
        )
    )


def service_urls(settings: Settings) -> tuple[URL, ...]:
    """Return the addresses that answers may go to. Raises SettingsError if one is no http(s) URL."""
    try:
        urls = tuple(URL(text) for text in settings.teams_service_urls)
    except ValueError:
        urls = ()
    if not urls or any(url.scheme not in ("https", "http") or not url.host for url in urls):
        raise SettingsError("TEAMS_SERVICE_URLS must be a JSON list of https:// URLs, and not an empty one.")
    return urls
