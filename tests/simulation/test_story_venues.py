"""What real venues do to stops and closes: refusals with a reason, stops that go, answers that lie behind."""

from dataclasses import replace

import pytest
from desk_story import LONG, SHORT, D, Desk, text

from bot.domain.action import QueryOrder
from bot.domain.command import ClosePosition, Done, MoveStop, PanicClose
from bot.domain.event import Call, CallEnded, Filled, OrderUpdated, Outcome, QuotesSeen, SnapshotTaken
from bot.domain.guard import HaltKind
from bot.domain.market import Quote
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, Order, OrderStatus, OrderType, Purpose, TimeInForce
from bot.engine import ladder
from bot.venues.matching import Code, OrderRequest, Refusal


def long_at_100(**more: object) -> Desk:
    desk = Desk(**more)
    desk.enter("XYZ", LONG, stop=95, target=110)
    return desk


def closes(request: OrderRequest) -> bool:
    return request.client_id[7] == "c"


def stop_of(desk: Desk) -> Order:
    (stop,) = desk.of().live(Purpose.STOP)
    return stop


def says(desk: Desk, order: Order, status: OrderStatus, code: str = "") -> None:
    at_ms = desk.venue.now_ms
    desk.feed(OrderUpdated(at_ms, order.client_id, "", order.symbol, status, D(0), D(0), code))


def removed(desk: Desk, order: Order, status: OrderStatus, code: str = "") -> None:
    """The venue removes an order of ours and says so."""
    desk.matching.cancel(order.client_id, desk.venue.now_ms)
    says(desk, order, status, code)


# --- the ladder of a close ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "side, stop, limits",
    [(LONG, 95, ["99.25", "97", "92.5", "85.75"]), (SHORT, 105, ["100.75", "103", "107.5", "114.25"])],
)
def test_no_market_price_is_followed_by_limits_down_to_the_edge_of_the_band(
    side: object, stop: int, limits: list[str]
) -> None:
    """The band is 15 % either way; 5, 20, 50 and 95 % of it, then the market once more."""
    desk = Desk()
    desk.enter("XYZ", side, stop=stop)
    desk.venue.misbehave = lambda r: Refusal(Code.NO_PRICE, "no") if closes(r) else None
    desk.ask(PanicClose())
    desk.wait(12_000)
    asked = [order.intent for order in desk.submitted(Purpose.CLOSE)]
    assert [i.type for i in asked[:6]] == [OrderType.MARKET, *[OrderType.LIMIT] * 4, OrderType.MARKET]
    assert [text(i.limit_price) for i in asked[1:5]] == limits
    assert {i.time_in_force for i in asked[1:5]} == {TimeInForce.IOC}
    assert all(i.reduce_only for i in asked)
    assert [n.title for n in desk.notices(NoticeKind.PANIC) if "could not be closed" in n.title]
    desk.venue.misbehave = lambda r: None
    desk.wait(60_000)
    answer = desk.answer("c1")
    assert (desk.size(), desk.resting()) == (0, {})
    assert isinstance(answer, Done)
    assert answer.remarks[0].startswith("NOT CONFIRMED after 30 s")
    assert desk.notices(NoticeKind.PANIC)[-1].title.endswith("finished: flat, verified with the venue")


def test_the_first_limit_that_meets_somebody_closes() -> None:
    desk = long_at_100()
    desk.venue.misbehave = lambda r: (
        Refusal(Code.NO_PRICE, "no") if closes(r) and r.type is OrderType.MARKET else None
    )
    desk.ask(ClosePosition("XYZ"))
    desk.wait(300)
    (_, limit) = desk.submitted(Purpose.CLOSE)
    assert (text(limit.intent.limit_price), limit.intent.time_in_force) == ("99.25", TimeInForce.IOC)
    assert (desk.size(), desk.resting(), len(desk.trades)) == (0, {}, 1)


def test_a_limit_beyond_the_band_goes_back_to_the_market() -> None:
    desk = long_at_100()
    answers = {OrderType.MARKET: Code.NO_PRICE, OrderType.LIMIT: Code.LIMIT_TOO_LOW}
    desk.venue.misbehave = lambda r: Refusal(answers[r.type], "no") if closes(r) else None
    desk.ask(ClosePosition("XYZ"))
    desk.wait(5_000)
    kinds = [order.intent.type for order in desk.submitted(Purpose.CLOSE)]
    assert kinds[:4] == [OrderType.MARKET, OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT]


