"""Why entries are refused: slots, margin, exposure, size, time; and who gets in when not all can."""

from dataclasses import replace

import pytest
from desk_story import BAR_MS, LONG, SHORT, SMOOTH, D, Desk, instrument, text

from bot.domain.event import FundingRatesSeen, QuotesSeen, StorageChanged, TimerDue, VenueLost, VenueRestored
from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.market import MINUTE_MS, FundingRate, Quote
from bot.domain.order import Purpose
from bot.engine import reading

ABC = ("AAA", "BBB", "CCC", "DDD")


def figures(desk: Desk, gate: str) -> str:
    """What the last decision says about a gate."""
    return next(check.figures for check in desk.decisions[-1].gates if check.gate == gate)


def held(desk: Desk) -> list[str]:
    return [name for name in desk.names if desk.size(name)]


def notional(value: int) -> Sizing:
    return Sizing(SizingMode.FIXED_NOTIONAL, D(value))


def test_every_gate_is_reached_by_an_entry_and_has_its_figures() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    (decision,) = desk.decisions
    names = [check.gate for check in decision.gates]
    assert names == [
        "trading", "symbol", "data", "strategy", "stop distance", "model", "cooldown", "daily loss", "trades per day",
        "drawdown", "positions", "same direction", "same cluster", "same symbol", "exposure", "funding window",
        "spread", "free margin", "minimum notional",
    ]  # fmt: skip
    assert all(check.passed for check in decision.gates)
    assert all(check.figures for check in decision.gates)
    assert (decision.taken, decision.client_id) == (True, desk.submitted(Purpose.ENTRY)[0].client_id)
    assert (text(decision.quantity), text(decision.notional)) == ("10", "1000")


def test_a_refused_signal_shows_what_it_did_not_reach() -> None:
    desk = Desk(limits=Limits(max_positions=0))
    desk.enter("XYZ", LONG, stop=95, target=110)
    (decision,) = desk.decisions
    verdicts = {check.gate: check.passed for check in decision.gates}
    assert (decision.refused_by, verdicts["positions"], verdicts["drawdown"]) == ("positions", False, True)
    assert verdicts["free margin"] is None
    assert figures(desk, "positions") == "0 of 0 taken"


def test_three_positions_in_all() -> None:
    desk = Desk(*ABC, limits=Limits(max_same_direction=9))
    for name in ABC:
        desk.enter(name, LONG, stop=95, target=110)
    assert desk.refusals() == ["", "", "", "positions"]
    assert figures(desk, "positions") == "3 of 3 taken"


def test_two_in_the_same_direction() -> None:
    desk = Desk(*ABC)
    desk.enter("AAA", LONG, stop=95, target=110)
    desk.enter("BBB", LONG, stop=95, target=110)
    desk.enter("CCC", LONG, stop=95, target=110)
    desk.enter("CCC", SHORT, stop=105, target=90)
    assert desk.refusals() == ["", "", "same direction", ""]


def test_competing_signals_go_by_score_then_symbol() -> None:
    """Two slots, four that want in: DDD (9), then BBB and CCC have 7 each: B comes first; all in one bar."""
    desk = Desk(*ABC, limits=Limits(max_positions=2, max_same_direction=9))
    for name, score in zip(ABC, (1.0, 7.0, 7.0, 9.0), strict=True):
        desk.says(name, LONG, stop=95, target=110, score=score)
    desk.bar()
    assert [(d.signal.symbol, d.refused_by) for d in desk.decisions] == [
        ("DDD", ""),
        ("BBB", ""),
        ("CCC", "positions"),
        ("AAA", "positions"),
    ]
    assert held(desk) == ["BBB", "DDD"]


def test_two_symbols_never_spend_the_same_margin() -> None:
    """Wallet 150, each wants 1,000 at 10x = 100: the second gets what is left after margin and costs of the first."""
    desk = Desk("AAA", "BBB", wallet=150, limits=Limits(exposure_per_symbol=D(50), exposure_total=D(50)))
    desk.says("AAA", LONG, stop=95, target=110).says("BBB", LONG, stop=95, target=110).bar()
    first, second = desk.decisions
    assert (first.taken, second.taken) == (True, True)
    assert second.binding == "free margin"
    assert second.notional < 500
    assert desk.state.margin_used() <= 150
    assert desk.matching.balance().margin_used <= 150


