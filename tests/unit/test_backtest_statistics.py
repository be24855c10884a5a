"""Figures of a backtest: by hand, against quantstats, against the desk's own statistics."""

from dataclasses import replace
from decimal import Decimal
from math import isclose

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from outcomes import BAR_MS, FROM_MS, outcome_of, random_frame, random_outcome, random_trades

from bot.domain.account import EquityPoint
from bot.domain.order import CloseReason
from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.equity import max_drawdown
from bot.performance import by_reason, grouped, tally
from research.results.outcome import EquitySeries, Outcome, SimulatedTrade
from research.results.statistics import (
    deepest_fall,
    exposure_of,
    figures_of,
    months_of,
    ratios_of,
    summary_of,
)

with mpl.rc_context():  # its import changes the look of everybody's pictures
    import quantstats.stats as foreign

A_YEAR = 35_040
"""Bars of 15 minutes."""
HOUR = 4 * BAR_MS


def trade(entry: int, leave: int, net: float, reason: CloseReason = CloseReason.TP) -> SimulatedTrade:
    """One of 10 units at 100; bars counted from the start."""
    return SimulatedTrade(
        symbol="BTCUSDT",
        strategy="composite",
        side=Side.LONG,
        quantity=10.0,
        entry_at_ms=FROM_MS + entry * BAR_MS,
        entry_price=100.0,
        exit_at_ms=FROM_MS + leave * BAR_MS,
        exit_price=100.0 + (net + 1.0) / 10.0,
        reason=reason,
        fees=1.0,
        funding=0.0,
        net=net,
        net_return=net / 1000.0,
        score=3.0,
        stop_price=98.0,
        target_price=104.0,
        adverse=0.01,
        favourable=0.03,
    )


TRADES = [
    trade(1, 3, 20.0),
    trade(4, 9, -10.0, CloseReason.SL),
    trade(9, 10, -5.0, CloseReason.REVERSE),
    trade(10, 14, 0.0, CloseReason.REVERSE),
    trade(14, 19, 40.0, CloseReason.END),
]


def series(levels: list[float], from_ms: int = FROM_MS) -> EquitySeries:
    """Equity at the closes of bars in a row."""
    return EquitySeries(from_ms + BAR_MS * np.arange(1, len(levels) + 1, dtype=np.int64), np.array(levels))


def test_figures_by_hand() -> None:
    """Five trades: two win, two lose, one does neither."""
    found = figures_of(TRADES)
    assert (found.trades, found.wins, found.losses) == (5, 2, 2)
    assert (found.net, found.gross_profit, found.gross_loss, found.fees) == (45.0, 60.0, 15.0, 5.0)
    assert (found.win_rate, found.profit_factor, found.expectancy) == (0.4, 4.0, 9.0)
    assert (found.average_win, found.average_loss, found.payoff) == (30.0, 7.5, 4.0)
    assert (found.best, found.worst, found.longest_losing_run) == (40.0, -10.0, 2)
    assert (found.average_held_ms, found.longest_held_ms) == (
        round((2 + 5 + 1 + 4 + 5) / 5 * BAR_MS),
        5 * BAR_MS,
    )
    assert found.turnover == pytest.approx(sum(10 * (200.0 + (one.net + 1) / 10) for one in TRADES))
    assert found.average_return == pytest.approx(0.009)
    assert (found.adverse, found.favourable) == (pytest.approx(0.01), pytest.approx(0.03))


def test_nothing_is_told_from_nothing() -> None:
    """No trade, no bar: None everywhere, no error, no NaN."""
    empty = Outcome("fast", random_outcome(1, 50).plan, "15m", (), (), series([]))
    found = summary_of(empty)
    assert found.total.trades == 0
    assert found.end_equity == found.wallet == 10_000
    for value in (
        found.total.win_rate,
        found.total.profit_factor,
        found.total.payoff,
        found.total.expectancy,
    ):
        assert value is None
    assert (found.fall, found.exposure, found.per_month) == (None, None, ())
    assert (
        found.ratios.sharpe
        is found.ratios.sortino
        is found.ratios.calmar
        is found.ratios.yearly_growth
        is None
    )


