"""Symbols grouped by how they behaved for a month: six measures, standardised, k-means, k by silhouette.

Whatever is grouped is cut off at a moment first: a grouping knows nothing of what came after it.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import QuarterdeckError
from bot.domain.market import DAY_MS, HOUR_MS
from bot.market.indicators import atr, sma
from bot.ml.grouping import LEAST_SYMBOLS, Cluster, Grouping, Measures, Member, counts_from
from bot.strategy import Array, Frame

DAYS = 30
COVERED = 0.9
"""So much of the days' candles must be there, and the last of them no older than a day."""
FEWEST, MOST = 3, 6
"""Clusters that are tried."""
TRIES = 10
"""Beginnings of k-means; the tightest result counts."""
HELD = 3.0
"""Standardised figures are held within this: one odd symbol must not press all others into a heap."""
LEAST = 1e-9
"""Stands for nothing where a logarithm is taken."""
LEAST_VOLUME = 1e-6
FEWEST_HOURS = 100
HOURS_A_DAY, FEWEST_OF_A_DAY = 24, 20
DIGITS = 9
"""Standardised figures and silhouettes that differ by less are the same: rounding must not choose."""
APART = 0.5
"""Of a deviation between symbols: so far from the mean of all, a cluster is called after it."""
CLOSE, LOOSE = 0.7, 0.4
"""Correlations with BTC from which a cluster moves with it, and up to which it moves by itself."""

type Labels = NDArray[np.int64]


class Ungrouped(QuarterdeckError):
    """These symbols cannot be grouped; one line says why."""


@dataclass(frozen=True, slots=True)
class Month:
    """The days up to a moment."""

    to_ms: int
    days: int = DAYS

    def part(self, frame: Frame) -> Frame:
        """The bars of the days that closed by then."""
        after_ms = self.to_ms - frame.timeframe_ms + 1
        begin, end = np.searchsorted(frame.open_at_ms, (self.to_ms - self.days * DAY_MS, after_ms))
        return frame.part(int(begin), int(end))

    def is_covered(self, part: Frame) -> bool:
        """Whether enough of its bars are there to tell of it."""
        wanted = self.days * DAY_MS // part.timeframe_ms
        if len(part) < max(1, COVERED * wanted):
            return False
        return self.to_ms - (part.open_at_ms.item(-1) + part.timeframe_ms) <= DAY_MS

    def hours(self, frame: Frame) -> "Hours":
        """The leader's hours, as `measured` takes them."""
        return _hours(self.part(frame))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be grouped: candles up to `to_ms`, `leader` those of BTC."""

    frames: Mapping[str, Frame]
    leader: Frame | None
    to_ms: int
    days: int = DAYS
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Grouped:
    """A grouping, and the symbols that have too few candles for one."""

    grouping: Grouping
    left_out: tuple[str, ...]


def grouped(asked: Asked) -> Grouped:
    """Group them. Raises Ungrouped where there are too few symbols, or nothing tells them apart."""
    month = Month(asked.to_ms, asked.days)
    leader = None if asked.leader is None else month.hours(asked.leader)
    lengths = {frame.timeframe_ms for frame in asked.frames.values()}
    if len(lengths) > 1:
        raise Ungrouped("candles of several timeframes cannot be grouped together")
    found = {name: measured(frame, month, leader) for name, frame in asked.frames.items()}
    return grouped_by(found, month, lengths.pop() if lengths else 0, asked.seed)


def measured(frame: Frame, month: Month, leader: "Hours | None") -> Measures | None:
    """A symbol's measures; None where too few of its candles are there."""
    part = month.part(frame)
    return measures_of(part, leader) if month.is_covered(part) else None


def grouped_by(
    found: Mapping[str, Measures | None], month: Month, timeframe_ms: int, seed: int = 0
) -> Grouped:
    """Group by what was measured. Raises Ungrouped as above."""
    known = {name: one for name, one in sorted(found.items()) if one is not None}
    left_out = tuple(sorted(found.keys() - known.keys()))
    if len(known) < LEAST_SYMBOLS:
        raise Ungrouped(
            f"{len(known)} of {len(found)} symbols have the candles of {month.days} days; at least "
            f"{LEAST_SYMBOLS} are grouped"
        )
    measures = list(known.values())
    labels, silhouette = best_labels(standardised(measures), seed)
    clusters, members = _clusters(tuple(known), measures, labels)
    at_ms = counts_from(month.to_ms, timeframe_ms)
    made = Grouping(at_ms, month.days, timeframe_ms, len(clusters), silhouette, clusters, members, seed)
    return Grouped(made, left_out)


