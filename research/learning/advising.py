"""Whether the filter should be switched on: every condition has to hold, and each is told with its figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

from research.learning.ablation import USEFUL_DROP, Ablation
from research.learning.comparing import Comparison
from research.learning.learners import Fitted
from research.learning.training import FoldResult, Judged

LEAST_SIGNALS, LEAST_TRADES = 100, 50
LEAST_GAIN, MOST_RATIO = 0.1, 2.0
MOST_LUCK = 0.1
SURE = 2.0
"""Standard errors by which the AUC must lie above one half: a market of noise gets so far once in forty times."""
ON, OFF = "switch on", "leave off"


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the conditions; `holds` None where it cannot be told and does not stand in the way."""

    name: str
    figures: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Advised:
    """All conditions."""

    conditions: tuple[Condition, ...]

    @property
    def word(self) -> str:
        """Switch on, or leave off."""
        return OFF if any(one.holds is False for one in self.conditions) else ON

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each condition."""
        return tuple(f"{MARKS[one.holds]} {one.name}: {one.figures}" for one in self.conditions)


MARKS = {True: "✓", False: "✗", None: "?"}


def advised[Made: Fitted](
    judged: Judged[Made], ablation: Ablation, comparison: Comparison, sweep_ratio: float | None
) -> Advised:
    """`sweep_ratio` is the sweep's profit factor over its walk-forward's; None: no sweep is known."""
    return Advised(
        (
            _signals(judged),
            _ranking(judged),
            _drop(ablation),
            _gain(comparison),
            _luck(comparison),
            _sweep(sweep_ratio),
        )
    )


def _signals[Made: Fitted](judged: Judged[Made]) -> Condition:
    fewest = judged.fewest_signals
    figures = f"{fewest} in the poorest fold, {LEAST_SIGNALS} are asked for"
    return Condition("signals per fold", figures, fewest >= LEAST_SIGNALS)


def _ranking[Made: Fitted](judged: Judged[Made]) -> Condition:
    error = standard_error(judged.folds)
    if judged.auc is None or error is None:
        return Condition("AUC above chance", "not known, a fold has outcomes of one kind only", False)
    figures = f"{judged.auc:.3f} ± {error:.3f}, more than {SURE:g} errors above 0.5 are asked for"
    return Condition("AUC above chance", figures, judged.auc - SURE * error > 0.5)


def standard_error[Made: Fitted](folds: Sequence[FoldResult[Made]]) -> float | None:
    """Of the mean AUC of folds, by Hanley and McNeil, for as many outcomes as are independent.

    None where a fold has no AUC.
    """
    squares = [_variance(one) for one in folds]
    known = [square for square in squares if square is not None]
    return sqrt(sum(known)) / len(known) if known and len(known) == len(squares) else None


def _variance[Made: Fitted](fold: FoldResult[Made]) -> float | None:
    """Of one fold's AUC."""
    auc = fold.auc
    if auc is None:
        return None
    own = fold.independent / fold.signals
    won, lost = max(1.0, own * fold.won), max(1.0, own * (fold.signals - fold.won))
    pairs_won, pairs_lost = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = (won - 1) * (pairs_won - auc * auc) + (lost - 1) * (pairs_lost - auc * auc)
    return (auc * (1.0 - auc) + spread) / (won * lost)


def _drop(ablation: Ablation) -> Condition:
    if ablation.drop is None:
        return Condition("A-C drop", "not known", False)
    figures = f"{ablation.drop:.3f}, at most {USEFUL_DROP:g} is asked for"
    return Condition("A-C drop", figures, ablation.drop <= USEFUL_DROP)


def _gain(comparison: Comparison) -> Condition:
    on, off, gain = comparison.on, comparison.off, comparison.gain
    figures = (
        f"{factor_text(on.profit_factor)} on ({on.trades} trades), {factor_text(off.profit_factor)} off "
        f"({off.trades}); +{LEAST_GAIN:g} with {LEAST_TRADES} trades is asked for"
    )
    enough = on.trades >= LEAST_TRADES and gain is not None
    return Condition("profit factor", figures, enough and gain is not None and gain >= LEAST_GAIN)


def _luck(comparison: Comparison) -> Condition:
    if comparison.luck is None:
        return Condition("better than by lot", "no trade passed", False)
    figures = f"{comparison.luck:.0%} of filters by lot do as well, at most {MOST_LUCK:.0%} is asked for"
    return Condition("better than by lot", figures, comparison.luck <= MOST_LUCK)


def _sweep(ratio: float | None) -> Condition:
    if ratio is None:
        return Condition("sweep over walk-forward", "not known: no sweep of this symbol was given", None)
    figures = f"{ratio:.2f}, less than {MOST_RATIO:g} is asked for"
    return Condition("sweep over walk-forward", figures, ratio < MOST_RATIO)


def factor_text(factor: float | None) -> str:
    """A profit factor for people."""
    if factor is None:
        return "–"
    return "∞" if factor == inf else f"{factor:.2f}"
