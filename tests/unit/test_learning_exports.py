"""ONNX files: they answer what their trainer answers, missing figures included, and the bot takes them."""

import numpy as np
import pytest
from learning_kit import informed

from bot.ml.feature import Matrix
from bot.ml.kinds import graphs, trial
from bot.ml.kinds.session import Session
from bot.strategy import Array
from research.learning.boosting import Boosted, Boosting
from research.learning.dataset import Dataset
from research.learning.exporting import Exported, ExportError, export
from research.learning.network import Network, Networking, medians

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def holed(seed: int) -> Dataset:
    """Figures missing here and there in training, and one feature missing altogether."""
    data = informed(1_200, seed)
    data.rows[::4, 1] = np.nan
    data.rows[:, 2] = np.nan
    return data


def hard_rows(data: Dataset, model: Boosted) -> Matrix:
    """Rows of the data set, rows with other holes, rows at the very thresholds of the trees and a hair beside them."""
    rows = data.rows.copy()
    rows[::3, 0] = np.nan
    at = [
        node for node in model.booster.trees_to_dataframe().itertuples() if node.threshold == node.threshold
    ]
    edges = np.repeat(data.rows[:1], 3 * len(at), axis=0)
    for place, node in enumerate(at):
        column = int(str(node.split_feature).removeprefix("f"))
        near = [np.nextafter(node.threshold, -np.inf), node.threshold, np.nextafter(node.threshold, np.inf)]
        edges[3 * place : 3 * place + 3, column] = near
    return np.vstack([data.rows, rows, edges[:3_000], np.full((1, 5), np.nan)])


def scored(found: Exported, rows: Matrix) -> Array:
    return Session(found.content, rows.shape[1]).scores(np.where(np.isnan(rows), found.imputation, rows))


@pytest.mark.parametrize("data", [informed(1_200, 3), holed(3)], ids=["whole", "holed"])
def test_trees_answer_the_same_at_every_threshold_and_for_missing_figures(data: Dataset) -> None:
    model = Boosting().fit(data, 1)
    rows = hard_rows(data, model)
    found = export(model, rows)
    assert found.farthest <= 1e-6
    assert np.abs(scored(found, rows) - model.scores(rows)).max() <= 1e-6


def test_a_network_answers_the_same() -> None:
    data = holed(4)
    model = Networking().fit(data, 1)
    found = export(model, data.rows)
    assert found.farthest <= 1e-12
    assert found.imputation == tuple(medians(data.rows).tolist())
    assert found.imputation[2] == 0.0


def test_the_bot_takes_both() -> None:
    data = holed(5)
    for model in (Boosting().fit(data, 1), Networking().fit(data, 1)):
        content = export(model, data.rows).content
        graphs.check(content)
        trial.stands(content, 5)


def test_a_file_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = informed(600, 6)
    model = Networking().fit(data, 1)
    monkeypatch.setattr(Session, "scores", lambda _, rows: np.full(len(rows), 0.5))
    with pytest.raises(ExportError, match=r"scores 0\.\d+ away"):
        export(model, data.rows)


def test_a_network_learns_and_is_the_same_from_the_same_seed() -> None:
    data = informed(2_000, 7)
    one, two, other = (Networking().fit(data, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.scores(data.rows), two.scores(data.rows))
    assert not np.array_equal(one.scores(data.rows), other.scores(data.rows))
    assert isinstance(one, Network)
    assert one.scores(data.rows)[data.label == 1].mean() > one.scores(data.rows)[data.label == 0].mean() + 0.2
