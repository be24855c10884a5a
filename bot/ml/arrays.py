"""Compiled array code of the features, over windows of bars: arrays of shape (windows, bars).

Each answers at a bar what hangs on the bars of the window up to it only, in one fixed order of arithmetic: a window
that ends earlier gives the same figures to the last bit. The indicators are TA-Lib's (a test holds them to it): calling
it for every symbol and indicator took several times as long as all of the rest.
"""

from math import isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.market.compiled import compiled
from bot.ml.feature import Windows

LEAST_DEVIATION = 1e-10
"""Less is rounding: features are fractions or points, and none of them means anything at this scale."""
FALLEN = 1e-5
"""Sums of squares that fell to this share of what they were hold too much of its rounding."""
LEAST_VOLUME = 1e-6
"""A mean of zero volumes may come out as 1e-9; real volume steps are far larger."""
ROUNDING = 1e-12
"""A share of the price: in a flat market bands and means lie on it, give or take less."""
RSI_ROUNDING = 1e-9
"""RSI moves of less are rounding, not market (see bot.market.indicators)."""

type Whole = NDArray[np.int64]


class Prices(NamedTuple):
    """Bars of windows."""

    high: Windows
    low: Windows
    close: Windows
    volume: Windows


class Reach(NamedTuple):
    """Which bars matter: to what is normalised later, the chunk's own, those that are read."""

    deep: int
    first: int
    read: int


class Indicators(NamedTuple):
    """Room for what the bars give: see `averages`, `wilder`, `bands`, `stochastic`."""

    macd_hist: Windows
    ema_align: Windows
    ema21: Windows
    ema50: Windows
    rsi: Windows
    atr: Windows
    atr_pct: Windows
    adx: Windows
    bb_pct: Windows
    vol_ratio: Windows
    stoch_k: Windows
    stoch_d: Windows


@compiled
def indicators(x: Prices, reach: Reach, out: Indicators) -> None:
    """All indicators: those that are normalised later from bar `reach.deep` on, the others where they are read."""
    begin = max(0, reach.first - 19)
    for k in range(len(x.close)):
        averages(x.close[k], reach.deep, out.macd_hist[k], out.ema_align[k], (out.ema21[k], out.ema50[k]))
        wilder(x.high[k], x.low[k], x.close[k], out.rsi[k], out.atr[k], out.adx[k])
        share(out.atr[k], x.close[k], reach.deep, out.atr_pct[k])
        bands(x.close[k], begin, reach.read, out.bb_pct[k])
        volumes(x.volume[k], begin, reach.read, out.vol_ratio[k])
        stochastic(out.rsi[k], max(0, reach.read - 4), out.stoch_k[k], out.stoch_d[k])


@compiled
def _ema(before: float, value: float, i: int, seed: int, length: int) -> float:
    """The exponential mean after bar `i`: a sum until bar `seed`, there the simple mean of `length` values."""
    if i > seed:
        return before + (value - before) * (2.0 / (length + 1))
    if i <= seed - length:
        return 0.0
    return (before + value) / length if i == seed else before + value


@compiled
def _wilder(before: float, value: float, i: int, seed: int, length: int) -> float:
    """As `_ema`, with Wilder's smoothing."""
    if i > seed:
        return before + (value - before) * (1.0 / length)
    if i <= seed - length:
        return 0.0
    return (before + value) / length if i == seed else before + value


@compiled
def averages(
    close: Windows, begin: int, macd_hist: Windows, ema_align: Windows, emas: tuple[Windows, Windows]
) -> None:
    """MACD 12/26/9 less its signal, over the close; the order of EMA 9, 21 and 50, and the last two."""
    fast = middle = slow = quick = long = signal = 0.0
    for i in range(len(close)):
        value = close[i]
        fast, middle = _ema(fast, value, i, 8, 9), _ema(middle, value, i, 20, 21)
        slow = _ema(slow, value, i, 49, 50)
        quick, long = _ema(quick, value, i, 25, 12), _ema(long, value, i, 25, 26)
        signal = _ema(signal, quick - long, i, 33, 9)
        if i >= begin:
            macd_hist[i] = (quick - long - signal) / value if i >= 33 else nan
            emas[0][i], emas[1][i] = middle if i >= 20 else nan, slow if i >= 49 else nan
            ema_align[i] = _order(fast, middle, slow, ROUNDING * value) if i >= 49 else nan


