"""Whose prices a desk trades on, as stored history remembers it: those of two exchanges are never mixed."""

from bot.config.trading import Venue

GENERATED = "generated market"


def source_of(mode: str, venue: Venue) -> str:
    """binance, bybit testnet, a sandbox, or the market that a demo makes."""
    if mode == "demo":
        return GENERATED
    if venue.sandbox:
        return f"{venue.name} sandbox"
    return f"{venue.name} testnet" if mode == "testnet" else str(venue.name)
