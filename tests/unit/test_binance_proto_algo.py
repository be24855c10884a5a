"""Conditional orders: only in the algo service, never among open orders, each leads to a new ordinary order."""

from decimal import Decimal
from typing import Any

import pytest
from binance_kit import Client, lacks, make_exchange, recorded
from line_kit import real_data


@pytest.fixture
def client() -> Client:
    client = Client(make_exchange())
    client.exchange.hold("", held=True)
    return client


def around(client: Client, factor: str) -> str:
    one = client.exchange.instruments["BTCUSDT"]
    return f"{one.price_nearest(client.exchange.view('BTCUSDT').last * Decimal(factor)):f}"


def entered(client: Client) -> None:
    client.order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")


def stop(client: Client, **more: object) -> Any:
    asked = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "workingType": "MARK_PRICE"}
    asked |= {"triggerPrice": around(client, "0.98")}
    if "closePosition" not in more:
        asked |= {"quantity": "0.010"}
    return client.algo(**(asked | more))


def test_it_is_not_among_the_open_orders(client: Client) -> None:
    entered(client)
    made = stop(client, clientAlgoId="s-1", reduceOnly="true")
    assert (made["algoStatus"], made["clientAlgoId"], made["orderType"]) == ("NEW", "s-1", "STOP_MARKET")
    assert client.fapi("GET openOrders") == []
    assert client.code("GET order", symbol="BTCUSDT", origClientOrderId="s-1") == -2013
    assert client.code("DELETE order", symbol="BTCUSDT", orderId=made["algoId"]) == -2011
    assert client.fapi("DELETE allOpenOrders", symbol="BTCUSDT")["code"] == 200
    assert [one["algoId"] for one in client.fapi("GET openAlgoOrders", symbol="BTCUSDT")] == [made["algoId"]]
    assert client.fapi("GET algoOrder", clientAlgoId="s-1") == client.fapi(
        "GET algoOrder", algoId=made["algoId"]
    )


@real_data
def test_the_shape_is_the_recorded_one(client: Client) -> None:
    entered(client)
    stop(client)
    theirs = recorded("nautilus_trader/binance/futures/http_json/open_algo_orders.json")
    assert lacks(client.fapi("GET openAlgoOrders"), theirs) == ["[].type: missing"]  # it is orderType


def test_a_trigger_leads_to_an_ordinary_order(client: Client) -> None:
    entered(client)
    made = stop(client, clientAlgoId="s-1", closePosition="true")
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.975")))
    done = client.fapi("GET algoOrder", algoId=made["algoId"])
    assert (done["algoStatus"], done["closePosition"]) == ("FINISHED", True)
    assert Decimal(done["actualPrice"]) > 0
    child = client.fapi("GET order", symbol="BTCUSDT", orderId=done["actualOrderId"])
    assert (child["status"], child["type"], child["origType"]) == ("FILLED", "MARKET", "STOP_MARKET")
    assert client.fapi("GET v3/positionRisk") == []
    assert client.fapi("GET openAlgoOrders") == []
    assert [one["algoStatus"] for one in client.fapi("GET allAlgoOrders", symbol="BTCUSDT")] == ["FINISHED"]


def test_it_stays_when_the_position_is_closed(client: Client) -> None:
    entered(client)
    stop(client)
    client.order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.010", reduceOnly="true")
    client.advance(60_000)
    assert len(client.fapi("GET openAlgoOrders")) == 1


