"""The contract that strategies fulfil: pure functions of a window of candles, no memory of their own.

A strategy folder `strategies/<name>/strategy.py` holds one subclass of `Strategy` named in `STRATEGY`. The same object
serves live trading (a window of the last bars, `prepare` once per bar) and backtests (`prepare` once for a whole
history, `decide` for every bar), so both agree by construction.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bot.domain.signal import GateCheck, Side, Signal

type Array = NDArray[np.float64]
type Columns = Mapping[str, Array]
type Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Frame:
    """Candles of one symbol and timeframe as columns of equal length, oldest first.

    `open_at_ms` int64 UTC milliseconds of the bar's open; prices and volume float64.
    """

    symbol: str
    timeframe_ms: int
    open_at_ms: NDArray[np.int64]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.close)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One strategy parameter as declared in default.yaml: default, allowed range, unit, meaning."""

    name: str
    default: Value
    low: float | None
    high: float | None
    unit: str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Levels:
    """How far stop and target lie from the entry, and the bar's ATR; prices in quote asset, target 0: none."""

    stop_distance: float
    target_distance: float = 0.0
    atr: float = 0.0


class Strategy(ABC):
    """Turns closed candles into signals and does nothing else."""

    name: ClassVar[str]
    timeframe: ClassVar[str]
    warmup_bars: ClassVar[int]
    correlation_symbols: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Mapping[str, Value]) -> None:
        """Take the effective parameters of one symbol (already checked against default.yaml)."""
        self.parameters = dict(parameters)

    @abstractmethod
    def prepare(self, frame: Frame) -> Columns:
        """Indicator columns over the whole frame, each as long as the frame, NaN before their own warm-up."""

    @abstractmethod
    def decide(self, frame: Frame, columns: Columns, i: int) -> Signal:
        """The signal of closed bar `i`, from bars up to and including `i` only."""

    @abstractmethod
    def explain(self, frame: Frame, columns: Columns, i: int) -> tuple[GateCheck, ...]:
        """Every gate of bar `i` with its figures, in order, for /why."""

    def levels(self, frame: Frame, columns: Columns, i: int, side: Side) -> Levels | None:
        """Stop and target of a person's own entry after closed bar `i`; None: this strategy has no answer."""
        return None
