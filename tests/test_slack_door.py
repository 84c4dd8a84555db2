"""What must not get in by Slack's HTTP door, and what gets in once."""

import asyncio
import gzip
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.seen import Seen
from adapters.slack import front
from adapters.slack.front import MOST_BYTES
from chatbot.coach import Coach
from tests.slack_far_end import FarEnd, Slack, form, interactive, payload, signed, slack


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def here(coach: Coach, clock: Clock) -> AsyncIterator[Slack]:
    async with slack(coach, FarEnd(), clock=clock) as running:
        yield running


def without(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in keys}


COMMAND = form(payload("command"))


async def test_url_verification_echoes_the_challenge(here: Slack) -> None:
    challenge = payload("url_verification")
    status, body = await here.send_json(challenge)
    assert (status, json.loads(body)) == (200, {"challenge": challenge["challenge"]})


async def test_url_verification_needs_a_signature_too(here: Slack) -> None:
    body = json.dumps(payload("url_verification")).encode()
    assert await here.send(body, signed(body, secret="another")) == (401, b"")


@pytest.mark.parametrize(
    "headers",
    [
        signed(COMMAND, secret="another secret"),
        signed(COMMAND + b"x"),
        signed(COMMAND, at=time.time() - 301),
        signed(COMMAND, at=time.time() + 3600),
        without(signed(COMMAND), "X-Slack-Signature"),
        without(signed(COMMAND), "X-Slack-Request-Timestamp"),
        {"Content-Type": "application/x-www-form-urlencoded"},
        {**signed(COMMAND), "X-Slack-Request-Timestamp": "now"},
        {**signed(COMMAND), "X-Slack-Request-Timestamp": ""},
        {**signed(COMMAND), "X-Slack-Request-Timestamp": "1e9"},
        {**signed(COMMAND), "X-Slack-Request-Timestamp": "-1"},
        {**signed(COMMAND), "X-Slack-Request-Timestamp": "9" * 5000},
        {**signed(COMMAND), "X-Slack-Request-Timestamp": "１７００００００００"},
        {**signed(COMMAND), "X-Slack-Signature": "v0="},
        {**signed(COMMAND), "X-Slack-Signature": "v0=ü"},
        {**signed(COMMAND), "X-Slack-Signature": signed(COMMAND)["X-Slack-Signature"].upper()},
    ],
)
async def test_what_slack_did_not_sign_just_now_is_turned_away(
    here: Slack, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    assert await here.send(COMMAND, headers) == (401, b"")
    assert await here.finish() == []
    assert caplog.text == ""


async def test_a_signature_is_good_for_five_minutes(here: Slack, clock: Clock) -> None:
    headers = signed(COMMAND, at=clock.now)
    clock.now = int(clock.now) + 300
    assert (await here.send(COMMAND, headers))[0] == 200
    clock.now += 1
    assert (await here.send(COMMAND, headers))[0] == 401


async def test_a_replayed_request_is_answered_once(here: Slack) -> None:
    headers = signed(COMMAND)
    status, body = await here.send(COMMAND, headers)
    assert status == 200
    assert body
    assert await here.send(COMMAND, headers) == (200, b"")


async def test_the_same_command_given_again_is_answered_again(here: Slack, clock: Clock) -> None:
    for later in (0, 1):
        assert (await here.send(COMMAND, signed(COMMAND, at=clock.now + later)))[1]


async def test_a_redelivered_event_is_answered_once(here: Slack, clock: Clock) -> None:
    body = json.dumps(payload("message")).encode()
    for later in (0, 1, 60, 300):
        headers = signed(body, at=clock.now + later) | {"X-Slack-Retry-Num": "1"}
        clock.now += later
        assert await here.send(body, signed(body, at=clock.now) | headers) == (200, b"")
    assert await here.finish() == ["chat.postMessage"]


MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b'"text"',
    b"{" * 50_000,
    b'{"a":' * 50_000,
    b'{"type": 5}',
    b'{"type": "event_callback"}',
    b'{"n": ' + b"9" * 5000 + b"}",
    b"payload=",
    b"payload=%7B",
    b"payload=[]",
    b"payload=null",
    b"payload=5",
    b"payload=%FF%FE",
    b"\xff\xfe\x00",
    b"text=%ff&command=%2Fcalm&user_id=U1&team_id=T1",
    b"command",
    b"a&b&c",
    b"&".join(b"a%d=1" % number for number in range(500)),
    form(without(payload("command"), "user_id")),
    form(without(payload("command"), "team_id")),
    form(payload("command", user_id="")),
    interactive(without(payload("press"), "user")),
    interactive(without(payload("press"), "actions")),
    interactive(payload("press", actions=[])),
    interactive(payload("press", actions={})),
    interactive(payload("press", actions=[5])),
    interactive(payload("press", actions=[{"value": "calm"}])),
    interactive(payload("press", user="U1")),
    interactive({"type": "view_submission", "user": {"id": "U1"}, "view": {}}),
    interactive(payload("view_submission", view=None)),
    interactive(payload("view_submission", view={"type": "modal", "callback_id": 5})),
    interactive(payload("view_submission", view={"callback_id": "steady-form"})),
    interactive(without(payload("view_submission"), "user")),
    json.dumps(payload("message") | {"event": None}).encode(),
    json.dumps(payload("message") | {"event": []}).encode(),
    json.dumps(payload("message") | {"event": {}}).encode(),
    json.dumps(payload("message", event_id=5)).encode(),
    json.dumps(without(payload("message"), "team_id")).encode(),
    json.dumps(payload("message", authorizations=5)).encode(),
    json.dumps(payload("message", authorizations=[5])).encode(),
    json.dumps(payload("message", enterprise=5)).encode(),
    json.dumps(payload("url_verification", challenge=None)).encode(),
    json.dumps(payload("home", event={"channel": 5})).encode(),
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_malformed_is_refused_even_if_signed(here: Slack, body: bytes) -> None:
    assert await here.send(body) == (400, b"")
    assert await here.finish() == []


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(payload("message", event={"type": "team_join"})).encode(),
        json.dumps(payload("message", event={"type": "a.type.of.tomorrow"})).encode(),
        json.dumps({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1}).encode(),
        json.dumps({"type": "of tomorrow"}).encode(),
        interactive(payload("view_closed")),
        interactive(payload("view_submission", view={"type": "modal", "callback_id": "someone-elses", "state": 5})),
        interactive(payload("view_submission", view={"type": "modal", "callback_id": "steady-form"})),
        interactive(payload("view_submission", view={"type": "workflow_step", "callback_id": "steady-form"})),
        json.dumps(payload("events/tokens_revoked", event={"tokens": {"oauth": ["U1"]}})).encode(),
        json.dumps(payload("events/tokens_revoked", event={"tokens": 5})).encode(),
        json.dumps(payload("events/channel_archive", event={"channel": {"id": "C0ROOM001"}})).encode(),
        json.dumps(payload("events/member_left_channel", event={"user": None}, authorizations=None)).encode(),
        interactive({"type": "shortcut", "callback_id": "x"}),
        form({"ssl_check": "1", "token": "none"}),
        json.dumps(payload("message", event={"text": None})).encode(),
        json.dumps(payload("message", event={"text": "\ud800", "user": "\ud800"})).encode(),
        json.dumps(payload("message", event={"channel": None})).encode(),
        json.dumps(payload("mention", event={"user": None})).encode(),
        json.dumps(payload("home", event={"user": None})).encode(),
        json.dumps(payload("home") | {"event": {"type": "app_home_opened", "tab": "messages"}}).encode(),
        json.dumps(payload("message") | {"event": {"type": "message"}}).encode(),
        json.dumps(payload("mention") | {"event": {"type": "app_mention", "user": "U1"}}).encode(),
        interactive(payload("press", container=5, channel=[], state=7, response_url=None)),
        interactive(payload("submitted", state={"values": []}, response_url=None)),
        interactive(payload("press", response_url="no url")),
        interactive(payload("press", response_url=5)),
    ],
    ids=range(26),
)
async def test_what_we_do_not_know_or_is_odd_is_acknowledged(here: Slack, body: bytes) -> None:
    assert await here.send(body) == (200, b"")
    await here.finish()


