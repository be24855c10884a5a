"""What backtests run on: candles, and what else is known of that time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.instrument import Instrument
from bot.strategy import Frame
from research.store.port import Points


@dataclass(frozen=True, slots=True)
class Ground:
    """Candles by symbol, all of one timeframe. What is not given is not there: no funding, no rounding.

    `funding` rates by symbol (fraction of notional, positive: longs pay) at their settlement times. `finer` candles of
    a lower timeframe, for `both_hit: path`. `instruments` round and limit orders (exact way only). `strategy_paths` are
    folders with strategies beside our own.
    """

    timeframe: str
    frames: Mapping[str, Frame]
    funding: Mapping[str, Points] = field(default_factory=dict)
    finer: Mapping[str, Frame] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    strategy_paths: tuple[Path, ...] = ()
