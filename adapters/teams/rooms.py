"""Conversations as rooms: how they are addressed later, and what Teams tells of their fate."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from adapters.teams.activity import Json, is_room, part, tenant_of, text_at
from chatbot.language import legible
from chatbot.model import Room
from chatbot.rooms import RoomChange

#: Ours take a few hundred letters.
_LONGEST_ADDRESS = 2_000
_LONGEST_NAME = 80
#: What the `eventType` of a conversationUpdate means; names and new channels mean nothing to us.
_OF_A_CHANNEL: dict[str, RoomChange] = {"channelDeleted": "deleted", "channelRestored": "back"}
_OF_A_TEAM: dict[str, RoomChange] = {
    "teamArchived": "archived",
    "teamUnarchived": "back",
    "teamDeleted": "deleted",
    "teamHardDeleted": "deleted",
    "teamRestored": "back",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a conversation is, kept as plain JSON so that any SDK's reference can be made of it.

    `conversation` is the whole channel, never a thread in it. `team` is "" outside teams; it stands here because what
    Teams tells of a team concerns each of its channels.
    """

    service_url: str
    conversation: str
    bot_id: str
    bot_name: str
    tenant: str
    team: str = ""

    def to_json(self) -> str:
        """Return it as a room's address: the same conversation is always the same text."""
        told = {
            "serviceUrl": self.service_url,
            "conversation": self.conversation,
            "bot": {"id": self.bot_id, "name": self.bot_name},
            "tenant": self.tenant,
        }
        if self.team:
            told["team"] = self.team
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, address: object) -> "Reference | None":
        """Return what an address says, or None if it is none."""
        if not isinstance(address, str) or len(address) > _LONGEST_ADDRESS:
            return None
        try:
            told = json.loads(address)
        except (ValueError, RecursionError):
            return None
        bot = part(told, "bot")
        found = cls(
            text_at(told, "serviceUrl"),
            _whole(text_at(told, "conversation")),
            text_at(bot, "id"),
            text_at(bot, "name"),
            text_at(told, "tenant"),
            text_at(told, "team"),
        )
        return found if found.service_url and found.conversation and found.bot_id and found.tenant else None


def room_of(activity: Json) -> Room | None:
    """Return the conversation of an activity; None if it names none."""
    key = _whole(text_at(part(activity, "conversation"), "id"))
    if not key:
        return None
    bot = part(activity, "recipient")
    reference = Reference(
        text_at(activity, "serviceUrl"),
        key,
        text_at(bot, "id"),
        text_at(bot, "name"),
        tenant_of(activity),
        _team(activity),
    )
    name = text_at(part(part(activity, "channelData"), "channel"), "name") or text_at(
        part(activity, "conversation"), "name"
    )
    return Room(key, reference.to_json(), personal=not is_room(activity), name=legible(name)[:_LONGEST_NAME])


def carried_room(activity: Json, address: object, is_ours: Callable[[str], bool]) -> Room | None:
    """Return the room that a button in a private chat is about, or None if its address can't be one of ours.

    A button's data comes back through the client, so whoever presses may have changed it: what is not checked here
    may only lead to a room that they are asked about anyway. It is never a personal one, of which nobody would ask.
    """
    found = Reference.from_json(address)
    if found is None or not is_ours(found.service_url):
        return None
    if found.tenant != tenant_of(activity) or found.bot_id != text_at(part(activity, "recipient"), "id"):
        return None
    return Room(found.conversation, found.to_json(), certain=False)


def room_change_in(activity: Json) -> tuple[str, RoomChange] | None:
    """Return the key of a room, or the id of a team, and what happened to it; None if nothing did.

    To be removed from a team, a chat or by a person is to be uninstalled there: Teams tells of it by two activities,
    which mean the same. It never tells of a whole tenant.
    """
    here = _team(activity) or _whole(text_at(part(activity, "conversation"), "id"))
    change: RoomChange | None = None
    if activity.get("type") == "installationUpdate":
        installed: dict[str, RoomChange] = {"add": "back", "remove": "removed"}
        change = installed.get(text_at(activity, "action"))
    else:
        event = text_at(part(activity, "channelData"), "eventType")
        if event in _OF_A_CHANNEL:
            here = text_at(part(part(activity, "channelData"), "channel"), "id")
            change = _OF_A_CHANNEL[event]
        elif event in _OF_A_TEAM:
            change = _OF_A_TEAM[event]
        elif _names_us(activity, "membersRemoved"):
            change = "removed"
        elif _names_us(activity, "membersAdded"):
            change = "back"
    return (here, change) if here and change else None


def _names_us(activity: Json, key: str) -> bool:
    bot = text_at(part(activity, "recipient"), "id")
    members = activity.get(key)
    return bool(bot) and isinstance(members, list) and any(text_at(member, "id") == bot for member in members)


def _team(activity: Json) -> str:
    return text_at(part(part(activity, "channelData"), "team"), "id")


def _whole(conversation: str) -> str:
    """Return the id of a channel without that of the thread in it."""
    return conversation.partition(";")[0]
