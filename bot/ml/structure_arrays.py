"""Compiled array code of market structure: pivots, breaks and pullbacks, levels of 4-hour bars.

As in bot.ml.arrays: windows of bars, and at a bar only what the bars up to it say. The falling side is the rising one
of the prices with their sign turned.
"""

from math import inf, isfinite, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.market.compiled import compiled
from bot.ml.feature import Windows

ZONE = 0.003
"""Half the height of a level's zone: a share of its price."""
SHORT, LONG = 5, 20
"""Closed bars whose mean closes tell a trend: the last few against the last many."""
RANGE = 6
"""Closed 4-hour bars that make the day's range."""

type Whole = NDArray[np.int64]


class Bars(NamedTuple):
    """Bars of windows, or of one window (one axis less)."""

    open_at_ms: Whole
    open: Windows
    high: Windows
    low: Windows
    close: Windows


class Leg(NamedTuple):
    """Room for one side's structure at each bar, as if it were the rising one.

    `state` +1 rising, -1 falling, 0 neither; `level` the pivot high broken last, NaN when none is held; of that break:
    bars `since`, `depth` of the pullback as a share of the move, `touches` of the level; `confirmations` candles in a
    row; `pivot` the last pivot low.
    """

    state: Windows
    level: Windows
    since: Windows
    depth: Windows
    touches: Windows
    confirmations: Windows
    pivot: Windows


class Break(NamedTuple):
    """A level that was broken, and what came after."""

    level: float
    origin: float
    extreme: float
    since: int
    touches: int


class Higher(NamedTuple):
    """Room for what closed bars of 4 hours say at each bar.

    Distance in quote asset to the next level `above` and `below` (infinite: none); `trend` as a share of the close;
    `place` in the range of the last RANGE bars, 0 its low and 1 its high.
    """

    above: Windows
    below: Windows
    trend: Windows
    place: Windows


@compiled
def legs(x: Bars, read: int, out: Leg) -> None:
    """The rising side's structure from bar `read` on."""
    for k in range(len(x.close)):
        bars = Bars(x.open_at_ms[k], x.open[k], x.high[k], x.low[k], x.close[k])
        _leg(
            bars,
            read,
            Leg(
                out.state[k],
                out.level[k],
                out.since[k],
                out.depth[k],
                out.touches[k],
                out.confirmations[k],
                out.pivot[k],
            ),
        )


@compiled
def _leg(x: Bars, read: int, out: Leg) -> None:
    high, high_before, low, low_before = nan, nan, nan, nan
    held, confirmations = Break(nan, nan, nan, 0, 0), 0
    for i in range(len(x.close)):
        if i >= 4 and _is_peak(x.high, i - 2, 1.0):
            high, high_before = x.high[i - 2], high
        if i >= 4 and _is_peak(x.low, i - 2, -1.0):
            low, low_before = x.low[i - 2], low
        before = x.close[max(i, 1) - 1]
        confirmations = confirmations + 1 if x.close[i] > max(x.open[i], before) else 0
        if x.close[i] > high and before <= high and high != held.level:
            held = Break(high, low, x.high[i], 0, 0)
        else:
            held = _after(held, x.high[i], x.low[i], x.close[i])
        if i >= read:
            out.state[i] = _state(high, high_before, low, low_before)
            out.level[i], out.pivot[i], out.confirmations[i] = held.level, low, confirmations
            broken = isfinite(held.level)
            out.since[i] = held.since if broken else nan
            out.touches[i] = held.touches if broken else nan
            out.depth[i] = _depth(held, x.close[i])


@compiled
def _is_peak(values: Windows, i: int, sign: float) -> bool:
    """Above the two values on either side (below them with sign -1)."""
    value = sign * values[i]
    left = max(sign * values[i - 2], sign * values[i - 1])
    right = max(sign * values[i + 1], sign * values[i + 2])
    return bool(value > max(left, right))


@compiled
def _after(held: Break, high: float, low: float, close: float) -> Break:
    """The break one bar later; given up where the close is below the pivot low that the move began from."""
    if not isfinite(held.level) or close < held.origin:
        return Break(nan, nan, nan, 0, 0)
    zone = ZONE * abs(held.level)
    touched = (low <= held.level + zone) & (close >= held.level - zone)
    extreme = max(held.extreme, high)
    return Break(held.level, held.origin, extreme, held.since + 1, held.touches + int(touched))


@compiled
def _state(high: float, high_before: float, low: float, low_before: float) -> float:
    """+1 where the last two pivot highs and lows rise, -1 where they fall, 0 otherwise; NaN before there are two."""
    if not (isfinite(high_before) and isfinite(low_before)):
        return nan
    rising = (high > high_before) & (low > low_before)
    falling = (high < high_before) & (low < low_before)
    return 1.0 * int(rising) - 1.0 * int(falling)


