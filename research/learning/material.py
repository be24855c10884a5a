"""What a model is learned from: candles, what is known beside them, what the strategy said of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import QuarterdeckError
from bot.ml.align import Sources
from bot.ml.compute import history_matrix, whole_from
from bot.ml.feature import FeatureSet, Matrix
from bot.ml.phantom import LivedSignal
from bot.strategy import Entries, Frame, Parameter, Strategy, Value
from research.backtest.asking import asked
from research.learning.dataset import Bars, Dataset, Recipe, Said, rows_of, said_at
from research.learning.lived import Told, lived_rows
from research.results.plan import Rules
from strategies.registry import Registry


class Unteachable(QuarterdeckError):
    """Nothing can be learned from this; one line says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One symbol of what is learned from: what a backtest of its trading signals needs.

    `asked` are the features of the trading signals, `at` is each candle's place on the grid of the data set's bars.
    `values` are the parameters with which it is traded.
    """

    sources: Sources
    trading: Entries
    asked: Matrix
    at: Bars
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def frame(self) -> Frame:
        """The candles."""
        return self.sources.frame


class Subject(Protocol):
    """What a model is taught: one symbol, or several on one grid of time."""

    @property
    def strategy(self) -> str:
        """Whose signals."""
        ...

    @property
    def symbol(self) -> str:
        """Whose model: a symbol, a cluster's or the general name."""
        ...

    @property
    def features(self) -> FeatureSet:
        """What is asked of every bar."""
        ...

    @property
    def dataset(self) -> Dataset:
        """The rows."""
        ...

    @property
    def recipe(self) -> Recipe:
        """How the rows were chosen."""
        ...

    @property
    def rules(self) -> Rules:
        """How orders fill."""
        ...

    @property
    def parts(self) -> tuple[Part, ...]:
        """The symbols, in order of their names."""
        ...

    @property
    def open_at_ms(self) -> NDArray[np.int64]:
        """Opening times of the bars that rows and folds count along."""
        ...


@dataclass(frozen=True, slots=True)
class Material:
    """One symbol. `training` are the signals to learn from (looser thresholds), `trading` those that would be traded.

    `sources` have strength and side of both; `matrix` the features of every bar, `dataset` the rows to learn from.
    `lived_out` counts followed signals that cannot be learned from; `values` are the parameters of trading.
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
    lived_out: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def frame(self) -> Frame:
        """The candles."""
        return self.sources.frame

    @property
    def parts(self) -> tuple[Part, ...]:
        """Itself."""
        at = np.arange(len(self.frame), dtype=np.int64)
        return (Part(self.sources, self.trading, self.matrix[self.trading.row], at, self.values),)

    @property
    def open_at_ms(self) -> NDArray[np.int64]:
        """Of its candles."""
        return self.frame.open_at_ms


@dataclass(frozen=True, slots=True)
class Course:
    """What is asked of every symbol alike, and followed signals of any of them.

    `values` are parameters by symbol as they were set at run time; of others the strategy's files count.
    """

    registry: Registry
    strategy: str
    features: FeatureSet
    recipe: Recipe
    rules: Rules
    lived: Sequence[LivedSignal] = ()
    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def material(self, symbol: str, sources: Sources) -> Material:
        """Ask the strategy twice, with its training and with its trading thresholds, and compute the features once.

        Rows begin where the history holds all that a desk would have remembered. Raises Unteachable where the strategy
        fails or says nothing.
        """
        frame, features, strategy = sources.frame, self.features, self.strategy
        own = self.values.get(symbol, {})
        traded = self.registry.build(strategy, symbol, own)
        values = {one.parameter.name: one.value for one in self.registry.effective(strategy, symbol, own)}
        taught = self.registry.build(strategy, symbol, looser(self.registry.parameters(strategy), values))
        training, trading = _said(taught, frame), _said(traded, frame)
        if not len(training):
            raise Unteachable(f"{symbol}: {strategy} has no signal in {len(frame):,} bars")
        strength, side = said_at(frame, training, trading)
        known = replace(sources, strength=strength, side=side)
        matrix = history_matrix(features, known)
        first = max(taught.warmup_bars - 1, whole_from(frame))
        lived = lived_rows(self.lived, Told(frame, features, matrix, side, first), self.recipe.timed_out)
        rows = rows_of(Said(frame, training, first, lived), features, matrix, self.recipe, self.rules)
        found = Material(
            strategy, symbol, known, features, training, trading, matrix, rows, self.recipe, self.rules
        )
        return replace(found, lived_out=lived.left_out, values=values)


def looser(parameters: Iterable[Parameter], values: Mapping[str, Value]) -> dict[str, Value]:
    """Values in use, those of training where they say more: a threshold in use that is looser still stays."""
    found = dict(values)
    for one in parameters:
        used = found[one.name]
        if (
            isinstance(one.training, int | float)
            and isinstance(one.default, int | float)
            and not isinstance(used, str)
        ):
            found[one.name] = (min if one.training < one.default else max)(used, one.training)
        elif one.training is not None:
            found[one.name] = one.training
    return found


def _said(strategy: Strategy, frame: Frame) -> Entries:
    heard = asked(strategy, frame)
    if heard.failure:
        raise Unteachable(f"{frame.symbol}: {strategy.name} was switched off ({heard.failure})")
    return heard.entries
