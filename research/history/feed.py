"""Candles read from files as a feed with random access: what the paper venue and backtests play back."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import Candle
from bot.strategy import Frame
from research.history.report import History

type Funding = Mapping[str, Mapping[int, float]]


class HistoryFeed:
    """A `CandleFeed` of a history: every symbol's candles on one grid, holes left open."""

    def __init__(self, history: History, funding: Funding | None = None) -> None:
        """`funding` gives rates by symbol and settlement time (ms); without it they are unknown."""
        self._frames = dict(history.frames)
        self._timeframe = history.timeframe
        self._funding = funding or {}
        self._step_ms = next(iter(self._frames.values())).timeframe_ms
        self._first = min(int(frame.open_at_ms[0]) for frame in self._frames.values())
        self._last = max(int(frame.open_at_ms[-1]) for frame in self._frames.values())
        bars = (self._last - self._first) // self._step_ms + 1
        self._places = {name: self._on_grid(frame, bars) for name, frame in self._frames.items()}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in name order."""
        return tuple(self._frames)

    @property
    def timeframe(self) -> str:
        """Timeframe of every candle."""
        return self._timeframe

    @property
    def first_open_at_ms(self) -> int:
        """Opening time of the earliest candle of any symbol."""
        return self._first

    @property
    def last_open_at_ms(self) -> int:
        """Opening time of the latest candle of any symbol."""
        return self._last

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """The candles of one bar; symbols with a hole there are left out; empty after the end."""
        place, off = divmod(open_at_ms - self._first, self._step_ms)
        if off or not self._first <= open_at_ms <= self._last:
            return ()
        found = ((name, int(places[place])) for name, places in self._places.items())
        return tuple(_candle(self._frames[name], row) for name, row in found if row >= 0)

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        """Up to `bars` candles, the last of them not later than `last_open_at_ms`."""
        frame = self._frames[symbol]
        end = int(np.searchsorted(frame.open_at_ms, last_open_at_ms, side="right"))
        rows = slice(max(0, end - bars), end)
        columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
        return Frame(symbol, self._step_ms, frame.open_at_ms[rows], *(column[rows] for column in columns))

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        """The rate settled at `at_ms`; NaN when unknown."""
        return self._funding.get(symbol, {}).get(at_ms, float("nan"))

    def _on_grid(self, frame: Frame, bars: int) -> NDArray[np.int32]:
        """Row of each bar of the grid in a frame, -1 in holes."""
        places = np.full(bars, -1, dtype=np.int32)
        places[(frame.open_at_ms - self._first) // self._step_ms] = np.arange(len(frame))
        return places


def _candle(frame: Frame, row: int) -> Candle:
    return Candle(
        symbol=frame.symbol,
        open_at_ms=int(frame.open_at_ms[row]),
        open=float(frame.open[row]),
        high=float(frame.high[row]),
        low=float(frame.low[row]),
        close=float(frame.close[row]),
        volume=float(frame.volume[row]),
    )
