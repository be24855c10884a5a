"""One position per symbol, and none while an order of that symbol has an unknown outcome."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "same symbol"
ORDER = 110


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the symbol holds or is about to hold a position, or is unsettled."""
    symbol = candidate.signal.symbol
    if book.guards.unsettled_orders:
        return Refused(NAME, f"{book.guards.unsettled_orders} order(s) of {symbol} with unknown outcome")
    held = next((e for e in book.exposures if e.symbol == symbol), None)
    if held is not None:
        return Refused(NAME, f"{symbol} already {held.side} with {held.notional:.2f}")
    return Passed(NAME, f"{symbol} is flat")
