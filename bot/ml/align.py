"""What is known of a symbol, brought to its bars: another symbol's closes, figures that come at times of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import HOUR_MS, MINUTE_MS
from bot.market.compiled import plain
from bot.market.points import Points
from bot.ml.feature import (
    FUNDING_RATE,
    POINTS,
    RATIO_GLOBAL,
    RATIO_TOP,
    Beside,
    Feature,
    Inputs,
)
from bot.strategy import Array, Frame

PERIOD_MS = 15 * MINUTE_MS
"""How often open interest and ratios are collected."""
FUNDING_MS = 8 * HOUR_MS
"""The longest time between two settlements."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All that is known of one symbol, each series with its own times: a whole history or a live window.

    `points`, `btc_points` and `eth_points` hold series by names of POINTS. `strength`, `side` and the columns of
    `outside` are as long as the frame (see Inputs); what is absent is NaN.
    """

    frame: Frame
    btc: Frame | None = None
    eth: Frame | None = None
    points: Mapping[str, Points] = field(default_factory=dict)
    btc_points: Mapping[str, Points] = field(default_factory=dict)
    eth_points: Mapping[str, Points] = field(default_factory=dict)
    strength: Array | None = None
    side: Array | None = None
    outside: Mapping[str, Array] = field(default_factory=dict)


def stale_ms(name: str, timeframe_ms: int) -> int:
    """How old a figure may be at a bar's close: a settlement and a bar for funding, two periods for the others."""
    return FUNDING_MS + timeframe_ms if name == FUNDING_RATE else 2 * PERIOD_MS


def known_at(points: Points | None, close_at_ms: NDArray[np.int64], stale: int) -> Array:
    """The last figure before each bar's close, NaN where there is none or it is older than `stale` ms.

    A figure stamped with the very moment of a close is not known at that close: exchanges tell it a little later, and
    a model must not be trained on what it will not have.
    """
    if points is None or not len(points.at_ms):
        return np.full(len(close_at_ms), np.nan)
    place = np.searchsorted(points.at_ms, close_at_ms) - 1
    found = np.maximum(place, 0)
    fresh = (place >= 0) & (close_at_ms - points.at_ms[found] <= stale)
    return np.where(fresh, points.value[found], np.nan)


def closes_at(other: Frame, open_at_ms: NDArray[np.int64]) -> Array:
    """The other symbol's closes of the bars that open at these times, NaN where it has none."""
    begin = int(np.searchsorted(other.open_at_ms, open_at_ms[0])) if len(open_at_ms) else 0
    same = slice(begin, begin + len(open_at_ms))
    if np.array_equal(other.open_at_ms[same], open_at_ms):
        return plain(other.close[same])
    place = np.minimum(np.searchsorted(other.open_at_ms, open_at_ms), len(other) - 1)
    if not len(other):
        return np.full(len(open_at_ms), np.nan)
    return np.where(other.open_at_ms[place] == open_at_ms, other.close[place], np.nan)


def needs_of(features: Iterable[Feature]) -> frozenset[str]:
    """All inputs that some features are made of besides the symbol's own bars."""
    return frozenset(need for one in features for need in one.needs)


def inputs_of(sources: Sources, needs: frozenset[str], rows: slice, first: int = 0) -> Inputs:
    """Rows of the symbol's bars with everything in `needs` brought to them; what is not needed is NaN."""
    frame = part_of(sources.frame, rows)
    close_at_ms = frame.open_at_ms + frame.timeframe_ms
    nothing = np.full(len(frame), np.nan)

    def column(given: Mapping[str, Points], name: str, needed: bool) -> Array:
        known = given.get(name) if needed else None
        return nothing if known is None else known_at(known, close_at_ms, stale_ms(name, frame.timeframe_ms))

    def beside(of: Frame | None, given: Mapping[str, Points], name: str) -> Beside:
        close = nothing if of is None or name not in needs else closes_at(of, frame.open_at_ms)
        top, ratio = (column(given, one, f"{name}_{one}" in needs) for one in (RATIO_TOP, RATIO_GLOBAL))
        return Beside(close, top, ratio)

    return Inputs(
        frame,
        beside(sources.btc, sources.btc_points, "btc"),
        beside(sources.eth, sources.eth_points, "eth"),
        {name: column(sources.points, name, name in needs) for name in POINTS},
        nothing if sources.strength is None else sources.strength[rows],
        nothing if sources.side is None else sources.side[rows],
        {name: plain(given[rows]) for name, given in sources.outside.items() if name in needs},
        first,
    )


def part_of(frame: Frame, rows: slice) -> Frame:
    """Some rows of a frame, as compiled code takes them."""
    return Frame(
        frame.symbol,
        frame.timeframe_ms,
        frame.open_at_ms[rows],
        plain(frame.open[rows]),
        plain(frame.high[rows]),
        plain(frame.low[rows]),
        plain(frame.close[rows]),
        plain(frame.volume[rows]),
    )
