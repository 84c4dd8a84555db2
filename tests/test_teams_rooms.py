"""Rooms at Teams' door: what is set up in them, forms, buttons for one person, and what becomes of a room."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.delivering import Delivering
from adapters.teams import handler
from adapters.teams.rooms import carried_room, room_change_in, room_of
from chatbot.coach import Coach
from chatbot.model import Button, Entry, Form, Language, Lead, Message, Outcome, Reply, Room, Title
from chatbot.store.database import Database
from tests.fake_identity import APP_ID, Call, Teams, running

ANNA = "aaaaaaaa-0000-4000-8000-00000000000a"
TENANT = "bbbbbbbb-0000-4000-8000-00000000000b"
CHANNEL = "19:support@thread.tacv2"
TEAM = "19:general@thread.tacv2"
CARD = "application/vnd.microsoft.card.adaptive"
MESSAGE = "application/vnd.microsoft.activity.message"


def a_reply(title: str, **more: Any) -> Reply:
    return Reply((Title(title), Lead("Something.")), Language.DE, Outcome("menu"), **more)


BUTTONS = (Button("Warum", "tips why"), Button("Ausprobieren", "try pause#1", private=True))
STATUS = a_reply("Stand", buttons=BUTTONS)
FORM = a_reply(
    "Formular", form=Form("tips save", "Speichern", "Abbrechen", (Entry("time", "Uhrzeit", "25:61", error="Falsch."),))
)


@dataclass
class Script:
    """What the coach is made to say, and what it was told."""

    says: Reply = STATUS
    heard: list[Message] = field(default_factory=list)
    changes: list[tuple[str, str | None, str]] = field(default_factory=list)
    wait: asyncio.Event | None = None

    async def reply(self, message: Message) -> Reply:
        self.heard.append(message)
        if self.wait:
            await self.wait.wait()
        return self.says

    async def room_changed(self, workspace: str, room: str | None, change: str) -> None:
        self.changes.append((workspace, room, change))


@pytest.fixture
def script(coach: Coach, monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script()
    monkeypatch.setattr(coach, "reply", script.reply)
    monkeypatch.setattr(coach, "room_changed", script.room_changed)
    return script


@pytest.fixture
async def teams(coach: Coach) -> AsyncIterator[Teams]:
    async with running(coach) as teams:
        yield teams


def card_in(call: Call) -> dict[str, Any]:
    content: dict[str, Any] = call.body["attachments"][0]["content"]
    return content


def actions_of(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [action for element in card["body"] for action in element.get("actions", ())]


def press_of(teams: Teams, name: str, data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a payload with another button pressed."""
    activity = teams.payload(name, **changes)
    activity["value"]["action"]["data"] = data
    return activity


def address(teams: Teams, **changes: Any) -> dict[str, Any]:
    bot = {"id": f"28:{APP_ID}", "name": "Steady"}
    told = {"serviceUrl": teams.service_url, "conversation": CHANNEL, "bot": bot, "tenant": TENANT, "team": TEAM}
    return told | changes


def form_of(teams: Teams, room: object) -> dict[str, Any]:
    """Return the payload of a form that was sent, about the room of that address."""
    activity = teams.payload("form_submit")
    activity["value"]["action"]["data"]["room"] = room
    return activity


# ---- which room


async def test_a_message_in_a_channel_names_the_channel_and_who_wrote_it(teams: Teams, script: Script) -> None:
    assert (await teams.send(teams.payload("tips_channel")))[0] == 200
    (message,) = script.heard
    assert message.text == "tips on 09:30 Europe/Berlin weekdays de"
    assert (message.workspace, message.person, message.name) == (f"teams:{TENANT}", ANNA, "Anna Agent")
    assert message.room
    assert (message.room.key, message.room.personal) == (CHANNEL, False)
    assert json.loads(message.room.address) == address(teams)


@pytest.mark.parametrize(
    ("name", "key", "personal"),
    [
        ("message_personal", "a:1personal", True),
        ("message_group", "19:group@thread.v2", False),
        ("message_channel", TEAM, False),
        ("card_action", "a:1personal", True),
        ("tip_press", CHANNEL, False),
    ],
)
async def test_every_message_and_press_names_its_room(
    teams: Teams, script: Script, name: str, key: str, personal: bool
) -> None:
    await teams.send(teams.payload(name))
    await teams.calls()
    (message,) = script.heard
    assert message.room
    assert (message.room.key, message.room.personal) == (key, personal)
    assert json.loads(message.room.address)["conversation"] == key


