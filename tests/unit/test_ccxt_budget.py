"""The rate budget: never over it, higher lanes first, nobody starves, reserves are kept."""

import asyncio
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_loop import virtually

from bot.venues.ccxt_venue.budget import SHARES, Allowance, Turnstile
from bot.venues.ccxt_venue.dialect import RateLimits
from bot.venues.ccxt_venue.wire import Lane

LIMITS = RateLimits(100, 10, 40)
lanes = st.sampled_from(Lane)
asks = st.tuples(lanes, st.integers(0, 60), st.integers(0, 3), st.floats(0, 30))


@given(st.lists(asks, max_size=80))
def test_no_window_ever_holds_more_than_the_budget(many: list[tuple[Lane, int, int, float]]) -> None:
    allowance, now_s, sent = Allowance(LIMITS), 0.0, []
    for lane, weight, orders, pause_s in many:
        now_s += pause_s
        for _ in range(50):
            wait_s = allowance.wait_s(now_s, lane, weight, orders)
            if wait_s == 0:
                break
            now_s += wait_s
        assert allowance.wait_s(now_s, lane, weight, orders) == 0, "what waits as told gets through"
        allowance.spend(now_s, weight, orders)
        sent.append((now_s, weight, orders))
    for end_s, _, _ in sent:
        minute = [one for one in sent if end_s - 60 < one[0] <= end_s]
        burst = [one for one in sent if end_s - 10 < one[0] <= end_s]
        assert sum(weight for _, weight, _ in minute) <= 100
        assert sum(orders for *_, orders in minute) <= 40
        assert sum(orders for *_, orders in burst) <= 10


@given(st.lists(st.tuples(lanes, st.integers(1, 60)), min_size=1, max_size=60))
def test_a_lane_leaves_what_is_kept_for_the_lanes_before_it(many: list[tuple[Lane, int]]) -> None:
    allowance = Allowance(LIMITS)
    for lane, weight in many:
        before = allowance.used(0.0)
        if allowance.wait_s(0.0, lane, weight, 0) == 0:
            assert before + weight <= 100 * SHARES[lane]
            allowance.spend(0.0, weight, 0)


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer as soon as nothing is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now_s = max(self.now_s, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


arrivals = st.lists(st.tuples(lanes, st.integers(1, 60), st.integers(0, 2), st.floats(0, 40)), max_size=25)


@given(arrivals)
def test_by_lane_then_by_arrival_and_everybody_gets_through(
    many: list[tuple[Lane, int, int, float]],
) -> None:
    through: list[tuple[float, int]] = []
    came: dict[int, tuple[float, Lane]] = {}

    async def one(turnstile: Turnstile, number: int, at_s: float) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(at_s)
        lane, weight, orders, _ = many[number]
        came[number] = (loop.time(), lane)
        assert await turnstile.enter(lane, weight, orders)
        through.append((loop.time(), number))

    async def all_of_them() -> None:
        turnstile = Turnstile(Allowance(LIMITS), dict.fromkeys(Lane, inf))
        await asyncio.gather(*(one(turnstile, n, arrival[3]) for n, arrival in enumerate(many)))

    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(all_of_them())
    assert len(through) == len(many)
    for index, (_, passed) in enumerate(through):
        for later_s, number in through[index + 1 :]:
            at_s, lane = came[number]
            waited_meanwhile = at_s < through[index][0] < later_s
            assert not (waited_meanwhile and lane < came[passed][1]), "a lower lane passed one that waited"
            if lane == came[passed][1]:
                assert came[passed][0] <= at_s or not waited_meanwhile


async def test_an_idle_budget_lets_everybody_through_at_once() -> None:
    turnstile = Turnstile(Allowance(LIMITS))
    assert [await turnstile.enter(lane, 5, 1) for lane in reversed(Lane)] == [True] * len(Lane)


async def test_an_entry_that_had_to_wait_too_long_is_told_so_and_protection_is_not() -> None:
    turnstile = Turnstile(Allowance(LIMITS))
    assert await turnstile.enter(Lane.PROTECT, 90, 0)
    assert not await turnstile.enter(Lane.ENTRY, 1, 1)
    assert await turnstile.enter(Lane.PROTECT, 10, 1)
    waiting = asyncio.create_task(turnstile.enter(Lane.PROTECT, 50, 1))
    await asyncio.sleep(0)
    assert (waiting.done(), turnstile.waiting) == (False, 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert turnstile.waiting == 0


@virtually
async def test_one_that_gave_up_spends_nothing() -> None:
    turnstile = Turnstile(Allowance(LIMITS), {**dict.fromkeys(Lane, inf), Lane.ENTRY: 0.02})
    turnstile.pause(0.01)
    data = asyncio.create_task(turnstile.enter(Lane.DATA, 85, 0))
    assert await turnstile.enter(Lane.ENTRY, 5, 0)
    await asyncio.sleep(0.02)
    assert not data.done(), "85 of data do not fit beside an entry of 5"
    data.cancel()
    assert turnstile.allowance.used(asyncio.get_running_loop().time()) == 5


@virtually
async def test_a_question_about_the_past_never_keeps_a_candle_waiting() -> None:
    turnstile = Turnstile(Allowance(RateLimits(0, 0, per_second={"past": 1})))
    assert await turnstile.enter(Lane.PAST, 0, 0, "past")
    waiting = asyncio.create_task(turnstile.enter(Lane.PAST, 0, 0, "past"))
    await asyncio.sleep(0)
    async with asyncio.timeout(0.2):
        assert await turnstile.enter(Lane.DATA, 5, 0)
    assert not waiting.done()
    waiting.cancel()


def test_what_the_venue_counts_is_believed_only_upwards() -> None:
    allowance = Allowance(LIMITS)
    allowance.spend(0.0, 30, 0)
    allowance.learn(1.0, 20)
    assert allowance.used(1.0) == 30
    allowance.learn(1.0, 70)
    assert allowance.used(1.0) == 70
    assert allowance.wait_s(1.0, Lane.DATA, 20, 0) == pytest.approx(59.0)


def test_no_limit_is_no_limit() -> None:
    allowance = Allowance(RateLimits(0, 0))
    for _ in range(1000):
        assert allowance.wait_s(0.0, Lane.DATA, 1000, 1) == 0
        allowance.spend(0.0, 1000, 1)


def test_what_is_known_of_single_methods_holds_from_the_first_burst_on() -> None:
    allowance = Allowance(RateLimits(0, 0, per_second={"create": 2}), dict.fromkeys(Lane, 1.0))
    for _ in range(2):
        assert allowance.wait_s(0.0, Lane.ENTRY, 1, 1, "create") == 0
        allowance.spend(0.0, 1, 1, "create")
    assert allowance.wait_s(0.0, Lane.ENTRY, 1, 1, "create") > 1
    assert allowance.wait_s(0.0, Lane.ENTRY, 1, 1, "another") == 0
