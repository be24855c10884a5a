"""Ordinary orders: what is taken, what is refused and with which code, what can be found again."""

import json
from decimal import Decimal
from typing import Any

import pytest
from binance_kit import Client, lacks, make_exchange, recorded
from line_kit import real_data

from sandbox.exchange.nouns import Extra, Refused

HTTP = "nautilus_trader/binance/futures/http_json/"


@pytest.fixture
def client() -> Client:
    client = Client(make_exchange())
    client.exchange.hold("", held=True)
    return client


def market(client: Client, **more: object) -> Any:
    return client.order(
        **({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"} | more)
    )


def limit(client: Client, **more: object) -> Any:
    price = client.exchange.instruments["BTCUSDT"].price_nearest(
        client.exchange.view("BTCUSDT").last * Decimal("0.97")
    )
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.010", "timeInForce": "GTC"}
    return client.order(**(asked | {"price": f"{price:f}"} | more))


def test_an_acknowledgement_and_a_result(client: Client) -> None:
    acknowledged = market(client, newClientOrderId="a-1")
    assert (acknowledged["status"], acknowledged["executedQty"]) == ("NEW", "0")
    done = market(client, newClientOrderId="a-2", newOrderRespType="RESULT")
    assert (done["status"], Decimal(done["executedQty"])) == ("FILLED", Decimal("0.010"))
    assert Decimal(done["cumQuote"]) == Decimal(done["avgPrice"]) * Decimal("0.010")
    found = client.fapi("GET order", symbol="BTCUSDT", origClientOrderId="a-1")
    assert (found["status"], found["orderId"]) == ("FILLED", acknowledged["orderId"])


@real_data
def test_the_shape_is_the_recorded_one(client: Client) -> None:
    limit(client)
    theirs = recorded(f"{HTTP}order_response.json")
    assert lacks(client.fapi("GET openOrders"), [theirs]) == []
    assert lacks(limit(client), {key: value for key, value in theirs.items() if key != "time"}) == []


def test_a_resting_order_is_found_amended_and_cancelled(client: Client) -> None:
    made = limit(client, newClientOrderId="rests")
    assert [one["orderId"] for one in client.fapi("GET openOrders", symbol="BTCUSDT")] == [made["orderId"]]
    assert client.fapi("GET openOrder", symbol="BTCUSDT", orderId=made["orderId"])["status"] == "NEW"
    lower = f"{Decimal(made['price']) - 10:f}"
    asked = {"symbol": "BTCUSDT", "orderId": made["orderId"], "side": "BUY", "quantity": "0.011"}
    changed = client.fapi("PUT order", **asked, price=lower)
    assert (changed["price"], changed["origQty"]) == (lower, "0.011")
    assert client.code("PUT order", **asked, price=lower) == -5027
    ended = client.fapi("DELETE order", symbol="BTCUSDT", origClientOrderId="rests")
    assert ended["status"] == "CANCELED"
    assert client.code("DELETE order", symbol="BTCUSDT", orderId=made["orderId"]) == -2011
    assert client.code("GET openOrder", symbol="BTCUSDT", orderId=made["orderId"]) == -2013
    assert client.fapi("GET order", symbol="BTCUSDT", orderId=made["orderId"])["status"] == "CANCELED"
    assert [one["orderId"] for one in client.fapi("GET allOrders", symbol="BTCUSDT")] == [made["orderId"]]


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"symbol": ""}, -1102),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"side": "LONG"}, -1117),
        ({"type": ""}, -1102),
        ({"type": "SOMETHING"}, -1116),
        ({"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
        ({"type": "STOP"}, -4120),
        ({"type": "TAKE_PROFIT"}, -4120),
        ({"type": "TAKE_PROFIT_MARKET"}, -4120),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "1"}, -4120),
        ({"type": "LIMIT", "price": "50000"}, -1102),
        ({"type": "LIMIT", "timeInForce": "GTC"}, -1102),
        ({"type": "LIMIT", "timeInForce": "DAY", "price": "50000"}, -1115),
        ({"type": "LIMIT", "timeInForce": "GTD", "price": "50000"}, -1102),
        ({"type": "LIMIT", "timeInForce": "GTC", "price": "50000", "priceMatch": "QUEUE"}, -1106),
        ({"price": "50000"}, -1106),
        ({"timeInForce": "GTC"}, -1106),
        ({"stopPrice": "50000"}, -1106),
        ({"closePosition": "true"}, -4136),
        ({"quantity": ""}, -1105),
        ({"quantity": "1e-3"}, -1100),
        ({"quantity": "-1"}, -1100),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0005"}, -4004),
        ({"quantity": "99999999"}, -4005),
        ({"quantity": "0.01000001"}, -1111),
        ({"reduceOnly": "perhaps"}, -1130),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "UP"}, -4060),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "white space"}, -4015),
        ({"stopLoss": "{'triggerPrice': 1}"}, -1104),
        ({"takeProfit": "{'triggerPrice': 1}"}, -1104),
        ({"clientOrderId": "mine"}, -1104),
        ({"workingType": "LAST"}, -4031),
    ],
)  # fmt: skip
def test_every_refusal_has_its_code(client: Client, changes: dict[str, object], code: int) -> None:
    before = len(client.account.orders)
    answer = market(client, **changes)
    assert (client.last.status, answer["code"]) == (400, code), answer
    assert len(client.account.orders) == before


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"price": "0"}, None),
        ({"price": "60000.123456"}, -1111),
        ({"quantity": "0.001", "price": "{low}"}, -4164),
        ({"price": "{high}"}, -4016),
        ({"timeInForce": "GTX", "price": "{cross}"}, -5022),
        ({"quantity": "90"}, -2019),
    ],
)
def test_refusals_of_limit_orders(client: Client, changes: dict[str, str], code: int | None) -> None:
    one, last = client.exchange.instruments["BTCUSDT"], client.exchange.view("BTCUSDT").last
    prices = {"low": last * Decimal("0.97"), "high": last * 2, "cross": last * Decimal("1.01")}
    words = {name: f"{one.price_nearest(price):f}" for name, price in prices.items()}
    asked = {name: value.format(**words) for name, value in changes.items()}
    if code == -4164:
        asked["quantity"] = f"{one.quantity_down(one.min_notional / 2 / last) or one.min_quantity:f}"
        assert Decimal(asked["quantity"]) * last < one.min_notional, (
            "the contract's minimum is too small for this"
        )
    answer = limit(client, **asked)
    assert client.last.status == 400
    assert code is None or answer["code"] == code, answer


