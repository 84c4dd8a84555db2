"""Microsoft on a loopback port: OpenID metadata with real RSA keys, the token endpoint and the connector.

`running` puts the real Teams adapter before it, behind a real HTTP door.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.teams import TeamsAdapter
from chatbot.coach import Coach
from chatbot.settings import Settings
from tests.conftest import PAYLOADS

Json = dict[str, Any]

APP_ID = "00000000-1111-2222-3333-444444444444"
SECRET = "not-a-secret"
#: Who speaks in the recorded activities, and in whose tenant.
ANNA = "aaaaaaaa-0000-4000-8000-00000000000a"
TENANT = "bbbbbbbb-0000-4000-8000-00000000000b"
ISSUER = "https://issuer.test"
NOW = 1_800_000_000.0


@cache
def private_key(key_id: str) -> rsa.RSAPrivateKey:
    """Return the RSA key of that id, the same one during a test run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def member(person: str, *roles: str, **more: Any) -> Json:
    """Return somebody in a team as Graph's reference shows them."""
    return {
        "@odata.type": "#microsoft.graph.aadUserConversationMember",
        "id": f"membership-of-{person}",
        "roles": list(roles),
        "displayName": "MOD Administrator",
        "userId": person,
        "email": "admin@example.com",
        "tenantId": TENANT,
        **more,
    }


@dataclass
class Call:
    """A call that the connector took."""

    method: str
    path: str
    body: Json


@dataclass
class FarEnd:
    """What Microsoft serves, and what it was sent.

    `teams`: what the connector says of a team by its id. `graph`: who is in a team by the id of its group, page by
    page; of others Graph says what it says where no consent was given, or `graph_status`. `graph_asked`: paths, with
    the tenant whose token came along.

    `planned`: statuses of the next calls to the connector, and `error` the name that goes with them. `members`: who is
    in each conversation. `vanish`: take a call and hang up. `answer`: what a call that was taken is answered with.
    """

    url: str = "http://127.0.0.1:1"
    published: list[str] = field(default_factory=lambda: ["key-1"])
    endorsements: list[str] = field(default_factory=lambda: ["msteams"])
    identity_status: int = 200
    token_status: int = 200
    lookups: int = 0
    tokens: int = 0
    valid_tokens: set[str] = field(default_factory=set)
    graph_tokens: dict[str, str] = field(default_factory=dict)
    token_forms: list[Json] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    planned: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    error: str = ""
    refused: dict[str, int] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    teams: dict[str, Json] = field(default_factory=dict)
    graph: dict[str, list[list[Json]]] = field(default_factory=dict)
    graph_status: list[int] = field(default_factory=list)
    graph_asked: list[tuple[str, str]] = field(default_factory=list)
    next_link: str = ""
    vanish: bool = False
    answer: bytes = b""
    attempts: int = 0
    hanging: asyncio.Event | None = None

    def app(self) -> web.Application:
        """Return it as an aiohttp application."""
        app = web.Application()
        app.router.add_get("/openid", self._metadata)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/{tenant}/token", self._token)
        app.router.add_route("*", "/connector/{path:.*}", self._connector)
        app.router.add_get("/graph/v1.0/teams/{team}/members", self._graph)
        return app

    async def _metadata(self, _: web.Request) -> web.Response:
        self.lookups += 1
        await asyncio.sleep(0)
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"{self.url}/keys"}, status=self.identity_status)

    async def _keys(self, _: web.Request) -> web.Response:
        keys = []
        for key_id in self.published:
            public = jwt.algorithms.RSAAlgorithm.to_jwk(private_key(key_id).public_key(), as_dict=True)
            keys.append({**public, "kid": key_id, "use": "sig", "endorsements": self.endorsements})
        return web.json_response({"keys": keys})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.token_forms.append({**form, "tenant": request.match_info["tenant"]})
        self.tokens += 1
        token = f"bot-token-{self.tokens}"
        if str(form["scope"]).startswith(self.url):
            self.graph_tokens[token] = request.match_info["tenant"]
        else:
            self.valid_tokens.add(token)
        await asyncio.sleep(0)
        return web.json_response({"access_token": token, "expires_in": 3600}, status=self.token_status)

    async def _connector(self, request: web.Request) -> web.Response:
        self.attempts += 1
        if self.hanging:
            await self.hanging.wait()
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid_tokens:
            return web.Response(status=401)
        refusal: Json = {"error": {"code": self.error, "message": "no"} if self.error else {}}
        if self.planned:
            status, headers = self.planned.pop(0)
            if status != 200:
                return web.json_response(refusal, status=status, headers=headers)
        path = request.raw_path.removeprefix("/connector/emea/")
        if path in self.refused:
            return web.json_response(refusal, status=self.refused[path])
        self.calls.append(Call(request.method, path, await request.json() if request.can_read_body else {}))
        if request.path.startswith("/connector/emea/v3/teams/"):
            team = request.path.removeprefix("/connector/emea/v3/teams/")
            return web.json_response(self.teams.get(team, {}), status=200 if team in self.teams else 404)
        if request.method == "GET":
            return self._member(*request.path.removeprefix("/connector/emea/v3/conversations/").split("/members/"))
        if self.vanish and request.transport:
            request.transport.abort()
        if self.answer:
            return web.Response(body=self.answer, content_type="application/json")
        return web.json_response({"id": "a:1private" if path == "v3/conversations" else "1700000000100"})

    async def _graph(self, request: web.Request) -> web.Response:
        tenant = self.graph_tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if tenant is None:
            return web.json_response({"error": {"code": "InvalidAuthenticationToken"}}, status=401)
        self.graph_asked.append((request.raw_path.removeprefix("/graph/v1.0/"), tenant))
        if self.hanging:
            await self.hanging.wait()
        if self.graph_status and (status := self.graph_status.pop(0)) != 200:
            headers = {"Retry-After": "0"} if status == 429 else {}
            return web.json_response({"error": {"code": "UnknownError"}}, status=status, headers=headers)
        team = request.match_info["team"]
        if team not in self.graph:
            message = (
                "Missing role permissions on the request. API requires one of 'TeamMember.Read.All, "
                "TeamMember.ReadWrite.All, TeamMember.Read.Group'. Roles on the request ''. "
                "Resource specific consent grants on the request ''."
            )
            return web.json_response({"error": {"code": "Forbidden", "message": message}}, status=403)
        pages, number = self.graph[team], int(request.query.get("$skiptoken", "0"))
        context = f"https://graph.microsoft.com/v1.0/$metadata#teams('{team}')/members"
        page: Json = {"@odata.context": context, "@odata.count": len(pages[number]), "value": pages[number]}
        if number + 1 < len(pages):
            following = f"{self.url}/graph/v1.0/teams/{team}/members?$top=999&$skiptoken={number + 1}"
            page["@odata.nextLink"] = self.next_link or following
        return web.json_response(page)

    def _member(self, conversation: str, person: str) -> web.Response:
        if conversation not in self.members:
            return web.json_response({"error": {"code": "ConversationNotFound"}}, status=404)
        if person not in self.members[conversation]:
            return web.json_response({"error": {"code": "MemberNotFoundInConversation"}}, status=404)
        return web.json_response({"id": "29:1anna", "aadObjectId": person, "userRole": "user"})