async def test_an_answer_beside_the_room_carries_it_in_every_button(teams: Teams, script: Script) -> None:
    await teams.send(teams.payload("tips_channel"))
    opened, sent = await teams.calls()
    assert opened.path == "v3/conversations"
    assert sent.path == "v3/conversations/a%3A1private/activities"
    actions = actions_of(card_in(sent))
    assert [json.loads(action["data"]["room"]) for action in actions] == [address(teams)] * 2
    status, body = await teams.send(press_of(teams, "card_action", actions[0]["data"]))
    assert (status, body["statusCode"]) == (200, 200)
    first, second = script.heard
    assert second.text == "tips why"
    assert second.room == first.room, "pressed in the chat of two, and about the channel"
    assert [action["data"].get("room") for action in actions_of(body["value"])] == [
        action["data"]["room"] for action in actions
    ], "and so are the buttons of the answer to that"


async def test_in_the_chat_of_two_and_in_the_room_itself_nothing_need_be_carried(teams: Teams, script: Script) -> None:
    await teams.send(teams.payload("message_personal"))
    (sent,) = await teams.calls()
    _, pressed = await teams.send(press_of(teams, "tip_press", {"command": "tips why", "language": "de"}))
    for card in (card_in(sent), pressed["value"]):
        assert not any("room" in action["data"] for action in actions_of(card))


# ---- forms


async def test_a_form_asked_for_in_a_room_opens_beside_it(teams: Teams, script: Script) -> None:
    script.says = FORM
    await teams.send(teams.payload("tips_channel"))
    submit, cancel = actions_of(card_in((await teams.calls())[-1]))
    assert json.loads(submit["data"]["room"]) == json.loads(cancel["data"]["room"]) == address(teams)
    assert submit["data"]["form"] == ["time"]
    assert (submit["title"], cancel["title"]) == ("Speichern", "Abbrechen")


async def test_a_form_that_a_button_in_the_room_opens_is_for_its_presser_alone(teams: Teams, script: Script) -> None:
    script.says = FORM
    status, body = await teams.send(press_of(teams, "tip_press", {"command": "tips form", "language": "de"}))
    assert (status, body["type"]) == (200, MESSAGE)
    opened, sent = await teams.calls()
    assert opened.body["members"] == [{"id": "29:1anna"}]
    assert any(element.get("id") == "form_time" for element in card_in(sent)["body"])


async def test_a_form_that_was_sent_is_a_command_with_values(teams: Teams, script: Script) -> None:
    status, body = await teams.send(form_of(teams, json.dumps(address(teams))))
    assert (status, body["statusCode"], body["type"]) == (200, 200, CARD)
    (message,) = script.heard
    assert (message.text, message.locale, message.pressed) == ("tips save", Language.DE, True)
    assert message.values == {
        "time": "9.30",
        "zone": "Europe/Berlin",
        "days": "0,1,2,3,4",
        "rhythm": "daily",
        "language": "de",
        "topics": "",
        "holidays": "DE-BY",
    }
    assert message.room == Room(CHANNEL, json.dumps(address(teams), separators=(",", ":")))
    assert await teams.calls() == [], "the card takes the form's place"


async def test_a_form_with_errors_comes_back_about_the_same_room(teams: Teams, script: Script) -> None:
    script.says = FORM
    _, body = await teams.send(form_of(teams, json.dumps(address(teams))))
    (place,) = [n for n, element in enumerate(body["value"]["body"]) if element.get("id") == "form_time"]
    assert body["value"]["body"][place]["value"] == "25:61"
    assert body["value"]["body"][place + 1]["inlines"][0]["text"] == "Falsch."
    assert all(json.loads(a["data"]["room"]) == address(teams) for a in actions_of(body["value"]))


HOSTILE_ROOMS: dict[str, Any] = {
    "of another tenant": {"tenant": "99999999-0000-4000-8000-000000000009"},
    "without tenant": {"tenant": ""},
    "at another address": {"serviceUrl": "https://evil.test/"},
    "at an address that looks like ours": {"serviceUrl": "http://127.0.0.1@evil.test/connector/"},
    "at an address that breaks a line": {"serviceUrl": "URL\r\nHost: evil.test/"},
    "at an address that swallows the path": {"serviceUrl": "URL?x="},
    "of another bot": {"bot": {"id": "28:someone-else", "name": "Steady"}},
    "bot is a text": {"bot": f"28:{APP_ID}"},
    "no conversation": {"conversation": ""},
    "conversation is a list": {"conversation": [CHANNEL]},
    "only a thread": {"conversation": ";messageid=17"},
    "no JSON": "{",
    "deep": "[" * 1_900,
    "a list": "[]",
    "long": json.dumps({"x": "x" * 3_000}),
    "no text": {"key": CHANNEL, "address": "x", "personal": True},
    "nothing": None,
    "a number": 7,
}


