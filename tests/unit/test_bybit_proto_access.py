"""Bybit protocol: signatures, keys, clocks, rights, request limits, bans, wording of trouble."""

import json
from dataclasses import replace
from typing import Any

import pytest
from bybit_kit import SYMBOLS, Client, entry, make_exchange
from line_kit import Line

from sandbox.exchange.bybit import BYBIT_RULES, Settings
from sandbox.exchange.bybit.problems import MESSAGES
from sandbox.exchange.bybit.routes import ROUTES
from sandbox.exchange.nouns import ApiKey, KeyRights
from sandbox.exchange.wire import Request, Response

WALLET = {"accountType": "UNIFIED"}


@pytest.fixture
def client() -> Client:
    return Client()


def with_rights(**rights: Any) -> Client:
    return Client(make_exchange(key=ApiKey("k" * 18, "secret", KeyRights(**rights))))


def test_a_signed_call_is_answered_in_the_envelope(client: Client) -> None:
    answer = client.send(client.request("GET", "account/wallet-balance", **WALLET))
    assert set(answer) == {"retCode", "retMsg", "result", "retExtInfo", "time"}
    assert (answer["retCode"], answer["retMsg"], answer["time"]) == (0, "OK", client.exchange.now_ms)
    assert client.response.status == 200


def test_a_wrong_signature_is_10004(client: Client) -> None:
    client.secret = "another"
    assert client.code("GET", "account/wallet-balance", **WALLET) == 10004
    assert client.order_code() == 10004
    assert client.account.orders == []


def test_the_body_is_signed_as_it_is(client: Client) -> None:
    good = client.request("POST", "order/create", **entry())
    assert client.send(replace(good, body=good.body + b" "))["retCode"] == 10004


def test_an_unknown_key_is_10003(client: Client) -> None:
    client.key = "nobody"
    assert client.code("GET", "account/wallet-balance", **WALLET) == 10003
    assert client.send(Request("GET", "/v5/account/info"))["retCode"] == 10003


@pytest.mark.parametrize("offset_ms, code", [(-5_001, 10002), (-4_999, 0), (999, 0), (1_500, 10002)])
def test_a_clock_that_is_off_is_10002(client: Client, offset_ms: int, code: int) -> None:
    now = client.exchange.now_ms + offset_ms
    request = Request("GET", "/v5/account/info", "", client.headers("", now))
    assert client.send(request)["retCode"] == code


def test_the_clock_error_names_both_times(client: Client) -> None:
    request = Request("GET", "/v5/account/info", "", client.headers("", 1))
    words = client.send(request)["retMsg"]
    assert "req_timestamp[1]" in words
    assert str(client.exchange.now_ms) in words


def test_a_key_that_may_only_read_cannot_trade() -> None:
    client = with_rights(read_only=True)
    assert client.order_code() == 10005
    assert client.get("account/info")["marginMode"]


def test_a_key_without_the_right_to_trade_cannot_set_leverage() -> None:
    client = with_rights(trade=False)
    asked = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "5", "sellLeverage": "5"}
    assert client.code("POST", "position/set-leverage", **asked) == 10005


def test_a_key_bound_to_other_addresses_is_10010() -> None:
    assert with_rights(ips=("10.0.0.1",)).code("GET", "account/info") == 10010


def test_a_key_that_expires_is_33004_and_its_sockets_are_cut() -> None:
    start = make_exchange().now_ms
    client = with_rights(expires_at_ms=start + 1000)
    line = client.listen("order")
    public = client.watch("tickers.BTCUSDT")
    client.tick(1500)
    assert client.code("GET", "account/info") == 33004
    assert (line.closed, public.closed) == (1001, 0)


def test_an_unknown_path_is_10017(client: Client) -> None:
    assert client.code("GET", "order/create") == 10017
    assert client.code("POST", "nothing/here") == 10017


def test_a_body_that_is_no_object_is_10001(client: Client) -> None:
    body = b"[1, 2]"
    request = Request("POST", "/v5/order/create", "", client.headers(body.decode()), body)
    assert client.send(request)["retCode"] == 10001


# Limits


def limited(**changes: Any) -> Client:
    return Client(settings=Settings(**changes))


def test_the_eleventh_order_of_a_second_is_10006() -> None:
    client = limited()
    resting = {"orderType": "Limit", "price": client.at("0.9")}
    codes = [client.order_code(**resting) for _ in range(11)]
    assert codes == [0] * 10 + [10006]
    assert len(client.account.orders) == 10
    client.tick(1000)
    assert client.order_code(**resting) == 0


def test_limits_are_told_in_headers() -> None:
    client = limited()
    client.order()
    headers = client.response.headers
    assert (headers["X-Bapi-Limit"], headers["X-Bapi-Limit-Status"]) == ("10", "9")
    assert headers["X-Bapi-Limit-Reset-Timestamp"] == str(client.exchange.now_ms)
    for _ in range(10):
        client.order_code()
    assert client.response.headers["X-Bapi-Limit-Status"] == "0"
    assert client.response.headers["X-Bapi-Limit-Reset-Timestamp"] == str(client.exchange.now_ms + 1000)


def test_each_endpoint_has_its_own_limit() -> None:
    client = limited()
    assert [client.code("GET", "account/fee-rate", category="linear") for _ in range(6)] == [0] * 5 + [10006]
    assert client.code("GET", "account/info") == 0


def test_of_a_batch_the_orders_beyond_the_limit_fail() -> None:
    client = limited()
    order = {name: value for name, value in entry().items() if name != "category"}
    answer = client.send(
        client.request("POST", "order/create-batch", category="linear", request=[order] * 12)
    )
    codes = [one["code"] for one in answer["retExtInfo"]["list"]]
    assert (answer["retCode"], codes) == (0, [0] * 10 + [10006] * 2)
    assert [bool(row["orderId"]) for row in answer["result"]["list"]] == [True] * 10 + [False] * 2


