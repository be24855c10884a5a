"""One account at a sandbox exchange, in process, for many calls in a row: what was asked, and what is true."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox_house import SEED, Notebook, open_venue

from bot.domain.event import CallEnded, OrderUpdated, Outcome
from bot.domain.order import CloseReason, Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.venues.binance import BinanceDialect
from bot.venues.bybit import BybitDialect
from bot.venues.ccxt_venue.dialect import PositionMode, Wish
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.wire import Access, Environment
from sandbox.exchange.nouns import Conditional, ExchangeOrder, Kind, OrderAsk, Origin
from sandbox.exchange.serving.in_process import InProcessSession
from sandbox.exchange.serving.venues import key_of

HOST = "127.0.0.1:9"
TIMEOUT_S = 1.0
PAUSE_MS = 200
SITES = {
    "binance": {
        "market": "POST order",
        "limit": "POST order",
        "stop": "POST algoOrder",
        "target": "POST algoOrder",
        "close": "POST order",
        "cancel ordinary": "DELETE order",
        "cancel conditional": "DELETE algoOrder",
        "set_leverage": "POST leverage",
    },
    "bybit": {
        "market": "POST order/create",
        "limit": "POST order/create",
        "stop": "POST position/trading-stop",
        "target": "POST position/trading-stop",
        "close": "POST order/create",
        "cancel ordinary": "POST order/cancel",
        "cancel conditional": "POST position/trading-stop",
        "set_leverage": "POST position/set-leverage",
    },
}
"""The endpoint that each call site calls, as faults name it."""
NEEDS_POSITION = ("stop", "target", "close", "cancel conditional")


@dataclass(frozen=True, slots=True)
class Play:
    """One call that is about to be made. `applied` looks into the exchange's own books."""

    client_id: str
    conditional: bool
    call: Callable[[], Awaitable[CallEnded]]
    applied: Callable[[], bool]
    leverage: int = 0


