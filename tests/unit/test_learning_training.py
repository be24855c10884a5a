"""Training: what carries a signal is found, noise is not, and the same seed makes the same model."""

import numpy as np
import pytest
from learning_kit import dataset, informed
from sklearn import metrics as theirs

from research.learning.boosting import Boosting, BoostSettings
from research.learning.folds import walk_forward
from research.learning.metrics import auc_of, best_threshold, brier_of, curve_of, reliability
from research.learning.training import train, validated

QUICK = Boosting(BoostSettings(n_estimators=60))


class TestMetrics:
    @pytest.mark.parametrize("seed", range(20))
    def test_they_are_those_of_scikit_learn(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        label = (chance.random(200) < 0.3).astype(np.int8)
        score = np.round(chance.random(200), 2 if seed % 2 else 12)
        assert auc_of(label, score) == pytest.approx(theirs.roc_auc_score(label, score), abs=1e-12)
        assert brier_of(label, score) == pytest.approx(theirs.brier_score_loss(label, score), abs=1e-12)
        curve = curve_of(label, score)
        precision, recall, threshold = theirs.precision_recall_curve(label, score)
        assert np.allclose(curve.threshold[::-1], threshold, atol=0)
        assert np.allclose(curve.precision[::-1], precision[:-1])
        assert np.allclose(curve.recall[::-1], recall[:-1])

    def test_one_class_has_no_auc_and_no_curve(self) -> None:
        assert auc_of(np.zeros(5, np.int8), np.arange(5.0)) is None
        assert best_threshold(curve_of(np.zeros(5, np.int8), np.arange(5.0))) is None

    def test_the_threshold_has_the_best_precision_of_enough_recall(self) -> None:
        label = np.array([1, 1, 0, 1, 0, 0, 1, 0], dtype=np.int8)
        score = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
        assert best_threshold(curve_of(label, score), 0.35) == (0.8, 1.0, 0.5)
        assert best_threshold(curve_of(label, score), 0.75) == (0.6, 0.75, 0.75)

    def test_bins_hold_every_score_once(self) -> None:
        score = np.array([0.0, 0.05, 0.1, 0.95, 1.0])
        found = reliability(np.array([0, 1, 0, 1, 1], dtype=np.int8), score)
        assert [(one.low, one.rows) for one in found] == [(0.0, 2), (0.1, 1), (0.9, 2)]
        assert found[0].won == 0.5
        assert found[0].mean_score == pytest.approx(0.025)


class TestTraining:
    def test_a_feature_that_says_something_is_found(self) -> None:
        found = train(informed(3_000, 1), QUICK, seed=7)
        assert found.judged.auc is not None
        assert found.judged.auc > 0.75
        assert found.judged.precision is not None
        assert found.judged.precision > found.judged.base_rate + 0.2
        assert found.judged.recall is not None
        assert found.judged.recall >= 0.35
        assert int(np.argmax(found.model.gain())) == 0
        assert int(np.argmax(found.permuted)) == 0
        assert found.permuted[0] > 0.2 > 10 * abs(found.permuted[1:]).max()

    def test_noise_is_not(self) -> None:
        found = train(informed(3_000, 1, strength=0.0), QUICK, seed=7)
        assert found.judged.auc is not None
        assert abs(found.judged.auc - 0.5) < 0.05

    def test_the_same_seed_gives_the_same_digits_and_another_another_model(self) -> None:
        data = informed(2_000, 2)
        one, two, other = (train(data, QUICK, seed=seed) for seed in (3, 3, 4))
        assert one.model.text() == two.model.text()
        assert one.judged.auc == two.judged.auc
        assert np.array_equal(one.judged.beyond.score, two.judged.beyond.score)
        assert np.array_equal(one.permuted, two.permuted)
        assert one.model.text() != other.model.text()

    def test_scores_are_of_signals_of_which_the_model_knew_nothing(self) -> None:
        data = informed(1_500, 5)
        splits = walk_forward(data)
        found = validated(data, splits, QUICK, seed=1)
        for fold, one in enumerate(splits):
            again = QUICK.fit(data.taken(one.train), 1)
            here = found.beyond.fold == fold
            assert np.array_equal(found.beyond.score[here], again.scores(data.rows[one.validate]))
            assert np.array_equal(found.beyond.bar[here], data.bar[one.validate])

    def test_figures_are_of_signals_alone(self) -> None:
        """Hold rows without a side are told apart at once, and would make any model look good."""
        chance = np.random.default_rng(8)
        is_signal = chance.random(4_000) < 0.25
        side = np.where(is_signal, 1.0, np.nan)
        label = is_signal & (chance.random(4_000) < 0.5)
        data = dataset(np.stack((side, chance.random(4_000)), axis=1), label, is_signal=is_signal)
        found = train(data, QUICK, seed=1).judged
        assert found.auc is not None
        assert abs(found.auc - 0.5) < 0.06
        assert all((fold.auc_with_holds or 0.0) > 0.8 for fold in found.folds)
        assert sum(fold.signals for fold in found.folds) == len(found.beyond.label)

    def test_rows_without_a_figure_are_learned_from(self) -> None:
        data = informed(2_000, 9)
        data.rows[::3, 1] = np.nan
        data.rows[:, 2] = np.nan
        assert (train(data, QUICK, seed=1).judged.auc or 0.0) > 0.75
