"""What the market was like in a window of time: what BTC and ETH did, trend or not, who stood on which side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log, sqrt

import numpy as np

from bot.market.indicators import adx
from bot.strategy import Array, Frame
from research.store.port import Points

LEADER, SECOND = "BTCUSDT", "ETHUSDT"
COVERED = 0.9
"""So much of a window's bars must be there for a figure to be told."""
FEWEST_BARS = 20
NO_RATIOS = "long/short ratios: none stored for this time"


class Regime(StrEnum):
    """Trend: the leader moved farther than its own bars, in random order, would have carried it (one sigma)."""

    UP = "trend up"
    DOWN = "trend down"
    SIDEWAYS = "sideways"


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of the whole market: candles (BTCUSDT, ETHUSDT; others are not looked at), long/short ratios."""

    frames: Mapping[str, Frame] = field(default_factory=dict)
    ratios: Mapping[str, Points] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """One window. Returns are fractions, `btc_adx` the mean ADX 14 of BTC's candles of the traded timeframe.

    `long_short` are means by symbol. None and empty where nothing is known of that time; `notes` say so.
    """

    from_ms: int
    to_ms: int
    btc_return: float | None
    eth_return: float | None
    btc_adx: float | None
    regime: Regime | None
    long_short: Mapping[str, float]
    notes: tuple[str, ...]


def contexts(windows: Sequence[tuple[int, int]], market: Market) -> tuple[Context, ...]:
    """The context of every window (from <= t < to, UTC ms)."""
    leader = market.frames.get(LEADER)
    strength = adx(leader.high, leader.low, leader.close) if leader is not None and len(leader) else None
    return tuple(_context(from_ms, to_ms, market, strength) for from_ms, to_ms in windows)


def _context(from_ms: int, to_ms: int, market: Market, strength: Array | None) -> Context:
    moves = {symbol: _move(market.frames.get(symbol), from_ms, to_ms) for symbol in (LEADER, SECOND)}
    ratios = {symbol: _mean(points, from_ms, to_ms) for symbol, points in sorted(market.ratios.items())}
    told = {symbol: mean for symbol, mean in ratios.items() if mean is not None}
    notes = [f"{symbol}: no candles of this time" for symbol, move in moves.items() if move is None]
    notes += [] if told else [NO_RATIOS]
    leader = market.frames.get(LEADER) if moves[LEADER] is not None else None
    rows = _rows(leader, from_ms, to_ms) if leader is not None else slice(0, 0)
    return Context(
        from_ms=from_ms,
        to_ms=to_ms,
        btc_return=moves[LEADER],
        eth_return=moves[SECOND],
        btc_adx=_known_mean(strength[rows]) if strength is not None else None,
        regime=_regime(leader.close[rows]) if leader is not None else None,
        long_short=told,
        notes=tuple(notes),
    )


def _rows(frame: Frame, from_ms: int, to_ms: int) -> slice:
    begin, end = np.searchsorted(frame.open_at_ms, (from_ms, to_ms)).tolist()
    return slice(begin, end)


def _move(frame: Frame | None, from_ms: int, to_ms: int) -> float | None:
    """From the window's first open to its last close; None when too few of its bars are there."""
    if frame is None:
        return None
    rows = _rows(frame, from_ms, to_ms)
    bars = rows.stop - rows.start
    if bars < max(1, COVERED * (to_ms - from_ms) / frame.timeframe_ms):
        return None
    return float(frame.close[rows.stop - 1] / frame.open[rows.start] - 1.0)


def _known_mean(values: Array) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _regime(closes: Array) -> Regime | None:
    if len(closes) < FEWEST_BARS:
        return None
    steps = np.diff(np.log(closes))
    moved, spread = log(closes[-1] / closes[0]), float(steps.std()) * sqrt(len(steps))
    if abs(moved) <= spread:
        return Regime.SIDEWAYS
    return Regime.UP if moved > 0 else Regime.DOWN


def _mean(points: Points, from_ms: int, to_ms: int) -> float | None:
    begin, end = np.searchsorted(points.at_ms, (from_ms, to_ms)).tolist()
    return float(points.value[begin:end].mean()) if end > begin else None
