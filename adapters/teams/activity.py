"""Reading activities: plain protocol JSON, so that no SDK is needed.

Anything in an activity may be missing or of another type than documented; such a part counts as missing.
"""

from typing import Any

Json = dict[str, Any]


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


def workspace_of(activity: Json) -> str:
    """Return the workspace that an activity comes from, as the core names it."""
    return f"teams:{tenant_of(activity)}"


def is_room(activity: Json) -> bool:
    """Return whether others can read the conversation too."""
    conversation = part(activity, "conversation")
    return conversation.get("isGroup") is True or conversation.get("conversationType") in ("groupChat", "channel")
