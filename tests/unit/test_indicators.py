"""Indicator columns equal pandas-ta's defaults, from the first valid bar, and survive dead and broken markets."""

import warnings

import numpy as np
import pandas as pd
import pandas_ta as ta
import pytest
from markets import REAL_SYMBOLS, flat_frame, frame_of, random_frame, real_frame, rows
from numpy.typing import NDArray

from bot.market import indicators
from bot.strategy import Frame

Array = NDArray[np.float64]
TOLERANCE = 1e-9


def pandas_ta_columns(frame: Frame) -> dict[str, Array]:
    """The same columns as pandas-ta computes them."""
    high, low = pd.Series(frame.high), pd.Series(frame.low)
    close, volume = pd.Series(frame.close), pd.Series(frame.volume)
    macd, bands, stoch = (
        ta.macd(close),
        ta.bbands(close, length=20, lower_std=2, upper_std=2),
        ta.stochrsi(close),
    )
    columns = {
        "rsi14": ta.rsi(close),
        "macd": macd["MACD_12_26_9"],
        "macd_signal": macd["MACDs_12_26_9"],
        "macd_hist": macd["MACDh_12_26_9"],
        "bb_lower": bands.iloc[:, 0],
        "bb_middle": bands.iloc[:, 1],
        "bb_upper": bands.iloc[:, 2],
        "ema9": ta.ema(close, length=9),
        "ema21": ta.ema(close, length=21),
        "ema50": ta.ema(close, length=50),
        "stoch_k": stoch["STOCHRSIk_14_14_3_3"],
        "stoch_d": stoch["STOCHRSId_14_14_3_3"],
        "atr14": ta.atr(high, low, close),
        "adx14": ta.adx(high, low, close)["ADX_14"],
        "volume_mean20": ta.sma(volume, length=20),
    }
    return {name: column.to_numpy(dtype=np.float64) for name, column in columns.items()}


def assert_equal(frame: Frame) -> None:
    ours, theirs = indicators.core_columns(frame), pandas_ta_columns(frame)
    assert ours.keys() == theirs.keys()
    for name, column in ours.items():
        np.testing.assert_allclose(
            column, theirs[name], rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True, err_msg=name
        )


@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
def test_columns_equal_pandas_ta_on_real_candles(symbol: str) -> None:
    assert_equal(real_frame(symbol))


@pytest.mark.parametrize("seed", range(8))
def test_columns_equal_pandas_ta_on_a_random_market(seed: int) -> None:
    assert_equal(random_frame(seed, 3000, price=10.0 ** (seed - 3)))


@pytest.mark.parametrize("bars", [52, 60, 100, 1000])
def test_columns_equal_pandas_ta_on_short_windows(bars: int) -> None:
    assert_equal(random_frame(99, bars))


def test_each_column_starts_where_its_formula_can() -> None:
    columns = indicators.core_columns(random_frame(1, 300))
    first_valid = {name: int(np.argmin(np.isnan(column))) for name, column in columns.items()}
    assert first_valid == {
        "rsi14": 14,
        "macd": 33,
        "macd_signal": 33,
        "macd_hist": 33,
        "bb_lower": 19,
        "bb_middle": 19,
        "bb_upper": 19,
        "ema9": 8,
        "ema21": 20,
        "ema50": 49,
        "stoch_k": 29,
        "stoch_d": 31,
        "atr14": 14,
        "adx14": 27,
        "volume_mean20": 19,
    }


@pytest.mark.parametrize("bars", [0, 1, 2, 14, 33, 49])
def test_too_few_bars_give_columns_of_their_length(bars: int) -> None:
    for column in indicators.core_columns(random_frame(1, bars)).values():
        assert len(column) == bars


def test_flat_market_gives_numbers_without_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = indicators.core_columns(flat_frame(1000))
    last = {name: float(column[-1]) for name, column in columns.items()}
    assert last["ema9"] == last["ema50"] == last["bb_lower"] == last["bb_upper"] == 100.0
    assert (
        last["stoch_k"] == last["stoch_d"] == last["atr14"] == last["adx14"] == last["volume_mean20"] == 0.0
    )
    assert all(np.isfinite(value) for value in last.values())


@pytest.mark.parametrize("hole", [0, 1, 500, 999])
def test_nan_neither_raises_nor_warns(hole: int) -> None:
    frame = random_frame(2, 1000)
    for name in ("high", "low", "close", "volume"):
        getattr(frame, name)[hole] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = indicators.core_columns(frame)
    assert all(len(column) == 1000 for column in columns.values())


def test_nothing_but_nan_stays_nan() -> None:
    nothing = np.full(200, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = indicators.core_columns(frame_of(nothing, nothing, nothing, nothing, nothing))
    assert all(np.isnan(column).all() for column in columns.values())


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1e4])
def test_oscillators_do_not_depend_on_the_price_scale(scale: float) -> None:
    frame = random_frame(3, 1000)
    scaled = frame_of(*(getattr(frame, name) * scale for name in ("open", "high", "low", "close", "volume")))
    one, other = indicators.core_columns(frame), indicators.core_columns(scaled)
    for name in ("rsi14", "stoch_k", "stoch_d", "adx14"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(one["bb_lower"] * scale, other["bb_lower"], rtol=1e-9)


def test_stochastic_rsi_is_still_when_the_market_stops() -> None:
    """After a move the RSI stands still but for rounding: K and D must be 0, in windows as in the history."""
    frame = random_frame(4, 900)
    for name in ("open", "high", "low", "close"):
        getattr(frame, name)[700:] = frame.close[700]
    whole = indicators.core_columns(frame)
    window = indicators.core_columns(rows(frame, 350, 900))
    for name in ("stoch_k", "stoch_d"):
        assert np.abs(whole[name][740:]).max() < TOLERANCE
        assert np.abs(window[name][390:]).max() < TOLERANCE


def test_columns_know_nothing_of_the_future() -> None:
    frame, other = random_frame(5, 800), random_frame(5, 800)
    for name in ("open", "high", "low", "close", "volume"):
        getattr(other, name)[600:] *= 1.5
    one, two = indicators.core_columns(frame), indicators.core_columns(other)
    for name, column in one.items():
        np.testing.assert_array_equal(column[:600], two[name][:600], err_msg=name)


def test_input_is_left_alone() -> None:
    frame = random_frame(6, 500)
    before = rows(frame, 0, 500)
    indicators.core_columns(frame)
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(frame, name), getattr(before, name))


def test_columns_are_plain_arrays() -> None:
    """TA-Lib's wrapper imports pandas for those who use it; what we hand in and get back is numpy."""
    for column in indicators.core_columns(random_frame(7, 100)).values():
        assert type(column) is np.ndarray
        assert column.dtype == np.float64
