"""Keys, signatures and timestamps, as the clients of the field send them."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from binance_kit import Client, make_exchange, sign

from sandbox.exchange.nouns import KeyRights
from sandbox.exchange.wire import Request


@pytest.fixture
def client() -> Client:
    return Client(make_exchange())


def signed_text(client: Client, **parameters: object) -> str:
    text = urlencode({"timestamp": client.exchange.now_ms, **parameters})
    return f"{text}&signature={sign(client.secret, text)}"


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "PUT"])
@pytest.mark.parametrize("place", ["query", "body"])
def test_a_signature_counts_wherever_the_parameters_are(client: Client, method: str, place: str) -> None:
    """ccxt: query for GET and DELETE, form for POST; python-binance: form for DELETE; the SDK: query for POST."""
    path = {"GET": "account", "DELETE": "allOpenOrders", "POST": "leverage", "PUT": "order"}[method]
    text = signed_text(client, symbol="BTCUSDT", leverage=5)
    query, body = (text, b"") if place == "query" else ("", text.encode())
    answer = client.send(Request(method, f"/fapi/v1/{path}", query, {"x-mbx-apikey": client.key}, body))
    assert answer.get("code") not in {-1022, -1102, -2015}, answer
    wrong = Request(
        method, f"/fapi/v1/{path}", query.replace("5", "6"), {"x-mbx-apikey": client.key}, body[:-1]
    )
    assert client.send(wrong)["code"] == -1022


def test_query_and_body_are_signed_together(client: Client) -> None:
    query, body = "symbol=BTCUSDT", f"leverage=7&timestamp={client.exchange.now_ms}"
    body += f"&signature={sign(client.secret, query + body)}"
    request = Request("POST", "/fapi/v1/leverage", query, {"x-mbx-apikey": client.key}, body.encode())
    assert client.send(request)["leverage"] == 7


def test_a_signature_inside_the_parameters_is_cut_at_the_last_one(client: Client) -> None:
    text = f"symbol=BTCUSDT&orderId=1&timestamp={client.exchange.now_ms}&note=a%26signature%3Db"
    text += f"&signature={sign(client.secret, text)}"
    request = Request("GET", "/fapi/v1/allOrders", text, {"x-mbx-apikey": client.key})
    assert client.send(request) == []


@pytest.mark.parametrize(
    "query,key,status,code",
    [
        ("", None, 401, -2014),
        ("", "no key!", 401, -2014),
        ("", "a" * 64, 401, -2015),
        ("recvWindow=5000", "ours", 400, -1102),
        ("timestamp=abc&signature=x", "ours", 400, -1100),
        ("timestamp={now}", "ours", 400, -1102),
        ("timestamp={now}&signature=0123", "ours", 400, -1022),
        ("timestamp={now}&recvWindow=60001&signature=0123", "ours", 400, -1131),
        ("timestamp={old}&signature=0123", "ours", 400, -1021),
        ("timestamp={ahead}&signature=0123", "ours", 400, -1021),
        ("timestamp={now}&timestamp={now}&signature=0123", "ours", 400, -1101),
    ],
)
def test_who_may_not_call_is_told_why(
    client: Client, query: str, key: str | None, status: int, code: int
) -> None:
    now = client.exchange.now_ms
    query = query.format(now=now, old=now - 5001, ahead=now + 1001)
    headers = {} if key is None else {"x-mbx-apikey": client.key if key == "ours" else key}
    answer = client.send(Request("GET", "/fapi/v2/account", query, headers))
    assert (client.last.status, answer["code"]) == (status, code)
    assert answer["msg"]


def test_the_two_words_for_a_wrong_clock(client: Client) -> None:
    now = client.exchange.now_ms
    assert "outside of the recvWindow" in client.fapi("GET v2/account", timestamp=now - 10_001)["msg"]
    assert "ahead of the server" in client.fapi("GET v2/account", timestamp=now + 1_001)["msg"]
    assert "assets" in client.fapi("GET v2/account", timestamp=now - 9_000)


def test_rights_of_a_key(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    own = client.account.key
    monkeypatch.setattr(client.account, "key", replace(own, rights=KeyRights(read_only=True)))
    assert client.order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")["code"] == -2015
    assert client.last.status == 401
    assert "assets" in client.fapi("GET v2/account")
    rights = client.signed("GET", "sapi/v1/account/apiRestrictions")
    assert (rights["enableReading"], rights["enableFutures"], rights["enableWithdrawals"]) == (
        True,
        False,
        False,
    )
    gone = replace(own, rights=KeyRights(expires_at_ms=client.exchange.now_ms))
    monkeypatch.setattr(client.account, "key", gone)
    assert client.fapi("GET v2/account")["code"] == -2015


def test_listen_keys_need_the_key_alone(client: Client) -> None:
    first = client.keyed("POST", "fapi/v1/listenKey")
    assert len(first["listenKey"]) == 64
    assert client.keyed("POST", "fapi/v1/listenKey") == first
    assert client.keyed("PUT", "fapi/v1/listenKey") == first
    assert client.keyed("DELETE", "fapi/v1/listenKey") == {}
    assert client.keyed("PUT", "fapi/v1/listenKey")["code"] == -1125
    assert client.keyed("POST", "fapi/v1/listenKey") != first
    assert client.send(Request("POST", "/fapi/v1/listenKey"))["code"] == -2014


def test_a_listen_key_lives_sixty_minutes(client: Client) -> None:
    client.keyed("POST", "fapi/v1/listenKey")
    client.advance(59 * 60_000)
    assert "listenKey" in client.keyed("PUT", "fapi/v1/listenKey")
    client.advance(59 * 60_000)
    assert "listenKey" in client.keyed("PUT", "fapi/v1/listenKey")
    client.advance(60 * 60_000)
    assert client.keyed("PUT", "fapi/v1/listenKey")["code"] == -1125


@pytest.mark.parametrize("path", ["fapi/v1/nothing", "fapi/v9/order", "v5/order/create", ""])
def test_unknown_paths(client: Client, path: str) -> None:
    answer = client.public(path)
    assert (client.last.status, answer["code"]) == (404, -5000)
    assert answer["msg"] == f"Path /{path}, Method GET is invalid"


@pytest.mark.parametrize(
    "method,path,query,body,expected",
    [
        ("POST", "/fapi/v1/order", "", b"symbol=BTCUSDT&side=BUY", ("POST order", "BTCUSDT")),
        ("DELETE", "/fapi/v1/order", "symbol=ETHUSDT", b"", ("DELETE order", "ETHUSDT")),
        ("GET", "/fapi/v1/algoOrder", "algoId=1", b"", ("GET algoOrder", "")),
        ("GET", "/fapi/v1/ticker/24hr", "symbol=ethusdt", b"", ("GET 24hr", "ETHUSDT")),
        ("GET", "/futures/data/openInterestHist", "", b"", ("GET openInterestHist", "")),
        (
            "POST",
            "/fapi/v1/batchOrders",
            "",
            b"batchOrders=%5B%7B%22symbol%22%3A%22XRPUSDT%22%7D%5D",
            ("POST batchOrders", "XRPUSDT"),
        ),
        ("POST", "/fapi/v1/batchOrders", "batchOrders=nonsense", b"", ("POST batchOrders", "")),
    ],
)
def test_what_fault_rules_call_a_request(
    client: Client, method: str, path: str, query: str, body: bytes, expected: tuple[str, str]
) -> None:
    assert client.protocol.endpoint(Request(method, path, query, {}, body)) == expected
