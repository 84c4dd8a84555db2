"""From activities to messages."""

import html
import re
from collections.abc import Callable, Mapping

from adapters.teams.activity import Json, part, text_at, workspace_of
from adapters.teams.rooms import carried_room, room_of
from chatbot.language import legible
from chatbot.model import Language, Mention, Message, Room

#: No agent types more than this; what comes after is not looked at.
LONGEST_TEXT = 8_000
#: The verb of all our card actions.
VERB = "steady"
#: What the connector's ids of people begin with.
CONNECTOR_PERSON = "29:"
_MOST_MENTIONS = 20
#: More fields than any form of ours has.
_MOST_FIELDS = 50

_MENTION = re.compile(r"<at\b[^<>]{0,200}>[^<>]{0,200}</at>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:p|div|span|br|b|i|strong|em|at)\b[^<>]{0,200}>", re.IGNORECASE)


def from_activity(activity: Json) -> Message | None:
    """Return what a person wrote, or None if nobody did: no sender, no conversation, or the bot itself."""
    return _message(activity, text_of(activity), text_at(activity, "locale"), room_of(activity))


def from_press(activity: Json, data: object, is_ours: Callable[[str], bool]) -> Message | None:
    """Return what a pressed button, a sent field or a sent form means, or None if our cards send no such `data`.

    `is_ours` tells the service URLs that we may call.
    """
    if not isinstance(data, dict) or not isinstance(data.get("command"), str):
        return None
    room = carried_room(activity, data["room"], is_ours) if "room" in data else room_of(activity)
    values = _values(data)
    if room is None or values is None:
        return None
    typed = text_at(data, text_at(data, "field"))[:LONGEST_TEXT]
    text = legible(f"{data['command']} {typed}").strip()
    return _message(activity, text, text_at(data, "language"), room, values)


def is_private(data: object) -> bool:
    """Return whether the answer to a button is for whoever pressed it, and the card stays."""
    return isinstance(data, dict) and data.get("private") is True


def is_shared(data: object) -> bool:
    """Return whether the card of a button stands in a room for everybody, and so does what takes its place."""
    return isinstance(data, dict) and data.get("shared") is True


def input_id(name: str) -> str:
    """Return the id of a form's input: what is typed comes back among what the button carries, which has names too."""
    return f"form_{name}"


def _values(data: Json) -> dict[str, str] | None:
    """Return what a form was filled in with; Teams leaves empty inputs out, and joins several choices with commas."""
    names = data.get("form", [])
    if not isinstance(names, list) or len(names) > _MOST_FIELDS or not all(isinstance(name, str) for name in names):
        return None
    return {name: legible(text_at(data, input_id(name))[:LONGEST_TEXT]) for name in names}


def _message(
    activity: Json, text: str, locale: str, room: Room | None, values: Mapping[str, str] | None = None
) -> Message | None:
    """Return the message; `values` are given, if perhaps empty, for what was pressed."""
    sender = part(activity, "from")
    sender_id = text_at(sender, "id")
    if not sender_id or room is None or sender_id == text_at(part(activity, "recipient"), "id"):
        return None
    return Message(
        text=text,
        workspace=workspace_of(activity),
        person=text_at(sender, "aadObjectId") or sender_id,
        locale=Language.from_tag(locale),
        pressed=values is not None,
        room=room,
        name=legible(text_at(sender, "name")),
        values=values or {},
        mentions=mentions_in(activity) if values is None else (),
        zone=zone_in(activity),
    )


def zone_in(activity: Json) -> str:
    """Return the time zone of the device that an activity comes from, "" if it does not say."""
    told = text_at(activity, "localTimezone")
    entities = activity.get("entities")
    for entity in entities if isinstance(entities, list) and not told else ():
        if text_at(entity, "type") == "clientInfo":
            told = text_at(entity, "timezone")
    return told


def mentions_in(activity: Json) -> tuple[Mention, ...]:
    """Return the people that an activity names, but for the bot itself; not its tags, channels and teams."""
    bot = text_at(part(activity, "recipient"), "id")
    entities = activity.get("entities")
    found: dict[str, Mention] = {}
    for entity in entities if isinstance(entities, list) else ():
        person = part(entity, "mentioned")
        key = text_at(person, "aadObjectId") or text_at(person, "id")
        is_person = bool(text_at(person, "aadObjectId")) or key.startswith(CONNECTOR_PERSON)
        if is_person and text_at(person, "id") != bot and len(found) < _MOST_MENTIONS:
            found.setdefault(key, Mention(key, legible(text_at(person, "name"))))
    return tuple(found.values())


def text_of(activity: Json) -> str:
    """Return the text of an activity without mentions, mark-up and what Teams escapes."""
    text = text_at(activity, "text")[:LONGEST_TEXT]
    bot = text_at(part(activity, "recipient"), "id")
    entities = activity.get("entities")
    for entity in entities if isinstance(entities, list) else ():
        # In a chat the mention of the bot may be the bare name, without the tag.
        if text_at(part(entity, "mentioned"), "id") == bot and text_at(entity, "text"):
            text = text.replace(entity["text"], " ")
    text = _TAG.sub(" ", _MENTION.sub(" ", text))
    return legible(html.unescape(text)).replace("\N{NO-BREAK SPACE}", " ").strip()
