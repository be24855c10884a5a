"""A backtest as chat asks for it: one symbol with the desk's own settings, what came of it thinned for a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.domain.account import EquityPoint
from bot.domain.trade import Trade
from bot.strategy import Frame, Strategy, Value
from bot.venues.matching import MatchingRules
from research.backtest.job import BacktestJob
from research.backtest.trading import Course, Curve, trade
from strategies.registry import Registry as Strategies

POINTS_KEPT = 2_000
TOLD = 50
"""So often progress is told."""


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """What happened: closed trades, equity (thinned evenly), how many signals reached the gates and passed them."""

    trades: tuple[Trade, ...]
    points: tuple[EquityPoint, ...]
    decisions: int
    entries: int


def run_backtest(job: BacktestJob, frame: Frame, tell: Callable[[float], None]) -> BacktestRun:
    """Trade every bar after the warm-up; `tell` hears how far it is (0 to 1)."""
    settings = job.settings
    registry = Strategies([Path(path) for path in job.strategy_paths])
    names = {one.symbol: one.strategy for one in settings.symbols}
    filed = {one.symbol: dict(one.parameters) for one in settings.symbols}

    def build(symbol: str, overrides: dict[str, Value]) -> Strategy:
        return registry.build(names[symbol], symbol, filed[symbol] | overrides)

    course = Course(
        settings=settings,
        build=build,
        frames={frame.symbol: frame},
        first={frame.symbol: job.warmup},
        wallet=job.wallet,
        rules=MatchingRules(slippage=settings.slippage_rate),
    )
    found = trade(course, _parts(tell, course.bars))
    return BacktestRun(tuple(found.trades), thinned(found.equity), found.decisions, found.entries)


def _parts(tell: Callable[[float], None], bars: int) -> Callable[[int, int], None]:
    """Told in bars, often; heard in parts, some times."""
    heard = 0

    def told(done: int, whole: int) -> None:
        nonlocal heard
        if done * TOLD // max(1, bars) > heard:
            heard = done * TOLD // bars
            tell(done / whole)

    return told


def thinned(curve: Curve) -> tuple[EquityPoint, ...]:
    """At most so many points, evenly; the first and the last stay."""
    if len(curve) <= POINTS_KEPT:
        return tuple(curve.point(number) for number in range(len(curve)))
    step = (len(curve) - 1) / (POINTS_KEPT - 1)
    return tuple(curve.point(round(number * step)) for number in range(POINTS_KEPT))
