"""The leads' console behind a real HTTP door, with a real database, and a provider of identities on loopback."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.delivering import Delivering
from adapters.leading import Leading
from adapters.web.console import Console
from chatbot.coach import Coach
from chatbot.delivery.lanes import Lanes
from chatbot.insights import Insights
from chatbot.model import Language, Mention, Room
from chatbot.roles import Actor
from chatbot.rooms_seen import RoomsSeen
from chatbot.settings import Settings
from chatbot.store.counts import SqlCounts
from chatbot.store.database import Database
from tests.fake_identity import private_key
from tests.fake_team import ByHand, Platform

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOME, AWAY = "slack:T1", "slack:T2"
LEAD, OTHER, ADMIN, AGENT = (
    Actor(HOME, person, name)
    for person, name in (("ULEAD", "Lena Vogt"), ("UOTHER", "Otto"), ("UADMIN", "Ada"), ("UAGENT", "Gia"))
)
STRANGER = Actor(AWAY, "USTRANGER", "Zoe")
CLIENT_ID, CLIENT_SECRET = "123.456", "slack-hunter2"
SECRET = "a secret of the console that is long enough"


@dataclass
class Provider:
    """Slack's or Microsoft's sign-in: who signs in, and what is wrong with the token."""

    url: str = ""
    issuer: str = "https://issuer.test"
    claims: dict[str, Any] = field(default_factory=dict)
    key_id: str = "key-1"
    published: list[str] = field(default_factory=lambda: ["key-1"])
    algorithm: str = "RS256"
    signed_by: str = ""
    now: float = 0.0
    nonce: str = ""
    challenge: str = ""
    forms: list[dict[str, Any]] = field(default_factory=list)
    token_status: int = 200
    #: What is answered at an address in place of the right thing; None: the connection is cut.
    instead: dict[str, bytes | None] = field(default_factory=dict)
    lookups: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._broken])
        app.router.add_get("/metadata", self._metadata)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        return app

    def asked(self, location: str) -> dict[str, str]:
        """Take note of what the browser was sent along with, as the provider does."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        self.nonce, self.challenge = query["nonce"], query["code_challenge"]
        return query

    @web.middleware
    async def _broken(self, request: web.Request, handler: Any) -> Any:
        self.lookups.append(request.path)
        if request.path not in self.instead:
            return await handler(request)
        body = self.instead[request.path]
        if body is None:
            assert request.transport
            request.transport.abort()
        return web.Response(body=body, content_type="application/json")

    async def _metadata(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        )

    async def _keys(self, _: web.Request) -> web.Response:
        keys = [
            {**jwt.algorithms.RSAAlgorithm.to_jwk(private_key(name).public_key(), as_dict=True), "kid": name}
            for name in self.published
        ]
        return web.json_response({"keys": keys})

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        self.forms.append(form)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge, "PKCE"
        good = {
            "iss": "https://issuer.test",
            "sub": LEAD.person,
            "aud": CLIENT_ID,
            "iat": int(self.now),
            "exp": int(self.now) + 300,
            "nonce": self.nonce,
            "name": LEAD.name,
            "https://slack.com/team_id": "T1",
            "https://slack.com/user_id": LEAD.person,
        }
        claims = {name: value for name, value in {**good, **self.claims}.items() if value is not None}
        key: Any = private_key(self.signed_by or self.key_id) if self.algorithm == "RS256" else "x" * 64
        token = jwt.encode(
            claims, "" if self.algorithm == "none" else key, self.algorithm, headers={"kid": self.key_id}
        )
        return web.json_response({"ok": True, "access_token": "xoxp-1", "id_token": token}, status=self.token_status)


@dataclass
class Answer:
    """What came back, with the text and where it leads."""

    status: int
    text: str
    location: str
    headers: dict[str, str]


