"""Live beside the backtest: which entries both made, what was missed, what came besides, what slippage cost."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.account import EquityPoint
from bot.domain.errors import StorageError
from bot.domain.order import CloseReason
from bot.domain.signal import Side
from bot.domain.trade import Trade
from research.results.outcome import SimulatedTrade
from research.results.plan import Plan, Rules
from research.weekly.beside import Beside, beside
from research.weekly.facts import Held, Refusal, SymbolFacts, WeekFacts, WeekSpan
from research.weekly.live import signs, trend, week_figures

BAR_MS = 900_000
BEGIN = 1_700_438_400_000
DAY = 86_400_000
WEEK = WeekSpan("2023-W47", BEGIN, BEGIN + 7 * DAY)
BEFORE = WeekSpan("2023-W46", BEGIN - 7 * DAY, BEGIN)
LEVEL = Decimal(10_000)
XRP, BTC = "XRPUSDT", "BTCUSDT"
WHOLE = {XRP: (BEGIN - DAY, BEGIN + 8 * DAY)}


def lived(
    bar: int, side: Side = Side.LONG, symbol: str = XRP, net: str = "3.00", late_ms: int = 700
) -> Trade:
    """A live trade entered a moment after a bar opens."""
    at_ms = BEGIN + bar * BAR_MS + late_ms
    return Trade(
        id=f"t{bar}",
        symbol=symbol,
        side=side,
        strategy="metronome",
        quantity=Decimal(100),
        entry_price=Decimal("0.5"),
        exit_price=Decimal("0.6"),
        opened_at_ms=at_ms,
        closed_at_ms=at_ms + BAR_MS,
        reason=CloseReason.TP,
        gross=Decimal(net),
        fees=Decimal(0),
        funding=Decimal(0),
        net=Decimal(net),
        slippage=Decimal("0.02"),
        risk=Decimal(1),
        r_multiple=Decimal(net),
        score=3.0,
        stop_price=Decimal("0.4"),
        target_price=None,
        leverage=5,
    )


def simulated(bar: int, side: Side = Side.LONG, symbol: str = XRP) -> SimulatedTrade:
    at_ms = BEGIN + bar * BAR_MS
    ends = at_ms + BAR_MS, 0.6, CloseReason.TP
    return SimulatedTrade(
        symbol, "metronome", side, 100.0, at_ms, 0.5, *ends, 0.0, 0.0, 2.345, 0.05, 3.0, 0.4, 0.0, 0.0, 0.1
    )


def facts(*trades: Trade, held: tuple[Held, ...] = ()) -> WeekFacts:
    symbols = tuple(
        SymbolFacts(name, Plan("metronome", rules=Rules(slippage=Decimal("0.0001"))), {})
        for name in (XRP, BTC)
    )
    return WeekFacts(
        mode="paper",
        quote="USDT",
        zone="UTC",
        now_ms=BEGIN + 6 * DAY,
        weeks=(BEFORE, WEEK),
        trades=trades,
        points=tuple(EquityPoint(BEGIN + bar * BAR_MS, LEVEL, LEVEL, 0) for bar in range(-9, 7 * 96)),
        kills=(),
        symbols=symbols,
        held=held,
    )


def compared(live: WeekFacts, *tested: SimulatedTrade) -> Beside:
    return beside(live, tested, WHOLE, BAR_MS)


def test_same_bar_and_side_are_the_same_entry() -> None:
    found = compared(facts(lived(4), lived(9, late_ms=BAR_MS - 1)), simulated(4), simulated(9))
    assert (found.both, found.missed, found.extra) == (2, (), ())


def test_what_one_side_alone_entered_is_named_with_time_and_end() -> None:
    found = compared(
        facts(lived(4), lived(9), lived(12, Side.SHORT)), simulated(4), simulated(10), simulated(12)
    )
    assert found.both == 1
    assert [(one.at_ms - BEGIN, one.side) for one in found.missed] == [
        (10 * BAR_MS, Side.LONG),
        (12 * BAR_MS, Side.LONG),
    ]
    assert [(one.at_ms - BEGIN - 700, one.side) for one in found.extra] == [
        (9 * BAR_MS, Side.LONG),
        (12 * BAR_MS, Side.SHORT),
    ]
    assert found.missed[0].net == Decimal("2.34"), "to the cent, half to even"
    assert found.missed[0].reason == "TP"


def test_a_position_that_is_open_was_entered_like_any_other() -> None:
    held = (Held(XRP, Side.LONG, BEGIN + 20 * BAR_MS + 5),)
    assert compared(facts(held=held), simulated(20)).both == 1
    [extra] = compared(facts(held=held)).extra
    assert (extra.reason, extra.net) == ("open", 0)


def test_entries_of_other_weeks_are_not_compared() -> None:
    later, sooner = 7 * 96, -1
    found = compared(facts(lived(later), lived(sooner)), simulated(later), simulated(sooner))
    assert (found.both, found.missed, found.extra, found.uncompared) == (0, (), (), 0)


def test_where_no_candles_are_known_nothing_is_called_extra() -> None:
    found = beside(
        facts(lived(1), lived(5), lived(6, symbol=BTC)), (), {XRP: (BEGIN + 3 * BAR_MS, BEGIN + DAY)}, BAR_MS
    )
    assert [one.at_ms - BEGIN - 700 for one in found.extra] == [5 * BAR_MS]
    assert found.uncompared == 2


def test_what_the_backtest_entered_while_the_desk_did_not_run_was_not_missed() -> None:
    known = facts(lived(50))
    points = tuple(one for one in known.points or () if not 20 <= (one.at_ms - BEGIN) / BAR_MS < 40)
    found = compared(replace(known, points=points), *map(simulated, (10, 30, 45, 50)))
    assert [(one.at_ms - BEGIN) // BAR_MS for one in found.missed] == [10, 45]
    assert (found.both, found.asleep) == (1, 1)
    unread = compared(replace(known, points=None), simulated(30))
    assert (len(unread.missed), unread.asleep) == (1, 0)
    never = compared(replace(facts(), points=()), simulated(30))
    assert (len(never.missed), never.asleep) == (0, 1)


def test_a_missed_entry_names_the_gate_that_kept_it_out() -> None:
    refusals = (Refusal(XRP, BEGIN + 10 * BAR_MS, "paused"), Refusal(BTC, BEGIN + 12 * BAR_MS, "exposure"))
    found = compared(replace(facts(), refusals=refusals), simulated(10), simulated(12))
    assert [one.gate for one in found.missed] == ["paused", ""]


def test_slippage_is_that_of_the_trades_closed_in_the_week() -> None:
    found = compared(facts(lived(1), lived(5), lived(-3)))
    assert found.realised == Decimal("0.04")
    assert found.expected == 2 * 100 * (Decimal("0.5") + Decimal("0.6")) * Decimal("0.0001")


def test_a_trade_counts_in_the_week_in_which_it_closed() -> None:
    overnight = replace(lived(-1), closed_at_ms=BEGIN + 1)
    known = facts(lived(-5, net="-1.00"), overnight, lived(3, net="-2.00"))
    assert [one.trades for one in trend(known)] == [1, 2]
    assert week_figures(known, WEEK).net == Decimal("1.00")
    assert week_figures(known, WEEK).profit_factor == 1.5
    assert [sign.figure for sign in signs(known).signs][1] == "1.50"


def test_a_ledger_that_could_not_be_read_is_not_a_week_without_trades() -> None:
    unread = replace(facts(), trades=None)
    for question in (lambda: week_figures(unread, WEEK), lambda: trend(unread), lambda: compared(unread)):
        with pytest.raises(StorageError, match="the ledger could not be read"):
            question()
