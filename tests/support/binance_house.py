"""The Binance dialect through the real ccxt on the sandbox exchange, in process; time moves when a test says so."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from sandbox_house import SEED, Notebook, open_venue

from bot.domain.event import Filled, OrderUpdated
from bot.domain.fill import Fill
from bot.domain.order import CloseReason, Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.venues.binance import BinanceDialect
from bot.venues.ccxt_venue.dialect import PositionMode, PrivateNews, Wish
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.wire import Access, Environment
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Kind, OrderAsk, Origin
from sandbox.exchange.serving.faults import Rule
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.serving.venues import key_of

HOST = "127.0.0.1:9"
TIMEOUT_S = 60.0  # in process: answers come at once, however busy the machine is


class House:
    """One sandbox exchange, one account, the dialect on it, and all that its user stream said."""

    def __init__(self, stage: Stage, mode: PositionMode) -> None:
        self.stage = stage
        self.mode = mode
        self.symbol = sorted(stage.exchange.instruments)[0]
        self.session = InProcessSession({HOST: stage})
        self.news: list[PrivateNews] = []
        self.frames: list[Any] = []
        self._socket: Any = None
        self._count = 0
        self.gateway, self.dialect = self._join()

    def _join(self) -> tuple[CcxtGateway, BinanceDialect]:
        key = key_of("binance", SEED)
        place = Access(Environment.SANDBOX, key.key, key.secret, f"http://{HOST}", f"ws://{HOST}")
        notebook = Notebook()
        gateway = CcxtGateway(
            place, notebook, lambda: self.stage.exchange.now_ms, self.session, timeout_s=TIMEOUT_S
        )
        dialect = BinanceDialect(gateway, notebook, self.mode)
        gateway.join(dialect)
        return gateway, dialect

    async def restart(self) -> None:
        """The process is another one: nothing is remembered."""
        await self.gateway.close()
        self.gateway, self.dialect = self._join()

    async def listen(self) -> None:
        """Open the user stream."""
        answer = await self.gateway.clients.rest().fapiPrivatePostListenKey()
        url = f"ws://{HOST}/private/ws?listenKey={answer['listenKey']}"
        self._socket = await self.session.ws_connect(url)

    async def hear(self) -> list[PrivateNews]:
        """Read what the user stream has said since."""
        told: list[PrivateNews] = []
        while True:
            try:
                message = await self._socket.receive(0.02)
            except TimeoutError:
                self.news += told
                return told
            frame = json.loads(message.data)
            self.frames.append(frame)
            told += self.dialect.private_news(frame, self.gateway.now_ms)

    @property
    def account(self) -> ExchangeAccount:
        """Ground truth."""
        return self.stage.exchange.accounts()[0]

    @property
    def price(self) -> Decimal:
        """What the symbol costs."""
        return self.stage.exchange.view(self.symbol).last

    def live(self, ms: int = 1_000) -> None:
        """Time passes."""
        self.stage.advance(self.stage.exchange.now_ms + ms)

    def move(self, factor: str) -> None:
        """The price is now another one."""
        instrument = self.stage.exchange.instruments[self.symbol]
        self.stage.exchange.set_price(self.symbol, instrument.price_nearest(self.price * Decimal(factor)))
        self.live()

    def quantity(self, notional: int = 1_000) -> Decimal:
        """A quantity worth about so much."""
        return self.stage.exchange.instruments[self.symbol].quantity_down(Decimal(notional) / self.price)

    def order(
        self,
        purpose: Purpose = Purpose.ENTRY,
        kind: OrderType = OrderType.MARKET,
        side: OrderSide | None = None,
        **more: Any,
    ) -> Order:
        """One of our orders, of a fresh id; a long is entered and left unless `side` says otherwise."""
        self._count += 1
        exits = purpose.exits
        fields: dict[str, Any] = {"reduce_only": exits, "reason": CloseReason.MANUAL if exits else None}
        if kind.conditional:
            below = (kind is OrderType.STOP_MARKET) is (side is not OrderSide.BUY)
            fields |= {"trigger_price": self.at("0.99" if below else "1.01"), "close_position": True}
        fields |= more
        side = side or (OrderSide.SELL if exits else OrderSide.BUY)
        quantity = fields.pop("quantity", None) or self.quantity()
        intent = Intent(self.symbol, side, purpose, kind, quantity, f"d{self._count}", **fields)
        now = self.gateway.now_ms
        client_id = f"qdtest-{purpose[0].lower()}{self._count}"
        return Order(client_id, intent, "entry", OrderStatus.INTENDED, now, now)

    def at(self, factor: str) -> Decimal:
        """A price relative to the present one."""
        return self.stage.exchange.instruments[self.symbol].price_nearest(self.price * Decimal(factor))

    def by_hand(self, side: OrderSide, quantity: Decimal) -> None:
        """A person trades past the bot."""
        ask = OrderAsk(
            self.symbol, side, Kind.MARKET, quantity, "web_1", reduce_only=True, origin=Origin.HUMAN
        )
        self.account.place(ask)

    def fills(self, client_id: str | None = None) -> list[Fill]:
        """Fills that the stream told, of one order or all."""
        told = [one.fill for one in self.news if isinstance(one, Filled)]
        return [fill for fill in told if client_id in (None, fill.client_id)]

    def states(self, client_id: str) -> list[OrderStatus]:
        """States of an order that the stream told, in order, without repetition."""
        told = [
            one.status for one in self.news if isinstance(one, OrderUpdated) and one.client_id == client_id
        ]
        return [state for n, state in enumerate(told) if n == 0 or told[n - 1] is not state]


@asynccontextmanager
async def house(
    *rules: Rule, mode: PositionMode = PositionMode.ONE_WAY, leverage: int = 5
) -> AsyncIterator[House]:
    """An account brought to the wish by the gate, with its user stream open."""
    built = House(open_venue("binance"), mode)
    report = await built.dialect.gate(Wish({built.symbol: leverage}, mode))
    assert (report.refusals, report.halts) == ((), {})
    await built.listen()
    built.stage.arm(rules)
    try:
        yield built
    finally:
        built.stage.disarm()
        await built.gateway.close()
        await asyncio.sleep(0)
