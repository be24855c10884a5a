"""Bybit protocol: ccxt.pro itself asks and listens, call by call, in one process and without sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import ccxt.pro
import pytest
from ccxt.base import errors

from sandbox.exchange.build import ExchangeOptions, build_exchange
from sandbox.exchange.bybit import BYBIT_RULES, BybitProtocol, Settings
from sandbox.exchange.nouns import ApiKey
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.stage import Stage
from tests.support.foreign_clients import ccxt_bybit_config

PAIR, OTHER = "BTC/USDT:USDT", "ETH/USDT:USDT"
KEY = ApiKey("k" * 18, "a secret of the sandbox")
PLACE = {"rest": "http://bybit.test", "stream": "ws://bybit.test", "api_key": KEY.key, "secret": KEY.secret}


class House:
    """One exchange and a ccxt client of it."""

    def __init__(self, settings: Settings) -> None:
        options = ExchangeOptions(symbols=("BTCUSDT", "ETHUSDT"))
        self.exchange = build_exchange(BYBIT_RULES, options, [("main", KEY)])
        self.stage = Stage(self.exchange, lambda exchange: BybitProtocol(exchange, settings))
        session = InProcessSession({"bybit.test": self.stage})
        self.ccxt: Any = ccxt.pro.bybit(ccxt_bybit_config(PLACE, session=session))
        # the exchange's clock is the client's
        self.ccxt.milliseconds = lambda: self.exchange.now_ms
        self.account = self.exchange.accounts()[0]

    def price(self, factor: str) -> float:
        last = self.exchange.view("BTCUSDT").last * Decimal(factor)
        return float(self.exchange.instruments["BTCUSDT"].price_nearest(last))

    def live(self, ms: int = 1000) -> None:
        self.stage.advance(self.exchange.now_ms + ms)

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(2000):
            if holds():
                return
            await asyncio.sleep(0)
        raise AssertionError("it never came to that")

    async def heard(self, watch: Awaitable[Any], *, topic: str, act: Callable[[], Any]) -> Any:
        """What a watch_* call returns for what is done once it listens."""
        told = asyncio.ensure_future(watch)
        hub = self.stage.protocol.hub  # type: ignore[attr-defined]
        await self.until(lambda: topic in hub.public or ("main", topic) in hub.private)
        done = act()
        if asyncio.iscoroutine(done):
            await done
        return await asyncio.wait_for(told, 60)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    found = House(Settings(limits=False))
    await found.ccxt.load_markets()
    yield found
    await found.ccxt.close()


async def test_markets_carry_the_rules(house: House) -> None:
    market, ours = house.ccxt.markets[PAIR], house.exchange.instruments["BTCUSDT"]
    assert (market["swap"], market["linear"], market["active"]) == (True, True, True)
    assert Decimal(str(market["precision"]["price"])) == ours.price_tick
    assert Decimal(str(market["precision"]["amount"])) == ours.quantity_step
    assert Decimal(str(market["limits"]["cost"]["min"])) == ours.min_notional
    assert market["limits"]["leverage"]["max"] == ours.max_leverage
    assert await house.ccxt.fetch_time() == house.exchange.now_ms


async def test_market_data(house: House) -> None:
    ex = house.ccxt
    view = house.exchange.view("BTCUSDT")
    candles = await ex.fetch_ohlcv(PAIR, "1m", limit=3)
    assert [row[0] for row in candles] == sorted(row[0] for row in candles)
    assert len(candles) == 3
    ticker = await ex.fetch_ticker(PAIR)
    assert (ticker["last"], ticker["bid"], ticker["ask"]) == (
        float(view.last),
        float(view.bid),
        float(view.ask),
    )
    assert set(await ex.fetch_tickers([PAIR, OTHER])) == {PAIR, OTHER}
    assert (await ex.fetch_order_book(PAIR, limit=5))["bids"][0][0] == float(view.bid)
    assert await ex.fetch_trades(PAIR, limit=3)
    assert (await ex.fetch_funding_rate(PAIR))["fundingRate"] == float(view.funding_rate)
    house.exchange.settle_funding("BTCUSDT")
    assert await ex.fetch_funding_rate_history(PAIR, limit=3)
    assert (await ex.fetch_open_interest(PAIR))["openInterestAmount"] > 0
    assert await ex.fetch_open_interest_history(PAIR, "1h", limit=3)
    assert await ex.fetch_long_short_ratio_history(PAIR, "1h", limit=3)
    tiers = await ex.fetch_market_leverage_tiers(PAIR)
    assert tiers[0]["maxLeverage"] == house.exchange.instruments["BTCUSDT"].max_leverage


async def test_account_and_settings(house: House) -> None:
    ex = house.ccxt
    assert (await ex.fetch_balance())["USDT"]["total"] == 10_000
    assert (await ex.fetch_trading_fee(PAIR))["taker"] == 0.00055
    await ex.set_leverage(5, PAIR)
    with pytest.raises(errors.BadRequest, match="110043"):
        await ex.set_leverage(5, PAIR)
    await ex.set_position_mode(True, PAIR)
    with pytest.raises(errors.NoChange):
        await ex.set_position_mode(True, PAIR)
    await ex.set_position_mode(False, PAIR)
    await ex.set_margin_mode("cross")
    assert house.account.margin_mode("BTCUSDT").value == "crossed"
    assert (await ex.fetch_leverage(PAIR))["longLeverage"] == 5


async def test_orders_and_what_they_leave(house: House) -> None:
    ex = house.ccxt
    entry = await ex.create_order(PAIR, "market", "buy", 0.02, None, {"clientOrderId": "QD-1"})
    (position,) = await ex.fetch_positions([PAIR])
    assert (position["side"], position["contracts"], position["leverage"]) == ("long", 0.02, 20)
    order = await ex.fetch_order(entry["id"], PAIR, {"acknowledged": True})
    assert (order["status"], order["filled"], order["clientOrderId"]) == ("closed", 0.02, "QD-1")
    assert order["fee"]["currency"] == "USDT"
    (trade,) = await ex.fetch_my_trades(PAIR)
    assert (trade["order"], trade["amount"]) == (entry["id"], 0.02)
    house.exchange.settle_funding("BTCUSDT")
    (funding,) = await ex.fetch_funding_history(PAIR)
    paid = next(one.amount for one in house.account.income if one.kind.value == "FUNDING_FEE")
    assert abs(funding["amount"]) == float(abs(paid))
    assert {row["type"] for row in await ex.fetch_ledger("USDT")} >= {
        "trade",
        "fee",
    } or await ex.fetch_ledger()
    await ex.create_order(PAIR, "market", "sell", 0.02, None, {"reduceOnly": True})
    (closed,) = await ex.fetch_positions_history([PAIR])
    assert closed["contracts"] == 0.02
    assert await ex.fetch_positions() == []


async def test_resting_orders_are_edited_and_cancelled(house: House) -> None:
    ex = house.ccxt
    resting = await ex.create_order(PAIR, "limit", "buy", 0.01, house.price("0.95"))
    await ex.edit_order(resting["id"], PAIR, "limit", "buy", 0.02, house.price("0.94"))
    (row,) = await ex.fetch_open_orders(PAIR)
    assert (row["amount"], row["price"]) == (0.02, house.price("0.94"))
    await ex.cancel_order(resting["id"], PAIR)
    with pytest.raises(errors.InvalidOrder, match="110010"):
        await ex.cancel_order(resting["id"], PAIR)
    with pytest.raises(errors.OrderNotFound):
        await ex.cancel_order("nothing", PAIR)
    many = [{"symbol": PAIR, "type": "limit", "side": "buy", "amount": 0.01, "price": house.price("0.9")}] * 3
    made = await ex.create_orders(many)
    assert len({row["id"] for row in made}) == 3
    assert len(await ex.cancel_all_orders(PAIR)) == 3
    assert await ex.fetch_open_orders(PAIR) == []
    closed = await ex.fetch_canceled_orders(PAIR)
    assert len(closed) == 4


async def test_stops_in_each_of_ccxts_ways(house: House) -> None:
    ex = house.ccxt
    attached = {
        "stopLoss": {"triggerPrice": house.price("0.97")},
        "takeProfit": {"triggerPrice": house.price("1.03")},
    }
    await ex.create_order(PAIR, "market", "buy", 0.02, None, attached)
    (position,) = await ex.fetch_positions([PAIR])
    assert (position["stopLossPrice"], position["takeProfitPrice"]) == (
        house.price("0.97"),
        house.price("1.03"),
    )
    single = await ex.create_order(PAIR, "market", "sell", 0.01, None, {"stopLossPrice": house.price("0.98")})
    rows = await ex.fetch_open_orders(PAIR, params={"trigger": True})
    assert len(rows) == 3
    assert next(row for row in rows if row["id"] == single["id"])["reduceOnly"] is True
    await ex.cancel_order(single["id"], PAIR)
    asked = {"symbol": "BTCUSDT", "category": "linear", "tpslMode": "Full", "positionIdx": 0}
    await ex.private_post_v5_position_trading_stop({**asked, "stopLoss": str(house.price("0.975"))})
    with pytest.raises(errors.ExchangeError, match="34040"):
        await ex.private_post_v5_position_trading_stop({**asked, "stopLoss": str(house.price("0.975"))})
    await ex.create_order(PAIR, "market", "sell", 0.02, None, {"trailingAmount": 500, "positionIdx": 0})
    assert len(await ex.fetch_open_orders(PAIR)) == 3
    house.exchange.set_price("BTCUSDT", Decimal(str(house.price("0.96"))))
    assert await ex.fetch_open_orders(PAIR) == []
    assert await ex.fetch_positions() == []


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"amount": 0.01, "params": {"reduceOnly": True}}, errors.InvalidOrder),
        ({"params": {"clientOrderId": "with spaces"}}, errors.BadRequest),
        ({"params": {"triggerPrice": 1.0, "triggerDirection": "ascending"}}, errors.InvalidOrder),
        ({"params": {"positionIdx": 2}}, errors.BadRequest),
    ],
)
async def test_refusals_get_ccxts_classes(
    house: House, changes: dict[str, Any], expected: type[Exception]
) -> None:
    asked: dict[str, Any] = {"amount": 0.01, "params": {}} | changes
    with pytest.raises(expected):
        await house.ccxt.create_order(PAIR, "market", "buy", asked["amount"], None, asked["params"])


async def test_limits_get_ccxts_class() -> None:
    house = House(Settings())
    await house.ccxt.load_markets()
    for _ in range(10):
        await house.ccxt.create_order(PAIR, "limit", "buy", 0.01, house.price("0.9"))
    with pytest.raises(errors.RateLimitExceeded, match="10006"):
        await house.ccxt.create_order(PAIR, "limit", "buy", 0.01, house.price("0.9"))
    assert house.ccxt.last_response_headers["X-Bapi-Limit"] == "10"
    await house.ccxt.close()


# Streams


async def test_candles_and_tickers_are_heard(house: House) -> None:
    ex = house.ccxt
    await asyncio.wait_for(ex.watch_ohlcv(PAIR, "1m"), 60)
    told = asyncio.ensure_future(ex.watch_ohlcv(PAIR, "1m"))
    await asyncio.sleep(0)
    house.live(20_000)
    rows = await asyncio.wait_for(told, 60)
    assert rows[-1][4] == float(house.exchange.view("BTCUSDT").last)
    ticker = await house.heard(ex.watch_ticker(PAIR), topic="tickers.BTCUSDT", act=lambda: house.live(5000))
    assert ticker["last"] > 0
    book = await house.heard(ex.watch_order_book(PAIR, 50), topic="orderbook.50.BTCUSDT", act=house.live)
    assert len(book["bids"]) == 50
    trades = await house.heard(
        ex.watch_trades(PAIR), topic="publicTrade.BTCUSDT", act=lambda: house.live(30_000)
    )
    assert trades[-1]["price"] > 0


async def test_orders_fills_positions_and_wallet_are_heard(house: House) -> None:
    ex = house.ccxt

    def buy() -> Any:
        return ex.create_order(PAIR, "market", "buy", 0.01)

    orders = await house.heard(ex.watch_orders(PAIR), topic="order", act=buy)
    assert orders[-1]["symbol"] == PAIR
    trades = await house.heard(ex.watch_my_trades(PAIR), topic="execution", act=buy)
    assert trades[-1]["amount"] == 0.01
    wallet = await house.heard(ex.watch_balance(), topic="wallet", act=buy)
    assert wallet["USDT"]["total"] < 10_000
    positions = await ex.watch_positions([PAIR])
    assert positions[-1]["contracts"] == 0.03


async def test_orders_over_the_trade_socket(house: House) -> None:
    ex = house.ccxt
    made = await ex.create_order_ws(PAIR, "limit", "buy", 0.01, house.price("0.95"))
    (row,) = await ex.fetch_open_orders(PAIR)
    assert row["id"] == made["id"]
    await ex.cancel_order_ws(made["id"], PAIR)
    assert await ex.fetch_open_orders(PAIR) == []
    with pytest.raises(errors.ExchangeError):
        await ex.create_order_ws(PAIR, "market", "sell", 0.01, None, {"reduceOnly": True})
