"""A trial: what two models would have said of signals that have ended, and what they let through came to.

Pure: the same signals and the same two models give the same figures, so that a trial is computed whenever it is asked
for and kept nowhere. A signal counts when its features were kept as the registry computes them today, when its bar
closed after the challenger was made and after all that the champion learned from, and when both models have a score
for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.ml.feature import FeatureSet, Matrix
from bot.ml.loaded import Loaded
from bot.ml.phantom import Followed, Outcome
from bot.ml.registry import FEATURES
from bot.ml.score import Ask, Score, score_batch
from bot.strategy import Array

OUTCOMES = {Outcome.TARGET: 1.0, Outcome.STOP: 0.0}
"""Signals whose time was over have no label, as in training; what they came to counts."""


@dataclass(frozen=True, slots=True)
class Side:
    """How one model did. `passed` signals reach its threshold; `net` is what these came to in quote asset.

    AUC and Brier score are None where outcomes of one kind alone were seen.
    """

    version: str
    threshold: float
    passed: int
    net: float
    auc: float | None
    brier: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial as far as it has come: `signals` of the `wanted` have ended; `net` is what all of them came to."""

    wanted: int
    signals: int
    net: float
    champion: Side
    challenger: Side

    @property
    def over(self) -> bool:
        """True when as many signals as were wanted have ended."""
        return self.signals >= self.wanted

    @property
    def won(self) -> bool:
        """True when the challenger is worse in nothing that could be measured, and better in something."""
        old, new = self.champion, self.challenger
        better = [_sign(new.net - old.net), _beyond(old.auc, new.auc), _beyond(new.brier, old.brier)]
        return min(better) >= 0 and max(better) > 0


def trial_of(
    followed: Sequence[Followed],
    champion: Loaded,
    challenger: Loaded,
    wanted: int,
    threshold: float | None = None,
) -> Trial:
    """The first `wanted` of the signals that count, in the order given.

    `threshold` is what a person has set for both, None: each model's own.
    """
    rows, seen = vectors_of([one for one in followed if _is_unseen(one, champion, challenger)])
    old, new = _scores(champion, rows), _scores(challenger, rows)
    both = np.flatnonzero(np.isfinite(old) & np.isfinite(new))[:wanted]
    ended = [seen[place] for place in both.tolist()]
    return Trial(
        wanted=wanted,
        signals=len(ended),
        net=_net(ended, np.ones(len(ended), dtype=np.bool_)),
        champion=_side(champion, old[both], ended, threshold),
        challenger=_side(challenger, new[both], ended, threshold),
    )


def vectors_of(followed: Sequence[Followed]) -> tuple[Matrix, list[Followed]]:
    """The features of those that have them as they are computed today, every feature of the registry, and whose."""
    mark, width = FeatureSet(FEATURES).hash, len(FEATURES)
    seen = [
        one
        for one in followed
        if one.ending is not None
        and one.phantom.vector.hash == mark
        and len(one.phantom.vector.values) == width
    ]
    rows = np.array([one.phantom.vector.values for one in seen], dtype=np.float64).reshape(-1, width)
    return rows, seen


def _is_unseen(one: Followed, champion: Loaded, challenger: Loaded) -> bool:
    """True for a signal that neither can have learned from: a champion may be the younger one, put in use by hand."""
    at_ms = one.phantom.bar_at_ms
    return at_ms > challenger.card.created_at_ms and at_ms >= champion.card.trained.to_ms


def _scores(model: Loaded, rows: Matrix) -> Array:
    """What a model says of rows of all features, NaN where it says nothing."""
    places = {one.name: place for place, one in enumerate(FEATURES)}
    mine = [places[name] for name in model.card.features]
    answers = score_batch([Ask(model, row) for row in rows[:, mine]])
    said = [one.probability if isinstance(one, Score) else np.nan for one in answers]
    return np.array(said, dtype=np.float64)


def _side(model: Loaded, scores: Array, ended: Sequence[Followed], threshold: float | None) -> Side:
    own = model.card.threshold if threshold is None else threshold
    passed = scores >= own
    label = np.array([_label(one) for one in ended], dtype=np.float64)
    known = np.isfinite(label)
    auc = _auc(label[known], scores[known])
    brier = None if auc is None else float(np.mean((scores[known] - label[known]) ** 2))
    return Side(model.card.version, own, int(passed.sum()), _net(ended, passed), auc, brier)


def _label(one: Followed) -> float:
    return np.nan if one.ending is None else OUTCOMES.get(one.ending.outcome, np.nan)


def _net(ended: Sequence[Followed], passed: NDArray[np.bool_]) -> float:
    nets = [0.0 if one.ending is None else one.ending.net for one in ended]
    return float(sum(net for net, is_in in zip(nets, passed.tolist(), strict=True) if is_in))


def _auc(label: Array, score: Array) -> float | None:
    """How often a target's score lies above a stop's, equal ones half; None where there are not both."""
    won, lost = score[label > 0.5], score[label <= 0.5]
    if not len(won) or not len(lost):
        return None
    above = np.sign(won[:, None] - lost[None, :])
    return float(0.5 + above.mean() / 2.0)


def _beyond(low: float | None, high: float | None) -> int:
    """1 where the second is higher, -1 where it is lower, 0 where that cannot be told."""
    return 0 if low is None or high is None else _sign(high - low)


def _sign(value: float) -> int:
    return (value > 0.0) - (value < 0.0)
