"""Closed candles of one contract: the source's as long as nobody interfered, our own records from then on."""

from array import array
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.domain.instrument import to_decimal
from bot.domain.market import timeframe_ms
from bot.strategy import Frame
from bot.venues.feed import CandleFeed
from sandbox.exchange.nouns import Kline

FIGURES = 5
USUAL_TRADE = 2_000.0
"""Quote value of a usual trade: how many trades a candle counts follows from its turnover."""

type Rows = NDArray[np.float64]


@dataclass(slots=True)
class Forming:
    """A candle that is not closed yet; `turnover` in quote asset."""

    open_at_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0

    def meet(self, price: float) -> None:
        """A trade at this price."""
        self.close = price
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price

    def figures(self) -> tuple[float, float, float, float, float]:
        """Open, high, low, close, volume."""
        return self.open, self.high, self.low, self.close, self.volume


class Series:
    """All candles of one contract at the market's own interval, and larger ones made of them."""

    def __init__(self, feed: CandleFeed, symbol: str, bar_ms: int) -> None:
        self._feed = feed
        self._symbol = symbol
        self._bar_ms = bar_ms
        self.interval = feed.timeframe
        self._own_from_ms: int | None = None
        self._own = array("d")

    @property
    def bar_ms(self) -> int:
        """Length of the market's own candles."""
        return self._bar_ms

    def interfered(self, open_at_ms: int) -> None:
        """From this candle on ours are not the source's."""
        if self._own_from_ms is None:
            self._own_from_ms = open_at_ms

    def close(self, forming: Forming) -> None:
        """Keep a closed candle, if the source does not know it."""
        if self._own_from_ms is not None:
            self._own.extend(forming.figures())

    def klines(self, forming: Forming, interval: str, first_ms: int, last_ms: int) -> list[Kline]:
        """Candles of an interval that open within the times (both included), the forming one as far as it has come."""
        length = timeframe_ms(interval)
        if length % self._bar_ms:
            raise ValueError(f"{interval} candles cannot be made of {self.interval} candles")
        first = -(-first_ms // length) * length
        end = min(last_ms // length * length + length, forming.open_at_ms + self._bar_ms)
        times, rows = self.rows(first, end, forming)
        if not len(times):
            return []
        return [self._kline(interval, length, forming, *part) for part in _grouped(times, rows, length)]

    def rows(self, first_ms: int, end_ms: int, forming: Forming) -> tuple[NDArray[np.int64], Rows]:
        """Opening times and figures of the market's own candles within [first, end), the forming one too."""
        border = forming.open_at_ms if self._own_from_ms is None else self._own_from_ms
        times, rows = self._of_source(first_ms, min(end_ms, border))
        own_first, own_end = max(first_ms, border), min(end_ms, forming.open_at_ms)
        if self._own_from_ms is not None and own_end > own_first:
            begin, end = ((at - border) // self._bar_ms for at in (own_first, own_end))
            own = np.array(self._own[begin * FIGURES : end * FIGURES]).reshape(-1, FIGURES)
            times = np.concatenate([times, np.arange(own_first, own_end, self._bar_ms, dtype=np.int64)])
            rows = np.concatenate([rows, own])
        if first_ms <= forming.open_at_ms < end_ms:
            times = np.append(times, forming.open_at_ms)
            rows = np.vstack([rows, forming.figures()])
        return times, rows

    def _of_source(self, first_ms: int, end_ms: int) -> tuple[NDArray[np.int64], Rows]:
        bars = (end_ms - max(first_ms, self._feed.first_open_at_ms)) // self._bar_ms
        if bars <= 0:
            return np.empty(0, dtype=np.int64), np.empty((0, FIGURES))
        frame = self._feed.window(self._symbol, end_ms - self._bar_ms, bars)
        inside = frame.open_at_ms >= first_ms
        return frame.open_at_ms[inside], _columns(frame)[inside]

    def _kline(
        self, interval: str, length: int, forming: Forming, open_at_ms: int, row: Rows, turnover: float
    ) -> Kline:
        closes = open_at_ms + length
        return kline(self._symbol, interval, open_at_ms, row, turnover, closed=closes <= forming.open_at_ms)


def kline(
    symbol: str,
    interval: str,
    open_at_ms: int,
    row: Rows | tuple[float, ...],
    turnover: float,
    *,
    closed: bool,
) -> Kline:
    """One candle as exchanges tell it."""
    opens, high, low, close, volume = (to_decimal(float(value)) for value in row)
    return Kline(
        symbol=symbol,
        interval=interval,
        open_at_ms=open_at_ms,
        close_at_ms=open_at_ms + timeframe_ms(interval) - 1,
        open=opens,
        high=high,
        low=low,
        close=close,
        volume=volume,
        turnover=Decimal(f"{turnover:.4f}"),
        trades=int(turnover / USUAL_TRADE) + 1 if turnover else 0,
        closed=closed,
    )


def turnover_of(row: tuple[float, float, float, float, float]) -> float:
    """Quote value of what a candle traded, at its middle price."""
    return (row[0] + row[1] + row[2] + row[3]) / 4 * row[4]


def _columns(frame: Frame) -> Rows:
    return np.column_stack([frame.open, frame.high, frame.low, frame.close, frame.volume])


def _grouped(times: NDArray[np.int64], rows: Rows, length: int) -> list[tuple[int, Rows, float]]:
    """Candles of a larger interval: opening time, figures, turnover."""
    buckets = times // length
    starts = np.flatnonzero(np.concatenate(([True], buckets[1:] != buckets[:-1])))
    ends = np.concatenate((starts[1:], [len(times)])) - 1
    turnovers = np.add.reduceat(rows[:, :4].mean(axis=1) * rows[:, 4], starts)
    volumes = np.add.reduceat(rows[:, 4], starts)
    merged = np.column_stack(
        [
            rows[starts, 0],
            np.maximum.reduceat(rows[:, 1], starts),
            np.minimum.reduceat(rows[:, 2], starts),
            rows[ends, 3],
            np.round(volumes, 8),
        ]
    )
    return [
        (int(buckets[start]) * length, row, float(turnover))
        for start, row, turnover in zip(starts, merged, turnovers, strict=True)
    ]
