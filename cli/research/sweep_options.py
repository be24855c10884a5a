"""What sweep, tune and compare were asked, as it was written, and the plan and candles that come of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bot.config import LoadedConfig
from bot.domain.errors import ConfigError
from bot.domain.market import TIMEFRAMES_MS
from bot.venues.matching import BothHit
from cli.homes import load, resolve_home
from cli.research.backtest_ground import files_of, rates_of
from cli.research.backtest_words import moment_of, parameters_of, share_of
from cli.research.code_mark import code_mark
from cli.research.lean_start import OWN_STRATEGY
from research.backtest.folds import windows_of
from research.backtest.funding_notes import hole_notes
from research.progress import Tell
from research.results.plan import Rules
from research.store.loading import Wanted
from research.store.port import Points
from research.sweep.grid import AnyGrid, Grid, default_grid, read_grid
from research.sweep.plan import SweepPlan
from research.sweep.source import Beside, Known, chosen, surveyed, surveys
from research.work import Workers, open_workers
from research.work.code import sources_digest
from strategies.registry import Registry

MOST_LEAST = 100_000
NEEDS_FINER = "--both-hit path needs --finer with candles of a lower timeframe, and the other way round"
TIMEFRAME_NAMES = {length: name for name, length in TIMEFRAMES_MS.items()}


@dataclass(frozen=True)
class SweepOptions:
    """The options by the names of the command line (`begin` is --from, `end` --to, `settings` --set)."""

    symbols: tuple[str, ...] = ()
    candles: tuple[str, ...] = ()
    strategy: str = ""
    settings: tuple[str, ...] = ()
    grid: str = ""
    timeframe: str = ""
    begin: str = ""
    end: str = ""
    fee: str = "0.0004"
    slippage: str = "0.0001"
    both_hit: str = "stop"
    finer: tuple[str, ...] = ()
    funding: tuple[str, ...] = ()
    walk_forward: str = "3m/1m"
    combined: bool = False
    least: int = 30
    seed: int = 0
    workers: int = 0
    cluster: str = ""
    home: Path | None = None
    config: Path | None = None
    json: bool = False
    lean: bool = False

    @cached_property
    def loaded(self) -> LoadedConfig:
        """The configuration."""
        return load(self.folder, self.config, os.environ)

    @cached_property
    def folder(self) -> Path:
        """The home."""
        return resolve_home(self.home, os.environ)

    @cached_property
    def registry(self) -> Registry:
        """Our strategies and those of the configuration's folders."""
        return Registry([Path(path) for path in self.loaded.settings.strategy_paths])

    @cached_property
    def named(self) -> tuple[str, ...]:
        """The symbols: those asked for, all of the files, else those of the configuration."""
        if self.symbols or self.candles:
            return tuple(symbol.upper() for symbol in self.symbols)
        return tuple(one.symbol for one in self.loaded.settings.symbols)

    @cached_property
    def trading(self) -> str:
        """The strategy asked for, else the one the configuration has for the symbols."""
        if self.strategy:
            self.registry.strategy_class(self.strategy)
            return self.strategy
        used = {
            one.strategy for one in self.loaded.settings.symbols if not self.named or one.symbol in self.named
        }
        if len(used) > 1:
            raise ConfigError(f"name a strategy: --strategy {' or '.join(sorted(used))}")
        return next(iter(used), OWN_STRATEGY)


def plan_of(options: SweepOptions, grid: AnyGrid | None = None) -> SweepPlan:
    """The plan; each slip is one clear line. `grid` stands in for --grid."""
    begin, end = _span(options)
    if not 1 <= options.least <= MOST_LEAST:
        raise ConfigError(f"--least {options.least} is not allowed; allowed: 1 to {MOST_LEAST:,} trades")
    tried = grid if grid is not None else _grid(options)
    fixed = parameters_of(options.registry, options.trading, options.settings)
    both = [axis.name for axis in tried.axes if axis.name in fixed]
    if both:
        raise ConfigError(f"--set {both[0]}: is in the grid, too; allowed: one of both")
    folders = tuple(str(path) for path in options.loaded.settings.strategy_paths)
    return SweepPlan(
        strategy=options.trading,
        grid=tried,
        fixed=fixed,
        rules=_rules(options),
        windows=windows_of(options.walk_forward) if options.walk_forward not in ("", "none") else None,
        combined=options.combined,
        least=options.least,
        from_ms=begin,
        to_ms=end,
        strategy_paths=folders,
        code=code_mark(),
        digest=sources_digest(folders),
        seed=options.seed,
    )