def test_good_till_the_position_ends(client: Client) -> None:
    assert stop(client, timeInForce="GTE_GTC")["code"] == -4509
    entered(client)
    made = stop(client, timeInForce="GTE_GTC")
    assert made["timeInForce"] == "GTE_GTC"
    client.order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.010", reduceOnly="true")
    client.advance(60_000)
    assert client.fapi("GET algoOrder", algoId=made["algoId"])["algoStatus"] == "EXPIRED"


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"algoType": "VP"}, -1130),
        ({"type": "MARKET"}, -1116),
        ({"type": "LIMIT"}, -1116),
        ({"type": ""}, -1102),
        ({"side": "DOWN"}, -1117),
        ({"triggerPrice": ""}, -1105),
        ({"stopPrice": "1"}, -1104),
        ({"newClientOrderId": "x"}, -1104),
        ({"price": "1"}, -1106),
        ({"callbackRate": "1"}, -1106),
        ({"type": "STOP"}, -1102),
        ({"type": "TRAILING_STOP_MARKET"}, -1106),
        ({"workingType": "INDEX"}, -4031),
        ({"timeInForce": "DAY"}, -1115),
        ({"closePosition": "true", "quantity": "0.01"}, -4137),
        ({"closePosition": "true", "reduceOnly": "true"}, -1106),
        ({"clientAlgoId": "x" * 37}, -4015),
        ({"clientAlgoId": "a b"}, -4015),
        ({"positionSide": "LONG"}, -4061),
        ({"triggerPrice": "{up}"}, -2021),
        ({"type": "TAKE_PROFIT_MARKET"}, -2021),
        ({"quantity": "0.01000001"}, -1111),
        ({"stopLoss": "{}"}, -1104),
    ],
)  # fmt: skip
def test_every_refusal_has_its_code(client: Client, changes: dict[str, str], code: int) -> None:
    entered(client)
    up = around(client, "1.05")
    answer = stop(client, **{name: up if value == "{up}" else value for name, value in changes.items()})
    assert (client.last.status, answer["code"]) == (400, code), answer
    assert client.fapi("GET openAlgoOrders") == []


def test_trailing(client: Client) -> None:
    entered(client)
    asked = {"symbol": "BTCUSDT", "side": "SELL", "type": "TRAILING_STOP_MARKET", "quantity": "0.010"}
    assert client.algo(**asked)["code"] == -1102
    assert client.algo(**asked, callbackRate="11")["code"] == -1130
    assert client.algo(**asked, callbackRate="0.15")["code"] == -1130
    made = client.algo(**asked, callbackRate="1", activatePrice=around(client, "1.01"))
    assert (made["callbackRate"], made["orderType"]) == ("1", "TRAILING_STOP_MARKET")
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "1.02")))
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.98")))
    assert client.fapi("GET algoOrder", algoId=made["algoId"])["algoStatus"] == "FINISHED"


def test_a_second_close_all_stop_is_refused(client: Client) -> None:
    entered(client)
    stop(client, closePosition="true")
    assert stop(client, closePosition="true")["code"] == -4130


def test_ids_are_unique_among_those_that_wait(client: Client) -> None:
    entered(client)
    stop(client, clientAlgoId="same")
    assert stop(client, clientAlgoId="same")["code"] == -4116
    client.fapi("DELETE algoOrder", clientAlgoId="same")
    assert stop(client, clientAlgoId="same")["algoStatus"] == "NEW"


def test_cancelling(client: Client) -> None:
    entered(client)
    made = stop(client, clientAlgoId="s-1")
    expected = {"algoId": made["algoId"], "clientAlgoId": "s-1", "code": "200", "msg": "success"}
    assert client.fapi("DELETE algoOrder", symbol="BTCUSDT", algoId=made["algoId"]) == expected
    assert client.fapi("GET algoOrder", algoId=made["algoId"])["algoStatus"] == "CANCELED"
    assert client.code("DELETE algoOrder", algoId=made["algoId"]) == -2011
    assert client.code("DELETE algoOrder", algoId=4242) == -2011
    assert client.code("GET algoOrder", algoId=4242) == -2013
    assert client.code("GET algoOrder") == -1102
    stop(client)
    assert client.fapi("DELETE algoOpenOrders", symbol="BTCUSDT")["code"] == 200
    assert client.fapi("GET openAlgoOrders") == []
    assert client.code("DELETE algoOpenOrders") == -1102


def test_one_that_hangs_cannot_be_cancelled_and_has_no_order(client: Client) -> None:
    entered(client)
    made = stop(client)
    client.exchange.stick(client.account.name, "BTCUSDT")
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.975")))
    hangs = client.fapi("GET algoOrder", algoId=made["algoId"])
    assert (hangs["algoStatus"], hangs["actualOrderId"]) == ("TRIGGERING", "")
    assert client.code("DELETE algoOrder", algoId=made["algoId"]) == -2011
    assert len(client.fapi("GET v3/positionRisk")) == 1


def test_one_that_is_rejected_at_its_trigger(client: Client) -> None:
    entered(client)
    made = stop(client)
    client.exchange.refuse_trigger(client.account.name, "BTCUSDT")
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.975")))
    assert client.fapi("GET algoOrder", algoId=made["algoId"])["algoStatus"] == "REJECTED"
    assert len(client.fapi("GET v3/positionRisk")) == 1
