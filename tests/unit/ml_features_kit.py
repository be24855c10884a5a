"""Everything that features can be made of, on generated markets, and the desk's view of it at one bar."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from markets import candles, random_frame, rows

from bot.market.buffers import CandleBuffer
from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.feature import OUTSIDE, POINTS, FeatureSet, Matrix
from bot.ml.registry import FEATURES
from bot.strategy import Array, Frame

ALL = FeatureSet(FEATURES)


def everything(seed: int, bars: int, *, symbol: str = "TESTUSDT") -> Sources:
    """A symbol with nothing missing: neighbours, every series, a signal on every fifth bar or so, a cluster."""
    chance = np.random.default_rng(seed)
    frame = random_frame(seed, bars, symbol=symbol)
    side = np.where(chance.random(bars) < 0.2, np.where(chance.random(bars) < 0.5, 1.0, -1.0), np.nan)
    outside = {name: chance.uniform(0.5, 2.0, bars) for name in OUTSIDE}
    outside["cluster"] = chance.integers(0, 6, bars).astype(np.float64)
    own, btc, eth = ({name: series(chance, frame, name) for name in POINTS} for _ in range(3))
    return Sources(
        frame,
        random_frame(seed + 1, bars, symbol="BTCUSDT"),
        random_frame(seed + 2, bars, symbol="ETHUSDT"),
        own,
        btc,
        eth,
        np.abs(side) * chance.integers(2, 6, bars),
        side,
        outside,
    )


def series(chance: np.random.Generator, frame: Frame, name: str) -> Points:
    """Figures as exchanges tell them: funding every eight hours, the others every quarter, some milliseconds late."""
    every = 32 if name == "funding_rate" else 1
    at_ms = frame.open_at_ms[::every] + chance.integers(0, 3, len(frame.open_at_ms[::every]))
    if name == "funding_rate":
        return Points(at_ms, chance.choice([1e-4, 1e-4, 1e-4, 3e-4, -2e-4], len(at_ms)))
    return Points(at_ms, 1e6 * np.exp(np.cumsum(chance.normal(0.0, 0.01, len(at_ms)))))


def without(sources: Sources, *names: str) -> Sources:
    """The same market, series of these names told by nobody."""
    own, btc, eth = (
        {name: points for name, points in given.items() if name not in names}
        for given in (sources.points, sources.btc_points, sources.eth_points)
    )
    return replace(sources, points=own, btc_points=btc, eth_points=eth)


def chosen(frame: Frame, kept: Array) -> Frame:
    """Some bars of a frame only."""
    columns = (frame.open[kept], frame.high[kept], frame.low[kept], frame.close[kept], frame.volume[kept])
    return Frame(frame.symbol, frame.timeframe_ms, frame.open_at_ms[kept], *columns)


def with_bars(sources: Sources, kept: Array) -> Sources:
    """The same market in which the symbol lacks some bars."""
    return replace(
        sources,
        frame=chosen(sources.frame, kept),
        strength=None if sources.strength is None else sources.strength[kept],
        side=None if sources.side is None else sources.side[kept],
        outside={name: column[kept] for name, column in sources.outside.items()},
    )


def buffered(frame: Frame, end: int, alive: int = 40) -> Frame:
    """The window of a desk after row `end` - 1: a buffer preloaded some bars ago, the later ones appended."""
    buffer = CandleBuffer(frame.symbol, frame.timeframe_ms)
    loaded = max(0, end - alive)
    buffer.preload(rows(frame, max(0, loaded - buffer.capacity), loaded))
    for candle in candles(rows(frame, loaded, end)):
        assert buffer.append(candle)
    return buffer.frame()


def at(sources: Sources, end: int, alive: int = 40) -> Sources:
    """What a desk knows when row `end` - 1 of the symbol has closed, and nothing more."""
    window = buffered(sources.frame, end, alive)
    closed_ms = int(window.open_at_ms[-1]) + window.timeframe_ms
    length = len(window)
    own, btc, eth = (
        {name: told(points, closed_ms) for name, points in given.items()}
        for given in (sources.points, sources.btc_points, sources.eth_points)
    )
    return Sources(
        window,
        *(neighbour(other, closed_ms, alive) for other in (sources.btc, sources.eth)),
        own,
        btc,
        eth,
        *(
            None if column is None else last_only(column[end - 1], length)
            for column in (sources.strength, sources.side)
        ),
        {name: last_only(column[end - 1], length) for name, column in sources.outside.items()},
    )


def neighbour(other: Frame | None, closed_ms: int, alive: int) -> Frame | None:
    """The window of BTC or ETH at the same moment."""
    if other is None:
        return None
    return buffered(
        other, int(np.searchsorted(other.open_at_ms, closed_ms - other.timeframe_ms, "right")), alive
    )


def told(points: Points, closed_ms: int) -> Points:
    """The figures of the last weeks told before this moment."""
    begin, end = np.searchsorted(points.at_ms, (closed_ms - 30 * 86_400_000, closed_ms)).tolist()
    return Points(points.at_ms[begin:end].copy(), points.value[begin:end].copy())


def last_only(value: float, length: int) -> Array:
    """A live signal is known at the last bar only."""
    column = np.full(length, np.nan)
    column[-1] = value
    return column


def unlike(features: FeatureSet, one: Matrix, other: Matrix) -> list[str]:
    """Features whose values are not the same to the last bit."""
    assert one.shape == other.shape
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return [name for name, column in zip(features.names, same.T, strict=True) if not column.all()]


def ends(sources: Sources, count: int, seed: int = 0) -> Sequence[int]:
    """Row numbers to look at: both sides of every chunk's border, first and last, and some by chance."""
    frame = sources.frame
    chunk = frame.open_at_ms // frame.timeframe_ms // 250
    borders = np.flatnonzero(np.diff(chunk)) + 1
    some = np.random.default_rng(seed).integers(1, len(frame) + 1, count)
    return sorted({1, len(frame), *borders.tolist(), *(borders + 1).tolist(), *some.tolist()})
