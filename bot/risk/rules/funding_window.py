"""No entries within some minutes before a funding settlement; 0 switches it off."""

from bot.domain.market import MINUTE_MS
from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "funding window"
ORDER = 130


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused inside the window."""
    window = book.limits.funding_window_minutes
    if not window or not book.guards.next_funding_at_ms:
        return Passed(NAME, "off")
    left = (book.guards.next_funding_at_ms - book.at_ms) / MINUTE_MS
    figures = f"{left:.0f} min to funding, window {window} min"
    return Refused(NAME, figures) if 0 <= left < window else Passed(NAME, figures)
