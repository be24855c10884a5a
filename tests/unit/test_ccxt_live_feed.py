"""Real candles as a feed, from a dialect and from ccxt's own words; and the paper venue living on one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from aiohttp import web
from ccxt_kit import BAR_MS, T0, Server, Time, gateway, instrument, kline, serving, until, urls
from ccxt_kit import frame as bars_of
from paper_kit import order
from virtual_loop import virtually

from bot.domain.errors import ConfigError
from bot.domain.event import Event
from bot.domain.market import HOUR_MS
from bot.domain.order import OrderSide
from bot.venues.books import MemoryBooks
from bot.venues.ccxt_venue.generic import Exchanged, GenericSource, read_market
from bot.venues.ccxt_venue.live_feed import DialectSource, LiveFeed, Source
from bot.venues.paper import PaperVenue
from bot.venues.port import VenueUnavailable

NAMES = ("AAAUSDT", "BBBUSDT")
H0 = T0 - 10 * BAR_MS


def rows(count: int, until_ms: int = T0) -> list[list[Any]]:
    """Klines as the exchange writes them, the forming one last."""
    times = [until_ms - n * BAR_MS for n in range(count, -1, -1)]
    return [[at, "100", "101", "99", "100.5", "2", at + BAR_MS - 1, "0", 1, "0", "0", "0"] for at in times]


async def klines(request: web.Request) -> web.Response:
    since = int(request.query.get("startTime", "0"))
    limit = int(request.query["limit"])
    found = [row for row in rows(2000) if row[0] >= since]
    return web.json_response(found[:limit])


async def say_closed(server: Server) -> None:
    """The bar of T0 closes and the next one begins; ccxt's unified words skip frames that come too close."""
    for name in NAMES:
        await server.send("/market", kline(name, T0, 5.0, closed=True))
    for close in (6.0, 7.0):
        await asyncio.sleep(0.02)
        for name in NAMES:
            await server.send("/market", kline(name, T0 + BAR_MS, close, closed=False))


@asynccontextmanager
async def from_dialect(server: Server, clock: Time) -> AsyncIterator[LiveFeed]:
    async with gateway(server, clock) as wire:
        wire.dialect.frames_of = {n: bars_of(n, [T0 - BAR_MS * i for i in range(10, 0, -1)]) for n in NAMES}  # type: ignore[attr-defined]
        async with live(DialectSource(wire, Random(1))) as feed:
            yield feed


@asynccontextmanager
async def from_anywhere(server: Server, clock: Time) -> AsyncIterator[LiveFeed]:
    server.on("GET", "/fapi/v1/klines", klines)
    settings = {"urls": {"api": urls(server.rest, server.stream)}, "enableRateLimit": False}
    async with live(GenericSource(Exchanged("binanceusdm", settings), clock, Random(1))) as feed:
        yield feed


@asynccontextmanager
async def live(source: Source) -> AsyncIterator[LiveFeed]:
    feed = LiveFeed(source, NAMES, "1m", Random(1))
    await feed.open(bars=10)
    try:
        yield feed
    finally:
        await feed.close()


@pytest.mark.parametrize(
    "source, frames", [(from_dialect, 1), (from_anywhere, 2)], ids=["dialect", "any exchange"]
)
@virtually
async def test_history_and_then_bars_as_they_close(source: Any, frames: int) -> None:
    clock = Time()
    async with serving() as server, source(server, clock) as feed:
        assert (feed.symbols, feed.timeframe, feed.first_open_at_ms) == (NAMES, "1m", T0)
        assert [c.symbol for c in feed.bar(T0 - BAR_MS)] == list(NAMES)
        assert feed.bar(T0) == ()
        assert list(feed.window("AAAUSDT", T0 - 2 * BAR_MS, 3).open_at_ms) == [
            T0 - n * BAR_MS for n in (4, 3, 2)
        ]
        await until(lambda: len(server.frames) == frames)
        coming = asyncio.create_task(feed.next_bar())
        clock.ms = T0 + BAR_MS + 50
        await say_closed(server)
        assert await asyncio.wait_for(coming, 60) == T0
        assert [c.close for c in feed.bar(T0)] == [5.0, 5.0]
        assert feed.bar(T0 + BAR_MS) == (), "it still forms"


@virtually
async def test_the_paper_venue_lives_on_a_feed_that_grows() -> None:
    clock = Time()
    async with serving() as server, from_dialect(server, clock) as feed:
        told: list[Event] = []
        instruments = {name: instrument(name) for name in NAMES}
        venue = PaperVenue("paper", feed, instruments, MemoryBooks())
        await venue.open(told.append)
        assert venue.now_ms == T0
        assert not await venue.step(), "no bar yet"
        await until(lambda: server.frames)
        for number in range(2):
            at_ms = T0 + number * BAR_MS
            clock.ms = at_ms + BAR_MS
            for name in NAMES:
                await server.send("/market", kline(name, at_ms, 100.0 + number, closed=True))
            await asyncio.wait_for(feed.next_bar(), 60)
            assert await venue.step()
            assert not await venue.step()
        assert venue.now_ms == T0 + 2 * BAR_MS
        bars = [e for e in told if type(e).__name__ == "CandlesClosed"]
        assert [len(e.candles) for e in bars] == [2, 2]  # type: ignore[union-attr]
        history = await venue.history(NAMES, "1m", 3)
        assert list(history["AAAUSDT"].close) == [100.0, 100.0, 101.0]


