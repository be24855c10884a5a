"""Bybit: orders out, stops as properties of positions, what became of them."""

import asyncio
import json
from decimal import Decimal

import pytest
from bybit_dialect_kit import (
    BTC,
    NOW_MS,
    Stand,
    execution_row,
    frame,
    listed,
    ok,
    order,
    order_row,
    position_row,
    refused,
    stand,
    stop,
    stop_row,
    target,
)

from bot.domain.event import Call, CallEnded, Filled, OrderUpdated, Outcome
from bot.domain.modes import PositionMode
from bot.domain.order import OrderSide, OrderStatus, OrderType, Purpose, TimeInForce
from bot.venues.ccxt_venue.wire import Ask, Lane
from bot.venues.matching import Code

CREATE = "privatePostV5OrderCreate"
CANCEL = "privatePostV5OrderCancel"
STOP = "privatePostV5PositionTradingStop"
REALTIME = "privateGetV5OrderRealtime"
HISTORY = "privateGetV5OrderHistory"
EXECUTIONS = "privateGetV5ExecutionList"
HEDGE = PositionMode.HEDGE
SELL, BUY = OrderSide.SELL, OrderSide.BUY


class TestSubmit:
    async def test_a_market_entry(self) -> None:
        desk = stand()
        desk.gateway.on(CREATE, ok(orderId="77", orderLinkId="a"))
        ended = await desk.dialect.submit(order("a"))
        assert ended == CallEnded(NOW_MS, "a", BTC, Call.SUBMIT, Outcome.DONE, "", "77")
        assert desk.gateway.of(CREATE) == [
            {
                "category": "linear",
                "symbol": BTC,
                "side": "Buy",
                "orderType": "Market",
                "qty": "0.010",
                "orderLinkId": "a",
                "positionIdx": 0,
            }
        ]
        assert desk.gateway.asks[0].lane is Lane.ENTRY
        assert desk.gateway.asks[0].changes

    @pytest.mark.parametrize(
        "ours,theirs",
        [
            (TimeInForce.GTC, "GTC"),
            (TimeInForce.IOC, "IOC"),
            (TimeInForce.FOK, "FOK"),
            (TimeInForce.GTX, "PostOnly"),
        ],
    )
    async def test_a_limit_order_lasts_as_asked(self, ours: TimeInForce, theirs: str) -> None:
        desk = stand()
        await desk.dialect.submit(order("a", kind=OrderType.LIMIT, price="49999.5", time_in_force=ours))
        sent = desk.gateway.of(CREATE)[0]
        assert (sent["orderType"], sent["price"], sent["timeInForce"]) == ("Limit", "49999.5", theirs)
        assert "reduceOnly" not in sent

    async def test_a_close_can_only_reduce_and_goes_first(self) -> None:
        desk = stand()
        await desk.dialect.submit(order("a", SELL, Purpose.CLOSE))
        assert desk.gateway.of(CREATE)[0]["reduceOnly"] is True
        assert desk.gateway.asks[0].lane is Lane.PROTECT

    @pytest.mark.parametrize(
        "side,purpose,index",
        [
            (BUY, Purpose.ENTRY, 1),
            (SELL, Purpose.ENTRY, 2),
            (SELL, Purpose.CLOSE, 1),
            (BUY, Purpose.CLOSE, 2),
        ],
    )
    async def test_hedge_legs(self, side: OrderSide, purpose: Purpose, index: int) -> None:
        desk = stand(HEDGE)
        await desk.dialect.submit(order("a", side, purpose))
        assert desk.gateway.of(CREATE)[0]["positionIdx"] == index

    async def test_an_acknowledgement_without_an_id_is_none(self) -> None:
        desk = stand()
        desk.gateway.on(CREATE, ok())
        assert (await desk.dialect.submit(order("a"))).outcome is Outcome.UNKNOWN

    async def test_a_lost_answer_is_unknown(self) -> None:
        desk = stand()
        desk.gateway.on(CREATE, (0, "timeout"))
        ended = await desk.dialect.submit(order("a"))
        assert (ended.outcome, ended.code) == (Outcome.UNKNOWN, "timeout")
        assert len(desk.gateway.asks) == 1

    @pytest.mark.parametrize(
        "code,words,ours",
        [
            (110017, "orderQty will be truncated to zero", Code.REDUCE_ONLY),
            (110094, "Order does not meet minimum order value", Code.MIN_NOTIONAL),
            (110007, "ab not enough for new order", Code.MARGIN),
            (110003, "Order price exceeds the allowable range.", Code.NO_PRICE),
            (10001, "The number of contracts exceeds maximum limit allowed: too large", Code.ABOVE_MAXIMUM),
            (110074, "This contract is not live", Code.NOT_TRADING),
        ],
    )
    async def test_refusals_have_the_numbers_the_engine_knows(
        self, code: int, words: str, ours: Code, caplog: pytest.LogCaptureFixture
    ) -> None:
        desk = stand()
        desk.gateway.on(CREATE, refused(code, words))
        with caplog.at_level("INFO"):
            ended = await desk.dialect.submit(order("a", SELL, Purpose.CLOSE))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, ours.value)
        assert f"[{code}]" in caplog.text

    async def test_a_conditional_entry_is_none_of_ours(self) -> None:
        desk = stand()
        ended = await desk.dialect.submit(order("a", kind=OrderType.STOP_MARKET, trigger="60000"))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, "unsupported")
        assert desk.gateway.asks == []


