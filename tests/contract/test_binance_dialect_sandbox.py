"""The Binance dialect trades on the sandbox exchange through the real ccxt: orders, streams, snapshots, faults."""

from decimal import Decimal
from typing import Any

import pytest
from binance_house import House, house

from bot.domain.account import Book
from bot.domain.event import CallEnded, FundingPaid, OrderUpdated, Outcome
from bot.domain.order import OrderSide, OrderStatus, OrderType, Purpose, TimeInForce
from bot.domain.signal import Side
from bot.venues.ccxt_venue.dialect import FrozenSettings, PositionMode, StreamEnded, Wish
from bot.venues.port import VenueUnavailable
from sandbox.exchange.nouns import ConditionalStatus
from sandbox.exchange.serving.faults import FrameEffect, RequestEffect, Rule, on_frame, on_request

S = OrderStatus


def on(endpoint: str, effect: RequestEffect) -> Rule:
    """A fault of the next such request; refused, an idempotent one is dialled once more by the transport."""
    again = effect is RequestEffect.REFUSE and not endpoint.startswith("POST")
    return on_request(effect, endpoint, times=2 if again else 1)


async def entered(it: House) -> str:
    """A position, opened by us."""
    order = it.order()
    ended = await it.dialect.submit(order)
    assert ended.outcome is Outcome.DONE
    await it.hear()
    return order.client_id


async def agree(it: House) -> None:
    """The snapshot says what the exchange's own books say."""
    found = await it.dialect.snapshot(1)
    truth = it.account
    assert found.wallet == truth.funds().wallet.quantize(Decimal("1e-8"))
    legs = {(leg.symbol, leg.quantity) for leg in truth.legs() if leg.quantity}
    assert {(one.symbol, one.quantity) for one in found.positions} == legs
    assert len(found.fills) == len(truth.trades)
    assert sum(one.fee for one in found.fills) == pytest.approx(
        sum(t.fee for t in truth.trades), abs=Decimal("1e-7")
    )
    names = {one.client_id for one in truth.live_orders()} | {
        one.client_id for one in truth.live_conditionals()
    }
    assert {one.client_id for one in found.orders} == names


async def test_an_entry_is_filled_and_told() -> None:
    async with house() as it:
        entry = await entered(it)
        (fill,) = it.fills(entry)
        assert (fill.quantity, fill.side, fill.leg) == (it.account.trades[0].quantity, OrderSide.BUY, None)
        assert fill.fee == it.account.trades[0].fee.quantize(Decimal("1e-8"))
        assert it.states(entry) == [S.WORKING, S.FILLED]
        await agree(it)
        (position,) = (await it.dialect.snapshot(1)).positions
        assert (position.leverage, position.entry_price) == (5, fill.price)
        assert position.isolated_margin == pytest.approx(
            position.notional(fill.price) / 5, rel=Decimal("0.001")
        )


@pytest.mark.parametrize("purpose", [Purpose.STOP, Purpose.TARGET])
@pytest.mark.parametrize("whole", [True, False], ids=["whole position", "a quantity"])
async def test_protection_executes_under_its_own_name(purpose: Purpose, whole: bool) -> None:
    async with house() as it:
        await entered(it)
        kind = OrderType.STOP_MARKET if purpose is Purpose.STOP else OrderType.TAKE_PROFIT_MARKET
        order = it.order(purpose, kind, close_position=whole)
        assert (await it.dialect.submit(order)).outcome is Outcome.DONE
        await it.hear()
        assert it.states(order.client_id) == [S.WORKING]
        (resting,) = (await it.dialect.snapshot(1)).orders
        assert (resting.client_id, resting.close_position, resting.type) == (order.client_id, whole, kind)
        it.move("0.98" if purpose is Purpose.STOP else "1.02")
        await it.hear()
        (fill,) = it.fills(order.client_id)
        assert it.states(order.client_id) == [S.WORKING, S.FILLED]
        asked = await it.dialect.query(order.client_id, it.symbol, True)
        assert isinstance(asked, OrderUpdated)
        assert (asked.status, asked.filled, asked.average_price) == (S.FILLED, fill.quantity, fill.price)
        await agree(it)


