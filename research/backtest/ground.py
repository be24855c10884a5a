"""What backtests run on: candles, and what else is known of that time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.domain.market import timeframe_ms
from bot.strategy import Frame, Strategy
from research.store.port import Points


@dataclass(frozen=True, slots=True)
class Ground:
    """Candles by symbol, all of one timeframe. What is not given is not there: no funding, no rounding.

    `funding` rates by symbol (fraction of notional, positive: longs pay) at their settlement times. `finer` candles of
    a lower timeframe, for `both_hit: path`. `instruments` round and limit orders (exact way only). `strategy_paths` are
    folders with strategies beside our own. `any_timeframe`: strategies run on them whatever they were made for.
    """

    timeframe: str
    frames: Mapping[str, Frame]
    funding: Mapping[str, Points] = field(default_factory=dict)
    finer: Mapping[str, Frame] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    strategy_paths: tuple[Path, ...] = ()
    any_timeframe: bool = False


def checked(ground: Ground, strategy: type[Strategy]) -> None:
    """Raises ConfigError where the ground cannot be traded on by this strategy; one line says what is allowed."""
    if not any(len(frame) for frame in ground.frames.values()):
        raise ConfigError("no candles: at least one symbol with one bar is needed")
    if strategy.timeframe != ground.timeframe and not ground.any_timeframe:
        raise ConfigError(
            f"{strategy.name} trades {strategy.timeframe} candles, these are {ground.timeframe}"
        )
    missing = sorted(set(ground.frames) - set(ground.instruments)) if ground.instruments else []
    if missing:
        raise ConfigError(f"no instrument of {', '.join(missing)}: give all of them or none")
    for symbol, frame in ground.frames.items():
        _check_frame(symbol, frame, timeframe_ms(ground.timeframe))


def _check_frame(symbol: str, frame: Frame, bar_ms: int) -> None:
    if frame.symbol != symbol or frame.timeframe_ms != bar_ms:
        raise ConfigError(
            f"candles of {frame.symbol} ({frame.timeframe_ms} ms) stand under {symbol} ({bar_ms} ms)"
        )
    steps = np.diff(frame.open_at_ms)
    if not len(frame) or (steps < bar_ms).any() or (steps % bar_ms).any():
        raise ConfigError(
            f"candles of {symbol} are none, not in order of time, or not a whole number of bars apart"
        )
    low, high = frame.low, frame.high
    inside = (low <= frame.open) & (frame.open <= high) & (low <= frame.close) & (frame.close <= high)
    sound = inside & (low > 0) & np.isfinite(high) & (frame.volume >= 0) & np.isfinite(frame.volume)
    if not sound.all():
        row = int(np.flatnonzero(~sound)[0])
        raise ConfigError(
            f"candle {row} of {symbol} is none: prices above 0, high and low around open and close"
        )