def test_a_client_id_is_unique_among_open_orders_only(client: Client) -> None:
    limit(client, newClientOrderId="once")
    assert limit(client, newClientOrderId="once")["code"] == -4116
    client.fapi("DELETE order", symbol="BTCUSDT", origClientOrderId="once")
    assert limit(client, newClientOrderId="once")["status"] == "NEW"
    market(client, newClientOrderId="twice")
    assert market(client, newClientOrderId="twice", newOrderRespType="RESULT")["status"] == "FILLED"


@pytest.mark.parametrize("call", ["GET order", "DELETE order", "GET openOrder"])
def test_orders_that_are_not_there(client: Client, call: str) -> None:
    expected = -2011 if call.startswith("DELETE") else -2013
    assert client.code(call, symbol="BTCUSDT", orderId=424242) == expected
    assert client.code(call, symbol="BTCUSDT", origClientOrderId="nobody") == expected
    assert client.code(call, symbol="BTCUSDT") == -1102
    assert client.code(call, orderId=1) == -1102


def test_what_ended_unfilled_is_forgotten_after_three_days(client: Client) -> None:
    ended, filled = limit(client)["orderId"], market(client)["orderId"]
    client.fapi("DELETE order", symbol="BTCUSDT", orderId=ended)
    client.advance(3 * 86_400_000 - 60_000)
    assert client.fapi("GET order", symbol="BTCUSDT", orderId=ended)["status"] == "CANCELED"
    client.advance(120_000)
    assert client.code("GET order", symbol="BTCUSDT", orderId=ended) == -2013
    assert client.fapi("GET order", symbol="BTCUSDT", orderId=filled)["status"] == "FILLED"


def test_hedge_mode_wants_a_side_and_no_reduce_only(client: Client) -> None:
    client.fapi("POST positionSide/dual", dualSidePosition=True)
    assert market(client)["code"] == -4061
    assert market(client, positionSide="LONG", reduceOnly="true")["code"] == -1106
    done = market(client, positionSide="LONG", newOrderRespType="RESULT")
    assert (done["status"], done["positionSide"]) == ("FILLED", "LONG")
    closed = market(client, positionSide="LONG", side="SELL", newOrderRespType="RESULT")
    assert closed["status"] == "FILLED"