@compiled
def _depth(held: Break, close: float) -> float:
    """How much of the move was given back; NaN where no level is held or no pivot low came before it."""
    span = held.extreme - held.origin
    return (held.extreme - close) / span if span > 0.0 else nan


@compiled
def higher(x: Bars, timeframe_ms: int, span_ms: int, read: int, out: Higher) -> None:
    """What closed bars of `span_ms` say from bar `read` on."""
    for k in range(len(x.close)):
        bars = Bars(x.open_at_ms[k], x.open[k], x.high[k], x.low[k], x.close[k])
        room = Higher(out.above[k], out.below[k], out.trend[k], out.place[k])
        _higher(bars, timeframe_ms, span_ms, read, room)


@compiled
def _higher(x: Bars, timeframe_ms: int, span_ms: int, read: int, out: Higher) -> None:
    """A long bar counts once its last short bar is closed, or a bar after it; one begun before the window never."""
    length = len(x.close)
    made, pivots, others = np.empty((3, length + 1)), np.empty(2 * length + 2), np.zeros(2 * length + 2)
    count, levels, whole, begun = 0, 0, x.open_at_ms[0] % span_ms == 0, False
    for i in range(length):
        if i > 0 and x.open_at_ms[i] // span_ms != x.open_at_ms[i - 1] // span_ms:
            if begun and whole:
                count, levels = count + 1, _add_pivots(made, count + 1, pivots, others, levels)
            begun, whole = False, True
        if not begun:
            made[0, count], made[1, count], begun = x.high[i], x.low[i], True
        made[0, count], made[1, count] = max(made[0, count], x.high[i]), min(made[1, count], x.low[i])
        made[2, count] = x.close[i]
        if (x.open_at_ms[i] + timeframe_ms) % span_ms == 0 and whole:
            count, levels = count + 1, _add_pivots(made, count + 1, pivots, others, levels)
            begun, whole = False, False
        if i >= read:
            _look(made, count, x.close[i], i, out)
            out.above[i] = _nearest(pivots, others, levels, x.close[i], 1.0)
            out.below[i] = _nearest(pivots, others, levels, x.close[i], -1.0)


@compiled
def _add_pivots(made: Windows, count: int, pivots: Windows, others: Windows, levels: int) -> int:
    """With the bar closed last, the one two before may be a pivot; answers how many pivots there are."""
    i = count - 3
    for side, sign in ((0, 1.0), (1, -1.0)):
        if i >= 2 and _is_peak(made[side], i, sign):
            price = made[side, i]
            pivots[levels], others[levels] = price, 0.0
            for j in range(levels):
                if abs(pivots[j] - price) <= ZONE * price:
                    others[j] += 1.0
                    others[levels] += 1.0
            levels += 1
    return levels


@compiled
def _nearest(pivots: Windows, others: Windows, levels: int, close: float, sign: float) -> float:
    """Distance to the next level beyond the close: a pivot with another one in its zone."""
    least = inf
    for j in range(levels):
        away = sign * (pivots[j] - close)
        if others[j] > 0.0 and 0.0 < away < least:
            least = away
    return least


@compiled
def _look(made: Windows, count: int, close: float, i: int, out: Higher) -> None:
    out.trend[i] = out.place[i] = nan
    if count >= LONG:
        trend = _mean(made[2], count, SHORT) - _mean(made[2], count, LONG)
        out.trend[i] = trend / close
    if count >= RANGE:
        top, bottom = made[0, count - 1], made[1, count - 1]
        for j in range(count - RANGE, count):
            top, bottom = max(top, made[0, j]), min(bottom, made[1, j])
        out.place[i] = (close - bottom) / (top - bottom) if top > bottom else 0.5


@compiled
def _mean(values: Windows, end: int, length: int) -> float:
    total = 0.0
    for j in range(end - length, end):
        total += values[j]
    return total / length


@compiled
def trends(close: Windows, read: int, short: int, long: int, out: Windows) -> None:
    """Mean of the last `short` closes less that of the last `long`, over the close; NaN while there are fewer."""
    for k in range(len(close)):
        for i in range(read, close.shape[1]):
            out[k, i] = nan
            if i + 1 >= long:
                out[k, i] = (_mean(close[k], i + 1, short) - _mean(close[k], i + 1, long)) / close[k, i]


@compiled
def percentiles(values: Windows, window: int, read: int, out: Windows) -> None:
    """Share of the last `window` values that are not above the newest; NaN while there are fewer."""
    for k in range(len(values)):
        for i in range(read, values.shape[1]):
            below, known = 0, i + 1 >= window and isfinite(values[k, max(0, i + 1 - window)])
            for j in range(max(0, i + 1 - window), i + 1):
                below += int(values[k, j] <= values[k, i])
            out[k, i] = below / window if known else nan
