"""How Bybit behaves where exchanges differ."""

from decimal import Decimal

from sandbox.exchange.nouns import ExchangeRules

BYBIT_RULES = ExchangeRules(
    unique_for_ever=True,
    stops_with_position=True,
    acks_first=True,
    taker_fee=Decimal("0.00055"),
    maker_fee=Decimal("0.0002"),
    max_orders=500,
    max_conditional=64,
    max_partial=20,
)
