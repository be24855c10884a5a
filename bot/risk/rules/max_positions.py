"""Positions in all, open or about to be."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "positions"
ORDER = 90


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when every slot is taken by another symbol."""
    limit = book.limits.max_positions
    taken = len({exposure.symbol for exposure in book.exposures} - {candidate.signal.symbol})
    figures = f"{taken} of {limit} taken"
    return Refused(NAME, figures) if taken >= limit else Passed(NAME, figures)
