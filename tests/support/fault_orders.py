"""Faults of what becomes of an order: F01 to F24."""

import asyncio
from decimal import Decimal

from fault_oracle import Bounds
from fault_play import LONG, NOTHING, SHORT, FaultFloor, not_injected, row
from fault_tamper import tamper_answers

from bot.domain.command import ClosePosition, MoveStop, Reconcile
from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, Purpose
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect

D = Decimal
WHOLE = D("9.989")
BLIND_20 = Bounds(cover_ms=30_000)
"""Neither stream nor answers speak for up to 20 s: nobody can know; 10 s from then on, as after a reconnect."""


async def entered(floor: FaultFloor, size: Decimal = WHOLE) -> None:
    """Soon after the entry the bot holds it and it is covered."""
    await floor.rest(10)
    assert (floor.size(), floor.held()) == (size, size)
    assert len(floor.exits(Purpose.STOP)) == 1


@row("F01")
async def answer_lost_after_the_match(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.CUT_AFTER, floor.words.order, nth=1)
    await floor.bar(LONG)
    await entered(floor)
    assert floor.entries() == 1


@row("F02")
async def unavailable_after_it_was_taken(floor: FaultFloor) -> None:
    for what, close in (("unavailable", LONG), ("timeout" if floor.binance else "unknown", SHORT)):
        floor.stage.disarm()
        floor.fail(RequestEffect.TROUBLE_AFTER, floor.words.order, nth=1, what=what)
        await floor.bar(close)
        await entered(floor, floor.held())
        await floor.bar("102.20" if close is LONG else "98.20")
    assert await floor.reasons() == [CloseReason.TP] * 2
    assert floor.entries() == 2


@row("F03")
async def unavailable_and_nothing_taken(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.UNKNOWN_BEFORE, floor.words.order, nth=1)
    await floor.bar(LONG)
    await floor.rest(30)
    assert floor.state.symbols[floor.symbol].orders == {}
    assert floor.entries() == 0
    await floor.bar(LONG)
    await entered(floor)


@row("F04")
async def stream_speaks_before_the_answer(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.DELAY_AFTER, floor.words.order, ms=3000)
    await floor.bar(LONG)
    await entered(floor)
    assert floor.entries() == 1


@row("F05", bounds=BLIND_20)
async def a_filled_order_is_never_sent_again(floor: FaultFloor) -> None:
    """Its id is free again at Binance: nothing but the bot keeps a second one from being filled."""
    floor.fail(RequestEffect.UNKNOWN_AFTER, floor.words.order, times=1)
    floor.fail(RequestEffect.REFUSE, floor.words.query, until_s=80)
    floor.frames(FrameEffect.DROP, until_s=80)
    await floor.bar(LONG)
    await floor.rest(25)
    assert floor.entries() == 1
    assert floor.held() == WHOLE


@row("F06")
async def taken_then_rejected(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.REJECT_LATER, floor.words.order, nth=1)
    await floor.bar(LONG)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert await floor.notices(NoticeKind.ORDER_REJECTED)
    await floor.bar(LONG)
    await entered(floor)


@row("F07")
async def an_error_code_after_the_match(floor: FaultFloor) -> None:
    codes = ("unexpected", "disconnected", "-1000") if floor.binance else ("10000", "10016", "10019")
    for number, code in enumerate(codes):
        floor.stage.disarm()
        floor.fail(RequestEffect.TROUBLE_AFTER, floor.words.order, nth=1, what=code)
        await floor.bar(f"10{number}.11")
        await entered(floor, floor.held())
        await floor.bar(f"10{number + 3}.50")
    assert floor.entries() == len(codes)
    assert len(await floor.trades()) == len(codes)


@row("F08", bounds=BLIND_20, parts={"made_up": True})
async def queries_lag(floor: FaultFloor) -> None:
    """The replica does not know order and execution yet, and the stream does not speak."""
    floor.fail(RequestEffect.CUT_AFTER, floor.words.order, nth=1)
    lists = "GET *rder*" if floor.binance else "GET order/*"
    trades = "GET userTrades" if floor.binance else "GET execution/list"
    for glob in (lists, trades):
        floor.fail(RequestEffect.LAG, glob, ms=4000, until_s=90)
    floor.frames(FrameEffect.DROP, until_s=62)
    await floor.bar(LONG)
    await floor.rest(10)
    assert (floor.size(), floor.entries()) == (WHOLE, 1)


