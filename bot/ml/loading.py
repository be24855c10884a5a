"""A version's folder becomes a model that may be used: card, size, hash, format, features, canary, in this order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite, nan
from pathlib import Path

import numpy as np

from bot.domain.errors import QuarterdeckError
from bot.ml.card import Canary, Card, Kind
from bot.ml.feature import Matrix
from bot.ml.files import LARGEST_MODEL, MODEL_FILE, read_card, read_whole, shown
from bot.ml.model import Model, ModelError
from bot.ml.registry import feature_set

type Hasher = Callable[[Sequence[str]], str]
"""The hash of features by their names in order (`FeatureSet.hash`). Raises QuarterdeckError for names it lacks."""

TOLERANCE: dict[Kind, float] = {"lightgbm": 1e-9, "onnx": 1e-5}
"""How far a canary's score may lie from the trainer's: ONNX models count in 32 bits."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that passed every check, with its card."""

    card: Card
    model: Model

    @property
    def name(self) -> str:
        """Strategy, symbol and version, for people."""
        return f"{self.card.strategy}/{self.card.symbol}/{self.card.version}"


def registered(names: Sequence[str]) -> str:
    """The registry's hash of features. Raises QuarterdeckError for names it lacks."""
    return feature_set(names).hash


def load_model(folder: Path, hasher: Hasher = registered) -> Loaded:
    """The model of a version's folder. Raises ModelError in one line that names the file."""
    card = read_card(folder)
    path = folder / MODEL_FILE[card.kind]
    content, file = read_whole(path, LARGEST_MODEL), shown(path)
    if sha256(content).hexdigest() != card.model_sha256:
        raise ModelError(f"{file}: is not the file its card was written for: SHA-256 differs")
    _check_features(card, hasher, file)
    return model_of(content, card, file)


def _check_features(card: Card, hasher: Hasher, file: str) -> None:
    try:
        known = hasher(card.features)
    except QuarterdeckError as error:
        raise ModelError(f"{file}: {error}") from None
    if known != card.feature_hash:
        raise ModelError(f"{file}: was trained for features that are computed differently now; train it anew")


def model_of(content: bytes, card: Card, file: str) -> Loaded:
    """The model in a file's bytes, after it answered its canary rows as its trainer saw. Raises ModelError."""
    model = _load(content, card, file)
    _check_canary(model, card, file)
    return Loaded(card, model)


def _load(content: bytes, card: Card, file: str) -> Model:
    match card.kind:
        case "lightgbm":
            from bot.ml.kinds import lightgbm_text

            return lightgbm_text.load(content, card, file)
        case "onnx":
            from bot.ml.kinds import onnx_file

            return onnx_file.load(content, card, file)


def _check_canary(model: Model, card: Card, file: str) -> None:
    rows = rows_of(card.canary)
    probes = np.array([[nan] * rows.shape[1], [0.0] * rows.shape[1]])
    found = model.scores(np.vstack([rows, probes]))
    if found.shape != (len(rows) + len(probes),):
        raise ModelError(f"{file}: answers {found.shape} for {len(rows) + len(probes)} rows")
    for index, score in enumerate(found.tolist()):
        if not (isfinite(score) and 0 <= score <= 1):
            raise ModelError(f"{file}: answers {score} for a canary row; 0 to 1 is allowed")
        if index < len(rows) and abs(score - card.canary[index].score) > TOLERANCE[card.kind]:
            raise ModelError(
                f"{file}: answers {score:.9f} for canary row {index}, its trainer saw {card.canary[index].score:.9f}"
            )


def rows_of(canary: Sequence[Canary]) -> Matrix:
    """Canary rows as a matrix, NaN where an input is missing."""
    return np.array([[nan if one is None else one for one in each.row] for each in canary], dtype=np.float64)
