"""What real exchanges bring: conditions that come and go, second legs, late candles, quotes, positions unexplained."""

from dataclasses import replace

from desk_story import BAR_MS, BUY, LONG, SELL, SHORT, START_MS, D, Desk, text
from recovered import Memory

from bot.domain.action import RecordHalt, RecordTrading
from bot.domain.command import Done, PanicClose, StartTrading, Unhalt
from bot.domain.event import CandlesClosed, Filled, QuotesSeen, SnapshotTaken, VenueConditionChanged
from bot.domain.guard import HaltKind, Limits, TradingState
from bot.domain.market import Candle, Quote
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, OrderType, Purpose
from bot.domain.position import Position
from bot.engine.engine import Engine
from bot.runtime.codec import decode_event, encode_event
from bot.venues.matching import OrderRequest


def condition(desk: Desk, kind: HaltKind, active: bool, symbol: str = "", reason: str = "said so") -> None:
    desk.feed(VenueConditionChanged(desk.venue.now_ms, kind, active, reason, symbol))


def kinds(desk: Desk) -> list[tuple[HaltKind, str]]:
    return [(halt.kind, halt.symbol) for halt in desk.state.halts]


# --- conditions ---------------------------------------------------------------------------------------------------


def test_a_condition_halts_entries_until_it_is_over_and_says_both() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bar(XYZ=(100, 111, 100, 110))
    condition(desk, HaltKind.CLOCK, True, reason="our clock is 1.4 s off")
    condition(desk, HaltKind.CLOCK, True, reason="our clock is 1.6 s off")
    (told,) = desk.notices(NoticeKind.HALT)
    assert (told.title, told.severity) == (
        "all symbols halted (CLOCK): our clock is 1.4 s off",
        Severity.CRITICAL,
    )
    desk.enter("XYZ", LONG, stop=105, target=120)
    assert desk.refusals()[-1] == "symbol"
    condition(desk, HaltKind.CLOCK, False)
    condition(desk, HaltKind.CLOCK, False)
    assert [n.title for n in desk.notices(NoticeKind.HALT)][1:] == ["all symbols: halt (CLOCK) is over"]
    desk.enter("XYZ", LONG, stop=105, target=120)
    assert (desk.refusals()[-1], desk.state.halts) == ("", [])


def test_conditions_of_one_symbol_leave_the_others_alone_and_wake_nobody() -> None:
    desk = Desk("AAA", "BBB")
    condition(desk, HaltKind.STALE, True, "AAA", "no candle since 12:00")
    condition(desk, HaltKind.STALE, True, "NOPE")
    assert kinds(desk) == [(HaltKind.STALE, "AAA")]
    assert desk.notices(NoticeKind.HALT)[0].severity is Severity.TRADE
    desk.says("AAA", LONG, stop=95).says("BBB", LONG, stop=95).bar()
    assert (desk.size("AAA"), desk.size("BBB")) == (0, 10)
    condition(desk, HaltKind.STALE, False, "BBB")
    assert kinds(desk) == [(HaltKind.STALE, "AAA")]


def test_exits_go_on_under_every_condition() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    for kind in (HaltKind.CLOCK, HaltKind.MAINTENANCE, HaltKind.STALE, HaltKind.ERRORS):
        condition(desk, kind, True)
    desk.bar(XYZ=(100, 100, 94, 94))
    assert (desk.size(), desk.trades[0].reason) == (0, CloseReason.SL)


def test_a_condition_does_not_outlive_a_restart_but_other_halts_do() -> None:
    desk = Desk("AAA", "BBB")
    for kind in (HaltKind.CLOCK, HaltKind.MAINTENANCE, HaltKind.STALE, HaltKind.ERRORS):
        condition(desk, kind, True, "AAA")
    desk.person("BBB", BUY, 3)
    memory = Memory(desk.venue.steps)
    assert len(memory.halts) == 5
    began = len(desk.actions)
    desk.restart(memory.recovered())
    assert kinds(desk) == [(HaltKind.FOREIGN, "BBB")]
    lifted = [a for a in desk.actions[began:] if isinstance(a, RecordHalt) and a.lifted_at_ms]
    assert len(lifted) == 4
    assert list(Memory(desk.venue.steps).halts) == [("BBB", HaltKind.FOREIGN)]
    condition(desk, HaltKind.CLOCK, True)
    assert len(desk.state.halts) == 2, "told again where it still holds"


