"""Loading the features' compiled code before it is needed: the compiler's import alone takes half a second."""

import numpy as np

from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.compute import history_matrix, live_rows
from bot.ml.feature import OUTSIDE, POINTS, FeatureSet
from bot.ml.registry import FEATURES
from bot.strategy import Frame

BARS = 60


def load() -> None:
    """Compute every feature once over a short made market, compiling what is not yet kept on disk.

    A desk with models does it at its start, in a thread; `make setup` does it so that no desk ever compiles.
    """
    features = FeatureSet(FEATURES)
    symbol, other = _market("WARMUSDT"), _market("WARMBTC")
    points = dict.fromkeys(POINTS, Points(other.open_at_ms, 1.0 + np.arange(BARS, dtype=np.float64)))
    side = np.ones(BARS)
    sources = Sources(symbol, other, other, points, points, points, side, side, dict.fromkeys(OUTSIDE, side))
    history_matrix(features, sources)
    live_rows(features, [sources, sources])


def _market(symbol: str) -> Frame:
    """A market of waves, bars of 15 minutes."""
    at = np.arange(BARS)
    close = 100.0 + 10.0 * np.sin(at / 3.0)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close) + 0.5, np.minimum(opened, close) - 0.5
    return Frame(symbol, 900_000, at * 900_000, opened, high, low, close, 100.0 + 90.0 * np.sin(at / 7.0))
