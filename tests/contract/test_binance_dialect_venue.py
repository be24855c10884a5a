"""The whole driver over real sockets: gateway, streams and the Binance dialect as one Venue on the sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random

from sandbox_house import Notebook, Sandbox, sandbox, until

from bot.domain.event import CallEnded, Event, Filled, OrderUpdated, Outcome
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose, client_order_id
from bot.runtime.clock import WallClock
from bot.venues.binance import BinanceDialect, asks
from bot.venues.ccxt_venue.dialect import PositionMode, Wish
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.venue import Account, CcxtVenue
from bot.venues.ccxt_venue.wire import Access, Environment


@asynccontextmanager
async def driver(box: Sandbox, told: list[Event]) -> AsyncIterator[tuple[CcxtVenue, CcxtGateway]]:
    """The venue, open, its first snapshot taken."""
    place, notebook = box.place, Notebook()
    access = Access(Environment.SANDBOX, place["api_key"], place["secret"], place["rest"], place["stream"])
    gateway = CcxtGateway(access, notebook, WallClock().now_ms)
    dialect = BinanceDialect(gateway, notebook, PositionMode.ONE_WAY)
    gateway.join(dialect)
    wish = Wish(dict.fromkeys(box.stage.exchange.instruments, 5))
    venue = CcxtVenue(dialect, gateway, Account(access, wish, "1m"), Random(1))
    await venue.open(told.append)
    try:
        await venue.snapshot(0)
        yield venue, gateway
    finally:
        await venue.close()
        await gateway.close()


def order(venue: CcxtVenue, box: Sandbox, purpose: Purpose, kind: OrderType) -> Order:
    """An entry of about a thousand, or a stop of the whole position one per cent below."""
    symbol = sorted(venue.instruments)[0]
    instrument, price = venue.instruments[symbol], box.price(symbol)
    side = OrderSide.SELL if purpose.exits else OrderSide.BUY
    trigger = instrument.price_nearest(price * Decimal("0.99")) if kind.conditional else None
    quantity = instrument.quantity_down(Decimal(1_000) / price)
    intent = Intent(
        symbol, side, purpose, kind, quantity, "d1", trigger_price=trigger, close_position=kind.conditional
    )
    return Order(client_order_id("test", intent), intent, "entry", OrderStatus.INTENDED, 0, 0)


async def test_entry_stop_and_trigger_over_sockets() -> None:
    told: list[Event] = []

    def filled(client_id: str) -> bool:
        fills = [one for one in told if isinstance(one, Filled) and one.fill.client_id == client_id]
        ends = [one for one in told if isinstance(one, OrderUpdated) and one.client_id == client_id]
        return bool(fills) and ends[-1].status is OrderStatus.FILLED

    async with sandbox("binance") as box, driver(box, told) as (venue, gateway):
        assert venue.report.halts == {}
        entry = order(venue, box, Purpose.ENTRY, OrderType.MARKET)
        ended = await venue.submit(entry)
        assert isinstance(ended, CallEnded)
        assert ended.outcome is Outcome.DONE
        await until(lambda: filled(entry.client_id))
        stop = order(venue, box, Purpose.STOP, OrderType.STOP_MARKET)
        assert (await venue.submit(stop)).outcome is Outcome.DONE
        price = venue.instruments[stop.symbol].price_nearest(box.price(stop.symbol) * Decimal("0.98"))
        box.stage.exchange.set_price(stop.symbol, price)
        await until(lambda: filled(stop.client_id))
        found = await venue.snapshot(1)
        assert (found.positions, found.orders) == ((), ())
        assert [fill.client_id for fill in found.fills] == [entry.client_id, stop.client_id]
        assert (await gateway.ask(asks.RENEW_KEY)).good
        assert len(await venue.history([stop.symbol], "1m", 120)) == 1
