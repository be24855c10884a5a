"""Features that know the future are named; ours know nothing of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learning_market import busy, noise_market

from bot.ml.align import Sources
from bot.ml.compute import history_matrix
from bot.ml.feature import Feature, FeatureSet, Inputs, Windows
from bot.ml.registry import feature_set
from research.learning.dataset import Recipe, said_at
from research.learning.leaks import leaks, until
from research.learning.lesson import refuse_leaks
from research.learning.material import Course, Material, Unteachable
from research.results.plan import Rules

BARS = 4_000


def next_close(inputs: Inputs) -> Windows:
    """The next bar's close, at this bar."""
    found = np.full(inputs.close.shape, np.nan)
    found[..., :-1] = inputs.close[..., 1:]
    return found


def mean_of_all(inputs: Inputs) -> Windows:
    """Over the whole chunk: a little of the future everywhere."""
    return inputs.close - inputs.close.mean(axis=-1, keepdims=True)


LEAKING = (
    Feature("next_close", "base", "For a test.", next_close),
    Feature("centred", "base", "For a test.", mean_of_all),
)


def material(folder: Path, features: FeatureSet) -> Material:
    return Course(busy(folder), "busy", features, Recipe(), Rules()).material(
        "XRPUSDT", noise_market(3, BARS)
    )


def test_our_features_are_clean(tmp_path: Path) -> None:
    found = material(tmp_path, feature_set(["base"]))
    assert leaks(found.features, found.sources, found.matrix, seed=1, bars=40) == ()


@pytest.mark.parametrize("planted", LEAKING, ids=lambda one: one.name)
def test_a_planted_future_feature_is_named_and_not_learned_from(tmp_path: Path, planted: Feature) -> None:
    clean = feature_set(["base"]).features
    found = material(tmp_path, FeatureSet((*clean[:3], planted, *clean[3:])))
    assert leaks(found.features, found.sources, found.matrix, seed=1) == (planted.name,)
    with pytest.raises(Unteachable, match=f"XRPUSDT: {planted.name} changes when the future is cut off"):
        refuse_leaks(found, seed=1)


def test_what_was_known_at_a_close_ends_with_it(tmp_path: Path) -> None:
    found = material(tmp_path, feature_set(["base"]))
    known = until(found.sources, 100)
    assert len(known.frame) == 101
    assert known.btc is not None
    assert len(known.btc) == 101
    assert known.side is not None
    assert len(known.side) == 101


def test_another_future_of_btc_alone_is_noticed(tmp_path: Path) -> None:
    """Columns made with a BTC that is one bar ahead."""
    found = material(tmp_path, feature_set(["base"]))
    btc = found.sources.btc
    assert btc is not None
    ahead = replace(btc, close=np.append(btc.close[1:], btc.close[-1]))
    strength, side = said_at(found.frame, found.training)
    wrong = history_matrix(found.features, Sources(found.frame, ahead, None, strength=strength, side=side))
    named = leaks(found.features, found.sources, wrong, seed=1)
    assert {"btc_ret_1", "btc_ret_3", "btc_ret_5"} <= set(named)
    assert "rsi" not in named
