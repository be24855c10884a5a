"""What a backtest is asked: the rules by which orders fill, the money, the strategy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.guard import Limits, Sizing, SizingMode
from bot.strategy import Value
from bot.venues.matching import BothHit

NO_LIMITS = Limits(
    daily_loss_percent=Decimal(0),
    drawdown_percent=Decimal(0),
    max_positions=1_000_000,
    max_same_direction=1_000_000,
    max_same_cluster=0,
    exposure_per_symbol=Decimal(1_000_000),
    exposure_total=Decimal(1_000_000),
    exposure_per_cluster=Decimal(0),
    max_spread_percent=Decimal(0),
    min_balance=Decimal(0),
    kill_losing_run=0,
    kill_trades=0,
    liquidation_warn=Decimal(0),
    liquidation_reduce=Decimal(0),
)
"""Every account-wide limit off: trades by the rules alone, as the fast way has them."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How orders fill: fractions of the price (`slippage`, always against us) and of notional (`fee`, a side)."""

    slippage: Decimal = Decimal("0.0001")
    fee: Decimal = Decimal("0.0004")
    both_hit: BothHit = BothHit.STOP


@dataclass(frozen=True, slots=True)
class Plan:
    """One backtest. `parameters` override the strategy's files for every symbol; `wallet` is in quote asset.

    `sizing` by default a fixed notional. `limits` count in the exact way only.
    """

    strategy: str
    parameters: Mapping[str, Value] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    wallet: Decimal = Decimal(10_000)
    leverage: int = 5
    sizing: Sizing = field(default_factory=lambda: Sizing(SizingMode.FIXED_NOTIONAL, Decimal(1000)))
    limits: Limits = NO_LIMITS
