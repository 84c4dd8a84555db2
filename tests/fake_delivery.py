"""What the tests of delivery share: a ledger in memory, a platform with a record, and an event loop without waiting."""

import asyncio
import selectors
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from chatbot.delivery.lanes import Lanes
from chatbot.delivery.model import Absent, Delivery, Draft, Failed, Limits, Look, Outcome, Reason, Result, Sent
from chatbot.model import Language, Lead, Reply, plain_text
from chatbot.model import Outcome as Understood

T = TypeVar("T")
START = 1_800_000_000.0
REPLY = Reply((Lead("Say back what you heard."),), Language.EN, Understood("topic", "listen"))


def draft(key: str, target: str = "C1", lane: str = "fake:w", due: float = START, **changes: Any) -> Draft:
    values = {"source": "tips:1", "kind": "tips.tip", "content": "{}", "expires": due + 7200, **changes}
    return Draft(key=key, lane=lane, target=target, due=due, **values)


class MemoryLedger:
    """The contract of a ledger in thirty lines, held to by the same tests as the real one."""

    def __init__(self) -> None:
        self.rows: dict[int, Delivery] = {}

    def write(self, drafts: Iterable[Draft], now: float = START) -> None:
        known = {row.key for row in self.rows.values()}
        for each in drafts:
            if each.key not in known:
                number = len(self.rows) + 1
                fields = {name: getattr(each, name) for name in Draft.__dataclass_fields__}
                self.rows[number] = Delivery(**fields, id=number, since=now)

    async def due(self, lane: str, state: Literal["pending", "unknown"], now: float, limit: int) -> Sequence[Delivery]:
        found = [r for r in self.rows.values() if r.lane == lane and r.state == state and _due(r) <= now]
        return sorted(found, key=lambda row: (row.due, row.id))[:limit]

    async def next_due(self, lane: str) -> float | None:
        return dict(await self.lanes()).get(lane)

    async def abandon(self, lane: str, look_at: float) -> int:
        mine = [row for row in self.rows.values() if row.lane == lane and row.state == "sending"]
        for row in mine:
            self._set(row, state="unknown", reason="crashed", due=look_at)
        return len(mine)

    async def intend(self, ids: Sequence[int], now: float) -> dict[int, int]:
        got = [self.rows[number] for number in ids if self.rows[number].state == "pending"]
        for row in got:
            self._set(row, state="sending", attempt=row.attempt + 1, since=now, due=None)
        return {row.id: row.attempt + 1 for row in got}

    async def settle(self, results: Sequence[Result], now: float) -> None:
        self._write(results, "sending", now)

    async def looked(self, results: Sequence[Result], now: float) -> None:
        self._write(results, "unknown", now)

    async def stop_target(self, lane: str, target: str | None, reason: Reason, now: float) -> int:
        mine = [r for r in self.rows.values() if r.lane == lane and r.state == "pending" and target in (None, r.target)]
        for row in mine:
            self._set(row, state="failed", reason=reason, since=now, due=None)
        return len(mine)

    async def lanes(self) -> Sequence[tuple[str, float]]:
        found: dict[str, float] = {}
        for row in self.rows.values():
            if row.state == "sending" or _due(row) < float("inf"):
                moment = 0.0 if row.state == "sending" else _due(row)
                found[row.lane] = min(moment, found.get(row.lane, moment))
        return list(found.items())

    async def find(self, key: str) -> Delivery | None:
        return next((row for row in self.rows.values() if row.key == key), None)

    def _write(self, results: Sequence[Result], state: str, now: float) -> None:
        for result in results:
            row = self.rows[result.id]
            if result.state == "sent" and row.state != "sent":
                self._set(row, state="sent", due=None, reason="", reference=result.reference, since=now)
            elif result.state != "sent" and row.state == state and row.attempt == result.attempt:
                since = row.since if result.state == "unknown" else now
                self._set(
                    row,
                    state=result.state,
                    due=result.due,
                    reason=result.reason,
                    reference=result.reference,
                    since=since,
                )

    def _set(self, row: Delivery, **changes: Any) -> None:
        self.rows[row.id] = replace(row, **changes)


