"""Margin of our own positions: what the venue has not told is what the leverage says."""

from dataclasses import replace
from decimal import Decimal

from bot.domain import liquidation
from bot.domain.instrument import Instrument
from bot.domain.position import Position


def liquidation_price(position: Position, leverage: int, instrument: Instrument) -> Decimal | None:
    """Price at which the position is liquidated, in quote asset; None when flat or out of reach."""
    margin = position.isolated_margin or position.size * position.entry_price / leverage
    return liquidation.liquidation_price(instrument, replace(position, isolated_margin=margin))
