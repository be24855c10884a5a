"""What is known of a symbol, brought to its bars: another symbol's closes, figures that come at times of their own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import HOUR_MS, MINUTE_MS
from bot.market.compiled import plain
from bot.market.points import Points
from bot.ml import arrays
from bot.ml.feature import (
    DEEPEST,
    FUNDING_RATE,
    OUTSIDE,
    POINTS,
    RATIO_GLOBAL,
    RATIO_TOP,
    Beside,
    Feature,
    Inputs,
    Windows,
)
from bot.strategy import Array, Frame

PERIOD_MS = 15 * MINUTE_MS
"""How often open interest and ratios are collected."""
FUNDING_MS = 8 * HOUR_MS
"""The longest time between two settlements."""

type Times = NDArray[np.int64]
type Series = Mapping[str, Points]
"""Series of single figures by names of POINTS."""


@dataclass(frozen=True, slots=True)
class Sources:
    """All that is known of one symbol, each series with its own times: a whole history or a live window.

    `strength`, `side` and the columns of `outside` are as long as the frame (see Inputs); what is absent is NaN.
    `points` are the symbol's own, by names of POINTS.
    """

    frame: Frame
    btc: Frame | None = None
    eth: Frame | None = None
    points: Series = field(default_factory=dict)
    btc_points: Series = field(default_factory=dict)
    eth_points: Series = field(default_factory=dict)
    strength: Array | None = None
    side: Array | None = None
    outside: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Which bars of a symbol a window holds: rows `begin` to `end` (excluded) of its frame."""

    sources: Sources
    begin: int
    end: int


def stale_ms(name: str, timeframe_ms: int) -> int:
    """How old a figure may be at a bar's close: a settlement and a bar for funding, two periods for the others."""
    return FUNDING_MS + timeframe_ms if name == FUNDING_RATE else 2 * PERIOD_MS


def known_at(points: Points, close_at_ms: Times, stale: int) -> Array:
    """The last figure before each bar's close, NaN where there is none or it is older than `stale` ms.

    A figure stamped with the very moment of a close is not known at that close: exchanges tell it a little later, and
    a model must not be trained on what it will not have.
    """
    out = np.empty(len(close_at_ms))
    arrays.known_at(plain(points.at_ms), plain(points.value), plain(close_at_ms), stale, 0, out)
    return out


def closes_at(other: Frame, open_at_ms: Times) -> Array:
    """The other symbol's closes of the bars that open at these times, NaN where it has none."""
    if not len(other) or not len(open_at_ms):
        return np.full(len(open_at_ms), np.nan)
    begin = int(np.searchsorted(other.open_at_ms, open_at_ms[0]))
    same = slice(begin, begin + len(open_at_ms))
    if np.array_equal(other.open_at_ms[same], open_at_ms):
        return other.close[same]
    place = np.minimum(np.searchsorted(other.open_at_ms, open_at_ms), len(other) - 1)
    return np.where(other.open_at_ms[place] == open_at_ms, other.close[place], np.nan)


def needs_of(features: Iterable[Feature]) -> frozenset[str]:
    """All inputs that some features are made of besides the symbol's own bars."""
    return frozenset(need for one in features for need in one.needs)


def inputs_of(spans: Sequence[Span], needs: frozenset[str], first: int, read: int) -> Inputs:
    """Windows of equal length with everything in `needs` brought to their bars; what is not needed is NaN."""
    bars, sources = _Bars.of(spans, needs, first), [span.sources for span in spans]
    frames = [one.frame for one in sources]
    return Inputs(
        frames[0].timeframe_ms,
        bars.open_at_ms,
        bars.stacked([frame.open for frame in frames]),
        bars.stacked([frame.high for frame in frames]),
        bars.stacked([frame.low for frame in frames]),
        bars.stacked([frame.close for frame in frames]),
        bars.stacked([frame.volume for frame in frames]),
        _beside(bars, "btc", [one.btc for one in sources], [one.btc_points for one in sources]),
        _beside(bars, "eth", [one.eth for one in sources], [one.eth_points for one in sources]),
        {name: bars.known(name, name, [one.points for one in sources]) for name in POINTS},
        bars.given("signal", [one.strength for one in sources]),
        bars.given("signal", [one.side for one in sources]),
        {
            name: bars.given(name, [one.outside.get(name) for one in sources])
            for name in OUTSIDE
            if name in needs
        },
        first,
        read,
    )


