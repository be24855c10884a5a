"""What the rules may look at: one candidate entry, and the books at that moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.guard import Halt, Kill, Limits, TradingState
from bot.domain.instrument import ZERO, Instrument
from bot.domain.model import ModelScore
from bot.domain.signal import Side, Signal
from bot.domain.snapshot import DayFigures


@dataclass(frozen=True, slots=True)
class Sized:
    """The size of a position to open. Quantity in base units, the rest in quote asset.

    `risk` is the loss at the stop with fees and slippage; `binding` names what gave the size or kept it down.
    """

    quantity: Decimal
    notional: Decimal
    margin: Decimal
    risk: Decimal
    binding: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model said of a signal, and how much it counts: `counts` False: noted only.

    `threshold` 0 to 1; a fault refuses where it counts, unless `unscored_pass`.
    """

    said: ModelScore
    threshold: float
    counts: bool
    unscored_pass: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that asks to be approved. `side` is the signal's; `judged` None: no model was asked.

    `priced_at_ms` is the time of the price that a person's entry goes by; 0: it goes by its signal's bar.
    """

    signal: Signal
    side: Side
    instrument: Instrument
    sized: Sized
    leverage: int
    judged: Judged | None = None
    priced_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Exposure:
    """One open position or reserved entry; notional in quote asset."""

    symbol: str
    side: Side
    notional: Decimal


@dataclass(frozen=True, slots=True)
class SymbolGuards:
    """What guards one symbol at this moment. `spread_percent` None = no quote known (bar data only)."""

    paused: bool
    kill: Kill | None
    halts: tuple[Halt, ...]
    cooldown_bars_left: int
    unsettled_orders: int
    next_funding_at_ms: int
    spread_percent: float | None


@dataclass(frozen=True, slots=True)
class RiskBook:
    """The account at this moment, money in quote asset. `blocked` names what stops all entries, or is empty.

    `clusters` are the numbers of the clusters that symbols are in.
    """

    at_ms: int
    trading: TradingState
    blocked: str
    limits: Limits
    equity: Decimal
    wallet: Decimal
    available: Decimal
    equity_high: Decimal
    day: DayFigures
    day_pnl: Decimal
    exposures: tuple[Exposure, ...]
    guards: SymbolGuards
    max_signal_age_ms: int
    max_price_age_ms: int
    clusters: Mapping[str, int] = field(default_factory=dict)

    @property
    def exposure_total(self) -> Decimal:
        """Notional of everything open or reserved."""
        return sum((e.notional for e in self.exposures), ZERO)

    def exposure_of(self, symbol: str) -> Decimal:
        """Notional open or reserved on one symbol."""
        return sum((e.notional for e in self.exposures if e.symbol == symbol), ZERO)

    def exposure_of_cluster(self, number: int) -> Decimal:
        """Notional open or reserved on the symbols of one cluster."""
        return sum((e.notional for e in self.exposures if self.clusters.get(e.symbol) == number), ZERO)
