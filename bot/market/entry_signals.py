"""Signals of whole histories whose entries are known at one go: exact backtests.

Every signal is still `decide`'s own; what is saved is asking it on bars where it has no side. Those give no signal at
all: an engine needs a hold only for /why, and nobody asks that of the past.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from bot.domain.market import Candle
from bot.domain.signal import Signal
from bot.market.signals import HistorySignals
from bot.strategy import Frame, Strategy


class EntrySignals(HistorySignals):
    """Signals with a side only. The last bar of a history gives none: nothing comes after it to be traded in.

    A strategy whose `entries` fails is asked bar by bar, so that it is switched off on the bar on which it fails.
    """

    def __init__(self, strategies: Mapping[str, Strategy], frames: Mapping[str, Frame]) -> None:
        """Prepare every symbol's whole history."""
        self._times: dict[str, list[int]] = {}
        self._asked: dict[str, frozenset[int] | None] = {}
        super().__init__(strategies, frames)

    def reconfigure(self, symbol: str, strategy: Strategy) -> None:
        """Use this strategy from the next bar on: its columns and entries are computed now."""
        super().reconfigure(symbol, strategy)
        self._times[symbol] = self._frames[symbol].open_at_ms.tolist()
        self._asked[symbol] = None if symbol in self.failures else self._rows_with_a_side(symbol, strategy)

    def _check_timeframe(self, frame: Frame, strategy: Strategy) -> None:
        """Whoever set the backtest up has said which candles are meant."""

    def on_candles(self, candles: Sequence[Candle]) -> list[Signal]:
        """The signals with a side, in the order given."""
        rows, found = self._rows, []
        for candle in candles:
            symbol = candle.symbol
            if symbol not in rows:
                continue
            row, times = rows[symbol] + 1, self._times[symbol]
            if row >= len(times) or times[row] != candle.open_at_ms:
                row = bisect_left(times, candle.open_at_ms)
                if row >= len(times) or times[row] != candle.open_at_ms:
                    continue
            rows[symbol] = row
            asked = self._asked[symbol]
            if (asked is None or row in asked) and row + 1 < len(times):
                signal = self._sided(symbol, row)
                found += [signal] if signal is not None else []
        return found

    def _sided(self, symbol: str, row: int) -> Signal | None:
        if symbol in self.failures or row + 1 < self._strategies[symbol].warmup_bars:
            return None
        signal = self._decide(symbol, self._frames[symbol], self._columns[symbol], row)
        return signal if signal is not None and signal.side is not None else None

    def _rows_with_a_side(self, symbol: str, strategy: Strategy) -> frozenset[int] | None:
        try:
            return frozenset(strategy.entries(self._frames[symbol], self._columns[symbol]).row.tolist())
        except (Exception, SystemExit):  # noqa: BLE001 - anybody's code; asked bar by bar, its failure is recorded
            return None