def test_a_condition_is_journaled_and_replayed() -> None:
    desk = Desk()
    condition(desk, HaltKind.MAINTENANCE, True, reason="until 14:00")
    desk.enter("XYZ", LONG, stop=95, target=110)
    condition(desk, HaltKind.MAINTENANCE, False)
    again = Engine(desk.settings, desk.script, lambda symbol, overrides: desk.script.strategy(symbol))
    for step in desk.venue.steps:
        event = decode_event(encode_event(step.event))
        assert tuple(again.handle(event)) == step.actions


# --- two legs -----------------------------------------------------------------------------------------------------


def second_leg(desk: Desk, side: object, quantity: int) -> None:
    """A person opens the other leg of a hedge account, past our stream; snapshots show both legs."""
    order = OrderRequest(
        "web2", "XYZ", SELL if side is SHORT else BUY, OrderType.MARKET, D(quantity), foreign=True, leg=side
    )
    for report in desk.matching.submit(order, desk.venue.now_ms):
        desk.venue.remember(report)
    desk.venue.fills = [fill for fill in desk.venue.fills if fill.client_id.startswith("qd")]
    plain = desk.venue._snapshot

    def legs(since_ms: int) -> object:
        both = (desk.matching.position("XYZ"), desk.matching.position("XYZ", side))
        return replace(plain(since_ms), positions=tuple(leg for leg in both if leg.quantity))

    desk.venue._snapshot = legs


def test_a_second_leg_is_told_once_stops_entries_and_is_never_netted() -> None:
    desk = Desk()
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    second_leg(desk, SHORT, 4)
    for _ in range(3):
        desk.reconcile()
    assert desk.of().position.quantity == 10
    told = [n for n in desk.notices(NoticeKind.DIFFERENCE) if "second leg" in n.title]
    assert [n.title for n in told] == [
        "XYZ: a second leg that is not ours, SHORT 4; left alone, no entries here"
    ]
    assert kinds(desk) == [(HaltKind.FOREIGN, "XYZ")]
    assert desk.matching.position("XYZ").quantity == 10
    assert desk.resting() == {"stop": "95", "target": "110"}


def test_fills_of_the_other_leg_do_not_touch_our_position() -> None:
    desk = Desk()
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    second_leg(desk, SHORT, 4)
    own = next(s.event.fill for s in desk.venue.steps if isinstance(s.event, Filled))
    theirs = replace(
        own, trade_id="web-1", side=SELL, quantity=D(4), client_id="", venue_order_id="9", leg=SHORT
    )
    began = len(desk.venue.steps)
    desk.feed(Filled(desk.venue.now_ms, theirs))
    desk.feed(Filled(desk.venue.now_ms, theirs))
    assert desk.of().position.quantity == 10
    asked = [s for s in desk.venue.steps[began:] if isinstance(s.event, SnapshotTaken)]
    assert len(asked) == 1, "the wallet is looked at once"
    assert kinds(desk) == [(HaltKind.FOREIGN, "XYZ")]
    ours = replace(theirs, trade_id="web-2", leg=LONG)
    desk.feed(Filled(desk.venue.now_ms, ours))
    assert desk.of().position.quantity == 6, "of our leg it counts"


def test_a_leg_closed_by_somebody_while_we_are_flat_is_not_ours() -> None:
    desk = Desk()
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    own = next(s.event.fill for s in desk.venue.steps if isinstance(s.event, Filled))
    flat = Desk()
    flat.sane = False
    flat.feed(Filled(flat.venue.now_ms, replace(own, trade_id="w", client_id="", leg=SHORT)))
    assert flat.of().position.flat


