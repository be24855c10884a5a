"""The rows that a model learns from: every labelled signal, some bars on which nothing was said, in order of time."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import DAY_MS
from bot.ml.feature import FeatureSet, Matrix
from bot.strategy import Array, Entries, Frame
from research.learning.labels import LOOKAHEAD, LOST, UNKNOWN, Labels, TimedOut, labels_of
from research.learning.lived import LivedRows
from research.results.plan import Rules

SIGNAL, HOLD, PHANTOM = "signal", "hold", "phantom"
_HISTORY, _LIVED, _HOLD = range(3)

type Bars = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How rows are chosen. `negative_ratio` hold rows for each signal row, drawn by `seed`.

    A row's weight halves with every `half_life_days` before the newest one; 0 weighs all alike.
    """

    lookahead: int = LOOKAHEAD
    timed_out: TimedOut = TimedOut.DROPPED
    negative_ratio: float = 3.0
    half_life_days: float = 365.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows in order of time: `bar` the signal's row in the frame, `end_bar` the last one its label rests on.

    In the data set of several symbols `bar` and `end_bar` count along their common grid of time. `at_ms` is when the
    bar closed, `label` 1 or 0, `is_signal` False for hold rows, `weight` has a mean of 1. `timed_out` counts signals
    that were left without a label. `is_lived` is True for signals that were followed live (None: there are none).
    """

    features: FeatureSet
    rows: Matrix
    bar: Bars
    end_bar: Bars
    at_ms: NDArray[np.int64]
    label: NDArray[np.int8]
    is_signal: NDArray[np.bool_]
    weight: Array
    timed_out: int = 0
    is_lived: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.label)

    @property
    def lived(self) -> NDArray[np.bool_]:
        """True for signals that were followed live."""
        return np.zeros(len(self), np.bool_) if self.is_lived is None else self.is_lived

    def taken(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> "Dataset":
        """Some of the rows, in their order."""
        columns = ("rows", "bar", "end_bar", "at_ms", "label", "is_signal", "weight")
        lived = None if self.is_lived is None else self.is_lived[places]
        return replace(self, is_lived=lived, **{name: getattr(self, name)[places] for name in columns})

    def only(self, names: tuple[str, ...]) -> "Dataset":
        """The same rows with some of the features, in the order of the set. KeyError names one that is not there."""
        places = [self.features.names.index(name) for name in self.features.names if name in set(names)]
        lacking = sorted(set(names) - set(self.features.names))
        if lacking:
            raise KeyError(lacking[0])
        kept = FeatureSet(tuple(self.features.features[place] for place in places))
        return replace(self, features=kept, rows=np.ascontiguousarray(self.rows[:, places]))


@dataclass(frozen=True, slots=True)
class Balance:
    """What a data set consists of; `lived` of its signals were followed live."""

    signals: int
    won: int
    lost: int
    holds: int
    timed_out: int
    lived: int = 0

    @property
    def win_rate(self) -> float | None:
        """Signals that met their target first."""
        return self.won / self.signals if self.signals else None


def balance_of(dataset: Dataset) -> Balance:
    """Counted."""
    labels = dataset.label[dataset.is_signal]
    won = int(labels.sum())
    holds, lived = int((~dataset.is_signal).sum()), int(dataset.lived.sum())
    return Balance(len(labels), won, len(labels) - won, holds, dataset.timed_out, lived)


@dataclass(frozen=True, slots=True)
class Said:
    """What a strategy said of a history, from `first_bar` on, and what was lived of it instead."""

    frame: Frame
    entries: Entries
    first_bar: int
    lived: LivedRows = field(default_factory=LivedRows)


def rows_of(said: Said, features: FeatureSet, matrix: Matrix, recipe: Recipe, rules: Rules) -> Dataset:
    """Rows of a symbol's history from the first bar that counts on; `matrix` has the features of every bar.

    Hold rows come from the same bars, and have a window, too. Where a signal was lived its row and its outcome stand
    instead.
    """
    frame, entries, lived = said.frame, said.entries, said.lived
    labels = labels_of(frame, entries, rules, recipe.lookahead, recipe.timed_out)
    counted = (entries.row >= said.first_bar) & ~np.isin(entries.row, lived.bar)
    known, told = counted & (labels.label != UNKNOWN), lived.label != UNKNOWN
    counts = int(known.sum()), int(told.sum())
    taken = np.union1d(entries.row, lived.bar)
    holds = _holds(len(frame), taken, said.first_bar, sum(counts), recipe)
    bar = np.concatenate((entries.row[known], lived.bar[told], holds))
    order = np.argsort(bar, kind="stable")
    source = np.repeat([_HISTORY, _LIVED, _HOLD], (*counts, len(holds)))[order]
    rows, at_ms = matrix[bar[order]], frame.open_at_ms[bar[order]] + frame.timeframe_ms
    if len(lived):
        rows[source == _LIVED] = lived.rows[told]
    lost = np.full(len(holds), LOST, np.int8)
    return Dataset(
        features=features,
        rows=rows,
        bar=bar[order],
        end_bar=_ends(labels, known, bar[counts[0] :], recipe, len(frame))[order],
        at_ms=at_ms,
        label=np.concatenate((labels.label[known], lived.label[told], lost))[order],
        is_signal=source != _HOLD,
        weight=weights(at_ms, recipe.half_life_days),
        timed_out=int((counted & labels.timed_out & ~known).sum()) + len(lived) - counts[1],
        is_lived=source == _LIVED if len(lived) else None,
    )


def _ends(labels: Labels, known: NDArray[np.bool_], others: Bars, recipe: Recipe, bars: int) -> Bars:
    """The last bar each label rests on: that of lived signals and holds is where patience would have ended."""
    return np.concatenate((labels.end_row[known], np.minimum(others + recipe.lookahead, bars - 1)))


def _holds(bars: int, taken: Bars, first_bar: int, signals: int, recipe: Recipe) -> Bars:
    free = np.ones(bars, np.bool_)
    free[:first_bar] = False
    free[max(0, bars - recipe.lookahead) :] = False
    free[taken] = False
    places = np.flatnonzero(free)
    wanted = round(signals * recipe.negative_ratio)
    if wanted >= len(places):
        return places
    drawn = np.random.default_rng(recipe.seed).choice(len(places), wanted, replace=False)
    return places[np.sort(drawn)]


def said_at(frame: Frame, *said: Entries) -> tuple[Array, Array]:
    """Strength and side of the signals at every bar, NaN where nothing was said; the last of `said` counts."""
    strength, side = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    for entries in said:
        strength[entries.row], side[entries.row] = entries.score, entries.side
    return strength, side


def weights(at_ms: NDArray[np.int64], half_life_days: float) -> Array:
    """What each row counts, mean 1: half of it for every half-life of age."""
    if not len(at_ms) or half_life_days <= 0.0:
        return np.ones(len(at_ms))
    age = (at_ms[-1] - at_ms) / DAY_MS
    decayed = np.exp2(-age / half_life_days)
    return np.asarray(decayed / decayed.mean())
