"""What a sweep's figures are worth: a peak or a plateau, luck or not, held in the walk-forward or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf, log, sqrt
from statistics import median

from research.sweep.figures import SetFigures
from research.sweep.grid import AnyGrid
from research.sweep.walking import Walk

KEPT_LEAST = 0.5
"""Neighbours that keep less of the best set's edge than this make it a lone peak."""
RATIO_MOST = 1.3
"""A sweep's profit factor above this many times its walk-forward's was fitted to the past."""
FACTOR_MOST = 10.0
"""Profit factors beyond this (few or no losses) count as this when they are compared."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The best set beside those one step away. `kept`: the share of its edge (factor - 1) that their median keeps.

    `judged` neighbours have enough trades. `lone` is None where too few of them can be judged.
    """

    count: int
    judged: int
    best: float | None
    median: float | None
    worst: float | None
    kept: float | None
    lone: bool | None


@dataclass(frozen=True, slots=True)
class Luck:
    """The best set's mean trade in standard errors, and what the best of as many worthless sets would reach."""

    t: float
    by_chance: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence about the figures; `code` for scripts. `bad` when they must not be trusted."""

    code: str
    bad: bool
    text: str


def neighbourhood(grid: AnyGrid, rows: Sequence[SetFigures], best: SetFigures, least: int) -> Neighbourhood:
    """The best set's neighbours; `rows` are all sets by index."""
    around = [rows[index] for index in grid.neighbours(best.index)]
    factors = [min(row.factor, FACTOR_MOST) for row in around if row.trades >= least]
    if not factors:
        return Neighbourhood(len(around), 0, None, None, None, None, None)
    edge = min(best.factor, FACTOR_MOST) - 1.0
    kept = (median(factors) - 1.0) / edge if edge > 0 else None
    known = 2 * len(factors) >= len(around)
    lone = kept < KEPT_LEAST if kept is not None and known else None
    return Neighbourhood(len(around), len(factors), max(factors), median(factors), min(factors), kept, lone)


def luck_of(returns: Sequence[float], sets: int) -> Luck | None:
    """How far from zero the mean return is; None for fewer than two trades or equal ones."""
    count = len(returns)
    if count < 2:
        return None
    mean = sum(returns) / count
    spread = sqrt(sum((one - mean) ** 2 for one in returns) / (count - 1))
    return Luck(mean / (spread / sqrt(count)), sqrt(2.0 * log(max(2, sets)))) if spread > 0 else None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything there is to judge by: `able` of `sets` have at least `least` trades, `best` is the best of those."""

    sets: int
    able: int
    least: int
    pooled: bool
    best: SetFigures | None
    around: Neighbourhood | None
    walk: Walk | None
    luck: Luck | None


def verdicts(evidence: Evidence) -> tuple[Verdict, ...]:
    """All sentences, the gravest first."""
    if evidence.best is None:
        return (_meaningless(evidence),)
    found = (
        _scarce(evidence),
        _losing(evidence.best),
        _lone(evidence.around),
        _held(evidence.best, evidence.walk, evidence.least),
        _lucky(evidence.luck, evidence.sets),
    )
    return tuple(sorted((one for one in found if one), key=lambda one: not one.bad))


def ratio_of(best: SetFigures | None, walk: Walk | None) -> float | None:
    """The sweep's profit factor over the walk-forward's; None without a loss in the walk-forward."""
    if best is None or walk is None or not walk.total.profit_factor or isinf(best.factor):
        return None
    return best.factor / walk.total.profit_factor


def _meaningless(evidence: Evidence) -> Verdict:
    advice = "take a longer history"
    if not evidence.pooled:
        advice = f"pool symbols with --combined, or {advice}"
    text = f"the figures mean nothing: none of {evidence.sets} sets has {evidence.least} trades; {advice}"
    return Verdict("too_few_trades", True, text)


def _scarce(evidence: Evidence) -> Verdict | None:
    if 2 * evidence.able >= evidence.sets:
        return None
    advice = "" if evidence.pooled else "; --combined pools symbols"
    counted = f"only {evidence.able} of {evidence.sets} sets have {evidence.least} trades"
    return Verdict("few_sets", False, f"{counted}, the others' figures mean nothing{advice}")


def _losing(best: SetFigures) -> Verdict | None:
    if best.factor > 1.0:
        return None
    return Verdict("no_profit", True, f"even the best set lost: profit factor {best.factor:.2f}")


def _lone(around: Neighbourhood | None) -> Verdict | None:
    if around is None or around.count == 0:
        return None
    if around.lone is None:
        text = (
            f"{around.judged} of {around.count} neighbours have enough trades: peak or plateau cannot be told"
        )
        return Verdict("neighbours_unknown", False, text) if 2 * around.judged < around.count else None
    kept = f"its neighbours keep {100 * (around.kept or 0.0):.0f} % of its edge (median factor {around.median:.2f})"
    if around.lone:
        return Verdict("lone_peak", True, f"overfit: the best set is a lone peak, {kept}")
    return Verdict("plateau", False, f"the best set stands on a plateau, {kept}")


def _held(best: SetFigures, walk: Walk | None, least: int) -> Verdict | None:
    if walk is None:
        return None
    total, ratio = walk.total, ratio_of(best, walk)
    if total.trades < least:
        windows = f"{walk.chosen} of {len(walk.steps)} test windows"
        text = f"the walk-forward means nothing: {total.trades} trades in {windows}"
        return Verdict("walk_too_few_trades", True, text)
    factors = f"factor {best.factor:.2f} in the sweep, {total.factor:.2f} in the walk-forward"
    if ratio is not None and ratio > RATIO_MOST:
        return Verdict("overfit", True, f"overfit: {factors}, {ratio:.2f} times less")
    if total.factor <= 1.0:
        return Verdict("walk_lost", True, f"it did not hold: {factors}")
    return Verdict("held", False, f"it held: {factors}")


def _lucky(luck: Luck | None, sets: int) -> Verdict | None:
    if luck is None or luck.t >= luck.by_chance:
        return None
    text = (
        f"the best set's mean trade is {luck.t:.1f} standard errors from zero; "
        f"the best of {sets} worthless sets may reach {luck.by_chance:.1f}"
    )
    return Verdict("chance", False, text)
