"""Drift: bins that hold what they should, an index that is the formula's, warnings that chance alone does not give."""

import json
from dataclasses import replace
from math import inf, log, nan

import model_kit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from bot.ml.card import Histogram, Profile, card_of, card_text
from bot.ml.drift import FEWEST, chi_squared_999, drift_of, histogram_of, profile_of, psi
from bot.ml.model import ModelError
from bot.strategy import Array


def normal(rows: int, seed: int = 1, mean: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(mean, 1.0, rows)


def test_bins_hold_a_tenth_each() -> None:
    found = histogram_of(np.linspace(0.0, 999.0, 1000))
    assert found.edges == (99, 199, 299, 399, 499, 599, 699, 799, 899)
    assert found.counts == (99, 100, 100, 100, 100, 100, 100, 100, 100, 101)
    assert (found.missing, found.rows) == (0, 1000)


def test_a_figure_that_fills_bins_has_one_of_its_own_and_missing_ones_are_counted() -> None:
    sides = histogram_of(np.array([-1.0] * 60 + [1.0] * 40 + [nan] * 7 + [inf]))
    assert sides.edges == (-1.0, np.nextafter(-1.0, inf), 1.0, np.nextafter(1.0, inf))
    assert sides.counts == (0, 60, 0, 40, 0)
    assert sides.missing == 8
    assert histogram_of(np.full(9, nan)) == Histogram((), (0,), 9)
    assert histogram_of(np.zeros(0)) == Histogram((), (0,), 0)


@pytest.mark.parametrize("now", [1.5, 0.5, -1.0], ids=["above", "below", "far below"])
def test_a_constant_that_moved_is_seen(now: float) -> None:
    shift = psi(histogram_of(np.ones(300)), np.full(60, now))
    assert shift is not None
    assert shift.warns(0.25)
    still = psi(histogram_of(np.ones(300)), np.ones(60))
    assert still is not None
    assert (still.psi, still.warns(0.01)) == (0.0, False)


def test_the_index_by_hand() -> None:
    before = Histogram((0.0,), (60, 40), 0)
    values = np.array([-1.0] * 20 + [1.0] * 80)
    shift = psi(before, values)
    p, q = (60.5 / 101, 40.5 / 101), (20.5 / 101, 80.5 / 101)
    assert shift is not None
    assert shift.psi == pytest.approx(sum((b - a) * log(b / a) for a, b in zip(p, q, strict=True)), rel=1e-12)
    assert shift.chance == pytest.approx((1 / 100 + 1 / 100) * chi_squared_999(1), rel=1e-12)


def test_missing_figures_are_a_bin_of_their_own() -> None:
    whole = histogram_of(normal(400))
    gone = normal(100, 2)
    assert (calm := psi(whole, gone)) is not None
    assert not calm.warns(0.25)
    gone[:40] = nan
    assert (shift := psi(whole, gone)) is not None
    assert shift.warns(0.25)
    back = psi(histogram_of(np.full(400, nan)), normal(100, 3))
    assert back is not None
    assert back.warns(0.25)


def test_too_few_rows_on_either_side_give_no_figure() -> None:
    assert psi(histogram_of(normal(FEWEST - 1)), normal(500)) is None
    assert psi(histogram_of(normal(500)), normal(FEWEST - 1)) is None
    assert psi(histogram_of(normal(FEWEST)), normal(FEWEST, 2)) is not None


@pytest.mark.parametrize("freedom", range(3, 40))
def test_the_bound_is_that_of_the_chi_squared_distribution(freedom: int) -> None:
    assert chi_squared_999(freedom) == pytest.approx(chi2.ppf(0.999, freedom), rel=0.02)
    assert chi_squared_999(0) == 0.0


@pytest.mark.parametrize("rows", [50, 120, 600])
def test_chance_alone_hardly_ever_warns_and_few_rows_go_far_beyond_the_limit(rows: int) -> None:
    rng = np.random.default_rng(rows)
    found = [psi(histogram_of(rng.normal(size=300)), rng.normal(size=rows)) for _ in range(1500)]
    known = [one for one in found if one is not None]
    assert len(known) == 1500
    assert sum(one.psi > one.chance for one in known) <= 8
    if rows == 50:
        assert sum(one.psi > 0.25 for one in known) > 150  # what a bare limit would have warned of


def test_a_real_shift_is_found_and_the_worst_feature_comes_first() -> None:
    rng = np.random.default_rng(5)
    then, late = rng.normal(size=(500, 3)), rng.normal(size=(90, 3))
    late[:, 1] += 1.2
    late[:, 2] += 0.9
    profile = profile_of(then, rng.uniform(size=400))
    found = drift_of(profile, ("a", "b", "c"), late, rng.uniform(size=90))
    assert found.rows == 90
    assert found.worst is not None
    assert [name for name, _ in found.features] == ["b", "c", "a"]
    assert [name for name, _ in found.warned(0.25)] == ["b", "c"]
    moved = drift_of(profile, ("a", "b", "c"), late, rng.uniform(size=90) ** 4)
    assert moved.warned(0.25)[0][0] == "score"
    few = drift_of(profile, ("a", "b", "c"), late[:30], rng.uniform(size=30))
    assert (few.scores, few.features, few.worst, few.warned(0.25)) == (None, (), None, ())


@given(st.lists(st.floats() | st.integers(-3, 3).map(float), max_size=300))
def test_whatever_the_figures_a_card_holds_them_and_nothing_moved_against_itself(values: list[float]) -> None:
    column = np.array(values)
    with np.errstate(over="raise"):
        one = histogram_of(column)
    assert one.rows == len(values)
    profile = Profile((one,) * len(model_kit.FEATURES), one)
    card = replace(model_kit.card(version="v0001"), profile=profile)
    assert card_of(card_text(card)) == card
    if len(values) >= FEWEST:
        shift = psi(one, column)
        assert shift is not None
        assert shift.psi == 0.0


def refused(**changed: object) -> str:
    content = json.loads(card_text(model_kit.card(version="v0001")))
    content["profile"]["features"][1] |= changed
    with pytest.raises(ModelError) as caught:
        card_of(json.dumps(content).encode())
    return str(caught.value).removeprefix("card.json: profile.features[1]")


def test_a_profile_is_read_strictly() -> None:
    assert refused(edges=[0.5, 0.5]) == ".edges: each must be a finite number above the one before"
    assert refused(edges=[0.5]) == ".counts: 3 for 1 edges; one more than edges"
    assert refused(edges=list(range(65))) == ".edges: 65; at most 64 are allowed"
    assert refused(counts=[-1, 100, 44]) == ": counts of 0 or more are allowed"
    assert refused(missing=-7) == ": counts of 0 or more are allowed"
    assert refused(missing=8) == ": counts 151 rows, the first 150"
    assert refused(counts=[1.5, 2, 3]).startswith(".counts[0]: 1.5 is not allowed; a whole number")
    content = json.loads(card_text(model_kit.card(version="v0001")))
    del content["profile"]["features"][0]
    with pytest.raises(ModelError, match=r"profile\.features: 3 histograms for 4 features"):
        card_of(json.dumps(content).encode())
    content["profile"] = None
    assert card_of(json.dumps(content).encode()).profile is None
