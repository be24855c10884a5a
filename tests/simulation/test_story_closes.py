"""Closing: a part, all, twice, in panic; retried, split, and never silently left."""

from dataclasses import replace

import pytest
from desk_story import BUY, LONG, SHORT, SMOOTH, D, Desk, instrument, text
from recovered import Memory

from bot.domain.command import CloseAll, ClosePosition, Done, PanicClose, Receipt, StartTrading
from bot.domain.event import Outcome, SnapshotFailed, SnapshotTaken
from bot.domain.guard import TradingState
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, OrderType, Purpose
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.venues.matching import OrderRequest, Refusal

VERIFIED = "flat, verified with the venue"


def long_at_100(**more: object) -> Desk:
    desk = Desk(**more)
    desk.enter("XYZ", LONG, stop=95, target=110)
    return desk


def closes(request: OrderRequest) -> bool:
    return request.type is OrderType.MARKET and request.reduce_only


def test_close_answers_with_a_receipt_once_the_venue_says_flat() -> None:
    """At 102: +20 - 0.408 - 0.40, the entry's fee: what the trade says too."""
    desk = long_at_100()
    desk.bar(XYZ=102)
    answer = desk.ask(ClosePosition("XYZ"))
    receipt = Receipt("XYZ", D(10), D(10), D(0), D(102), D(0), D("19.192"), 0)
    assert answer == Done(receipts=(receipt,), remarks=(VERIFIED,))
    assert desk.trades[0].net == receipt.net
    assert desk.resting() == {}
    assert desk.trades[0].reason is CloseReason.MANUAL
    assert desk.state.trading is TradingState.ACTIVE


def test_receipts_of_parts_add_up_to_the_trade_with_fees_and_funding() -> None:
    """Entry fee 0.40, funding -1 before the first part and -0.7 before the second; 3 at 101, 7 at 103."""
    desk = long_at_100()
    desk.fund("XYZ", "0.001")
    desk.bar(XYZ=101)
    first = desk.ask(ClosePosition("XYZ", D(30)))
    desk.fund("XYZ", "0.001")
    desk.bar(XYZ=103)
    second = desk.ask(PanicClose())
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    nets = [answer.receipts[0].net for answer in (first, second)]
    assert text(nets[0]) == text(3 - D("0.1212") - (D("0.4") + 1) * D("0.3"))
    assert sum(nets) == desk.trades[0].net


@pytest.mark.parametrize(
    "side, stop, target, price, slippage",
    [
        (LONG, 95, 110, 99, "10"),
        (LONG, 95, 110, 101, "-10"),
        (LONG, 95, 110, 100, "0"),
        (SHORT, 105, 90, 101, "10"),
        (SHORT, 105, 90, 99, "-10"),
        (SHORT, 105, 90, 100, "0"),
    ],
)
def test_slippage_is_what_the_way_out_cost_and_below_zero_what_it_gained(
    side: Side, stop: float, target: float, price: float, slippage: str
) -> None:
    """10 units, expected at 100, the last price we heard; the market has moved by 1 when the order comes."""
    desk = Desk()
    desk.enter("XYZ", side, stop=stop, target=target)
    desk.matching.set_price("XYZ", price)
    answer = desk.ask(ClosePosition("XYZ"))
    assert isinstance(answer, Done)
    (receipt,) = answer.receipts
    assert (text(receipt.average_price), text(receipt.slippage)) == (str(price), slippage)
    assert text(desk.trades[0].slippage) == slippage


def test_receipts_after_a_restart_say_the_same() -> None:
    desk = long_at_100()
    desk.fund("XYZ", "0.001")
    desk.restart(Memory(desk.venue.steps).recovered())
    answer = desk.ask(ClosePosition("XYZ"))
    assert isinstance(answer, Done)
    assert answer.receipts[0].net == desk.trades[0].net


def test_close_a_part_keeps_the_rest_protected() -> None:
    desk = long_at_100()
    answer = desk.ask(ClosePosition("XYZ", D(25)))
    assert isinstance(answer, Done)
    assert (text(answer.receipts[0].done), desk.size()) == ("2.5", D("7.5"))
    assert desk.resting() == {"stop": "95", "target": "110"}
    desk.bar(XYZ=(100, 111, 100, 110))
    (trade,) = desk.trades
    assert (text(trade.quantity), text(trade.gross)) == ("10", "75")


def test_a_part_that_would_leave_dust_takes_all() -> None:
    """99.99 % of 10 is 9.999; 0.001 is still an order here, but not where 0.01 is the least."""
    rules = {"XYZ": instrument("XYZ", min_quantity=D("0.01"))}
    desk = long_at_100(instruments=rules)
    desk.ask(ClosePosition("XYZ", D("99.99")))
    assert (desk.size(), desk.resting()) == (0, {})


def test_a_part_below_the_minimum_is_refused_with_figures() -> None:
    desk = long_at_100(instruments={"XYZ": instrument("XYZ", min_quantity=D("0.01"))})
    answer = desk.ask(ClosePosition("XYZ", D("0.05")))
    assert isinstance(answer, Refused)
    assert "0.01" in answer.figures
    assert desk.size() == 10