async def test_whose_fill_it_was_is_known_after_a_restart() -> None:
    async with house() as it:
        entry = await entered(it)
        stop = it.order(Purpose.STOP, OrderType.STOP_MARKET)
        await it.dialect.submit(stop)
        it.move("0.98")
        await it.restart()
        fills = (await it.dialect.snapshot(1)).fills
        assert [fill.client_id for fill in fills] == [entry, stop.client_id]


async def test_partial_fills_and_the_cancel_of_the_rest() -> None:
    async with house() as it:
        order = it.order(kind=OrderType.LIMIT, limit_price=it.at("0.999"), quantity=it.quantity(3_000))
        await it.dialect.submit(order)
        it.stage.exchange.set_depth(it.symbol, it.quantity(1_000))
        it.move("0.998")
        await it.hear()
        assert it.states(order.client_id)[-1] is S.PARTIALLY_FILLED
        filled = sum(fill.quantity for fill in it.fills(order.client_id))
        assert 0 < filled < order.intent.quantity
        (resting,) = (await it.dialect.snapshot(1)).orders
        assert (resting.status, resting.filled) == (S.PARTIALLY_FILLED, filled)
        ended = await it.dialect.cancel(order.client_id, it.symbol, False)
        assert (ended.outcome, ended.code) == (Outcome.DONE, "")
        await it.hear()
        assert it.states(order.client_id)[-1] is S.CANCELLED
        again = await it.dialect.cancel(order.client_id, it.symbol, False)
        assert (again.outcome, again.code) == (Outcome.DONE, "-2011")
        await agree(it)


async def test_orders_that_find_nobody_end_and_are_told() -> None:
    async with house() as it:
        order = it.order(kind=OrderType.LIMIT, limit_price=it.at("0.99"), time_in_force=TimeInForce.IOC)
        ended = await it.dialect.submit(order)
        await it.hear()
        asked = await it.dialect.query(order.client_id, it.symbol, False)
        assert isinstance(asked, OrderUpdated)
        assert (ended.outcome, asked.status, asked.filled) == (Outcome.UNKNOWN, S.EXPIRED, Decimal(0))
        assert it.states(order.client_id)[-1] is S.EXPIRED


@pytest.mark.parametrize(
    "kind, wrong, code",
    [
        (OrderType.LIMIT, {"quantity": Decimal("0.0000001")}, {"-1111", "-4003", "-4004", "-4023"}),
        (OrderType.MARKET, {"quantity": Decimal(1_000_000)}, {"-4005", "-2019", "-2027"}),
        (OrderType.LIMIT, {"time_in_force": TimeInForce.GTX}, {"-5022", "UNKNOWN"}),
    ],
)
async def test_refusals_have_a_code(kind: OrderType, wrong: dict[str, Any], code: set[str]) -> None:
    async with house() as it:
        limit = {"limit_price": it.at("1.001")} if kind is OrderType.LIMIT else {}
        ended = await it.dialect.submit(it.order(kind=kind, **(limit | wrong)))
        refused = ended.outcome is Outcome.NOT_DONE and ended.code in code
        assert refused or ended.code == "EXPIRED", ended
        assert it.account.legs(it.symbol)[0].quantity == 0


async def test_stops_that_would_trigger_at_once_and_exits_without_a_position() -> None:
    async with house() as it:
        exit_ = await it.dialect.submit(it.order(Purpose.CLOSE))
        assert (exit_.outcome, exit_.code) == (Outcome.NOT_DONE, "-2022")
        await entered(it)
        stop = it.order(Purpose.STOP, OrderType.STOP_MARKET, trigger_price=it.at("1.01"))
        ended = await it.dialect.submit(stop)
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, "-2021")


