"""Isolated margin, rounding against us and the liquidation price of linear perpetuals.

The formula is Binance's (support article "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts"), reduced
to one-way mode with isolated margin, where the other positions' terms are zero:

    LP = (WB + cum - side x size x entry) / (size x MMR - side x size)

WB is the position's isolated margin, side +1 for long and -1 for short, MMR and cum the maintenance rate and amount
of the leverage bracket that holds the notional *at LP*. It is the price at which margin and open profit together are
just the maintenance margin: WB + side x size x (LP - entry) = size x LP x MMR - cum.
"""

from collections.abc import Iterator
from decimal import Decimal

from bot.domain.fill import Fill
from bot.domain.instrument import ZERO, Bracket, Instrument, money_in, money_out
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


def liquidation_price(instrument: Instrument, position: Position) -> Decimal | None:
    """Price at which the position is liquidated; None when no price can do it (or there is no position)."""
    if position.flat:
        return None
    prices = (price for price, fits in _candidates(instrument, position) if fits)
    price = next(prices, None)
    return None if price is None or price <= ZERO else price


def _candidates(instrument: Instrument, position: Position) -> Iterator[tuple[Decimal, bool]]:
    floor = ZERO
    for bracket in instrument.brackets:
        price = _within(bracket, position)
        notional = price * position.size
        last = bracket is instrument.brackets[-1]
        yield price, notional > floor and (last or notional <= bracket.notional_cap)
        floor = bracket.notional_cap


def _within(bracket: Bracket, position: Position) -> Decimal:
    side = position.side.sign
    rest = position.isolated_margin + bracket.maintenance_amount - position.quantity * position.entry_price
    slope = position.size * (bracket.maintenance_rate - side)
    return rest / slope if slope else ZERO


def bankruptcy_price(position: Position) -> Decimal:
    """Price at which the isolated margin is used up."""
    return position.entry_price - position.side.sign * position.isolated_margin / position.size
