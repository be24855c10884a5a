"""The structure features: where a pullback stands. Pure functions of candles and of the side that is asked about.

Most are told along the trade: the side is the signal's, without one that of the market's structure, and where that is
neither up nor down they are NaN. A falling market looks like a rising one upside down.
"""

from functools import partial
from math import cos, pi, sin

import numpy as np

from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from bot.ml.columns import Told, indicator, once, read, told
from bot.ml.feature import Feature, Inputs, Windows

HIGHER_MS = 4 * HOUR_MS
"""The higher timeframe."""
FAR = 10.0
"""A level farther than so many stop distances (or ATR) is as good as none."""
LEAST_STOP, BUFFER, MORE_BUFFER = 1.5, 1.0, 0.5
"""In ATR: the nearest stop; how far beyond a pivot or level it lies in the calmest market, how much farther at most."""
SLOPE_BARS = 5
DAY_MINUTES = 1440
SINES = np.array([sin(2 * pi * minute / DAY_MINUTES) for minute in range(DAY_MINUTES)])
COSINES = np.array([cos(2 * pi * minute / DAY_MINUTES) for minute in range(DAY_MINUTES)])


def legs(inputs: Inputs, sign: int) -> Windows:
    """Structure of the rising (+1) or falling (-1) side: the fields of Leg one behind the other."""
    return once(inputs.kept, f"legs{sign}", lambda: _made_legs(inputs, sign))


def _made_legs(inputs: Inputs, sign: int) -> Windows:
    from bot.ml import structure_arrays as arrays

    out = np.empty((len(arrays.Leg._fields), *inputs.close.shape))
    if sign > 0:
        bars = arrays.Bars(inputs.open_at_ms, inputs.open, inputs.high, inputs.low, inputs.close)
    else:
        bars = arrays.Bars(inputs.open_at_ms, -inputs.open, -inputs.low, -inputs.high, -inputs.close)
    arrays.legs(bars, inputs.read, arrays.Leg(*out))
    return out


def higher(name: str, inputs: Inputs) -> Windows:
    """A field of Higher, of closed 4-hour bars (the frame's own bars where those are longer)."""
    if f"higher_{name}" not in inputs.kept:
        _make_higher(inputs)
    return inputs.kept[f"higher_{name}"]


def _make_higher(inputs: Inputs) -> None:
    from bot.ml import structure_arrays as arrays

    made = arrays.Higher(*np.empty((len(arrays.Higher._fields), *inputs.close.shape)))
    bars = arrays.Bars(inputs.open_at_ms, inputs.open, inputs.high, inputs.low, inputs.close)
    span_ms = max(HIGHER_MS, inputs.timeframe_ms)
    arrays.higher(bars, inputs.timeframe_ms, span_ms, inputs.read, made)
    inputs.kept.update((f"higher_{name}", column) for name, column in made._asdict().items())


def way(inputs: Inputs) -> Windows:
    """+1 or -1 at bars that are read: the signal's side, else that of the structure; NaN where there is neither."""
    return once(inputs.kept, "way", lambda: _made_way(inputs))


def _made_way(inputs: Inputs) -> Windows:
    side, state = read(inputs, inputs.side), read(inputs, legs(inputs, 1)[0])
    found = np.where(np.isnan(side), state, side)
    return np.where(found == 0.0, np.nan, found)


def leg(field: int, inputs: Inputs) -> Windows:
    """A field of Leg along the trade."""
    along = way(inputs)
    rising, falling = read(inputs, legs(inputs, 1)[field]), read(inputs, legs(inputs, -1)[field])
    return np.where(np.isnan(along), np.nan, np.where(along > 0.0, rising, falling))


def atr(inputs: Inputs) -> Windows:
    """ATR 14 at the bars that are read; NaN where nothing moved."""
    known = read(inputs, indicator("atr", inputs))
    return np.where(known > 0.0, known, np.nan)


