"""Posting what nobody is waiting for, against a Slack on loopback: every outcome, each request made once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.slack import delivery as sender
from adapters.slack import to_slack
from adapters.slack.delivery import SlackDelivery
from chatbot.coach import Coach
from chatbot.delivery.model import Absent, CantTell, Delivery, Failed, Later, Look, Outcome, Sent, Unknown
from chatbot.model import Language, Lead, Message, Reply, Room, Title
from chatbot.model import Outcome as Understood
from chatbot.rooms import Standing
from tests.slack_far_end import FarEnd, Slack, refused, slack

KEY = "tip/7/2026-11-23"
TIP = Reply((Title("Тип дня"), Lead("Pause <!channel> first")), Language.EN, Understood("menu"))
BUSY = {"status": 429, "headers": {"Retry-After": "7"}}


def row(**changes: Any) -> Delivery:
    values: dict[str, Any] = dict.fromkeys(Delivery.__dataclass_fields__, "") | {
        "key": KEY,
        "lane": "slack:T0STEADY1",
        "target": "C0ROOM001",
        "due": 1_700_000_000.0,
        "expires": 1_700_007_200.0,
        "id": 7,
        "state": "sending",
        "attempt": 1,
        "since": 1_700_000_100.0,
    }
    return Delivery(**values | changes)


def ours(key: str = KEY, ts: str = "1700000099.000100") -> dict[str, Any]:
    metadata = {"event_type": sender.EVENT_TYPE, "event_payload": {"key": key}}
    return {"type": "message", "user": "U0STEADY1", "ts": ts, "text": "-", "metadata": metadata}


def page(messages: list[Any], cursor: str = "") -> web.Response:
    return web.json_response({"ok": True, "messages": messages, "response_metadata": {"next_cursor": cursor}})


@pytest.fixture
async def here(coach: Coach) -> AsyncIterator[Slack]:
    async with slack(coach, FarEnd()) as running:
        yield running


async def test_a_tip_is_posted_with_its_key(here: Slack) -> None:
    assert await here.adapter.delivery.send(row(), TIP) == Sent("C0ROOM001:1700000000.000800")
    assert here.far.calls[-1] == (
        "chat.postMessage",
        {
            "channel": "C0ROOM001",
            **to_slack(TIP),
            "metadata": {"event_type": "steady_delivery", "event_payload": {"key": KEY}},
            "unfurl_links": False,
        },
    )
    assert here.far.tokens["chat.postMessage"] == "Bearer xoxb-made-up"


OUTCOMES: list[tuple[web.Response | dict[str, Any], Outcome]] = [
    ({"status": 429, "headers": {"Retry-After": "7"}}, Later(7.0, everywhere=True)),
    ({"status": 429}, Later(None, everywhere=True)),
    ({"status": 429, "headers": {"Retry-After": "soon"}}, Later(None, everywhere=True)),
    ({"body": {"ok": False, "error": "ratelimited"}, "headers": {"Retry-After": "3"}}, Later(3.0, everywhere=True)),
    ({"body": {"ok": False, "error": "rate_limited"}}, Later(None, everywhere=True)),
    ({"body": {"ok": False, "error": "team_added_to_org"}}, Later(60.0, everywhere=True)),
    *(
        ({"body": {"ok": False, "error": code}}, Failed("blocked", gone="target"))
        for code in ("channel_not_found", "not_in_channel", "user_disabled", "cannot_dm_bot")
    ),
    ({"body": {"ok": False, "error": "is_archived"}}, Failed("archived", gone="target")),
    *(
        ({"body": {"ok": False, "error": code}}, Failed("uninstalled", gone="lane"))
        for code in ("account_inactive", "token_revoked", "invalid_auth")
    ),
    ({"body": {"ok": False, "error": "missing_scope"}}, Failed("no_scope", gone="lane")),
    ({"body": {"ok": False, "error": "restricted_action"}}, Failed("no_scope", gone="target")),
    *(
        ({"body": {"ok": False, "error": code}}, Failed("refused"))
        for code in ("msg_too_long", "invalid_blocks", "metadata_too_large", "an_error_of_tomorrow")
    ),
    *(
        ({"body": {"ok": False, "error": code}}, Unknown("no_answer"))
        for code in ("fatal_error", "internal_error", "service_unavailable")
    ),
    ({"status": 500}, Unknown("no_answer")),
    ({"status": 503, "body": {"ok": False, "error": "channel_not_found"}}, Unknown("no_answer")),
    ({"status": 302, "headers": {"Location": "/elsewhere"}}, Unknown("no_answer")),
    ({"body": "<html>a proxy</html>"}, Unknown("no_answer")),
    ({"body": []}, Unknown("no_answer")),
    ({"body": {}}, Unknown("no_answer")),
    ({"body": {"ok": True}}, Unknown("no_answer")),
    ({"body": {"ok": False}}, Unknown("no_answer")),
]


@pytest.mark.parametrize(("answer", "outcome"), OUTCOMES, ids=range(len(OUTCOMES)))
async def test_what_slack_says_becomes_an_outcome_and_is_asked_once(
    here: Slack, answer: dict[str, Any], outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    body = answer.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    response = web.Response(status=answer.get("status", 200), text=text, headers=answer.get("headers"))
    here.far.answers["chat.postMessage"] = [response]
    assert await here.adapter.delivery.send(row(), TIP) == outcome
    assert here.far.names() == ["chat.postMessage"], "whoever repeats a post may double it"
    assert "Pause" not in caplog.text
    assert "xoxb" not in caplog.text


async def test_a_connection_that_breaks_after_the_request_left_leaves_it_unknown(here: Slack) -> None:
    here.far.broken.add("chat.postMessage")
    assert await here.adapter.delivery.send(row(), TIP) == Unknown("no_answer")
    assert here.far.names() == ["chat.postMessage"]


async def test_no_answer_in_time_leaves_it_unknown(here: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_TIMEOUT", aiohttp.ClientTimeout(total=0.2, connect=3))
    here.far.silent.add("chat.postMessage")
    assert await here.adapter.delivery.send(row(), TIP) == Unknown("no_answer")
    here.far.speak()


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/api/", "http://steady.invalid/api/"])
async def test_a_request_that_never_left_may_be_made_again(
    coach: Coach, unused_tcp_port: int, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_such_name(*_: Any, **__: Any) -> None:
        raise OSError("no such name")

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", no_such_name)
    monkeypatch.setattr("aiohttp.connector.DefaultResolver.resolve", no_such_name)
    far = FarEnd(answers={"auth.test": [refused("internal_error")]})
    async with slack(coach, far) as here:
        here.adapter.delivery._client.base_url = address.format(port=unused_tcp_port)
        assert await here.adapter.delivery.send(row(), TIP) == Later(None, everywhere=True)
        assert await here.adapter.delivery.look(row(state="unknown")) == Later(None)
        assert await here.adapter.delivery.standing(Message("tips", "w", "U1", room=ROOM)) == "cant_tell"


async def test_a_connection_that_is_not_made_in_time_may_be_tried_again(
    here: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(sender, "_TIMEOUT", aiohttp.ClientTimeout(total=10, connect=0.05))
    monkeypatch.setattr("aiohttp.TCPConnector._create_connection", hang)
    await here.adapter._sender.client.session.connector.close()  # the kept connection
    session = aiohttp.ClientSession()
    here.adapter._sender.client.session = session
    assert await here.adapter.delivery.send(row(), TIP) == Later(None, everywhere=True)


async def test_before_the_start_nothing_leaves(coach: Coach) -> None:
    from adapters.slack.sending import Sender

    stopped = SlackDelivery(Sender("xoxb-made-up", "http://127.0.0.1:9/api/").client, 1.0, 50)
    assert await stopped.look(row()) == Later(None)


async def test_the_settings_say_how_fast(coach: Coach) -> None:
    async with slack(coach, FarEnd(), slack_messages_per_second=5, slack_looks_per_minute=30) as here:
        limits = here.adapter.delivery.limits
        assert (limits.per_target, limits.per_lane, limits.looks) == (1.0, 5.0, 0.5)


async def test_a_message_is_found_by_its_key(here: Slack) -> None:
    other = [ours("another"), {"type": "message"}, 5, {"metadata": 5}, {"metadata": {"event_type": "x"}}]
    here.far.answers["conversations.history"] = [page([*other, ours()])]
    assert await here.adapter.delivery.look(row(state="unknown")) == Sent("C0ROOM001:1700000099.000100")
    assert here.far.calls[-1] == (
        "conversations.history",
        {"channel": "C0ROOM001", "oldest": "1700000040.000000", "limit": "100", "include_all_metadata": "true"},
    )


async def test_somebody_elses_metadata_with_the_same_key_is_not_ours(here: Slack) -> None:
    foreign = {**ours(), "metadata": {"event_type": "another_app", "event_payload": {"key": KEY}}}
    here.far.answers["conversations.history"] = [page([foreign])]
    assert await here.adapter.delivery.look(row()) == Absent()


async def test_all_pages_are_read_but_no_more_than_three(here: Slack) -> None:
    here.far.answers["conversations.history"] = [page([ours("x")], "a"), page([], "b"), page([ours()])]
    assert isinstance(await here.adapter.delivery.look(row()), Sent)
    assert [call.get("cursor") for name, call in here.far.calls if name == "conversations.history"] == [None, "a", "b"]
    here.far.answers["conversations.history"] = [page([], "a"), page([], "b")]
    assert await here.adapter.delivery.look(row()) == Absent()
    here.far.answers["conversations.history"] = [page([], "a"), page([], "b"), page([], "c"), page([ours()])]
    assert await here.adapter.delivery.look(row()) == CantTell(), "what was not read may hold it"


LOOKS: list[tuple[web.Response, Look]] = [
    (web.Response(status=429, headers={"Retry-After": "30"}), Later(30.0)),
    (refused("ratelimited"), Later(None)),
    (web.Response(status=502), Later(None)),
    (web.Response(text="no JSON"), Later(None)),
    (refused("internal_error"), Later(None)),
    (refused("missing_scope"), CantTell()),
    (refused("not_in_channel"), CantTell()),
    (refused("channel_not_found"), CantTell()),
    (refused("invalid_auth"), CantTell()),
]


@pytest.mark.parametrize(("number", "found"), [(n, found) for n, (_, found) in enumerate(LOOKS)])
async def test_looking_says_what_it_can(here: Slack, number: int, found: Look) -> None:
    answer = LOOKS[number][0]
    here.far.answers["conversations.history"] = [
        web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
    ]
    assert await here.adapter.delivery.look(row()) == found
    assert here.far.names() == ["conversations.history"]


async def test_looking_over_a_broken_connection_comes_again(here: Slack) -> None:
    here.far.broken.add("conversations.history")
    assert await here.adapter.delivery.look(row()) == Later(None)


ROOM = Room("C0ROOM001", "C0ROOM001")


def members(people: list[str], cursor: str = "") -> web.Response:
    return web.json_response({"ok": True, "members": people, "response_metadata": {"next_cursor": cursor}})


def channel(**about: Any) -> web.Response:
    return web.json_response({"ok": True, "channel": {"id": "C0ROOM001", **about}})


def opened(channel_id: str) -> web.Response:
    return web.json_response({"ok": True, "channel": {"id": channel_id}})


STANDINGS: list[tuple[Room | None, dict[str, list[web.Response]], Standing]] = [
    (ROOM, {}, "member"),
    (ROOM, {"conversations.members": [members(["U1"], "more"), members(["U2", "U0AGENT01"])]}, "member"),
    (ROOM, {"conversations.members": [members(["U1"], "more"), members(["U2"])]}, "stranger"),
    (ROOM, {"conversations.members": [members(["U1"], "more") for _ in range(10)]}, "cant_tell"),
    (ROOM, {"conversations.members": [refused("fetch_members_failed")]}, "cant_tell"),
    (ROOM, {"conversations.members": [web.Response(status=429)]}, "cant_tell"),
    (ROOM, {"conversations.info": [channel(is_member=False)]}, "no_bot"),
    (ROOM, {"conversations.info": [channel()]}, "no_bot"),
    (ROOM, {"conversations.info": [refused("channel_not_found")]}, "no_bot"),
    (ROOM, {"conversations.info": [refused("missing_scope")]}, "cant_tell"),
    (ROOM, {"conversations.info": [web.Response(status=500)]}, "cant_tell"),
    (Room("D0AGENT01", "D0AGENT01", personal=True), {"conversations.open": [opened("D0AGENT01")]}, "member"),
    (Room("D0OTHERS", "D0OTHERS", personal=True), {"conversations.open": [opened("D0AGENT01")]}, "no_bot"),
    (Room("D0AGENT01", "D0AGENT01", personal=True), {"conversations.open": [refused("missing_scope")]}, "cant_tell"),
    (None, {}, "cant_tell"),
]


@pytest.mark.parametrize(
    ("answer", "zone"),
    [
        (web.json_response({"ok": True, "user": {"id": "U0AGENT01", "tz": "Asia/Tbilisi"}}), "Asia/Tbilisi"),
        (web.json_response({"ok": True, "user": {"id": "U0AGENT01", "tz": None}}), ""),
        (web.json_response({"ok": True, "user": []}), ""),
        (refused("missing_scope"), ""),
        (web.Response(status=500), ""),
    ],
    ids=range(5),
)
async def test_by_which_clock_a_person_lives(here: Slack, answer: web.Response, zone: str) -> None:
    here.far.answers["users.info"] = [answer]
    assert await here.adapter.delivery.zone_of("slack:T0STEADY1", "U0AGENT01") == zone
    assert here.far.calls[-1] == ("users.info", {"user": "U0AGENT01"})
    here.far.broken.add("users.info")
    assert await here.adapter.delivery.zone_of("slack:T0STEADY1", "U0AGENT01") == ""


async def test_what_a_person_is_called_holds_nothing_that_cannot_be_shown(here: Slack) -> None:
    named = {"display_name": "Le\u202ena\ud800", "real_name": "Lena L."}
    here.far.answers["users.info"] = [web.json_response({"ok": True, "user": {"profile": named}})]
    assert await here.adapter.delivery.name_of(Message("tips", "slack:T0STEADY1", "U0AGENT01")) == "Lena"


@pytest.mark.parametrize("number", range(len(STANDINGS)))
async def test_who_is_in_a_room(here: Slack, number: int) -> None:
    room, answers, standing = STANDINGS[number]
    here.far.answers.update({name: list(responses) for name, responses in answers.items()})
    assert await here.adapter.delivery.standing(Message("tips", "slack:T0STEADY1", "U0AGENT01", room=room)) == standing
    if len(answers.get("conversations.members", [])) == 10:
        assert here.far.names().count("conversations.members") == 10


async def test_who_is_in_a_room_with_a_broken_connection(here: Slack) -> None:
    here.far.broken.add("conversations.info")
    message = Message("tips", "slack:T0STEADY1", "U0AGENT01", room=ROOM)
    assert await here.adapter.delivery.standing(message) == "cant_tell"


SENT = row(kind="push.card.amend", key="push:1:C0ROOM001:amend:1", reference="C0ROOM001:1700000000.000100")


async def test_a_message_is_changed_in_place_and_keeps_its_key(here: Slack) -> None:
    answer = {"ok": True, "channel": "C0ROOM001", "ts": "1700000000.000100"}
    here.far.answers["chat.update"] = [web.json_response(answer)]
    assert await here.adapter.delivery.amend(SENT, TIP) == Sent("C0ROOM001:1700000000.000100")
    assert here.far.calls[-1] == (
        "chat.update",
        {"channel": "C0ROOM001", "ts": "1700000000.000100", **to_slack(TIP)},
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("message_not_found", Failed("deleted")),
        ("cant_update_message", Failed("refused")),
        ("edit_window_closed", Failed("refused")),
        ("channel_not_found", Failed("blocked", gone="target")),
        ("is_archived", Failed("archived", gone="target")),
        ("internal_error", Unknown("no_answer")),
        ("ratelimited", Later(None, everywhere=True)),
    ],
)
async def test_a_change_that_slack_refuses(here: Slack, error: str, outcome: Outcome) -> None:
    here.far.answers["chat.update"] = [refused(error)]
    assert await here.adapter.delivery.amend(SENT, TIP) == outcome


async def test_a_change_over_a_broken_connection_is_unknown(here: Slack) -> None:
    here.far.broken.add("chat.update")
    assert await here.adapter.delivery.amend(SENT, TIP) == Unknown("no_answer")
