"""Streams over real ccxt and real sockets: subscribed at once, kept alive, outages told once, nothing lost between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from aiohttp import web
from ccxt_kit import T0, Server, Words, gateway, kline, serving, until
from virtual_loop import virtually

from bot.domain.event import Event, Filled, SnapshotTaken, VenueLost, VenueRestored, WalletSeen
from bot.domain.fill import Fill
from bot.domain.order import OrderSide
from bot.domain.snapshot import VenueSnapshot
from bot.venues.ccxt_venue import streams
from bot.venues.ccxt_venue.dialect import KlineSeen, PublicNews
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.streams import MarketStreams, UserStream
from bot.venues.ccxt_venue.supervise import Backoff, Life, StreamLost, keep_alive


class Soon(Random):
    """Every pause is as short as it may be."""

    def random(self) -> float:
        return 0.0


NAMES = ("AAAUSDT", "BBBUSDT", "CCCUSDT")


@asynccontextmanager
async def market(server: Server, **plan: Any) -> AsyncIterator[tuple[MarketStreams, list[PublicNews]]]:
    heard: list[PublicNews] = []
    async with gateway(server) as wire:
        await wire.clients.load()
        made = MarketStreams(Words(wire, **plan), wire.clients, heard.append, Soon())
        made.start(NAMES, "1m")
        try:
            yield made, heard
        finally:
            await made.close()


@virtually
async def test_candles_come_over_as_few_sockets_as_the_plan_allows_each_subscribed_once() -> None:
    async with serving(symbols=NAMES) as server, market(server, symbols_per_socket=2) as (made, heard):
        await until(lambda: made.up == 2)
        assert sorted(frame["params"] for frame in server.frames) == [
            ["aaausdt@kline_1m", "bbbusdt@kline_1m"],
            ["cccusdt@kline_1m"],
        ]
        for _ in range(3):
            await server.send("/market", kline("AAAUSDT", T0, 5.0, closed=True))
        await until(lambda: len(heard) == 12)
        first = heard[0]
        assert isinstance(first, KlineSeen)
        assert (first.candle.symbol, first.candle.close, first.closed) == ("AAAUSDT", 5.0, True)


@virtually
async def test_a_lost_socket_is_opened_and_subscribed_again_the_others_stay() -> None:
    async with serving(symbols=NAMES) as server, market(server, symbols_per_socket=2) as (made, _):
        await until(lambda: made.up == 2)
        await server.sockets[0].close(code=1001)
        await until(lambda: len(server.sockets) == 3 and made.up == 2)
        assert server.frames[2]["params"] in [frame["params"] for frame in server.frames[:2]]
        assert server.open("/market") == 2
        assert sorted(life.restarts for life in made.lives) == [0, 0, 1]


@virtually
async def test_a_socket_that_falls_silent_is_replaced() -> None:
    async with serving(symbols=NAMES) as server, market(server, silent_s=0.3) as (made, _):
        await until(lambda: len(server.sockets) == 2)
        assert made.lives[0].fault == "silent"


@virtually
async def test_a_socket_is_replaced_before_the_venue_cuts_it() -> None:
    async with serving(symbols=NAMES) as server, market(server, life_s=0.3) as (made, _):
        await until(lambda: len(server.sockets) == 3)
        assert made.lives[0].fault == ""


@pytest.mark.parametrize("garbage", ["{{{", '{"e":', "hello", "[]", "null", "7"])
@virtually
async def test_a_frame_nobody_can_read_costs_nothing(garbage: str) -> None:
    async with serving(symbols=NAMES) as server, market(server) as (made, heard):
        await until(lambda: made.up == 1)
        await server.send("/market", garbage)
        await server.send("/market", kline("AAAUSDT", T0, 5.0, closed=True))
        await until(lambda: heard)
        assert len(server.sockets) == 1


@virtually
async def test_prices_of_watched_symbols_are_streamed() -> None:
    async with serving(symbols=NAMES) as server, market(server) as (made, _):
        made.watch(["BBBUSDT"])
        await until(lambda: len(server.frames) == 3)
        wanted = sorted(frame["params"][0] for frame in server.frames)
        assert wanted == ["aaausdt@kline_1m", "bbbusdt@bookTicker", "bbbusdt@markPrice@1s"]


class Told:
    """The user stream with everything it told, in words."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.dialect: Words
        self.stream: UserStream
        self.wire: CcxtGateway

    @property
    def words(self) -> list[str]:
        said = {SnapshotTaken: "snapshot", VenueRestored: "restored"}
        return [self._word(event) or said[type(event)] for event in self.events]

    @staticmethod
    def _word(event: Event) -> str:
        if isinstance(event, WalletSeen):
            return str(event.wallet)
        return f"lost {event.reason}" if isinstance(event, VenueLost) else ""


@asynccontextmanager
async def user(server: Server, **plan: Any) -> AsyncIterator[Told]:
    told = Told()
    async with gateway(server) as wire:
        await wire.clients.load()
        told.wire, told.dialect = wire, Words(wire, **plan)
        told.stream = UserStream(told.dialect, wire, wire.clients, told.events.append, Soon())
        told.stream.start()
        try:
            yield told
        finally:
            await told.stream.close()


def wallet(amount: int) -> dict[str, Any]:
    return {"e": "WALLET", "w": amount}


@virtually
async def test_what_the_user_stream_says_is_told_and_its_first_connection_is_no_news() -> None:
    async with serving() as server, user(server) as told:
        await told.stream.proven.wait()
        await server.send("/private", wallet(5))
        await until(lambda: told.events)
        assert told.words == ["5"]
        assert (server.count("POST", "/fapi/v1/listenKey"), len(server.sockets)) == (1, 1)


