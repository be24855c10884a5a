"""Rows: every signal stays, holds are drawn, time runs forward."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_kit import dataset, entries_of, feature_set
from markets import random_frame

from bot.domain.market import DAY_MS
from bot.ml.feature import Matrix
from bot.strategy import Entries, Frame
from research.learning.dataset import Dataset, Recipe, Said, balance_of, rows_of, said_at, weights
from research.learning.labels import UNKNOWN, labels_of
from research.results.plan import Rules

FEATURES = feature_set("strength", "side")


def matrix(frame: Frame, entries: Entries) -> Matrix:
    return np.stack(said_at(frame, entries), axis=1)


def rows_from(frame: Frame, entries: Entries, recipe: Recipe) -> Dataset:
    """Rows from the fiftieth bar on."""
    return rows_of(Said(frame, entries, 49), FEATURES, matrix(frame, entries), recipe, Rules())


@given(st.integers(0, 1_000), st.sampled_from([0.0, 0.5, 1.0, 3.0, 50.0]))
@settings(max_examples=30, deadline=None)
def test_every_labelled_signal_is_a_row_and_only_holds_are_drawn(seed: int, ratio: float) -> None:
    frame = random_frame(seed, 1_500)
    entries = entries_of(frame, seed)
    found = rows_from(frame, entries, Recipe(negative_ratio=ratio, seed=seed))
    known = labels_of(frame, entries, Rules()).label != UNKNOWN
    assert np.array_equal(found.bar[found.is_signal], entries.row[known])
    assert (np.diff(found.bar) > 0).all()
    holds = found.bar[~found.is_signal]
    assert not set(holds.tolist()) & set(entries.row.tolist())
    assert (found.label[~found.is_signal] == 0).all()
    free = 1_500 - 49 - 24 - int((entries.row < 1_476).sum())
    assert len(holds) == min(round(ratio * int(known.sum())), free)
    assert not len(holds) or (holds[0] >= 49 and holds[-1] < 1_476)


def test_rows_carry_what_was_said_and_holds_nothing() -> None:
    frame = random_frame(1, 1_000)
    entries = entries_of(frame, 1)
    found = rows_from(frame, entries, Recipe())
    place = {int(row): k for k, row in enumerate(entries.row)}
    for row, bar, is_signal in zip(found.rows, found.bar.tolist(), found.is_signal.tolist(), strict=True):
        if is_signal:
            assert row.tolist() == [entries.score[place[bar]], entries.side[place[bar]]]
        else:
            assert np.isnan(row).all()
    assert np.array_equal(found.at_ms, frame.open_at_ms[found.bar] + frame.timeframe_ms)


def test_the_same_seed_draws_the_same_holds() -> None:
    frame = random_frame(2, 2_000)
    entries = entries_of(frame, 2)
    found = [rows_from(frame, entries, Recipe(seed=seed)) for seed in (1, 1, 2)]
    one, two, other = (each.bar[~each.is_signal] for each in found)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert len(one) == 3 * int(found[0].is_signal.sum()) > 0


def test_the_later_word_counts() -> None:
    frame = random_frame(3, 1_000)
    first, second = entries_of(frame, 3), entries_of(frame, 4)
    strength, side = said_at(frame, first, second)
    assert np.array_equal(side[second.row], second.side)
    only = np.setdiff1d(first.row, second.row)
    assert np.array_equal(strength[only], strength[only])
    assert int(np.isfinite(strength).sum()) == len(np.union1d(first.row, second.row))


def test_balance_counts_signals_holds_and_what_was_dropped() -> None:
    frame = random_frame(5, 1_500)
    entries = entries_of(frame, 5)
    found = balance_of(rows_from(frame, entries, Recipe(lookahead=4)))
    labels = labels_of(frame, entries, Rules(), 4)
    assert (found.won, found.lost) == (int((labels.label == 1).sum()), int((labels.label == 0).sum()))
    assert found.timed_out == int(labels.timed_out.sum()) > 0
    assert found.holds == 3 * found.signals


def test_a_weight_halves_with_each_half_life() -> None:
    found = weights(np.array([0, 10, 20]) * DAY_MS, 10.0)
    assert found.mean() == pytest.approx(1.0)
    assert found[1] / found[0] == pytest.approx(2.0)
    assert found[2] / found[0] == pytest.approx(4.0)
    assert weights(np.array([0, 10]), 0.0).tolist() == [1.0, 1.0]


def test_features_are_left_out_by_name() -> None:
    data = dataset(np.arange(6.0).reshape(2, 3), np.array([0, 1]), names=("a", "b", "c"))
    found = data.only(("c", "a"))
    assert found.features.names == ("a", "c")
    assert found.rows.tolist() == [[0.0, 2.0], [3.0, 5.0]]
    with pytest.raises(KeyError, match="d"):
        data.only(("d",))
