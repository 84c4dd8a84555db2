"""What the playground remembers: the messages of both panes and what went over the wire. Bounded, in memory."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from adapters.web.people import PERSONAS, Pane, Persona, Place
from chatbot.model import Language

Payload = dict[str, Any]
Author = Literal["agent", "steady", "platform"]

POSTS_KEPT = 200
EXCHANGES_KEPT = 200
#: A page that reads more slowly than this many changes is let go; it comes back and gets everything afresh.
CHANGES_WAITING = 500


@dataclass(slots=True, eq=False)
class Post:
    """A message in a pane.

    `content` is what the platform was sent, `size` its bytes as the platform counts them, 0 for what a person
    wrote. `key` is the platform's own id of the message (Slack's ts, Teams' activity id). `note` names the
    sentence that the platform itself says, as a key of strings.toml.
    """

    pane: Pane
    author: Author
    persona: Persona | None
    place: Place
    key: str
    text: str = ""
    content: Payload = field(default_factory=dict)
    size: int = 0
    private: bool = False
    edits: int = 0
    note: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(6))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response, secrets taken out. `inward`: from the platform to Steady."""

    at: float
    pane: Pane
    inward: bool
    method: str
    path: str
    status: int
    milliseconds: float
    sent: int
    received: int
    headers: tuple[tuple[str, str], ...]


@dataclass(slots=True, eq=False)
class Modal:
    """A form of Slack's over everything else; `view` is None once it is closed.

    `typed` is what was last sent with it and `errors` what is wrong with that, each by the block's id; `note` is what
    Slack itself says, as a key of strings.toml.
    """

    persona: Persona
    view: Payload | None
    typed: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    note: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(6))


#: "desk": something changed in the channel's schedules, the ledger, the clock or the failures.
Change = Post | Exchange | Modal | Literal["reset", "bye", "desk"]
#: Changes of the desk that come as close together as so many seconds are told once.
_TOGETHER = 0.15


class Room:
    """The conversations of all personas, and who is watching."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.posts: deque[Post] = deque(maxlen=POSTS_KEPT)
        self.exchanges: deque[Exchange] = deque(maxlen=EXCHANGES_KEPT)
        self._watchers: set[asyncio.Queue[Change]] = set()
        self._last = 0
        self._desk_told: asyncio.TimerHandle | None = None

    def key(self) -> str:
        """Return a new message id in the shape of Slack's: seconds and a counter, never twice the same."""
        self._last += 1
        return f"{int(self.clock())}.{self._last:06d}"

    def add(self, post: Post) -> Post:
        """Keep a message and show it."""
        self.posts.append(post)
        self._tell(post)
        return post

    def edit(self, post: Post, content: Payload, size: int) -> None:
        """Put other content in the place of a message's."""
        post.content, post.size, post.edits = content, size, post.edits + 1
        self._tell(post)

    def find(self, pane: Pane, *, key: str = "", post_id: str = "") -> Post | None:
        """Return the message with the platform's `key` or our own `post_id`, if it is still kept."""
        return next((p for p in self.posts if p.pane == pane and (p.id == post_id or (key and p.key == key))), None)

    def log(self, exchange: Exchange) -> None:
        """Keep a line of the wire log and show it."""
        self.exchanges.append(exchange)
        self._tell(exchange)

    def show(self, modal: Modal) -> None:
        """Show a modal, or take it away. It is not kept: like Slack's, it is gone when the page is loaded again."""
        self._tell(modal)

    def desk_changed(self) -> None:
        """Show the schedules, the ledger, the clock and the failures anew, in a moment."""
        if self._desk_told is None:
            self._desk_told = asyncio.get_running_loop().call_later(_TOGETHER, self._tell_of_desk)

    def _tell_of_desk(self) -> None:
        self._desk_told = None
        self._tell("desk")

    def reset(self) -> None:
        """Forget everything."""
        self.posts.clear()
        self.exchanges.clear()
        self._tell("reset")

    def close(self) -> None:
        """Tell everybody who watches that the program stops."""
        if self._desk_told:
            self._desk_told.cancel()
        self._tell("bye")

    @contextmanager
    def watch(self) -> Iterator["asyncio.Queue[Change]"]:
        """Yield the queue of changes from now on; "bye" is the last one."""
        queue: asyncio.Queue[Change] = asyncio.Queue(CHANGES_WAITING + 1)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    def _tell(self, change: Change) -> None:
        for queue in list(self._watchers):
            if queue.qsize() >= CHANGES_WAITING:
                self._watchers.discard(queue)
                queue.put_nowait("bye")
            else:
                queue.put_nowait(change)


class Choices:
    """The languages that the personas chose, in memory: the playground leaves no trace in the real store."""

    def __init__(self) -> None:
        self._picked: dict[str, Language] = {}
        self._chosen: dict[str, Language] = {}
        self._quiet: dict[str, date] = {}

    def pick(self, persona: Persona, language: Language) -> None:
        """Note the language picked on the page; what was chosen in the chat since holds until another is picked."""
        if self._picked.get(persona.key) != language:
            self._picked[persona.key] = self._chosen[persona.key] = language

    def clear(self) -> None:
        """Forget every choice."""
        self._picked.clear()
        self._chosen.clear()
        self._quiet.clear()

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a persona chose; both platforms' ids of them will do."""
        return self._chosen.get(_whose(person))

    async def set_language(self, workspace: str, person: str, language: Language) -> None:
        """Remember the language that a persona chose in the chat."""
        self._chosen[_whose(person)] = language

    async def quiet_until(self, workspace: str, person: str) -> date | None:
        """Return the first day on which a persona wants personal messages again."""
        return self._quiet.get(_whose(person))

    async def set_quiet_until(self, workspace: str, person: str, day: date | None) -> None:
        """Mute personal messages until a day; None undoes it."""
        if day is None:
            self._quiet.pop(_whose(person), None)
        else:
            self._quiet[_whose(person)] = day

    async def forget(self, workspace: str, person: str) -> None:
        """Forget all that a persona chose in the chat."""
        self._chosen.pop(_whose(person), None)
        self._quiet.pop(_whose(person), None)


def _whose(person: str) -> str:
    ids = ((p.key, (p.slack_user, p.teams_user, p.teams_aad)) for p in PERSONAS.values())
    return next((key for key, known in ids if any(one in person for one in known)), "")
