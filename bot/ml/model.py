"""What a trained model answers, whatever made it: a probability per row, and what moved it."""

from typing import Protocol

from bot.domain.errors import QuarterdeckError
from bot.ml.feature import Matrix
from bot.strategy import Array


class ModelError(QuarterdeckError):
    """A model file cannot be used; one line says which file and why."""


class Model(Protocol):
    """A loaded model. Answers do not depend on what else is in a batch."""

    def scores(self, rows: Matrix) -> Array:
        """Probability 0 to 1 that the target is reached before the stop, one per row."""
        ...

    def contributions(self, rows: Matrix) -> Matrix | None:
        """What each feature added to the score's log-odds, row by row; None where the model cannot say."""
        ...
