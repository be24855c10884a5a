"""Conditional orders at the sandbox exchange: when they trigger, what they become, what goes wrong with them."""

import pytest
from core_kit import FLAT, SYMBOL, D, Desk, rests

from bot.domain.order import OrderStatus
from sandbox.exchange.nouns import (
    ConditionalStatus,
    ExchangeRules,
    Extra,
    Origin,
    PositionMode,
    Refused,
)

S = ConditionalStatus


def long(desk: Desk, quantity: str = "1") -> Desk:
    desk.order("BUY", quantity)
    desk.lines()
    return desk


def test_a_stop_triggers_and_everything_is_told_in_order() -> None:
    desk = long(Desk())
    stop = rests(desk.stop("95", client_id="my-stop"))
    desk.price("95")
    assert desk.lines() == [
        "STOP_MARKET NEW",
        "STOP_MARKET TRIGGERING",
        "STOP_MARKET TRIGGERED",
        "NEW WORKING",
        "account ORDER",
        "TRADE FILLED 1 @ 95",
        "STOP_MARKET FINISHED",
    ]
    child = desk.account.find(SYMBOL, stop.child)
    assert child is not None
    assert (child.parent, child.client_id, child.ask.origin) == (
        stop.conditional_id,
        "my-stop",
        Origin.TRIGGER,
    )
    assert child.ask.reduce_only
    assert desk.held() == 0


def test_a_gap_through_the_stop_fills_where_the_market_is() -> None:
    desk = long(Desk())
    desk.stop("95")
    desk.price("91.5")
    assert desk.account.trades[-1].price == D("91.5")
    assert desk.wallet() == D(10_000) - D("0.05") - D("8.5") - D("0.04575")


def test_on_the_market_s_own_way_the_stop_fills_at_its_level() -> None:
    desk = long(Desk(bars=[FLAT, (100, 101, 94, 96)]))
    desk.stop("95")
    desk.minutes(2)
    assert desk.account.trades[-1].price == 95
    candle = desk.exchange.klines(SYMBOL, "1m", 2)[0]
    assert [candle.open, candle.high, candle.low, candle.close] == [100, 101, 94, 96]


def test_by_mark_or_by_last_price() -> None:
    desk = long(Desk())
    by_mark, by_last = (
        rests(desk.stop("95", by="mark")),
        rests(desk.conditional("SELL", "TAKE_PROFIT_MARKET", "110", quantity="1", reduce_only=True)),
    )
    desk.exchange.set_mark(SYMBOL, D(100))
    desk.price("94")
    assert by_mark.status is S.NEW
    desk.exchange.set_mark(SYMBOL, D("94.9"))
    assert (by_mark.status, by_last.status) == (S.FINISHED, S.NEW)
    desk.exchange.set_mark(SYMBOL, D(120))
    assert by_last.status is S.NEW
    desk.price("110")
    assert (by_last.status, by_last.reason) == (S.EXPIRED, "-2022")  # orphan: nothing left to reduce


def test_stops_outlive_the_position() -> None:
    desk = long(Desk())
    stop = rests(desk.stop("95"))
    desk.order("SELL", "1", reduce_only=True)
    assert stop.status is S.NEW
    assert desk.account.live_conditionals(SYMBOL) == [stop]


def test_entries_by_stop_and_their_margin() -> None:
    desk = Desk()
    entry = rests(desk.conditional("BUY", "STOP_MARKET", "105", quantity="2"))
    poor = rests(desk.conditional("BUY", "STOP_MARKET", "106", quantity="100", client_id="poor"))
    desk.account.transfer(D(-9_500))
    desk.price("105")
    assert (entry.status, desk.held()) == (S.FINISHED, 2)
    desk.price("106")
    assert (poor.status, poor.reason, desk.held()) == (S.REJECTED, "-2019", 2)
    assert poor.child == 0


def test_a_stop_with_a_limit_rests_after_its_trigger() -> None:
    desk = long(Desk())
    stop = rests(desk.conditional("SELL", "STOP", "95", limit_price="96", quantity="1", reduce_only=True))
    desk.price("94")
    child = desk.account.find(SYMBOL, stop.child)
    assert child is not None
    assert (stop.status, child.status) == (S.TRIGGERED, OrderStatus.WORKING)
    desk.price("96.1")
    assert (stop.status, child.status, child.average) == (S.FINISHED, OrderStatus.FILLED, 96)


