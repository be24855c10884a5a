"""Positions in the same direction: correlated symbols fall together."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "same direction"
ORDER = 100


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when enough other symbols are on this side."""
    limit = book.limits.max_same_direction
    others = {e.symbol for e in book.exposures if e.side is candidate.side} - {candidate.signal.symbol}
    figures = f"{len(others)} of {limit} {candidate.side}"
    return Refused(NAME, figures) if len(others) >= limit else Passed(NAME, figures)
