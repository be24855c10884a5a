"""Closed candles of one contract: the source's as long as nobody interfered, our own records from then on."""

from array import array
from collections.abc import Iterator
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

TURNOVER_GRID = 10_000
"""Turnovers have four decimals, so that it does not matter in which order they are added up."""

type Rows = NDArray[np.float64]
type Row = tuple[float, float, float, float, float]
"""Open, high, low, close, volume."""


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

    def figures(self) -> Row:
        """Open, high, low, close, volume."""
        return self.open, self.high, self.low, self.close, self.volume


@dataclass(frozen=True, slots=True)
class Large:
    """Candles of a larger interval: opening times, figures, turnovers."""

    times: NDArray[np.int64]
    rows: Rows
    turnovers: Rows

    def between(self, first_ms: int, end_ms: int) -> "Large":
        """Those that open within [first, end)."""
        part = slice(*np.searchsorted(self.times, (first_ms, end_ms)).tolist())
        return Large(self.times[part], self.rows[part], self.turnovers[part])

    def each(self) -> Iterator[tuple[int, Row, float]]:
        """One after the other."""
        rows = ((row[0], row[1], row[2], row[3], row[4]) for row in self.rows.tolist())
        return zip(self.times.tolist(), rows, self.turnovers.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class Grown:
    """What is closed of a larger candle up to a time; `row` None: nothing yet."""

    until_ms: int
    row: Row | None
    turnover: float


@dataclass(frozen=True, slots=True)
class Past:
    """Candles of a larger interval that can no longer change, made in advance for [first, end)."""

    first_ms: int
    end_ms: int
    candles: Large


class Series:
    """All candles of one contract at the market's own interval, and larger ones made of them."""

    def __init__(self, feed: CandleFeed, symbol: str, bar_ms: int) -> None:
        self._feed = feed
        self._symbol = symbol
        self._bar_ms = bar_ms
        self.interval = feed.timeframe
        self._own_from_ms: int | None = None
        self._own = array("d")
        self._grown: dict[int, Grown] = {}
        self._past: dict[int, Past] = {}

    @property
    def bar_ms(self) -> int:
        """Length of the market's own candles."""
        return self._bar_ms

    def interfered(self, open_at_ms: int) -> None:
        """From this candle on ours are not the source's."""
        if self._own_from_ms is None:
            self._own_from_ms = open_at_ms

    def _border(self, forming: Forming) -> int:
        """Where the source's candles end and ours begin."""
        return forming.open_at_ms if self._own_from_ms is None else self._own_from_ms

    def close(self, forming: Forming) -> None:
        """Keep a closed candle, if the source does not know it."""
        if self._own_from_ms is not None:
            self._own.extend(forming.figures())

    def klines(self, forming: Forming, interval: str, first_ms: int, last_ms: int) -> list[Kline]:
        """Candles of an interval that open within the times (both included), the forming one as far as it has come."""
        length = self._length(interval)
        first = -(-first_ms // length) * length
        end = min(last_ms // length * length + length, forming.open_at_ms + self._bar_ms)
        border = forming.open_at_ms
        return [
            kline(self._symbol, interval, at_ms, row, turnover, closed=at_ms + length <= border)
            for large in self._large(length, first, end, forming)
            for at_ms, row, turnover in large.each()
        ]

    def _length(self, interval: str) -> int:
        length = timeframe_ms(interval)
        if length % self._bar_ms:
            raise ValueError(f"{interval} candles cannot be made of {self.interval} candles")
        return length

    def prepare(self, interval: str, first_ms: int, forming: Forming) -> None:
        """Make the source's candles of a larger interval now, so that asking for them is quick."""
        length = self._length(interval)
        first, end = -(-first_ms // length) * length, self._border(forming) // length * length
        if end > first and length > self._bar_ms:
            self._past[length] = Past(first, end, _grouped(*self._of_source(first, end), length))

    def _large(self, length: int, first: int, end: int, forming: Forming) -> Iterator[Large]:
        past = self._past.get(length)
        if past is not None and past.first_ms <= first < past.end_ms:
            yield past.candles.between(first, end)
            first = past.end_ms
        yield _grouped(*self.rows(first, end, forming), length)

    def grown(self, interval: str, forming: Forming) -> Kline:
        """The forming candle of a larger interval; what is closed of it is added up once for each of our candles."""
        length = self._length(interval)
        begins = forming.open_at_ms // length * length
        known = self._grown.get(length)
        if known is None or known.until_ms != forming.open_at_ms:
            closed = list(_grouped(*self.rows(begins, forming.open_at_ms, forming), length).each())
            _, before, traded = closed[-1] if closed else (0, None, 0.0)
            known = self._grown[length] = Grown(forming.open_at_ms, before, traded)
        row, turnover = forming.figures(), turnover_of(forming.figures()) + known.turnover
        if (head := known.row) is not None:
            volume = round(head[4] + row[4], 8)
            row = (head[0], max(head[1], row[1]), min(head[2], row[2]), row[3], volume)
        return kline(self._symbol, interval, begins, row, turnover, closed=False)

    def rows(self, first_ms: int, end_ms: int, forming: Forming) -> tuple[NDArray[np.int64], Rows]:
        """Opening times and figures of the market's own candles within [first, end), the forming one too."""
        border = self._border(forming)
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


def kline(
    symbol: str,
    interval: str,
    open_at_ms: int,
    row: Row,
    turnover: float,
    *,
    closed: bool,
) -> Kline:
    """One candle as exchanges tell it."""
    opens, high, low, close, volume = (to_decimal(value) for value in row)
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


def turnover_of(row: Row) -> float:
    """Quote value of what a candle traded, at its middle price."""
    return round((row[0] + row[1] + row[2] + row[3]) / 4 * row[4] * TURNOVER_GRID) / TURNOVER_GRID


def _columns(frame: Frame) -> Rows:
    return np.column_stack([frame.open, frame.high, frame.low, frame.close, frame.volume])


def _grouped(times: NDArray[np.int64], rows: Rows, length: int) -> Large:
    """Candles of a larger interval."""
    if not len(times):
        return Large(times, rows, np.empty(0))
    buckets = times // length
    starts = np.flatnonzero(np.concatenate(([True], buckets[1:] != buckets[:-1])))
    ends = np.concatenate((starts[1:], [len(times)])) - 1
    traded = (rows[:, 0] + rows[:, 1] + rows[:, 2] + rows[:, 3]) / 4 * rows[:, 4]
    columns = [
        rows[starts, 0],
        np.maximum.reduceat(rows[:, 1], starts),
        np.minimum.reduceat(rows[:, 2], starts),
        rows[ends, 3],
        np.round(np.add.reduceat(rows[:, 4], starts), 8),
    ]
    turnovers = np.add.reduceat(np.rint(traded * TURNOVER_GRID) / TURNOVER_GRID, starts)
    return Large(buckets[starts] * length, np.column_stack(columns), turnovers)