class Browser:
    """Somebody at the console, with their cookies."""

    def __init__(self, client: TestClient[web.Request, web.Application], here: "Here") -> None:
        self.client = client
        self.here = here
        self.token = ""
        self.cookies: dict[str, str] = {}

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers |= more.pop("headers", {})
        async with self.client.request(method, path, headers=headers, allow_redirects=False, **more) as response:
            for name, morsel in response.cookies.items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
            text = await response.text()
            found = re.search(r'name="form-token" value="([0-9a-f]+)"', text)
            self.token = found[1] if found else self.token
            return Answer(response.status, text, response.headers.get("Location", ""), dict(response.headers))

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, form: Any = None, **more: Any) -> Answer:
        if not self.token:
            await self.get("/lead/people")
        fields = (
            {"form-token": self.token, **(form or {})}
            if not isinstance(form, list)
            else [("form-token", self.token), *form]
        )
        return await self.ask("POST", path, data=fields, **more)

    async def sign_in(self, actor: Actor, back: str = "") -> Answer:
        """Sign in as the provider says; return where it led."""
        provider = self.here.provider
        provider.claims |= {
            "https://slack.com/team_id": actor.workspace.partition(":")[2],
            "https://slack.com/user_id": actor.person,
            "name": actor.name,
        }
        left = await self.get("/lead/sign-in/slack", params={"next": back} if back else None)
        assert left.status == 303, left.text
        asked = provider.asked(left.location)
        self.token = ""
        return await self.get("/lead/signed-in/slack", params={"code": "c0de", "state": asked["state"]})


@dataclass
class Here:
    """The console, what is behind it, and a clock that is moved."""

    coach: Coach
    database: Database
    leading: Leading
    delivering: Delivering
    insights: Insights
    platform: Platform
    provider: Provider
    client: TestClient[web.Request, web.Application]
    now: list[datetime]

    async def signed_in(self, actor: Actor) -> Browser:
        browser = Browser(self.client, self)
        answer = await browser.sign_in(actor)
        assert (answer.status, answer.location) == (303, "/lead"), answer.text
        return browser

    def anybody(self) -> Browser:
        return Browser(self.client, self)

    async def has_channels(self, *names: str) -> None:
        seen: RoomsSeen = self.delivering.rooms_seen
        for name in names:
            seen.note(HOME, Room(f"C{name}", f"C{name}", name=name), Language.EN)
        await seen.written()

    async def deliver(self) -> None:
        """Write and send all that is due."""
        lanes: Lanes = self.delivering.lanes
        await self.delivering.pushes.tick()
        await lanes.run(HOME)
        await self.delivering.pushes.tick()
        await lanes.run(HOME)


def settings_for(provider: Provider, **changes: Any) -> Settings:
    told = {
        "console_url": "http://127.0.0.1:1",
        "console_secret": SECRET,
        "slack_client_id": CLIENT_ID,
        "slack_client_secret": CLIENT_SECRET,
        "slack_openid_metadata_url": f"{provider.url}/metadata",
    }
    return Settings(_env_file=None, **{**told, **changes})


@asynccontextmanager
async def running(coach: Coach, url: str, **changes: Any) -> AsyncIterator[Here]:
    """Run the console on a free loopback port, with a lead, another, an admin, and an agent."""
    database, now, platform = Database(url), [START], Platform()
    await database.start()
    provider = Provider(now=START.timestamp())

    def clock() -> float:
        return now[0].timestamp()

    delivering = Delivering(
        database,
        coach,
        {"slack": platform},
        {},
        timedelta(hours=2),
        clock,
        engine=ByHand,
        groups={"slack": platform},
    )
    leading = Leading(database, coach, {"*": [ADMIN.person]}, {}, clock, fits=False)
    insights = coach.counting = Insights(SqlCounts(database), clock=lambda: now[0])
    async with TestServer(provider.app()) as server:
        provider.url = str(server.make_url("")).rstrip("/")
        console = Console(settings_for(provider, **changes), coach, clock=clock)
        app = web.Application(client_max_size=256 * 1024)
        app.router.add_routes(console.routes())
        await leading.start()
        await console.start()
        for lead in (LEAD, OTHER):
            await leading.roles.add_lead(ADMIN, Mention(lead.person, lead.name))
        try:
            timeout = aiohttp.ClientTimeout(total=60)
            client = TestClient(TestServer(app), timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
            async with client:
                yield Here(coach, database, leading, delivering, insights, platform, provider, client, now)
        finally:
            await console.stop()
            await leading.stop()
            await delivering.look_no_more()
            await database.stop()


def card(title: str = "Refund promised twice", **changes: str) -> dict[str, str]:
    """Return the form of a piece in English that nothing is wrong with."""
    return {
        "title-en": title,
        "lead-en": "Look up what was promised, then say one thing only.",
        "steps-en": "Open the order and read the notes.\nSay what will happen, and when.",
        "say-en": "I can see what my colleague promised you, and I will keep it.",
        "aliases-en": "double refund",
        "phrases-en": "the customer was promised the refund by two people",
        "owner": LEAD.person,
        "verified_until": "2027-01-31",
        "do": "save",
        **changes,
    }
