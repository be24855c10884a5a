"""Maximum drawdown from the equity high: entries stop until an admin lifts the halt."""

from bot.domain.instrument import ZERO
from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "drawdown"
ORDER = 80


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused at or beyond the limit."""
    limit, high = book.limits.drawdown_percent, book.equity_high
    if not limit or high <= ZERO:
        return Passed(NAME, "off")
    drawdown = (high - book.equity) / high * 100
    figures = f"{drawdown:.2f} % from {high:.2f}, limit {limit} %"
    return Refused(NAME, figures) if drawdown >= limit else Passed(NAME, figures)
