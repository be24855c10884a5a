"""Stories of positions that every venue can tell: paper and both exchanges, and the two exchanges alike."""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from contract_house import Floor

from bot.domain.command import (
    CloseAll,
    ClosePosition,
    Done,
    MoveStop,
    MoveTarget,
    PanicClose,
    Pause,
    SetParameter,
    StartTrading,
    Unhalt,
)
from bot.domain.guard import HaltKind, TradingState
from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, OrderSide, OrderType, Purpose
from bot.domain.refusal import Refused

D = Decimal
LONG, SHORT, NOTHING = "100.11", "100.22", "100.50"
"""Closes that say so."""
STORIES: dict[str, Callable[[Floor], Awaitable[None]]] = {}


def story(tell: Callable[[Floor], Awaitable[None]]) -> Callable[[Floor], Awaitable[None]]:
    """One of the stories that all venues share."""
    STORIES[tell.__name__] = tell
    return tell


def prices(floor: Floor) -> tuple[Decimal | None, Decimal | None]:
    """Where the one stop and the one target of the first symbol rest."""
    (stop,), (target,) = floor.live(Purpose.STOP), floor.live(Purpose.TARGET)
    return stop.intent.trigger_price, target.intent.trigger_price


@story
async def a_long_gets_stop_and_target(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert floor.size() == D("9.989")
    assert prices(floor) == (D("99.11"), D("102.11"))


@story
async def a_short_gets_stop_and_target(floor: Floor) -> None:
    await floor.bar(SHORT)
    await floor.bar(NOTHING)
    assert floor.size() < 0
    assert prices(floor) == (D("101.22"), D("98.22"))


@story
async def no_signal_no_order(floor: Floor) -> None:
    await floor.bar(NOTHING)
    await floor.bar("101.00", "99.00", "100.00")
    assert floor.tape.orders() == []


@story
async def the_target_is_hit_and_the_stop_goes(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar("101.50", "102.15", "102.00")
    await floor.bar(NOTHING)
    assert await floor.reasons() == [CloseReason.TP]
    assert (await floor.trades())[0].net > 0


@story
async def the_stop_is_hit_and_the_target_goes(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar("99.05", "99.30")
    await floor.bar("99.50")
    assert await floor.reasons() == [CloseReason.SL]
    assert (await floor.trades())[0].net < 0


@story
async def a_short_is_stopped_out_and_entered_again(floor: Floor) -> None:
    await floor.bar(SHORT)
    await floor.bar("101.30", "101.00")
    await floor.bar("100.22")
    await floor.bar("98.20", "98.50")
    await floor.bar("98.60")
    assert await floor.reasons() == [CloseReason.SL, CloseReason.TP]


@story
async def an_opposite_signal_turns_the_position(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.bar(SHORT)
    await floor.bar(NOTHING)
    assert await floor.reasons() == [CloseReason.REVERSE]
    assert floor.size() < 0
    assert prices(floor) == (D("101.22"), D("98.22"))


@story
async def turned_around_and_around(floor: Floor) -> None:
    for close in (LONG, SHORT, "101.11", "101.22", LONG):
        await floor.bar(close)
    await floor.bar(NOTHING)
    assert await floor.reasons() == [CloseReason.REVERSE] * 4
    assert floor.size() > 0


@story
async def the_stop_trails(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    done = await floor.command(MoveStop(floor.symbol, trail_atr=D("1")))
    assert isinstance(done, Done)
    for close in ("101.00", "101.50", "102.00"):
        await floor.bar(close)
    (stop,) = floor.live(Purpose.STOP)
    assert (stop.intent.trigger_price or 0) > D("100.90")
    await floor.bar("100.50", "100.60")
    await floor.bar("100.70")
    assert await floor.reasons() == [CloseReason.TRAIL]


@story
async def the_stop_is_moved_and_the_new_one_rests_before_the_old_one_goes(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    for price in ("99.40", "99.60", "98.00"):
        done = await floor.command(MoveStop(floor.symbol, price=D(price)))
        assert isinstance(done, Done), done
        await floor.bar(NOTHING)
        assert prices(floor) == (D(price), D("102.11"))
    refused = await floor.command(MoveStop(floor.symbol, price=D("100.90")))
    assert isinstance(refused, Refused)
    await floor.bar("97.90", "98.10")
    assert await floor.reasons() == [CloseReason.SL]


@story
async def break_even_covers_the_fees(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar("101.50")
    assert isinstance(await floor.command(MoveStop(floor.symbol, break_even=True)), Done)
    await floor.bar("101.40")
    (stop,) = floor.live(Purpose.STOP)
    assert (stop.intent.trigger_price or 0) > D(LONG)
    await floor.bar(str(stop.intent.trigger_price), "100.15")
    assert len(await floor.trades()) == 1


@story
async def the_target_is_moved_and_taken_away(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert isinstance(await floor.command(MoveTarget(floor.symbol, D("101.50"))), Done)
    await floor.bar(NOTHING)
    assert prices(floor) == (D("99.11"), D("101.50"))
    assert isinstance(await floor.command(MoveTarget(floor.symbol, None)), Done)
    await floor.bar("103.00")
    assert (len(floor.live(Purpose.STOP)), floor.live(Purpose.TARGET)) == (1, [])
    assert isinstance(await floor.command(ClosePosition(floor.symbol)), Done)
    await floor.bar("103.00")
    assert await floor.reasons() == [CloseReason.MANUAL]


@story
async def a_part_is_closed_and_the_rest_stays_covered(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    done = await floor.command(ClosePosition(floor.symbol, D(40)))
    assert isinstance(done, Done)
    assert (done.receipts[0].done, done.receipts[0].left) == (D("3.995"), D(0))
    await floor.bar(NOTHING)
    assert floor.size() == D("5.994")
    assert prices(floor) == (D("99.11"), D("102.11"))
    await floor.bar("99.00")
    await floor.bar("99.50")
    (trade,) = await floor.trades()
    assert (trade.quantity, trade.reason) == (D("9.989"), CloseReason.SL)


@story
async def an_operator_closes_and_gets_a_receipt_that_is_true(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar("100.90")
    done = await floor.command(ClosePosition(floor.symbol))
    assert isinstance(done, Done)
    (receipt,) = done.receipts
    (trade,) = await floor.trades()
    assert (receipt.done, receipt.left, receipt.net) == (D("9.989"), 0, trade.net)
    assert done.remarks == ("flat, verified with the venue",)
    await floor.bar(NOTHING)


@story
async def a_person_closes_at_the_venue(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.close_by_hand()
    await floor.bar("100.60")
    assert await floor.reasons() == [CloseReason.MANUAL]
    assert [order.purpose for order in floor.tape.orders()] == [Purpose.ENTRY, Purpose.STOP, Purpose.TARGET]
    assert len(await floor.notices(NoticeKind.EXIT)) == 1


@story
async def a_person_reduces_and_the_rest_stays_covered(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.order_by_hand(OrderSide.SELL, "4")
    await floor.bar(NOTHING)
    assert floor.size() == D("5.989")
    assert prices(floor) == (D("99.11"), D("102.11"))
    await floor.bar("102.20")
    await floor.bar(NOTHING)
    assert await floor.reasons() == [CloseReason.TP]


@story
async def a_person_adds_and_it_is_covered_too(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.order_by_hand(OrderSide.BUY, "2")
    await floor.bar(NOTHING)
    assert floor.size() == D("11.989")
    assert await floor.notices(NoticeKind.DIFFERENCE)
    await floor.bar("99.00")
    await floor.bar("99.50")
    assert floor.size() == 0


@story
async def a_person_opens_and_is_told_about_and_left_alone(floor: Floor) -> None:
    await floor.bar(NOTHING)
    await floor.order_by_hand(OrderSide.BUY, "3")
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert (floor.size(), floor.tape.orders()) == (D(3), [])
    assert [halt.kind for halt in floor.state.halts] == [HaltKind.FOREIGN]
    await floor.close_by_hand()
    await floor.command(Unhalt(floor.symbol))
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert floor.size() == D("9.989")


@story
async def a_person_turns_the_position_around(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.order_by_hand(OrderSide.SELL, "15")
    await floor.bar(NOTHING)
    assert floor.size() == D("-5.011")
    assert [halt.kind for halt in floor.state.halts] == [HaltKind.FOREIGN]
    assert floor.live(Purpose.STOP) == floor.live(Purpose.TARGET) == []


@story
async def a_person_cancels_the_stop_and_it_is_put_back_once(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.cancel_by_hand(Purpose.STOP)
    await floor.bar(NOTHING)
    assert prices(floor) == (D("99.11"), D("102.11"))
    assert len(await floor.notices(NoticeKind.PROTECTION)) == 1
    await floor.cancel_by_hand(Purpose.STOP)
    await floor.bar(NOTHING)
    assert floor.live(Purpose.STOP) == []
    assert [halt.kind for halt in floor.state.halts] == [HaltKind.FOREIGN]


@story
async def a_person_cancels_the_target_twice(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    for _ in range(2):
        await floor.cancel_by_hand(Purpose.TARGET)
        await floor.bar(NOTHING)
    assert (len(floor.live(Purpose.STOP)), floor.live(Purpose.TARGET)) == (1, [])
    await floor.bar("99.00")
    await floor.bar("99.50")
    assert await floor.reasons() == [CloseReason.SL]


@story
async def without_a_stop_it_ends_in_liquidation(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    for _ in range(2):
        await floor.cancel_by_hand(Purpose.STOP)
        await floor.bar(NOTHING)
    for close in ("95.00", "90.00", "85.00", "80.00", "75.00"):
        await floor.bar(close)
    await floor.bar("75.50")
    assert await floor.reasons() == [CloseReason.LIQUIDATION]


@story
async def funding_is_paid_and_received(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.settle_funding("0.0005")
    paid = floor.state.symbols[floor.symbol].open_trade.funding
    assert paid < 0
    await floor.settle_funding("-0.0009")
    await floor.settle_funding("0.0001")
    assert floor.state.symbols[floor.symbol].open_trade.funding > 0
    done = await floor.command(ClosePosition(floor.symbol))
    assert isinstance(done, Done)
    (trade,) = await floor.trades()
    assert trade.funding > 0
    assert done.receipts[0].net == trade.net
    await floor.bar(NOTHING)


@story
async def a_short_is_paid_funding(floor: Floor) -> None:
    await floor.bar(SHORT)
    await floor.bar(NOTHING)
    await floor.settle_funding("0.0005")
    await floor.bar("101.30")
    await floor.bar("101.00")
    (trade,) = await floor.trades()
    assert (trade.reason, trade.funding > 0) == (CloseReason.SL, True)


@story
async def panic_flattens_and_stops(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    done = await floor.command(PanicClose())
    assert isinstance(done, Done)
    assert done.remarks == ("flat, verified with the venue",)
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert (floor.size(), floor.state.trading) == (0, TradingState.STOPPED)
    assert await floor.reasons() == [CloseReason.PANIC]
    await floor.command(StartTrading())
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert floor.size() > 0


@story
async def a_pause_keeps_protection(floor: Floor) -> None:
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    await floor.command(Pause())
    await floor.bar("99.00")
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert await floor.reasons() == [CloseReason.SL]
    assert floor.size() == 0
    assert len(floor.tape.orders(Purpose.ENTRY)) == 1


@story
async def other_distances_from_the_next_bar_on(floor: Floor) -> None:
    await floor.command(SetParameter(floor.symbol, "stop", 0.03))
    await floor.command(SetParameter(floor.symbol, "target", 0.01))
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    (stop,), (target,) = floor.live(Purpose.STOP), floor.live(Purpose.TARGET)
    assert (stop.intent.type, target.intent.type) == (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)
    assert prices(floor) == (D("97.11"), D("101.11"))
    assert isinstance(await floor.command(CloseAll()), Done)
    await floor.bar(NOTHING)
