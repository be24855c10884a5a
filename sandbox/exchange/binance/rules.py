"""How Binance behaves where exchanges differ."""

from decimal import Decimal

from sandbox.exchange.nouns import ExchangeRules

BINANCE_RULES = ExchangeRules(
    unique_for_ever=False,
    stops_with_position=False,
    acks_first=False,
    taker_fee=Decimal("0.0005"),
    maker_fee=Decimal("0.0002"),
    max_orders=200,
    max_conditional=100,
)
