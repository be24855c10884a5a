"""Connections as long as they live: listen keys of an hour, sockets of a day, at their true periods in virtual time.

The whole bot trades; what nobody uses in these hours ticks seldom, so that a day takes seconds.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import contract_house
import pytest
from contract_house import ExchangeFloor
from contract_play import play

from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, Purpose
from bot.venues.binance import dialect as binance
from bot.venues.ccxt_venue import streams
from bot.venues.ccxt_venue.quotes import QuotePace
from bot.venues.ccxt_venue.venue import Pace
from bot.venues.ccxt_venue.watchman import WatchPace
from cli.live import Running
from sandbox.exchange.serving.faults import RequestEffect, on_request

HOUR_S = 3_600.0
PRIVATE = {"binance": "/private/*", "bybit": "*/private"}
LONG, TARGET = "100.11", "102.20"
SELDOM = Pace(QuotePace(30.0, 300.0, 3_600.0), WatchPace(tick_s=30.0), candle_tick_s=10.0)
TICK_S, TIMERS_S, STEP_S = 20.0, 5.0, 10.0


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks of the house tick seldom; no period of the exchange or of its dialects is another one."""

    async def fire_timers(running: Running) -> None:
        while True:
            await asyncio.sleep(TIMERS_S)
            running.house.timers.fire(running.house.now_ms())

    at = contract_house.ExchangeAt
    monkeypatch.setattr(contract_house, "ExchangeAt", lambda *a, **more: at(*a, pace=SELDOM, **more))
    monkeypatch.setattr(streams, "TICK_S", TICK_S)
    monkeypatch.setattr(Running, "fire_timers", fire_timers)
    monkeypatch.setattr(contract_house, "STEP_S", STEP_S)


def sockets(floor: ExchangeFloor) -> list[Any]:
    """The private sockets that are open."""
    return [one for one in floor.stage.sockets.values() if "private" in one.path]


async def entered(floor: ExchangeFloor) -> None:
    """A long with stop and target."""
    await floor.bar(LONG)
    await floor.bar("100.00")
    assert floor.size() == floor.held() > 0
    assert floor.exits(Purpose.TARGET)


def refuse_dialling(floor: ExchangeFloor, seconds: float) -> None:
    """No private socket can be opened for so long: the gap in which things happen."""
    floor.arm(on_request(RequestEffect.REFUSE, f"WS {PRIVATE[floor.name]}", until_s=seconds))


async def happens_in_the_gap(floor: ExchangeFloor) -> None:
    """The target is filled while nobody listens."""
    assert sockets(floor) == []
    assert not floor.house.venue.health().user_stream
    floor.price(TARGET)
    assert floor.held() == 0
    assert floor.size() > 0  # the desk cannot know yet


async def listens_again(floor: ExchangeFloor) -> None:
    """What the gap held is booked, and the stream works: a new entry's fill comes by it."""
    assert await floor.reasons() == [CloseReason.TP]
    assert floor.house.venue.health().user_stream
    assert len(sockets(floor)) == 1
    heard = floor.house.venue._user._heard
    before = len(heard)
    await floor.bar(LONG)
    assert floor.size() == floor.held() > 0
    assert len(heard) == before + 1, "no frame told of it"
    assert len(floor.account.trades) == 3


def test_a_listen_key_that_nobody_renews_ends_after_an_hour(tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.arm(on_request(RequestEffect.CUT_BEFORE, "PUT listenKey"))
        (first,) = sockets(floor)
        began_ms = first.opened_at_ms
        await entered(floor)
        await floor._until(began_ms + 59 * 60_000)
        assert [one.number for one in sockets(floor)] == [first.number]
        refuse_dialling(floor, 90.0)
        await floor._until(began_ms + 60 * 60_000 + 20_000)
        expired = [one for one in floor.stage.frames if "listenKeyExpired" in one.text]
        assert [0 <= one.at_ms - began_ms - 3_600_000 <= 10_000 for one in expired] == [True]
        await happens_in_the_gap(floor)
        await floor.rest(120)
        await listens_again(floor)
        assert len(await floor.notices(NoticeKind.STREAM)) == 2
        keys = [one for one in floor.stage.requests if one.endpoint == "POST listenKey" and one.response]
        assert len({one.response.body for one in keys}) == 2, "a new key, not the dead one"

    play("binance", tmp_path, story, excused={"order"})


def test_a_listen_key_that_is_renewed_lives_on(tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        (first,) = sockets(floor)
        await entered(floor)
        await floor.rest(2.5 * HOUR_S)
        assert [one.number for one in sockets(floor)] == [first.number]
        floor.price(TARGET)
        await floor.rest(5)
        await listens_again(floor)

    play("binance", tmp_path, story)


def test_a_socket_that_the_exchange_cuts_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dialect reconnects before that; here it does not know that it has to."""
    monkeypatch.setattr(binance, "STREAMS", replace(binance.STREAMS, life_s=48 * HOUR_S))

    async def story(floor: ExchangeFloor) -> None:
        (first,) = sockets(floor)
        ends_ms = first.opened_at_ms + 24 * 3_600_000
        await floor._until(ends_ms - 600_000)
        await entered(floor)
        await floor._until(ends_ms - 20_000)
        assert [one.number for one in sockets(floor)] == [first.number]
        refuse_dialling(floor, 90.0)
        await floor._until(ends_ms + 20_000)
        await happens_in_the_gap(floor)
        await floor.rest(120)
        await listens_again(floor)
        assert len(await floor.notices(NoticeKind.STREAM)) == 2

    play("binance", tmp_path, story, excused={"order"})


@pytest.mark.parametrize("venue,hours", [("binance", 23.5), ("bybit", 23.0)])
def test_a_socket_is_changed_in_good_time(venue: str, hours: float, tmp_path: Path) -> None:
    """Its planned end; the new one cannot be opened at once."""

    async def story(floor: ExchangeFloor) -> None:
        (first,) = sockets(floor)
        ends_ms = first.opened_at_ms + int(hours * 3_600_000)
        await floor._until(ends_ms - 600_000)
        await entered(floor)
        await floor._until(ends_ms - 30_000)
        assert [one.number for one in sockets(floor)] == [first.number]
        refuse_dialling(floor, 90.0)
        await floor._until(ends_ms + 20_000)
        await happens_in_the_gap(floor)
        await floor.rest(120)
        await listens_again(floor)

    play(venue, tmp_path, story, excused={"order"})
