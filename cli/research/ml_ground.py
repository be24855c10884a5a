"""What a model is learned from: candles and funding of files, or all there is in the store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.config.ml import listed_features
from bot.domain.errors import ConfigError
from bot.domain.market import timeframe_ms
from bot.domain.model import CLUSTERED, GENERAL, cluster_of
from bot.market.points import Points
from bot.ml.align import Series, Sources
from bot.ml.card import check_symbol
from bot.ml.feature import FUNDING_RATE, FeatureSet
from bot.ml.grouping import Grouping, kept_groupings, outside_of
from bot.ml.registry import feature_set
from bot.strategy import Array, Frame
from cli.research.backtest_ground import HISTORY, files_of
from cli.research.backtest_words import moment_of, share_of
from cli.research.ml_lived import lived_of
from cli.research.ml_options import MlOptions
from research.backtest.context import LEADER, SECOND
from research.learning.dataset import Recipe
from research.learning.labels import TimedOut
from research.learning.material import Course, Material, Subject, Unteachable
from research.learning.noting import notes_of
from research.learning.pooling import pool_of
from research.results.plan import Rules
from research.store.files import FileStore
from research.store.loading import LATEST, Wanted, load_history
from research.store.point_files import read_points
from research.store.port import KINDS

MOST_LOOKAHEAD, MOST_RATIO = 500, 100.0


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, by symbol, and what was repaired, a line each."""

    frames: Mapping[str, Frame]
    points: Mapping[str, Series]
    notes: tuple[str, ...]

    def sources(self, symbol: str) -> Sources:
        """All that is known of a symbol."""
        return Sources(
            frame=self.frames[symbol],
            btc=self.frames.get(LEADER),
            eth=self.frames.get(SECOND),
            points=self.points.get(symbol, {}),
            btc_points=self.points.get(LEADER, {}),
            eth_points=self.points.get(SECOND, {}),
        )


def material_for(options: MlOptions) -> tuple[Subject, tuple[str, ...]]:
    """Everything read, asked and computed, and what is to be said about it. Raises QuarterdeckError, one line."""
    features, recipe, rules = features_of(options), recipe_of(options), rules_of(options)
    symbols = symbols_of(options)
    course = Course(options.registry, options.strategy, features, recipe, rules, lived_of(options, symbols))
    read, words, groupings = _read(options, symbols), list[str](), kept_groupings(options.shelf)

    def material(symbol: str) -> Material:
        sources = replace(read.sources(symbol), outside=_outside(groupings, read.frames[symbol]))
        made = course.material(symbol, sources)
        words.extend(notes_of(made.sources, features))
        if made.lived_out:
            words.append(f"{symbol}: {made.lived_out:,} followed signals cannot be learned from")
        return made

    def materials() -> Iterator[Material]:
        for symbol in symbols:
            try:
                yield material(symbol)
            except Unteachable as error:
                words.append(f"left out: {error}")

    found = pool_of(options.symbol, materials(), options.seed) if options.is_pooled else material(symbols[0])
    return found, (*read.notes, *words)


def symbols_of(options: MlOptions) -> tuple[str, ...]:
    """Whose signals are learned from: the symbol's own, or those of --symbols or of the cluster."""
    if not options.is_pooled:
        if options.symbols:
            raise ConfigError(
                f"--symbols goes with {GENERAL} and {CLUSTERED}NUMBER, not with {options.symbol}"
            )
        return (check_symbol(options.symbol),)
    named = sorted(
        {check_symbol(name.strip().upper()) for name in options.symbols.split(",") if name.strip()}
    )
    found = tuple(named) or _grouped(options)
    if not found:
        raise ConfigError(f"{options.symbol}: which symbols? Name them: --symbols XRPUSDT,SOLUSDT")
    return found


def _grouped(options: MlOptions) -> tuple[str, ...]:
    """A cluster's symbols as they were grouped last."""
    number = cluster_of(options.symbol)
    if number is None:
        return ()
    timeframe = options.registry.strategy_class(options.strategy).timeframe
    kept = kept_groupings(options.shelf, timeframe_ms(timeframe))
    return tuple(sorted(name for name, one in kept[-1].numbers().items() if one == number)) if kept else ()


def _outside(groupings: Sequence[Grouping], frame: Frame) -> dict[str, Array]:
    """What bars were told of a symbol's cluster, as far as groupings of such candles are kept."""
    mine = [one for one in groupings if one.timeframe_ms == frame.timeframe_ms]
    return outside_of(mine, frame.symbol, frame.open_at_ms + frame.timeframe_ms) if mine else {}


