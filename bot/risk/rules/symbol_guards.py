"""No entries on a symbol that is paused, killed or halted."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "symbol"
ORDER = 20


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused with the first guard that is set."""
    symbol, guards = candidate.signal.symbol, book.guards
    if guards.paused:
        return Refused(NAME, f"{symbol} is paused")
    if guards.kill is not None:
        return Refused(NAME, f"{symbol} is killed ({guards.kill.kind}): {guards.kill.figures}")
    for halt in guards.halts:
        return Refused(NAME, f"{halt.symbol or 'all symbols'} halted ({halt.kind}): {halt.figures}")
    return Passed(NAME, "not paused, killed or halted")
