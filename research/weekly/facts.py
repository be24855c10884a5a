"""What the desk tells the weekly report: the ledger's trades and equity, kill switches, what each symbol trades on."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.account import EquityPoint
from bot.domain.trade import Trade
from bot.engine.views import KillView
from bot.strategy import Value
from research.results.plan import Plan


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """One symbol as it is traded: `plan` with its parameters in use, sizing and costs; `values` are all parameters."""

    symbol: str
    plan: Plan
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class WeekSpan:
    """One calendar week of the operator's zone: its name (2026-W47), first moment, and the first one after it."""

    label: str
    begins_at_ms: int
    ends_at_ms: int


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """Everything that is known without trying anything. Times are business time in UTC milliseconds.

    `weeks` are those of the trend, oldest first, the reported one last; `trades` and `points` cover all of them.
    `unknown` names what could not be learned, with the reason.
    """

    mode: str
    quote: str
    zone: str
    now_ms: int
    weeks: tuple[WeekSpan, ...]
    trades: tuple[Trade, ...]
    points: tuple[EquityPoint, ...]
    kills: tuple[KillView, ...]
    symbols: tuple[SymbolFacts, ...]
    models: int = 0
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def week(self) -> WeekSpan:
        """The reported one."""
        return self.weeks[-1]