@row("F09", bounds=BLIND_20)
async def a_question_that_is_not_answered_says_nothing(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.CUT_AFTER, floor.words.order, nth=1)
    floor.fail(RequestEffect.REFUSE, "GET *", until_s=80)
    floor.frames(FrameEffect.DROP, until_s=80)
    await floor.bar(LONG)
    await floor.rest(10)
    (order,) = floor.live(Purpose.ENTRY)
    assert order.status == "UNKNOWN"
    await floor.rest(20)
    await entered(floor)


@row("F10", "bybit", bounds=BLIND_20)
async def closed_orders_are_forgotten(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.CUT_AFTER, floor.words.order, nth=1)
    floor.fail(RequestEffect.REFUSE, "GET order/*", until_s=62)
    floor.frames(FrameEffect.DROP, until_s=62)
    await floor.bar(LONG)
    floor.stage.protocol.trouble_stream("restart", list(floor.stage.sockets.values()))
    await floor.rest(20)
    await entered(floor)
    assert floor.entries() == 1


not_injected("F10", "Binance has no cache of closed orders that a restart empties", "binance")


@row("F11", bounds=BLIND_20)
async def an_executed_order_is_said_to_be_cancelled(floor: FaultFloor) -> None:
    stale = {"status": "CANCELED", "executedQty": "0", "cumQuote": "0", "avgPrice": "0"}
    stale_too = {"orderStatus": "Cancelled", "cumExecQty": "0", "cumExecValue": "0", "avgPrice": ""}
    floor.fail(RequestEffect.CUT_AFTER, floor.words.order, nth=1)
    floor.frames(FrameEffect.DROP, until_s=70)
    endpoints = ("GET order",) if floor.binance else ("GET order/realtime", "GET order/history")
    with tamper_answers(floor.stage, endpoints, stale if floor.binance else stale_too):
        await floor.bar(LONG)
        await floor.rest(8)
    await entered(floor)


@row("F12")
async def a_part_is_filled_and_the_rest_cancelled(floor: FaultFloor) -> None:
    floor.hand("depth", symbol=floor.symbol, quantity="3.696")
    await floor.bar(LONG)
    floor.hand("cancel", symbol=floor.symbol, id=floor.account.live_orders()[0].order_id)
    floor.hand("depth", symbol=floor.symbol, quantity=0)
    await entered(floor, D("3.696"))
    await floor.bar("99.00")
    assert [(trade.quantity, trade.reason) for trade in await floor.trades()] == [
        (D("3.696"), CloseReason.SL)
    ]