def test_a_trailing_stop_follows_from_its_activation() -> None:
    """Activated at 105, highest 110, gives back 2 %: sold at 107.8."""
    desk = long(Desk())
    trail = rests(
        desk.conditional(
            "SELL",
            "TRAILING_STOP_MARKET",
            quantity="1",
            reduce_only=True,
            activation_price="105",
            callback_rate="2",
        )
    )
    desk.price("102")
    desk.price("99")  # not active yet
    desk.price("105")
    desk.price("110")
    desk.price("107.9")
    assert trail.status is S.NEW
    desk.price("107.8")
    assert trail.status is S.FINISHED
    assert desk.account.trades[-1].price == D("107.8")


def test_a_trailing_stop_on_the_market_s_way() -> None:
    desk = long(Desk(bars=[FLAT, (100, 110, 99.5, 103)]))  # low first, then high, then the close
    desk.conditional("SELL", "TRAILING_STOP_MARKET", quantity="1", reduce_only=True, callback_rate="5")
    desk.minutes(2)
    assert desk.account.trades[-1].price == D("104.5")


def test_nearest_first() -> None:
    desk = long(Desk(), "2")
    for trigger in ("93", "95"):
        desk.conditional(
            "SELL", "STOP_MARKET", trigger, quantity="1", reduce_only=True, client_id=f"s{trigger}"
        )
    desk.price("90")
    assert [order.client_id for order in desk.account.orders[1:]] == ["s95", "s93"]


def test_what_is_refused() -> None:
    desk = Desk(ExchangeRules(max_conditional=2))
    assert desk.stop("95") == "-2022"
    long(desk)
    assert desk.stop("100.1") == "-2021"
    assert desk.stop("100") == "-2021"
    assert desk.conditional("SELL", "TAKE_PROFIT_MARKET", "99.9", close_all=True) == "-2021"
    assert desk.stop("95.01") == "-1111"
    assert desk.stop("95", symbol="NOUSDT") == "-1121"
    assert desk.conditional("SELL", "STOP_MARKET", close_all=True) == "-1102"
    assert desk.conditional("SELL", "STOP", "95", quantity="1") == "-1102"
    assert desk.conditional("SELL", "STOP_MARKET", "95", quantity="1", limit_price="94") == "-1106"
    assert desk.conditional("SELL", "STOP_MARKET", "95") == "-4003"
    assert desk.conditional("SELL", "MARKET", "95", quantity="1") == Extra.WRONG_KIND
    assert desk.conditional("SELL", "STOP", "95", limit_price="94", close_all=True) == "-4136"
    rests(desk.stop("95"))
    assert desk.stop("94") == "-4130"
    rests(desk.conditional("SELL", "TAKE_PROFIT_MARKET", "105", close_all=True))
    assert desk.conditional("BUY", "STOP_MARKET", "105", quantity="1") == "-4045"


def test_reduce_only_stops_count_where_the_exchange_says_so() -> None:
    for counts in (False, True):
        desk = long(Desk(ExchangeRules(count_conditional=counts)), "3")
        rests(desk.conditional("SELL", "STOP_MARKET", "95", quantity="2", reduce_only=True))
        second = desk.conditional("SELL", "STOP_MARKET", "94", quantity="2", reduce_only=True)
        order = desk.order("SELL", "2", "104", reduce_only=True)
        assert (second == "-4118") is (order == "-4118") is counts
        assert desk.order("SELL", "1", reduce_only=True) != "-4118" or not counts
        assert desk.stop("93") != "-4118"


def test_client_ids_are_taken_while_the_order_lives() -> None:
    desk = long(Desk())
    first = rests(desk.conditional("SELL", "STOP_MARKET", "95", quantity="1", client_id="s"))
    assert desk.conditional("SELL", "STOP_MARKET", "94", quantity="1", client_id="s") == "-4116"
    desk.account.cancel_conditional(first)
    second = rests(desk.conditional("SELL", "STOP_MARKET", "94", quantity="1", client_id="s"))
    assert desk.account.find_conditional(client_id="s") is second
    assert desk.account.find_conditional(first.conditional_id) is first
    with pytest.raises(Refused, match="-2011"):
        desk.account.cancel_conditional(first)


def test_amending() -> None:
    desk = long(Desk())
    stop = rests(desk.conditional("SELL", "STOP_MARKET", "95", quantity="1", reduce_only=True))
    with pytest.raises(Refused, match="-2021"):
        desk.account.amend_conditional(stop, trigger_price=D(101))
    desk.account.amend_conditional(stop, trigger_price=D(97))
    desk.price("96.5")
    assert stop.status is S.FINISHED
    with pytest.raises(Refused, match="order finished"):
        desk.account.amend_conditional(stop, trigger_price=D(97))


