"""The contract that strategies fulfil: pure functions of a window of candles, no memory of their own.

A strategy folder `strategies/<name>/strategy.py` holds one subclass of `Strategy` named in `STRATEGY`. The same object
serves live trading (a window of the last bars, `prepare` once per bar) and backtests (`prepare` once for a whole
history, `decide` for every bar), so both agree by construction.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bot.domain.signal import Anchor, GateCheck, Side, Signal

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

    def part(self, first: int, after: int | None = None) -> "Frame":
        """Bars from `first` on, up to `after` (excluded), without a copy; negative ones count from the end."""
        rows = slice(first, after)
        prices = self.open[rows], self.high[rows], self.low[rows], self.close[rows]
        return Frame(self.symbol, self.timeframe_ms, self.open_at_ms[rows], *prices, self.volume[rows])


@dataclass(frozen=True, slots=True)
class Parameter:
    """One strategy parameter as declared in default.yaml: default, allowed range, unit, meaning.

    `training` is its value when models are trained, looser than in trading, so that there are more signals to learn
    from; None: the same.
    """

    name: str
    default: Value
    low: float | None
    high: float | None
    unit: str
    help: str
    choices: tuple[str, ...] = ()
    training: Value | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """How far stop and target lie from the entry, and the bar's ATR; prices in quote asset, target 0: none."""

    stop_distance: float
    target_distance: float = 0.0
    atr: float = 0.0


@dataclass(frozen=True, slots=True)
class Entries:
    """Every closed bar of a history on which a strategy has a side, as columns of equal length, oldest first.

    `row` int64 is the bar's index in the frame, `side` int8 +1 long, -1 short; `score`, `reference_price`,
    `stop_price`, `target_price` and `atr` float64 as in `Signal`. `on_level` bool is True where stop and target keep
    their prices (Anchor.LEVEL), False where they keep their distances from the fill.
    """

    row: NDArray[np.int64]
    side: NDArray[np.int8]
    score: Array
    reference_price: Array
    stop_price: Array
    target_price: Array
    atr: Array
    on_level: NDArray[np.bool_]

    def __len__(self) -> int:
        """Number of bars with a side."""
        return len(self.row)


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

    def prepare_history(self, frame: Frame) -> Columns:
        """What `prepare` gives, bit for bit, over a long history; a strategy may have a faster way to it."""
        return self.prepare(frame)

    def entries(self, frame: Frame, columns: Columns) -> Entries:
        """All bars from the warm-up on for which `decide` has a side; a strategy may answer them at one go.

        Answers exactly what `decide` answers bar by bar: a test holds every strategy to it.
        """
        decided = (self.decide(frame, columns, i) for i in range(max(1, self.warmup_bars) - 1, len(frame)))
        return entries_of(frame, [signal for signal in decided if signal.side is not None])

    def family(self, frame: Frame) -> "Callable[[Strategy], Entries]":
        """`entries` of many strategies of this class over one history, which differ in their parameters only.

        A strategy may do once what does not hang on parameters. Answers exactly what `entries` answers for each.
        """
        return lambda member: member.entries(frame, member.prepare_history(frame))

    def levels(self, frame: Frame, columns: Columns, i: int, side: Side) -> Levels | None:
        """Stop and target of a person's own entry after closed bar `i`; None: this strategy has no answer."""
        return None


def entries_of(frame: Frame, signals: Sequence[Signal]) -> Entries:
    """Signals with a side, in the order of time, as columns."""
    closed_at_ms = np.array([signal.bar_at_ms for signal in signals], dtype=np.int64)
    figures = np.array(
        [(s.score, s.reference_price, s.stop_price, s.target_price, s.atr) for s in signals], dtype=np.float64
    )
    score, reference, stop, target, atr = np.ascontiguousarray(figures.reshape(len(signals), 5).T)
    return Entries(
        row=np.searchsorted(frame.open_at_ms, closed_at_ms - frame.timeframe_ms),
        side=np.array([signal.side.sign if signal.side else 0 for signal in signals], dtype=np.int8),
        score=score,
        reference_price=reference,
        stop_price=stop,
        target_price=target,
        atr=atr,
        on_level=np.array([signal.anchor is Anchor.LEVEL for signal in signals], dtype=np.bool_),
    )
