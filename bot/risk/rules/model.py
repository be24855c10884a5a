"""The ML filter: the model's probability must reach the threshold; without a model the gate is open."""

from decimal import Decimal
from math import isfinite

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook
from bot.risk.figures import beside

NAME = "model"
ORDER = 50


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when a score is there and below its threshold."""
    score, threshold = candidate.model_score, candidate.model_threshold
    if score is None or threshold is None:
        return Passed(NAME, "off")
    shown = beside(Decimal(repr(score)), Decimal(repr(threshold)), 3) if isfinite(score) else f"{score}"
    figures = f"score {shown}, threshold {threshold:.3f}"
    if not score >= threshold:
        return Refused(NAME, figures)
    return Passed(NAME, figures)