def test_price_protection_holds_back_while_mark_and_last_are_apart() -> None:
    desk = long(Desk())
    stop = rests(desk.stop("95", price_protect=True))
    desk.exchange.set_mark(SYMBOL, D(100))
    desk.price("94")
    assert stop.status is S.NEW
    desk.exchange.set_mark(SYMBOL, D("94.5"))
    assert stop.status is S.FINISHED


def test_drills() -> None:
    desk = long(Desk())
    desk.exchange.stick("me", SYMBOL)
    stuck = rests(desk.stop("95"))
    desk.price("94")
    assert (stuck.status, desk.held()) == (S.TRIGGERING, 1)
    assert desk.account.live_conditionals(SYMBOL) == [stuck]
    with pytest.raises(Refused, match="-2011"):
        desk.account.cancel_conditional(stuck)
    desk.exchange.refuse_trigger("me", SYMBOL)
    refused = rests(desk.stop("92"))
    desk.price("91.9")
    assert (refused.status, desk.held()) == (S.REJECTED, 1)
    expired = rests(desk.stop("91"))
    desk.exchange.expire_conditional("me", expired.conditional_id)
    assert (expired.status, desk.account.triggers.waiting(SYMBOL)) == (S.EXPIRED, [])


def test_a_position_s_own_stop_is_one_and_goes_with_it() -> None:
    desk = long(Desk())
    first = rests(desk.stop("95", with_position=True))
    second = rests(desk.conditional("SELL", "STOP_MARKET", "96", with_position=True))
    target = rests(desk.conditional("SELL", "TAKE_PROFIT_MARKET", "110", with_position=True))
    assert (first.status, first.reason, second.status) == (S.CANCELED, "replaced", S.NEW)
    view = desk.account.legs(SYMBOL)[0]
    assert (view.stop, view.target) == (second, target)
    desk.order("SELL", "3")  # turns the position: its stop and target go
    assert (second.status, target.status) == (S.CANCELED, S.CANCELED)
    assert target.reason == "position closed"
    assert desk.held() == -2


def test_partial_stops_add_up() -> None:
    desk = long(Desk(ExchangeRules(max_partial=2)), "3")
    parts = {
        price: rests(
            desk.conditional("SELL", "STOP_MARKET", price, quantity="1", with_position=True, partial=True)
        )
        for price in ("96", "95")
    }
    more = desk.conditional("SELL", "STOP_MARKET", "94", quantity="1", with_position=True, partial=True)
    assert more == Extra.TOO_MANY_PARTIAL
    desk.price("95.5")
    assert (parts["96"].status, parts["95"].status, desk.held()) == (S.FINISHED, S.NEW, 2)
    desk.order("SELL", "2", reduce_only=True)
    assert parts["95"].status is S.CANCELED


def test_each_leg_has_its_own_stops() -> None:
    desk = Desk(mode=PositionMode.HEDGE)
    desk.order("BUY", "2", leg="LONG")
    desk.order("SELL", "1", leg="SHORT")
    long_stop = rests(desk.stop("95", "SELL", leg="LONG"))
    short_stop = rests(desk.stop("105", "BUY", leg="SHORT"))
    assert desk.stop("94", "SELL", leg="LONG") == "-4130"
    desk.price("95")
    assert (long_stop.status, short_stop.status) == (S.FINISHED, S.NEW)
    assert (desk.held("LONG"), desk.held("SHORT")) == (0, -1)
    desk.price("105")
    assert desk.held("SHORT") == 0


def test_stops_fill_in_parts_in_a_thin_book() -> None:
    desk = long(Desk(), "5")
    desk.exchange.set_depth(SYMBOL, D(2))
    stop = rests(desk.stop("95"))
    desk.price("95")
    assert (stop.status, desk.held()) == (S.TRIGGERED, 3)
    desk.price("94")
    desk.price("93")
    assert (stop.status, desk.held()) == (S.FINISHED, 0)


def test_directions_as_stated() -> None:
    desk = Desk()
    dip = rests(desk.conditional("BUY", "STOP_MARKET", "95", quantity="1", rises=False))
    desk.price("96")
    assert dip.status is S.NEW
    desk.price("94.9")
    assert (dip.status, desk.held()) == (S.FINISHED, 1)


def test_between_a_close_and_the_next_open_nothing_trades() -> None:
    desk = long(Desk(bars=[FLAT, (97, 98, 96, 97)]))
    desk.stop("98.5")
    desk.minutes(2)
    assert desk.account.trades[-1].price == 97
    candle = desk.exchange.klines(SYMBOL, "1m", 2)[0]
    assert (candle.open, candle.high, candle.low) == (97, 98, 96)
