"""Binance's own wording of trouble."""

import json

import pytest
from binance_kit import Client, make_exchange

from sandbox.exchange.binance.faults import NAMES
from sandbox.exchange.wire import Request

ORDER = Request("POST", "/fapi/v1/order")


@pytest.fixture
def client() -> Client:
    return Client(make_exchange())


@pytest.mark.parametrize(
    "what,status,code",
    [
        ("overloaded", 503, -1008),
        ("unknown", 503, None),
        ("unavailable", 503, None),
        ("timeout", 408, -1007),
        ("disconnected", 500, -1001),
        ("unexpected", 500, -1006),
        ("too many", 429, -1003),
        ("too many orders", 429, -1015),
        ("banned", 418, -1003),
        ("shutting down", 503, -1016),
        ("clock", 400, -1021),
        ("not found", 400, -2013),
        ("-2028", 400, -2028),
        ("-2015", 401, -2015),
    ],
)
def test_what_goes_wrong_in_json(client: Client, what: str, status: int, code: int | None) -> None:
    answer = client.protocol.trouble(what, ORDER)
    assert answer.status == status
    assert json.loads(answer.body).get("code") == code
    assert ("Retry-After" in answer.headers) is (status in {418, 429})


@pytest.mark.parametrize("what,status", [("maintenance", 503), ("forbidden", 403)])
def test_what_goes_wrong_in_html(client: Client, what: str, status: int) -> None:
    answer = client.protocol.trouble(what, ORDER)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html")
    assert answer.body.startswith(b"<html>")


@pytest.mark.parametrize(
    "method,path,expected",
    [
        ("GET", "/fapi/v1/order", -2013),
        ("GET", "/fapi/v1/algoOrder", -2013),
        ("DELETE", "/fapi/v1/order", -2011),
        ("DELETE", "/fapi/v1/algoOrder", -2011),
        ("GET", "/fapi/v1/openOrders", []),
        ("GET", "/fapi/v1/allOrders", []),
    ],
)
def test_an_order_that_is_not_found(client: Client, method: str, path: str, expected: object) -> None:
    answer = json.loads(client.protocol.trouble("not found", Request(method, path)).body)
    assert (answer["code"] if isinstance(answer, dict) else answer) == expected


def test_other_trouble_is_named(client: Client) -> None:
    with pytest.raises(ValueError, match="overloaded"):
        client.protocol.trouble("boredom", ORDER)
    for what in NAMES:
        assert client.protocol.trouble(what, ORDER).body
