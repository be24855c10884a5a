"""The rows that a model learns from: every labelled signal, some bars on which nothing was said, in order of time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import DAY_MS
from bot.ml.feature import FeatureSet, Matrix
from bot.strategy import Array, Entries, Frame
from research.learning.labels import LOOKAHEAD, LOST, UNKNOWN, TimedOut, labels_of
from research.results.plan import Rules

SIGNAL, HOLD = "signal", "hold"

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

    `at_ms` is when the bar closed, `label` 1 or 0, `is_signal` False for hold rows, `weight` has a mean of 1.
    `timed_out` counts signals that were left without a label.
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

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.label)

    def taken(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> "Dataset":
        """Some of the rows, in their order."""
        columns = ("rows", "bar", "end_bar", "at_ms", "label", "is_signal", "weight")
        return replace(self, **{name: getattr(self, name)[places] for name in columns})

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
    """What a data set consists of."""

    signals: int
    won: int
    lost: int
    holds: int
    timed_out: int

    @property
    def win_rate(self) -> float | None:
        """Signals that met their target first."""
        return self.won / self.signals if self.signals else None


def balance_of(dataset: Dataset) -> Balance:
    """Counted."""
    labels = dataset.label[dataset.is_signal]
    won = int(labels.sum())
    return Balance(len(labels), won, len(labels) - won, int((~dataset.is_signal).sum()), dataset.timed_out)


def dataset_of(
    frame: Frame,
    entries: Entries,
    warmup_bars: int,
    features: FeatureSet,
    matrix: Matrix,
    recipe: Recipe,
    rules: Rules,
) -> Dataset:
    """Rows of a symbol's history; `matrix` has the features of every bar.

    Hold rows come from bars of the strategy's warm-up on, and have a window, too.
    """
    labels = labels_of(frame, entries, rules, recipe.lookahead, recipe.timed_out)
    known = labels.label != UNKNOWN
    holds = sampled_holds(frame, entries, warmup_bars, int(known.sum()), recipe)
    bar = np.concatenate((entries.row[known], holds))
    order = np.argsort(bar, kind="stable")
    at_ms = frame.open_at_ms[bar] + frame.timeframe_ms
    return Dataset(
        features=features,
        rows=matrix[bar[order]],
        bar=bar[order],
        end_bar=np.concatenate((labels.end_row[known], holds + recipe.lookahead))[order],
        at_ms=at_ms[order],
        label=np.concatenate((labels.label[known], np.full(len(holds), LOST, np.int8)))[order],
        is_signal=np.concatenate((np.ones(int(known.sum()), np.bool_), np.zeros(len(holds), np.bool_)))[
            order
        ],
        weight=weights(at_ms[order], recipe.half_life_days),
        timed_out=int((labels.timed_out & ~known).sum()),
    )


def sampled_holds(frame: Frame, entries: Entries, warmup_bars: int, signals: int, recipe: Recipe) -> Bars:
    """Bars without a signal, in order of time: `negative_ratio` for each signal, or all there are."""
    free = np.ones(len(frame), np.bool_)
    free[: max(0, warmup_bars - 1)] = False
    free[max(0, len(frame) - recipe.lookahead) :] = False
    free[entries.row] = False
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
