"""What delivery is about: a row of the ledger, what became of sending it, and who sends.

The promise: every row ends sent, failed, cancelled, skipped or unknown, and a message is posted at most once, except
where its outcome can't be read back or a process froze in the instant before it wrote to the socket.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from chatbot.model import Reply

State = Literal["pending", "sending", "sent", "failed", "unknown", "cancelled", "skipped"]
#: Why a target takes nothing any more, or a row was given up; each has a sentence in strings.toml.
Reason = Literal[
    "",
    "blocked",  # the person or the room does not let us in any more
    "archived",
    "deleted",
    "uninstalled",
    "no_scope",
    "refused",  # the platform says that the message itself is wrong
    "late",
    "quiet",  # the person muted personal messages
    "no_answer",  # the connection broke after the request had left
    "crashed",  # the program ended while the request was under way
    "cant_tell",  # whether it arrived can't be read back
    "not_composed",  # what it was about is gone
]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent.

    `key` is unique for ever: who writes it twice sends it once. `source` is what it belongs to, to find all of that.
    `lane` is the workspace, `target` the address of the conversation as its adapter wants it. `content` is JSON for
    whoever composes the message when it is sent. `due` and `expires` are seconds since 1970; after `expires` it is
    skipped.
    """

    key: str
    source: str
    lane: str
    target: str
    kind: str
    content: str
    due: float
    expires: float


@dataclass(frozen=True, slots=True)
class Delivery(Draft):
    """A row of the ledger.

    `attempt` counts the intents to send it: a result is taken only from the latest one. `since` is when the state
    was entered, of an unknown row that of the latest intent: the message is not older. `reference` is the platform's
    id of the message once it is sent.
    """

    id: int = 0
    state: State = "pending"
    attempt: int = 0
    since: float = 0.0
    reason: Reason = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform has the message and calls it `reference`."""

    reference: str


@dataclass(frozen=True, slots=True)
class Later:
    """It was not accepted; may be tried again after `seconds`, None for "soon". `everywhere`: holds the whole lane."""

    seconds: float | None = None
    everywhere: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never be accepted. `gone` is what takes nothing any more, if it is more than this one message."""

    reason: Reason
    gone: Literal["", "target", "lane"] = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left and no answer came: it may or may not have arrived."""

    reason: Reason = "no_answer"


@dataclass(frozen=True, slots=True)
class Absent:
    """Looked for and not there: it never arrived."""


@dataclass(frozen=True, slots=True)
class CantTell:
    """The platform does not let us look."""


Outcome = Sent | Later | Failed | Unknown
Look = Sent | Absent | CantTell | Later


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast a platform takes messages, a second: in one conversation, in all of a lane; and looks in a lane."""

    per_target: float
    per_lane: float
    looks: float


class Sender(Protocol):
    """What an adapter does for delivery. No call may retry by itself, nor go on when it is cancelled."""

    limits: Limits

    async def send(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Post a message, with the row's key in its metadata where the platform has such.

        What has not left within some four seconds must not leave at all: others take this process for dead by then.
        """

    async def look(self, delivery: Delivery) -> Look:
        """Look in the conversation whether the row's message arrived."""

    async def amend(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Put a reply in the place of the message that the row's `reference` names; to do so twice is no harm."""


def amends(delivery: Delivery) -> bool:
    """Return whether a row changes a message instead of posting one; it begins with that message's `reference`."""
    return delivery.kind.endswith(".amend")


@dataclass(frozen=True, slots=True)
class Skip:
    """A row is not to be sent after all, as things stand by now."""

    reason: Reason


#: Makes the message of a row when it is sent; None if there is nothing left to say.
Compose = Callable[[Delivery], Awaitable[Reply | Skip | None]]
#: Told which target (or, with None, which whole lane) takes nothing any more.
Gone = Callable[[str, str | None, Reason], Awaitable[None]]


class Ledger(Protocol):
    """The only truth about what was sent. Each call is one transaction."""

    async def due(self, lane: str, state: Literal["pending", "unknown"], now: float, limit: int) -> Sequence[Delivery]:
        """Return rows that are pending and due, or unknown and due for a look, the earliest first."""

    async def next_due(self, lane: str) -> float | None:
        """Return when the lane's next row needs somebody; at once if one is `sending`, which only a lost result is."""

    async def abandon(self, lane: str, look_at: float) -> int:
        """Make rows that a dead process was sending unknown, to be looked for; return how many."""

    async def intend(self, ids: Sequence[int], now: float) -> dict[int, int]:
        """Take pending rows for sending; return the attempt of those that were got."""

    async def settle(self, results: Sequence["Result"], now: float) -> None:
        """Write what became of rows; each only if it is still `sending` with that attempt, or is sent."""

    async def looked(self, results: Sequence["Result"], now: float) -> None:
        """Write what looking for unknown rows found; each only if still `unknown` with that attempt, or if sent."""

    async def stop_target(self, lane: str, target: str | None, reason: Reason, now: float) -> int:
        """Fail what is pending for a target, or for a whole lane; return how many rows."""

    async def lanes(self) -> Sequence[tuple[str, float]]:
        """Return each lane that has something left to do, with when; rows under way count as due at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """The state that a row gets; `due` is when it needs somebody again, None for never."""

    id: int
    attempt: int
    state: State
    due: float | None = None
    reason: Reason = ""
    reference: str = ""


class Engine(Protocol):
    """Sees to it that each lane with something to do is run by one process: all that differs between one and many."""

    async def start(self) -> None:
        """Take up whatever is left to do, and from now on what is new."""

    async def stop(self) -> None:
        """Let what is under way finish within a few seconds."""

    async def enlist(self, connection: Any, lanes: Collection[str]) -> None:
        """Make sure, within the transaction that writes rows, that somebody will run their lanes."""

    def wake(self, lanes: Collection[str]) -> None:
        """Run lanes soon, after that transaction."""
