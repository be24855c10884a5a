"""Do features know the future? Computed again with it cut off they must be the same, bit for bit."""

from dataclasses import replace

import numpy as np

from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.compute import live_row
from bot.ml.feature import FeatureSet, Matrix
from bot.strategy import Frame
from research.backtest.windows import cut

BARS = 12
"""So many bars are asked again."""
FEWEST_BARS = 2


def leaks(
    features: FeatureSet, sources: Sources, matrix: Matrix, seed: int, bars: int = BARS
) -> tuple[str, ...]:
    """Names of features whose figure at some bar changes when all that came after its close is taken away.

    `matrix` has their rows over the whole history. Bars are drawn by `seed` from the later half and from the bars with
    a signal, where all features have figures.
    """
    length = len(sources.frame)
    if length < FEWEST_BARS:
        return ()
    chance = np.random.default_rng(seed)
    later = np.arange(length // 2, length - 1)
    said = later if sources.side is None else later[np.isfinite(sources.side[later])]
    drawn = [chance.choice(some, min(bars, len(some)), replace=False) for some in (later, said)]
    found = np.zeros(len(features), np.bool_)
    for bar in np.unique(np.concatenate(drawn)).tolist():
        alone = live_row(features, until(sources, bar))[0]
        found |= ~((alone == matrix[bar]) | (np.isnan(alone) & np.isnan(matrix[bar])))
    return tuple(name for name, leaking in zip(features.names, found.tolist(), strict=True) if leaking)


def until(sources: Sources, bar: int) -> Sources:
    """What was known at the close of a bar."""
    close_ms = int(sources.frame.open_at_ms[bar]) + sources.frame.timeframe_ms
    return replace(
        sources,
        frame=cut(sources.frame, 0, bar + 1),
        btc=_closed(sources.btc, close_ms),
        eth=_closed(sources.eth, close_ms),
        points={name: _before(one, close_ms) for name, one in sources.points.items()},
        btc_points={name: _before(one, close_ms) for name, one in sources.btc_points.items()},
        eth_points={name: _before(one, close_ms) for name, one in sources.eth_points.items()},
        strength=None if sources.strength is None else sources.strength[: bar + 1],
        side=None if sources.side is None else sources.side[: bar + 1],
        outside={name: column[: bar + 1] for name, column in sources.outside.items()},
    )


def _closed(frame: Frame | None, close_ms: int) -> Frame | None:
    if frame is None:
        return None
    return cut(frame, 0, int(np.searchsorted(frame.open_at_ms, close_ms - frame.timeframe_ms, side="right")))


def _before(points: Points, close_ms: int) -> Points:
    end = int(np.searchsorted(points.at_ms, close_ms, side="right"))
    return Points(points.at_ms[:end], points.value[:end])
