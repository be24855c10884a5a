"""What the equity series says: the deepest drawdown, daily returns, Sharpe, Sortino, Calmar.

Equity is wallet plus open profit, so a drawdown counts open positions too. Daily figures are annualised by
365 days: a crypto year has no closed days. A figure that cannot be told from what is there is None, never NaN
and never an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import exp, log, sqrt
from statistics import fmean, stdev

from bot.domain.account import EquityPoint
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS
from bot.domain.trade import Trade

DAYS_A_YEAR = 365
CALMAR_DAYS = 7  # a shorter series says nothing about a year
BIGGEST_EXPONENT = 500.0  # growth beyond e^500 a year is no result, and soon no float either


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall of equity from a high to a low; `percent` of the high, None without a capital to compare.

    `recovered_at_ms` is None while the high has not been seen again.
    """

    amount: Decimal
    percent: float | None
    peak: Decimal
    trough: Decimal
    peak_at_ms: int
    trough_at_ms: int
    recovered_at_ms: int | None


def equity_from_trades(trades: Sequence[Trade], start: Decimal = ZERO) -> tuple[EquityPoint, ...]:
    """A stand-in for a missing equity series: `start` plus closed nets; open losses do not show."""
    ordered = sorted(trades, key=_closed)
    if not ordered:
        return ()
    equity = start
    points = [EquityPoint(min(trade.opened_at_ms for trade in ordered), equity, equity, 0)]
    for trade in ordered:
        equity += trade.net
        points.append(EquityPoint(trade.closed_at_ms, equity, equity, 0))
    return tuple(points)


def max_drawdown(points: Sequence[EquityPoint]) -> Drawdown | None:
    """The deepest fall, by its share of the high, or by amount when the series starts without capital."""
    if len(points) < 2:
        return None
    by_share = points[0].equity > ZERO
    deepest, at = (points[0], points[0]), ZERO
    peak = points[0]
    for point in points:
        peak = point if point.equity > peak.equity else peak
        depth = _depth(peak.equity, point.equity, by_share)
        if depth > at:
            deepest, at = (peak, point), depth
    return _drawdown(points, *deepest, by_share) if at > ZERO else None


def _depth(peak: Decimal, equity: Decimal, by_share: bool) -> Decimal:
    return (peak - equity) / peak if by_share else peak - equity


def _drawdown(
    points: Sequence[EquityPoint], peak: EquityPoint, trough: EquityPoint, by_share: bool
) -> Drawdown:
    amount = peak.equity - trough.equity
    later = (p.at_ms for p in points if p.at_ms > trough.at_ms and p.equity >= peak.equity)
    return Drawdown(
        amount=amount,
        percent=float(100 * amount / peak.equity) if by_share else None,
        peak=peak.equity,
        trough=trough.equity,
        peak_at_ms=peak.at_ms,
        trough_at_ms=trough.at_ms,
        recovered_at_ms=next(later, None),
    )


def daily_returns(points: Sequence[EquityPoint]) -> tuple[float, ...]:
    """Returns from day to day (UTC), from the first point, then each day's last; a silent day returns zero.

    The first and the last day count as whole days. Empty when equity was ever zero or less: nothing to grow.
    """
    if len(points) < 2 or any(point.equity <= ZERO for point in points):
        return ()
    first, last = points[0].at_ms // DAY_MS, points[-1].at_ms // DAY_MS
    closes = {point.at_ms // DAY_MS: point.equity for point in points}
    levels = [points[0].equity]
    levels += (closes.get(day, ZERO) for day in range(first, last + 1))
    filled = _filled(levels)
    return tuple(float(after / before) - 1.0 for before, after in pairwise(filled))


def _filled(levels: Sequence[Decimal]) -> list[Decimal]:
    filled: list[Decimal] = []
    for level in levels:
        filled.append(level or filled[-1])
    return filled


def sharpe(returns: Sequence[float]) -> float | None:
    """Mean over standard deviation of daily returns, times the root of 365; no interest is taken off."""
    if len(returns) < 2:
        return None
    spread = stdev(returns)
    return fmean(returns) / spread * sqrt(DAYS_A_YEAR) if spread > 0.0 else None


def sortino(returns: Sequence[float]) -> float | None:
    """Mean over downside deviation (from zero, over all days) of daily returns, times the root of 365."""
    if len(returns) < 2:
        return None
    downside = sqrt(fmean(min(value, 0.0) ** 2 for value in returns))
    return fmean(returns) / downside * sqrt(DAYS_A_YEAR) if downside > 0.0 else None


def annual_growth(points: Sequence[EquityPoint]) -> float | None:
    """Growth of equity over the series, compounded to 365 days (0.5 = +50 %); None for less than a week."""
    if len(points) < 2 or points[0].equity <= ZERO or points[-1].equity <= ZERO:
        return None
    days = (points[-1].at_ms - points[0].at_ms) / DAY_MS
    if days < CALMAR_DAYS:
        return None
    exponent = log(points[-1].equity / points[0].equity) * DAYS_A_YEAR / days
    return exp(exponent) - 1.0 if exponent < BIGGEST_EXPONENT else None


def calmar(points: Sequence[EquityPoint]) -> float | None:
    """Annual growth over the deepest drawdown; None for less than a week or without a drawdown."""
    growth, fall = annual_growth(points), max_drawdown(points)
    if growth is None or fall is None or not fall.percent:
        return None
    return 100.0 * growth / fall.percent


def _closed(trade: Trade) -> int:
    return trade.closed_at_ms
