"""Hand-made bars for composite: quiet ones, on which a test changes what it is about."""

from typing import Any

import numpy as np
from markets import frame_of

from bot.domain.signal import GateCheck, Signal
from bot.strategy import Columns, Frame
from strategies.composite.strategy import Composite, points, votes

DEFAULTS: dict[str, Any] = {
    "adx_threshold": 25.0,
    "signal_threshold": 3,
    "volume_multiplier": 2.5,
    "atr_sl_mult": 2.0,
    "atr_tp_mult": 2.0,
}
# A bar on which nothing scores, though trend and volume are there. Index 0 is the bar before, 1 the bar itself.
QUIET: dict[str, tuple[float, float]] = {
    "close": (100.0, 100.0),
    "volume": (100.0, 1000.0),
    "rsi14": (50.0, 50.0),
    "macd_hist": (0.5, 0.5),
    "bb_lower": (90.0, 90.0),
    "bb_upper": (110.0, 110.0),
    "ema9": (100.0, 100.0),
    "ema21": (101.0, 101.0),
    "ema50": (99.0, 99.0),
    "stoch_k": (50.0, 50.0),
    "stoch_d": (50.0, 50.0),
    "atr14": (3.0, 3.0),
    "adx14": (30.0, 30.0),
    "volume_mean20": (200.0, 200.0),
}
LONG_RSI: dict[str, Any] = {"rsi14": 30.0}
LONG_MACD: dict[str, Any] = {"macd_hist": (-0.1, 0.1)}
LONG_BAND: dict[str, Any] = {"bb_lower": 101.0}
LONG_EMA: dict[str, Any] = {"ema9": 103.0, "ema21": 102.0, "ema50": 101.0}
LONG_STOCH: dict[str, Any] = {"stoch_k": 15.0, "stoch_d": 10.0}
SHORT_RSI: dict[str, Any] = {"rsi14": 70.0}
SHORT_MACD: dict[str, Any] = {"macd_hist": (0.1, -0.1)}
SHORT_BAND: dict[str, Any] = {"bb_upper": 99.0}
SHORT_EMA: dict[str, Any] = {"ema9": 101.0, "ema21": 102.0, "ema50": 103.0}
SHORT_STOCH: dict[str, Any] = {"stoch_k": 85.0, "stoch_d": 90.0}


def bar(**changes: Any) -> tuple[Frame, Columns]:
    """Two bars: the quiet ones with changes; a single number goes to the bar itself."""
    figures = {
        name: np.array(given if isinstance(given, tuple) else (QUIET[name][0], given))
        for name, given in (QUIET | changes).items()
    }
    close, volume = figures.pop("close"), figures.pop("volume")
    return frame_of(close, close, close, close, volume), figures


def decide(parameters: dict[str, Any] | None = None, **changes: Any) -> Signal:
    return Composite(DEFAULTS | (parameters or {})).decide(*bar(**changes), 1)


def explain(parameters: dict[str, Any] | None = None, **changes: Any) -> tuple[GateCheck, ...]:
    return Composite(DEFAULTS | (parameters or {})).explain(*bar(**changes), 1)


def score(**changes: Any) -> tuple[int, int]:
    return points(votes(*bar(**changes), 1))
