"""What the market is doing: a Markov chain of regimes, drawn anew for every block of bars.

A regime adds a drift and stirs or calms volatility. The whole market has a chain, and each symbol a milder one of its
own, so symbols usually move together and sometimes go their own way.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sandbox.market.noise import BLOCK_BARS, Array, Purpose, Source


class Regime(StrEnum):
    """Moods of a market."""

    TREND_UP = "trend up"
    TREND_DOWN = "trend down"
    CHOP = "chop"
    SQUEEZE = "squeeze"
    CRASH = "crash"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Mood:
    """Figures of a regime: mean length in bars, drift per bar and stir, both in usual deviations, and what follows.

    `follows` gives the chance of each following regime in the order of `Regime`.
    """

    bars: int
    drift: float
    stir: float
    follows: tuple[float, ...]


REGIMES = tuple(Regime)
# A trend's drift is small beside one bar's deviation: real returns over a day vary hardly more than 96 independent
# bars would. A crash is a handful of bars, as the real ones are, and its unrest dies down over the recovery.
MOODS = {
    Regime.TREND_UP: Mood(110, 0.055, 1.0, (0.0, 0.20, 0.55, 0.21, 0.04, 0.0)),
    Regime.TREND_DOWN: Mood(100, -0.06, 1.1, (0.25, 0.0, 0.55, 0.14, 0.06, 0.0)),
    Regime.CHOP: Mood(130, 0.0, 0.9, (0.31, 0.29, 0.0, 0.38, 0.02, 0.0)),
    Regime.SQUEEZE: Mood(60, 0.0, 0.55, (0.45, 0.40, 0.13, 0.0, 0.02, 0.0)),
    Regime.CRASH: Mood(5, -0.6, 3.5, (0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    Regime.RECOVERY: Mood(40, 0.05, 1.8, (0.35, 0.25, 0.40, 0.0, 0.0, 0.0)),
}
_FIRST = (0.30, 0.27, 0.30, 0.13, 0.0, 0.0)
_DRIFT = np.array([MOODS[regime].drift for regime in REGIMES])
_STIR = np.array([MOODS[regime].stir for regime in REGIMES])
_CHANCES = np.cumsum([MOODS[regime].follows for regime in REGIMES], axis=1)


@dataclass(frozen=True, slots=True)
class RegimePath:
    """The regime of every bar of one block, with its drift and stir."""

    index: NDArray[np.int64]
    drift: Array
    stir: Array


def regime_path(source: Source) -> RegimePath:
    """The chain of one block for the market or a symbol."""
    rng = source.stream(Purpose.REGIME)
    index = np.empty(BLOCK_BARS, dtype=np.int64)
    bar, state = 0, int(np.searchsorted(np.cumsum(_FIRST), rng.random()))
    while bar < BLOCK_BARS:
        length = 2 + int(rng.exponential(MOODS[REGIMES[state]].bars))
        index[bar : bar + length] = state
        bar += length
        state = int(np.searchsorted(_CHANCES[state], rng.random()))
    return RegimePath(index, _DRIFT[index], _STIR[index])
