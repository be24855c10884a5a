"""Faults of streams, network, limits and time: F42 to F55."""

import asyncio
import json
from contextlib import suppress
from decimal import Decimal

import pytest
from fault_oracle import Bounds
from fault_orders import WHOLE, entered
from fault_play import LONG, NOTHING, FaultFloor, not_injected, row
from fault_protection import opened
from fault_tamper import rewrite, say, sockets

from bot.domain.command import Reconcile
from bot.domain.errors import ConfigError
from bot.domain.guard import HaltKind
from bot.domain.order import CloseReason, Purpose
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect
from sandbox.exchange.serving.frames import StageSocket

D = Decimal
HOUR_S = 3_600


async def hours_pass(floor: FaultFloor, seconds: float) -> None:
    """Long times in larger steps of the exchange."""
    kept, floor.pace._step_s = floor.pace._step_s, 2.0
    await floor.rest(seconds)
    floor.pace._step_s = kept


async def target_hit(floor: FaultFloor, seconds: float = 5) -> None:
    """The target fills, and soon the bot knows."""
    floor.price("102.20")
    await floor.rest(seconds)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert await floor.reasons() == [CloseReason.TP]


def private(floor: FaultFloor) -> list[StageSocket]:
    """Open sockets of the user stream."""
    return sockets(floor.stage, "private")


