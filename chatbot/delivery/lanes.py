"""A lane sends the rows of one workspace, in order and at the platform's pace.

Intent before sending: a row is taken in a committed change, and who does not get it does not send. Results count only
from the latest intent. What left without an answer is not sent again but looked for, on the side.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from chatbot.coach import log_incident
from chatbot.delivery.model import (
    Absent,
    CantTell,
    Compose,
    Delivery,
    Failed,
    Gone,
    Later,
    Ledger,
    Result,
    Sender,
    Sent,
    Unknown,
)
from chatbot.delivery.pace import Pace

log = logging.getLogger("steady.delivery")

A = TypeVar("A")
B = TypeVar("B")

#: Requests under way at the same time, in all lanes of the process.
IN_FLIGHT = 64
#: Rows that a lane reads at once.
BATCH = 128
#: Seconds of sending for which rows are taken at once.
AHEAD = 0.5
#: A row taken longer ago than this many seconds is put back instead of sent: somebody else may look for it by now.
LEASE = 5.0
#: Seconds after which looking for a row counts: what a process that died had sent has arrived by then.
SETTLED = 6.0
#: Seconds to wait before a first look where the process lives and its request is over.
SOON = 1.0
#: The longest wait between two tries, in seconds.
LONGEST_WAIT = 60.0


class Lanes:
    """The lanes that this process may run. The clock returns seconds since 1970."""

    def __init__(
        self,
        ledger: Ledger,
        senders: Mapping[str, Sender],
        compose: Compose,
        gone: Gone,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger = ledger
        self.senders = senders
        self.compose = compose
        self.gone = gone
        self.clock = clock
        self.gate = asyncio.Semaphore(IN_FLIGHT)
        #: Set when the program ends: what is under way is finished, and nothing more is begun.
        self.stopping = False
        # Kept while the process lives: a lane that is run again must not forget what it has just sent.
        self._paces: dict[str, Pace] = {}
        self.intend = _Gathered(self._intend)
        self.settle = _Gathered(self._settle)

    async def run(self, lane: str) -> float | None:
        """Send what is due in a lane, and return when it must be run again; None if nothing is left.

        Rows of a platform that is not configured any more stay as they are.
        """
        sender = self.senders.get(lane) or self.senders.get(lane.partition(":")[0])
        if sender is None:
            return None
        pace = self._paces.setdefault(lane, Pace(sender.limits))
        return await _Lane(self, lane, sender, pace).run()

    async def _intend(self, ids: Sequence[int]) -> Sequence[int | None]:
        got = await self.ledger.intend(ids, self.clock())
        return [got.get(row) for row in ids]

    async def _settle(self, results: Sequence[Result]) -> Sequence[None]:
        await self.ledger.settle(results, self.clock())
        return [None] * len(results)


class _Gathered(Generic[A, B]):
    """Makes one call of many that come while an earlier one is under way."""

    def __init__(self, call: Callable[[Sequence[A]], Awaitable[Sequence[B]]], most: int = 256) -> None:
        self._call = call
        self._most = most
        self._waiting: deque[tuple[A, asyncio.Future[B]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, values: Sequence[A]) -> list[B]:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[B]] = [loop.create_future() for _ in values]
        self._waiting.extend(zip(values, futures, strict=True))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return list(await asyncio.gather(*futures))

    async def _work(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            try:
                answers = await self._call([value for value, _ in group])
            except Exception as error:  # each of those who asked must hear of it
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), answer in zip(group, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)


class _Lane:
    """One run of one lane."""

    def __init__(self, lanes: Lanes, name: str, sender: Sender, pace: Pace) -> None:
        self._lanes = lanes
        self._name = name
        self._sender = sender
        self._pace = pace
        self._clock = lanes.clock
        self._busy: set[str] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._over = False  # the workspace takes nothing any more

    @property
    def _ends(self) -> bool:
        return self._over or self._lanes.stopping

    async def run(self) -> float | None:
        ledger = self._lanes.ledger
        now = self._clock()
        lost = await ledger.abandon(self._name, now, now + SETTLED)
        if lost:
            log.warning("%d message(s) were under way when a process ended; looking for them", lost)
        try:
            while not self._ends:
                if self._looking is None or self._looking.done():
                    unknown = await ledger.due(self._name, "unknown", self._clock(), BATCH)
                    if unknown:
                        self._looking = asyncio.create_task(self._look_for(unknown))
                rows = await ledger.due(self._name, "pending", self._clock(), BATCH)
                if rows:
                    await self._send_all(deque(rows))
                elif self._under_way:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                elif self._looking and not self._looking.done():
                    await asyncio.wait([self._looking], timeout=1.0)  # meanwhile something may become due
                else:
                    break
            if self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            left = [*self._under_way, *([self._looking] if self._looking else [])]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        return await ledger.next_due(self._name)

    async def _send_all(self, rows: deque[Delivery]) -> None:
        """Send rows that were pending; when this returns the last of them may still be under way."""
        while rows and not self._ends:
            taken = self._take(rows)
            if not taken:
                await self._wait(rows)
                continue
            attempts = await self._lanes.intend([row.id for row, _ in taken])
            for (row, moment), attempt in zip(taken, attempts, strict=True):
                if attempt is None:  # cancelled meanwhile, or another process has it
                    self._busy.discard(row.target)
                    continue
                task = asyncio.create_task(self._send(row, attempt, moment, self._clock()))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            await asyncio.sleep(0)

    def _take(self, rows: deque[Delivery]) -> list[tuple[Delivery, float]]:
        """Take from `rows` those that may go within the next moment, each with when; one at a time for a target."""
        now = self._clock()
        taken: list[tuple[Delivery, float]] = []
        kept: list[Delivery] = []
        while rows:
            row = rows.popleft()
            moment = self._pace.moment(row.target, now)
            if row.target in self._busy or moment > now + AHEAD:
                kept.append(row)
                if self._pace.lane_moment(now) > now + AHEAD:
                    break
                continue
            self._pace.book(row.target, moment)
            self._busy.add(row.target)
            taken.append((row, moment))
        rows.extendleft(reversed(kept))
        return taken

    async def _wait(self, rows: deque[Delivery]) -> None:
        """Wait until something of `rows` may be taken, or something under way is done."""
        now = self._clock()
        free = [self._pace.moment(row.target, now) for row in rows if row.target not in self._busy]
        pause = max(0.01, min(free) - AHEAD - now) if free else LONGEST_WAIT
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(pause)

    async def _send(self, row: Delivery, attempt: int, moment: float, taken: float) -> None:
        try:
            result = await self._sent(row, attempt, moment, taken)
        except Exception as error:  # ours or the adapter's: whether the request had left can't be known
            log_incident(error)
            result = Result(row.id, attempt, "unknown", self._clock() + SETTLED, "no_answer")
        finally:
            self._busy.discard(row.target)
        try:
            await self._lanes.settle([result])
        except Exception as error:  # the row stays `sending`; whoever runs the lane next looks for it
            log_incident(error)

    async def _sent(self, row: Delivery, attempt: int, moment: float, taken: float) -> Result:
        """Send a row and return what to write down."""
        clock = self._clock
        if row.expires < clock():
            return Result(row.id, attempt, "skipped", reason="late")
        reply = await self._lanes.compose(row)
        if reply is None:
            return Result(row.id, attempt, "failed", reason="not_composed")
        await asyncio.sleep(max(0.0, moment - clock()))
        async with self._lanes.gate:
            # Between the intent and this line the platform may have told the lane to hold, or this process was frozen.
            if self._ends or clock() > taken + LEASE or self._pace.held_until > clock():
                return Result(row.id, attempt, "pending", max(clock(), self._pace.held_until))
            outcome = await self._sender.send(row, reply)
        now = clock()
        match outcome:
            case Sent(reference):
                self._pace.accepted()
                return Result(row.id, attempt, "sent", reference=reference)
            case Later(seconds, everywhere):
                wait = self._pace.refused(row.target, seconds, everywhere, now)
                return Result(row.id, attempt, "pending", now + wait)
            case Failed(reason, gone):
                if gone:
                    await self._stop(row, gone == "lane", reason)
                return Result(row.id, attempt, "failed", reason=reason)
            case Unknown(reason):
                return Result(row.id, attempt, "unknown", now + _backoff(SOON, attempt), reason)

    async def _stop(self, row: Delivery, whole: bool, reason: str) -> None:
        self._over = self._over or whole
        target = None if whole else row.target
        log.warning("a %s of %s takes no messages any more: %s", "lane" if whole else "target", self._name, reason)
        await self._lanes.ledger.stop_target(self._name, target, reason, self._clock())  # type: ignore[arg-type]
        await self._lanes.gone(self._name, target, reason)  # type: ignore[arg-type]

    async def _look_for(self, rows: Sequence[Delivery]) -> None:
        """Find out whether messages of unknown outcome arrived; one at a time, for looking is rationed."""
        for row in rows:
            await asyncio.sleep(max(0.0, self._pace.book_look(self._clock()) - self._clock()))
            try:
                async with self._lanes.gate:
                    found = await self._sender.look(row)
            except Exception as error:  # it stays unknown, and somebody looks again
                log_incident(error)
                found = Later(LONGEST_WAIT)
            now = self._clock()
            match found:
                case Sent(reference):
                    result = Result(row.id, row.attempt, "sent", reference=reference)
                case Absent():
                    result = Result(row.id, row.attempt, "pending", now)
                case CantTell():
                    result = Result(row.id, row.attempt, "unknown", None, "cant_tell")
                case Later(seconds):
                    wait = _backoff(SOON, row.attempt + 1) if seconds is None else seconds
                    result = Result(row.id, row.attempt, "unknown", now + wait, row.reason)
            await self._lanes.ledger.looked([result], now)


def _backoff(first: float, attempt: int) -> float:
    """Return a wait that doubles with each attempt, spread so that many do not come back together."""
    return float(min(LONGEST_WAIT, first * 2 ** min(attempt - 1, 10)) * random.uniform(0.8, 1.2))  # noqa: S311
