"""One symbol of the account: its position, its working orders, and the band of prices that leaves them alone."""

from dataclasses import dataclass, field
from decimal import Decimal
from math import inf

from bot.domain.instrument import ZERO, Instrument
from bot.domain.liquidation import liquidation_price
from bot.domain.order import OrderSide, OrderType
from bot.domain.position import Position
from bot.venues.matching.margin import initial_margin
from bot.venues.matching.orders import BookedOrder


@dataclass(slots=True)
class SymbolBook:
    """Position and working orders of one symbol, in the order in which they came.

    `margin` is what the position holds and what resting limit orders keep. A `crossed` position holds nothing of its
    own: the whole wallet stands for it, and whoever keeps the account judges its liquidation.

    A candle strictly inside (`below`, `above`) touches nothing: two float comparisons settle almost every bar.
    Rounding a Decimal level to float is monotone, so the band is never too wide; the exact levels decide afterwards.
    """

    instrument: Instrument
    position: Position
    orders: dict[str, BookedOrder] = field(default_factory=dict)
    liquidation_price: Decimal | None = None
    below: float = -inf
    above: float = inf
    margin: Decimal = ZERO
    crossed: bool = False

    def refresh(self, *, liquidate: bool) -> None:
        """Find band, liquidation price and margin again; due after every change of position or orders."""
        self.margin = self.position.isolated_margin + self._reserved()
        judged = liquidate and not self.crossed
        self.liquidation_price = liquidation_price(self.instrument, self.position) if judged else None
        below, above = [-inf], [inf]
        for order in self.orders.values():
            (below if order.waits_below else above).append(float(order.level))
            if order.triggered:
                below.append(inf)
        if self.liquidation_price is not None:
            (below if self.position.quantity > ZERO else above).append(float(self.liquidation_price))
        self.below, self.above = max(below), min(above)

    def untouched_by(self, low: float, high: float) -> bool:
        """True when no order and no liquidation lies within the candle."""
        return low > self.below and high < self.above

    def closable(self, side: OrderSide) -> Decimal:
        """How much an order of this side can reduce."""
        quantity = self.position.quantity
        return abs(quantity) if quantity * side.sign < ZERO else ZERO

    def opening(self, side: OrderSide, quantity: Decimal) -> Decimal:
        """How much of an order of this side and quantity would open or grow a position."""
        return max(ZERO, quantity - self.closable(side))

    def _reserved(self) -> Decimal:
        # Resting limit orders that may open or grow a position keep their margin.
        total = ZERO
        for order in self.orders.values():
            asked = order.request
            if asked.type is OrderType.LIMIT and not asked.exits:
                notional = self.opening(asked.side, order.remaining) * order.level
                total += initial_margin(notional, self.position.leverage)
        return total
