"""The weekly report: seven steps, each of which may fail and is then named, while the others still come."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.account import EquityPoint
from bot.domain.errors import QuarterdeckError
from bot.engine.views import KillView
from bot.runtime.proposals import Draft
from bot.training import Checklist
from research.weekly.beside import Beside
from research.weekly.facts import ModelFacts
from research.weekly.live import WeekFigures
from research.weekly.tested import TestedSymbol

NAMED = 3
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

    `history` are sentences about what was refreshed; `tested` is each symbol, the last one all jointly. `words` are
    about the backtest, `advice` about the alternatives.
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
    kills: tuple[KillView, ...] | None = None
    checklist: Checklist | None = None
    alternatives: tuple[Draft, ...] = ()
    words: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    points: tuple[EquityPoint, ...] = ()
    models: ModelFacts | None = None
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Steps:
    """Runs steps one after another and remembers which failed. `without`: steps not to be run, and why."""

    tell: Callable[[int, int, str], None]
    without: Mapping[str, str] = field(default_factory=dict)
    _found: dict[str, dict[str, list[str]]] = field(init=False, default_factory=dict)

    def run[R](self, name: str, work: Callable[[], R], instead: R) -> R:
        """A step's result; `instead` where it failed."""
        self.tell(STEPS.index(name), len(STEPS), name)
        if name in self.without:
            self.failed(name, self.without[name])
            return instead
        return self.part(name, "", work, instead)

    def part[R](self, name: str, of: str, work: Callable[[], R], instead: R) -> R:
        """A part of a step (`of`: a symbol); `instead` where it failed, and the step's other parts still come."""
        try:
            return work()
        except QuarterdeckError as error:
            self.failed(name, " ".join(str(error).split()).removeprefix(f"{of}: "), of)
        except Exception as error:  # a step may do anything; the other steps still come
            log.exception("the weekly report's step %s failed", name)
            self.failed(name, f"failed ({type(error).__name__})", of)
        return instead

    def failed(self, name: str, why: str, of: str = "") -> None:
        """A step, or a part of it, did not come."""
        symbols = self._found.setdefault(name, {}).setdefault(why, [])
        if of and of not in symbols:
            symbols.append(of)

    def named(self) -> tuple[tuple[str, str], ...]:
        """Every step of which something failed, once, in the order of the steps, with all reasons."""
        order = (*STEPS, *(name for name in self._found if name not in STEPS))
        return tuple((name, "; ".join(grouped(self._found[name]))) for name in order if name in self._found)


def grouped(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Each sentence once, behind the first symbols it is about."""
    for why, symbols in found.items():
        rest = len(symbols) - NAMED
        more = f" and {rest} more" if rest > 0 else ""
        yield f"{', '.join(symbols[:NAMED])}{more}: {why}" if symbols else why
