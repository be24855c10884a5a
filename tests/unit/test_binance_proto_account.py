"""Account, positions, settings, history."""

from decimal import Decimal
from typing import Any

import pytest
from binance_kit import Client, lacks, make_exchange, recorded
from line_kit import real_data

HTTP = "nautilus_trader/binance/futures/http_json/"
RESPONSES = "nautilus_trader/py_binance/http_responses/http_futures_"


@pytest.fixture
def client() -> Client:
    client = Client(make_exchange())
    client.exchange.hold("", held=True)
    return client


def market(client: Client, side: str = "BUY", **more: object) -> Any:
    return client.order(**({"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": "0.010"} | more))


@real_data
@pytest.mark.parametrize(
    "call,name",
    [
        ("GET v2/account", f"{HTTP}account_info_v2.json"),
        ("GET v2/balance", f"{HTTP}balance.json"),
        ("GET v3/balance", f"{HTTP}balance.json"),
        ("GET v2/positionRisk", f"{HTTP}position_risk.json"),
        ("GET v1/positionRisk", f"{RESPONSES}account_positions_one_way.json"),
        ("GET userTrades", f"{RESPONSES}account_trades.json"),
        ("GET symbolConfig", f"{RESPONSES}account_symbol_config.json"),
        ("GET positionSide/dual", f"{RESPONSES}account_position_side_dual.json"),
        ("GET commissionRate", f"{RESPONSES}wallet_commission_rate_btcusdt.json"),
    ],
)
def test_shapes_are_those_recorded(client: Client, call: str, name: str) -> None:
    market(client)
    more = {"symbol": "BTCUSDT"} if call.split()[1] in {"userTrades", "commissionRate"} else {}
    ours = client.fapi(call, **more)
    assert ours
    assert lacks(ours, recorded(name)) == []


@real_data
def test_brackets_are_shaped_as_recorded(client: Client) -> None:
    theirs = recorded("binance/fapi_leverageBracket_2026-09_from_freqtrade.json")
    assert lacks(client.fapi("GET leverageBracket"), theirs) == []


def test_version_three_tells_held_positions_only(client: Client) -> None:
    assert client.fapi("GET v3/account")["positions"] == []
    assert client.fapi("GET v3/positionRisk") == []
    assert len(client.fapi("GET v2/positionRisk")) == len(client.exchange.instruments)
    market(client, "SELL")
    row = client.fapi("GET v3/positionRisk", symbol="BTCUSDT")[0]
    assert (row["positionSide"], Decimal(row["positionAmt"])) == ("BOTH", Decimal("-0.010"))
    assert Decimal(row["notional"]) < 0
    assert "leverage" not in row
    assert "marginType" not in row
    assert client.fapi("GET v3/positionRisk", symbol="ETHUSDT") == []


def test_money_adds_up(client: Client) -> None:
    market(client)
    told, funds = client.fapi("GET v3/account"), client.account.funds()
    asset = told["assets"][0]
    assert Decimal(asset["walletBalance"]) == funds.wallet.quantize(Decimal("1e-8"))
    assert Decimal(asset["marginBalance"]) == (funds.wallet + funds.unrealised).quantize(Decimal("1e-8"))
    assert asset["updateTime"] > 0
    assert told["totalWalletBalance"] == asset["walletBalance"]
    income = client.fapi("GET income", limit=1000)
    total = sum(Decimal(row["income"]) for row in income)
    assert abs(total - funds.wallet) < Decimal("1e-7")


def test_leverage(client: Client) -> None:
    answer = client.fapi("POST leverage", symbol="BTCUSDT", leverage=11)
    assert (answer["leverage"], answer["symbol"]) == (11, "BTCUSDT")
    assert Decimal(answer["maxNotionalValue"]) == client.exchange.instruments["BTCUSDT"].max_notional(11)
    assert client.fapi("POST leverage", symbol="BTCUSDT", leverage=11)["leverage"] == 11
    rows = {row["symbol"]: row["leverage"] for row in client.fapi("GET symbolConfig")}
    assert rows["BTCUSDT"] == 11
    assert client.fapi("GET v2/positionRisk", symbol="BTCUSDT")[0]["leverage"] == "11"
    assert client.code("POST leverage", symbol="BTCUSDT", leverage=200) == -4028
    assert client.code("POST leverage", symbol="BTCUSDT", leverage=0) == -4028
    assert client.code("POST leverage", symbol="BTCUSDT") == -1102