def test_reduce_only_closes(client: Client) -> None:
    market(client)
    assert market(client, side="SELL", reduceOnly="true", newOrderRespType="RESULT")["status"] == "FILLED"
    assert market(client, side="SELL", reduceOnly="true")["code"] == -2022


def test_cancel_all_is_about_one_symbol(client: Client) -> None:
    limit(client)
    limit(client)
    assert client.code("DELETE allOpenOrders") == -1102
    assert client.fapi("DELETE allOpenOrders", symbol="ETHUSDT")["code"] == 200
    assert len(client.fapi("GET openOrders")) == 2
    assert client.fapi("DELETE allOpenOrders", symbol="BTCUSDT")["code"] == 200
    assert client.fapi("GET openOrders") == []


def test_a_batch_answers_each_order_by_itself(client: Client) -> None:
    rows = [
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"},
        {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010", "stopPrice": "1"},
        {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.010", "reduceOnly": True},
    ]
    answers = client.fapi("POST batchOrders", batchOrders=json.dumps(rows))
    assert [one.get("code", "taken") for one in answers] == ["taken", -4120, "taken"]
    assert client.code("POST batchOrders", batchOrders=json.dumps(rows * 2)) == -4082
    assert client.code("POST batchOrders", batchOrders="[]") == -4082
    assert client.code("POST batchOrders", batchOrders="nonsense") == -1130
    ids = [limit(client)["orderId"], 4242]
    answers = client.fapi("DELETE batchOrders", symbol="BTCUSDT", orderIdList=json.dumps(ids))
    assert [one.get("code", one.get("status")) for one in answers] == ["CANCELED", -2011]
    named = limit(client, newClientOrderId="named")
    answers = client.fapi("DELETE batchOrders", symbol="BTCUSDT", origClientOrderIdList='["named"]')
    assert answers[0]["orderId"] == named["orderId"]


def test_price_match_takes_the_price_of_the_book(client: Client) -> None:
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.010", "timeInForce": "GTC"}
    tick, view = client.exchange.instruments["BTCUSDT"].price_tick, client.exchange.view("BTCUSDT")
    assert Decimal(client.order(**asked, priceMatch="QUEUE")["price"]) == view.bid
    assert Decimal(client.order(**asked, priceMatch="QUEUE_5")["price"]) == view.bid - 4 * tick


def test_an_order_ends_at_its_date(client: Client) -> None:
    date = client.exchange.now_ms // 1000 * 1000 + 700_000
    made = limit(client, timeInForce="GTD", goodTillDate=date)
    assert (made["timeInForce"], made["goodTillDate"]) == ("GTD", date)
    client.advance(600_000)
    assert client.fapi("GET openOrder", symbol="BTCUSDT", orderId=made["orderId"])["status"] == "NEW"
    client.advance(120_000)
    assert client.fapi("GET order", symbol="BTCUSDT", orderId=made["orderId"])["status"] == "CANCELED"


def test_the_dead_man_s_switch(client: Client) -> None:
    limit(client)
    client.fapi("POST countdownCancelAll", symbol="BTCUSDT", countdownTime=120_000)
    client.advance(60_000)
    client.fapi("POST countdownCancelAll", symbol="BTCUSDT", countdownTime=120_000)
    client.advance(119_000)
    assert len(client.fapi("GET openOrders")) == 1
    client.advance(2_000)
    assert client.fapi("GET openOrders") == []
    limit(client)
    client.fapi("POST countdownCancelAll", symbol="BTCUSDT", countdownTime=60_000)
    client.fapi("POST countdownCancelAll", symbol="BTCUSDT", countdownTime=0)
    client.advance(120_000)
    assert len(client.fapi("GET openOrders")) == 1


def test_a_test_order_is_checked_and_not_placed(client: Client) -> None:
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
    assert client.fapi("POST order/test", **asked) == {}
    assert client.code("POST order/test", **(asked | {"type": "STOP"})) == -4120
    assert not client.account.orders


def test_codes_of_the_core_in_binance_s_numbers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the core calls by a word has a number here."""
    for extra, code in (
        (Extra.TOO_MANY_ORDERS, -2025),
        (Extra.FINISHED, -2011),
        (Extra.NOTHING_CHANGED, -5027),
    ):

        def refuse(_: object, extra: Extra = extra) -> None:
            raise Refused(extra, "figures")

        monkeypatch.setattr(client.account, "place", refuse)
        assert market(client)["code"] == code
