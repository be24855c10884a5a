"""Orders whose outcome is unknown, and news that comes twice, late, or in the wrong order."""

from dataclasses import replace

import pytest
from desk_story import BAR_MS, LONG, SHORT, SMOOTH, D, Desk, text

from bot.domain.action import QueryOrder
from bot.domain.command import CloseAll, Done
from bot.domain.event import Call, CallEnded, Filled, OrderUpdated, Outcome
from bot.domain.guard import HaltKind
from bot.domain.notice import NoticeKind
from bot.domain.order import OrderStatus, OrderType, Purpose
from bot.venues.matching import OrderRequest


def is_entry(request: OrderRequest) -> bool:
    return request.client_id[7] == "e"


def is_close(request: OrderRequest) -> bool:
    return request.client_id[7] == "c"


def events(desk: Desk, kind: type) -> list:
    return [step.event for step in desk.venue.steps if isinstance(step.event, kind)]


def test_an_entry_executed_in_silence_is_found_and_protected() -> None:
    desk = Desk()
    desk.venue.lose = is_entry
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert len(desk.submitted(Purpose.ENTRY)) == 1
    assert (desk.size(), desk.resting()) == (10, {"stop": "95", "target": "110"})
    assert desk.of().pending is None
    assert not desk.of().plan.foreign
    assert desk.state.halts == []


def test_an_entry_that_was_never_executed_frees_the_symbol() -> None:
    desk = Desk()
    desk.venue.misbehave = lambda r: Outcome.UNKNOWN if is_entry(r) else None
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(2_000)
    assert (desk.size(), desk.of().pending, desk.of().orders) == (0, None, {})
    desk.venue.misbehave = lambda r: None
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.size() == 10


def unanswered(desk: Desk) -> None:
    """The venue does not answer questions about orders."""
    desk.venue.answers = False


def test_while_unknown_no_entry_leaves_and_nothing_is_sent_again() -> None:
    """One snapshot alone proves nothing: the venue must say that it does not know the order."""
    desk = Desk()
    unanswered(desk)
    desk.venue.misbehave = lambda r: Outcome.UNKNOWN if is_entry(r) else None
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.reconcile()
    assert desk.of().unsettled() == 1
    desk.venue.misbehave = lambda r: None
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.refusals()[-1] == "symbol" or desk.refusals()[-1] == "same symbol"
    assert len(desk.submitted(Purpose.ENTRY)) == 1


def test_after_two_minutes_a_person_is_asked_once() -> None:
    desk = Desk()
    unanswered(desk)
    desk.venue.misbehave = lambda r: Outcome.UNKNOWN if is_entry(r) else None
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(119_000)
    assert desk.state.halts == []
    desk.wait(10_000)
    assert [halt.kind for halt in desk.state.halts] == [HaltKind.UNKNOWN_ORDER]
    assert len(desk.notices(NoticeKind.HALT)) == 1
    desk.venue.answers = True
    desk.wait(60_000)
    assert desk.of().unsettled() == 0, "it goes on asking, and finds out in the end"
    assert desk.state.halts == []
    assert "is over" in desk.notices(NoticeKind.HALT)[-1].title


@pytest.mark.parametrize("executed", [True, False])
def test_a_close_of_unknown_outcome_is_never_doubled(executed: bool) -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    if executed:
        desk.venue.lose = is_close
    else:
        desk.venue.misbehave = lambda r: Outcome.UNKNOWN if is_close(r) else None
    desk.sane = False
    desk.ask(CloseAll())
    desk.venue.misbehave = lambda r: None
    desk.wait(60_000)
    assert len(desk.submitted(Purpose.CLOSE)) == (1 if executed else 2)
    assert (desk.size(), desk.resting(), len(desk.trades)) == (0, {}, 1)
    assert isinstance(desk.answer("c1"), Done)
    desk.check()


@pytest.mark.parametrize("kind", [OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET])
@pytest.mark.parametrize("placed", [True, False])
def test_protection_of_unknown_outcome_is_found_or_placed_again(kind: OrderType, placed: bool) -> None:
    desk = Desk()
    first = [True]

    def once(request: OrderRequest) -> bool:
        if request.type is not kind or not first[0]:
            return False
        first[0] = False
        return True

    if placed:
        desk.venue.lose = once
    else:
        desk.venue.misbehave = lambda r: Outcome.UNKNOWN if once(r) else None
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(2_500)
    desk.check()
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert desk.of().orders.keys() == {o.request.client_id for o in desk.matching.orders("XYZ")}
    assert all(order.status is OrderStatus.WORKING for order in desk.of().orders.values())


def test_not_found_is_never_taken_for_a_rejection_by_itself() -> None:
    """A venue that lags says `not found` about an order that works: only the snapshot decides."""
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    stop = next(o for o in desk.of().live(Purpose.STOP))
    desk.feed(CallEnded(desk.venue.now_ms, stop.client_id, "XYZ", Call.SUBMIT, Outcome.NOT_DONE, "not found"))
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert len(desk.submitted(Purpose.STOP)) == 1
    assert desk.of().orders[stop.client_id].status is OrderStatus.WORKING


