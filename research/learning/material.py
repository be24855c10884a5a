"""What one symbol's model is learned from: candles, what is known beside them, what the strategy said of them."""

from dataclasses import dataclass, replace

from bot.domain.errors import QuarterdeckError
from bot.ml.align import Sources
from bot.ml.compute import history_matrix
from bot.ml.feature import FeatureSet, Matrix
from bot.strategy import Entries, Frame, Strategy
from research.backtest.asking import asked
from research.learning.dataset import Dataset, Recipe, dataset_of, said_at
from research.results.plan import Rules
from strategies.registry import Registry


class Unteachable(QuarterdeckError):
    """Nothing can be learned from this; one line says why."""


@dataclass(frozen=True, slots=True)
class Material:
    """`training` are the signals to learn from (looser thresholds), `trading` those that would be traded.

    `sources` have strength and side of both; `matrix` the features of every bar, `dataset` the rows to learn from.
    """

    strategy: str
    symbol: str
    sources: Sources
    features: FeatureSet
    training: Entries
    trading: Entries
    matrix: Matrix
    dataset: Dataset
    recipe: Recipe
    rules: Rules

    @property
    def frame(self) -> Frame:
        """The candles."""
        return self.sources.frame


def material_of(
    registry: Registry,
    strategy: str,
    symbol: str,
    sources: Sources,
    features: FeatureSet,
    recipe: Recipe,
    rules: Rules,
) -> Material:
    """Ask the strategy twice, with its training and with its trading thresholds, and compute the features once.

    Raises Unteachable where the strategy fails or says nothing.
    """
    traded = registry.build(strategy, symbol)
    taught = registry.build(strategy, symbol, registry.training(strategy))
    training, trading = _said(taught, sources.frame), _said(traded, sources.frame)
    if not len(training):
        raise Unteachable(f"{symbol}: {strategy} has no signal in {len(sources.frame):,} bars")
    strength, side = said_at(sources.frame, training, trading)
    known = replace(sources, strength=strength, side=side)
    matrix = history_matrix(features, known)
    rows = dataset_of(sources.frame, training, taught.warmup_bars, features, matrix, recipe, rules)
    return Material(strategy, symbol, known, features, training, trading, matrix, rows, recipe, rules)


def _said(strategy: Strategy, frame: Frame) -> Entries:
    heard = asked(strategy, frame)
    if heard.failure:
        raise Unteachable(f"{frame.symbol}: {strategy.name} was switched off ({heard.failure})")
    return heard.entries
