"""Walk-forward: in every window the set that did best before it, judged by what it did in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from bot.strategy import Value
from research.backtest.folds import Fold
from research.sweep.figures import SetFigures, Sums, added, best_of, figures_at
from research.sweep.plan import LEAST_TRAINING


@dataclass(frozen=True, slots=True)
class Step:
    """One fold: of `able` sets with at least `least` trades in training the best, and what it did in the test window.

    `train` and `test` are None when no set was able: nothing was traded in that window.
    """

    fold: Fold
    least: int
    able: int
    train: SetFigures | None
    test: SetFigures | None


@dataclass(frozen=True, slots=True)
class Walk:
    """All steps, what the choices came to together, and what production did in the same test windows."""

    steps: tuple[Step, ...]
    total: SetFigures
    production: SetFigures

    @property
    def chosen(self) -> int:
        """Steps in which a set could be chosen."""
        return sum(step.test is not None for step in self.steps)

    @property
    def sets(self) -> int:
        """Different sets among the choices."""
        return len({step.test.index for step in self.steps if step.test is not None})


def least_training(least: int, fold: Fold, whole_ms: int) -> int:
    """Trades a set needs in a train window: the window's share of what the whole asks for, at least five."""
    share = (fold.train_to_ms - fold.train_from_ms) / max(1, whole_ms)
    return max(LEAST_TRAINING, ceil(least * min(1.0, share)))


def walked(
    windows: Sequence[tuple[Fold, Sums, Sums]], sets: Sequence[Mapping[str, Value]], least: int, whole_ms: int
) -> Walk:
    """`windows`: each fold with the figures of its train and test window; sets beyond `sets` are production."""
    steps = tuple(
        _step(fold, train, test, sets, least_training(least, fold, whole_ms)) for fold, train, test in windows
    )
    tested = added([test for _, _, test in windows])
    production = figures_at(tested, len(sets), {})
    return Walk(steps, _together([step.test for step in steps if step.test]), production)


def _step(fold: Fold, train: Sums, test: Sums, sets: Sequence[Mapping[str, Value]], least: int) -> Step:
    able = int((train.trades[: len(sets)] >= least).sum())
    best = best_of(train, len(sets), least)
    if best is None:
        return Step(fold, least, 0, None, None)
    return Step(fold, least, able, figures_at(train, best, sets[best]), figures_at(test, best, sets[best]))


def _together(chosen: Sequence[SetFigures]) -> SetFigures:
    """The choices' test windows one after another; windows do not overlap, so their sums add up."""
    return SetFigures(
        index=-1,
        parameters={},
        trades=sum(one.trades for one in chosen),
        wins=sum(one.wins for one in chosen),
        net=sum(one.net for one in chosen),
        gross_profit=sum(one.gross_profit for one in chosen),
        gross_loss=sum(one.gross_loss for one in chosen),
        drawdown=None,
        held=sum(one.held for one in chosen),
    )
