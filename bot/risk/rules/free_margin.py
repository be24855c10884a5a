"""The entry's margin must be free, and the balance above its minimum."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "free margin"
ORDER = 150


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the margin is not there; sizing normally shrinks the entry to fit."""
    if book.wallet < book.limits.min_balance:
        return Refused(NAME, f"wallet {book.wallet:.2f}, minimum {book.limits.min_balance}")
    figures = f"needs {candidate.sized.margin:.2f} of {book.available:.2f}"
    return Refused(NAME, figures) if candidate.sized.margin > book.available else Passed(NAME, figures)
