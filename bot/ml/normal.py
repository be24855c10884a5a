"""Normalisation: rolling z-scores of columns, summed from a place that history and live window agree on."""

import numpy as np

from bot.ml.feature import Feature, Inputs, Normal, Windows

WINDOWS: dict[Normal, int] = {"z288": 288, "z96": 96}


def normalised(feature: Feature, inputs: Inputs) -> Windows:
    """The feature's column as a model takes it."""
    if feature.normal == "plain":
        return feature.function(inputs)
    name, kept = f"{feature.name}|{feature.normal}", _store(feature, inputs)
    found = kept.get(name)
    if found is None:
        kept[name] = found = _scored(feature.function(inputs), WINDOWS[feature.normal], inputs)
    return found


def _store(feature: Feature, inputs: Inputs) -> dict[str, Windows]:
    """Where its column is remembered: with the symbols, or with BTC or ETH for all of them."""
    match feature.shared:
        case "btc":
            return inputs.btc.kept
        case "eth":
            return inputs.eth.kept
        case _:
            return inputs.kept


def _scored(column: Windows, window: int, inputs: Inputs) -> Windows:
    """Z-scores of what is read, summed from `window` - 1 values before the chunk's first bar on."""
    from bot.market.compiled import plain
    from bot.ml import arrays

    out = np.empty(column.shape)
    arrays.zscores(plain(column), window, max(0, inputs.first + 1 - window), inputs.read, out)
    return out
