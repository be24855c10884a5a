"""The venue with both real dialects over the sandbox exchanges, real ccxt and real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from ccxt_kit import Notes, until
from sandbox_house import Sandbox, sandbox, sandbox_in_process
from virtual_loop import run_virtually

from bot.domain.event import (
    CandlesClosed,
    Event,
    Filled,
    FundingRatesSeen,
    QuotesSeen,
    SnapshotTaken,
    VenueLost,
    VenueRestored,
)
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.venues.binance import BinanceDialect
from bot.venues.bybit import BybitDialect
from bot.venues.ccxt_venue.dialect import Wish
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.live_feed import DialectSource, LiveFeed
from bot.venues.ccxt_venue.supervise import insist
from bot.venues.ccxt_venue.venue import Account, CcxtVenue, build_venue
from bot.venues.ccxt_venue.wire import Access, Environment

DIALECTS: dict[str, Any] = {"binance": BinanceDialect, "bybit": BybitDialect}
both = pytest.mark.parametrize("name", sorted(DIALECTS))
MINUTE_MS = 60_000


class Desk:
    """A venue on a sandbox exchange, and what it told."""

    def __init__(self, box: Sandbox, name: str, session: object = None) -> None:
        self.box = box
        self.events: list[Event] = []
        self.symbols = tuple(box.stage.exchange.instruments)
        account = Account(access(box), Wish(dict.fromkeys(self.symbols, 5)), "1m")
        self.venue: CcxtVenue = build_venue(
            DIALECTS[name], account, Notes(), lambda: box.pace.now_ms, Random(1), session
        )

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def access(box: Sandbox, *, key: bool = True) -> Access:
    place = box.place
    keys = (place["api_key"], place["secret"]) if key else ("", "")
    return Access(Environment.SANDBOX, *keys, place["rest"], place["stream"])


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[Desk]:
    async with sandbox(name) as box:
        desk = Desk(box, name)
        await desk.venue.open(desk.events.append)
        await desk.venue.snapshot(0)
        try:
            yield desk
        finally:
            await desk.venue.close()


def market_order(client_id: str, symbol: str, quantity: Decimal) -> Order:
    intent = Intent(
        symbol=symbol,
        side=OrderSide.BUY,
        purpose=Purpose.ENTRY,
        type=OrderType.MARKET,
        quantity=quantity,
        decision_id="d",
    )
    return Order(client_id, intent, "entry", OrderStatus.INTENDED, 0, 0)


@both
async def test_bars_prices_and_funding_rates_arrive(name: str) -> None:
    async with opened(name) as desk:
        frames = await desk.venue.history(desk.symbols, "1m", 50)
        assert {len(found) for found in frames.values()} == {50}
        await until(lambda: desk.of(QuotesSeen) and desk.of(FundingRatesSeen))
        assert {quote.symbol for quote in desk.of(QuotesSeen)[0].quotes} == set(desk.symbols)
        (last,) = {int(found.open_at_ms[-1]) for found in frames.values()}
        desk.box.pace.skip(MINUTE_MS)
        await until(lambda: desk.of(CandlesClosed))
        bar = desk.of(CandlesClosed)[0]
        assert [candle.symbol for candle in bar.candles] == sorted(desk.symbols)
        assert {candle.open_at_ms for candle in bar.candles} == {last + MINUTE_MS}


@both
async def test_an_order_is_filled_and_told_by_the_user_stream(name: str) -> None:
    async with opened(name) as desk:
        quantity = desk.venue.instruments["BTCUSDT"].quantity_step * 10
        ended = await desk.venue.submit(market_order("e-1", "BTCUSDT", quantity))
        assert ended.outcome.value == "DONE", ended
        await until(lambda: desk.of(Filled))
        fill = desk.of(Filled)[0].fill
        assert (fill.client_id, fill.symbol, fill.quantity) == ("e-1", "BTCUSDT", quantity)
        snapshot = await insist(lambda: desk.venue.snapshot(0))
        assert [(p.symbol, p.quantity) for p in snapshot.positions] == [("BTCUSDT", quantity)]


@both
async def test_what_was_filled_while_the_line_was_down_is_in_the_snapshot_that_follows(name: str) -> None:
    async with opened(name) as desk:
        quantity = desk.venue.instruments["BTCUSDT"].quantity_step * 10
        for socket in list(desk.box.stage.sockets.values()):
            socket.close(1001)
        await until(lambda: desk.of(VenueLost))
        await desk.venue.submit(market_order("e-2", "BTCUSDT", quantity))
        await until(lambda: desk.of(SnapshotTaken))
        kinds = [type(e) for e in desk.events if isinstance(e, VenueLost | VenueRestored | SnapshotTaken)]
        assert kinds == [VenueLost, VenueRestored, SnapshotTaken]
        snapshot = desk.of(SnapshotTaken)[0].snapshot
        assert [fill.client_id for fill in snapshot.fills] == ["e-2"]
        desk.box.pace.skip(MINUTE_MS)
        await until(lambda: desk.of(CandlesClosed))


@both
def test_hours_pass_without_a_missing_bar_or_a_lost_line(name: str) -> None:
    async def hours() -> None:
        async with sandbox_in_process(name, held=False) as box:
            desk = Desk(box, name, box.session)
            await desk.venue.open(desk.events.append)
            await desk.venue.snapshot(0)
            await asyncio.sleep(2.5 * 3600)  # longer than a listen key lives
            bars = desk.of(CandlesClosed)
            opens = [bar.candles[0].open_at_ms for bar in bars]
            assert opens == list(range(opens[0], opens[0] + 150 * MINUTE_MS, MINUTE_MS))
            assert {len(bar.candles) for bar in bars} == {len(desk.symbols)}
            assert desk.of(VenueLost) == []
            health = desk.venue.health()
            assert (health.candle_repairs, sum(life.restarts for life in health.lives)) == (0, 0)
            await desk.venue.close()

    run_virtually(hours, 1_795_000_000_000)


@both
async def test_a_feed_without_a_key_for_paper(name: str) -> None:
    async with sandbox(name) as box:
        gateway = CcxtGateway(access(box, key=False), Notes(), lambda: box.pace.now_ms)
        gateway.join(DIALECTS[name](gateway, Notes(), Wish({}).position_mode))
        feed = LiveFeed(
            DialectSource(gateway, Random(1)), tuple(box.stage.exchange.instruments), "1m", Random(1)
        )
        await feed.open(bars=20)
        coming = asyncio.create_task(feed.next_bar())
        await asyncio.sleep(0.5)
        box.pace.skip(MINUTE_MS)
        opened_ms = await asyncio.wait_for(coming, 60)
        assert [candle.symbol for candle in feed.bar(opened_ms)] == list(feed.symbols)
        await feed.close()
