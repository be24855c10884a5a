"""Signals that were followed live, as rows: they say what they said then, whatever the history would say today."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_kit import entries_of
from learning_kit import feature_set as plain_set
from learning_market import busy, noise_market
from markets import random_frame

from bot.domain.market import Candle
from bot.domain.signal import Anchor, Side
from bot.ml.compute import history_matrix, whole_from
from bot.ml.feature import FeatureSet, Matrix
from bot.ml.phantom import Ending, LivedSignal, Outcome, Phantom, Terms, candles_since, follow_all
from bot.ml.registry import feature_set
from bot.strategy import Array, Frame, Parameter
from research.learning.boosting import Boosting
from research.learning.cards import Origin, data_hash, written
from research.learning.dataset import Recipe, Said, balance_of, rows_of, said_at
from research.learning.labels import LOST, UNKNOWN, WON, TimedOut, labels_of
from research.learning.lesson import teach
from research.learning.lived import ALL, LivedRows, Told, lived_rows
from research.learning.material import Course, Material, looser
from research.results.plan import Rules
from strategies.registry import Registry

FEATURES = plain_set("strength", "side")
BARS = 4_000


def told_of(frame: Frame, features: FeatureSet = FEATURES, first: int = 0) -> Told:
    side = np.full(len(frame), np.nan)
    return Told(frame, features, np.zeros((len(frame), len(features))), side, first)


def lived_at(
    frame: Frame, bar: int, outcome: Outcome = Outcome.TARGET, features: FeatureSet | None = FEATURES
) -> LivedSignal:
    closed = int(frame.open_at_ms[bar]) + frame.timeframe_ms
    kept = tuple(float(place) for place in range(len(features))) if features else ()
    return LivedSignal(frame.symbol, closed, 1, outcome, 0.01, kept, features.hash if features else "")


class TestRows:
    @given(st.integers(0, 1_000), st.integers(0, 400))
    @settings(max_examples=30, deadline=None)
    def test_what_was_lived_stands_instead_of_the_history(self, seed: int, first: int) -> None:
        frame = random_frame(seed, 1_000)
        entries, chance = entries_of(frame, seed, 120), np.random.default_rng(seed)
        matrix: Matrix = np.stack(said_at(frame, entries), axis=1)
        bars = np.sort(chance.choice(1_000, 40, replace=False))
        label = chance.choice([WON, LOST, UNKNOWN], 40).astype(np.int8)
        lived = LivedRows(bars, label, 1_000.0 + chance.standard_normal((40, 2)))
        found = rows_of(Said(frame, entries, first, lived), FEATURES, matrix, Recipe(seed=seed), Rules())
        assert (np.diff(found.bar) > 0).all()
        assert np.array_equal(found.bar[found.lived], bars[label != UNKNOWN])
        assert np.array_equal(found.rows[found.lived], lived.rows[label != UNKNOWN])
        assert np.array_equal(found.label[found.lived], label[label != UNKNOWN])
        own = found.is_signal & ~found.lived
        labels = labels_of(frame, entries, Rules())
        stays = (labels.label != UNKNOWN) & (entries.row >= first) & ~np.isin(entries.row, bars)
        assert np.array_equal(found.bar[own], entries.row[stays])
        assert np.array_equal(found.label[own], labels.label[stays])
        holds = found.bar[~found.is_signal]
        assert not set(holds.tolist()) & {*bars.tolist(), *entries.row.tolist()}
        assert (holds >= first).all()
        assert (found.end_bar < len(frame)).all()
        assert (found.end_bar[found.lived] == np.minimum(found.bar[found.lived] + 24, 999)).all()
        late = labels.timed_out & (entries.row >= first) & ~np.isin(entries.row, bars)
        assert found.timed_out == int(late.sum()) + int((label == UNKNOWN).sum())

    def test_without_any_nothing_is_marked(self) -> None:
        frame = random_frame(1, 1_000)
        entries = entries_of(frame, 1, 120)
        matrix = np.stack(said_at(frame, entries), axis=1)
        found = rows_of(Said(frame, entries, 0), FEATURES, matrix, Recipe(), Rules())
        assert found.is_lived is None
        assert not found.lived.any()
        assert balance_of(found).lived == 0
        assert not found.taken(np.arange(10)).lived.any()


class TestPlaces:
    FRAME = random_frame(3, 500)

    def test_figures_of_all_features_are_brought_to_those_asked_for(self) -> None:
        asked = feature_set(["side", "rsi"])
        one = lived_at(self.FRAME, 100, features=ALL)
        found = lived_rows([one], told_of(self.FRAME, asked), TimedOut.DROPPED)
        assert found.rows.tolist() == [[float(ALL.names.index(name)) for name in asked.names]]
        blank = replace(one, features=(None, *one.features[1:]))
        only = feature_set([ALL.names[0]])
        assert np.isnan(lived_rows([blank], told_of(self.FRAME, only), TimedOut.DROPPED).rows).all()

    def test_without_figures_of_its_own_the_history_must_say_the_same(self) -> None:
        told = told_of(self.FRAME, first=90)
        told.side[[80, 100, 101]] = 1.0, 1.0, -1.0
        told.matrix[100] = 5.0, 6.0
        asked = [lived_at(self.FRAME, bar, features=None) for bar in (80, 100, 101, 102)]
        found = lived_rows(asked, told, TimedOut.DROPPED)
        assert found.bar.tolist() == [100]
        assert found.rows.tolist() == [[5.0, 6.0]]
        assert found.left_out == 3

    def test_figures_of_other_features_are_not_taken_for_these(self) -> None:
        strange = replace(lived_at(self.FRAME, 100), feature_hash="0" * 64)
        short = replace(lived_at(self.FRAME, 100), features=(1.0,))
        for one in (strange, short):
            assert not len(lived_rows([one], told_of(self.FRAME), TimedOut.DROPPED))

    def test_what_lies_outside_the_history_is_left_out_and_of_other_symbols_not_counted(self) -> None:
        one = lived_at(self.FRAME, 100)
        outside = [replace(one, bar_at_ms=at) for at in (0, one.bar_at_ms + 1, one.bar_at_ms + 10**10)]
        found = lived_rows([*outside, replace(one, symbol="OTHER")], told_of(self.FRAME), TimedOut.DROPPED)
        assert (len(found), found.left_out) == (0, 3)

    @pytest.mark.parametrize(
        "outcome, gain, rule, label",
        [
            (Outcome.TARGET, -0.01, TimedOut.DROPPED, WON),
            (Outcome.STOP, 0.01, TimedOut.BY_SIGN, LOST),
            (Outcome.TIMEOUT, 0.01, TimedOut.DROPPED, UNKNOWN),
            (Outcome.TIMEOUT, 0.01, TimedOut.BY_SIGN, WON),
            (Outcome.TIMEOUT, 0.0, TimedOut.BY_SIGN, LOST),
        ],
    )
    def test_outcomes(self, outcome: Outcome, gain: float, rule: TimedOut, label: int) -> None:
        one = replace(lived_at(self.FRAME, 7), outcome=outcome, net_return=gain)
        assert lived_rows([one], told_of(self.FRAME), rule).label.tolist() == [label]

    def test_of_several_of_one_bar_the_last_counts(self) -> None:
        twice = [lived_at(self.FRAME, 7, Outcome.STOP), lived_at(self.FRAME, 7)]
        found = lived_rows(twice, told_of(self.FRAME), TimedOut.DROPPED)
        assert (found.bar.tolist(), found.label.tolist(), found.left_out) == ([7], [WON], 1)


def followed(one: Material, place: int, vector: Array) -> LivedSignal | None:
    """A training signal of a history as a desk would have followed it; None: it has not ended."""
    entries, frame = one.training, one.frame
    bar = int(entries.row[place])
    closed = int(frame.open_at_ms[bar]) + frame.timeframe_ms
    side = Side.LONG if entries.side[place] > 0 else Side.SHORT
    levels = (float(entries.reference_price[place]), float(entries.stop_price[place]))
    target = float(entries.target_price[place])
    anchor = Anchor.LEVEL if entries.on_level[place] else Anchor.FILL
    terms = Terms(frame.timeframe_ms, 24, 0.0001, 0.0004)
    phantom = Phantom(
        "busy", frame.symbol, closed, closed, side, 3.0, *levels, target, anchor, "", None, 1.0, True, terms
    )
    candles: list[Candle] = list(candles_since(frame.part(0, bar + 30), closed))
    ended = follow_all(phantom, None, candles)
    if not isinstance(ended, Ending):
        return None
    figures = tuple(None if np.isnan(figure) else float(figure) for figure in vector)
    return LivedSignal(frame.symbol, closed, side.sign, ended.outcome, ended.net_return, figures, ALL.hash)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return busy(tmp_path_factory.mktemp("strategies"))


def course(registry: Registry, *lived: LivedSignal) -> Course:
    return Course(registry, "busy", feature_set(["base"]), Recipe(), Rules(), lived)


class TestWhole:
    def test_a_desk_that_followed_all_signals_teaches_the_same_rows(self, registry: Registry) -> None:
        """Features, labels and bars are those of the history to the last bit; only where they come from is not."""
        sources = noise_market(3, BARS)
        plain = course(registry).material("XRPUSDT", sources)
        vectors = history_matrix(ALL, plain.sources)
        places = np.flatnonzero(plain.training.row >= whole_from(plain.frame)).tolist()
        lived = [followed(plain, place, vectors[plain.training.row[place]]) for place in places]
        known = [one for one in lived if one is not None]
        found = course(registry, *known).material("XRPUSDT", sources)
        assert found.lived_out == 0
        assert np.array_equal(found.dataset.bar, plain.dataset.bar)
        assert np.array_equal(found.dataset.rows, plain.dataset.rows, equal_nan=True)
        assert np.array_equal(found.dataset.label, plain.dataset.label)
        assert np.array_equal(found.dataset.lived, found.dataset.is_signal)
        assert found.dataset.timed_out == plain.dataset.timed_out
        assert int(found.dataset.lived.sum()) > 100

    def test_the_card_counts_them_and_the_hash_knows_them(self, registry: Registry) -> None:
        sources = noise_market(3, 8_000)
        plain = course(registry).material("XRPUSDT", sources)
        signals = plain.dataset.at_ms[plain.dataset.is_signal][:40].tolist()
        figures = (0.5,) * len(ALL)
        lived = [LivedSignal("XRPUSDT", at, 1, Outcome.TARGET, 0.01, figures, ALL.hash) for at in signals]
        found = course(registry, *lived).material("XRPUSDT", sources)
        card = written(teach(found, Boosting(), seed=1), Origin("1.0", "", 0)).card
        assert card.sources["phantom"] == 40
        assert card.sources["signal"] + 40 == int(found.dataset.is_signal.sum())
        assert sum(card.sources.values()) == card.rows
        assert data_hash(found) != data_hash(plain)

    def test_bars_whose_memory_is_not_whole_are_not_learned_from(self, registry: Registry) -> None:
        course = Course(registry, "busy", feature_set(["base"]), Recipe(), Rules())
        found = course.material("XRPUSDT", noise_market(3, BARS))
        first = whole_from(found.frame)
        assert (found.training.row < first).any(), "the strategy spoke before"
        assert (found.dataset.bar >= first).all()


class TestParameters:
    def test_training_loosens_what_is_tighter_and_leaves_what_is_looser(self) -> None:
        def declared(name: str, default: float, training: float | None) -> Parameter:
            return Parameter(name, default, 0.0, 100.0, "", "", training=training)

        parameters = (declared("least", 25.0, 15.0), declared("most", 5.0, 8.0), declared("other", 1.0, None))
        used = {"least": 30.0, "most": 4.0, "other": 2.0}
        assert looser(parameters, used) == {"least": 15.0, "most": 8.0, "other": 2.0}
        assert looser(parameters, {"least": 10.0, "most": 9.0, "other": 2.0}) == {
            "least": 10.0,
            "most": 9.0,
            "other": 2.0,
        }
