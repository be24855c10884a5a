"""What came of a backtest: the same for the fast and the exact way.

Figures are floats: a simulation's results are compared, ranked and drawn, never booked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.domain.order import CloseReason
from bot.domain.signal import Side
from bot.strategy import Array
from research.results.plan import Plan


@dataclass(frozen=True, slots=True)
class SimulatedTrade:
    """One round trip. `entry_at_ms` and `exit_at_ms` are the opening times of the bars in which they happened.

    `fees` are positive when paid, `funding` when received, `net` = price profit - fees + funding, all in quote asset;
    `net_return` is net over entry price x quantity. `score` and `indicators` (the strategy's columns by name) are those
    of the signal's bar, `stop_price` and `target_price` (0: none) those set at the entry. `adverse` and `favourable`
    are the farthest prices against and for the position while it was open, as fractions of the entry price (>= 0).
    """

    symbol: str
    strategy: str
    side: Side
    quantity: float
    entry_at_ms: int
    entry_price: float
    exit_at_ms: int
    exit_price: float
    reason: CloseReason
    fees: float
    funding: float
    net: float
    net_return: float
    score: float
    stop_price: float
    target_price: float
    adverse: float
    favourable: float
    indicators: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EquitySeries:
    """Equity at every bar's close, open positions marked at it: `at_ms` int64 closing times, `equity` float64."""

    at_ms: NDArray[np.int64]
    equity: Array


@dataclass(frozen=True, slots=True)
class Stretch:
    """The candles of one symbol that were traded: opening time of the first bar, closing time of the last, bars."""

    symbol: str
    from_ms: int
    to_ms: int
    bars: int
    warmup_bars: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole backtest. `way` is fast or exact; trades in the order of their exits, then entries, then symbols.

    `notes` are sentences about what the figures leave out or what was found on the way.
    """

    way: str
    plan: Plan
    timeframe: str
    stretches: tuple[Stretch, ...]
    trades: tuple[SimulatedTrade, ...]
    equity: EquitySeries
    notes: tuple[str, ...] = ()