def claims(desk: Stand, key: str = f"bybit-slot:{BTC}:0:stop") -> list[dict[str, object]]:
    """What the memory holds of a slot."""
    found: list[dict[str, object]] = json.loads(desk.memory.kept.get(key, "[]"))
    return found


class TestStops:
    async def test_it_is_a_property_of_the_position(self) -> None:
        desk = stand()
        ended = await desk.dialect.submit(stop("s1", "48000.5"))
        assert ended.outcome is Outcome.DONE
        assert desk.gateway.of(STOP) == [
            {
                "category": "linear",
                "symbol": BTC,
                "positionIdx": 0,
                "tpslMode": "Full",
                "stopLoss": "48000.5",
                "slTriggerBy": "MarkPrice",
                "slOrderType": "Market",
            }
        ]

    async def test_a_target_leaves_the_stop_alone(self) -> None:
        desk = stand(HEDGE)
        await desk.dialect.submit(target("t1", "40000", BUY))
        sent = desk.gateway.of(STOP)[0]
        assert (sent["takeProfit"], sent["tpTriggerBy"], sent["positionIdx"]) == ("40000", "MarkPrice", 2)
        assert "stopLoss" not in sent

    async def test_whose_stop_it_is_is_written_before_it_is_set(self) -> None:
        desk = stand()
        seen_by_the_venue: list[list[dict[str, object]]] = []

        def venue(ask: Ask) -> object:
            seen_by_the_venue.append(claims(desk))
            return (0, "cut")

        desk.gateway.on(STOP, venue)
        ended = await desk.dialect.submit(stop("s1", "48000"))
        assert ended.outcome is Outcome.UNKNOWN
        assert [claim["id"] for claim in seen_by_the_venue[0]] == ["s1"]

    async def test_a_database_that_is_away_does_not_keep_a_position_naked(self) -> None:
        desk = stand()
        desk.memory.broken = True
        assert (await desk.dialect.submit(stop("s1", "48000"))).outcome is Outcome.DONE
        desk.memory.broken = False
        await desk.dialect.cancel("nobody", BTC, conditional=True)
        assert [claim["id"] for claim in claims(desk)] == ["s1"]

    async def test_the_order_topic_confirms_it(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        (news,) = desk.hear(frame("order", stop_row("48000")))
        assert isinstance(news, OrderUpdated)
        assert (news.client_id, news.status, news.venue_id) == ("s1", OrderStatus.WORKING, "stop-1")

    async def test_a_moved_stop_takes_over_and_the_old_ones_cancel_touches_nothing(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        await desk.dialect.submit(stop("s2", "49000", whole=False))
        (news,) = desk.hear(frame("order", stop_row("49000")))
        assert isinstance(news, OrderUpdated)
        assert news.client_id == "s2"
        ended = await desk.dialect.cancel("s1", BTC, conditional=True)
        assert (ended.outcome, ended.code) == (Outcome.DONE, "gone")
        assert [sent["stopLoss"] for sent in desk.gateway.of(STOP)] == ["48000", "49000"]

    async def test_the_replaced_orders_end_is_no_news_of_a_person(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000", orderId="x1")))
        await desk.dialect.submit(stop("s2", "49000"))
        gone = stop_row("48000", "Deactivated", orderId="x1", cancelType="CancelByUser")
        assert desk.hear(frame("order", gone)) == []
        (news,) = desk.hear(frame("order", stop_row("49000", orderId="x2")))
        assert isinstance(news, OrderUpdated)
        assert (news.client_id, news.status) == ("s2", OrderStatus.WORKING)

    async def test_a_late_frame_of_the_old_price_is_the_old_ones(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        await desk.dialect.submit(stop("s2", "49000"))
        (news,) = desk.hear(frame("order", stop_row("48000")))
        assert isinstance(news, OrderUpdated)
        assert news.client_id == "s1"

    async def test_a_refused_move_leaves_the_old_one_standing(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        words = "StopLoss:510000000 set for Buy position should lower than base_price:500000000??MarkPrice"
        desk.gateway.on(STOP, refused(10001, words), ok())
        ended = await desk.dialect.submit(stop("s2", "51000"))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, Code.WOULD_TRIGGER.value)
        assert [claim["id"] for claim in claims(desk)] == ["s1"]
        assert (await desk.dialect.cancel("s1", BTC, conditional=True)).code == ""
        assert desk.gateway.of(STOP)[-1]["stopLoss"] == "0"

    async def test_without_a_position_it_is_refused_for_certain(self) -> None:
        desk = stand()
        desk.gateway.on(STOP, refused(10001, "can not set tp/sl/ts for zero position"))
        ended = await desk.dialect.submit(stop("s1", "48000"))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, Code.REDUCE_ONLY.value)
        assert claims(desk) == []

    async def test_a_stop_that_stands_there_already_is_asked_after(self) -> None:
        """No frame will tell of it: the answer to the question does."""
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.gateway.on(STOP, refused(34040, "not modified")).on(REALTIME, listed(stop_row("48000")))
        ended = await desk.dialect.submit(stop("s2", "48000.0"))
        assert (ended.outcome, ended.code) == (Outcome.UNKNOWN, "34040")
        news = await desk.dialect.query("s2", BTC, conditional=True)
        assert isinstance(news, OrderUpdated)
        assert (news.client_id, news.status) == ("s2", OrderStatus.WORKING)

    async def test_taking_the_current_one_away(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        ended = await desk.dialect.cancel("s1", BTC, conditional=True)
        assert ended.outcome is Outcome.DONE
        assert desk.gateway.of(STOP)[-1] == {
            "category": "linear",
            "symbol": BTC,
            "positionIdx": 0,
            "tpslMode": "Full",
            "stopLoss": "0",
        }
        again = await desk.dialect.cancel("s1", BTC, conditional=True)
        assert again.outcome is Outcome.DONE
        assert len(desk.gateway.of(STOP)) == 2

    async def test_taking_it_away_from_a_position_that_is_gone(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.gateway.on(STOP, refused(10001, "can not set tp/sl/ts for zero position"))
        ended = await desk.dialect.cancel("s1", BTC, conditional=True)
        assert (ended.outcome, ended.code) == (Outcome.DONE, "gone")

    async def test_a_cancel_whose_answer_is_lost_is_unknown_and_may_be_asked_again(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.gateway.on(STOP, (0, "timeout"), ok())
        assert (await desk.dialect.cancel("s1", BTC, conditional=True)).outcome is Outcome.UNKNOWN
        assert (await desk.dialect.cancel("s1", BTC, conditional=True)).outcome is Outcome.DONE
        assert len(desk.gateway.of(STOP)) == 3

    async def test_two_changes_of_one_position_never_overtake_each_other(self) -> None:
        desk = stand()
        running: list[str] = []
        gateway_ask = desk.gateway.ask

        async def slow(ask: Ask) -> object:
            running.append("in")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            running.append("out")
            return await gateway_ask(ask)

        desk.gateway.ask = slow  # type: ignore[method-assign, assignment]
        await asyncio.gather(
            desk.dialect.submit(stop("s1", "48000")),
            desk.dialect.submit(target("t1", "55000")),
            desk.dialect.submit(stop("s2", "49000")),
        )
        assert running == ["in", "out"] * 3

    async def test_a_person_who_moves_the_stop_takes_it_from_us(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        moved = stop_row("47000", updatedTime=str(NOW_MS + 5))
        (news,) = desk.hear(frame("order", moved))
        assert isinstance(news, OrderUpdated)
        assert (news.client_id, news.status, news.code) == ("s1", OrderStatus.CANCELLED, "moved at the venue")
        await desk.dialect.submit(stop("s2", "48000"))
        assert desk.gateway.of(STOP)[-1]["stopLoss"] == "48000"

    async def test_a_person_who_takes_it_away_is_news(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        (news,) = desk.hear(frame("order", stop_row("48000", "Deactivated", cancelType="CancelByUser")))
        assert isinstance(news, OrderUpdated)
        assert (news.client_id, news.status) == ("s1", OrderStatus.CANCELLED)

    async def test_removed_with_its_position_it_is_no_news(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        cleared = stop_row("48000", "Deactivated", cancelType="CancelByTpSlTsClear")
        assert desk.hear(frame("order", cleared)) == []
        assert desk.hear(frame("position", position_row("0", ""))) == []
        assert (await desk.dialect.cancel("s1", BTC, conditional=True)).outcome is Outcome.DONE
        assert len(desk.gateway.of(STOP)) == 1

    async def test_removed_while_the_position_stays_it_is_news(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        assert (
            desk.hear(frame("order", stop_row("48000", "Deactivated", cancelType="CancelByTpSlTsClear")))
            == []
        )
        (news,) = desk.hear(frame("position", position_row("0.010")))
        assert isinstance(news, OrderUpdated)
        assert (news.client_id, news.status) == ("s1", OrderStatus.CANCELLED)

    @pytest.mark.parametrize("before,news", [("0", 0), ("0.010", 1), (None, 1)])
    async def test_removed_after_the_last_frame_of_its_position(self, before: str | None, news: int) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        if before is not None:
            desk.hear(frame("position", position_row(before, "Buy" if before != "0" else "")))
        desk.hear(frame("order", stop_row("48000", "Deactivated", cancelType="CancelByTpSlTsClear")))
        assert desk.hear(None) == []
        desk.gateway.now_ms += 3_000
        told = desk.hear(None)
        assert [one.status for one in told if isinstance(one, OrderUpdated)] == [OrderStatus.CANCELLED] * news
        assert desk.hear(None) == []

    async def test_its_trigger_and_its_fills_are_ours(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        done = stop_row("48000", "Filled", cumExecQty="0.010", avgPrice="47990")
        fill = execution_row("e1", orderId="stop-1", side="Sell", execPrice="47990")
        told = desk.hear(frame("execution", fill)) + desk.hear(frame("order", done))
        assert [type(one) for one in told] == [Filled, OrderUpdated]
        filled, update = told
        assert isinstance(filled, Filled)
        assert isinstance(update, OrderUpdated)
        assert (filled.fill.client_id, filled.fill.price) == ("s1", Decimal(47990))
        assert (update.client_id, update.status, update.filled) == (
            "s1",
            OrderStatus.FILLED,
            Decimal("0.010"),
        )

    async def test_a_fill_that_overtakes_every_frame_of_its_stop(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        fill = execution_row(
            "e1", orderId="x9", side="Sell", createType="CreateByStopLoss", execTime=str(NOW_MS)
        )
        (news,) = desk.hear(frame("execution", fill))
        assert isinstance(news, Filled)
        assert news.fill.client_id == "s1"

    async def test_a_triggered_stop_under_a_new_order_id_is_still_ours(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000", orderId="x1")))
        first = execution_row("e1", orderId="x2", side="Sell", stopOrderType="StopLoss", execTime=str(NOW_MS))
        second = execution_row(
            "e2", orderId="x2", side="Sell", stopOrderType="StopLoss", execTime=str(NOW_MS)
        )
        told = desk.hear(frame("execution", first, second))
        assert [news.fill.client_id for news in told if isinstance(news, Filled)] == ["s1", "s1"]

    async def test_a_persons_stop_is_not_ours(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000", orderId="x1")))
        desk.hear(frame("order", stop_row("47000", orderId="x1", updatedTime=str(NOW_MS + 5))))
        fill = execution_row("e1", orderId="x7", side="Sell", stopOrderType="StopLoss", execTime=str(NOW_MS))
        (news,) = desk.hear(frame("execution", fill))
        assert isinstance(news, Filled)
        assert news.fill.client_id == ""

    async def test_a_restart_forgets_nothing(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.hear(frame("order", stop_row("48000")))
        await desk.dialect.submit(stop("s2", "49000"))
        desk.hear(frame("order", stop_row("49000")))
        await desk.dialect.cancel("s1", BTC, conditional=True)
        again = desk.reborn()
        again.gateway.on(REALTIME, listed(stop_row("49000")))
        news = await again.dialect.query("s2", BTC, conditional=True)
        assert isinstance(news, OrderUpdated)
        assert news.status is OrderStatus.WORKING
        (heard,) = again.hear(frame("execution", execution_row("e1", orderId="stop-1", side="Sell")))
        assert isinstance(heard, Filled)
        assert heard.fill.client_id == "s2"

    async def test_a_memory_full_of_nonsense_is_survived(self) -> None:
        desk = stand()
        desk.memory.kept |= {
            "bybit-slot:BTCUSDT:0:stop": "{no json",
            "bybit-slot:BTCUSDT:9:stop": "[]",
            "bybit-slot:BTCUSDT:0:target": '[{"id": 5}, 7, {"id": "x", "trigger": "NaN"}]',
            "bybit-slot:": "[]",
            "ban_until_ms": "1",
        }
        assert (await desk.dialect.submit(stop("s1", "48000"))).outcome is Outcome.DONE

    async def test_claims_do_not_pile_up(self) -> None:
        desk = stand()
        for number in range(40):
            await desk.dialect.submit(stop(f"s{number}", str(48000 + number)))
        assert len(claims(desk)) <= 6


class TestCancel:
    async def test_by_our_id(self) -> None:
        desk = stand()
        ended = await desk.dialect.cancel("a", BTC, conditional=False)
        assert ended == CallEnded(NOW_MS, "a", BTC, Call.CANCEL, Outcome.DONE)
        assert desk.gateway.of(CANCEL) == [{"category": "linear", "symbol": BTC, "orderLinkId": "a"}]

    @pytest.mark.parametrize("code", [110001, 110008, 110010])
    async def test_what_is_gone_is_done(self, code: int) -> None:
        desk = stand()
        desk.gateway.on(CANCEL, refused(code))
        ended = await desk.dialect.cancel("a", BTC, conditional=False)
        assert (ended.outcome, ended.code) == (Outcome.DONE, str(code))

    async def test_being_processed_is_unknown(self) -> None:
        desk = stand()
        desk.gateway.on(CANCEL, refused(110079))
        assert (await desk.dialect.cancel("a", BTC, conditional=False)).outcome is Outcome.UNKNOWN

    async def test_a_conditional_order_that_claims_nothing_is_gone(self) -> None:
        desk = stand()
        assert (await desk.dialect.cancel("a", BTC, conditional=True)).outcome is Outcome.DONE
        assert desk.gateway.asks == []


class TestQuery:
    async def test_open_orders_know_it(self) -> None:
        desk = stand()
        row = order_row("a", "PartiallyFilled", cumExecQty="0.004", avgPrice="50010")
        desk.gateway.on(REALTIME, listed(row))
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert news == OrderUpdated(
            NOW_MS, "a", "o-1", BTC, OrderStatus.PARTIALLY_FILLED, Decimal("0.004"), Decimal(50010)
        )
        assert desk.gateway.of(REALTIME) == [{"category": "linear", "symbol": BTC, "orderLinkId": "a"}]

    async def test_the_history_knows_it(self) -> None:
        desk = stand()
        row = order_row("a", "Rejected", rejectReason="EC_PostOnlyWillTakeLiquidity")
        desk.gateway.on(HISTORY, listed(row))
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(news, OrderUpdated)
        assert (news.status, news.code) == (OrderStatus.REJECTED, Code.NOT_MAKER.value)

    async def test_its_trades_know_it(self) -> None:
        """The list of closed orders is emptied when their server restarts; trades stay."""
        desk = stand()
        first = execution_row("e1", "a", execQty="0.004", execPrice="50000", leavesQty="0.006")
        second = execution_row("e2", "a", execQty="0.006", execPrice="50010", leavesQty="0")
        desk.gateway.on(EXECUTIONS, listed(second, first))
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert news == OrderUpdated(
            NOW_MS, "a", "o-1", BTC, OrderStatus.FILLED, Decimal("0.010"), Decimal(50006)
        )

    async def test_not_found_takes_three_witnesses(self) -> None:
        desk = stand()
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert news == CallEnded(NOW_MS, "a", BTC, Call.SUBMIT, Outcome.NOT_DONE, "not found")
        assert [ask.method for ask in desk.gateway.asks] == [REALTIME, HISTORY, EXECUTIONS]

    @pytest.mark.parametrize("silent", [REALTIME, HISTORY, EXECUTIONS])
    @pytest.mark.parametrize("how", [(0, "timeout"), (502, "garbage"), (0, "refused")])
    async def test_a_witness_that_does_not_answer_proves_nothing(
        self, silent: str, how: tuple[int, str]
    ) -> None:
        desk = stand()
        desk.gateway.on(silent, how)
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(news, CallEnded)
        assert news.outcome is Outcome.UNKNOWN

    async def test_somebody_elses_row_is_not_ours(self) -> None:
        desk = stand()
        desk.gateway.on(REALTIME, listed(order_row("b")))
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(news, CallEnded)
        assert news.code == "not found"

    async def test_a_stop_that_was_replaced(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        await desk.dialect.submit(stop("s2", "49000"))
        desk.gateway.on(REALTIME, listed(stop_row("49000")))
        news = await desk.dialect.query("s1", BTC, conditional=True)
        assert isinstance(news, OrderUpdated)
        assert news.status is OrderStatus.CANCELLED

    async def test_a_lost_call_that_set_it(self) -> None:
        desk = stand()
        desk.gateway.on(STOP, (0, "cut")).on(REALTIME, listed(order_row("a"), stop_row("48000")))
        await desk.dialect.submit(stop("s1", "48000"))
        news = await desk.dialect.query("s1", BTC, conditional=True)
        assert isinstance(news, OrderUpdated)
        assert (news.status, news.venue_id) == (OrderStatus.WORKING, "stop-1")

    async def test_a_lost_call_that_never_arrived_leaves_the_old_one(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        desk.gateway.on(STOP, (0, "cut")).on(REALTIME, listed(stop_row("48000")))
        await desk.dialect.submit(stop("s2", "49000"))
        news = await desk.dialect.query("s2", BTC, conditional=True)
        assert isinstance(news, CallEnded)
        assert (news.outcome, news.code) == (Outcome.NOT_DONE, "not found")
        old = await desk.dialect.query("s1", BTC, conditional=True)
        assert isinstance(old, OrderUpdated)
        assert old.status is OrderStatus.WORKING
        desk.gateway.on(STOP, ok())
        await desk.dialect.cancel("s1", BTC, conditional=True)
        assert desk.gateway.of(STOP)[-1]["stopLoss"] == "0"

    async def test_a_stop_that_was_triggered_while_we_were_away(self) -> None:
        desk = stand()
        await desk.dialect.submit(stop("s1", "48000"))
        row = stop_row("48000", "Filled", cumExecQty="0.010", avgPrice="47995", updatedTime=str(NOW_MS + 9))
        desk.gateway.on(HISTORY, listed(row))
        news = await desk.dialect.query("s1", BTC, conditional=True)
        assert isinstance(news, OrderUpdated)
        assert (news.status, news.filled) == (OrderStatus.FILLED, Decimal("0.010"))

    async def test_a_stop_never_heard_of(self) -> None:
        desk = stand()
        news = await desk.dialect.query("s1", BTC, conditional=True)
        assert isinstance(news, CallEnded)
        assert news.code == "not found"
