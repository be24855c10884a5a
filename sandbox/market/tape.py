"""One block of one symbol's bars: moves, volatility and volume.

A bar's log return is sigma exp(h) stir (sqrt(c) m + sqrt(1-c) e) plus drift. h sums octaves of smooth noise (the long
memory of |r|), news and the hour; stir and drift come from the regimes; m is the market's move and e the symbol's own,
both normal with a random scale, which makes them Student's t (fat tails); c is the variance shared with the market.
Moves lean: in a swing those along it are fewer and larger, as measured on real candles (skewness 0.4 given the last
two hours), which leaves their mean alone. The path is bent to end on the level that `levels` says, so any block stands
on its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.market.levels import block_levels
from sandbox.market.listing import Listing
from sandbox.market.noise import BLOCK_BARS, Array, Purpose, Source
from sandbox.market.regimes import regime_path
from sandbox.market.shared import SharedBlock, tail_scales

VOLATILITY = np.array([0.08, 0.10, 0.10, 0.05])
VOLUME = np.array([0.20, 0.15, 0.14, 0.22])
OWN_NEWS_VOLATILITY, OWN_NEWS_VOLUME = 0.24, 0.04
OWN_DRIFT, OWN_STIR = 0.6, 0.5
"""How much of a symbol's own regime shows beside the market's."""
CALM = 0.71
"""Brings the deviation of returns back to the listing's sigma after all that stirs it."""
SWING_BARS, LEAN, LEAN_COST = 8, 0.28, 0.84
"""Bars that make a swing, how much larger moves along it are, and what of it goes into the drift to keep the mean."""
BOUNCE = 0.19
"""How far, in the bar's deviations, a close misses the path: trades bounce between bid and ask."""
GAP_CHANCE, GAP_SIZE = 1 / 250, 0.6
"""How often the next open leaves the close behind, and how far in the bar's deviations."""
FLICKER = np.array([-1, 0, 0, 1])
EXTREMES = 1.22
"""Variance inside a bar beside that of its move: what goes to and fro within 15 minutes."""
VOLUME_POWER, VOLUME_FLOOR, VOLUME_NOISE = 1.5, 0.25, 0.03
"""Volume grows with the 1.5th power of a bar's range, over a floor that trades anyway."""
BROWNIAN_RANGE = 1.6
"""Range of a Brownian path in its deviations: what a usual bar has."""
CARRY_VOLUME = 0.25
"""How much more (log) trades in a move that carries a swing on than its range explains."""


@dataclass(frozen=True, slots=True)
class Tape:
    """Bars of one symbol before rounding: log prices, and turnover in quote asset.

    `flicker` is by how many ticks the first trade of a bar misses the last one of the bar before.
    """

    flicker: NDArray[np.int64]
    open: Array
    high: Array
    low: Array
    close: Array
    turnover: Array


@dataclass(frozen=True, slots=True)
class Moves:
    """Log returns, the deviation each was drawn with, and the swing before it (-1 down to 1 up)."""

    returns: Array
    deviation: Array
    swing: Array


def symbol_tape(seed: int, listing: Listing, block: int, bar_ms: int, shared: SharedBlock) -> Tape:
    """The block of one symbol."""
    source, sigma = Source(seed, listing.index + 1, block), listing.bar_sigma(bar_ms)
    rng = source.stream(Purpose.MOVE)
    moves = _moves(source, listing, sigma, shared, rng)
    start, end = block_levels(seed, listing, block, bar_ms)
    close = _closes(start, end, moves, rng)
    opens = np.concatenate(([start], close[:-1])) + _gaps(moves, rng)
    high, low = _extremes(opens, close, moves, rng)
    carry = np.sign(close - opens) * moves.swing
    log_volume = shared.volume + _own_volume(source, (high - low) / sigma, carry)
    turnover = listing.bar_turnover(bar_ms) * np.exp(log_volume)
    return Tape(rng.choice(FLICKER, BLOCK_BARS), opens, high, low, close, turnover)


def _moves(
    source: Source, listing: Listing, sigma: float, shared: SharedBlock, rng: np.random.Generator
) -> Moves:
    own, part = regime_path(source), listing.shared
    log_local = source.smooth(Purpose.VOLATILITY, VOLATILITY) + OWN_NEWS_VOLATILITY * source.news()
    stir = shared.regimes.stir * own.stir**OWN_STIR
    local = CALM * sigma * stir * np.exp(shared.volatility + log_local)
    own_scale = tail_scales(rng)
    own_move = own_scale * rng.standard_normal(BLOCK_BARS)
    move = np.sqrt(part) * shared.move + np.sqrt(1 - part) * own_move
    scale = np.sqrt(part * shared.scale**2 + (1 - part) * own_scale**2)
    return _leaning(local, move, shared.regimes.drift + OWN_DRIFT * own.drift, scale)


def _own_volume(source: Source, relative_range: Array, carry: Array) -> Array:
    """Log factor of a symbol's volume; `relative_range` is of the bar's range to the usual deviation."""
    mood = source.smooth(Purpose.VOLUME, VOLUME) + OWN_NEWS_VOLUME * source.news()
    noise = VOLUME_NOISE * source.stream(Purpose.TURNOVER).standard_normal(BLOCK_BARS)
    size = np.log(VOLUME_FLOOR + (relative_range / BROWNIAN_RANGE) ** VOLUME_POWER)
    factor: Array = mood + noise + size + CARRY_VOLUME * carry
    return factor


def _leaning(local: Array, move: Array, drift: Array, scale: Array) -> Moves:
    """Moves along a swing made larger and those against it smaller, their mean kept."""
    path = np.concatenate((np.zeros(SWING_BARS + 1), np.cumsum(local * (move + drift))))
    before = path[SWING_BARS:-1] - path[: -SWING_BARS - 1]
    swing = np.tanh(before / (np.sqrt(SWING_BARS) * local))
    larger = 1 + LEAN * swing * np.sign(move)
    returns = local * (move * larger + drift - LEAN * LEAN_COST * swing)
    return Moves(returns, local * scale * larger, swing)


def _closes(start: float, end: float, moves: Moves, rng: np.random.Generator) -> Array:
    """The path from `start`, bent to `end`: over 1024 bars that takes a small part of each bar's deviation."""
    path = start + np.cumsum(moves.returns)
    path += (end - path[-1]) * (np.arange(1, BLOCK_BARS + 1) / BLOCK_BARS)
    close: Array = path + BOUNCE * moves.deviation * rng.standard_normal(BLOCK_BARS)
    close[-1] = end
    return close


def _gaps(moves: Moves, rng: np.random.Generator) -> Array:
    """Now and then a bar opens away from the close before."""
    happens = rng.random(BLOCK_BARS) < GAP_CHANCE
    gaps: Array = happens * GAP_SIZE * moves.deviation * rng.standard_normal(BLOCK_BARS)
    return gaps


def _extremes(opens: Array, close: Array, moves: Moves, rng: np.random.Generator) -> tuple[Array, Array]:
    """High and low as a Brownian path from open to close reaches them (the exact law of its maximum)."""
    move = close - opens
    up, down = -2 * EXTREMES * moves.deviation**2 * np.log1p(-rng.random((2, BLOCK_BARS)))
    return opens + (move + np.sqrt(move**2 + up)) / 2, opens + (move - np.sqrt(move**2 + down)) / 2
