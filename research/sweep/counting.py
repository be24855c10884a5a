"""One symbol's part of a sweep: every parameter set over every window, in one task that any worker can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import TIMEFRAMES_MS
from bot.strategy import Array, Entries, Frame, Strategy, Value
from research.arrays.memory import keep_memory
from research.arrays.tallies import Around, Tallies, tallied
from research.arrays.trades import trades_of
from research.backtest.fast import lot_of
from research.backtest.ground import Ground, checked
from research.backtest.lots import Lot, due_of
from research.results.plan import Plan, Rules
from research.sweep.figures import best_of, sums_of
from research.sweep.grid import MODE
from research.sweep.plan import SweepPlan
from research.sweep.source import NOTHING, Beside, FrameSource, Source
from research.work.code import check_code
from strategies.registry import Registry

NAMES = {length: name for name, length in TIMEFRAMES_MS.items()}


@dataclass(frozen=True, slots=True)
class CountTask:
    """Count one symbol. `windows` are (from, to) in UTC milliseconds of opening times, the whole first.

    `look`: the trades of production and of the best set over the whole are wanted, too.
    """

    source: Source
    plan: SweepPlan
    windows: tuple[tuple[int, int], ...]
    beside: Beside = NOTHING
    look: bool = False

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


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of it: tallies of shape (windows, sets + 1), the last column production; its parameters.

    `looks`: trades of production, then of the best set if one has enough; empty where they were not asked for.
    """

    symbol: str
    tallies: Tallies
    production: Mapping[str, Value]
    looks: tuple[Looked, ...] = ()


@dataclass(frozen=True, slots=True)
class LookTask:
    """The trades of some sets of one symbol; a set is what differs from the parameters in use."""

    source: Source
    plan: SweepPlan
    sets: tuple[Mapping[str, Value], ...]
    beside: Beside = NOTHING

    def __str__(self) -> str:
        """Whose candles."""
        return self.source.symbol


def counted(task: CountTask) -> Counted:
    """Count a symbol's trades set by set and window by window."""
    keep_memory()
    frame, registry = _begun(task)
    plan = task.plan
    filed = production(registry, plan, frame.symbol)
    built = built_sets(registry, plan, frame.symbol, filed)
    edges = np.searchsorted(frame.open_at_ms, np.array(task.windows, dtype=np.int64))
    spans = [(int(first), int(to)) for first, to in edges]
    around, ask = _around(task, frame), built[0].family(frame)
    found = tallied(frame, map(ask, built), len(built), plan.rules, spans, around)
    if not task.look:
        return Counted(frame.symbol, found, filed)
    best = best_of(sums_of(found, 0), len(plan.grid), plan.least)
    seen = [built[-1]] if best is None else [built[-1], built[best]]
    looks = tuple(_look_of(_walked(frame, one, ask(one), plan.rules, around)) for one in seen)
    return Counted(frame.symbol, found, filed, looks)


def looked(task: LookTask) -> tuple[Looked, ...]:
    """The trades of each set."""
    keep_memory()
    frame, registry = _begun(task)
    symbol, plan, around = frame.symbol, task.plan, _around(task, frame)
    ground = Ground(
        timeframe=NAMES[frame.timeframe_ms],
        frames={symbol: frame},
        funding={symbol: task.beside.funding} if task.beside.funding is not None else {},
        finer={symbol: around.finer} if around.finer is not None else {},
        any_timeframe=True,
    )
    checked(ground, registry.strategy_class(plan.strategy))
    found = []
    for one in task.sets:
        used = {**plan.in_use.get(symbol, {}), **one}
        strategy = registry.build(plan.strategy, symbol, used)
        found.append(_look_of(lot_of(Plan(plan.strategy, used, plan.rules), ground, strategy, frame)))
    return tuple(found)


def _begun(task: CountTask | LookTask) -> tuple[Frame, Registry]:
    """Candles and strategies; a worker that was sent its candles may be another machine, with other code."""
    plan = task.plan
    if isinstance(task.source, FrameSource):
        check_code(plan.digest, plan.strategy_paths)
    return task.source.load(), _registry(plan.strategy_paths, plan.digest)


@lru_cache(maxsize=2)
def _registry(paths: tuple[str, ...], _digest: str) -> Registry:
    """Strategies and their files, read once by each worker as long as they are the same."""
    return Registry([Path(path) for path in paths])


def _around(task: CountTask | LookTask, frame: Frame) -> Around:
    """Funding and finer candles."""
    finer = task.beside.finer
    return Around(finer.load() if finer else None, due_of(frame, task.beside.funding))


def _walked(frame: Frame, strategy: Strategy, entries: Entries, rules: Rules, around: Around) -> Lot:
    trades, far = trades_of(frame, entries, rules, around.finer)
    warmup, fee = strategy.warmup_bars, float(rules.fee)
    return Lot(frame, warmup, entries, trades, far, {}, around.due, fee)


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


def _look_of(lot: Lot) -> Looked:
    trades, at_ms = lot.trades, lot.frame.open_at_ms
    away = np.where(trades.stop > 0, np.abs(trades.entry - trades.stop) / trades.entry, 0.0)
    return Looked(at_ms[trades.entry_row], at_ms[trades.exit_row], lot.net_return, away)


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
