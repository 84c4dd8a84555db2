"""Sign-in with Slack or Microsoft: OpenID Connect, authorization code with PKCE, state and nonce.

Authlib and joserfc make the request and judge the token; the three calls to the provider go through aiohttp, which the
rest of the program uses too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import aiohttp
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from chatbot.errors import SteadyError
from chatbot.language import legible
from chatbot.roles import Actor
from chatbot.settings import Settings

_T = TypeVar("_T")

ProviderName = Literal["slack", "microsoft"]

#: How far the clocks of two servers may be apart, in seconds.
LEEWAY = 120
KEEP_METADATA = 24 * 3600
#: A token with an unknown key makes us look for new keys, but not more often than this.
LOOK_AGAIN = 60
#: For so many seconds a provider whose metadata or keys can't be had is not asked for them again.
RETRY_FAILED = 5
#: What comes of reading something else than what was asked for.
_UNREADABLE = (JoseError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LONGEST_NAME = 100


class SignInError(SteadyError):
    """Nobody was signed in; the text says why to whoever runs Steady, and quotes no token."""


@dataclass(frozen=True, slots=True)
class Request:
    """What belongs to one sign-in: where the provider sends the browser back to, and three values made for it alone."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Provider:
    """Who signs people in. `identify` makes the person out of the claims of a token that was found good."""

    name: ProviderName
    metadata_url: str
    client_id: str
    client_secret: str
    identify: Callable[[Mapping[str, Any]], Actor]


def providers(settings: Settings) -> Mapping[str, Provider]:
    """Return those that are configured, by name."""
    found: dict[str, Provider] = {}
    if settings.slack_client_id:
        found["slack"] = Provider(
            "slack",
            settings.slack_openid_metadata_url,
            settings.slack_client_id,
            settings.slack_client_secret.get_secret_value(),
            _slack_person,
        )
    if settings.microsoft_app_id:
        # Personal accounts have no tenant that Steady could be installed in: "organizations", not "common".
        single = settings.microsoft_app_type == "SingleTenant"
        tenant = settings.microsoft_app_tenant_id if single else "organizations"
        found["microsoft"] = Provider(
            "microsoft",
            settings.microsoft_openid_metadata_url.replace("{tenant}", tenant),
            settings.microsoft_app_id,
            settings.microsoft_app_password.get_secret_value(),
            _microsoft_person,
        )
    return found


def _slack_person(claims: Mapping[str, Any]) -> Actor:
    team, user = claims["https://slack.com/team_id"], claims["https://slack.com/user_id"]
    return _actor("slack", team, user, claims)


def _microsoft_person(claims: Mapping[str, Any]) -> Actor:
    return _actor("teams", claims["tid"], claims["oid"], claims)


def _actor(platform: str, workspace: object, person: object, claims: Mapping[str, Any]) -> Actor:
    if not (isinstance(workspace, str) and workspace and isinstance(person, str) and person):
        raise SignInError("The token names no person of a workspace.")
    name = claims.get("name")
    # Whoever signs in chooses their name, and others read it in the audit and on cards.
    shown = " ".join(legible(name).split()) if isinstance(name, str) else ""
    return Actor(f"{platform}:{workspace}", person, shown[:_LONGEST_NAME])


