"""The paper venue: the pure fill model over a candle feed, with books of its own that survive any kill.

venue     the port: calls, and one bar after the other
market    the candle feed as a venue sees it: sound candles, opens, funding
past      what is over and may still be asked for: ended orders, fills, payments
keeper    from reports to rows of the books, and from rows back to the model
records   which row of the books says what
writer    many changes, one durable save, then the events
"""

from bot.venues.paper.venue import PaperVenue

__all__ = ["PaperVenue"]
