"""Recorded and documented payloads of Binance parse; skipped by name where the data is absent."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from binance_dialect_kit import NOW, Script, income_row, position_row, quiet_account, scripted

from bot.domain.event import Filled, OrderUpdated
from bot.domain.instrument import Instrument
from bot.domain.market import FundingRate
from bot.domain.order import OrderSide, OrderStatus
from bot.venues.ccxt_venue.dialect import KlineSeen, PriceSeen

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data")) / "fixtures"
NAUTILUS = DATA / "nautilus_trader" / "py_binance"
REFUSED = (401, {"code": -2014, "msg": "API-key format invalid."})

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no recorded payloads: set QUARTERDECK_REAL_DATA")


def http(name: str) -> Any:
    return json.loads((NAUTILUS / "http_responses" / f"http_futures_{name}.json").read_text())


def told(name: str) -> Any:
    frame = json.loads((NAUTILUS / "ws_messages" / f"ws_futures_{name}.json").read_text())
    return scripted()[0].private_news(frame, NOW)


# User frames


@pytest.mark.parametrize(
    "name, symbol, quantity, side",
    [
        ("order_update_liquidation", "BTCUSDT", "0.100", OrderSide.SELL),
        ("order_update_adl", "ETHUSDT", "1.000", OrderSide.BUY),
        ("order_update_adl_filled", "ETHUSDT", "1.000", OrderSide.BUY),
        ("order_update_settlement", "BTCUSDT", "0.050", OrderSide.BUY),
    ],
)
def test_what_the_exchange_did_by_itself(name: str, symbol: str, quantity: str, side: OrderSide) -> None:
    (news,) = told(name)
    assert isinstance(news, Filled)
    fill = news.fill
    assert (fill.symbol, fill.quantity, fill.side) == (symbol, Decimal(quantity), side)
    assert (fill.liquidation, fill.client_id) == (True, "")
    assert fill.leg is not None


def test_a_liquidation_of_nothing_is_nothing() -> None:
    assert list(told("order_update_liquidation_zero_qty")) == []


def test_a_recorded_fill() -> None:
    fill, update = told("order_update_trade_reduce_only_qty")
    assert isinstance(fill, Filled)
    assert (fill.fill.trade_id, fill.fill.fee, fill.fill.price) == (
        "9988776655",
        Decimal("0.5"),
        Decimal(2500),
    )
    assert isinstance(update, OrderUpdated)
    assert update.status is OrderStatus.FILLED


@pytest.mark.parametrize("name", ["price_match", "reduce_only_qty"])
def test_recorded_new_orders(name: str) -> None:
    (update,) = told(f"order_update_new_{name}")
    assert isinstance(update, OrderUpdated)
    assert update.status is OrderStatus.WORKING


@pytest.mark.parametrize(
    "name, status, filled",
    [
        ("triggering", OrderStatus.WORKING, "0"),
        ("triggered", OrderStatus.WORKING, "0"),
        ("finished", OrderStatus.FILLED, "38"),
        ("finished_canceled", OrderStatus.EXPIRED, "0"),
    ],
)
def test_recorded_conditional_orders(name: str, status: OrderStatus, filled: str) -> None:
    (update,) = told(f"algo_update_{name}")
    assert isinstance(update, OrderUpdated)
    assert (update.status, update.filled, update.symbol) == (status, Decimal(filled), "DOGEUSDT")
    assert update.client_id.startswith("O-20251211")


def test_the_light_frame_says_nothing_new() -> None:
    assert list(told("trade_lite")) == []


# Market frames


def test_thirty_seconds_of_a_real_stream() -> None:
    """Every candle, best price and mark of the recording is understood; the rest is of kinds we do not ask for."""
    dialect, _ = scripted()
    kinds: dict[str, int] = {}
    news: list[Any] = []
    path = DATA / "cryptofeed" / "BINANCE_FUTURES.ws.1.0.txt"
    for line in path.read_text().splitlines()[1:]:
        _, _, text = line.partition(": ")
        if not text.startswith("{"):
            continue
        frame = json.loads(text)
        kind = frame["data"]["e"]
        kinds[kind] = kinds.get(kind, 0) + 1
        news += dialect.public_news(frame)
    assert kinds["kline"] > 10
    assert len([one for one in news if isinstance(one, KlineSeen)]) == kinds["kline"]
    assert len([one for one in news if isinstance(one, PriceSeen)]) == kinds["bookTicker"] + kinds.get(
        "markPriceUpdate", 0
    )


def test_other_recorded_market_frames() -> None:
    dialect, _ = scripted()
    for name in ("book_ticker", "ticker_24hr"):
        frame = json.loads((NAUTILUS / "ws_messages" / f"ws_futures_{name}.json").read_text())
        (news,) = dialect.public_news(frame)
        assert isinstance(news, PriceSeen)
    for line in (DATA / "gocryptotrader" / "binance-wsHandleData.json").read_text().splitlines():
        if line.strip():
            dialect.public_news(json.loads(line))


# REST


async def test_recorded_trades_and_positions() -> None:
    rows = http("account_trades")
    script: dict[str, Script] = dict(quiet_account())
    script["fapiPrivateGetIncome"] = (200, [income_row("COMMISSION", "-1", "82357626", symbol="ETHUSDT")])
    script["fapiPrivateGetUserTrades"] = (200, rows)
    script["fapiPrivateGetOrder"] = (400, {"code": -2013, "msg": "Order does not exist."})
    dialect, gateway = scripted(script)
    gateway.now_ms = rows[-1]["time"] + 1
    fills = (await dialect.snapshot(rows[0]["time"])).fills
    assert [fill.trade_id for fill in fills] == ["82357626", "82357629"]
    assert [fill.fee for fill in fills] == [Decimal("0.00555670"), Decimal("0.00555800")]


async def test_recorded_hedge_positions() -> None:
    """A documentation sample; one leg states no entry price, which no real leg does."""
    rows = http("account_positions_hedge")
    rows[1]["entryPrice"] = "6563.0"
    config = [one | {"marginType": "ISOLATED"} for one in http("account_symbol_config")]
    script = quiet_account(*rows) | {"fapiPrivateGetSymbolConfig": (200, config)}
    long, short = (await scripted(script)[0].snapshot(1)).positions
    assert (long.quantity, long.leverage) == (Decimal("20.000"), 25)
    assert long.isolated_margin == Decimal("15517.54150468") - Decimal("2316.83423560")
    assert short.quantity == Decimal("-10.000")


async def test_recorded_flat_positions_are_none() -> None:
    found = await scripted(quiet_account(*http("account_positions_one_way")))[0].snapshot(1)
    assert found.positions == ()


async def test_recorded_settings_and_prices() -> None:
    dialect, _ = scripted(
        {
            "fapiPublicGetPremiumIndex": (200, http("market_premium_index")),
            "fapiPublicGetTickerBookTicker": (200, http("market_book_ticker")),
            "fapiPublicGetKlines": (200, http("market_klines")),
        }
    )
    (rate,) = await dialect.funding_rates()
    assert rate == FundingRate("BTCUSDT", 1597370495002, 0.00038246, 1597392000000)
    (quote,) = await dialect.quotes()
    assert (quote.symbol, quote.bid, quote.mark) == ("BTCUSDT", 4.0, 11793.63104562)
    assert len(await dialect.candles("BTCUSDT", "1m", 1)) == 1


# Contracts

BRACKETS = DATA / "binance" / "fapi_leverageBracket_2026-09_from_freqtrade.json"


def infos() -> list[str]:
    return sorted(path.name for path in (DATA / "binance").glob("*exchangeInfo*")) if DATA.is_dir() else []


@pytest.mark.parametrize("name", infos())
async def test_every_recorded_world_has_its_contracts(name: str) -> None:
    info = json.loads((DATA / "binance" / name).read_text())
    brackets = json.loads(BRACKETS.read_text())
    script: dict[str, Script] = {
        "fapiPublicGetExchangeInfo": (200, info),
        "fapiPublicGetFundingInfo": (200, []),
        "fapiPrivateGetLeverageBracket": (200, brackets),
        "fapiPrivateGetCommissionRate": (200, http("wallet_commission_rate_btcusdt")),
    }
    found = await scripted(script)[0].instruments()
    usable = [
        one for one in info["symbols"] if one["contractType"] == "PERPETUAL" and one["quoteAsset"] == "USDT"
    ]
    assert len(found) > len(usable) * 0.95
    assert all(isinstance(one, Instrument) and one.price_tick > 0 for one in found.values())
    assert {one.taker_fee for one in found.values()} == {Decimal("0.0005")}
    without_a_key = script | {
        "fapiPrivateGetLeverageBracket": REFUSED,
        "fapiPrivateGetCommissionRate": REFUSED,
    }
    assert set(await scripted(without_a_key)[0].instruments()) == set(found)


def test_position_rows_are_shaped_like_the_recorded_ones() -> None:
    recorded = set(http("account_positions_hedge")[0]) & set(position_row())
    assert recorded >= {"symbol", "positionAmt", "entryPrice", "markPrice", "positionSide", "isolatedMargin"}
