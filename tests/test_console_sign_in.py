"""Signing in to the console: the flow, and every token, state and address that must be refused."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from copy import copy
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from adapters.web.console import Console
from adapters.web.console.openid import providers
from adapters.web.console.signing_in import safe_next
from chatbot.coach import Coach
from chatbot.errors import SettingsError
from chatbot.model import Mention
from chatbot.settings import Settings, load_settings
from chatbot.store.tables import ended_sessions
from tests.console_program import (
    ADMIN,
    CLIENT_ID,
    CLIENT_SECRET,
    LEAD,
    OTHER,
    SECRET,
    Browser,
    Here,
    Provider,
    running,
    settings_for,
)


@pytest.fixture
async def here(coach: Coach, new_database: Callable[[str], str]) -> AsyncIterator[Here]:
    async with running(coach, new_database("sqlite")) as running_now:
        yield running_now


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(here: Here) -> None:
    browser = here.anybody()
    answer = await browser.get("/lead/pieces/1?lang=de")
    assert answer.status == 303
    assert answer.location == "/lead/sign-in?next=/lead/pieces/1?lang%3Dde"
    page = await browser.get(answer.location)
    assert "Mit Slack anmelden" in page.text
    assert "/lead/sign-in/slack?next=/lead/pieces/1" in page.text
    back = await browser.sign_in(LEAD, back="/lead/pushes")
    assert (back.status, back.location) == (303, "/lead/pushes")
    assert (await browser.get("/lead/pushes")).status == 200


async def test_what_goes_to_the_provider(here: Here) -> None:
    browser = here.anybody()
    left = await browser.get("/lead/sign-in/slack")
    query = parse_qs(urlsplit(left.location).query)
    assert query["client_id"] == [CLIENT_ID]
    assert query["redirect_uri"] == ["http://127.0.0.1:1/lead/signed-in/slack"]
    assert query["scope"] == ["openid profile"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 43
    assert query["nonce"] != query["state"]
    await browser.sign_in(LEAD)
    form = here.provider.forms[0]
    assert form["client_secret"] == CLIENT_SECRET
    assert form["grant_type"] == "authorization_code"
    assert len(form["code_verifier"]) == 64


async def test_the_cookie_is_for_this_server_alone_and_ends(here: Here) -> None:
    browser = here.anybody()
    await browser.sign_in(LEAD)
    name = "steady-lead"
    told = jwt.decode(browser.cookies[name], SECRET, algorithms=["HS256"], audience=name, options={"verify_exp": False})
    assert told["person"] == LEAD.person
    assert "role" not in told
    assert "steady-sign-in" not in browser.cookies
    here.now[0] += timedelta(hours=7, minutes=59)
    assert (await browser.get("/lead")).status == 200
    here.now[0] += timedelta(minutes=1)
    assert (await browser.get("/lead")).status == 303
    answer = await browser.ask("POST", "/lead/write", data={"form-token": browser.token})
    assert answer.status == 401
    assert "nothing was saved" in answer.text


async def test_signing_out_ends_a_copy_of_the_cookie_too_on_every_replica(
    coach: Coach, new_database: Callable[[str], str], kind: str
) -> None:
    url = new_database(kind)
    async with running(coach, url) as here, running(copy(coach), url) as other:
        browser, elsewhere = await here.signed_in(LEAD), await here.signed_in(LEAD)
        copies = [here.anybody(), other.anybody()]
        for stolen in copies:
            stolen.cookies |= browser.cookies
            assert (await stolen.get("/lead")).status == 200
        assert (await browser.post("/lead/sign-out")).location == "/lead/sign-in"
        assert "steady-lead" not in browser.cookies
        for stolen in copies:
            assert (await stolen.get("/lead")).location.startswith("/lead/sign-in")
            answer = await stolen.ask("POST", "/lead/people", data={"form-token": stolen.token, "do": "review_on"})
            assert answer.status == 401
        assert (await elsewhere.get("/lead")).status == 200, "other sessions of the same person go on"
        here.now[0] += timedelta(hours=7, minutes=59)
        assert (await copies[0].get("/lead")).status == 303
        kept = await here.database.read(select(ended_sessions))
        assert len(kept) == 1
        assert LEAD.person not in repr(kept)
        here.now[0] += timedelta(minutes=2)
        here.provider.now = here.now[0].timestamp()
        await (await here.signed_in(OTHER)).post("/lead/sign-out")
        again = await here.database.read(select(ended_sessions))
        assert len(again) == 1, "what would have ended by now is forgotten"
        assert again != kept


async def test_behind_https_the_cookie_has_the_host_prefix(coach: Coach, new_database: Callable[[str], str]) -> None:
    async with running(coach, new_database("sqlite"), console_url="https://coach.test") as here:
        browser = here.anybody()
        await browser.sign_in(LEAD)
        left = await browser.client.get("/lead/sign-in/slack", allow_redirects=False)
        cookie = left.headers["Set-Cookie"]
        assert cookie.startswith("__Host-steady-sign-in=")
        for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert attribute in cookie
        assert "Domain" not in cookie
        assert "__Host-steady-lead" in browser.cookies


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "nonsense",
        "a.b.c",
        jwt.encode({"sid": "1", "workspace": "slack:T1", "person": LEAD.person, "name": "", "aud": "steady-lead", "exp": 2e9}, "y" * 40, "HS256"),
        jwt.encode({"sid": "1", "workspace": "slack:T1", "person": LEAD.person, "name": "", "aud": "steady-lead", "exp": 2e9}, "", "none"),
        jwt.encode({"sid": "1", "workspace": "slack:T1", "person": LEAD.person, "name": "", "aud": "steady-sign-in", "exp": 2e9}, SECRET, "HS256"),
        jwt.encode({"sid": 1, "workspace": "slack:T1", "person": LEAD.person, "name": "", "aud": "steady-lead", "exp": 2e9}, SECRET, "HS256"),
        jwt.encode({"sid": "1", "workspace": "slack:T1", "person": LEAD.person, "name": "", "aud": "steady-lead"}, SECRET, "HS256"),
    ],
    ids=["empty", "nonsense", "dots", "another secret", "unsigned", "another purpose", "another shape", "endless"],
)  # fmt: skip
async def test_a_forged_cookie_is_nobodys(here: Here, cookie: str) -> None:
    browser = here.anybody()
    browser.cookies["steady-lead"] = cookie
    assert (await browser.get("/lead")).status == 303


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "another-app"},
        {"aud": ["another-app", "third"]},
        {"aud": None},
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": -1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 10_000},
        {"azp": "another-app"},
        {"https://slack.com/user_id": None},
        {"https://slack.com/team_id": ["T1"]},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_signs_nobody_in(here: Here, wrong: dict[str, Any]) -> None:
    now = int(here.provider.now)
    shifted = {"exp": now - 1000, "iat": now + 10_000}
    for name, value in wrong.items():
        wrong[name] = shifted[name] if isinstance(value, int) and name in shifted else value
    here.provider.claims = {}
    await refused(here, wrong)


async def refused(here: Here, claims: dict[str, Any]) -> None:
    browser = here.anybody()
    left = await browser.get("/lead/sign-in/slack")
    asked = here.provider.asked(left.location)
    here.provider.claims = claims
    answer = await browser.get("/lead/signed-in/slack", params={"code": "c0de", "state": asked["state"]})
    assert answer.status == 403
    assert "The sign-in did not work." in answer.text
    assert browser.cookies == {}
    assert (await browser.get("/lead")).status == 303


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithm": "none"},
        {"algorithm": "HS256"},
        {"signed_by": "key-2"},
        {"key_id": "key-2"},
        {"token_status": 500},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_signature_signs_nobody_in(here: Here, wrong: dict[str, Any]) -> None:
    for name, value in wrong.items():
        setattr(here.provider, name, value)
    await refused(here, {})


async def test_a_new_key_of_the_provider_is_looked_for(here: Here) -> None:
    await here.signed_in(LEAD)
    here.now[0] += timedelta(minutes=2)
    here.provider.key_id, here.provider.published = "key-2", ["key-1", "key-2"]
    await here.signed_in(LEAD)


async def turned_away(here: Here) -> None:
    browser = here.anybody()
    left = await browser.get("/lead/sign-in/slack")
    if left.status == 303:
        asked = here.provider.asked(left.location)
        left = await browser.get("/lead/signed-in/slack", params={"code": "c0de", "state": asked["state"]})
    assert left.status == 403
    assert "The sign-in did not work." in left.text


@pytest.mark.parametrize("address", ["/metadata", "/keys"])
@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"keys": ' + b"[" * 100_000, b"[]", b"{}", b'{"keys": 3}', b'{"keys": [{"kty": "RSA"}]}', b"\xff", None],
    ids=["nested", "nested deeper", "list", "nothing", "number", "half a key", "no text", "no answer"],
)  # fmt: skip
async def test_what_a_provider_publishes_badly_is_said_calmly_and_not_asked_for_without_pause(
    here: Here, address: str, body: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    here.provider.instead[address] = body
    await turned_away(here)
    asked = here.provider.lookups.count(address)  # aiohttp itself asks twice where a connection is cut
    for _ in range(2):
        await turned_away(here)
    assert here.provider.lookups.count(address) == asked > 0
    assert "incident" not in caplog.text
    assert "can't be" in caplog.text or "did not answer" in caplog.text or "lacks" in caplog.text
    here.now[0] += timedelta(seconds=5)
    await turned_away(here)
    assert here.provider.lookups.count(address) > asked
    del here.provider.instead[address]
    here.now[0] += timedelta(seconds=5)
    await here.signed_in(LEAD)


async def test_a_token_that_is_nested_too_deeply_signs_nobody_in(here: Here) -> None:
    here.provider.instead["/token"] = b'{"id_token": ' + b"[" * 100_000
    await turned_away(here)
    deep = base64.urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()
    here.provider.instead["/token"] = json.dumps({"id_token": f"{deep}.{deep}.{deep}"}).encode()
    await turned_away(here)


async def test_a_state_of_another_browser_or_none_or_used_is_refused(here: Here) -> None:
    mine, other = here.anybody(), here.anybody()
    asked = here.provider.asked((await other.get("/lead/sign-in/slack")).location)
    for state in (asked["state"], "", "ü"):
        await mine.get("/lead/sign-in/slack")
        answer = await mine.get("/lead/signed-in/slack", params={"code": "c0de", "state": state})
        assert answer.status == 403
    assert here.provider.forms == []
    answer = await here.anybody().get("/lead/signed-in/slack", params={"code": "c0de", "state": asked["state"]})
    assert answer.status == 403
    answer = await other.get("/lead/signed-in/slack", params={"error": "access_denied", "state": asked["state"]})
    assert answer.status == 403
    # Once refused, the sign-in is over.
    answer = await other.get("/lead/signed-in/slack", params={"code": "c0de", "state": asked["state"]})
    assert answer.status == 403


async def test_a_sign_in_that_took_too_long_is_refused(here: Here) -> None:
    browser = here.anybody()
    asked = here.provider.asked((await browser.get("/lead/sign-in/slack")).location)
    here.now[0] += timedelta(minutes=11)
    answer = await browser.get("/lead/signed-in/slack", params={"code": "c0de", "state": asked["state"]})
    assert answer.status == 403


async def test_an_unreachable_provider_is_said_calmly(here: Here) -> None:
    here.provider.url = "http://127.0.0.1:9"
    here.now[0] += timedelta(days=2)
    async with TestServer(web.Application()) as nobody:
        settings = settings_for(Provider(url=str(nobody.make_url("")).rstrip("/")))
        console = Console(settings, here.coach)
        app = web.Application()
        app.router.add_routes(console.routes())
        await console.start()
        async with TestClient(TestServer(app)) as client:
            answer = await Browser(client, here).get("/lead/sign-in/slack")
        await console.stop()
    assert answer.status == 403
    assert "The sign-in did not work." in answer.text


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test/lead",
        "//evil.test/lead",
        "/lead/../admin",
        "/leads",
        "/lead\\@evil.test",
        "/lead//evil.test",
        "javascript:alert(1)",
        "/lead\r\nSet-Cookie: a=b",
        "http:/lead",
        "lead",
        "",
        "http://[",
        "/lead?x=\t//evil",
        f"/lead?x={'y' * 3000}",
    ],
)
async def test_nobody_is_sent_elsewhere_after_signing_in(here: Here, wanted: str) -> None:
    assert safe_next("/lead", wanted) == "/lead"
    answer = await here.anybody().sign_in(LEAD, back=wanted)
    assert (answer.status, answer.location) == (303, "/lead")


def test_pages_of_the_console_are_gone_back_to() -> None:
    for wanted in ("/lead", "/lead?lang=de", "/lead/pieces/1/edit", "/lead/pushes/new?piece=3"):
        assert safe_next("/lead", wanted) == wanted


# ---- Microsoft


@pytest.fixture
async def microsoft(coach: Coach, new_database: Callable[[str], str]) -> AsyncIterator[tuple[Browser, Provider]]:
    """A console of a bot for many tenants, and the one place where they all sign in."""
    async with running(coach, new_database("sqlite")) as slack:
        provider = Provider(now=slack.provider.now)
        async with TestServer(provider.app()) as server:
            provider.url = str(server.make_url("")).rstrip("/")
            settings = Settings(
                _env_file=None,
                console_url="http://127.0.0.1:1",
                console_secret=SECRET,
                microsoft_app_id="app-1",
                microsoft_app_password="hunter2",
                microsoft_app_type="MultiTenant",
                microsoft_openid_metadata_url=f"{provider.url}/metadata",
            )
            console = Console(settings, coach, clock=lambda: provider.now)
            app = web.Application()
            app.router.add_routes(console.routes())
            await console.start()
            async with TestClient(TestServer(app)) as client:
                yield Browser(client, slack), provider
            await console.stop()


async def signed_in_with_microsoft(browser: Browser, provider: Provider, **claims: Any) -> int:
    asked = provider.asked((await browser.get("/lead/sign-in/microsoft")).location)
    provider.claims = {"aud": "app-1", "tid": "tenant-1", "oid": "aad-1", "name": "Lena", **claims}
    return (await browser.get("/lead/signed-in/microsoft", params={"code": "c0de", "state": asked["state"]})).status


async def test_microsofts_people_are_those_of_the_teams_adapter(microsoft: tuple[Browser, Provider]) -> None:
    browser, provider = microsoft
    assert await signed_in_with_microsoft(browser, provider) == 303
    told = jwt.decode(browser.cookies["steady-lead"], options={"verify_signature": False})
    assert (told["workspace"], told["person"]) == ("teams:tenant-1", "aad-1")
    assert (await browser.get("/lead")).status == 403
    assert (await browser.get("/lead/sign-in/slack")).status == 404


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"tid": "tenant-1", "iss": "https://login.test/tenant-1/v2.0"}, 303),
        ({"tid": "tenant-2", "iss": "https://login.test/tenant-2/v2.0"}, 303),
        ({"tid": "tenant-1", "iss": "https://login.test/tenant-2/v2.0"}, 403),
        ({"tid": "tenant-1", "iss": "https://login.test/{tenantid}/v2.0"}, 403),
        ({"tid": None, "iss": "https://login.test//v2.0"}, 403),
        ({"tid": "", "iss": "https://login.test//v2.0"}, 403),
        ({"oid": None, "iss": "https://login.test/tenant-1/v2.0"}, 403),
        ({"oid": ["aad-1"], "iss": "https://login.test/tenant-1/v2.0"}, 403),
    ],
)
async def test_a_tenant_speaks_for_its_own_people_alone(
    microsoft: tuple[Browser, Provider], claims: dict[str, Any], status: int
) -> None:
    browser, provider = microsoft
    provider.issuer = "https://login.test/{tenantid}/v2.0"
    assert await signed_in_with_microsoft(browser, provider, **claims) == status
    assert ("steady-lead" in browser.cookies) == (status == 303)
    if status == 303:
        told = jwt.decode(browser.cookies["steady-lead"], options={"verify_signature": False})
        assert told["workspace"] == f"teams:{claims['tid']}"


async def test_a_name_is_one_line_that_reads_as_it_is_written(microsoft: tuple[Browser, Provider]) -> None:
    browser, provider = microsoft
    assert (
        await signed_in_with_microsoft(
            browser, provider, name="\u202eadA\u202c\r\nadmin installed\0\u2066 " + "x" * 200
        )
        == 303
    )
    told = jwt.decode(browser.cookies["steady-lead"], options={"verify_signature": False})
    assert told["name"].startswith("adA admin installed x")
    assert len(told["name"]) == 100


async def test_a_sign_in_counts_for_the_provider_and_the_browser_where_it_began(here: Here) -> None:
    browser = here.anybody()
    asked = here.provider.asked((await browser.get("/lead/sign-in/slack")).location)
    kept = browser.cookies["steady-sign-in"]
    back = {"code": "c0de", "state": asked["state"]}
    assert (await browser.get("/lead/signed-in/microsoft", params=back)).status == 404
    assert (await here.anybody().get("/lead/signed-in/slack", params=back)).status == 403
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await browser.ask(method, "/lead/signed-in/slack", params=back)).status == 405
    browser.cookies["steady-lead"] = kept
    assert (await browser.get("/lead")).status == 303, "the cookie of a sign-in under way is no session"
    assert "steady-lead" not in here.anybody().cookies


async def test_owners_of_a_team_are_shown_as_such_and_removed(here: Here) -> None:
    owners = Mention("group:owners:cccccccc-0000-4000-8000-00000000000c", "Support <b>Team</b>")
    await here.leading.roles.add_lead(ADMIN, owners)
    admin, lead = await here.signed_in(ADMIN), await here.signed_in(LEAD)
    assert "Owners of Support &lt;b&gt;Team&lt;/b&gt;: everybody in this group" in (await lead.get("/lead/people")).text
    gone = {"do": "remove", "subject": owners.id}
    assert (await lead.post("/lead/people", gone)).status == 403
    assert (await admin.post("/lead/people", gone)).status == 303
    assert "Owners of" not in (await admin.get("/lead/people")).text


def test_each_tenant_has_its_own_sign_in() -> None:
    told: dict[str, Any] = {"_env_file": None, "microsoft_app_id": "a", "microsoft_app_password": "b"}
    single = providers(Settings(**told, microsoft_app_tenant_id="tenant-1"))["microsoft"]
    assert single.metadata_url == "https://login.microsoftonline.com/tenant-1/v2.0/.well-known/openid-configuration"
    several = providers(Settings(**told, microsoft_app_type="MultiTenant"))["microsoft"]
    assert "/organizations/" in several.metadata_url


# ---- settings


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"console_url": "http://coach.test"}, "https://"),
        ({"console_url": "https://coach.test/lead"}, "no path"),
        ({"console_url": "https://"}, "CONSOLE_URL"),
        ({"console_url": "https://coach.test"}, "CONSOLE_SECRET"),
        ({"console_url": "https://coach.test", "console_secret": "hunter2"}, "32 characters"),
        ({"console_url": "https://coach.test", "console_secret": SECRET}, "nobody could sign in"),
        ({"slack_client_id": "1"}, "SLACK_CLIENT_SECRET"),
        ({"slack_client_secret": "hunter2"}, "SLACK_CLIENT_ID"),
    ],
)
def test_a_console_nobody_could_use_fails_at_start(values: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(_env_file=None, **values)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
