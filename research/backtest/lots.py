"""One symbol's part of a fast backtest: its trades without their sizes, and what a unit of each is worth."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bot.domain.order import CloseReason
from bot.strategy import Array, Entries, Frame
from research.arrays.trades import REASONS
from research.arrays.walk import END, REVERSE, Excursions, Legs
from research.store.port import Points


@dataclass(frozen=True)
class Lot:
    """A symbol's trades by the rules. `shown` are the strategy's columns on the bars of their signals, by name.

    `due` is what funding takes from one unit held long at each bar's close, as long as the frame; empty without it.
    `failure` says why the strategy was switched off, empty when it was not.
    """

    frame: Frame
    warmup_bars: int
    entries: Entries
    trades: Legs
    far: Excursions
    shown: dict[str, Array]
    due: Array
    fee: float
    failure: str = ""

    def __len__(self) -> int:
        """Number of trades."""
        return len(self.trades.place)

    @cached_property
    def sign(self) -> Array:
        """+1.0 long, -1.0 short."""
        return self.entries.side[self.trades.place].astype(np.float64)

    @cached_property
    def entry_fee(self) -> Array:
        """A unit's fee at the entry."""
        return self.trades.entry * self.fee

    @cached_property
    def exit_gain(self) -> Array:
        """What a unit's exit brings: price profit less the exit's fee."""
        trades = self.trades
        return self.sign * (trades.exit - trades.entry) - trades.exit * self.fee

    @cached_property
    def funding(self) -> Array:
        """What a unit gets from funding while it is held: positive when received."""
        if not len(self.due):
            return np.zeros(len(self))
        sums = np.concatenate(([0.0], np.cumsum(self.due)))
        until = self.trades.exit_row + (self.trades.kind == END)
        received: Array = -self.sign * (sums[until] - sums[self.trades.entry_row])
        return received

    @property
    def net_return(self) -> Array:
        """What each trade came to over its entry price: fees and funding taken off."""
        gained: Array = (self.exit_gain - self.entry_fee + self.funding) / self.trades.entry
        return gained

    @cached_property
    def reversed(self) -> NDArray[np.bool_]:
        """True where the position was turned round at the entry."""
        return np.concatenate(([False], self.trades.kind[:-1] == REVERSE))[: len(self)]

    @property
    def reasons(self) -> list[CloseReason]:
        """Why each was closed."""
        return [REASONS[kind] for kind in self.trades.kind.tolist()]


def due_of(frame: Frame, rates: Points | None) -> Array:
    """What each bar's close costs one unit held long.

    A settlement counts with the last bar that opened before it, at that bar's close.
    """
    if rates is None or not len(rates.at_ms):
        return np.empty(0)
    rows = np.searchsorted(frame.open_at_ms, rates.at_ms, side="left") - 1
    within = (rows >= 0) & (rates.at_ms <= frame.open_at_ms[-1] + frame.timeframe_ms)
    due = np.zeros(len(frame))
    np.add.at(due, rows[within], frame.close[rows[within]] * rates.value[within])
    return due
