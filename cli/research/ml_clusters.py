"""`quarterdeck ml clusters`: group symbols by how they behaved, and keep the grouping with its date."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from bot.domain.errors import ConfigError
from bot.domain.market import DAY_MS, HOUR_MS, timeframe_ms
from bot.ml.grouping import Grouping, Measures, counts_from, keep_grouping, kept_groupings
from bot.runtime.clock import WallClock
from bot.strategy import Frame
from cli.research.backtest_ground import HISTORY, files_of
from cli.research.kept import put_json
from cli.research.ml_ground import span_of
from cli.research.ml_options import MlOptions
from cli.research.ml_view import day
from cli.research.progress_view import progress
from cli.workshop.ground import stored_symbols
from research.backtest.context import LEADER
from research.learning.clustering import DAYS, Hours, Month, Ungrouped, grouped_by, measured
from research.progress import Tell
from research.store.files import FileStore
from research.store.loading import LATEST, Wanted, load_history

WEEK_MS = 7 * DAY_MS
SUNDAY_MS = 3 * DAY_MS + 3 * HOUR_MS
"""1970 began on a Thursday; the desk groups on Sundays at 03:00."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Symbols and how to read the candles of one. `end_ms` is the moment that is told of; `now`: it is the present."""

    timeframe_ms: int
    symbols: tuple[str, ...]
    frame: Callable[[str], Frame]
    end_ms: int
    now: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """Groupings, what symbols were left out of the last one, why moments have none."""

    groupings: list[Grouping] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run_clusters(options: MlOptions, history: bool, keep: bool) -> int:
    """Group now, or (`history`) every week of the stored past that has no grouping; print, and keep."""
    ground = _ground(options)
    months = [Month(ground.end_ms)]
    if history:
        months = [
            Month(at_ms) for at_ms in _weeks(ground, kept_groupings(options.shelf, ground.timeframe_ms))
        ]
    with progress("Group", unit="symbols", json=options.json) as tell:
        made = _grouped(ground, months, options.seed, tell)
    if not made.groupings and not history:
        raise Ungrouped(made.faults[0])
    if ground.now and not history:  # a desk that runs has not known of it before this moment
        at_ms = counts_from(WallClock().wall_ms(), ground.timeframe_ms)
        made.groupings[:] = [replace(one, at_ms=at_ms) for one in made.groupings]
    files = [str(keep_grouping(options.shelf, one)) for one in made.groupings] if keep else []
    _tell(options, made, files, history)
    return 0


def _ground(options: MlOptions) -> Ground:
    """Candles of files, up to their end; else those of the store, up to now."""
    begin, end = span_of(options)
    if options.candles:
        found = load_history(Wanted((), None, files_of("--candles", options.candles), begin, end))
        frames, bar_ms = found.frames, timeframe_ms(found.timeframe)
        last = max(frame.open_at_ms.item(-1) for frame in frames.values()) + bar_ms
        return Ground(bar_ms, tuple(sorted(frames)), lambda symbol: frames[symbol], min(last, end))
    timeframe = options.registry.strategy_class(options.strategy).timeframe
    store = FileStore(options.folder / HISTORY)
    symbols = tuple(stored_symbols(options.folder, timeframe))
    if not symbols:
        raise ConfigError(
            f"no {timeframe} candles are stored; `quarterdeck fetch` brings some, --candles names files"
        )
    now = end == LATEST
    until = WallClock().wall_ms() if now else end
    return Ground(
        timeframe_ms(timeframe), symbols, lambda symbol: store.load(symbol, timeframe, begin, end), until, now
    )


def _weeks(ground: Ground, kept: Sequence[Grouping]) -> list[int]:
    """Sundays from the end of the first 30 days on, up to the last candle; not those of a week that has a grouping."""
    bounds = [(frame.open_at_ms.item(0), frame.open_at_ms.item(-1))
              for frame in map(ground.frame, ground.symbols) if len(frame)]  # fmt: skip
    if not bounds:
        return []
    begin = min(first for first, _ in bounds) + DAYS * DAY_MS
    end = min(ground.end_ms, max(last for _, last in bounds) + ground.timeframe_ms)
    first = -(-(begin - SUNDAY_MS) // WEEK_MS) * WEEK_MS + SUNDAY_MS
    return [
        at_ms
        for at_ms in range(first, end + 1, WEEK_MS)
        if not any(at_ms - WEEK_MS < one.at_ms <= at_ms for one in kept)
    ]


def _grouped(ground: Ground, months: Sequence[Month], seed: int, tell: Tell) -> Made:
    """Every symbol is read once and measured for all months; then they are grouped."""
    leaders: Sequence[Hours | None] = [None] * len(months)
    if LEADER in ground.symbols:
        btc = ground.frame(LEADER)
        leaders = [month.hours(btc) for month in months]
    found: list[dict[str, Measures | None]] = [{} for _ in months]
    for number, symbol in enumerate(ground.symbols):
        tell(number, len(ground.symbols))
        frame = ground.frame(symbol)
        for measures, month, leader in zip(found, months, leaders, strict=True):
            measures[symbol] = measured(frame, month, leader)
    made = Made()
    for measures, month in zip(found, months, strict=True):
        _group(made, measures, month, ground.timeframe_ms, seed)
    tell(len(ground.symbols), len(ground.symbols))
    return made


def _group(made: Made, found: Mapping[str, Measures | None], month: Month, bar_ms: int, seed: int) -> None:
    try:
        one = grouped_by(found, month, bar_ms, seed)
    except Ungrouped as error:
        made.faults.append(f"{day(month.to_ms)}: {error}")
        return
    made.groupings.append(one.grouping)
    made.left_out[:] = one.left_out


def _tell(options: MlOptions, made: Made, files: Sequence[str], history: bool) -> None:
    if options.json:
        content: dict[str, object] = {"left_out": made.left_out, "notes": made.faults, "files": list(files)}
        if history:
            content["made"] = [
                {"at_ms": one.at_ms, "k": one.k, "silhouette": one.silhouette} for one in made.groupings
            ]
        else:
            content["grouping"] = asdict(made.groupings[0])
        put_json(content)
        return
    lines = _weeks_told(made) if history else _one_told(made)
    where = (
        f"Kept: {files[-1] if len(files) == 1 else f'{len(files)} files'}" if files else "Nothing was kept."
    )
    print("\n".join([*lines, where]))


def _weeks_told(made: Made) -> list[str]:
    weeks = [f"{day(one.at_ms)}: {one.k} clusters of {len(one.members)} symbols" for one in made.groupings]
    return [*weeks, *made.faults] or ["Every week of these candles has its grouping."]


def _one_told(made: Made) -> list[str]:
    one = made.groupings[0]
    made_of = f"{len(one.members)} symbols, from the {one.days} days up to {day(one.at_ms)}"
    lines = [f"{one.k} clusters of {made_of}; silhouette {one.silhouette:.2f}"]
    for cluster in one.clusters:
        means = cluster.means
        btc = "" if means.correlation is None or means.beta is None else (
            f", with BTC {means.correlation:.2f}, beta {means.beta:.2f}"
        )  # fmt: skip
        lines += [
            f"{cluster.number}  {cluster.behaviour}",
            f"   ATR {means.volatility:.2%}, turnover a day {means.volume:,.0f}{btc}, trend {means.trend:.2f}",
            f"   {', '.join(cluster.symbols)}",
        ]
    left = [f"Too few candles: {', '.join(made.left_out)}"] if made.left_out else []
    return [*lines, *left]
