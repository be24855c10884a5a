"""One symbol's part of a sweep: every parameter set over every window, in one task that any worker can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import TIMEFRAMES_MS
from bot.strategy import Array, Frame, Strategy, Value
from research.arrays.tallies import Tallies, tallies
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.plan import Plan
from research.sweep.grid import MODE
from research.sweep.plan import SweepPlan
from research.sweep.source import FrameSource, Source
from research.work.code import check_code
from strategies.registry import Registry

NAMES = {length: name for name, length in TIMEFRAMES_MS.items()}


@dataclass(frozen=True, slots=True)
class CountTask:
    """Count one symbol. `windows` are (from, to) in UTC milliseconds of opening times, the whole first."""

    source: Source
    plan: SweepPlan
    windows: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        """Whose candles."""
        return self.source.symbol


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of it: tallies of shape (windows, sets + 1), the last column production; its parameters."""

    symbol: str
    tallies: Tallies
    production: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class LookTask:
    """The trades of some sets of one symbol; a set is what differs from the parameters in use."""

    source: Source
    plan: SweepPlan
    sets: tuple[Mapping[str, Value], ...]

    def __str__(self) -> str:
        """Whose candles."""
        return self.source.symbol


@dataclass(frozen=True, slots=True)
class Looked:
    """Trades of one set as columns: times of the bars of entry and exit (UTC ms), net returns.

    `stop_share` is the stop's distance from the entry price as a share of it, 0 without a stop.
    """

    entry_at_ms: NDArray[np.int64]
    exit_at_ms: NDArray[np.int64]
    net_return: Array
    stop_share: Array


def counted(task: CountTask) -> Counted:
    """Count a symbol's trades set by set and window by window."""
    frame, plan = _begun(task)
    registry = Registry([Path(path) for path in plan.strategy_paths])
    filed = production(registry, plan, frame.symbol)
    built = built_sets(registry, plan, frame.symbol, filed)
    edges = np.searchsorted(frame.open_at_ms, np.array(task.windows, dtype=np.int64))
    spans = [(int(first), int(to)) for first, to in edges]
    return Counted(frame.symbol, tallies(frame, built, plan.rules, spans), filed)


def looked(task: LookTask) -> tuple[Looked, ...]:
    """The trades of each set."""
    frame, plan = _begun(task)
    registry = Registry([Path(path) for path in plan.strategy_paths])
    ground = Ground(timeframe=NAMES[frame.timeframe_ms], frames={frame.symbol: frame})
    return tuple(_trades(plan, ground, registry, one) for one in task.sets)


def _begun(task: CountTask | LookTask) -> tuple[Frame, SweepPlan]:
    """Candles and plan; a worker that was sent its candles may be another machine, with other code."""
    if isinstance(task.source, FrameSource):
        check_code(task.plan.digest, task.plan.strategy_paths)
    return task.source.load(), task.plan


def production(registry: Registry, plan: SweepPlan, symbol: str) -> dict[str, Value]:
    """The parameters in use for a symbol: the plan's, else as the strategy's files have them."""
    rows = registry.effective(plan.strategy, symbol, plan.in_use.get(symbol))
    return {row.parameter.name: row.value for row in rows if row.parameter.name != MODE}


def built_sets(
    registry: Registry, plan: SweepPlan, symbol: str, filed: Mapping[str, Value]
) -> list[Strategy]:
    """A strategy for each set of the grid, then production. Values were checked when the plan was made."""
    mode = {MODE: registry.mode(plan.strategy, symbol)}
    registry.build(plan.strategy, symbol, plan.fixed)
    made = registry.strategy_class(plan.strategy)
    return [
        *(made({**filed, **plan.fixed, **one, **mode}) for one in plan.grid.sets()),
        made({**filed, **mode}),
    ]


def _trades(plan: SweepPlan, ground: Ground, registry: Registry, one: Mapping[str, Value]) -> Looked:
    symbol = next(iter(ground.frames))
    used = {**plan.in_use.get(symbol, {}), **one}
    outcome = run_fast(Plan(plan.strategy, used, plan.rules), ground, registry=registry)
    return Looked(
        np.array([trade.entry_at_ms for trade in outcome.trades], dtype=np.int64),
        np.array([trade.exit_at_ms for trade in outcome.trades], dtype=np.int64),
        np.array([trade.net_return for trade in outcome.trades], dtype=np.float64),
        np.array(
            [stop_share(trade.entry_price, trade.stop_price) for trade in outcome.trades], dtype=np.float64
        ),
    )


def stop_share(entry_price: float, stop_price: float) -> float:
    """How far a stop lies from the entry, as a share of its price; 0 without a stop."""
    return abs(entry_price - stop_price) / entry_price if stop_price > 0 else 0.0


def merged(parts: Sequence[Looked]) -> Looked:
    """Trades of several symbols in the order of their exits, then entries, then symbols."""
    names = [field.name for field in fields(Looked)]
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.lexsort((whole["entry_at_ms"], whole["exit_at_ms"]))
    return Looked(**{name: column[order] for name, column in whole.items()})


def deepest_fall(net_return: Array) -> float:
    """The deepest fall of the running sum from its high (0 at the start counts), positive."""
    running = np.concatenate(([0.0], np.cumsum(net_return)))
    return float((np.maximum.accumulate(running) - running).max())
