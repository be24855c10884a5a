"""Monte Carlo of trades: checked against loops, seeded, and within what is tolerated."""

from math import ceil

import numpy as np
import pytest

from bot.domain.errors import ConfigError
from research.sweep.sizing import (
    BOOTSTRAP,
    SHUFFLE,
    Question,
    Tolerance,
    Trades,
    bootstrapped,
    followed,
    shuffled,
    sized,
    tolerance_of,
    trades_from,
)

RETURNS = np.random.default_rng(5).choice([2.0, -1.0, -1.05, 0.3], size=80, p=[0.4, 0.3, 0.2, 0.1])
TRADES = Trades(RETURNS, by_risk=True)
QUESTION = Question(0.02, Tolerance(0.2, 0.05), ruin=0.3, paths=2_000, seed=11)


def by_hand(multiples: list[float], risk: float) -> tuple[float, float, float]:
    """End, deepest fall, lowest point of one path, step by step."""
    equity = high = low = 1.0
    fall = 0.0
    for one in multiples:
        equity *= max(0.0, 1.0 + risk * one)
        high, low = max(high, equity), min(low, equity)
        fall = max(fall, 1.0 - equity / high)
    return equity, fall, low


@pytest.mark.parametrize("risk", [0.005, 0.05, 0.6, 1.0])
def test_paths_are_those_of_a_loop(risk: float) -> None:
    for lots in (shuffled(80, 50, 3), bootstrapped(80, 50, 9, 3)):
        figures = followed(RETURNS, risk, lots)
        for path, lot in enumerate(lots.tolist()):
            expected = by_hand([float(RETURNS[place]) for place in lot], risk)
            assert [float(column[path]) for column in figures] == pytest.approx(
                expected, rel=1e-12, abs=1e-12
            )


def test_a_shuffle_keeps_every_trade() -> None:
    assert (np.sort(shuffled(40, 30, 1), axis=1) == np.arange(40)).all()


def test_a_bootstrap_keeps_stretches_together() -> None:
    lots = bootstrapped(40, 30, 6, 1)
    assert lots.shape == (30, 40)
    for lot in lots.tolist():
        for first in range(0, 40, 6):
            stretch = lot[first : first + 6]
            assert stretch == [(stretch[0] + step) % 40 for step in range(len(stretch))]
    assert len(np.unique(lots[:, 0])) > ceil(40 / 6)


def test_probabilities_are_those_of_a_brute_force_of_our_own() -> None:
    """Another generator, plain loops: the same chances within what lots differ."""
    answer = sized(TRADES, QUESTION)
    rng = np.random.default_rng(987_654)
    beyond = ruined = 0
    for _ in range(2_000):
        _, fall, low = by_hand([float(one) for one in rng.permutation(RETURNS)], 0.02)
        beyond += fall > 0.2
        ruined += low <= 0.7
    shuffle = next(one for one in answer.spreads if one.way == SHUFFLE)
    assert shuffle.beyond == pytest.approx(beyond / 2_000, abs=0.04)
    assert shuffle.ruin == pytest.approx(ruined / 2_000, abs=0.04)


def test_the_suggestion_is_the_largest_risk_within_the_tolerance() -> None:
    answer = sized(TRADES, QUESTION)
    assert answer.suggested is not None
    assert answer.suggested > 0
    assert max(one.beyond for one in answer.at_suggested) <= 0.05
    more = sized(TRADES, Question(answer.suggested + 0.0001, QUESTION.tolerance, paths=2_000, seed=11))
    assert max(one.beyond for one in more.spreads) > 0.05
    assert {one.way for one in answer.spreads} == {SHUFFLE, BOOTSTRAP}


def test_the_same_seed_gives_the_same_answer_and_another_does_not() -> None:
    first, again = sized(TRADES, QUESTION), sized(TRADES, QUESTION)
    assert first.suggested == again.suggested
    for one, other in zip(first.spreads, again.spreads, strict=True):
        assert (one.drawdowns == other.drawdowns).all()
    other_seed = sized(TRADES, Question(0.02, QUESTION.tolerance, paths=2_000, seed=12))
    assert (other_seed.spreads[0].drawdowns != first.spreads[0].drawdowns).any()


def test_losing_trades_get_no_suggestion() -> None:
    answer = sized(Trades(-np.abs(RETURNS), True), QUESTION)
    assert answer.suggested is None
    assert answer.at_suggested == ()


def test_trades_count_in_risk_only_where_every_stop_is_known() -> None:
    known = trades_from(np.array([0.02, -0.01]), np.array([0.01, 0.02]))
    assert known.by_risk
    assert known.multiples.tolist() == [2.0, -0.5]
    assert not trades_from(np.array([0.02, -0.01]), np.array([0.01, 0.0])).by_risk


def test_too_few_trades_are_refused() -> None:
    with pytest.raises(ConfigError, match="9 trades; a Monte Carlo needs at least 10"):
        sized(Trades(RETURNS[:9], True), QUESTION)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "drawdown 20%",
        "drawdown 20% in 0%",
        "drawdown 100% in 5%",
        "fall 2% in 5%",
        "drawdown 1.2.3% in 5%",
    ],
)
def test_tolerances_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match='allowed: "drawdown 20% in 5%"'):
        tolerance_of(text)


def test_a_tolerance_in_words() -> None:
    assert tolerance_of("Drawdown 20% in 5 %") == Tolerance(0.2, 0.05)
