"""What scores are worth against what happened: ranking, precision and recall, calibration. Pure array code."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Array

LEAST_RECALL = 0.35
BINS = 10

type Labels = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall when scores at or above each threshold pass, the highest threshold first."""

    threshold: Array
    precision: Array
    recall: Array


@dataclass(frozen=True, slots=True)
class Bin:
    """Scores in from <= score < to: how many, their mean, and how often the target came first."""

    low: float
    high: float
    rows: int
    mean_score: float
    won: float


def auc_of(labels: Labels, scores: Array) -> float | None:
    """The chance that a winner scores above a loser, equal scores counting half; None without one of both."""
    won = int(labels.sum())
    lost = len(labels) - won
    if not won or not lost:
        return None
    ordered, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (last - (count - 1) / 2.0)[place]
    return float((ranks[labels == 1].sum() - won * (won + 1) / 2.0) / (won * lost)) if len(ordered) else None


def curve_of(labels: Labels, scores: Array) -> Curve:
    """A point for every distinct score; empty without a winner."""
    if not len(labels) or not labels.any():
        return Curve(np.empty(0), np.empty(0), np.empty(0))
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    hits = np.cumsum(labels[order])[ends]
    return Curve(ordered[ends], hits / (ends + 1.0), hits / float(labels.sum()))


def best_threshold(curve: Curve, least_recall: float = LEAST_RECALL) -> tuple[float, float, float] | None:
    """Threshold, precision and recall where precision is best among points of enough recall; None without any.

    Of equal precisions the one with the most recall.
    """
    enough = np.flatnonzero(curve.recall >= least_recall)
    if not len(enough):
        return None
    best = enough[np.lexsort((curve.recall[enough], curve.precision[enough]))[-1]]
    return float(curve.threshold[best]), float(curve.precision[best]), float(curve.recall[best])


def at_threshold(labels: Labels, scores: Array, threshold: float) -> tuple[float | None, float | None]:
    """Precision and recall when scores at or above a threshold pass; None where nothing passes, or nothing won."""
    passing = scores >= threshold
    hits = float(labels[passing].sum())
    won = float(labels.sum())
    return (hits / float(passing.sum()) if passing.any() else None), (hits / won if won else None)


def brier_of(labels: Labels, scores: Array) -> float | None:
    """Mean squared distance of scores from what happened: 0 is perfect, 0.25 is a coin always called half."""
    return float(np.mean((scores - labels) ** 2)) if len(labels) else None


def reliability(labels: Labels, scores: Array, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width over 0 to 1; those without a score are left out."""
    place = np.clip((scores * bins).astype(np.int64), 0, bins - 1)
    found = []
    for one in np.unique(place).tolist():
        inside = place == one
        mean, won = float(scores[inside].mean()), float(labels[inside].mean())
        found.append(Bin(one / bins, (one + 1) / bins, int(inside.sum()), mean, won))
    return tuple(found)


def independent(bar: NDArray[np.int64], end_bar: NDArray[np.int64]) -> float:
    """How many labels of their own these are: labels that rest on the same bars share what they say.

    Each counts the mean, over the bars it rests on, of one over the labels that rest on the bar.
    """
    if not len(bar):
        return 0.0
    first, last = int(bar[0]), int(end_bar.max())
    steps = np.zeros(last - first + 3)
    np.add.at(steps, bar + 1 - first, 1.0)
    np.add.at(steps, end_bar + 1 - first, -1.0)
    shared = np.concatenate(([0.0], np.cumsum(1.0 / np.maximum(np.cumsum(steps), 1.0))))
    length = np.maximum(end_bar - bar, 1)
    return float(((shared[end_bar + 1 - first] - shared[bar + 1 - first]) / length).sum())
