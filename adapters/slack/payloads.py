"""What Slack sends: bytes to a checked payload, a checked payload to a Message."""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from adapters.slack.render import PRESSED, SUBMITTED, TYPED, Payload
from chatbot.language import legible
from chatbot.model import Language, Message

Kind = Literal["command", "event", "press", "verification", "other"]


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
        _need(_string(payload, "command") and _string(payload, "user_id") and workspace_of(payload))
        return "command"
    match payload.get("type"):
        case "url_verification":
            _need(_string(payload, "challenge"))
            return "verification"
        case "event_callback":
            event = payload.get("event")
            _need(isinstance(event, dict) and _string(event, "type"))
            _need(_string(payload, "event_id") and workspace_of(payload))
            return "event"
        case "block_actions":
            actions = payload.get("actions")
            _need(isinstance(actions, list) and actions and isinstance(actions[0], dict))
            _need(_string(payload["actions"][0], "action_id") and _string(payload.get("user"), "id"))
            _need(workspace_of(payload))
            return "press"
        case str():
            return "other"
    if "ssl_check" in payload:
        return "other"
    raise MalformedError


def _need(found: object) -> None:
    if not found:
        raise MalformedError


def _string(holder: Any, key: str) -> str:
    """Return the string under a key, or "" if there is none, whatever `holder` turns out to be."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def workspace_of(payload: Payload) -> str:
    """Return the key of the workspace, or of the organisation where the app is installed for all of it."""
    team = _string(payload, "team_id") or _string(payload.get("team"), "id") or _string(payload.get("user"), "team_id")
    team = team or _string(payload, "enterprise_id") or _string(payload.get("enterprise"), "id")
    return f"slack:{team}" if team else ""


def from_command(payload: Payload) -> Message:
    """Return what a slash command says; its own name belongs to it."""
    text = readable(f"{payload['command']} {_string(payload, 'text')}")
    return Message(text, workspace_of(payload), payload["user_id"])


def from_event(payload: Payload) -> Message | None:
    """Return what a person wrote, or None if no person did: a bot, an edit, a deletion, someone joining."""
    event = payload["event"]
    person = _string(event, "user")
    if not person or person == "USLACKBOT" or event.get("bot_id") or event.get("hidden"):
        return None
    if event.get("subtype") not in (None, "file_share", "thread_broadcast"):
        return None
    return Message(readable(_string(event, "text")), workspace_of(payload), person)


def from_press(payload: Payload) -> Message | None:
    """Return what a press or a typed line means, or None if the element is none of ours."""
    action = payload["actions"][0]
    what, _, command = action["action_id"].partition(" ")
    match what:
        case _ if what == PRESSED:
            text = _string(action, "value")
        case _ if what == TYPED:
            text = f"{command} {_unescaped(_string(action, 'value'))}"
        case _ if what == SUBMITTED:
            text = f"{command} {_unescaped(_typed(payload, f'{TYPED} {command}'.strip()))}"
        case _:
            return None
    language = Language.from_tag(_string(action, "block_id").partition(" ")[0])
    return Message(text.strip(), workspace_of(payload), payload["user"]["id"], language, pressed=True)


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
    channel = _string(container, "channel_id") or _string(payload.get("channel"), "id")
    private = isinstance(container, dict) and container.get("is_ephemeral") is True
    return Place(channel, _string(container, "message_ts"), _string(container, "thread_ts") or None, private)


def _typed(payload: Payload, action_id: str) -> str:
    """Return what stands in a field of the message at the time a button was pressed."""
    state = payload.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    for block in values.values() if isinstance(values, dict) else ():
        if isinstance(block, dict) and action_id in block:
            return _string(block[action_id], "value")
    return ""


_REFERENCE = re.compile(r"<([^<>]*)>")


def readable(text: str) -> str:
    """Return a text as its author saw it: mentions left out, links by their label, & < > themselves."""
    return " ".join(_unescaped(_REFERENCE.sub(_shown, text)).split())


def _shown(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    return "" if target.startswith(("@", "#", "!")) else label or target


def _unescaped(text: str) -> str:
    return legible(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
