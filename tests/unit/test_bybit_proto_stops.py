"""Bybit protocol: stops and targets of positions, Full and Partial, trailing, and those that orders bring."""

from typing import Any

import pytest
from bybit_kit import Client, D

NAMED = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture
def long() -> Client:
    """Holds 0.030 BTC, liquidation far away."""
    client = Client()
    client.post("position/set-leverage", **NAMED, buyLeverage="5", sellLeverage="5")
    client.order(qty="0.030")
    return client


@pytest.fixture
def short() -> Client:
    """Owes 0.030 BTC, liquidation far away."""
    client = Client()
    client.post("position/set-leverage", **NAMED, buyLeverage="5", sellLeverage="5")
    client.order(side="Sell", qty="0.030")
    return client


def kinds(client: Client) -> list[str]:
    return sorted(row["stopOrderType"] for row in client.open_orders())


# Full


def test_full_covers_the_position_whatever_its_size(long: Client) -> None:
    price = long.at("0.95")
    assert long.stop(stopLoss=price, slTriggerBy="MarkPrice") == {}
    row = long.open_orders()[0]
    assert (row["stopOrderType"], row["tpslMode"], row["orderStatus"]) == ("StopLoss", "Full", "Untriggered")
    assert (row["side"], row["triggerPrice"], row["triggerBy"]) == ("Sell", price, "MarkPrice")
    assert (row["triggerDirection"], row["reduceOnly"], row["closeOnTrigger"]) == (2, True, True)
    assert (row["qty"], row["createType"], row["orderLinkId"]) == ("0.03", "CreateByStopLoss", "")
    long.order(qty="0.010")
    assert long.open_orders()[0]["qty"] == "0.04"
    assert long.position()["stopLoss"] == price


def test_full_of_a_short_position(short: Client) -> None:
    stop, target = short.at("1.05"), short.at("0.95")
    short.stop(stopLoss=stop, takeProfit=target)
    rows = {row["stopOrderType"]: row for row in short.open_orders()}
    assert rows["StopLoss"]["triggerDirection"] == 1
    assert rows["TakeProfit"]["triggerDirection"] == 2
    assert {row["side"] for row in rows.values()} == {"Buy"}
    assert (short.position()["stopLoss"], short.position()["takeProfit"]) == (stop, target)


def test_full_replaces_and_keeps_its_id(long: Client) -> None:
    long.stop(stopLoss=long.at("0.95"))
    uid = long.open_orders()[0]["orderId"]
    moved = long.at("0.97")
    long.stop(stopLoss=moved)
    rows = long.open_orders()
    assert [(row["orderId"], row["triggerPrice"]) for row in rows] == [(uid, moved)]
    long.stop(stopLoss=moved, slTriggerBy="MarkPrice")
    rows = long.open_orders()
    assert [(row["triggerBy"], row["triggerPrice"]) for row in rows] == [("MarkPrice", moved)]


def test_the_same_again_is_34040(long: Client) -> None:
    price = long.at("0.95")
    long.stop(stopLoss=price)
    assert long.stop_code(stopLoss=price) == 34040
    assert long.stop_code() == 34040
    assert long.stop_code(takeProfit="0") == 34040
    assert long.stop_code(stopLoss=price, takeProfit=long.at("1.05")) == 0


def test_zero_removes_one_side_and_leaves_the_other(long: Client) -> None:
    long.stop(stopLoss=long.at("0.95"), takeProfit=long.at("1.05"))
    long.stop(stopLoss="0")
    assert kinds(long) == ["TakeProfit"]
    assert long.position()["stopLoss"] == ""
    assert long.stop_code(stopLoss="0") == 34040


@pytest.mark.parametrize(
    "asked, words",
    [
        (
            {"stopLoss": "1.01"},
            "StopLoss:{price} set for Buy position should lower than base_price:{base}??LastPrice",
        ),
        (
            {"takeProfit": "0.99"},
            "TakeProfit:{price} set for Buy position should higher than base_price:{base}??LastPrice",
        ),
    ],
)
def test_the_wrong_side_of_the_price_is_10001(long: Client, asked: dict[str, str], words: str) -> None:
    name, factor = next(iter(asked.items()))
    price = long.at(factor)
    told = long.words(
        "POST", "position/trading-stop", **NAMED, tpslMode="Full", positionIdx=0, **{name: price}
    )
    scaled = {"price": int(D(price) * 10_000), "base": int(long.last() * 10_000)}
    assert told == words.format(**scaled)
    assert long.stop_code(**{name: price}) == 10001
    assert long.open_orders() == []