def test_the_reservation_holds_while_the_entry_is_on_its_way() -> None:
    """AAA fills 4 of 10 a bar: its slot and margin stay reserved for the whole order."""
    rules = replace(SMOOTH, max_fill_quantity=D(4))
    desk = Desk("AAA", "BBB", rules=rules, limits=Limits(exposure_total=D("0.15"), exposure_per_symbol=D(1)))
    desk.enter("AAA", LONG, stop=95, target=110)
    assert desk.size("AAA") == 4
    desk.enter("BBB", LONG, stop=95, target=110)
    assert text(desk.decisions[-1].notional.quantize(D(1))) == "500"
    assert desk.decisions[-1].binding == "exposure limit"


def test_a_rejected_entry_gives_its_reservation_back() -> None:
    from bot.domain.event import Outcome

    desk = Desk(limits=Limits(max_positions=1))
    desk.venue.misbehave = lambda r: Outcome.NOT_DONE
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert (desk.of().pending, desk.state.margin_used()) == (None, 0)
    desk.venue.misbehave = lambda r: None
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.size() == 10


def test_exposure_per_symbol_and_in_all() -> None:
    """5 % of 10,000 per symbol is 500; 8 % in all leaves 300 for the second (a little less after the first's fee)."""
    limits = Limits(exposure_per_symbol=D("0.05"), exposure_total=D("0.08"))
    desk = Desk("AAA", "BBB", "CCC", limits=limits)
    desk.enter("AAA", LONG, stop=95, target=110)
    desk.enter("BBB", SHORT, stop=105, target=90)
    first, second = desk.decisions
    assert (first.binding, text(first.notional)) == ("exposure limit", "500")
    assert (second.binding, text(second.notional)) == ("exposure limit", "299.9")


def test_too_little_margin_makes_the_entry_smaller_and_then_refuses() -> None:
    desk = Desk(wallet=20)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.decisions[0].binding == "exposure limit"
    poor = Desk(wallet=9)
    poor.enter("XYZ", LONG, stop=95, target=110)
    assert poor.size() == 0
    assert poor.refusals()[0] in ("symbol", "free margin")


def test_below_the_minimum_notional_is_refused() -> None:
    desk = Desk(sizing=notional(4))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["minimum notional"]
    assert figures(desk, "minimum notional") == "4.00, minimum 5 (fixed_notional)"


def test_a_size_that_rounds_to_nothing_is_refused() -> None:
    desk = Desk(instruments={"XYZ": instrument("XYZ", quantity_step=D(100), min_quantity=D(100))})
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["minimum notional"]
    assert "below minimum quantity 100" in figures(desk, "minimum notional")


def test_cooldown_after_a_loss_counts_bars() -> None:
    """The loss falls into one bar; its own close and the next are refused, the one after is free."""
    desk = Desk(limits=Limits(cooldown_bars=2))
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.says("XYZ", LONG, stop=91, target=110, reference=96.0).bar(XYZ=(100, 100, 94, 96))
    assert desk.trades[0].net < 0
    desk.enter("XYZ", LONG, stop=91, target=110)
    desk.enter("XYZ", LONG, stop=91, target=110)
    assert desk.refusals() == ["", "cooldown", "cooldown", ""]


def test_a_win_needs_no_cooldown() -> None:
    desk = Desk(limits=Limits(cooldown_bars=5))
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bar(XYZ=(100, 111, 100, 110))
    desk.enter("XYZ", LONG, stop=105, target=120)
    assert desk.refusals() == ["", ""]


def test_trades_per_day_until_midnight() -> None:
    desk = Desk(limits=Limits(max_trades_per_day=1))
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bar(XYZ=(100, 111, 100, 100))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["", "trades per day"]
    assert figures(desk, "trades per day") == "1 of 1"
    desk.bars(48)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals()[-1] == ""


def test_no_entry_shortly_before_funding() -> None:
    desk = Desk(limits=Limits(funding_window_minutes=20))
    settles = desk.at_ms + BAR_MS + 10 * MINUTE_MS
    desk.feed(FundingRatesSeen(desk.at_ms, (FundingRate("XYZ", desk.at_ms, 0.0001, settles),)))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["funding window"]
    assert figures(desk, "funding window") == "10 min to funding, window 20 min"
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["funding window", ""]


