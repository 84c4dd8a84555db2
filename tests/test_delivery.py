"""Lanes: order, pace, and what becomes of each outcome; an hour of it passes in milliseconds."""

import asyncio
import random
from collections import defaultdict, deque
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.delivery.lanes import IN_FLIGHT, LEASE, LONGEST_SEND, SETTLED, SOON
from chatbot.delivery.model import CantTell, Failed, Later, Limits, Outcome, Sent, Unknown
from chatbot.delivery.pace import Pace
from tests.fake_delivery import START, Bench, bench, draft, timeless


def rows(count: int, targets: int, **changes: float) -> list[object]:
    return [draft(f"k{number}", f"C{number % targets}", **changes) for number in range(count)]


def test_everything_due_is_sent_once_and_in_order() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(60, 7))
        await one.drain()
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    assert set(one.platform.arrived.values()) == {1}
    by_target = defaultdict(list)
    for _, target, key in one.platform.posts:
        by_target[target].append(int(key[1:]))
    assert all(keys == sorted(keys) for keys in by_target.values())
    row = next(iter(one.ledger.rows.values()))
    assert (row.reference, row.due, row.attempt) == ("ts-k0", None, 1)


@settings(max_examples=40)
@given(
    per_lane=st.sampled_from([1.0, 2.0, 5.0, 20.0]),
    per_target=st.sampled_from([0.5, 1.0, 2.0]),
    targets=st.integers(1, 12),
    slow=st.sampled_from([0.0, 0.05, 0.7, 3.0]),
)
def test_no_second_has_more_than_the_limit(per_lane: float, per_target: float, targets: int, slow: float) -> None:
    async def go() -> Bench:
        one = bench(per_lane=per_lane, per_target=per_target)
        one.platform.seconds = slow
        one.ledger.write(rows(40, targets))
        await one.drain()
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    moments = [at for at, _, _ in one.platform.posts]
    assert all(later - earlier >= 1 / per_lane - 1e-3 for earlier, later in pairwise(moments))
    for name in {target for _, target, _ in one.platform.posts}:
        mine = [at for at, target, _ in one.platform.posts if target == name]
        assert all(later - earlier >= 1 / per_target - 1e-3 for earlier, later in pairwise(mine))
    least = max(39 / per_lane, (40 / targets - 1) / per_target)
    if slow < 0.1 and per_lane < 20:
        assert moments[-1] - moments[0] <= least * 1.3 + 3, "it is not much slower than it must be"


def test_the_queues_of_a_lane_take_turns() -> None:
    """Else a few long ones are left at the end, each slower than the lane."""

    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(100, 20))
        await one.drain()
        return one

    posts = timeless(go()).platform.posts
    assert posts[-1][0] - posts[0][0] == pytest.approx(99 / 5, abs=0.1)


def test_too_many_requests_hold_the_whole_lane() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(30, 10))
        one.platform.says("k7", Later(20.0))
        await one.drain()
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    refused = next(at for at, _, key in one.platform.posts if key == "k7")
    assert not [at for at, _, _ in one.platform.posts if refused + 0.001 < at < refused + 20]
    first = [key for at, _, key in one.platform.posts if at >= refused + 20]
    assert "k7" in first[:3], "it keeps its place, but for what was in hand with it"
    assert [key for _, target, key in one.platform.posts if target == "C7"] == ["k7", "k7", "k17", "k27"]


def test_too_many_in_one_conversation_hold_only_that() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(30, 10))
        one.platform.says("k7", Later(20.0, everywhere=False))
        await one.drain()
        return one

    one = timeless(go())
    refused = next(at for at, _, key in one.platform.posts if key == "k7")
    meanwhile = [target for at, target, _ in one.platform.posts if refused < at < refused + 20]
    assert len(meanwhile) == 20
    assert "C7" not in meanwhile
    assert [key for _, target, key in one.platform.posts if target == "C7"] == ["k7", "k7", "k17", "k27"]


def test_a_platform_that_is_down_is_tried_less_and_less() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write([draft("k")])
        one.platform.says("k", *[Later()] * 12)
        await one.drain()
        return one

    one = timeless(go())
    assert one.states() == {"k": "sent"}
    waits = [later - earlier for (earlier, *_), (later, *_) in pairwise(one.platform.posts)]
    assert len(waits) == 12
    assert waits[0] < 2.5
    assert waits[1] > waits[0]
    assert max(waits) <= 60 * 1.25
    assert waits[-1] > 45


@pytest.mark.parametrize("arrived", [True, False])
def test_without_an_answer_it_is_looked_for_and_not_just_sent_again(arrived: bool) -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(40, 10))
        one.platform.says("k3", Unknown())
        if arrived:
            one.platform.swallowed.add("k3")
        await one.drain()
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    assert one.platform.arrived["k3"] == 1
    sent = [at for at, _, key in one.platform.posts if key == "k3"]
    (looked, _), *_ = one.platform.looked
    assert SOON <= looked - sent[0] <= SOON * 1.25 + 0.5
    assert len(sent) == (1 if arrived else 2)
    others = [at for at, _, key in one.platform.posts if key != "k3"]
    assert max(later - earlier for earlier, later in pairwise(others)) < 0.5, "the lane is not held up"


