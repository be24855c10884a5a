"""Small data sets made by hand and by chance, for the tests of learning."""

import numpy as np

from bot.domain.market import MINUTE_MS
from bot.ml.feature import Feature, FeatureSet, Inputs
from bot.strategy import Array, Entries, Frame
from research.learning.dataset import Dataset

BAR_MS = 15 * MINUTE_MS


def nothing(inputs: Inputs) -> Array:
    return np.zeros(len(inputs.frame))


def feature_set(*names: str) -> FeatureSet:
    return FeatureSet(tuple(Feature(name, "base", "For a test.", nothing) for name in names))


def dataset(
    rows: Array,
    label: Array,
    *,
    bar: Array | None = None,
    window: Array | int = 24,
    is_signal: Array | None = None,
    names: tuple[str, ...] = (),
) -> Dataset:
    """Rows as given; a label rests on `window` bars after its own."""
    bars = np.arange(len(label)) if bar is None else np.asarray(bar)
    return Dataset(
        features=feature_set(*(names or tuple(f"f{place}" for place in range(rows.shape[1])))),
        rows=np.ascontiguousarray(rows, dtype=np.float64),
        bar=bars.astype(np.int64),
        end_bar=(bars + window).astype(np.int64),
        at_ms=((bars + 1) * BAR_MS).astype(np.int64),
        label=np.asarray(label).astype(np.int8),
        is_signal=np.ones(len(label), np.bool_) if is_signal is None else np.asarray(is_signal),
        weight=np.ones(len(label)),
    )


def informed(rows: int, seed: int, strength: float = 2.0, columns: int = 5) -> Dataset:
    """The first feature says something of the label, the others nothing."""
    chance = np.random.default_rng(seed)
    features = chance.standard_normal((rows, columns))
    odds = 1.0 / (1.0 + np.exp(-strength * features[:, 0]))
    bar = np.sort(chance.choice(rows * 6, rows, replace=False))
    return dataset(features, chance.random(rows) < odds, bar=bar)


def entries_of(frame: Frame, seed: int, count: int = 200, first: int = 50) -> Entries:
    """Signals at some bars, by lot, with a reach of a hundredth of the price."""
    chance = np.random.default_rng(seed)
    row = np.sort(chance.choice(np.arange(first, len(frame)), count, replace=False))
    side = chance.choice([-1, 1], count).astype(np.int8)
    close = frame.close[row]
    reach = 0.01 * close
    score = chance.integers(2, 7, count).astype(np.float64)
    return Entries(
        row, side, score, close, close - side * reach, close + side * reach, reach, np.zeros(count, np.bool_)
    )
