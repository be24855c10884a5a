"""Orders at the venue: what is asked, and what rests or was done."""

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import Order, OrderSide, OrderStatus, OrderType, closing
from bot.domain.order import TimeInForce as TimeInForce
from bot.domain.signal import Side
from bot.domain.snapshot import VenueOrder


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as the venue is asked for it. `foreign` marks what a person does past the bot.

    `leg` is the position it is for in hedge mode: the long or the short one; None is the one net position.
    """

    client_id: str
    symbol: str
    side: OrderSide
    type: OrderType
    quantity: Decimal = ZERO
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    foreign: bool = False
    leg: Side | None = None

    @property
    def exits(self) -> bool:
        """True when the order can only reduce a position; the closing side of a leg never does more."""
        if self.reduce_only or self.close_position:
            return True
        return self.leg is not None and closing(self.leg) is self.side


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """An order the venue took. `triggered` orders execute at market; what is left goes on at the next open."""

    request: OrderRequest
    venue_id: str
    status: OrderStatus
    created_at_ms: int
    updated_at_ms: int
    filled: Decimal = ZERO
    average_price: Decimal = ZERO
    triggered: bool = False

    @property
    def remaining(self) -> Decimal:
        """Quantity not yet filled; meaningless for `close_position`."""
        return self.request.quantity - self.filled

    @property
    def level(self) -> Decimal:
        """The price at which something happens to the resting order: its trigger or its limit."""
        price = self.request.trigger_price if self.request.type.conditional else self.request.limit_price
        return ZERO if price is None else price

    @property
    def waits_below(self) -> bool:
        """True when a falling price reaches the order: sell stops, buy targets, buy limits."""
        selling = self.request.side is OrderSide.SELL
        return selling if self.request.type is OrderType.STOP_MARKET else not selling

    def executed(self, quantity: Decimal, price: Decimal, at_ms: int) -> "BookedOrder":
        """The order after one execution; its status is still to be decided."""
        filled = self.filled + quantity
        average = (
            price if self.filled == ZERO else (self.average_price * self.filled + price * quantity) / filled
        )
        return replace(self, filled=filled, average_price=average, updated_at_ms=at_ms)

    def view(self) -> VenueOrder:
        """The order as a snapshot shows it."""
        asked = self.request
        return VenueOrder(
            client_id=asked.client_id,
            venue_id=self.venue_id,
            symbol=asked.symbol,
            side=asked.side,
            type=asked.type,
            status=self.status,
            quantity=asked.quantity,
            filled=self.filled,
            average_price=self.average_price,
            trigger_price=asked.trigger_price,
            limit_price=asked.limit_price,
            reduce_only=asked.reduce_only,
            close_position=asked.close_position,
        )


def request_of(order: Order) -> OrderRequest:
    """What the venue is asked for by one of our orders; `close_position` alone already means reduce-only."""
    intent = order.intent
    return OrderRequest(
        client_id=order.client_id,
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        quantity=intent.quantity,
        limit_price=intent.limit_price,
        trigger_price=intent.trigger_price,
        reduce_only=intent.reduce_only and not intent.close_position,
        close_position=intent.close_position,
        time_in_force=intent.time_in_force,
    )