def trend_strength(inputs: Inputs) -> Windows:
    """EMA 21 less EMA 50 in ATR, along the trade."""
    fast, slow = read(inputs, indicator("ema21", inputs)), read(inputs, indicator("ema50", inputs))
    return way(inputs) * (fast - slow) / atr(inputs)


def ema_slope(inputs: Inputs) -> Windows:
    """What EMA 50 made in SLOPE_BARS bars, in ATR, along the trade."""
    ema = indicator("ema50", inputs)
    before = np.full(inputs.close.shape, np.nan)
    before[:, SLOPE_BARS:] = ema[:, : -SLOPE_BARS or None]
    return way(inputs) * (read(inputs, ema) - read(inputs, before)) / atr(inputs)


def level_distance(inputs: Inputs) -> Windows:
    """How far the close is beyond the broken level, in ATR."""
    return (way(inputs) * read(inputs, inputs.close) - leg(1, inputs)) / atr(inputs)


def stop_distance(inputs: Inputs) -> Windows:
    """Of the stops beyond the last pivot, beyond the level, and 1.5 ATR away: the farthest; in quote asset."""
    return once(inputs.kept, "stop_distance", lambda: _made_stop_distance(inputs))


def _made_stop_distance(inputs: Inputs) -> Windows:
    width = atr(inputs)
    buffer = (BUFFER + MORE_BUFFER * read(inputs, percentile(inputs))) * width
    along = way(inputs)
    close = along * read(inputs, inputs.close)
    beyond = np.fmax(close - leg(6, inputs), close - leg(1, inputs)) + buffer
    least = np.where(np.isnan(along), np.nan, LEAST_STOP * width)
    return np.where(np.isnan(least), np.nan, np.fmax(beyond, least))


def next_level(inputs: Inputs) -> Windows:
    """Distance along the trade to the next 4-hour level in stop distances, FAR where none is nearer."""
    along = way(inputs)
    above, below = read(inputs, higher("above", inputs)), read(inputs, higher("below", inputs))
    away = np.where(along > 0.0, above, below) / stop_distance(inputs)
    return np.minimum(away, FAR)


def percentile(inputs: Inputs) -> Windows:
    """Share of the last 200 ATR that are not above the newest."""
    return once(inputs.kept, "atr_percentile", lambda: _made_percentile(inputs))


def _made_percentile(inputs: Inputs) -> Windows:
    from bot.ml import structure_arrays as arrays

    out = np.empty(inputs.close.shape)
    arrays.percentiles(indicator("atr", inputs), 200, inputs.read, out)
    return out


def mean_of(column: Windows, window: int, inputs: Inputs) -> Windows:
    """Mean of the last values at the bars that are read."""
    from bot.ml import arrays

    out = np.empty(inputs.close.shape)
    arrays.mean(column, window, inputs.read, out)
    return read(inputs, out)


def share_of(part: Windows, whole: Windows, otherwise: float) -> Windows:
    """One over another, `otherwise` where the other is 0."""
    return np.where(
        whole > 0.0, part / np.where(whole > 0.0, whole, 1.0), np.where(np.isnan(whole), np.nan, otherwise)
    )


def regime(inputs: Inputs) -> Windows:
    """ATR over its mean of 100 bars."""
    return atr(inputs) / mean_of(indicator("atr", inputs), 100, inputs)


def volume_ratio(inputs: Inputs) -> Windows:
    """Volume over its mean of 50 bars."""
    return share_of(read(inputs, inputs.volume), mean_of(inputs.volume, 50, inputs), 0.0)


def volume_trend(inputs: Inputs) -> Windows:
    """Mean volume of 5 bars over that of 20."""
    return share_of(mean_of(inputs.volume, 5, inputs), mean_of(inputs.volume, 20, inputs), 0.0)


def along_middle(name: str, middle: float, inputs: Inputs) -> Windows:
    """An indicator between two ends, turned round its middle for shorts."""
    return middle + way(inputs) * (read(inputs, indicator(name, inputs)) - middle)


