"""LightGBM models from their text: checked and written anew before the library sees it; scored on one thread."""

import numpy as np
from lightgbm import Booster
from lightgbm.basic import LightGBMError

from bot.ml.card import Card
from bot.ml.feature import Matrix
from bot.ml.kinds.trees import rewritten
from bot.ml.model import ModelError
from bot.strategy import Array


class LightGBMModel:
    """A booster. Its own predict is fast where the wrapper for scikit-learn is not; NaN is a missing input to it."""

    def __init__(self, booster: Booster, width: int) -> None:
        self._booster = booster
        self._width = width

    def scores(self, rows: Matrix) -> Array:
        """Probability per row."""
        return self._answer(rows, contributions=False)

    def contributions(self, rows: Matrix) -> Matrix:
        """What each feature added to the log-odds (TreeSHAP); the part that every row has is left out."""
        return self._answer(rows, contributions=True)[:, :-1]

    def _answer(self, rows: Matrix, *, contributions: bool) -> Matrix:
        if rows.ndim != 2 or rows.shape[1] != self._width:
            raise ModelError(f"the model takes {self._width} features, not rows of shape {rows.shape}")
        try:
            found = self._booster.predict(
                np.ascontiguousarray(rows, dtype=np.float64),
                pred_contrib=contributions,
                num_threads=1,
                validate_features=False,
            )
        except LightGBMError as error:
            raise ModelError("LightGBM cannot score") from error
        return np.asarray(found, dtype=np.float64)


def load(content: bytes, card: Card, file: str) -> LightGBMModel:
    """The model in a file's bytes. Raises ModelError in one line."""
    try:
        text = rewritten(content.decode("ascii"), card.features)
    except UnicodeDecodeError:
        raise ModelError(f"{file}: is no LightGBM text model: not plain text") from None
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None
    try:
        booster = Booster(model_str=text)
    except LightGBMError as error:
        raise ModelError(f"{file}: LightGBM refuses it") from error
    return LightGBMModel(booster, len(card.features))