@compiled
def _order(fast: float, middle: float, slow: float, rounding: float) -> float:
    """+1 where the means stand in the order of a rise, -1 of a fall, 0 otherwise."""
    rising = (fast > middle + rounding) & (middle > slow + rounding)
    falling = (fast < middle - rounding) & (middle < slow - rounding)
    return 1.0 * int(rising) - 1.0 * int(falling)


@compiled
def wilder(high: Windows, low: Windows, close: Windows, rsi: Windows, atr: Windows, adx: Windows) -> None:
    """RSI, ATR and ADX of 14 bars, at every bar; NaN before their warm-up."""
    gain = loss = true_range = plus = minus = index = 0.0
    rsi[0] = atr[0] = adx[0] = nan
    for i in range(1, len(close)):
        before = close[i - 1]
        step = close[i] - before
        gain = _wilder(gain, max(step, 0.0), i, 14, 14)
        loss = _wilder(loss, max(-step, 0.0), i, 14, 14)
        reach = max(high[i], before) - min(low[i], before)
        true_range = _wilder(true_range, reach, i, 14, 14)
        up, down = high[i] - high[i - 1], low[i - 1] - low[i]
        plus = _directed(plus, up if up > max(down, 0.0) else 0.0, i)
        minus = _directed(minus, down if down > max(up, 0.0) else 0.0, i)
        both = plus + minus
        if i >= 14:
            index = _wilder(index, 100.0 * abs(plus - minus) / both if both > 0.0 else index, i, 27, 14)
        moved = gain + loss
        rsi[i] = nan if i < 14 else (100.0 * gain / moved if moved > 0.0 else 0.0)
        atr[i] = true_range if i >= 14 else nan
        adx[i] = index if i >= 27 else nan


@compiled
def _directed(before: float, value: float, i: int) -> float:
    """Sum of directed moves: of 13 bars, then smoothed."""
    return before + value if i <= 13 else before - before * (1.0 / 14) + value


@compiled
def share(values: Windows, close: Windows, begin: int, out: Windows) -> None:
    """A figure in quote asset as a fraction of the close."""
    for i in range(begin, len(values)):
        out[i] = values[i] / close[i]


@compiled
def bands(close: Windows, begin: int, read: int, out: Windows) -> None:
    """Place of the close between the Bollinger bands (20, 2 sigma): 0 lower, 1 upper, 0.5 where they meet."""
    _zscore(close, 20, begin, read, ROUNDING * close[begin], out)
    for i in range(read, len(close)):
        out[i] = 0.5 + out[i] / 4.0


@compiled
def volumes(volume: Windows, begin: int, read: int, out: Windows) -> None:
    """Volume over its mean of 20 bars, 0 where nothing was traded in all of them."""
    total = 0.0
    for i in range(begin, len(volume)):
        total += volume[i]
        if i >= begin + 20:
            total -= volume[i - 20]
        if i >= read:
            mean = total / 20.0
            out[i] = nan if i < begin + 19 else (volume[i] / mean if mean > LEAST_VOLUME else 0.0)


@compiled
def stochastic(rsi: Windows, begin: int, k_line: Windows, d_line: Windows) -> None:
    """Stochastic RSI 14, 14, 3, 3: 0 to 100, 0 where the RSI stood still."""
    raw = before = older = nan
    k = k_before = k_older = nan
    for i in range(begin, len(rsi)):
        older, before = before, raw
        raw = nan
        if i >= 27:
            least = most = rsi[i]
            for j in range(i - 13, i):
                least, most = min(least, rsi[j]), max(most, rsi[j])
            span = most - least
            raw = 100.0 * (rsi[i] - least) / span if span >= RSI_ROUNDING else 0.0
        k_older, k_before = k_before, k
        k = (older + before + raw) / 3.0
        k_line[i] = k
        d_line[i] = (k_older + k_before + k) / 3.0


