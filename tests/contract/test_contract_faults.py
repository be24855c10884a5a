"""What goes wrong between the desk and an exchange: lost answers, refusals, frames that never come, forced closes."""

from decimal import Decimal
from pathlib import Path

import pytest
from contract_house import ACCOUNT, EXCHANGES, ExchangeFloor
from contract_play import play
from contract_stories import LONG, NOTHING, SHORT, prices

from bot.domain.account import Book
from bot.domain.command import ClosePosition, Done, MoveStop, PanicClose
from bot.domain.guard import HaltKind, TradingState
from bot.domain.notice import NoticeKind
from bot.domain.order import CloseReason, OrderStatus, Purpose
from sandbox.exchange.nouns import ConditionalStatus, IncomeKind
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect, on_frame, on_request

D = Decimal
PLACE = {"binance": "POST order", "bybit": "POST order/create"}
STOP = {"binance": "POST algoOrder", "bybit": "POST position/trading-stop"}
CANCEL = {"binance": "DELETE algoOrder", "bybit": "POST position/trading-stop"}
FILLS = {"binance": "ORDER_TRADE_UPDATE", "bybit": "execution*"}
CANDLES = {"binance": "*kline*", "bybit": "kline*"}
NEWS = ("[A-Z]*_*", "execution*", "order*", "position*", "wallet*")
"""What the user stream tells, but for answers and heartbeats: without those it would be known to be down."""
PRIVATE = {"binance": "/private/*", "bybit": "*/private"}
EXECUTED = (RequestEffect.CUT_AFTER, RequestEffect.OVERLOADED_AFTER, RequestEffect.UNKNOWN_AFTER)
"""The exchange has done it and says that it has not, that it does not know, or nothing."""
NOT_EXECUTED = (RequestEffect.CUT_BEFORE, RequestEffect.OVERLOADED_BEFORE, RequestEffect.UNKNOWN_BEFORE)
on_both = pytest.mark.parametrize("venue", EXCHANGES)


async def entered(floor: ExchangeFloor) -> None:
    """A long that is covered."""
    await floor.bar(LONG)
    await floor.bar(NOTHING)
    assert prices(floor) == (D("99.11"), D("102.11"))


# Answers of orders


