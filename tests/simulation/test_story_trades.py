"""One trade from signal to booked result, in every way it can go. Figures worked out in each story."""

from dataclasses import replace

import pytest
from desk_story import BAR_MS, LONG, SHORT, SMOOTH, D, Desk, text

from bot.domain.account import Book, transfer
from bot.domain.action import RecordPosition, RecordTrade
from bot.domain.event import FundingPaid, SnapshotTaken
from bot.domain.fill import Fill
from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, OrderSide, OrderStatus, Purpose
from bot.domain.snapshot import VenueSnapshot
from bot.domain.trade import Trade

FOUR_AT_A_TIME = replace(SMOOTH, max_fill_quantity=D(4))


def told(trade: Trade) -> tuple[str, str, str, str]:
    """Reason, entry, exit, net."""
    return trade.reason.value, text(trade.entry_price), text(trade.exit_price), text(trade.net)


def test_the_target_is_hit_and_the_stop_goes() -> None:
    """10 at 100 (fee 0.40); target 110: +100, fee 0.44; net 99.16; risk 10 x 5 = 50, so 1.9832 R."""
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.size() == 10
    assert desk.resting() == {"stop": "95", "target": "110"}
    desk.bar(XYZ=(100, 111, 99, 110.5))
    assert desk.resting() == {}
    (trade,) = desk.trades
    assert told(trade) == ("TP", "100", "110", "99.16")
    assert (text(trade.gross), text(trade.fees), text(trade.risk)) == ("100", "0.84", "50")
    assert text(trade.r_multiple) == "1.9832"
    assert text(desk.state.wallet) == "10099.16"


def test_the_stop_is_hit_and_the_target_goes() -> None:
    """10 at 100 (0.40), stop 95: -50, fee 0.38; net -50.78."""
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bar(XYZ=(100, 101, 94, 96))
    assert desk.resting() == {}
    assert told(desk.trades[0]) == ("SL", "100", "95", "-50.78")


def test_a_short_is_the_mirror_image() -> None:
    """Sold 10 at 100, target 90: +100, fees 0.40 + 0.36; net 99.24."""
    desk = Desk()
    desk.enter("XYZ", SHORT, stop=105, target=90)
    assert desk.size() == -10
    assert desk.resting() == {"stop": "105", "target": "90"}
    desk.bar(XYZ=(100, 101, 89, 90))
    assert told(desk.trades[0]) == ("TP", "100", "90", "99.24")


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    """Open 92 below the stop 95: -80, fees 0.40 + 0.368; net -80.768, slippage 3 x 10 against the plan."""
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bar(XYZ=(92, 93, 91, 92))
    (trade,) = desk.trades
    assert told(trade) == ("SL", "100", "92", "-80.768")
    assert text(trade.slippage) == "30"


def test_both_hit_in_one_bar_is_the_stop() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bar(XYZ=(100, 112, 94, 111))
    assert told(desk.trades[0])[0] == "SL"
    assert desk.resting() == {}


def test_stop_and_target_hang_on_the_fill() -> None:
    """Signal at 100 with stop 95 and target 110; filled at the next open 102: stop 97, target 112."""
    desk = Desk()
    desk.says("XYZ", LONG, stop=95, target=110).bar(opens={"XYZ": 102})
    assert desk.resting() == {"stop": "97", "target": "112"}
    assert text(desk.of().plan.risk) == "50"


def test_a_bar_handled_twice_changes_nothing() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    again = desk.venue.steps
    bar = next(step.event for step in again if type(step.event).__name__ == "CandlesClosed")
    assert desk.feed(bar) == []
    assert desk.size() == 10


def test_an_entry_that_fills_in_parts_is_protected_from_the_first_part_on() -> None:
    """Four units a time: 4, 4, 2; at 100, 101, 102 the average is (400 + 404 + 204) / 10 = 100.8, the stop 95.8."""
    desk = Desk(rules=FOUR_AT_A_TIME)
    desk.enter("XYZ", LONG, stop=95, target=120)
    assert (desk.size(), desk.resting()) == (4, {"entry": "0", "stop": "95", "target": "120"})
    desk.bar(XYZ=101)
    assert (desk.size(), desk.resting()) == (8, {"entry": "0", "stop": "95.5", "target": "120.5"})
    desk.bar(XYZ=102)
    assert (desk.size(), desk.resting()) == (10, {"stop": "95.8", "target": "120.8"})
    assert desk.of().pending is None
    assert len(desk.notices(NoticeKind.ENTRY)) == 1


def test_a_stop_that_fills_in_parts_closes_the_whole() -> None:
    """Four units a bar: the stop at 95 sells 4, then 4 and 2 at the next opens 94 and 93; one trade.

    The stop was placed when the first 4 were filled: it covers what came later too, and so do its fills.
    """
    desk = Desk(rules=FOUR_AT_A_TIME)
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bars(2)
    assert desk.size() == 10
    desk.bar(XYZ=(100, 100, 94, 94))
    assert (desk.size(), desk.resting()) == (6, {"stop": "95", "target": "110"})
    desk.bar(XYZ=(94, 94, 93, 93))
    desk.bar(XYZ=93)
    assert desk.size() == 0
    (trade,) = desk.trades
    assert told(trade)[:3] == ("SL", "100", "94.2")  # (380 + 376 + 186) / 10
    assert desk.resting() == {}
    assert desk.notices(NoticeKind.EMERGENCY_CLOSE) == []


