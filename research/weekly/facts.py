"""What the desk tells the weekly report: the ledger's trades and equity, kill switches, what each symbol trades on."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.account import EquityPoint
from bot.domain.errors import StorageError
from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.engine.views import KillView
from bot.strategy import Value
from research.results.plan import Plan

UNREAD = "the ledger could not be read"


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """One symbol as it is traded: `plan` with its parameters in use, sizing and costs; `values` are all parameters."""

    symbol: str
    plan: Plan
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Held:
    """A position that is open now: entered live, not in the ledger's trades yet."""

    symbol: str
    side: Side
    opened_at_ms: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A signal of the bar that closed at `at_ms` that the desk did not follow, and the gate that said so."""

    symbol: str
    at_ms: int
    gate: str


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What learning there is: models installed, and how many of them judge signals."""

    installed: int = 0
    on: int = 0


@dataclass(frozen=True, slots=True)
class WeekSpan:
    """One calendar week of the operator's zone: its name (2026-W47), first moment, and the first one after it."""

    label: str
    begins_at_ms: int
    ends_at_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether a moment is within it."""
        return self.begins_at_ms <= at_ms < self.ends_at_ms


@dataclass(frozen=True, slots=True)
class WeekFacts:
    """Everything that is known without trying anything. Times are business time in UTC milliseconds.

    `weeks` are those of the trend, oldest first, the reported one last; `trades` and `points` cover all of them and
    what came after; `held` are the positions open now, `refusals` the week's signals that were not followed. `trades`,
    `points`, `kills` and `models` are None where they could not be read: that is not the same as none. `unknown` names
    further steps that failed, with the reason.
    """

    mode: str
    quote: str
    zone: str
    now_ms: int
    weeks: tuple[WeekSpan, ...]
    trades: tuple[Trade, ...] | None
    points: tuple[EquityPoint, ...] | None
    kills: tuple[KillView, ...] | None
    symbols: tuple[SymbolFacts, ...]
    held: tuple[Held, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    models: ModelFacts | None = ModelFacts()
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def week(self) -> WeekSpan:
        """The reported one."""
        return self.weeks[-1]

    def closed(self, week: WeekSpan) -> tuple[Trade, ...]:
        """The trades that were closed in a week. Raises StorageError where the ledger could not be read."""
        if self.trades is None:
            raise StorageError(UNREAD)
        return tuple(one for one in self.trades if week.holds(one.closed_at_ms))
