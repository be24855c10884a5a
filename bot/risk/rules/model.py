"""The ML filter: the model's probability must reach the threshold; without a model the gate is open."""

from decimal import Decimal
from math import isfinite

from bot.domain.refusal import Passed, Refused
from bot.risk.book import Candidate, Judged, RiskBook
from bot.risk.figures import beside

NAME = "model"
ORDER = 50


def check(candidate: Candidate, book: RiskBook) -> Passed | Refused:
    """Refused when a score that counts is below its threshold, or cannot be had."""
    judged = candidate.judged
    if judged is None:
        return Passed(NAME, "off")
    if judged.said.fault:
        return _unscored(judged)
    score = judged.said.score
    if score is None:
        return Passed(NAME, "no model")
    if not score >= judged.threshold and judged.counts:
        return Refused(NAME, _figures(judged, score))
    return Passed(NAME, _figures(judged, score))


def _unscored(judged: Judged) -> Passed | Refused:
    """There is a model, and it did not answer."""
    said = f"no score: {judged.said.fault}"
    if not judged.counts:
        return Passed(NAME, f"{said}; {_shadow(judged)}")
    return Passed(NAME, f"{said}; passes all the same") if judged.unscored_pass else Refused(NAME, said)


def _figures(judged: Judged, score: float) -> str:
    """The score beside its threshold, and what moved it most."""
    threshold = judged.threshold
    shown = beside(Decimal(repr(score)), Decimal(repr(threshold)), 3) if isfinite(score) else f"{score}"
    moved = ", ".join(f"{name} {added:+.2f}" for name, added in judged.said.moved)
    parts = [f"score {shown}, threshold {threshold:.3f}"]
    parts += [f"moved by {moved}"] if moved else []
    return "; ".join([*parts, *([] if judged.counts else [_shadow(judged)])])


def _shadow(judged: Judged) -> str:
    """Noted only; of a model that does not count yet, why."""
    return f"shadow: {judged.said.young}" if judged.said.young else "shadow"
