"""Statistics of trades and equity: hand-computed examples, and laws that hold for any trades."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from math import isfinite, sqrt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.account import EquityPoint
from bot.domain.market import DAY_MS, HOUR_MS
from bot.domain.order import CloseReason
from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.equity import (
    annual_growth,
    calmar,
    daily_returns,
    equity_from_trades,
    max_drawdown,
    sharpe,
    sortino,
)
from bot.performance import by_reason, by_side, by_strategy, by_symbol, grouped, performance, tally
from bot.periods import Period, day_begins_at_ms, local_day, per_period, periods_begin_at_ms

START = 1_760_000_000_000
UTC_ZONE = ZoneInfo("UTC")


def closed(net: str, **changes: Any) -> Trade:
    """A closed trade with this net, fees of 1 and funding of -0.5 unless told otherwise."""
    trade = Trade(
        id="t1",
        symbol="BTCUSDT",
        side=Side.LONG,
        strategy="composite",
        quantity=Decimal("0.5"),
        entry_price=Decimal(100),
        exit_price=Decimal(110),
        opened_at_ms=START,
        closed_at_ms=START + HOUR_MS,
        reason=CloseReason.TP,
        gross=Decimal(net) + Decimal("1.5"),
        fees=Decimal(1),
        funding=Decimal("-0.5"),
        net=Decimal(net),
        slippage=Decimal("0.2"),
        risk=Decimal(10),
        r_multiple=Decimal(net) / 10,
        score=3.0,
        stop_price=Decimal(90),
        target_price=Decimal(110),
        leverage=5,
    )
    return replace(trade, **changes)


def in_row(*nets: str) -> tuple[Trade, ...]:
    """Trades closed one hour after another."""
    return tuple(
        closed(net, id=f"t{i}", closed_at_ms=START + (i + 1) * HOUR_MS) for i, net in enumerate(nets)
    )


def series(*levels: str, step_ms: int = DAY_MS, start_ms: int = 0) -> tuple[EquityPoint, ...]:
    """Equity points at even steps."""
    return tuple(
        EquityPoint(start_ms + i * step_ms, Decimal(level), Decimal(level), 0)
        for i, level in enumerate(levels)
    )


def test_hand_computed_tally() -> None:
    result = tally(in_row("10", "-4", "-6", "20", "0", "-5"))
    assert (result.trades, result.wins, result.losses) == (6, 2, 3)
    assert result.gross_profit == Decimal(30)
    assert result.gross_loss == Decimal(15)
    assert result.net == Decimal(15)
    assert result.win_rate == pytest.approx(1 / 3)
    assert result.profit_factor == pytest.approx(2.0)
    assert result.expectancy == Decimal("2.5")
    assert result.average_win == Decimal(15)
    assert result.average_loss == Decimal(5)
    assert result.payoff_ratio == pytest.approx(3.0)
    assert result.average_r == pytest.approx(0.25)
    assert result.longest_losing_run == 2
    assert result.fees == Decimal(6)
    assert result.funding == Decimal(-3)
    assert result.slippage == Decimal("1.2")
    assert result.turnover == Decimal(630)
    assert result.best is not None
    assert result.best.net == Decimal(20)
    assert result.worst is not None
    assert result.worst.net == Decimal(-6)


def test_nothing_traded_gives_zeros_and_none() -> None:
    result = performance(())
    empty = result.tally
    assert (empty.trades, empty.wins, empty.net, empty.fees) == (0, 0, Decimal(0), Decimal(0))
    assert empty.win_rate is None
    assert empty.profit_factor is None
    assert empty.expectancy is None
    assert empty.payoff_ratio is None
    assert empty.average_r is None
    assert empty.average_held_ms is None
    assert empty.best is None
    assert result.drawdown is None
    assert (result.sharpe, result.sortino, result.calmar) == (None, None, None)


def test_only_winners_have_no_profit_factor_and_no_payoff() -> None:
    result = tally(in_row("1", "2"))
    assert result.profit_factor is None
    assert result.payoff_ratio is None
    assert result.win_rate == 1.0


def test_unknown_risk_is_left_out_of_average_r() -> None:
    trades = (closed("10"), closed("30", risk=Decimal(0), r_multiple=Decimal(0)))
    assert tally(trades).average_r == pytest.approx(1.0)


def test_losing_run_follows_closing_time_not_list_order() -> None:
    late = closed("5", closed_at_ms=START + 10)
    trades = (late, closed("-1", closed_at_ms=START + 1), closed("-1", closed_at_ms=START + 11))
    assert tally(trades).longest_losing_run == 1


def test_drawdown_is_the_deepest_share_with_its_times() -> None:
    fall = max_drawdown(series("1000", "1200", "900", "1100", "1250", "1200"))
    assert fall is not None
    assert fall.amount == Decimal(300)
    assert fall.percent == pytest.approx(25.0)
    assert (fall.peak, fall.trough) == (Decimal(1200), Decimal(900))
    assert (fall.peak_at_ms, fall.trough_at_ms) == (DAY_MS, 2 * DAY_MS)
    assert fall.recovered_at_ms == 4 * DAY_MS


def test_drawdown_that_never_recovered_says_so() -> None:
    fall = max_drawdown(series("1000", "800"))
    assert fall is not None
    assert fall.recovered_at_ms is None


def test_rising_equity_has_no_drawdown() -> None:
    assert max_drawdown(series("1000", "1000", "1001")) is None


def test_without_a_series_the_drawdown_comes_from_closed_trades() -> None:
    result = performance(in_row("10", "-30", "5"), start=Decimal(100))
    assert result.from_equity is False
    assert result.drawdown is not None
    assert result.drawdown.amount == Decimal(30)
    assert result.drawdown.percent == pytest.approx(100 * 30 / 110)


def test_without_capital_the_drawdown_has_no_percent() -> None:
    fall = max_drawdown(equity_from_trades(in_row("10", "-30", "5")))
    assert fall is not None
    assert fall.amount == Decimal(30)
    assert fall.percent is None


def test_an_equity_series_counts_open_losses_that_no_trade_shows() -> None:
    result = performance(in_row("1"), series("1000", "500", "1001"))
    assert result.from_equity
    assert result.drawdown is not None
    assert result.drawdown.percent == pytest.approx(50.0)


def test_daily_returns_sharpe_sortino_by_hand() -> None:
    returns = daily_returns(series("1000", "1010", "999.9"))
    assert returns == pytest.approx((0.0, 0.01, -0.01))
    mean, spread = 0.0, sqrt((0.01**2 + 0.01**2) / 2)
    assert sharpe(returns) == pytest.approx(mean / spread)
    assert sortino((0.02, -0.01)) == pytest.approx(0.005 / sqrt(0.0001 / 2) * sqrt(365))
    assert sharpe((0.02, -0.01)) == pytest.approx(0.005 / (0.03 / sqrt(2)) * sqrt(365))


def test_a_silent_day_returns_zero() -> None:
    points = (*series("1000", "1100"), *series("1210", start_ms=4 * DAY_MS))
    assert daily_returns(points) == pytest.approx((0.0, 0.1, 0.0, 0.0, 0.1))


def test_flat_equity_has_no_sharpe() -> None:
    assert sharpe(daily_returns(series("5", "5", "5"))) is None
    assert sortino((0.01, 0.02)) is None


def test_ruined_equity_has_no_returns() -> None:
    points = series("100", "0", "-5")
    assert daily_returns(points) == ()
    assert annual_growth(points) is None
    fall = max_drawdown(points)
    assert fall is not None
    assert fall.percent == pytest.approx(105.0)


def test_calmar_is_annual_growth_over_drawdown() -> None:
    points = series("1000", "800", "1100", step_ms=365 * DAY_MS // 2)
    assert annual_growth(points) == pytest.approx(0.1)
    assert calmar(points) == pytest.approx(0.1 / 0.2)


def test_less_than_a_week_has_no_calmar() -> None:
    assert calmar(series("1000", "800", "1100")) is None


def test_groups_come_best_first() -> None:
    trades = (closed("1"), closed("-2", symbol="ETHUSDT"), closed("5", symbol="SOLUSDT"))
    assert [group.name for group in grouped(trades, by_symbol)] == ["SOLUSDT", "BTCUSDT", "ETHUSDT"]


def test_periods_follow_the_operators_midnight() -> None:
    zone = ZoneInfo("Europe/Berlin")
    # 2025-10-08 22:30 UTC is half past midnight of the 9th in Berlin.
    at = day_begins_at_ms(local_day(START, UTC_ZONE), UTC_ZONE) - DAY_MS + 22 * HOUR_MS + HOUR_MS // 2
    days = per_period((closed("7", closed_at_ms=at),), Period.DAY, zone, START, 2)
    assert [(day.label, day.tally.net) for day in days] == [("2025-10-08", 0), ("2025-10-09", Decimal(7))]


@pytest.mark.parametrize(
    "period,labels",
    [
        (Period.DAY, ["2025-10-07", "2025-10-08", "2025-10-09"]),
        (Period.WEEK, ["2025-W39", "2025-W40", "2025-W41"]),
        (Period.MONTH, ["2025-08", "2025-09", "2025-10"]),
    ],
)
def test_quiet_periods_are_listed(period: Period, labels: list[str]) -> None:
    assert [result.label for result in per_period((), period, UTC_ZONE, START, 3)] == labels


def test_periods_across_a_clock_change_keep_their_days() -> None:
    zone = ZoneInfo("Europe/Berlin")
    now_ms = 1_761_600_000_000  # 2025-10-27, the day after summer time ended: a day of 25 hours lies behind
    days = per_period((), Period.DAY, zone, now_ms, 3)
    lengths = [b.begins_at_ms - a.begins_at_ms for a, b in pairwise(days)]
    assert lengths == [24 * HOUR_MS, 25 * HOUR_MS]
    assert periods_begin_at_ms(Period.DAY, zone, now_ms, 3) == days[0].begins_at_ms


def test_following_period() -> None:
    begin = local_day(START, UTC_ZONE)
    assert Period.MONTH.following(Period.MONTH.begin(begin)).month == 11
    assert (Period.WEEK.following(begin) - begin).days == 7


amounts = st.decimals(min_value=-10_000, max_value=10_000, places=4)
trades_drawn = st.lists(
    st.builds(
        lambda net, symbol, strategy, reason, side, hours: closed(
            str(net),
            symbol=symbol,
            strategy=strategy,
            reason=reason,
            side=side,
            closed_at_ms=START + hours * HOUR_MS,
        ),
        amounts,
        st.sampled_from(["BTCUSDT", "ETHUSDT", "XRPUSDT"]),
        st.sampled_from(["composite", "pullback"]),
        st.sampled_from(CloseReason),
        st.sampled_from(Side),
        st.integers(1, 24 * 40),
    ),
    max_size=40,
)
points_drawn = st.lists(st.decimals(min_value=-100, max_value=10_000, places=2), max_size=40)


@given(trades_drawn)
@pytest.mark.parametrize("key", [by_symbol, by_strategy, by_reason, by_side])
def test_groups_sum_to_the_whole(key, trades) -> None:  # type: ignore[no-untyped-def]
    whole, groups = tally(trades), grouped(trades, key)
    for figure in ("trades", "wins", "losses", "net", "fees", "funding", "slippage", "gross_profit", "r_sum"):
        assert sum(getattr(group.tally, figure) for group in groups) == getattr(whole, figure), figure


@given(trades_drawn, st.sampled_from(Period), st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]))
def test_periods_sum_to_the_whole(trades: list[Trade], period: Period, zone_name: str) -> None:
    now_ms = START + 41 * DAY_MS
    results = per_period(trades, period, ZoneInfo(zone_name), now_ms, 60)
    assert sum((result.tally.net for result in results), Decimal(0)) == tally(trades).net
    assert sum(result.tally.trades for result in results) == len(trades)


@given(trades_drawn)
def test_net_is_gross_less_fees_plus_funding(trades: list[Trade]) -> None:
    gross = sum((trade.gross for trade in trades), Decimal(0))
    result = tally(trades)
    assert result.net == gross - result.fees + result.funding


@given(trades_drawn, points_drawn)
def test_no_figure_is_ever_nan(trades: list[Trade], levels: list[Decimal]) -> None:
    points = [EquityPoint(START + i * DAY_MS // 3, level, level, 0) for i, level in enumerate(levels)]
    result = performance(trades, points)
    counted = result.tally
    ratios = [result.sharpe, result.sortino, result.calmar, counted.win_rate, counted.profit_factor]
    ratios += [counted.payoff_ratio, counted.average_r]
    assert all(ratio is None or isfinite(ratio) for ratio in ratios)


@given(points_drawn)
def test_no_later_point_lies_deeper_than_the_drawdown(levels: list[Decimal]) -> None:
    points = [EquityPoint(i, abs(level) + 1, level, 0) for i, level in enumerate(levels)]
    fall = max_drawdown(points)
    shares = [
        float(100 * (high.equity - low.equity) / high.equity)
        for i, high in enumerate(points)
        for low in points[i:]
    ]
    deepest = fall.percent if fall else 0.0
    assert deepest == pytest.approx(max(shares, default=0.0))


@given(st.lists(st.integers(-5000, 5000).map(lambda n: n / 10_000), min_size=2, max_size=60))
def test_sharpe_does_not_depend_on_the_size_of_the_bet(returns: list[float]) -> None:
    one, half = sharpe(returns), sharpe([value / 2 for value in returns])
    if one is None or half is None:
        return
    assert half == pytest.approx(one, rel=1e-6)
