"""What a feature is, and what features are computed from. `bot.ml.registry` lists them.

Training and serving call the same functions on the same arrays. Most indicators remember everything before them, so
both begin at an *anchor*: the features of bar t are computed from the bars between `anchor_ms(t)` and t, whatever else
is known. A live window of 1,000 bars holds them all; a history is computed chunk by chunk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CHUNK = 250
"""Bars that share an anchor; a history is computed in pieces of so many."""
MEMORY = 500
"""The fewest bars before a bar that its features remember."""

DEEPEST = 288 + 12
"""Figures are brought to so many bars before the first that is read: the longest normalisation, and short means."""

type Windows = NDArray[np.float64]
"""Columns of several windows of bars, shape (windows, bars)."""

type Normal = Literal["plain", "z288", "z96"]
"""As it is, or as rolling z-score over 288 or 96 bars (population deviation; 0 where nothing moved)."""

type Shared = Literal["", "btc", "eth"]
"""Whose figures alone a feature is made of: computed once for all symbols that have the same bars."""

BTC, ETH = LEADERS = "BTC", "ETH"
"""Assets whose candles the features of all others are made of too, in the quote asset of those."""

type Group = Literal["base", "context", "structure", "cluster"]

OPEN_INTEREST, FUNDING_RATE = "open_interest", "funding_rate"
RATIO_TOP, RATIO_GLOBAL = "ls_ratio_top", "ls_ratio_global"
POINTS = (OPEN_INTEREST, FUNDING_RATE, RATIO_TOP, RATIO_GLOBAL)
"""Series of single figures a feature may need."""
CLUSTER, BTC_CORRELATION = "cluster", "btc_correlation"
CLUSTER_VOLATILITY, CLUSTER_VOLUME = "cluster_volatility", "cluster_volume"
OUTSIDE = (CLUSTER, CLUSTER_VOLATILITY, CLUSTER_VOLUME, BTC_CORRELATION)
"""Columns from elsewhere: number of the symbol's cluster from 0, its members' mean ATR as a fraction of the price,
their mean ratio of volume to its mean of 20 bars, and the correlation with BTC over 30 days."""


def anchor_ms(open_at_ms: int, timeframe_ms: int) -> int:
    """Opening time of the first bar that the features of the bar opening at `open_at_ms` may remember.

    Between MEMORY and MEMORY + CHUNK - 1 bars before it, on the grid of the timeframe since 1970.
    """
    bar = open_at_ms // timeframe_ms
    return (bar - bar % CHUNK - MEMORY) * timeframe_ms


@dataclass(frozen=True, slots=True)
class Beside:
    """Another symbol's figures at the bars of some windows, NaN where its bar is missing.

    Of the windows' shape, or of shape (1, bars) where all windows have the same bars. `kept` remembers columns made of
    it.
    """

    close: Windows
    ratio_top: Windows
    ratio_global: Windows
    kept: dict[str, Windows] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What features are computed from: windows of as many bars each, oldest first, every one from its anchor on.

    One window per symbol in trading, one per chunk of a history in training; all arrays have the shape (windows, bars),
    `open_at_ms` int64 and the rest float64. `points` has one array per name of POINTS: the figure known at each bar's
    close, NaN where none is known or the newest is too old. A missing input is NaN, never 0. `strength` and `side` are
    the signal's score and +1 (long) or -1 (short) at bars that have one, NaN elsewhere. `outside` has what comes from
    elsewhere, by name (clusters). The chunk's own bars begin at `first`: what is summed over windows of bars is summed
    from a fixed number of bars before it. Features are read from bar `read` on, which is not before `first`. `kept`
    remembers columns that several features are made of.
    """

    timeframe_ms: int
    open_at_ms: NDArray[np.int64]
    open: Windows
    high: Windows
    low: Windows
    close: Windows
    volume: Windows
    btc: Beside
    eth: Beside
    points: dict[str, Windows]
    strength: Windows
    side: Windows
    outside: dict[str, Windows] = field(default_factory=dict)
    first: int = 0
    read: int = 0
    kept: dict[str, Windows] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a model's input. `function` answers its values before normalisation, of the windows' shape.

    What it answers at a bar hangs on the bars of the same window up to it only. Bars before `inputs.read` may hold
    anything; of what is normalised, those more than DEEPEST before `inputs.first`. `needs` names inputs without which
    it is NaN ("btc", "eth", names of POINTS, those of BTC as "btc_ls_ratio_top", "signal", names of `outside`).
    `version` rises when the formula changes: models trained before do not fit any more. Made of BTC's or ETH's figures
    alone (`shared`), it may answer the shape of Beside.
    """

    name: str
    group: Group
    meaning: str
    function: Callable[[Inputs], Windows] = field(repr=False)
    normal: Normal = "plain"
    needs: tuple[str, ...] = ()
    version: int = 1
    shared: Shared = ""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Features in the order a model takes them."""

    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names in order."""
        return tuple(one.name for one in self.features)

    @property
    def hash(self) -> str:
        """SHA-256 over names, normalisations and versions in order: what a model was trained for."""
        return hash_of([f"{one.name}|{one.normal}|{one.version}" for one in self.features])

    def __len__(self) -> int:
        """Number of columns."""
        return len(self.features)


def hash_of(lines: Sequence[str]) -> str:
    """SHA-256 of lines in order, as 64 hexadecimal digits."""
    return sha256("\n".join(lines).encode()).hexdigest()


type Matrix = NDArray[np.float64]
"""Rows of features: one row per bar, one column per feature, NaN where an input is missing."""
