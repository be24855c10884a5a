"""Isolated margin, and rounding against us."""

from decimal import Decimal

from bot.domain.fill import Fill
from bot.domain.instrument import ZERO, Instrument, money_in, money_out
from bot.domain.order import OrderSide
from bot.domain.position import Position


def against_us(instrument: Instrument, side: OrderSide, price: Decimal) -> Decimal:
    """An execution price on the tick, never better for us than `price`."""
    return instrument.price_above(price) if side is OrderSide.BUY else instrument.price_below(price)


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """Margin that a new position of this notional takes."""
    return money_out(notional / leverage)


def margin_after(before: Position, after: Position, fill: Fill) -> Decimal:
    """Isolated margin of a position after a fill: grown by the new part, released in proportion, anew when flipped."""
    if after.flat:
        return ZERO
    if before.flat or (before.quantity > ZERO) != (after.quantity > ZERO):
        return initial_margin(after.size * fill.price, after.leverage)
    if after.size > before.size:
        return before.isolated_margin + initial_margin(fill.quantity * fill.price, after.leverage)
    return money_in(before.isolated_margin * after.size / before.size)


def bankruptcy_price(position: Position) -> Decimal:
    """Price at which the isolated margin is used up."""
    return position.entry_price - position.side.sign * position.isolated_margin / position.size
