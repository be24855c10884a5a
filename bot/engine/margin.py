"""Where an isolated position would be liquidated.

With isolated margin m, quantity q (signed), entry e, maintenance rate r and maintenance amount a of its bracket, the
position is liquidated at the price p where  m + q (p - e) = |q| p r - a.
Source: the venues' published liquidation formula for linear contracts in one-way mode with isolated margin.
"""

from decimal import Decimal

from bot.domain.instrument import ZERO, Instrument
from bot.domain.position import Position


def liquidation_price(position: Position, leverage: int, instrument: Instrument) -> Decimal | None:
    """Price at which the position is liquidated, in quote asset; None when flat or out of reach."""
    if position.flat:
        return None
    quantity, entry = position.quantity, position.entry_price
    notional = position.size * entry
    bracket = instrument.bracket(notional)
    margin = position.isolated_margin or notional / leverage
    numerator = quantity * entry - margin - bracket.maintenance_amount
    denominator = quantity - position.size * bracket.maintenance_rate
    price = numerator / denominator
    return price if price > ZERO else None


def way_to_liquidation(position: Position, liquidation: Decimal, mark: Decimal) -> Decimal:
    """How far of the way from entry to liquidation the mark has come: 0 at the entry, 1 at liquidation."""
    distance = abs(position.entry_price - liquidation)
    moved = (position.entry_price - mark) * position.side.sign
    return max(ZERO, moved / distance) if distance else ZERO