def test_a_market_order_that_met_nobody_is_followed_by_a_limit() -> None:
    desk = long_at_100()
    desk.sane = False
    first = [True]

    def unmet(request: OrderRequest) -> Outcome | None:
        return Outcome.DONE if closes(request) and first and first.pop() else None

    desk.venue.misbehave = unmet
    desk.ask(ClosePosition("XYZ"))
    (sent,) = desk.submitted(Purpose.CLOSE)
    says(desk, sent, OrderStatus.EXPIRED)
    desk.wait(300)
    assert desk.submitted(Purpose.CLOSE)[1].intent.type is OrderType.LIMIT
    assert desk.size() == 0


def test_too_large_a_close_is_halved_until_the_venue_takes_it() -> None:
    """Ten at once is too much, five too: four pieces of 2.5."""
    desk = long_at_100()
    desk.venue.misbehave = lambda r: (
        Refusal(Code.ABOVE_MAXIMUM, "no") if closes(r) and r.quantity > D(3) else None
    )
    desk.ask(PanicClose())
    desk.wait(1_000)
    sizes = [text(order.intent.quantity) for order in desk.submitted(Purpose.CLOSE)]
    assert sizes == ["10", "5", "5", *["2.5"] * 4]
    assert (desk.size(), desk.resting()) == (0, {})


def test_what_rests_in_the_way_is_cancelled_and_not_put_back_meanwhile() -> None:
    desk = long_at_100()
    desk.sane = False

    def blocked(request: OrderRequest) -> Refusal | None:
        target = any(o.request.type is OrderType.TAKE_PROFIT_MARKET for o in desk.matching.orders("XYZ"))
        return Refusal(Code.REDUCE_ONLY_RESTS, "no") if closes(request) and target else None

    desk.venue.misbehave = blocked
    desk.ask(ClosePosition("XYZ", D(50)))
    assert desk.resting() == {"stop": "95"}
    desk.wait(300)
    assert desk.size() == 5
    desk.wait(6_000)
    desk.bar()
    assert desk.resting() == {"stop": "95", "target": "110"}


def test_when_that_was_not_enough_the_stop_makes_room_too_for_a_moment() -> None:
    desk = long_at_100()
    desk.sane = False
    desk.venue.misbehave = lambda r: Refusal(Code.REDUCE_ONLY_RESTS, "no") if closes(r) else None
    desk.ask(PanicClose())
    desk.wait(300)
    assert desk.resting() == {}
    desk.wait(10_000)
    assert desk.resting()["stop"] == "95", "a close that does not get through needs a stop like anything else"
    desk.venue.misbehave = lambda r: None
    desk.wait(60_000)
    assert (desk.size(), desk.resting()) == (0, {})


def between(desk: Desk, purpose: Purpose, began: int) -> list[str]:
    """Since then: `sent` per order of a purpose, `read` per snapshot, in order."""
    found: list[str] = []
    for step in desk.venue.steps[began:]:
        found += ["read"] if isinstance(step.event, SnapshotTaken) else []
        found += ["sent"] * len(desk.submitted(purpose, step.actions))
    return found


def test_nothing_to_reduce_reads_the_position_before_the_next_try() -> None:
    desk = long_at_100()
    desk.venue.misbehave = lambda r: Refusal(Code.REDUCE_ONLY, "no") if closes(r) else None
    began = len(desk.venue.steps)
    desk.ask(ClosePosition("XYZ"))
    desk.wait(10_000)
    seen = between(desk, Purpose.CLOSE, began)
    assert seen[:6] == ["sent", "read"] * 3


def test_after_three_refusals_the_position_is_read_before_a_fourth() -> None:
    desk = long_at_100()
    desk.venue.misbehave = lambda r: Refusal("-1008", "overload") if closes(r) else None
    began = len(desk.venue.steps)
    desk.ask(ClosePosition("XYZ"))
    desk.wait(40_000)
    seen = between(desk, Purpose.CLOSE, began)
    assert seen[:8] == ["sent", "sent", "sent", "read", "sent", "sent", "sent", "read"]


