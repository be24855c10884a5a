"""Whether models should be trained: each sign by itself, and two of three advise it."""

import pytest

from bot.training import Week, checklist

QUIET = Week(0, 0, None)


def week(factor: float | None, trades: int = 10, wins: int = 5) -> Week:
    return Week(trades, wins, factor)


def holds(*weeks: Week) -> tuple[bool, ...]:
    return tuple(sign.holds for sign in checklist(weeks).signs)


@pytest.mark.parametrize(
    "trades, enough", [((150,), True), ((149,), False), ((50, 50, 50), True), ((50, 50, 49), False)]
)
def test_trades_add_up_over_the_weeks(trades: tuple[int, ...], enough: bool) -> None:
    found = checklist([week(1.5, number) for number in trades])
    assert found.signs[0].holds is enough
    assert found.signs[0].figure == f"{sum(trades)} in {len(trades)} weeks"


@pytest.mark.parametrize(
    "factor, low", [(0.99, True), (1.0, False), (1.01, False), (0.0, True), (None, False)]
)
def test_the_last_week_s_profit_factor_below_one(factor: float | None, low: bool) -> None:
    assert holds(week(0.1), week(factor))[1] is low


@pytest.mark.parametrize(
    "factors, falling",
    [
        ((3.0, 2.0, 1.5), True),
        ((0.5, 3.0, 2.0, 1.5), True),
        ((3.0, 2.0, 2.0), False),
        ((3.0, 1.5, 2.0), False),
        ((3.0, 2.0), False),
        ((4.0, 3.0, 2.0, 5.0), False),
        ((None, 2.0, 1.5), True),
        ((None, None, 1.5), False),
    ],
)
def test_a_profit_factor_falls_for_three_weeks(factors: tuple[float | None, ...], falling: bool) -> None:
    """None: wins alone, better than any figure."""
    assert holds(*map(week, factors))[2] is falling


def test_a_week_without_trades_is_no_fall() -> None:
    assert holds(week(3.0), QUIET, week(1.0))[2] is False
    assert holds(week(3.0), week(2.0), QUIET)[1:] == (False, False)


@pytest.mark.parametrize(
    "weeks, signs",
    [
        ((week(2.0),), 0),
        ((week(0.5),), 1),
        ((week(2.0, 200),), 1),
        ((week(0.5, 200),), 2),
        ((week(3.0), week(2.0), week(0.5)), 2),
        ((week(3.0, 100), week(2.0, 100), week(0.5)), 3),
        ((), 0),
    ],
)
def test_two_of_three_signs_advise_training(weeks: tuple[Week, ...], signs: int) -> None:
    found = checklist(weeks)
    assert len(found.held) == signs
    assert found.advised is (signs >= 2)


def test_figures_are_said() -> None:
    found = checklist([week(None), QUIET, week(0.5)])
    assert [sign.figure for sign in found.signs] == ["20 in 3 weeks", "0.50", "no loss – 0.50"]
