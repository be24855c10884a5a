"""Faults of protection: F25 to F41."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from contract_house import Match, submits
from fault_oracle import Bounds, uncovered
from fault_orders import WHOLE
from fault_play import LONG, NOTHING, FaultFloor, not_injected, row

from bot.domain.action import Deed, Submit
from bot.domain.command import ClosePosition, MoveStop, Reconcile
from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, OrderSide, Purpose
from sandbox.exchange.nouns import Kind
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect

D = Decimal
RESTART = Bounds(cover_ms=10_000)
"""A killed process does nothing until it runs again."""


async def opened(floor: FaultFloor) -> None:
    """A long that is covered."""
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert (floor.held(), len(floor.exits(Purpose.STOP))) == (WHOLE, 1)


async def flat(floor: FaultFloor, reason: CloseReason, seconds: float = 10) -> None:
    """Soon nothing is held, and the last trade says why."""
    await floor.rest(seconds)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert (await floor.reasons())[-1] is reason


def _second(purpose: Purpose) -> Match:
    """A match of the second order of a purpose."""
    seen: list[Deed] = []

    def match(deed: Deed) -> bool:
        if isinstance(deed, Submit) and deed.order.purpose is purpose:
            seen.append(deed)
        return len(seen) == 2 and deed is seen[1]

    return match


@row("F25", bounds=RESTART)
async def killed_between_fill_and_stop(floor: FaultFloor) -> None:
    floor.tape.hang_before = submits(Purpose.STOP)
    await floor.bar(LONG)
    assert floor.tape.hung
    await floor.again("kill")
    await floor.rest(2)
    assert len(floor.exits(Purpose.STOP)) == 1


@row("F26")
async def all_stops_are_refused(floor: FaultFloor) -> None:
    floor.trouble({"binance": "-4120", "bybit": "10001"}, floor.words.stop)
    await floor.bar(LONG)
    await flat(floor, CloseReason.EMERGENCY)
    assert await floor.notices(NoticeKind.EMERGENCY_CLOSE)


@row("F27")
async def the_price_is_through_before_the_stop_arrives(floor: FaultFloor) -> None:
    floor.fail(RequestEffect.DELAY_BEFORE, floor.words.stop, ms=1500)
    await floor.bar(LONG)
    floor.price("98.00")
    await floor.rest(10)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert len(floor.tape.orders(Purpose.STOP)) <= 3


@row("F28")
async def refused_at_its_trigger(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("refuse", symbol=floor.symbol)
    floor.price("99.00")
    await flat(floor, CloseReason.SL)


@row("F28", "binance")
async def hangs_in_its_trigger(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("stick", symbol=floor.symbol)
    floor.price("99.00")
    await floor.rest(20)
    assert (floor.size(), floor.held()) == (D(0), D(0))


@row("F29")
async def removed_by_the_exchange(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("expire", id=floor.exits(Purpose.STOP)[0].conditional_id)
    await floor.rest(6)
    assert len(floor.exits(Purpose.STOP)) == 1


@row("F29", bounds=Bounds(cover_ms=15_000))
async def removed_and_nobody_is_told(floor: FaultFloor) -> None:
    """Found by the comparison that runs every few minutes; the clock of the bound is put at the operator's own."""
    await opened(floor)
    floor.frames(FrameEffect.DROP)
    floor.hand("expire", id=floor.exits(Purpose.STOP)[0].conditional_id)
    await floor.rest(5)
    floor.stage.disarm()
    await floor.told(Reconcile())
    await floor.rest(6)
    assert len(floor.exits(Purpose.STOP)) == 1


@row("F30", bounds=Bounds(stray_ms=75_000))
async def the_exchange_denies_orders_that_live(floor: FaultFloor) -> None:
    """What it denies for a minute cannot be cancelled either; the comparison that runs every few minutes finds it."""
    await opened(floor)
    before = len(floor.account.conditionals)
    lists = ("GET algoOrder", "GET openAlgoOrders")
    for glob in lists if floor.binance else ("GET order/*",):
        floor.fail(RequestEffect.TROUBLE_AFTER, glob, what="not found", until_s=60)
    for _ in range(4):
        await floor.told(Reconcile())
        await floor.rest(15)
    assert len(floor.account.conditionals) - before <= 4
    assert floor.held() in (D(0), WHOLE)
    floor.stage.disarm()
    await floor.told(Reconcile())


not_injected(
    "F31", "Bybit's own stops of a position go with it (shown by F40: nothing rests after a close)", "bybit"
)


@row("F31", "binance")
async def the_stop_outlives_its_position(floor: FaultFloor) -> None:
    await opened(floor)
    floor.fail(RequestEffect.UNKNOWN_BEFORE, floor.words.cancel, times=2)
    await floor.told(ClosePosition(floor.symbol))
    await floor.rest(12)
    assert floor.account.live_conditionals() == []


@row("F32", bounds=RESTART)
async def killed_while_the_stop_is_moved(floor: FaultFloor) -> None:
    await opened(floor)
    bare = len(uncovered(floor.truth, floor.symbol))
    floor.tape.hang_after = submits(Purpose.STOP)
    asking = asyncio.ensure_future(floor.command(MoveStop(floor.symbol, price=D("99.60"))))
    await floor.rest(3)
    assert floor.tape.hung
    asking.cancel()
    await floor.again("kill")
    await floor.rest(5)
    assert [stop.ask.trigger_price for stop in floor.exits(Purpose.STOP)] == [D("99.60")]
    assert len(uncovered(floor.truth, floor.symbol)) == bare