def test_panic_closes_our_leg_then_the_other_and_says_what_it_did() -> None:
    desk = Desk()
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    second_leg(desk, SHORT, 4)
    desk.reconcile()
    perform = desk.venue.matching.submit

    def on_the_leg(request: OrderRequest, at_ms: int) -> object:
        """The dialect names the leg that a close is for."""
        short = request.side is BUY and request.reduce_only
        return perform(replace(request, leg=SHORT, reduce_only=False) if short else request, at_ms)

    desk.venue.matching.submit = on_the_leg
    desk.ask(PanicClose())
    desk.wait(10_000)
    desk.reconcile()
    answer = desk.answer("c1")
    assert isinstance(answer, Done)
    assert [(text(r.asked), text(r.done), text(r.left)) for r in answer.receipts] == [
        ("10", "10", "0"),
        ("4", "4", "0"),
    ]
    assert answer.remarks == ("flat, verified with the venue",)
    assert desk.matching.position("XYZ").flat
    assert desk.matching.position("XYZ", SHORT).flat


# --- late candles -------------------------------------------------------------------------------------------------


def candle(desk: Desk, close: float, bars_later: int = 0) -> Candle:
    return Candle("XYZ", desk.at_ms + bars_later * BAR_MS, close, close, close, close, 1.0)


def test_bars_missed_in_an_outage_move_prices_and_open_nothing() -> None:
    """Three bars arrive together, 40 s after the close of the last: only that one may be traded."""
    desk = Desk()
    now = desk.at_ms + 3 * BAR_MS + 40_000
    for bars in (1, 2, 3):
        desk.at_ms = START_MS + (bars - 1) * BAR_MS
        desk.says("XYZ", LONG, stop=95, target=110)
    desk.at_ms = START_MS
    desk.venue.wait(now)
    for bars, price in ((0, 98.0), (1, 99.0), (2, 100.0)):
        desk.feed(CandlesClosed(now, "15m", (candle(desk, price, bars),)))
    assert desk.refusals() == ["data", "data", ""]
    stale = next(g.figures for g in desk.decisions[0].gates if g.gate == "data")
    assert stale == "stale candle: bar closed 1840.0 s ago, limit 300 s"
    assert (desk.of().last_price, desk.size()) == (100.0, 10)
    assert desk.state.last_bar_at_ms == START_MS + 3 * BAR_MS


def test_a_stale_opposite_signal_turns_nothing_around() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.says("XYZ", SHORT, stop=105, target=90)
    now = desk.at_ms + 2 * BAR_MS
    desk.venue.wait(now)
    desk.feed(CandlesClosed(now, "15m", (candle(desk, 100.0),)))
    assert (desk.size(), desk.refusals()[-1]) == (10, "data")


def test_a_candle_twice_unfinished_or_of_no_traded_symbol_is_nothing() -> None:
    desk = Desk()
    desk.says("XYZ", LONG, stop=95, target=110)
    early, closes = candle(desk, 100.0), desk.at_ms + BAR_MS
    desk.venue.wait(closes - 1_500)
    assert desk.feed(CandlesClosed(closes - 1_500, "15m", (early,))) == []
    assert desk.feed(CandlesClosed(closes - 1_500, "15m", (replace(early, symbol="NOPE"),))) == []
    desk.venue.wait(closes)
    desk.feed(CandlesClosed(closes, "15m", (early,)))
    assert desk.size() == 10
    again = len(desk.actions)
    desk.feed(CandlesClosed(closes + 500, "15m", (early,)))
    assert desk.actions[again:] == []


