"""What Slack sends: bytes to a checked payload, a checked payload to a Message."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import parse_qsl

from adapters.slack.render import PRESSED, PRIVATE, SUBMITTED, TYPED, Payload
from chatbot.language import legible
from chatbot.model import Language, Mention, Message, Room
from chatbot.roles import GROUP

Kind = Literal["command", "event", "press", "submission", "verification", "other"]


class MalformedError(ValueError):
    """A request that Slack never sends: no JSON, no form, or without what its kind must have."""


def parse(body: bytes) -> Payload:
    """Return the payload of a request body: JSON, a form, or JSON in a form's field `payload`.

    Raises MalformedError.
    """
    try:
        text = body.decode("utf-8")
        if text.lstrip().startswith("{"):
            payload = json.loads(text)
        else:
            form = dict(
                parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=100)
            )
            payload = json.loads(form["payload"]) if "payload" in form else form
    except (ValueError, RecursionError) as error:
        raise MalformedError from error
    if not isinstance(payload, dict):
        raise MalformedError
    return payload


def kind_of(payload: Payload) -> Kind:
    """Return what a payload is; a kind that we don't know is "other".

    Raises MalformedError if a kind that we do know lacks what can't be done without.
    """
    if "command" in payload:
        _need(string_in(payload, "command") and string_in(payload, "user_id") and workspace_of(payload))
        return "command"
    match payload.get("type"):
        case "url_verification":
            _need(string_in(payload, "challenge"))
            return "verification"
        case "event_callback":
            event = payload.get("event")
            _need(isinstance(event, dict) and string_in(event, "type"))
            _need(string_in(payload, "event_id") and workspace_of(payload))
            return "event"
        case "block_actions":
            actions = payload.get("actions")
            _need(isinstance(actions, list) and actions and isinstance(actions[0], dict))
            _need(string_in(payload["actions"][0], "action_id") and string_in(payload.get("user"), "id"))
            _need(workspace_of(payload))
            return "press"
        case "view_submission":
            view = payload.get("view")
            _need(isinstance(view, dict) and isinstance(view.get("callback_id"), str) and string_in(view, "type"))
            _need(string_in(payload.get("user"), "id") and workspace_of(payload))
            return "submission" if payload["view"]["type"] == "modal" else "other"
        case str():
            return "other"
    if "ssl_check" in payload:
        return "other"
    raise MalformedError


def _need(found: object) -> None:
    if not found:
        raise MalformedError


def string_in(holder: Any, key: str) -> str:
    """Return the string under a key, or "" if there is none, whatever `holder` turns out to be."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def workspace_of(payload: Payload) -> str:
    """Return the key of the workspace, or of the organisation where the app is installed for all of it."""
    team = (
        string_in(payload, "team_id")
        or string_in(payload.get("team"), "id")
        or string_in(payload.get("user"), "team_id")
    )
    team = team or string_in(payload, "enterprise_id") or string_in(payload.get("enterprise"), "id")
    return f"slack:{team}" if team else ""


def from_command(payload: Payload) -> Message:
    """Return what a slash command says; its own name belongs to it."""
    text = readable(f"{payload['command']} {string_in(payload, 'text')}")
    room, name = uncertain(room_of(string_in(payload, "channel_id"))), string_in(payload, "user_name")
    if room:
        room = replace(room, name=_name_of(room, string_in(payload, "channel_name")))
    mentions = mentions_in(string_in(payload, "text"))
    return Message(text, workspace_of(payload), payload["user_id"], room=room, name=name, mentions=mentions)


def from_event(payload: Payload) -> Message | None:
    """Return what a person wrote, or None if no person did: a bot, an edit, a deletion, someone joining."""
    event = payload["event"]
    person = string_in(event, "user")
    if not person or person == "USLACKBOT" or event.get("bot_id") or event.get("hidden"):
        return None
    if event.get("subtype") not in (None, "file_share", "thread_broadcast"):
        return None
    text, room = string_in(event, "text"), room_of(string_in(event, "channel"))
    mentions = mentions_in(text, ours=our_users(payload))
    return Message(readable(text), workspace_of(payload), person, room=room, mentions=mentions)