def test_the_mark_decides_where_it_triggers(long: Client) -> None:
    long.exchange.set_mark("BTCUSDT", D(long.at("0.90")))
    between = long.at("0.95")
    assert long.stop_code(stopLoss=between, slTriggerBy="MarkPrice") == 10001
    assert long.stop_code(stopLoss=between) == 0


def test_without_a_position_there_is_no_stop() -> None:
    client = Client()
    words = client.words(
        "POST", "position/trading-stop", **NAMED, tpslMode="Full", positionIdx=0, stopLoss="1000"
    )
    assert words == "can not set tp/sl/ts for zero position"


def test_full_takes_market_orders_only(long: Client) -> None:
    asked = {"stopLoss": long.at("0.95"), "slOrderType": "Limit", "slLimitPrice": long.at("0.94")}
    assert long.stop_code(**asked) == 10001
    assert long.stop_code(stopLoss=long.at("0.95"), positionIdx=1) == 10001


def test_the_stop_closes_the_position_and_takes_the_target_with_it(long: Client) -> None:
    line = long.listen("order", "execution", "position")
    long.stop(stopLoss=long.at("0.95"), takeProfit=long.at("1.05"), slTriggerBy="MarkPrice")
    uid = next(row["orderId"] for row in long.open_orders() if row["stopOrderType"] == "StopLoss")
    long.push("0.94")
    assert long.position()["size"] == "0"
    assert long.open_orders() == []
    stops = [row for row in line.rows("order") if row["orderId"] == uid]
    assert [row["orderStatus"] for row in stops] == ["Untriggered", "Triggered", "New", "Filled"]
    last = [row for row in line.rows("order") if row["stopOrderType"] == "TakeProfit"][-1]
    assert (last["orderStatus"], last["cancelType"]) == ("Deactivated", "CancelByTpSlTsClear")
    fill = line.rows("execution")[-1]
    assert (fill["orderId"], fill["createType"], fill["closedSize"]) == (uid, "CreateByStopLoss", "0.03")
    assert D(fill["execPnl"]) < 0


def test_stops_go_when_the_position_is_closed_otherwise(long: Client) -> None:
    long.stop(stopLoss=long.at("0.95"), takeProfit=long.at("1.05"), trailingStop="500")
    assert kinds(long) == ["StopLoss", "TakeProfit", "TrailingStop"]
    long.order(side="Sell", qty="0.030", reduceOnly=True)
    assert long.open_orders() == []
    long.order(qty="0.010")
    assert long.position()["stopLoss"] == ""


def test_half_closed_keeps_its_stop(long: Client) -> None:
    long.stop(stopLoss=long.at("0.95"))
    long.order(side="Sell", qty="0.020", reduceOnly=True)
    assert [row["qty"] for row in long.open_orders()] == ["0.01"]


def test_a_person_cancels_the_stop(long: Client) -> None:
    line = long.listen("order")
    long.stop(stopLoss=long.at("0.95"))
    long.account.cancel_conditional(long.account.conditionals[0])
    row = line.rows("order")[-1]
    assert (row["orderStatus"], row["cancelType"]) == ("Deactivated", "CancelByUser")


def test_the_exchange_removes_the_stop(long: Client) -> None:
    line = long.listen("order")
    long.stop(stopLoss=long.at("0.95"))
    long.exchange.expire_conditional("main", long.account.conditionals[0].conditional_id)
    assert (line.rows("order")[-1]["orderStatus"], line.rows("order")[-1]["cancelType"]) == (
        "Deactivated",
        "CancelByAdmin",
    )


