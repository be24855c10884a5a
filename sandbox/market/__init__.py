"""A generated market of perpetual futures: seeded, endless, and like the real one where it matters."""

from sandbox.market.generator import START_AT_MS, GeneratedMarket
from sandbox.market.instruments import exchange_info, funding_info, leverage_brackets
from sandbox.market.listing import MAX_LISTINGS, Listing, listings
from sandbox.market.regimes import Regime

__all__ = [
    "MAX_LISTINGS",
    "START_AT_MS",
    "GeneratedMarket",
    "Listing",
    "Regime",
    "exchange_info",
    "funding_info",
    "leverage_brackets",
    "listings",
]
