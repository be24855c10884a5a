"""What a backtest of the command line is traded on: candles, funding, finer candles, instruments, the market around."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.domain.market import timeframe_ms
from bot.strategy import Frame, Strategy
from cli.research.backtest_options import STORE, BacktestOptions
from research.backtest.context import LEADER, SECOND, Market
from research.backtest.ground import Ground
from research.store.files import FileStore
from research.store.loading import Wanted, load_history
from research.store.port import Points

HISTORY = "history"
"""The folder of the candle store in the home."""

type Home = Callable[[], Path]


@dataclass(frozen=True, slots=True)
class Read:
    """The ground, and what was repaired or is missing in the files, a line each."""

    ground: Ground
    notes: tuple[str, ...]


def ground_of(options: BacktestOptions, home: Home, kind: type[Strategy], span_ms: tuple[int, int]) -> Read:
    """Everything read, with the candles that the strategy warms up on. Raises QuarterdeckError, one line."""
    if not options.candles and not options.symbol:
        raise ConfigError("name candles: --candles FILE..., or --symbol NAME... of the store")
    wanted = Wanted(
        symbols=tuple(name.upper() for name in options.symbol),
        timeframe=options.timeframe or (None if options.candles else kind.timeframe),
        files=files_of("--candles", options.candles),
        from_ms=max(0, span_ms[0] - kind.warmup_bars * timeframe_ms(kind.timeframe)),
        to_ms=span_ms[1],
    )
    history = load_history(wanted, None if options.candles else FileStore(home() / HISTORY))
    if not any(int(frame.open_at_ms[-1]) >= span_ms[0] for frame in history.frames.values()):
        raise ConfigError(f"no candles from {options.begin} on")
    ground = Ground(
        timeframe=history.timeframe,
        frames=history.frames,
        funding=rates_of(
            options.funding, home, {symbol: _span(frame) for symbol, frame in history.frames.items()}
        ),
        finer=_finer(options, history.timeframe, history.frames),
        instruments=_instruments(options),
        any_timeframe=bool(options.candles),
    )
    notes = (*_unusual(kind, ground.timeframe), *history.report.lines, *_uncovered(ground))
    return Read(_only_traded(ground), notes)


def _unusual(kind: type[Strategy], timeframe: str) -> tuple[str, ...]:
    """Files say which candles are meant; that a strategy was made for others is told."""
    if kind.timeframe == timeframe:
        return ()
    return (f"{kind.name} was made for {kind.timeframe} candles and runs on {timeframe} ones here.",)


def _only_traded(ground: Ground) -> Ground:
    """Instruments of other symbols are left out; a symbol without one is refused later."""
    traded = {symbol: one for symbol, one in ground.instruments.items() if symbol in ground.frames}
    if ground.instruments and not traded:
        raise ConfigError(f"--rules: nothing of {', '.join(ground.frames)} in it")
    return replace(ground, instruments=traded)


def market_of(options: BacktestOptions, home: Home, ground: Ground) -> Market:
    """BTC and ETH: those of --market, those traded, or those of the store; ratios of the store."""
    known = dict(ground.frames)
    if options.market:
        wanted = Wanted(timeframe=ground.timeframe, files=files_of("--market", options.market))
        known |= load_history(wanted).frames
    root = home() / HISTORY
    if not root.is_dir():
        return Market({symbol: known[symbol] for symbol in (LEADER, SECOND) if symbol in known})
    store = FileStore(root)
    for symbol in (LEADER, SECOND):
        if symbol not in known:
            stored = store.load(symbol, ground.timeframe)
            known |= {symbol: stored} if len(stored) else {}
    ratios = {symbol: store.points("ls_ratio", symbol) for symbol in {*ground.frames, LEADER}}
    frames = {symbol: known[symbol] for symbol in (LEADER, SECOND) if symbol in known}
    return Market(frames, {symbol: points for symbol, points in ratios.items() if len(points.at_ms)})


def files_of(option: str, names: tuple[str, ...]) -> tuple[Path, ...]:
    """Names as paths."""
    if any(not name.strip() for name in names):
        raise ConfigError(f"{option}: a file without a name")
    return tuple(Path(name).expanduser() for name in names)


def _finer(options: BacktestOptions, timeframe: str, frames: Mapping[str, Frame]) -> Mapping[str, Frame]:
    if not options.finer:
        return {}
    history = load_history(Wanted(files=files_of("--finer", options.finer)))
    if timeframe_ms(history.timeframe) >= timeframe_ms(timeframe):
        raise ConfigError(
            f"--finer: these are {history.timeframe} candles; allowed: shorter than {timeframe}"
        )
    lacking = [symbol for symbol in frames if symbol not in history.frames]
    if len(lacking) == len(frames):
        raise ConfigError(f"--finer: nothing of {', '.join(lacking)} in it")
    return {symbol: frame for symbol, frame in history.frames.items() if symbol in frames}


def _uncovered(ground: Ground) -> Iterator[str]:
    """A line for every symbol that the finer candles do not cover whole, where they were asked for."""
    length = timeframe_ms(ground.timeframe)
    for symbol, frame in ground.frames.items() if ground.finer else ():
        inside = ground.finer[symbol].open_at_ms if symbol in ground.finer else frame.open_at_ms[:0]
        begin, end = (np.searchsorted(inside, frame.open_at_ms + after) for after in (0, length))
        without = int((begin == end).sum())
        if without:
            yield (
                f"{symbol}: {without:,} of {len(frame.open_at_ms):,} bars have no finer candles; "
                "one of these that reaches stop and target fills the stop"
            )


def rates_of(
    names: tuple[str, ...], home: Home, spans_ms: Mapping[str, tuple[int, int]]
) -> dict[str, Points]:
    """Funding of --funding by symbol, `store`: the store's. `spans_ms`: the first opening and the end of each symbol.

    A symbol without any rate in its time is an error, not a free ride.
    """
    if not names:
        return {}
    if names == (STORE,):
        store = FileStore(home() / HISTORY)
        found: Mapping[str, Points] = {symbol: store.points("funding", symbol) for symbol in spans_ms}
    else:
        from research.store.point_files import read_points

        found = read_points(files_of("--funding", names), "funding")
    lacking = [symbol for symbol, span in spans_ms.items() if not _covers(found.get(symbol), *span)]
    if lacking:
        raise ConfigError(f"--funding: no rates of {', '.join(lacking)} in the time of the candles")
    return {symbol: found[symbol] for symbol in spans_ms}


def _covers(points: Points | None, first_ms: int, end_ms: int) -> bool:
    return points is not None and bool(((points.at_ms >= first_ms) & (points.at_ms <= end_ms)).any())


def _span(frame: Frame) -> tuple[int, int]:
    return int(frame.open_at_ms[0]), int(frame.open_at_ms[-1]) + frame.timeframe_ms


def _instruments(options: BacktestOptions) -> Mapping[str, Instrument]:
    if not options.rules:
        return {}
    from bot.venues.instruments import load_instruments

    info, *more = files_of("--rules", options.rules)
    if len(more) > 1:
        raise ConfigError("--rules: at most two files, exchangeInfo and leverageBracket")
    return load_instruments(info, more[0] if more else None)
