"""A sweep as a worker does it: the usual sets over a symbol's history, ranked, walked forward, doubted, kept."""

from collections.abc import Mapping
from math import inf

import numpy as np

from bot.domain.market import DAY_MS
from bot.runtime.codec import decode, encode
from bot.strategy import Frame, Value
from cli.workshop.asking import SWEEPS, Kept, SweepAnswer, SweepAsked
from cli.workshop.ground import known, too_short
from cli.workshop.pages import make_room, stamped
from cli.workshop.parcel import Parcel
from cli.workshop.worker import Say
from handlers.lab import RankedSet, SweepResult
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.progress import Tell, silent
from research.results.files import write_whole
from research.results.outcome import Outcome
from research.results.plan import Plan
from research.results.statistics import figures_of
from research.sweep import source
from research.sweep.counting import deepest_fall
from research.sweep.figures import SetFigures
from research.sweep.grid import MODE, default_grid
from research.sweep.pictures import heat_map
from research.sweep.plan import SweepPlan
from research.sweep.run import sweep
from research.sweep.sections import Section
from research.work import open_workers
from strategies.registry import Registry

SHOWN = 10
PROPOSED = 3
LEAST_DAYS = 28


def work(parcel: Parcel, say: Say) -> SweepAnswer:
    """Do it. Raises QuarterdeckError with the reason when there is nothing to try."""
    asked = decode(parcel.order, SweepAsked)
    (live,) = parcel.frames
    registry = Registry(asked.place.paths)
    warmup = registry.build(asked.strategy, asked.symbol, asked.values).warmup_bars
    from_ms = asked.to_ms - asked.days * DAY_MS - warmup * live.timeframe_ms
    found = known(asked.place, live, from_ms, asked.to_ms)
    days = len(found.frame) * found.frame.timeframe_ms / DAY_MS
    if days < LEAST_DAYS:
        have = f"{days:.1f} days of {asked.symbol} are known without a gap"
        raise too_short(found, have, f"a sweep of fewer than {LEAST_DAYS} would mean nothing")
    section, plan = swept(asked, found.frame, registry, lambda done, whole: say(done, whole, ""))
    short = (f"Only {days:.1f} of {asked.days} days are known.",) if days < asked.days * 0.99 else ()
    result = result_of(asked, found.frame, section, plan, (*short, *found.words))
    folder = asked.place.results / SWEEPS
    write_whole(folder / f"{result.id}.json", encode(Kept(result, asked.values)))
    picture = folder / f"{result.id}.png"
    write_whole(picture, heat_map(plan, section, f"Sweep of {asked.symbol}: profit factors"))
    make_room(folder, ".json")
    make_room(folder, ".png")
    return SweepAnswer(result, str(picture))


def windows(days: float) -> tuple[str, str]:
    """Train and test windows that a history of so many days has room for."""
    if days >= 150:
        return "3m", "1m"
    return ("4w", "2w") if days >= 60 else ("2w", "1w")


def swept(
    asked: SweepAsked, frame: Frame, registry: Registry, tell: Tell = silent, workers: int = 1
) -> tuple[Section, SweepPlan]:
    """The symbol's sets, counted and judged; what no set changes is as it is in use.

    One worker: in this process. More: in processes of their own, which may die without it.
    """
    grid = default_grid(registry, asked.strategy)
    axes = {axis.name for axis in grid.axes}
    filed = {row.parameter.name: row.value for row in registry.effective(asked.strategy, asked.symbol)}
    plan = SweepPlan(
        strategy=asked.strategy,
        grid=grid,
        fixed={
            name: value
            for name, value in asked.values.items()
            if name not in axes and name != MODE and filed.get(name) != value
        },
        rules=asked.rules,
        windows=windows(len(frame) * frame.timeframe_ms / DAY_MS),
        strategy_paths=asked.place.strategy_paths,
    )
    with open_workers(workers) as crew:
        (section,) = sweep(plan, (source.known(frame),), crew, tell).sections
    return section, plan


def result_of(
    asked: SweepAsked, frame: Frame, section: Section, plan: SweepPlan, words: tuple[str, ...]
) -> SweepResult:
    """What people read of it."""
    able = section.order[: section.able]
    best = tuple(_ranked(place, section.rows[index]) for place, index in enumerate(section.order[:SHOWN], 1))
    others = [
        place for place, index in enumerate(able[:SHOWN], 1) if differs(section.rows[index], asked.values)
    ]
    return SweepResult(
        id=stamped(asked.symbol, asked.to_ms),
        symbol=asked.symbol,
        strategy=asked.strategy,
        sets=len(section.rows),
        folds=len(section.course.folds),
        bars=len(frame),
        from_ms=int(frame.open_at_ms[0]),
        to_ms=int(frame.open_at_ms[-1]) + frame.timeframe_ms,
        best=best,
        production=in_use(asked, frame, section, plan),
        proposable=tuple(others[:PROPOSED]),
        words=(
            *words,
            *(_sentence(one.text) for one in section.verdicts),
            *map(_sentence, section.course.notes),
        ),
        took_ms=0,
    )


def differs(one: SetFigures, values: Mapping[str, Value]) -> bool:
    """Whether a set is another one than that in use."""
    return any(values.get(name) != value for name, value in one.parameters.items())


def in_use(asked: SweepAsked, frame: Frame, section: Section, plan: SweepPlan) -> RankedSet:
    """The set in use, traded as the others were; its rank is the place it has, or would have."""
    for place, index in enumerate(section.order, 1):
        if not differs(section.rows[index], asked.values):
            return _ranked(place, section.rows[index])
    traded = _traded(asked, frame)
    figures, enough = figures_of(traded.trades), len(traded.trades) >= plan.least
    nets = [one.net_return for one in traded.trades]
    profit, loss = sum(net for net in nets if net > 0), -sum(net for net in nets if net < 0)
    factor = profit / loss if loss else (inf if profit else 0.0)
    better = [row for row in section.rows if (row.trades >= plan.least, row.factor) > (enough, factor)]
    axes = tuple((axis.name, asked.values[axis.name]) for axis in plan.grid.axes)
    return RankedSet(
        rank=len(better) + 1,
        values=axes,
        trades=figures.trades,
        win_rate=figures.win_rate,
        profit_factor=profit / loss if loss else None,
        net=sum(nets),
        fall=deepest_fall(np.array(nets, dtype=np.float64)),
    )


def _traded(asked: SweepAsked, frame: Frame) -> Outcome:
    ground = Ground(asked.place.timeframe, {frame.symbol: frame}, strategy_paths=asked.place.paths)
    return run_fast(Plan(asked.strategy, asked.values, asked.rules), ground)


def _ranked(place: int, one: SetFigures) -> RankedSet:
    values = tuple(one.parameters.items())
    return RankedSet(place, values, one.trades, one.win_rate, one.profit_factor, one.net, one.drawdown)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
