"""What the desk asks of long work, and what comes back: values alone, so that the desk imports nothing heavy."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.domain.instrument import Instrument
from bot.ml.grouping import Grouping
from bot.ml.phantom import LivedSignal
from bot.runtime.codec import decode
from bot.strategy import Array, Frame, Value
from cli.workshop.parcel import FIGURES
from handlers.lab import BacktestResult, SweepResult
from research.results.plan import Plan, Rules
from research.weekly.facts import WeekFacts
from research.weekly.report import WeeklyReport

SWEEPS = "sweeps"
NAME = re.compile(r"[A-Z0-9]{1,40}-[0-9]{8}T[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker finds things: the home, the candles' timeframe, the exchange they are of, strategy folders."""

    home: str
    timeframe: str
    source: str
    strategy_paths: tuple[str, ...] = ()

    @property
    def results(self) -> Path:
        """Where results are kept."""
        return Path(self.home) / "results"

    @property
    def paths(self) -> tuple[Path, ...]:
        """Folders with strategies beside our own."""
        return tuple(Path(path) for path in self.strategy_paths)


@dataclass(frozen=True, slots=True)
class Asked:
    """One symbol's backtest up to `to_ms`; `plan` has sizing, limits, leverage and costs as the desk has them."""

    place: Place
    symbol: str
    days: int
    to_ms: int
    way: str
    plan: Plan
    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out, and the page's file."""

    result: BacktestResult
    page: str


@dataclass(frozen=True, slots=True)
class SweepAsked:
    """The sets of one symbol's strategy up to `to_ms`; `values` are all parameters as they are in use."""

    place: Place
    symbol: str
    days: int
    to_ms: int
    strategy: str
    values: Mapping[str, Value]
    rules: Rules


@dataclass(frozen=True, slots=True)
class Kept:
    """What a sweep came to and the values that were in use: what a proposal is made of later."""

    result: SweepResult
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class SweepAnswer:
    """What came out, and the files of its picture and its page, empty where there is none."""

    result: SweepResult
    picture: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class WeeklyAsked:
    """The weekly report: what the desk knows.

    `no_source` says why history could not be brought up to date; `without` why nothing may be tested or swept.
    """

    place: Place
    facts: WeekFacts
    history_days: int
    no_source: str = ""
    without: str = ""

    @property
    def place_history(self) -> Path:
        """The candle store."""
        return Path(self.place.home) / "history"


@dataclass(frozen=True, slots=True)
class WeeklyAnswer:
    """The report, and its page's file."""

    report: WeeklyReport
    page: str


@dataclass(frozen=True, slots=True)
class TrainAsked:
    """A model of a strategy for `symbol`, or (_general, _cluster-N) for `members` together, from candles up to `to_ms`.

    `models` is the folder of models, `features` are groups or single features. `values` are each member's parameters
    as they are in use, in the order of `members`; empty: those of the strategy's files. `threshold` is what the model
    asks of a signal where the training finds none.
    """

    place: Place
    models: str
    strategy: str
    symbol: str
    members: tuple[str, ...]
    features: tuple[str, ...]
    lookahead: int
    rules: Rules
    to_ms: int
    seed: int = 0
    lived: tuple[LivedSignal, ...] = ()
    values: tuple[Mapping[str, Value], ...] = ()
    threshold: float = 0.55


@dataclass(frozen=True, slots=True)
class TrainAnswer:
    """The version that was written (it is in use nowhere), and sentences for people about what it was made of."""

    version: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupAsked:
    """The traded `symbols`, and what else the store has, to be grouped by the `days` up to `to_ms`.

    `leader` is BTC's name, empty where there is none.
    """

    place: Place
    symbols: tuple[str, ...]
    leader: str
    to_ms: int
    days: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """The grouping, kept nowhere yet, and the symbols that have too few candles for one."""

    grouping: Grouping
    left_out: tuple[str, ...] = ()


def kept(results: Path, name: str) -> Kept | None:
    """A sweep's result as it was kept; None when there is none of that name any more."""
    path = results / SWEEPS / f"{name}.json"
    if not NAME.fullmatch(name) or not path.is_file():
        return None
    return decode(path.read_bytes(), Kept)


def nothing_of(symbol: str, timeframe_ms: int) -> Frame:
    """No candle of a symbol."""
    return Frame(symbol, timeframe_ms, np.zeros(0, dtype=np.int64), *(np.zeros(0) for _ in FIGURES))


def merged(stored: Frame, live: Frame) -> Frame:
    """Both, each opening time once; where both know a bar the desk's own counts."""
    times = np.concatenate([stored.open_at_ms, live.open_at_ms])
    order = np.argsort(times, kind="stable")  # of equal times the desk's stands behind
    last = np.append(np.diff(times[order]) > 0, True) if len(times) else np.zeros(0, dtype=bool)
    rows = order[last]

    def column(name: str) -> Array:
        both: Array = np.concatenate([getattr(stored, name), getattr(live, name)])
        return np.asarray(both[rows], dtype=np.float64)

    return Frame(live.symbol, live.timeframe_ms, times[rows], *map(column, FIGURES))
