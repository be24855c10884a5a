"""Daily loss: once the day has lost its share of the starting equity, no entries until 00:00 UTC."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "daily loss"
ORDER = 70


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused once breached: within a day the breach stands, whatever open positions do later."""
    percent = book.limits.daily_loss_percent
    if not percent:
        return Passed(NAME, "off")
    limit = book.day.start_equity * percent / 100
    figures = f"day {book.day_pnl:+.2f}, limit -{limit:.2f} ({percent} %)"
    if book.day.breached or book.day_pnl <= -limit:
        return Refused(NAME, figures)
    return Passed(NAME, figures)
