"""User streams: every event of an account, as recorded; what happens when the key is over."""

import json
from decimal import Decimal
from typing import Any

import pytest
from binance_kit import Client, lacks, make_exchange, recorded
from line_kit import Line, real_data

USER = "nautilus_trader/binance/futures/user_data_json/"
MESSAGES = "nautilus_trader/py_binance/ws_messages/ws_futures_"


@pytest.fixture
def client() -> Client:
    client = Client(make_exchange())
    client.exchange.hold("", held=True)
    return client


def market(client: Client, side: str = "BUY", **more: object) -> Any:
    return client.order(**({"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": "0.010"} | more))


def around(client: Client, factor: str) -> str:
    one = client.exchange.instruments["BTCUSDT"]
    return f"{one.price_nearest(client.exchange.view('BTCUSDT').last * Decimal(factor)):f}"


def rest(client: Client, **more: object) -> Any:
    return market(client, **({"type": "LIMIT", "timeInForce": "GTC", "price": around(client, "0.97")} | more))


def orders(line: Line) -> list[tuple[str, str]]:
    return [(one["o"]["x"], one["o"]["X"]) for one in line.events("ORDER_TRADE_UPDATE")]


def test_an_execution_is_told_before_the_answer(client: Client) -> None:
    line = client.user_stream()
    made = market(client, newClientOrderId="mine")
    assert orders(line) == [("NEW", "NEW"), ("TRADE", "FILLED")]
    done = line.events("ORDER_TRADE_UPDATE")[1]["o"]
    assert (done["i"], done["c"], done["ps"], done["N"]) == (made["orderId"], "mine", "BOTH", "USDT")
    assert Decimal(done["n"]) > 0
    account = line.events("ACCOUNT_UPDATE")[-1]["a"]
    assert account["m"] == "ORDER"
    assert Decimal(account["P"][0]["pa"]) == Decimal("0.010")
    lite = line.events("TRADE_LITE")[0]
    assert (lite["c"], lite["t"], lite["l"]) == ("mine", done["t"], done["l"])
    kinds = [frame["e"] for frame in line.frames()]
    assert (
        kinds.index("TRADE_LITE")
        < [index for index, kind in enumerate(kinds) if kind == "ORDER_TRADE_UPDATE"][1]
    )


# What recordings of legacy conditional orders have: activation price, callback rate.
GONE = {".o.AP: missing", ".o.cr: missing"}


@real_data
@pytest.mark.parametrize(
    "kind,name",
    [
        ("ORDER_TRADE_UPDATE", f"{USER}order_update_trade.json"),
        ("ORDER_TRADE_UPDATE", f"{MESSAGES}order_update_trade_reduce_only_qty.json"),
        ("ACCOUNT_UPDATE", f"{USER}account_update.json"),
        ("TRADE_LITE", f"{USER}trade_lite.json"),
        ("TRADE_LITE", f"{MESSAGES}trade_lite.json"),
    ],
)
def test_frames_are_those_recorded(client: Client, kind: str, name: str) -> None:
    line = client.user_stream()
    market(client)
    found = set(lacks(line.events(kind)[-1], recorded(name))) - GONE
    assert found <= {".o.W: missing"}


