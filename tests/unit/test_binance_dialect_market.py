"""Contracts, candles, prices and addresses of Binance."""

from typing import Any

import pytest
from binance_dialect_kit import NOW, SYMBOL, scripted

from bot.domain.market import MINUTE_MS, FundingRate, Quote
from bot.venues.binance import errors
from bot.venues.ccxt_venue import client as clients
from bot.venues.ccxt_venue.wire import Access, Ask, Environment
from bot.venues.port import VenueUnavailable

REFUSED = (401, {"code": -2014, "msg": "API-key format invalid."})
NOW_OPEN = NOW // MINUTE_MS * MINUTE_MS


def contract(symbol: str = SYMBOL) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "requiredMarginPercent": "5.0000",
        "maintMarginPercent": "2.5000",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "1", "maxPrice": "9"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
        ],
    }


def rung(leverage: int, floor: int, cap: int, rate: float, cum: float) -> dict[str, Any]:
    limits = {"notionalCap": cap, "notionalFloor": floor}
    return {"bracket": 1, "initialLeverage": leverage, "maintMarginRatio": rate, "cum": cum} | limits


RUNGS = [rung(125, 0, 50_000, 0.004, 0.0), rung(100, 50_000, 600_000, 0.005, 50.0)]
BRACKETS = [{"symbol": SYMBOL, "notionalCoef": 1.5, "brackets": RUNGS}]

CONTRACTS: dict[str, Any] = {
    "fapiPublicGetExchangeInfo": (200, {"symbols": [contract(), contract("1000PEPEUSDT")]}),
    "fapiPublicGetFundingInfo": (200, [{"symbol": "1000PEPEUSDT", "fundingIntervalHours": 4}]),
    "fapiPrivateGetLeverageBracket": (200, BRACKETS),
    "fapiPrivateGetCommissionRate": (
        200,
        {"symbol": SYMBOL, "makerCommissionRate": "0.00018", "takerCommissionRate": "0.00045"},
    ),
}


async def test_contracts_with_the_accounts_fees_and_brackets() -> None:
    dialect, gateway = scripted(CONTRACTS)
    found = await dialect.instruments()
    assert set(found) == {SYMBOL, "1000PEPEUSDT"}
    assert found[SYMBOL].max_leverage == 125
    assert {str(one.taker_fee) for one in found.values()} == {"0.00045"}
    assert found["1000PEPEUSDT"].funding_interval_hours == 4
    assert len(gateway.params("fapiPrivateGetCommissionRate")) == 1
    assert dialect.unified("1000PEPEUSDT") == "1000PEPE/USDT:USDT"


async def test_contracts_without_a_key() -> None:
    script = CONTRACTS | {"fapiPrivateGetLeverageBracket": REFUSED, "fapiPrivateGetCommissionRate": REFUSED}
    found = await scripted(script)[0].instruments()
    assert found[SYMBOL].max_leverage == 20
    assert str(found[SYMBOL].taker_fee) == "0.0004"


@pytest.mark.parametrize("method", CONTRACTS)
async def test_contracts_that_cannot_be_read(method: str) -> None:
    with pytest.raises(VenueUnavailable):
        await scripted(CONTRACTS | {method: (503, None)})[0].instruments()
    with pytest.raises(VenueUnavailable):
        await scripted(CONTRACTS | {method: (200, "text")})[0].instruments()


# Candles


def kline(open_at_ms: int) -> list[Any]:
    end = open_at_ms + MINUTE_MS - 1
    return [open_at_ms, "100.5", "101.5", "99.5", "100.0", "12.25", end, "1", 3, "1", "1", "0"]