class Desk:
    """Exchange, account, the real ccxt, gateway and dialect of one venue."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.stage = open_venue(venue, limits=False)
        self.symbol = sorted(self.stage.exchange.instruments)[0]
        self.instrument = self.stage.exchange.instruments[self.symbol]
        self.account: Any = self.stage.exchange.accounts()[0]
        key = key_of(venue, SEED)
        place = Access(Environment.SANDBOX, key.key, key.secret, f"http://{HOST}", f"ws://{HOST}")
        notebook, session = Notebook(), InProcessSession({HOST: self.stage})
        self.gateway = CcxtGateway(
            place, notebook, lambda: self.stage.exchange.now_ms, session, timeout_s=TIMEOUT_S
        )
        make = BinanceDialect if venue == "binance" else BybitDialect
        self.dialect: BinanceDialect | BybitDialect = make(self.gateway, notebook, PositionMode.ONE_WAY)
        self.gateway.join(self.dialect)
        self._count = 0

    async def open(self) -> None:
        """The account as a bot leaves it after its start."""
        await self.gateway.start()
        await self.gate(5)

    async def gate(self, leverage: int) -> None:
        """Set and read back."""
        report = await self.dialect.gate(Wish({self.symbol: leverage}))
        assert (report.refusals, dict(report.halts)) == ((), {})

    def live(self, ms: int) -> None:
        """Time passes at the exchange."""
        self.stage.advance(self.stage.exchange.now_ms + ms)

    @property
    def held(self) -> Decimal:
        """The true position."""
        return sum((leg.quantity for leg in self.account.legs(self.symbol)), Decimal(0))

    def by_hand(self, side: OrderSide, quantity: Decimal) -> None:
        """A person trades past the bot."""
        self._count += 1
        name, reduces = f"web_{self._count}", side is OrderSide.SELL
        ask = OrderAsk(
            self.symbol, side, Kind.MARKET, quantity, name, reduce_only=reduces, origin=Origin.HUMAN
        )
        self.account.place(ask)

    def at(self, factor: str) -> Decimal:
        """A price relative to the present one, another one for every order."""
        last = self.stage.exchange.view(self.symbol).last
        near = self.instrument.price_nearest(last * Decimal(factor))
        return near + self.instrument.price_tick * (self._count % 50)

    def order(self, purpose: Purpose, kind: OrderType, **more: Any) -> Order:
        """One of our orders, of a fresh id; a long is entered and left."""
        self._count += 1
        exits = purpose.exits
        fields = {"reduce_only": exits, "reason": CloseReason.MANUAL if exits else None} | more
        side = OrderSide.SELL if exits else OrderSide.BUY
        quantity = self.quantity
        intent = Intent(self.symbol, side, purpose, kind, quantity, f"d{self._count}", **fields)
        now = self.gateway.now_ms
        return Order(f"qdtest-{self._count}", intent, "entry", OrderStatus.INTENDED, now, now)

    @property
    def quantity(self) -> Decimal:
        """Worth some 300."""
        return self.instrument.quantity_down(Decimal(300) / self.stage.exchange.view(self.symbol).last)

    # Calls

    async def play(self, site: str) -> Play:
        """Make everything ready for a call."""
        if site in NEEDS_POSITION and not self.held:
            self.by_hand(OrderSide.BUY, self.quantity)
        if site == "set_leverage":
            return self._leverage()
        order = self._order_of(site)
        ids = (order.client_id, order.intent.type.conditional)
        if not site.startswith("cancel"):
            return Play(*ids, lambda: self.dialect.submit(order), lambda: self.found(order) is not None)
        ended = await self.dialect.submit(order)
        assert ended.outcome is Outcome.DONE, ended
        await self.dialect.query(order.client_id, self.symbol, ids[1])
        return Play(
            *ids,
            lambda: self.dialect.cancel(order.client_id, self.symbol, ids[1]),
            lambda: not self._lives(order),
        )

    def _order_of(self, site: str) -> Order:
        match site:
            case "market":
                return self.order(Purpose.ENTRY, OrderType.MARKET)
            case "limit" | "cancel ordinary":
                return self.order(Purpose.ENTRY, OrderType.LIMIT, limit_price=self.at("0.98"))
            case "close":
                return self.order(Purpose.CLOSE, OrderType.MARKET)
            case "target":
                far = {"trigger_price": self.at("1.05"), "close_position": True}
                return self.order(Purpose.TARGET, OrderType.TAKE_PROFIT_MARKET, **far)
            case _:
                far = {"trigger_price": self.at("0.95"), "close_position": True}
                return self.order(Purpose.STOP, OrderType.STOP_MARKET, **far)

    def _leverage(self) -> Play:
        wanted = 6 if self.account.leverage(self.symbol) != 6 else 7
        return Play(
            "",
            False,
            lambda: self.dialect.set_leverage(self.symbol, wanted),
            lambda: self.account.leverage(self.symbol) == wanted,
            wanted,
        )

    # Truth

    def found(self, order: Order) -> ExchangeOrder | Conditional | None:
        """The order in the exchange's books; a Bybit position's stop goes by its price."""
        if not order.intent.type.conditional:
            return self.account.find(self.symbol, client_id=order.client_id)  # type: ignore[no-any-return]
        if self.venue == "binance":
            return self.account.find_conditional(client_id=order.client_id)  # type: ignore[no-any-return]
        price = order.intent.trigger_price
        same = [one for one in self.account.live_conditionals() if one.ask.trigger_price == price]
        return same[-1] if same else None

    def _lives(self, order: Order) -> bool:
        found = self.found(order)
        return found is not None and found.status.live

    def count(self, client_id: str) -> int:
        """Orders of both kinds that were ever taken under a client id (a triggered stop's own order not)."""
        taken = [*self.account.orders, *self.account.conditionals]
        return sum(one.client_id == client_id for one in taken) if client_id else 0

    def status(self, play: Play) -> OrderStatus | None:
        """The order's true state as the bot calls it; None: there is no such order."""
        if play.conditional and self.venue == "bybit":
            return OrderStatus.WORKING if self.account.live_conditionals() else None
        look = self.account.find_conditional if play.conditional else self.account.find
        more = {} if play.conditional else {"symbol": self.symbol}
        found = look(client_id=play.client_id, **more)
        if found is None:
            return None
        if isinstance(found, ExchangeOrder):
            return found.status
        return OrderStatus.WORKING if found.status.live else OrderStatus.CANCELLED

    # Afterwards

    async def asked_after(self, play: Play, code: str) -> str:
        """Empty when the question about the order is answered with the truth; `code` is how the call ended.

        Of a Bybit position's stop that was taken away, or said to stand (34040) where none does, nothing is left to
        see: CANCELLED is true of it.
        """
        told = await self.dialect.query(play.client_id, self.symbol, play.conditional)
        if (
            isinstance(told, CallEnded) and told.code == "not shown yet"
        ):  # lists lie behind: asked again later
            self.live(5_000)
            told = await self.dialect.query(play.client_id, self.symbol, play.conditional)
        true = self.status(play)
        if isinstance(told, OrderUpdated):
            gone = true is None and told.status is OrderStatus.CANCELLED
            gone = gone and (play.applied() or code == "34040")
            return "" if told.status is true or gone else f"query says {told.status}, true is {true}"
        denied = told.outcome is Outcome.NOT_DONE and told.code == "not found"
        return "" if denied and true is None else f"query says {told.outcome} {told.code}, true is {true}"

    async def agrees(self, play: Play, since_ms: int, *, named: bool = True) -> str:
        """Empty when a snapshot says what the books say; `named`: under our order's id, too."""
        found = await self.dialect.snapshot(since_ms)
        wrong: list[str] = []
        if sum((one.quantity for one in found.positions), Decimal(0)) != self.held:
            wrong.append(f"position {found.positions}, true {self.held}")
        told = sorted(one.trigger_price or one.limit_price or Decimal(0) for one in found.orders)
        resting = [one.ask.price for one in self.account.live_orders()]
        waiting = [one.ask.trigger_price for one in self.account.live_conditionals()]
        if told != sorted([*resting, *waiting]):
            wrong.append(f"orders at {told}, true {resting} {waiting}")
        if named and {one.client_id for one in found.orders} - {play.client_id}:
            wrong.append(f"orders named {[one.client_id for one in found.orders]}")
        mine = sum((fill.quantity for fill in found.fills if fill.client_id == play.client_id), Decimal(0))
        true = [one.quantity for one in self.account.trades[-20:] if one.order_client_id == play.client_id]
        if mine != sum(true, Decimal(0)):
            wrong.append(f"filled {mine}, true {true}")
        return "; ".join(wrong)

    def clean(self, site: str) -> None:
        """Nothing is left of the call; time goes on past pauses and bans."""
        for one in self.account.live_orders():
            self.account.cancel(one)
        for waiting in self.account.live_conditionals():
            self.account.cancel_conditional(waiting)
        if self.held and site not in NEEDS_POSITION:
            self.by_hand(OrderSide.SELL, self.held)
        self.live(max(PAUSE_MS, self.gateway.ban_left_ms))
