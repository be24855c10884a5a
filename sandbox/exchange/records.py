"""One account's records: orders, trades, income. What the fill model reports becomes records and news here.

An execution is told as AccountNews, then OrderNews; an order ends with its last execution, or by itself.
"""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.instrument import money_out
from bot.domain.order import OrderSide, OrderStatus
from bot.venues.matching import Executed, FundingSettled, OrderChanged, Report
from sandbox.exchange.news import OrderNews
from sandbox.exchange.nouns import (
    ZERO,
    ExchangeOrder,
    Income,
    IncomeKind,
    Kind,
    Leg,
    OrderAsk,
    Origin,
    Trade,
)
from sandbox.exchange.world import World

ENDS = {
    OrderStatus.CANCELLED: "CANCELED",
    OrderStatus.EXPIRED: "EXPIRED",
    OrderStatus.REJECTED: "REJECTED",
}
NAMES = {Origin.LIQUIDATION: "autoclose", Origin.DELEVERAGING: "adl_autoclose", Origin.HUMAN: "web"}


@dataclass(slots=True)
class LegRecord:
    """What is remembered of a position beside the position: profit so far, when it was opened and changed."""

    realised: Decimal = ZERO
    created_at_ms: int = 0
    updated_at_ms: int = 0


type Booked = Callable[[str, Leg, tuple[Income, ...], str], None]
"""Hears of every change of wallet or position: symbol, leg, income, Binance's reason."""
type Moved = Callable[[ExchangeOrder], None]
"""Hears of every order that executed or ended, after it was told."""


