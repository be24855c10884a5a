"""Following every signal of a running desk to its end, beside trading: it hears what was committed, nothing more.

Decisions come from committed steps; candles are those that the desk holds, and where these lack some, the venue's
history. Nothing is kept between runs but the phantoms in the books: a start reads them and the decisions that were
missed, and follows both along the candles again. Nothing here is waited for by the engine.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import batched

import numpy as np

from bot.domain.action import RecordDecision
from bot.domain.decision import Decision
from bot.domain.errors import StorageError
from bot.domain.event import CandlesClosed
from bot.domain.market import Candle
from bot.domain.signal import Signal
from bot.ml.phantom import Ending, Path, Phantom, candles_since, follow_all
from bot.runtime.phantoms import PhantomStore
from bot.runtime.ports import Step
from bot.strategy import Frame
from bot.venues.port import VenueUnavailable

RETRY_S = 5.0
MOST_BARS = 20_000
"""So far back candles are asked for: what waits for older ones is left waiting."""
TOGETHER = 250
"""Candles that are followed at one go."""
HOLE = 24
"""Bars: candles that begin so much later than asked for have a hole there; later still, they do not go back so far."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candles:
    """Where closed candles of the desk's timeframe come from.

    `window` are the newest that the desk holds of a symbol, None when it is not traded; `history` asks the venue for
    the last so many and may raise VenueUnavailable; `now_ms` is business time.
    """

    bar_ms: int
    window: Callable[[str], Frame | None]
    history: Callable[[str, int], Awaitable[Frame]]
    now_ms: Callable[[], int]


@dataclass(slots=True)
class _Walk:
    """A phantom and how far it has come."""

    phantom: Phantom
    path: Path | None = None

    def wants_ms(self) -> int:
        """Opening time of the bar that it waits for."""
        if self.path is None:
            return self.phantom.bar_at_ms
        return self.path.last_open_at_ms + self.phantom.terms.bar_ms


