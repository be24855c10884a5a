"""No entries unless the desk is trading and its books and its link can be relied on."""

from bot.domain.guard import TradingState
from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "trading"
ORDER = 10


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Passed only in state ACTIVE with nothing blocking all entries."""
    if book.trading is not TradingState.ACTIVE:
        return Refused(NAME, f"desk is {book.trading}")
    if book.blocked:
        return Refused(NAME, book.blocked)
    return Passed(NAME, f"desk is {book.trading}")
