"""The strategy's own gates: a signal that says hold goes no further."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "strategy"
ORDER = 40


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused with the strategy's hold reason."""
    signal = candidate.signal
    if signal.side is None:
        return Refused(NAME, signal.hold.text if signal.hold else "no signal")
    return Passed(NAME, f"{signal.strategy} {signal.side} score {signal.score:g}")
