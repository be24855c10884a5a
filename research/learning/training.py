"""Training: five folds in the order of time, what their scores are worth, then one model of all rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.ml.feature import Matrix
from bot.strategy import Array
from research.learning.dataset import Balance, Dataset, balance_of
from research.learning.folds import FOLDS, Split, walk_forward
from research.learning.labels import LOOKAHEAD
from research.learning.learners import Fitted, Learner
from research.learning.metrics import (
    Bin,
    Curve,
    auc_of,
    best_threshold,
    brier_of,
    curve_of,
    independent,
    reliability,
)
from research.progress import Tell, silent

DEFAULT_THRESHOLD = 0.55


@dataclass(frozen=True, slots=True)
class FoldResult[Made: Fitted]:
    """One fold. Figures are of its validated signals alone; `auc_with_holds` is of all validated rows.

    Hold rows are told apart by having no side, so a figure over all rows says little about signals. `independent` is
    how many labels of their own the signals have: neighbours rest on the same bars.
    """

    split: Split
    from_ms: int
    to_ms: int
    trained_rows: int
    signals: int
    won: int
    independent: float
    auc: float | None
    auc_with_holds: float | None
    brier: float | None
    model: Made


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Validated signals of all folds in order of time: the fold each belongs to, what happened, its score."""

    fold: NDArray[np.int64]
    bar: NDArray[np.int64]
    label: NDArray[np.int8]
    score: Array


@dataclass(frozen=True, slots=True)
class Judged[Made: Fitted]:
    """All folds together. `auc` is the mean over folds; the rest is of all validated signals.

    `threshold` has the best precision at enough recall, or is the `fallback` where nothing was won.
    """

    folds: tuple[FoldResult[Made], ...]
    beyond: OutOfFold
    auc: float | None
    brier: float | None
    base_rate: float
    curve: Curve
    threshold: float
    precision: float | None
    recall: float | None
    bins: tuple[Bin, ...]
    fallback: float = DEFAULT_THRESHOLD

    @property
    def fewest_signals(self) -> int:
        """Validated signals of the poorest fold."""
        return min(one.signals for one in self.folds)


@dataclass(frozen=True, slots=True)
class Trained[Made: Fitted]:
    """A model of all rows, and what the folds say about its like. `permuted` is the loss of AUC without a feature."""

    model: Made
    dataset: Dataset
    balance: Balance
    judged: Judged[Made]
    permuted: Array
    settings: dict[str, object]
    kind: str
    seed: int


def train[Made: Fitted](
    dataset: Dataset,
    learner: Learner[Made],
    seed: int,
    folds: int = FOLDS,
    embargo: int = LOOKAHEAD,
    tell: Tell = silent,
    fallback: float = DEFAULT_THRESHOLD,
) -> Trained[Made]:
    """Validate and train. Raises TooFewRows. `tell` hears of trainings: the folds, then the model itself."""
    splits = walk_forward(dataset, folds, embargo)
    judged = validated(dataset, splits, learner, seed, tell, fallback)
    model = learner.fit(dataset, seed)
    tell(len(splits) + 1, len(splits) + 1)
    return Trained(
        model=model,
        dataset=dataset,
        balance=balance_of(dataset),
        judged=judged,
        permuted=permutation(dataset, judged.folds, seed),
        settings=learner.settings(),
        kind=learner.kind,
        seed=seed,
    )


def validated[Made: Fitted](
    dataset: Dataset,
    splits: Sequence[Split],
    learner: Learner[Made],
    seed: int,
    tell: Tell = silent,
    fallback: float = DEFAULT_THRESHOLD,
) -> Judged[Made]:
    """Train and validate every fold."""
    found: list[FoldResult[Made]] = []
    beyond: list[OutOfFold] = []
    for number, split in enumerate(splits):
        tell(number, len(splits) + 1)
        model = learner.fit(dataset.taken(split.train), seed)
        result, scored = _fold(dataset, split, model, number)
        found.append(result)
        beyond.append(scored)
    return judged_of(tuple(found), _joined(beyond), fallback)


def judged_of[Made: Fitted](
    folds: tuple[FoldResult[Made], ...], beyond: OutOfFold, fallback: float = DEFAULT_THRESHOLD
) -> Judged[Made]:
    """What folds and their scores are worth together."""
    curve = curve_of(beyond.label, beyond.score)
    best = best_threshold(curve)
    threshold, precision, recall = best or (fallback, None, None)
    known = [one.auc for one in folds if one.auc is not None]
    return Judged(
        folds=folds,
        beyond=beyond,
        auc=float(np.mean(known)) if known else None,
        brier=brier_of(beyond.label, beyond.score),
        base_rate=float(beyond.label.mean()) if len(beyond.label) else 0.0,
        curve=curve,
        threshold=threshold,
        precision=precision,
        recall=recall,
        bins=reliability(beyond.label, beyond.score),
        fallback=fallback,
    )


def _fold[Made: Fitted](
    dataset: Dataset, split: Split, model: Made, number: int
) -> tuple[FoldResult[Made], OutOfFold]:
    part = dataset.taken(split.validate)
    scores = model.scores(part.rows)
    labels, signal_scores = part.label[part.is_signal], scores[part.is_signal]
    result = FoldResult(
        split=split,
        from_ms=int(part.at_ms[0]),
        to_ms=int(part.at_ms[-1]),
        trained_rows=len(split.train),
        signals=len(labels),
        won=int(labels.sum()),
        independent=independent(part.bar[part.is_signal], part.end_bar[part.is_signal]),
        auc=auc_of(labels, signal_scores),
        auc_with_holds=auc_of(part.label, scores),
        brier=brier_of(labels, signal_scores),
        model=model,
    )
    bars = part.bar[part.is_signal]
    return result, OutOfFold(np.full(len(bars), number, np.int64), bars, labels, signal_scores)


def _joined(parts: Sequence[OutOfFold]) -> OutOfFold:
    return OutOfFold(
        np.concatenate([one.fold for one in parts]),
        np.concatenate([one.bar for one in parts]),
        np.concatenate([one.label for one in parts]),
        np.concatenate([one.score for one in parts]),
    )


def permutation[Made: Fitted](dataset: Dataset, folds: Sequence[FoldResult[Made]], seed: int) -> Array:
    """Mean loss of AUC over the folds when a feature's validated figures are shuffled among the signals."""
    chance = np.random.default_rng(seed)
    losses = [_losses(dataset, one, chance) for one in folds if one.auc is not None]
    return np.mean(losses, axis=0) if losses else np.zeros(len(dataset.features))


def _losses[Made: Fitted](dataset: Dataset, fold: FoldResult[Made], chance: np.random.Generator) -> Array:
    part = dataset.taken(fold.split.validate)
    rows, labels = part.rows[part.is_signal], part.label[part.is_signal]
    aucs = [auc_of(labels, fold.model.scores(one)) or 0.0 for one in _shuffled(rows, chance)]
    return (fold.auc or 0.0) - np.array(aucs)


def _shuffled(rows: Matrix, chance: np.random.Generator) -> Iterator[Matrix]:
    """The rows once for each feature, that feature shuffled; always the same array, since there may be very many."""
    found = rows.copy()
    for place in range(rows.shape[1]):
        found[:, place] = chance.permutation(rows[:, place])
        yield found
        found[:, place] = rows[:, place]
