"""Bybit protocol: orders from their acknowledgement to their end."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from bybit_kit import BYBIT_RULES, Client, D, entry, make_exchange

from bot.domain.order import OrderSide
from sandbox.exchange.nouns import ConditionalStatus, Kind, OrderAsk, Origin

NAMED = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture
def client() -> Client:
    return Client()


def test_an_acknowledgement_says_nothing_but_the_ids(client: Client) -> None:
    answer = client.post("order/create", **entry(), orderLinkId="QD-1")
    assert set(answer) == {"orderId", "orderLinkId"}
    assert answer["orderLinkId"] == "QD-1"


def test_a_market_order_is_filled_and_paid(client: Client) -> None:
    row = client.row(client.order(orderLinkId="QD-1"))
    assert (row["orderStatus"], row["orderType"], row["timeInForce"]) == ("Filled", "Market", "IOC")
    assert (row["qty"], row["cumExecQty"], row["leavesQty"]) == ("0.01", "0.01", "0")
    trade = client.account.trades[0]
    assert D(row["avgPrice"]) == trade.price
    assert D(row["cumFeeDetail"]["USDT"]) == trade.fee == trade.price * trade.quantity * D("0.00055")
    assert (row["orderLinkId"], row["createType"], row["rejectReason"]) == (
        "QD-1",
        "CreateByUser",
        "EC_NoError",
    )
    assert D(row["price"]) > trade.price  # the limit behind a market order to buy


def test_a_limit_order_rests_is_amended_and_cancelled(client: Client) -> None:
    price = client.at("0.9")
    uid = client.order(orderType="Limit", price=price)
    row = client.row(uid)
    assert (row["orderStatus"], row["price"], row["timeInForce"]) == ("New", price, "GTC")
    assert (row["avgPrice"], row["cumExecQty"], row["leavesQty"]) == ("", "0", "0.01")
    lower = client.at("0.89")
    client.post("order/amend", **NAMED, orderId=uid, price=lower, qty="0.02")
    assert (client.row(uid)["price"], client.row(uid)["qty"]) == (lower, "0.02")
    assert client.words("POST", "order/amend", **NAMED, orderId=uid, price=lower).startswith(
        "The order remains"
    )
    assert client.post("order/cancel", **NAMED, orderId=uid)["orderId"] == uid
    row = client.row(uid)
    assert (row["orderStatus"], row["cancelType"]) == ("Cancelled", "CancelByUser")
    assert row["rejectReason"] == "EC_PerCancelRequest"
    assert row["leavesQty"] == "0"


def test_a_limit_order_fills_as_maker_when_the_price_comes(client: Client) -> None:
    uid = client.order(orderType="Limit", price=client.at("0.99"))
    client.push("0.98")
    row = client.row(uid)
    assert row["orderStatus"] == "Filled"
    fill = client.get("execution/list", **NAMED, orderId=uid)["list"][0]
    assert (fill["isMaker"], fill["feeRate"]) == (True, "0.0002")


def test_orders_by_client_id(client: Client) -> None:
    uid = client.order(orderType="Limit", price=client.at("0.9"), orderLinkId="QD-7")
    found = client.get("order/realtime", category="linear", orderLinkId="QD-7")["list"]
    assert [row["orderId"] for row in found] == [uid]
    assert client.post("order/cancel", **NAMED, orderLinkId="QD-7") == {"orderId": uid, "orderLinkId": "QD-7"}


def test_a_client_id_is_unique_for_ever(client: Client) -> None:
    client.order(orderLinkId="QD-1")
    assert client.order_code(orderLinkId="QD-1") == 110072
    trigger = {"triggerPrice": client.at("1.1"), "triggerDirection": 1}
    assert client.order_code(orderLinkId="QD-1", **trigger) == 110072
    uid = client.order(orderLinkId="QD-2", **trigger)
    client.post("order/cancel", **NAMED, orderId=uid)
    assert client.order_code(orderLinkId="QD-2") == 110072
    assert len(client.account.trades) == 1


def test_the_exchange_gives_no_client_ids(client: Client) -> None:
    row = client.row(client.order())
    assert row["orderLinkId"] == ""


# What is refused at once


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"category": "spot"}, "category only support linear"),
        ({"symbol": "NOPEUSDT"}, "symbol invalid NOPEUSDT"),
        ({"side": "BUY"}, "side invalid"),
        ({"orderType": "Stop"}, "orderType invalid"),
        ({"qty": 0.01}, "params error: qty invalid"),
        ({"qty": "1e-2"}, "qty invalid"),
        ({"qty": "-1"}, "qty invalid"),
        ({"qty": None}, "params error: qty can't be empty"),
        ({"qty": "0"}, "Qty invalid"),
        ({"qty": "0.0105"}, "Qty invalid"),
        ({"qty": "1000000"}, "The number of contracts exceeds maximum limit allowed"),
        ({"orderType": "Limit"}, "params error: price can't be empty"),
        ({"timeInForce": "GTX"}, "timeInForce invalid"),
        ({"positionIdx": 1}, "position idx not match position mode"),
        ({"positionIdx": 5}, "position idx not match position mode"),
        ({"orderLinkId": "with spaces"}, "OrderLinkedID invalid"),
        ({"orderLinkId": "x" * 37}, "OrderLinkedID invalid"),
        ({"reduceOnly": "perhaps"}, "params error: reduceOnly invalid"),
        ({"triggerPrice": "70000"}, "TriggerDirection invalid"),
    ],
)
def test_bad_parameters_are_10001(client: Client, changes: dict[str, Any], words: str) -> None:
    assert client.words("POST", "order/create", **(entry() | changes)) == words
    assert client.order_code(**changes) == 10001
    assert client.account.orders == []


def test_a_price_off_the_tick_is_10001(client: Client) -> None:
    tick = client.exchange.instruments["BTCUSDT"].price_tick
    price = f"{D(client.at('0.9')) + tick / 2:f}"
    assert client.order_code(orderType="Limit", price=price) == 10001


def test_a_price_out_of_range_is_110003(client: Client) -> None:
    assert client.order_code(orderType="Limit", price=client.at("1.5")) == 110003


def test_a_tiny_order_is_110094(client: Client) -> None:
    client.exchange.change_filters("BTCUSDT", {"min_notional": D(10_000)})
    assert client.order_code() == 110094
    assert client.order_code(qty="0.2") == 0


def test_a_halted_contract_is_110074(client: Client) -> None:
    client.exchange.set_tradable("BTCUSDT", tradable=False)
    assert client.order_code() == 110074


def test_reduce_only_without_a_position_is_110017(client: Client) -> None:
    assert client.order_code(side="Sell", reduceOnly=True) == 110017
    client.order()
    assert client.order_code(reduceOnly=True) == 110017


def test_beyond_the_bracket_is_110090() -> None:
    rich = Client(make_exchange(rules=replace(BYBIT_RULES, start_wallet=D(10_000_000))))
    rich.post("position/set-leverage", **NAMED, buyLeverage="100", sellLeverage="100")
    assert rich.order_code(qty="30") == 110090


def test_missing_margin_is_110007_and_leaves_nothing(client: Client) -> None:
    line = client.listen("order")
    assert client.order_code(qty="10", orderLinkId="QD-1") == 110007
    client.tick(1000)
    assert (client.account.orders, line.rows("order")) == ([], [])
    assert client.order_code(orderLinkId="QD-1") == 0  # a refused order does not use up its id


# What is refused after the acknowledgement


def test_post_only_that_would_take_is_cancelled_by_an_event(client: Client) -> None:
    uid = client.order(orderType="Limit", price=client.at("1.01"), timeInForce="PostOnly")
    client.tick(1000)
    row = client.row(uid)
    assert (row["orderStatus"], row["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert row["timeInForce"] == "PostOnly"
    assert client.account.trades == []


@pytest.mark.parametrize(
    "in_force, reason", [("IOC", "EC_NoImmediateQtyToFill"), ("FOK", "EC_CancelForNoFullFill")]
)
def test_at_once_or_never(client: Client, in_force: str, reason: str) -> None:
    uid = client.order(orderType="Limit", price=client.at("0.99"), timeInForce=in_force)
    row = client.row(uid)
    assert (row["orderStatus"], row["rejectReason"], row["timeInForce"]) == ("Cancelled", reason, in_force)


def test_what_an_order_filled_before_it_was_cancelled_stays(client: Client) -> None:
    client.exchange.hold("BTCUSDT", held=True)
    client.exchange.set_depth("BTCUSDT", D("0.004"))
    uid = client.order(orderType="Limit", price=client.at("1.01"), timeInForce="IOC")
    row = client.row(uid)
    assert (row["orderStatus"], row["cumExecQty"], row["leavesQty"]) == ("Cancelled", "0.004", "0")
    assert client.position()["size"] == "0.004"


def test_partial_fills_are_told_one_by_one(client: Client) -> None:
    line = client.listen("order", "execution")
    client.exchange.hold("BTCUSDT", held=True)
    client.exchange.set_depth("BTCUSDT", D("0.004"))
    uid = client.order(orderType="Limit", price=client.at("1.01"))
    assert client.row(uid)["orderStatus"] == "PartiallyFilled"
    for _ in range(3):
        client.exchange.set_price("BTCUSDT", client.last())
    assert client.row(uid)["orderStatus"] == "Filled"
    fills = line.rows("execution")
    assert [row["execQty"] for row in fills] == ["0.004", "0.004", "0.002"]
    assert [row["leavesQty"] for row in fills] == ["0.006", "0.002", "0"]
    statuses = [row["orderStatus"] for row in line.rows("order")]
    assert statuses == ["New", "PartiallyFilled", "PartiallyFilled", "Filled"]


# Cancelling


def test_cancelling_what_is_over(client: Client) -> None:
    filled = client.order()
    assert client.code("POST", "order/cancel", **NAMED, orderId=filled) == 110008
    resting = client.order(orderType="Limit", price=client.at("0.9"))
    client.post("order/cancel", **NAMED, orderId=resting)
    assert client.code("POST", "order/cancel", **NAMED, orderId=resting) == 110010
    assert (
        client.code("POST", "order/cancel", **NAMED, orderId="0a000000-0000-4000-8000-000000000001") == 110001
    )
    assert client.code("POST", "order/cancel", **NAMED, orderLinkId="never") == 110001
    assert client.code("POST", "order/cancel", **NAMED) == 10001


def test_cancelling_under_another_symbol_is_110001(client: Client) -> None:
    uid = client.order(orderType="Limit", price=client.at("0.9"))
    assert client.code("POST", "order/cancel", category="linear", symbol="ETHUSDT", orderId=uid) == 110001
    assert client.code("POST", "order/amend", category="linear", symbol="ETHUSDT", orderId=uid) == 110001


def test_cancel_all_takes_everything_of_its_scope(client: Client) -> None:
    client.order()
    client.stop(stopLoss=client.at("0.9"))
    limit = client.order(orderType="Limit", price=client.at("0.9"))
    trigger = client.order(triggerPrice=client.at("1.1"), triggerDirection=1)
    other = client.order(symbol="ETHUSDT", qty="1", orderType="Limit", price=client.at("0.9", "ETHUSDT"))
    answer = client.post("order/cancel-all", **NAMED)
    gone = [row["orderId"] for row in answer["list"]]
    assert answer["success"] == "1"
    assert len(gone) == 3
    assert {limit, trigger} < set(gone)
    assert client.open_orders() == []
    assert client.position()["stopLoss"] == ""
    assert client.row(other)["orderStatus"] == "New"
    assert client.code("POST", "order/cancel-all", category="linear") == 10001


@pytest.mark.parametrize(
    "asked, left",
    [
        ({"orderFilter": "Order"}, {"Stop", "StopLoss"}),
        ({"orderFilter": "StopOrder"}, {""}),
        ({"orderFilter": "StopOrder", "stopOrderType": "Stop"}, {"", "StopLoss"}),
    ],
)
def test_cancel_all_by_kind(client: Client, asked: dict[str, str], left: set[str]) -> None:
    client.order()
    client.stop(stopLoss=client.at("0.9"))
    client.order(orderType="Limit", price=client.at("0.9"))
    client.order(triggerPrice=client.at("1.1"), triggerDirection=1)
    client.post("order/cancel-all", category="linear", settleCoin="USDT", **asked)
    assert {row["stopOrderType"] for row in client.open_orders()} == left


# Conditional orders


def test_a_conditional_order_keeps_its_id_until_it_is_filled(client: Client) -> None:
    line = client.listen("order", "execution")
    trigger = client.at("1.02")
    uid = client.order(
        triggerPrice=trigger, triggerDirection=1, triggerBy="MarkPrice", orderLinkId="QD-9", qty="0.020"
    )
    row = client.row(uid)
    assert (row["orderStatus"], row["stopOrderType"], row["triggerPrice"]) == ("Untriggered", "Stop", trigger)
    assert (row["triggerDirection"], row["triggerBy"], row["orderType"]) == (1, "MarkPrice", "Market")
    assert row["price"] == "0"
    client.push("1.03")
    assert client.row(uid)["orderStatus"] == "Filled"
    assert [one["orderStatus"] for one in line.rows("order")] == ["Untriggered", "Triggered", "New", "Filled"]
    assert {one["orderId"] for one in line.rows("order")} == {uid}
    assert {one["orderLinkId"] for one in line.rows("order")} == {"QD-9"}
    fill = line.rows("execution")[0]
    assert (fill["orderId"], fill["orderLinkId"], fill["stopOrderType"]) == (uid, "QD-9", "Stop")
    assert fill["createType"] == "CreateByStopOrder"
    assert [order.parent > 0 for order in client.account.orders] == [True]


def test_a_conditional_limit_order_rests_when_triggered(client: Client) -> None:
    trigger, price = client.at("0.98"), client.at("0.9")
    uid = client.order(orderType="Limit", price=price, triggerPrice=trigger, triggerDirection=2)
    assert (client.row(uid)["orderType"], client.row(uid)["price"]) == ("Limit", price)
    client.push("0.97")
    row = client.row(uid)
    assert (row["orderStatus"], row["price"], row["stopOrderType"]) == ("New", price, "Stop")
    client.post("order/cancel", **NAMED, orderId=uid)
    assert client.row(uid)["orderStatus"] == "Cancelled"


@pytest.mark.parametrize("factor, direction, code", [("0.99", 1, 110092), ("1.01", 2, 110093)])
def test_a_trigger_on_the_wrong_side(client: Client, factor: str, direction: int, code: int) -> None:
    assert client.order_code(triggerPrice=client.at(factor), triggerDirection=direction) == code


def test_a_waiting_order_is_amended_and_deactivated(client: Client) -> None:
    uid = client.order(triggerPrice=client.at("1.1"), triggerDirection=1)
    moved = client.at("1.2")
    client.post("order/amend", **NAMED, orderId=uid, triggerPrice=moved, qty="0.030")
    assert (client.row(uid)["triggerPrice"], client.row(uid)["qty"]) == (moved, "0.03")
    assert client.code("POST", "order/amend", **NAMED, orderId=uid, triggerPrice=client.at("0.9")) == 110092
    client.post("order/cancel", **NAMED, orderId=uid)
    row = client.row(uid)
    assert (row["orderStatus"], row["cancelType"]) == ("Deactivated", "CancelByUser")


def test_ten_conditional_orders_per_symbol(client: Client) -> None:
    trigger = {"triggerPrice": client.at("1.1"), "triggerDirection": 1}
    assert [client.order_code(**trigger) for _ in range(11)] == [0] * 10 + [110009]
    other = {
        "symbol": "ETHUSDT",
        "qty": "1",
        "triggerPrice": client.at("1.1", "ETHUSDT"),
        "triggerDirection": 1,
    }
    assert client.order_code(**other) == 0


def test_five_hundred_orders_per_symbol(client: Client) -> None:
    price = client.at("0.9")
    small = {"orderType": "Limit", "price": price, "qty": "0.001"}
    client.exchange.change_filters("BTCUSDT", {"min_notional": D(1)})
    for _ in range(500):
        client.account.place(OrderAsk("BTCUSDT", OrderSide.BUY, Kind.LIMIT, D("0.001"), price=D(price)))
    assert client.order_code(**small) == 110020


def test_one_that_hangs_in_triggering_can_not_be_operated(client: Client) -> None:
    uid = client.order(triggerPrice=client.at("1.02"), triggerDirection=1)
    client.exchange.stick("main", "BTCUSDT")
    client.push("1.03")
    assert client.account.conditionals[0].status is ConditionalStatus.TRIGGERING
    assert client.row(uid)["orderStatus"] == "Triggered"
    assert client.code("POST", "order/cancel", **NAMED, orderId=uid) == 110079


def test_one_that_is_refused_when_it_triggers(client: Client) -> None:
    line = client.listen("order")
    client.order(triggerPrice=client.at("1.02"), triggerDirection=1)
    client.exchange.refuse_trigger("main", "BTCUSDT")
    client.push("1.03")
    assert [one["orderStatus"] for one in line.rows("order")] == ["Untriggered", "Triggered", "Rejected"]


# Closing


def test_zero_closes_all_of_a_position(client: Client) -> None:
    client.order(qty="0.030")
    client.order(side="Sell", qty="0", reduceOnly=True, closeOnTrigger=True)
    assert client.position()["size"] == "0"
    assert client.order_code(side="Sell", qty="0", reduceOnly=True, closeOnTrigger=True) == 110017


def test_zero_waits_for_the_whole_position(client: Client) -> None:
    client.order(qty="0.030")
    uid = client.order(
        side="Sell",
        qty="0",
        reduceOnly=True,
        closeOnTrigger=True,
        triggerPrice=client.at("0.98"),
        triggerDirection=2,
    )
    row = client.row(uid)
    assert (row["qty"], row["closeOnTrigger"], row["reduceOnly"]) == ("0.03", True, True)
    client.order(qty="0.010")
    client.push("0.97")
    assert client.position()["size"] == "0"


def test_reduce_only_never_turns_a_position(client: Client) -> None:
    client.order(qty="0.010")
    client.order_code(side="Sell", qty="0.050", reduceOnly=True)
    assert D(client.position()["size"]) <= D("0.010")
    assert client.position()["side"] in {"", "Buy"}


def test_a_person_closes_past_the_bot(client: Client) -> None:
    client.order()
    line = client.listen("order", "execution", "position")
    by_hand = OrderAsk(
        "BTCUSDT", OrderSide.SELL, Kind.MARKET, D("0.01"), reduce_only=True, origin=Origin.HUMAN
    )
    client.account.place(by_hand)
    row = line.rows("order")[-1]
    assert (row["createType"], row["orderLinkId"], row["orderStatus"]) == ("CreateByClosing", "", "Filled")
    assert line.rows("position")[-1]["size"] == "0"


# Batches


def test_a_batch_answers_order_by_order(client: Client) -> None:
    good = {
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.01",
        "price": client.at("0.9"),
    }
    asked = [good | {"orderLinkId": "QD-1"}, good | {"qty": "0"}, good | {"orderLinkId": "QD-1"}]
    answer = client.send(client.request("POST", "order/create-batch", category="linear", request=asked))
    codes = [one["code"] for one in answer["retExtInfo"]["list"]]
    assert (answer["retCode"], codes) == (0, [0, 10001, 110072])
    rows = answer["result"]["list"]
    assert [row["orderLinkId"] for row in rows] == ["QD-1", "", "QD-1"]
    assert [bool(row["createAt"]) for row in rows] == [True, False, False]
    gone = client.request(
        "POST",
        "order/cancel-batch",
        category="linear",
        request=[{"symbol": "BTCUSDT", "orderLinkId": "QD-1"}],
    )
    assert client.send(gone)["retExtInfo"]["list"] == [{"code": 0, "msg": "OK"}]
    assert client.open_orders() == []


def test_a_batch_has_one_to_twenty_orders(client: Client) -> None:
    for size in (0, 21):
        assert client.code("POST", "order/create-batch", category="linear", request=[entry()] * size) == 10001


def test_hedge_mode_has_a_position_on_each_side() -> None:
    client = Client()
    client.post("position/switch-mode", category="linear", coin="USDT", mode=3)
    client.order(positionIdx=1, qty="0.020")
    client.order(side="Sell", positionIdx=2, qty="0.010")
    assert (client.position(index=1)["side"], client.position(index=1)["size"]) == ("Buy", "0.02")
    assert (client.position(index=2)["side"], client.position(index=2)["size"]) == ("Sell", "0.01")
    assert client.order_code() == 10001
    client.order(side="Sell", positionIdx=1, qty="0.020", reduceOnly=True)
    assert client.position(index=1)["size"] == "0"
    assert Decimal(client.position(index=2)["size"]) == D("0.01")


def test_taken_back_after_the_acknowledgement(client: Client) -> None:
    line = client.listen("order")
    client.exchange.reject_next("main", "BTCUSDT")
    uid = client.order(orderLinkId="QD-1")
    assert client.row(uid)["orderStatus"] == "New"
    client.tick(1000)
    assert [row["orderStatus"] for row in line.rows("order")] == ["New", "Rejected"]
    row = client.row(uid)
    assert (row["orderStatus"], row["rejectReason"], row["cumExecQty"]) == ("Rejected", "EC_Others", "0")
    assert client.position()["size"] == "0"
    assert client.account.trades == []
    assert client.order_code(orderLinkId="QD-1") == 110072