def test_an_address_that_asks_too_often_is_shut_out() -> None:
    client = limited(requests_per_ip=3)
    for _ in range(3):
        client.get("market/time")
    for _ in range(2):
        response = client.protocol.answer(client.request("GET", "market/time"))
        assert response.status == 403
        assert b"access too frequent" in response.body
    client.tick(600_000)
    assert client.get("market/time")


def test_limits_can_be_switched_off() -> None:
    client = limited(limits=False, requests_per_ip=1)
    assert [client.order_code(orderType="Limit", price=client.at("0.9")) for _ in range(12)] == [0] * 12


# Names and trouble


def test_requests_have_names_for_fault_rules(client: Client) -> None:
    protocol = client.protocol
    assert protocol.name == "bybit"
    assert protocol.endpoint(client.request("POST", "order/create", **entry())) == (
        "POST order/create",
        "BTCUSDT",
    )
    asked = client.request("GET", "market/kline", symbol="ETHUSDT", interval="1")
    assert protocol.endpoint(asked) == ("GET market/kline", "ETHUSDT")
    batch = client.request("POST", "order/create-batch", category="linear", request=[entry()])
    assert protocol.endpoint(batch) == ("POST order/create-batch", "BTCUSDT")
    broken = Request("POST", "/v5/order/create", body=b"{")
    assert protocol.endpoint(broken) == ("POST order/create", "")


@pytest.mark.parametrize(
    "what, status, code",
    [("overloaded", 200, 10016), ("unknown", 200, 10000), ("too many", 200, 10006), ("429", 429, 429)],
)
def test_trouble_in_bybits_words(client: Client, what: str, status: int, code: int) -> None:
    response = client.protocol.trouble(what, client.request("POST", "order/create", **entry()))
    assert (response.status, json.loads(response.body)["retCode"]) == (status, code)


@pytest.mark.parametrize("what, status", [("banned", 403), ("maintenance", 503), ("unavailable", 503)])
def test_trouble_that_is_no_json(client: Client, what: str, status: int) -> None:
    response: Response = client.protocol.trouble(what, client.request("GET", "account/info"))
    assert (response.status, response.headers["Content-Type"]) == (status, "text/html")


def test_not_found_in_bybits_words(client: Client) -> None:
    asked = client.protocol.trouble("not found", client.request("GET", "order/realtime", category="linear"))
    assert json.loads(asked.body)["result"]["list"] == []
    cancelled = client.protocol.trouble("not found", client.request("POST", "order/cancel"))
    assert json.loads(cancelled.body)["retCode"] == 110001


NAMED_IN_90_2_2 = (
    10000, 10006, 10016, 10019, 10429, 170007, 20003, 20006, 500000, 110072, 110017, 110043, 110025, 110026,
    34040, 110001, 110008, 110079, 110009, 110020, 110061, 110074, 110092, 110093, 110094,
)  # fmt: skip


@pytest.mark.parametrize("code", NAMED_IN_90_2_2)
def test_every_documented_code_can_be_had(client: Client, code: int) -> None:
    answer = json.loads(client.protocol.trouble(str(code), client.request("GET", "account/info")).body)
    assert (answer["retCode"], answer["retMsg"]) == (code, MESSAGES[code])


def test_no_other_trouble_is_known(client: Client) -> None:
    with pytest.raises(ValueError, match="weather"):
        client.protocol.trouble("weather", client.request("GET", "account/info"))
    with pytest.raises(ValueError, match="weather"):
        client.protocol.trouble_stream("weather", [])


def test_expiring_the_key_closes_private_sockets_only(client: Client) -> None:
    lines: list[Any] = [client.listen("order"), client.dial("/v5/trade"), client.watch("tickers.BTCUSDT")]
    client.protocol.trouble_stream("expire key", lines)
    assert [line.closed for line in lines] == [1001, 1001, 0]


def test_a_restart_empties_the_realtime_cache_and_closes_all(client: Client) -> None:
    uid = client.order()
    assert client.row(uid)["orderStatus"] == "Filled"
    line: Any = client.watch("tickers.BTCUSDT")
    client.tick(1000)
    client.protocol.trouble_stream("restart", [line])
    assert line.closed == 1001
    assert client.get("order/realtime", category="linear", orderId=uid)["list"] == []
    assert client.get("order/history", category="linear", orderId=uid)["list"][0]["orderStatus"] == "Filled"


def test_announced_maintenance_is_shown(client: Client) -> None:
    assert client.get("system/status")["list"] == []
    client.protocol.announce_maintenance(1000, 2000)
    row = client.get("system/status", state="scheduled")["list"][0]
    assert (row["begin"], row["end"]) == ("1000", "2000")
    assert client.get("system/status", state="ongoing")["list"] == []


def test_other_paths_have_no_sockets(client: Client) -> None:
    assert not client.protocol.opened(Line("/v5/public/spot"))
    assert not client.protocol.opened(Line("/ws"))


def test_the_rules_are_bybits() -> None:
    assert BYBIT_RULES.unique_for_ever
    assert BYBIT_RULES.acks_first
    assert BYBIT_RULES.stops_with_position
    assert (f"{BYBIT_RULES.taker_fee}", f"{BYBIT_RULES.maker_fee}") == ("0.00055", "0.0002")
    assert BYBIT_RULES.max_partial == 20
    assert len(ROUTES) >= 36
    assert len(SYMBOLS) == 3
