"""The clocks: business time for events and jobs, wall time for heartbeats. The one place that asks the machine.

Business time is UTC milliseconds. Live and paper run on the wall's; a demo's market runs faster and can be paused; a
headless run or a test moves its clock by hand. Whoever needs the time is handed a clock.
"""

import asyncio
import heapq
import time
from itertools import count
from typing import Protocol, Self

WALL_STEP_S = 30.0


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Clock(Protocol):
    """What runtime and handlers may ask of time."""

    def now_ms(self) -> int:
        """Business time."""
        ...

    def wall_ms(self) -> int:
        """Time of the world outside, for what concerns the process and not the market."""
        ...

    async def sleep_until(self, at_ms: int) -> None:
        """Return as soon as business time has reached `at_ms`; at once when it has."""
        ...


class WallClock:
    """Business time is the wall's."""

    speed = 1.0

    def now_ms(self) -> int:
        """The time of the machine."""
        return _wall_ms()

    def wall_ms(self) -> int:
        """The time of the machine."""
        return _wall_ms()

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep in steps, so that a clock set anew, or a machine that slept, is noticed soon."""
        while (left_ms := at_ms - _wall_ms()) > 0:  # noqa: ASYNC110 - nobody is there to set an event
            await asyncio.sleep(min(left_ms / 1000, WALL_STEP_S))


class _Sleepers:
    """Who sleeps until when: woken in the order of their times, then in the order in which they lay down."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def lie_down(self, at_ms: int) -> asyncio.Future[None]:
        """What is done as soon as `wake` is called with a time not before `at_ms`."""
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (at_ms, next(self._numbers), future))
        return future

    def first_ms(self) -> int | None:
        """When the first one wants to be woken; None when nobody sleeps."""
        while self._waiting and self._waiting[0][2].done():  # cancelled sleepers
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def wake(self, now_ms: int) -> None:
        """Wake all whose time has come."""
        while (first_ms := self.first_ms()) is not None and first_ms <= now_ms:
            heapq.heappop(self._waiting)[2].set_result(None)


class MarketClock:
    """Business time that runs `speed` times as fast as the loop's, can be paused, set and given another speed.

    It stands still until `resume` is called when made with `paused`.
    """

    def __init__(self, start_ms: int, speed: float, *, paused: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._sleepers = _Sleepers()
        self._timer: asyncio.TimerHandle | None = None
        self._speed = _checked(speed)
        self._paused = paused
        self._anchor_ms = float(start_ms)
        self._anchor_s = self._loop.time()

    @classmethod
    def for_bars(cls, start_ms: int, bar_ms: int, seconds_per_bar: float, *, paused: bool = False) -> Self:
        """A clock on which a bar takes `seconds_per_bar`."""
        return cls(start_ms, bar_ms / 1000 / seconds_per_bar, paused=paused)

    @property
    def speed(self) -> float:
        """Business seconds per second."""
        return self._speed

    @property
    def paused(self) -> bool:
        """True when business time stands still."""
        return self._paused

    def now_ms(self) -> int:
        """Business time."""
        return int(self._exact_ms())

    def wall_ms(self) -> int:
        """The time of the machine."""
        return _wall_ms()

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep through pauses and changes of speed until business time has come to `at_ms`."""
        while self.now_ms() < at_ms:
            woken = self._sleepers.lie_down(at_ms)
            self._arm()
            await woken

    def pause(self) -> None:
        """Let business time stand still."""
        self._anchor(self._exact_ms())
        self._paused = True
        self._arm()

    def resume(self) -> None:
        """Let business time run on."""
        self._anchor(self._exact_ms())
        self._paused = False
        self._arm()

    def set_speed(self, speed: float) -> None:
        """Run faster or slower from now on."""
        self._anchor(self._exact_ms())
        self._speed = _checked(speed)
        self._arm()

    def set(self, at_ms: int) -> None:
        """Set business time; only for who owns the market, since events must not run backwards."""
        self._anchor(at_ms)
        self._arm()

    def _anchor(self, at_ms: float) -> None:
        self._anchor_ms, self._anchor_s = at_ms, self._loop.time()

    def _exact_ms(self) -> float:
        passed_s = 0.0 if self._paused else self._loop.time() - self._anchor_s
        return self._anchor_ms + passed_s * 1000 * self._speed

    def _arm(self) -> None:
        """Wake who is due, and set the timer for the next one."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._sleepers.wake(self.now_ms())
        first_ms = self._sleepers.first_ms()
        if first_ms is not None and not self._paused:
            self._timer = self._loop.call_later((first_ms - self._exact_ms()) / 1000 / self._speed, self._arm)


def _checked(speed: float) -> float:
    if not 0 < speed < float("inf"):
        raise ValueError(f"speed {speed} is not allowed; a number above 0")
    return speed


class ManualClock:
    """Business time moved by hand; the wall stands still with it, so that runs repeat exactly."""

    # A job that wakes takes some turns of the loop to be run and to lie down again.
    TURNS = 30

    def __init__(self, start_ms: int = 0) -> None:
        self._now_ms = start_ms
        self._sleepers = _Sleepers()

    def now_ms(self) -> int:
        """Business time."""
        return self._now_ms

    def wall_ms(self) -> int:
        """The same as business time."""
        return self._now_ms

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep until the clock is moved to `at_ms` or beyond."""
        if self._now_ms < at_ms:
            await self._sleepers.lie_down(at_ms)

    def advance_to(self, at_ms: int) -> None:
        """Move to a time, never back, and wake everybody whose time has come."""
        if at_ms < self._now_ms:
            raise ValueError(f"business time {self._now_ms} cannot go back to {at_ms}")
        self._now_ms = at_ms
        self._sleepers.wake(at_ms)

    async def run_to(self, at_ms: int) -> None:
        """Move to a time from sleeper to sleeper: each wakes at its own time and gets turns to act."""
        await self._turns()
        while (first_ms := self._sleepers.first_ms()) is not None and first_ms <= at_ms:
            self.advance_to(max(first_ms, self._now_ms))
            await self._turns()
        self.advance_to(at_ms)
        await self._turns()

    async def _turns(self) -> None:
        for _ in range(self.TURNS):
            await asyncio.sleep(0)