def candles_until(ask: Ask) -> tuple[int, Any]:
    """The venue's answer: the newest `limit` candles that opened up to endTime, the forming one too."""
    end, limit = int(str(ask.params["endTime"])), int(str(ask.params["limit"]))
    newest = min(end, NOW) // MINUTE_MS
    first = max(newest - limit + 1, NOW_OPEN // MINUTE_MS - 5_000)
    return 200, [kline(n * MINUTE_MS) for n in range(first, newest + 1)]


@pytest.mark.parametrize("bars", [1, 99, 1499, 1500, 1501, 4000, 5_000])
async def test_candles_are_closed_complete_and_in_order(bars: int) -> None:
    dialect, gateway = scripted({"fapiPublicGetKlines": candles_until})
    frame = await dialect.candles(SYMBOL, "1m", bars)
    assert len(frame) == bars
    opens = [int(at) for at in frame.open_at_ms]
    assert opens == [NOW_OPEN - n * MINUTE_MS for n in range(bars, 0, -1)]
    assert opens[-1] + MINUTE_MS <= NOW, "the forming candle is left out"
    assert (frame.symbol, frame.timeframe_ms) == (SYMBOL, MINUTE_MS)
    assert (frame.close[0], frame.volume[0]) == (100.0, 12.25)
    weights = {int(str(ask.params["limit"])): ask.weight for ask in gateway.asked}
    assert all(
        weight == (1 if n < 100 else 2 if n < 500 else 5 if n <= 1000 else 10)
        for n, weight in weights.items()
    )


async def test_candles_up_to_a_time() -> None:
    dialect, _ = scripted({"fapiPublicGetKlines": candles_until})
    until = NOW_OPEN - 30 * MINUTE_MS
    frame = await dialect.candles(SYMBOL, "1m", 10, until)
    assert int(frame.open_at_ms[-1]) + MINUTE_MS == until
    assert len(frame) == 10


async def test_a_young_contract_has_fewer_candles() -> None:
    dialect, _ = scripted({"fapiPublicGetKlines": candles_until})
    assert len(await dialect.candles(SYMBOL, "1m", 9_000)) == 5_000


@pytest.mark.parametrize("body", [{}, "x", [1], [[1, 2]], [["a"] * 12], [kline(NOW_OPEN)[:5]]], ids=repr)
async def test_candles_of_garbage(body: Any) -> None:
    with pytest.raises(VenueUnavailable):
        await scripted({"fapiPublicGetKlines": (200, body)})[0].candles(SYMBOL, "1m", 5)


# Prices


async def test_prices_and_rates_of_all_symbols() -> None:
    index = {
        "symbol": SYMBOL,
        "markPrice": "50001.5",
        "lastFundingRate": "0.0001",
        "nextFundingTime": NOW + 5,
        "time": NOW,
    }
    dated = index | {"symbol": "BTCUSDT_270326", "lastFundingRate": "", "nextFundingTime": 0}
    book = {
        "symbol": SYMBOL,
        "bidPrice": "50000",
        "bidQty": "1",
        "askPrice": "50001",
        "askQty": "2",
        "time": NOW - 1,
    }
    dialect, _ = scripted(
        {
            "fapiPublicGetTickerBookTicker": (200, [book, book | {"symbol": "NEWUSDT"}]),
            "fapiPublicGetPremiumIndex": (200, [index, dated]),
        }
    )
    assert await dialect.quotes() == (Quote(SYMBOL, NOW - 1, 50000.0, 50001.0, 50000.5, 50001.5),)
    assert await dialect.funding_rates() == (FundingRate(SYMBOL, NOW, 0.0001, NOW + 5),)


@pytest.mark.parametrize(
    "said, words",
    [
        ((200, {"status": 0, "msg": "normal"}), ""),
        ((200, {"status": 1, "msg": "system maintenance"}), "system maintenance"),
        ((200, {"status": 1}), "maintenance"),
        ((503, None), ""),
        ((200, []), ""),
    ],
)
async def test_maintenance(said: Any, words: str) -> None:
    assert await scripted({"sapiGetSystemStatus": said})[0].maintenance() == words


# Addresses


def built(access: Access) -> Any:
    dialect, _ = scripted()
    return clients.Clients(dialect.client(access), access, lambda: NOW, errors.code_of).rest()


async def test_no_address_of_the_sandbox_leads_outside() -> None:
    """Every address in ccxt's own list, today's and tomorrow's."""
    exchange = built(Access(Environment.SANDBOX, "k", "s", "http://127.0.0.1:1", "ws://127.0.0.1:2"))
    found = set(clients.addresses(exchange.urls["api"]))
    assert len(found) > 15
    assert {one.split("/")[2] for one in found} == {"127.0.0.1:1", "127.0.0.1:2"}
    assert not [one for one in found if "/stream" in one]
    await exchange.close()


async def test_a_testnet_key_never_reaches_production() -> None:
    exchange = built(Access(Environment.TESTNET, "k", "s"))
    found = set(clients.addresses(exchange.urls["api"]))
    assert {one.split("/")[2] for one in found} == {
        "demo-fapi.binance.com",
        "fstream.binancefuture.com",
        "testnet.binancefuture.com",
    }
    await exchange.close()


async def test_live_is_what_ccxt_says() -> None:
    exchange = built(Access(Environment.LIVE, "k", "s"))
    assert exchange.urls["api"]["fapiPrivate"] == "https://fapi.binance.com/fapi/v1"
    assert exchange.options["fetchCurrencies"] is False
    await exchange.close()


def test_the_listen_key_is_renewed_in_time() -> None:
    plan = scripted()[0].streams
    assert plan.renew is not None
    assert plan.renew.method == "fapiPrivatePutListenKey"
    assert plan.renew_s <= 30 * 60
    assert plan.life_s < 24 * 3600