async def test_conditional_orders_are_cancelled_and_not_found_afterwards() -> None:
    async with house() as it:
        await entered(it)
        stop = it.order(Purpose.STOP, OrderType.STOP_MARKET)
        await it.dialect.submit(stop)
        assert (await it.dialect.cancel(stop.client_id, it.symbol, True)).outcome is Outcome.DONE
        await it.hear()
        assert it.states(stop.client_id) == [S.WORKING, S.CANCELLED]
        again = await it.dialect.cancel(stop.client_id, it.symbol, True)
        assert (again.outcome, again.code) == (Outcome.DONE, "-2011")
        nobody = await it.dialect.query("qdtest-s99", it.symbol, True)
        assert isinstance(nobody, CallEnded)
        assert (nobody.outcome, nobody.code) == (Outcome.NOT_DONE, "not found")


async def test_a_stop_refused_at_its_trigger_is_told() -> None:
    async with house() as it:
        await entered(it)
        stop = it.order(Purpose.STOP, OrderType.STOP_MARKET)
        await it.dialect.submit(stop)
        it.stage.exchange.refuse_trigger(it.account.name, it.symbol)
        it.move("0.98")
        await it.hear()
        assert it.states(stop.client_id)[-1] is S.REJECTED
        asked = await it.dialect.query(stop.client_id, it.symbol, True)
        assert isinstance(asked, OrderUpdated)
        assert asked.status is S.REJECTED


async def test_a_stop_that_hangs_in_its_trigger_stops_counting() -> None:
    async with house() as it:
        await entered(it)
        stop = it.order(Purpose.STOP, OrderType.STOP_MARKET)
        await it.dialect.submit(stop)
        it.stage.exchange.stick(it.account.name, it.symbol)
        it.move("0.98")
        assert it.account.conditionals[0].status is ConditionalStatus.TRIGGERING
        assert len((await it.dialect.snapshot(1)).orders) == 1
        it.live(15_000)
        assert (await it.dialect.snapshot(1)).orders == ()
        asked = await it.dialect.query(stop.client_id, it.symbol, True)
        assert isinstance(asked, OrderUpdated)
        assert asked.status is S.EXPIRED


# The account


async def test_funding_is_one_payment_whoever_tells_it() -> None:
    async with house() as it:
        await entered(it)
        it.stage.exchange.set_funding(it.symbol, Decimal("0.001"))
        it.stage.exchange.settle_funding(it.symbol)
        it.live()
        (told,) = [one for one in await it.hear() if isinstance(one, FundingPaid)]
        (entry,) = (await it.dialect.snapshot(1)).funding
        assert (entry.reference, entry.amount(Book.WALLET)) == (told.payment_id, told.amount)
        assert told.amount < 0
        await agree(it)


async def test_a_liquidation_is_a_fill_of_nobodys_order() -> None:
    async with house() as it:
        await entered(it)
        it.stage.exchange.liquidate(it.account.name, it.symbol)
        it.live()
        await it.hear()
        fill = it.fills()[-1]
        assert (fill.liquidation, fill.client_id, fill.side) == (True, "", OrderSide.SELL)
        found = await it.dialect.snapshot(1)
        assert (found.fills[-1].trade_id, found.fills[-1].liquidation) == (fill.trade_id, True)
        assert found.positions == ()


async def test_a_person_closes() -> None:
    async with house() as it:
        await entered(it)
        stop = it.order(Purpose.STOP, OrderType.STOP_MARKET)
        await it.dialect.submit(stop)
        it.by_hand(OrderSide.SELL, it.account.legs(it.symbol)[0].quantity)
        it.live()
        await it.hear()
        assert it.fills()[-1].client_id == "web_1"
        found = await it.dialect.snapshot(1)
        assert [order.client_id for order in found.orders] == [stop.client_id], "it stays, as on the real one"
        await agree(it)


async def test_settings_changed_at_the_venue_are_news() -> None:
    async with house() as it:
        it.account.set_leverage(it.symbol, 7)
        it.live()
        assert FrozenSettings(it.symbol, "leverage 7") in await it.hear()
        report = await it.dialect.gate(Wish({it.symbol: 5}))
        assert report.changed == (f"{it.symbol}: isolated, leverage 5",)
        assert it.account.leverage(it.symbol) == 5


