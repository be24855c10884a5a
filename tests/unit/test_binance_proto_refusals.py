"""Refusals that need a situation: what is held, what rests, what the contract allows."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from binance_kit import Client, make_exchange

from sandbox.exchange.binance import BINANCE_RULES


@pytest.fixture
def client() -> Client:
    return held(Client(make_exchange()))


def held(client: Client) -> Client:
    client.exchange.hold("", held=True)
    return client


def around(client: Client, factor: str) -> str:
    one = client.exchange.instruments["BTCUSDT"]
    return f"{one.price_nearest(client.exchange.view('BTCUSDT').last * Decimal(factor)):f}"


def order(client: Client, side: str = "BUY", **more: object) -> Any:
    return client.order(**({"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": "0.010"} | more))


def limit(client: Client, side: str = "BUY", factor: str = "0.98", **more: object) -> Any:
    return order(client, side, type="LIMIT", timeInForce="GTC", price=around(client, factor), **more)


def stop(client: Client) -> Any:
    asked = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010"}
    return client.algo(**asked, triggerPrice=around(client, "0.98"))


def test_a_halted_contract_takes_exits_only(client: Client) -> None:
    order(client)
    client.exchange.set_tradable("BTCUSDT", tradable=False)
    assert order(client)["code"] == -4140
    assert order(client, "SELL", reduceOnly="true", newOrderRespType="RESULT")["status"] == "FILLED"


def test_resting_exits_count_against_the_position(client: Client) -> None:
    order(client)
    assert limit(client, "SELL", "1.02", reduceOnly="true")["status"] == "NEW"
    assert limit(client, "SELL", "1.02", reduceOnly="true")["code"] == -4118


def test_the_bracket_at_this_leverage(client: Client) -> None:
    client.account.transfer(Decimal(10_000_000))
    one = client.exchange.instruments["BTCUSDT"]
    client.fapi("POST leverage", symbol="BTCUSDT", leverage=one.max_leverage)
    size = one.quantity_down(
        one.max_notional(one.max_leverage) * Decimal("1.2") / client.exchange.view("BTCUSDT").last
    )
    client.exchange.change_filters("BTCUSDT", {"max_market_quantity": size * 2, "max_quantity": size * 2})
    assert order(client, quantity=f"{size:f}")["code"] == -2027


def test_leverage_goes_down_only_when_flat(client: Client) -> None:
    client.fapi("POST leverage", symbol="BTCUSDT", leverage=20)
    if client.fapi("GET symbolConfig", symbol="BTCUSDT")[0]["marginType"] == "CROSSED":
        client.fapi("POST marginType", symbol="BTCUSDT", marginType="ISOLATED")
    order(client)
    assert client.code("POST leverage", symbol="BTCUSDT", leverage=5) == -4161


def test_too_many_of_either_kind() -> None:
    client = held(Client(make_exchange(replace(BINANCE_RULES, max_orders=1, max_conditional=1))))
    order(client)
    assert limit(client)["status"] == "NEW"
    assert limit(client)["code"] == -2025
    assert stop(client)["algoStatus"] == "NEW"
    assert stop(client)["code"] == -4045
    filters = {
        row["filterType"]: row for row in client.public("fapi/v1/exchangeInfo")["symbols"][0]["filters"]
    }
    assert (filters["MAX_NUM_ORDERS"]["limit"], filters["MAX_NUM_ALGO_ORDERS"]["limit"]) == (1, 1)


@pytest.mark.parametrize("side,factor,code", [("BUY", "1.2", -4016), ("SELL", "0.8", -4024)])
def test_limits_too_far_from_the_mark(client: Client, side: str, factor: str, code: int) -> None:
    answer = limit(client, side, factor)
    assert answer["code"] == code


def test_a_market_order_in_a_torn_book(client: Client) -> None:
    """Its price is too far from the mark."""
    client.exchange.set_mark("BTCUSDT", Decimal(around(client, "0.9")))
    assert order(client)["code"] == -4131


def test_filters_that_change_while_trading(client: Client) -> None:
    client.exchange.change_filters(
        "BTCUSDT", {"quantity_step": Decimal("0.1"), "min_quantity": Decimal("0.1")}
    )
    assert order(client)["code"] in {-1111, -4004}
    assert client.public("fapi/v1/exchangeInfo")["symbols"][0]["quantityPrecision"] == 1


def test_prices_and_quantities_off_the_grid(client: Client) -> None:
    client.exchange.change_filters(
        "BTCUSDT", {"price_tick": Decimal("0.5"), "quantity_step": Decimal("0.002")}
    )
    price = Decimal(around(client, "0.98"))
    asked = {"type": "LIMIT", "timeInForce": "GTC"}
    assert order(client, **asked, price=f"{price + Decimal('0.1'):f}")["code"] == -4014
    assert order(client, quantity="0.011")["code"] == -4023
    assert order(client, **asked, price=f"{price:f}")["status"] == "NEW"