def _due(row: Delivery) -> float:
    return float("inf") if row.due is None else row.due


@dataclass
class FakePlatform:
    """Takes messages and remembers them; `outcomes` are what it says instead, by key or to whoever comes, in order.

    While there is a `hold` nothing is answered until it is set.
    """

    limits: Limits = field(default_factory=lambda: Limits(1.0, 5.0, 10.0))
    clock: Callable[[], float] = time.time
    seconds: float = 0.0
    hold: asyncio.Event | None = None
    outcomes: dict[str, deque[Outcome | Exception]] = field(default_factory=dict)
    looks: dict[str, deque[Look]] = field(default_factory=dict)
    swallowed: set[str] = field(default_factory=set)  # an outcome other than Sent, though it arrived
    posts: list[tuple[float, str, str]] = field(default_factory=list)
    looked: list[tuple[float, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    arrived: Counter[str] = field(default_factory=Counter)
    shown: dict[str, str] = field(default_factory=dict)  # what stands in each message, by its reference

    def says(self, key: str, *outcomes: Outcome | Exception) -> None:
        self.outcomes[key] = deque(outcomes)

    async def send(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Take a message; a second one under the same key counts as arrived twice."""
        return await self._write(delivery, reply, f"ts-{delivery.key}")

    async def amend(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Change a message that is there."""
        if delivery.reference not in self.shown:
            return Failed("deleted")
        return await self._write(delivery, reply, delivery.reference)

    async def _write(self, delivery: Delivery, reply: Reply, reference: str) -> Outcome:
        self.posts.append((self.clock(), delivery.target, delivery.key))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            if self.hold:
                await self.hold.wait()
        finally:
            self.at_once -= 1
        waiting = self.outcomes.get(delivery.key)
        outcome = waiting.popleft() if waiting else Sent(reference)
        if isinstance(outcome, Sent) or delivery.key in self.swallowed:
            self.arrived[delivery.key] += 1
            self.shown[reference] = plain_text(reply)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def look(self, delivery: Delivery) -> Look:
        self.looked.append((self.clock(), delivery.key))
        if self.looks.get(delivery.key):
            return self.looks[delivery.key].popleft()
        return Sent(f"ts-{delivery.key}") if self.arrived[delivery.key] else Absent()


@dataclass
class Bench:
    """Lanes over a ledger in memory and a fake platform."""

    ledger: MemoryLedger
    platform: FakePlatform
    clock: Callable[[], float]
    gone: list[tuple[str, str | None, Reason]] = field(default_factory=list)
    uncomposed: set[str] = field(default_factory=set)

    def lanes(self) -> Lanes:
        async def compose(row: Delivery) -> Reply | None:
            return None if row.key in self.uncomposed else REPLY

        async def gone(lane: str, target: str | None, reason: Reason) -> None:
            self.gone.append((lane, target, reason))

        return Lanes(self.ledger, {"fake": self.platform}, compose, gone, self.clock)

    async def drain(self, lane: str = "fake:w") -> None:
        """Run a lane as an engine does, until nothing is left to do in it."""
        lanes = self.lanes()
        while (due := await lanes.run(lane)) is not None:  # noqa: ASYNC110
            await asyncio.sleep(max(0.0, due - self.clock()))

    def states(self) -> dict[str, str]:
        return {row.key: row.state for row in self.ledger.rows.values()}


def bench(**limits: float) -> Bench:
    """Make a bench by the loop's own clock: time passes only while everybody waits."""
    loop = asyncio.get_running_loop()

    def clock() -> float:
        return START + loop.time()

    wanted = Limits(limits.get("per_target", 1.0), limits.get("per_lane", 5.0), limits.get("looks", 10.0))
    return Bench(MemoryLedger(), FakePlatform(wanted, clock), clock)


class _Leaps(selectors.SelectSelector):
    """Instead of waiting for a timer, moves the clock to it."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: a deadlock")
        self.now += timeout
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaps = _Leaps()
        super().__init__(self._leaps)

    def time(self) -> float:
        return self._leaps.now


def timeless(work: Coroutine[Any, Any, T]) -> T:
    """Run something that waits a lot, at once: hours pass in milliseconds, and always in the same way."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
