"""Followed signals that have ended, as rows to learn from: what was known when they were given, and how they ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.ml.feature import FeatureSet, Matrix
from bot.ml.phantom import LivedSignal, Outcome
from bot.ml.registry import FEATURES
from bot.strategy import Array, Frame
from research.learning.labels import LOST, UNKNOWN, WON, TimedOut

ALL = FeatureSet(FEATURES)
"""What a desk keeps of every followed signal."""


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class LivedRows:
    """Those that fall on bars of a history, each bar once, in order of time: what they say instead of it.

    `label` is 1 target, 0 stop, -1 none. `left_out` counts those that cannot be learned from: outside the history, or
    without features of their own where the history has none for them.
    """

    bar: NDArray[np.int64] = field(default_factory=_none)
    label: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    rows: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    left_out: int = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self.bar)


@dataclass(frozen=True, slots=True)
class Told:
    """What the history itself has: features of every bar, the side that was said there, where its memory is whole."""

    frame: Frame
    features: FeatureSet
    matrix: Matrix
    side: Array
    first_bar: int


def lived_rows(lived: Sequence[LivedSignal], told: Told, timed_out: TimedOut) -> LivedRows:
    """Bring a symbol's lived signals to the bars of its history; of several of one bar the last one counts."""
    found: dict[int, tuple[int, Array]] = {}
    mine = [one for one in lived if one.symbol == told.frame.symbol]
    for one in mine:
        bar = _bar_of(told.frame, one.bar_at_ms)
        row = None if bar is None else _row_of(one, bar, told)
        if bar is not None and row is not None:
            found[bar] = _label_of(one, timed_out), row
    bars = sorted(found)
    return LivedRows(
        bar=np.array(bars, dtype=np.int64),
        label=np.array([found[bar][0] for bar in bars], dtype=np.int8),
        rows=np.array([found[bar][1] for bar in bars]).reshape(len(bars), len(told.features)),
        left_out=len(mine) - len(bars),
    )


def _bar_of(frame: Frame, bar_at_ms: int) -> int | None:
    open_at_ms = bar_at_ms - frame.timeframe_ms
    bar = int(np.searchsorted(frame.open_at_ms, open_at_ms))
    return bar if bar < len(frame) and int(frame.open_at_ms[bar]) == open_at_ms else None


def _row_of(one: LivedSignal, bar: int, told: Told) -> Array | None:
    """Its features as they were, else those of the history where that says the same and remembers enough."""
    own = _own_row(one, told.features)
    if own is not None:
        return own
    agrees = bar >= told.first_bar and float(told.side[bar]) == float(one.side)
    return told.matrix[bar] if agrees else None


def _own_row(one: LivedSignal, features: FeatureSet) -> Array | None:
    """Its own figures of these features; None where they were not kept, or were others."""
    kept = {features.hash: features, ALL.hash: ALL}.get(one.feature_hash)
    if kept is None or len(one.features) != len(kept):
        return None
    by_name = dict(zip(kept.names, one.features, strict=True))
    if not set(features.names) <= set(by_name):
        return None
    figures = (by_name[name] for name in features.names)
    return np.array([np.nan if figure is None else figure for figure in figures])


def _label_of(one: LivedSignal, timed_out: TimedOut) -> int:
    if one.outcome is Outcome.TIMEOUT:
        by_sign = WON if one.net_return > 0.0 else LOST
        return by_sign if timed_out is TimedOut.BY_SIGN else UNKNOWN
    return WON if one.outcome is Outcome.TARGET else LOST
