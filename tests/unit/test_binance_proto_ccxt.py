"""ccxt trades on the protocol unchanged but for its addresses, in one process, over REST and streams."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import ccxt.pro
import pytest
from binance_kit import KEY, make_exchange

from sandbox.exchange.binance import BinanceProtocol
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.stage import Stage

HOST = "127.0.0.1:1"
BTC = "BTC/USDT:USDT"
VERSIONS = {
    "Public": "v1",
    "Private": "v1",
    "PublicV2": "v2",
    "PrivateV2": "v2",
    "PublicV3": "v3",
    "PrivateV3": "v3",
}


def addresses() -> dict[str, Any]:
    base = f"http://{HOST}"
    found: dict[str, Any] = {f"fapi{name}": f"{base}/fapi/{version}" for name, version in VERSIONS.items()}
    found |= {f"dapi{name}": f"{base}/dapi/{version}" for name, version in VERSIONS.items()}
    found |= {"fapiData": f"{base}/futures/data", "public": f"{base}/api/v3", "private": f"{base}/api/v3"}
    found |= {"sapi": f"{base}/sapi/v1"}
    wire = f"ws://{HOST}"
    found["ws"] = {"linear": f"{wire}/ws", "spot": f"{wire}/ws", "ws-api": {"linear": f"{wire}/ws-fapi/v1"}}
    return found


@pytest.fixture
async def stage() -> Stage:
    exchange = make_exchange(wall=lambda: int(time.time() * 1000))
    exchange.hold("", held=True)
    return Stage(exchange, BinanceProtocol)


@pytest.fixture
async def venue(stage: Stage) -> AsyncIterator[Any]:
    venue = ccxt.pro.binanceusdm(
        {
            "apiKey": KEY.key,
            "secret": KEY.secret,
            "enableRateLimit": False,
            "session": InProcessSession({HOST: stage}),
            "urls": {"api": addresses()},
            "options": {"fetchOpenOrders": {"warnWithoutSymbol": False}, "ws": {"cost": 0}},
        }
    )
    venue.exceptions["exact"].update(venue.exceptions["linear"]["exact"])
    await venue.load_markets()
    yield venue
    await venue.close()


def price(venue: Any, stage: Stage, factor: float) -> float:
    return float(venue.price_to_precision(BTC, float(stage.exchange.view("BTCUSDT").last) * factor))


async def test_markets(venue: Any, stage: Stage) -> None:
    assert set(venue.markets) == {"BTC/USDT:USDT", "ETH/USDT:USDT", "XRP/USDT:USDT"}
    market, one = venue.market(BTC), stage.exchange.instruments["BTCUSDT"]
    assert market["active"]
    assert market["precision"] == {
        "amount": float(one.quantity_step),
        "price": float(one.price_tick),
        "base": 1e-8,
        "quote": 1e-8,
    }
    assert market["limits"]["cost"]["min"] == float(one.min_notional)


async def test_reading(venue: Any, stage: Stage) -> None:
    last = float(stage.exchange.view("BTCUSDT").last)
    assert (await venue.fetch_ticker(BTC))["last"] == last
    assert len(await venue.fetch_ohlcv(BTC, "1m", limit=50)) == 50
    assert (await venue.fetch_order_book(BTC, 5))["bids"][0][0] < last * 1.01
    assert (await venue.fetch_funding_rate(BTC))["markPrice"] > 0
    assert len(await venue.fetch_funding_rate_history(BTC, limit=2)) == 2
    assert (await venue.fetch_open_interest(BTC))["openInterestAmount"] > 0
    assert len(await venue.fetch_open_interest_history(BTC, "5m", limit=3)) == 3
    assert (await venue.fetch_trading_fee(BTC))["taker"] == 0.0005
    assert (await venue.fetch_leverage_tiers([BTC]))[BTC][0]["maxLeverage"] > 1
    assert (await venue.fetch_leverages([BTC]))[BTC]["longLeverage"] >= 1
    assert await venue.fetch_time() == stage.exchange.now_ms
    assert len(await venue.fetch_trades(BTC, limit=3)) == 3
    assert len(await venue.fetch_long_short_ratio_history(BTC, "5m", limit=2)) == 2


async def test_trading(venue: Any, stage: Stage) -> None:
    await venue.set_leverage(7, BTC)
    bought = await venue.create_order(BTC, "market", "buy", 0.01, params={"clientOrderId": "in-1"})
    assert (bought["status"], bought["filled"], bought["clientOrderId"]) == ("closed", 0.01, "in-1")
    held = (await venue.fetch_positions([BTC]))[0]
    assert (held["contracts"], held["side"]) == (0.01, "long")
    rests = await venue.create_order(
        BTC, "limit", "sell", 0.01, price(venue, stage, 1.02), {"postOnly": True}
    )
    assert (await venue.fetch_open_orders())[0]["id"] == rests["id"]
    assert (await venue.cancel_order(rests["id"], BTC))["status"] == "canceled"
    stop = await venue.create_order(
        BTC, "STOP_MARKET", "sell", 0, None,
        {"triggerPrice": price(venue, stage, 0.98), "closePosition": True, "workingType": "MARK_PRICE"},
    )  # fmt: skip
    assert (stop["status"], stop["triggerPrice"]) == ("open", price(venue, stage, 0.98))
    assert await venue.fetch_open_orders(BTC) == []
    assert (await venue.fetch_open_orders(BTC, params={"trigger": True}))[0]["id"] == stop["id"]
    assert (await venue.fetch_order(stop["id"], BTC, {"trigger": True}))["status"] == "open"
    await venue.cancel_all_orders(BTC)
    await venue.cancel_order(stop["id"], BTC, {"trigger": True})
    await venue.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})
    assert await venue.fetch_positions([BTC]) == []
    trades = await venue.fetch_my_trades(BTC)
    assert [trade["side"] for trade in trades] == ["buy", "sell"]
    balance = await venue.fetch_balance()
    assert balance["USDT"]["total"] == pytest.approx(float(stage.exchange.accounts()[0].funds().wallet))


@pytest.mark.parametrize(
    "asked,error",
    [
        (("market", "buy", 5, None, {}), ccxt.InsufficientFunds),
        (("market", "sell", 0.01, None, {"reduceOnly": True}), ccxt.InvalidOrder),
        (("STOP_MARKET", "sell", 0.01, None, {"triggerPrice": 10_000_000}), ccxt.OrderImmediatelyFillable),
        (("market", "buy", 0.01, None, {"stopLoss": {"triggerPrice": 1}}), ccxt.BadRequest),
        (("market", "buy", 0.01, None, {"hedged": True}), ccxt.OperationRejected),
        (("market", "buy", 0.01, None, {"clientOrderId": "x" * 37}), ccxt.ExchangeError),
    ],
)
async def test_refusals_become_ccxt_s_classes(
    venue: Any, stage: Stage, asked: tuple[Any, ...], error: type[Exception]
) -> None:
    """Among them: a stop attached to an entry, which ccxt sends as the text of a Python dict."""
    kind, side, amount, limit, more = asked
    with pytest.raises(error):
        await venue.create_order(BTC, kind, side, amount, limit, more)
    assert not stage.exchange.accounts()[0].orders


async def test_modes(venue: Any) -> None:
    await venue.set_position_mode(True)
    assert (await venue.fetch_position_mode())["hedged"] is True
    with pytest.raises(ccxt.OperationRejected):
        await venue.set_position_mode(True)
    await venue.set_margin_mode("cross", BTC)
    with pytest.raises(ccxt.MarginModeAlreadySet):
        await venue.set_margin_mode("cross", BTC)
    order = await venue.create_order(BTC, "market", "buy", 0.01, params={"hedged": True})
    assert order["info"]["positionSide"] == "LONG"


async def test_streams(venue: Any, stage: Stage) -> None:
    stage.exchange.hold("", held=False)
    candles = asyncio.create_task(venue.watch_ohlcv_for_symbols([[BTC, "1m"], ["ETH/USDT:USDT", "1m"]]))
    marks = asyncio.create_task(venue.watch_mark_price(BTC))
    books = asyncio.create_task(venue.watch_order_book(BTC))
    for _ in range(200):
        await asyncio.sleep(0.001)
        stage.advance(stage.exchange.now_ms + 2_000)
        if candles.done() and marks.done() and books.done():
            break
    assert set(await candles) <= {BTC, "ETH/USDT:USDT"}
    assert (await marks)["markPrice"] > 0
    assert (await books)["bids"][0][0] == float(stage.exchange.view("BTCUSDT").bid)


async def test_user_stream(venue: Any, stage: Stage) -> None:
    orders = asyncio.create_task(venue.watch_orders())
    for _ in range(50):
        await asyncio.sleep(0.001)
    made = await venue.create_order(BTC, "market", "buy", 0.01)
    seen = (await asyncio.wait_for(orders, 60))[-1]
    assert seen["id"] == made["id"]
    closed = seen if seen["status"] == "closed" else (await asyncio.wait_for(venue.watch_orders(), 60))[-1]
    assert (closed["status"], closed["filled"]) == ("closed", 0.01)
    assert closed["fee"]["cost"] > 0


async def test_orders_over_the_websocket(venue: Any) -> None:
    made = await asyncio.wait_for(venue.create_order_ws(BTC, "market", "buy", 0.01), 60)
    assert (made["status"], made["filled"]) == ("closed", 0.01)
