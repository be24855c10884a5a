"""Bybit protocol: keys and JSON types of what it says, held against recorded payloads."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bybit_kit import Client
from line_kit import FIXTURES, Line, real_data

NAUTILUS = FIXTURES / "nautilus_trader" / "bybit"
GCT = FIXTURES / "gocryptotrader"
LINEAR = {"category": "linear"}
NAMED = {"category": "linear", "symbol": "BTCUSDT"}
# Of other products, or of accounts that are no unified ones any more.
NOT_LINEAR = {"marketUnit", "bonusChange", "deliveryFeeRate"}
pytestmark = real_data


def recorded(name: str) -> Any:
    return json.loads((NAUTILUS / f"{name}.json").read_text())


def kind(value: object) -> str:
    """JSON's type; texts that hold numbers are texts."""
    return {bool: "flag", int: "number", float: "number", str: "text", list: "list", dict: "map"}.get(
        type(value), "null"
    )


def differences(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Keys of theirs that ours lacks, and values of another type; null stands for anything."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{path}.{key} is missing" for key in theirs if key not in ours and key not in NOT_LINEAR]
        for key in theirs.keys() & ours.keys():
            found += differences(theirs[key], ours[key], f"{path}.{key}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(theirs[0], ours[0], f"{path}[]") if theirs and ours else []
    if "null" in (kind(theirs), kind(ours)) or kind(theirs) == kind(ours):
        return []
    return [f"{path} is a {kind(ours)}, theirs a {kind(theirs)}"]


@pytest.fixture(scope="module")
def client() -> Client:
    """Somebody with a position, its stop, a resting order and some history."""
    client = Client()
    client.order(qty="0.100")
    client.order(side="Sell", qty="0.010", reduceOnly=True)
    client.stop(stopLoss=client.at("0.97"), takeProfit=client.at("1.03"))
    client.order(orderType="Limit", price=client.at("0.9"))
    client.exchange.settle_funding("BTCUSDT")
    return client


CALLS: list[tuple[str, Callable[[Client], Any]]] = [
    ("http_get_account_info", lambda c: c.get("account/info")),
    ("http_get_executions", lambda c: c.get("execution/list", **LINEAR)),
    ("http_get_fee_rate", lambda c: c.get("account/fee-rate", **LINEAR)),
    ("http_get_funding_history", lambda c: c.get("market/funding/history", **NAMED)),
    ("http_get_instruments_linear", lambda c: c.get("market/instruments-info", **LINEAR)),
    ("http_get_instruments_linear_symbol_type", lambda c: c.get("market/instruments-info", **LINEAR)),
    ("http_get_klines_linear", lambda c: c.get("market/kline", **NAMED, interval="1")),
    ("http_get_orderbook", lambda c: c.get("market/orderbook", **NAMED)),
    ("http_get_orders_history", lambda c: c.get("order/history", **LINEAR)),
    ("http_get_orders_realtime", lambda c: c.get("order/realtime", **NAMED)),
    ("http_get_orders_realtime_tp_sl", lambda c: c.get("order/realtime", **NAMED, orderFilter="StopOrder")),
    ("http_get_order_partially_filled_rejected", lambda c: c.get("order/realtime", **NAMED)),
    ("http_get_positions", lambda c: c.get("position/list", **NAMED)),
    ("http_get_positions_with_open_time", lambda c: c.get("position/list", **NAMED)),
    ("http_get_trades_recent", lambda c: c.get("market/recent-trade", **NAMED)),
    ("http_get_wallet_balance", lambda c: c.get("account/wallet-balance", accountType="UNIFIED")),
]


@pytest.mark.parametrize("name, ask", CALLS, ids=[name for name, _ in CALLS])
def test_answers_have_the_recorded_keys_and_types(
    client: Client, name: str, ask: Callable[[Client], Any]
) -> None:
    theirs = recorded(name)
    assert differences(theirs["result"], ask(client)) == []


def test_the_keys_rights_have_the_recorded_keys_and_types(client: Client) -> None:
    theirs = recorded("http_get_user_query_api")["result"]
    found = differences(theirs, client.get("user/query-api"))
    assert all(one.startswith(".permissions.") or "Int64" in one for one in found)


@pytest.fixture(scope="module")
def line() -> Line:
    """All private news of an entry, its stop and a close."""
    client = Client()
    line = client.listen("order", "execution", "execution.fast", "position", "wallet")
    client.order(stopLoss=client.at("0.97"))
    client.order(orderType="Limit", price=client.at("0.9"))
    client.order(side="Sell", reduceOnly=True)
    return line


FRAMES = [path.stem for path in sorted(NAUTILUS.glob("ws_account_*.json"))] if NAUTILUS.is_dir() else []


@pytest.mark.parametrize("name", FRAMES)
def test_private_frames_have_the_recorded_keys_and_types(line: Line, name: str) -> None:
    theirs = recorded(name)
    if "topic" not in theirs:  # a row by itself
        theirs = {"topic": "position", "data": [theirs]}
    ours = line.topic(theirs["topic"])[-1]
    found = differences(theirs, ours)
    # one wallet was written with a small letter in its key
    assert [one for one in found if "totalPerpUpl" not in one and "isLeverage" not in one] == []


def test_lines_of_the_other_recorder(line: Line) -> None:
    checked = 0
    for text in (GCT / "bybit-wsAuth.json").read_text().splitlines():
        theirs = json.loads(text)
        if line.topic(theirs.get("topic", "")):
            assert differences(theirs, line.topic(theirs["topic"])[-1]) == []
            checked += 1
    assert checked >= 5


def test_public_frames_have_the_recorded_keys_and_types() -> None:
    client = Client()
    line = client.watch("kline.5.BTCUSDT", "tickers.BTCUSDT", "publicTrade.BTCUSDT", "orderbook.50.BTCUSDT")
    client.push("1.001")
    client.tick(1000)
    pairs = {
        "ws_kline": line.topic("kline.5.BTCUSDT")[-1],
        "ws_ticker_linear": line.topic("tickers.BTCUSDT")[0],
        "ws_public_trade": line.topic("publicTrade.BTCUSDT")[-1],
        "ws_orderbook_snapshot": line.topic("orderbook.50.BTCUSDT")[0],
        "ws_orderbook_delta": line.topic("orderbook.50.BTCUSDT")[-1],
    }
    found = {name: differences(recorded(name), frame) for name, frame in pairs.items()}
    assert found == {name: [] for name in pairs}
    assert line.topic("orderbook.50.BTCUSDT")[-1]["type"] == "delta"


def test_answers_on_sockets_have_the_recorded_keys_and_types() -> None:
    client = Client()
    public, private, trade = (client.dial(path) for path in ("/v5/public/linear", "/v5/private", "/v5/trade"))
    ack = client.say(public, op="subscribe", args=["publicTrade.BTCUSDT"], req_id="1")
    assert differences(recorded("ws_subscription_ack"), ack) == []
    refused = client.say(private, op="subscribe", args=["order"])
    assert differences(recorded("ws_subscription_failure"), refused) == []
    signed_in = client.say(trade, op="auth", args=client.auth_args())
    assert differences(recorded("ws_auth_success"), signed_in) == [".success is missing"]
    args = [{**NAMED, "side": "Buy", "orderType": "Market", "qty": "0.01", "orderLinkId": "QD-1"}]
    head = {"X-BAPI-TIMESTAMP": str(client.exchange.now_ms)}
    made = client.say(trade, op="order.create", reqId="1", header=head, args=args)
    assert differences(recorded("ws_order_response"), made) == []
