"""Single orders in Binance's words: what is asked, in which lane, and what answers come to."""

from decimal import Decimal
from typing import Any

import pytest
from binance_dialect_kit import (
    CLOSE,
    ENTRY,
    LIMIT,
    NOW,
    STOP,
    SYMBOL,
    TARGET,
    algo_row,
    an_order,
    order_row,
    scripted,
)

from bot.domain.event import Call, CallEnded, OrderUpdated, Outcome
from bot.domain.order import Order, OrderSide, OrderStatus, OrderType, Purpose, TimeInForce
from bot.venues.ccxt_venue.dialect import PositionMode
from bot.venues.ccxt_venue.wire import Ask, Lane

MISSING = (400, {"code": -2013, "msg": "Order does not exist."})
GONE = (400, {"code": -2011, "msg": "Unknown order sent."})
HEDGE = PositionMode.HEDGE


async def asked(order: Order, mode: PositionMode = PositionMode.ONE_WAY) -> Ask:
    """What one of our orders is sent as."""
    conditional = order.intent.type.conditional
    row = algo_row(order.client_id) if conditional else order_row(order.client_id)
    method = "fapiPrivatePostAlgoOrder" if conditional else "fapiPrivatePostOrder"
    dialect, gateway = scripted({method: (200, row)}, mode)
    ended = await dialect.submit(order)
    assert ended == CallEnded(
        NOW, order.client_id, SYMBOL, Call.SUBMIT, Outcome.DONE, venue_id="501" if conditional else "11"
    )
    return gateway.asked[0]


async def test_market_entry() -> None:
    ask = await asked(ENTRY)
    assert ask == Ask(
        "fapiPrivatePostOrder",
        {
            "symbol": SYMBOL,
            "side": "BUY",
            "type": "MARKET",
            "quantity": "0.01",
            "newClientOrderId": "qd0001-e1",
            "newOrderRespType": "RESULT",
        },
        Lane.ENTRY,
        weight=0,
        orders=1,
        changes=True,
    )


@pytest.mark.parametrize("lasting", list(TimeInForce))
async def test_limit_orders_say_how_long_they_last(lasting: TimeInForce) -> None:
    ask = await asked(an_order(OrderType.LIMIT, time_in_force=lasting))
    assert ask.params["type"] == "LIMIT"
    assert ask.params["price"] == "50000.1"
    assert ask.params["timeInForce"] == lasting.value


async def test_closes_reduce_only_and_go_first() -> None:
    ask = await asked(CLOSE)
    assert ask.params["reduceOnly"] == "true"
    assert (ask.params["side"], ask.lane) == ("SELL", Lane.PROTECT)


async def test_stop_of_the_whole_position() -> None:
    ask = await asked(STOP)
    assert ask == Ask(
        "fapiPrivatePostAlgoOrder",
        {
            "symbol": SYMBOL,
            "side": "SELL",
            "type": "STOP_MARKET",
            "algoType": "CONDITIONAL",
            "clientAlgoId": "qd0001-s1",
            "triggerPrice": "49000.5",
            "workingType": "MARK_PRICE",
            "priceProtect": "false",
            "closePosition": "true",
        },
        Lane.PROTECT,
        weight=0,
        orders=1,
        changes=True,
    )


async def test_stop_of_a_quantity_reduces_only() -> None:
    sized = an_order(OrderType.STOP_MARKET, Purpose.STOP, OrderSide.SELL, "qd0001-s2", close_position=False)
    ask = await asked(sized)
    assert (ask.params["quantity"], ask.params["reduceOnly"]) == ("0.01", "true")
    assert "closePosition" not in ask.params


async def test_targets_take_profit() -> None:
    ask = await asked(TARGET)
    assert (ask.params["type"], ask.lane) == ("TAKE_PROFIT_MARKET", Lane.PROTECT)


@pytest.mark.parametrize(
    "purpose, side, leg",
    [
        (Purpose.ENTRY, OrderSide.BUY, "LONG"),
        (Purpose.ENTRY, OrderSide.SELL, "SHORT"),
        (Purpose.CLOSE, OrderSide.SELL, "LONG"),
        (Purpose.CLOSE, OrderSide.BUY, "SHORT"),
    ],
)
async def test_hedge_mode_names_the_leg_and_never_reduce_only(
    purpose: Purpose, side: OrderSide, leg: str
) -> None:
    ask = await asked(an_order(OrderType.MARKET, purpose, side), HEDGE)
    assert ask.params["positionSide"] == leg
    assert "reduceOnly" not in ask.params
    sized = an_order(OrderType.STOP_MARKET, Purpose.STOP, side, close_position=False)
    ask = await asked(sized, HEDGE)
    assert ask.params["positionSide"] == ("LONG" if side is OrderSide.SELL else "SHORT")
    assert "reduceOnly" not in ask.params


async def test_figures_are_plain() -> None:
    ask = await asked(an_order(quantity="1E+3"))
    assert ask.params["quantity"] == "1000"
    ask = await asked(an_order(quantity="0.00001000"))
    assert ask.params["quantity"] == "0.00001"


