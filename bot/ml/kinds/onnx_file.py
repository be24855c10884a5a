"""ONNX models from their bytes: looked into, tried in a process of their own, then loaded.

Any model may be put in place that takes one tensor of [n, features], float or double, and answers a probability; the
card says what stands for a missing input.
"""

import numpy as np

from bot.ml.card import Card
from bot.ml.feature import Matrix
from bot.ml.kinds import graphs, trial
from bot.ml.kinds.session import Session
from bot.ml.model import ModelError
from bot.strategy import Array


class OnnxModel:
    """A session and the figures that stand for missing inputs. It cannot say what moved a score."""

    def __init__(self, session: Session, imputation: tuple[float, ...]) -> None:
        self._session = session
        self._imputation = np.array(imputation)

    def scores(self, rows: Matrix) -> Array:
        """Probability per row."""
        if rows.ndim != 2 or rows.shape[1] != len(self._imputation):
            raise ModelError(
                f"the model takes {len(self._imputation)} features, not rows of shape {rows.shape}"
            )
        return self._session.scores(np.where(np.isnan(rows), self._imputation, rows))

    def contributions(self, rows: Matrix) -> Matrix | None:
        """Nothing: the file holds a function, not its reasons."""
        return None


def load(content: bytes, card: Card, file: str) -> OnnxModel:
    """The model in a file's bytes. Raises ModelError in one line."""
    try:
        graphs.check(content)
        trial.stands(content, len(card.features))
        return OnnxModel(Session(content, len(card.features)), card.imputation)
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None