@dataclass(frozen=True, slots=True)
class _Bars:
    """The bars of some windows of equal length, to which other series are brought."""

    spans: Sequence[Span]
    needs: frozenset[str]
    open_at_ms: Times
    nothing: Windows
    begin: int

    @classmethod
    def of(cls, spans: Sequence[Span], needs: frozenset[str], first: int) -> "_Bars":
        """The windows' bars, and an array of their shape for what is missing."""
        shape = len(spans), spans[0].end - spans[0].begin
        open_at_ms = np.empty(shape, dtype=np.int64)
        for row, span in zip(open_at_ms, spans, strict=True):
            row[:] = span.sources.frame.open_at_ms[span.begin : span.end]
        return cls(spans, needs, open_at_ms, np.full(shape, np.nan), max(0, first - DEEPEST))

    def only(self) -> "_Bars":
        """The first window alone."""
        return _Bars(self.spans[:1], self.needs, self.open_at_ms[:1], self.nothing[:1], self.begin)

    def stacked(self, columns: Sequence[Array]) -> Windows:
        """Each symbol's column at its window's bars."""
        parts = [column[span.begin : span.end] for span, column in zip(self.spans, columns, strict=True)]
        return _joined(parts, self.nothing)

    def given(self, need: str, columns: Sequence[Array | None]) -> Windows:
        """As `stacked`, NaN where a symbol has none."""
        if need not in self.needs or all(column is None for column in columns):
            return self.nothing
        parts = [
            nothing if column is None else column[span.begin : span.end]
            for nothing, span, column in zip(self.nothing, self.spans, columns, strict=True)
        ]
        return _joined(parts, self.nothing)

    def known(self, need: str, name: str, series: Sequence[Series]) -> Windows:
        """Figures of a kind known at the bars' closes; NaN before bar `begin`."""
        if need not in self.needs or not any(name in one for one in series):
            return self.nothing
        out = self.nothing.copy()
        length_ms = self.spans[0].sources.frame.timeframe_ms
        close_at_ms, stale = self.open_at_ms + length_ms, stale_ms(name, length_ms)
        for row, closed, one in zip(out, close_at_ms, series, strict=True):
            if name in one:
                points = one[name]
                arrays.known_at(plain(points.at_ms), plain(points.value), closed, stale, self.begin, row)
        return out

    def closes(self, need: str, others: Sequence[Frame | None]) -> Windows:
        """Another symbol's closes of the same bars."""
        if need not in self.needs or all(other is None for other in others):
            return self.nothing
        out = self.nothing.copy()
        for row, open_at_ms, other in zip(out, self.open_at_ms, others, strict=True):
            if other is not None:
                row[:] = closes_at(other, open_at_ms)
        return out


def _beside(bars: _Bars, name: str, others: Sequence[Frame | None], series: Sequence[Series]) -> Beside:
    """BTC or ETH at the bars: once where all windows have the same bars and the same neighbour."""
    if (
        len(others) > 1
        and _is_one(others)
        and _is_one(series)
        and (bars.open_at_ms == bars.open_at_ms[0]).all()
    ):
        bars, others, series = bars.only(), others[:1], series[:1]
    return Beside(
        bars.closes(name, others),
        bars.known(f"{name}_{RATIO_TOP}", RATIO_TOP, series),
        bars.known(f"{name}_{RATIO_GLOBAL}", RATIO_GLOBAL, series),
    )


def _joined(parts: Sequence[Array], like: Windows) -> Windows:
    """One row per part, as many bars each as `like` has."""
    joined: Windows = np.concatenate(parts).reshape(like.shape)
    return joined


def _is_one(things: Sequence[object]) -> bool:
    """True when all of them are the same object."""
    return all(thing is things[0] for thing in things)