def from_press(payload: Payload) -> Message | None:
    """Return what a press or a typed line means, or None if the element is none of ours."""
    action = payload["actions"][0]
    what, _, command = action["action_id"].partition(" ")
    match what:
        case _ if what in (PRESSED, PRIVATE):
            text = string_in(action, "value")
        case _ if what == TYPED:
            text = f"{command} {unescaped(string_in(action, 'value'))}"
        case _ if what == SUBMITTED:
            text = f"{command} {unescaped(_typed(payload, f'{TYPED} {command}'.strip()))}"
        case _:
            return None
    place = place_of(payload)
    room = room_of(place.channel)
    return Message(
        text.strip(),
        workspace_of(payload),
        payload["user"]["id"],
        Language.from_tag(string_in(action, "block_id").partition(" ")[0]),
        pressed=True,
        room=uncertain(room) if place.private else room,
        name=name_in(payload),
    )


def is_private(payload: Payload) -> bool:
    """Return whether a press asks for an answer of its own, beside the message that the button stands on."""
    action_id: str = payload["actions"][0]["action_id"]
    return action_id.partition(" ")[0] == PRIVATE


def name_in(payload: Payload) -> str:
    """Return what Slack calls the person who pressed or sent something."""
    user = payload.get("user")
    return string_in(user, "name") or string_in(user, "username")


#: What Slack calls conversations that are no public channels.
_NO_NAMES = ("privategroup", "directmessage", "mpdm-")
_LONGEST_NAME = 80
_CONVERSATION = re.compile(r"[CDG][A-Z0-9]{1,40}")


def room_of(channel: str) -> Room | None:
    """Return the room with this id, or None if it is no conversation's."""
    if not _CONVERSATION.fullmatch(channel):
        return None
    return Room(channel, channel, personal=channel.startswith("D"))


def uncertain(room: Room | None) -> Room | None:
    """Return a room that we may not be in: a slash command works everywhere, and so do the buttons of its answer."""
    return replace(room, certain=False) if room else None


def _name_of(room: Room, name: str) -> str:
    """Return the name of a public channel; Slack gives all others one that says nothing, or who is in it."""
    return name[:_LONGEST_NAME] if room.key.startswith("C") and not name.startswith(_NO_NAMES) else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the message stands whose button was pressed; `private`: only one person sees it."""

    channel: str
    message: str
    thread: str | None
    private: bool


def place_of(payload: Payload) -> Place:
    """Return where the message of a press stands; empty strings for what Slack did not say."""
    container = payload.get("container")
    channel = string_in(container, "channel_id") or string_in(payload.get("channel"), "id")
    private = isinstance(container, dict) and container.get("is_ephemeral") is True
    return Place(channel, string_in(container, "message_ts"), string_in(container, "thread_ts") or None, private)


def _typed(payload: Payload, action_id: str) -> str:
    """Return what stands in a field of the message at the time a button was pressed."""
    state = payload.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    for block in values.values() if isinstance(values, dict) else ():
        if isinstance(block, dict) and action_id in block:
            return string_in(block[action_id], "value")
    return ""


_REFERENCE = re.compile(r"<([^<>]*)>")
_MENTION = re.compile(r"<(?:@(?P<person>[UW][A-Z0-9]{1,40})|!subteam\^(?P<group>S[A-Z0-9]{1,40}))(?:\|@?([^<>]*))?>")
_MOST_MENTIONS = 20


def mentions_in(text: str, ours: frozenset[str] = frozenset()) -> tuple[Mention, ...]:
    """Return the people and user groups that a text names, but for `ours`, the ids of Steady itself."""
    found: dict[str, Mention] = {}
    for match in _MENTION.finditer(text):
        key = match["person"] or f"{GROUP}{match['group']}"
        if key not in ours and len(found) < _MOST_MENTIONS:
            found.setdefault(key, Mention(key, unescaped(match[3] or "")))
    return tuple(found.values())


def our_users(payload: Payload) -> frozenset[str]:
    """Return the ids of our bot user that an event names: in its `authorizations`, as Slack sends them with each."""
    told = payload.get("authorizations")
    return frozenset(
        string_in(one, "user_id")
        for one in (told if isinstance(told, list) else ())
        if isinstance(one, dict) and one.get("is_bot") is True and string_in(one, "user_id")
    )


def readable(text: str) -> str:
    """Return a text as its author saw it: mentions left out, links by their label, & < > themselves."""
    return " ".join(unescaped(_REFERENCE.sub(_shown, text)).split())


def _shown(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    return "" if target.startswith(("@", "#", "!")) else label or target


def unescaped(text: str) -> str:
    """Return a text with & < > themselves, as it was typed."""
    return legible(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
