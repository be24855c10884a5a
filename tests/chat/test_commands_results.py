"""Trades, equity, profit per period, statistics, rankings, costs."""

from command_kit import Talk, busy_desk, empty_desk, fields, rows, trade
from fakes_desk import FakeDesk

from handlers.reply import BarPlot, EquityPlot


async def test_trades_come_newest_first_with_costs_as_costs() -> None:
    reply = await Talk(busy_desk()).say("/trades 2")
    shown = rows(reply)
    assert [row["Symbol"] for row in shown] == ["ETHUSDT", "XRPUSDT"]
    assert shown[0]["Closed"] == "09 Oct 08:00 +02:00"
    assert (shown[0]["Net USDT"], shown[0]["R"], shown[0]["Slippage USDT"]) == ("+31.00", "+3.10", "-0.12")
    assert shown[1]["Entry"] == "0.5312"
    assert reply.buttons[1].command_line == "/trades 4"


async def test_trades_of_one_symbol() -> None:
    reply = await Talk(busy_desk()).say("/trades eth")
    assert reply.title == "Last 2 trades on ETHUSDT, newest first"


async def test_no_trades_yet_says_what_will_come() -> None:
    reply = await Talk(empty_desk()).say("/trades")
    assert reply.text.startswith(
        "No trades yet. Signals come at the close of each 15m bar; /signals shows why"
    )
    assert (await Talk(empty_desk()).say("/trades eth")).text.startswith("No trades on ETHUSDT yet.")


async def test_equity_is_a_picture_with_its_figures() -> None:
    reply = await Talk(busy_desk()).say("/equity")
    assert isinstance(reply.plot, EquityPlot)
    assert len(reply.plot.points) == 73
    assert fields(reply)["Change"] == "+288.00 USDT (+2.88%)"
    assert fields(reply)["Deepest drawdown"] == "1.45% (-146.00 USDT)"


async def test_equity_of_a_few_days_only() -> None:
    reply = await Talk(busy_desk()).say("/equity 1")
    assert isinstance(reply.plot, EquityPlot)
    assert len(reply.plot.points) == 25


async def test_profit_per_day_lists_quiet_days_and_draws_bars() -> None:
    reply = await Talk(busy_desk()).say("/pnl")
    shown = rows(reply)
    assert [row["Day"] for row in shown[:3]] == ["2025-10-09", "2025-10-08", "2025-10-07"]
    assert [row["Net USDT"] for row in shown[:3]] == ["+31.00", "-20.00", "0.00"]
    assert isinstance(reply.plot, BarPlot)
    assert reply.plot.labels[-1] == "2025-10-09"
    assert fields(reply)["Sum"] == "+35.50 USDT in 4 trades"


async def test_the_day_is_the_operators_day() -> None:
    """A trade closed at 23:00 in Berlin belongs to the next day in Tokyo."""
    closed = (trade(1, "5", hours_ago=12),)
    berlin = await Talk(FakeDesk(closed=closed)).say("/daily 2")
    tokyo = await Talk(FakeDesk(closed=closed, timezone="Asia/Tokyo")).say("/daily 2")
    assert [row["Net USDT"] for row in rows(berlin)] == ["0.00", "+5.00"]
    assert [row["Net USDT"] for row in rows(tokyo)] == ["+5.00", "0.00"]


async def test_weeks_and_months() -> None:
    assert rows(await Talk(busy_desk()).say("/weekly 2"))[0]["Week"] == "2025-W41"
    assert [row["Month"] for row in rows(await Talk(busy_desk()).say("/pnl month 2"))] == [
        "2025-10",
        "2025-09",
    ]


async def test_statistics_say_how_they_are_annualised() -> None:
    shown = fields(await Talk(busy_desk()).say("/stats"))
    assert shown["Trades"] == "4 (2 won, 2 lost)"
    assert shown["Win rate"] == "50.0%"
    assert shown["Profit factor"] == "2.77"
    assert shown["Expectancy"] == "+8.88 USDT a trade"
    assert shown["Average R"] == "+0.89"
    assert shown["Longest losing run"] == "2 trades"
    assert shown["Max drawdown"].startswith(
        "-146.00 USDT (1.45%), 06 Oct 23:00 +02:00 to 07 Oct 00:00 +02:00"
    )
    assert shown["Sharpe"].endswith("(daily equity, 365 days a year)")
    assert shown["Calmar"] == "– (needs a week and a drawdown)"


async def test_statistics_group_by_symbol_strategy_reason_and_side() -> None:
    shown = rows(await Talk(busy_desk()).say("/stats"))
    assert [row["By"] for row in shown].count("symbol") == 3
    assert {row["By"] for row in shown} == {"symbol", "strategy", "reason", "side"}


async def test_statistics_of_a_symbol_tell_the_drawdown_from_its_trades() -> None:
    shown = fields(await Talk(busy_desk()).say("/stats eth"))
    assert shown["Trades"] == "2 (1 won, 1 lost)"
    assert "closed trades only" in shown["Max drawdown"]


async def test_performance_ranks_the_best_first() -> None:
    shown = rows(await Talk(busy_desk()).say("/performance"))
    assert [(row["Place"], row["Symbol"]) for row in shown] == [
        ("1", "BTCUSDT"),
        ("2", "ETHUSDT"),
        ("3", "XRPUSDT"),
    ]
    assert rows(await Talk(busy_desk()).say("/performance strategy"))[0]["Strategy"] == "composite"


async def test_fees_are_the_ledgers_and_costs_are_negative() -> None:
    shown = fields(await Talk(busy_desk()).say("/fees"))
    assert shown["Fees"] == "-4.50 USDT"
    assert shown["Funding"] == "+1.25 USDT"
    assert shown["Slippage against plan"] == "-0.48 USDT"