@row("F13")
async def the_old_stop_fills_while_it_is_replaced(floor: FaultFloor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    floor.fail(RequestEffect.DELAY_BEFORE, floor.words.stop, ms=400)
    if floor.binance:  # Bybit moves it in place and cancels nothing
        floor.fail(RequestEffect.DELAY_BEFORE, floor.words.cancel, ms=2000)
    await floor.told(MoveStop(floor.symbol, price=D("99.60")))
    await floor.rest(1)
    floor.price("98.50")
    await floor.rest(5)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert await floor.reasons() == [CloseReason.SL]


@row("F14")
async def a_fill_is_lost_while_the_stop_is_moved(floor: FaultFloor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    floor.fail(RequestEffect.DELAY_AFTER, floor.words.stop, ms=1500)
    floor.frames(FrameEffect.DROP, floor.words.fills, times=1)
    await floor.told(MoveStop(floor.symbol, price=D("99.60")))
    await floor.rest(0.5)
    floor.price("102.20")
    await floor.rest(10)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert len(floor.tape.orders(Purpose.CLOSE)) == 0


@row("F15")
async def everything_is_told_twice(floor: FaultFloor) -> None:
    floor.frames(FrameEffect.DUPLICATE)
    await floor.bar(LONG)
    await entered(floor)
    floor.hand("cut", path="*private*")
    await floor.bar("102.20")
    await floor.bar(NOTHING)
    assert len(await floor.trades()) == 1


@row("F16")
async def fills_before_the_acknowledgement(floor: FaultFloor) -> None:
    floor.frames(FrameEffect.SWAP, every=2, ms=500)
    floor.fail(RequestEffect.DELAY_AFTER, floor.words.order, ms=1500)
    await floor.bar(LONG)
    await entered(floor)
    await floor.bar("102.20")
    await floor.bar(NOTHING)
    assert await floor.reasons() == [CloseReason.TP]


@row("F17")
async def kinds_of_events_out_of_order(floor: FaultFloor) -> None:
    floor.frames(FrameEffect.DELAY, floor.words.fills, ms=900)
    await floor.bar(LONG)
    await entered(floor)
    floor.stage.disarm()
    other = "A*_UPDATE" if floor.binance else "order*"
    floor.frames(FrameEffect.DELAY, other, ms=900)
    await floor.bar("102.20")
    await floor.bar(SHORT)
    await entered(floor, floor.held())
    assert (await floor.reasons(), floor.size() < 0) == ([CloseReason.TP], True)


@row("F18")
async def one_fill_is_never_told(floor: FaultFloor) -> None:
    for close, way in ((LONG, "102.20"), (SHORT, "98.00")):
        floor.frames(FrameEffect.DROP, floor.words.fills, nth=1)
        await floor.bar(close)
        await entered(floor, floor.held())
        floor.stage.disarm()
        floor.frames(FrameEffect.DROP, floor.words.fills, nth=1)
        await floor.bar(way)
        await floor.rest(10)
        assert floor.size() == floor.held() == 0
        floor.stage.disarm()
    assert await floor.reasons() == [CloseReason.TP] * 2
    assert floor.tape.orders(Purpose.CLOSE) == []


@row("F19")
async def margin_is_short(floor: FaultFloor) -> None:
    floor.account.transfer(D(-9950))
    await floor.bar(LONG)
    await floor.rest(10)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert len(floor.tape.orders(Purpose.ENTRY)) == len(await floor.notices(NoticeKind.ORDER_REJECTED)) == 1
    floor.account.transfer(D(9950))
    await floor.told(Reconcile())
    await floor.bar(LONG)
    await floor.rest(5)
    assert floor.size(), (floor.state.wallet, floor.state.halts, await floor.notices(), floor.tape.orders())
    await entered(floor)


@row("F20")
async def the_least_notional_rises_above_the_position(floor: FaultFloor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    floor.hand("filters", symbol=floor.symbol, changes={"min_notional": "5000"})
    await _close_at_last(floor)
    floor.hand("filters", symbol=floor.symbol, changes={"min_notional": "5"})


@row("F20")
async def the_step_grows_past_what_is_held(floor: FaultFloor) -> None:
    """What is held fits no order any more: people are told, the stop stays, and it goes on trying."""
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    floor.hand("filters", symbol=floor.symbol, changes={"quantity_step": "0.01"})
    asking = asyncio.ensure_future(floor.command(ClosePosition(floor.symbol)))
    await floor.rest(90)
    assert await floor.notices(NoticeKind.PANIC) or not floor.held()
    assert len(floor.exits(Purpose.STOP)) == bool(floor.held())
    floor.hand("filters", symbol=floor.symbol, changes={"quantity_step": "0.001"})
    await floor.rest(35)
    assert floor.held() == 0
    await asking


async def _close_at_last(floor: FaultFloor, seconds: float = 20) -> None:
    """Told to close: flat in the end, whatever is refused on the way."""
    await floor.told(ClosePosition(floor.symbol))
    await floor.rest(seconds)
    assert (floor.size(), floor.held()) == (D(0), D(0))


@row("F21")
async def market_orders_must_be_smaller(floor: FaultFloor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    floor.hand("filters", symbol=floor.symbol, changes={"max_market_quantity": "3"})
    await _close_at_last(floor)
    floor.hand("filters", symbol=floor.symbol, changes={"max_market_quantity": "1000"})


@row("F22")
async def the_market_is_too_far_away_for_market_orders(floor: FaultFloor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    floor.trouble({"binance": "-4131", "bybit": "110118"}, floor.words.order, times=2)
    await _close_at_last(floor)


@row("F23")
async def the_bracket_does_not_allow_it(floor: FaultFloor) -> None:
    floor.trouble({"binance": "-2027", "bybit": "110090"}, floor.words.order, nth=1)
    await floor.bar(LONG)
    assert floor.state.symbols[floor.symbol].orders == {}
    assert await floor.notices(NoticeKind.ORDER_REJECTED)
    await floor.bar(LONG)
    await entered(floor)


@row("F24")
async def too_many_orders_when_closing(floor: FaultFloor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    floor.trouble({"binance": "too many orders", "bybit": "10006"}, floor.words.order, times=2)
    await _close_at_last(floor, 60)
