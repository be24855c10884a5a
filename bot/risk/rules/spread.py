"""No entries into a spread wider than the limit; without quotes (bar data) there is nothing to measure."""

from decimal import Decimal

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "spread"
ORDER = 140


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the spread in per cent of the price is over the limit."""
    spread, limit = book.guards.spread_percent, book.limits.max_spread_percent
    if spread is None or not limit:
        return Passed(NAME, "no quote")
    figures = f"{spread:.3f} %, limit {limit} %"
    return Refused(NAME, figures) if Decimal(repr(spread)) > limit else Passed(NAME, figures)
