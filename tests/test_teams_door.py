"""Who gets in at POST /api/messages, and what bad input does: nothing, and never a 500."""

import asyncio
import base64
import io
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from adapters.teams import TeamsAdapter, adapter
from chatbot.coach import Coach
from chatbot.errors import SettingsError
from chatbot.model import Message
from tests.fake_identity import APP_ID, NOW, FarEnd, Teams, running, settings_for


@pytest.fixture
async def teams(coach: Coach) -> AsyncIterator[Teams]:
    async with running(coach) as teams:
        yield teams


BAD_TOKENS: dict[str, Callable[[Teams], str | None]] = {
    "missing": lambda t: None,
    "no JWT": lambda t: "abc",
    "two parts": lambda t: "abc.def",
    "deep header": lambda t: f"{base64.urlsafe_b64encode(b'[' * 4000).decode()}.e30.c2ln",
    "header is a list": lambda t: f"{base64.urlsafe_b64encode(b'[1]').decode()}.e30.c2ln",
    "expired": lambda t: t.token(exp=NOW - 301),
    "not valid yet": lambda t: t.token(nbf=NOW + 301),
    "without end": lambda t: t.token(exp=None),
    "end is no number": lambda t: t.token(exp="soon"),
    "end is not a number": lambda t: t.token(exp=float("nan")),
    "end is too large a number": lambda t: t.token(exp=10**400),
    "for another bot": lambda t: t.token(aud="someone-else"),
    "for nobody": lambda t: t.token(aud=None),
    "of another issuer": lambda t: t.token(iss="https://sts.windows.net/x/"),
    "signed by another key": lambda t: t.token(signed_by="a-stranger"),
    "unknown key": lambda t: t.token(key_id="a-stranger"),
    "without signature": lambda t: t.token(algorithm="none"),
    "HS256": lambda t: t.token(algorithm="HS256"),
    "for another service URL": lambda t: t.token(serviceurl="https://smba.trafficmanager.net/emea/"),
    "without service URL": lambda t: t.token(serviceurl=None),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
async def test_a_bad_token_is_a_401_and_nothing_else_happens(teams: Teams, kind: str) -> None:
    status, _ = await teams.send(teams.payload("message_personal"), token=BAD_TOKENS[kind](teams))
    assert status == 401
    assert await teams.calls() == []
    assert teams.far.tokens == 0


async def test_another_scheme_than_bearer_is_a_401(teams: Teams) -> None:
    headers = {"Authorization": f"Basic {teams.token()}"}
    async with teams.client.post("/api/messages", json=teams.payload("message_personal"), headers=headers) as response:
        assert response.status == 401


async def test_clocks_may_be_five_minutes_apart(teams: Teams) -> None:
    for token in (teams.token(exp=NOW - 299), teams.token(nbf=NOW + 299)):
        assert (await teams.send(teams.payload("message_personal"), token=token))[0] == 200


@pytest.mark.parametrize(
    "service_url",
    [
        "https://smba.trafficmanager.net.evil.test/emea/",
        "https://smba.trafficmanager.net@evil.test/emea/",
        "https://smba.trafficmanager.net:8443/emea/",
        "http://smba.trafficmanager.net/emea/",
        "https://evil.test/https://smba.trafficmanager.net/",
        "https://smba.trafficmanager.net\\@evil.test/",
        "https://name:word@smba.trafficmanager.net/",
        "//smba.trafficmanager.net/",
        "https://[",
        "",
    ],
)
async def test_answers_go_only_where_the_settings_allow(coach: Coach, service_url: str) -> None:
    async with running(coach, teams_service_urls=["https://smba.trafficmanager.net/"]) as teams:
        activity = teams.payload("message_personal", serviceUrl=service_url)
        assert (await teams.send(activity, token=teams.token(serviceurl=service_url)))[0] == 401
        assert teams.far.tokens == 0


async def test_a_key_speaks_only_for_the_channels_it_is_endorsed_for(teams: Teams) -> None:
    for channel in ("webchat", None, ["msteams"], {}, 5):
        assert (await teams.send(teams.payload("message_personal", channelId=channel)))[0] == 401
    teams.far.endorsements = []
    teams.now[0] += 25 * 3600
    assert (await teams.send(teams.payload("message_personal", channelId="webchat")))[0] == 200


async def test_keys_are_fetched_once_and_kept_for_a_day(teams: Teams) -> None:
    await asyncio.gather(*(teams.send(teams.payload("message_personal", id=str(n))) for n in range(10)))
    assert teams.far.lookups == 1
    teams.now[0] += 24 * 3600 + 1
    assert (await teams.send(teams.payload("message_personal", id="next day")))[0] == 200
    assert teams.far.lookups == 2


async def test_a_new_key_is_found_but_strangers_cannot_make_us_look_more_than_once_a_minute(teams: Teams) -> None:
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    teams.far.published = ["key-2"]
    for _ in range(3):
        assert (await teams.send(teams.payload("message_personal"), token=teams.token(key_id="key-2")))[0] == 401
    assert teams.far.lookups == 1
    teams.now[0] += 61
    assert (await teams.send(teams.payload("message_personal"), token=teams.token(key_id="key-2")))[0] == 200
    assert (await teams.send(teams.payload("message_personal"), token=teams.token(key_id="key-1")))[0] == 401
    assert teams.far.lookups == 2


async def test_an_unreachable_identity_provider_is_a_503_and_mends_itself(teams: Teams) -> None:
    teams.far.identity_status = 500
    for _ in range(3):
        assert (await teams.send(teams.payload("message_personal")))[0] == 503
    assert teams.far.lookups == 1, "it is not asked again at once"
    teams.far.identity_status = 200
    teams.now[0] += 6
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    assert len(await teams.calls()) == 1


async def test_known_keys_stay_good_while_the_identity_provider_is_unreachable(teams: Teams) -> None:
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    teams.far.identity_status = 503
    teams.now[0] += 25 * 3600
    assert (await teams.send(teams.payload("message_personal", id="2")))[0] == 200
    assert (await teams.send(teams.payload("message_personal"), token=teams.token(key_id="key-2")))[0] == 503


async def test_metadata_that_makes_no_sense_is_a_503(coach: Coach) -> None:
    async with running(coach) as teams:
        teams.far.published = []
        teams.adapter._gate._keys._metadata_url = f"{teams.far.url}/keys"
        assert (await teams.send(teams.payload("message_personal")))[0] == 503


@pytest.mark.parametrize(
    "keys", ['{"keys": ["key-1"]}', '{"keys": [null]}', '{"keys": 5}', "[5]", "null", "[" * 100_000], ids=range(6)
)
async def test_keys_that_are_none_are_a_503_and_not_asked_for_again_at_once(
    coach: Coach, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    async def odd(_: FarEnd, __: object) -> web.Response:
        return web.Response(text=keys, content_type="application/json")

    monkeypatch.setattr(FarEnd, "_keys", odd)
    async with running(coach) as here:
        for _ in range(3):
            assert (await here.send(here.payload("message_personal")))[0] == 503
        assert here.far.lookups == 1


BODIES = {
    b"{": 400,
    b"": 400,
    b"\xff\xfe\xfd": 400,
    b'{"type": "message", "text": "\xff"}': 400,
    b"[" * 100_000: 400,
    b"[]": 400,
    b'"message"': 400,
    b"null": 400,
    b"{}": 400,
    b'{"type": 7}': 400,
}


@pytest.mark.parametrize("body", BODIES, ids=lambda b: b[:20].hex())
async def test_a_body_that_is_no_activity_is_a_400(teams: Teams, body: bytes) -> None:
    assert (await teams.send(None, raw=body))[0] == BODIES[body]


async def test_a_body_of_ten_megabytes_is_a_413(teams: Teams) -> None:
    body = json.dumps(teams.payload("message_personal", text="x" * 10_000_000)).encode()
    assert (await teams.send(None, raw=body))[0] == 413
    assert (await teams.send(None, raw=body, token=None))[0] == 413


async def test_a_large_body_in_chunks_is_a_413(teams: Teams) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 65536

    headers = {"Authorization": f"Bearer {teams.token()}"}
    async with teams.client.post("/api/messages", data=chunks(), headers=headers) as response:
        assert response.status == 413


ODD: list[dict[str, Any]] = [
    {"from": None},
    {"from": "anna"},
    {"from": {"id": 7}},
    {"conversation": None},
    {"conversation": {"id": ["x"]}},
    {"type": "typing"},
    {"type": "messageReaction", "reactionsAdded": [{"type": "like"}]},
    {"type": "event", "name": "application/vnd.microsoft.readReceipt"},
    {"type": "event"},
    {"type": "endOfConversation"},
    {"type": "messageUpdate"},
    {"type": "messageDelete"},
    {"type": "handoff"},
    {"type": "somethingNew"},
    {"type": "conversationUpdate", "membersAdded": "everyone"},
    {"type": "conversationUpdate", "membersAdded": [None, {"id": 3}]},
    {"type": "conversationUpdate", "membersRemoved": [{"id": "29:1anna"}]},
    {"type": "installationUpdate", "action": "remove"},
    {"type": "installationUpdate", "action": "add-upgrade"},
    {"type": "installationUpdate", "action": 3},
    {"from": {"id": f"28:{APP_ID}"}},
]


@pytest.mark.parametrize("change", ODD, ids=str)
async def test_what_needs_no_answer_is_a_200_and_gets_none(teams: Teams, change: dict[str, Any]) -> None:
    assert (await teams.send(teams.payload("message_personal", **change)))[0] == 200
    assert await teams.calls() == []


@pytest.mark.parametrize(
    "change",
    [
        {"text": None},
        {"text": 5},
        {"entities": "x"},
        {"entities": [None, {"type": "mention", "mentioned": "bot"}]},
        {"channelData": None},
        {"locale": 3},
        {"recipient": None},
        {"id": None},
        {"value": 3},
        {"value": {"command": 3}},
        {"text": "\ud800"},
        {"text": "<at>" * 50_000},
    ],
    ids=lambda change: str(change)[:40],
)
async def test_what_is_odd_beside_the_text_does_not_keep_the_answer_back(teams: Teams, change: dict[str, Any]) -> None:
    assert (await teams.send(teams.payload("message_personal", **change)))[0] == 200
    assert len(await teams.calls()) == 1


async def test_a_fault_of_ours_is_a_503_and_its_words_stay_out_of_the_log(
    teams: Teams, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(message: Message) -> None:
        raise RuntimeError(message.text)

    activity = teams.payload("message_personal", text="her name is Anna")
    with monkeypatch.context() as patched:
        patched.setattr(teams.adapter._coach, "reply", broken)
        assert (await teams.send(activity))[0] == 503
    assert "Anna" not in caplog.text
    assert "incident" in caplog.text
    assert (await teams.send(activity))[0] == 200
    assert len(await teams.calls()) == 1, "what came again after the fault is answered"


async def test_no_text_and_no_token_in_any_log(teams: Teams, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = teams.token()
    teams.far.planned = [(403, {})]
    await teams.send(teams.payload("message_personal", text="my secret sorrow"), token=token)
    await teams.send(teams.payload("message_personal", text="my secret sorrow"), token=teams.token(aud="x"))
    await teams.calls()
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("steady"))
    assert "403" in ours
    for secret in ("sorrow", token, "bot-token", "not-a-secret"):
        assert secret not in ours


async def test_past_its_limit_the_outbox_asks_teams_to_come_again(
    teams: Teams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.tasks.MOST_UNDER_WAY", 2)
    teams.far.hanging = asyncio.Event()
    statuses = [(await teams.send(teams.payload("message_personal", id=str(n))))[0] for n in range(3)]
    assert statuses == [200, 200, 503]
    teams.far.hanging.set()
    await teams.calls()
    assert (await teams.send(teams.payload("message_personal", id="2")))[0] == 200, "the refused one may come again"
    assert len(await teams.calls()) == 3


async def test_the_loop_is_never_blocked_by_an_sdk_call(
    teams: Teams, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK's ways out are all synchronous `requests` calls: none may be taken, nor may msrest read an activity."""
    import msrest
    import requests

    def taken(*_: object, **__: object) -> None:
        raise AssertionError("a blocking call")

    monkeypatch.setattr(requests.Session, "send", taken)
    monkeypatch.setattr(msrest.Deserializer, "__call__", taken)
    monkeypatch.setattr(msrest.Serializer, "body", taken)
    monkeypatch.setattr("time.sleep", taken)
    for start in range(0, 200, 20):
        sent = (teams.send(teams.payload("message_personal", id=str(start + n))) for n in range(20))
        assert {status for status, _ in await asyncio.gather(*sent)} == {200}
    assert len(await teams.calls()) == 200
    assert (teams.far.lookups, teams.far.tokens) == (1, 1)
    assert "incident" not in caplog.text


def test_without_an_app_id_it_refuses_to_be(coach: Coach) -> None:
    with pytest.raises(SettingsError, match="MicrosoftAppId"):
        TeamsAdapter(settings_for(FarEnd(), microsoft_app_id="", microsoft_app_password=""), coach)


@pytest.mark.parametrize("urls", [[], ["smba.trafficmanager.net"], ["ftp://x/"], ["https://["]])
def test_a_service_url_that_is_none_fails_at_start(coach: Coach, urls: list[str]) -> None:
    with pytest.raises(SettingsError, match="TEAMS_SERVICE_URLS"):
        TeamsAdapter(settings_for(FarEnd(), teams_service_urls=urls), coach)


async def test_it_starts_while_microsoft_is_down(coach: Coach) -> None:
    teams = TeamsAdapter(settings_for(FarEnd()), coach)
    await teams.start()
    await teams.stop()


def test_routes_begin_with_the_prefix(coach: Coach) -> None:
    routes = TeamsAdapter(settings_for(FarEnd()), coach).routes("/playground")
    assert [(route.method, route.path) for route in routes] == [("POST", "/playground/api/messages")]  # type: ignore[attr-defined]


def test_calls_to_microsoft_are_bounded() -> None:
    assert (adapter.CALL_TIMEOUT.total or 99) < 15


async def test_a_body_that_does_not_unpack_is_refused(teams: Teams) -> None:
    headers = {"Authorization": f"Bearer {teams.token()}", "Content-Encoding": "gzip"}
    async with teams.client.post("/api/messages", data=io.BytesIO(b"no gzip"), headers=headers) as response:
        assert response.status == 400


async def test_a_body_that_never_comes_is_not_waited_for(teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "SECONDS_TO_SEND", 0.05)
    over = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        await over.wait()

    headers = {"Authorization": f"Bearer {teams.token()}"}
    async with teams.client.post("/api/messages", data=chunks(), headers=headers) as response:
        assert response.status == 408
        over.set()


async def test_half_an_emoji_does_not_cost_the_answer(teams: Teams) -> None:
    text = "she keeps \udc00shouting\ud83d \u202eat me\u0000"
    assert (await teams.send(teams.payload("message_personal", text=text)))[0] == 200
    (call,) = await teams.calls()
    press = teams.payload("card_action")
    press["value"]["action"]["data"] = {"command": "", "field": "typed", "typed": text, "language": "en"}
    status, pressed = await teams.send(press)
    assert status == 200
    for shown in (json.dumps(call.body, ensure_ascii=False), json.dumps(pressed, ensure_ascii=False)):
        assert "shouting" in shown
        assert not any(odd in shown for odd in ("\udc00", "\ud83d", "\u202e", "\\u0000"))