def test_a_close_that_found_the_position_gone_is_over() -> None:
    """The stop took it in the same moment: the frames are late, the refusal is first."""
    desk = long_at_100()
    desk.sane = False
    desk.venue.held_back = 100
    desk._take(desk.venue.person(replace(request(desk), client_id="web")))
    desk.ask(PanicClose())
    desk.wait(2_000)
    assert (desk.size(), len(desk.submitted(Purpose.CLOSE)), len(desk.trades)) == (0, 1, 1)
    assert isinstance(desk.answer("c1"), Done)


def request(desk: Desk) -> OrderRequest:
    from desk_story import SELL

    return OrderRequest("", "XYZ", SELL, OrderType.MARKET, desk.size(), foreign=True)


# --- stops that go ------------------------------------------------------------------------------------------------


def test_a_stop_refused_at_its_trigger_closes_at_once_and_loudly() -> None:
    """F28: our last price knows nothing of it yet."""
    desk = long_at_100()
    desk.sane = False
    removed(desk, stop_of(desk), OrderStatus.REJECTED, "-2019")
    assert (desk.size(), desk.trades[0].reason) == (0, CloseReason.SL)
    assert len(desk.submitted(Purpose.STOP)) == 1
    (notice,) = desk.notices(NoticeKind.EMERGENCY_CLOSE)
    assert notice.severity is Severity.CRITICAL
    assert "refused at its trigger (-2019)" in notice.title


def test_a_stop_removed_by_the_venue_is_put_back_but_not_for_ever() -> None:
    """F29: twice; the third time it is no place for a stop."""
    desk = long_at_100()
    desk.sane = False
    for _ in range(2):
        removed(desk, stop_of(desk), OrderStatus.EXPIRED)
        assert desk.resting() == {"stop": "95", "target": "110"}
    assert len(desk.notices(NoticeKind.PROTECTION)) == 2
    removed(desk, stop_of(desk), OrderStatus.EXPIRED)
    assert (desk.size(), desk.trades[0].reason) == (0, CloseReason.EMERGENCY)


def test_what_went_in_another_trade_or_after_hours_does_not_count() -> None:
    desk = long_at_100()
    desk.sane = False
    removed(desk, stop_of(desk), OrderStatus.EXPIRED)
    for _ in range(4):
        desk.bars(4)
        removed(desk, stop_of(desk), OrderStatus.EXPIRED)
    assert (desk.size(), desk.of().stops_lost) == (10, 1)
    desk.ask(ClosePosition("XYZ"))
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.of().stops_lost == 0


def hide(desk: Desk, found_by_query: bool) -> None:
    """Snapshots list no stops, and questions about them find them, or not."""
    snapshot, query = desk.venue._snapshot, desk.venue._query

    def bare(since_ms: int) -> object:
        seen = snapshot(since_ms)
        kept = tuple(o for o in seen.orders if o.type is not OrderType.STOP_MARKET)
        return replace(seen, orders=kept)

    def deny(client_id: str, symbol: str) -> object:
        if found_by_query or client_id[7] != "s":
            return query(client_id, symbol)
        return CallEnded(desk.venue.now_ms, client_id, symbol, Call.SUBMIT, Outcome.NOT_DONE, "not found")

    desk.venue._snapshot, desk.venue._query = bare, deny


def test_a_stop_that_a_snapshot_lacks_is_asked_for_and_stays() -> None:
    """F30: the list is blind for stops, the question is not."""
    desk = long_at_100()
    hide(desk, found_by_query=True)
    for _ in range(5):
        desk.wait(300_000)
        asked = desk.reconcile()
        assert [a.client_id for a in asked if isinstance(a, QueryOrder)] == [stop_of(desk).client_id]
    assert len(desk.submitted(Purpose.STOP)) == 1
    assert (desk.size(), stop_of(desk).status) == (10, OrderStatus.WORKING)
    assert desk.notices(NoticeKind.DIFFERENCE) == []