def test_percentages_that_are_none() -> None:
    desk = long_at_100()
    for percent in ("0", "-5", "101", "NaN", "Infinity"):
        assert isinstance(desk.ask(ClosePosition("XYZ", D(percent))), Refused), percent
    assert desk.ask(ClosePosition("ABC")) == Refused("symbol", "ABC is not traded; traded: XYZ")
    assert desk.size() == 10


def test_nothing_to_close() -> None:
    desk = Desk()
    assert desk.ask(ClosePosition("XYZ")) == Refused("position", "XYZ has no open position")
    assert desk.ask(CloseAll()) == Done(remarks=(VERIFIED,))


def test_closing_twice_closes_once_and_answers_both() -> None:
    desk = long_at_100()
    desk.venue.misbehave = lambda r: Outcome.NOT_DONE if closes(r) else None
    assert desk.ask(ClosePosition("XYZ")) is None
    assert desk.ask(ClosePosition("XYZ")) is None
    desk.venue.misbehave = lambda r: None
    desk.wait(60_000)
    assert desk.size() == 0
    assert len(desk.trades) == 1
    for command_id in ("c1", "c2"):
        answer = desk.answer(command_id)
        assert isinstance(answer, Done)
        assert answer.remarks == (VERIFIED,)
        assert [text(r.done) for r in answer.receipts] == ["10"]


def test_close_all_closes_all_and_trading_goes_on() -> None:
    desk = Desk("AAA", "BBB", "CCC")
    desk.says("AAA", LONG, stop=95, target=110).enter("BBB", SHORT, stop=105, target=90)
    answer = desk.ask(CloseAll())
    assert isinstance(answer, Done)
    assert [r.symbol for r in answer.receipts] == ["AAA", "BBB"]
    assert [desk.size(name) for name in desk.names] == [0, 0, 0]
    desk.enter("CCC", LONG, stop=95, target=110)
    assert desk.size("CCC") == 10


# --- panic --------------------------------------------------------------------------------------------------------


def test_panic_flattens_all_and_stops() -> None:
    desk = Desk("AAA", "BBB")
    desk.says("AAA", LONG, stop=95, target=110).enter("BBB", SHORT, stop=105, target=90)
    answer = desk.ask(PanicClose())
    assert isinstance(answer, Done)
    assert answer.remarks == (VERIFIED,)
    assert [t.reason for t in desk.trades] == [CloseReason.PANIC] * 2
    assert desk.state.trading is TradingState.STOPPED
    assert desk.notices(NoticeKind.PANIC)[0].severity is Severity.CRITICAL
    desk.enter("AAA", LONG, stop=95, target=110)
    assert desk.refusals()[-1] == "trading"
    desk.ask(StartTrading())
    desk.enter("AAA", LONG, stop=95, target=110)
    assert desk.size("AAA") == 10


def test_panic_for_one_symbol_pauses_only_that() -> None:
    desk = Desk("AAA", "BBB")
    desk.says("AAA", LONG, stop=95, target=110).enter("BBB", SHORT, stop=105, target=90)
    desk.ask(PanicClose("AAA"))
    assert (desk.size("AAA"), desk.size("BBB")) == (0, -10)
    assert desk.of("AAA").paused
    assert desk.state.trading is TradingState.ACTIVE
    assert isinstance(desk.ask(PanicClose("CCC")), Refused)


def test_panic_cancels_an_entry_that_is_still_filling() -> None:
    desk = Desk(rules=replace(SMOOTH, max_fill_quantity=D(4)))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.resting()["entry"] == "0"
    desk.ask(PanicClose())
    assert (desk.size(), desk.resting()) == (0, {})
    desk.bars(3)
    assert (desk.size(), desk.state.margin_used()) == (0, 0)
    assert isinstance(desk.answer("c1"), Done)


def test_panic_twice_sends_no_second_close() -> None:
    desk = long_at_100()
    desk.venue.misbehave = lambda r: Outcome.UNKNOWN if closes(r) else None
    desk.sane = False
    desk.ask(PanicClose())
    sent = len(desk.submitted(Purpose.CLOSE))
    desk.venue.misbehave = lambda r: None
    desk.ask(PanicClose())
    desk.wait(60_000)
    assert desk.size() == 0
    assert sent == 1
    assert len(desk.trades) == 1
    assert all(isinstance(desk.answer(c), Done) for c in ("c1", "c2"))


