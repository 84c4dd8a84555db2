"""What the core asks about conversations and the people in them, and what it is told of them."""

from datetime import date
from typing import Literal, Protocol

from chatbot.model import Message

#: What a person is in a room: only members decide what is sent there. "no_bot": Steady itself can't post there.
Standing = Literal["member", "stranger", "no_bot", "cant_tell"]
#: What happened to a room, or to a whole workspace. "back" undoes each of the others.
RoomChange = Literal["removed", "archived", "deleted", "uninstalled", "back"]


class Rooms(Protocol):
    """What an adapter knows about rooms."""

    async def standing(self, message: Message) -> Standing:
        """Return what the message's author is in its room; in a personal conversation always a member."""

    async def name_of(self, message: Message) -> str:
        """Return what the message's author is called, as others know them; "" if the platform does not say."""


class Quiet(Protocol):
    """What is asked about a person before a personal message."""

    async def quiet_until(self, workspace: str, person: str) -> date | None:
        """Return the first day on which a person wants personal messages again, if they muted them."""


class Clocks(Protocol):
    """What an adapter knows about the clocks of people whose messages don't tell it."""

    async def zone_of(self, workspace: str, person: str) -> str:
        """Return what the platform calls a person's time zone, "" if it does not say; may fail as a request does."""
