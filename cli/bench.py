"""`quarterdeck bench engine`: the engine with everything on, measured in this process on one core."""

import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from bot.domain.action import Action, RecordTrade, Submit
from bot.domain.errors import ConfigError
from bot.domain.guard import Limits
from bot.domain.market import Candle, timeframe_ms
from bot.domain.settings import EngineSettings, SymbolSettings
from bot.engine.engine import Engine
from bot.market.signals import HistorySignals, SignalSource, WindowSignals
from bot.runtime.codec import encode_event
from bot.runtime.health import memory_mb
from bot.runtime.simulation import Simulation
from bot.strategy import Frame, Strategy, Value
from bot.venues.instruments import Extras, read_instruments
from bot.venues.matching import Matching
from sandbox.market import GeneratedMarket, exchange_info, funding_info, leverage_brackets
from strategies.registry import Registry as Strategies

SEED = 7
STRATEGY = "composite"
TIMEFRAME = "15m"
WINDOW = 1000
CLOSES = 40


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """What was measured. Bars per second are symbol-bars on one core; CPU times are medians over the closes.

    `bars_per_s`: one symbol, indicators prepared once over its history (the exact backtest). `window_bars_per_s`: the
    same with indicators computed anew from the last 1000 bars on every bar (live). Both with ledger, gates, limits,
    protection and the journal in memory. `closing_ms`: that many symbols closing together, candles in to orders out.
    """

    bars: int
    bars_per_s: float
    window_bars_per_s: float
    trades: int
    journal_mb: float
    symbols: int
    closing_ms: float
    closing_ms_max: float
    closing_entries: int
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Course:
    """A market laid out bar by bar, so that making it is not part of the measurement."""

    bars: tuple[tuple[tuple[Candle, ...], int, Mapping[str, float]], ...]


def run_engine_bench(bars: int, symbols: int, as_json: bool) -> int:
    """Measure and print."""
    for name, given, high in (("bars", bars, 10_000_000), ("symbols", symbols, 600)):
        if not 1 <= given <= high:
            raise ConfigError(f"--{name} {given}: is not allowed; a whole number from 1 to {high:_}")
    figures = measure(bars, symbols)
    if as_json:
        sys.stdout.write(json.dumps(asdict(figures)) + "\n")
        return 0
    sys.stdout.write(
        f"one symbol, {figures.bars} bars, journal in memory ({figures.journal_mb:.1f} MiB), "
        f"{figures.trades} trades\n"
        f"  {figures.bars_per_s:,.0f} bars/s with indicators prepared once\n"
        f"  {figures.window_bars_per_s:,.0f} bars/s with indicators from a window of {WINDOW} on every bar\n"
        f"{figures.symbols} symbols closing together, candles in to orders out\n"
        f"  {figures.closing_ms:.1f} ms CPU median, {figures.closing_ms_max:.1f} ms worst of {CLOSES}\n"
        f"memory {figures.memory_mb:.0f} MiB\n"
    )
    return 0


def measure(bars: int, symbols: int) -> EngineFigures:
    """One symbol through its bars both ways, then many symbols closing together."""
    one = GeneratedMarket(SEED, 1, TIMEFRAME)
    history_s, trades, journal = _one_symbol(one, bars, whole=True)
    window_s, _, _ = _one_symbol(one, min(bars, 5_000), whole=False)
    closing, entries = _closing(GeneratedMarket(SEED, symbols, TIMEFRAME))
    return EngineFigures(
        bars=bars,
        bars_per_s=bars / history_s,
        window_bars_per_s=min(bars, 5_000) / window_s,
        trades=trades,
        journal_mb=journal / 1024 / 1024,
        symbols=symbols,
        closing_ms=statistics.median(closing),
        closing_ms_max=max(closing),
        closing_entries=entries,
        memory_mb=memory_mb(),
    )


def _one_symbol(market: GeneratedMarket, bars: int, *, whole: bool) -> tuple[float, int, int]:
    course = laid_out(market, WINDOW, bars)
    frames = {s: market.frame(s, 0, WINDOW + bars) for s in market.symbols}
    simulation = _simulation(market, frames if whole else None)
    journal: list[bytes] = []
    trades = 0
    began = time.process_time()
    for candles, closes_at_ms, opens in course.bars:
        trades += _count(simulation.bar(candles, closes_at_ms, opens), RecordTrade)
        journal += [encode_event(step.event) for step in simulation.steps]
        simulation.steps.clear()
    return time.process_time() - began, trades, sum(map(len, journal))


def _closing(market: GeneratedMarket) -> tuple[list[float], int]:
    simulation = _simulation(market, None)
    taken: list[float] = []
    entries = 0
    for candles, closes_at_ms, opens in laid_out(market, WINDOW, CLOSES).bars:
        began = time.process_time()
        actions = simulation.bar(candles, closes_at_ms, opens)
        taken.append((time.process_time() - began) * 1000)
        entries += _count(actions, Submit)
    return taken, entries


def _count(actions: Sequence[Action], kind: type[Action]) -> int:
    return sum(isinstance(action, kind) for action in actions)


def laid_out(market: GeneratedMarket, first: int, bars: int) -> Course:
    """Candles, closing time and next opens of each bar."""
    return Course(tuple(_bars(market, first, bars)))


def _bars(
    market: GeneratedMarket, first: int, bars: int
) -> Iterator[tuple[tuple[Candle, ...], int, Mapping[str, float]]]:
    following = market.bar(market.open_at_ms(first))
    for number in range(first, first + bars):
        candles, following = following, market.bar(market.open_at_ms(number + 1))
        opens = {candle.symbol: candle.open for candle in following}
        yield candles, market.open_at_ms(number + 1), opens


def _simulation(market: GeneratedMarket, frames: Mapping[str, Frame] | None) -> Simulation:
    """The engine on this market; with frames their indicators are prepared now, without from windows."""
    registry = Strategies()
    listed = market.symbols
    extras = Extras(brackets=leverage_brackets(listed), funding=funding_info(listed))
    instruments = read_instruments(exchange_info(listed), extras)

    def build(symbol: str, overrides: dict[str, Value]) -> Strategy:
        return registry.build(STRATEGY, symbol, overrides)

    share = Decimal(1) / len(listed)
    settings = EngineSettings(
        account="paper:bench:engine",
        instruments=instruments,
        symbols=tuple(SymbolSettings(s, STRATEGY, 5, share) for s in listed),
        bar_ms=timeframe_ms(TIMEFRAME),
        timeframe=TIMEFRAME,
        limits=Limits(kill_losing_run=0, kill_trades=0, drawdown_percent=Decimal(0)),
    )
    engine = Engine(settings, _signals(market, {s: build(s, {}) for s in listed}, frames), build)
    simulation = Simulation(engine, Matching(instruments, Decimal(100_000)), journal=True)
    simulation.start(market.open_at_ms(WINDOW))
    return simulation


def _signals(
    market: GeneratedMarket, built: dict[str, Strategy], frames: Mapping[str, Frame] | None
) -> SignalSource:
    if frames is not None:
        return HistorySignals(built, frames)
    windows = WindowSignals(built, WINDOW)
    for symbol in built:
        windows.preload(market.frame(symbol, 0, WINDOW))
    return windows