@pytest.mark.parametrize("kind", HOSTILE_ROOMS)
async def test_a_room_that_we_never_wrote_on_a_card_is_a_400(teams: Teams, script: Script, kind: str) -> None:
    change = HOSTILE_ROOMS[kind]
    room: Any = change
    if isinstance(change, dict) and "key" not in change:
        room = json.dumps(address(teams, **change)).replace("URL", teams.service_url)
    status, body = await teams.send(form_of(teams, room))
    assert (status, body["statusCode"]) == (200, 400)
    assert script.heard == []


async def test_a_forged_address_can_only_lead_to_a_room_that_is_asked_about(teams: Teams, script: Script) -> None:
    forged = {**address(teams, conversation="a:1somebody"), "personal": True, "key": CHANNEL}
    await teams.send(form_of(teams, json.dumps(forged)))
    (message,) = script.heard
    assert message.room
    assert (message.room.key, message.room.personal) == ("a:1somebody", False)
    assert json.loads(message.room.address)["conversation"] == "a:1somebody", "key and address are the same room"
    assert await teams.adapter.delivery.standing(message) == "no_bot"


@pytest.mark.parametrize("names", ["time", [1], ["x"] * 51, {"time": 1}, None])
async def test_names_of_fields_that_are_none_are_a_400(teams: Teams, script: Script, names: Any) -> None:
    activity = form_of(teams, json.dumps(address(teams)))
    activity["value"]["action"]["data"]["form"] = names
    assert (await teams.send(activity))[1]["statusCode"] == 400
    assert script.heard == []


async def test_odd_values_of_a_form_are_bounded_legible_texts(teams: Teams, script: Script) -> None:
    activity = form_of(teams, json.dumps(address(teams)))
    activity["value"]["action"]["data"].update(form_time=930, form_zone="\ud83dUTC\u202e", form_topics="x" * 10_000)
    assert (await teams.send(activity))[1]["statusCode"] == 200
    values = script.heard[0].values
    assert (values["time"], values["zone"], len(values["topics"])) == ("", "UTC", 8_000)


# ---- for one person


async def test_a_private_button_in_a_room_answers_its_presser_alone_and_the_card_stays(
    teams: Teams, script: Script
) -> None:
    status, body = await teams.send(teams.payload("tip_press"))
    assert status == 200
    assert body == {"statusCode": 200, "type": MESSAGE, "value": "Ich habe es Ihnen in unserem Chat geschickt."}
    opened, sent = await teams.calls()
    assert opened.body["members"] == [{"id": "29:1anna"}]
    assert (sent.method, sent.path) == ("POST", "v3/conversations/a%3A1private/activities")
    (message,) = script.heard
    assert (message.text, message.pressed, message.room and message.room.key) == ("try pause#1", True, CHANNEL)


async def test_a_private_button_in_the_chat_of_two_is_answered_by_a_new_message(teams: Teams, script: Script) -> None:
    data = {"command": "try pause#1", "language": "de", "private": True}
    _, body = await teams.send(press_of(teams, "card_action", data))
    assert body["type"] == MESSAGE
    (sent,) = await teams.calls()
    assert (sent.method, sent.path.partition("/activities")[0]) == ("POST", "v3/conversations/a%3A1personal")


async def test_a_redelivered_private_button_is_answered_once(teams: Teams, script: Script) -> None:
    for _ in range(3):
        assert (await teams.send(teams.payload("tip_press")))[1]["type"] == MESSAGE
    assert len(await teams.calls()) == 2
    assert len(script.heard) == 1


async def test_an_old_client_gets_the_private_answer_too(teams: Teams, script: Script) -> None:
    value = {"command": "try pause#1", "language": "de", "private": True}
    assert (await teams.send(teams.payload("card_submit", value=value)))[0] == 200
    (sent,) = await teams.calls()
    assert sent.method == "POST", "the card stays"
    assert script.heard[0].pressed


@pytest.mark.parametrize("name", ["tip_press", "card_action"])
async def test_a_reply_for_one_person_never_takes_the_place_of_a_card(teams: Teams, script: Script, name: str) -> None:
    script.says = replace(STATUS, private=True)
    data = {"command": "tips drop pause#1", "language": "de", "shared": True}
    for _ in range(2):
        _, body = await teams.send(press_of(teams, name, data))
        assert body["type"] == MESSAGE
    calls = await teams.calls()
    assert [call.method for call in calls] == ["POST"] * (2 if name == "tip_press" else 1)