def test_a_stop_is_amended_and_cancelled_as_an_order_too(long: Client) -> None:
    long.stop(stopLoss=long.at("0.95"))
    uid, moved = long.open_orders()[0]["orderId"], long.at("0.96")
    long.post("order/amend", **NAMED, orderId=uid, triggerPrice=moved)
    assert long.position()["stopLoss"] == moved
    long.post("order/cancel", **NAMED, orderId=uid)
    assert long.position()["stopLoss"] == ""


# Trailing


def test_a_trailing_stop_follows_and_closes(long: Client) -> None:
    distance = f"{(long.last() * D('0.02')).quantize(D('1'))}"
    long.stop(trailingStop=distance)
    assert long.position()["trailingStop"] == distance
    row = long.open_orders()[0]
    assert (row["stopOrderType"], row["triggerDirection"], row["triggerPrice"]) == ("TrailingStop", 2, "")
    assert long.stop_code(trailingStop=distance) == 34040
    long.push("1.05")
    assert long.position()["size"] == "0.03"
    long.push("0.97")
    assert long.position()["size"] == "0"
    fill = long.get("execution/list", **NAMED)["list"][0]
    assert fill["createType"] == "CreateByTrailingStop"


def test_a_trailing_stop_waits_for_its_activation(long: Client) -> None:
    activation = long.at("1.03")
    long.stop(trailingStop="600", activePrice=activation)
    assert long.open_orders()[0]["triggerPrice"] == activation
    long.push("0.98")
    assert long.position()["size"] == "0.03"
    long.push("1.06")
    long.push("0.97")
    assert long.position()["size"] == "0"


def test_a_trailing_stop_keeps_its_distance_however_far_the_price_went(long: Client) -> None:
    long.stop(trailingStop="600")
    long.push("1.5")
    long.exchange.set_price("BTCUSDT", long.last() - 595)
    assert long.position()["size"] == "0.03"
    long.exchange.set_price("BTCUSDT", long.last() - 10)
    assert long.position()["size"] == "0"


def test_a_trailing_stop_is_replaced_and_removed(long: Client) -> None:
    long.stop(trailingStop="600")
    long.stop(trailingStop="900")
    assert kinds(long) == ["TrailingStop"]
    assert long.position()["trailingStop"] == "900"
    long.stop(trailingStop="0")
    assert long.open_orders() == []
    assert long.position()["trailingStop"] == "0"


# Partial


def partial(client: Client, **asked: Any) -> int:
    return client.stop_code(tpslMode="Partial", **asked)


def test_partial_only_adds(long: Client) -> None:
    price = long.at("0.95")
    assert partial(long, stopLoss=price, slSize="0.010") == 0
    assert partial(long, stopLoss=price, slSize="0.010") == 0
    rows = long.open_orders()
    assert [(row["stopOrderType"], row["qty"], row["tpslMode"]) for row in rows] == [
        ("PartialStopLoss", "0.01", "Partial")
    ] * 2
    assert partial(long, stopLoss="0") == 34040
    assert len(long.open_orders()) == 2


def test_more_than_twenty_partial_ones_are_110061(long: Client) -> None:
    price = long.at("0.95")
    codes = [partial(long, stopLoss=price, slSize="0.001") for _ in range(21)]
    assert codes == [0] * 20 + [110061]
    assert long.stop_code(stopLoss=price) == 0  # the whole position's own stop is none of them


def test_partial_sizes(long: Client) -> None:
    stop, target = long.at("0.95"), long.at("1.05")
    assert partial(long, stopLoss=stop, slSize="0.031") == 110058
    assert partial(long, stopLoss=stop, takeProfit=target, slSize="0.01", tpSize="0.02") == 10001
    assert long.open_orders() == []


def test_a_pair_of_which_one_triggers(long: Client) -> None:
    line = long.listen("order")
    asked = {"stopLoss": long.at("0.95"), "takeProfit": long.at("1.05"), "slSize": "0.010", "tpSize": "0.010"}
    assert partial(long, **asked) == 0
    long.push("1.06")
    assert long.position()["size"] == "0.02"
    assert long.open_orders() == []
    gone = next(row for row in line.rows("order") if row["orderStatus"] == "Deactivated")
    assert (gone["stopOrderType"], gone["cancelType"]) == (
        "PartialStopLoss",
        "CancelByOCOSlCanceledByTpTriggered",
    )


