"""The weekly report's figures against the ledger's own entries, and live against the backtest on a played market."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from losing_week import BEFORE, LABEL, LIVED, LOOSE, MONDAY_MS, tides
from test_weekly_steps import made
from whole_house import BAR_MS, Desk, whole_house

from bot.domain.account import Book, Entry
from bot.domain.trade import Trade
from bot.runtime.ports import TradeQuery
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.plan import Plan, Rules

BERLIN = "timezone: Europe/Berlin\n"
HOUR_MS = 3_600_000
CENT = Decimal("0.01")


def moved(entries: Sequence[Entry], trade: Trade, book: Book) -> Decimal:
    """What a trade's symbol did to a book while the trade lasted, by the double-entry ledger alone."""
    own = (one for one in entries if one.symbol == trade.symbol)
    lasted = (one for one in own if trade.opened_at_ms <= one.at_ms <= trade.closed_at_ms)
    return sum((one.amount(book) for one in lasted), Decimal(0))


async def books(desk: Desk) -> tuple[tuple[Trade, ...], tuple[Entry, ...]]:
    ledger = desk.house.database.ledger(desk.house.plan.account)
    return await ledger.trades(TradeQuery()), await ledger.entries(0)


async def test_the_week_s_money_is_what_the_double_entry_book_says(tmp_path: Path) -> None:
    async with whole_house(
        tmp_path, [tides(), tides("BTCUSDT", 300.0)], f"{LOOSE}{BERLIN}", history=BEFORE
    ) as desk:
        await desk.bars(LIVED + 8)
        found = await made(desk)
        trades, entries = await books(desk)
    report, week = found.report, (MONDAY_MS - HOUR_MS - 7 * 24 * HOUR_MS, MONDAY_MS - HOUR_MS)
    assert (report.begins_at_ms, report.ends_at_ms) == week, "Monday begins an hour earlier in Berlin"
    closed = [one for one in trades if week[0] <= one.closed_at_ms < week[1]]
    assert 10 < len(closed) < len(trades), "some closed after the week's end"
    booked = sum((moved(entries, one, Book.WALLET) for one in closed), Decimal(0))
    assert report.live is not None
    assert report.live.net == booked, "not a digit aside"
    assert report.live.trades == len(closed)
    paid = sum((moved(entries, one, Book.FEES) for one in closed), Decimal(0))
    assert report.live.fees == paid > 0
    assert report.live.turnover == sum(
        (one.quantity * (one.entry_price + one.exit_price) for one in closed), Decimal(0)
    )
    wins = sum(one.net for one in closed if one.net > 0)
    losses = -sum(one.net for one in closed if one.net < 0)
    assert report.live.profit_factor == float(wins / losses)
    assert found.lines["Live"].startswith(f"{booked.quantize(CENT):+} USDT in {len(closed)} trades")
    page = (tmp_path / "results" / "weekly" / f"{LABEL}.html").read_text()
    assert "2023-12-11 00:00 UTC+01:00 to 2023-12-18 00:00 UTC+01:00" in page
    assert page.count("UTC+01:00") > len(closed)


async def test_both_make_the_same_trades_but_where_the_desk_was_kept_from_it(tmp_path: Path) -> None:
    frame = tides()
    async with whole_house(tmp_path, [frame], LOOSE, history=BEFORE) as desk:
        await desk.bars(50)
        await desk.say("/pause xrp")
        await desk.say("1")
        paused_ms = desk.house.now_ms()
        await desk.bars(40)
        await desk.say("/resume xrp")
        await desk.say("1")
        resumed_ms = desk.house.now_ms()
        await desk.bars(LIVED - 90 + 2)
        found = await made(desk)
        trades, _ = await books(desk)
    beside = found.report.beside
    assert beside is not None
    in_week = [one for one in trades if one.opened_at_ms < MONDAY_MS]
    assert beside.both + len(beside.extra) >= len(in_week)
    assert beside.uncompared == 0
    assert beside.asleep > 50, "the week before the desk's first bar was not missed"
    tested = simulated(tmp_path)
    lost = [at_ms for at_ms in tested if paused_ms < at_ms < resumed_ms]
    missed = [one.at_ms for one in beside.missed if paused_ms < one.at_ms < resumed_ms]
    assert missed == lost != [], "every entry of the pause, no other"
    [gate] = {one.gate for one in beside.missed if one.at_ms in missed}
    assert "paused" in gate
    late = [one.at_ms for one in (*beside.missed, *beside.extra) if one.at_ms > resumed_ms + 40 * BAR_MS]
    assert late == [], "a tide later both go the same way again"
    assert beside.realised == sum(
        (one.slippage for one in trades if one.closed_at_ms < MONDAY_MS), Decimal(0)
    )
    ticks = sum((2 * one.quantity * Decimal("0.000001") for one in trades), Decimal(0))
    assert abs(beside.realised - beside.expected) <= 2 * ticks, (
        "the paper venue slips as configured, to the tick"
    )


def simulated(home: Path) -> list[int]:
    """When the backtest enters, by the same candles and parameters, straight from the array code."""
    ground = Ground("15m", {"XRPUSDT": tides()}, strategy_paths=(home / "mine",))
    outcome = run_fast(Plan("metronome", {"distance": 0.01}, Rules()), ground)
    return [one.entry_at_ms for one in outcome.trades if one.entry_at_ms < MONDAY_MS]