async def test_a_card_that_is_everybodys_changes_for_everybody(teams: Teams, script: Script) -> None:
    script.says = replace(STATUS, for_all=True)
    _, body = await teams.send(
        press_of(teams, "tip_press", {"command": "tips drop pause#1", "language": "de", "shared": True})
    )
    assert body["type"] == CARD
    (call,) = await teams.calls()
    assert call.method == "PUT"
    assert call.path.endswith("/activities/1700000000021")
    assert card_in(call) == body["value"]
    assert all(action["data"]["shared"] for action in actions_of(body["value"]))


@pytest.mark.parametrize("name", ["tip_press", "card_submit"])
async def test_a_forged_button_puts_nothing_in_the_place_of_everybodys_card(
    teams: Teams, script: Script, name: str
) -> None:
    data = {"command": "topics", "language": "de", "shared": True}
    press = press_of(teams, "tip_press", data)
    if name == "card_submit":  # as clients send it that are too old for Action.Execute
        press |= {"type": "message", "name": None, "value": {"command": "topics", "language": "de"}}
    assert (await teams.send(press))[0] == 200
    sent = await teams.calls()
    assert [call.method for call in sent] == ["POST", "POST"], "a chat of two, and the answer in it"
    assert "a%3A1private" in sent[-1].path


async def test_other_cards_in_a_room_change_for_the_presser_alone(teams: Teams, script: Script) -> None:
    _, body = await teams.send(press_of(teams, "tip_press", {"command": "topics", "language": "de"}))
    assert body["type"] == CARD
    assert await teams.calls() == []


# ---- answers that take their time


