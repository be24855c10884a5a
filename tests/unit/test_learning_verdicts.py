"""The whole lesson: a market that tells is found, one that does not is left alone; every condition of the advice."""

from dataclasses import replace
from functools import cache
from math import inf

import numpy as np
import pytest
from learning_market import TOLD_BY, busy, noise_market, told_market

from bot.ml.align import Sources
from bot.ml.card import card_of, card_text
from bot.ml.loaded import model_of
from bot.ml.registry import feature_set
from research.backtest.windows import cut
from research.learning.ablation import Ablation
from research.learning.advising import OFF, ON, advised
from research.learning.boosting import Boosted, Boosting
from research.learning.cards import Origin, written
from research.learning.comparing import Comparison, Side, comparison_of, gate_of
from research.learning.dataset import Recipe
from research.learning.lesson import Lesson, teach
from research.learning.material import Course, Material, Unteachable
from research.learning.metrics import best_threshold, curve_of, independent
from research.learning.network import Network, Networking
from research.learning.page import model_page
from research.learning.training import judged_of
from research.results.plan import Rules
from strategies.registry import Registry

BARS = 20_000
ORIGIN = Origin("1.0", "abcdef0", 1_700_000_000_000, ("A remark.",))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return busy(tmp_path_factory.mktemp("strategies"))


@cache
def material(registry: Registry, sources: Sources) -> Material:
    course = Course(registry, "busy", feature_set(["base"]), Recipe(), Rules())
    return course.material("XRPUSDT", sources)


Sources.__hash__ = object.__hash__  # type: ignore[method-assign, assignment]


@pytest.fixture(scope="module")
def told(registry: Registry) -> Lesson[Boosted]:
    return teach(material(registry, told_market(registry, 1, BARS)), Boosting(), seed=1)


@pytest.fixture(scope="module")
def noise(registry: Registry) -> Lesson[Boosted]:
    return teach(material(registry, noise_market(3, BARS)), Boosting(), seed=1)


class TestMadeMarkets:
    def test_a_market_that_tells_is_switched_on(self, told: Lesson[Boosted]) -> None:
        assert told.advised.word == ON
        on, off = told.comparison.on, told.comparison.off
        assert on.profit_factor is not None
        assert off.profit_factor is not None
        assert on.profit_factor > off.profit_factor + 1.0
        assert on.trades >= 50
        assert (on.win_rate or 0.0) > (off.win_rate or 0.0) + 0.1
        names = told.trained.dataset.features.names
        assert names[int(np.argmax(told.trained.permuted))] == TOLD_BY

    def test_a_market_of_noise_is_left_off(self, noise: Lesson[Boosted]) -> None:
        assert noise.advised.word == OFF
        assert abs((noise.trained.judged.auc or 0.0) - 0.5) < 0.05

    @pytest.mark.parametrize("seed", [13, 23, 33])
    def test_other_markets_of_noise_are_left_off_too(self, registry: Registry, seed: int) -> None:
        found = teach(material(registry, noise_market(seed, 12_000)), Boosting(), seed=1)
        assert found.advised.word == OFF

    def test_a_network_finds_it_too(self, registry: Registry) -> None:
        found = teach(material(registry, told_market(registry, 1, BARS)), Networking(), seed=1)
        assert (found.trained.judged.auc or 0.0) > 0.6

    def test_a_strategy_without_a_signal_teaches_nothing(self, registry: Registry) -> None:
        found = noise_market(5, 600)
        short = replace(found, frame=cut(found.frame, 0, 400))
        with pytest.raises(Unteachable, match="busy has no signal in 400 bars"):
            material(registry, short)