def test_stops_that_the_venue_denies_are_replaced_once_then_the_position_goes() -> None:
    """F30 to the bitter end: no list and no question knows our stops, the stream had confirmed them."""
    desk = long_at_100()
    desk.sane = False
    hide(desk, found_by_query=False)
    for _ in range(5):
        desk.bar()
        desk.reconcile()
        desk.wait(10_000)
    codes = [desk.of().past_orders[order.client_id].note for order in desk.submitted(Purpose.STOP)]
    assert codes == [ladder.ABSENT, Code.CLOSE_POSITION_EXISTS, ladder.ABSENT], "the second was sized"
    assert (desk.size(), desk.trades[0].reason) == (0, CloseReason.EMERGENCY)


def test_a_stop_filled_under_an_order_of_its_own_is_one_exit_and_nothing_is_left() -> None:
    """The venue makes another order of a triggered stop: the fill carries that one's id, the news comes after it."""
    desk = long_at_100()
    desk.sane = False
    stop = stop_of(desk)
    desk.matching.cancel(stop.client_id, desk.venue.now_ms)
    desk.matching.set_price("XYZ", 95.0)
    child = replace(request(desk), client_id="child")
    for report in desk.matching.submit(child, desk.venue.now_ms):
        event = desk.venue.remember(report)
        if isinstance(event, Filled):
            desk.feed(Filled(event.at_ms, replace(event.fill, client_id="")))
    at_ms = desk.venue.now_ms
    desk.feed(OrderUpdated(at_ms, stop.client_id, "", "XYZ", OrderStatus.FILLED, D(10), D(95)))
    desk.wait(10_000)
    (trade,) = desk.trades
    assert (trade.reason, text(trade.exit_price), desk.size()) == (CloseReason.SL, "95", 0)
    assert (desk.resting(), desk.of().orders, desk.of().owed) == ({}, {}, {})
    assert len(desk.submitted(Purpose.STOP)) == 1
    assert desk.submitted(Purpose.CLOSE) == []


def test_where_a_close_position_stop_exists_the_next_is_sized() -> None:
    """-4130: one of ours rests there that we do not know of; a reduce-only one of the right size is taken."""
    desk = long_at_100()
    desk.sane = False
    desk.venue.misbehave = lambda r: Refusal(Code.CLOSE_POSITION_EXISTS, "no") if r.close_position else None
    removed(desk, stop_of(desk), OrderStatus.EXPIRED)
    order = stop_of(desk)
    assert (order.status, order.intent.close_position) == (OrderStatus.WORKING, False)
    assert order.intent.quantity == 10
    assert desk.size() == 10


def test_a_trailing_stop_pauses_between_two_moves() -> None:
    """Quotes every second, a new high with each: one move in ten seconds."""
    desk = long_at_100()
    desk.bar(XYZ=105)
    desk.ask(MoveStop("XYZ", trail_atr=D(3)))
    before = len(desk.submitted(Purpose.STOP))
    for second in range(21):
        desk.wait(1_000)
        at_ms, price = desk.venue.now_ms, 106 + second / 2
        desk.matching.set_price("XYZ", price)
        desk.feed(QuotesSeen(at_ms, (Quote("XYZ", at_ms, price, price, price, price),)))
    moved = desk.submitted(Purpose.STOP)[before:]
    assert [text(order.intent.trigger_price) for order in moved] == ["103", "108", "113"]


def test_a_cancel_that_does_not_get_through_is_not_repeated_like_a_storm() -> None:
    desk = long_at_100()
    desk.sane = False
    desk.bar(XYZ=105)
    cancel = desk.matching.cancel
    desk.matching.cancel = lambda *args: Refusal("-1003", "too many requests")
    desk.ask(MoveStop("XYZ", D(102)))
    desk.wait(600_000)
    assert 5 <= len(desk.cancels()) <= 20
    desk.matching.cancel = cancel
    desk.wait(61_000)
    assert desk.resting() == {"stop": "102", "target": "110"}


# --- answers that lie behind --------------------------------------------------------------------------------------


def lost_on_the_way(desk: Desk, purpose: str) -> None:
    """Acknowledged, and never heard of again."""
    desk.venue.misbehave = lambda r: Outcome.DONE if r.client_id[7] == purpose else None


