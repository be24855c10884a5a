"""The Bybit dialect through the real ccxt on the sandbox exchange: what is sent is taken, what happens is told."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random

import pytest
from bybit_dialect_kit import BTC, MemoryInHand, order, stop, target
from bybit_house import ACCESS, PLACE, House, house, new_exchange

from bot.domain.account import Book
from bot.domain.event import (
    CallEnded,
    CandlesClosed,
    Event,
    Filled,
    FundingPaid,
    OrderUpdated,
    Outcome,
    WalletSeen,
)
from bot.domain.modes import PositionMode
from bot.domain.order import OrderSide, OrderStatus, OrderType, Purpose, TimeInForce
from bot.domain.signal import Side
from bot.venues.bybit import BybitDialect
from bot.venues.ccxt_venue.dialect import Wish
from bot.venues.ccxt_venue.venue import Account, build_venue
from bot.venues.matching import Code
from bot.venues.port import VenueUnavailable
from sandbox.exchange.nouns import OrderAsk
from sandbox.exchange.serving.faults import RequestEffect, on_request
from sandbox.exchange.serving.in_process import InProcessSession

SELL, BUY = OrderSide.SELL, OrderSide.BUY
WORKING, FILLED, CANCELLED = OrderStatus.WORKING, OrderStatus.FILLED, OrderStatus.CANCELLED
D = Decimal


@pytest.fixture
async def desk() -> AsyncIterator[House]:
    async with house() as one_way:
        yield one_way


@pytest.fixture
async def hedge() -> AsyncIterator[House]:
    async with house(PositionMode.HEDGE) as both:
        yield both


async def held(desk: House, quantity: str = "0.010") -> None:
    """A long position."""
    await desk.send(order("entry", quantity=quantity), FILLED)
    await desk.until(lambda: desk.fills, "the fill")


class TestOrders:
    async def test_an_entry_with_its_money(self, desk: House) -> None:
        await held(desk)
        (fill,) = desk.fills
        assert (fill.client_id, fill.quantity, fill.price, fill.fee) == (
            "entry",
            D("0.01"),
            D(50000),
            D("0.275"),
        )
        snapshot = await desk.dialect.snapshot(desk.exchange.now_ms - 60_000)
        assert snapshot.fills == (fill,)
        assert [position.quantity for position in snapshot.positions] == [D("0.01")]
        wallets = [event.wallet for event in desk.events if isinstance(event, WalletSeen)]
        assert snapshot.wallet == wallets[-1] == D("9999.725")

    async def test_a_limit_order_rests_fills_in_parts_and_the_rest_is_cancelled(self, desk: House) -> None:
        desk.exchange.set_depth(BTC, D("0.004"))
        limit = order("a", kind=OrderType.LIMIT, price="49000", quantity="0.010")
        await desk.send(limit, WORKING)
        desk.move(48990)
        await desk.told("a", OrderStatus.PARTIALLY_FILLED)
        await desk.until(lambda: desk.fills, "a part")
        ended = await desk.dialect.cancel("a", BTC, conditional=False)
        assert ended.outcome is Outcome.DONE
        await desk.told("a", CANCELLED)
        filled = sum((fill.quantity for fill in desk.fills), D(0))
        assert D(0) < filled < D("0.010")
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(news, OrderUpdated)
        assert (news.status, news.filled) == (CANCELLED, filled)

    async def test_a_post_only_order_that_would_take_is_removed(self, desk: House) -> None:
        gtx = order("a", kind=OrderType.LIMIT, price="51000", time_in_force=TimeInForce.GTX)
        assert (await desk.dialect.submit(gtx)).outcome is Outcome.DONE
        desk.on(1)
        await desk.until(lambda: any(s.final for s in desk.statuses("a")), "its end")
        assert desk.last("a").status in (OrderStatus.EXPIRED, OrderStatus.REJECTED)
        assert desk.last("a").code == Code.NOT_MAKER.value

    async def test_an_acknowledgement_is_no_order(self, desk: House) -> None:
        """Received, then rejected."""
        desk.stage.arm([on_request(RequestEffect.REJECT_LATER, "POST order/create", times=1)])
        ended = await desk.dialect.submit(order("a"))
        assert ended.outcome is Outcome.DONE
        desk.on(1)
        await desk.told("a", OrderStatus.REJECTED)
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(news, OrderUpdated)
        assert news.status is OrderStatus.REJECTED
        assert desk.fills == []

    async def test_margin_is_looked_at_before_the_answer(self, desk: House) -> None:
        ended = await desk.dialect.submit(order("a", quantity="5"))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, Code.MARGIN.value)
        desk.on(1)
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(news, CallEnded)
        assert (news.outcome, news.code) == (Outcome.NOT_DONE, "not found")
        assert desk.exchange.accounts()[0].orders == []
        await desk.send(order("a"), FILLED)

    async def test_a_close_closes_and_the_next_has_nothing_to_close(self, desk: House) -> None:
        await held(desk)
        await desk.send(order("out", SELL, Purpose.CLOSE), FILLED)
        ended = await desk.dialect.submit(order("again", SELL, Purpose.CLOSE))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, Code.REDUCE_ONLY.value)
        assert (await desk.dialect.snapshot(0)).positions == ()

    async def test_the_same_order_twice_is_one(self, desk: House) -> None:
        await held(desk)
        again = await desk.dialect.submit(order("entry"))
        assert (again.outcome, again.code) == (Outcome.UNKNOWN, "110072")
        news = await desk.dialect.query("entry", BTC, conditional=False)
        assert isinstance(news, OrderUpdated)
        assert news.status is FILLED
        assert len(desk.exchange.accounts()[0].trades) == 1

    @pytest.mark.parametrize(
        "quantity,code",
        [("0.00001", Code.BELOW_MINIMUM), ("100000", Code.ABOVE_MAXIMUM)],
    )
    async def test_filters(self, desk: House, quantity: str, code: Code) -> None:
        ended = await desk.dialect.submit(order("a", quantity=quantity))
        assert ended.outcome is Outcome.NOT_DONE
        assert ended.code == code.value

    async def test_an_order_nobody_knows(self, desk: House) -> None:
        news = await desk.dialect.query("nobody", BTC, conditional=False)
        assert isinstance(news, CallEnded)
        assert (news.outcome, news.code) == (Outcome.NOT_DONE, "not found")
        gone = await desk.dialect.cancel("nobody", BTC, conditional=False)
        assert gone.outcome is Outcome.DONE


class TestProtection:
    async def test_stop_and_target_of_the_whole_position(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        await desk.send(target("t1", "55000"), WORKING)
        snapshot = await desk.dialect.snapshot(0)
        assert {(o.client_id, o.type, o.trigger_price, o.close_position) for o in snapshot.orders} == {
            ("s1", OrderType.STOP_MARKET, D(48000), True),
            ("t1", OrderType.TAKE_PROFIT_MARKET, D(55000), True),
        }

    async def test_it_grows_with_the_position(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        await desk.send(order("more", quantity="0.020"), FILLED)
        (waiting,) = (await desk.dialect.snapshot(0)).orders
        assert (waiting.client_id, waiting.quantity) == ("s1", D("0.030"))

    async def test_moved_without_a_gap(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        await desk.send(stop("s2", "49000", whole=False), WORKING)
        ended = await desk.dialect.cancel("s1", BTC, conditional=True)
        assert ended.outcome is Outcome.DONE
        (waiting,) = (await desk.dialect.snapshot(0)).orders
        assert (waiting.client_id, waiting.trigger_price) == ("s2", D(49000))
        assert CANCELLED not in desk.statuses("s1"), "a move is no doing of a person"

    async def test_triggered_on_the_mark_its_fill_is_the_stops(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        await desk.send(stop("s2", "49000"), WORKING)
        await desk.send(target("t1", "55000"), WORKING)
        desk.move(48900)
        await desk.told("s2", FILLED)
        await desk.until(lambda: len(desk.fills) == 2, "the exit")
        exit_fill = desk.fills[-1]
        assert (exit_fill.client_id, exit_fill.side, exit_fill.quantity) == ("s2", SELL, D("0.010"))
        ended = await desk.dialect.cancel("t1", BTC, conditional=True)
        assert ended.outcome is Outcome.DONE
        assert CANCELLED not in desk.statuses("t1"), "it went with its position"
        snapshot = await desk.dialect.snapshot(desk.exchange.now_ms - 60_000)
        assert (snapshot.positions, snapshot.orders) == ((), ())
        assert [fill.client_id for fill in snapshot.fills] == ["entry", "s2"]

    async def test_the_target_is_reached(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        await desk.send(target("t1", "50500"), WORKING)
        desk.move(50600)
        await desk.told("t1", FILLED)
        await desk.until(lambda: len(desk.fills) == 2, "the exit")
        assert desk.fills[-1].client_id == "t1"

    async def test_through_the_price_already(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        ended = await desk.dialect.submit(stop("s2", "50500"))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, Code.WOULD_TRIGGER.value)
        (waiting,) = (await desk.dialect.snapshot(0)).orders
        assert waiting.client_id == "s1"

    async def test_without_a_position(self, desk: House) -> None:
        ended = await desk.dialect.submit(stop("s1", "48000"))
        assert (ended.outcome, ended.code) == (Outcome.NOT_DONE, Code.REDUCE_ONLY.value)

    async def test_taken_away(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        ended = await desk.dialect.cancel("s1", BTC, conditional=True)
        assert ended.outcome is Outcome.DONE
        assert (await desk.dialect.snapshot(0)).orders == ()
        assert (await desk.dialect.cancel("s1", BTC, conditional=True)).outcome is Outcome.DONE

    async def test_the_same_price_again_is_asked_after(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        ended = await desk.dialect.submit(stop("s2", "48000"))
        assert ended.outcome is Outcome.UNKNOWN
        news = await desk.dialect.query("s2", BTC, conditional=True)
        assert isinstance(news, OrderUpdated)
        assert news.status is WORKING

    async def test_a_person_takes_it_away(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        account = desk.exchange.accounts()[0]
        account.cancel_conditional(account.live_conditionals()[0])
        desk.on(4)
        desk.stream._read(None)
        await desk.told("s1", CANCELLED)

    async def test_a_person_closes_the_position(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        account = desk.exchange.accounts()[0]
        account.place(OrderAsk(BTC, SELL, account.orders[0].ask.kind, D("0.010"), reduce_only=True))
        await desk.until(lambda: len(desk.fills) == 2, "the exit")
        assert desk.fills[-1].client_id == ""
        desk.on(4)
        assert (await desk.dialect.cancel("s1", BTC, conditional=True)).outcome is Outcome.DONE
        assert CANCELLED not in desk.statuses("s1")

    async def test_a_restart_knows_whose_stop_it_is(self, desk: House) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        async with house(old=desk) as again:
            snapshot = await again.dialect.snapshot(0)
            assert [waiting.client_id for waiting in snapshot.orders] == ["s1"]
            again.move(47900)
            await again.told("s1", FILLED)
            await again.until(lambda: again.fills, "the exit")
            assert again.fills[-1].client_id == "s1"


class TestHedge:
    async def test_both_legs_with_their_stops(self, hedge: House) -> None:
        await hedge.send(order("long"), FILLED)
        await hedge.send(order("short", SELL, quantity="0.020"), FILLED)
        await hedge.send(stop("sl", "48000"), WORKING)
        await hedge.send(stop("ss", "52000", BUY), WORKING)
        await hedge.send(target("ts", "45000", BUY), WORKING)
        snapshot = await hedge.dialect.snapshot(hedge.exchange.now_ms - 60_000)
        assert sorted(position.quantity for position in snapshot.positions) == [D("-0.020"), D("0.010")]
        assert {waiting.client_id for waiting in snapshot.orders} == {"sl", "ss", "ts"}
        assert {fill.client_id: fill.leg for fill in snapshot.fills} == {
            "long": Side.LONG,
            "short": Side.SHORT,
        }
        hedge.move(52100)
        await hedge.told("ss", FILLED)
        await hedge.until(lambda: len(hedge.fills) == 3, "the exit")
        assert (hedge.fills[-1].client_id, hedge.fills[-1].leg) == ("ss", Side.SHORT)
        (left,) = (await hedge.dialect.snapshot(0)).positions
        assert left.quantity == D("0.010")
        await hedge.send(order("out", SELL, Purpose.CLOSE), FILLED)
        assert (await hedge.dialect.snapshot(0)).positions == ()


LOST = [
    (RequestEffect.CUT_AFTER, True),
    (RequestEffect.CUT_BEFORE, False),
    (RequestEffect.OVERLOADED_AFTER, True),
    (RequestEffect.OVERLOADED_BEFORE, False),
    (RequestEffect.UNKNOWN_AFTER, True),
    (RequestEffect.UNKNOWN_BEFORE, False),
]


class TestLostAnswers:
    @pytest.mark.parametrize("effect,executed", LOST)
    async def test_an_entry(self, desk: House, effect: RequestEffect, executed: bool) -> None:
        desk.stage.arm([on_request(effect, "POST order/create", times=1)])
        ended = await desk.dialect.submit(order("a"))
        assert ended.outcome is Outcome.UNKNOWN
        news = await desk.dialect.query("a", BTC, conditional=False)
        if executed:
            assert isinstance(news, OrderUpdated)
            assert (news.status, news.filled) == (FILLED, D("0.010"))
        else:
            assert isinstance(news, CallEnded)
            assert (news.outcome, news.code) == (Outcome.NOT_DONE, "not found")
        assert len(desk.exchange.accounts()[0].orders) == int(executed)

    @pytest.mark.parametrize("effect,executed", LOST)
    async def test_a_stop(self, desk: House, effect: RequestEffect, executed: bool) -> None:
        await held(desk)
        await desk.send(stop("s1", "48000"), WORKING)
        desk.stage.arm([on_request(effect, "POST position/trading-stop", times=1)])
        ended = await desk.dialect.submit(stop("s2", "49000"))
        assert ended.outcome is Outcome.UNKNOWN
        news = await desk.dialect.query("s2", BTC, conditional=True)
        (waiting,) = (await desk.dialect.snapshot(0)).orders
        if executed:
            assert isinstance(news, OrderUpdated)
            assert news.status is WORKING
            assert waiting.client_id == "s2"
        else:
            assert isinstance(news, CallEnded)
            assert news.code == "not found"
            assert waiting.client_id == "s1"

    @pytest.mark.parametrize("effect,executed", LOST)
    async def test_a_cancel(self, desk: House, effect: RequestEffect, executed: bool) -> None:
        await desk.send(order("a", kind=OrderType.LIMIT, price="40000"), WORKING)
        desk.stage.arm([on_request(effect, "POST order/cancel", times=1)])
        assert (await desk.dialect.cancel("a", BTC, conditional=False)).outcome is Outcome.UNKNOWN
        news = await desk.dialect.query("a", BTC, conditional=False)
        assert isinstance(news, OrderUpdated)
        assert news.status is (CANCELLED if executed else WORKING)

    async def test_maintenance(self, desk: House) -> None:
        desk.stage.arm([on_request(RequestEffect.MAINTENANCE, "*")])
        assert (await desk.dialect.submit(order("a"))).outcome is Outcome.UNKNOWN
        with pytest.raises(VenueUnavailable):
            await desk.dialect.snapshot(0)


class TestAccount:
    async def test_funding_is_the_same_in_stream_and_snapshot(self, desk: House) -> None:
        await held(desk)
        desk.exchange.set_funding(BTC, D("0.0001"))
        desk.on(1)
        desk.exchange.settle_funding(BTC)
        await desk.until(lambda: any(isinstance(e, FundingPaid) for e in desk.events), "funding")
        (paid,) = [event for event in desk.events if isinstance(event, FundingPaid)]
        snapshot = await desk.dialect.snapshot(desk.exchange.now_ms - 60_000)
        (entry,) = snapshot.funding
        assert (entry.reference, entry.amount(Book.WALLET)) == (paid.payment_id, paid.amount)
        assert paid.amount == D("-0.05")
        assert snapshot.wallet == D("9999.725") + paid.amount

    async def test_a_liquidation(self, desk: House) -> None:
        await held(desk)
        desk.on(1)
        desk.exchange.liquidate("main", BTC)
        await desk.until(lambda: len(desk.fills) == 2, "the end")
        assert (desk.fills[-1].liquidation, desk.fills[-1].client_id) == (True, "")

    async def test_a_deleveraging(self, desk: House) -> None:
        await held(desk)
        desk.on(1)
        desk.exchange.deleverage("main", BTC, D("0.004"))
        await desk.until(lambda: len(desk.fills) == 2, "a part")
        assert (desk.fills[-1].liquidation, desk.fills[-1].quantity) == (False, D("0.004"))

    async def test_the_gate(self, desk: House) -> None:
        report = await desk.dialect.gate(Wish({BTC: 20, "ETHUSDT": 10, "NOPEUSDT": 5}))
        assert report.refusals == ()
        assert dict(report.halts) == {"NOPEUSDT": "not listed at bybit"}
        account = desk.exchange.accounts()[0]
        assert (account.leverage(BTC), account.leverage("ETHUSDT")) == (20, 10)
        again = await desk.dialect.gate(Wish({BTC: 20, "ETHUSDT": 10}))
        assert again.changed == ()

    async def test_the_gate_switches_to_hedge_mode(self) -> None:
        async with house() as outside:
            exchange = outside.exchange
        async with house(PositionMode.HEDGE, old=outside) as desk:
            report = await desk.dialect.gate(Wish({BTC: 10}, PositionMode.HEDGE))
            assert report.refusals == ()
            assert exchange.accounts()[0].position_mode == "hedge"

    async def test_the_gate_says_what_stands_in_the_way(self, desk: House) -> None:
        await held(desk)
        async with house(PositionMode.HEDGE, old=desk) as other:
            report = await other.dialect.gate(Wish({BTC: 10}, PositionMode.HEDGE))
            assert "position mode" in report.refusals[0]

    async def test_leverage(self, desk: House) -> None:
        assert (await desk.dialect.set_leverage(BTC, 7)).outcome is Outcome.DONE
        assert (await desk.dialect.set_leverage(BTC, 7)).outcome is Outcome.DONE
        assert desk.exchange.accounts()[0].leverage(BTC) == 7


class TestMarket:
    async def test_instruments_read_back_as_the_exchange_has_them(self, desk: House) -> None:
        found = await desk.dialect.instruments()
        for symbol, theirs in desk.exchange.instruments.items():
            ours = found[symbol]
            for name in (
                "price_tick",
                "quantity_step",
                "min_quantity",
                "max_quantity",
                "max_market_quantity",
            ):
                assert getattr(ours, name) == getattr(theirs, name), (symbol, name)
            assert ours.min_notional == theirs.min_notional
            assert [b.notional_cap for b in ours.brackets] == [b.notional_cap for b in theirs.brackets]
            assert [b.max_leverage for b in ours.brackets] == [b.max_leverage for b in theirs.brackets]
            assert ours.funding_interval_hours == theirs.funding_interval_hours

    async def test_candles(self, desk: House) -> None:
        frame = await desk.dialect.candles(BTC, "1m", 1500)
        theirs = desk.exchange.klines(BTC, "1m", 1501)
        closed = [kline for kline in theirs if kline.closed][-1500:]
        assert frame.open_at_ms.tolist() == [kline.open_at_ms for kline in closed]
        assert frame.close.tolist() == [float(kline.close) for kline in closed]

    async def test_prices_time_and_state(self, desk: House) -> None:
        quotes = {quote.symbol: quote for quote in await desk.dialect.quotes()}
        assert quotes[BTC].last == 50000.0
        assert set(quotes) == set(desk.exchange.instruments)
        rates = {rate.symbol: rate for rate in await desk.dialect.funding_rates()}
        assert set(rates) == set(quotes)
        assert rates[BTC].next_at_ms > desk.exchange.now_ms
        assert await desk.dialect.server_time_ms() == desk.exchange.now_ms
        assert await desk.dialect.maintenance() == ""


class TestTheWholeVenue:
    async def test_it_opens_trades_and_tells_candles(self) -> None:
        exchange, stage = new_exchange()
        session = InProcessSession({PLACE: stage})
        wish = Wish({BTC: 10, "ETHUSDT": 5})
        venue = build_venue(
            BybitDialect,
            Account(ACCESS, wish, "1m"),
            MemoryInHand(),
            lambda: exchange.now_ms,
            Random(3),
            session,
        )
        events: list[Event] = []
        await venue.open(events.append)
        try:
            assert venue.report.refusals == ()
            history = await venue.history([BTC], "1m", 200)
            assert len(history[BTC]) == 200
            await venue.snapshot(0)
            assert (await venue.submit(order("a"))).outcome is Outcome.DONE
            async with asyncio.timeout(60):
                while not any(isinstance(event, CandlesClosed) for event in events):
                    stage.advance(exchange.now_ms + 1000)
                    await asyncio.sleep(0.01)
            assert any(isinstance(event, Filled) for event in events)
            closed = next(event for event in events if isinstance(event, CandlesClosed))
            assert [candle.symbol for candle in closed.candles] == [BTC, "ETHUSDT"]
            health = venue.health()
            assert health.user_stream
            assert health.unreadable_frames == 0
        finally:
            await venue.close()
