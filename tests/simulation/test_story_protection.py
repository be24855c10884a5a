"""Stops and targets: refused, moved, cancelled by others; a filled quantity is never without a stop."""

from dataclasses import replace
from decimal import Decimal

import pytest
from desk_story import LONG, SHORT, SMOOTH, D, Desk, stopped_at, text

from bot.domain.action import RecordPosition
from bot.domain.command import Change, Done, MoveStop, MoveTarget
from bot.domain.event import Outcome
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, OrderType, Purpose
from bot.domain.refusal import Refused
from bot.venues.matching import Code, OrderRequest, Refusal


def refuse(kind: OrderType, code: Code, times: int = 1000):
    """A venue that refuses orders of one type, so many times."""
    left = [times]

    def answer(request: OrderRequest) -> Refusal | None:
        if request.type is not kind or left[0] == 0:
            return None
        left[0] -= 1
        return Refusal(code, "no")

    return answer


def long_at_100(**more: object) -> Desk:
    desk = Desk(**more)
    desk.enter("XYZ", LONG, stop=95, target=110)
    return desk


# --- refused ------------------------------------------------------------------------------------------------------


def test_a_stop_refused_three_times_closes_at_once_and_says_so() -> None:
    """In and out at 100: two fees of 0.40."""
    desk = Desk()
    desk.venue.misbehave = refuse(OrderType.STOP_MARKET, Code.TOO_MANY_STOPS)
    actions = desk.enter("XYZ", LONG, stop=95, target=110)
    assert len(desk.submitted(Purpose.STOP, actions)) == 3
    assert (desk.size(), desk.resting()) == (0, {})
    (trade,) = desk.trades
    assert (trade.reason, text(trade.net)) == (CloseReason.EMERGENCY, "-0.8")
    (notice,) = desk.notices(NoticeKind.EMERGENCY_CLOSE)
    assert notice.severity is Severity.CRITICAL


def test_a_stop_refused_twice_is_placed_at_the_third_try() -> None:
    desk = Desk()
    desk.venue.misbehave = refuse(OrderType.STOP_MARKET, Code.TOO_MANY_STOPS, 2)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.resting() == {"stop": "95", "target": "110"}
    assert desk.notices(NoticeKind.EMERGENCY_CLOSE) == []
    assert desk.of().stop_failures == 0


def test_failures_of_the_last_trade_do_not_count_for_the_next() -> None:
    desk = Desk()
    desk.venue.misbehave = refuse(OrderType.STOP_MARKET, Code.TOO_MANY_STOPS, 3)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.size() == 0
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.resting() == {"stop": "95", "target": "110"}


def test_a_price_already_through_the_stop_closes_at_once() -> None:
    """A stop kept at its level 95, the next open is 94: -2021, and out at 94; two fees of 0.376."""
    from bot.domain.signal import Anchor

    desk = Desk()
    desk.says("XYZ", LONG, stop=95, target=110, anchor=Anchor.LEVEL).bar(opens={"XYZ": 94})
    assert desk.size() == 0
    (trade,) = desk.trades
    assert (trade.reason, text(trade.exit_price), text(trade.net)) == (CloseReason.SL, "94", "-0.752")
    assert desk.resting() == {}


def test_a_price_already_beyond_the_target_takes_it() -> None:
    from bot.domain.signal import Anchor

    desk = Desk()
    desk.says("XYZ", LONG, stop=95, target=110, anchor=Anchor.LEVEL).bar(opens={"XYZ": 111})
    assert [t.reason for t in desk.trades] == [CloseReason.TP]
    assert (desk.size(), desk.resting()) == (0, {})


def test_a_target_refused_leaves_the_stop_standing() -> None:
    desk = Desk()
    desk.venue.misbehave = refuse(OrderType.TAKE_PROFIT_MARKET, Code.TOO_MANY_STOPS)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert (desk.size(), desk.resting()) == (10, {"stop": "95"})
    assert len(desk.submitted(Purpose.TARGET)) == 3
    assert desk.notices(NoticeKind.PROTECTION)[0].severity is Severity.CRITICAL
    desk.bar(XYZ=99)
    assert len(desk.submitted(Purpose.TARGET)) == 3, "not tried for ever"


