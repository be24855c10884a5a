"""From what was written on the command line to what is traded: plan, ground, way. Each slip is one clear line."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import ConfigError
from bot.domain.guard import Limits, Sizing, SizingMode
from bot.strategy import Value
from bot.venues.matching import BothHit
from cli.research.backtest_ground import ground_of, market_of
from cli.research.backtest_options import BacktestOptions
from cli.research.backtest_words import moment_of, money_of, parameters_of, share_of
from research.backtest.context import Market
from research.backtest.folds import windows_of
from research.backtest.ground import Ground
from research.results.plan import NO_LIMITS, Plan, Rules
from strategies.registry import Registry

if TYPE_CHECKING:
    from bot.config import Settings

FAST, EXACT = "fast", "exact"
SIZINGS = {
    "fixed": SizingMode.FIXED_NOTIONAL,
    "risk_usd": SizingMode.RISK_USD,
    "risk_percent": SizingMode.RISK_PERCENT,
    "margin_ratio": SizingMode.MARGIN_RATIO,
}
FIRST_MS, LAST_MS = 0, 1 << 62


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done. `span_ms` bounds what is traded; `windows` of the walk-forward, None without one.

    `why` says in one line why the exact way was taken, empty when it was asked for or the fast one does.
    """

    plan: Plan
    ground: Ground
    way: str
    span_ms: tuple[int, int]
    warmup_bars: int
    windows: tuple[str, str] | None
    market: Market
    effective: dict[str, dict[str, Value]]
    notes: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """Home and configuration, each looked for when it is needed: reading them takes longer than a backtest."""

    options: BacktestOptions

    def home(self) -> Path:
        """Where state lives."""
        return home_of(self.options)

    def settings(self) -> "Settings":
        """The configuration."""
        from cli.homes import load

        config = Path(self.options.config) if self.options.config else None
        return load(self.home(), config, os.environ).settings

    def strategy_paths(self) -> tuple[Path, ...]:
        """Where strategies beside ours are: asked when a configuration is named, or ours do not know the name."""
        if self.options.strategy in Registry().names() and not self.options.config:
            return ()
        return tuple(Path(path) for path in self.settings().strategy_paths)


def home_of(options: BacktestOptions) -> Path:
    """The home that was asked for, made when it is not there."""
    from cli.homes import resolve_home

    return resolve_home(Path(options.home) if options.home else None, os.environ)


def asked_of(options: BacktestOptions, limits: Limits | None = None) -> Asked:
    """Everything checked and read. `limits` are those of a recorded run. Raises QuarterdeckError, one line."""
    around = _Surroundings(options)
    way, why = way_of(options)
    paths = around.strategy_paths()
    registry = Registry(paths)
    if not options.strategy:
        raise ConfigError(f"name a strategy: --strategy {' or '.join(registry.names())}")
    kind = registry.strategy_class(options.strategy)
    parameters = parameters_of(registry, options.strategy, options.settings)
    if options.limits and limits is None:
        limits = around.settings().limits.domain()
    plan = plan_of(options, parameters, limits or NO_LIMITS)
    windows = windows_of(options.walk_forward) if options.walk_forward else None
    read = ground_of(options, around.home, kind, span_of(options))
    return Asked(
        plan=plan,
        ground=replace(read.ground, strategy_paths=paths),
        way=way,
        span_ms=span_of(options),
        warmup_bars=kind.warmup_bars,
        windows=windows,
        market=market_of(options, around.home, read.ground) if windows else Market(),
        effective=_effective(registry, plan, read.ground.frames),
        notes=read.notes,
        why=why,
    )


def way_of(options: BacktestOptions) -> tuple[str, str]:
    """Fast or exact, and why exact where nobody said so."""
    if options.fast and options.exact:
        raise ConfigError("--fast and --exact do not go together: choose one")
    given = (
        ("--limits", options.limits),
        ("--rules", options.rules),
        ("--phantoms", options.phantoms),
    )
    only = [name for name, there in given if there]
    if options.fast and only:
        raise ConfigError(f"--fast knows no {' and '.join(only)}: leave out --fast, or {' and '.join(only)}")
    if only and not options.exact:
        return EXACT, f"The exact way, because of {' and '.join(only)}."
    return (EXACT if options.exact else FAST), ""


def plan_of(options: BacktestOptions, parameters: dict[str, Value], limits: Limits) -> Plan:
    """Money, rules and parameters."""
    if options.both_hit not in set(BothHit):
        raise ConfigError(
            f"--both-hit {options.both_hit[:40]!r} is not allowed; allowed: {', '.join(BothHit)}"
        )
    both_hit = BothHit(options.both_hit)
    if (both_hit is BothHit.PATH) != bool(options.finer):
        raise ConfigError(
            "--both-hit path needs --finer with candles of a lower timeframe, and the other way round"
        )
    rules = Rules(share_of("--slippage", options.slippage), share_of("--fee", options.fee), both_hit)
    return Plan(
        strategy=options.strategy,
        parameters=parameters,
        rules=rules,
        wallet=money_of("--wallet", options.wallet),
        leverage=options.leverage,
        sizing=_sizing(options),
        limits=limits,
    )


def _sizing(options: BacktestOptions) -> Sizing:
    if options.sizing not in SIZINGS:
        raise ConfigError(f"--sizing {options.sizing[:40]!r} is not allowed; allowed: {', '.join(SIZINGS)}")
    mode = SIZINGS[options.sizing]
    if mode is SizingMode.FIXED_NOTIONAL:
        return Sizing(mode, money_of("--notional", options.notional))
    if mode is SizingMode.MARGIN_RATIO:
        return Sizing(mode)
    if not options.risk:
        raise ConfigError(f"--sizing {options.sizing} needs --risk, like --risk 1")
    value = money_of("--risk", options.risk)
    if mode is SizingMode.RISK_PERCENT and value > Decimal(100):
        raise ConfigError(f"--risk {options.risk[:40]!r} is not allowed; allowed: above 0 to 100 per cent")
    return Sizing(mode, value)


def span_of(options: BacktestOptions) -> tuple[int, int]:
    """What is traded: from <= open < to."""
    begin = moment_of("--from", options.begin) if options.begin else FIRST_MS
    end = moment_of("--to", options.end) if options.end else LAST_MS
    if begin >= end:
        raise ConfigError(f"--from {options.begin or '1970-01-01'} is not before --to {options.end}")
    return begin, end


def _effective(registry: Registry, plan: Plan, symbols: Iterable[str]) -> dict[str, dict[str, Value]]:
    """Every parameter as it counts for each symbol: given, from its file, or the default."""
    return {
        symbol: {
            row.parameter.name: row.value
            for row in registry.effective(plan.strategy, symbol, plan.parameters)
        }
        for symbol in symbols
    }