@row("F33")
async def the_target_fills_in_part(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("depth", symbol=floor.symbol, quantity="4")
    floor.price("102.20")
    await floor.rest(3)
    assert D(0) < floor.held() < WHOLE
    assert len(floor.exits(Purpose.STOP)) == 1
    floor.hand("depth", symbol=floor.symbol, quantity=0)
    await floor.bar("102.00")
    await flat(floor, CloseReason.TP)


@row("F33")
async def a_person_adds(floor: FaultFloor) -> None:
    await opened(floor)
    await floor.told(MoveStop(floor.symbol, price=D("99.60")))
    await floor.rest(3)
    await floor.order_by_hand(OrderSide.BUY, "5")
    await floor.rest(5)
    assert floor.size() == D("14.989")


@row("F34", "binance")
async def resting_exits_leave_no_room_for_a_close(floor: FaultFloor) -> None:
    world = floor.exchange.world  # type: ignore[attr-defined]
    world.rules = replace(world.rules, count_conditional=True)
    await opened(floor)
    await floor.told(MoveStop(floor.symbol, price=D("99.60")))
    await floor.rest(3)
    await floor.told(ClosePosition(floor.symbol))
    await flat(floor, CloseReason.MANUAL)


not_injected(
    "F34", "Bybit's own stops of a position promise nothing: only Binance counts what rests", "bybit"
)


@row("F35")
async def the_stop_was_quicker_than_the_close(floor: FaultFloor) -> None:
    await opened(floor)
    floor.fail(RequestEffect.DELAY_BEFORE, floor.words.order, ms=1000, times=1)
    floor.frames(FrameEffect.DELAY, ms=3000, until_s=4)
    closing = floor.told(ClosePosition(floor.symbol))
    await _while(floor, closing)
    assert (floor.size(), floor.held()) == (D(0), D(0))
    assert len(floor.tape.orders(Purpose.CLOSE)) <= 3


async def _while(floor: FaultFloor, closing: object) -> None:
    task = asyncio.ensure_future(closing)  # type: ignore[arg-type]
    await floor.rest(0.4)
    floor.price("99.00")
    await task


@row("F36")
async def stop_and_target_in_one_candle(floor: FaultFloor) -> None:
    await opened(floor)
    floor.frames(FrameEffect.DELAY, ms=3000)
    floor.price("102.20")
    floor.price("98.90")
    await floor.rest(10)
    assert (floor.size(), floor.held()) == (D(0), D(0))


@row("F37")
async def a_gap_far_through_the_stop(floor: FaultFloor) -> None:
    """The bot has no stop-limits: its stop goes to the market, however far away."""
    await opened(floor)
    assert [stop.ask.kind for stop in floor.exits(Purpose.STOP)] == [Kind.STOP_MARKET]
    floor.price("92.00")
    await flat(floor, CloseReason.SL, 5)


@row("F38")
async def mark_and_last_apart(floor: FaultFloor) -> None:
    await opened(floor)
    floor.exchange.set_price(floor.symbol, D("97.50"), D("100.50"))
    await floor.rest(3)
    assert floor.held() == WHOLE, "the last price alone triggers nothing"
    floor.exchange.set_price(floor.symbol, D("100.50"), D("97.50"))
    await flat(floor, CloseReason.SL)
    floor.exchange.set_mark(floor.symbol, None)


@row("F39")
async def stops_do_not_stack(floor: FaultFloor) -> None:
    await opened(floor)
    for number in range(25):
        await floor.told(MoveStop(floor.symbol, price=D("99.12") + number * D("0.01")))
        await floor.rest(1)
    await floor.rest(5)
    assert len(floor.exits(Purpose.STOP)) == 1
    assert not any(one.ask.partial for one in floor.account.conditionals)


@row("F39")
async def a_moved_stop_is_told_by_no_frame(floor: FaultFloor) -> None:
    """Bybit amends a whole position's stop in place; whether it says so or not, it is asked after and confirmed."""
    floor.frames(FrameEffect.DROP, "ALGO_UPDATE" if floor.binance else "order*")
    await opened(floor)
    await floor.told(MoveStop(floor.symbol, price=D("99.60")))
    await floor.rest(10)
    assert floor.held() == WHOLE
    assert D("99.60") in {stop.ask.trigger_price for stop in floor.exits(Purpose.STOP)}
    assert floor.state.longest_uncovered_ms < 2_500


@row("F40")
async def a_person_cancels_and_closes(floor: FaultFloor) -> None:
    await opened(floor)
    await floor.cancel_by_hand(Purpose.STOP)
    await floor.rest(6)
    assert len(floor.exits(Purpose.STOP)) == 1
    sent = len(floor.tape.orders())
    await floor.close_by_hand()
    await floor.rest(60)
    assert len(floor.tape.orders()) == sent


@row("F41")
async def a_trailing_stop_does_not_storm(floor: FaultFloor) -> None:
    await opened(floor)
    await floor.told(MoveStop(floor.symbol, trail_atr=D("0.2")))
    since_ms = floor.exchange.now_ms
    for number in range(10):
        base = D("100.60") + number * D("0.1")
        await floor.bar(*(base + step * D("0.02") for step in range(8)))
    moved = len(floor.tape.orders(Purpose.STOP))
    minutes = D(floor.exchange.now_ms - since_ms) / 60_000
    assert 1 < moved <= 12 * minutes
    cancels = sum(floor.words.cancel[-5:] in one.endpoint for one in floor.stage.requests)
    assert cancels <= 12 * minutes
