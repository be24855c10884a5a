"""One model for several symbols: their rows on one grid of time, so that folds are purged across symbols, too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bot.ml.feature import FeatureSet
from research.learning.dataset import Dataset, Recipe, weights
from research.learning.lesson import refuse_leaks
from research.learning.material import Material, Part, Unteachable
from research.results.plan import Rules

LEAST_MEMBERS = 2


@dataclass(frozen=True, slots=True)
class Pool:
    """Several symbols. Of their features only the rows are kept that are learned from or traded."""

    strategy: str
    symbol: str
    features: FeatureSet
    dataset: Dataset
    recipe: Recipe
    rules: Rules
    parts: tuple[Part, ...]
    open_at_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Member:
    part: Part
    dataset: Dataset


def pool_of(symbol: str, materials: Iterable[Material], seed: int) -> Pool:
    """All of them together, in the order of their names; they may come one by one, so that only one is held whole.

    Raises Unteachable for features that know the future, and for fewer than two symbols.
    """
    first: Material | None = None
    members: list[_Member] = []
    for one in materials:
        refuse_leaks(one, seed)
        first = first or replace(one, matrix=one.matrix[:0])
        members.append(_Member(one.parts[0], one.dataset))
    if first is None or len(members) < LEAST_MEMBERS:
        there = f"only {members[0].part.frame.symbol} has" if members else "none has"
        raise Unteachable(
            f"{symbol}: of its symbols {there} something to learn from; {LEAST_MEMBERS} are needed"
        )
    members.sort(key=lambda member: member.part.frame.symbol)
    grid = _grid([member.part for member in members])
    placed = [_placed(member, grid) for member in members]
    data = joined([member.dataset for member in placed], first.recipe)
    parts = tuple(member.part for member in placed)
    return Pool(first.strategy, symbol, first.features, data, first.recipe, first.rules, parts, grid)


def _grid(parts: Sequence[Part]) -> NDArray[np.int64]:
    """Opening times from the first candle of any symbol to the last one, none left out."""
    begin = min(int(part.frame.open_at_ms[0]) for part in parts)
    end = max(int(part.frame.open_at_ms[-1]) for part in parts)
    bar_ms = parts[0].frame.timeframe_ms
    return np.arange(begin, end + 1, bar_ms, dtype=np.int64)


def _placed(member: _Member, grid: NDArray[np.int64]) -> _Member:
    """The same, counted along the grid."""
    part, data = member.part, member.dataset
    at = (part.frame.open_at_ms - grid[0]) // part.frame.timeframe_ms
    return _Member(replace(part, at=at), replace(data, bar=at[data.bar], end_bar=at[data.end_bar]))


def joined(members: Sequence[Dataset], recipe: Recipe) -> Dataset:
    """Rows of all in order of time, of one bar in the order of the members; weights are those of their ages."""
    bar = np.concatenate([one.bar for one in members])
    order = np.argsort(bar, kind="stable")
    at_ms = np.concatenate([one.at_ms for one in members])[order]
    return Dataset(
        features=members[0].features,
        rows=np.concatenate([one.rows for one in members])[order],
        bar=bar[order],
        end_bar=np.concatenate([one.end_bar for one in members])[order],
        at_ms=at_ms,
        label=np.concatenate([one.label for one in members])[order],
        is_signal=np.concatenate([one.is_signal for one in members])[order],
        weight=weights(at_ms, recipe.half_life_days),
        timed_out=sum(one.timed_out for one in members),
        is_lived=np.concatenate([one.lived for one in members])[order],
    )
