"""A strategy's entries over a history, without trusting it: what `HistorySignals` does bar by bar, at one go."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.domain.signal import Signal
from bot.market import answers
from bot.strategy import Columns, Entries, Frame, Strategy, entries_of


@dataclass(frozen=True, slots=True)
class Heard:
    """What a strategy said of a history. `failure`: why it was switched off on the way, empty when it was not."""

    columns: Columns
    entries: Entries
    failure: str = ""


def asked(strategy: Strategy, frame: Frame) -> Heard:
    """Columns and entries of a whole history; from its first failure on a strategy says nothing."""
    try:
        columns = strategy.prepare_history(frame)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - anybody's code; told in the notes
        return Heard({}, entries_of(frame, []), f"{type(error).__name__} in prepare")
    try:
        entries = strategy.entries(frame, columns)
    except (Exception, SystemExit):  # noqa: BLE001 - asked bar by bar, it shows on which bar it fails
        return _bar_by_bar(strategy, frame, columns)
    return Heard(columns, entries) if sound(entries).all() else _bar_by_bar(strategy, frame, columns)


def sound(entries: Entries) -> NDArray[np.bool_]:
    """Which entries can be traded: what `answers.fault` asks of a signal."""
    reference, stop, target, atr = (
        entries.reference_price,
        entries.stop_price,
        entries.target_price,
        entries.atr,
    )
    long = entries.side > 0
    low, high = np.where(long, stop, target), np.where(long, target, stop)
    inside = (low > 0.0) & (low < reference) & (reference < high) & (high < np.inf)
    known: NDArray[np.bool_] = inside & (atr >= 0.0) & (atr < np.inf) & np.isfinite(entries.score)
    return known


def _bar_by_bar(strategy: Strategy, frame: Frame, columns: Columns) -> Heard:
    """Up to the bar on which it fails; the last bar is not asked: nothing comes after it to trade in."""
    found: list[Signal] = []
    for i in range(max(1, strategy.warmup_bars) - 1, len(frame) - 1):
        signal, fault = _decided(strategy, frame, columns, i)
        if signal is None:
            return Heard(columns, entries_of(frame, found), fault)
        found += [signal] if signal.side is not None else []
    return Heard(columns, entries_of(frame, found))


def _decided(strategy: Strategy, frame: Frame, columns: Columns, i: int) -> tuple[Signal | None, str]:
    try:
        signal = strategy.decide(frame, columns, i)
        fault = answers.fault(signal, frame.symbol, int(frame.open_at_ms[i]) + frame.timeframe_ms)
        return (None, fault) if fault else (answers.plain(signal), "")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - anybody's code; told in the notes
        return None, f"{type(error).__name__} in decide"
