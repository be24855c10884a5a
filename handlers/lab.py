"""The laboratory as a chat may use it: backtests and sweeps over stored candles, one at a time per person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

from bot.domain.account import EquityPoint
from bot.domain.order import CloseReason
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.runtime.proposals import Draft
from bot.strategy import Value
from handlers.command import Injected
from handlers.reply import Attachment

type Told = Callable[[float, str], Awaitable[None]]
"""Told how far it is, 0 to 1, and at what (empty: at the one thing there is)."""
type Way = Literal["exact", "fast"]


@dataclass(frozen=True, slots=True)
class BacktestOrder:
    """What is to be tried: so many days of one symbol; `strategy` empty: the symbol's own. `user` is who asked.

    `way` exact: the engine with its gates and limits; fast: the strategy's trades alone.
    """

    symbol: str
    days: int
    strategy: str
    user: str
    way: Way = "exact"


@dataclass(frozen=True, slots=True)
class TriedTrade:
    """One round trip of a backtest; `risk` is what its stop would have lost (0: unknown), money in quote asset."""

    symbol: str
    side: Side
    entry_price: float
    exit_price: float
    opened_at_ms: int
    closed_at_ms: int
    reason: CloseReason
    net: float
    risk: float


@dataclass(frozen=True, slots=True)
class Tried:
    """The figures of a backtest; money in quote asset, shares 0 to 1, None where a figure cannot be told."""

    trades: int
    wins: int
    net: float
    fees: float
    funding: float
    profit_factor: float | None
    expectancy: float | None
    fall: float | None
    fall_share: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    exposure: float | None
    longest_losing_run: int


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What came out. `bars` were traded from `from_ms` to `to_ms` with `wallet` at the start, in quote asset.

    `last` are the last trades, oldest first. `remarks` are sentences about what the figures leave out. `file` is a
    page with everything.
    """

    way: str
    strategy: str
    bars: int
    from_ms: int
    to_ms: int
    wallet: Decimal
    end: Decimal
    figures: Tried
    last: tuple[TriedTrade, ...]
    points: tuple[EquityPoint, ...]
    took_ms: int
    remarks: tuple[str, ...] = ()
    file: Attachment | None = None


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """Parameter sets of one symbol's strategy over so many days; `user` is who asked."""

    symbol: str
    days: int
    user: str


@dataclass(frozen=True, slots=True)
class RankedSet:
    """One parameter set: its rank (1: the best), its figures; `net` and `fall` are shares of the notional."""

    rank: int
    values: tuple[tuple[str, Value], ...]
    trades: int
    win_rate: float | None
    profit_factor: float | None
    net: float
    fall: float | None


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep came to. `best` in order of rank; `production` is the set in use, with the rank it would have.

    `words` are the sentences that must be read with the figures: overfit, too few trades, what was left out.
    `proposable` are the ranks of the best sets that may be proposed: enough trades, other than the one in use.
    `picture` is a PNG.
    """

    id: str
    symbol: str
    strategy: str
    sets: int
    folds: int
    bars: int
    from_ms: int
    to_ms: int
    best: tuple[RankedSet, ...]
    production: RankedSet
    proposable: tuple[int, ...]
    words: tuple[str, ...]
    took_ms: int
    picture: Attachment | None = None
    file: Attachment | None = None


@dataclass(frozen=True, slots=True)
class WeeklyOrder:
    """The weekly report of the week so many weeks back; `user` is who asked."""

    back: int
    user: str


@dataclass(frozen=True, slots=True)
class WeeklyResult:
    """What came of it: the lines that matter, the week's equity, a page with everything, proposals that wait now.

    `picture` and `page` name what is kept in the home, for notices that are sent later.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    points: tuple[EquityPoint, ...]
    file: Attachment
    proposals: tuple[str, ...]
    picture: str
    page: str


class Laboratory(Protocol):
    """Where long work runs: a process of its own for each."""

    def strategies(self) -> tuple[str, ...]:
        """The strategies that may be tried."""
        ...

    async def backtest(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        """Run it; Refused when the person has something running, when it was stopped, or with nothing to run."""
        ...

    async def sweep(self, order: SweepOrder, told: Told) -> SweepResult | Refused:
        """Run it; Refused as above."""
        ...

    async def proposal(self, sweep_id: str, rank: int) -> Draft | Refused:
        """One of the best sets of a kept sweep as something to propose; Refused where there is no such one."""
        ...

    async def weekly(self, order: WeeklyOrder, told: Told) -> WeeklyResult | Refused:
        """Make the weekly report; steps that fail are named in it. Refused as above."""
        ...

    async def stop(self, user: str) -> str:
        """Stop what a person has running; answers what that was, empty when there was nothing."""
        ...


class NoLaboratory:
    """A Laboratory that cannot run anything."""

    def strategies(self) -> tuple[str, ...]:
        """None."""
        return ()

    async def backtest(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        """There is nobody to run it."""
        return Refused("backtest", "backtests cannot be run from this desk")

    async def sweep(self, order: SweepOrder, told: Told) -> SweepResult | Refused:
        """There is nobody to run it."""
        return Refused("sweep", "sweeps cannot be run from this desk")

    async def proposal(self, sweep_id: str, rank: int) -> Draft | Refused:
        """There are no sweeps."""
        return Refused("sweep", "sweeps cannot be run from this desk")

    async def weekly(self, order: WeeklyOrder, told: Told) -> WeeklyResult | Refused:
        """There is nobody to make it."""
        return Refused("weekly", "the weekly report with backtests cannot be made from this desk")

    async def stop(self, user: str) -> str:
        """Nothing runs."""
        return ""


@dataclass(frozen=True, slots=True)
class Research(Injected):
    """The laboratory, as a handler asks for it."""

    lab: Laboratory = field(default_factory=NoLaboratory)


async def unheard(part: float, at: str) -> None:
    """A Told for what nobody looks at."""
