"""Folds: exact to the bar, compared with counting row by row; a leak is worth nothing once rows are purged."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_kit import dataset

from bot.strategy import Array
from research.learning.boosting import Boosting, BoostSettings
from research.learning.dataset import Dataset
from research.learning.folds import Split, TooFewRows, split, walk_forward
from research.learning.metrics import auc_of
from research.learning.training import validated

SMALL = Boosting(BoostSettings(n_estimators=60, min_child_samples=5, learning_rate=0.1))


def by_counting(data: Dataset, first: int, end: int, embargo: int) -> tuple[list[int], list[int]]:
    """Bar by bar: a train row keeps its distance, and no bar of its label's window is validated."""
    train, validate = [], []
    for place in range(len(data)):
        bar, last = int(data.bar[place]), int(data.end_bar[place])
        if first <= bar < end:
            validate.append(place)
        between = range(bar + 1, first)
        touched = any(first <= seen for seen in range(bar, last + 1))
        if bar < first and len(between) >= embargo and not touched:
            train.append(place)
    return train, validate


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 60),
    st.integers(1, 40),
    st.integers(0, 260),
    st.integers(1, 120),
)
@settings(max_examples=200, deadline=None)
def test_purging_is_exact(seed: int, embargo: int, window: int, first: int, length: int) -> None:
    chance = np.random.default_rng(seed)
    bar = np.sort(chance.choice(300, 120, replace=False))
    data = dataset(np.zeros((120, 1)), np.zeros(120), bar=bar, window=chance.integers(0, window + 1, 120))
    found = split(data, first, first + length, embargo)
    assert (found.train.tolist(), found.validate.tolist()) == by_counting(
        data, first, first + length, embargo
    )
    assert found.purged == int((bar < first).sum()) - len(found.train)


def test_folds_follow_each_other_and_validate_every_later_signal_once() -> None:
    chance = np.random.default_rng(1)
    bar = np.sort(chance.choice(5_000, 900, replace=False))
    data = dataset(np.zeros((900, 1)), np.zeros(900), bar=bar, is_signal=chance.random(900) < 0.3)
    found = walk_forward(data, 5, 24)
    places = np.concatenate([one.validate for one in found])
    assert len(found) == 5
    assert np.array_equal(places, np.arange(places[0], 900))
    signals = [int(data.is_signal[one.validate].sum()) for one in found]
    assert max(signals) - min(signals) <= 1
    assert all(len(one.train) < len(after.train) for one, after in pairwise(found))


def test_too_few_signals_are_refused_with_the_figures() -> None:
    with pytest.raises(TooFewRows, match="59 labelled signals; 5 folds need 60"):
        walk_forward(dataset(np.zeros((59, 1)), np.zeros(59)))


def overlapping(seed: int) -> tuple[Dataset, Array]:
    """Labels of neighbouring bars rest on the same bars, and so are nearly the same; the feature is the bar."""
    chance = np.random.default_rng(seed)
    walk = np.cumsum(chance.standard_normal(3_024))
    label = walk[24:] > walk[:-24]
    return dataset(np.arange(3_000.0)[:, None], label, names=("leak",)), label


def shuffled(data: Dataset, seed: int) -> tuple[Split, ...]:
    """What nobody should do: rows of all times in all folds."""
    places = np.random.default_rng(seed).permutation(len(data))
    parts = np.array_split(places, 5)
    return tuple(
        Split(np.sort(np.setdiff1d(places, part)), np.sort(part), 0, len(data), 0, 0) for part in parts
    )


def test_a_feature_that_knows_overlapping_labels_is_worth_nothing_once_purged() -> None:
    data, _ = overlapping(3)
    leaking = validated(data, shuffled(data, 1), SMALL, seed=1).auc
    honest = validated(data, walk_forward(data), SMALL, seed=1).auc
    assert leaking is not None
    assert honest is not None
    assert leaking > 0.85
    assert abs(honest - 0.5) < 0.08


def test_without_purging_and_embargo_the_last_train_rows_know_the_first_validated_labels() -> None:
    """Fold by fold only the bars next to the border leak; there the difference is plain."""
    aucs: dict[bool, float] = {}
    for purged in (False, True):
        labels, scores = [], []
        for seed in range(12):
            data, _ = overlapping(seed)
            bare = data if purged else dataset(data.rows, data.label, window=0, names=("leak",))
            for first in range(600, 3_000, 100):
                one = split(bare, first, first + 8, 24 if purged else 0)
                labels.append(data.label[one.validate])
                scores.append(np.full(8, float(data.label[one.train[-1]])))
        aucs[purged] = auc_of(np.concatenate(labels), np.concatenate(scores)) or 0.0
    assert aucs[False] > 0.75
    assert abs(aucs[True] - 0.5) < 0.08
