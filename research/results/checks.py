"""Is a backtest's outcome possible at all, and does it mean anything? Each check is named and shows its figures."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import fsum, isfinite

import numpy as np

from bot.domain.order import CloseReason
from bot.strategy import Frame
from research.results.outcome import Outcome, SimulatedTrade
from research.results.statistics import Summary

TOLERANCE = 1e-9
"""Of sums of floats, relative to the money that was moved."""
ENOUGH_TRADES = 30
BUSIEST_SHARE = 0.10
"""More entries per bar than this: fees and fills, not the strategy, make the result."""
TOO_GOOD_FACTOR, TOO_GOOD_RATE, TOO_GOOD_SHARPE = 3.0, 0.90, 6.0


class Kind(StrEnum):
    """BOOKS: a failure is a fault of the simulation. MEANING: a failure says that the figures must not be trusted."""

    BOOKS = "books"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its figures, a short sentence."""

    name: str
    kind: Kind
    passed: bool
    figures: str


def checks_of(
    outcome: Outcome,
    summary: Summary,
    frames: Mapping[str, Frame] | None = None,
    ticks: Mapping[str, float] | None = None,
) -> tuple[Check, ...]:
    """Every check. `frames` are the candles traded on: with them, prices are held against the bars' highs and lows.

    `ticks` of symbols whose prices are rounded: that may take a fill beyond its bar by less than one of them.
    """
    return (
        _finite(outcome.trades),
        _balance(outcome),
        _ordered(outcome),
        _overlap(outcome.trades),
        _fees(outcome),
        _nets(outcome.trades),
        _equity_agrees(outcome, summary),
        *((_within_bars(outcome, frames, ticks or {}),) if frames is not None else ()),
        _frequency(outcome, summary),
        _too_good(summary),
        _enough(summary),
    )


def _finite(trades: Sequence[SimulatedTrade]) -> Check:
    """Prices and quantities are above zero, everything is a number."""
    for trade in trades:
        positive = (trade.quantity, trade.entry_price, trade.exit_price)
        others = (trade.fees, trade.funding, trade.net, trade.net_return)
        if not all(isfinite(x) and x > 0 for x in positive) or not all(isfinite(x) for x in others):
            return _books("figures are numbers", False, f"not in {_named(trade)}")
    return _books("figures are numbers", True, f"{len(trades)} trades")


def _balance(outcome: Outcome) -> Check:
    series = outcome.equity
    if not len(series.equity):
        return _books("balance never negative", True, "no bars")
    at = int(np.argmin(series.equity))
    lowest = float(series.equity[at])
    return _books(
        "balance never negative", lowest >= 0, f"lowest {lowest:,.2f} at {_when(int(series.at_ms[at]))}"
    )


def _ordered(outcome: Outcome) -> Check:
    """Trades by their exits, no exit before its entry, equity points in time."""
    trades, name = outcome.trades, "times ordered"
    for trade in trades:
        if trade.exit_at_ms < trade.entry_at_ms:
            return _books(name, False, f"{_named(trade)} ends {_when(trade.exit_at_ms)}, before it begins")
    for before, after in itertools.pairwise(trades):
        if after.exit_at_ms < before.exit_at_ms:
            return _books(name, False, f"{_named(after)} ends before the one listed ahead of it")
    steps = np.diff(outcome.equity.at_ms)
    backwards = int(np.count_nonzero(steps <= 0))
    return _books(name, not backwards, f"{len(trades)} trades, {len(steps) + 1} bars, {backwards} steps back")


def _overlap(trades: Sequence[SimulatedTrade]) -> Check:
    """One position per symbol; in the bar of an exit only a reversal may begin the next one."""
    name = "one position per symbol"
    by_symbol: dict[str, list[SimulatedTrade]] = {}
    for trade in sorted(trades, key=lambda one: (one.entry_at_ms, one.exit_at_ms)):
        by_symbol.setdefault(trade.symbol, []).append(trade)
    for some in by_symbol.values():
        for before, after in itertools.pairwise(some):
            at_once = before.reason is CloseReason.REVERSE and after.side is not before.side
            if after.entry_at_ms < before.exit_at_ms + (0 if at_once else 1):
                return _books(name, False, f"{_named(after)} begins before {_named(before)} has ended")
    return _books(name, True, f"{len(by_symbol)} symbols, {len(trades)} trades")


