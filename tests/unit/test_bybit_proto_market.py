"""Bybit protocol: public calls."""

from decimal import Decimal

import pytest
from bybit_kit import SYMBOLS, Client

LINEAR = {"category": "linear"}
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def client() -> Client:
    return Client()


def test_time(client: Client) -> None:
    now = client.exchange.now_ms
    assert client.get("market/time") == {"timeSecond": str(now // 1000), "timeNano": f"{now}000000"}


def test_instruments_carry_the_rules_of_their_contract(client: Client) -> None:
    found = client.get("market/instruments-info", **LINEAR, limit="1000")
    assert sorted(row["symbol"] for row in found["list"]) == sorted(SYMBOLS)
    assert found["nextPageCursor"] == ""
    row = next(row for row in found["list"] if row["symbol"] == "BTCUSDT")
    ours = client.exchange.instruments["BTCUSDT"]
    assert Decimal(row["priceFilter"]["tickSize"]) == ours.price_tick
    lots = row["lotSizeFilter"]
    assert Decimal(lots["qtyStep"]) == ours.quantity_step
    assert Decimal(lots["minOrderQty"]) == ours.min_quantity
    assert Decimal(lots["maxOrderQty"]) == ours.max_quantity
    assert Decimal(lots["maxMktOrderQty"]) == ours.max_market_quantity
    assert Decimal(lots["minNotionalValue"]) == ours.min_notional
    assert Decimal(row["leverageFilter"]["maxLeverage"]) == ours.max_leverage
    assert row["fundingInterval"] == ours.funding_interval_hours * 60
    assert row["status"] == "Trading"


def test_instruments_by_page_and_by_status(client: Client) -> None:
    first = client.get("market/instruments-info", **LINEAR, limit="2")
    second = client.get("market/instruments-info", **LINEAR, limit="2", cursor=first["nextPageCursor"])
    names = [row["symbol"] for row in first["list"] + second["list"]]
    assert names == list(client.exchange.instruments)
    assert second["nextPageCursor"] == ""
    assert client.get("market/instruments-info", **LINEAR, status="PreLaunch")["list"] == []


def test_a_halted_contract_is_not_listed_but_known(client: Client) -> None:
    client.exchange.set_tradable("ETHUSDT", tradable=False)
    names = [row["symbol"] for row in client.get("market/instruments-info", **LINEAR)["list"]]
    assert "ETHUSDT" not in names
    row = client.get("market/instruments-info", **LINEAR, symbol="ETHUSDT")["list"][0]
    assert row["status"] == "Closed"


@pytest.mark.parametrize("category", ["spot", "inverse", "option", ""])
def test_other_categories_are_not_here(client: Client, category: str) -> None:
    assert client.code("GET", "market/tickers", category=category) == 10001


@pytest.mark.parametrize("category", ["spot", "inverse", "option"])
def test_of_other_categories_there_is_nothing_to_list(client: Client, category: str) -> None:
    for path in ("market/instruments-info", "position/list", "order/realtime", "execution/list"):
        found = client.get(path, category=category, settleCoin="USDT")
        assert (found["list"], found["category"]) == ([], category)


def test_an_unknown_symbol_is_10001(client: Client) -> None:
    assert client.code("GET", "market/tickers", **LINEAR, symbol="NOPEUSDT") == 10001
    assert client.code("GET", "market/kline", **LINEAR, symbol="NOPEUSDT", interval="1") == 10001


def test_candles_come_newest_first_with_the_forming_one(client: Client) -> None:
    client.tick(90_000)
    rows = client.get("market/kline", **LINEAR, symbol="BTCUSDT", interval="1", limit="5")["list"]
    times = [int(row[0]) for row in rows]
    now = client.exchange.now_ms
    assert times == sorted(times, reverse=True)
    assert times[0] <= now < times[0] + MINUTE_MS
    assert {len(row) for row in rows} == {7}
    assert all(isinstance(cell, str) for row in rows for cell in row)
    assert float(rows[0][4]) == float(client.last())


def test_candles_from_a_start_and_up_to_an_end(client: Client) -> None:
    start = client.exchange.now_ms // MINUTE_MS * MINUTE_MS - 100 * MINUTE_MS
    asked = {**LINEAR, "symbol": "BTCUSDT", "interval": "1"}
    forward = client.get("market/kline", **asked, start=start, limit=3)["list"]
    assert [int(row[0]) for row in forward] == [start + 2 * MINUTE_MS, start + MINUTE_MS, start]
    between = client.get("market/kline", **asked, start=start, end=start + 10 * MINUTE_MS, limit=3)["list"]
    assert [int(row[0]) for row in between] == [start + n * MINUTE_MS for n in (10, 9, 8)]
    few = client.get("market/kline", **asked, start=start, end=start + MINUTE_MS, limit=200)["list"]
    assert len(few) == 2


@pytest.mark.parametrize("interval", ["1", "5", "15", "60", "240", "D"])
def test_every_usual_interval(client: Client, interval: str) -> None:
    asked = {**LINEAR, "symbol": "BTCUSDT", "interval": interval, "limit": "3"}
    assert len(client.get("market/kline", **asked)["list"]) == 3


def test_an_unknown_interval_is_10001(client: Client) -> None:
    assert client.words("GET", "market/kline", **LINEAR, symbol="BTCUSDT", interval="7") == "Invalid period!"


@pytest.mark.parametrize("path", ["mark-price-kline", "index-price-kline", "premium-index-price-kline"])
def test_candles_of_other_prices_have_five_columns(client: Client, path: str) -> None:
    rows = client.get(f"market/{path}", **LINEAR, symbol="BTCUSDT", interval="15", limit="3")["list"]
    assert [len(row) for row in rows] == [5, 5, 5]


def test_tickers_of_one_and_of_all(client: Client) -> None:
    rows = client.get("market/tickers", **LINEAR)["list"]
    assert sorted(row["symbol"] for row in rows) == sorted(SYMBOLS)
    row = client.get("market/tickers", **LINEAR, symbol="BTCUSDT")["list"][0]
    view = client.exchange.view("BTCUSDT")
    assert Decimal(row["lastPrice"]) == view.last
    assert Decimal(row["markPrice"]) == view.mark
    assert Decimal(row["bid1Price"]) == view.bid
    assert Decimal(row["ask1Price"]) == view.ask
    assert Decimal(row["fundingRate"]) == view.funding_rate
    assert row["nextFundingTime"] == str(view.next_funding_at_ms)
    assert all(isinstance(value, str) for value in row.values())


def test_the_book_opens_at_bid_and_ask(client: Client) -> None:
    book = client.get("market/orderbook", **LINEAR, symbol="BTCUSDT", limit="3")
    view = client.exchange.view("BTCUSDT")
    assert [len(book["b"]), len(book["a"])] == [3, 3]
    assert Decimal(book["b"][0][0]) == view.bid
    assert Decimal(book["a"][0][0]) == view.ask
    assert Decimal(book["b"][0][0]) > Decimal(book["b"][1][0])
    assert Decimal(book["a"][0][0]) < Decimal(book["a"][1][0])


def test_recent_trades(client: Client) -> None:
    rows = client.get("market/recent-trade", **LINEAR, symbol="BTCUSDT", limit="4")["list"]
    assert len(rows) == 4
    assert {row["side"] for row in rows} <= {"Buy", "Sell"}
    assert int(rows[0]["time"]) > int(rows[-1]["time"])


def test_settled_funding_newest_first(client: Client) -> None:
    client.exchange.set_funding("BTCUSDT", Decimal("0.0003"))
    client.exchange.settle_funding("BTCUSDT")
    rows = client.get("market/funding/history", **LINEAR, symbol="BTCUSDT", limit="5")["list"]
    assert rows[0]["fundingRate"] == "0.0003"
    times = [int(row["fundingRateTimestamp"]) for row in rows]
    assert times == sorted(times, reverse=True)


def test_funding_needs_an_end_with_a_start(client: Client) -> None:
    assert client.code("GET", "market/funding/history", **LINEAR, symbol="BTCUSDT", startTime=1) == 10001


def test_open_interest_by_page(client: Client) -> None:
    asked = {**LINEAR, "symbol": "BTCUSDT", "intervalTime": "1h", "limit": "3"}
    first = client.get("market/open-interest", **asked)
    times = [int(row["timestamp"]) for row in first["list"]]
    latest = client.exchange.now_ms // HOUR_MS * HOUR_MS
    assert times == [latest, latest - HOUR_MS, latest - 2 * HOUR_MS]
    second = client.get("market/open-interest", **asked, cursor=first["nextPageCursor"])
    assert int(second["list"][0]["timestamp"]) == latest - 3 * HOUR_MS
    assert all(Decimal(row["openInterest"]) > 0 for row in first["list"])
    assert client.code("GET", "market/open-interest", **(asked | {"intervalTime": "7min"})) == 10001


def test_account_ratios_add_up(client: Client) -> None:
    rows = client.get("market/account-ratio", **LINEAR, symbol="BTCUSDT", period="1d", limit="10")["list"]
    assert len(rows) == 10
    assert {Decimal(row["buyRatio"]) + Decimal(row["sellRatio"]) for row in rows} == {Decimal(1)}


def test_risk_limits_are_the_brackets(client: Client) -> None:
    rows = client.get("market/risk-limit", **LINEAR, symbol="BTCUSDT")["list"]
    brackets = client.exchange.instruments["BTCUSDT"].brackets
    assert [Decimal(row["riskLimitValue"]) for row in rows] == [one.notional_cap for one in brackets]
    assert [Decimal(row["maintenanceMargin"]) for row in rows] == [one.maintenance_rate for one in brackets]
    assert rows[0]["isLowestRisk"] == 1
    everything = client.get("market/risk-limit", **LINEAR)["list"]
    assert {row["symbol"] for row in everything} == set(SYMBOLS)


def test_a_cursor_that_is_none_is_10001(client: Client) -> None:
    assert client.code("GET", "market/instruments-info", **LINEAR, cursor="next") == 10001
