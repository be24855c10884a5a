"""The weekly report: seven steps, each of which may fail and is then named, while the others still come."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.account import EquityPoint
from bot.domain.errors import QuarterdeckError
from bot.engine.views import KillView
from bot.runtime.proposals import Draft
from research.weekly.beside import Beside
from research.weekly.live import Checklist, WeekFigures
from research.weekly.tested import TestedSymbol

log = logging.getLogger(__name__)

STEPS = (
    "history",
    "backtest",
    "live trades",
    "trend",
    "kill switches",
    "model checklist",
    "alternatives",
)


@dataclass(frozen=True, slots=True)
class WeeklyReport:
    """What came of the steps. A part that is None failed: `failures` says which step, and why.

    `history` are sentences about what was refreshed; `tested` is each symbol, the last one all jointly.
    """

    label: str
    mode: str
    quote: str
    zone: str
    made_at_ms: int
    begins_at_ms: int
    ends_at_ms: int
    history: tuple[str, ...] = ()
    tested: tuple[TestedSymbol, ...] = ()
    live: WeekFigures | None = None
    beside: Beside | None = None
    trend: tuple[WeekFigures, ...] = ()
    kills: tuple[KillView, ...] = ()
    checklist: Checklist | None = None
    alternatives: tuple[Draft, ...] = ()
    words: tuple[str, ...] = ()
    points: tuple[EquityPoint, ...] = ()
    models: int = 0
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Steps:
    """Runs steps one after another and remembers which failed."""

    tell: Callable[[int, int, str], None]
    failures: list[tuple[str, str]]

    def run[R](self, name: str, work: Callable[[], R], instead: R) -> R:
        """A step's result; `instead` where it failed."""
        self.tell(STEPS.index(name), len(STEPS), name)
        try:
            return work()
        except QuarterdeckError as error:
            self.failures.append((name, " ".join(str(error).split())))
        except Exception as error:  # a step may do anything; the other steps still come
            log.exception("the weekly report's step %s failed", name)
            self.failures.append((name, f"failed ({type(error).__name__})"))
        return instead
