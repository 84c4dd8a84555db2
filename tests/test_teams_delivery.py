"""What becomes of a message that nobody is waiting for, and who is in a room: a connector in every mood."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest

from adapters.teams import TeamsAdapter, delivery
from chatbot.coach import Coach
from chatbot.delivery.model import CantTell, Delivery, Failed, Later, Outcome, Sent, Unknown
from chatbot.errors import SettingsError
from chatbot.model import Button, Language, Lead, Message, Reply, Room, Title
from chatbot.model import Outcome as Understood
from chatbot.rooms import Standing
from chatbot.settings import Settings
from tests.fake_identity import APP_ID, FarEnd, Teams, running, settings_for

CHANNEL = "19:support@thread.tacv2"
PATH = "v3/conversations/19%3Asupport%40thread.tacv2"
TIP = Reply(
    (Title("Der Tipp des Tages"), Lead("Atmen.")),
    Language.DE,
    Understood("menu"),
    (Button("Ausprobieren", "try pause#1", private=True), Button("Nicht für uns", "tips drop pause#1")),
)
GONE_FROM_HERE = Failed("blocked", gone="target")


@pytest.fixture
async def teams(coach: Coach) -> AsyncIterator[Teams]:
    async with running(coach) as teams:
        yield teams


def address(service_url: str, **changes: Any) -> str:
    bot = {"id": f"28:{APP_ID}", "name": "Steady"}
    return json.dumps({"serviceUrl": service_url, "conversation": CHANNEL, "bot": bot, "tenant": "t"} | changes)


def a_row(target: str) -> Delivery:
    return Delivery("tips:1:tip:2026-11-23", "tips:1", "teams:t", target, "tips.tip", "{}", 0.0, 1.0)


async def send(teams: Teams, target: str = "") -> Outcome:
    return await teams.adapter.delivery.send(a_row(target or address(teams.service_url)), TIP)


async def test_a_message_is_posted_to_the_channel_with_its_key(teams: Teams) -> None:
    assert await send(teams) == Sent("1700000000100")
    (call,) = teams.far.calls
    assert (call.method, call.path) == ("POST", f"{PATH}/activities")
    assert call.body["channelData"] == {"steady": {"key": "tips:1:tip:2026-11-23"}}
    assert call.body["from"] == {"id": f"28:{APP_ID}", "name": "Steady"}
    assert call.body["conversation"] == {"id": CHANNEL}
    assert (call.body["type"], call.body["summary"]) == ("message", TIP.summary)
    (actions,) = [
        element["actions"] for element in call.body["attachments"][0]["content"]["body"] if "actions" in element
    ]
    assert [action["data"] for action in actions] == [
        {"command": "try pause#1", "language": "de", "shared": True, "private": True},
        {"command": "tips drop pause#1", "language": "de", "shared": True},
    ]


@pytest.mark.parametrize(
    ("status", "error", "headers", "outcome"),
    [
        (429, "", {"Retry-After": "7"}, Later(7.0, everywhere=False)),
        (429, "", {"Retry-After": "soon"}, Later(None, everywhere=False)),
        (429, "", {"Retry-After": "9" * 400}, Later(None, everywhere=False)),
        (412, "PreconditionFailed", {}, Later(None, everywhere=False)),
        (401, "", {}, Later()),
        (403, "MessageWritesBlocked", {}, GONE_FROM_HERE),
        (403, "BotNotInConversationRoster", {}, GONE_FROM_HERE),
        (403, "", {}, GONE_FROM_HERE),
        (404, "ConversationNotFound", {}, Failed("deleted", gone="target")),
        (404, "", {}, Failed("refused")),
        (400, "BadArgument", {}, Failed("refused")),
        (413, "MessageSizeTooBig", {}, Failed("refused")),
        (302, "", {"Location": "https://evil.test/"}, Failed("refused")),
        (408, "", {}, Unknown("no_answer")),
        (500, "ServiceError", {}, Unknown("no_answer")),
        (502, "", {}, Unknown("no_answer")),
        (503, "", {"Retry-After": "3"}, Unknown("no_answer")),
        (504, "", {}, Unknown("no_answer")),
    ],
)
async def test_what_the_connector_says_decides_and_nothing_is_tried_again(
    teams: Teams, status: int, error: str, headers: dict[str, str], outcome: Outcome
) -> None:
    teams.far.planned, teams.far.error = [(status, headers)], error
    assert await send(teams) == outcome
    assert teams.far.attempts == 1
    assert teams.far.calls == []


@pytest.mark.parametrize("answer", [b"{", b"[]", b"null", b"{}", b'{"id": 7}', b'{"id": ""}', b"\xff"])
async def test_an_answer_that_says_nothing_leaves_the_outcome_open(teams: Teams, answer: bytes) -> None:
    teams.far.answer = answer
    assert await send(teams) == Unknown("no_answer")


async def test_a_connection_cut_after_the_message_was_taken_leaves_it_open(teams: Teams) -> None:
    teams.far.vanish = True
    assert await send(teams) == Unknown("no_answer")
    assert len(teams.far.calls) == teams.far.attempts == 1


async def test_a_connector_that_takes_too_long_leaves_it_open(teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT", aiohttp.ClientTimeout(total=0.05, connect=3))
    teams.far.hanging = asyncio.Event()
    assert await send(teams) == Unknown("no_answer")
    assert teams.far.attempts == 1


async def test_where_nobody_listens_nothing_was_sent(coach: Coach) -> None:
    async with running(coach, teams_service_urls=["http://127.0.0.1:1/"]) as teams:
        assert await send(teams, address("http://127.0.0.1:1/")) == Later()


NOT_CONNECTED = [
    aiohttp.ClientConnectorDNSError(Mock(), OSError("no such name")),
    aiohttp.ClientConnectorError(Mock(), OSError("refused")),
    aiohttp.ConnectionTimeoutError("slow"),
]


@pytest.mark.parametrize("error", NOT_CONNECTED, ids=lambda error: type(error).__name__)
async def test_without_a_connection_nothing_was_sent(
    teams: Teams, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await send(teams)  # it has its token

    async def connect(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect)
    assert await send(teams) == Later()


@pytest.mark.parametrize("status", [400, 401, 500, 503])
async def test_without_a_token_nothing_was_sent(teams: Teams, status: int) -> None:
    teams.far.token_status = status
    assert await send(teams) == Later()
    assert teams.far.attempts == 0


async def test_a_token_that_is_long_in_coming_is_not_waited_for(coach: Coach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SECONDS_FOR_A_TOKEN", 0.05)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent, running(coach) as teams:
        teams.adapter.delivery._connector.token._url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/"  # type: ignore[union-attr]
        assert await send(teams) == Later()
        assert teams.far.attempts == 0


async def test_a_token_that_was_withdrawn_is_replaced_by_the_next_try(teams: Teams) -> None:
    assert await send(teams) == Sent("1700000000100")
    teams.far.valid_tokens.clear()
    assert await send(teams) == Later()
    assert await send(teams) == Sent("1700000000100")
    assert teams.far.tokens == 2


@pytest.mark.parametrize("target", ["", "{", "[]", "C1", '{"conversation":"19:x"}'])
async def test_an_address_that_is_none_is_refused(teams: Teams, target: str) -> None:
    assert await teams.adapter.delivery.send(a_row(target), TIP) == Failed("refused")
    assert teams.far.attempts == 0


async def test_the_token_goes_only_where_the_settings_allow_today(teams: Teams) -> None:
    assert await send(teams, address("https://smba.trafficmanager.net/emea/")) == Failed("refused")
    assert teams.far.tokens == 0


async def test_before_the_start_and_after_the_end_nothing_leaves(coach: Coach) -> None:
    far = FarEnd()
    adapter = TeamsAdapter(settings_for(far), coach)
    row = a_row(address(f"{far.url}/connector/emea/"))
    assert await adapter.delivery.send(row, TIP) == Later()
    await adapter.start()
    await adapter.stop()
    assert await adapter.delivery.send(row, TIP) == Later()


async def test_nothing_can_be_read_back(teams: Teams) -> None:
    assert await teams.adapter.delivery.look(a_row(address(teams.service_url))) == CantTell()
    assert teams.far.attempts == 0


def test_its_pace_is_what_teams_allows(coach: Coach) -> None:
    limits = TeamsAdapter(settings_for(FarEnd()), coach).delivery.limits
    assert limits.per_target * 30 <= 60
    assert limits.per_lane == 50
    assert TeamsAdapter(settings_for(FarEnd(), teams_messages_per_second=5), coach).delivery.limits.per_lane == 5


@pytest.mark.parametrize("pace", [0, -1, 51, "fast"])
def test_a_pace_that_teams_does_not_take_fails_at_start(pace: Any) -> None:
    with pytest.raises(ValueError, match="teams_messages_per_second"):
        Settings(_env_file=None, teams_messages_per_second=pace)  # type: ignore[call-arg]


def test_a_wrong_service_url_fails_at_start(coach: Coach) -> None:
    with pytest.raises(SettingsError, match="TEAMS_SERVICE_URLS"):
        TeamsAdapter(settings_for(FarEnd(), teams_service_urls=[]), coach)


# ---- who is in a room


def written_in(room: Room | None, person: str = "anna") -> Message:
    return Message("tips off", "teams:t", person, room=room)


async def standing(teams: Teams, person: str = "anna") -> Standing:
    room = Room(CHANNEL, address(teams.service_url))
    return await teams.adapter.delivery.standing(written_in(room, person))


async def test_a_member_is_one_and_a_stranger_is_none(teams: Teams) -> None:
    teams.far.members = {CHANNEL: {"anna", "29:1/x"}}
    assert await standing(teams) == "member"
    assert await standing(teams, "29:1/x") == "member"
    assert await standing(teams, "boris") == "stranger"
    assert [call.path for call in teams.far.calls] == [
        f"{PATH}/members/{name}" for name in ("anna", "29%3A1%2Fx", "boris")
    ]


async def test_where_the_bot_is_not_nobody_decides(teams: Teams) -> None:
    assert await standing(teams) == "no_bot"
    teams.far.planned, teams.far.error = [(403, {})], "BotNotInConversationRoster"
    assert await standing(teams) == "no_bot"


@pytest.mark.parametrize("status", [401, 429, 500, 503, 302])
async def test_what_can_not_be_found_out_is_said_so(teams: Teams, status: int) -> None:
    teams.far.planned = [(status, {})]
    assert await standing(teams) == "cant_tell"
    assert teams.far.attempts == 1


async def test_who_asks_is_not_kept_waiting_for_teams(teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SECONDS_TO_LOOK_UP", 0.05)
    teams.far.hanging = asyncio.Event()
    assert await standing(teams) == "cant_tell"


async def test_without_a_token_or_an_address_nobody_can_tell(teams: Teams) -> None:
    teams.far.token_status = 500
    assert await standing(teams) == "cant_tell"
    assert await teams.adapter.delivery.standing(written_in(None)) == "cant_tell"
    assert await teams.adapter.delivery.standing(written_in(Room(CHANNEL, "?"))) == "cant_tell"


async def test_alone_with_steady_everybody_is_a_member(teams: Teams) -> None:
    assert await teams.adapter.delivery.standing(written_in(Room("a:1", "?", personal=True))) == "member"
    assert teams.far.attempts == 0


async def test_no_text_and_no_token_in_any_log(teams: Teams, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for status in (400, 401, 403, 404, 413, 500):
        teams.far.planned = [(status, {})]
        await send(teams)
    await send(teams, "nowhere")
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("steady"))
    assert "413" in ours
    for secret in ("Atmen", "bot-token", "not-a-secret"):
        assert secret not in ours


async def amend(teams: Teams) -> Outcome:
    row = replace(a_row(address(teams.service_url)), kind="push.card.amend", reference="1700000000100")
    return await teams.adapter.delivery.amend(row, TIP)


async def test_a_message_is_changed_in_place(teams: Teams) -> None:
    assert await amend(teams) == Sent("1700000000100")
    (call,) = teams.far.calls
    assert (call.method, call.path) == ("PUT", f"{PATH}/activities/1700000000100")
    assert call.body["summary"] == TIP.summary


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (404, "ActivityNotFoundInConversation", Failed("deleted")),
        (404, "ConversationNotFound", Failed("deleted", gone="target")),
        (405, "", Failed("deleted")),
        (403, "", Failed("deleted")),
        (429, "", Later(None, everywhere=False)),
        (502, "", Unknown("no_answer")),
        (400, "BadArgument", Failed("refused")),
    ],
)
async def test_a_change_that_the_connector_refuses(teams: Teams, status: int, error: str, outcome: Outcome) -> None:
    teams.far.planned, teams.far.error = [(status, {})], error
    assert await amend(teams) == outcome