async def test_a_challenge_of_odd_characters_comes_back(here: Slack) -> None:
    status, body = await here.send_json(payload("url_verification", challenge="\ud800"))
    assert (status, json.loads(body)) == (200, {"challenge": "\ud800"})


async def test_ten_megabytes_are_too_much(here: Slack) -> None:
    body = b"x" * 10_000_000
    answer = await here.client.post("/slack/events", data=io.BytesIO(body), headers=signed(body))
    assert (answer.status, await answer.read()) == (413, b"")


async def test_a_body_of_untold_length_is_read_no_further_than_the_limit(here: Slack) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 1024 + 1):
            yield b"x" * 1024

    answer = await here.client.post("/slack/events", data=chunks())
    assert answer.status == 413


async def test_a_small_body_that_unpacks_to_a_large_one_is_too_much(here: Slack) -> None:
    body = gzip.compress(b"x" * 10_000_000)
    assert (await here.send(body, signed(body) | {"Content-Encoding": "gzip"}))[0] == 413


async def test_a_body_that_does_not_unpack_is_refused(here: Slack) -> None:
    assert (await here.send(b"no gzip", signed(b"no gzip") | {"Content-Encoding": "gzip"}))[0] == 400


async def test_only_post_is_answered(here: Slack) -> None:
    assert (await here.client.get("/slack/events")).status == 405