class OpenId:
    """One provider: where to send the browser, and who came back. The clock gives seconds since 1970."""

    def __init__(self, provider: Provider, session: aiohttp.ClientSession, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._session = session
        self._clock = clock
        self._metadata: Mapping[str, Any] = {}
        self._fresh_until = float("-inf")
        self._keys: KeySet | None = None
        self._next_look = float("-inf")
        self._next_try = float("-inf")

    async def address(self, request: Request) -> str:
        """Return the address at which the provider asks the person. Raises SignInError if it can't be reached."""
        metadata = await self._known()
        address: str = add_params_to_uri(
            metadata["authorization_endpoint"],
            [
                ("response_type", "code"),
                ("scope", "openid profile"),
                ("client_id", self._provider.client_id),
                ("redirect_uri", request.redirect_uri),
                ("state", request.state),
                ("nonce", request.nonce),
                ("code_challenge", create_s256_code_challenge(request.verifier)),
                ("code_challenge_method", "S256"),
            ],
        )
        return address

    async def person(self, request: Request, code: str) -> Actor:
        """Return who signed in, for the code that the browser brought back. Raises SignInError."""
        metadata = await self._known()
        answer = await self._call(
            metadata["token_endpoint"],
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": request.redirect_uri,
                "client_id": self._provider.client_id,
                "client_secret": self._provider.client_secret,
                "code_verifier": request.verifier,
            },
        )
        try:
            token = await self._decode(str(answer["id_token"]))
            issuer = str(metadata["issuer"])
            if self._provider.name == "microsoft":  # for several tenants, each has an issuer of its own
                issuer = issuer.replace("{tenantid}", str(token.claims.get("tid", "")))
            told = {"iss": {"essential": True, "value": issuer}}
            told["aud"] = {"essential": True, "value": self._provider.client_id}
            asked = {"nonce": request.nonce, "client_id": self._provider.client_id}
            asked["access_token"] = answer.get("access_token", "")
            claims = CodeIDToken(token.claims, token.header, told, asked)
            claims.validate(now=int(self._clock()), leeway=LEEWAY)
            return self._provider.identify(token.claims)
        except _UNREADABLE as error:
            raise SignInError(f"The id_token is not good ({type(error).__name__}).") from None

    async def _decode(self, id_token: str) -> jwt.Token:
        """Return the token once its signature is found good; RS256 is the one algorithm that both providers use."""
        registry = JWSRegistry(algorithms=["RS256"], strict_check_header=False)
        try:
            return jwt.decode(id_token, await self._key_set(), registry=registry)
        except InvalidKeyIdError:
            return jwt.decode(id_token, await self._key_set(anew=True), registry=registry)

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        if self._keys is None or (anew and self._clock() >= self._next_look):
            address = (await self._known())["jwks_uri"]
            self._keys = await self._published(address, _keys_in)
            self._next_look = self._clock() + LOOK_AGAIN
        return self._keys

    async def _known(self) -> Mapping[str, Any]:
        if self._clock() >= self._fresh_until:
            self._metadata = await self._published(self._provider.metadata_url, _checked)
            self._keys = None
            self._fresh_until = self._clock() + KEEP_METADATA
        return self._metadata

    async def _published(self, url: str, read: Callable[[Mapping[str, Any]], _T]) -> _T:
        """Return what `read` makes of what the provider publishes. Raises SignInError, for a while without asking."""
        if self._clock() < self._next_try:
            raise SignInError(
                f"{self._provider.name} did not answer as it should a moment ago; it is asked again soon."
            )
        try:
            return read(await self._call(url))
        except SignInError:
            self._next_try = self._clock() + RETRY_FAILED
            raise
        except _UNREADABLE as error:
            self._next_try = self._clock() + RETRY_FAILED
            raise SignInError(f"What {self._provider.name} publishes can't be read ({type(error).__name__}).") from None

    async def _call(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object that an address answers with; a form is posted. Raises SignInError."""
        method = "GET" if form is None else "POST"
        try:
            async with self._session.request(
                method, url, data=form, allow_redirects=False, timeout=_TIMEOUT
            ) as response:
                status = response.status
                answer = await response.json(content_type=None) if status == 200 else {}
        except (aiohttp.ClientError, OSError, ValueError, LookupError, RecursionError) as error:
            raise SignInError(f"{self._provider.name} can't be reached to sign in ({type(error).__name__}).") from None
        if status != 200:
            raise SignInError(f"{self._provider.name} refused the sign-in (HTTP {status}).")
        if not isinstance(answer, dict):
            raise SignInError(f"{self._provider.name} answered with something else than JSON.")
        return answer


def _keys_in(published: Mapping[str, Any]) -> KeySet:
    keys: Any = published
    return KeySet.import_key_set(keys)


def _checked(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata. Raises SignInError if it lacks what signing in needs."""
    needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
    if not all(isinstance(metadata.get(name), str) and metadata[name] for name in needed):
        raise SignInError(f"The OpenID metadata lacks one of {', '.join(needed)}.")
    return metadata
