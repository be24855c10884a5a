"""Several symbols as one: purged across symbols in time, compared as the sum of their backtests."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from learning_market import busy, noise_market, told_market

from bot.ml.align import Sources
from bot.ml.card import card_of, card_text
from bot.ml.feature import Feature, FeatureSet, Inputs, Windows
from bot.ml.loaded import model_of
from bot.ml.registry import feature_set
from research.backtest.windows import cut
from research.learning.advising import OFF, ON
from research.learning.boosting import Boosting
from research.learning.cards import Origin, data_hash, written
from research.learning.comparing import Trial, comparison_of, gate_of
from research.learning.dataset import Recipe
from research.learning.folds import TooFewRows, walk_forward
from research.learning.labels import LOOKAHEAD
from research.learning.lesson import teach
from research.learning.material import Course, Material, Unteachable
from research.learning.pooling import Pool, pool_of
from research.learning.training import validated
from research.results.plan import Rules
from strategies.registry import Registry

BARS = 9_000
BASE = feature_set(["base"])


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return busy(tmp_path_factory.mktemp("strategies"))


def member(registry: Registry, symbol: str, sources: Sources, features: FeatureSet = BASE) -> Material:
    named = replace(sources, frame=replace(sources.frame, symbol=symbol))
    return Course(registry, "busy", features, Recipe(), Rules()).material(symbol, named)


def later(sources: Sources, bars: int) -> Sources:
    """The same without its first bars."""
    return replace(sources, frame=cut(sources.frame, bars, len(sources.frame)))


@pytest.fixture(scope="module")
def members(registry: Registry) -> list[Material]:
    """Three histories that begin and end at different times, not in the order of their names."""
    one, two, three = (noise_market(seed, BARS) for seed in (13, 23, 33))
    return [
        member(registry, "XRPUSDT", one),
        member(registry, "ADAUSDT", later(two, 1_777)),
        member(registry, "SOLUSDT", replace(three, frame=cut(three.frame, 0, 7_003))),
    ]


@pytest.fixture(scope="module")
def pool(members: list[Material]) -> Pool:
    return pool_of("_general", members, 1)


class TestRows:
    def test_every_row_is_there_once_at_its_time(self, pool: Pool, members: Sequence[Material]) -> None:
        data, grid = pool.dataset, pool.open_at_ms
        assert [part.frame.symbol for part in pool.parts] == ["ADAUSDT", "SOLUSDT", "XRPUSDT"]
        assert np.array_equal(grid[data.bar] + 900_000, data.at_ms)
        assert (np.diff(data.at_ms) >= 0).all()
        assert len(data) == sum(len(one.dataset) for one in members)
        both = np.concatenate([one.dataset.at_ms for one in members])
        assert np.array_equal(np.sort(both), data.at_ms)
        assert data.weight.mean() == pytest.approx(1.0)
        assert data.timed_out == sum(one.dataset.timed_out for one in members)
        for part in pool.parts:
            assert np.array_equal(grid[part.at], part.frame.open_at_ms)

    def test_no_train_row_knows_a_validated_bar_of_any_symbol(
        self, pool: Pool, members: Sequence[Material]
    ) -> None:
        """Counted in time, symbol by symbol, from the members' own rows."""
        windows = np.concatenate(
            [
                np.stack((one.dataset.at_ms, one.frame.open_at_ms[one.dataset.end_bar] + 900_000), axis=1)
                for one in members
            ]
        )
        for split in walk_forward(pool.dataset, embargo=LOOKAHEAD):
            begin_ms = int(pool.open_at_ms[split.first_bar])
            clear = (windows[:, 1] <= begin_ms) & (windows[:, 0] + LOOKAHEAD * 900_000 <= begin_ms)
            assert len(split.train) == int(clear.sum())
            assert int(pool.dataset.at_ms[split.train].max()) == int(windows[clear, 0].max())
            assert int(pool.dataset.at_ms[split.validate].min()) > begin_ms

    def test_only_what_is_traded_and_learned_from_is_kept(self, pool: Pool) -> None:
        for part in pool.parts:
            assert len(part.asked) == len(part.trading) < len(part.frame) // 2

    def test_the_hash_knows_every_member(self, pool: Pool, members: Sequence[Material]) -> None:
        assert data_hash(pool) == data_hash(pool_of("_general", reversed(members), 1))
        assert data_hash(pool) != data_hash(pool_of("_general", members[:2], 1))