@on_both
@pytest.mark.parametrize("effect", [*EXECUTED, RequestEffect.GARBAGE])
def test_the_answer_to_an_entry_is_lost_after_it_was_executed(
    effect: RequestEffect, venue: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.arm(on_request(effect, PLACE[venue], times=1))
        await floor.bar(LONG)
        await floor.rest(20)
        assert prices(floor) == (D("99.11"), D("102.11"))
        assert len(floor.account.trades) == 1

    play(venue, tmp_path, story)


@on_both
@pytest.mark.parametrize("effect", NOT_EXECUTED)
def test_an_entry_that_never_arrived_is_not_sent_again(
    effect: RequestEffect, venue: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.arm(on_request(effect, PLACE[venue], times=1))
        await floor.bar(LONG)
        await floor.rest(40)
        assert (floor.account.trades, len(floor.tape.orders())) == ([], 1)
        (order,) = floor.state.symbols[floor.symbol].past_orders.values()
        assert (order.status, order.filled) == (OrderStatus.EXPIRED, 0)
        await floor.bar(LONG)
        assert floor.size() > 0

    play(venue, tmp_path, story, excused={"order"})


@on_both
@pytest.mark.parametrize("effect", [*EXECUTED, *NOT_EXECUTED, RequestEffect.GARBAGE, RequestEffect.REFUSE])
def test_whatever_becomes_of_the_first_stop_the_position_is_covered(
    effect: RequestEffect, venue: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.arm(on_request(effect, STOP[venue], times=1))
        await floor.bar(LONG)
        await floor.rest(30)
        await floor.bar(NOTHING)
        if floor.size():
            assert prices(floor) == (D("99.11"), D("102.11"))
            await floor.bar("99.00")
            await floor.bar("99.50")
        assert (await floor.reasons())[0] in (CloseReason.SL, CloseReason.EMERGENCY)
        assert floor.state.longest_uncovered_ms <= 6_000

    play(venue, tmp_path, story, excused={"order"})


@on_both
@pytest.mark.parametrize("effect", [*EXECUTED, *NOT_EXECUTED, RequestEffect.GARBAGE])
def test_whatever_becomes_of_a_close_the_position_is_closed_once(
    effect: RequestEffect, venue: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.arm(on_request(effect, PLACE[venue], times=1))
        done = await floor.command(ClosePosition(floor.symbol))
        assert isinstance(done, Done)
        assert done.remarks == ("flat, verified with the venue",)
        await floor.rest(20)
        assert await floor.reasons() == [CloseReason.MANUAL]
        assert len(floor.account.trades) == 2

    play(venue, tmp_path, story, excused={"order"})


@on_both
@pytest.mark.parametrize("effect", [*EXECUTED, *NOT_EXECUTED])
def test_a_cancel_without_an_answer_leaves_no_orphan(
    effect: RequestEffect, venue: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.arm(on_request(effect, CANCEL[venue], times=2))
        await floor.bar("102.20")
        await floor.rest(60)
        assert await floor.reasons() == [CloseReason.TP]
        assert floor.account.live_conditionals() == []

    play(venue, tmp_path, story, excused={"order"})


@on_both
def test_an_entry_taken_back_after_its_acknowledgement(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.arm(on_request(RequestEffect.REJECT_LATER, PLACE[venue], times=1))
        await floor.bar(LONG)
        await floor.rest(5)
        assert (floor.size(), floor.account.trades) == (0, [])
        assert await floor.notices(NoticeKind.ORDER_REJECTED)
        await floor.bar(LONG)
        assert floor.size() > 0

    play(venue, tmp_path, story)


@on_both
def test_a_close_taken_back_after_its_acknowledgement_is_tried_again(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.arm(on_request(RequestEffect.REJECT_LATER, PLACE[venue], times=1))
        done = await floor.command(PanicClose())
        assert isinstance(done, Done)
        await floor.rest(5)
        assert (floor.held(), await floor.reasons()) == (0, [CloseReason.PANIC])

    play(venue, tmp_path, story)


@on_both
def test_too_many_requests_while_a_stop_is_due(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.arm(on_request(RequestEffect.TOO_MANY, STOP[venue], times=2))
        await floor.bar(LONG)
        await floor.rest(30)
        await floor.bar(NOTHING)
        assert floor.state.longest_uncovered_ms <= 6_000
        assert floor.size() == 0 or prices(floor) == (D("99.11"), D("102.11"))

    play(venue, tmp_path, story, excused={"order"})


# Triggers, depth, forced closes


@on_both
def test_a_stop_refused_at_its_trigger_is_closed_at_market(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.hand("refuse", symbol=floor.symbol)
        await floor.bar("99.00", "98.90")
        await floor.rest(10)
        assert (floor.held(), await floor.reasons()) == (0, [CloseReason.SL])
        assert floor.account.live_conditionals() == []

    play(venue, tmp_path, story)


@on_both
def test_a_stop_that_hangs_at_its_trigger_is_given_up_after_a_while(venue: str, tmp_path: Path) -> None:
    """Nobody can cancel it, says the exchange; that it goes at last is for the exchange to do."""

    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.hand("stick", symbol=floor.symbol)
        await floor.bar("99.00", "98.90")
        await floor.rest(30)
        assert floor.held() == 0
        (stuck,) = floor.account.live_conditionals()
        assert stuck.status is ConditionalStatus.TRIGGERING
        floor.account.triggers.end(stuck, ConditionalStatus.EXPIRED, "at last")  # type: ignore[attr-defined]
        await floor.bar("98.80")

    play(venue, tmp_path, story, excused={"order"})


@on_both
def test_a_stop_that_the_exchange_removes_is_put_back(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        (row,) = floor.exits(Purpose.STOP)
        floor.hand("expire", id=row.conditional_id)
        await floor.rest(5)
        assert prices(floor) == (D("99.11"), D("102.11"))
        assert len(floor.exits(Purpose.STOP)) == 1

    play(venue, tmp_path, story)


@on_both
def test_an_entry_that_fills_in_parts_is_covered_all_the_time(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.exchange.set_depth(floor.symbol, D(3))
        await floor.bar(LONG)
        for filled in ("3", "6", "9", "9.989"):
            assert floor.held() == D(filled)
            assert len(floor.exits(Purpose.STOP)) == 1
            floor.price(LONG)
            await floor.rest(2)
        await floor.bar(NOTHING)
        assert prices(floor) == (D("99.11"), D("102.11"))
        assert len(floor.account.trades) == 4

    play(venue, tmp_path, story)


@on_both
def test_an_entry_filled_in_parts_is_stopped_out_before_it_is_whole(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.exchange.set_depth(floor.symbol, D(3))
        await floor.bar(LONG)
        floor.price("99.00")
        await floor.rest(10)
        for _ in range(4):
            floor.price("98.90")
            await floor.rest(5)
        floor.exchange.set_depth(floor.symbol, D(0))
        await floor.bar("97.00")
        assert (floor.held(), floor.account.live_orders()) == (0, [])

    play(venue, tmp_path, story)


@on_both
def test_a_close_that_fills_in_parts(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.exchange.set_depth(floor.symbol, D(4))
        await floor.bar(SHORT)
        for _ in range(6):
            floor.price(NOTHING)
            await floor.rest(3)
        assert await floor.reasons() == [CloseReason.REVERSE]
        assert floor.size() == floor.held() < 0

    play(venue, tmp_path, story)


@on_both
def test_a_stop_that_fills_in_parts(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.exchange.set_depth(floor.symbol, D(4))
        for price in ("99.00", "98.90", "98.80", "98.70"):
            floor.price(price)
            await floor.rest(3)
        assert (floor.held(), await floor.reasons()) == (0, [CloseReason.SL])

    play(venue, tmp_path, story)


@on_both
def test_liquidation(venue: str, tmp_path: Path) -> None:
    """At a price where margin is left, the exchange keeps a clearance fee: it is shown as a difference, exactly."""

    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.hand("liquidate", symbol=floor.symbol)
        await floor.rest(5)
        await floor.bar("100.60")
        assert await floor.reasons() == [CloseReason.LIQUIDATION]
        kept = sum(one.amount for one in floor.account.income if one.kind is IncomeKind.INSURANCE_CLEAR)
        entries = await floor.house.database.ledger(ACCOUNT).entries(0)
        assert sum(-entry.amount(Book.DIFFERENCE) for entry in entries) == kept < 0
        assert await floor.notices(NoticeKind.DIFFERENCE)
        assert floor.account.live_conditionals() == []

    play(venue, tmp_path, story, excused={"wallet"})


@on_both
def test_a_part_is_deleveraged_and_the_rest_stays_covered(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.hand("deleverage", symbol=floor.symbol, quantity="4")
        await floor.rest(5)
        assert floor.size() == D("5.989")
        assert prices(floor) == (D("99.11"), D("102.11"))
        await floor.bar("102.20")
        await floor.bar(NOTHING)
        assert await floor.reasons() == [CloseReason.TP]

    play(venue, tmp_path, story)


@on_both
def test_all_of_it_is_deleveraged(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.hand("deleverage", symbol=floor.symbol, quantity="9.989")
        await floor.rest(5)
        await floor.bar("100.60")
        assert len(await floor.trades()) == 1
        assert floor.account.live_conditionals() == []

    play(venue, tmp_path, story)


# Streams


@on_both
@pytest.mark.parametrize("effect", [FrameEffect.DROP, FrameEffect.DUPLICATE, FrameEffect.SWAP])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_frame_of_fills_is_lost_doubled_or_late(
    nth: int, effect: FrameEffect, venue: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        floor.arm(on_frame(effect, FILLS[venue], nth=nth, times=1))
        await floor.bar(LONG)
        await floor.rest(20)
        assert prices(floor) == (D("99.11"), D("102.11"))
        await floor.bar("102.20")
        await floor.rest(330)
        assert await floor.reasons() == [CloseReason.TP]

    play(venue, tmp_path, story, excused={"order"})


@on_both
@pytest.mark.parametrize("effect", [FrameEffect.DROP, FrameEffect.DUPLICATE])
def test_every_private_frame_is_lost_or_doubled(effect: FrameEffect, venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(NOTHING)
        floor.arm(*(on_frame(effect, name, socket=PRIVATE[venue]) for name in NEWS))
        await floor.bar(LONG)
        await floor.rest(200)
        assert prices(floor) == (D("99.11"), D("102.11"))
        floor.price("102.20")
        await floor.rest(200)
        assert await floor.reasons() == [CloseReason.TP]

    play(venue, tmp_path, story, excused={"order"})


@on_both
@pytest.mark.parametrize("code", [1001, 1006])
def test_the_user_stream_is_cut_and_what_happened_is_booked_once(
    code: int, venue: str, tmp_path: Path
) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.hand("cut", path="*private*", code=code)
        floor.price("102.20")
        await floor.rest(30)
        assert await floor.reasons() == [CloseReason.TP]
        assert len(await floor.notices(NoticeKind.STREAM)) == 2
        await floor.bar(LONG)
        assert floor.size() > 0

    play(venue, tmp_path, story, excused={"order"})


@on_both
def test_the_user_stream_falls_silent_and_is_found_out(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.arm(on_frame(FrameEffect.HALF_OPEN, "*", socket=PRIVATE[venue], times=1))
        floor.price("102.20")
        await floor.rest(150)
        assert await floor.reasons() == [CloseReason.TP]
        assert floor.account.live_conditionals() == []

    play(venue, tmp_path, story, excused={"order"})


@pytest.mark.parametrize("venue", ["binance"])
def test_the_listen_key_expires(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.hand("expire keys")
        floor.price("99.00")
        await floor.rest(30)
        assert await floor.reasons() == [CloseReason.SL]

    play(venue, tmp_path, story, excused={"order"})


@on_both
def test_candle_frames_are_lost_and_repaired_by_asking(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(NOTHING)
        floor.arm(on_frame(FrameEffect.DROP, CANDLES[venue], until_s=200))
        await floor.bar(LONG)
        await floor.rest(10)
        assert floor.size() > 0
        await floor.bar(NOTHING)
        await floor.rest(10)
        await floor.bar("100.40")
        assert floor.state.last_bar_at_ms >= floor.exchange.now_ms - 30_000

    play(venue, tmp_path, story)


@on_both
def test_market_sockets_are_cut_over_several_bars(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(NOTHING)
        floor.arm(on_request(RequestEffect.REFUSE, "WS *", until_s=150))
        floor.hand("cut", path="*", code=1006)
        await floor.bar("101.00")
        await floor.bar("102.00")
        await floor.rest(60)
        await floor.bar(LONG)
        await floor.rest(10)
        await floor.bar(NOTHING)
        assert floor.size() > 0
        assert floor.state.link_up

    play(venue, tmp_path, story)


@on_both
def test_maintenance(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.arm(on_request(RequestEffect.MAINTENANCE, "*", until_s=120))
        await floor.bar(NOTHING)
        floor.price("102.20")
        await floor.rest(130)
        await floor.bar(NOTHING)
        assert floor.state.trading is TradingState.ACTIVE
        await floor.rest(60)
        assert [halt.kind for halt in floor.state.halts if halt.kind is not HaltKind.ERRORS] == []
        assert await floor.reasons() == [CloseReason.TP]

    play(venue, tmp_path, story, excused={"order"})


@on_both
def test_a_moved_stop_whose_answer_is_lost(venue: str, tmp_path: Path) -> None:
    async def story(floor: ExchangeFloor) -> None:
        await entered(floor)
        floor.arm(on_request(RequestEffect.CUT_AFTER, STOP[venue], times=1))
        await floor.command(MoveStop(floor.symbol, price=D("99.80")))
        await floor.rest(20)
        await floor.bar("100.40")
        assert prices(floor) == (D("99.80"), D("102.11"))

    play(venue, tmp_path, story, excused={"order"})


@on_both
def test_an_entry_that_nobody_confirms_while_the_answers_lag(venue: str, tmp_path: Path) -> None:
    """Its answer is lost, its frames are, and questions are answered from two seconds ago: absence proves nothing.

    The wallet is not from two seconds ago: it may be ahead of the fills, and is in line again when they come.
    """

    async def story(floor: ExchangeFloor) -> None:
        await floor.bar(NOTHING)
        floor.arm(
            on_request(RequestEffect.CUT_AFTER, PLACE[venue], times=1),
            on_request(RequestEffect.LAG, "GET *", ms=2000),
            *(on_frame(FrameEffect.DROP, name, socket=PRIVATE[venue], until_s=70) for name in NEWS),
        )
        await floor.bar(LONG)
        await floor.rest(20)
        assert len(floor.account.trades) == 1
        assert prices(floor) == (D("99.11"), D("102.11"))
        (entry,) = floor.tape.orders(Purpose.ENTRY)
        order = floor.state.symbols[floor.symbol].past_orders[entry.client_id]
        assert order.status is OrderStatus.FILLED
        entries = await floor.house.database.ledger(ACCOUNT).entries(0)
        assert sum(entry.amount(Book.DIFFERENCE) for entry in entries) == 0

    play(venue, tmp_path, story, excused={"wallet"})