def test_what_was_seen_is_remembered_for_a_while_and_within_bounds(clock: Clock) -> None:
    seen = Seen(3600, 3, clock)
    assert seen.add("a")
    assert not seen.add("a")
    clock.now += 3599
    assert not seen.add("a")
    clock.now += 2
    assert seen.add("a")
    assert all(seen.add(key) for key in "bcd")
    assert seen.add("a"), "the oldest made room"
    seen.forget("d")
    assert seen.add("d")


async def test_a_body_that_never_comes_is_not_waited_for(here: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "SECONDS_TO_SEND", 0.05)
    over = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield COMMAND[:10]
        await over.wait()

    async with here.client.post("/slack/events", data=chunks(), headers=signed(COMMAND)) as answer:
        assert answer.status == 408
        over.set()


async def test_only_the_first_of_two_signatures_counts(here: Slack) -> None:
    headers = signed(COMMAND)
    for order, status in ((("v0=00", headers["X-Slack-Signature"]), 401), ((headers["X-Slack-Signature"], "x"), 200)):
        several = [(name, value) for name, value in headers.items() if name != "X-Slack-Signature"]
        several += [("x-slack-signature", value) for value in order]
        async with here.client.post("/slack/events", data=io.BytesIO(COMMAND), headers=several) as answer:
            assert answer.status == status


async def test_past_a_thousand_answers_under_way_slack_is_asked_to_come_again(
    here: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.tasks.MOST_UNDER_WAY", 1)
    here.far.silent.add("chat.postMessage")
    first, second = (json.dumps(payload("message", event_id=name)).encode() for name in ("Ev1", "Ev2"))
    assert await here.send(first) == (200, b"")
    assert await here.send(second) == (503, b"")
    assert (await here.send(COMMAND))[0] == 200, "what rides on the acknowledgement needs no room"
    here.far.speak()
    await here.far.called("chat.postMessage")
    await asyncio.wait(set(here.adapter._sender._under_way.running))
    here.far.silent.clear()
    assert await here.send(second) == (200, b""), "a refused event is no repetition when it comes again"
    assert await here.finish() == ["chat.postMessage", "chat.postMessage"]
