"""Bybit protocol: wallet, positions, settings, history; figures against the exchange's own books."""

from decimal import Decimal
from typing import Any

import pytest
from bybit_kit import Client, D, make_exchange

from bot.domain.order import OrderSide
from sandbox.exchange.bybit import Settings
from sandbox.exchange.nouns import ApiKey, IncomeKind, KeyRights, Kind, OrderAsk

LINEAR = {"category": "linear"}
NAMED = {"category": "linear", "symbol": "BTCUSDT"}
DAY_MS = 86_400_000


@pytest.fixture
def client() -> Client:
    return Client()


def wallet(client: Client) -> Any:
    return client.get("account/wallet-balance", accountType="UNIFIED")["list"][0]


def settings(client: Client, path: str, **asked: object) -> int:
    return client.code("POST", path, **asked)


# Wallet and key


def test_the_wallet_with_crossed_margin(client: Client) -> None:
    client.post("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    client.order(qty="0.100")
    client.push("1.01")
    row, funds = wallet(client), client.account.funds()
    assert D(row["totalWalletBalance"]) == funds.wallet
    assert D(row["totalPerpUPL"]) == funds.unrealised > 0
    assert D(row["totalEquity"]) == funds.wallet + funds.unrealised
    assert D(row["totalInitialMargin"]) == D(row["coin"][0]["totalPositionIM"]) > 0
    assert abs(D(row["totalAvailableBalance"]) - funds.available) < D("1e-9")
    assert D(row["coin"][0]["walletBalance"]) == funds.wallet


def test_the_wallet_with_isolated_margin_has_no_figures_of_the_account(client: Client) -> None:
    client.order(qty="0.100")
    row, funds = wallet(client), client.account.funds()
    assert (row["totalAvailableBalance"], row["totalInitialMargin"], row["accountIMRate"]) == ("", "", "")
    assert D(row["coin"][0]["walletBalance"]) == funds.wallet
    assert D(row["coin"][0]["totalPositionIM"]) == funds.position_margin


def test_the_wallet_of_other_coins_is_empty(client: Client) -> None:
    found = client.get("account/wallet-balance", accountType="UNIFIED", coin="BTC")
    assert found["list"][0]["coin"] == []
    assert client.code("GET", "account/wallet-balance", accountType="CONTRACT") == 10001


def test_what_the_key_may_do(client: Client) -> None:
    found = client.get("user/query-api")
    assert (found["readOnly"], found["uta"], found["ips"]) == (0, 1, ["127.0.0.1"])
    assert found["permissions"]["ContractTrade"] == ["Order", "Position"]
    assert found["permissions"]["Wallet"] == []
    assert found["expiredAt"] == "1970-01-01T00:00:00Z"


def test_a_key_that_may_move_money() -> None:
    start = make_exchange().now_ms
    rights = KeyRights(withdraw=True, transfer=True, expires_at_ms=start + 10 * DAY_MS)
    found = Client(make_exchange(key=ApiKey("k" * 18, "secret", rights))).get("user/query-api")
    assert set(found["permissions"]["Wallet"]) == {"AccountTransfer", "SubMemberTransfer", "Withdraw"}
    assert found["deadlineDay"] == 10
    assert found["expiredAt"] == "2026-05-14T10:00:00Z"


def test_fees_and_account(client: Client) -> None:
    row = client.get("account/fee-rate", **LINEAR, symbol="BTCUSDT")["list"][0]
    assert (row["takerFeeRate"], row["makerFeeRate"]) == ("0.00055", "0.0002")
    assert client.get("account/info")["unifiedMarginStatus"] == 6
    assert client.get("asset/coin/query-info") == {"rows": []}


# Positions


def test_a_position_in_figures(client: Client) -> None:
    client.order(qty="0.100")
    client.push("1.01")
    row, leg = client.position(), client.account.legs("BTCUSDT")[0]
    assert (row["side"], row["size"], row["positionIdx"]) == ("Buy", "0.1", 0)
    assert D(row["avgPrice"]) == leg.entry_price
    assert D(row["unrealisedPnl"]) == leg.unrealised
    assert D(row["positionValue"]) == leg.entry_price * D("0.1")
    assert leg.liquidation_price is not None
    assert abs(D(row["liqPrice"]) - leg.liquidation_price) < D("1e-9")
    assert D(row["curRealisedPnl"]) == -client.account.trades[0].fee


def test_flat_positions_only_where_a_symbol_is_named(client: Client) -> None:
    client.order()
    client.order(symbol="ETHUSDT", qty="1")
    client.order(side="Sell", reduceOnly=True)
    held = client.get("position/list", **LINEAR, settleCoin="USDT")["list"]
    assert [row["symbol"] for row in held] == ["ETHUSDT"]
    assert (client.position()["side"], client.position()["size"]) == ("", "0")
    assert client.code("GET", "position/list", **LINEAR) == 10001
    assert client.get("position/list", **LINEAR, settleCoin="USDC")["list"] == []


def test_positions_by_page(client: Client) -> None:
    for symbol, quantity in (("BTCUSDT", "0.01"), ("ETHUSDT", "1"), ("XRPUSDT", "100")):
        client.order(symbol=symbol, qty=quantity)
    asked = {**LINEAR, "settleCoin": "USDT", "limit": "2"}
    first = client.get("position/list", **asked)
    second = client.get("position/list", **asked, cursor=first["nextPageCursor"])
    symbols = [row["symbol"] for row in first["list"] + second["list"]]
    assert sorted(symbols) == ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    assert second["nextPageCursor"] == ""


# Settings


def test_leverage(client: Client) -> None:
    asked = {**NAMED, "buyLeverage": "7", "sellLeverage": "7"}
    assert settings(client, "position/set-leverage", **asked) == 0
    assert settings(client, "position/set-leverage", **asked) == 110043
    assert client.position()["leverage"] == "7"
    assert settings(client, "position/set-leverage", **(asked | {"sellLeverage": "8"})) == 10001
    assert settings(client, "position/set-leverage", **NAMED, buyLeverage="999", sellLeverage="999") == 110013
    assert settings(client, "position/set-leverage", **NAMED, buyLeverage="0.5", sellLeverage="0.5") == 10001


def test_leverage_is_told_to_those_who_listen(client: Client) -> None:
    line = client.listen("position")
    client.post("position/set-leverage", **NAMED, buyLeverage="7", sellLeverage="7")
    assert line.rows("position")[-1]["leverage"] == "7"


def test_the_position_mode(client: Client) -> None:
    hedge = {**LINEAR, "coin": "USDT", "mode": 3}
    assert settings(client, "position/switch-mode", **hedge) == 0
    assert settings(client, "position/switch-mode", **hedge) == 110025
    assert settings(client, "position/switch-mode", **LINEAR, symbol="BTCUSDT", mode=0) == 0
    assert settings(client, "position/switch-mode", **LINEAR, coin="USDT", mode=1) == 10001
    assert settings(client, "position/switch-mode", **LINEAR, mode=3) == 10001
    uid = client.order(orderType="Limit", price=client.at("0.9"))
    assert settings(client, "position/switch-mode", **hedge) == 110028
    client.post("order/cancel", **NAMED, orderId=uid)
    client.order()
    assert settings(client, "position/switch-mode", **hedge) == 110024


def test_the_margin_mode_is_the_accounts(client: Client) -> None:
    assert client.post("account/set-margin-mode", setMarginMode="REGULAR_MARGIN") == {"reasons": []}
    assert client.get("account/info")["marginMode"] == "REGULAR_MARGIN"
    assert {client.account.margin_mode(symbol).value for symbol in client.exchange.instruments} == {"crossed"}
    assert client.post("account/set-margin-mode", setMarginMode="ISOLATED_MARGIN") == {"reasons": []}
    assert client.get("account/info")["marginMode"] == "ISOLATED_MARGIN"
    client.order()
    answer = client.send(client.request("POST", "account/set-margin-mode", setMarginMode="REGULAR_MARGIN"))
    assert answer["retCode"] == 3400045
    assert answer["result"]["reasons"][0]["reasonMsg"]
    assert settings(client, "account/set-margin-mode", setMarginMode="PORTFOLIO_MARGIN") == 3400045


def test_switching_one_contract_is_for_classic_accounts(client: Client) -> None:
    asked = {**NAMED, "tradeMode": 0, "buyLeverage": "10", "sellLeverage": "10"}
    assert settings(client, "position/switch-isolated", **asked) == 100028
    classic = Client(settings=Settings(limits=False, unified=False))
    assert settings(classic, "position/switch-isolated", **asked) == 0
    assert settings(classic, "position/switch-isolated", **asked) == 110026
    assert classic.get("user/query-api")["uta"] == 0


# Orders that are over


def test_realtime_has_open_orders_or_the_recent_closed_ones(client: Client) -> None:
    filled = client.order()
    resting = client.order(orderType="Limit", price=client.at("0.9"))
    assert [row["orderId"] for row in client.open_orders()] == [resting]
    assert [row["orderId"] for row in client.open_orders(openOnly=1)] == [filled]
    assert client.open_orders(orderFilter="StopOrder") == []
    assert client.code("GET", "order/realtime", **LINEAR) == 10001
    by_coin = client.get("order/realtime", **LINEAR, baseCoin="BTC")["list"]
    assert [row["orderId"] for row in by_coin] == [resting]


def test_realtime_keeps_five_hundred_closed_orders(client: Client) -> None:
    first = client.order()
    for _ in range(500):
        order = client.account.place(
            OrderAsk("BTCUSDT", OrderSide.BUY, Kind.LIMIT, D("0.01"), price=D(client.at("0.9")))
        )
        client.account.cancel(order)
    assert client.get("order/realtime", **LINEAR, orderId=first)["list"] == []
    assert client.get("order/history", **LINEAR, orderId=first)["list"][0]["orderId"] == first


def test_open_orders_by_page_newest_first(client: Client) -> None:
    uids = []
    for _ in range(5):
        uids.append(client.order(orderType="Limit", price=client.at("0.9")))
        client.tick(1000)
    asked = {**LINEAR, "symbol": "BTCUSDT", "limit": "2"}
    pages, cursor = [], ""
    while True:
        page = client.get("order/realtime", **asked, cursor=cursor)
        pages.append([row["orderId"] for row in page["list"]])
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert [uid for page in pages for uid in page] == uids[::-1]
    assert [len(page) for page in pages] == [2, 2, 1]


def test_history_forgets_what_never_filled_after_a_day(client: Client) -> None:
    for symbol in client.exchange.instruments:
        client.exchange.hold(symbol, held=True)
    gone = client.order(orderType="Limit", price=client.at("0.9"))
    client.post("order/cancel", **NAMED, orderId=gone)
    filled = client.order()
    ids = [row["orderId"] for row in client.get("order/history", **LINEAR)["list"]]
    assert ids == [filled, gone]
    client.tick(DAY_MS + 1000)
    assert [row["orderId"] for row in client.get("order/history", **LINEAR)["list"]] == [filled]
    assert client.get("order/history", **LINEAR, orderId=gone)["list"] == []
    assert client.get("order/history", **LINEAR, orderStatus="Cancelled")["list"] == []


def test_windows_are_seven_days_at_most(client: Client) -> None:
    now = client.exchange.now_ms
    for path in ("order/history", "execution/list", "position/closed-pnl"):
        assert client.code("GET", path, **LINEAR, startTime=now - 8 * DAY_MS, endTime=now) == 10001
        assert client.code("GET", path, **LINEAR, startTime=now, endTime=now - 1) == 10001
        assert client.code("GET", path, **LINEAR, startTime=now - 7 * DAY_MS, endTime=now) == 0


# Executions, closed positions, transactions


def test_executions_are_the_exchanges_trades(client: Client) -> None:
    for symbol, side, quantity in (
        ("BTCUSDT", "Buy", "0.1"),
        ("ETHUSDT", "Sell", "1"),
        ("BTCUSDT", "Sell", "0.04"),
    ):
        client.order(symbol=symbol, side=side, qty=quantity)
        client.tick(1000)
    rows = client.get("execution/list", **LINEAR)["list"]
    assert len({row["execId"] for row in rows}) == len(client.account.trades) == 3
    for row, trade in zip(reversed(rows), client.account.trades, strict=True):
        assert (D(row["execPrice"]), D(row["execQty"])) == (trade.price, trade.quantity)
        assert (D(row["execFee"]), row["execTime"]) == (trade.fee, str(trade.at_ms))
        assert D(row["closedSize"]) == trade.closed_quantity
    assert [row["symbol"] for row in client.get("execution/list", **NAMED)["list"]] == ["BTCUSDT"] * 2
    first = client.get("execution/list", **LINEAR, limit="2")
    rest = client.get("execution/list", **LINEAR, limit="2", cursor=first["nextPageCursor"])
    assert [row["execId"] for row in first["list"] + rest["list"]] == [row["execId"] for row in rows]


def test_executions_from_a_start(client: Client) -> None:
    client.order()
    client.tick(60_000)
    later = client.exchange.now_ms
    client.order()
    assert len(client.get("execution/list", **LINEAR, startTime=later)["list"]) == 1


def test_funding_is_an_execution_and_a_transaction(client: Client) -> None:
    client.exchange.hold("BTCUSDT", held=True)
    client.order(qty="0.100")
    line = client.listen("execution", "wallet")
    client.exchange.set_funding("BTCUSDT", D("0.0003"))
    client.exchange.settle_funding("BTCUSDT")
    line_of_books = next(one for one in client.account.income if one.kind is IncomeKind.FUNDING_FEE)
    row = client.get("execution/list", **LINEAR, execType="Funding")["list"][0]
    assert D(row["execFee"]) == -line_of_books.amount > 0
    assert (row["side"], row["execQty"], row["feeRate"]) == ("Buy", "0.1", "0.0003")
    assert (row["orderType"], row["execType"]) == ("UNKNOWN", "Funding")
    assert line.rows("execution")[0]["execId"] == row["execId"]
    assert D(line.rows("wallet")[-1]["coin"][0]["walletBalance"]) == client.account.funds().wallet
    entry = client.get("account/transaction-log", type="SETTLEMENT")["list"][0]
    assert (D(entry["funding"]), entry["cashFlow"], entry["fee"]) == (line_of_books.amount, "0", "0")
    assert D(entry["cashBalance"]) == client.account.funds().wallet
    assert [row["execType"] for row in client.get("execution/list", **LINEAR, execType="Trade")["list"]] == [
        "Trade"
    ]


def test_the_transactions_add_up_to_the_wallet(client: Client) -> None:
    client.order(qty="0.100")
    client.push("1.02")
    client.order(side="Sell", qty="0.060", reduceOnly=True)
    client.exchange.settle_funding("BTCUSDT")
    client.account.transfer(D(-500))
    rows = client.get("account/transaction-log", limit="50")["list"]
    assert sum(D(row["change"]) for row in rows) == client.account.funds().wallet
    for row in rows:
        assert D(row["change"]) == D(row["cashFlow"]) + D(row["funding"] or 0) - D(row["fee"])
    assert {row["type"] for row in rows} == {"TRANSFER_IN", "TRANSFER_OUT", "TRADE", "SETTLEMENT"}
    sold = next(row for row in rows if row["side"] == "Sell" and row["type"] == "TRADE")
    assert (sold["size"], sold["qty"]) == ("0.04", "0.06")


def test_closed_positions_after_the_fees_of_both_sides(client: Client) -> None:
    client.order(qty="0.100")
    client.push("1.02")
    client.order(side="Sell", qty="0.060", reduceOnly=True)
    client.order(side="Sell", qty="0.040", reduceOnly=True)
    rows = client.get("position/closed-pnl", **LINEAR)["list"]
    assert [row["closedSize"] for row in rows] == ["0.04", "0.06"]
    earned = sum((line.amount for line in client.account.income if line.symbol), Decimal(0))
    assert abs(sum(D(row["closedPnl"]) for row in rows) - earned) < D("1e-9")
    assert abs(D(client.position()["cumRealisedPnl"]) - earned) < D("1e-9")
    entry = client.account.trades[0].price
    assert {D(row["avgEntryPrice"]) for row in rows} == {entry}
    assert {row["side"] for row in rows} == {"Sell"}


def test_a_liquidation_is_a_bust_trade(client: Client) -> None:
    client.order(qty="0.100")
    line = client.listen("order", "execution", "position")
    public = client.watch("allLiquidation.BTCUSDT")
    client.exchange.liquidate("main", "BTCUSDT")
    fill = line.rows("execution")[-1]
    assert (fill["execType"], fill["orderLinkId"]) == ("BustTrade", "")
    assert fill["createType"] == "CreateByTakeOver_PassThrough"
    assert line.rows("position")[-1]["size"] == "0"
    assert public.rows("allLiquidation.BTCUSDT")[0]["S"] == "Buy"
    assert client.get("execution/list", **LINEAR, execType="BustTrade")["list"]
    assert client.get("account/transaction-log", type="LIQUIDATION")["list"]


def test_a_deleveraging_is_an_adl_trade(client: Client) -> None:
    client.order(qty="0.100")
    line = client.listen("execution", "execution.fast")
    client.exchange.deleverage("main", "BTCUSDT", D("0.04"))
    fill = line.rows("execution")[-1]
    assert (fill["execType"], fill["execQty"]) == ("AdlTrade", "0.04")
    assert fill["createType"] == "CreateByAdl_PassThrough"
    assert line.rows("execution.fast") == []
    assert client.position()["size"] == "0.06"
    assert client.get("account/transaction-log", type="ADL")["list"]