# --- twice, late, out of order ------------------------------------------------------------------------------------


def test_a_fill_told_twice_is_booked_once() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    wallet = desk.state.wallet
    for event in events(desk, Filled):
        assert desk.feed(event) == []
    assert (desk.of().position.quantity, desk.state.wallet) == (10, wallet)


def test_an_order_update_told_twice_changes_nothing() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    for event in events(desk, OrderUpdated):
        assert desk.feed(event) == []


def shuffled(desk: Desk) -> None:
    """From now on the venue says how an order stands before it tells the fill."""
    plain = desk.venue._tell
    held: list = []

    def tell(report: object) -> None:
        event = desk.venue.remember(report)
        if isinstance(event, Filled):
            held.append(event)
            return
        desk.venue._inbox.append(event)
        while held:
            desk.venue._inbox.append(held.pop(0))

    desk.venue._tell = tell
    assert plain


def test_order_updates_before_their_fills() -> None:
    """The stop is FILLED before its fill is told: no second stop, no emergency, the same trade."""
    desk = Desk()
    shuffled(desk)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert (desk.size(), desk.resting(), desk.of().pending) == (10, {"stop": "95", "target": "110"}, None)
    desk.bar(XYZ=(100, 100, 94, 94))
    (trade,) = desk.trades
    assert text(trade.net) == "-50.78"
    assert len(desk.submitted(Purpose.STOP)) == 1
    assert desk.submitted(Purpose.CLOSE) == []
    assert desk.notices(NoticeKind.EMERGENCY_CLOSE) == []


def test_a_lost_fill_is_fetched_and_booked() -> None:
    """The update says FILLED, the fill never comes: after a moment the venue is asked for it."""
    desk = Desk()
    desk.sane = False
    plain = desk.venue._tell

    def without_fills(report: object) -> None:
        event = desk.venue.remember(report)
        if not isinstance(event, Filled):
            desk.venue._inbox.append(event)

    desk.venue._tell = without_fills
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(4_000)
    desk.venue._tell = plain
    assert desk.of().position.quantity == 10
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert not desk.of().plan.foreign
    desk.check()


def test_a_late_fill_of_a_cancelled_entry_is_protected_as_planned() -> None:
    """4 of 10 are in, the rest is cancelled, and yet 2 more were executed on the way."""
    desk = Desk(rules=replace(SMOOTH, max_fill_quantity=D(4)))
    desk.enter("XYZ", LONG, stop=95, target=110)
    entry = desk.of().live(Purpose.ENTRY)[0]
    first = events(desk, Filled)[0]
    desk.sane = False
    desk.feed(
        OrderUpdated(desk.venue.now_ms, entry.client_id, "", "XYZ", OrderStatus.CANCELLED, D(4), D(100))
    )
    assert desk.of().pending is None
    desk.feed(Filled(desk.venue.now_ms, replace(first.fill, trade_id="late", quantity=D(2))))
    assert desk.of().position.quantity == 6
    assert not desk.of().plan.foreign
    assert desk.state.halts == []
    assert desk.of().plan.stop_price == 95


def test_a_late_first_fill_of_an_entry_thought_dead_is_protected_too() -> None:
    """The venue rejected the entry and executed it all the same."""
    desk = Desk()
    desk.sane = False
    desk.venue.misbehave = lambda r: Outcome.NOT_DONE if is_entry(r) else None
    desk.enter("XYZ", LONG, stop=95, target=110)
    entry = desk.submitted(Purpose.ENTRY)[0]
    assert desk.of().pending is None
    desk.venue.lose = lambda r: False
    desk.venue.misbehave = lambda r: None
    from bot.venues.matching import request_of

    desk.venue.hear(desk.matching.submit(request_of(entry), desk.venue.now_ms))
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert not desk.of().plan.foreign
    desk.check()


def test_an_order_thought_gone_that_still_rests_is_removed() -> None:
    """We hold it for cancelled, the venue still has it: an orphan."""
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    target = desk.of().live(Purpose.TARGET)[0]
    desk.sane = False
    now = desk.venue.now_ms
    desk.feed(OrderUpdated(now, target.client_id, "", "XYZ", OrderStatus.CANCELLED, D(0), D(0)))
    desk.wait(1000)
    desk.reconcile()
    desk.sane = True
    desk.check()
    ours = set(desk.of().orders)
    assert ours == {o.request.client_id for o in desk.matching.orders("XYZ")}


def test_a_reversal_with_an_unknown_close_does_not_double() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.venue.lose = is_close
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert (desk.size(), desk.resting()) == (-10, {"stop": "105", "target": "90"})
    assert BAR_MS


def test_an_unknown_order_is_asked_for_at_once() -> None:
    desk = Desk()
    desk.venue.misbehave = lambda r: Outcome.UNKNOWN if is_entry(r) else None
    actions = desk.enter("XYZ", LONG, stop=95, target=110)
    assert any(isinstance(a, QueryOrder) for a in actions)
