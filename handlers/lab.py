"""The laboratory as a chat may use it: backtests over the stored candles, one at a time per person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from bot.domain.account import EquityPoint
from bot.domain.refusal import Refused
from bot.domain.trade import Trade
from handlers.command import Injected

type Told = Callable[[float], Awaitable[None]]
"""Told how far it is: 0 to 1."""


@dataclass(frozen=True, slots=True)
class BacktestOrder:
    """What is to be tried: so many days of one symbol; `strategy` empty: the symbol's own. `user` is who asked."""

    symbol: str
    days: int
    strategy: str
    user: str


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What came out. `bars` were traded from `from_ms` to `to_ms` with `wallet` at the start, in quote asset.

    `decisions` counts the signals that reached the gates, `entries` those that passed. `remarks` are sentences about
    what the figures leave out.
    """

    strategy: str
    bars: int
    from_ms: int
    to_ms: int
    wallet: Decimal
    trades: tuple[Trade, ...]
    points: tuple[EquityPoint, ...]
    decisions: int
    entries: int
    took_ms: int
    remarks: tuple[str, ...] = ()


class Laboratory(Protocol):
    """Where backtests run: a process of its own."""

    def strategies(self) -> tuple[str, ...]:
        """The strategies that may be tried."""
        ...

    async def backtest(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        """Run it; Refused when the person has one running, when it was stopped, or when there is nothing to run."""
        ...

    async def stop(self, user: str) -> bool:
        """Stop what a person has running; False when there is nothing."""
        ...


class NoLaboratory:
    """A Laboratory that cannot run anything."""

    def strategies(self) -> tuple[str, ...]:
        """None."""
        return ()

    async def backtest(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        """There is nobody to run it."""
        return Refused("backtest", "backtests cannot be run from this desk")

    async def stop(self, user: str) -> bool:
        """Nothing runs."""
        return False


@dataclass(frozen=True, slots=True)
class Research(Injected):
    """The laboratory, as a handler asks for it."""

    lab: Laboratory = field(default_factory=NoLaboratory)
