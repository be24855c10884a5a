"""Ordinary orders at the sandbox exchange: what executes, what rests, what is refused, what is told in which order."""

import pytest
from core_kit import OTHER, SYMBOL, D, Desk, placed
from floor import BUY

from bot.domain.order import OrderStatus
from sandbox.exchange.nouns import (
    ExchangeRules,
    Extra,
    IncomeKind,
    Kind,
    OrderAsk,
    Origin,
    PositionMode,
    Refused,
)


def test_a_market_order_fills_at_the_ask_and_pays_the_taker() -> None:
    desk = Desk()
    desk.exchange.set_spread(SYMBOL, D("0.002"))  # ask 100.1, bid 99.9
    desk.news.clear()
    order = placed(desk.order("BUY", "2"))
    assert (order.status, order.average) == (OrderStatus.FILLED, D("100.1"))
    assert desk.lines() == ["NEW WORKING", "account ORDER", "TRADE FILLED 2 @ 100.1"]
    assert desk.wallet() == 10_000 - D("200.2") * D("0.0005")
    leg = desk.account.legs(SYMBOL)[0]
    assert (leg.quantity, leg.entry_price, leg.isolated_margin) == (2, D("100.1"), D("20.02"))
    assert leg.unrealised == D("-0.2")


def test_income_lines_say_where_money_went() -> None:
    desk = Desk()
    desk.order("BUY", "2")
    desk.price("110")
    desk.order("SELL", "2", reduce_only=True)
    lines = [(one.kind, one.amount) for one in desk.account.income]
    assert lines == [
        (IncomeKind.TRANSFER, 10_000),
        (IncomeKind.COMMISSION, D("-0.1")),
        (IncomeKind.REALIZED_PNL, 20),
        (IncomeKind.COMMISSION, D("-0.11")),
    ]
    assert desk.wallet() == D("10019.79") == desk.account.income[-1].wallet_after
    assert [trade.closed_quantity for trade in desk.account.trades] == [0, 2]


def test_a_resting_limit_order_gets_its_limit_as_maker_even_in_a_gap() -> None:
    desk = Desk()
    order = placed(desk.order("BUY", "1", "99"))
    assert desk.account.funds().order_margin == D("9.9")
    desk.price("99")  # touched is not traded through
    assert order.status is OrderStatus.WORKING
    desk.price("95")
    assert (order.status, order.average, order.fee) == (OrderStatus.FILLED, 99, D("0.0198"))
    assert desk.account.trades[-1].maker


def test_times_in_force() -> None:
    desk = Desk()
    assert placed(desk.order("BUY", "1", "99", tif="IOC")).status is OrderStatus.EXPIRED
    assert placed(desk.order("BUY", "1", "99", tif="FOK")).status is OrderStatus.EXPIRED
    assert desk.order("BUY", "1", "101", tif="GTX") == "-5022"
    assert placed(desk.order("BUY", "1", "99", tif="GTX")).status is OrderStatus.WORKING
    assert placed(desk.order("BUY", "1", "101", tif="FOK")).status is OrderStatus.FILLED


def test_partial_fills_go_on_at_the_next_price() -> None:
    desk = Desk()
    desk.exchange.set_depth(SYMBOL, D(2))
    desk.news.clear()
    order = placed(desk.order("BUY", "5"))
    assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, 2)
    desk.price("101")
    desk.price("102")
    assert (order.status, order.average) == (OrderStatus.FILLED, D("100.8"))  # 2 @ 100, 2 @ 101, 1 @ 102
    assert [text for text in desk.lines() if text.startswith("TRADE")] == [
        "TRADE PARTIALLY_FILLED 2 @ 100",
        "TRADE PARTIALLY_FILLED 2 @ 101",
        "TRADE FILLED 1 @ 102",
    ]


def test_a_thin_book_fills_an_ioc_order_in_part_and_a_fok_order_not_at_all() -> None:
    desk = Desk(ExchangeRules(book_depth=D(200)))  # 2 pieces at 100
    order = placed(desk.order("BUY", "5", "101", tif="IOC"))
    assert (order.status, order.filled) == (OrderStatus.EXPIRED, 2)
    assert desk.order("BUY", "5", "101", tif="FOK").filled == 0