def test_margin_type(client: Client) -> None:
    first = client.fapi("GET symbolConfig", symbol="BTCUSDT")[0]["marginType"]
    other = {"ISOLATED": "CROSSED", "CROSSED": "ISOLATED"}[first]
    assert client.code("POST marginType", symbol="BTCUSDT", marginType=first) == -4046
    assert b"No need to change margin type." in client.last.body
    assert client.fapi("POST marginType", symbol="BTCUSDT", marginType=other) == {
        "code": 200,
        "msg": "success",
    }
    assert client.fapi("GET symbolConfig", symbol="BTCUSDT")[0]["marginType"] == other
    assert client.code("POST marginType", symbol="BTCUSDT", marginType="BOTH") == -1130
    low = client.exchange.instruments["BTCUSDT"].price_nearest(
        client.exchange.view("BTCUSDT").last * Decimal("0.97")
    )
    client.order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.010", timeInForce="GTC", price=f"{low:f}"
    )
    assert client.code("POST marginType", symbol="BTCUSDT", marginType=first) == -4047
    client.fapi("DELETE allOpenOrders", symbol="BTCUSDT")
    market(client)
    assert client.code("POST marginType", symbol="BTCUSDT", marginType=first) == -4048


def test_position_mode(client: Client) -> None:
    assert client.fapi("GET positionSide/dual") == {"dualSidePosition": False}
    assert client.code("POST positionSide/dual", dualSidePosition=False) == -4059
    assert client.fapi("POST positionSide/dual", dualSidePosition=True)["code"] == 200
    assert client.fapi("GET accountConfig")["dualSidePosition"] is True
    market(client, positionSide="LONG")
    assert client.code("POST positionSide/dual", dualSidePosition=False) == -4068
    market(client, "SELL", positionSide="LONG")
    low = client.exchange.instruments["BTCUSDT"].price_nearest(
        client.exchange.view("BTCUSDT").last * Decimal("0.97")
    )
    rest = {"type": "LIMIT", "timeInForce": "GTC", "price": f"{low:f}"}
    market(client, positionSide="LONG", **rest)
    assert client.code("POST positionSide/dual", dualSidePosition=False) == -4067
    assert client.code("POST positionSide/dual", dualSidePosition="maybe") == -1130
    assert client.code("POST positionSide/dual") == -1102


def test_hedge_mode_has_a_position_for_each_side(client: Client) -> None:
    client.fapi("POST positionSide/dual", dualSidePosition=True)
    market(client, positionSide="LONG")
    market(client, "SELL", positionSide="SHORT", quantity="0.020")
    rows = {row["positionSide"]: Decimal(row["positionAmt"]) for row in client.fapi("GET v3/positionRisk")}
    assert rows == {"LONG": Decimal("0.010"), "SHORT": Decimal("-0.020")}


def test_assets_mode(client: Client) -> None:
    assert client.fapi("GET multiAssetsMargin") == {"multiAssetsMargin": False}
    assert client.code("POST multiAssetsMargin", multiAssetsMargin=False) == -4171
    assert client.code("POST multiAssetsMargin", multiAssetsMargin=True) == -4167
    for symbol in client.exchange.instruments:
        client.fapi("POST marginType", symbol=symbol, marginType="CROSSED")
    assert client.fapi("POST multiAssetsMargin", multiAssetsMargin=True)["code"] == 200
    assert client.fapi("GET multiAssetsMargin") == {"multiAssetsMargin": True}
    assert client.fapi("GET accountConfig")["multiAssetsMargin"] is True
    assert client.code("POST marginType", symbol="BTCUSDT", marginType="ISOLATED") == -4168
    assert client.fapi("POST multiAssetsMargin", multiAssetsMargin=False)["code"] == 200


