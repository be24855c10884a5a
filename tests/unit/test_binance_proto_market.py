"""Public data: shapes as recorded, rules that our own reader reads, parameters and their errors."""

from decimal import Decimal
from typing import Any

import pytest
from binance_kit import Client, lacks, make_exchange, recorded
from line_kit import real_data

from bot.venues.instruments import Extras, read_instruments

NAUTILUS = "nautilus_trader/py_binance/http_responses/http_futures_market_"


@pytest.fixture
def client() -> Client:
    client = Client(make_exchange())
    client.advance(3_600_000)
    return client


def test_contracts_are_read_as_the_exchange_has_them(client: Client) -> None:
    extras = Extras(
        brackets=client.fapi("GET leverageBracket"),
        fees=[client.fapi("GET commissionRate", symbol=name) for name in client.exchange.instruments],
        funding=client.public("fapi/v1/fundingInfo"),
    )
    read = read_instruments(client.public("fapi/v1/exchangeInfo"), extras)
    assert set(read) == set(client.exchange.instruments)
    for name, one in client.exchange.instruments.items():
        found = read[name]
        for field in ("base", "quote", "price_tick", "quantity_step", "min_quantity", "max_quantity"):
            assert getattr(found, field) == getattr(one, field), (name, field)
        for field in (
            "max_market_quantity",
            "min_notional",
            "brackets",
            "funding_interval_hours",
            "tradable",
        ):
            assert getattr(found, field) == getattr(one, field), (name, field)
        assert (found.percent_price_up, found.percent_price_down) == (
            one.percent_price_up,
            one.percent_price_down,
        )


def test_a_halted_contract_says_so(client: Client) -> None:
    client.exchange.set_tradable("ETHUSDT", tradable=False)
    rows = {row["symbol"]: row["status"] for row in client.public("fapi/v1/exchangeInfo")["symbols"]}
    assert rows["ETHUSDT"] != "TRADING"
    assert rows["BTCUSDT"] == "TRADING"


RECORDED = [
    ("fapi/v1/ping", {}, None),
    ("fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1m"}, "klines"),
    (
        "fapi/v1/continuousKlines",
        {"pair": "BTCUSDT", "contractType": "PERPETUAL", "interval": "5m"},
        "continuous_klines",
    ),
    ("fapi/v1/markPriceKlines", {"symbol": "BTCUSDT", "interval": "1m"}, "mark_price_klines"),
    ("fapi/v1/indexPriceKlines", {"pair": "BTCUSDT", "interval": "1m"}, "index_price_klines"),
    ("fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}, "premium_index"),
    ("fapi/v1/fundingRate", {"symbol": "BTCUSDT"}, "funding_rate"),
    ("fapi/v1/openInterest", {"symbol": "BTCUSDT"}, "open_interest"),
    ("fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"}, "ticker_24hr"),
    ("fapi/v1/ticker/price", {"symbol": "BTCUSDT"}, "ticker_price"),
    ("fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"}, "book_ticker"),
    ("fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5}, "depth"),
    ("fapi/v1/trades", {"symbol": "BTCUSDT"}, "trades"),
    ("fapi/v1/aggTrades", {"symbol": "BTCUSDT"}, "agg_trades"),
    ("fapi/v1/exchangeInfo", {}, "exchange_info"),
]  # fmt: skip
STATISTICS = {
    "openInterestHist": "open_interest_historical",
    "globalLongShortAccountRatio": "global_long_short_account_ratio",
    "topLongShortAccountRatio": "top_long_short_account_ratio",
    "topLongShortPositionRatio": "top_long_short_position_ratio",
    "takerlongshortRatio": "taker_long_short_ratio",
}


@real_data
@pytest.mark.parametrize("path,parameters,name", [row for row in RECORDED if row[2]])
def test_shapes_are_those_recorded(client: Client, path: str, parameters: dict[str, Any], name: str) -> None:
    ours, theirs = client.public(path, **parameters), recorded(f"{NAUTILUS}{name}.json")
    assert ours
    if isinstance(theirs, list) and isinstance(theirs[0], list):
        assert [type(value) for value in ours[0]] == [type(value) for value in theirs[0]]
    else:
        # The 2022 recording of exchangeInfo has fields of a plan long gone.
        gone = {".symbols[].settlePlan: missing", ".symbols[].underlyingSubType: missing"}
        assert set(lacks(ours, theirs)) - gone == set()


@real_data
def test_today_s_exchange_info_has_no_field_that_ours_lacks(client: Client) -> None:
    theirs = recorded("binance/fapi_MAINNET_exchangeInfo_2025-08-07_25symbols.json")
    ours = client.public("fapi/v1/exchangeInfo")
    assert lacks(ours, theirs) == []
    kinds = {row["filterType"]: row for row in theirs["symbols"][0]["filters"]}
    own = {row["filterType"]: row for row in ours["symbols"][0]["filters"]}
    assert {kind: set(row) for kind, row in kinds.items()} == {kind: set(row) for kind, row in own.items()}


