"""The exact way: the trading engine itself with its fill model, every gate, limit and fee, over candles that were.

All symbols share one account, bar by bar in the order of time. A symbol without an instrument is not rounded, needs no
margin and is never liquidated: nothing is known of that.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np

from bot.domain.decision import Decision
from bot.domain.guard import SizingMode
from bot.domain.instrument import Instrument
from bot.domain.settings import EngineSettings, SymbolSettings
from bot.strategy import Frame, Strategy, Value
from bot.venues.instruments import free_instrument
from bot.venues.matching import MatchingRules
from research.backtest.account_notes import NO_INSTRUMENTS, gate_notes, limit_notes
from research.backtest.funding_notes import funding_notes
from research.backtest.ground import Ground, checked
from research.backtest.trades import simulated
from research.backtest.trading import Course, Traded, trade
from research.progress import Tell, silent
from research.results.outcome import EquitySeries, Outcome, Stretch
from research.results.plan import Plan
from strategies.registry import Registry

ACCOUNT = "paper:backtest:exact"
NO_MARGIN = 1_000_000
"""Leverage where no instrument says what margin a position needs: a fixed notional is then always possible."""


def run_exact(
    plan: Plan,
    ground: Ground,
    tell: Tell = silent,
    registry: Registry | None = None,
    heard: Callable[[Decision], None] | None = None,
) -> Outcome:
    """Trade the plan over all its candles. Raises QuarterdeckError when plan and ground do not fit together.

    `registry` spares reading the strategies' files again. `heard` is told of every decision about a signal.
    """
    registry = registry or Registry(ground.strategy_paths)
    checked(ground, registry.strategy_class(plan.strategy))

    def build(symbol: str, overrides: dict[str, Value]) -> Strategy:
        return registry.build(plan.strategy, symbol, dict(plan.parameters) | overrides)

    course = Course(
        settings=_settings(plan, ground),
        build=build,
        frames=ground.frames,
        first=dict.fromkeys(ground.frames, 0),
        wallet=plan.wallet,
        rules=_rules(plan, ground),
        funding=ground.funding,
        finer=ground.finer,
        heard=heard,
    )
    warmup_bars = registry.strategy_class(plan.strategy).warmup_bars
    return _outcome(plan, ground, warmup_bars, trade(course, tell))


def _settings(plan: Plan, ground: Ground) -> EngineSettings:
    share = Decimal(1) / len(ground.frames)
    leverages = {symbol: _leverage(plan, ground.instruments.get(symbol)) for symbol in ground.frames}
    bar_ms = next(iter(ground.frames.values())).timeframe_ms
    return EngineSettings(
        account=ACCOUNT,
        instruments={
            symbol: _instrument(plan, ground, symbol, leverages[symbol]) for symbol in ground.frames
        },
        symbols=tuple(
            SymbolSettings(symbol, plan.strategy, leverages[symbol], share) for symbol in ground.frames
        ),
        bar_ms=bar_ms,
        timeframe=ground.timeframe,
        sizing=plan.sizing,
        limits=plan.limits,
        slippage_rate=plan.rules.slippage,
    )


def _leverage(plan: Plan, instrument: Instrument | None) -> int:
    free = instrument is None and plan.sizing.mode is not SizingMode.MARGIN_RATIO
    return NO_MARGIN if free else plan.leverage


def _instrument(plan: Plan, ground: Ground, symbol: str, leverage: int) -> Instrument:
    found = ground.instruments.get(symbol) or free_instrument(symbol, leverage)
    return replace(found, taker_fee=plan.rules.fee, maker_fee=plan.rules.fee, tradable=True)


def _rules(plan: Plan, ground: Ground) -> MatchingRules:
    rules = plan.rules
    return MatchingRules(
        slippage=rules.slippage,
        taker_fee=rules.fee,
        maker_fee=rules.fee,
        both_hit=rules.both_hit,
        liquidate=bool(ground.instruments),
    )


def _outcome(plan: Plan, ground: Ground, warmup_bars: int, traded: Traded) -> Outcome:
    found = [simulated(one, ground.frames[one.symbol], traded.columns[one.symbol]) for one in traded.trades]
    found.sort(key=lambda one: (one.exit_at_ms, one.entry_at_ms, one.symbol))
    equity = EquitySeries(
        np.array(traded.equity.at_ms, dtype=np.int64), np.array(traded.equity.equity, dtype=np.float64)
    )
    stretches = tuple(_stretch(ground.frames[symbol], warmup_bars) for symbol in sorted(ground.frames))
    notes = tuple(_notes(plan, ground, traded))
    return Outcome("exact", plan, ground.timeframe, stretches, tuple(found), equity, notes)


def _stretch(frame: Frame, warmup: int) -> Stretch:
    first, last = frame.open_at_ms.item(0), frame.open_at_ms.item(-1)
    return Stretch(frame.symbol, first, last + frame.timeframe_ms, len(frame), min(warmup, len(frame)))


def _notes(plan: Plan, ground: Ground, traded: Traded) -> Iterator[str]:
    """What the figures leave out, and what the account kept from being traded."""
    yield from funding_notes(ground)
    if not ground.instruments:
        yield NO_INSTRUMENTS
    yield from limit_notes(plan.limits, ground)
    yield from gate_notes(traded)
    for symbol, why in traded.failures.items():
        yield f"{symbol}: its strategy was switched off ({why})."