def test_cancelling() -> None:
    desk = Desk()
    order = placed(desk.order("BUY", "1", "99"))
    desk.account.cancel(order)
    assert desk.lines()[-1] == "CANCELED CANCELLED"
    assert desk.account.live_orders() == []
    with pytest.raises(Refused, match="-2011"):
        desk.account.cancel(order)


def test_amending() -> None:
    desk = Desk()
    order = placed(desk.order("BUY", "1", "99"))
    desk.account.amend(order, quantity=D(3))
    desk.account.amend(order, price=D(98))
    assert (order.ask.quantity, order.ask.price) == (3, 98)
    assert desk.account.funds().order_margin == D("29.4")
    assert desk.lines()[-2:] == ["AMENDMENT WORKING"] * 2
    with pytest.raises(Refused, match="nothing changed"):
        desk.account.amend(order, price=D(98))
    with pytest.raises(Refused, match="-1111"):
        desk.account.amend(order, price=D("98.01"))
    assert order.ask.price == 98
    desk.account.amend(order, price=D(101))  # crosses: executes as a taker at 100
    assert (order.status, order.average) == (OrderStatus.FILLED, 100)
    with pytest.raises(Refused, match="order finished"):
        desk.account.amend(order, price=D(97))


def test_what_is_refused() -> None:
    desk = Desk(ExchangeRules(max_orders=2))
    assert desk.order("BUY", "1", symbol="NOUSDT") == "-1121"
    assert desk.order("BUY", "1001") == "-4005"
    assert desk.order("BUY", "0.04") == "-4164"
    assert desk.order("BUY", "1.001") == "-1111"
    assert desk.order("BUY", "1", "106") == "-4016"
    assert desk.order("SELL", "1", reduce_only=True) == "-2022"
    assert desk.order("BUY", "1", client_id="a b") == "-4015"
    assert desk.order("BUY", "1", leg="LONG") == Extra.WRONG_LEG
    desk.account.transfer(D(-9_000))
    assert desk.order("BUY", "99.6") == "-2019"  # 996 of margin and 4.98 of fee: the wallet has 1000
    assert placed(desk.order("BUY", "99.5")).filled == D("99.5")
    desk.order("SELL", "0.1", "103", reduce_only=True)
    desk.order("SELL", "0.1", "103", reduce_only=True)
    assert desk.order("SELL", "0.1", "103", reduce_only=True) == Extra.MAX_OPEN_ORDERS


def test_a_refused_order_leaves_nothing() -> None:
    desk = Desk()
    desk.order("BUY", "1001")
    assert desk.account.orders == []
    assert desk.lines() == []


def test_market_orders_far_from_the_mark() -> None:
    desk = Desk()
    desk.exchange.set_mark(SYMBOL, D(95))  # 100 > 95 x 1.05
    assert desk.order("BUY", "1") == Extra.MARKET_PERCENT_PRICE
    desk.exchange.set_mark(SYMBOL, None)
    assert placed(desk.order("BUY", "1")).status is OrderStatus.FILLED


@pytest.mark.parametrize("for_ever", [True, False])
def test_client_ids(for_ever: bool) -> None:
    desk = Desk(ExchangeRules(unique_for_ever=for_ever))
    first = placed(desk.order("BUY", "1", "99", client_id="mine"))
    assert desk.order("BUY", "1", "98", client_id="mine") == "-4116"
    desk.account.cancel(first)
    again = desk.order("BUY", "1", "98", client_id="mine")
    if for_ever:
        assert again == "-4116"
        return
    desk.account.cancel(placed(again))
    assert desk.account.find(SYMBOL, client_id="mine") is again
    third = placed(desk.order("BUY", "1", "97", client_id="mine"))
    assert desk.account.find(SYMBOL, client_id="mine") is third
    assert desk.account.find(OTHER, client_id="mine") is None
    assert desk.account.find(SYMBOL, first.order_id) is first