@compiled
def zscores(columns: Windows, window: int, begin: int, read: int, out: Windows) -> None:
    """Every row as rolling z-score over `window` values from bar `read` on, summed from bar `begin` on."""
    for k in range(len(columns)):
        _zscore(columns[k], window, begin, read, LEAST_DEVIATION, out[k])


@compiled
def _zscore(values: Windows, window: int, begin: int, read: int, least: float, out: Windows) -> None:
    """Population deviation; 0 where it is below `least`: all values of the window are one, give or take rounding.

    NaN until the window is full and as long as a value in it is missing: after one the sums begin anew. Mean and
    squared deviations of the first full window slide on from there (Welford), and are worked out anew when an outlier
    has left the window: of what it was, rounding remains.
    """
    count, mean, squares, most = 0, 0.0, 0.0, 0.0
    for i in range(begin, len(values)):
        value, before = values[i], mean
        if not isfinite(value):
            count = 0
        elif count < window:
            count += 1
            if count == window:
                mean, squares = _spread(values, i + 1 - window, i + 1)
                most = squares
        else:
            old = values[i - window]
            mean += (value - old) * (1.0 / window)
            squares += (value - old) * ((value - mean) + (old - before))
            most = max(most, squares)
            if squares < most * FALLEN:
                mean, squares = _spread(values, i + 1 - window, i + 1)
                most = squares
        if i >= read:
            variance = squares * (1.0 / window)
            moved = variance > least * least
            out[i] = nan if count < window else ((value - mean) / sqrt(variance) if moved else 0.0)


@compiled
def _spread(values: Windows, begin: int, end: int) -> tuple[float, float]:
    """Mean and sum of squared deviations of the values from `begin` to `end` (excluded)."""
    total = squares = 0.0
    for i in range(begin, end):
        total += values[i]
    mean = total / (end - begin)
    for i in range(begin, end):
        squares += (values[i] - mean) * (values[i] - mean)
    return mean, squares


@compiled
def change(values: Windows, back: int, begin: int, out: Windows) -> None:
    """Growth since `back` bars before, a fraction; NaN where a value is missing or the earlier is not above 0."""
    for k in range(len(values)):
        for i in range(begin, values.shape[1]):
            out[k, i] = nan
            if i >= back and values[k, i - back] > 0.0:
                out[k, i] = values[k, i] / values[k, i - back] - 1.0


@compiled
def ratio(own: Windows, other: Windows, most: float, begin: int, out: Windows) -> None:
    """One return over another's: 0 where the other is 0, held within +-`most`, NaN where one is missing.

    `other` has as many rows as `own`, or one for all.
    """
    for k in range(len(own)):
        beside = other[min(k, len(other) - 1)]
        for i in range(begin, own.shape[1]):
            if not (isfinite(own[k, i]) and isfinite(beside[i])):
                out[k, i] = nan
            elif beside[i] == 0.0:
                out[k, i] = 0.0
            else:
                out[k, i] = min(max(own[k, i] / beside[i], -most), most)


@compiled
def mean(values: Windows, window: int, begin: int, out: Windows) -> None:
    """Mean of the last `window` values from bar `begin` on, NaN where one of them is missing or there are fewer."""
    for k in range(len(values)):
        for i in range(begin, values.shape[1]):
            total = 0.0
            for j in range(max(0, i + 1 - window), i + 1):
                total += values[k, j]
            out[k, i] = total / window if i + 1 >= window else nan


@compiled
def known_at(
    at_ms: Whole, value: Windows, close_at_ms: Whole, stale_ms: int, begin: int, out: Windows
) -> None:
    """The last figure before each bar's close from bar `begin` on, NaN where there is none fresh enough.

    One window: `close_at_ms` and `out` have one axis.
    """
    place = np.searchsorted(at_ms, close_at_ms[begin]) if begin < len(close_at_ms) else 0
    for i in range(begin, len(close_at_ms)):
        while place < len(at_ms) and at_ms[place] < close_at_ms[i]:
            place += 1
        fresh = place > 0 and close_at_ms[i] - at_ms[place - 1] <= stale_ms
        out[i] = value[place - 1] if fresh else nan
