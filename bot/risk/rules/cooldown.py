"""A pause of some bars after a loss on the same symbol."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "cooldown"
ORDER = 60


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused while bars are left."""
    left = book.guards.cooldown_bars_left
    if left > 0:
        return Refused(NAME, f"{left} of {book.limits.cooldown_bars} bars left after a loss")
    return Passed(NAME, f"{book.limits.cooldown_bars} bars after a loss")