def test_funding_goes_to_the_position_and_the_day_both_ways() -> None:
    """Long 1000: pays 1000 x 0.0001 = 0.1; then receives 0.2; at the target: 100 - 0.84 + 0.1 = 99.26."""
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.fund("XYZ", "0.0001")
    assert text(desk.state.day.realised) == "-0.5"
    desk.bar()
    desk.fund("XYZ", "-0.0002")
    assert text(desk.state.day.realised) == "-0.3"
    assert text(desk.of().open_trade.funding) == "0.1"
    desk.bar(XYZ=(100, 111, 99, 110))
    assert (text(desk.trades[0].funding), text(desk.trades[0].net)) == ("0.1", "99.26")


def test_a_short_receives_what_a_long_pays() -> None:
    desk = Desk()
    desk.enter("XYZ", SHORT, stop=105, target=90)
    desk.fund("XYZ", "0.0001")
    assert text(desk.of().open_trade.funding) == "0.1"


def test_liquidation_is_a_trade_of_its_own() -> None:
    """Leverage 50: the stop lies beyond liquidation, so the venue closes first, and the stop goes."""
    desk = Desk(leverage=50, rules=replace(SMOOTH, default_leverage=50))
    desk.enter("XYZ", LONG, stop=90, target=120)
    desk.bar(XYZ=(100, 100, 95, 95))
    (trade,) = desk.trades
    assert trade.reason is CloseReason.LIQUIDATION
    assert desk.resting() == {}


def test_the_books_of_a_trade_are_recorded_from_first_fill_to_flat() -> None:
    desk = Desk()
    actions = desk.enter("XYZ", LONG, stop=95, target=110)
    opened = [a for a in actions if isinstance(a, RecordPosition)]
    assert opened[-1].position.quantity == 10
    assert opened[-1].open_trade.plan.stop_price == 95
    actions = desk.bar(XYZ=(100, 111, 99, 110))
    closed = [a for a in actions if isinstance(a, RecordPosition)]
    assert (closed[-1].position.quantity, closed[-1].open_trade) == (0, None)
    assert sum(isinstance(a, RecordTrade) for a in actions) == 1


@pytest.mark.parametrize("side, stop", [(LONG, 99.999), (SHORT, 100.001)])
def test_prices_are_rounded_towards_less_risk(side: object, stop: float) -> None:
    """A stop between ticks moves towards the entry."""
    desk = Desk()
    desk.enter("XYZ", side, stop=95.004 if side is LONG else 104.996, target=110 if side is LONG else 90)
    assert desk.resting()["stop"] == ("95.01" if side is LONG else "104.99")


def test_orders_end_where_the_venue_ended_them() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.bar(XYZ=(100, 111, 99, 110))
    assert desk.of().orders == {}
    statuses = {order.purpose: order.status for order in desk.of().past_orders.values()}
    assert statuses == {
        Purpose.ENTRY: OrderStatus.FILLED,
        Purpose.STOP: OrderStatus.CANCELLED,
        Purpose.TARGET: OrderStatus.FILLED,
    }
    assert desk.at_ms % BAR_MS == 0


def test_funding_paid_before_its_fill_was_told_belongs_to_the_trade() -> None:
    """The frame of the opening fill is late; the payment of the same position is not."""
    desk = Desk()
    desk.sane = False
    desk.venue.held_back = 2
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(1)
    desk.venue.held_back = 0
    desk.fund("XYZ", "0.001")
    assert (desk.of().position.flat, text(desk.state.day.realised)) == (True, "-1")
    desk._take(desk.venue.catch_up())
    assert text(desk.of().open_trade.funding) == "-1"
    desk.bar(XYZ=(100, 111, 100, 110))
    assert text(desk.trades[0].net) == text(D(100) - 1 - D("0.4") - D("0.44"))


def test_funding_of_an_earlier_position_is_not_the_next_ones() -> None:
    desk = Desk()
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(1)
    earlier = FundingPaid(desk.venue.now_ms, "XYZ", D(-1), D("0.001"), "f-1")
    desk.bar(XYZ=(100, 100, 94, 100))
    desk.feed(earlier)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert text(desk.of().open_trade.funding) == "0"
    desk.feed(replace(earlier, payment_id="f-2"))
    assert text(desk.of().open_trade.funding) == "0"


def test_a_payment_that_a_snapshot_brings_together_with_the_exit_belongs_to_the_trade() -> None:
    """Both happened while nobody listened: they are booked in the order in which they did."""
    desk = Desk()
    desk.sane = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    at_ms, wallet = desk.venue.now_ms, desk.state.wallet
    paid = transfer(at_ms + 1_000, "funding", "XYZ", "f-9", Book.FUNDING, D(-1))
    out = Fill("t-9", "XYZ", OrderSide.SELL, D(10), D(100), D("0.4"), at_ms + 2_000)
    after = VenueSnapshot(at_ms + 3_000, wallet - D("1.4"), (), (), (out,), (paid,))
    desk.feed(SnapshotTaken(at_ms + 3_000, after))
    (trade,) = desk.trades
    assert (text(trade.funding), text(trade.net)) == ("-1", text(-1 - D("0.4") * 2))
