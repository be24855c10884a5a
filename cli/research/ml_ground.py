"""What a model is learned from: candles and funding of files, or all there is in the store."""

from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.market import timeframe_ms
from bot.market.points import Points
from bot.ml.align import Series, Sources
from bot.ml.feature import FUNDING_RATE, FeatureSet
from bot.ml.registry import feature_set
from bot.strategy import Frame
from cli.research.backtest_ground import HISTORY, files_of
from cli.research.backtest_words import moment_of, share_of
from cli.research.ml_options import MlOptions
from research.backtest.context import LEADER, SECOND
from research.learning.dataset import Recipe
from research.learning.labels import TimedOut
from research.learning.material import Material, material_of
from research.results.plan import Rules
from research.store.files import FileStore
from research.store.loading import LATEST, Wanted, load_history
from research.store.point_files import read_points
from research.store.port import KINDS

MOST_LOOKAHEAD, MOST_RATIO = 500, 100.0


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, and what is missing or was repaired, a line each."""

    sources: Sources
    notes: tuple[str, ...]


def material_for(options: MlOptions) -> tuple[Material, tuple[str, ...]]:
    """Everything read, asked and computed, and what is to be said about it. Raises QuarterdeckError, one line."""
    features, recipe, rules = features_of(options), recipe_of(options), rules_of(options)
    read = _read(options, features)
    found = material_of(
        options.registry, options.strategy, options.symbol, read.sources, features, recipe, rules
    )
    return found, read.notes


def features_of(options: MlOptions) -> FeatureSet:
    """Groups or single features, by commas."""
    names = [name.strip() for name in options.features.split(",") if name.strip()]
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
        raise ConfigError(f"--from {options.begin} is not before --to {options.end}")
    return begin, end


def _read(options: MlOptions, features: FeatureSet) -> Read:
    kind = options.registry.strategy_class(options.strategy)
    begin, end = span_of(options)
    if options.candles:
        wanted = Wanted((), None, files_of("--candles", options.candles), begin, end)
        history = load_history(wanted)
        if history.timeframe != kind.timeframe:
            raise ConfigError(f"{kind.name} trades {kind.timeframe} candles, these are {history.timeframe}")
        if options.symbol not in history.frames:
            there = ", ".join(history.frames)
            raise ConfigError(f"no candles of {options.symbol} in the files; there are {there}")
        frames, notes = dict(history.frames), list(history.report.lines)
        points = {name: {} for name in frames} if not options.funding else _funding(options)
    else:
        frames, points, notes = _stored(options, kind.timeframe)
    sources = Sources(
        frame=frames[options.symbol],
        btc=frames.get(LEADER),
        eth=frames.get(SECOND),
        points=points.get(options.symbol, {}),
        btc_points=points.get(LEADER, {}),
        eth_points=points.get(SECOND, {}),
    )
    return Read(sources, (*notes, *_missing(options, sources, features)))


def _funding(options: MlOptions) -> dict[str, Series]:
    """Rates by symbol."""
    found = read_points(files_of("--funding", options.funding), "funding")
    if options.symbol not in found:
        raise ConfigError(f"--funding: no rates of {options.symbol}; there are those of {', '.join(found)}")
    return {symbol: {FUNDING_RATE: points} for symbol, points in found.items()}


def _stored(options: MlOptions, timeframe: str) -> tuple[dict[str, Frame], dict[str, Series], list[str]]:
    """The symbol's candles and figures of the store, and those of BTC and ETH."""
    store = FileStore(options.folder / HISTORY)
    begin, end = span_of(options)
    history = load_history(Wanted((options.symbol,), timeframe, (), begin, end), store)
    frames = dict(history.frames)
    for leader in (LEADER, SECOND):
        if leader not in frames:
            there = store.load(leader, timeframe, begin, end)
            frames |= {leader: there} if len(there) else {}
    points: dict[str, Series] = {symbol: _figures(store, symbol) for symbol in frames}
    return frames, points, list(history.report.lines)


def _figures(store: FileStore, symbol: str) -> dict[str, Points]:
    found = {name: store.points(kind, symbol) for name, kind in KINDS.items()}
    return {name: points for name, points in found.items() if len(points.at_ms)}


def _missing(options: MlOptions, sources: Sources, features: FeatureSet) -> list[str]:
    """Inputs that features need and that are not there."""
    needs = {need for one in features.features for need in one.needs}
    there = {
        "btc": sources.btc is not None,
        "eth": sources.eth is not None,
        **{name: name in sources.points for name in KINDS},
    }
    absent = sorted(name for name, known in there.items() if name in needs and not known)
    bars = len(sources.frame) * sources.frame.timeframe_ms / timeframe_ms("1d")
    notes = [f"{options.symbol}: no {name}; features made of it are missing" for name in absent]
    return [*notes, f"{options.symbol}: {len(sources.frame):,} bars, {bars:,.0f} days"]


def sweep_ratio(path: Path | None, symbol: str, strategy: str) -> float | None:
    """The sweep's profit factor over its walk-forward's, of a result file. Raises ConfigError for another's."""
    if path is None:
        return None
    from research.results.files import read_result

    content = read_result(path.expanduser())
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
