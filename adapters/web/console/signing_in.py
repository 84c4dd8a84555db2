"""Signing in and out: by Slack or Microsoft, or in the playground by picking one of its people."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import web

from adapters.web.console.door import Door, Visit
from adapters.web.console.openid import OpenId, Request, SignInError
from adapters.web.console.pages import Pages
from adapters.web.console.sessions import Sessions
from adapters.web.people import PERSONAS, WORKSPACES
from chatbot.model import Language
from chatbot.roles import Actor

log = logging.getLogger("steady.console")

_LABELS = {"slack": "Slack", "microsoft": "Microsoft", "teams": "Microsoft Teams"}
_LONGEST_CODE = 4096
#: What comes back with a sign-in stands in a cookie, of which browsers keep 4,096 bytes.
_LONGEST_NEXT = 2048


class SignIn(Protocol):
    """One way to sign in."""

    def routes(self, door: Door) -> Sequence[web.AbstractRouteDef]:
        """Return its addresses."""


def safe_next(base: str, wanted: str) -> str:
    """Return the page to go to after signing in: one of the console's, whatever was asked for."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return base
    inside = parts.path == base or parts.path.startswith(f"{base}/")
    # Browsers read a backslash as a slash, and leave out line breaks and tabs.
    plain = (
        wanted.isprintable() and wanted.isascii() and "\\" not in wanted and "//" not in wanted and ".." not in wanted
    )
    plain = plain and len(wanted) <= _LONGEST_NEXT
    return wanted if inside and plain and not parts.scheme and not parts.netloc else base


class WithProviders:
    """Signs in with OpenID Connect. `origin` is the public address; `clients` go by the provider's name."""

    def __init__(self, base: str, origin: str, clients: Mapping[str, OpenId], sessions: Sessions, pages: Pages) -> None:
        self._base = base
        self._origin = origin
        self._clients = clients
        self._sessions = sessions
        self._pages = pages

    def routes(self, door: Door) -> Sequence[web.AbstractRouteDef]:
        """Return its addresses."""
        return [
            web.get(f"{self._base}/sign-in", door.open(self._choose)),
            web.get(f"{self._base}/sign-in/{{provider}}", door.open(self._leave)),
            web.get(f"{self._base}/signed-in/{{provider}}", door.open(self._return)),
        ]

    async def _choose(self, request: web.Request, language: Language) -> web.Response:
        back = safe_next(self._base, request.query.get("next", self._base))
        ways = {name: _LABELS[name] for name in self._clients}
        text = self._pages.plain("sign_in.html", language, request.rel_url, ways=ways, back=back)
        return web.Response(text=text, content_type="text/html")

    async def _leave(self, request: web.Request, language: Language) -> web.Response:
        client = self._client(request)
        state = secrets.token_urlsafe(32)
        try:
            address = await client.address(self._request(request, state))
        except SignInError as error:
            return self._failed(error, language)
        response = web.Response(status=303, headers={"Location": address})
        self._sessions.remember(response, state, safe_next(self._base, request.query.get("next", self._base)))
        return response

    async def _return(self, request: web.Request, language: Language) -> web.Response:
        client, began = self._client(request), self._sessions.remembered(request)
        code, state = request.query.get("code", ""), request.query.get("state", "")
        try:
            # In bytes: what a stranger puts in need not be ASCII.
            if began is None or not secrets.compare_digest(began[0].encode(), state.encode("utf-8", "replace")):
                raise SignInError("The sign-in was not begun in this browser, or too long ago.")
            if not code or len(code) > _LONGEST_CODE:
                raise SignInError("The person or the provider said no.")
            actor = await client.person(self._request(request, state), code)
        except SignInError as error:
            return self._failed(error, language)
        response = web.Response(status=303, headers={"Location": began[1]})
        self._sessions.forget(response)
        self._sessions.begin(response, actor)
        return response

    def _client(self, request: web.Request) -> OpenId:
        client = self._clients.get(request.match_info["provider"])
        if client is None:
            raise web.HTTPNotFound
        return client

    def _request(self, request: web.Request, state: str) -> Request:
        # Made anew from the state and our secret when the browser comes back: nothing has to be kept meanwhile.
        return Request(
            f"{self._origin}{self._base}/signed-in/{request.match_info['provider']}",
            state,
            self._sessions.derived("nonce", state),
            self._sessions.derived("verifier", state),
        )

    def _failed(self, error: SignInError, language: Language) -> web.Response:
        log.warning("sign-in failed: %s", error)
        text = self._pages.notice(403, "console.sign_in_failed", language, "", "")
        response = web.Response(status=403, text=text, content_type="text/html")
        self._sessions.forget(response)
        return response


class AsPersona:
    """Lets whoever opens the page pick one of the playground's people, in one of its two workspaces."""

    def __init__(self, base: str, sessions: Sessions, pages: Pages) -> None:
        self._base = base
        self._sessions = sessions
        self._pages = pages

    def routes(self, door: Door) -> Sequence[web.AbstractRouteDef]:
        """Return its addresses."""
        return [
            web.get(f"{self._base}/sign-in", door.open(self._choose)),
            web.get(f"{self._base}/sign-in/{{pane}}/{{persona}}", door.open(self._pick)),
        ]

    async def _choose(self, request: web.Request, language: Language) -> web.Response:
        back = safe_next(self._base, request.query.get("next", self._base))
        people = {
            f"{pane}/{persona.key}": (persona.name, _LABELS[pane])
            for persona in PERSONAS.values()
            for pane in WORKSPACES
        }
        text = self._pages.plain("personas.html", language, request.rel_url, people=people, back=back)
        return web.Response(text=text, content_type="text/html")

    async def _pick(self, request: web.Request, _: Language) -> web.Response:
        persona = PERSONAS.get(request.match_info["persona"])
        if persona is None:
            raise web.HTTPNotFound
        match request.match_info["pane"]:
            case "slack":
                actor = Actor(WORKSPACES["slack"], persona.slack_user, persona.name)
            case "teams":
                actor = Actor(WORKSPACES["teams"], persona.teams_aad, persona.name)
            case _:
                raise web.HTTPNotFound
        response = web.Response(
            status=303, headers={"Location": safe_next(self._base, request.query.get("next", self._base))}
        )
        self._sessions.begin(response, actor)
        return response


class SignOut:
    """Signs out. The clock gives seconds since 1970."""

    def __init__(self, base: str, sessions: Sessions, clock: Callable[[], float]) -> None:
        self._base = base
        self._sessions = sessions
        self._clock = clock

    async def leave(self, visit: Visit) -> web.Response:
        """End the session, for whoever has a copy of its cookie too."""
        await visit.services.ended.add(visit.session.id, visit.session.until, self._clock())
        response = web.Response(status=303, headers={"Location": f"{self._base}/sign-in"})
        self._sessions.forget_session(response)
        return response