def test_panic_with_refused_orders_retries_alarms_and_then_succeeds() -> None:
    desk = long_at_100()
    desk.venue.misbehave = lambda r: Refusal("-1008", "overload") if closes(r) else None
    assert desk.ask(PanicClose()) is None
    desk.wait(60_000)
    alarms = [n for n in desk.notices(NoticeKind.PANIC) if "could not be closed" in n.title]
    assert alarms
    assert "10 left" in alarms[0].title
    assert alarms[0].severity is Severity.CRITICAL
    assert desk.resting() == {"stop": "95", "target": "110"}, "protection stays while the close does not work"
    desk.venue.misbehave = lambda r: None
    desk.wait(60_000)
    assert (desk.size(), desk.resting()) == (0, {})
    answer = desk.answer("c1")
    assert isinstance(answer, Done)
    assert answer.remarks == ("NOT CONFIRMED after 30 s: XYZ 10 left; the desk goes on until it is flat",)
    assert [(r.done, r.left, r.verified_ms) for r in answer.receipts] == [(0, 10, 0)]
    end = desk.notices(NoticeKind.PANIC)[-1]
    assert end.title == "Panic close of 12:15 UTC finished: flat, verified with the venue"
    assert end.severity is Severity.CRITICAL
    assert [label for label, _ in end.fields] == ["XYZ"]


def test_three_refusals_make_it_read_the_position_again() -> None:
    desk = long_at_100()
    desk.venue.misbehave = lambda r: Refusal("-2022", "reduce only") if closes(r) else None
    desk.ask(ClosePosition("XYZ"))
    before = len(desk.venue.steps)
    desk.wait(20_000)
    assert any(isinstance(s.event, SnapshotTaken) for s in desk.venue.steps[before:])


def test_large_positions_are_closed_in_pieces_the_venue_takes() -> None:
    """Ten units, at most four in one market order: 4, 4, 2; the receipt is for all."""
    desk = Desk(instruments={"XYZ": instrument("XYZ", max_market_quantity=D("10"))})
    desk.enter("XYZ", LONG, stop=95, target=110)
    small = instrument("XYZ", max_market_quantity=D("4.0005"))
    desk.of().instrument = small
    answer = desk.ask(PanicClose())
    assert [text(o.intent.quantity) for o in desk.submitted(Purpose.CLOSE)] == ["4", "4", "2"]
    assert isinstance(answer, Done)
    assert [text(r.done) for r in answer.receipts] == ["10"]


def test_the_last_piece_is_never_too_small_to_send() -> None:
    """Ten units, at most 4.9 and at least 0.5 an order: 4.9 + 4.9 would leave 0.2."""
    desk = Desk(instruments={"XYZ": instrument("XYZ", min_quantity=D("0.5"))})
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.of().instrument = instrument("XYZ", min_quantity=D("0.5"), max_market_quantity=D("4.9"))
    desk.ask(PanicClose())
    pieces = [o.intent.quantity for o in desk.submitted(Purpose.CLOSE)]
    assert sum(pieces) == 10
    assert min(pieces) >= D("0.5")
    assert desk.size() == 0


def test_what_protects_stays_until_the_venue_has_said_flat() -> None:
    """Our books say flat at once; stop and target rest until the snapshot says so too."""
    from bot.domain.action import TakeSnapshot

    desk = long_at_100()
    plain, asked = desk.venue._perform, []
    desk.sane = False  # flat with its stop still resting is what this is about
    desk.venue._perform = lambda deed: asked.append(deed) if isinstance(deed, TakeSnapshot) else plain(deed)
    assert desk.ask(PanicClose()) is None
    assert desk.size() == 0
    assert sorted(o.purpose for o in desk.of("XYZ").orders.values()) == [Purpose.STOP, Purpose.TARGET]
    assert len(desk.resting()) == 2
    assert len(asked) == 1
    desk.venue._perform = plain
    desk.reconcile()
    assert desk.resting() == {}
    assert desk.answer("c1").remarks == (VERIFIED,)


def test_panic_while_the_venue_cannot_be_asked_says_what_it_knows() -> None:
    desk = long_at_100()
    from bot.domain.action import TakeSnapshot

    plain = desk.venue._perform

    def deaf(deed: object) -> None:
        if isinstance(deed, TakeSnapshot):
            desk.venue._inbox.append(SnapshotFailed(desk.venue.now_ms, "time-out"))
        else:
            plain(deed)

    desk.venue._perform = deaf
    desk.ask(PanicClose())
    desk.wait(60_000)
    answer = desk.answer("c1")
    assert isinstance(answer, Done)
    said = "flat by our books; the venue could not be asked (time-out), the desk goes on asking"
    assert answer.remarks == (said,)
    desk.venue._perform = plain
    desk.wait(60_000)
    assert desk.notices(NoticeKind.PANIC)[-1].title.endswith("finished: flat, verified with the venue")
    assert desk.state.flattens == []


def test_panic_closes_a_persons_position_too() -> None:
    desk = Desk()
    desk.person("XYZ", BUY, 3)
    desk.ask(PanicClose())
    assert desk.size() == 0


def test_panic_works_before_the_books_are_reconciled_and_stays_after() -> None:
    """It stops trading for good even when the desk is still starting."""
    from bot.domain.action import RecordTrading
    from bot.domain.event import CommandIssued, Started
    from bot.domain.snapshot import Recovered

    desk = Desk()
    engine = desk.new_engine()
    engine.handle(Started(1, Recovered()))
    actions = engine.handle(CommandIssued(2, "c1", "test:1", PanicClose()))
    assert [a.state for a in actions if isinstance(a, RecordTrading)] == [TradingState.STOPPED]
