"""Exposure per symbol and in all: notional over equity."""

from bot.domain.instrument import ZERO
from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook
from bot.risk.figures import beside

NAME = "exposure"
ORDER = 120


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when the sized entry would go beyond either limit; sizing normally keeps it within."""
    if book.equity <= ZERO:
        return Refused(NAME, f"equity is {book.equity:.2f}")
    notional, limits = candidate.sized.notional, book.limits
    total = (book.exposure_total + notional) / book.equity
    own = (book.exposure_of(candidate.signal.symbol) + notional) / book.equity
    own_text, all_text = beside(own, limits.exposure_per_symbol, 2), beside(total, limits.exposure_total, 2)
    figures = (
        f"{own_text} x equity of {limits.exposure_per_symbol}, in all {all_text} x of {limits.exposure_total}"
    )
    over = own > limits.exposure_per_symbol or total > limits.exposure_total
    return Refused(NAME, figures) if over else Passed(NAME, figures)