def test_cancelling_half_of_a_pair_cancels_both(long: Client) -> None:
    asked = {"stopLoss": long.at("0.95"), "takeProfit": long.at("1.05"), "slSize": "0.010", "tpSize": "0.010"}
    assert partial(long, **asked) == 0
    long.post("order/cancel", **NAMED, orderId=long.open_orders()[0]["orderId"])
    assert long.open_orders() == []


def test_a_partial_target_at_a_limit(long: Client) -> None:
    trigger, limit = long.at("1.02"), long.at("1.021")
    asked = {"takeProfit": trigger, "tpSize": "0.010", "tpOrderType": "Limit"}
    assert partial(long, **asked) == 10001
    assert partial(long, **asked, tpLimitPrice=limit) == 0
    row = long.open_orders()[0]
    assert (row["stopOrderType"], row["orderType"], row["price"]) == ("PartialTakeProfit", "Limit", limit)
    long.push("1.0201")
    row = long.open_orders()[0]
    assert (row["orderStatus"], row["price"]) == ("New", limit)
    long.push("1.01")
    assert long.position()["size"] == "0.02"


# Brought by orders


def test_an_order_brings_stop_and_target() -> None:
    client = Client()
    stop, target = client.at("0.95"), client.at("1.05")
    client.order(stopLoss=stop, takeProfit=target, slTriggerBy="MarkPrice", orderLinkId="QD-1")
    rows = {row["stopOrderType"]: row for row in client.open_orders()}
    assert (rows["StopLoss"]["triggerPrice"], rows["StopLoss"]["triggerBy"]) == (stop, "MarkPrice")
    assert rows["TakeProfit"]["triggerPrice"] == target
    assert {row["parentOrderLinkId"] for row in rows.values()} == {"QD-1"}
    assert {row["tpslMode"] for row in rows.values()} == {"Full"}


def test_a_resting_order_brings_them_when_it_fills() -> None:
    client = Client()
    price, stop = client.at("0.98"), client.at("0.95")
    uid = client.order(orderType="Limit", price=price, stopLoss=stop, tpslMode="Partial")
    assert (client.row(uid)["stopLoss"], client.row(uid)["tpslMode"]) == (stop, "Partial")
    assert len(client.open_orders()) == 1
    client.push("0.97")
    rows = client.open_orders()
    assert [(row["stopOrderType"], row["qty"], row["triggerPrice"]) for row in rows] == [
        ("PartialStopLoss", "0.01", stop)
    ]


def test_attached_stops_are_amended_while_the_order_rests() -> None:
    client = Client()
    uid = client.order(orderType="Limit", price=client.at("0.98"), stopLoss=client.at("0.95"))
    moved = client.at("0.96")
    client.post("order/amend", **NAMED, orderId=uid, stopLoss=moved)
    assert client.row(uid)["stopLoss"] == moved
    client.push("0.97")
    assert client.position()["stopLoss"] == moved


def test_attached_stops_on_the_wrong_side_refuse_the_order() -> None:
    client = Client()
    assert client.order_code(stopLoss=client.at("1.01")) == 10001
    assert client.order_code(side="Sell", takeProfit=client.at("1.01")) == 10001
    assert client.order_code(side="Sell", reduceOnly=True, stopLoss=client.at("1.01")) == 10001
    assert client.account.orders == []


def test_hedge_mode_needs_the_index() -> None:
    client = Client()
    client.post("position/switch-mode", category="linear", coin="USDT", mode=3)
    client.order(positionIdx=1, qty="0.020")
    client.order(side="Sell", positionIdx=2, qty="0.010")
    below, above = client.at("0.95"), client.at("1.05")
    assert client.stop_code(stopLoss=below) == 10001
    client.stop(stopLoss=below, positionIdx=1)
    client.stop(stopLoss=above, positionIdx=2)
    assert (client.position(index=1)["stopLoss"], client.position(index=2)["stopLoss"]) == (below, above)
    client.push("0.94")
    assert (client.position(index=1)["size"], client.position(index=2)["size"]) == ("0", "0.01")
    assert client.position(index=2)["stopLoss"] == above
