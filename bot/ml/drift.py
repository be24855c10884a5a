"""Drift: how far the signals of late are from those a model was made for, as a population stability index.

The index of two histograms is the sum over bins of (p - q) * ln(p / q). Where both come from the same source, it is
about (1/n + 1/m) times a chi-squared figure with one degree of freedom less than bins (B. Yurdakul, J. Naranjo,
Statistical properties of the population stability index, Journal of Risk Model Validation 14/4, 2020): what chance
alone gives for so few rows. Half a row is added to every bin, so that an empty one does not make it endless.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.ml.card import Histogram, Profile
from bot.ml.feature import Matrix
from bot.strategy import Array

FEWEST = 50
"""Rows on either side from which there is a figure."""
BINS = 10
"""Bins of about as many rows each, beside the one of what was missing."""

_NORMAL_999 = 3.090232306167813
"""What a standard normal figure exceeds once in a thousand times."""
_AN_EMPTY_BIN = 0.5


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a figure moved. `chance` is what no more than one in a thousand gets by chance alone."""

    psi: float
    chance: float

    def warns(self, limit: float) -> bool:
        """It is beyond the limit, and beyond what chance gives."""
        return self.psi > limit and self.psi > self.chance


@dataclass(frozen=True, slots=True)
class Drift:
    """How far scores and features moved, features that moved farthest first."""

    rows: int
    scores: Shift | None
    features: tuple[tuple[str, Shift], ...]

    @property
    def worst(self) -> tuple[str, Shift] | None:
        """The feature that moved farthest."""
        return self.features[0] if self.features else None

    def warned(self, limit: float) -> tuple[tuple[str, Shift], ...]:
        """What is to be warned of, `score` first."""
        named = (*((("score", self.scores),) if self.scores else ()), *self.features)
        return tuple((name, shift) for name, shift in named if shift.warns(limit))


def profile_of(rows: Matrix, scores: Array) -> Profile:
    """What signals looked like: `rows` of features (NaN: missing), one column per feature, and scores 0 to 1.

    Give it signals as they are *traded*: those of training's looser thresholds would make every live week look
    drifted. Scores are of folds that had not seen their rows; there may be fewer of them than rows.
    """
    return Profile(tuple(histogram_of(column) for column in rows.T), histogram_of(scores))


def histogram_of(values: Array) -> Histogram:
    """Bins of about as many rows each; a figure that fills a bin and more has one of its own."""
    known = values[np.isfinite(values)]
    edges = _edges(known) if len(known) else np.zeros(0)
    return Histogram(tuple(edges.tolist()), tuple(_counts(edges, known).tolist()), len(values) - len(known))


def _edges(known: Array) -> Array:
    cuts = np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf")
    found, times = np.unique(cuts, return_counts=True)
    with np.errstate(over="ignore"):
        both = np.concatenate([found, np.nextafter(found[times > 1], np.inf)])
    edges: Array = np.unique(both[np.isfinite(both)])
    return edges


def _counts(edges: Array, known: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)


def psi(before: Histogram, values: Array) -> Shift | None:
    """How far `values` are from what was before; None with fewer than FEWEST on either side."""
    now = len(values)
    if min(before.rows, now) < FEWEST:
        return None
    known = values[np.isfinite(values)]
    then = np.array([*before.counts, before.missing], dtype=np.float64)
    late = np.array([*_counts(np.array(before.edges), known), now - len(known)], dtype=np.float64)
    used = (then + late) > 0
    p, q = (_shares(one[used]) for one in (then, late))
    figure = float(np.sum((q - p) * np.log(q / p)))
    return Shift(figure, (1 / before.rows + 1 / now) * chi_squared_999(int(used.sum()) - 1))


def _shares(counts: Array) -> Array:
    filled = counts + _AN_EMPTY_BIN
    share: Array = filled / filled.sum()
    return share


def chi_squared_999(freedom: int) -> float:
    """What a chi-squared figure exceeds once in a thousand times.

    E. B. Wilson, M. M. Hilferty, The distribution of chi-square, Proc. Natl. Acad. Sci. 17/12, 1931.
    """
    if freedom < 1:
        return 0.0
    ninth = 2.0 / (9.0 * freedom)
    return float(freedom * (1.0 - ninth + _NORMAL_999 * ninth**0.5) ** 3)


def drift_of(profile: Profile, names: Sequence[str], rows: Matrix, scores: Array) -> Drift:
    """Signals of late against the profile: a row of features and a score each; too few rows give no figures."""
    shifts = ((name, psi(one, rows[:, place])) for place, (name, one) in enumerate(_named(profile, names)))
    found = [(name, shift) for name, shift in shifts if shift is not None]
    ranked = sorted(found, key=lambda one: (-one[1].psi, one[0]))
    return Drift(len(rows), psi(profile.scores, scores), tuple(ranked))


def _named(profile: Profile, names: Sequence[str]) -> list[tuple[str, Histogram]]:
    return list(zip(names, profile.features, strict=True))
