"""From candle frames to complete bars: `Assembler` is pure and told the time, `CandleKeeper` repairs by REST.

A bar is told once, in order of time, with its final candles in symbol order: as soon as every expected symbol is in,
else when its patience is over with those that are there. What is missing after the grace is asked for by REST; so are
whole bars that were missed while streams were down, and they are told in their order. `at_ms` is when they are told,
so the age of what came late shows. A symbol that was silent for three bars is STALE and not waited for any more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.event import CandlesClosed, VenueConditionChanged
from bot.domain.guard import HaltKind
from bot.domain.market import Candle, timeframe_ms
from bot.strategy import Frame
from bot.venues.port import Sink, VenueUnavailable

log = logging.getLogger(__name__)

GRACE_MS = 2_000
PATIENCE_MS = 10_000
SILENT_BARS = 3
LONGEST_GAP = 1_000
TICK_S = 0.25
RETRY_S, LONGEST_RETRY_S = 1.0, 30.0

type AskCandles = Callable[[str, int, int], Awaitable[Frame]]
"""Symbol, bars, latest close (ms): the closed candles."""


@dataclass(slots=True)
class _Bar:
    candles: dict[str, Candle] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    asked_ms: int = 0


class Assembler:
    """Which bars are complete. `start_ms`: bars that closed before are not told."""

    def __init__(
        self,
        symbols: Sequence[str],
        timeframe: str,
        start_ms: int,
        grace_ms: int = GRACE_MS,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        self.symbols = tuple(sorted(symbols))
        self.timeframe = timeframe
        self.bar_ms = timeframe_ms(timeframe)
        self._grace_ms = grace_ms
        self._patience_ms = patience_ms
        self._next_ms = start_ms // self.bar_ms * self.bar_ms
        self._bars: dict[int, _Bar] = {}
        self._heard_ms = dict.fromkeys(self.symbols, self._next_ms)
        self._stale: set[str] = set()
        self._told_ms = 0

    @property
    def next_open_at_ms(self) -> int:
        """Opening time of the bar that is told next."""
        return self._next_ms

    @property
    def stale(self) -> frozenset[str]:
        """Symbols that have been silent too long; the empty name stands for all."""
        return frozenset(self._stale)

    # What is heard

    def see(self, candle: Candle, closed: bool, now_ms: int) -> None:
        """Take a candle; only sound final ones of our symbols count, the last word before the bar is told."""
        open_ms = candle.open_at_ms
        close_ms = open_ms + self.bar_ms
        if not closed or candle.symbol not in self._heard_ms or open_ms % self.bar_ms or not candle.sound:
            return
        if close_ms > now_ms + self.bar_ms:  # nobody knows the future
            return
        self._heard_ms[candle.symbol] = max(self._heard_ms[candle.symbol], close_ms)
        if open_ms >= self._next_ms:
            self._bar(open_ms).candles[candle.symbol] = candle

    def repaired(self, symbol: str, candles: Sequence[Candle], now_ms: int) -> None:
        """What the venue has by REST: a bar older than the newest of these and not among them does not exist."""
        for candle in candles:
            self.see(candle, True, now_ms)
        newest_ms = max((candle.open_at_ms for candle in candles), default=0)
        for open_ms in self._closed(newest_ms):
            if symbol not in self._bar(open_ms).candles:
                self._bar(open_ms).absent.add(symbol)

    # What is to be done

    def missing(self, now_ms: int) -> Mapping[str, int]:
        """Symbols of which final candles are overdue, with the opening time of the first that is missing."""
        self._skip_what_is_too_old(now_ms)
        found: dict[str, int] = {}
        for open_ms in self._closed(now_ms - self._grace_ms):
            for symbol in self._lacking(open_ms):
                found.setdefault(symbol, open_ms)
        return found

    def asking(self, now_ms: int) -> None:
        """A round of repair begins: bars never asked for, or of which nothing is there, wait for it."""
        for open_ms in self._closed(now_ms - self._grace_ms):
            bar = self._bar(open_ms)
            if not bar.asked_ms or not bar.candles:
                bar.asked_ms = now_ms

    def ready(self, now_ms: int) -> list[CandlesClosed]:
        """The bars that can be told now, each once."""
        told = []
        while self._next_ms <= now_ms and self._over(self._next_ms, now_ms):
            bar = self._bars.pop(self._next_ms, _Bar())
            self._next_ms += self.bar_ms
            if bar.candles:
                self._told_ms = max(now_ms, self._next_ms, self._told_ms + 1)
                candles = tuple(bar.candles[symbol] for symbol in self.symbols if symbol in bar.candles)
                told.append(CandlesClosed(self._told_ms, self.timeframe, candles))
        return told

    def conditions(self, now_ms: int) -> list[VenueConditionChanged]:
        """Symbols that fell silent or are heard again since the last time; all at once is one event."""
        limit_ms = now_ms - SILENT_BARS * self.bar_ms - self._patience_ms
        silent = {symbol for symbol, heard_ms in self._heard_ms.items() if heard_ms <= limit_ms}
        if len(silent) == len(self.symbols):
            silent = {""}
        kind, reason = HaltKind.STALE, f"no candle for {SILENT_BARS} bars"
        begun, over = sorted(silent - self._stale), sorted(self._stale - silent)
        self._stale = silent
        return [VenueConditionChanged(now_ms, kind, True, reason, symbol) for symbol in begun] + [
            VenueConditionChanged(now_ms, kind, False, "candles again", symbol) for symbol in over
        ]

    def _over(self, open_ms: int, now_ms: int) -> bool:
        """True when the bar needs no more waiting."""
        close_ms, bar = open_ms + self.bar_ms, self._bars.get(open_ms)
        if bar is None:
            return False
        enough = len(bar.candles) + len(bar.absent) >= len(self.symbols) - len(self._stale)
        if enough and next(self._lacking(open_ms), None) is None:
            return bool(bar.candles) or close_ms <= now_ms
        # A bar that is late itself (we slept, the line hung) has its patience too, from when it was asked for.
        deadline_ms = max(close_ms + self._patience_ms, bar.asked_ms + self._patience_ms - self._grace_ms)
        return bool(bar.candles and bar.asked_ms) and now_ms >= deadline_ms

    def _lacking(self, open_ms: int) -> Iterator[str]:
        bar = self._bars.get(open_ms, _Bar())
        for symbol in self.symbols:
            if symbol not in bar.candles and symbol not in bar.absent and symbol not in self._stale:
                yield symbol

    def _closed(self, until_ms: int) -> range:
        """Opening times of the bars not told yet that closed until then."""
        return range(self._next_ms, until_ms - self.bar_ms + 1, self.bar_ms)

    def _bar(self, open_ms: int) -> _Bar:
        return self._bars.setdefault(open_ms, _Bar())

    def _skip_what_is_too_old(self, now_ms: int) -> None:
        first_ms = (now_ms // self.bar_ms - LONGEST_GAP) * self.bar_ms
        if first_ms > self._next_ms:
            self._bars = {open_ms: bar for open_ms, bar in self._bars.items() if open_ms >= first_ms}
            self._next_ms = first_ms


class CandleKeeper:
    """Tells bars to the sink as they get complete, and repairs what is missing, a few symbols at a time."""

    def __init__(
        self,
        assembler: Assembler,
        ask: AskCandles,
        sink: Sink,
        clock: Callable[[], int],
        parallel: int = 8,
        tick_s: float = TICK_S,
    ) -> None:
        self.assembler = assembler
        self.repairs = 0
        self._ask = ask
        self._sink = sink
        self._clock = clock
        self._slots = asyncio.Semaphore(parallel)
        self._tick_s = tick_s

    def see(self, candle: Candle, closed: bool) -> None:
        """Take a frame's candle."""
        self.assembler.see(candle, closed, self._clock())
        if closed:
            self._tell()

    async def run(self) -> None:
        """Watch the clock for as long as the venue is open."""
        loop = asyncio.get_running_loop()
        next_round_s, pause_s = 0.0, RETRY_S
        while True:
            await asyncio.sleep(self._tick_s)
            self._tell()
            for event in self.assembler.conditions(self._clock()):
                self._sink(event)
            missing = self.assembler.missing(self._clock())
            if missing and loop.time() >= next_round_s:
                await self._repair(missing)
                better = len(self.assembler.missing(self._clock())) < len(missing)
                pause_s = RETRY_S if better else min(pause_s * 2, LONGEST_RETRY_S)
                next_round_s = loop.time() + pause_s

    async def _repair(self, missing: Mapping[str, int]) -> None:
        """One round. A round that hangs does not hold bars up."""
        self.assembler.asking(self._clock())
        round_ = asyncio.gather(*(self._repair_one(symbol, first) for symbol, first in missing.items()))
        try:
            while not round_.done():
                await asyncio.wait({round_}, timeout=self._tick_s)
                self._tell()
            await round_
        finally:
            round_.cancel()

    async def _repair_one(self, symbol: str, first_ms: int) -> None:
        bar_ms = self.assembler.bar_ms
        async with self._slots:
            until_ms = self._clock() // bar_ms * bar_ms
            try:
                frame = await self._ask(symbol, (until_ms - first_ms) // bar_ms, until_ms)
            except VenueUnavailable as error:
                log.info("candles of %s could not be repaired: %s", symbol, error)
                return
        self.repairs += 1
        self.assembler.repaired(symbol, list(candles_of(frame)), self._clock())

    def _tell(self) -> None:
        for event in self.assembler.ready(self._clock()):
            self._sink(event)


def candles_of(frame: Frame) -> Iterator[Candle]:
    """A frame's rows as candles."""
    columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        yield Candle(frame.symbol, *row)
