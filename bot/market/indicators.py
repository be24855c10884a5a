"""Indicator columns over float64 arrays, computed by TA-Lib and equal to pandas-ta's defaults to 1e-9.

Each column is as long as its input and NaN before its own warm-up. NaN, flat markets and zero volume neither
raise nor warn. Nothing here touches pandas: a window of 1000 bars costs microseconds, not milliseconds.
"""

import numpy as np
import talib

from bot.strategy import Array, Frame

# RSI moves of less than this are rounding, not market: in a flat market the averages of gains and losses
# shrink together, and their ratio trembles at 1e-14. Stretched to 0..100 that is noise, another in a window
# than in the whole history. pandas-ta shows the noise; for any real move both are equal.
RSI_ROUNDING = 1e-9


def rsi(close: Array, length: int = 14) -> Array:
    """Relative strength index, Wilder's smoothing, 0 to 100; 0 where nothing moved."""
    return talib.RSI(close, length)


def macd(close: Array, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Array, Array, Array]:
    """MACD line, its signal line, and the line minus the signal."""
    return talib.MACD(close, fast, slow, signal)


def bollinger(close: Array, length: int = 20, sigma: float = 2.0) -> tuple[Array, Array, Array]:
    """Lower, middle and upper band; population standard deviation, as TA-Lib (and so pandas-ta) has it."""
    upper, middle, lower = talib.BBANDS(close, length, sigma, sigma)
    return lower, middle, upper


def ema(values: Array, length: int) -> Array:
    """Exponential mean, seeded with the simple mean of the first `length` values."""
    return talib.EMA(values, length)


def sma(values: Array, length: int) -> Array:
    """Simple moving mean."""
    return talib.SMA(values, length)


def stoch_rsi(rsi_values: Array, length: int = 14, k: int = 3, d: int = 3) -> tuple[Array, Array]:
    """Stochastic RSI lines K and D, 0 to 100, from RSI values; 0 where the RSI stood still."""
    lowest, highest = talib.MINMAX(rsi_values, length)
    span = highest - lowest
    raw = 100.0 * (rsi_values - lowest) / np.where(span < RSI_ROUNDING, np.inf, span)
    k_line = talib.SMA(raw, k)
    return k_line, talib.SMA(k_line, d)


def atr(high: Array, low: Array, close: Array, length: int = 14) -> Array:
    """Average true range, Wilder's smoothing, in quote asset."""
    return talib.ATR(high, low, close, length)


def adx(high: Array, low: Array, close: Array, length: int = 14) -> Array:
    """Average directional index, 0 to 100."""
    return talib.ADX(high, low, close, length)


def core_columns(frame: Frame) -> dict[str, Array]:
    """The set shared by strategies, ML features and pictures, by the names they go under."""
    high, low, close = frame.high, frame.low, frame.close
    rsi14 = rsi(close)
    macd_line, macd_signal, macd_hist = macd(close)
    bb_lower, bb_middle, bb_upper = bollinger(close)
    stoch_k, stoch_d = stoch_rsi(rsi14)
    return {
        "rsi14": rsi14,
        "macd": macd_line,
        "macd_signal": macd_signal,
        "macd_hist": macd_hist,
        "bb_lower": bb_lower,
        "bb_middle": bb_middle,
        "bb_upper": bb_upper,
        "ema9": ema(close, 9),
        "ema21": ema(close, 21),
        "ema50": ema(close, 50),
        "stoch_k": stoch_k,
        "stoch_d": stoch_d,
        "atr14": atr(high, low, close),
        "adx14": adx(high, low, close),
        "volume_mean20": sma(frame.volume, 20),
    }