def test_only_winners_have_no_profit_factor() -> None:
    """And equity that never moves has no Sharpe."""
    found = figures_of([TRADES[0]])
    assert (found.profit_factor, found.payoff, found.average_loss) == (None, None, None)
    flat = ratios_of(np.full(3000, 10_000.0), bar_ms=BAR_MS, span_ms=3000 * BAR_MS, fall=None)
    assert (flat.sharpe, flat.sortino, flat.calmar) == (None, None, None)
    assert flat.yearly_growth == 0.0


def test_exposure_counts_bars_in_a_position() -> None:
    """Bars 1 to 3, 4 to 9, and from 9 to 19 through two reversals: 19 of 20 bars; a reversal's bar counts once."""
    assert exposure_of(TRADES, series([1.0] * 20)) == 19 / 20
    gone = trade(5, 8, 1.0, CloseReason.REVERSE)
    assert exposure_of([gone], series([1.0] * 20)) == 3 / 20
    assert exposure_of([trade(7, 7, -1.0, CloseReason.SL)], series([1.0] * 20)) == 1 / 20
    assert exposure_of([], series([1.0] * 20)) == 0.0


def test_the_deepest_fall_marks_open_positions() -> None:
    """From 120 down to 90 and back; the fall from 130 to 100 is smaller by its share."""
    at_ms = np.arange(8)
    fall = deepest_fall(np.array([100.0, 120.0, 110.0, 90.0, 119.0, 120.0, 130.0, 100.0]), at_ms)
    assert fall is not None
    assert (fall.share, fall.amount) == (0.25, 30.0)
    assert (fall.peak_at_ms, fall.trough_at_ms, fall.recovered_at_ms) == (1, 3, 5)
    assert deepest_fall(np.array([1.0, 1.0, 2.0]), at_ms[:3]) is None


def test_months_are_calendar_months_and_quiet_ones_are_there() -> None:
    """January gains, February is quiet, March loses; growth is of the marked equity."""
    bars = 31 * 96 + 28 * 96 + 10 * 96
    levels = [10_000.0] * (31 * 96 - 1) + [11_000.0] * (28 * 96 + 1) + [9_900.0] * (10 * 96)
    trades = [trade(5, 31 * 96 - 1, 1000.0), trade(59 * 96 - 1, 59 * 96, -1100.0)]
    assert bars == len(levels)
    months = months_of(trades, series(levels), 10_000.0)
    assert [month.label for month in months] == ["2023-01", "2023-02", "2023-03"]
    assert [month.figures.trades for month in months] == [1, 0, 1]
    assert [month.growth for month in months] == [pytest.approx(0.1), pytest.approx(0.0), pytest.approx(-0.1)]


def test_equity_of_zero_has_no_ratio() -> None:
    """A wallet that was lost cannot grow, but it fell."""
    levels = np.array([100.0, 50.0, 0.0, -1.0])
    fall = deepest_fall(levels, np.arange(4))
    assert fall is not None
    assert fall.share == pytest.approx(1.01)
    found = ratios_of(levels, bar_ms=BAR_MS, span_ms=10**12, fall=fall)
    assert (found.sharpe, found.calmar, found.yearly_growth) == (None, None, None)


@pytest.mark.parametrize("seed", range(6))
def test_ratios_are_those_of_quantstats(seed: int) -> None:
    """Bar returns, 35,040 periods a year, no interest; one outside library says the same."""
    outcome = random_outcome(seed, 3000 + 500 * seed)
    found = summary_of(outcome)
    levels = np.concatenate(([10_000.0], outcome.equity.equity))
    days = pd.date_range("2023-01-01", periods=len(levels) - 1, freq="D")
    returns = pd.Series(levels[1:] / levels[:-1] - 1, index=days)
    assert found.fall is not None
    assert isclose(found.ratios.sharpe or 0, foreign.sharpe(returns, periods=A_YEAR), rel_tol=1e-9)
    assert isclose(found.ratios.sortino or 0, foreign.sortino(returns, periods=A_YEAR), rel_tol=1e-9)
    assert isclose(found.fall.share, -foreign.max_drawdown(returns), rel_tol=1e-9)
    assert isclose(found.ratios.yearly_growth or 0, foreign.cagr(returns, periods=A_YEAR), rel_tol=1e-9)
    assert isclose(found.ratios.calmar or 0, foreign.calmar(returns, periods=A_YEAR), rel_tol=1e-9)


