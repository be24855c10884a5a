"""Candidates side by side over the same candles: parameter sets or strategies, their trades pooled over symbols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.strategy import Array, Value
from research.progress import Tell, silent
from research.results.statistics import longest_losing_run
from research.sweep.counting import Looked, LookTask, deepest_fall, looked, merged
from research.sweep.judging import Luck, luck_of
from research.sweep.plan import SweepPlan
from research.sweep.source import Known
from research.work import Workers


@dataclass(frozen=True, slots=True)
class Candidate:
    """A strategy with parameters that differ from those in use."""

    name: str
    strategy: str
    parameters: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Showing:
    """What a candidate came to, from all its trades in the order of their exits. Money in units of a trade's notional.

    `halves` are the profit factors of the trades that left in the first and in the second half of the time. `enough`
    is False where there are too few trades to say anything.
    """

    candidate: Candidate
    trades: int
    wins: int
    net: float
    gross_profit: float
    gross_loss: float
    drawdown: float
    worst: float | None
    longest_losing_run: int
    halves: tuple[float | None, float | None]
    luck: Luck | None
    net_by_symbol: Mapping[str, float]
    enough: bool

    @property
    def profit_factor(self) -> float | None:
        """Gross profit over gross loss; None without a loss."""
        return self.gross_profit / self.gross_loss if self.gross_loss > 0 else None

    @property
    def win_rate(self) -> float | None:
        """Winners over all trades."""
        return self.wins / self.trades if self.trades else None

    @property
    def expectancy(self) -> float | None:
        """Mean net return of a trade."""
        return self.net / self.trades if self.trades else None


def compared(
    plan: SweepPlan,
    candidates: Sequence[Candidate],
    known: Sequence[Known],
    workers: Workers,
    tell: Tell = silent,
) -> tuple[Showing, ...]:
    """Each candidate's figures, in their order. `tell` hears of backtests."""
    pairs = [(candidate, one) for candidate in candidates for one in known]
    tasks = [
        LookTask(
            one.source,
            replace(plan, strategy=candidate.strategy),
            ({**plan.fixed, **candidate.parameters},),
            one.beside,
        )
        for candidate, one in pairs
    ]
    found: dict[int, Looked] = {}
    for place, look in workers.results(looked, tasks):
        found[place] = look[0]
        tell(len(found), len(tasks))
    middle_ms = (min(one.first_ms for one in known) + max(one.end_ms for one in known)) // 2
    symbols = [one.symbol for one in known]
    return tuple(
        _showing(
            candidate,
            {symbol: found[at * len(known) + place] for place, symbol in enumerate(symbols)},
            middle_ms,
            plan.least,
        )
        for at, candidate in enumerate(candidates)
    )


def _showing(candidate: Candidate, looks: Mapping[str, Looked], middle_ms: int, least: int) -> Showing:
    joint = merged(list(looks.values()))
    net = joint.net_return
    early = joint.exit_at_ms < middle_ms
    return Showing(
        candidate=candidate,
        trades=len(net),
        wins=int((net > 0).sum()),
        net=float(net.sum()),
        gross_profit=float(net[net > 0].sum()),
        gross_loss=float(-net[net < 0].sum()),
        drawdown=deepest_fall(net),
        worst=float(net.min()) if len(net) else None,
        longest_losing_run=longest_losing_run(net.tolist()),
        halves=(_factor(net[early]), _factor(net[~early])),
        luck=luck_of(net.tolist(), 1),
        net_by_symbol={symbol: float(np.sum(look.net_return)) for symbol, look in looks.items()},
        enough=len(net) >= least,
    )


def _factor(net: Array) -> float | None:
    lost = float(-net[net < 0].sum())
    return float(net[net > 0].sum()) / lost if lost > 0 else None