def measures_of(frame: Frame, leader: "Hours | None") -> Measures:
    """How a symbol behaved over its candles.

    Volatility: mean of Wilder's average true range of 14 bars over the close (Wilder, New Concepts in Technical
    Trading Systems, 1978). Correlation and beta: of hourly log returns with BTC's (the market model: Sharpe 1963).
    Trend: mean over days of Kaufman's efficiency ratio (Trading Systems and Methods), hour by hour. Spread: see
    `spread_of`.
    """
    hours = _hours(frame)
    correlation, beta = _against(hours, leader) if leader is not None else (None, None)
    true_range = atr(frame.high, frame.low, frame.close)
    days = len(frame) * frame.timeframe_ms / DAY_MS
    return Measures(
        volatility=float(np.nanmean(true_range / frame.close)),
        volume=float((frame.close * frame.volume).sum() / days),
        correlation=correlation,
        beta=beta,
        trend=_trend(hours),
        spread=spread_of(hours),
        surge=_surge(frame.volume),
    )


@dataclass(frozen=True, slots=True)
class Hours:
    """Whole hours of a symbol (whole bars where those are longer): number since 1970 in units of `span_ms`, prices."""

    number: NDArray[np.int64]
    high: Array
    low: Array
    close: Array
    span_ms: int

    def returns(self) -> tuple[NDArray[np.int64], Array]:
        """Log returns of those that follow an hour that is known, with their numbers."""
        follows = np.diff(self.number) == 1
        return self.number[1:][follows], np.diff(np.log(self.close))[follows]


def spread_of(hours: Hours) -> float:
    """Bid to ask as a share of the price, from the highs and lows of neighbouring hours.

    Corwin and Schultz, A Simple Way to Estimate Bid-Ask Spreads from Daily High and Low Prices, Journal of Finance 67
    (2012), formulas 14 and 18. Theirs are days; a market that never closes has no night to correct for, and hours give
    enough pairs for a month to take its mean before it is held at 0 from below: counting each negative pair as 0, as
    they do, says the volatility once more. It is a measure to tell symbols apart, larger than the quoted spread.
    """
    pairs = np.flatnonzero(np.diff(hours.number) == 1)
    if not len(pairs):
        return 0.0
    width = np.log(hours.high / hours.low) ** 2
    high = np.maximum(hours.high[pairs], hours.high[pairs + 1])
    low = np.minimum(hours.low[pairs], hours.low[pairs + 1])
    beta, gamma = width[pairs] + width[pairs + 1], np.log(high / low) ** 2
    root = 3.0 - 2.0 * sqrt(2.0)
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / root - np.sqrt(gamma / root)
    spread = 2.0 * (np.exp(alpha) - 1.0) / (1.0 + np.exp(alpha))
    return max(0.0, float(spread.mean()))


def standardised(measures: Sequence[Measures]) -> Array:
    """One row per symbol, one column per measure, mean 0 and deviation 1 over the symbols, held within HELD.

    Volatility and volume by their logarithms: they differ by factors. What is not known of a symbol is 0.
    """
    columns = [
        np.log(np.maximum([one.volatility for one in measures], LEAST)),
        np.log(np.maximum([one.volume for one in measures], LEAST)),
        np.array([np.nan if one.correlation is None else one.correlation for one in measures]),
        np.array([np.nan if one.beta is None else one.beta for one in measures]),
        np.array([one.trend for one in measures]),
        np.array([one.spread for one in measures]),
    ]
    return np.column_stack([_standard(np.asarray(column)) for column in columns])


def _standard(column: Array) -> Array:
    known = column[~np.isnan(column)]
    spread = float(known.std()) if len(known) else 0.0
    if spread <= LEAST:
        return np.zeros(len(column))
    held = np.clip((column - known.mean()) / spread, -HELD, HELD)
    rounded: Array = np.round(np.nan_to_num(held), DIGITS)
    return rounded