def test_acknowledged_first_rejected_by_an_event() -> None:
    desk = Desk(ExchangeRules(acks_first=True))
    order = placed(desk.order("BUY", "1", "101", tif="GTX"))
    desk.account.transfer(D(-100))
    desk.exchange.reject_next(desk.account.name, SYMBOL)
    desk.lines()
    taken_back = placed(desk.order("BUY", "1", "99"))
    assert {order.status, taken_back.status} == {OrderStatus.WORKING}
    assert desk.lines() == ["NEW WORKING"]
    desk.exchange.advance(desk.exchange.now_ms)
    assert desk.lines() == ["REJECTED REJECTED"] * 2
    assert (order.reason, taken_back.reason) == ("-5022", "")
    assert desk.order("BUY", "1001") == "-4005"  # what is plainly wrong is refused at once
    assert desk.order("BUY", "1000", "99") == "-2019"  # so is lack of margin: 9900 and 49.5 of fee
    assert desk.lines() == []


def test_hedge_legs_are_independent() -> None:
    desk = Desk(mode=PositionMode.HEDGE)
    assert desk.order("BUY", "1") == Extra.WRONG_LEG
    desk.order("BUY", "3", leg="LONG")
    desk.order("SELL", "2", leg="SHORT")
    assert (desk.held("LONG"), desk.held("SHORT"), desk.held()) == (3, -2, 0)
    assert (
        desk.order("BUY", "5", leg="SHORT").status is OrderStatus.EXPIRED
    )  # 2 close it, the rest may not turn it
    assert (desk.held("LONG"), desk.held("SHORT")) == (3, 0)
    assert desk.order("BUY", "1", leg="SHORT") == "-2022"
    desk.price("110")
    views = {view.leg: view for view in desk.account.legs(SYMBOL)}
    assert [view.unrealised for view in views.values()] == [30, 0]


def test_modes_and_leverage() -> None:
    desk = Desk()
    with pytest.raises(Refused, match="same leverage"):
        desk.account.set_leverage(SYMBOL, 10)
    desk.account.set_leverage(SYMBOL, 50)
    with pytest.raises(Refused, match="-4028"):
        desk.account.set_leverage(SYMBOL, 51)
    assert desk.account.leverage(SYMBOL) == 50
    with pytest.raises(Refused, match="-4059"):
        desk.account.set_position_mode(PositionMode.ONE_WAY)
    desk.order("BUY", "1", "99")
    with pytest.raises(Refused, match="-4067"):
        desk.account.set_position_mode(PositionMode.HEDGE)
    desk.account.cancel(desk.account.live_orders()[0])
    desk.order("BUY", "1")
    with pytest.raises(Refused, match="-4068"):
        desk.account.set_position_mode(PositionMode.HEDGE)
    with pytest.raises(Refused, match="-4161"):
        desk.account.set_leverage(SYMBOL, 20)


def test_halted_contracts_take_only_exits() -> None:
    desk = Desk()
    desk.order("BUY", "1")
    desk.exchange.set_tradable(SYMBOL, tradable=False)
    assert desk.order("BUY", "1") == "-4140"
    assert placed(desk.order("SELL", "1", reduce_only=True)).status is OrderStatus.FILLED


def test_changed_filters_count_at_once() -> None:
    desk = Desk()
    desk.exchange.change_filters(SYMBOL, {"price_tick": D("0.5"), "min_notional": D(500)})
    assert desk.order("BUY", "1", "99.1") == "-4014"
    assert desk.order("BUY", "1", "99.5") == "-4164"
    assert desk.exchange.instruments[SYMBOL].price_tick == D("0.5")


def test_a_person_acts_past_the_bot() -> None:
    desk = Desk()
    order = placed(desk.order("BUY", "1", origin=Origin.HUMAN))
    assert order.client_id.startswith("web_")
    assert desk.account.trades[-1].origin is Origin.HUMAN


def test_transfers() -> None:
    desk = Desk()
    desk.account.transfer(D(500))
    desk.account.transfer(D(-300))
    assert desk.lines() == ["account DEPOSIT", "account WITHDRAW"]
    assert desk.wallet() == 10_200
    with pytest.raises(Refused, match="-2019"):
        desk.account.transfer(D(-10_201))


def test_orders_of_one_kind_only() -> None:
    desk = Desk()
    with pytest.raises(Refused, match="-4120"):
        desk.account.place(OrderAsk(SYMBOL, BUY, Kind.STOP_MARKET, D(1)))
