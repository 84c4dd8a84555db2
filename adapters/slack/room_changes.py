"""Events that tell what became of a room, or of the whole workspace."""

from typing import Any

from adapters.slack.payloads import our_users, room_of, string_in
from adapters.slack.render import Payload
from chatbot.rooms import RoomChange

#: Events about a room that we are, or were, in.
_OF_A_ROOM: dict[str, RoomChange] = {
    "channel_archive": "archived",
    "group_archive": "archived",
    "channel_unarchive": "back",
    "group_unarchive": "back",
    "channel_deleted": "deleted",
    "group_deleted": "deleted",
    "channel_left": "removed",
    "group_left": "removed",
}
#: Events about anybody; they count if it is us. Slack sometimes withholds `channel_left`, so both are listened to.
_OF_A_MEMBER: dict[str, RoomChange] = {"member_joined_channel": "back", "member_left_channel": "removed"}


def room_change_in(payload: Payload) -> tuple[str | None, RoomChange] | None:
    """Return the key of the room (None: the whole workspace) and what happened to it, or None if nothing did."""
    event = payload["event"]
    kind = event["type"]
    if kind == "app_uninstalled" or (kind == "tokens_revoked" and _has_bot_token(event.get("tokens"))):
        return None, "uninstalled"
    change = _OF_A_ROOM.get(kind)
    if change is None and string_in(event, "user") in our_users(payload):
        change = _OF_A_MEMBER.get(kind)
    room = room_of(string_in(event, "channel"))
    return (room.key, change) if room and change else None


def _has_bot_token(tokens: Any) -> bool:
    return isinstance(tokens, dict) and bool(tokens.get("bot"))
