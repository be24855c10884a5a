"""Compiled array code of the features. Each answers at a row what hangs on the rows up to it only, in one fixed order
of arithmetic: a window that ends earlier gives the same figures to the last bit.
"""

from math import isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.market.compiled import compiled
from bot.ml.feature import Matrix
from bot.strategy import Array

LEAST_DEVIATION = 1e-10
"""Less is rounding: features are fractions or points, and none of them means anything at this scale."""
LEAST_VOLUME = 1e-6
"""The mean of twenty zero volumes comes out as plus or minus 1e-9; real volume steps are far larger."""
ROUNDING = 1e-12
"""A share of the price: in a flat market bands and means lie on it, give or take less."""

type Integers = NDArray[np.int64]


class Indicators(NamedTuple):
    """What the price columns are made of, columns of equal length."""

    close: Array
    volume: Array
    volume_mean: Array
    macd_hist: Array
    lower: Array
    upper: Array
    fast: Array
    middle: Array
    slow: Array
    atr: Array


@compiled
def zscores(columns: Matrix, window: int, begin: int, out: Matrix) -> None:
    """Each row of `columns` as rolling z-score over `window` values, summed from index `begin` on.

    Population deviation; 0 where all values of the window are one (or differ by rounding). NaN until the window is
    full and as long as a value in it is missing: after one the sums begin anew. The sums are the sliding mean and
    squared deviations (Welford), which an outlier leaves with next to no trace.
    """
    rows, length = columns.shape
    for k in range(rows):
        count, mean, squares = 0, 0.0, 0.0
        for i in range(begin, length):
            value = columns[k, i]
            if not isfinite(value):
                count, mean, squares = 0, 0.0, 0.0
                out[k, i] = nan
                continue
            if count < window:
                count += 1
                before = mean
                mean += (value - before) / count
                squares += (value - before) * (value - mean)
            else:
                old, before = columns[k, i - window], mean
                mean += (value - old) / window
                squares += (value - old) * ((value - mean) + (old - before))
            out[k, i] = nan
            if count == window:
                variance = squares / window
                moved = variance > LEAST_DEVIATION * LEAST_DEVIATION
                out[k, i] = (value - mean) / sqrt(variance) if moved else 0.0


@compiled
def change(values: Array, back: int, out: Array) -> None:
    """Growth since `back` rows before, a fraction; NaN where a value is missing or the earlier is not above 0."""
    for i in range(len(values)):
        out[i] = nan
        if i >= back and values[i - back] > 0.0:
            out[i] = values[i] / values[i - back] - 1.0


@compiled
def price_columns(x: Indicators, begin: int, out: Matrix) -> None:
    """From row `begin` on: MACD histogram, ATR and band position, EMA order, volume ratio (see bot.ml.columns)."""
    for i in range(begin, len(x.close)):
        close = x.close[i]
        out[0, i] = x.macd_hist[i] / close
        out[1, i] = x.atr[i] / close
        width = x.upper[i] - x.lower[i]
        out[2, i] = (close - x.lower[i]) / width if width > ROUNDING * close else 0.5
        if not isfinite(width):
            out[2, i] = nan
        out[3, i] = _order(x.fast[i], x.middle[i], x.slow[i], ROUNDING * close)
        mean = x.volume_mean[i]
        out[4, i] = x.volume[i] / mean if mean > LEAST_VOLUME else 0.0
        if not isfinite(mean):
            out[4, i] = nan


@compiled
def _order(fast: float, middle: float, slow: float, rounding: float) -> float:
    """+1 where the means stand in the order of a rise, -1 of a fall, 0 otherwise, NaN where one is missing."""
    if not (isfinite(fast) and isfinite(middle) and isfinite(slow)):
        return nan
    if fast > middle + rounding and middle > slow + rounding:
        return 1.0
    return -1.0 if fast < middle - rounding and middle < slow - rounding else 0.0


@compiled
def ratio(own: Array, other: Array, most: float, out: Array) -> None:
    """One return over another's: 0 where the other is 0, held within +-`most`, NaN where one is missing."""
    for i in range(len(own)):
        if not (isfinite(own[i]) and isfinite(other[i])):
            out[i] = nan
        elif other[i] == 0.0:
            out[i] = 0.0
        else:
            out[i] = min(max(own[i] / other[i], -most), most)


@compiled
def mean(values: Array, window: int, begin: int, out: Array) -> None:
    """Mean of the last `window` values from row `begin` on, NaN where one of them is missing or there are fewer."""
    for i in range(begin, len(values)):
        out[i] = nan
        if i + 1 >= window:
            total = 0.0
            for j in range(i + 1 - window, i + 1):
                total += values[j]
            out[i] = total / window
