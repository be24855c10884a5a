"""A backtest: the engine that trades, the fill model of the paper venue, and candles that were."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.account import EquityPoint
from bot.domain.action import Action, RecordDecision, RecordEquity, RecordTrade
from bot.domain.market import Candle
from bot.domain.trade import Trade
from bot.engine.engine import Engine
from bot.market.signals import HistorySignals
from bot.runtime.simulation import Simulation
from bot.strategy import Frame, Strategy, Value
from bot.venues.matching import Matching, MatchingRules
from research.backtest.job import BacktestJob
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


@dataclass(slots=True)
class _Book:
    """What the engine records on the way."""

    trades: list[Trade] = field(default_factory=list)
    points: list[EquityPoint] = field(default_factory=list)
    decisions: int = 0
    entries: int = 0

    def keep(self, actions: list[Action]) -> None:
        """Take what is a record."""
        for action in actions:
            match action:
                case RecordTrade(trade):
                    self.trades.append(trade)
                case RecordEquity(point):
                    self.points.append(point)
                case RecordDecision(decision):
                    self.decisions += 1
                    self.entries += decision.taken
                case _:
                    pass


def run_backtest(job: BacktestJob, frame: Frame, tell: Callable[[float], None]) -> BacktestRun:
    """Trade every bar after the warm-up; `tell` hears how far it is (0 to 1)."""
    settings = job.settings
    registry = Strategies([Path(path) for path in job.strategy_paths])
    names = {one.symbol: one.strategy for one in settings.symbols}
    filed = {one.symbol: dict(one.parameters) for one in settings.symbols}

    def build(symbol: str, overrides: dict[str, Value]) -> Strategy:
        return registry.build(names[symbol], symbol, filed[symbol] | overrides)

    signals = HistorySignals({symbol: build(symbol, {}) for symbol in names}, {frame.symbol: frame})
    rules = MatchingRules(slippage=settings.slippage_rate, default_leverage=settings.symbols[0].leverage)
    simulation = Simulation(
        Engine(settings, signals, build), Matching(settings.instruments, job.wallet, rules)
    )
    book = _Book()
    book.keep(simulation.start(int(frame.open_at_ms[job.warmup])))
    total = len(frame) - job.warmup
    for number, (candle, closes_at_ms, following) in enumerate(_bars(frame, job.warmup), start=1):
        book.keep(simulation.bar((candle,), closes_at_ms, {candle.symbol: following}))
        if number % max(1, total // TOLD) == 0:
            tell(number / total)
    return BacktestRun(tuple(book.trades), thinned(book.points), book.decisions, book.entries)


def _bars(frame: Frame, first: int) -> Iterator[tuple[Candle, int, float]]:
    """Each candle with its closing time and the price at which the next one opens."""
    columns = (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
    rows = zip(*(column[first:].tolist() for column in columns), strict=True)
    opens = [*frame.open[first + 1 :].tolist(), float(frame.close[-1])]
    for (at_ms, *figures), following in zip(rows, opens, strict=True):
        yield Candle(frame.symbol, int(at_ms), *figures), int(at_ms) + frame.timeframe_ms, following


def thinned(points: list[EquityPoint]) -> tuple[EquityPoint, ...]:
    """At most so many points, evenly; the first and the last stay."""
    if len(points) <= POINTS_KEPT:
        return tuple(points)
    step = (len(points) - 1) / (POINTS_KEPT - 1)
    return tuple(points[round(number * step)] for number in range(POINTS_KEPT))
