"""Snapshots: one cut through account, orders, fills and funding, whatever moves meanwhile."""

from decimal import Decimal
from typing import Any

import pytest
from binance_dialect_kit import (
    ENTRY,
    NOW,
    SYMBOL,
    Script,
    account_body,
    algo_row,
    income_row,
    order_row,
    position_row,
    quiet_account,
    scripted,
    trade_row,
)

from bot.domain.account import Book
from bot.domain.market import DAY_MS, HOUR_MS
from bot.domain.order import OrderSide, OrderStatus, OrderType
from bot.domain.position import Position
from bot.venues.binance.trades import payment_id
from bot.venues.ccxt_venue.wire import Ask, Lane
from bot.venues.port import VenueUnavailable

SINCE = NOW - HOUR_MS
COMMISSION = income_row("COMMISSION", "-0.25", "7")


def with_trade(*orders: dict[str, Any], **more: Any) -> dict[str, Script]:
    script = quiet_account()
    script["fapiPrivateGetIncome"] = (200, [COMMISSION])
    script["fapiPrivateGetUserTrades"] = (200, [trade_row(**more)])
    script["fapiPrivateGetAllOrders"] = (200, list(orders))
    return script


async def test_a_quiet_account() -> None:
    dialect, gateway = scripted(quiet_account())
    found = await dialect.snapshot(SINCE)
    assert found.at_ms == NOW - 5, "the venue's own time, asked before everything else"
    assert gateway.asked[0].method == "fapiPublicGetTime"
    assert found.wallet == Decimal("10000.5")
    assert (found.positions, found.orders, found.fills, found.funding, found.marks) == ((), (), (), (), {})
    assert "fapiPrivateGetUserTrades" not in {ask.method for ask in gateway.asked}


async def test_a_position_with_its_margin_and_mark() -> None:
    dialect, _ = scripted(quiet_account(position_row("-0.010")))
    found = await dialect.snapshot(SINCE)
    assert found.positions == (Position(SYMBOL, Decimal("-0.010"), Decimal(50000), 10, Decimal(50)),)
    assert found.marks == {SYMBOL: Decimal("50100.5")}


async def test_hedge_legs_are_positions_of_their_own() -> None:
    legs = (position_row("0.010", side="LONG"), position_row("-0.030", side="SHORT"))
    dialect, _ = scripted(quiet_account(*legs))
    found = await dialect.snapshot(SINCE)
    assert [one.quantity for one in found.positions] == [Decimal("0.010"), Decimal("-0.030")]


async def test_orders_of_both_books() -> None:
    script = quiet_account()
    script["fapiPrivateGetOpenOrders"] = (
        200,
        [order_row(price="49999.9", executedQty="0.002", status="PARTIALLY_FILLED")],
    )
    script["fapiPrivateGetOpenAlgoOrders"] = (
        200,
        [algo_row(), algo_row("web_1", 502, orderType="TRAILING_STOP_MARKET")],
    )
    found = await (scripted(script)[0]).snapshot(SINCE)
    limit, stop, persons = found.orders
    assert (limit.client_id, limit.status, limit.type) == (
        "qd0001-e1",
        OrderStatus.PARTIALLY_FILLED,
        OrderType.LIMIT,
    )
    assert (limit.filled, limit.limit_price) == (Decimal("0.002"), Decimal("49999.9"))
    assert (stop.client_id, stop.venue_id, stop.type) == ("qd0001-s1", "501", OrderType.STOP_MARKET)
    assert (stop.trigger_price, stop.close_position) == (Decimal("49000.50"), True)
    assert persons.type.conditional


async def test_an_order_that_came_from_a_stop_stands_for_it() -> None:
    script = quiet_account()
    child = order_row("made-by-venue", 77, type="MARKET", origType="STOP_MARKET", side="SELL")
    script["fapiPrivateGetOpenOrders"] = (200, [child])
    script["fapiPrivateGetOpenAlgoOrders"] = (200, [algo_row(algoStatus="TRIGGERED", actualOrderId="77")])
    dialect, _ = scripted(script)
    (order,) = (await dialect.snapshot(SINCE)).orders
    assert (order.client_id, order.venue_id, order.type) == ("qd0001-s1", "77", OrderType.MARKET)


async def test_whose_order_it_is_is_found_out_after_a_restart() -> None:
    script = quiet_account()
    child = order_row("made-by-venue", 77, type="MARKET", origType="STOP_MARKET", side="SELL")
    script["fapiPrivateGetOpenOrders"] = (200, [child])
    script["fapiPrivateGetAllAlgoOrders"] = (200, [algo_row(algoStatus="TRIGGERED", actualOrderId="77")])
    dialect, _ = scripted(script)
    (order,) = (await dialect.snapshot(SINCE)).orders
    assert order.client_id == "qd0001-s1"


async def test_a_stop_that_hangs_is_not_there() -> None:
    script = quiet_account()
    row = algo_row(algoStatus="TRIGGERING", triggerTime=NOW - 60_000)
    script["fapiPrivateGetOpenAlgoOrders"] = (200, [row])
    assert (await scripted(script)[0].snapshot(SINCE)).orders == ()