def test_a_slow_platform_is_given_time_before_it_is_looked() -> None:
    async def go() -> Bench:
        one = bench()
        one.platform.seconds = LONGEST_SEND + 5
        one.ledger.write([draft("k")])
        lanes = one.lanes()
        due = await lanes.run("fake:w")
        assert due
        assert due - one.clock() == pytest.approx(SETTLED)
        one.platform.seconds = 0
        return one

    one = timeless(go())
    assert one.states() == {"k": "unknown"}
    assert one.ledger.rows[1].since == pytest.approx(START, abs=0.1), "since when it may be there"


def test_what_cannot_be_told_ends_unknown() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write([draft("k")])
        one.platform.says("k", Unknown())
        one.platform.looks["k"] = deque([Later(3.0), Later(), CantTell()])
        await one.drain()
        return one

    one = timeless(go())
    assert one.states() == {"k": "unknown"}
    assert (one.ledger.rows[1].due, one.ledger.rows[1].reason) == (None, "cant_tell")
    assert len(one.platform.posts) == 1
    assert len(one.platform.looked) == 3
    assert one.platform.looked[1][0] - one.platform.looked[0][0] >= 3


def test_late_is_skipped_at_no_cost() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write([draft(f"late{n}", f"C{n}", due=START - 9000) for n in range(50)])
        one.ledger.write(rows(5, 5))
        await one.drain()
        return one

    one = timeless(go())
    assert {state for key, state in one.states().items() if key.startswith("late")} == {"skipped"}
    assert one.ledger.rows[1].reason == "late"
    assert one.platform.posts[0][0] < START + 1
    assert len(one.platform.posts) == 5


def test_what_has_nothing_to_say_any_more_fails() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(3, 3))
        one.uncomposed.add("k1")
        await one.drain()
        return one

    one = timeless(go())
    assert one.states() == {"k0": "sent", "k1": "failed", "k2": "sent"}
    assert one.ledger.rows[2].reason == "not_composed"


@pytest.mark.parametrize(
    ("outcome", "told", "lost"),
    [
        (Failed("refused"), [], {"k1"}),
        (Failed("archived", gone="target"), [("fake:w", "C1", "archived")], {"k1", "k4", "k7", "k10"}),
        (Failed("uninstalled", gone="lane"), [("fake:w", None, "uninstalled")], {f"k{n}" for n in (1, *range(3, 12))}),
    ],
)
def test_a_target_or_workspace_that_is_gone_stops_and_tells(
    outcome: Outcome, told: list[object], lost: set[str]
) -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(12, 3))
        one.platform.says("k1", outcome)
        await one.drain()
        return one

    one = timeless(go())
    assert one.gone == told
    failed = [row for row in one.ledger.rows.values() if row.state == "failed"]
    assert {row.key for row in failed} == lost
    assert {row.reason for row in failed} == {outcome.reason}  # type: ignore[union-attr]
    assert {row.state for row in one.ledger.rows.values()} == {"sent", "failed"}


def test_an_error_of_ours_leaves_it_unknown() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(3, 3))
        one.platform.says("k1", ValueError("hunter2"))
        await one.drain()
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    assert [key for _, key in one.platform.looked] == ["k1"]


def test_stopping_finishes_what_is_under_way() -> None:
    async def go() -> Bench:
        one = bench()
        one.platform.seconds = 2.0
        one.ledger.write(rows(50, 50))
        lanes = one.lanes()
        running = asyncio.create_task(lanes.run("fake:w"))
        await asyncio.sleep(3)
        lanes.stopping = True
        before = one.clock()
        due = await running
        assert one.clock() - before <= 2.1
        assert due == START
        return one

    one = timeless(go())
    states = list(one.states().values())
    assert states.count("sent") == len(one.platform.posts) > 5
    assert set(states) == {"sent", "pending"}


def test_a_process_that_was_frozen_does_not_send_what_it_had_in_hand() -> None:
    """The clock jumps between the intent and the request; meanwhile another has looked and sent."""

    async def go() -> Bench:
        one = bench()
        jump = 0.0
        real = one.clock
        one.clock = lambda: real() + jump
        intend = one.ledger.intend

        async def frozen(ids: list[int], now: float) -> dict[int, int]:
            nonlocal jump
            got = await intend(ids, now)
            if not jump:
                jump = LEASE + 16
            return got

        one.ledger.intend = frozen  # type: ignore[method-assign, assignment]
        one.ledger.write([draft("k")])
        await one.lanes().run("fake:w")
        return one

    one = timeless(go())
    assert len(one.platform.posts) == 1, "only after it was taken anew"
    assert one.ledger.rows[1].attempt == 2


