"""Real candles: the same seed gives the same digits, and the verdict is what the figures say."""

import numpy as np
import pytest
from markets import real_data, real_frame

from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.feature import FUNDING_RATE
from bot.ml.registry import feature_set
from research.backtest.windows import cut
from research.learning.boosting import Boosting
from research.learning.cards import Origin, written
from research.learning.dataset import Recipe
from research.learning.leaks import leaks
from research.learning.lesson import teach
from research.learning.material import Course, Material
from research.results.plan import Rules
from strategies.registry import Registry

YEAR = 35_040


def funding(symbol: str) -> Points:
    path = real_data() / "funding" / f"{symbol}-funding.parquet"
    if not path.is_file():
        pytest.skip(f"no real funding of {symbol} in the folder QUARTERDECK_REAL_DATA names")
    table = pytest.importorskip("pyarrow.parquet").read_table(path)
    return Points(table["timestamp"].to_numpy().astype(np.int64), table["funding_rate"].to_numpy())


def sources(symbol: str, bars: int) -> Sources:
    frames = [
        cut(real_frame(name), len(real_frame(name)) - bars, len(real_frame(name)))
        for name in (symbol, "BTCUSDT", "ETHUSDT")
    ]
    return Sources(*frames, points={FUNDING_RATE: funding(symbol)})


def material(symbol: str, bars: int = YEAR, seed: int = 0) -> Material:
    course = Course(Registry(), "composite", feature_set(["base"]), Recipe(seed=seed), Rules())
    return course.material(symbol, sources(symbol, bars))


def test_the_walk_forward_is_the_same_to_the_digit() -> None:
    one, two = (teach(material("XRPUSDT"), Boosting(), seed=7) for _ in range(2))
    origin = Origin("1.0", "", 0)
    assert written(one, origin) == written(two, origin)
    assert one.comparison == two.comparison
    assert np.array_equal(one.trained.judged.beyond.score, two.trained.judged.beyond.score)
    other = teach(material("XRPUSDT", seed=8), Boosting(), seed=8)
    assert written(other, origin) != written(one, origin)


def test_there_is_enough_to_learn_from_and_what_is_missing_is_missing() -> None:
    found = material("XRPUSDT")
    names = found.features.names
    absent = np.isnan(found.dataset.rows).all(axis=0)
    assert {name for name, gone in zip(names, absent, strict=True) if gone} == {
        "oi_change", "oi_change_ma5", "oi_price_spread",
    }  # fmt: skip
    assert int(found.dataset.is_signal.sum()) > 1_000
    assert set(found.trading.row.tolist()) <= set(found.training.row.tolist())


def test_no_base_feature_knows_the_future() -> None:
    found = material("XRPUSDT", 12_000)
    assert leaks(found.features, found.sources, found.matrix, seed=3, bars=30) == ()
