"""No entries from a bar that closed too long ago."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "data"
ORDER = 30


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the signal's bar is older than the limit (a third of the timeframe by default)."""
    age_ms = book.at_ms - candidate.signal.bar_at_ms
    figures = f"bar closed {age_ms / 1000:.1f} s ago, limit {book.max_signal_age_ms / 1000:.0f} s"
    if age_ms > book.max_signal_age_ms:
        return Refused(NAME, f"stale candle: {figures}")
    return Passed(NAME, figures)
