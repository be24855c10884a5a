"""Positions in the same cluster, on whatever side, and their notional over equity: symbols that move alike."""

from bot.domain.instrument import ZERO
from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook
from bot.risk.figures import beside

NAME = "same cluster"
ORDER = 105


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when enough other symbols of its cluster are open, or together they would be too large."""
    limits, name = book.limits, candidate.signal.symbol
    if not limits.max_same_cluster and not limits.exposure_per_cluster:
        return Passed(NAME, "off")
    number = book.clusters.get(name)
    if number is None:
        return Passed(NAME, "in no cluster")
    checks = [
        part
        for part, limit in (
            (_count(name, number, book), limits.max_same_cluster),
            (_size(candidate, number, book), limits.exposure_per_cluster),
        )
        if limit
    ]
    figures = f"cluster {number}: " + ", ".join(said for said, _ in checks)
    return Refused(NAME, figures) if any(over for _, over in checks) else Passed(NAME, figures)


def _count(name: str, number: int, book: RiskBook) -> tuple[str, bool]:
    """In words, and whether there are enough."""
    limit = book.limits.max_same_cluster
    others = {e.symbol for e in book.exposures if book.clusters.get(e.symbol) == number} - {name}
    return f"{len(others)} of {limit} open", len(others) >= limit


def _size(candidate: Candidate, number: int, book: RiskBook) -> tuple[str, bool]:
    """In words, and whether it would be too much; sizing normally keeps it within."""
    limit = book.limits.exposure_per_cluster
    if book.equity <= ZERO:
        return f"equity is {book.equity:.2f}", True
    factor = (book.exposure_of_cluster(number) + candidate.sized.notional) / book.equity
    return f"{beside(factor, limit, 2)} x equity of {limit}", factor > limit
