"""From activities to messages: plain protocol JSON in, so that no SDK is needed to read them.

Anything in an activity may be missing or of another type than documented; such a part counts as missing.
"""

import html
import re
from typing import Any

from chatbot.language import legible
from chatbot.model import Language, Message

Json = dict[str, Any]

#: No agent types more than this; what comes after is not looked at.
LONGEST_TEXT = 8_000
#: The verb of all our card actions.
VERB = "steady"

_MENTION = re.compile(r"<at\b[^<>]{0,200}>[^<>]{0,200}</at>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:p|div|span|br|b|i|strong|em|at)\b[^<>]{0,200}>", re.IGNORECASE)


def part(value: object, key: str) -> Json:
    """Return the object under `key`, or an empty one."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def text_at(value: object, key: str) -> str:
    """Return the text under `key`, or an empty one."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, str) else ""


def tenant_of(activity: Json) -> str:
    """Return the id of the organisation that an activity comes from."""
    return text_at(part(part(activity, "channelData"), "tenant"), "id") or text_at(
        part(activity, "conversation"), "tenantId"
    )


def is_room(activity: Json) -> bool:
    """Return whether others can read the conversation too."""
    conversation = part(activity, "conversation")
    return conversation.get("isGroup") is True or conversation.get("conversationType") in ("groupChat", "channel")


def from_activity(activity: Json) -> Message | None:
    """Return what a person wrote, or None if nobody did: no sender, no conversation, or the bot itself."""
    return _message(activity, text_of(activity), Language.from_tag(text_at(activity, "locale")))


def from_press(activity: Json, data: object) -> Message | None:
    """Return what a pressed button or a sent field means, or None if `data` is not what our cards send."""
    if not isinstance(data, dict) or not isinstance(data.get("command"), str):
        return None
    typed = text_at(data, text_at(data, "field"))[:LONGEST_TEXT]
    text = legible(f"{data['command']} {typed}").strip()
    return _message(activity, text, Language.from_tag(text_at(data, "language")), pressed=True)


def _message(activity: Json, text: str, locale: Language | None, *, pressed: bool = False) -> Message | None:
    sender = part(activity, "from")
    sender_id = text_at(sender, "id")
    if not sender_id or not text_at(part(activity, "conversation"), "id"):
        return None
    if sender_id == text_at(part(activity, "recipient"), "id"):
        return None
    return Message(
        text=text,
        workspace=f"teams:{tenant_of(activity)}",
        person=text_at(sender, "aadObjectId") or sender_id,
        locale=locale,
        pressed=pressed,
    )


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