def test_a_moved_stop_that_is_refused_leaves_the_old_one_and_the_position() -> None:
    desk = long_at_100()
    desk.bar(XYZ=105)
    desk.venue.misbehave = refuse(OrderType.STOP_MARKET, Code.TOO_MANY_STOPS)
    desk.ask(MoveStop("XYZ", D(102)))
    assert (desk.size(), desk.resting()) == (10, {"stop": "95", "target": "110"})
    assert desk.of().plan.stop_price == 95
    assert desk.notices(NoticeKind.PROTECTION)[0].severity is Severity.CRITICAL
    desk.bar(XYZ=106)
    assert len(desk.submitted(Purpose.STOP)) == 4, "not tried for ever"


def test_a_stop_without_confirmation_is_closed_after_five_seconds() -> None:
    """The venue says neither yes nor no, and knows nothing when asked."""
    desk = Desk()
    desk.sane = False
    desk.venue.misbehave = lambda r: Outcome.UNKNOWN if r.type is OrderType.STOP_MARKET else None
    desk.venue.answers = False
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.wait(4_999)
    assert desk.size() == 10
    desk.wait(1)
    assert desk.size() == 0
    assert [t.reason for t in desk.trades] == [CloseReason.EMERGENCY]


def test_a_stop_lost_at_its_trigger_closes() -> None:
    """The venue rejects the stop when it triggers: nothing protects, the price is through: out."""
    desk = long_at_100()
    stop = next(o for o in desk.matching.orders("XYZ") if o.request.type is OrderType.STOP_MARKET)
    desk.matching.cancel(stop.request.client_id, desk.venue.now_ms)
    desk.matching.set_price("XYZ", 94.0)
    from bot.domain.event import OrderUpdated
    from bot.domain.order import OrderStatus

    desk.feed(
        OrderUpdated(
            desk.venue.now_ms, stop.request.client_id, "", "XYZ", OrderStatus.REJECTED, D(0), D(0), "-2019"
        )
    )
    assert desk.size() == 0
    assert desk.trades[0].reason is CloseReason.SL


# --- moved --------------------------------------------------------------------------------------------------------


def never_uncovered(desk: Desk, symbol: str = "XYZ") -> None:
    """From here on the venue holds a full stop after every single deed, until flat."""

    def look() -> None:
        assert desk.matching.position(symbol).flat or stopped_at(desk.matching, symbol)

    desk.venue.after_deed = look


def test_a_moved_stop_is_placed_before_the_old_one_goes() -> None:
    desk = long_at_100()
    desk.bar(XYZ=105)
    never_uncovered(desk)
    answer = desk.ask(MoveStop("XYZ", D(102)))
    assert answer == Done((Change("stop of XYZ", "95.00", "102.00"),))
    assert desk.resting() == {"stop": "102", "target": "110"}
    answer = desk.ask(MoveStop("XYZ", D(103)))
    assert desk.resting() == {"stop": "103", "target": "110"}
    desk.bar(XYZ=(105, 105, 102.5, 103))
    assert (desk.size(), desk.trades[0].reason) == (0, CloseReason.SL)
    assert text(desk.trades[0].exit_price) == "103"


def test_a_moved_stop_is_recorded_with_its_position() -> None:
    desk = long_at_100()
    desk.bar(XYZ=105)
    before = len(desk.actions)
    desk.ask(MoveStop("XYZ", D(102)))
    recorded = [a for a in desk.actions[before:] if isinstance(a, RecordPosition)]
    assert recorded[-1].open_trade.plan.stop_price == 102


def test_break_even_covers_the_fees() -> None:
    """100 x 1.0004 / 0.9996 = 100.080032, rounded up to the tick: 0.9 - 0.4 - 0.40036 = 0.09964."""
    desk = long_at_100()
    desk.bar(XYZ=105)
    desk.ask(MoveStop("XYZ", break_even=True))
    assert desk.resting()["stop"] == "100.09"
    desk.bar(XYZ=(105, 105, 100, 100))
    assert text(desk.trades[0].net) == "0.09964"


