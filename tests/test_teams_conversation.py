"""What Teams sends and what it gets back: messages, buttons, fields, installations, and a connector in trouble."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.teams import connector, outbox
from adapters.teams.rooms import room_of
from adapters.teams.translate import from_activity, from_press
from chatbot.coach import Coach
from chatbot.model import Language, Message, Reply
from tests.fake_identity import APP_ID, SECRET, Call, Teams, running

ASKED = {Language.EN: "calm", Language.DE: "ruhig", Language.RU: "спокойно", Language.KA: "სიმშვიდე"}
CARD = "application/vnd.microsoft.card.adaptive"
TENANT = "bbbbbbbb-0000-4000-8000-00000000000b"


@pytest.fixture
async def teams(coach: Coach) -> AsyncIterator[Teams]:
    async with running(coach) as teams:
        yield teams


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "FIRST_WAIT", 0.0)


def card(call: Call) -> dict[str, Any]:
    attachment = call.body["attachments"][0]
    assert attachment["contentType"] == CARD
    content: dict[str, Any] = attachment["content"]
    return content


def title(call: Call) -> str:
    return str(card(call)["body"][0]["text"])


async def card_of(coach: Coach, text: str, language: Language) -> str:
    reply = await coach.reply(Message(text, "w", "p", language, pressed=True))
    return reply.blocks[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize("language", Language)
async def test_a_personal_message_is_answered_in_its_chat(teams: Teams, coach: Coach, language: Language) -> None:
    activity = teams.payload("message_personal", text=ASKED[language], locale=f"{language}-XX")
    assert await teams.send(activity) == (200, "")
    (call,) = await teams.calls()
    assert (call.method, call.path) == ("POST", "v3/conversations/a%3A1personal/activities/1700000000001")
    assert title(call) == await card_of(coach, "calm", language)
    assert card(call)["lang"] == language
    assert call.body["replyToId"] == "1700000000001"
    assert call.body["conversation"] == {"id": "a:1personal"}
    assert call.body["from"]["id"] == f"28:{APP_ID}"
    assert call.body["recipient"]["id"] == "29:1anna"
    assert call.body["summary"]
    assert "text" not in call.body


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("room", ["message_group", "message_channel"])
async def test_in_a_room_the_answer_goes_to_the_asker_alone(
    teams: Teams, coach: Coach, room: str, language: Language
) -> None:
    activity = teams.payload(room, text=f"<at>Steady</at> {ASKED[language]}\n", locale=str(language))
    assert (await teams.send(activity))[0] == 200
    opened, sent = await teams.calls()
    assert opened.path == "v3/conversations"
    assert opened.body["members"] == [{"id": "29:1anna"}]
    assert opened.body["bot"] == {"id": f"28:{APP_ID}"}
    assert opened.body["isGroup"] is False
    assert opened.body["tenantId"] == TENANT
    assert sent.path == "v3/conversations/a%3A1private/activities"
    assert "replyToId" not in sent.body, "the private chat has no such message"
    assert title(sent) == await card_of(coach, "calm", language)


@pytest.mark.parametrize("status", [403, 404, 400])
async def test_without_a_private_chat_the_room_is_told_so_but_not_the_advice(teams: Teams, status: int) -> None:
    teams.far.refused["v3/conversations"] = status
    assert (await teams.send(teams.payload("message_channel", locale="de-DE")))[0] == 200
    (call,) = await teams.calls()
    assert call.path.startswith("v3/conversations/19%3Ageneral%40thread.tacv2%3Bmessageid%3D1700000000003/activities/")
    assert "attachments" not in call.body
    assert "privat" in call.body["text"]
    assert call.body["textFormat"] == "plain"


async def test_a_private_chat_that_takes_no_message_leads_to_the_same_hint(teams: Teams) -> None:
    teams.far.refused["v3/conversations/a%3A1private/activities"] = 403
    await teams.send(teams.payload("message_group"))
    opened, hint = await teams.calls()
    assert opened.path == "v3/conversations"
    assert hint.body["text"]


@pytest.mark.parametrize(
    ("text", "entities", "meant"),
    [
        ("<at>Steady</at> calm", ["<at>Steady</at>"], "calm"),
        ("<at>Steady</at>&nbsp;calm\n", ["<at>Steady</at>"], "calm"),
        ("calm <at>Steady</at>", ["<at>Steady</at>"], "calm"),
        ("Steady calm", ["Steady"], "calm"),
        ("<at>steady</at> calm", [], "calm"),
        ('<p><at id="0">Steady</at>&nbsp;calm</p>', [], "calm"),
        ("<div>it's <b>me</b> &amp; you</div>", [], "it's  me  & you"),
        ("she said &lt;at&gt;no&lt;/at&gt;", [], "she said <at>no</at>"),
        ("3 < 4 > 2", [], "3 < 4 > 2"),
        ("\N{NO-BREAK SPACE}calm\N{NO-BREAK SPACE}", [], "calm"),
    ],
)
def test_mentions_and_markup_are_no_part_of_what_was_meant(text: str, entities: list[str], meant: str) -> None:
    activity = {
        "text": text,
        "from": {"id": "29:x"},
        "recipient": {"id": "28:bot"},
        "conversation": {"id": "a:1"},
        "entities": [{"type": "mention", "mentioned": {"id": "28:bot"}, "text": part} for part in entities],
    }
    message = from_activity(activity)
    assert message
    assert message.text == meant


def test_who_asks_is_known_by_tenant_and_object_id() -> None:
    activity: dict[str, Any] = {
        "text": "calm",
        "locale": "ka-GE",
        "from": {"id": "29:x", "aadObjectId": "object", "name": "Nino"},
        "conversation": {"id": "a:1", "tenantId": "tenant"},
    }
    message = from_activity(activity)
    assert message == Message("calm", "teams:tenant", "object", Language.KA, room=room_of(activity), name="Nino")
    activity["from"] = {"id": "29:x"}
    activity["channelData"] = {"tenant": {"id": "other"}}
    room = room_of(activity)
    assert from_activity(activity) == Message("calm", "teams:other", "29:x", Language.KA, room=room)
    data = {"command": "say", "language": "xx", "field": "a", "a": " b "}
    assert from_press(activity, data, lambda url: True) == Message(
        "say  b", "teams:other", "29:x", None, pressed=True, room=room
    )


@pytest.mark.parametrize(
    ("told", "zone"),
    [
        ({"localTimezone": "Asia/Tbilisi"}, "Asia/Tbilisi"),
        ({"entities": [{"type": "mention"}, {"type": "clientInfo", "timezone": "Europe/Berlin"}]}, "Europe/Berlin"),
        ({"localTimezone": "UTC", "entities": [{"type": "clientInfo", "timezone": "Europe/Berlin"}]}, "UTC"),
        ({"localTimezone": 4, "entities": [None, 7, {"type": "clientInfo", "timezone": ["x"]}]}, ""),
        ({"entities": {"type": "clientInfo", "timezone": "Europe/Berlin"}}, ""),
        ({}, ""),
    ],
)
def test_by_which_clock_somebody_writes(told: dict[str, Any], zone: str) -> None:
    activity = {"text": "calm", "from": {"id": "29:x"}, "conversation": {"id": "a:1"}} | told
    message = from_activity(activity)
    assert message
    assert message.zone == zone
    pressed = from_press(activity, {"command": "calm", "language": "en"}, lambda url: True)
    assert pressed
    assert pressed.zone == zone


async def test_the_mention_is_stripped_at_the_door_too(teams: Teams, coach: Coach) -> None:
    await teams.send(teams.payload("message_channel"))
    sent = (await teams.calls())[-1]
    assert title(sent) == await card_of(coach, "step 3", Language.EN)


async def test_a_redelivered_message_is_answered_once(teams: Teams) -> None:
    for _ in range(3):
        assert (await teams.send(teams.payload("message_personal")))[0] == 200
    other = teams.payload("message_personal")["conversation"] | {"id": "a:2"}
    await teams.send(teams.payload("message_personal", conversation=other))
    assert len(await teams.calls()) == 2
    teams.now[0] += 2 * 3600
    await teams.send(teams.payload("message_personal"))
    assert len(await teams.calls()) == 3


async def test_half_an_emoji_in_a_name_does_not_cost_the_answer(teams: Teams) -> None:
    named = teams.payload("message_personal")["from"] | {"name": "Anna \ud83d"}
    assert (await teams.send(teams.payload("message_personal", **{"from": named})))[0] == 200
    assert len(await teams.calls()) == 1


async def test_what_a_redelivered_message_says_is_done_once(teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    reply, heard = teams.adapter._coach.reply, list[str]()

    async def slow(message: Message) -> Reply:
        heard.append(message.text)
        await asyncio.sleep(0.05)
        return await reply(message)

    monkeypatch.setattr(teams.adapter._coach, "reply", slow)
    twice = await asyncio.gather(*(teams.send(teams.payload("message_personal")) for _ in range(2)))
    assert [status for status, _ in twice] == [200, 200]
    assert len(heard) == len(await teams.calls()) == 1


async def test_one_installation_is_one_welcome(teams: Teams, coach: Coach) -> None:
    for name in ("bot_added", "installation", "bot_added"):
        assert (await teams.send(teams.payload(name)))[0] == 200
    (call,) = await teams.calls()
    assert call.path == "v3/conversations/a%3A1personal/activities"
    assert title(call) == coach.welcome(Language.DE).blocks[0].text  # type: ignore[union-attr]
    await teams.send(teams.payload("installation", action="remove"))
    assert len(await teams.calls()) == 1
    await teams.send(teams.payload("installation"))
    assert len(await teams.calls()) == 2


async def test_the_welcome_names_who_installed_it(teams: Teams) -> None:
    await teams.send(teams.payload("installation", **{"from": {"id": "29:1anna", "name": "Anna"}}))
    (call,) = await teams.calls()
    assert "Anna" in json.dumps(card(call))


async def test_others_who_join_are_not_welcomed(teams: Teams) -> None:
    assert (await teams.send(teams.payload("member_added")))[0] == 200
    assert await teams.calls() == []


async def test_a_button_is_answered_by_the_invoke_response(teams: Teams, coach: Coach) -> None:
    status, body = await teams.send(teams.payload("card_action"))
    assert status == 200
    assert (body["statusCode"], body["type"]) == (200, CARD)
    assert body["value"]["type"] == "AdaptiveCard"
    assert body["value"]["lang"] == "de", "the language of the card, not of the client"
    assert body["value"]["body"][0]["text"] == await card_of(coach, "pause", Language.DE)
    assert await teams.calls() == [], "the response is all"


async def test_a_redelivered_button_is_answered_again(teams: Teams) -> None:
    first = await teams.send(teams.payload("card_action"))
    assert await teams.send(teams.payload("card_action")) == first


async def test_every_button_of_the_menu_leads_somewhere(teams: Teams) -> None:
    async def press(action: dict[str, Any], **typed: str) -> dict[str, Any]:
        value = {"action": {**action, "data": {**action["data"], **typed}}, "trigger": "manual"}
        status, body = await teams.send(teams.payload("card_action", value=value))
        assert (status, body["statusCode"]) == (200, 200)
        content: dict[str, Any] = body["value"]
        return content

    await teams.send(teams.payload("message_personal", text="topics", locale="ru"))
    (call,) = await teams.calls()
    menu = card(call)
    rows = [element["actions"] for element in menu["body"] if element["type"] == "ActionSet"]
    (field,) = [element for element in menu["body"] if element["type"] == "Input.Text"]
    for action in (action for row in rows[1:] for action in row):
        answer = await press(action)
        assert answer["lang"] == "ru"
        assert answer["body"] != menu["body"]
    ((submit,), *_) = rows
    assert submit["associatedInputs"] == "auto"
    answer = await press(submit, **{field["id"]: "пауза"})
    assert answer["lang"] == "ru"
    assert answer["body"][0]["text"] == await card_of(teams.adapter._coach, "pause", Language.RU)


BAD_VALUES: list[Any] = [
    None,
    3,
    [],
    {},
    {"action": None},
    {"action": []},
    {"action": {"type": "Action.Execute", "verb": "steady"}},
    {"action": {"type": "Action.Execute", "verb": "steady", "data": "calm"}},
    {"action": {"type": "Action.Execute", "verb": "steady", "data": {"command": None}}},
    {"action": {"type": "Action.Execute", "verb": "other", "data": {"command": "calm"}}},
]


@pytest.mark.parametrize("value", BAD_VALUES, ids=str)
async def test_a_malformed_action_gets_the_documented_error(teams: Teams, value: Any) -> None:
    status, body = await teams.send(teams.payload("card_action", value=value))
    assert status == 200
    assert body["statusCode"] == 400
    assert body["type"] == "application/vnd.microsoft.error"
    assert body["value"].keys() == {"code", "message"}


@pytest.mark.parametrize("name", ["composeExtension/query", "signin/verifyState", None, 7])
async def test_an_unknown_invoke_is_a_501(teams: Teams, name: Any) -> None:
    assert (await teams.send(teams.payload("card_action", name=name)))[0] == 501


async def test_an_old_client_submits_and_the_card_is_replaced(teams: Teams) -> None:
    assert (await teams.send(teams.payload("card_submit")))[0] == 200
    (call,) = await teams.calls()
    assert (call.method, call.path) == ("PUT", "v3/conversations/a%3A1personal/activities/1700000000009")
    assert card(call)["lang"] == "ru"


async def test_a_submit_that_names_no_card_is_answered_as_a_message(teams: Teams) -> None:
    await teams.send(teams.payload("card_submit", replyToId=None))
    (call,) = await teams.calls()
    assert call.method == "POST"


async def test_a_card_that_is_gone_is_followed_by_a_message(teams: Teams) -> None:
    teams.far.refused["v3/conversations/a%3A1personal/activities/1700000000009"] = 404
    await teams.send(teams.payload("card_submit"))
    (call,) = await teams.calls()
    assert call.method == "POST"
    assert card(call)["lang"] == "ru"


async def test_the_bot_gets_its_token_once_with_its_own_tenant(teams: Teams) -> None:
    await asyncio.gather(*(teams.send(teams.payload("message_personal", id=str(n))) for n in range(10)))
    assert len(await teams.calls()) == 10
    assert teams.far.token_forms == [
        {
            "grant_type": "client_credentials",
            "client_id": APP_ID,
            "client_secret": SECRET,
            "scope": "https://api.botframework.com/.default",
            "tenant": "tenant-1",
        }
    ]
    teams.now[0] += 3600 - 299
    await teams.send(teams.payload("message_personal", id="later"))
    await teams.calls()
    assert teams.far.tokens == 2, "renewed five minutes before it runs out"


async def test_a_bot_for_many_tenants_asks_the_common_one(coach: Coach) -> None:
    async with running(coach, microsoft_app_type="MultiTenant") as teams:
        await teams.send(teams.payload("message_personal"))
        await teams.calls()
        assert teams.far.token_forms[0]["tenant"] == "botframework.com"


async def test_a_token_that_was_withdrawn_is_replaced(teams: Teams) -> None:
    await teams.send(teams.payload("message_personal", id="1"))
    await teams.calls()
    teams.far.valid_tokens.clear()
    await teams.send(teams.payload("message_personal", id="2"))
    assert len(await teams.calls()) == 2
    assert teams.far.tokens == 2


@pytest.mark.parametrize("status", [429, 412, 502, 503, 504])
async def test_a_connector_in_trouble_is_tried_again(teams: Teams, status: int) -> None:
    teams.far.planned = [(status, {"Retry-After": "0"}), (status, {})]
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    assert len(await teams.calls()) == 1
    assert teams.far.attempts == 3


async def test_retry_after_is_waited_for(teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(connector.asyncio, "sleep", sleep)  # type: ignore[attr-defined]
    teams.far.planned = [(429, {"Retry-After": "7"}), (429, {"Retry-After": "99"}), (429, {"Retry-After": "soon"})]
    await teams.send(teams.payload("message_personal"))
    assert len(await teams.calls()) == 1
    assert [wait for wait in waits if wait > 0] == [7.0, connector.LONGEST_WAIT]


@pytest.mark.parametrize(("status", "attempts"), [(400, 1), (403, 1), (404, 1), (413, 1), (500, 1), (503, 4)])
async def test_what_stays_refused_is_given_up_and_logged_once(
    teams: Teams, status: int, attempts: int, caplog: pytest.LogCaptureFixture
) -> None:
    teams.far.planned = [(status, {})] * 9
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    assert await teams.calls() == []
    assert teams.far.attempts == attempts
    assert sum(str(status) in record.getMessage() for record in caplog.records) == 1


async def test_a_connector_that_never_answers_holds_nobody_up(
    teams: Teams, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "DRAIN", 0.01)
    teams.far.hanging = asyncio.Event()
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    assert (await teams.send(teams.payload("card_action")))[0] == 200
    assert teams.far.calls == []
    await teams.adapter._outbox.drain()
    assert "lost" in caplog.text


async def test_a_connector_past_the_deadline_is_given_up(teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "DEADLINE", 0.0)
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    assert await teams.calls() == []


async def test_a_connector_that_is_not_there_is_tried_and_given_up(
    coach: Coach, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(coach, teams_service_urls=["http://127.0.0.1:1/"]) as teams:
        activity = teams.payload("message_personal", serviceUrl="http://127.0.0.1:1/")
        assert (await teams.send(activity, token=teams.token(serviceurl="http://127.0.0.1:1/")))[0] == 200
        await teams.calls()
        assert "none" in caplog.text


@pytest.mark.parametrize("status", [400, 401, 503])
async def test_a_bot_without_a_token_says_what_to_check(
    teams: Teams, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    teams.far.token_status = status
    assert (await teams.send(teams.payload("message_personal")))[0] == 200
    assert await teams.calls() == []
    assert ("MicrosoftAppPassword" in caplog.text) is (status != 503)
    assert teams.far.tokens == (1 if status != 503 else 4)