async def test_another_orders_answer_is_no_answer() -> None:
    dialect, _ = scripted({"fapiPrivatePostOrder": (200, order_row("somebody-else"))})
    ended = await dialect.submit(ENTRY)
    assert (ended.outcome, ended.code) == (Outcome.UNKNOWN, "garbage")


@pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED", "FILLED"])
async def test_an_order_that_stands_or_filled_is_done(status: str) -> None:
    dialect, _ = scripted({"fapiPrivatePostOrder": (200, order_row(status=status))})
    assert (await dialect.submit(ENTRY)).outcome is Outcome.DONE


@pytest.mark.parametrize("status", ["EXPIRED", "EXPIRED_IN_MATCH", "REJECTED", "CANCELED"])
async def test_an_order_that_ended_at_once_is_asked_after(status: str) -> None:
    """Its frame may be lost; asked, the venue says EXPIRED, and that is an update like any other."""
    row = order_row(LIMIT.client_id, status=status)
    dialect, _ = scripted({"fapiPrivatePostOrder": (200, row), "fapiPrivateGetOrder": (200, row)})
    ended = await dialect.submit(LIMIT)
    assert (ended.outcome, ended.code) == (Outcome.UNKNOWN, status)
    found = await dialect.query(LIMIT.client_id, SYMBOL, False)
    assert isinstance(found, OrderUpdated)
    assert found.status.final


# Cancel


async def test_cancel_ordinary() -> None:
    dialect, gateway = scripted({"fapiPrivateDeleteOrder": (200, order_row(status="CANCELED"))})
    ended = await dialect.cancel("qd0001-e1", SYMBOL, False)
    assert ended == CallEnded(NOW, "qd0001-e1", SYMBOL, Call.CANCEL, Outcome.DONE, venue_id="11")
    assert gateway.asked[0].params == {"symbol": SYMBOL, "origClientOrderId": "qd0001-e1"}
    assert gateway.asked[0].lane is Lane.CANCEL


async def test_cancel_conditional() -> None:
    body = {"algoId": 501, "clientAlgoId": "qd0001-s1", "code": "200", "msg": "success"}
    dialect, gateway = scripted({"fapiPrivateDeleteAlgoOrder": (200, body)})
    ended = await dialect.cancel("qd0001-s1", SYMBOL, True)
    assert (ended.outcome, ended.code, ended.venue_id) == (Outcome.DONE, "", "501")
    assert gateway.asked[0].params == {"symbol": SYMBOL, "clientAlgoId": "qd0001-s1"}


async def test_a_stop_that_cannot_be_found_but_is_there_is_not_cancelled() -> None:
    """-2011 for a live conditional order has happened: then it is not gone."""
    script = {"fapiPrivateDeleteAlgoOrder": GONE, "fapiPrivateGetAlgoOrder": (200, algo_row())}
    dialect, _ = scripted(script)
    ended = await dialect.cancel("qd0001-s1", SYMBOL, True)
    assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, "-2011, but NEW")


async def test_a_stop_that_hangs_in_its_trigger_is_given_up() -> None:
    row = algo_row(algoStatus="TRIGGERING", triggerTime=NOW - 11_000)
    dialect, _ = scripted({"fapiPrivateDeleteAlgoOrder": GONE, "fapiPrivateGetAlgoOrder": (200, row)})
    assert (await dialect.cancel("qd0001-s1", SYMBOL, True)).outcome is Outcome.DONE


async def test_the_order_a_stop_became_is_cancelled_in_its_place() -> None:
    row = algo_row(algoStatus="TRIGGERED", actualOrderId="77")
    dialect, gateway = scripted(
        {
            "fapiPrivateDeleteAlgoOrder": GONE,
            "fapiPrivateGetAlgoOrder": (200, row),
            "fapiPrivateDeleteOrder": (200, order_row(order_id=77, status="CANCELED")),
        }
    )
    ended = await dialect.cancel("qd0001-s1", SYMBOL, True)
    assert (ended.outcome, ended.client_id) == (Outcome.DONE, "qd0001-s1")
    assert gateway.params("fapiPrivateDeleteOrder") == [{"symbol": SYMBOL, "orderId": "77"}]


# Query


@pytest.mark.parametrize(
    "word, status",
    [
        ("NEW", OrderStatus.WORKING),
        ("PARTIALLY_FILLED", OrderStatus.PARTIALLY_FILLED),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
    ],
)
async def test_query_ordinary(word: str, status: OrderStatus) -> None:
    row = order_row(status=word, executedQty="0.004", avgPrice="50001.5")
    dialect, gateway = scripted({"fapiPrivateGetOrder": (200, row)})
    found = await dialect.query("qd0001-e1", SYMBOL, False)
    assert isinstance(found, OrderUpdated)
    assert (found.status, found.venue_id, found.symbol) == (status, "11", SYMBOL)
    assert (found.filled, found.average_price) == (Decimal("0.004"), Decimal("50001.5"))
    assert gateway.asked[0].params == {"symbol": SYMBOL, "origClientOrderId": "qd0001-e1"}


