"""Triple barrier: what came first after a signal, its target, its stop, or the end of patience.

Prices are those of a backtest: the entry fills at the next open with slippage, stop and target keep their distances
from it (or their prices, where the strategy says so), and both may be met from that bar on. A bar that reaches both
has met the stop; one that opens beyond a level has met that level. Each signal is followed alone, whatever position a
desk would have had.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Array, Entries, Frame
from research.arrays.barriers import Touched, touch
from research.arrays.trades import asked_of, legs_for, market_of, terms_of
from research.arrays.walk import END, TP
from research.results.plan import Rules

LOOKAHEAD = 24
"""Bars after the signal in which a barrier counts."""
WON, LOST, UNKNOWN = 1, 0, -1


class TimedOut(StrEnum):
    """What becomes of a signal that met neither barrier in time."""

    DROPPED = "drop"
    BY_SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Labels:
    """One line per entry. `label` is 1 target first, 0 stop first, -1 none; `end_row` the last bar it rests on.

    `timed_out` is True where patience ended first. `gain` is what was made of the entry price until then, fees not
    taken off; NaN where nothing could be entered.
    """

    label: NDArray[np.int8]
    end_row: NDArray[np.int64]
    timed_out: NDArray[np.bool_]
    gain: Array

    def __len__(self) -> int:
        """Number of entries."""
        return len(self.label)


def labels_of(
    frame: Frame,
    entries: Entries,
    rules: Rules,
    lookahead: int = LOOKAHEAD,
    timed_out: TimedOut = TimedOut.DROPPED,
) -> Labels:
    """Label every entry. Without a barrier met before the candles end, while patience lasts, there is none.

    Raises ValueError for a patience below one bar.
    """
    if lookahead < 1:
        raise ValueError(f"lookahead is {lookahead} bars; at least 1")
    found = _touched(frame, entries, rules, lookahead)
    late = found.kind == END
    whole = entries.row + lookahead < len(frame)
    gain = entries.side * (found.exit - found.entry) / found.entry
    label = np.where(found.kind == TP, WON, LOST).astype(np.int8)
    label[late] = UNKNOWN
    if timed_out is TimedOut.BY_SIGN:
        label[late & whole] = (gain > 0.0)[late & whole]
    return Labels(label, found.end_row, late & whole, gain)


def _touched(frame: Frame, entries: Entries, rules: Rules, bars: int) -> Touched:
    count = len(entries)
    room = Touched(np.empty(count, np.int8), np.empty(count, np.int64), np.empty(count), np.empty(count))
    touch(market_of(frame, rules, None), asked_of(entries), terms_of(rules), bars, legs_for(1), room)
    return room