def test_what_a_dead_process_was_sending_is_looked_for_once_it_has_settled() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write(rows(4, 4))
        await one.ledger.intend([1, 2], START - 3600)
        one.platform.arrived["k0"] += 1  # of the two it had got one out
        await one.drain()
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    assert set(one.platform.arrived.values()) == {1}
    assert all(at >= START + SETTLED for at, _ in one.platform.looked)
    assert sorted(key for _, key in one.platform.looked) == ["k0", "k1"]
    assert [key for at, _, key in one.platform.posts if at < START + SETTLED] == ["k2", "k3"]


def test_a_result_that_cannot_be_written_at_once_is_written_later() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write([draft("k")])
        settle, failures = one.ledger.settle, iter([True, True, True])

        async def broken(*values: object) -> None:
            if next(failures, False):
                raise OSError("the database is away")
            await settle(*values)  # type: ignore[arg-type]

        one.ledger.settle = broken  # type: ignore[method-assign, assignment]
        await one.lanes().run("fake:w")
        return one

    one = timeless(go())
    assert one.states() == {"k": "sent"}
    assert not one.platform.looked


def test_a_result_that_was_lost_is_looked_for() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write([draft("k")])
        settle = one.ledger.settle

        async def broken(*_: object) -> None:
            raise OSError("the database is away")

        one.ledger.settle = broken  # type: ignore[method-assign, assignment]
        assert await one.lanes().run("fake:w") == 0.0, "it must be run again at once"
        one.ledger.settle = settle  # type: ignore[method-assign]
        await one.drain()
        return one

    one = timeless(go())
    assert one.states() == {"k": "sent"}
    assert one.platform.arrived == {"k": 1}


def test_requests_under_way_are_bounded_over_all_lanes() -> None:
    async def go() -> Bench:
        one = bench(per_lane=50.0)
        one.platform.seconds = 1.5
        for lane in range(40):
            one.ledger.write(draft(f"{lane}-{n}", f"C{n}", f"fake:{lane}") for n in range(10))
        lanes = one.lanes()
        await asyncio.gather(*(lanes.run(f"fake:{lane}") for lane in range(40)))
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    assert one.platform.most_at_once == IN_FLIGHT


def test_a_platform_that_is_not_configured_keeps_its_rows() -> None:
    async def go() -> Bench:
        one = bench()
        one.ledger.write([draft("k", lane="other:w")])
        assert await one.lanes().run("other:w") is None
        return one

    assert timeless(go()).states() == {"k": "pending"}


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), bad=st.floats(0, 0.6))
def test_whatever_happens_nothing_is_lost_or_doubled(seed: int, bad: float) -> None:
    """Any mix of refusals, silence, broken looks and processes that end in the middle."""
    dice = random.Random(seed)  # noqa: S311

    async def go() -> Bench:
        one = bench(looks=dice.choice([1.0, 10.0]))
        one.platform.seconds = dice.choice([0.0, 0.3, 2.0])
        one.ledger.write(rows(30, dice.randint(1, 10)))
        for number in range(30):
            said: list[Outcome | Exception] = []
            while dice.random() < bad:
                said.append(dice.choice([Later(2.0), Later(1.0, everywhere=False), Later(), Unknown(), OSError()]))
            one.platform.says(f"k{number}", *said)
            if said and isinstance(said[-1], Unknown | OSError) and dice.random() < 0.5:
                one.platform.swallowed.add(f"k{number}")
                one.platform.says(f"k{number}", said[-1], Sent("doubled"))
        for _ in range(3):  # killed: nothing is finished, nothing is written
            running = asyncio.create_task(one.lanes().run("fake:w"))
            await asyncio.sleep(dice.uniform(0, 4))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        async with asyncio.timeout(3600):
            await one.drain()
        return one

    one = timeless(go())
    assert set(one.states().values()) == {"sent"}
    assert set(one.platform.arrived.values()) == {1}


def test_a_pace_remembers_only_so_many_conversations() -> None:
    pace = Pace(Limits(1.0, 10_000.0, 1.0))
    for number in range(10_000):
        now = START + number / 100
        pace.book(f"C{number}", pace.moment(f"C{number}", now))
    assert len(pace._targets) <= 4_200
    assert pace.moment("C9999", START + 100) > START + 100


def test_looks_may_follow_at_once_after_a_pause_but_only_a_few() -> None:
    pace = Pace(Limits(1.0, 5.0, 1.0))
    moments = [pace.book_look(START) for _ in range(60)]
    assert moments[:9] == [START] * 9
    assert moments[-1] == pytest.approx(START + 51)
    pace.look_refused(START + 500)
    assert pace.book_look(START + 490) == START + 500
