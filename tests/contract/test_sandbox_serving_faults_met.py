"""Faults as a bot's client meets them: ccxt against both protocols, in process; the truth is read from the core."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.pro
import pytest
from foreign_clients import ccxt_bybit_config, ccxt_config
from sandbox_house import Sandbox, machine_time, sandbox_in_process, until

from bot.domain.order import OrderStatus
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect, Rule, on_frame, on_request
from sandbox.exchange.serving.world import do

SYMBOL = "BTCUSDT"
PAIR = "BTC/USDT:USDT"
VENUES = ("binance", "bybit")
PLACE = {"binance": "POST order", "bybit": "POST order/create"}
both = pytest.mark.parametrize("venue", VENUES)


@asynccontextmanager
async def trading(venue: str, *rules: Rule, **parts: Any) -> AsyncIterator[tuple[Sandbox, Any]]:
    async with sandbox_in_process(venue, *rules, **machine_time(), **parts) as house:
        make, config = (
            (ccxt.pro.binanceusdm, ccxt_config) if venue == "binance" else (ccxt.pro.bybit, ccxt_bybit_config)
        )
        client = make(config(house.place, session=house.session))
        client.timeout_on_exit = 0
        try:
            await client.load_markets()
            yield house, client
        finally:
            await client.close()


def placing(venue: str, effect: RequestEffect, **parts: Any) -> Rule:
    return on_request(effect, PLACE[venue], **parts)


async def buy(client: Any, client_id: str = "mine-1") -> Any:
    return await client.create_order(PAIR, "market", "buy", 0.01, params={"clientOrderId": client_id})


@both
@pytest.mark.parametrize(
    "effect,error,applied",
    [
        (RequestEffect.CUT_AFTER, ccxt.ExchangeNotAvailable, True),
        (RequestEffect.CUT_BEFORE, ccxt.ExchangeNotAvailable, False),
        (RequestEffect.REFUSE, ccxt.ExchangeNotAvailable, False),
        (RequestEffect.OVERLOADED_AFTER, ccxt.BaseError, True),
        (RequestEffect.OVERLOADED_BEFORE, ccxt.BaseError, False),
        (RequestEffect.UNKNOWN_AFTER, ccxt.BaseError, True),
        (RequestEffect.UNKNOWN_BEFORE, ccxt.BaseError, False),
        (RequestEffect.MAINTENANCE, ccxt.ExchangeNotAvailable, False),
        (RequestEffect.TOO_MANY, (ccxt.RateLimitExceeded, ccxt.DDoSProtection), False),
        (RequestEffect.BAN, (ccxt.RateLimitExceeded, ccxt.DDoSProtection), False),
    ],
)
async def test_an_order_whose_answer_goes_wrong(
    venue: str, effect: RequestEffect, error: type[Exception], applied: bool
) -> None:
    async with trading(venue, placing(venue, effect)) as (house, client):
        with pytest.raises(error):
            await buy(client)
        assert [order.client_id for order in house.account.orders] == (["mine-1"] if applied else [])
        assert house.stage.requests[-1].executed is applied


@both
@pytest.mark.parametrize("form", ["html", "truncated", "empty"])
async def test_garbage_says_nothing_about_what_happened(venue: str, form: str) -> None:
    async with trading(venue, placing(venue, RequestEffect.GARBAGE, form=form)) as (house, client):
        with contextlib.suppress(ccxt.BaseError, AttributeError):
            assert (await buy(client)).get("id") is None
        assert len(house.account.orders) == 1


@both
async def test_a_replica_that_lags_does_not_know_the_order_yet(venue: str) -> None:
    queries = on_request(RequestEffect.LAG, "GET *", ms=600_000)
    more = {"acknowledged": True} if venue == "bybit" else {}
    async with trading(venue) as (house, client):
        price = float(house.price(SYMBOL) * Decimal("0.97") // 1)
        order = await client.create_order(PAIR, "limit", "buy", 0.01, price)
        house.stage.arm([queries])
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order(order["id"], PAIR, more)
        assert await client.fetch_open_orders(PAIR) == []
        house.pace.skip(600_000)
        assert (await client.fetch_order(order["id"], PAIR, more))["status"] == "open"
        assert len(await client.fetch_open_orders(PAIR)) == 1


@both
async def test_a_clock_that_is_wrong_refuses_signatures(venue: str) -> None:
    async with trading(venue, on_request(RequestEffect.SKEW, ms=60_000, from_s=600, until_s=3600)) as (
        house,
        client,
    ):
        await client.fetch_balance()
        house.pace.skip(600_000)
        with pytest.raises(ccxt.InvalidNonce):
            await client.fetch_balance()
        shift = await client.fetch_time() - house.stage.exchange.now_ms
        assert 59_000 < shift < 61_000


@both
async def test_an_order_that_is_taken_back_after_its_acknowledgement(venue: str) -> None:
    async with trading(venue, placing(venue, RequestEffect.REJECT_LATER, nth=1)) as (house, client):
        order = await buy(client)
        assert order["id"]
        await until(lambda: not house.account.orders[0].status.live)
        assert house.account.orders[0].status in {OrderStatus.REJECTED, OrderStatus.EXPIRED}
        assert house.account.trades == []
        assert (await buy(client, "mine-2"))["id"]
        assert len(house.account.trades) == 1


@both
async def test_a_fill_frame_that_never_comes_does_not_undo_the_fill(venue: str) -> None:
    types = {"binance": "ORDER_TRADE_UPDATE", "bybit": "order*"}
    async with trading(venue, on_frame(FrameEffect.DROP, types[venue])) as (house, client):
        told = asyncio.ensure_future(client.watch_orders(PAIR))
        await until(lambda: any("private" in socket.path for socket in house.stage.sockets.values()))
        await asyncio.sleep(0.1)
        await buy(client)
        await asyncio.sleep(0.1)
        assert not told.done()
        assert len(house.account.trades) == 1
        told.cancel()


async def test_an_expired_listen_key_leaves_the_socket_open_and_silent() -> None:
    async with trading("binance") as (house, client):
        told = asyncio.ensure_future(client.watch_orders(PAIR))
        await until(lambda: any("private" in socket.path for socket in house.stage.sockets.values()))
        do(house.stage, "expire keys", {})
        assert [frame.text for frame in house.stage.frames if "listenKeyExpired" in frame.text]
        await buy(client)
        await asyncio.sleep(0.1)
        assert not told.done()
        assert not [frame for frame in house.stage.frames if "ORDER_TRADE_UPDATE" in frame.text]
        told.cancel()


# The world


@both
async def test_what_happens_to_the_world_reaches_the_client(venue: str) -> None:
    async with trading(venue) as (house, client):
        do(house.stage, "depth", {"symbol": SYMBOL, "quantity": "0.004"})
        await buy(client)
        assert house.account.orders[0].filled == Decimal("0.004")
        do(house.stage, "depth", {"symbol": SYMBOL, "quantity": 0})
        do(house.stage, "gap", {"symbol": SYMBOL, "fraction": "0.001"})
        positions = await client.fetch_positions([PAIR])
        assert [row["contracts"] for row in positions] == [0.01]
        closed: Any = do(house.stage, "close", {"symbol": SYMBOL})
        assert [Decimal(row["quantity"]) for row in closed["closed"]] == [Decimal("0.01")]
        assert [row for row in await client.fetch_positions([PAIR]) if row["contracts"]] == []


@both
async def test_liquidation_and_deleveraging_are_done_to_a_position(venue: str) -> None:
    async with trading(venue) as (house, client):
        await buy(client)
        do(house.stage, "deleverage", {"symbol": SYMBOL, "quantity": "0.004"})
        assert [leg.quantity for leg in house.account.legs(SYMBOL)] == [Decimal("0.006")]
        do(house.stage, "liquidate", {"symbol": SYMBOL})
        assert [row for row in await client.fetch_positions([PAIR]) if row["contracts"]] == []
        with pytest.raises(Refusal, match="liquidate"):
            do(house.stage, "liquidate", {"symbol": SYMBOL})


@both
async def test_a_person_places_and_cancels_past_the_bot(venue: str) -> None:
    async with trading(venue) as (house, client):
        price = house.price(SYMBOL) * Decimal("0.97") // 1
        order = {"symbol": SYMBOL, "side": "buy", "kind": "limit", "quantity": "0.01", "price": str(price)}
        do(house.stage, "order", order)
        assert len(await client.fetch_open_orders(PAIR)) == 1
        assert do(house.stage, "cancel", {"symbol": SYMBOL}) == {"cancelled": 1}
        assert await client.fetch_open_orders(PAIR) == []


@both
async def test_filters_change_under_way(venue: str) -> None:
    async with trading(venue) as (house, client):
        do(house.stage, "filters", {"symbol": SYMBOL, "changes": {"min_notional": 1_000_000}})
        with pytest.raises(ccxt.BaseError):
            await buy(client)
        do(house.stage, "filters", {"symbol": SYMBOL, "changes": {"min_notional": 5}})
        await buy(client)


async def test_a_trouble_that_a_protocol_has_no_words_for_is_refused() -> None:
    async with trading("bybit") as (house, _):
        with pytest.raises(Refusal, match="no trouble of Bybit"):
            house.stage.arm([on_request(RequestEffect.TROUBLE_BEFORE, what="flood")])
        assert house.stage.book.armed == []
