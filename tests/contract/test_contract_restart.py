"""A desk that ends, in order or killed, in every state of a position, and begins again at a venue that lived on."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from contract_house import EXCHANGES, VENUES, ExchangeFloor, Floor, submits
from contract_play import play
from contract_stories import LONG, NOTHING, SHORT, prices

from bot.domain.command import (
    ClosePosition,
    MoveStop,
    MoveTarget,
    PanicClose,
    SetParameter,
    StartTrading,
    StopTrading,
)
from bot.domain.guard import HaltKind, TradingState
from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, OrderSide, Purpose

D = Decimal
HOW = ("clean", "kill")
ALL = [(venue, how) for venue in VENUES for how in HOW]
ALIVE = [(venue, how) for venue in EXCHANGES for how in HOW]
on_all = pytest.mark.parametrize("venue, how", ALL)
while_down = pytest.mark.parametrize("venue, how", ALIVE)
UNHEARD = {"order"}
"""What became of orders while nobody listened shows as a difference: theirs is absent."""
killed = pytest.mark.parametrize("venue", VENUES)
killed_there = pytest.mark.parametrize("venue", EXCHANGES)


@on_all
def test_flat_and_new(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(NOTHING)
        await floor.again(how)
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.again(how)
        assert prices(floor) == (D("99.11"), D("102.11"))

    play(venue, tmp_path, story)


@on_all
def test_protected_then_again_and_again_sends_nothing(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        before = floor.tape.orders()
        for _ in range(3):
            await floor.again(how)
            await floor.rest(5)
        assert floor.tape.orders() == before
        await floor.bar("102.20")
        await floor.bar(NOTHING)
        assert await floor.reasons() == [CloseReason.TP]

    play(venue, tmp_path, story)


@on_all
def test_moved_stop_without_target_comes_back_as_it_was(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.command(MoveStop(floor.symbol, price=D("99.70")))
        await floor.command(MoveTarget(floor.symbol, None))
        await floor.bar(NOTHING)
        await floor.again(how)
        await floor.bar("100.40")
        (stop,) = floor.live(Purpose.STOP)
        assert (stop.intent.trigger_price, floor.live(Purpose.TARGET)) == (D("99.70"), [])
        await floor.bar("99.60")
        await floor.bar(NOTHING)
        assert floor.size() == 0

    play(venue, tmp_path, story)


@on_all
def test_partly_closed(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.command(ClosePosition(floor.symbol, D(40)))
        await floor.bar(NOTHING)
        await floor.again(how)
        await floor.bar("99.00")
        await floor.bar("99.50")
        (trade,) = await floor.trades()
        assert (trade.quantity, trade.reason) == (D("9.989"), CloseReason.SL)

    play(venue, tmp_path, story)


@on_all
def test_stopped_stays_stopped(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.command(StopTrading())
        await floor.again(how)
        assert floor.state.trading is TradingState.STOPPED
        await floor.bar("102.20")
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        assert floor.size() == 0
        await floor.command(StartTrading())
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        assert floor.size() > 0

    play(venue, tmp_path, story)


@on_all
def test_a_symbol_in_a_persons_hands_stays_there(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        for _ in range(2):
            await floor.cancel_by_hand(Purpose.STOP)
            await floor.bar(NOTHING)
        await floor.again(how)
        await floor.bar(NOTHING)
        assert floor.live(Purpose.STOP) == []
        assert [halt.kind for halt in floor.state.halts] == [HaltKind.FOREIGN]

    play(venue, tmp_path, story)


@on_all
def test_between_the_halves_of_a_reversal(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.bar(SHORT)
        await floor.again(how)
        await floor.bar(NOTHING)
        assert floor.size() < 0
        assert prices(floor) == (D("101.22"), D("98.22"))

    play(venue, tmp_path, story)


# Killed in the middle of a deed


@killed
@pytest.mark.parametrize("purpose", [Purpose.ENTRY, Purpose.STOP, Purpose.TARGET])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_a_submit_of_an_entry_and_its_protection(
    when: str, purpose: Purpose, venue: str, tmp_path: Path
) -> None:
    async def story(floor: Floor) -> None:
        if when == "before":
            floor.tape.hang_before = submits(purpose)
        else:
            floor.tape.hang_after = submits(purpose)
        await floor.bar(LONG)
        assert floor.tape.hung
        await floor.again("kill")
        await floor.rest(15)
        await floor.bar(NOTHING)
        if (purpose, when) == (Purpose.ENTRY, "before"):
            assert floor.size() == 0
        else:
            assert floor.size() == D("9.989")
            assert prices(floor) == (D("99.11"), D("102.11"))
        assert len(floor.tape.orders(Purpose.ENTRY)) == (0 if floor.size() == 0 else 1)

    play(venue, tmp_path, story, excused=UNHEARD)


@killed
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_the_submit_of_a_close(when: str, venue: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.command(SetParameter(floor.symbol, "stop", 0.02))
        if when == "before":
            floor.tape.hang_before = submits(Purpose.CLOSE)
        else:
            floor.tape.hang_after = submits(Purpose.CLOSE)
        await floor.bar(SHORT)
        assert floor.tape.hung
        await floor.again("kill")
        await floor.rest(15)
        await floor.bar(NOTHING)
        assert floor.size() == 0
        assert await floor.reasons() == [CloseReason.REVERSE]

    play(venue, tmp_path, story, excused=UNHEARD)


@killed
def test_killed_while_the_stop_is_moved(venue: str, tmp_path: Path) -> None:
    async def story(floor: Floor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await floor.command(MoveStop(floor.symbol, trail_atr=D(1)))
        floor.tape.hang_after = submits(Purpose.STOP)
        await floor.bar("101.50")
        assert floor.tape.hung
        await floor.again("kill")
        await floor.rest(15)
        await floor.bar("101.40")
        (stop,) = floor.live(Purpose.STOP)
        assert (stop.intent.trigger_price or 0) >= D("100.48")

    play(venue, tmp_path, story, excused=UNHEARD)


# The exchange lives on while nobody is there


@while_down
@pytest.mark.parametrize(
    "price, reason", [("102.20", CloseReason.TP), ("99.00", CloseReason.SL), ("70.00", CloseReason.SL)]
)
def test_an_exit_is_hit_while_the_desk_is_away(
    price: str, reason: CloseReason, venue: str, how: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await (floor.stop() if how == "clean" else floor.kill())
        floor.price(price)
        await floor.rest(130)
        assert floor.held() == 0
        await floor.open()
        await floor.rest(10)
        assert await floor.reasons() == [reason]
        assert floor.account.live_conditionals() == []

    play(venue, tmp_path, story, excused=UNHEARD)


@while_down
def test_a_person_closes_while_the_desk_is_away(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await (floor.stop() if how == "clean" else floor.kill())
        floor.price("101.00")
        await floor.close_by_hand()
        await floor.open()
        await floor.bar(LONG)
        assert await floor.reasons() == [CloseReason.MANUAL]
        assert floor.size() > 0
        await floor.bar(NOTHING)

    play(venue, tmp_path, story, excused=UNHEARD)


@while_down
def test_liquidated_and_paid_for_while_the_desk_is_away(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.command(SetParameter(floor.symbol, "stop", 0.4))
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        await (floor.stop() if how == "clean" else floor.kill())
        await floor.settle_funding("0.0003")
        floor.price("79.00")
        await floor.rest(5)
        await floor.open()
        await floor.bar("80.00")
        (trade,) = await floor.trades()
        assert (trade.reason, trade.funding < 0) == (CloseReason.LIQUIDATION, True)

    play(venue, tmp_path, story, excused=UNHEARD)


@while_down
def test_a_person_opens_while_the_desk_is_away_and_is_asked(venue: str, how: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(NOTHING)
        await floor.bar(LONG)
        await floor.command(ClosePosition(floor.symbol))
        await (floor.stop() if how == "clean" else floor.kill())
        await floor.order_by_hand(OrderSide.SELL, "3")
        await floor.open()
        await floor.bar(LONG)
        assert floor.size() == D(-3)
        assert len(floor.tape.orders(Purpose.ENTRY)) == 1
        assert await floor.notices(NoticeKind.DIFFERENCE, NoticeKind.RECOVERY)
        await floor.command(StartTrading())
        await floor.bar(NOTHING)

    play(venue, tmp_path, story, excused=UNHEARD)


@while_down
def test_an_entry_that_fills_while_the_desk_is_away(venue: str, how: str, tmp_path: Path) -> None:
    """A clean stop takes the rest of the entry back; after a kill it goes on filling. Either way all is covered."""

    async def story(floor: ExchangeFloor) -> None:
        floor.exchange.set_depth(floor.symbol, D(4))
        await floor.bar(LONG)
        await floor.rest(5)
        assert floor.size() == D(4)
        await (floor.stop() if how == "clean" else floor.kill())
        floor.price(LONG)
        floor.exchange.set_depth(floor.symbol, D(0))
        floor.price(LONG)
        await floor.open()
        await floor.rest(10)
        assert floor.size() == (D(4) if how == "clean" else D("9.989"))
        assert prices(floor) == (D("99.11"), D("102.11"))
        await floor.bar("99.00")
        await floor.bar("99.50")
        assert await floor.reasons() == [CloseReason.SL]

    play(venue, tmp_path, story, excused=UNHEARD)


@killed_there
def test_killed_in_a_panic(venue: str, tmp_path: Path) -> None:
    """The close is on its way and fills in parts: the next start carries it on, and trading stays stopped."""

    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        floor.exchange.set_depth(floor.symbol, D(4))
        asking = asyncio.ensure_future(floor.command(PanicClose()))
        await floor.rest(2)
        assert floor.held() == D("5.989")
        await floor.kill()
        asking.cancel()
        floor.exchange.set_depth(floor.symbol, D(0))
        floor.price("100.40")
        await floor.open()
        await floor.rest(20)
        await floor.bar(LONG)
        assert (floor.size(), floor.state.trading) == (0, TradingState.STOPPED)
        assert await floor.reasons() == [CloseReason.PANIC]

    play(venue, tmp_path, story, excused=UNHEARD)


@killed_there
def test_a_kill_of_the_kind_that_leaves_what_nobody_remembers(venue: str, tmp_path: Path) -> None:
    """Flat, and an order of ours rests that no record knows as live: it goes."""

    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(LONG)
        await floor.bar(NOTHING)
        floor.tape.hang_before = lambda deed: type(deed).__name__ == "Cancel"
        floor.price("102.20")
        await floor.rest(5)
        await floor.again("kill")
        await floor.bar(NOTHING)
        assert floor.account.live_conditionals() == []
        assert await floor.reasons() == [CloseReason.TP]

    play(venue, tmp_path, story, excused=UNHEARD)
