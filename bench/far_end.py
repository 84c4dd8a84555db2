"""The platforms' side, on a loopback port of the load generator's process: it answers and tells what arrived."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.keys import APP_ID

#: The stock adapters accept no other.
ISSUER = "https://api.botframework.com"
_BOT_TOKEN = "a-token-of-the-bot"  # noqa: S105
_KEY_ID = "bench"


class FarEnd:
    """Slack's Web API, Microsoft's identity service with a real RSA key, and the Bot Framework connector."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._awaited: dict[str, asyncio.Future[float]] = {}
        self.url = ""

    @property
    def service_url(self) -> str:
        """Return the address that Teams' activities say to answer to."""
        return f"{self.url}/connector/"

    def token(self) -> str:
        """Return a token as Teams sends it, good for an hour."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": APP_ID, "serviceurl": self.service_url, "nbf": now - 60, "exp": now + 3600}
        return jwt.encode(claims, self._key, "RS256", headers={"kid": _KEY_ID})

    def arrival_of(self, activity_id: str) -> Callable[[], Awaitable[float]]:
        """Return what begins to wait for the reply to an activity; it ends with the time of arrival."""

        def begin() -> asyncio.Future[float]:
            self._awaited[activity_id] = asyncio.get_running_loop().create_future()
            return self._awaited[activity_id]

        return begin

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Answer on a free port."""
        app = web.Application()
        app.router.add_post("/api/{method}", self._slack)
        app.router.add_get("/openid", self._metadata)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/{tenant}/token", self._token)
        app.router.add_post("/connector/{path:.*}", self._connector)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _slack(self, _: web.Request) -> web.Response:
        who = {"url": "https://example.slack.com/", "team": "Example", "user": "steady"}
        return web.json_response(
            {"ok": True, **who, "team_id": "T0BENCH01", "user_id": "U0BENCH01", "bot_id": "B0BENCH01"}
        )

    async def _metadata(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, _: web.Request) -> web.Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**public, "kid": _KEY_ID, "use": "sig", "endorsements": ["msteams"]}]})

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": _BOT_TOKEN, "token_type": "Bearer", "expires_in": 3600})

    async def _connector(self, request: web.Request) -> web.Response:
        await request.read()
        awaited = self._awaited.pop(request.path.rpartition("/")[2], None)
        if awaited and not awaited.done():
            awaited.set_result(time.perf_counter())
        return web.json_response({"id": "1"})
