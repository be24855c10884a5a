"""Weights, order counts, 429, 418: counted as documented, enforced, told in headers."""

from typing import Any

import pytest
from binance_kit import Client, make_exchange

from sandbox.exchange.binance import Settings


def used(client: Client) -> int:
    return int(client.last.headers["X-MBX-USED-WEIGHT-1M"])


@pytest.mark.parametrize(
    "path,parameters,weight",
    [
        ("time", {}, 1),
        ("exchangeInfo", {}, 1),
        ("klines", {"limit": 99}, 1),
        ("klines", {"limit": 100}, 2),
        ("klines", {}, 5),
        ("klines", {"limit": 1000}, 5),
        ("klines", {"limit": 1500}, 10),
        ("depth", {"limit": 5}, 2),
        ("depth", {"limit": 100}, 5),
        ("depth", {}, 10),
        ("depth", {"limit": 1000}, 20),
        ("ticker/24hr", {}, 1),
        ("ticker/bookTicker", {}, 2),
        ("aggTrades", {}, 20),
    ],
)
def test_documented_weights(path: str, parameters: dict[str, Any], weight: int) -> None:
    client = Client(make_exchange())
    client.public(f"fapi/v1/{path}", symbol="BTCUSDT", interval="1m", **parameters)
    assert used(client) == weight


@pytest.mark.parametrize(
    "call,weight",
    [("GET openOrders", 40), ("GET v3/account", 5), ("GET income", 30), ("GET positionSide/dual", 30)],
)
def test_weights_of_signed_calls(call: str, weight: int) -> None:
    client = Client(make_exchange())
    client.fapi(call)
    assert used(client) == weight


def test_orders_have_no_weight_but_are_counted() -> None:
    client = Client(make_exchange())
    for _ in range(3):
        client.order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")
    assert used(client) == 0
    assert client.last.headers["X-MBX-ORDER-COUNT-10S"] == "3"
    client.advance(11_000)
    client.order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")
    assert client.last.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert client.last.headers["X-MBX-ORDER-COUNT-1M"] == "4"


def test_too_much_weight_is_refused_until_the_minute_is_over_and_then_banned() -> None:
    client = Client(make_exchange(), Settings(weight_per_minute=10, patience=2))
    for _ in range(10):
        client.public("fapi/v1/time")
    for _ in range(2):
        answer = client.public("fapi/v1/time")
        assert (client.last.status, answer["code"]) == (429, -1003)
        assert 0 < int(client.last.headers["Retry-After"]) <= 60
    answer = client.public("fapi/v1/time")
    assert (client.last.status, answer["code"]) == (418, -1003)
    assert client.last.headers["Retry-After"] == "120"
    assert f"banned until {client.exchange.now_ms + 120_000}" in answer["msg"]
    client.advance(119_000)
    client.public("fapi/v1/time")
    assert client.last.status == 418
    client.advance(2_000)
    assert "serverTime" in client.public("fapi/v1/time")
    for _ in range(13):
        client.public("fapi/v1/time")
    assert client.last.status == 418
    assert client.last.headers["Retry-After"] == "240"


def test_who_waits_for_the_next_minute_is_not_banned() -> None:
    client = Client(make_exchange(), Settings(weight_per_minute=1, patience=1))
    for _ in range(3):
        client.public("fapi/v1/time")
        client.public("fapi/v1/time")
        assert client.last.status == 429
        client.advance(60_000)
    assert "serverTime" in client.public("fapi/v1/time")


def test_too_many_orders() -> None:
    client = Client(make_exchange(), Settings(orders_per_ten_seconds=2))
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}
    assert [client.order(**asked).get("code") for _ in range(2)] == [None, None]
    answer = client.order(**asked)
    assert (client.last.status, answer["code"]) == (429, -1015)
    assert "2 orders per TEN_SECONDS" in answer["msg"]
    assert len(client.account.orders) == 2
    client.advance(10_000)
    assert client.order(**asked)["status"] == "NEW"


def test_limits_can_be_switched_off_and_are_counted_all_the_same() -> None:
    client = Client(make_exchange(), Settings(limits=False, weight_per_minute=2, orders_per_ten_seconds=1))
    for _ in range(30):
        assert "serverTime" in client.public("fapi/v1/time")
    assert used(client) == 30
    for _ in range(3):
        client.order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")
    assert client.last.headers["X-MBX-ORDER-COUNT-10S"] == "3"
