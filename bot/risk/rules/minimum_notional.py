"""After rounding, the entry must still be an order the venue takes."""

from bot.domain.instrument import ZERO
from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "minimum notional"
ORDER = 160


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when nothing is left, or less than the instrument's minimum."""
    sized, minimum = candidate.sized, candidate.instrument.min_notional
    if sized.quantity <= ZERO:
        return Refused(NAME, f"size is zero ({sized.binding})")
    figures = f"{sized.notional:.2f}, minimum {minimum:f} ({sized.binding})"
    return Refused(NAME, figures) if sized.notional < minimum else Passed(NAME, figures)