def test_a_straggler_of_the_same_bar_is_still_traded() -> None:
    desk = Desk("AAA", "BBB")
    desk.says("AAA", LONG, stop=95).says("BBB", LONG, stop=95)
    closes = desk.at_ms + BAR_MS
    first = Candle("AAA", desk.at_ms, 100, 100, 100, 100, 1.0)
    desk.venue.wait(closes)
    desk.feed(CandlesClosed(closes, "15m", (first,)))
    desk.feed(CandlesClosed(closes + 1_700, "15m", (replace(first, symbol="BBB"),)))
    assert (desk.size("AAA"), desk.size("BBB")) == (10, 10)


def test_after_a_restart_a_bar_handled_before_is_not_handled_again() -> None:
    desk = Desk()
    desk.bar()
    last = candle(desk, 100.0, -1)
    late = desk.at_ms + 1_900
    recovered = replace(Memory(desk.venue.steps).recovered(), last_bar_at_ms=late)
    desk.restart(recovered)
    desk.says("XYZ", LONG, stop=95, target=110)
    assert desk.feed(CandlesClosed(late, "15m", (last,))) == []
    desk.bar()
    assert desk.size() == 10


# --- quotes -------------------------------------------------------------------------------------------------------


def quote(desk: Desk, price: float, at_ms: int = 0) -> None:
    at_ms = at_ms or desk.venue.now_ms
    desk.feed(QuotesSeen(desk.venue.now_ms, (Quote("XYZ", at_ms, price, price, price, price),)))


def test_a_late_candle_does_not_overwrite_a_newer_quote_nor_an_old_quote_a_newer_one() -> None:
    desk = Desk()
    closes = desk.at_ms + BAR_MS
    desk.venue.wait(closes + 2_000)
    quote(desk, 103.0)
    desk.feed(CandlesClosed(desk.venue.now_ms, "15m", (candle(desk, 100.0),)))
    quote(desk, 90.0, closes)
    assert (desk.of().last_price, desk.of().mark) == (103.0, 103.0)


def test_the_move_of_five_seconds_counts_not_that_of_one_tick() -> None:
    """Half a per cent a second: 2 % are reached with the fourth."""
    desk = Desk(limits=Limits(volatility_percent=D(2)))
    for price in (100.0, 100.5, 101.0, 101.5):
        quote(desk, price)
        desk.wait(1_000)
    assert desk.state.halts == []
    quote(desk, 102.0)
    (halt,) = desk.state.halts
    assert halt.figures == "moved 2.00 % within 5 s, limit 2 %"


def test_the_same_move_in_a_minute_is_no_alarm_and_there_and_back_is() -> None:
    desk = Desk(limits=Limits(volatility_percent=D(2)))
    for tenth in range(31):
        quote(desk, 100.0 + tenth / 10)
        desk.wait(2_000)
    assert desk.state.halts == []
    quote(desk, 105.2)
    assert len(desk.state.halts) == 1
    desk.ask(Unhalt())
    desk.wait(60_000)
    quote(desk, 105.2)
    assert desk.state.halts == []


# --- what nobody can explain --------------------------------------------------------------------------------------


def unexplained(desk: Desk, quantity: int) -> None:
    """While we were away the venue's position changed, and no fill says how."""
    order = OrderRequest("web", "XYZ", BUY, OrderType.MARKET, D(quantity), foreign=True)
    assert desk.matching.submit(order, desk.venue.now_ms)


def restarted(desk: Desk) -> int:
    began = len(desk.actions)
    desk.restart(Memory(desk.venue.steps).recovered())
    return began


def test_a_position_that_nothing_explains_at_start_is_asked_about() -> None:
    desk = Desk("XYZ", "ABC")
    unexplained(desk, 3)
    began = restarted(desk)
    assert desk.state.trading is TradingState.PROTECT
    recorded = [a.state for a in desk.actions[began:] if isinstance(a, RecordTrading)]
    assert recorded[-1] is TradingState.PROTECT
    asked = [n for n in desk.notices(NoticeKind.RECOVERY) if "not explained" in n.title]
    assert [n.severity for n in asked] == [Severity.CRITICAL]
    assert "XYZ LONG 3" in asked[0].title
    assert asked[0].fields == (("Without a stop of ours", "XYZ"),)
    desk.enter("ABC", LONG, stop=95, target=110)
    assert desk.refusals() == ["trading"]
    restarted(desk)
    assert desk.state.trading is TradingState.PROTECT, "until a person decides"
    desk.ask(StartTrading())
    desk.enter("ABC", LONG, stop=95, target=110)
    assert desk.size("ABC") == 10
    restarted(desk)
    assert desk.state.trading is TradingState.ACTIVE, "known by now"