@pytest.mark.parametrize("side, wrong, where", [(LONG, 101, "below"), (SHORT, 99, "above")])
def test_a_stop_on_the_wrong_side_is_refused_with_figures(side: object, wrong: int, where: str) -> None:
    desk = Desk()
    desk.enter("XYZ", side, stop=95 if side is LONG else 105, target=0)
    before = desk.resting()
    answer = desk.ask(MoveStop("XYZ", D(wrong)))
    assert answer == Refused("stop", f"{wrong}.00: a {side} stop must be {where} the mark price 100.00")
    assert desk.resting() == before


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(price: str) -> None:
    desk = long_at_100()
    assert isinstance(desk.ask(MoveStop("XYZ", D(price))), Refused)
    assert isinstance(desk.ask(MoveTarget("XYZ", D(price))), Refused)
    assert desk.resting() == {"stop": "95", "target": "110"}


def test_there_is_no_stop_to_move_without_a_position() -> None:
    desk = Desk()
    assert desk.ask(MoveStop("XYZ", D(90))) == Refused("position", "XYZ has no open position")
    assert desk.ask(MoveTarget("XYZ", None)) == Refused("position", "XYZ has no open position")
    assert desk.ask(MoveStop("ABC", D(90))) == Refused("symbol", "ABC is not traded; traded: XYZ")


def test_a_trailing_stop_follows_and_only_improves() -> None:
    """Trail by 3 x ATR 1 = 3 below the mark: 107 -> 104, 106 leaves it, 109 -> 106; hit at 106: TRAIL."""
    desk = long_at_100()
    desk.bar(XYZ=107)
    never_uncovered(desk)
    desk.ask(MoveStop("XYZ", trail_atr=D(3)))
    assert desk.resting()["stop"] == "104"
    desk.bar(XYZ=106)
    assert desk.resting()["stop"] == "104"
    before = len(desk.actions)
    desk.bar(XYZ=109)
    assert desk.resting()["stop"] == "106"
    recorded = [a for a in desk.actions[before:] if isinstance(a, RecordPosition)]
    assert recorded[-1].open_trade.plan.stop_price == 106, "a restart must not fall back to the older stop"
    desk.bar(XYZ=(109, 109, 105, 105))
    assert (desk.trades[0].reason, text(desk.trades[0].exit_price)) == (CloseReason.TRAIL, "106")


def test_a_trailing_short_is_the_mirror_image() -> None:
    desk = Desk()
    desk.enter("XYZ", SHORT, stop=105, target=80)
    desk.bar(XYZ=93)
    desk.ask(MoveStop("XYZ", trail_atr=D(3)))
    assert desk.resting()["stop"] == "96"
    desk.bar(XYZ=94)
    assert desk.resting()["stop"] == "96"
    desk.bar(XYZ=90)
    assert desk.resting()["stop"] == "93"


def test_a_trailing_stop_does_not_move_by_crumbs() -> None:
    """Less than a tenth of the distance is not worth an order."""
    desk = long_at_100()
    desk.bar(XYZ=107)
    desk.ask(MoveStop("XYZ", trail_atr=D(3)))
    desk.bar(XYZ=107.2)
    assert desk.resting()["stop"] == "104"


def test_the_target_moves_and_goes() -> None:
    desk = long_at_100()
    assert desk.ask(MoveTarget("XYZ", D(120))) == Done((Change("target of XYZ", "110.00", "120.00"),))
    assert desk.resting() == {"stop": "95", "target": "120"}
    assert desk.ask(MoveTarget("XYZ", None)) == Done((Change("target of XYZ", "120.00", "-"),))
    assert desk.resting() == {"stop": "95"}
    assert isinstance(desk.ask(MoveTarget("XYZ", D(99))), Refused)


def test_stops_may_be_moved_many_times_in_a_row() -> None:
    desk = long_at_100(rules=replace(SMOOTH, count_conditional=True))
    desk.bar(XYZ=105)
    never_uncovered(desk)
    for price in range(96, 105):
        desk.ask(MoveStop("XYZ", D(price)))
        assert desk.resting() == {"stop": str(price), "target": "110"}


def test_a_stop_covers_what_a_partly_filled_entry_still_brings() -> None:
    desk = Desk(rules=replace(SMOOTH, max_fill_quantity=D(4)))
    never_uncovered_after_first = desk.enter("XYZ", LONG, stop=95, target=110)
    assert never_uncovered_after_first
    never_uncovered(desk)
    desk.bar(XYZ=(100, 102, 99, 101))
    desk.bar(XYZ=(101, 102, 99, 101))
    assert desk.size() == Decimal(10)