def test_position_margin_is_refused_as_documented(client: Client) -> None:
    asked = {"symbol": "BTCUSDT", "amount": "10", "type": 1}
    isolated = client.fapi("GET symbolConfig", symbol="BTCUSDT")[0]["marginType"] == "ISOLATED"
    assert client.code("POST positionMargin", **asked) == (-4054 if isolated else -4049)
    assert client.code("POST positionMargin", **(asked | {"amount": "0"})) == -4055
    if not isolated:
        client.fapi("POST marginType", symbol="BTCUSDT", marginType="ISOLATED")
    market(client)
    assert client.code("POST positionMargin", **asked) == -1020


def test_executions(client: Client) -> None:
    first = market(client)["orderId"]
    client.exchange.set_price("BTCUSDT", client.exchange.view("BTCUSDT").last + 50)
    second = market(client, "SELL", reduceOnly="true")["orderId"]
    rows = client.fapi("GET userTrades", symbol="BTCUSDT")
    assert [row["orderId"] for row in rows] == [first, second]
    assert Decimal(rows[1]["realizedPnl"]) > 0
    assert (rows[0]["buyer"], rows[1]["buyer"], rows[0]["maker"]) == (True, False, False)
    assert [row["orderId"] for row in client.fapi("GET userTrades", symbol="BTCUSDT", orderId=second)] == [
        second
    ]
    later = client.fapi("GET userTrades", symbol="BTCUSDT", fromId=rows[1]["id"])
    assert [row["id"] for row in later] == [rows[1]["id"]]
    assert client.fapi("GET userTrades", symbol="ETHUSDT") == []
    assert client.code("GET userTrades", symbol="BTCUSDT", startTime=0, endTime=9 * 86_400_000) == -1127
    assert client.code("GET userTrades", symbol="BTCUSDT", fromId=1, startTime=1) == -1128
    assert client.code("GET userTrades") == -1102
    client.advance(8 * 86_400_000)
    assert client.fapi("GET userTrades", symbol="BTCUSDT") == []


def test_income_by_kind_and_time(client: Client) -> None:
    market(client)
    begun = client.exchange.now_ms
    client.exchange.set_funding("BTCUSDT", Decimal("0.001"))
    client.advance(8 * 3_600_000)
    paid = client.fapi("GET income", incomeType="FUNDING_FEE", symbol="BTCUSDT")
    assert len(paid) == 1
    assert Decimal(paid[0]["income"]) < 0
    assert (paid[0]["asset"], paid[0]["tradeId"]) == ("USDT", "")
    fees = client.fapi("GET income", incomeType="COMMISSION")
    assert [row["tradeId"] != "" for row in fees] == [True]
    assert client.fapi("GET income", startTime=begun + 1)[0]["incomeType"] == "FUNDING_FEE"
    assert client.code("GET income", incomeType="LUCK") == -1130
    assert client.code("GET income", startTime=2, endTime=1) == -1023


def test_a_liquidation_carries_binance_s_names(client: Client) -> None:
    market(client)
    client.exchange.liquidate(client.account.name, "BTCUSDT")
    market(client)
    client.exchange.deleverage(client.account.name, "BTCUSDT", Decimal("0.005"))
    rows = client.fapi("GET forceOrders")
    assert [row["clientOrderId"].partition("autoclose")[1] for row in rows] == ["autoclose"] * 2
    assert rows[0]["clientOrderId"].startswith("autoclose-")
    assert rows[1]["clientOrderId"].startswith("adl_autoclose")
    assert len(client.fapi("GET forceOrders", autoCloseType="ADL")) == 1


def test_small_calls_that_clients_make(client: Client) -> None:
    assert client.fapi("GET feeBurn") == {"feeBurn": False}
    assert client.fapi("GET apiTradingStatus")["indicators"] == {}
    assert len(client.fapi("GET rateLimit/order")) == 2
    assert client.fapi("GET orderAmendment", symbol="BTCUSDT") == []
    assert client.fapi("GET adlQuantile") == []