def _fees(outcome: Outcome) -> Check:
    """Fee rate x price x quantity, entry and exit, of every trade and of all."""
    rate, name = float(outcome.plan.rules.fee), "fees add up"
    paid = fsum(trade.fees for trade in outcome.trades)
    expected = [rate * trade.quantity * (trade.entry_price + trade.exit_price) for trade in outcome.trades]
    for trade, due in zip(outcome.trades, expected, strict=True):
        if abs(trade.fees - due) > 1e-6 * max(due, 1e-12):
            return _books(
                name, False, f"{_named(trade)} paid {trade.fees:.8g}, {rate:.4%} a side are {due:.8g}"
            )
    return _books(name, True, f"paid {paid:,.2f}, {rate:.4%} a side are {fsum(expected):,.2f}")


def _nets(trades: Sequence[SimulatedTrade]) -> Check:
    """Net = price profit - fees + funding, and net return = net over entry value."""
    name = "nets add up"
    for trade in trades:
        value = trade.entry_price * trade.quantity
        gross = trade.side.sign * trade.quantity * (trade.exit_price - trade.entry_price)
        off = abs(trade.net - (gross - trade.fees + trade.funding))
        if off > TOLERANCE * value or abs(trade.net_return - trade.net / value) > TOLERANCE:
            return _books(name, False, f"{_named(trade)}: net {trade.net:.8g} is off by {off:.3g}")
    return _books(name, True, f"sum of nets {fsum(trade.net for trade in trades):,.2f}")


def _equity_agrees(outcome: Outcome, summary: Summary) -> Check:
    expected = summary.wallet + summary.total.net
    off = summary.end_equity - expected
    moved = max(summary.wallet, summary.total.turnover)
    figures = f"ends at {summary.end_equity:,.2f}; wallet and nets are {expected:,.2f}"
    return _books("equity agrees with the trades", abs(off) <= TOLERANCE * moved, figures)


def _within_bars(outcome: Outcome, frames: Mapping[str, Frame], ticks: Mapping[str, float]) -> Check:
    """Every fill lies within its bar, but for the slippage and its rounding."""
    slippage, name = float(outcome.plan.rules.slippage) + 1e-9, "fills lie within their bars"
    for trade in outcome.trades:
        frame, tick = frames[trade.symbol], ticks.get(trade.symbol, 0.0)
        for at_ms, price in ((trade.entry_at_ms, trade.entry_price), (trade.exit_at_ms, trade.exit_price)):
            row = int(np.searchsorted(frame.open_at_ms, at_ms))
            if row >= len(frame) or frame.open_at_ms[row] != at_ms:
                return _books(name, False, f"{_named(trade)}: there is no bar at {_when(at_ms)}")
            low, high = frame.low[row] * (1 - slippage) - tick, frame.high[row] * (1 + slippage) + tick
            if not low <= price <= high:
                span = f"{frame.low[row]:.8g} to {frame.high[row]:.8g}"
                return _books(
                    name, False, f"{_named(trade)}: {price:.8g} at {_when(at_ms)} is not within {span}"
                )
    return _books(name, True, f"{2 * len(outcome.trades)} fills")


def _frequency(outcome: Outcome, summary: Summary) -> Check:
    bars = sum(stretch.bars - stretch.warmup_bars for stretch in outcome.stretches)
    share = summary.total.trades / bars if bars > 0 else 0.0
    figures = (
        f"{summary.total.trades} trades in {bars:,} bars, {share:.2%}; at most {BUSIEST_SHARE:.0%} is usual"
    )
    return Check("trade frequency", Kind.MEANING, share <= BUSIEST_SHARE, figures)


def _too_good(summary: Summary) -> Check:
    """Nothing is that good for long: more likely the strategy sees the future, or the rules forget a cost."""
    told = summary.total.trades >= ENOUGH_TRADES
    found = (
        ("profit factor", summary.total.profit_factor, TOO_GOOD_FACTOR),
        ("win rate", summary.total.win_rate, TOO_GOOD_RATE),
        ("Sharpe", summary.ratios.sharpe, TOO_GOOD_SHARPE),
    )
    beyond = [name for name, value, most in found if value is not None and value > most and told]
    figures = ", ".join(f"{name} {_short(value)} (usual: up to {most:g})" for name, value, most in found)
    return Check("not too good to be true", Kind.MEANING, not beyond, figures)


def _enough(summary: Summary) -> Check:
    count = summary.total.trades
    passed = count >= ENOUGH_TRADES
    figures = (
        f"{count} trades"
        if passed
        else f"{count} trades, fewer than {ENOUGH_TRADES}: the figures mean nothing"
    )
    return Check("enough trades", Kind.MEANING, passed, figures)


def _books(name: str, passed: bool, figures: str) -> Check:
    return Check(name, Kind.BOOKS, passed, figures)


def _named(trade: SimulatedTrade) -> str:
    return f"{trade.symbol} {trade.side.value} of {_when(trade.entry_at_ms)}"


def _when(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def _short(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3g}"