def best_labels(rows: Array, seed: int) -> tuple[Labels, float]:
    """The cluster of each row and how well they stand apart: of 3 to 6 clusters the best silhouette, fewer on a tie.

    k-means (Lloyd) of scikit-learn, seeded; silhouette: Rousseeuw 1987. Raises Ungrouped where rows are alike.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    different = len(np.unique(rows, axis=0))
    found: list[tuple[float, Labels]] = []
    for k in range(FEWEST, min(MOST, different, len(rows) - 1) + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # threads of a machine it does not know, clusters it did not need
            labels = KMeans(k, n_init=TRIES, random_state=seed).fit(rows).labels_.astype(np.int64)
        if len(np.unique(labels)) == k:
            found.append((round(float(silhouette_score(rows, labels)), DIGITS), labels))
    if not found:
        raise Ungrouped(f"{len(rows)} symbols behave alike: they cannot be told apart")
    score, labels = max(found, key=lambda one: one[0])
    return labels, score


def _clusters(
    symbols: Sequence[str], measures: Sequence[Measures], labels: Labels
) -> tuple[tuple[Cluster, ...], tuple[Member, ...]]:
    """Numbered from the calmest on."""
    means = {int(label): _mean([measures[at] for at in np.flatnonzero(labels == label)]) for label in labels}
    order = sorted(means, key=lambda label: (means[label].volatility, int(np.argmax(labels == label))))
    number = {label: place for place, label in enumerate(order)}
    members = tuple(
        Member(symbol, number[int(label)], one)
        for symbol, label, one in zip(symbols, labels, measures, strict=True)
    )
    clusters = tuple(
        Cluster(
            number[label],
            tuple(one.symbol for one in members if one.cluster == number[label]),
            means[label],
            behaviour(number[label], len(order), means[label], measures),
        )
        for label in order
    )
    return clusters, members


def behaviour(number: int, count: int, means: Measures, everybody: Sequence[Measures]) -> str:
    """A cluster in words, against all symbols: "calm, much traded, moves with BTC, choppy"."""
    calm = "calm" if number == 0 else "wild" if number == count - 1 else "lively"
    words = [
        calm,
        _word(means.volume, [one.volume for one in everybody], ("little traded", "much traded"), logs=True),
        _with_btc(means.correlation),
        _word(means.trend, [one.trend for one in everybody], ("choppy", "trending")),
        _word(means.spread, [one.spread for one in everybody], ("", "wide spread")),
    ]
    return ", ".join(word for word in words if word)


def _word(value: float, everybody: Sequence[float], words: tuple[str, str], logs: bool = False) -> str:
    """The first word where the value is low among all, the second where it is high."""
    column = np.asarray([value, *everybody])
    if logs:
        column = np.log(np.maximum(column, LEAST))
    deviation = float(column[1:].std())
    place = (column[0] - column[1:].mean()) / deviation if deviation > LEAST else 0.0
    return words[0] if place < -APART else words[1] if place > APART else ""


def _with_btc(correlation: float | None) -> str:
    if correlation is None:
        return ""
    if correlation >= CLOSE:
        return "moves with BTC"
    return "moves by itself" if correlation <= LOOSE else "moves loosely with BTC"


def _mean(measures: Sequence[Measures]) -> Measures:
    """Of each measure over the symbols of which it is known."""

    def of(name: str) -> float | None:
        known = [value for one in measures if (value := getattr(one, name)) is not None]
        return float(np.mean(known)) if known else None

    return Measures(**{one.name: of(one.name) for one in fields(Measures)})  # type: ignore[arg-type]


def _hours(frame: Frame) -> Hours:
    """Hours of which every bar is there."""
    span_ms = max(HOUR_MS, frame.timeframe_ms)
    number = frame.open_at_ms // span_ms
    first = np.flatnonzero(np.diff(number, prepend=-1))
    counts = np.diff(np.append(first, len(number)))
    whole = counts == span_ms // frame.timeframe_ms
    if not len(first):
        return Hours(number, frame.high, frame.low, frame.close, span_ms)
    return Hours(
        number[first][whole],
        np.maximum.reduceat(frame.high, first)[whole],
        np.minimum.reduceat(frame.low, first)[whole],
        frame.close[first + counts - 1][whole],
        span_ms,
    )


def _against(hours: Hours, leader: Hours) -> tuple[float | None, float | None]:
    """Correlation and beta; None where too few hours are known of both, or one of them stood still."""
    mine, other = hours.returns(), leader.returns()
    _, at, beside = np.intersect1d(mine[0], other[0], assume_unique=True, return_indices=True)
    own, market = mine[1][at], other[1][beside]
    if len(own) < FEWEST_HOURS * HOUR_MS // hours.span_ms or own.std() <= LEAST or market.std() <= LEAST:
        return None, None
    covariance = np.cov(own, market, bias=True)
    correlation = float(covariance[0, 1] / sqrt(covariance[0, 0] * covariance[1, 1]))
    return min(1.0, max(-1.0, correlation)), float(covariance[0, 1] / covariance[1, 1])


def _trend(hours: Hours) -> float:
    ratios = list(_efficiencies(hours))
    return float(np.mean(ratios)) if ratios else 0.0


def _efficiencies(hours: Hours) -> Iterator[float]:
    """Way made over way gone, day by day, of days that are nearly whole."""
    number, moved = hours.returns()
    needed = FEWEST_OF_A_DAY * HOUR_MS // hours.span_ms
    day = number // (HOURS_A_DAY * HOUR_MS // hours.span_ms) if hours.span_ms <= DAY_MS else number
    for one in np.unique(day):
        steps = moved[day == one]
        gone = float(np.abs(steps).sum())
        if len(steps) >= max(1, needed) and gone > LEAST:
            yield float(abs(steps.sum()) / gone)


def _surge(volume: Array) -> float:
    """Mean of the volume over its mean of 20 bars, which is 0 where nothing was traded in all of them."""
    mean = sma(volume, 20)[19:]
    traded = mean > LEAST_VOLUME
    ratio = np.where(traded, volume[19:] / np.where(traded, mean, 1.0), 0.0)
    return float(ratio.mean()) if len(ratio) else 0.0
