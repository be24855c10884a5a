"""Models put in use in the metronome's house: they know nothing, and say something else for every bar."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import lightgbm
import model_kit
import numpy as np

from bot.ml.card import Canary
from bot.ml.registry import feature_set
from bot.ml.writing import write_version

NAMES = ("rsi", "adx", "macd_hist", "signal_strength", "side", "btc_ret_1", "oi_change")
HISTORY, BARS = 620, 660


def put(
    home: Path,
    names: Sequence[str],
    booster: lightgbm.Booster,
    symbol: str = "XRPUSDT",
    *,
    current: bool = True,
    **more: object,
) -> str:
    """Write a model of the metronome as training does, `more` into its card; answers its version."""
    asked = np.random.default_rng(9).normal(size=(3, len(names)))
    scores = np.asarray(booster.predict(asked))
    card = replace(
        model_kit.card(symbol),
        strategy="metronome",
        features=tuple(names),
        feature_hash=feature_set(names).hash,
        canary=tuple(
            Canary(tuple(row), score) for row, score in zip(asked.tolist(), scores.tolist(), strict=True)
        ),
        importances=(),
        **{"threshold": 0.5, "profile": None, **more},  # type: ignore[arg-type]
    )
    text = booster.model_to_string().encode()
    return write_version(home / "models", card, text, "<html></html>", current=current).version


def install(home: Path, seed: int, symbol: str = "XRPUSDT") -> str:
    """One of NAMES, in use."""
    return put(home, NAMES, model_kit.knowing_nothing(seed, len(NAMES)), symbol)
