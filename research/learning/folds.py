"""Walk-forward folds of labelled rows: never a train row whose label knows bars that are validated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import QuarterdeckError
from research.learning.dataset import Dataset
from research.learning.labels import LOOKAHEAD

FOLDS = 5
LEAST_SIGNALS = 10
"""Of a fold's validation: fewer tell nothing at all."""

type Places = NDArray[np.int64]


class TooFewRows(QuarterdeckError):
    """There is not enough to learn from; one line says how much there is and what is needed."""


@dataclass(frozen=True, slots=True)
class Split:
    """One fold: places of rows to train and to validate on.

    Bars from `first_bar` to `end_bar` (excluded) are validated;
    `embargo` bars lie between; `purged` counts rows before `first_bar` that were left out.
    """

    train: Places
    validate: Places
    first_bar: int
    end_bar: int
    purged: int
    embargo: int


def walk_forward(dataset: Dataset, folds: int = FOLDS, embargo: int = LOOKAHEAD) -> tuple[Split, ...]:
    """Folds that validate equally many signals each, trained on all that was known before.

    The first of folds + 1 parts is only trained on. Between a train row and the first validated bar lie at least
    `embargo` bars, and the last bar its label rests on is before it. Raises TooFewRows.
    """
    bars = dataset.bar[dataset.is_signal]
    if len(bars) < (folds + 1) * LEAST_SIGNALS:
        raise TooFewRows(
            f"{len(bars)} labelled signals; {folds} folds need {(folds + 1) * LEAST_SIGNALS}: take a longer history"
        )
    begins = [int(part[0]) for part in np.array_split(bars, folds + 1)[1:]]
    ends = [*begins[1:], int(dataset.bar[-1]) + 1]
    if any(first >= end for first, end in zip(begins, ends, strict=True)):
        raise TooFewRows(
            f"{len(bars):,} labelled signals on too few bars for {folds} folds: take a longer history"
        )
    return tuple(split(dataset, first, end, embargo) for first, end in zip(begins, ends, strict=True))


def split(dataset: Dataset, first_bar: int, end_bar: int, embargo: int) -> Split:
    """The fold that validates bars from `first_bar` to `end_bar` (excluded)."""
    before = dataset.bar < first_bar
    clear = before & (dataset.bar + embargo < first_bar) & (dataset.end_bar < first_bar)
    validated = (dataset.bar >= first_bar) & (dataset.bar < end_bar)
    return Split(
        np.flatnonzero(clear),
        np.flatnonzero(validated),
        first_bar,
        end_bar,
        int(before.sum() - clear.sum()),
        embargo,
    )


def again(dataset: Dataset, one: Split) -> Split:
    """The same fold of other rows of the same bars."""
    return split(dataset, one.first_bar, one.end_bar, one.embargo)