def as_trade(one: SimulatedTrade) -> Trade:
    """The same as the ledger has it."""
    zero = Decimal(0)
    fees, funding, net = Decimal(one.fees), Decimal(one.funding), Decimal(one.net)
    return Trade(
        id="",
        symbol=one.symbol,
        side=one.side,
        strategy=one.strategy,
        quantity=Decimal(one.quantity),
        entry_price=Decimal(one.entry_price),
        exit_price=Decimal(one.exit_price),
        opened_at_ms=one.entry_at_ms,
        closed_at_ms=one.exit_at_ms,
        reason=one.reason,
        gross=net + fees - funding,
        fees=fees,
        funding=funding,
        net=net,
        slippage=zero,
        risk=zero,
        r_multiple=zero,
        score=one.score,
        stop_price=Decimal(one.stop_price),
        target_price=None,
        leverage=5,
    )


@pytest.mark.parametrize("seed", range(4))
def test_sums_are_those_of_the_desk(seed: int) -> None:
    """The ledger's statistics (Decimal) and these agree where they overlap."""
    outcome = random_outcome(seed)
    found, ours = summary_of(outcome), tally([as_trade(one) for one in outcome.trades])
    total = found.total
    assert (total.trades, total.wins, total.losses) == (ours.trades, ours.wins, ours.losses)
    assert total.longest_losing_run == ours.longest_losing_run
    assert abs((total.average_held_ms or 0) - (ours.average_held_ms or 0)) <= 1
    pairs = [
        (total.net, ours.net),
        (total.gross_profit, ours.gross_profit),
        (total.gross_loss, ours.gross_loss),
        (total.fees, ours.fees),
        (total.funding, ours.funding),
        (total.turnover, ours.turnover),
        (total.win_rate, ours.win_rate),
        (total.profit_factor, ours.profit_factor),
        (total.payoff, ours.payoff_ratio),
        (total.expectancy, ours.expectancy),
    ]
    for mine, other in pairs:
        assert mine is not None
        assert other is not None
        assert isclose(mine, float(other), rel_tol=1e-12)
    groups = {
        group.name: group.tally for group in grouped([as_trade(one) for one in outcome.trades], by_reason)
    }
    assert {name: figures.trades for name, figures in found.per_reason.items()} == {
        name: group.trades for name, group in groups.items()
    }
    series = outcome.equity
    points = [EquityPoint(found.from_ms, Decimal(10_000), Decimal(10_000), 0)] + [
        EquityPoint(int(at), Decimal(level), Decimal(level), 0)
        for at, level in zip(series.at_ms, series.equity.tolist(), strict=True)
    ]
    fall = max_drawdown(points)
    assert fall is not None
    assert found.fall is not None
    assert isclose(100 * found.fall.share, fall.percent or 0, rel_tol=1e-12)
    assert (found.fall.peak_at_ms, found.fall.trough_at_ms) == (fall.peak_at_ms, fall.trough_at_ms)
    assert found.fall.recovered_at_ms == fall.recovered_at_ms


def test_combined_figures_are_of_the_merged_trades_not_of_averages() -> None:
    """A small symbol that wins and a big one that loses: the whole is what the trades say."""
    small, big = random_frame(3, 900, "BTCUSDT"), random_frame(4, 900, "ETHUSDT")
    trades = random_trades(3, small)[:2] + random_trades(4, big)
    whole = summary_of(outcome_of([small, big], trades))
    alone = [
        summary_of(outcome_of([frame], [t for t in trades if t.symbol == frame.symbol]))
        for frame in (small, big)
    ]
    assert whole.total.trades == alone[0].total.trades + alone[1].total.trades
    averaged = sum(one.total.win_rate or 0.0 for one in alone) / 2
    assert whole.total.win_rate == whole.total.wins / whole.total.trades != averaged
    assert whole.total.net == pytest.approx(sum(one.total.net for one in alone))


def test_order_of_trades_decides_the_losing_run_only() -> None:
    """Everything else is a sum."""
    shuffled = figures_of([TRADES[1], TRADES[0], TRADES[2], TRADES[4], TRADES[3]])
    assert shuffled.longest_losing_run == 1
    assert replace(shuffled, longest_losing_run=2) == figures_of(TRADES)
