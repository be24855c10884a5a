"""The venue as a whole over real ccxt and sockets: proven at the start, one voice afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web
from ccxt_kit import BAR_MS, ORDER, T0, Notes, Server, Time, Words, access, frame, kline, serving, until
from virtual_loop import virtually

from bot.domain.event import (
    CandlesClosed,
    Event,
    FundingRatesSeen,
    QuotesSeen,
    VenueConditionChanged,
    WalletSeen,
)
from bot.venues.ccxt_venue.dialect import FrozenSettings, GateReport, Wish
from bot.venues.ccxt_venue.gateway import BAN_UNTIL
from bot.venues.ccxt_venue.quotes import QuotePace
from bot.venues.ccxt_venue.venue import Account, CcxtVenue, Pace, build_venue
from bot.venues.ccxt_venue.watchman import WatchPace
from bot.venues.port import VenueUnavailable

QUICK = Pace(
    QuotePace(0.02, 0.2, 0.2),
    WatchPace(0.02, 0.05, 0.05, 0.05, 5.0, 0.1, 0.05),
    candle_tick_s=0.01,
)


class House:
    """A venue, its dialect and what it told."""

    def __init__(self, server: Server, *names: str, memory: Notes | None = None) -> None:
        self.events: list[Event] = []
        self.clock = Time()
        self.dialect: Words
        names = names or ("AAAUSDT", "BBBUSDT")
        account = Account(access(server), Wish(dict.fromkeys(names, 5)), "1m", QUICK)
        self.venue: CcxtVenue = build_venue(self._words, account, memory or Notes(), self.clock, Random(1))

    def _words(self, gateway: Any, memory: Any, mode: Any) -> Words:
        self.dialect = Words(gateway)
        return self.dialect

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def conditions(self) -> list[str]:
        found: list[VenueConditionChanged] = self.of(VenueConditionChanged)
        return [f"{'+' if c.active else '-'}{c.kind.value} {c.symbol}".strip() for c in found]


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[House]:
    house = House(server)
    await house.venue.open(house.events.append)
    await house.venue.snapshot(0)
    try:
        yield house
    finally:
        await house.venue.close()


@virtually
async def test_it_opens_when_everything_is_well_and_is_silent_until_the_engine_has_begun() -> None:
    async with serving() as server:
        house = House(server)
        before = len(asyncio.all_tasks())
        await house.venue.open(house.events.append)
        assert sorted(house.venue.instruments) == ["AAAUSDT", "BBBUSDT"]
        await server.send("/private", {"e": "WALLET", "w": 5})
        await asyncio.sleep(0.1)
        assert house.events == []
        snapshot = await house.venue.snapshot(0)
        assert house.events == [], "the caller tells its snapshot first"
        await asyncio.sleep(0)
        assert snapshot.wallet == 1000
        assert [event.wallet for event in house.of(WalletSeen)] == [5]
        health = house.venue.health()
        assert (health.user_stream, health.market_sockets, health.stale) == (True, 1, ())
        await house.venue.close()
        told = len(house.events)
        await server.send("/private", {"e": "WALLET", "w": 6})
        await asyncio.sleep(0.05)
        assert len(house.events) == told
        assert server.open("ws") == 0
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) <= before + 2


@pytest.mark.parametrize(
    "trouble, said",
    [
        ("refusal", "the key may withdraw; position mode is hedge"),
        ("maintenance", "maintenance: until noon"),
        ("unlisted", "not listed at words: ZZZUSDT"),
        ("ban", "banned for another 90 s"),
        ("time", "HTTP 500"),
        ("markets", "markets: HTTP 500"),
        ("sockets", "user stream: "),
    ],
)
@virtually
async def test_it_does_not_open_when_something_is_wrong_and_says_what(
    trouble: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.venues.ccxt_venue.venue.PROVEN_S", 0.3)

    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500, text="no")

    async with serving() as server:
        memory = Notes()
        house = House(server, *(("ZZZUSDT",) if trouble == "unlisted" else ()), memory=memory)
        if trouble == "refusal":
            house.dialect.gates = [GateReport(("the key may withdraw", "position mode is hedge"))]
        elif trouble == "maintenance":
            house.dialect.maintained = "until noon"
        elif trouble == "ban":
            memory.kept = {BAN_UNTIL: str(T0 + 90_000)}
        elif trouble == "time":
            server.on("GET", "/fapi/v1/time", broken)
        elif trouble == "markets":
            server.on("GET", "/fapi/v1/exchangeInfo", broken)
        server.refuse_sockets = trouble == "sockets"
        with pytest.raises(VenueUnavailable, match=said):
            await house.venue.open(house.events.append)
        assert house.events == []
        assert trouble != "ban" or server.asked == []


@virtually
async def test_bars_come_from_the_stream_and_from_rest_alike() -> None:
    async with serving() as server, opened(server) as house:
        close_ms = T0 + BAR_MS
        house.clock.ms = close_ms + 100
        for name in ("BBBUSDT", "AAAUSDT"):
            await server.send("/market", kline(name, T0, 5.0, closed=True))
        await until(lambda: house.of(CandlesClosed))
        (bar,) = house.of(CandlesClosed)
        assert (bar.at_ms, [c.symbol for c in bar.candles]) == (close_ms + 100, ["AAAUSDT", "BBBUSDT"])
        house.dialect.frames_of = {n: frame(n, [close_ms]) for n in ("AAAUSDT", "BBBUSDT")}
        house.clock.ms = close_ms + BAR_MS + 2_000
        await until(lambda: len(house.of(CandlesClosed)) == 2)


@virtually
async def test_prices_and_funding_rates_are_told() -> None:
    async with serving() as server, opened(server) as house:
        await until(lambda: house.of(QuotesSeen) and house.of(FundingRatesSeen))
        polled = house.of(QuotesSeen)[0].quotes
        assert [(quote.symbol, quote.bid) for quote in polled] == [("AAAUSDT", 99.0)]
        house.venue.watch(["AAAUSDT"])
        await server.send("/market", kline("AAAUSDT", T0, 123.0, closed=False))
        await until(lambda: house.of(QuotesSeen)[-1].quotes[0].last == 123.0)
        assert house.of(QuotesSeen)[-1].quotes[0].bid == 99.0


@virtually
async def test_maintenance_begins_and_ends() -> None:
    async with serving() as server, opened(server) as house:
        house.dialect.maintained = "until noon"
        await until(lambda: house.conditions == ["+MAINTENANCE"])
        house.dialect.maintained = ""
        await until(lambda: house.conditions == ["+MAINTENANCE", "-MAINTENANCE"])


@virtually
async def test_a_ban_is_told_and_so_is_its_end() -> None:
    async def banned(_: web.Request) -> web.Response:
        return web.json_response({"code": -1003, "msg": f"banned until {T0 + 90_000}"}, status=418)

    async with serving() as server, opened(server) as house:
        server.on("POST", "/fapi/v1/order", banned)
        await house.dialect.gateway.ask(ORDER)
        await until(lambda: house.conditions == ["+ERRORS"])
        assert house.of(VenueConditionChanged)[0].reason.startswith("banned by the exchange for 90 s")
        house.clock.ms = T0 + 90_000
        await until(lambda: "-ERRORS" in house.conditions)


@virtually
async def test_a_clock_that_is_off_rests_entries_until_it_is_right() -> None:
    async with serving() as server, opened(server) as house:
        house.clock.ms = T0 - 3000
        await until(lambda: house.conditions == ["+CLOCK"])
        assert house.of(VenueConditionChanged)[0].reason == "clock is off by -3.0 s, limit 1 s"
        assert house.venue.now_ms == T0
        house.clock.ms = T0
        await until(lambda: house.conditions == ["+CLOCK", "-CLOCK"])


@virtually
async def test_a_refused_key_is_told_once_and_looked_at_again() -> None:
    async def refused(_: web.Request) -> web.Response:
        return web.json_response({"code": -2015, "msg": "Invalid API-key"}, status=401)

    async with serving() as server, opened(server) as house:
        house.dialect.gates = [GateReport(("the key is not accepted",))] * 2
        server.on("POST", "/fapi/v1/order", refused)
        for _ in range(3):
            await house.dialect.gateway.ask(ORDER)
        assert house.conditions == ["+ERRORS"]
        await until(lambda: house.conditions == ["+ERRORS", "-ERRORS"])
        assert house.dialect.gates == []


@virtually
async def test_too_many_failures_rest_entries() -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=503)

    async with serving() as server, opened(server) as house:
        server.on("POST", "/fapi/v1/order", broken)
        for _ in range(11):
            await house.dialect.gateway.ask(ORDER)
        await until(lambda: house.conditions == ["+ERRORS"])
        assert house.of(VenueConditionChanged)[0].reason.startswith("11 failed calls within 60 s")


def changes_settings(house: House) -> None:
    """Every private frame is news of changed settings."""
    changed = [FrozenSettings("AAAUSDT", "leverage")]
    house.dialect.private_news = lambda f, now_ms: changed if f else []  # type: ignore[method-assign]


@virtually
async def test_settings_changed_at_the_venue_are_looked_at_and_the_symbol_rests() -> None:
    async with serving() as server, opened(server) as house:
        house.dialect.gates = [GateReport(halts={"AAAUSDT": "leverage 20 instead of 5"})]
        changes_settings(house)
        await server.send("/private", {"e": "ACCOUNT_CONFIG_UPDATE"})
        await until(lambda: house.conditions == ["+ERRORS AAAUSDT"])
        await server.send("/private", {"e": "ACCOUNT_CONFIG_UPDATE"})
        await until(lambda: house.conditions == ["+ERRORS AAAUSDT", "-ERRORS AAAUSDT"])


@virtually
async def test_a_gate_that_is_not_finished_rests_entries_and_is_looked_at_again() -> None:
    async with serving() as server, opened(server) as house:
        house.dialect.gates = [GateReport(pending="leverage of 2 contracts"), GateReport()]
        changes_settings(house)
        await server.send("/private", {"e": "ACCOUNT_CONFIG_UPDATE"})
        await until(lambda: house.conditions == ["+ERRORS", "-ERRORS"])


@virtually
async def test_settings_are_looked_at_again_after_an_outage_and_until_they_could_be_read() -> None:
    async with serving() as server, opened(server) as house:
        looks = iter([VenueUnavailable("timeout"), GateReport(halts={"AAAUSDT": "leverage 20 instead of 5"})])

        async def gate(wish: Wish) -> GateReport:
            found = next(looks)
            if isinstance(found, VenueUnavailable):
                raise found
            return found

        house.dialect.gate = gate  # type: ignore[method-assign]
        await server.drop("/private")
        await until(lambda: house.conditions == ["+ERRORS AAAUSDT"])


@virtually
async def test_history_is_up_to_one_bar_for_all_and_one_lost_answer_is_asked_for_again() -> None:
    async with serving() as server, opened(server) as house:
        house.dialect.frames_of = {n: frame(n, [T0 - BAR_MS]) for n in ("AAAUSDT", "BBBUSDT")}
        house.dialect.fail_candles = True
        asked = asyncio.create_task(house.venue.history(("AAAUSDT", "BBBUSDT"), "1m", 500))
        await until(lambda: len(house.dialect.asked_candles) == 2)
        house.dialect.fail_candles = False
        frames = await asked
        assert {name: len(found) for name, found in frames.items()} == {"AAAUSDT": 1, "BBBUSDT": 1}
        assert len(house.dialect.asked_candles) == 4


@virtually
async def test_leverage_set_by_us_is_what_the_account_is_held_to() -> None:
    async with serving() as server, opened(server) as house:
        wishes: list[Wish] = []

        async def gate(wish: Wish) -> GateReport:
            wishes.append(wish)
            return GateReport()

        house.dialect.gate = gate  # type: ignore[method-assign]
        await house.venue.set_leverage("AAAUSDT", 7)
        changes_settings(house)
        await server.send("/private", {"e": "ACCOUNT_CONFIG_UPDATE"})
        await until(lambda: wishes)
        assert wishes[0].leverage == {"AAAUSDT": 7, "BBBUSDT": 5}
