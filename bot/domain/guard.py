"""What keeps a symbol or the whole desk from new entries: trading states, kill switches, halts, limits, sizing."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class TradingState(StrEnum):
    """What the desk may do. Exits and protection go on in every state.

    RECOVERING: start-up, until reconciled. ACTIVE: entries allowed. PAUSED: no new entries until resumed.
    STOPPED: paused for all and kept over restarts. PROTECT: something cannot be explained, a person must decide.
    """

    RECOVERING = "RECOVERING"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    PROTECT = "PROTECT"


class KillKind(StrEnum):
    """FAST: a run of losses. SLOW: poor profit factor. MANUAL: an operator's /kill_now."""

    FAST = "FAST"
    SLOW = "SLOW"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill switch that is set: a latch on entries of one symbol until an admin lifts it."""

    symbol: str
    kind: KillKind
    at_ms: int
    figures: str


@dataclass(frozen=True, slots=True)
class KillReset:
    """A kill lifted, or its counters restarted: trades closed up to `at_ms` no longer count."""

    symbol: str
    at_ms: int
    actor: str
    reason: str


class HaltKind(StrEnum):
    """Why entries rest for a while."""

    VOLATILITY = "VOLATILITY"
    STALE = "STALE"
    FUNDING = "FUNDING"
    CLOCK = "CLOCK"
    MAINTENANCE = "MAINTENANCE"
    ERRORS = "ERRORS"
    LOW_BALANCE = "LOW_BALANCE"
    LOSSES = "LOSSES"
    DAILY_LOSS = "DAILY_LOSS"
    DRAWDOWN = "DRAWDOWN"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    FOREIGN = "FOREIGN"


CONDITIONS = frozenset({HaltKind.STALE, HaltKind.CLOCK, HaltKind.MAINTENANCE, HaltKind.ERRORS})
"""Halts by a condition of the venue or of the line to it: they last as long as it does, and not over a restart."""


@dataclass(frozen=True, slots=True)
class Halt:
    """A temporary stop of entries; `symbol` empty = all symbols, `until_ms` 0 = until lifted."""

    symbol: str
    kind: HaltKind
    at_ms: int
    until_ms: int
    figures: str

    def covers(self, symbol: str, at_ms: int) -> bool:
        """True when the halt stops entries of `symbol` at that time."""
        return self.symbol in ("", symbol) and (self.until_ms == 0 or at_ms < self.until_ms)


class SizingMode(StrEnum):
    """How a position's size is found."""

    MARGIN_RATIO = "margin_ratio"
    RISK_USD = "risk_usd"
    RISK_PERCENT = "risk_percent"
    FIXED_NOTIONAL = "fixed_notional"


@dataclass(frozen=True, slots=True)
class Sizing:
    """Sizing mode and its figures: `value` is USDT (risk_usd, fixed_notional) or per cent (risk_percent).

    margin_ratio uses ratio = clamp(ratio_max - (balance - base) x ratio_decay, ratio_min, ratio_max) on the symbol's
    share of the balance.
    """

    mode: SizingMode = SizingMode.MARGIN_RATIO
    value: Decimal = Decimal(0)
    ratio_max: Decimal = Decimal("0.50")
    ratio_min: Decimal = Decimal("0.20")
    ratio_decay: Decimal = Decimal("0.0006")


@dataclass(frozen=True, slots=True)
class Limits:
    """Account-wide limits; zero switches a limit off where that makes sense (see risk rules).

    Percentages are of the day's starting equity (daily loss) or of the equity high (drawdown). Exposures are
    notional over equity, as a factor.
    """

    daily_loss_percent: Decimal = Decimal(5)
    count_open_loss: bool = True
    drawdown_percent: Decimal = Decimal(20)
    max_positions: int = 3
    max_same_direction: int = 2
    max_same_cluster: int = 0
    exposure_per_symbol: Decimal = Decimal(5)
    exposure_total: Decimal = Decimal(10)
    exposure_per_cluster: Decimal = Decimal(0)
    max_trades_per_day: int = 0
    cooldown_bars: int = 0
    funding_window_minutes: int = 0
    max_spread_percent: Decimal = Decimal("0.5")
    min_balance: Decimal = Decimal(10)
    consecutive_losses: int = 0
    kill_losing_run: int = 8
    kill_profit_factor: Decimal = Decimal("0.75")
    kill_trades: int = 15
    volatility_percent: Decimal = Decimal(0)
    volatility_halt_minutes: int = 10
    liquidation_warn: Decimal = Decimal("0.5")
    liquidation_reduce: Decimal = Decimal("0.8")
    auto_reduce: bool = False
