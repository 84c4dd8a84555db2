"""Work in the background is done again and again, sooner when woken, and stops when it is told to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from chatbot.periodic import Periodic

#: Longer than any test takes: what happens within one did not wait for it.
LONG = 3_600.0


class Work:
    """Counts how often it was done; what it does each time, and returns, is said beforehand."""

    def __init__(self, *turns: Callable[[], Awaitable[float | None]]) -> None:
        self.done = 0
        self._turns = turns
        self._changed = asyncio.Condition()

    async def __call__(self) -> float | None:
        self.done += 1
        async with self._changed:
            self._changed.notify_all()
        return await self._turns[self.done - 1]() if self.done <= len(self._turns) else None

    async def times(self, number: int) -> None:
        """Wait until it was begun so often."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: self.done >= number)


async def fails() -> None:
    raise OSError("what " + "somebody typed")


async def at_once() -> float:
    return 0.0


@pytest.fixture
async def begun() -> AsyncIterator[Callable[[Periodic], Periodic]]:
    made: list[Periodic] = []

    def begin(periodic: Periodic) -> Periodic:
        made.append(periodic)
        periodic.start()
        return periodic

    yield begin
    for periodic in made:
        await periodic.stop()


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_is_done_at_the_start_and_then_every_so_often(begun: Callable[[Periodic], Periodic]) -> None:
    work = Work()
    begun(Periodic(work, 0.001))
    await work.times(3)


async def test_the_first_time_may_be_put_off(begun: Callable[[Periodic], Periodic]) -> None:
    work = Work()
    periodic = begun(Periodic(work, LONG, first=LONG))
    await settle()
    assert work.done == 0
    periodic.wake()
    await work.times(1)


async def test_woken_it_is_done_before_its_time(begun: Callable[[Periodic], Periodic]) -> None:
    work = Work()
    periodic = begun(Periodic(work, LONG))
    await work.times(1)
    await settle()
    assert work.done == 1
    periodic.wake()
    await work.times(2)
    await settle()
    assert work.done == 2, "woken once it is done once"


async def test_woken_while_it_works_it_is_done_once_more(begun: Callable[[Periodic], Periodic]) -> None:
    going_on = asyncio.Event()

    async def waits() -> None:
        await going_on.wait()

    work = Work(waits)
    periodic = begun(Periodic(work, LONG))
    await work.times(1)
    periodic.wake()
    periodic.wake()
    going_on.set()
    await work.times(2)
    await settle()
    assert work.done == 2


async def test_the_work_may_say_when_it_is_to_be_done_again(begun: Callable[[Periodic], Periodic]) -> None:
    work = Work(at_once, at_once)
    begun(Periodic(work, LONG))
    await work.times(3)
    await settle()
    assert work.done == 3


@pytest.mark.parametrize("log_first", [False, True])
async def test_it_goes_on_after_a_failure_which_is_logged_without_its_words(
    begun: Callable[[Periodic], Periodic], caplog: pytest.LogCaptureFixture, log_first: bool
) -> None:
    work = Work(fails, fails, at_once, fails)
    with caplog.at_level(logging.ERROR):
        begun(Periodic(work, 0.0, log_first=log_first))
        await work.times(5)
    assert len(caplog.records) == (2 if log_first else 3), "one that comes after a success is a new one"
    assert all("incident" in record.message and "OSError" in record.message for record in caplog.records)
    assert "what somebody typed" not in caplog.text


async def test_stopped_while_it_works_it_is_given_up_and_done_no_more() -> None:
    given_up = False

    async def waits() -> None:
        nonlocal given_up
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up = True
            raise

    work = Work(waits)
    periodic = Periodic(work, 0.0)
    periodic.start()
    await work.times(1)
    await periodic.stop()
    assert given_up
    periodic.wake()
    await settle()
    assert work.done == 1


async def test_it_stops_though_the_work_forgets_that_it_was_cancelled() -> None:
    async def forgets() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    work = Work(forgets)
    periodic = Periodic(work, 0.0)
    periodic.start()
    await work.times(1)
    async with asyncio.timeout(20):
        await periodic.stop()
    await settle()
    assert work.done == 1


async def test_it_can_be_stopped_unbegun_and_twice_and_begun_anew() -> None:
    work = Work()
    periodic = Periodic(work, LONG)
    await periodic.stop()
    for number in (1, 2):
        periodic.start()
        await work.times(number)
        await periodic.stop()
        await periodic.stop()
    assert work.done == 2
