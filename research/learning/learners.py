"""What learns from rows: one port, so that kinds of models are trained and judged on the same folds in the same way."""

from typing import Protocol

from bot.ml.feature import Matrix
from bot.strategy import Array
from research.learning.dataset import Dataset


class Fitted(Protocol):
    """A trained model in memory."""

    def scores(self, rows: Matrix) -> Array:
        """Probability that the target comes first, one per row."""
        ...


class Learner[Made: Fitted](Protocol):
    """Trains a model; equal rows, settings and seed make an equal model."""

    @property
    def kind(self) -> str:
        """Its name on the command line and in the card."""
        ...

    def settings(self) -> dict[str, object]:
        """What it is set to, for the card."""
        ...

    def fit(self, dataset: Dataset, seed: int) -> Made:
        """Learn from all rows of a data set."""
        ...
