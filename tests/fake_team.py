"""What the tests of tips and of pushes share: a team with a moved clock, and a platform that keeps what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from adapters.delivering import Delivering
from chatbot.coach import Coach
from chatbot.delivery.lanes import Lanes
from chatbot.delivery.model import Absent, Delivery, Limits, Look, Outcome, Sent
from chatbot.model import Message, Reply, plain_text
from chatbot.push_groups import Group
from chatbot.rooms import Standing
from chatbot.store.database import Database

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)  # a Friday
HERE = "test:T1"


class Platform:
    """A platform that keeps what stands in each conversation, and says of everybody that they are `who`.

    It answers with what is planned: in `answers` by target, or "amend" and the target, in order; else `answer` for
    each message, if there is one. While there is a `hold` nothing is answered until it is set. Of its groups,
    `members_of` has who is in one, or why it does not tell.
    """

    limits = Limits(per_target=1000, per_lane=1000, looks=1000)

    def __init__(self) -> None:
        self.sent: list[tuple[Delivery, Reply]] = []
        self.amended: list[tuple[Delivery, Reply]] = []
        self.shown: dict[str, str] = {}
        self.who: Standing = "member"
        self.answer: Outcome | None = None
        self.answers: dict[str, list[Outcome]] = {}
        self.looks: Look = Absent()
        self.hold: asyncio.Event | None = None
        self.groups_here: list[Group] = []
        self.members_of: dict[str, set[str] | Exception] = {}

    async def send(self, delivery: Delivery, reply: Reply) -> Outcome:
        if self.hold:
            await self.hold.wait()
        planned = self.answers.get(delivery.target)
        if planned:
            return planned.pop(0)
        if self.answer:
            return self.answer
        self.sent.append((delivery, reply))
        reference = f"{delivery.target}:{len(self.sent)}"
        self.shown[reference] = plain_text(reply)
        return Sent(reference)

    async def look(self, delivery: Delivery) -> Look:
        return self.looks

    async def amend(self, delivery: Delivery, reply: Reply) -> Outcome:
        planned = self.answers.get(f"amend {delivery.target}")
        if planned:
            return planned.pop(0)
        assert delivery.reference in self.shown
        self.amended.append((delivery, reply))
        self.shown[delivery.reference] = plain_text(reply)
        return Sent(delivery.reference)

    async def standing(self, message: Message) -> Standing:
        return self.who

    async def name_of(self, message: Message) -> str:
        return message.name

    async def groups(self, workspace: str, addresses: Collection[str]) -> list[Group]:
        return self.groups_here

    async def members(self, workspace: str, group: str) -> Collection[str]:
        told = self.members_of[group]
        if isinstance(told, Exception):
            raise told
        return told

    @property
    def reached(self) -> list[str]:
        return [delivery.target for delivery, _ in self.sent]


class ByHand:
    """An engine that runs nothing: the tests say when."""

    def __init__(self, lanes: Lanes) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def enlist(self, connection: Any, lanes: Collection[str]) -> None: ...

    def wake(self, lanes: Collection[str]) -> None: ...


class Team:
    """A workspace on a platform, with its delivery by hand and a clock that is moved."""

    def __init__(self, coach: Coach, database: Database) -> None:
        self.coach = coach
        self.database = database
        self.platform = Platform()
        self.now = START
        here = {HERE.partition(":")[0]: self.platform}
        late = timedelta(hours=2)
        self.delivering = Delivering(
            database, coach, here, here, late, lambda: self.now.timestamp(), engine=ByHand, groups=here
        )

    @classmethod
    @asynccontextmanager
    async def on(cls, coach: Coach, url: str) -> AsyncIterator[Self]:
        """Run a team on a new database."""
        database = Database(url)
        await database.start()
        team = cls(coach, database)
        try:
            yield team
        finally:
            await team.delivering.stop()
            await database.stop()
