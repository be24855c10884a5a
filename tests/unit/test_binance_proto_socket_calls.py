"""The websocket API: the same calls as one frame each, signed over sorted parameters."""

import json
from typing import Any

import pytest
from binance_kit import Client, as_sent, make_exchange, sign
from line_kit import Line


@pytest.fixture
def client() -> Client:
    client = Client(make_exchange())
    client.exchange.hold("", held=True)
    return client


@pytest.fixture
def line(client: Client) -> Line:
    return client.dial("/ws-fapi/v1")


def ask(client: Client, line: Line, method: str, **parameters: object) -> Any:
    frame = {"id": "7", "method": method, "params": parameters}
    client.protocol.received(line, json.dumps(frame))
    return json.loads(line.got[-1])


def signed(client: Client, line: Line, method: str, **parameters: object) -> Any:
    known = {"apiKey": client.key, "timestamp": client.exchange.now_ms, "recvWindow": 10000} | parameters
    text = "&".join(f"{name}={as_sent(known[name])}" for name in sorted(known))
    return ask(client, line, method, **known, signature=sign(client.secret, text))


def test_orders(client: Client, line: Line) -> None:
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
    made = signed(client, line, "order.place", **asked, newOrderRespType="RESULT", newClientOrderId="w-1")
    assert (made["id"], made["status"], made["result"]["status"]) == ("7", 200, "FILLED")
    found = signed(client, line, "order.status", symbol="BTCUSDT", orderId=made["result"]["orderId"])
    assert found["result"]["clientOrderId"] == "w-1"
    counts = {(row["rateLimitType"], row["intervalNum"]): row["count"] for row in made["rateLimits"]}
    assert counts[("ORDERS", 10)] == 1
    stopped = signed(client, line, "order.cancel", symbol="BTCUSDT", orderId=made["result"]["orderId"])
    assert (stopped["status"], stopped["error"]["code"]) == (400, -2011)


def test_conditional_orders(client: Client, line: Line) -> None:
    asked = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010"}
    assert signed(client, line, "order.place", **asked, type="STOP_MARKET")["error"]["code"] == -4120
    price = (
        f"{client.exchange.instruments['BTCUSDT'].price_nearest(client.exchange.view('BTCUSDT').last * 2):f}"
    )
    asked |= {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "triggerPrice": price, "reduceOnly": False}
    made = signed(client, line, "algoOrder.place", **asked)
    assert made["result"]["algoStatus"] == "NEW"
    ended = signed(client, line, "algoOrder.cancel", algoId=made["result"]["algoId"])
    assert ended["result"]["code"] == "200"


@pytest.mark.parametrize("method", ["account.status", "v2/account.status"])
def test_the_account(client: Client, line: Line, method: str) -> None:
    assert signed(client, line, method)["result"]["assets"][0]["asset"] == "USDT"
    assert signed(client, line, "account.balance")["result"][0]["asset"] == "USDT"
    assert len(signed(client, line, "account.position")["result"]) == 3
    assert signed(client, line, "v2/account.position")["result"] == []
    assert signed(client, line, "openOrders.status")["result"] == []


def test_public_calls_and_listen_keys(client: Client, line: Line) -> None:
    assert ask(client, line, "ping")["result"] == {}
    assert ask(client, line, "ticker.price", symbol="BTCUSDT")["result"]["symbol"] == "BTCUSDT"
    assert len(ask(client, line, "klines", symbol="BTCUSDT", interval="1m", limit=3)["result"]) == 3
    key = ask(client, line, "userDataStream.start", apiKey=client.key)["result"]["listenKey"]
    assert key == client.keyed("POST", "fapi/v1/listenKey")["listenKey"]


@pytest.mark.parametrize(
    "method,parameters,status,code",
    [
        ("sing", {}, 400, -1020),
        ("account.status", {}, 401, -2014),
        ("account.status", {"apiKey": "k" * 64}, 400, -1102),
        ("account.status", {"apiKey": "k" * 64, "timestamp": 1, "signature": "x"}, 400, -1021),
        ("klines", {"symbol": "NOPE", "interval": "1m"}, 400, -1121),
    ],
)
def test_errors(
    client: Client, line: Line, method: str, parameters: dict[str, object], status: int, code: int
) -> None:
    answer = ask(client, line, method, **parameters)
    assert (answer["status"], answer["error"]["code"]) == (status, code)


def test_a_wrong_signature_and_a_frame_that_is_none(client: Client, line: Line) -> None:
    asked = {"apiKey": client.key, "timestamp": client.exchange.now_ms, "signature": "0" * 64}
    assert ask(client, line, "account.status", **asked)["error"]["code"] == -1022
    client.protocol.received(line, "nonsense")
    assert json.loads(line.got[-1])["status"] == 400
    silent = signed(client, line, "account.status", returnRateLimits=False)
    assert "rateLimits" not in silent