# Fills


async def test_fills_come_with_client_ids() -> None:
    dialect, gateway = scripted(with_trade(order_row()))
    (fill,) = (await dialect.snapshot(SINCE)).fills
    assert (fill.trade_id, fill.client_id, fill.venue_order_id) == ("7", "qd0001-e1", "11")
    assert (fill.quantity, fill.price, fill.fee) == (Decimal("0.010"), Decimal(50000), Decimal("0.25"))
    assert (fill.side, fill.maker, fill.liquidation, fill.at_ms) == (
        OrderSide.BUY,
        False,
        False,
        NOW - 60_000,
    )
    (ask,) = gateway.params("fapiPrivateGetUserTrades")
    assert (ask["symbol"], ask["startTime"]) == (SYMBOL, str(SINCE))


async def test_client_ids_are_asked_for_once() -> None:
    dialect, gateway = scripted(with_trade(order_row()))
    await dialect.snapshot(SINCE)
    await dialect.snapshot(SINCE)
    assert len(gateway.params("fapiPrivateGetAllOrders")) == 1


async def test_what_a_stop_filled_is_the_stops() -> None:
    script = with_trade(order_row("made-by-venue", 77), order_id=77, side="SELL")
    script["fapiPrivateGetAllAlgoOrders"] = (200, [algo_row(algoStatus="FINISHED", actualOrderId="77")])
    (fill,) = (await scripted(script)[0].snapshot(SINCE)).fills
    assert (fill.client_id, fill.venue_order_id) == ("qd0001-s1", "77")


async def test_an_order_nobody_lists_is_asked_for_by_itself() -> None:
    script = with_trade()
    script["fapiPrivateGetOrder"] = (200, order_row("qd0001-old"))
    (fill,) = (await scripted(script)[0].snapshot(SINCE)).fills
    assert fill.client_id == "qd0001-old"
    script["fapiPrivateGetOrder"] = (400, {"code": -2013, "msg": "Order does not exist."})
    (fill,) = (await scripted(script)[0].snapshot(SINCE)).fills
    assert fill.client_id == ""


@pytest.mark.parametrize("own", ["autoclose-1234", "adl_autoclose", "settlement_autoclose-9"])
async def test_what_the_exchange_did_is_marked(own: str) -> None:
    (fill,) = (await scripted(with_trade(order_row(own)))[0].snapshot(SINCE)).fills
    assert (fill.liquidation, fill.client_id) == (True, "")


async def test_symbols_without_income_are_looked_at_when_something_was_sent() -> None:
    """The income list may be a little behind."""
    script = quiet_account() | {"fapiPrivatePostOrder": (200, order_row(status="FILLED"))}
    script["fapiPrivateGetUserTrades"] = (200, [trade_row()])
    dialect, gateway = scripted(script)
    await dialect.submit(ENTRY)
    (fill,) = (await dialect.snapshot(SINCE)).fills
    assert fill.client_id == "qd0001-e1"
    assert gateway.params("fapiPrivateGetAllOrders") == [], "the answer to the order said whose it is"


async def test_a_position_that_moved_is_looked_at() -> None:
    script = quiet_account()
    dialect, gateway = scripted(script)
    await dialect.snapshot(SINCE)
    gateway.script |= quiet_account(position_row())
    await dialect.snapshot(SINCE)
    await dialect.snapshot(SINCE)
    assert len(gateway.params("fapiPrivateGetUserTrades")) == 1


async def test_fills_before_the_time_asked_for_are_left_out() -> None:
    dialect, _ = scripted(with_trade(order_row(), time=SINCE - 1))
    assert (await dialect.snapshot(SINCE)).fills == ()


async def test_long_absences_are_read_week_by_week() -> None:
    trades = [trade_row(trade_id=n, time=NOW - n * DAY_MS) for n in range(1, 20)]

    def page(ask: Ask) -> tuple[int, Any]:
        begin, end = int(str(ask.params["startTime"])), int(str(ask.params["endTime"]))
        assert end - begin < 7 * DAY_MS
        return 200, [one for one in trades if begin <= one["time"] <= end]

    script = with_trade(order_row())
    script["fapiPrivateGetUserTrades"] = page
    dialect, _ = scripted(script)
    found = await dialect.snapshot(NOW - 20 * DAY_MS)
    assert [fill.trade_id for fill in found.fills] == [str(n) for n in range(19, 0, -1)]