def test_an_acknowledged_entry_that_never_was_frees_the_symbol_within_half_a_minute() -> None:
    desk = Desk(read_lag_ms=15_000)
    lost_on_the_way(desk, "e")
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(10_000)
    assert desk.of().pending is not None, "its answers may lie behind"
    desk.wait(20_000)
    assert (desk.of().pending, desk.of().orders, desk.state.halts) == (None, {}, [])
    desk.venue.misbehave = lambda r: None
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.size() == 10


def test_an_acknowledged_entry_whose_frames_were_lost_is_found_by_asking() -> None:
    desk = Desk(read_lag_ms=15_000)
    desk.sane = False
    desk.venue.dropped = 2
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.of().position.flat
    desk.wait(10_000)
    assert (desk.of().position.quantity, desk.resting()) == (10, {"stop": "95", "target": "110"})


def test_a_call_that_never_came_back_is_settled_by_time_where_the_venue_has_a_clock() -> None:
    desk = Desk(read_lag_ms=15_000)
    desk.venue._strange = lambda order: order.purpose is Purpose.ENTRY
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(14_000)
    desk.reconcile()
    assert desk.of().pending is not None
    desk.wait(2_000)
    desk.reconcile()
    assert desk.of().pending is None


def test_not_found_too_early_is_no_witness() -> None:
    """F08: the question is answered by a copy that lies seconds behind, the list too."""
    desk = Desk(read_lag_ms=15_000)
    desk.venue.lose = lambda r: r.client_id[7] == "e"
    query, snapshot = desk.venue._query, desk.venue._snapshot
    empty = snapshot(0)
    since = desk.venue.now_ms

    def behind() -> bool:
        return desk.venue.now_ms < since + 900_000 + 12_000

    desk.venue._query = lambda c, s: (
        CallEnded(desk.venue.now_ms, c, s, Call.SUBMIT, Outcome.NOT_DONE, "not found")
        if behind()
        else query(c, s)
    )
    desk.venue._snapshot = lambda ms: replace(empty, at_ms=desk.venue.now_ms) if behind() else snapshot(ms)
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(11_000)
    assert (desk.of().unsettled(), desk.state.halts) == (1, [])
    desk.wait(20_000)
    assert (desk.of().position.quantity, desk.resting()) == (10, {"stop": "95", "target": "110"})
    assert not desk.of().plan.foreign


def test_the_words_for_an_absent_order_are_one() -> None:
    """What the ledger keeps of an order that was absent is what the ladder reads."""
    desk = long_at_100()
    stop = stop_of(desk)
    desk.matching.cancel(stop.client_id, desk.venue.now_ms)
    desk.sane = False
    desk.bar()
    desk.reconcile()
    desk.wait(5_000)
    past = desk.of().past_orders[stop.client_id]
    assert past.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)
    assert past.note in ("", ladder.ABSENT)
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert HaltKind.FOREIGN not in [h.kind for h in desk.state.halts]


# --- a stop that hangs --------------------------------------------------------------------------------------------


def price(desk: Desk, figure: float) -> None:
    at_ms = desk.venue.now_ms
    desk.feed(QuotesSeen(at_ms, (Quote("XYZ", at_ms, figure, figure, figure, figure),)))


@pytest.mark.parametrize("side, stop, beyond", [(LONG, 95, 94.0), (SHORT, 105, 106.0)])
def test_a_price_beyond_a_stop_that_does_nothing_closes(side: object, stop: int, beyond: float) -> None:
    desk = Desk()
    desk.enter("XYZ", side, stop=stop)
    price(desk, beyond)
    desk.wait(9_000)
    assert desk.of().closing is None, "a stop may take its while"
    desk.wait(1_500)
    assert desk.of().position.flat
    told = [notice.title for notice in desk.notices(NoticeKind.EMERGENCY_CLOSE)]
    assert any("beyond its stop for 10" in title for title in told)


def test_a_price_that_comes_back_is_no_reason() -> None:
    desk = long_at_100()
    price(desk, 94.0)
    desk.wait(5_000)
    price(desk, 96.0)
    desk.wait(20_000)
    assert not desk.of().position.flat
    price(desk, 94.0)
    desk.wait(6_000)
    assert not desk.of().position.flat, "the while begins anew"