def wick(sign: int, inputs: Inputs) -> Windows:
    """The upper (+1) or lower (-1) wick's share of the candle, 0 for a candle without height."""
    opened, close = read(inputs, inputs.open), read(inputs, inputs.close)
    high, low = read(inputs, inputs.high), read(inputs, inputs.low)
    part = high - np.maximum(opened, close) if sign > 0 else np.minimum(opened, close) - low
    return share_of(part, high - low, 0.0)


def body(inputs: Inputs) -> Windows:
    """The body's share of the candle, 0 for a candle without height."""
    part = np.abs(read(inputs, inputs.close) - read(inputs, inputs.open))
    return share_of(part, read(inputs, inputs.high) - read(inputs, inputs.low), 0.0)


def clock(table: Windows, inputs: Inputs) -> Windows:
    """Sine or cosine of the time of day at the bar's close, UTC."""
    minute = (inputs.open_at_ms[:, inputs.read :] + inputs.timeframe_ms) // MINUTE_MS % DAY_MINUTES
    return table[minute]


def weekday(inputs: Inputs) -> Windows:
    """Day of the week at the bar's close, UTC: 0 Monday to 6 Sunday (1970 began on a Thursday)."""
    day = (inputs.open_at_ms[:, inputs.read :] + inputs.timeframe_ms) // DAY_MS
    return ((day + 3) % 7).astype(np.float64)


def _feature(name: str, meaning: str, make: Told, needs: tuple[str, ...] = ()) -> Feature:
    return Feature(name, "structure", meaning, partial(told, make), needs=needs)


SIDE = ("signal",)

FEATURES = (
    _feature("trend_strength", "EMA 21 less EMA 50, in ATR, along the trade", trend_strength, SIDE),
    _feature("ema_slope", "what EMA 50 made in 5 bars, in ATR, along the trade", ema_slope, SIDE),
    _feature(
        "structure_state",
        "last two pivot highs and lows: +1 both with the trade, -1 against",
        partial(leg, 0),
        SIDE,
    ),
    _feature("bars_since_break", "bars since the close broke the level", partial(leg, 2), SIDE),
    _feature(
        "pullback_depth", "share of the move beyond the level that was given back", partial(leg, 3), SIDE
    ),
    _feature("confirmation_candles", "candles in a row that confirm the trade", partial(leg, 5), SIDE),
    _feature(
        "level_touches", "bars since the break that touched the level's zone of 0.3 %", partial(leg, 4), SIDE
    ),
    _feature("level_distance", "close beyond the broken level, in ATR", level_distance, SIDE),
    _feature(
        "next_level_4h", "next 4-hour level ahead, in stop distances; 10: none nearer", next_level, SIDE
    ),
    _feature("volatility_regime", "ATR 14 / its mean of 100 bars", regime),
    _feature(
        "atr_percentile",
        "share of the last 200 ATR not above it",
        lambda inputs: read(inputs, percentile(inputs)),
    ),
    _feature("volume_ratio", "volume / its mean of 50 bars", volume_ratio),
    _feature("volume_trend", "mean volume of 5 bars / of 20", volume_trend),
    _feature("rsi_along", "RSI 14, for shorts 100 less it", partial(along_middle, "rsi", 50.0), SIDE),
    _feature(
        "band_along",
        "place between the bands, for shorts 1 less it",
        partial(along_middle, "bb_pct", 0.5),
        SIDE,
    ),
    _feature("upper_wick", "upper wick / height of the candle", partial(wick, 1)),
    _feature("lower_wick", "lower wick / height of the candle", partial(wick, -1)),
    _feature("body_ratio", "body / height of the candle", body),
    _feature("hour_sin", "sine of the time of day, UTC", partial(clock, SINES)),
    _feature("hour_cos", "cosine of the time of day, UTC", partial(clock, COSINES)),
    _feature("weekday", "0 Monday to 6 Sunday, UTC", weekday),
    _feature(
        "risk_atr", "distance of the stop, in ATR", lambda inputs: stop_distance(inputs) / atr(inputs), SIDE
    ),
)