def test_no_entry_into_a_wide_spread() -> None:
    desk = Desk(limits=Limits(max_spread_percent=D("0.5")))
    desk.feed(QuotesSeen(desk.at_ms, (Quote("XYZ", desk.at_ms, 99.0, 100.0, 99.5, 99.5),)))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["spread"]
    assert figures(desk, "spread") == "1.000 %, limit 0.5 %"
    desk.feed(QuotesSeen(desk.at_ms, (Quote("XYZ", desk.at_ms, 99.9, 100.0, 100.0, 100.0),)))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["spread", ""]


@pytest.mark.parametrize("late_ms, refused", [(300_000, ""), (300_001, "data")])
def test_a_stale_signal_is_refused(late_ms: int, refused: str) -> None:
    """The bar is handled long after it closed: the limit is 300 s here."""
    from bot.domain.event import CandlesClosed
    from bot.domain.market import Candle

    desk = Desk()
    closes = desk.at_ms + BAR_MS
    desk.says("XYZ", LONG, stop=95, target=110)
    candle = Candle("XYZ", desk.at_ms, 100.0, 100.0, 100.0, 100.0, 1.0)
    desk.feed(CandlesClosed(closes + late_ms, "15m", (candle,)))
    assert desk.refusals() == [refused]


def test_nothing_enters_while_the_link_or_the_database_is_down() -> None:
    desk = Desk()
    desk.feed(VenueLost(desk.at_ms, "silence"))
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.feed(VenueRestored(desk.at_ms))
    desk.feed(StorageChanged(desk.at_ms, False, "locked"))
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.feed(StorageChanged(desk.at_ms, True))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals() == ["trading", "trading", ""]


def test_exits_go_on_while_the_link_or_the_database_is_down() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.feed(StorageChanged(desk.at_ms, False, "locked"), VenueLost(desk.at_ms, "silence"))
    desk.bar(XYZ=(100, 100, 94, 94))
    assert (desk.size(), desk.resting()) == (0, {})


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), -1.0, 0.0])
def test_senseless_candles_and_quotes_change_no_price(figure: float) -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.feed(QuotesSeen(desk.at_ms, (Quote("XYZ", desk.at_ms, 99.0, 100.0, figure, figure),)))
    from bot.domain.event import CandlesClosed
    from bot.domain.market import Candle

    desk.feed(
        CandlesClosed(
            desk.at_ms + BAR_MS, "15m", (Candle("XYZ", desk.at_ms, 100.0, figure, figure, 100.0, 1.0),)
        )
    )
    assert desk.of().mark == 100.0
    assert reading.status(desk.state).balance.equity == desk.state.wallet


def test_symbols_that_are_not_traded_are_passed_over() -> None:
    desk = Desk()
    from bot.domain.event import CandlesClosed
    from bot.domain.market import Candle

    desk.feed(
        CandlesClosed(desk.at_ms + BAR_MS, "15m", (Candle("ABC", desk.at_ms, 1.0, 1.0, 1.0, 1.0, 1.0),)),
        QuotesSeen(desk.at_ms, (Quote("ABC", desk.at_ms, 1.0, 1.0, 1.0, 1.0),)),
        FundingRatesSeen(desk.at_ms, (FundingRate("ABC", desk.at_ms, 0.1, 1),)),
        TimerDue(desk.at_ms, "cover", "ABC"),
        TimerDue(desk.at_ms, "close", "ABC"),
        TimerDue(desk.at_ms, "unknown", "nobody"),
        TimerDue(desk.at_ms, "nothing we know", ""),
    )
    assert desk.decisions == []


def test_a_stop_nearer_than_two_ticks_opens_nothing() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=99.99, target=110)
    assert (desk.refusals(), desk.size(), desk.submitted(Purpose.ENTRY)) == (["stop distance"], 0, [])
    assert figures(desk, "stop distance") == "0.01 from the entry, minimum 0.02 (2 ticks)"
    desk.enter("XYZ", LONG, stop=99.98, target=110)
    assert desk.size() == 10