@pytest.mark.parametrize("row", [order_row(status="DREAMING"), order_row("another")], ids=["status", "id"])
async def test_an_answer_nobody_understands_leaves_it_unknown(row: dict[str, Any]) -> None:
    dialect, _ = scripted({"fapiPrivateGetOrder": (200, row)})
    found = await dialect.query("qd0001-e1", SYMBOL, False)
    assert isinstance(found, CallEnded)
    assert found.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "word, status",
    [
        ("NEW", OrderStatus.WORKING),
        ("ACCEPTED", OrderStatus.WORKING),
        ("TRIGGERING", OrderStatus.WORKING),
        ("CANCELED", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
    ],
)
async def test_query_conditional(word: str, status: OrderStatus) -> None:
    dialect, gateway = scripted({"fapiPrivateGetAlgoOrder": (200, algo_row(algoStatus=word))})
    found = await dialect.query("qd0001-s1", SYMBOL, True)
    assert isinstance(found, OrderUpdated)
    assert (found.status, found.client_id, found.venue_id) == (status, "qd0001-s1", "501")
    assert gateway.asked[0].params == {"symbol": SYMBOL, "clientAlgoId": "qd0001-s1"}


async def test_a_stop_that_hangs_protects_nothing() -> None:
    row = algo_row(algoStatus="TRIGGERING", triggerTime=NOW - 11_000)
    dialect, _ = scripted({"fapiPrivateGetAlgoOrder": (200, row)})
    found = await dialect.query("qd0001-s1", SYMBOL, True)
    assert isinstance(found, OrderUpdated)
    assert (found.status, found.code) == (OrderStatus.EXPIRED, "stuck in its trigger")


@pytest.mark.parametrize("algo", ["TRIGGERED", "FINISHED"])
@pytest.mark.parametrize(
    "word, status",
    [("FILLED", OrderStatus.FILLED), ("CANCELED", OrderStatus.CANCELLED), ("NEW", OrderStatus.WORKING)],
)
async def test_a_triggered_order_is_what_its_order_is(algo: str, word: str, status: OrderStatus) -> None:
    """FINISHED says filled or cancelled: the order tells which, under our client id."""
    child = order_row(
        "x-made-by-venue", 77, status=word, executedQty="0.010", avgPrice="48990", type="MARKET"
    )
    dialect, gateway = scripted(
        {
            "fapiPrivateGetAlgoOrder": (200, algo_row(algoStatus=algo, actualOrderId="77")),
            "fapiPrivateGetOrder": (200, child),
        }
    )
    found = await dialect.query("qd0001-s1", SYMBOL, True)
    assert isinstance(found, OrderUpdated)
    assert (found.status, found.client_id, found.venue_id) == (status, "qd0001-s1", "77")
    assert found.filled == Decimal("0.010")
    assert gateway.params("fapiPrivateGetOrder") == [{"symbol": SYMBOL, "orderId": "77"}]


async def test_a_finished_order_without_a_trace_is_unknown() -> None:
    script = {
        "fapiPrivateGetAlgoOrder": (200, algo_row(algoStatus="FINISHED")),
        "fapiPrivateGetOrder": MISSING,
    }
    dialect, _ = scripted(script)
    found = await dialect.query("qd0001-s1", SYMBOL, True)
    assert isinstance(found, CallEnded)
    assert (found.outcome, found.code) == (Outcome.UNKNOWN, "order of the trigger: -2013")


async def test_a_triggered_order_on_its_way_works() -> None:
    script = {
        "fapiPrivateGetAlgoOrder": (200, algo_row(algoStatus="TRIGGERED")),
        "fapiPrivateGetOrder": MISSING,
    }
    dialect, _ = scripted(script)
    found = await dialect.query("qd0001-s1", SYMBOL, True)
    assert isinstance(found, OrderUpdated)
    assert found.status is OrderStatus.WORKING


async def test_not_found_is_one_witness() -> None:
    for conditional in (False, True):
        dialect, gateway = scripted({"fapiPrivateGetOrder": MISSING, "fapiPrivateGetAlgoOrder": MISSING})
        found = await dialect.query("qd0001-s1", SYMBOL, conditional)
        assert found == CallEnded(NOW, "qd0001-s1", SYMBOL, Call.SUBMIT, Outcome.NOT_DONE, "not found")
        assert len(gateway.asked) == 1


async def test_leverage_is_what_the_answer_says() -> None:
    body = {"leverage": 10, "maxNotionalValue": "1000000", "symbol": SYMBOL}
    dialect, gateway = scripted({"fapiPrivatePostLeverage": (200, body)})
    assert (await dialect.set_leverage(SYMBOL, 10)).outcome is Outcome.DONE
    assert (await dialect.set_leverage(SYMBOL, 20)).outcome is Outcome.UNKNOWN
    assert gateway.params("fapiPrivatePostLeverage")[0] == {"symbol": SYMBOL, "leverage": "10"}
