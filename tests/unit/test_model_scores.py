"""Scores of a bar: one answer per ask in order, one model's failure nobody else's."""

from math import inf, nan

import model_kit
import numpy as np
import pytest

from bot.ml.feature import Matrix
from bot.ml.kinds import lightgbm_text
from bot.ml.loaded import Loaded
from bot.ml.model import ModelError
from bot.ml.score import Ask, Score, Unscored, score_batch
from bot.strategy import Array

ROWS = model_kit.rows(12, 5)


class Fake:
    """A model that answers as it is told, and remembers how it was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[Matrix] = []

    def scores(self, rows: Matrix) -> Array:
        self.asked.append(rows)
        if isinstance(self.answer, Exception):
            raise self.answer
        return np.asarray(self.answer, dtype=np.float64)

    def contributions(self, rows: Matrix) -> Matrix | None:
        return None


def good(seed: int = 1) -> Loaded:
    card = model_kit.card(f"S{seed}USDT", seed=seed, version="v0001")
    return Loaded(card, lightgbm_text.load(model_kit.text(seed), card, "model.txt"))


def fake(answer: object) -> Loaded:
    return Loaded(model_kit.card("BADUSDT", version="v0007"), Fake(answer))


def test_answers_come_in_the_order_of_the_asks_from_the_right_models() -> None:
    models = [good(1), good(2), good(3)]
    asks = [Ask(models[index % 3], row) for index, row in enumerate(ROWS)]
    answers = score_batch(asks)
    for index, (ask, answer) in enumerate(zip(asks, answers, strict=True)):
        assert isinstance(answer, Score)
        assert answer.model is ask.model
        assert answer.probability == model_kit.booster(1 + index % 3).predict(ROWS[index : index + 1])[0]


def test_each_model_is_asked_once_a_bar() -> None:
    first, second = Fake([0.1, 0.9, 0.5]), Fake([0.4])
    one, two = (Loaded(model_kit.card(version="v0001"), each) for each in (first, second))
    answers = score_batch([Ask(one, ROWS[0]), Ask(two, ROWS[1]), Ask(one, ROWS[2]), Ask(one, ROWS[3])])
    assert [answer.probability for answer in answers if isinstance(answer, Score)] == [0.1, 0.4, 0.9, 0.5]
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert first.asked[0].shape == (3, 4)


def test_a_score_passes_from_the_models_threshold_on() -> None:
    model = fake([0.55])
    assert Score(0.55, model).passes
    assert not Score(0.5499999, model).passes


@pytest.mark.parametrize(
    "answer, reason",
    [
        (ModelError("LightGBM cannot score"), "composite/BADUSDT/v0007: LightGBM cannot score"),
        (ValueError("secret text"), "composite/BADUSDT/v0007 cannot score"),
        (MemoryError(), "composite/BADUSDT/v0007 cannot score"),
        ([0.5], "composite/BADUSDT/v0007 answers 1 scores for 2 rows"),
        ([[0.5], [0.5]], "composite/BADUSDT/v0007 answers 2 scores for 2 rows"),
    ],
    ids=str,
)
def test_a_failing_model_touches_no_other(answer: object, reason: str) -> None:
    bad, fine = fake(answer), good()
    answers = score_batch([Ask(bad, ROWS[0]), Ask(fine, ROWS[1]), Ask(bad, ROWS[2]), Ask(fine, ROWS[3])])
    assert answers[0] == answers[2] == Unscored(reason)
    assert isinstance(answers[1], Score)
    assert isinstance(answers[3], Score)


@pytest.mark.parametrize("score", [nan, inf, -inf, 1.0000001, -1e-9])
def test_a_figure_that_is_no_probability_is_no_score(score: float) -> None:
    answers = score_batch([Ask(model := fake([0.5, score]), ROWS[0]), Ask(model, ROWS[1])])
    assert isinstance(answers[0], Score)
    assert answers[1] == Unscored(f"composite/BADUSDT/v0007 answers {score}; 0 to 1 is allowed")


def test_a_row_of_another_width_fails_alone() -> None:
    model = good()
    answers = score_batch([Ask(model, ROWS[0]), Ask(model, ROWS[1][:3]), Ask(model, ROWS[2])])
    assert answers[1] == Unscored("composite/S1USDT/v0001 takes 4 features, not 3")
    assert isinstance(answers[0], Score)
    assert isinstance(answers[2], Score)


def test_nobody_asks() -> None:
    assert score_batch([]) == []


def test_a_missing_input_is_scored_as_lightgbm_does() -> None:
    row = np.full(4, nan)
    (answer,) = score_batch([Ask(good(), row)])
    assert isinstance(answer, Score)
    assert answer.probability == model_kit.booster().predict(row[None])[0]