async def test_many_trades_are_read_page_by_page() -> None:
    trades = [trade_row(trade_id=n, time=NOW - 60_000 + n // 3) for n in range(2_500)]

    def page(ask: Ask) -> tuple[int, Any]:
        begin, end = int(str(ask.params["startTime"])), int(str(ask.params["endTime"]))
        return 200, [one for one in trades if begin <= one["time"] <= end][:1000]

    script = with_trade(order_row())
    script["fapiPrivateGetUserTrades"] = page
    found = await scripted(script)[0].snapshot(SINCE)
    assert [int(fill.trade_id) for fill in found.fills] == list(range(2_500))


async def test_more_than_can_be_paged_is_no_snapshot() -> None:
    script = with_trade(order_row())
    script["fapiPrivateGetUserTrades"] = (200, [trade_row(trade_id=n, time=SINCE) for n in range(1000)])
    with pytest.raises(VenueUnavailable, match="more than a page"):
        await scripted(script)[0].snapshot(SINCE)


@pytest.mark.parametrize("since_ms, days", [(0, 7), (1, 89), (NOW - 3 * DAY_MS, 3)])
async def test_how_far_back_is_looked(since_ms: int, days: int) -> None:
    dialect, gateway = scripted(quiet_account())
    await dialect.snapshot(since_ms)
    first = gateway.params("fapiPrivateGetIncome")[0]
    assert first["startTime"] == str(NOW - days * DAY_MS)


# Funding


async def test_funding_is_an_entry_under_its_settlement() -> None:
    at_ms = NOW // HOUR_MS * HOUR_MS + 7
    script = quiet_account()
    rows = [income_row("FUNDING_FEE", "-0.125", time=at_ms), income_row("TRANSFER", "100", symbol="")]
    script["fapiPrivateGetIncome"] = (200, rows)
    dialect, gateway = scripted(script)
    (entry,) = (await dialect.snapshot(at_ms - 1000)).funding
    assert entry.amount(Book.WALLET) == Decimal("-0.125")
    assert entry.balanced
    assert entry.reference == f"{SYMBOL}:{at_ms - 7}" == payment_id(SYMBOL, at_ms + 3_000)
    assert gateway.params("fapiPrivateGetUserTrades") == [], "funding is no trade"


async def test_two_legs_of_one_settlement_are_one_payment() -> None:
    rows = [income_row("FUNDING_FEE", "-0.5", tranId=1), income_row("FUNDING_FEE", "0.2", tranId=2)]
    script = quiet_account() | {"fapiPrivateGetIncome": (200, rows)}
    (entry,) = (await scripted(script)[0].snapshot(SINCE)).funding
    assert entry.amount(Book.WALLET) == Decimal("-0.3")


def test_payments_are_told_apart() -> None:
    hour = NOW // HOUR_MS * HOUR_MS
    near = {payment_id("A", hour + ms) for ms in (-60_000, -1, 0, 1, 15_000, 60_000, 299_000)}
    assert near == {f"A:{hour}"}
    assert payment_id("A", hour + HOUR_MS) != payment_id("A", hour)
    assert payment_id("A", hour) != payment_id("B", hour)
    assert payment_id("A", hour + 600_000) == f"A:{hour + 600_000}", "a drill's payment keeps its time"


# One cut


async def test_an_account_that_moved_is_read_again() -> None:
    script = quiet_account(position_row())
    before, after = account_body("10000.5"), account_body("9999.75", position_row())
    script["fapiPrivateV3GetAccount"] = [(200, before), (200, after), (200, after), (200, after)]
    dialect, gateway = scripted(script)
    found = await dialect.snapshot(SINCE)
    assert found.wallet == Decimal("9999.75")
    assert len(found.positions) == 1
    assert len(gateway.params("fapiPublicGetTime")) == 2, "the time is that of the reading that counted"


async def test_money_that_moved_without_a_position_is_read_again() -> None:
    script = quiet_account()
    bodies = [(200, account_body(wallet)) for wallet in ("100", "99", "99", "99")]
    script["fapiPrivateV3GetAccount"] = bodies  # type: ignore[assignment]
    assert (await scripted(script)[0].snapshot(SINCE)).wallet == Decimal(99)


async def test_an_account_that_never_rests_is_no_snapshot() -> None:
    moves = iter(range(1000))

    def body(_: Ask) -> tuple[int, Any]:
        return 200, account_body(str(next(moves)))

    script = quiet_account() | {"fapiPrivateV3GetAccount": body}
    with pytest.raises(VenueUnavailable, match="moved"):
        await scripted(script)[0].snapshot(SINCE)


async def test_positions_that_do_not_fit_the_account_are_no_snapshot() -> None:
    script = quiet_account(position_row())
    script["fapiPrivateV3GetPositionRisk"] = (200, [position_row("0.020")])
    with pytest.raises(VenueUnavailable, match="moved"):
        await scripted(script)[0].snapshot(SINCE)


async def test_a_position_without_known_leverage_is_no_snapshot() -> None:
    script = quiet_account(position_row()) | {"fapiPrivateGetSymbolConfig": (200, [])}
    with pytest.raises(VenueUnavailable, match="positions"):
        await scripted(script)[0].snapshot(SINCE)


async def test_the_clock_waits_for_nothing_and_a_snapshot_waits_in_one_piece() -> None:
    dialect, gateway = scripted(quiet_account())
    await dialect.server_time_ms()
    assert [(ask.method, ask.lane) for ask in gateway.asked] == [("fapiPublicGetTime", Lane.PROTECT)]
    await dialect.snapshot(SINCE)
    assert {ask.lane for ask in gateway.asked[1:]} == {Lane.DATA}