@row("F42")
async def the_key_of_the_stream_expires(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("expire keys")
    await floor.rest(0.2)
    await target_hit(floor, 10)


@row("F42", "binance")
async def keys_live_longer_than_an_hour(floor: FaultFloor) -> None:
    await opened(floor)
    await hours_pass(floor, HOUR_S * 1.2)
    assert floor.calls("PUT listenKey") >= 1
    await target_hit(floor)


@row("F43", "binance")
async def the_key_cannot_be_renewed(floor: FaultFloor) -> None:
    await opened(floor)
    floor.fail(RequestEffect.TROUBLE_BEFORE, "PUT listenKey", what="-1125", times=1)
    opened_before = floor.stage.opened
    await hours_pass(floor, HOUR_S * 0.9)
    assert floor.stage.opened > opened_before
    assert len(private(floor)) == 1
    await target_hit(floor)


@row("F43", "binance")
async def the_expiry_is_told_twice(floor: FaultFloor) -> None:
    await opened(floor)
    frame = {"e": "listenKeyExpired", "E": floor.exchange.now_ms, "listenKey": "x"}
    say(floor.stage, "private", frame, frame)
    await floor.rest(10)
    assert len(private(floor)) == 1
    await target_hit(floor)


not_injected("F43", "Bybit's private streams sign in with the key itself: nothing is renewed", "bybit")


@row("F44")
async def the_socket_ends_while_an_order_is_in_flight(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.DELAY_AFTER, floor.words.order, ms=800)
    bar = asyncio.ensure_future(floor.bar(LONG))
    async with asyncio.timeout(90):
        while not floor.entries():  # noqa: ASYNC110 - the exchange rings no bell
            await asyncio.sleep(0.05)
    floor.hand("cut")
    await bar
    await entered(floor)


@row("F45", "bybit")
async def one_topic_is_refused(floor: FaultFloor) -> None:
    """The stream signs in, one topic is turned down: it does not count as proven."""
    protocol = floor.stage.protocol
    kept, refused = protocol.received, []

    def received(socket: StageSocket, text: str) -> None:
        if '"subscribe"' in text and "execution" in text and not refused:
            refused.append(text)
            answer = {"success": False, "ret_msg": "error:topic", "op": "subscribe", "conn_id": "x"}
            socket.send(json.dumps({**answer, "req_id": json.loads(text).get("req_id", "")}))
        else:
            kept(socket, text)

    protocol.received = received  # type: ignore[method-assign]
    floor.hand("cut", path="*private*")
    await floor.rest(20)
    assert refused
    await floor.bar(LONG)
    await entered(floor)


not_injected("F45", "Binance's user stream has no topics", "binance")


@row("F46")
async def fills_while_nobody_listens(floor: FaultFloor) -> None:
    await opened(floor)
    floor.fail(RequestEffect.REFUSE, "WS *", until_s=5)
    floor.hand("cut", path="*private*")
    floor.price("102.20")
    await floor.rest(15)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert await floor.reasons() == [CloseReason.TP]


@row("F47", bounds=Bounds(stray_ms=100_000))
async def half_open(floor: FaultFloor) -> None:
    """Found after 90 s of silence (I10); the stop of a position that is gone goes then, too."""
    await opened(floor)
    for socket in private(floor):
        socket.dead = True
    floor.price("102.20")
    await floor.rest(110)
    assert (floor.size(), floor.held()) == (D(0), D(0))


@row("F48")
async def garbage_on_the_stream(floor: FaultFloor) -> None:
    await opened(floor)
    pieces = ('{"e":', "\x00\xff", "ping", "null", "[]", '"text"', "{}", '{"op":"ping"}', '{"op":"pong"}')
    say(floor.stage, "private", *pieces)
    say(floor.stage, "public", *pieces)
    say(floor.stage, "market", *pieces)
    await floor.rest(10)
    await target_hit(floor)


@row("F49", bounds=Bounds(stray_ms=75_000))
async def connections_are_refused_for_ten_minutes(floor: FaultFloor) -> None:
    """The stream is down, answers come: what happened is asked for every minute (I10: T = 90 s)."""
    await opened(floor)
    floor.fail(RequestEffect.REFUSE, "WS *", until_s=600)
    (armed,) = floor.stage.book.armed
    floor.hand("cut")
    floor.price("102.20")
    await hours_pass(floor, 600)
    assert 5 < armed.applied <= 200, "four sockets, each dialled twice every half minute or so"
    await floor.rest(70)
    assert (floor.size(), floor.held()) == (D(0), D(0))


@row("F50")
async def banned_and_restarted(floor: FaultFloor) -> None:
    """Nothing is sent before the end of the ban, by a new process neither."""
    await opened(floor)
    floor.fail(RequestEffect.TROUBLE_BEFORE, "GET *", what="banned", times=1)
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            await floor.command(Reconcile())
    await floor.rest(2)
    sent = len(floor.stage.requests)
    await floor.bar(LONG)
    assert len(floor.stage.requests) == sent
    await floor.kill()
    with pytest.raises(ConfigError, match="banned"):
        await floor.open()
    assert len(floor.stage.requests) == sent
    await floor.rest(700)
    await floor.open()
    await target_hit(floor)


@row("F51")
async def answers_that_nobody_can_read(floor: FaultFloor) -> None:
    for number, form in enumerate(("html", "truncated", "empty")):
        floor.fail(RequestEffect.GARBAGE, floor.words.order, nth=1, form=form)
        floor.fail(RequestEffect.GARBAGE, floor.words.query_all, times=2, form=form)
        await floor.bar(f"10{number}.11")
        await entered(floor, floor.held())
        floor.stage.disarm()
        await floor.bar(f"10{number + 3}.50")
    assert floor.entries() == 3


@row("F52")
async def the_clock_is_off(floor: FaultFloor) -> None:
    for skew_ms in (1_500, -1_500):
        floor.fail(RequestEffect.SKEW, "*", ms=skew_ms)
        await hours_pass(floor, 310)
        assert HaltKind.CLOCK in {halt.kind for halt in floor.state.halts}
        await floor.bar(LONG)
        assert floor.held() == 0, skew_ms
        floor.price(NOTHING)
        floor.stage.disarm()
        await floor.rest(70)
        assert not floor.state.halts
    await floor.bar(LONG)
    await entered(floor)


@row("F52")
async def asleep_for_two_hours(floor: FaultFloor) -> None:
    await opened(floor)
    floor.pace.skip(2 * HOUR_S * 1000)
    await floor.rest(30)
    assert floor.held() == WHOLE
    assert floor.entries() == 1
    await target_hit(floor)


@row("F53")
async def words_nobody_knows(floor: FaultFloor) -> None:
    await opened(floor)
    rewrite(floor.stage, "private", _drifted)
    strange = (
        {"e": "BRAND_NEW", "E": "soon", "o": {"s": 1}},
        {"e": "ORDER_TRADE_UPDATE", "o": {"s": floor.symbol, "X": "HALF_DONE", "i": 1, "c": "x"}},
        {"topic": "brand.new", "data": [{"symbol": floor.symbol}]},
        {"topic": "order", "data": [{"symbol": floor.symbol, "orderStatus": "Odd", "category": "linear"}]},
    )
    say(floor.stage, "private", *strange)
    await target_hit(floor)


def _drifted(text: str) -> str:
    """Numbers as strings, and fields that were not there before."""
    frame = json.loads(text)
    if isinstance(frame, dict):
        frame = {name: str(value) if isinstance(value, int) else value for name, value in frame.items()}
        frame["brandNew"] = {"deep": [1]}
    return json.dumps(frame)


@row("F54", bounds=Bounds(cover_ms=20_000, stray_ms=HOUR_S * 1000 + 70_000))
async def maintenance_for_an_hour(floor: FaultFloor) -> None:
    """Nothing can be cancelled before its end."""
    await opened(floor)
    floor.fail(RequestEffect.MAINTENANCE, "*", until_s=HOUR_S)
    await floor.rest(5)
    floor.price("99.00")
    await hours_pass(floor, HOUR_S)
    assert floor.held() == 0
    await floor.rest(80)
    assert await floor.reasons() == [CloseReason.SL]


@row("F55")
async def candles_late_twice_and_missing(floor: FaultFloor) -> None:
    kline = "*kline*"
    floor.arm(*_everywhere(FrameEffect.DUPLICATE, kline))
    await floor.bar(LONG)
    await entered(floor)
    assert floor.entries() == 1
    floor.stage.disarm()
    await floor.bar("102.20")
    floor.arm(*_everywhere(FrameEffect.DELAY, kline, ms=70_000))
    await floor.bar(LONG)
    await floor.rest(80)
    assert all(not late for late in _late_entries(floor))
    floor.stage.disarm()


def _everywhere(effect: FrameEffect, glob: str, **parts: object) -> tuple[object, ...]:
    from sandbox.exchange.serving.faults import on_frame

    return (on_frame(effect, glob, **parts),)


def _late_entries(floor: FaultFloor) -> list[bool]:
    """Whether entries came long after the bar that they follow."""
    sent = floor.tape.orders(Purpose.ENTRY)
    return [order.created_at_ms % 60_000 > 30_000 for order in sent]
