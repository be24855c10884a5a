"""Scores of all signals that come together: rows of one model in one call, one model's failure nobody else's."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from bot.ml.loaded import Loaded
from bot.ml.model import ModelError
from bot.strategy import Array

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ask:
    """A row of features and the model that is to score it."""

    model: Loaded
    row: Array


@dataclass(frozen=True, slots=True)
class Score:
    """The probability (0 to 1) that the target is reached before the stop, and who says so."""

    probability: float
    model: Loaded

    @property
    def passes(self) -> bool:
        """It is at the model's own threshold or above."""
        return self.probability >= self.model.card.threshold


@dataclass(frozen=True, slots=True)
class Unscored:
    """There is a model, but no score; why, in a few words fit for a person."""

    reason: str


type Answer = Score | Unscored


def score_batch(asks: Sequence[Ask]) -> list[Answer]:
    """One answer per ask, in their order. Raises nothing that a model or a row can cause."""
    answers: list[Answer] = [Unscored("not asked")] * len(asks)
    groups: dict[int, list[int]] = {}
    for index, ask in enumerate(asks):
        if ask.row.shape == (len(ask.model.card.features),):
            groups.setdefault(id(ask.model), []).append(index)
        else:
            answers[index] = Unscored(
                f"{ask.model.name} takes {len(ask.model.card.features)} features, not {ask.row.size}"
            )
    for group in groups.values():
        found = _of_model(asks[group[0]].model, [asks[index].row for index in group])
        for index, answer in zip(group, found, strict=True):
            answers[index] = answer
    return answers


def _of_model(model: Loaded, rows: Sequence[Array]) -> list[Answer]:
    try:
        scores = model.model.scores(np.vstack(rows))
    except ModelError as error:
        log.warning("%s: %s", model.name, error)
        return [Unscored(f"{model.name}: {error}")] * len(rows)
    except Exception:  # whatever one model does, the others answer
        log.exception("%s cannot score", model.name)
        return [Unscored(f"{model.name} cannot score")] * len(rows)
    if scores.shape != (len(rows),):
        return [Unscored(f"{model.name} answers {scores.size} scores for {len(rows)} rows")] * len(rows)
    return [_answer(model, score) for score in scores.tolist()]


def _answer(model: Loaded, score: float) -> Answer:
    if not (isfinite(score) and 0 <= score <= 1):
        return Unscored(f"{model.name} answers {score}; 0 to 1 is allowed")
    return Score(score, model)