class Follower:
    """Follows the signals of one account. `begin` makes the phantoms of decisions; some may not be followed.

    `first_bars` is how far back signals are taken up where none was followed before.
    """

    def __init__(
        self,
        store: PhantomStore,
        candles: Candles,
        begin: Callable[[Sequence[Decision]], Awaitable[Sequence[Phantom]]],
        first_bars: int,
    ) -> None:
        """Nothing is read before the first `catch_up`."""
        self._store = store
        self._candles = candles
        self._begin = begin
        self._first_bars = first_bars
        self._steps: list[Step] = []
        self._told: list[Decision] = []
        self._walks: dict[str, dict[tuple[str, str, int], _Walk]] = {}
        self._begun: list[Phantom] = []
        self._ended: list[tuple[Phantom, Ending]] = []
        self._asked_at_ms: dict[str, int] = {}
        self._resumed = False
        self._woken = asyncio.Event()
        self._woken.set()
        self._one_at_a_time = asyncio.Lock()
        self.ended_listeners: list[Callable[[Sequence[tuple[Phantom, Ending]]], Awaitable[None]]] = []

    def hear(self, steps: Sequence[Step]) -> None:
        """Steps that have been committed: remembered, looked at later."""
        self._steps += steps
        self._woken.set()

    async def run(self, quiet: Callable[[], Awaitable[None]]) -> None:
        """Catch up whenever there is news, once the desk is `quiet`, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            await quiet()
            if self._resumed and not self._has_work():
                self._steps.clear()
                continue
            try:
                await self.catch_up()
            except StorageError as error:
                log.warning("phantoms wait for the database: %s", error)
                await self._again_later()
            except Exception:  # whatever it is: trading does not hang on it
                log.exception("phantoms could not be followed")
                await self._again_later()

    def _has_work(self) -> bool:
        """News, or something left over from the last time."""
        return bool(self._told or self._begun or self._ended) or any(map(_is_news, self._steps))

    async def _again_later(self) -> None:
        await asyncio.sleep(RETRY_S)
        self._woken.set()

    async def catch_up(self) -> None:
        """Follow everything heard so far as far as there are candles, and write it down. Raises StorageError."""
        async with self._one_at_a_time:
            self._listen()
            if not self._resumed:
                await self._resume()
            await self._take(self._told)
            self._told.clear()
            for symbol in list(self._walks):
                await self._advance(symbol)
                await asyncio.sleep(0)  # others first: there may be hundreds
            await self._write()

    @property
    def following(self) -> int:
        """Phantoms that have not ended."""
        return sum(map(len, self._walks.values()))

    async def _resume(self) -> None:
        """What earlier runs left: phantoms under way, decisions that none of them has taken."""
        since_ms = self._candles.now_ms() - self._first_bars * self._candles.bar_ms
        waiting, missed = await self._store.waiting(), await self._store.missed(since_ms)
        for phantom in waiting:
            self._walks.setdefault(phantom.symbol, {})[phantom.key] = _Walk(phantom)
        await self._take(missed)
        self._resumed = True

    def _listen(self) -> None:
        """What was heard, in its order; it is forgotten when it is followed, not before."""
        self._told += _decisions(self._steps)
        self._steps.clear()

    async def _take(self, decisions: Iterable[Decision]) -> None:
        """Begin to follow what is not followed yet."""
        new = [one for one in decisions if not self._follows(one.signal)]
        for phantom in await self._begin(new) if new else ():
            walks = self._walks.setdefault(phantom.symbol, {})
            if phantom.key not in walks:
                walks[phantom.key] = _Walk(phantom)
                self._begun.append(phantom)

    def _follows(self, signal: Signal) -> bool:
        key = (signal.strategy, signal.symbol, signal.bar_at_ms)
        return key in self._walks.get(signal.symbol, {})

    async def _advance(self, symbol: str) -> None:
        """Follow a symbol's phantoms as far as there are candles."""
        walks = self._walks[symbol]
        self._set_aside(symbol, self._candles.now_ms() - MOST_BARS * self._candles.bar_ms)
        if walks:
            since_ms = min(walk.wants_ms() for walk in walks.values())
            frame = await self._frame(symbol, since_ms)
            if frame is not None and len(frame):
                self._set_aside(symbol, int(frame.open_at_ms[0]) - HOLE * frame.timeframe_ms)
                for some in batched(candles_since(frame, since_ms), TOGETHER):
                    self._follow(walks, some)
                    await asyncio.sleep(0)  # others first: after a long downtime there are thousands
        if not walks:
            del self._walks[symbol]

    def _set_aside(self, symbol: str, known_ms: int) -> None:
        """Leave alone, for this run, what waits for candles from before a time: they are not to be had."""
        walks = self._walks[symbol]
        lost = [walk for walk in walks.values() if walk.wants_ms() < known_ms]
        for walk in lost:
            del walks[walk.phantom.key]
        if lost:
            log.warning(
                "%d phantoms of %s cannot be followed: candles that old are not known", len(lost), symbol
            )

    def _follow(self, walks: dict[tuple[str, str, int], _Walk], found: Sequence[Candle]) -> None:
        reached = [walk for walk in walks.values() if walk.wants_ms() <= found[-1].open_at_ms]
        for walk in reached:
            path = follow_all(walk.phantom, walk.path, found)
            if isinstance(path, Ending):
                self._ended.append((walk.phantom, path))
                del walks[walk.phantom.key]
            else:
                walk.path = path

    async def _frame(self, symbol: str, since_ms: int) -> Frame | None:
        """Candles from a time on, without a hole that anybody could fill; None: they cannot be had now."""
        bar_ms, now_ms = self._candles.bar_ms, self._candles.now_ms()
        window = self._candles.window(symbol)
        if window is not None and not _lacks(window, since_ms):
            return window
        since_asked_ms = now_ms - self._asked_at_ms.get(symbol, -HOLE * bar_ms)
        if window is None and 0 <= since_asked_ms < HOLE * bar_ms:  # a clock may have been put back
            return None
        self._asked_at_ms[symbol] = now_ms
        try:
            return await self._candles.history(symbol, max(1, (now_ms - since_ms) // bar_ms + 1))
        except VenueUnavailable as error:
            log.warning("phantoms of %s wait for candles: %s", symbol, error)
            return None

    async def _write(self) -> None:
        """What has begun and ended, in one go; what could not be written is written the next time."""
        begun, ended = len(self._begun), len(self._ended)
        if begun or ended:
            over = self._ended[:ended]
            await self._store.write(self._begun[:begun], over)
            del self._begun[:begun], self._ended[:ended]
            for listener in self.ended_listeners if over else ():
                await listener(over)


def _is_news(step: Step) -> bool:
    """True when a bar closed or a signal was decided on."""
    return isinstance(step.event, CandlesClosed) or any(
        isinstance(one, RecordDecision) for one in step.actions
    )


def _decisions(steps: Iterable[Step]) -> list[Decision]:
    return [one.decision for step in steps for one in step.actions if isinstance(one, RecordDecision)]


def _lacks(frame: Frame, since_ms: int) -> bool:
    """True when candles between a time and the newest are missing."""
    times = frame.open_at_ms
    if not len(times) or int(times[-1]) < since_ms:
        return False
    rows = len(times) - int(np.searchsorted(times, since_ms))
    return rows < (int(times[-1]) - since_ms) // frame.timeframe_ms + 1
