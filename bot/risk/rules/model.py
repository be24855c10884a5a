"""The ML filter: the model's probability must reach the threshold; without a model the gate is open."""

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, RiskBook

NAME = "model"
ORDER = 50


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when a score is there and below its threshold."""
    score, threshold = candidate.model_score, candidate.model_threshold
    if score is None or threshold is None:
        return Passed(NAME, "off")
    figures = f"score {score:.3f}, threshold {threshold:.3f}"
    if not score >= threshold:
        return Refused(NAME, figures)
    return Passed(NAME, figures)