def features_of(options: MlOptions) -> FeatureSet:
    """Groups or single features by commas, else what the configuration says that the strategy's models look at."""
    if not options.features:
        return feature_set(options.loaded.settings.ml.features_of(options.strategy))
    names = listed_features(options.features)
    if not names:
        raise ConfigError("--features: none named; allowed: groups or features like base,context")
    return feature_set(names)


def recipe_of(options: MlOptions) -> Recipe:
    """How rows are chosen."""
    if not 1 <= options.lookahead <= MOST_LOOKAHEAD:
        raise ConfigError(
            f"--lookahead {options.lookahead} is not allowed; allowed: 1 to {MOST_LOOKAHEAD} bars"
        )
    if not 0.0 <= options.negative_ratio <= MOST_RATIO:
        raise ConfigError(
            f"--negative-ratio {options.negative_ratio:g} is not allowed; allowed: 0 to {MOST_RATIO:g}"
        )
    if options.timed_out not in set(TimedOut):
        raise ConfigError(
            f"--timed-out {options.timed_out[:40]!r} is not allowed; allowed: {', '.join(TimedOut)}"
        )
    return Recipe(
        lookahead=options.lookahead,
        timed_out=TimedOut(options.timed_out),
        negative_ratio=options.negative_ratio,
        seed=options.seed,
    )


def rules_of(options: MlOptions) -> Rules:
    """How orders fill."""
    return Rules(share_of("--slippage", options.slippage), share_of("--fee", options.fee))


def span_of(options: MlOptions) -> tuple[int, int]:
    """From <= open < to."""
    begin = moment_of("--from", options.begin) if options.begin else 0
    end = moment_of("--to", options.end) if options.end else LATEST
    if begin >= end:
        raise ConfigError(f"--from {options.begin or '1970-01-01'} is not before --to {options.end}")
    return begin, end


def _read(options: MlOptions, symbols: Sequence[str]) -> Read:
    kind = options.registry.strategy_class(options.strategy)
    if not options.candles:
        return _stored(options, symbols, kind.timeframe)
    begin, end = span_of(options)
    history = load_history(Wanted((), None, files_of("--candles", options.candles), begin, end))
    if history.timeframe != kind.timeframe:
        raise ConfigError(f"{kind.name} trades {kind.timeframe} candles, these are {history.timeframe}")
    for symbol in symbols:
        if symbol not in history.frames:
            there = ", ".join(history.frames)
            raise ConfigError(f"no candles of {symbol} in the files; there are {there}")
    points = _funding(options, symbols) if options.funding else {}
    return Read(history.frames, points, tuple(history.report.lines))


def _funding(options: MlOptions, symbols: Sequence[str]) -> dict[str, Series]:
    """Rates by symbol."""
    found = read_points(files_of("--funding", options.funding), "funding")
    for symbol in symbols:
        if symbol not in found:
            raise ConfigError(f"--funding: no rates of {symbol}; there are those of {', '.join(found)}")
    return {symbol: {FUNDING_RATE: points} for symbol, points in found.items()}


def _stored(options: MlOptions, symbols: Sequence[str], timeframe: str) -> Read:
    """The symbols' candles and figures of the store, and those of BTC and ETH."""
    store = FileStore(options.folder / HISTORY)
    begin, end = span_of(options)
    history = load_history(Wanted(tuple(symbols), timeframe, (), begin, end), store)
    frames = dict(history.frames)
    for leader in (LEADER, SECOND):
        if leader not in frames:
            there = store.load(leader, timeframe, begin, end)
            frames |= {leader: there} if len(there) else {}
    points: dict[str, Series] = {symbol: _figures(store, symbol) for symbol in frames}
    return Read(frames, points, tuple(history.report.lines))


def _figures(store: FileStore, symbol: str) -> dict[str, Points]:
    found = {name: store.points(kind, symbol) for name, kind in KINDS.items()}
    return {name: points for name, points in found.items() if len(points.at_ms)}


def sweep_ratio(path: Path | None, symbol: str, strategy: str) -> float | None:
    """The sweep's profit factor over its walk-forward's, of a result file. Raises ConfigError for another's."""
    if path is None:
        return None
    from research.results.files import read_result

    content = read_result(path.expanduser(), "sweep")
    swept, sections = content.get("sweep"), content.get("sections")
    if not isinstance(swept, dict) or not isinstance(sections, list):
        raise ConfigError(f"{path}: is no result of `quarterdeck sweep`")
    if swept.get("strategy") != strategy:
        raise ConfigError(f"{path}: is a sweep of {swept.get('strategy')}, not of {strategy}")
    for one in sections:
        if isinstance(one, dict) and symbol in (one.get("symbols") or ()):
            ratio = one.get("factor_ratio")
            return float(ratio) if isinstance(ratio, int | float) else None
    raise ConfigError(f"{path}: is a sweep without {symbol}")