class TestComparison:
    def test_no_threshold_has_seen_the_fold_it_judges(self, told: Lesson[Boosted]) -> None:
        judged = told.trained.judged
        gate = gate_of(told.material, judged)
        rows = told.material.trading.row
        for number, fold in enumerate(judged.folds[1:], 1):
            before = judged.beyond.fold < number
            best = best_threshold(curve_of(judged.beyond.label[before], judged.beyond.score[before]))
            assert best is not None
            assert gate.thresholds[number - 1] == best[0]
            here = (rows >= fold.split.first_bar) & (rows < fold.split.end_bar)
            scores = fold.model.scores(told.material.matrix[rows[here]])
            assert np.array_equal(gate.passed[here], scores >= best[0])
        assert not gate.asked[rows < judged.folds[1].split.first_bar].any()
        assert not (gate.passed & ~gate.asked).any()

    def test_where_the_folds_before_won_nothing_the_set_threshold_counts_and_no_later_one(
        self, told: Lesson[Boosted]
    ) -> None:
        judged = told.trained.judged
        label = np.where(judged.beyond.fold < 2, 0, judged.beyond.label).astype(np.int8)
        found = judged_of(judged.folds, replace(judged.beyond, label=label), 0.9)
        thresholds = gate_of(told.material, found).thresholds
        assert thresholds[:2] == (0.9, 0.9)
        assert found.threshold != 0.9
        nothing = judged_of(judged.folds, replace(judged.beyond, label=label * 0), 0.9)
        assert (nothing.threshold, nothing.precision, nothing.recall) == (0.9, None, None)

    def test_a_filter_that_lets_all_through_changes_nothing(self, told: Lesson[Boosted]) -> None:
        judged = told.trained.judged
        score = np.zeros(len(judged.beyond.score))
        blind = replace(judged, beyond=replace(judged.beyond, score=score))
        found = comparison_of(told.material, blind)
        assert found.on == found.off
        assert found.word == "no difference"
        assert found.luck == 1.0

    def test_what_was_found_is_not_luck_and_what_was_not_is(
        self, told: Lesson[Boosted], noise: Lesson[Boosted]
    ) -> None:
        assert told.comparison.luck == 0.0
        assert (noise.comparison.luck or 0.0) > 0.1


