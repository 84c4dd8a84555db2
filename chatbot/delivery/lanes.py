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
from functools import partial
from typing import Generic, TypeVar

from chatbot.delivery.model import (
    Absent,
    CantTell,
    Compose,
    Delivery,
    Failed,
    Gone,
    Later,
    Ledger,
    Look,
    Outcome,
    Reason,
    Result,
    Sender,
    Sent,
    Skip,
    Unknown,
    amends,
)
from chatbot.delivery.pace import Pace
from chatbot.incidents import log_incident
from chatbot.model import by_platform

log = logging.getLogger("steady.delivery")

A = TypeVar("A")
B = TypeVar("B")

#: Lanes that a process runs at the same time; the others wait for their turn.
LANES_AT_ONCE = 1_000
#: Requests under way at the same time, in all lanes of the process.
IN_FLIGHT = 64
#: Rows taken for sending at the same time, in all lanes: more would only wait, and be put back for having waited.
IN_HAND = 4 * IN_FLIGHT
#: Rows that a lane reads at once.
BATCH = 128
#: Seconds of sending for which rows are taken at once.
AHEAD = 0.3
#: A row taken longer ago than this many seconds is put back instead of sent: somebody else may look for it by now.
LEASE = 4.0
#: A request without an answer is given up after this many seconds.
LONGEST_SEND = 9.0
#: Seconds after which looking for a row counts where a process died, or the platform is slow. Who takes over from a
#: process that may still live waits for replicas.DEAD_AFTER too: in all more than LEASE and what a Sender has.
SETTLED = 5.0
#: The same where the platform hung up, or broke down, at once.
SOON = 1.5
#: The longest wait between two tries, in seconds.
LONGEST_WAIT = 60.0
#: A running lane looks this often, in seconds, for rows that it did not itself make unknown.
_LOOK_ROUND = 10.0
#: Seconds to wait before results that could not be written are written again. A minute in all.
_WRITE_AGAIN = (0.2, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: While a lane waits, it looks up once a second: it may have to stop, and a clock may have been moved.
_GLANCE = 1.0


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
        self.hand = asyncio.Semaphore(IN_HAND)
        #: Set when the program ends: what is under way is finished, and nothing more is begun.
        self.stopping = False
        # Kept while the process lives: a lane that is run again must not forget what it has just sent.
        self._paces: dict[str, Pace] = {}
        self.intend = _Gathered(self._intend)
        self.settle = _Gathered(self._settle)

    def sender(self, lane: str) -> Sender | None:
        """Return who sends for a lane; None if its platform is not configured any more."""
        return by_platform(self.senders, lane)

    async def run(self, lane: str) -> float | None:
        """Send what is due in a lane, and return when it must be run again; None if nothing is left.

        Rows of a platform that is not configured any more stay as they are.
        """
        sender = self.sender(lane)
        if sender is None:
            return None
        pace = self._paces.setdefault(lane, Pace(sender.limits))
        return await _Lane(self, lane, sender, pace).run()

    async def _intend(self, ids: Sequence[int]) -> Sequence[int | None]:
        got = await self.ledger.intend(ids, self.clock())
        return [got.get(row) for row in ids]

    async def _settle(self, results: Sequence[Result]) -> Sequence[None]:
        """Write results, for a minute if need be: to know what was sent saves looking for it."""
        for pause in (*_WRITE_AGAIN, None):
            try:
                await self.ledger.settle(results, self.clock())
            except Exception as error:
                if pause is None or self.stopping:
                    raise
                log.warning("results can't be written (%s); trying again in %g s", type(error).__name__, pause)
                await asyncio.sleep(pause)
            else:
                break
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
        self._ledger = lanes.ledger
        self._name = name
        self._sender = sender
        self._pace = pace
        self._clock = lanes.clock
        # What is to be sent, a queue for each target; and a target's row that is being sent, until that is written.
        self._waiting: dict[str, deque[Delivery]] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._look_at = 0.0  # when there may be something to look for
        self._over = False  # the workspace takes nothing any more

    @property
    def _ends(self) -> bool:
        return self._over or self._lanes.stopping

    async def run(self) -> float | None:
        now = self._clock()
        lost = await self._ledger.abandon(self._name, now + SETTLED)
        if lost:
            self._look_at = now + SETTLED
            log.warning("%d message(s) were under way when a process ended; looking for them", lost)
        try:
            while not self._ends:
                self._look_on()
                if not self._waiting:
                    await self._read()
                if await self._take():
                    await asyncio.sleep(0)
                elif self._waiting or self._under_way or self._looking:
                    await self._wait()
                else:
                    break
        except asyncio.CancelledError:
            for task in self._under_way.values():
                task.cancel()
            raise
        finally:
            # Requests that have left are waited for even if the database went away: their results are worth knowing.
            if self._looking:
                self._looking.cancel()
            await asyncio.gather(*self._under_way.values(), *filter(None, [self._looking]), return_exceptions=True)
        return await self._ledger.next_due(self._name)

    async def _read(self) -> None:
        for row in await self._ledger.due(self._name, "pending", self._clock(), BATCH):
            self._waiting.setdefault(row.target, deque()).append(row)

    def _put_back(self, row: Delivery) -> None:
        """Make a row the next one, though it may be read a second time: whoever takes it then does not get it."""
        queue = self._waiting.pop(row.target, deque())
        queue.appendleft(row)
        self._waiting = {row.target: queue, **self._waiting}

    def _moment(self, target: str, now: float) -> float | None:
        """Return when a target's next row may go; None if that is not within the next moment."""
        if target in self._under_way:
            return None
        if self._is_late(target, now):  # then it only has to be written down
            return now
        moment = self._pace.moment(target, now)
        return moment if moment <= now + AHEAD else None

    def _is_late(self, target: str, now: float) -> bool:
        return self._waiting[target][0].expires < now

    async def _take(self) -> int:
        """Begin to send what may go within the next moment, one row at a time for a target; return how many."""
        hand = self._lanes.hand
        now = self._clock()
        if all(self._moment(target, now) is None for target in self._waiting):
            return 0
        await hand.acquire()  # where many lanes have much to send they take turns here
        now = self._clock()
        chosen: list[tuple[Delivery, float]] = []
        for target in list(self._waiting):
            moment = self._moment(target, now)
            if moment is None:
                continue
            if chosen:
                if hand.locked():
                    break
                await hand.acquire()
            if not self._is_late(target, now):
                self._pace.book(target, moment)
            queue = self._waiting.pop(target)
            chosen.append((queue.popleft(), moment))
            if queue:  # last in the round: a few long queues must not be what remains in the end
                self._waiting[target] = queue
        try:
            # `now` was read before the intent: a process that is frozen from here on must not send when it wakes.
            attempts = await self._lanes.intend([row.id for row, _ in chosen]) if chosen else []
        except BaseException:
            self._let_go(len(chosen))
            raise
        if not chosen:
            self._let_go(1)
        for (row, moment), attempt in zip(chosen, attempts, strict=True):
            if attempt is None:  # it was cancelled meanwhile, or another process has it
                self._let_go(1)
                continue
            task = asyncio.create_task(self._deliver(row, attempt, moment, now))
            self._under_way[row.target] = task
            task.add_done_callback(partial(self._delivered, row.target))
        return len(chosen)

    def _delivered(self, target: str, _: object) -> None:
        del self._under_way[target]
        self._let_go(1)

    def _let_go(self, number: int) -> None:
        for _ in range(number):
            self._lanes.hand.release()

    async def _wait(self) -> None:
        """Wait until something may be taken, or something under way is done."""
        now = self._clock()
        free = [self._pace.moment(target, now) for target in self._waiting if target not in self._under_way]
        pause = min(_GLANCE, max(0.01, min(free) - AHEAD - now)) if free else _GLANCE
        tasks = [*self._under_way.values(), *filter(None, [self._looking])]
        if tasks:
            await asyncio.wait(tasks, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(pause)

    async def _deliver(self, row: Delivery, attempt: int, moment: float, taken: float) -> None:
        try:
            try:
                result = await self._sent(row, attempt, moment, taken)
            except Exception as error:  # ours or the adapter's: whether the request had left can't be known
                log_incident(error)
                result = Result(row.id, attempt, "unknown", self._clock() + SETTLED, "no_answer")
            if result.state == "unknown" and result.due is not None:
                self._look_at = min(self._look_at, result.due)
            await self._lanes.settle([result])
            if result.state == "pending":
                self._put_back(row)
        except Exception as error:  # the row stays `sending`, and whoever runs the lane next looks for it
            log_incident(error)

    async def _sent(self, row: Delivery, attempt: int, moment: float, taken: float) -> Result:
        """Send a row and return what to write down."""
        clock = self._clock
        if row.expires < clock():
            return Result(row.id, attempt, "skipped", reason="late")
        reply = await self._lanes.compose(row)
        if reply is None:
            return Result(row.id, attempt, "failed", reason="not_composed")
        if isinstance(reply, Skip):
            return Result(row.id, attempt, "skipped", reason=reply.reason)
        await asyncio.sleep(max(0.0, moment - clock()))
        async with self._lanes.gate:
            # Between the intent and this line the platform may have told the lane to hold, or this process was frozen.
            if self._ends or clock() > taken + LEASE or self._pace.held_until > moment:
                return Result(row.id, attempt, "pending", row.due)
            began = clock()
            outcome: Outcome
            try:
                async with asyncio.timeout(LONGEST_SEND):
                    outcome = await (self._sender.amend if amends(row) else self._sender.send)(row, reply)
            except TimeoutError:
                outcome = Unknown()
        now = clock()
        match outcome:
            case Sent(reference):
                self._pace.accepted()
                return Result(row.id, attempt, "sent", reference=reference)
            case Later(seconds, everywhere):
                # It keeps its place: what was to be said after it is not said before it.
                self._pace.refused(row.target, seconds, everywhere, now)
                return Result(row.id, attempt, "pending", row.due)
            case Failed(reason, gone):
                if gone:
                    await self._stop(row, gone == "lane", reason)
                return Result(row.id, attempt, "failed", reason=reason)
            case Unknown(reason):
                # A platform that took its time may be still at it.
                wait = SETTLED if now - began > SOON else _backoff(attempt)
                return Result(row.id, attempt, "unknown", now + wait, reason)

    async def _stop(self, row: Delivery, whole: bool, reason: Reason) -> None:
        self._over = self._over or whole
        target = None if whole else row.target
        log.warning("a %s of %s takes no messages any more: %s", "lane" if whole else "target", self._name, reason)
        try:
            await self._ledger.stop_target(self._name, target, reason, self._clock())
            await self._lanes.gone(self._name, target, reason)
        except Exception as error:  # the next message to it will be refused as well, and tell again
            log_incident(error)

    def _look_on(self) -> None:
        """See to it that what is unknown is looked for, on the side."""
        if self._looking and self._looking.done():
            self._looking = None
        now = self._clock()
        if self._looking is None and self._look_at <= now:
            self._look_at = now + _LOOK_ROUND
            self._looking = asyncio.create_task(self._look_round())

    async def _look_round(self) -> None:
        """Find out whether messages of unknown outcome arrived; one at a time, for looking is rationed."""
        try:
            rows = await self._ledger.due(self._name, "unknown", self._clock(), BATCH)
            for row in rows:
                await self._look_for(row)
            if len(rows) == BATCH:
                self._look_at = self._clock()
        except Exception as error:  # the database; the rows stay as they are
            log_incident(error)

    async def _look_for(self, row: Delivery) -> None:
        if amends(row):  # there is nothing to look for, and no harm in doing it twice
            await self._ledger.looked([Result(row.id, row.attempt, "pending", row.due)], self._clock())
            self._put_back(row)
            return
        await asyncio.sleep(max(0.0, self._pace.book_look(self._clock()) - self._clock()))
        found: Look
        try:
            async with self._lanes.gate, asyncio.timeout(LONGEST_SEND):
                found = await self._sender.look(row)
        except Exception as error:  # it stays unknown, and somebody looks again
            log_incident(error)
            found = Later(LONGEST_WAIT)
        now = self._clock()
        match found:
            case Sent(reference):
                result = Result(row.id, row.attempt, "sent", reference=reference)
            case Absent():
                result = Result(row.id, row.attempt, "pending", row.due)
            case CantTell():
                result = Result(row.id, row.attempt, "unknown", None, "cant_tell")
            case Later(seconds):
                wait = _backoff(row.attempt + 1) if seconds is None else seconds
                self._pace.look_refused(now + wait)
                self._look_at = min(self._look_at, now + wait)
                result = Result(row.id, row.attempt, "unknown", now + wait, row.reason)
        await self._ledger.looked([result], now)
        if result.state == "pending":
            self._put_back(row)


def _backoff(attempt: int) -> float:
    """Return a wait that doubles with each attempt after the second, spread so that many do not come back together."""
    return float(min(LONGEST_WAIT, SOON * 2 ** min(max(0, attempt - 2), 10)) * random.uniform(1.0, 1.25))  # noqa: S311
