"""Rooms: where a message came from, answers to one person in a room, and what becomes of rooms."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from adapters.slack import slack_manifest, to_slack
from chatbot.coach import Coach
from chatbot.model import Button, Language, Lead, Message, Outcome, Reply, Room, Title
from tests.conftest import PAYLOADS
from tests.slack_far_end import FarEnd, Script, Slack, form, interactive, payload, refused, slack

OUTCOME = Outcome("menu")
CARD = Reply((Title("Pause"), Lead("Take two minutes")), Language.DE, OUTCOME, (Button("More", "more pause"),))
LIVING = Reply((Title("Step 1"),), Language.DE, OUTCOME, living=True)
ROOM = Room("C0ROOM001", "C0ROOM001")
DM = Room("D0AGENT01", "D0AGENT01", personal=True)


@pytest.fixture
async def here(coach: Coach) -> AsyncIterator[Slack]:
    async with slack(coach, FarEnd()) as running:
        yield running


@pytest.fixture
def script(coach: Coach, monkeypatch: pytest.MonkeyPatch) -> Script:
    return Script().take_over(coach, monkeypatch)


@pytest.mark.parametrize(
    ("body", "room", "name"),
    [
        (form(payload("command")), ROOM, "ann"),
        (form(payload("command", channel_id="D0AGENT01")), DM, "ann"),
        (form(payload("command", channel_id="G0ROOM001", user_name="")), Room("G0ROOM001", "G0ROOM001"), ""),
        (form(payload("command", channel_id="")), None, "ann"),
        (form(payload("command", channel_id="#general")), None, "ann"),
        (json.dumps(payload("message")).encode(), DM, ""),
        (json.dumps(payload("mention")).encode(), ROOM, ""),
        (interactive(payload("press")), ROOM, "ann"),
        (interactive(payload("press_in_dm")), DM, "ann"),
        (interactive(payload("press", user={"id": "U0AGENT01", "username": "ann.b"})), ROOM, "ann.b"),
        (interactive(payload("press", user={"id": "U0AGENT01", "name": 5})), ROOM, ""),
        (interactive(payload("typed")), ROOM, "ann"),
        (interactive(payload("submitted")), ROOM, "ann"),
        (interactive(payload("view_submission")), ROOM, "ann"),
    ],
    ids=range(14),
)
async def test_every_message_says_which_room_it_is_from_and_who_speaks(
    here: Slack, script: Script, body: bytes, room: Room | None, name: str
) -> None:
    script.says = [CARD]
    assert (await here.send(body))[0] == 200
    await here.finish()
    [message] = script.heard
    assert (message.room, message.name) == (room, name)
    assert (message.workspace, message.person) == ("slack:T0STEADY1", "U0AGENT01")


def test_a_private_button_is_told_from_others() -> None:
    reply = Reply((), Language.DE, OUTCOME, (Button("a", "calm"), Button("b", "try calm", private=True)))
    [row] = to_slack(reply)["blocks"]
    assert [element["action_id"] for element in row["elements"]] == ["p 0", "own 1"]


async def test_a_private_buttons_answer_is_for_whoever_pressed_it_alone(here: Slack, script: Script) -> None:
    script.says = [CARD]
    press = payload("press_private", response_url=f"{here.far.url}respond/press")
    assert await here.send(interactive(press)) == (200, b"")
    assert await here.far.called("chat.postEphemeral") == {
        "channel": "C0ROOM001",
        "user": "U0AGENT01",
        **to_slack(CARD),
    }
    assert await here.finish() == ["chat.postEphemeral"], "the message stays as it is"
    assert script.heard == [
        Message("try calm", "slack:T0STEADY1", "U0AGENT01", Language.DE, pressed=True, room=ROOM, name="ann")
    ]


@pytest.mark.parametrize("for_all", [True, False])
async def test_what_everybody_sees_is_only_changed_by_what_is_for_all(
    here: Slack, script: Script, for_all: bool
) -> None:
    script.says = [replace(CARD, for_all=for_all)]
    (action,) = payload("press_private")["actions"]
    actions = [{**action, "action_id": "p 0", "value": "topics"}]
    press = payload("press_push", actions=actions, response_url=f"{here.far.url}respond/press")
    assert await here.send(interactive(press)) == (200, b"")
    assert await here.finish() == ["press" if for_all else "chat.postEphemeral"]


async def test_a_private_buttons_answer_in_a_thread_stays_there(here: Slack, script: Script) -> None:
    script.says = [CARD]
    press = payload("press_private")
    press["container"]["thread_ts"] = "1.0"
    await here.send(interactive(press))
    assert (await here.far.called("chat.postEphemeral"))["thread_ts"] == "1.0"


async def test_a_private_buttons_answer_in_a_direct_message_is_a_new_message(here: Slack, script: Script) -> None:
    script.says = [CARD]
    press = payload("press_in_dm", actions=payload("press_private")["actions"])
    await here.send(interactive(press))
    assert await here.far.called("chat.postMessage") == {"channel": "D0AGENT01", **to_slack(CARD)}
    assert await here.finish() == ["chat.postMessage"]


async def test_a_private_answer_that_lives_opens_in_the_direct_messages(
    here: Slack, coach: Coach, script: Script
) -> None:
    script.says = [LIVING]
    await here.send(interactive(payload("press_private")))
    assert await here.far.called("chat.postMessage") == {"channel": "D0OPENED1", **to_slack(LIVING)}
    assert (await here.far.called("chat.postEphemeral"))["blocks"] == to_slack(coach.moved(LIVING))["blocks"]


async def test_a_command_that_asks_slack_is_acknowledged_first(here: Slack, script: Script) -> None:
    script.asks_platform, script.wait, script.says = True, asyncio.Event(), [CARD]
    command = payload("command", response_url=f"{here.far.url}respond/command")
    assert await here.send(form(command)) == (200, b"")
    script.wait.set()
    assert await here.far.called("command") == {"response_type": "ephemeral", **to_slack(CARD)}
    assert await here.finish() == ["command"]


async def test_where_the_response_url_fails_the_answer_is_shown_in_the_room(here: Slack, script: Script) -> None:
    script.asks_platform, script.says = True, [CARD, CARD]
    here.far.broken.add("command")
    await here.send(form(payload("command", response_url=f"{here.far.url}respond/command")))
    assert (await here.far.called("chat.postEphemeral"))["channel"] == "C0ROOM001"
    here.far.answers["chat.postEphemeral"] = [refused("channel_not_found")]
    await here.send(form(payload("command", channel_id="")))
    assert (await here.far.called("chat.postMessage"))["channel"] == "D0OPENED1"


async def test_a_living_answer_that_asked_slack_opens_in_the_direct_messages(
    here: Slack, coach: Coach, script: Script
) -> None:
    script.asks_platform, script.says = True, [LIVING]
    await here.send(form(payload("command", response_url=f"{here.far.url}respond/command")))
    assert (await here.far.called("command"))["blocks"] == to_slack(coach.moved(LIVING))["blocks"]
    assert (await here.far.called("chat.postMessage"))["blocks"] == to_slack(LIVING)["blocks"]


async def test_a_command_that_asks_slack_needs_room_in_the_background(
    here: Slack, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.asks_platform, script.says = True, [CARD]
    body = form(payload("command", response_url=f"{here.far.url}respond/command"))
    with monkeypatch.context() as patch:
        patch.setattr("adapters.tasks.MOST_UNDER_WAY", 0)
        assert await here.send(body) == (503, b"")
    assert await here.send(body) == (200, b"")
    await here.far.called("command")


CHANGES: dict[str, tuple[str | None, str]] = {
    "channel_archive": ("C0ROOM001", "archived"),
    "channel_unarchive": ("C0ROOM001", "back"),
    "channel_deleted": ("C0ROOM001", "deleted"),
    "channel_left": ("C0ROOM001", "removed"),
    "group_archive": ("G0ROOM001", "archived"),
    "group_unarchive": ("G0ROOM001", "back"),
    "group_deleted": ("G0ROOM001", "deleted"),
    "group_left": ("G0ROOM001", "removed"),
    "member_joined_channel": ("C0ROOM001", "back"),
    "member_left_channel": ("C0ROOM001", "removed"),
    "app_uninstalled": (None, "uninstalled"),
    "tokens_revoked": (None, "uninstalled"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_what_becomes_of_a_room_is_passed_on(here: Slack, script: Script, name: str) -> None:
    assert await here.send_json(payload(f"events/{name}")) == (200, b"")
    assert script.changes == [("slack:T0STEADY1", *CHANGES[name])]
    assert set(await here.finish()) <= {"conversations.info"}, "nothing is posted"


def test_each_event_about_rooms_is_asked_for_and_recorded() -> None:
    asked = slack_manifest()["settings"]["event_subscriptions"]["bot_events"]
    assert set(asked) - {"app_home_opened", "app_mention", "message.im"} == CHANGES.keys()
    assert {path.stem for path in (PAYLOADS / "slack/events").iterdir()} == CHANGES.keys()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("member_joined_channel", {"event": {"user": "U0AGENT01"}}),
        ("member_left_channel", {"event": {"user": "U0AGENT01"}}),
        ("member_left_channel", {"authorizations": []}),
        ("member_left_channel", {"authorizations": [{"user_id": "U0STEADY1", "is_bot": False}]}),
        ("member_left_channel", {"event": {"user": ""}, "authorizations": [{"user_id": "", "is_bot": True}]}),
        ("channel_archive", {"event": {"channel": None}}),
        ("channel_archive", {"event": {"channel": "general"}}),
        ("channel_archive", {"event": {"channel": {"id": "C0ROOM001"}}}),
        ("channel_archive", {"event": {"type": "channel_rename"}}),
        ("tokens_revoked", {"event": {"tokens": {"oauth": ["U0AGENT01"], "bot": []}}}),
        ("tokens_revoked", {"event": {"tokens": {"oauth": ["U0AGENT01"]}}}),
        ("tokens_revoked", {"event": {"tokens": None}}),
    ],
    ids=range(12),
)
async def test_what_is_no_change_of_ours_is_let_pass(
    here: Slack, script: Script, name: str, changes: dict[str, Any]
) -> None:
    assert await here.send_json(payload(f"events/{name}", **changes)) == (200, b"")
    assert script.changes == []


async def test_a_change_that_could_not_be_noted_is_noted_when_slack_sends_it_again(
    here: Slack, coach: Coach, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    content = payload("events/channel_archive")
    with monkeypatch.context() as patch:
        patch.setattr(coach, "room_changed", broken)
        assert (await here.send_json(content))[0] == 500
    for _ in range(2):
        assert await here.send_json(content) == (200, b"")
    assert len(script.changes) == 1


async def test_only_public_channels_have_a_name_and_a_command_proves_nothing(here: Slack, script: Script) -> None:
    script.says = [CARD] * 4
    for name in ("support", "privategroup", "directmessage", "mpdm-ann--bob-1"):
        await here.send(form(payload("command", channel_name=name)))
    rooms = [message.room for message in script.heard]
    assert [room.name for room in rooms if room] == ["support", "", "", ""]
    assert not any(room.certain for room in rooms if room)


async def test_a_channel_that_we_join_is_noted(here: Slack, coach: Coach, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(coach, "room_seen", lambda *about: seen.append(about))
    joined = payload("message", event={"type": "member_joined_channel", "user": "U0STEADY1", "channel": "C0ROOM001"})
    joined["event"].pop("channel_type", None)
    joined["authorizations"] = [{"user_id": "U0STEADY1", "is_bot": True}]
    await here.send_json(joined)
    await here.finish()
    assert seen == [("slack:T0STEADY1", ROOM, None)]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ({"id": "C0ROOM001", "name": "returns", "is_private": False}, "returns"),
        ({"id": "C0ROOM001", "name": "the-plan", "is_private": True}, ""),
        ({"id": "C0ROOM001", "is_private": False}, ""),
        ([], ""),
        (None, ""),
    ],
    ids=["public", "private", "no name", "no channel", "refused"],
)
async def test_what_a_channel_that_we_join_is_called_is_asked(
    here: Slack, coach: Coach, monkeypatch: pytest.MonkeyPatch, answer: Any, name: str
) -> None:
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(coach, "room_seen", lambda *about: seen.append(about))
    told = web.json_response({"ok": True, "channel": answer}) if answer is not None else refused("missing_scope")
    here.far.answers["conversations.info"] = [told]
    joined = payload("message", event={"type": "member_joined_channel", "user": "U0STEADY1", "channel": "C0ROOM001"})
    joined["authorizations"] = [{"user_id": "U0STEADY1", "is_bot": True}]
    await here.send_json(joined)
    await here.finish()
    assert [about[1].name for about in seen] == ["", name] if name else [""]