class Records:
    """Orders, trades and legs of one account, in the order in which they came."""

    def __init__(self, account: str, world: World, booked: Booked, moved: Moved) -> None:
        self._account = account
        self._world = world
        self._booked = booked
        self._moved = moved
        self.orders: list[ExchangeOrder] = []
        self.by_id: dict[int, ExchangeOrder] = {}
        self.live: dict[int, ExchangeOrder] = {}
        self._named: dict[str, list[ExchangeOrder]] = {}
        self.trades: list[Trade] = []
        self.legs: dict[tuple[str, Leg], LegRecord] = {}

    def named(self, client_id: str, symbol: str = "") -> list[ExchangeOrder]:
        """Orders of a client id, newest first."""
        found = self._named.get(client_id, [])
        return [order for order in reversed(found) if symbol in ("", order.ask.symbol)]

    def leg(self, symbol: str, leg: Leg) -> LegRecord:
        """A leg's record, begun at first use."""
        return self.legs.setdefault((symbol, leg), LegRecord())

    def open(self, ask: OrderAsk, client_id: str, *, parent: int = 0, number: int = 0) -> ExchangeOrder:
        """A new order, told as NEW; without a client id it gets one from its number."""
        world = self._world
        number = number or world.number()
        name = client_id or f"{NAMES.get(ask.origin, 'auto')}_{number}"
        order = ExchangeOrder(
            number, name, ask, OrderStatus.WORKING, world.now_ms, world.now_ms, parent=parent
        )
        self.orders.append(order)
        self.by_id[number] = self.live[number] = order
        self._named.setdefault(name, []).append(order)
        self.tell(order, "NEW")
        return order

    def tell(self, order: ExchangeOrder, what: str, trade: Trade | None = None) -> None:
        """News of an order, as it is now."""
        self._world.tell(OrderNews(self._world.now_ms, self._account, copy(order), what, trade))

    def end(self, order: ExchangeOrder, status: OrderStatus, reason: str = "") -> None:
        """The order ends without an execution."""
        order.status, order.reason, order.updated_at_ms = status, reason, self._world.now_ms
        self.live.pop(order.order_id, None)
        self.tell(order, ENDS[status])
        self._moved(order)

    def take(self, reports: Iterable[Report]) -> None:
        """Keep what the fill model reports."""
        for report in reports:
            match report:
                case Executed(order=booked) if booked is not None:
                    self._execute(self.by_id[int(booked.request.client_id)], report, "TRADE")
                case OrderChanged(order=booked, code=code):
                    order = self.by_id[int(booked.request.client_id)]
                    if booked.status in ENDS:
                        self.end(order, booked.status, code)
                case _:
                    raise TypeError(f"unexpected report {report}")

    def imposed(self, report: Executed, leg: Leg, origin: Origin) -> ExchangeOrder:
        """An execution that the exchange decided: liquidation or deleveraging."""
        fill = report.fill
        ask = OrderAsk(
            symbol=fill.symbol,
            side=fill.side,
            kind=Kind.LIMIT,
            quantity=fill.quantity,
            price=fill.price,
            leg=leg,
            reduce_only=True,
            origin=origin,
        )
        order = self.open(ask, "")
        self._execute(order, report, "CALCULATED")
        return order

    def funding(self, report: FundingSettled, leg: Leg) -> None:
        """Funding was settled on a leg."""
        income = self.book(
            IncomeKind.FUNDING_FEE, report.amount, symbol=report.position.symbol, rate=report.rate
        )
        self._booked(report.position.symbol, leg, income, "FUNDING_FEE")

    def book(
        self, kind: IncomeKind, amount: Decimal, *, symbol: str = "", trade_id: int = 0, rate: Decimal = ZERO
    ) -> tuple[Income, ...]:
        """Book income; nothing when it is zero."""
        if amount == ZERO:
            return ()
        ledger, at_ms = self._world.ledger, self._world.now_ms
        return (ledger.book(self._account, kind, amount, at_ms, symbol=symbol, trade_id=trade_id, rate=rate),)

    def _execute(self, order: ExchangeOrder, report: Executed, what: str) -> None:
        fill, ask, now_ms = report.fill, order.ask, self._world.now_ms
        self._mark_leg(ask.symbol, ask.leg, report)
        charged = self._commission(order, report)
        trade = self._trade(order, report, charged)
        self.trades.append(trade)
        order.filled += fill.quantity
        order.value += fill.quantity * fill.price
        order.fee += charged
        order.updated_at_ms = now_ms
        order.status = OrderStatus.FILLED if order.left == ZERO else OrderStatus.PARTIALLY_FILLED
        number = trade.trade_id
        income = self.book(IncomeKind.REALIZED_PNL, report.realised, symbol=ask.symbol, trade_id=number)
        income += self.book(IncomeKind.COMMISSION, -charged, symbol=ask.symbol, trade_id=number)
        income += self.book(
            IncomeKind.INSURANCE_CLEAR, charged - fill.fee, symbol=ask.symbol, trade_id=number
        )
        if order.status is OrderStatus.FILLED:
            del self.live[order.order_id]
        self._booked(ask.symbol, ask.leg, income, "ORDER")
        self.tell(order, what, trade)
        self._moved(order)

    def _commission(self, order: ExchangeOrder, report: Executed) -> Decimal:
        """The trading fee in a fill's fee; the rest of a liquidation's goes to the insurance fund."""
        fill = report.fill
        if order.ask.origin is not Origin.LIQUIDATION:
            return fill.fee
        return min(fill.fee, money_out(fill.quantity * fill.price * self._world.rules.taker_fee))

    def _mark_leg(self, symbol: str, leg: Leg, report: Executed) -> None:
        record, position = self.leg(symbol, leg), report.position
        before = position.quantity - _signed(report)
        record.realised += report.realised
        record.updated_at_ms = self._world.now_ms
        if before == ZERO or before * position.quantity < ZERO:
            record.created_at_ms = self._world.now_ms

    def _trade(self, order: ExchangeOrder, report: Executed, fee: Decimal) -> Trade:
        fill, before = report.fill, report.position.quantity - _signed(report)
        reduces = before * _signed(report) < ZERO
        return Trade(
            trade_id=self._world.number(),
            order_id=order.order_id,
            order_client_id=order.client_id,
            symbol=fill.symbol,
            side=fill.side,
            leg=order.ask.leg,
            quantity=fill.quantity,
            price=fill.price,
            fee=fee,
            realised=report.realised,
            at_ms=self._world.now_ms,
            maker=fill.maker,
            origin=order.ask.origin,
            closed_quantity=min(fill.quantity, abs(before)) if reduces else ZERO,
        )

    def amended(self, order: ExchangeOrder, quantity: Decimal, price: Decimal) -> None:
        """An order has another quantity and price."""
        order.ask = replace(order.ask, quantity=quantity, price=price)
        order.updated_at_ms = self._world.now_ms
        self.tell(order, "AMENDMENT")


def _signed(report: Executed) -> Decimal:
    return report.fill.quantity if report.fill.side is OrderSide.BUY else -report.fill.quantity
