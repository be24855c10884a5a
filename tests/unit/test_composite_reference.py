"""composite against the specification written a second time, over whole columns: two ways that check each other.

The reference compares exactly, but for the tolerance between StochRSI K and D that the specification names. That
both agree on every real bar shows that the other tolerances touch nothing but dead markets.
"""

import numpy as np
import pytest
from markets import REAL_SYMBOLS, random_frame, real_frame
from numpy.typing import NDArray

from bot.domain.signal import Side
from bot.market.indicators import core_columns
from bot.strategy import Frame
from strategies.composite.strategy import Composite

Whole = NDArray[np.int64]
SIGNS = {None: 0, Side.LONG: 1, Side.SHORT: -1}


def reference(frame: Frame, adx: float, threshold: int, volume: float) -> Whole:
    """+1, -1 or 0 for every bar."""
    c, close = core_columns(frame), frame.close
    hist, before = c["macd_hist"], np.concatenate(([np.nan], c["macd_hist"][:-1]))
    long = 1 * (c["rsi14"] < 35) + 2 * ((before <= 0) & (hist > 0)) + 1 * (close < c["bb_lower"])
    long += (c["ema9"] > c["ema21"]) & (c["ema21"] > c["ema50"])
    long += (c["stoch_k"] < 20) & (c["stoch_k"] > c["stoch_d"] + 1e-6)
    short = 1 * (c["rsi14"] > 65) + 2 * ((before >= 0) & (hist < 0)) + 1 * (close > c["bb_upper"])
    short += (c["ema9"] < c["ema21"]) & (c["ema21"] < c["ema50"])
    short += (c["stoch_k"] > 80) & (c["stoch_k"] < c["stoch_d"] - 1e-6)
    score = np.maximum(long, short)
    surge = (frame.volume >= volume * c["volume_mean20"]) | (score >= threshold + 1)
    passed = (c["adx14"] >= adx) & (score >= threshold) & (long != short) & surge
    return np.where(passed, np.sign(long - short), 0)


def assert_agrees(frame: Frame, begin: int, *, adx: float, threshold: int, volume: float) -> None:
    strategy = Composite(
        {
            "adx_threshold": adx,
            "signal_threshold": threshold,
            "volume_multiplier": volume,
            "atr_sl_mult": 2.0,
            "atr_tp_mult": 2.0,
        }
    )
    columns, expected = strategy.prepare(frame), reference(frame, adx, threshold, volume)
    given = [SIGNS[strategy.decide(frame, columns, i).side] for i in range(begin, len(frame))]
    np.testing.assert_array_equal(given, expected[begin:])
    assert {-1, 0, 1} <= set(given)


@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
def test_agrees_with_the_reference_on_real_candles(symbol: str) -> None:
    whole = real_frame(symbol)
    assert_agrees(whole, 500, adx=25.0, threshold=3, volume=2.5)
    assert_agrees(whole, len(whole) - 10_000, adx=15.0, threshold=2, volume=1.5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_agrees_with_the_reference_on_a_random_market(seed: int, threshold: int) -> None:
    assert_agrees(random_frame(seed, 6000), 500, adx=5.0 * seed, threshold=threshold, volume=seed / 2.0)
