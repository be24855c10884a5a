"""Clocks: the wall's, the market's that runs faster and can be paused, and the one moved by hand."""

import asyncio
import time

import pytest

from bot.runtime.clock import Clock, ManualClock, MarketClock, WallClock

DAY_MS = 86_400_000


type Sleeper = tuple[asyncio.Task[None], list[int]]


def lie(clock: Clock, at_ms: int) -> Sleeper:
    """Somebody who sleeps until then, and the times at which he woke."""
    woken: list[int] = []

    async def sleep() -> None:
        await clock.sleep_until(at_ms)
        woken.append(clock.now_ms())

    return asyncio.create_task(sleep()), woken


async def test_the_wall_clock_is_the_machines() -> None:
    clock = WallClock()
    before, now, wall, after = time.time_ns(), clock.now_ms(), clock.wall_ms(), time.time_ns()
    assert before // 1_000_000 <= now <= wall <= after // 1_000_000
    started = clock.now_ms()
    await clock.sleep_until(started + 30)
    assert clock.now_ms() >= started + 30
    await clock.sleep_until(0)


async def test_the_wall_clock_notices_that_it_was_set_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.runtime.clock.WALL_STEP_S", 0.01)
    ahead = iter([0, 0, DAY_MS, DAY_MS, DAY_MS])
    monkeypatch.setattr("bot.runtime.clock._wall_ms", lambda: next(ahead))
    await asyncio.wait_for(WallClock().sleep_until(DAY_MS), 60)


async def test_the_market_runs_at_its_speed() -> None:
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    clock = MarketClock.for_bars(1_000_000, bar_ms=900_000, seconds_per_bar=0.1)
    made_s = loop.time()
    assert clock.speed == pytest.approx(9000)
    await clock.sleep_until(1_900_000)
    woken_s, now_ms, after_s = loop.time(), clock.now_ms(), loop.time()
    assert now_ms >= 1_900_000
    least, most = ((end - begin) * 9_000_000 for begin, end in ((made_s, woken_s), (before_s, after_s)))
    assert least - 1 <= now_ms - 1_000_000 <= most


async def test_the_market_wakes_in_order_and_never_early() -> None:
    clock = MarketClock(0, speed=100_000, paused=True)
    order: list[int] = []

    async def sleep(at_ms: int) -> None:
        await clock.sleep_until(at_ms)
        assert clock.now_ms() >= at_ms
        order.append(at_ms)

    sleepers = [asyncio.create_task(sleep(at_ms)) for at_ms in (3000, 1000, 2000, 1001)]
    await asyncio.sleep(0)
    clock.resume()
    await asyncio.gather(*sleepers)
    assert order == [1000, 1001, 2000, 3000]


async def test_a_paused_market_wakes_nobody_until_it_goes_on() -> None:
    clock = MarketClock(0, speed=1000, paused=True)
    task, woken = lie(clock, 100)
    await asyncio.sleep(0.01)
    assert (clock.paused, clock.now_ms(), woken) == (True, 0, [])
    clock.resume()
    await asyncio.wait_for(task, 60)
    clock.pause()
    stood = clock.now_ms()
    await asyncio.sleep(0.005)
    assert clock.now_ms() == stood


async def test_another_speed_reaches_sleepers_at_once() -> None:
    clock = MarketClock(0, speed=1)
    task, woken = lie(clock, DAY_MS)
    await asyncio.sleep(0)
    clock.set_speed(1e10)
    await asyncio.wait_for(task, 60)
    assert woken[0] >= DAY_MS


async def test_a_market_that_is_set_wakes_whom_it_passes() -> None:
    clock = MarketClock(0, speed=1, paused=True)
    task, woken = lie(clock, DAY_MS)
    await asyncio.sleep(0)
    clock.set(DAY_MS)
    await asyncio.wait_for(task, 60)
    assert woken == [DAY_MS]


async def test_cancelled_sleepers_are_forgotten() -> None:
    clock = MarketClock(0, speed=1)
    first, _ = lie(clock, 50)
    second, woken = lie(clock, 60)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    await asyncio.wait_for(second, 60)
    assert len(woken) == 1


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
async def test_a_speed_must_be_a_speed(speed: float) -> None:
    with pytest.raises(ValueError, match="a number above 0"):
        MarketClock(0, speed)


async def test_a_clock_moved_by_hand() -> None:
    clock = ManualClock(100)
    task, woken = lie(clock, 200)
    await asyncio.sleep(0)
    clock.advance_to(199)
    await asyncio.sleep(0)
    assert woken == []
    clock.advance_to(250)
    await task
    assert (woken, clock.wall_ms()) == ([250], 250)
    with pytest.raises(ValueError, match="250 cannot go back to 249"):
        clock.advance_to(249)


async def test_running_to_a_time_wakes_each_at_its_own() -> None:
    clock = ManualClock()
    woken: list[int] = []

    async def every(period_ms: int) -> None:
        while True:
            await clock.sleep_until(clock.now_ms() + period_ms)
            woken.append(clock.now_ms())

    task = asyncio.create_task(every(10))
    await clock.run_to(35)
    task.cancel()
    assert woken == [10, 20, 30]
    assert clock.now_ms() == 35