async def test_hedge_mode_keeps_its_legs_apart() -> None:
    async with house(mode=PositionMode.HEDGE) as it:
        long, short = it.order(), it.order(side=OrderSide.SELL)
        for order in (long, short):
            assert (await it.dialect.submit(order)).outcome is Outcome.DONE
        await it.hear()
        assert [fill.leg for fill in it.fills()] == [Side.LONG, Side.SHORT]
        found = await it.dialect.snapshot(1)
        assert sorted(one.quantity for one in found.positions) == [
            -short.intent.quantity,
            long.intent.quantity,
        ]
        assert [fill.leg for fill in found.fills] == [Side.LONG, Side.SHORT]
        stop = it.order(Purpose.STOP, OrderType.STOP_MARKET)
        assert (await it.dialect.submit(stop)).outcome is Outcome.DONE
        it.move("0.98")
        close = it.order(Purpose.CLOSE, side=OrderSide.BUY)
        assert (await it.dialect.submit(close)).outcome is Outcome.DONE
        await it.hear()
        assert (await it.dialect.snapshot(1)).positions == ()
        assert it.fills(stop.client_id)[0].leg is Side.LONG
        assert it.fills(close.client_id)[0].leg is Side.SHORT


async def test_contracts_prices_and_candles() -> None:
    async with house() as it:
        instruments = await it.dialect.instruments()
        theirs = it.stage.exchange.instruments
        assert set(instruments) == set(theirs)
        assert instruments[it.symbol].price_tick == theirs[it.symbol].price_tick
        assert instruments[it.symbol].brackets == theirs[it.symbol].brackets
        assert len(await it.dialect.quotes()) == len(theirs) == len(await it.dialect.funding_rates())
        frame = await it.dialect.candles(it.symbol, "1m", 300)
        assert len(frame) == 300
        assert int(frame.open_at_ms[-1]) + 60_000 <= it.gateway.now_ms
        assert await it.dialect.maintenance() == ""


async def test_the_streams_key_expires() -> None:
    async with house(on_frame(FrameEffect.EXPIRE_KEY, times=1)) as it:
        await it.dialect.submit(it.order())
        it.live()
        assert StreamEnded("listen key expired") in await it.hear()


# Faults: executed or not, the answer is never taken for more than it says, and a question settles it

APPLIED = [
    RequestEffect.CUT_AFTER,
    RequestEffect.OVERLOADED_AFTER,
    RequestEffect.UNKNOWN_AFTER,
    RequestEffect.GARBAGE,
]
NOT_APPLIED = [RequestEffect.CUT_BEFORE, RequestEffect.OVERLOADED_BEFORE, RequestEffect.UNKNOWN_BEFORE]
NEVER_SENT = [RequestEffect.REFUSE, RequestEffect.TOO_MANY]
PLACES = {
    "market": ("POST order", Purpose.ENTRY, OrderType.MARKET),
    "limit": ("POST order", Purpose.ENTRY, OrderType.LIMIT),
    "close": ("POST order", Purpose.CLOSE, OrderType.MARKET),
    "stop": ("POST algoOrder", Purpose.STOP, OrderType.STOP_MARKET),
    "target": ("POST algoOrder", Purpose.TARGET, OrderType.TAKE_PROFIT_MARKET),
}


def sent(it: House, client_id: str) -> int:
    """How many orders of this name the exchange has taken."""
    ordinary = [order for order in it.account.orders if order.client_id == client_id and not order.parent]
    return len(ordinary) + len([one for one in it.account.conditionals if one.client_id == client_id])


