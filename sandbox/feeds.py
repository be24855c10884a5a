"""Candle feeds for the paper venue: whole histories from files, or the generated market, by opening time."""

from collections.abc import Callable, Mapping
from math import nan

import numpy as np

from bot.domain.market import Candle, timeframe_ms
from bot.strategy import Frame

BLOCK_BARS = 1024
KEPT_BLOCKS = 4

type FundingRates = Mapping[str, Mapping[int, float]]
type ReadBlock = Callable[[str, int, int], Frame]


class FrameFeed:
    """Candles of known, finite histories. Symbols may begin, end and have holes where they like."""

    def __init__(self, frames: Mapping[str, Frame], timeframe: str, funding: FundingRates | None = None) -> None:
        """`funding` holds settled rates by symbol and settlement time; without it there is none."""
        self._frames = dict(sorted(frames.items()))
        self._timeframe = timeframe
        self._step_ms = timeframe_ms(timeframe)
        self._funding = funding or {}
        self._rows = {symbol: _Rows(frame) for symbol, frame in self._frames.items()}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols by name."""
        return tuple(self._frames)

    @property
    def timeframe(self) -> str:
        """Timeframe of every candle."""
        return self._timeframe

    @property
    def first_open_at_ms(self) -> int:
        """Opening time of the first bar there is."""
        return min(int(frame.open_at_ms[0]) for frame in self._frames.values() if len(frame))

    @property
    def last_open_at_ms(self) -> int:
        """Opening time of the last bar there is."""
        return max(int(frame.open_at_ms[-1]) for frame in self._frames.values() if len(frame))

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """The candles of one bar, in symbol order; a hole in all symbols is empty, as is everything after the end."""
        found = (rows.candle(open_at_ms) for rows in self._rows.values())
        return tuple(candle for candle in found if candle is not None)

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        """Up to `bars` candles ending with the one that opens at `last_open_at_ms` or before."""
        frame = self._frames[symbol]
        end = int(np.searchsorted(frame.open_at_ms, last_open_at_ms, side="right"))
        return cut(frame, max(0, end - bars), end)

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        """The rate settled at that time; NaN when unknown."""
        return self._funding.get(symbol, {}).get(at_ms, nan)


class _Rows:
    """One symbol's candles as plain Python numbers, found by opening time."""

    def __init__(self, frame: Frame) -> None:
        self._symbol = frame.symbol
        self._step_ms = frame.timeframe_ms
        self._times = frame.open_at_ms.tolist()
        columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
        self._columns = tuple(column.tolist() for column in columns)
        self._row_of = dict(zip(self._times, range(len(self._times)), strict=True))

    def candle(self, open_at_ms: int) -> Candle | None:
        """The candle that opens then."""
        row = self._row_of.get(open_at_ms)
        if row is None:
            return None
        return Candle(self._symbol, open_at_ms, *(column[row] for column in self._columns))


class BlockFeed:
    """Candles of an endless market, made in blocks when they are first asked for.

    `read(symbol, first_bar, count)` makes candles by bar number, counted from `first_open_at_ms`.
    """

    def __init__(
        self,
        symbols: tuple[str, ...],
        timeframe: str,
        first_open_at_ms: int,
        read: ReadBlock,
        rate: Callable[[str, int], float],
    ) -> None:
        """`rate(symbol, at_ms)` is the funding rate settled at that time."""
        self._symbols = symbols
        self._timeframe = timeframe
        self._first_open_at_ms = first_open_at_ms
        self._step_ms = timeframe_ms(timeframe)
        self._read = read
        self._rate = rate
        self._blocks: dict[int, tuple[_Rows, ...]] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the market's order."""
        return self._symbols

    @property
    def timeframe(self) -> str:
        """Timeframe of every candle."""
        return self._timeframe

    @property
    def first_open_at_ms(self) -> int:
        """Opening time of bar 0."""
        return self._first_open_at_ms

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """The candles of one bar; empty before bar 0."""
        number = (open_at_ms - self._first_open_at_ms) // self._step_ms
        if number < 0:
            return ()
        found = (rows.candle(open_at_ms) for rows in self._block(number // BLOCK_BARS))
        return tuple(candle for candle in found if candle is not None)

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        """Up to `bars` candles ending with the one that opens at `last_open_at_ms`."""
        last = (last_open_at_ms - self._first_open_at_ms) // self._step_ms
        first = max(0, last + 1 - bars)
        return self._read(symbol, first, last + 1 - first)

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        """The rate settled at that time."""
        return self._rate(symbol, at_ms)

    def _block(self, number: int) -> tuple["_Rows", ...]:
        if number not in self._blocks:
            frames = (self._read(symbol, number * BLOCK_BARS, BLOCK_BARS) for symbol in self._symbols)
            self._blocks[number] = tuple(_Rows(frame) for frame in frames)
            while len(self._blocks) > KEPT_BLOCKS:
                del self._blocks[min(self._blocks)]
        return self._blocks[number]


def cut(frame: Frame, first: int, end: int) -> Frame:
    """Rows `first` up to `end` of a frame, without copying."""
    return Frame(
        symbol=frame.symbol,
        timeframe_ms=frame.timeframe_ms,
        open_at_ms=frame.open_at_ms[first:end],
        open=frame.open[first:end],
        high=frame.high[first:end],
        low=frame.low[first:end],
        close=frame.close[first:end],
        volume=frame.volume[first:end],
    )