def test_our_own_position_found_larger_is_covered_and_asked_about() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    unexplained(desk, 5)
    restarted(desk)
    assert (desk.state.trading, desk.of().position.quantity) == (TradingState.PROTECT, 15)
    assert desk.covered("XYZ")
    desk.bar(XYZ=(100, 100, 94, 94))
    assert desk.size() == 0


def test_what_fills_explain_or_what_got_less_is_no_riddle() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    order = OrderRequest("web", "XYZ", SELL, OrderType.MARKET, D(4), foreign=True)
    desk.matching.submit(order, desk.venue.now_ms)
    restarted(desk)
    assert (desk.state.trading, desk.of().position.quantity) == (TradingState.ACTIVE, 6)


def test_at_the_very_first_start_a_persons_position_stops_its_symbol_only() -> None:
    desk = Desk("XYZ", "ABC")
    unexplained(desk, 3)
    from bot.domain.snapshot import Recovered

    desk.restart(Recovered())
    assert (desk.state.trading, kinds(desk)) == (TradingState.ACTIVE, [(HaltKind.FOREIGN, "XYZ")])


def test_books_that_were_lost_leave_the_stops_at_the_venue_alone() -> None:
    """And so does a second desk on the same account: it opens nothing, and takes nothing away."""
    from bot.domain.snapshot import Recovered

    desk = Desk("XYZ", "ABC")
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.restart(Recovered())
    for _ in range(3):
        desk.reconcile()
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert desk.state.trading is TradingState.PROTECT
    (notice,) = [n for n in desk.notices(NoticeKind.RECOVERY) if "know nothing" in n.title]
    assert notice.title.startswith("XYZ: protected by orders of a desk of this account")
    desk.enter("ABC", LONG, stop=95)
    assert desk.of("ABC").position.flat


def test_what_protected_goes_with_its_position_whoever_sent_it() -> None:
    from bot.domain.snapshot import Recovered

    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.restart(Recovered())
    desk.sane = False  # they are not in the books: the next comparison finds them
    desk.person("XYZ", SELL, 10)
    desk.reconcile()
    assert (desk.size(), desk.resting()) == (0, {})


def test_where_foreign_positions_are_adopted_they_get_a_stop() -> None:
    desk = Desk(adopt_foreign=True)
    desk.person("XYZ", BUY, 3)
    assert desk.resting() == {"stop": "95"}
    assert kinds(desk) == [(HaltKind.FOREIGN, "XYZ")]
    desk.ask(Unhalt())
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert desk.size() == 3, "a signal does not close it"
    desk.bar(XYZ=(100, 100, 94, 94))
    assert desk.size() == 0
    assert (desk.trades[0].strategy, desk.of().kill) == ("foreign", None)


def test_a_position_of_a_symbol_we_do_not_trade_is_told_once() -> None:
    desk = Desk()
    plain = desk.venue._snapshot
    held = [Position("OTHER", D(7), D(5))]
    desk.venue._snapshot = lambda since: replace(plain(since), positions=(*plain(since).positions, *held))
    for _ in range(3):
        desk.reconcile()
    assert len(desk.notices(NoticeKind.DIFFERENCE)) == 1
    held[0] = replace(held[0], quantity=D(8))
    desk.reconcile()
    assert len(desk.notices(NoticeKind.DIFFERENCE)) == 2
    assert desk.submitted(Purpose.CLOSE) == []
