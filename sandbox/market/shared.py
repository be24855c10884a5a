"""What all symbols of the generated market share in one block of bars."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import DAY_MS, HOUR_MS
from sandbox.market.noise import BLOCK_BARS, MARKET, Array, Purpose, Source
from sandbox.market.regimes import RegimePath, regime_path

FREEDOM = 5.5
"""Degrees of freedom of the moves' Student distribution: fat tails beside those that volatility makes."""
VOLATILITY = np.array([0.38, 0.23, 0.12, 0.20])
VOLUME = np.array([0.15, 0.07, 0.02, 0.22])
NEWS_VOLATILITY, NEWS_VOLUME = 0.30, 0.05
SESSIONS = ((0.0, 0.25, 2.5), (7.0, 0.12, 4.0), (13.5, 0.5, 3.5))
"""Hour (UTC) at which Asia, Europe and America open, the unrest they bring (log), and the hours in which it fades."""
QUIET_HOURS, WEEKEND = 0.22, 0.25
"""How much quieter (log) it is without any session, and on weekends."""
SEASON_VOLUME = 0.4
"""How much more (log) trades in busy hours than their larger moves explain."""


@dataclass(frozen=True, slots=True)
class SharedBlock:
    """`volatility` and `volume` are log factors; `move` is in usual deviations, drawn with the random `scale`."""

    regimes: RegimePath
    volatility: Array
    volume: Array
    move: Array
    scale: Array


def shared_block(seed: int, block: int, open_at_ms: NDArray[np.int64]) -> SharedBlock:
    """The market's block of bars that open at these times."""
    source = Source(seed, MARKET, block)
    rng, unrest, hours = source.stream(Purpose.MOVE), source.news(), season(open_at_ms)
    scale = tail_scales(rng)
    return SharedBlock(
        regimes=regime_path(source),
        volatility=source.smooth(Purpose.VOLATILITY, VOLATILITY) + NEWS_VOLATILITY * unrest + hours,
        volume=source.smooth(Purpose.VOLUME, VOLUME) + NEWS_VOLUME * unrest + SEASON_VOLUME * hours,
        move=scale * rng.standard_normal(BLOCK_BARS),
        scale=scale,
    )


def season(open_at_ms: NDArray[np.int64]) -> Array:
    """Log factor of hour and weekday: unrest starts at once when a session opens, and fades."""
    hour = (open_at_ms % DAY_MS) / HOUR_MS
    weekend = (open_at_ms // DAY_MS + 3) % 7 >= 5
    factor: Array = -QUIET_HOURS - WEEKEND * weekend.astype(np.float64)
    for opens, size, fade in SESSIONS:
        factor = factor + size * np.exp(-((hour - opens) % 24) / fade)
    return factor


def tail_scales(rng: np.random.Generator) -> Array:
    """Random scales that turn normal moves into Student's t of variance one."""
    scales: Array = np.sqrt((FREEDOM - 2) / rng.chisquare(FREEDOM, BLOCK_BARS))
    return scales
