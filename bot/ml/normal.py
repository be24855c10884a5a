"""Normalisation: rolling z-scores of columns, summed from a place that history and live window agree on."""

from collections.abc import Iterable

import numpy as np

from bot.ml.feature import Feature, Inputs, Normal
from bot.strategy import Array

WINDOWS: dict[Normal, int] = {"z288": 288, "z96": 96}


def key(feature: Feature) -> str:
    """Under which a feature's column as a model takes it is remembered."""
    return f"{feature.name}|{feature.normal}"


def store(feature: Feature, inputs: Inputs) -> dict[str, Array]:
    """Where its column is remembered: with the symbol, or with BTC or ETH for all symbols."""
    match feature.shared:
        case "btc":
            return inputs.btc.kept
        case "eth":
            return inputs.eth.kept
        case _:
            return inputs.kept


def normalised(feature: Feature, inputs: Inputs) -> Array:
    """The feature's column as a model takes it."""
    if feature.normal == "plain":
        return feature.function(inputs)
    name, kept = key(feature), store(feature, inputs)
    if name not in kept:
        normalise((feature,), inputs)
    return kept[name]


def normalise(features: Iterable[Feature], inputs: Inputs) -> None:
    """Remember the columns of all features that are z-scores, those of one window at one go."""
    waiting = [one for one in features if one.normal != "plain" and key(one) not in store(one, inputs)]
    for normal, window in WINDOWS.items():
        chosen = [one for one in waiting if one.normal == normal]
        if chosen:
            scores = _scores([one.function(inputs) for one in chosen], window, inputs.first)
            for one, column in zip(chosen, scores, strict=True):
                store(one, inputs)[key(one)] = column


def _scores(columns: list[Array], window: int, first: int) -> Array:
    """One row of z-scores per column, summed from `window` - 1 values before the first row that is read."""
    from bot.ml import arrays

    block = np.array(columns)
    out = np.full_like(block, np.nan)
    arrays.zscores(block, window, max(0, first + 1 - window), out)
    return out