async def test_a_late_answer_is_a_calm_card_in_time_and_follows_after_all(
    teams: Teams, script: Script, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(handler, "SECONDS_FOR_A_CARD", 0.01)
    script.wait = asyncio.Event()
    status, body = await teams.send(teams.payload("card_action"))
    assert (status, body["type"], body["value"]["lang"]) == (200, CARD, "de")
    incident = next(word for word in caplog.text.split() if len(word) == 9 and word.endswith(":")).rstrip(":")
    assert incident in json.dumps(body["value"], ensure_ascii=False)
    assert teams.far.calls == []
    script.wait.set()
    (sent,) = await teams.calls()
    assert sent.method == "POST"
    assert card_in(sent)["body"][0]["text"] == "Stand"


def test_a_card_is_answered_before_teams_gives_up() -> None:
    assert handler.SECONDS_FOR_A_CARD < 15


# ---- what becomes of rooms

US = {"id": f"28:{APP_ID}"}
CHANGES: dict[str, tuple[str, dict[str, Any], tuple[str, str] | None]] = {
    "channel deleted": ("channel_event", {}, (CHANNEL, "deleted")),
    "channel restored": ("channel_event", {"eventType": "channelRestored"}, (CHANNEL, "back")),
    "channel renamed": ("channel_event", {"eventType": "channelRenamed"}, None),
    "channel created": ("channel_event", {"eventType": "channelCreated"}, None),
    "channel without id": ("channel_event", {"channel": None}, None),
    "team archived": ("team_event", {}, (TEAM, "archived")),
    "team unarchived": ("team_event", {"eventType": "teamUnarchived"}, (TEAM, "back")),
    "team deleted": ("team_event", {"eventType": "teamDeleted"}, (TEAM, "deleted")),
    "team deleted for good": ("team_event", {"eventType": "teamHardDeleted"}, (TEAM, "deleted")),
    "team restored": ("team_event", {"eventType": "teamRestored"}, (TEAM, "back")),
    "team renamed": ("team_event", {"eventType": "teamRenamed"}, None),
    "no such event": ("team_event", {"eventType": ["teamDeleted"]}, None),
    "bot removed": ("bot_removed", {}, (TEAM, "removed")),
    "member added": ("member_added", {}, None),
    "bot added": ("bot_added", {}, ("a:1personal", "back")),
    "installed": ("installation", {}, ("a:1personal", "back")),
}


@pytest.mark.parametrize("kind", CHANGES)
async def test_what_becomes_of_a_room_is_passed_on(teams: Teams, script: Script, kind: str) -> None:
    name, changed, expected = CHANGES[kind]
    activity = teams.payload(name)
    activity["channelData"].update(changed)
    assert (await teams.send(activity))[0] == 200
    assert script.changes == ([(f"teams:{TENANT}", *expected)] if expected else [])
    await teams.calls()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"action": "remove"}, ("a:1personal", "removed")),
        ({"action": "remove", "channelData": {"team": {"id": TEAM}, "tenant": {"id": TENANT}}}, (TEAM, "removed")),
        ({"action": "add", "channelData": {"team": {"id": TEAM}, "tenant": {"id": TENANT}}}, (TEAM, "back")),
        ({"action": "add-upgrade"}, None),
        ({"action": "remove-upgrade"}, None),
    ],
    ids=str,
)
async def test_installations_are_passed_on(
    teams: Teams, script: Script, changes: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    assert (await teams.send(teams.payload("installation", **changes)))[0] == 200
    assert script.changes == ([(f"teams:{TENANT}", *expected)] if expected else [])
    await teams.calls()


async def test_somebody_else_who_leaves_changes_nothing(teams: Teams, script: Script) -> None:
    for members in ([{"id": "29:1boris"}], "everyone", [None, {"id": 3}], []):
        assert (await teams.send(teams.payload("bot_removed", membersRemoved=members)))[0] == 200
    assert script.changes == []


async def test_a_change_that_could_not_be_written_comes_again(
    teams: Teams, coach: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise OSError("the database is gone")

    monkeypatch.setattr(coach, "room_changed", broken)
    assert (await teams.send(teams.payload("channel_event")))[0] == 503


def test_a_room_is_the_same_whatever_thread_was_written_in() -> None:
    def activity(conversation: str) -> dict[str, Any]:
        return {
            "serviceUrl": "https://x.test/",
            "conversation": {"id": conversation, "conversationType": "channel"},
            "recipient": {"id": "28:bot", "name": "Steady"},
            "channelData": {"tenant": {"id": "t"}, "team": {"id": TEAM}},
        }

    rooms = {room_of(activity(f"{CHANNEL}{thread}")) for thread in ("", ";messageid=1", ";messageid=2")}
    (room,) = rooms
    assert room
    assert TEAM in room.address
    assert carried_room(activity("a:1"), room.address, lambda url: True) == room
    assert room_of({}) is None
    assert room_change_in({}) is None


# ---- all of it


async def test_tips_are_set_up_in_a_channel_from_the_first_word_to_the_first_message(
    coach: Coach, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path}/steady.sqlite3")
    await database.start()
    async with running(coach) as teams:
        delivery = teams.adapter.delivery
        delivering = Delivering(
            database, coach, {"teams": delivery}, {"teams": delivery}, timedelta(hours=2), lambda: teams.now[0]
        )
        teams.far.members = {CHANNEL: set()}
        await teams.send(teams.payload("tips_channel", id="1"))
        asked, _, refused = await teams.calls()
        assert asked.path == f"v3/conversations/19%3Asupport%40thread.tacv2/members/{ANNA}"
        assert "member" in json.dumps(card_in(refused)), "who is not in the channel decides nothing"

        teams.far.members = {CHANNEL: {ANNA}}
        teams.far.calls.clear()
        await teams.send(teams.payload("tips_channel", id="2"))
        assert (await teams.calls())[-1].path == "v3/conversations/a%3A1private/activities"
        teams.far.calls.clear()
        await delivering.lanes.run(f"teams:{TENANT}")
        (introduction,) = teams.far.calls
        assert introduction.path == "v3/conversations/19%3Asupport%40thread.tacv2/activities"
        assert "Anna Agent" in json.dumps(introduction.body, ensure_ascii=False)

        teams.far.calls.clear()
        await teams.send(teams.payload("team_event"))
        message = Message("", f"teams:{TENANT}", ANNA, room=Room(CHANNEL, "?"))
        found = await delivering.tips.find(message)
        assert found
        assert found.stopped == "archived", "what becomes of a team becomes of its channels"

        await teams.send(teams.payload("message_personal"))
        await delivering.rooms_seen.written()
        [known] = await delivering.rooms_seen.store.of_workspace(f"teams:{TENANT}")
        assert (known.person, known.zone) == (ANNA, "Europe/Berlin"), "her device said by which clock she lives"
    await database.stop()


async def test_a_team_that_adds_us_is_noted_with_the_channels_name(
    teams: Teams, coach: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(coach, "room_seen", lambda *about: seen.append(about))
    added = teams.payload("bot_added")
    await teams.send(added)
    assert seen == [], "whose conversation it is is known from the first thing they say"
    added["conversation"] = {"id": CHANNEL, "conversationType": "channel", "isGroup": True, "tenantId": TENANT}
    added["channelData"] = {"tenant": {"id": TENANT}, "team": {"id": CHANNEL}, "channel": {"name": "Support"}}
    await teams.send({**added, "id": "f:2"})
    assert [(workspace, room.key, room.name) for workspace, room, _ in seen] == [
        (f"teams:{TENANT}", CHANNEL, "Support")
    ]
