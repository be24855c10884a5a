"""Candle buffers: the last bars of one symbol as contiguous columns, given to the indicators without a copy.

The columns are twice as long as the window and filled from left to right; a window is a slice of them. When
they are full, the window moves to the front of fresh ones: a copy once per `capacity` bars, and frames handed
out earlier keep the old columns, so a frame never changes under its reader.
"""

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import Candle
from bot.strategy import Array, Frame

DEFAULT_CAPACITY = 1000


class CandleBuffer:
    """The last `capacity` closed candles of one symbol and timeframe, oldest first."""

    def __init__(self, symbol: str, timeframe_ms: int, capacity: int = DEFAULT_CAPACITY) -> None:
        """An empty buffer; `capacity` is the longest window it gives."""
        if capacity < 1 or timeframe_ms < 1:
            raise ValueError(f"buffer capacity {capacity} and timeframe {timeframe_ms} ms must be above 0")
        self.symbol = symbol
        self.timeframe_ms = timeframe_ms
        self.capacity = capacity
        self._start = self._end = 0
        self._last_at_ms = 0
        self._fresh_columns()

    def __len__(self) -> int:
        """Bars in the window."""
        return self._end - self._start

    @property
    def last_open_at_ms(self) -> int | None:
        """Opening time of the newest bar, None when empty."""
        return self._last_at_ms if self._end else None

    @property
    def missing(self) -> int:
        """Bars the window lacks between its first and its last: 0 when there is no gap."""
        if not self._end:
            return 0
        span_ms = self._last_at_ms - int(self._open_at_ms[self._start])
        return span_ms // self.timeframe_ms + 1 - len(self)

    def append(self, candle: Candle) -> bool:
        """Take the next closed candle; False, and nothing changed, when it cannot be the next one.

        Refused are another symbol, figures that cannot be a candle, a bar already here or older than the
        newest, and a time off the grid of the timeframe. Later than expected is taken; `missing` then counts
        the gap.
        """
        if candle.symbol != self.symbol or not candle.sound or not self._is_next(candle.open_at_ms):
            return False
        if self._end == len(self._close):
            self._move_to_front()
        end = self._end
        self._open_at_ms[end] = self._last_at_ms = candle.open_at_ms
        self._open[end] = candle.open
        self._high[end] = candle.high
        self._low[end] = candle.low
        self._close[end] = candle.close
        self._volume[end] = candle.volume
        self._end = end + 1
        if self._end - self._start > self.capacity:
            self._start += 1
        return True

    def preload(self, frame: Frame) -> int:
        """Fill the buffer from history and keep the newer bars it has; answers how many bars it holds.

        Rows that are unsound, out of order, doubled or off the grid are left out, as `append` would.
        """
        if (frame.symbol, frame.timeframe_ms) != (self.symbol, self.timeframe_ms):
            given = f"{frame.symbol} {frame.timeframe_ms} ms"
            raise ValueError(f"buffer of {self.symbol} {self.timeframe_ms} ms cannot take {given}")
        newer = self.frame()
        self._fresh_columns()
        self._fill(frame, _sound_rows(frame)[-self.capacity :])
        self._take_newer(newer)
        return len(self)

    def frame(self) -> Frame:
        """The window as columns: slices without a copy, unchanged by bars that come later."""
        window = slice(self._start, self._end)
        return Frame(
            self.symbol,
            self.timeframe_ms,
            self._open_at_ms[window],
            self._open[window],
            self._high[window],
            self._low[window],
            self._close[window],
            self._volume[window],
        )

    def _is_next(self, open_at_ms: int) -> bool:
        if not self._end:
            return True
        step = open_at_ms - self._last_at_ms
        return step > 0 and step % self.timeframe_ms == 0

    def _fresh_columns(self) -> None:
        size = 2 * self.capacity
        self._open_at_ms: NDArray[np.int64] = np.empty(size, dtype=np.int64)
        prices = np.empty((5, size))
        self._open: Array = prices[0]
        self._high: Array = prices[1]
        self._low: Array = prices[2]
        self._close: Array = prices[3]
        self._volume: Array = prices[4]

    def _move_to_front(self) -> None:
        """Start over with fresh columns that begin with the window, less the bar about to drop out."""
        window = self.frame()
        self._fresh_columns()
        self._fill(window, slice(1, None))

    def _fill(self, frame: Frame, rows: NDArray[np.intp] | slice) -> None:
        """Begin the columns with these rows of a frame."""
        count = len(frame.close[rows])
        for mine, given in zip(self._columns(), _columns_of(frame), strict=True):
            mine[:count] = given[rows]
        self._start, self._end = 0, count
        if count:
            self._last_at_ms = int(self._open_at_ms[count - 1])

    def _take_newer(self, newer: Frame) -> None:
        for row in zip(*(column.tolist() for column in _columns_of(newer)), strict=True):
            self.append(Candle(self.symbol, *row))

    def _columns(self) -> tuple[NDArray[np.int64] | Array, ...]:
        return (self._open_at_ms, self._open, self._high, self._low, self._close, self._volume)


def _columns_of(frame: Frame) -> tuple[NDArray[np.int64] | Array, ...]:
    return (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)


def _sound_rows(frame: Frame) -> NDArray[np.intp]:
    """Rows that can be candles, each newer than all before it and on the grid of the first of them."""
    rows = np.flatnonzero(_sound(frame))
    if not len(rows):
        return rows
    at_ms = frame.open_at_ms[rows]
    on_grid = (at_ms - at_ms[0]) % frame.timeframe_ms == 0
    rows, at_ms = rows[on_grid], at_ms[on_grid]
    is_newer = np.ones(len(rows), dtype=np.bool_)
    is_newer[1:] = at_ms[1:] > np.maximum.accumulate(at_ms)[:-1]
    newer: NDArray[np.intp] = rows[is_newer]
    return newer


def _sound(frame: Frame) -> NDArray[np.bool_]:
    """Per row what `Candle.sound` says of one candle."""
    low, high = frame.low, frame.high
    sound: NDArray[np.bool_] = (
        (low > 0.0)
        & np.isfinite(high)
        & (frame.volume >= 0.0)
        & np.isfinite(frame.volume)
        & (low <= frame.open)
        & (frame.open <= high)
        & (low <= frame.close)
        & (frame.close <= high)
    )
    return sound