def side(trades: int, profit: float, loss: float) -> Side:
    return Side(trades, trades // 2, profit - loss, profit, loss, 0.1, 1.0)


def comparison(on: Side, off: Side, luck: float | None = 0.0) -> Comparison:
    return Comparison(off, on, 0, 1, (0.5,), 10, 5, luck)


GOOD = comparison(side(50, 1.2, 1.0), side(100, 1.0, 1.0))
USEFUL = Ablation(0.7, 0.69, 0.66)


class TestAdvice:
    @pytest.mark.parametrize(
        "ablation, compared, ratio, failing",
        [
            (USEFUL, GOOD, None, set()),
            (USEFUL, GOOD, 1.99, set()),
            (USEFUL, GOOD, 2.0, {"sweep over walk-forward"}),
            (Ablation(0.7, 0.7, 0.6499), GOOD, None, {"A-C drop"}),
            (Ablation(0.7, 0.7, None), GOOD, None, {"A-C drop"}),
            (USEFUL, comparison(side(49, 1.2, 1.0), side(100, 1.0, 1.0)), None, {"profit factor"}),
            (USEFUL, comparison(side(50, 1.09, 1.0), side(100, 1.0, 1.0)), None, {"profit factor"}),
            (USEFUL, comparison(side(0, 0.0, 0.0), side(100, 1.0, 1.0)), None, {"profit factor"}),
            (USEFUL, comparison(GOOD.on, GOOD.off, 0.11), None, {"better than by lot"}),
            (USEFUL, comparison(GOOD.on, GOOD.off, None), None, {"better than by lot"}),
            (USEFUL, comparison(side(50, 1.0, 0.0), side(100, 1.0, 1.0)), None, set()),
            (USEFUL, comparison(side(50, 1.0, 0.0), side(60, 1.0, 0.0)), None, {"profit factor"}),
        ],
    )
    def test_every_condition_counts(
        self,
        told: Lesson[Boosted],
        ablation: Ablation,
        compared: Comparison,
        ratio: float | None,
        failing: set[str],
    ) -> None:
        found = advised(told.trained.judged, ablation, compared, ratio)
        assert {one.name for one in found.conditions if one.holds is False} == failing
        assert found.word == (OFF if failing else ON)

    def test_folds_with_few_signals_or_without_a_sure_ranking_are_not_enough(
        self, told: Lesson[Boosted]
    ) -> None:
        judged = told.trained.judged
        poor = replace(
            judged, folds=(replace(judged.folds[0], signals=99, won=50, independent=99.0), *judged.folds[1:])
        )
        found = advised(poor, USEFUL, GOOD, None)
        assert {one.name for one in found.conditions if one.holds is False} == {"signals per fold"}
        unsure = replace(judged, auc=0.52)
        assert advised(unsure, USEFUL, GOOD, None).word == OFF
        blind = replace(judged, folds=(replace(judged.folds[0], auc=None), *judged.folds[1:]))
        assert advised(blind, USEFUL, GOOD, None).word == OFF

    def test_what_is_not_known_is_said(self, told: Lesson[Boosted]) -> None:
        lines = advised(told.trained.judged, USEFUL, GOOD, None).lines
        assert lines[-1] == "? sweep over walk-forward: not known: no sweep of this symbol was given"

    @pytest.mark.parametrize(
        "drop, word",
        [
            (0.0, "useful"),
            (0.05, "useful"),
            (0.06, "conditional"),
            (0.0999, "conditional"),
            (0.1, "re-design"),
        ],
    )
    def test_the_words_of_an_ablation(self, drop: float, word: str) -> None:
        assert Ablation(0.5 + drop, 0.5, 0.5).word == word

    def test_neighbours_that_rest_on_the_same_bars_are_not_counted_twice(self) -> None:
        assert independent(np.array([0, 100]), np.array([24, 124])) == pytest.approx(2.0)
        assert independent(np.array([0, 0]), np.array([24, 24])) == pytest.approx(1.0)
        assert independent(np.array([0, 12]), np.array([24, 36])) == pytest.approx(1.5)

    def test_profit_factors_without_a_loss(self) -> None:
        assert side(5, 1.0, 0.0).profit_factor == inf
        assert side(0, 0.0, 0.0).profit_factor is None


class TestCards:
    def test_a_card_says_what_was_learned_and_the_bot_takes_the_model(self, told: Lesson[Boosted]) -> None:
        found = written(told, ORIGIN)
        card = replace(found.card, version="v0001", model_sha256="0" * 64)
        assert card_of(card_text(card)) == card
        model_of(found.content, found.card, "model")
        balance = told.trained.balance
        assert card.sources == {"signal": balance.signals, "hold": balance.holds}
        assert card.positives == balance.won
        assert card.advice == "on"
        assert card.reasons[-1] == "A remark."
        assert [fold.signals for fold in card.folds] == [fold.signals for fold in told.trained.judged.folds]
        assert card.importances[0].feature in card.features
        assert sum(one.gain or 0.0 for one in card.importances) == pytest.approx(1.0)
        for one in card.folds:
            assert one.train.to_ms <= one.validation.from_ms - 24 * 900_000

    def test_a_network_is_kept_as_onnx(self, registry: Registry) -> None:
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
        lesson: Lesson[Network] = teach(material(registry, noise_market(3, BARS)), Networking(), seed=1)
        found = written(lesson, ORIGIN)
        assert found.card.kind == "onnx"
        assert len(found.card.imputation) == len(found.card.features)
        model_of(found.content, found.card, "model")

    def test_the_page_holds_all_and_loads_nothing(self, told: Lesson[Boosted]) -> None:
        page = model_page(written(told, ORIGIN).card, told.trained.judged.curve)
        for words in (
            "Switch on",
            "Reliability",
            "Precision and recall",
            "btc_ret_5",
            "Folds",
            "signal",
            "A remark.",
        ):
            assert words in page
        assert page.count("data:image/png;base64,") == 6
        for outside in ("http://", "https://", "<script", "url("):
            assert outside not in page

    def test_the_same_rows_and_seed_give_the_same_card(
        self, registry: Registry, told: Lesson[Boosted]
    ) -> None:
        again = teach(told.material, Boosting(), seed=1)
        assert written(again, ORIGIN) == written(told, ORIGIN)