@pytest.mark.parametrize("effect", [*APPLIED, *NOT_APPLIED, *NEVER_SENT])
@pytest.mark.parametrize("place", PLACES)
async def test_a_lost_answer_to_a_submit(place: str, effect: RequestEffect) -> None:
    endpoint, purpose, kind = PLACES[place]
    async with house() as it:
        await entered(it)
        it.stage.arm([on(endpoint, effect)])
        limit = {"limit_price": it.at("0.99")} if kind is OrderType.LIMIT else {}
        order = it.order(purpose, kind, **limit)
        ended = await it.dialect.submit(order)
        await it.hear()
        certain = effect in NEVER_SENT
        assert ended.outcome is (Outcome.NOT_DONE if certain else Outcome.UNKNOWN)
        assert sent(it, order.client_id) == (1 if effect in APPLIED else 0), "never sent twice"
        if effect is RequestEffect.TOO_MANY:
            return  # nothing more is sent for half a minute
        found = await it.dialect.query(order.client_id, it.symbol, kind.conditional)
        if effect in APPLIED:
            assert isinstance(found, OrderUpdated)
            assert found.status in (S.WORKING, S.FILLED)
        else:
            assert isinstance(found, CallEnded)
            assert found.code == "not found"
        it.stage.disarm()
        await agree(it)


@pytest.mark.parametrize("effect", [*APPLIED, *NOT_APPLIED, *NEVER_SENT])
@pytest.mark.parametrize("conditional", [False, True], ids=["ordinary", "conditional"])
async def test_a_lost_answer_to_a_cancel(conditional: bool, effect: RequestEffect) -> None:
    async with house() as it:
        await entered(it)
        order = (
            it.order(Purpose.STOP, OrderType.STOP_MARKET)
            if conditional
            else it.order(kind=OrderType.LIMIT, limit_price=it.at("0.99"))
        )
        await it.dialect.submit(order)
        it.stage.arm([on("DELETE algoOrder" if conditional else "DELETE order", effect)])
        ended = await it.dialect.cancel(order.client_id, it.symbol, conditional)
        resting = it.account.live_conditionals() if conditional else it.account.live_orders()
        # aiohttp repeats a DELETE whose connection broke, once; then the second one says that it is gone
        settled = effect in (RequestEffect.CUT_AFTER, RequestEffect.CUT_BEFORE)
        certain = effect in NEVER_SENT
        assert ended.outcome is (
            Outcome.NOT_DONE if certain else Outcome.DONE if settled else Outcome.UNKNOWN
        )
        assert bool(resting) is (effect in (*NOT_APPLIED, *NEVER_SENT) and not settled)


@pytest.mark.parametrize(
    "endpoint",
    ["GET time", "GET account", "GET positionRisk", "GET openOrders", "GET openAlgoOrders", "GET income"],
)
@pytest.mark.parametrize(
    "effect", [RequestEffect.UNKNOWN_BEFORE, RequestEffect.GARBAGE, RequestEffect.REFUSE]
)
async def test_a_snapshot_that_cannot_be_whole_is_none(endpoint: str, effect: RequestEffect) -> None:
    async with house() as it:
        await entered(it)
        it.stage.arm([on(endpoint, effect)])
        before = len(it.stage.requests)
        with pytest.raises(VenueUnavailable):
            await it.dialect.snapshot(1)
        assert any(seen.faults for seen in list(it.stage.requests)[before:]), "the fault was met"
        await agree(it)


async def test_lost_doubled_and_swapped_frames_leave_the_same_books() -> None:
    for effect in (FrameEffect.DROP, FrameEffect.DUPLICATE, FrameEffect.SWAP):
        async with house() as it:
            it.stage.arm([on_frame(effect, "ORDER_TRADE_UPDATE", times=4)])
            order = it.order()
            await it.dialect.submit(order)
            stop = it.order(Purpose.STOP, OrderType.STOP_MARKET)
            await it.dialect.submit(stop)
            it.move("0.98")
            await it.hear()
            told = {fill.trade_id: fill.client_id for fill in it.fills()}
            fills = (await it.dialect.snapshot(1)).fills
            truth = {fill.trade_id: fill.client_id for fill in fills}
            assert list(truth.values()) == [order.client_id, stop.client_id]
            assert told.items() <= truth.items()


async def test_a_ban_is_kept_and_nothing_is_sent_during_it() -> None:
    async with house(on("POST order", RequestEffect.BAN)) as it:
        ended = await it.dialect.submit(it.order())
        assert ended.outcome is Outcome.NOT_DONE
        count = len(it.stage.requests)
        assert (await it.dialect.submit(it.order())).code == "ban"
        assert len(it.stage.requests) == count
