"""Socket Mode, against a Slack on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from adapters.slack import to_slack
from chatbot.coach import Coach
from chatbot.errors import SettingsError
from chatbot.model import Language, Message, Reply
from tests.slack_far_end import SECRET, FarEnd, Payload, Slack, form, payload, refused, slack


@asynccontextmanager
async def connected(coach: Coach, far: FarEnd, **changes: str) -> AsyncIterator[Slack]:
    secret = changes.get("slack_signing_secret", "")
    async with slack(coach, far, slack_app_token="xapp-made-up", slack_signing_secret=secret) as here:
        await far.until(lambda far: far.sockets)
        yield here


async def send(far: FarEnd, kind: str, content: Payload, envelope: str) -> None:
    await far.sockets[-1].send_json({"type": kind, "envelope_id": envelope, "payload": content})


async def acknowledged(far: FarEnd, envelope: str) -> Payload:
    await far.until(lambda far: any(ack["envelope_id"] == envelope for ack in far.acks))
    return next(ack for ack in far.acks if ack["envelope_id"] == envelope)


async def test_the_app_token_opens_the_connection_and_nothing_else(coach: Coach) -> None:
    far = FarEnd()
    async with connected(coach, far):
        assert far.tokens["apps.connections.open"] == "Bearer xapp-made-up"
        assert far.tokens["auth.test"] == "Bearer xoxb-made-up"


async def test_a_slash_commands_answer_rides_on_the_acknowledgement(coach: Coach) -> None:
    far = FarEnd()
    async with connected(coach, far):
        await far.sockets[0].send_json({"type": "hello", "num_connections": 1})
        await send(far, "slash_commands", payload("command"), "e1")
        answer = await coach.reply(Message("archetype whiner", "slack:T0STEADY1", "U0AGENT01"))
        assert await acknowledged(far, "e1") == {
            "envelope_id": "e1",
            "payload": {"response_type": "ephemeral", **to_slack(answer)},
        }


async def test_events_and_presses_are_acknowledged_and_answered(coach: Coach) -> None:
    far = FarEnd()
    async with connected(coach, far):
        await send(far, "events_api", payload("message"), "e1")
        assert await acknowledged(far, "e1") == {"envelope_id": "e1"}
        assert (await far.called("chat.postMessage"))["channel"] == "D0AGENT01"
        await send(far, "interactive", payload("press", response_url=f"{far.url}respond/press"), "e2")
        assert await acknowledged(far, "e2") == {"envelope_id": "e2"}
        answer = await coach.reply(Message("next calm", "w", "p", Language.DE, pressed=True))
        assert await far.called("press") == {"replace_original": True, **to_slack(answer)}


async def test_a_redelivered_event_is_acknowledged_again_and_answered_once(coach: Coach) -> None:
    far = FarEnd()
    async with connected(coach, far) as here:
        for envelope in ("e1", "e2"):
            await send(far, "events_api", payload("message"), envelope)
            await acknowledged(far, envelope)
        assert await here.finish() == ["chat.postMessage"]


async def test_an_odd_payload_is_acknowledged_and_left_alone(coach: Coach) -> None:
    far = FarEnd()
    async with connected(coach, far) as here:
        await send(far, "slash_commands", {"command": "/calm"}, "e1")
        assert await acknowledged(far, "e1") == {"envelope_id": "e1"}
        assert await here.finish() == []


async def test_what_breaks_is_not_acknowledged_so_that_it_comes_again(
    coach: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(message: Message) -> Reply:
        raise RuntimeError

    far = FarEnd()
    async with connected(coach, far):
        with monkeypatch.context() as patch:
            patch.setattr(coach, "reply", broken)
            await send(far, "slash_commands", payload("command"), "e1")
            await send(far, "events_api", payload("message", event={"bot_id": "B1"}), "e2")
            await acknowledged(far, "e2")
        await send(far, "slash_commands", payload("command"), "e3")
        await acknowledged(far, "e3")
        assert [ack["envelope_id"] for ack in far.acks] == ["e2", "e3"]


async def test_when_slack_asks_for_it_a_new_connection_is_opened(coach: Coach) -> None:
    far = FarEnd()
    async with connected(coach, far):
        await far.sockets[0].send_json({"type": "disconnect", "reason": "refresh_requested"})
        await far.until(lambda far: len(far.sockets) == 2)
        await send(far, "slash_commands", payload("command"), "e1")
        assert (await acknowledged(far, "e1"))["payload"]["blocks"]


async def test_without_a_signing_secret_there_is_no_http_door(coach: Coach) -> None:
    async with connected(coach, FarEnd()) as here:
        assert (await here.send(form(payload("command"))))[0] == 404


async def test_with_a_signing_secret_both_doors_are_open(coach: Coach) -> None:
    async with connected(coach, FarEnd(), slack_signing_secret=SECRET) as here:
        assert (await here.send(form(payload("command"))))[0] == 200


async def test_a_wrong_app_token_stops_the_program_at_its_start(coach: Coach) -> None:
    far = FarEnd(answers={"apps.connections.open": [refused("invalid_auth")]})
    with pytest.raises(SettingsError, match=r"SLACK_APP_TOKEN.*invalid_auth"):
        async with connected(coach, far):
            pass


async def test_it_connects_as_soon_as_slack_is_up_again(coach: Coach) -> None:
    far = FarEnd(answers={"apps.connections.open": [refused("internal_error")]})
    async with connected(coach, far):
        await send(far, "slash_commands", payload("command"), "e1")
        assert (await acknowledged(far, "e1"))["payload"]["blocks"]


async def test_no_ticket_gets_into_the_log(
    coach: Coach, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    lost = {"ok": True, "url": f"ws://127.0.0.1:{unused_tcp_port}/socket?ticket=secret"}
    far = FarEnd(answers={"apps.connections.open": [web.json_response(lost)]})
    with caplog.at_level("DEBUG"):
        async with asyncio.timeout(20), slack(coach, far, slack_app_token="xapp-made-up") as here:
            while "Failed to connect" not in caplog.text:
                await here.send(form(payload("command")))
    assert "secret" not in caplog.text
    assert "xapp" not in caplog.text
