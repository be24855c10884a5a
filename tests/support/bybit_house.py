"""The Bybit dialect through the real ccxt on the sandbox exchange, without sockets: gateway, user stream, events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import cast

from bybit_dialect_kit import BTC, MemoryInHand

from bot.domain.event import Event, Filled, OrderUpdated
from bot.domain.fill import Fill
from bot.domain.modes import PositionMode
from bot.domain.order import Order, OrderStatus
from bot.venues.bybit import BybitDialect
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.streams import UserStream
from bot.venues.ccxt_venue.wire import Access, Environment
from sandbox.exchange.build import ExchangeOptions, build_exchange
from sandbox.exchange.bybit import BYBIT_RULES, BybitProtocol, Settings
from sandbox.exchange.nouns import ApiKey
from sandbox.exchange.nouns import PositionMode as VenueMode
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.simulated import SimulatedExchange

PLACE = "127.0.0.1:8080"
KEY = ApiKey("k" * 18, "a secret of the sandbox")
ACCESS = Access(Environment.SANDBOX, KEY.key, KEY.secret, f"http://{PLACE}", f"ws://{PLACE}")
PRICE = Decimal(50000)
PATIENCE_S = 60.0


@dataclass
class House:
    """One account at the sandbox, and what its user stream has told."""

    exchange: SimulatedExchange
    stage: Stage
    memory: MemoryInHand
    gateway: CcxtGateway
    dialect: BybitDialect
    stream: UserStream
    events: list[Event]

    @property
    def fills(self) -> list[Fill]:
        """Fills told so far."""
        return [event.fill for event in self.events if isinstance(event, Filled)]

    def statuses(self, client_id: str) -> list[OrderStatus]:
        """What was told of an order, in order."""
        return [
            event.status
            for event in self.events
            if isinstance(event, OrderUpdated) and event.client_id == client_id
        ]

    def last(self, client_id: str) -> OrderUpdated:
        """The newest word about an order."""
        told = [e for e in self.events if isinstance(e, OrderUpdated) and e.client_id == client_id]
        return told[-1]

    async def until(self, so: Callable[[], object], what: str = "") -> None:
        """Wait for news."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not so():  # noqa: ASYNC110 - whatever is waited for has no event of its own
                    await asyncio.sleep(0.001)
        except TimeoutError:
            told = "\n".join(str(event) for event in self.events)
            raise AssertionError(f"never came: {what}; told:\n{told}") from None

    async def told(self, client_id: str, status: OrderStatus) -> None:
        """Wait until an order is told to be so."""
        await self.until(lambda: status in self.statuses(client_id), f"{client_id} {status}")

    async def send(self, order: Order, status: OrderStatus) -> None:
        """Submit, and wait for the stream to tell of it."""
        ended = await self.dialect.submit(order)
        assert ended.outcome == "DONE", ended
        await self.told(order.client_id, status)

    def move(self, price: Decimal | int, symbol: str = BTC, *, seconds: int = 1) -> None:
        """The price is this now; time goes on a little."""
        self.stage.advance(self.exchange.now_ms + seconds * 1000)
        self.exchange.set_price(symbol, Decimal(price))

    def on(self, seconds: int) -> None:
        """Time goes on."""
        self.stage.advance(self.exchange.now_ms + seconds * 1000)


@asynccontextmanager
async def house(
    mode: PositionMode = PositionMode.ONE_WAY, memory: MemoryInHand | None = None, old: House | None = None
) -> AsyncIterator[House]:
    """A house whose user stream is proven; with `old` a new process at the same exchange."""
    exchange, stage = new_exchange(mode) if old is None else (old.exchange, old.stage)
    kept = old.memory if old is not None else memory or MemoryInHand()
    session = InProcessSession({PLACE: stage})
    gateway = CcxtGateway(ACCESS, kept, lambda: exchange.now_ms, session)
    dialect = BybitDialect(gateway, kept, mode)
    gateway.join(dialect)
    await gateway.start()
    await gateway.clients.load()
    events: list[Event] = []
    stream = UserStream(dialect, gateway, gateway.clients, events.append, Random(1))
    stream.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await stream.proven.wait()
        yield House(exchange, stage, kept, gateway, dialect, stream, events)
    finally:
        await stream.close()
        await gateway.close()


def new_exchange(mode: PositionMode = PositionMode.ONE_WAY) -> tuple[SimulatedExchange, Stage]:
    """An exchange whose market stands still, with one account."""
    exchange = _exchange(mode)
    return exchange, Stage(exchange, _speak)


def _speak(exchange: object) -> BybitProtocol:
    return BybitProtocol(cast(SimulatedExchange, exchange), Settings(limits=False))


def _exchange(mode: PositionMode) -> SimulatedExchange:
    options = ExchangeOptions(symbols=(BTC, "ETHUSDT", "XRPUSDT"), position_mode=VenueMode(mode))
    exchange = build_exchange(BYBIT_RULES, options, [("main", KEY)])
    exchange.hold("", held=True)
    exchange.set_spread(BTC, Decimal(0))
    exchange.set_price(BTC, PRICE)
    for symbol in exchange.instruments:
        exchange.accounts()[0].set_leverage(symbol, 10)
    return exchange
