"""Where an isolated position of a linear perpetual is liquidated.

The formula is Binance's (support article "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts"), reduced
to one-way mode with isolated margin, where the other positions' terms are zero:

    LP = (WB + cum - side x size x entry) / (size x MMR - side x size)

WB is the position's isolated margin, side +1 for long and -1 for short, MMR and cum the maintenance rate and amount
of the leverage bracket that holds the notional *at LP*. It is the price at which margin and open profit together are
just the maintenance margin: WB + side x size x (LP - entry) = size x LP x MMR - cum.
"""

from collections.abc import Iterator
from decimal import Decimal

from bot.domain.instrument import ZERO, Bracket, Instrument
from bot.domain.position import Position


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


def way_to_liquidation(position: Position, liquidation: Decimal, mark: Decimal) -> Decimal:
    """How far of the way from entry to liquidation the mark has come: 0 at the entry, 1 at liquidation."""
    distance = abs(position.entry_price - liquidation)
    moved = (position.entry_price - mark) * position.side.sign
    return max(ZERO, moved / distance) if distance else ZERO