@virtually
async def test_settled_funding_is_known_from_rates_seen_before_and_from_what_was_asked_for() -> None:
    async def history(_: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "symbol": "BBBUSDT",
                    "fundingTime": T0 - HOUR_MS + 7,
                    "fundingRate": "0.0002",
                    "markPrice": "1",
                }
            ]
        )

    async with serving() as server, from_dialect(server, Time()) as feed:
        await until(lambda: feed.funding_rate("AAAUSDT", T0 + 8 * HOUR_MS) == 0.0001)
        server.on("GET", "/fapi/v1/fundingRate", history)
        await feed.load_funding(["BBBUSDT"], T0 - 2 * HOUR_MS)
        assert feed.funding_rate("BBBUSDT", T0 - HOUR_MS) == 0.0002
        assert feed.funding_rate("BBBUSDT", T0) != feed.funding_rate("BBBUSDT", T0), "unknown"
        server.answers.clear()
        await feed.load_funding(["AAAUSDT"], 0)  # nobody answers: nothing is known, nothing breaks


@virtually
async def test_a_frame_that_ccxt_cannot_read_costs_a_connection_and_nothing_else() -> None:
    async with serving() as server, from_anywhere(server, clock := Time()) as feed:
        await until(lambda: len(server.frames) == 2)
        broken = kline("AAAUSDT", T0, 5.0, closed=True)
        del broken["k"]["i"], broken["s"], broken["k"]["s"]
        await server.send("/market", "{{{")
        await server.send("/market", broken)
        await until(lambda: len(server.frames) == 4)
        clock.ms = T0 + BAR_MS + 50
        await say_closed(server)
        assert await asyncio.wait_for(feed.next_bar(), 60) == T0


@virtually
async def test_long_history_is_fetched_page_by_page() -> None:
    async with serving() as server:
        server.on("GET", "/fapi/v1/klines", klines)
        settings = {"urls": {"api": urls(server.rest, server.stream)}, "enableRateLimit": False}
        source = GenericSource(Exchanged("binanceusdm", settings), Time(), Random(1))
        assert sorted(await source.open()) == list(NAMES)
        found = await source.candles("AAAUSDT", "1m", 1500, T0)
        assert len(found) == 1500
        assert (int(found.open_at_ms[0]), int(found.open_at_ms[-1])) == (T0 - 1500 * BAR_MS, T0 - BAR_MS)
        with pytest.raises(VenueUnavailable, match="ZZZUSDT is not listed"):
            await source.candles("ZZZUSDT", "1m", 5, T0)
        await source.close()


def test_an_exchange_that_ccxt_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="'nowhere' is not an exchange"):
        GenericSource(Exchanged("nowhere"), Time(), Random(1))


def test_contracts_are_read_in_base_units_and_gaps_are_filled_with_care() -> None:
    bare = {"base": "X", "quote": "USDT", "precision": {"price": 2, "amount": 0}, "contractSize": 0.01}
    found = read_market(bare, steps=False)
    assert (found.symbol, found.price_tick, found.quantity_step) == (
        "XUSDT",
        Decimal("0.01"),
        Decimal("0.01"),
    )
    assert (found.min_quantity, found.max_leverage, found.tradable) == (Decimal("0.01"), 20, True)


@virtually
async def test_bars_missed_while_nobody_ran_are_lived_through_in_silence() -> None:
    from paper_kit import BAR_MS as BAR
    from paper_kit import INSTRUMENTS, ListFeed, hours
    from paper_kit import T0 as START

    rates = {("AAAUSDT", hours(8)): 0.0001}
    feed = ListFeed({"AAAUSDT": [(100.0, 102.0, 99.0, 100.0)] * 40}, rates)
    books = MemoryBooks()
    early = ListFeed({"AAAUSDT": [(100.0, 102.0, 99.0, 100.0)] * 2}, rates)
    venue = PaperVenue("paper", early, INSTRUMENTS, books)
    await venue.open(lambda event: None)
    await venue.submit(order("a", OrderSide.BUY))
    stop = order("stop", OrderSide.SELL, "LIMIT", limit_price="101", reduce_only=True)
    assert (await venue.submit(stop)).outcome.value == "DONE"

    told: list[Event] = []
    again = PaperVenue("paper", feed, INSTRUMENTS, books)
    await again.open(told.append)
    assert await again.catch_up() == 40
    assert told == []
    assert again.now_ms == START + 40 * BAR
    snapshot = await again.snapshot(0)
    assert snapshot.orders == ()
    assert [fill.client_id for fill in snapshot.fills] == ["a", "stop"]
    assert await again.catch_up() == 0
    await again.submit(order("b", OrderSide.BUY))
    assert told, "from here on the engine hears"