@real_data
@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_are_those_recorded(client: Client, name: str) -> None:
    """But for the timestamp: text in the documentation, a number in life."""
    ours = client.public(f"futures/data/{name}", symbol="BTCUSDT", period="5m", limit=3)
    found = lacks(ours, recorded(f"{NAUTILUS}{STATISTICS[name]}.json"))
    assert found == ["[].timestamp: number instead of str"]
    assert len(ours) == 3
    assert [row["timestamp"] for row in ours] == sorted(row["timestamp"] for row in ours)


@real_data
@pytest.mark.parametrize(
    "path", ["fundingInfo", "premiumIndex", "ticker/24hr", "ticker/price", "ticker/bookTicker"]
)
def test_without_a_symbol_all_are_told(client: Client, path: str) -> None:
    ours = client.public(f"fapi/v1/{path}")
    assert [row["symbol"] for row in ours] == list(client.exchange.instruments)
    rows = recorded("gocryptotrader/binance-fapi-http-mock.json")[f"/fapi/v1/{path}"]["GET"]
    lists = [row["data"] for row in rows if isinstance(row["data"], list)]
    assert lists
    assert lacks(ours, lists[-1]) == []


def test_klines_end_with_the_forming_candle(client: Client) -> None:
    client.advance(20_000)
    now = client.exchange.now_ms
    rows = client.public("fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=10)
    assert len(rows) == 10
    assert rows[-1][0] <= now <= rows[-1][6]
    assert [row[0] for row in rows] == list(range(rows[0][0], rows[-1][0] + 1, 60_000))
    part = client.public(
        "fapi/v1/klines", symbol="BTCUSDT", interval="1m", startTime=rows[2][0], endTime=rows[4][0]
    )
    assert [row[:7] for row in part] == [row[:7] for row in rows[2:5]]


@pytest.mark.parametrize(
    "path,parameters,code",
    [
        ("klines", {"interval": "1m"}, -1102),
        ("klines", {"symbol": "BTCUSDT"}, -1102),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("klines", {"symbol": "NOPEUSDT", "interval": "1m"}, -1121),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "many"}, -1100),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 0}, -1130),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": 2, "endTime": 1}, -1023),
        ("depth", {"symbol": "BTCUSDT", "limit": 7}, -4021),
        ("premiumIndex", {"symbol": "NOPEUSDT"}, -1121),
        ("openInterest", {}, -1102),
        ("continuousKlines", {"pair": "BTCUSDT", "interval": "1m"}, -1102),
    ],
)
def test_what_is_asked_wrongly(client: Client, path: str, parameters: dict[str, Any], code: int) -> None:
    assert client.public(f"fapi/v1/{path}", **parameters)["code"] == code
    assert client.last.status == 400


def test_the_book_is_around_the_price(client: Client) -> None:
    view = client.exchange.view("BTCUSDT")
    book = client.public("fapi/v1/depth", symbol="BTCUSDT", limit=20)
    bids, asks = ([Decimal(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert (bids[0], asks[0]) == (view.bid, view.ask)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert len(bids) == len(asks) == 20


def test_funding_rates_are_those_settled(client: Client) -> None:
    client.exchange.advance(client.exchange.now_ms // 28_800_000 * 28_800_000 + 28_800_000)
    rows = client.public("fapi/v1/fundingRate", symbol="BTCUSDT", limit=3)
    known = client.exchange.funding_history("BTCUSDT", 0, client.exchange.now_ms, 3)
    assert [(row["fundingTime"], Decimal(row["fundingRate"])) for row in rows] == known
    assert rows[-1]["fundingTime"] == client.exchange.now_ms


@pytest.mark.parametrize("path", ["api/v3/exchangeInfo", "dapi/v1/exchangeInfo"])
def test_other_markets_are_empty(client: Client, path: str) -> None:
    assert client.public(path)["symbols"] == []


@pytest.mark.parametrize("path", ["api/v3/time", "dapi/v1/time", "fapi/v1/time"])
def test_the_exchange_tells_its_time(client: Client, path: str) -> None:
    assert client.public(path) == {"serverTime": client.exchange.now_ms}


@pytest.mark.parametrize("path", ["capital/config/getall", "margin/allPairs", "margin/isolated/allPairs"])
def test_lists_of_other_markets_are_empty(client: Client, path: str) -> None:
    assert client.signed("GET", f"sapi/v1/{path}") == []
    assert client.public("sapi/v1/system/status") == {"status": 0, "msg": "normal"}