def test_a_resting_order_amended_filled_in_parts_and_cancelled(client: Client) -> None:
    line = client.user_stream()
    made = rest(client, price=around(client, "0.99"))
    asked = {"symbol": "BTCUSDT", "orderId": made["orderId"], "side": "BUY", "quantity": "0.020"}
    client.fapi("PUT order", **asked, price=made["price"])
    client.exchange.set_depth("BTCUSDT", Decimal("0.005"))
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.98")))
    client.fapi("DELETE order", symbol="BTCUSDT", orderId=made["orderId"])
    assert orders(line) == [
        ("NEW", "NEW"),
        ("AMENDMENT", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("CANCELED", "CANCELED"),
    ]
    assert Decimal(line.events("ORDER_TRADE_UPDATE")[-1]["o"]["z"]) == Decimal("0.005")


def algo(line: Line) -> list[str]:
    return [one["o"]["X"] for one in line.events("ALGO_UPDATE")]


def test_the_life_of_a_stop(client: Client) -> None:
    market(client)
    line = client.user_stream()
    made = client.algo(
        symbol="BTCUSDT", side="SELL", type="STOP_MARKET", closePosition="true", triggerPrice=around(client, "0.98"),
        clientAlgoId="stop-1",
    )  # fmt: skip
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.975")))
    assert algo(line) == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    new, triggering, triggered, finished = (one["o"] for one in line.events("ALGO_UPDATE"))
    assert (new["caid"], new["aid"], new["ai"]) == ("stop-1", made["algoId"], "")
    assert triggering["ai"] == ""
    child = line.events("ORDER_TRADE_UPDATE")[0]["o"]
    assert triggered["ai"] == finished["ai"] == str(child["i"])
    assert (child["o"], child["ot"]) == ("MARKET", "STOP_MARKET")
    assert Decimal(finished["ap"]) > 0
    kinds = [
        frame["o"]["X"] for frame in line.frames() if frame["e"] in {"ALGO_UPDATE", "ORDER_TRADE_UPDATE"}
    ]
    assert kinds == ["NEW", "TRIGGERING", "TRIGGERED", "NEW", "FILLED", "FINISHED"]


@real_data
@pytest.mark.parametrize("state", ["triggering", "triggered", "finished"])
def test_algo_frames_are_those_recorded(client: Client, state: str) -> None:
    market(client)
    line = client.user_stream()
    asked = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010"}
    client.algo(**asked, triggerPrice=around(client, "0.98"))
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.975")))
    ours = next(one for one in line.events("ALGO_UPDATE") if one["o"]["X"] == state.upper())
    assert lacks(ours, recorded(f"{MESSAGES}algo_update_{state}.json")) == []


def test_stops_that_end_otherwise(client: Client) -> None:
    market(client)
    line = client.user_stream()
    asked = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010"}
    first = client.algo(**asked, triggerPrice=around(client, "0.98"))
    client.fapi("DELETE algoOrder", algoId=first["algoId"])
    second = client.algo(**asked, triggerPrice=around(client, "0.98"))
    client.exchange.expire_conditional(client.account.name, second["algoId"])
    client.algo(**asked, triggerPrice=around(client, "0.98"))
    client.exchange.refuse_trigger(client.account.name, "BTCUSDT")
    client.exchange.set_price("BTCUSDT", Decimal(around(client, "0.975")))
    states = algo(line)
    assert states[:4] == ["NEW", "CANCELED", "NEW", "EXPIRED"]
    assert states[-1] == "REJECTED"
    assert line.events("ALGO_UPDATE")[-1]["o"]["rm"]


@pytest.mark.parametrize("what", ["liquidate", "deleverage"])
def test_executions_of_the_exchange_itself(client: Client, what: str) -> None:
    line, everybody = client.user_stream(), client.dial("/ws/btcusdt@forceOrder/!forceOrder@arr")
    market(client)
    if what == "liquidate":
        client.exchange.liquidate(client.account.name, "BTCUSDT")
    else:
        client.exchange.deleverage(client.account.name, "BTCUSDT", Decimal("0.010"))
    last = line.events("ORDER_TRADE_UPDATE")[-1]["o"]
    assert (last["x"], last["X"], last["o"], last["f"]) == ("CALCULATED", "FILLED", "LIMIT", "IOC")
    assert last["c"].startswith("autoclose-" if what == "liquidate" else "adl_autoclose")
    assert len(everybody.events("forceOrder")) == (2 if what == "liquidate" else 0)


@real_data
def test_a_liquidation_is_shaped_as_recorded(client: Client) -> None:
    line, everybody = client.user_stream(), client.dial("/ws/!forceOrder@arr")
    market(client)
    client.exchange.liquidate(client.account.name, "BTCUSDT")
    ours = line.events("ORDER_TRADE_UPDATE")[-1]
    assert set(lacks(ours, recorded(f"{USER}order_update_calculated.json"))) - GONE == set()
    theirs = recorded("nautilus_trader/binance/futures/market_data_json/liquidation_stream.json")
    assert lacks(everybody.events("forceOrder")[0], theirs) == []


def test_funding(client: Client) -> None:
    market(client)
    line = client.user_stream()
    client.exchange.set_funding("BTCUSDT", Decimal("0.001"))
    client.exchange.settle_funding("BTCUSDT")
    paid = line.events("ACCOUNT_UPDATE")[-1]["a"]
    assert paid["m"] == "FUNDING_FEE"
    assert Decimal(paid["B"][0]["bc"]) < 0


def test_leverage_is_told(client: Client) -> None:
    line = client.user_stream()
    client.fapi("POST leverage", symbol="BTCUSDT", leverage=9)
    assert line.events("ACCOUNT_CONFIG_UPDATE")[0]["ac"] == {"s": "BTCUSDT", "l": 9}


def test_a_margin_call(client: Client) -> None:
    client.fapi("POST leverage", symbol="BTCUSDT", leverage=20)
    market(client)
    line = client.user_stream()
    low = client.account.legs("BTCUSDT")[0].liquidation_price
    assert low is not None
    client.exchange.set_price(
        "BTCUSDT", client.exchange.instruments["BTCUSDT"].price_above(low * Decimal("1.002"))
    )
    calls = line.events("MARGIN_CALL")
    assert len(calls) == 1
    assert set(calls[0]["p"][0]) == {"s", "ps", "pa", "mt", "iw", "mp", "up", "mm"}


WAYS = [
    "/private/ws?listenKey={}",
    "/ws/{}",
    "/private/ws/{}",
    "/stream?streams={}",
    "/private/stream?streams={}",
]


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_listen(client: Client, way: str) -> None:
    key = client.keyed("POST", "fapi/v1/listenKey")["listenKey"]
    path, _, query = way.format(key).partition("?")
    line = client.dial(path, query)
    market(client)
    frames = line.frames()
    assert frames
    if "stream" in path:
        assert {frame["stream"] for frame in frames} == {key}
        frames = [frame["data"] for frame in frames]
    assert {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE"} <= {frame["e"] for frame in frames}


def test_a_key_can_be_subscribed_to(client: Client) -> None:
    key = client.keyed("POST", "fapi/v1/listenKey")["listenKey"]
    line = client.dial("/private/stream")
    client.protocol.received(line, json.dumps({"method": "SUBSCRIBE", "params": [key], "id": 1}))
    market(client)
    assert line.frames()[0] == {"result": None, "id": 1}
    assert len(line.frames()) > 3


def test_only_the_events_asked_for(client: Client) -> None:
    key = client.keyed("POST", "fapi/v1/listenKey")["listenKey"]
    line = client.dial("/private/ws", f"listenKey={key}&events=ORDER_TRADE_UPDATE")
    market(client)
    assert {frame["e"] for frame in line.frames()} == {"ORDER_TRADE_UPDATE"}


def test_an_expired_key_is_told_once_and_then_there_is_silence(client: Client) -> None:
    line = client.user_stream()
    client.advance(3_600_000)
    assert [frame["e"] for frame in line.frames()] == ["listenKeyExpired"]
    market(client)
    assert len(line.got) == 1
    assert not line.closed
    fresh = client.user_stream()
    market(client)
    assert fresh.got
    assert len(line.got) == 1


def test_a_key_that_is_prolonged_goes_on(client: Client) -> None:
    line = client.user_stream()
    for _ in range(3):
        client.advance(50 * 60_000)
        client.keyed("PUT", "fapi/v1/listenKey")
    assert line.events("listenKeyExpired") == []
    market(client)
    assert line.events("ORDER_TRADE_UPDATE")


def test_keys_can_be_made_to_expire(client: Client) -> None:
    line = client.user_stream()
    client.protocol.trouble_stream("expire key", [line])
    assert [frame["e"] for frame in line.frames()] == ["listenKeyExpired"]
    assert client.keyed("PUT", "fapi/v1/listenKey")["code"] == -1125
    other = client.user_stream()
    client.protocol.trouble_stream("expire key", [])
    assert len(other.events("listenKeyExpired")) == 1
    with pytest.raises(ValueError, match="expire key"):
        client.protocol.trouble_stream("boredom", [])


def test_an_order_taken_back_after_its_acknowledgement(client: Client) -> None:
    line = client.user_stream()
    client.exchange.reject_next(client.account.name, "BTCUSDT")
    made = market(client)
    assert made["status"] == "NEW"
    client.advance(50)
    assert orders(line) == [("NEW", "NEW"), ("EXPIRED", "EXPIRED")]
    assert client.fapi("GET order", symbol="BTCUSDT", orderId=made["orderId"])["status"] == "EXPIRED"