@dataclass
class Teams:
    """The adapter behind its door, the far end it talks to, and the clock it reads."""

    far: FarEnd
    adapter: TeamsAdapter
    client: TestClient[web.Request, web.Application]
    now: list[float]

    @property
    def service_url(self) -> str:
        """Return the service URL of this far end."""
        return f"{self.far.url}/connector/emea/"

    def token(self, *, key_id: str = "key-1", signed_by: str = "", algorithm: str = "RS256", **claims: Any) -> str:
        """Return a good token, but for what is given; a claim of None is left out."""
        key: Any = private_key(signed_by or key_id) if algorithm == "RS256" else "x" * 64
        now = self.now[0]
        good = {"iss": ISSUER, "aud": APP_ID, "serviceurl": self.service_url, "nbf": now - 60, "exp": now + 3000}
        told = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return jwt.encode(told, "" if algorithm == "none" else key, algorithm, headers={"kid": key_id})

    async def send(self, activity: Any, *, token: str | None = "", raw: bytes | None = None) -> tuple[int, Any]:
        """Post an activity as Teams does; return the status and, if it is JSON, the body."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token or self.token()}"
        data = json.dumps(activity).encode() if raw is None else raw
        async with self.client.post("/api/messages", data=io.BytesIO(data), headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def calls(self) -> list[Call]:
        """Return what the connector was sent, once nothing is under way any more."""
        tasks = self.adapter._outbox._under_way.running
        while tasks:
            await asyncio.wait(set(tasks))
        return self.far.calls

    def payload(self, name: str, /, **changes: Any) -> Json:
        """Return a recorded activity, as if it came from this far end."""
        activity: Json = json.loads((PAYLOADS / "teams" / f"{name}.json").read_text(encoding="utf-8"))
        return {**activity, "serviceUrl": self.service_url, **changes}


def settings_for(far: FarEnd, **changes: Any) -> Settings:
    """Return settings that point the adapter to a far end."""
    told: Json = {
        "microsoft_app_id": APP_ID,
        "microsoft_app_password": SECRET,
        "microsoft_app_tenant_id": "tenant-1",
        "teams_openid_metadata_url": f"{far.url}/openid",
        "teams_token_issuer": ISSUER,
        "teams_token_url": f"{far.url}/{{tenant}}/token",
        "teams_graph_url": f"{far.url}/graph/v1.0/",
        "teams_service_urls": [f"{far.url}/connector/"],
    }
    return Settings(_env_file=None, **{**told, **changes})


@asynccontextmanager
async def running(coach: Coach, far: FarEnd | None = None, **changes: Any) -> AsyncIterator[Teams]:
    """Run the adapter and its far end on two free loopback ports."""
    far, now = far or FarEnd(), [NOW]
    async with TestServer(far.app()) as server:
        far.url = str(server.make_url("")).rstrip("/")
        adapter = TeamsAdapter(settings_for(far, **changes), coach, clock=lambda: now[0])
        app = web.Application()
        app.router.add_routes(adapter.routes())
        await adapter.start()
        try:
            async with TestClient(TestServer(app), timeout=aiohttp.ClientTimeout(total=60)) as client:
                yield Teams(far, adapter, client, now)
        finally:
            if far.hanging:
                far.hanging.set()
            await adapter.stop()
