"""A maximum number of trades per day over all symbols; 0 switches it off."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "trades per day"
ORDER = 75


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the day has had its trades."""
    limit = book.limits.max_trades_per_day
    if not limit:
        return Passed(NAME, "off")
    figures = f"{book.day.trades} of {limit}"
    return Refused(NAME, figures) if book.day.trades >= limit else Passed(NAME, figures)
