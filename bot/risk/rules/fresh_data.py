"""No entries from a bar that closed too long ago."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "data"
ORDER = 30


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the signal's bar (a person's entry: the price) is older than the limit.

    By default that is a third of the timeframe; a whole bar for a person's entry where prices come with candles only.
    """
    by_hand = candidate.priced_at_ms > 0
    age_ms = book.at_ms - (candidate.priced_at_ms or candidate.signal.bar_at_ms)
    what, stale = ("price seen", "stale price") if by_hand else ("bar closed", "stale candle")
    limit_ms = book.max_price_age_ms if by_hand else book.max_signal_age_ms
    figures = f"{what} {age_ms / 1000:.1f} s ago, limit {limit_ms / 1000:.0f} s"
    if age_ms > limit_ms:
        return Refused(NAME, f"{stale}: {figures}")
    return Passed(NAME, figures)