def _grid(options: SweepOptions) -> Grid:
    if options.grid:
        return read_grid(Path(options.grid).expanduser(), options.registry, options.trading)
    return default_grid(options.registry, options.trading)


def _rules(options: SweepOptions) -> Rules:
    if options.both_hit not in set(BothHit):
        raise ConfigError(
            f"--both-hit {options.both_hit[:40]!r} is not allowed; allowed: {', '.join(BothHit)}"
        )
    both_hit = BothHit(options.both_hit)
    if (both_hit is BothHit.PATH) != bool(options.finer):
        raise ConfigError(NEEDS_FINER)
    return Rules(share_of("--slippage", options.slippage), share_of("--fee", options.fee), both_hit)


def _span(options: SweepOptions) -> tuple[int, int]:
    begin = moment_of("--from", options.begin) if options.begin else 0
    end = moment_of("--to", options.end) if options.end else 1 << 62
    if begin >= end:
        raise ConfigError(f"--from {options.begin or '1970-01-01'} is not before --to {options.end}")
    return begin, end


def known_of(options: SweepOptions, workers: Workers, tell: Tell, carry: bool = False) -> tuple[Known, ...]:
    """The candles asked for, looked through, in memory with `carry`. Raises one clear line for what cannot be used."""
    begin, end = _span(options)
    files = tuple(Path(name).expanduser() for name in options.candles)
    usual = options.registry.strategy_class(options.trading).timeframe
    timeframe = options.timeframe or (None if files else usual)
    wanted = Wanted(options.named, timeframe, files, begin, end)
    asked, _ = surveys(wanted, options.folder / "history", carry=carry or workers.remote)
    found: list[Known] = []
    for _, part in workers.results(surveyed, asked):
        found += part
        tell(len(found), len(asked))
    return _beside(options, workers, chosen(found, options.named), asked[0].carry)


def _beside(
    options: SweepOptions, workers: Workers, known: tuple[Known, ...], carry: bool
) -> tuple[Known, ...]:
    """The same with funding and finer candles, where they were asked for."""
    rates = rates_of(
        options.funding, lambda: options.folder, {one.symbol: (one.first_ms, one.end_ms) for one in known}
    )
    finer = _finer(options, workers, known, carry) if options.finer else {}
    return tuple(_joined(one, rates.get(one.symbol), finer.get(one.symbol)) for one in known)


def _joined(one: Known, rates: Points | None, finer: Known | None) -> Known:
    """With a note where rates are missing, if there are any at all."""
    beside = Beside(rates, finer.source, finer.mark) if finer else Beside(rates)
    holes = hole_notes(one.symbol, rates, one.first_ms, one.end_ms) if rates else ()
    return replace(one, beside=beside, notes=(*one.notes, *holes))


def _finer(
    options: SweepOptions, workers: Workers, known: tuple[Known, ...], carry: bool
) -> dict[str, Known]:
    """Candles of a lower timeframe by symbol. A symbol without any takes the stop, as in a backtest."""
    begin, end = _span(options)
    asked, _ = surveys(Wanted((), None, files_of("--finer", options.finer), begin, end), None, carry)
    found = chosen((one for _, part in workers.results(surveyed, asked) for one in part), ())
    if found[0].timeframe_ms >= known[0].timeframe_ms:
        theirs, ours = (TIMEFRAME_NAMES[one.timeframe_ms] for one in (found[0], known[0]))
        raise ConfigError(f"--finer: these are {theirs} candles; allowed: shorter than {ours}")
    by_symbol = {one.symbol: one for one in found}
    if not any(one.symbol in by_symbol for one in known):
        raise ConfigError(f"--finer: nothing of {', '.join(one.symbol for one in known)} in it")
    return by_symbol


@contextmanager
def workers_of(options: SweepOptions) -> Iterator[Workers]:
    """Whoever does the work."""
    ready = ("cli.research.ready",) if options.lean else ("research.sweep.counting",)
    with open_workers(options.workers, options.cluster, ready) as found:
        yield found