class TestRefusals:
    def test_one_symbol_is_no_pool(self, members: list[Material]) -> None:
        with pytest.raises(Unteachable, match="_general: of its symbols only XRPUSDT has something to learn"):
            pool_of("_general", members[:1], 1)
        with pytest.raises(
            Unteachable, match="of its symbols none has something to learn from; 2 are needed"
        ):
            pool_of("_cluster-2", [], 1)

    def test_a_feature_that_knows_the_future_is_found_in_a_member(
        self, registry: Registry, members: list[Material]
    ) -> None:
        def next_close(inputs: Inputs) -> Windows:
            found = np.full(inputs.close.shape, np.nan)
            found[..., :-1] = inputs.close[..., 1:]
            return found

        wrong = FeatureSet((*BASE.features, Feature("next_close", "base", "For a test.", next_close)))
        leaking = member(registry, "XRPUSDT", noise_market(13, 4_000), wrong)
        with pytest.raises(Unteachable, match="XRPUSDT: next_close changes when the future is cut off"):
            pool_of("_general", [members[1], leaking], 1)

    def test_many_signals_on_a_few_bars_make_no_folds(self, pool: Pool) -> None:
        data = replace(pool.dataset, bar=np.minimum(pool.dataset.bar, 700))
        with pytest.raises(TooFewRows, match="on too few bars for 5 folds"):
            walk_forward(data)


class TestComparison:
    def test_it_is_the_sum_of_the_members(self, registry: Registry) -> None:
        """The same history under two names: everything twice, and the same falls."""
        sources = noise_market(13, BARS)
        one, two = (member(registry, name, sources) for name in ("ADAUSDT", "XRPUSDT"))
        splits = walk_forward(one.dataset)
        judged = validated(one.dataset, splits, Boosting(), 1)
        alone = comparison_of(one, judged)
        both = comparison_of(pool_of("_general", [one, two], 1), judged)
        for single, double in ((alone.on, both.on), (alone.off, both.off)):
            assert double.trades == 2 * single.trades > 0
            assert double.net == pytest.approx(2 * single.net)
            assert double.profit_factor == pytest.approx(single.profit_factor)
            assert double.drawdown == pytest.approx(single.drawdown)
            assert double.sharpe == pytest.approx(single.sharpe)
        assert (both.asked, both.passed) == (2 * alone.asked, 2 * alone.passed)
        assert both.thresholds == alone.thresholds

    def test_equity_stands_still_where_a_symbol_has_no_candle(self, pool: Pool) -> None:
        trial = Trial.of(pool, 0, len(pool.open_at_ms))
        passing = np.ones(sum(len(part.trading) for part in pool.parts), np.bool_)
        for one, lot in zip(trial.symbols, trial.lots(passing), strict=True):
            grown = one.gained(lot, len(pool.open_at_ms))
            at = one.part.at
            assert (grown[: at[0]] == 0.0).all()
            assert (grown[at[-1] :] == grown[at[-1]]).all()
            assert len(lot) > 0

    def test_every_signal_is_asked_once_in_its_own_fold(self, pool: Pool) -> None:
        judged = validated(pool.dataset, walk_forward(pool.dataset), Boosting(), 1)
        gate = gate_of(pool, judged)
        rows = np.concatenate([part.at[part.trading.row] for part in pool.parts])
        first, last = judged.folds[1].split.first_bar, judged.folds[-1].split.end_bar
        assert np.array_equal(gate.asked, (rows >= first) & (rows < last))
        assert np.array_equal(
            np.isfinite(gate.score), (rows >= judged.folds[0].split.first_bar) & (rows < last)
        )


class TestVerdict:
    def test_markets_that_tell_are_found_together_and_the_card_names_them(self, registry: Registry) -> None:
        told = [member(registry, name, told_market(registry, 1, 16_000)) for name in ("XRPUSDT",)]
        told.append(member(registry, "ADAUSDT", told_market(registry, 5, 16_000)))
        lesson = teach(pool_of("_general", told, 1), Boosting(), seed=1)
        assert lesson.advised.word == ON
        made = written(lesson, Origin("1.0", "", 0))
        card = replace(made.card, version="v0001", model_sha256="0" * 64)
        assert card_of(card_text(card)) == card
        model_of(made.content, made.card, "model")
        assert (card.symbol, card.parameters["members"]) == ("_general", "ADAUSDT, XRPUSDT")
        assert card.profile is not None
        scored = card.profile.scores.rows
        assert scored == card.profile.features[0].rows > 50

    def test_markets_of_noise_are_left_off(self, pool: Pool) -> None:
        found = teach(pool, Boosting(), seed=1)
        assert found.advised.word == OFF
        assert abs((found.trained.judged.auc or 0.0) - 0.5) < 0.05
