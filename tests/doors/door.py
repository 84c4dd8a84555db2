"""What can be done at either platform's door, and who does it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.delivering import Delivering
from adapters.leading import Leading
from adapters.slack import SlackAdapter
from adapters.teams import TeamsAdapter
from chatbot.delivery.model import Limits
from chatbot.roles import Actor
from tests.fake_team import START
from tests.far_records import Record

Json = dict[str, Any]
FAST = Limits(1000, 1000, 1000)
#: What is said in the first three channels, and by which of Teams' clients: they speak English, German and Georgian.
SPOKEN = (("calm", "en-US"), ("ich bin so gestresst", "de-DE"), ("დამამშვიდე", "ka-GE"))


@dataclass(frozen=True)
class Person:
    """Somebody who works with one of the two; `elsewhere`: in another workspace or tenant."""

    name: str
    number: int
    elsewhere: bool = False

    @property
    def in_slack(self) -> str:
        """Return their id in Slack."""
        return f"U0AGENT{self.number:02}"

    @property
    def in_teams(self) -> str:
        """Return their id in Entra, by which Teams knows them."""
        return f"{self.number:08}-0000-4000-8000-00000000000a"


LENA, ANN, BEN, LARS = Person("Lena", 1), Person("Ann", 2), Person("Ben", 3), Person("Lars", 4, elsewhere=True)


@dataclass
class Shown:
    """What somebody sees: all of it as text, the buttons by what they mean, and a form as its platform draws it.

    `typed` has what differs in a form that stays open from how it was drawn.
    """

    text: str
    buttons: dict[str, Json] = field(default_factory=dict)
    form: Json = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)

    def button(self, beginning: str) -> str:
        """Return what the button means whose meaning begins so."""
        return next(command for command in self.buttons if command.startswith(beginning))


class Door(ABC):
    """The door of one platform. Lena is admin of `workspace`, Lars of the one `elsewhere`; both may do all that leads do.

    In `rooms` people speak with Steady. `record` is what the far end shows in them; `now` moves by hand alone. What is
    behind the adapter, `delivering` and `leading`, is set by whoever opens the door.
    """

    workspace: str
    elsewhere: str
    rooms: tuple[str, ...]
    delivering: Delivering
    leading: Leading

    def __init__(self, adapter: SlackAdapter | TeamsAdapter, record: Record) -> None:
        self.adapter = adapter
        self.record = record
        self.now = START
        self._requests = 0

    @abstractmethod
    async def type(self, text: str, who: Person = LENA) -> Shown:
        """Type a command where nobody else reads it."""

    @abstractmethod
    async def press(self, shown: Shown, command: str, who: Person = LENA) -> Shown:
        """Press a button; if there is none with this meaning, press a forged one."""

    @abstractmethod
    async def press_pushed(self, room: str, command: str, who: Person) -> Shown:
        """Press a button of the latest message that was pushed to a room, or a forged one on it."""

    @abstractmethod
    async def fill(self, shown: Shown, who: Person = LENA, **values: str) -> Shown:
        """Send a form with what stands in it, and `values` over that; several choices are joined with commas."""

    @abstractmethod
    async def forge(self, command: str, who: Person, **values: str) -> Shown:
        """Send a form that was never shown."""

    @abstractmethod
    async def say(self, room: str, text: str, locale: str = "en-US") -> None:
        """Let Ben mention Steady in a channel."""

    @abstractmethod
    def refuse(self, room: str, *, change: bool = False) -> None:
        """Let a channel refuse the next message, as the platform does where Steady was put out, or the next change."""

    def actor(self, who: Person = LENA) -> Actor:
        """Return who somebody is to the core."""
        return Actor(self.elsewhere if who.elsewhere else self.workspace, self._id(who), who.name)

    @abstractmethod
    def _id(self, who: Person) -> str: ...

    def _team(self, who: Person) -> str:
        """Return the platform's own id of somebody's workspace or tenant."""
        return self.actor(who).workspace.partition(":")[2]

    def _serial(self) -> int:
        """Return a number that no other request has."""
        self._requests += 1
        return self._requests

    async def known(self) -> None:
        """Say something in the first four rooms, by which Steady knows them; the fourth speaks English, as the first."""
        for room, (text, locale) in zip(self.rooms, (*SPOKEN, SPOKEN[0]), strict=False):
            await self.say(room, text, locale)
        await self.delivering.rooms_seen.written()

    async def run(self, later: timedelta = timedelta(seconds=5)) -> None:
        """Move the clock, and send what is due, however much it is: the platforms' limits are lifted."""
        self.adapter.delivery.limits = FAST
        for _ in range(2):
            self.now += later / 2
            await self.delivering.pushes.tick()
            await self.delivering.lanes.run(self.workspace)

    async def begin(self, **values: str) -> str:
        """Push a text to the first three rooms; return the push's number. Nothing is sent yet."""
        told = {"title": "New refund rule", "text": "Up to 50 at once.", "to": self.three(), **values}
        asked = await self.fill(await self.type("push"), LENA, **told)
        send = asked.button("push send")
        await self.press(asked, send)
        return send.split()[-1]

    def three(self) -> str:
        """Return the first three rooms as a form names them."""
        return ",".join(f"room:{room}" for room in self.rooms[:3])


def at(hour: int, day: int = START.day) -> datetime:
    """Return an hour of a day in November 2026, in UTC."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)
