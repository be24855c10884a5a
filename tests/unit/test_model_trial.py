"""A trial by hand: which signals count, in which order, what each model lets through, who wins."""

from dataclasses import dataclass, replace
from math import nan

import model_kit
import numpy as np
import pytest
from phantom_kit import START_MS, TERMS, decision, market

from bot.ml.card import Card, Span
from bot.ml.feature import FeatureSet, Matrix
from bot.ml.loaded import Loaded
from bot.ml.phantom import Ending, Followed, Outcome, Phantom, Vector, phantom_of
from bot.ml.registry import FEATURES
from bot.ml.trial import trial_of
from bot.strategy import Array

FRAME = market(2)
HASH = FeatureSet(FEATURES).hash
RSI, ADX = (next(at for at, one in enumerate(FEATURES) if one.name == name) for name in ("rsi", "adx"))


@dataclass(frozen=True)
class Column:
    """Its score is one of its features."""

    place: int

    def scores(self, rows: Matrix) -> Array:
        return rows[:, self.place]

    def contributions(self, rows: Matrix) -> Matrix | None:
        return None


def model(version: str, feature: str, made_ms: int = 0, threshold: float = 0.5) -> Loaded:
    """A model that looks at one of two features."""
    card: Card = replace(
        model_kit.card(version=version),
        features=("adx", "rsi"),
        created_at_ms=made_ms,
        threshold=threshold,
    )
    return Loaded(card, Column(("adx", "rsi").index(feature)))


def signal(row: int, rsi: float, adx: float, outcome: Outcome, net: float, *, mark: str = HASH) -> Followed:
    """A signal that has ended; all its features but two are missing."""
    values = [nan] * len(FEATURES)
    values[RSI], values[ADX] = rsi, adx
    made = phantom_of(decision(FRAME, row), TERMS, Vector(tuple(values), mark))
    assert isinstance(made, Phantom)
    end = Ending(outcome, 0, 1.0, 0, 1.0, 1, 0.0, 0.0, net / 1000, net, made.bar_at_ms)
    return Followed(made, end)


T, S, LATE = Outcome.TARGET, Outcome.STOP, Outcome.TIMEOUT
SEEN = [
    signal(1, 0.9, 0.1, T, 10.0),
    signal(2, 0.2, 0.8, S, -10.0),
    signal(3, 0.7, 0.6, T, 8.0),
    signal(4, 0.4, 0.9, S, -9.0),
    signal(5, 0.6, 0.2, LATE, 1.0),
]
RSI_MODEL, ADX_MODEL = model("v0002", "rsi"), model("v0001", "adx")


def test_the_figures_are_those_counted_by_hand() -> None:
    trial = trial_of(SEEN, ADX_MODEL, RSI_MODEL, 5)
    assert trial.over
    assert (trial.signals, trial.net) == (5, 0.0)
    old, new = trial.champion, trial.challenger
    assert (old.version, old.passed, old.net) == ("v0001", 3, -11.0)
    assert (new.version, new.passed, new.net) == ("v0002", 3, 19.0)
    assert (old.auc, new.auc) == (0.0, 1.0), "what timed out has no label"
    assert new.brier == pytest.approx((0.1**2 + 0.2**2 + 0.3**2 + 0.4**2) / 4)
    assert old.brier == pytest.approx((0.9**2 + 0.8**2 + 0.4**2 + 0.9**2) / 4)
    assert trial.won
    assert not trial_of(SEEN, RSI_MODEL, ADX_MODEL, 5).won
    assert trial_of(SEEN, ADX_MODEL, RSI_MODEL, 5) == trial, "a trial is computed, not kept"


def test_it_takes_the_first_ones_and_is_over_when_there_are_enough() -> None:
    trial = trial_of(SEEN, ADX_MODEL, RSI_MODEL, 2)
    assert (trial.signals, trial.over, trial.net) == (2, True, 0.0)
    assert trial_of([*SEEN, *SEEN[:2]], ADX_MODEL, RSI_MODEL, 5) == trial_of(SEEN, ADX_MODEL, RSI_MODEL, 5)
    short = trial_of(SEEN[:3], ADX_MODEL, RSI_MODEL, 5)
    assert (short.signals, short.over) == (3, False)
    nothing = trial_of([], ADX_MODEL, RSI_MODEL, 5)
    assert (nothing.signals, nothing.net, nothing.challenger.auc, nothing.won) == (0, 0.0, None, False)


def test_only_bars_that_closed_after_the_challenger_was_made_count() -> None:
    late = model("v0002", "rsi", made_ms=SEEN[1].phantom.bar_at_ms)
    assert trial_of(SEEN, ADX_MODEL, late, 5).signals == 3
    assert SEEN[0].phantom.bar_at_ms > START_MS


def test_bars_that_a_later_champion_learned_from_do_not_count() -> None:
    """Somebody may put a model in use that was trained after the one that is tried beside it."""
    last_ms = SEEN[1].phantom.bar_at_ms
    learned = replace(ADX_MODEL.card, trained=Span(0, last_ms + 1))
    trial = trial_of(SEEN, replace(ADX_MODEL, card=learned), RSI_MODEL, 5)
    assert trial.signals == 3
    assert trial.net == -9.0 + 8.0 + 1.0


def test_other_features_missing_ones_and_open_signals_do_not_count() -> None:
    others = [
        signal(6, 0.9, 0.9, T, 5.0, mark="0" * 64),
        replace(SEEN[0], phantom=replace(SEEN[0].phantom, vector=Vector())),
        replace(SEEN[0], ending=None),
        signal(7, nan, 0.9, T, 5.0),
        signal(8, 1.7, 0.9, T, 5.0),
    ]
    trial = trial_of([*others, *SEEN], ADX_MODEL, RSI_MODEL, 10)
    assert trial.signals == 5, "both must have a score"
    assert trial == replace(trial_of(SEEN, ADX_MODEL, RSI_MODEL, 5), wanted=10)


def test_a_persons_threshold_holds_for_both() -> None:
    trial = trial_of(SEEN, ADX_MODEL, RSI_MODEL, 5, threshold=0.85)
    assert (trial.champion.threshold, trial.challenger.threshold) == (0.85, 0.85)
    assert (trial.champion.passed, trial.challenger.passed) == (1, 1)


def test_it_wins_only_when_it_is_worse_in_nothing() -> None:
    same = trial_of(SEEN, RSI_MODEL, model("v0003", "rsi"), 5)
    assert not same.won, "as good is not better"
    assert not trial_of(SEEN, RSI_MODEL, model("v0003", "rsi", threshold=0.8), 5).won, "it earns less"
    assert trial_of(SEEN, model("v0001", "rsi", threshold=0.8), RSI_MODEL, 5).won, "it only earns more"
    trial = trial_of(SEEN, ADX_MODEL, RSI_MODEL, 5)
    poorer = replace(trial, challenger=replace(trial.challenger, brier=0.99))
    assert not poorer.won, "more money, worse probabilities"
    unknown = replace(
        trial,
        champion=replace(trial.champion, auc=None, brier=None),
        challenger=replace(trial.challenger, auc=None, brier=None),
    )
    assert unknown.won, "what cannot be measured says nothing"


def test_auc_counts_ties_half() -> None:
    seen = [signal(1, 0.5, 0.5, T, 1.0), signal(2, 0.5, 0.5, S, -1.0), signal(3, 0.4, 0.6, S, -1.0)]
    trial = trial_of(seen, ADX_MODEL, RSI_MODEL, 3)
    assert trial.challenger.auc == pytest.approx(0.75)
    assert trial.champion.auc == pytest.approx(0.25)
    assert np.isfinite(trial.net)
