"""The web console for leads: its pages, its sign-in, and what they hold open."""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import aiohttp
from aiohttp import web

from adapters.web.console.door import HEADERS, Door
from adapters.web.console.insight_pages import InsightPages
from adapters.web.console.openid import OpenId, providers
from adapters.web.console.pages import Pages
from adapters.web.console.pieces import Pieces
from adapters.web.console.pushing import PushPages
from adapters.web.console.sessions import Sessions
from adapters.web.console.signing_in import AsPersona, SignIn, SignOut, WithProviders
from chatbot.coach import Coach
from chatbot.settings import Settings

_OWN = Path(__file__).parent / "static"
_SHARED = Path(__file__).parents[1] / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
#: What the pages use of the playground's: colours, the pictures of both platforms.
_BORROWED = ("page.css", "mark.svg", "theme.js", "markdown.js", "teams-card.js", "vendor/adaptivecards.min.js")


class Console:
    """Serves the pages under /lead; what `coach` has of roles, publishing and so on is looked up at every request.

    With `persona_hosts`, the loopback names of the playground, nobody signs in and everybody picks a persona.
    """

    def __init__(
        self,
        settings: Settings,
        coach: Coach,
        persona_hosts: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._coach = coach
        self._hosts = persona_hosts
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._clients: dict[str, OpenId] = {}
        files = {path.relative_to(_OWN).as_posix(): path for path in _OWN.rglob("*") if path.is_file()}
        self._files = files | {name: _SHARED / name for name in _BORROWED}

    def routes(self, prefix: str = "") -> Sequence[web.AbstractRouteDef]:
        """Return its pages, under `prefix`/lead."""
        base = f"{prefix}/lead"
        pages = Pages(self._coach.strings, base)
        origin = "" if self._hosts else self._settings.console_url
        # Personas need no secret that outlives the process.
        secret = secrets.token_hex(32) if self._hosts else self._settings.console_secret.get_secret_value()
        sessions = Sessions(secret, origin.startswith("https://"), self._clock)
        proxies = 0 if self._hosts else self._settings.trusted_proxies
        door = Door(base, origin, self._hosts, sessions, pages, self._coach, self._clock, proxies)
        sign_in: SignIn = (
            AsPersona(base, sessions, pages)
            if self._hosts
            else WithProviders(base, origin, self._clients, sessions, pages)
        )
        return [
            web.get(f"{base}/static/{{name:.+}}", self._static),
            *sign_in.routes(door),
            web.post(f"{base}/sign-out", door.lead(SignOut(base, sessions, self._clock).leave, "agent")),
            *Pieces(base, pages).routes(door),
            *PushPages(base, pages).routes(door),
            *InsightPages(base, pages).routes(door),
            web.get(f"{base}/{{rest:.*}}", door.open(_missing)),
        ]

    async def start(self) -> None:
        """Open what sign-in needs."""
        if self._hosts:
            return
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        for name, provider in providers(self._settings).items():
            self._clients[name] = OpenId(provider, self._session, self._clock)

    async def stop(self) -> None:
        """Close it."""
        if self._session:
            await self._session.close()

    async def _static(self, request: web.Request) -> web.Response:
        path = self._files.get(request.match_info["name"])
        if path is None:
            return web.Response(status=404, headers=HEADERS)
        body = await asyncio.to_thread(path.read_bytes)
        kind = _TYPES.get(path.suffix, "text/plain")
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=HEADERS)


async def _missing(_: web.Request, __: object) -> web.Response:
    raise web.HTTPNotFound