@pytest.mark.parametrize(
    "trouble, reason",
    [({"e": "listenKeyExpired"}, "expired"), ("{{{", "unreadable frame"), (None, "closed 1001")],
)
@virtually
async def test_after_a_loss_a_snapshot_comes_before_anything_else(trouble: Any, reason: str) -> None:
    async with serving() as server, user(server) as told:
        await told.stream.proven.wait()
        held = asyncio.Event()
        snapshot = told.dialect.snapshot

        async def slow(since_ms: int) -> Any:
            await server.send("/private", wallet(7))
            await held.wait()
            return await snapshot(since_ms)

        told.dialect.snapshot = slow  # type: ignore[method-assign]
        await (server.drop("/private") if trouble is None else server.send("/private", trouble))
        await until(lambda: len(server.sockets) == 2)
        await asyncio.sleep(0.15)
        assert told.words == [f"lost {reason}"], "what comes meanwhile waits"
        held.set()
        await until(lambda: len(told.events) == 4)
        assert told.words == [f"lost {reason}", "restored", "snapshot", "7"]
        assert server.count("POST", "/fapi/v1/listenKey") == 2


@virtually
async def test_an_outage_is_told_once_however_often_the_venue_is_tried() -> None:
    async with serving() as server, user(server) as told:
        await told.stream.proven.wait()
        server.refuse_sockets = True
        await server.drop("/private")
        await until(lambda: told.stream.life.restarts >= 3)
        told.dialect.fail_snapshots = 1
        server.refuse_sockets = False
        await until(lambda: len(told.events) == 3)
        assert told.words == ["lost closed 1001", "restored", "snapshot"]


@virtually
async def test_a_planned_new_connection_is_no_outage() -> None:
    async with serving() as server, user(server, life_s=0.2) as told:
        await until(lambda: len(told.events) >= 2)
        assert set(told.words) == {"snapshot"}


@virtually
async def test_the_key_is_renewed_and_one_that_is_gone_ends_the_connection() -> None:
    async with serving() as server:
        gone: list[int] = []

        async def put(_: web.Request) -> web.Response:
            gone.append(1)
            if len(gone) < 3:
                return web.json_response({"listenKey": "KEY"})
            return web.json_response({"code": -1125, "msg": "This listenKey does not exist."}, status=400)

        server.on("PUT", "/fapi/v1/listenKey", put)
        async with user(server, renew_s=0.1) as told:
            await until(lambda: len(told.events) >= 3)
            assert told.words[:3] == ["lost not renewed: -1125", "restored", "snapshot"]


@virtually
async def test_silence_with_something_at_stake_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SILENT_S", 0.2)
    monkeypatch.setattr(streams, "TICK_S", 0.05)
    async with serving() as server, user(server) as told:
        await until(lambda: len(told.events) >= 2)
        assert set(told.words) == {"snapshot"}
        assert len(server.sockets) == 1


@pytest.mark.parametrize("told_of", [True, False])
@virtually
async def test_a_stream_that_kept_a_fill_to_itself_is_replaced(
    told_of: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SILENT_S", 0.2)
    monkeypatch.setattr(streams, "TICK_S", 0.05)
    async with serving() as server, user(server) as told:
        await told.stream.proven.wait()
        fill = Fill("7", "AAAUSDT", OrderSide.BUY, Decimal(1), Decimal(5), Decimal(0), told.wire.now_ms + 5)
        told.dialect.private_news = (  # type: ignore[method-assign]
            lambda frame, now_ms: [Filled(now_ms, fill)] if frame == {"e": "FILL"} else []
        )
        if told_of:
            await server.send("/private", {"e": "FILL"})
            await until(lambda: told.events)
        snapshot = told.dialect.snapshot

        async def with_the_fill(since_ms: int) -> VenueSnapshot:
            return replace(await snapshot(since_ms), fills=(fill,))

        told.dialect.snapshot = with_the_fill  # type: ignore[method-assign]
        await until(lambda: told.stream.compares >= 2 or len(server.sockets) == 2)
        assert len(server.sockets) == (1 if told_of else 2)
        lost = [event.reason for event in told.events if isinstance(event, VenueLost)]
        assert lost == ([] if told_of else ["silent about fills"])


@virtually
async def test_a_ban_keeps_ccxt_from_asking_for_keys_too() -> None:
    async with serving() as server, user(server) as told:
        await told.stream.proven.wait()
        told.wire._ban_until_ms = T0 + 10**6
        await server.drop("/private")
        await until(lambda: told.stream.life.restarts >= 2)
        assert server.count("POST", "/fapi/v1/listenKey") == 1


def test_pauses_grow_to_a_limit_and_differ() -> None:
    pauses = Backoff(Random(1), first_s=1.0, longest_s=8.0)
    found = [pauses.next_s() for _ in range(200)]
    assert [0.5 * 2**n <= pause <= 2**n for n, pause in enumerate(found[:4])] == [True] * 4
    assert all(4.0 <= pause <= 8.0 for pause in found[4:])
    assert len(set(found)) == 200
    pauses.reset()
    assert pauses.next_s() <= 1.0


@virtually
async def test_a_supervised_task_comes_back_and_says_a_fault_once(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    async def live() -> None:
        nonlocal tries
        tries += 1
        raise StreamLost("gone") if tries < 5 else ValueError("secret words")

    life = Life("stream")
    task = asyncio.create_task(keep_alive(life, live, Backoff(Soon(), 0.001, 0.002)))
    await until(lambda: tries >= 8)
    task.cancel()
    lines = [record.message for record in caplog.records if record.name.endswith("supervise")]
    assert lines == ["stream: gone; beginning again", "stream: ValueError; beginning again"]
    assert life.restarts >= 7
