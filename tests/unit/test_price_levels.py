"""Levels that floats worked out become the decimal prices that were meant, on the tick they were meant for."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from bot.domain.instrument import to_decimal, to_level
from bot.domain.signal import Side
from bot.venues.instruments import free_instrument


@pytest.mark.parametrize(
    "worked_out, meant",
    [
        (100.1 - 0.3, "99.8"),
        (0.1 + 0.2, "0.3"),
        (1.1 * 3, "3.3"),
        (67_123.4 + 3 * 0.1, "67123.7"),
        (0.00001234 - 3 * 0.00000011, "0.00001201"),
        (0.0, "0.0"),
        (-0.3 + 0.1, "-0.2"),
    ],
)
def test_what_rounding_made_is_left_out(worked_out: float, meant: str) -> None:
    assert to_level(worked_out) == Decimal(meant)


def test_other_prices_stay_what_they_are() -> None:
    chance = np.random.default_rng(5)
    for price in (10 ** chance.uniform(-6, 6, 2_000)).tolist():
        assert to_level(price) == pytest.approx(to_decimal(price), rel=Decimal("1.1e-14"), abs=0)
    for price in (1 / 3, 100.123456789012, 99.7999999999, 2.0**-20):
        assert to_level(price) == to_decimal(price)


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_price_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="no price"):
        to_level(price)


def test_rounding_to_the_tick_moves_a_level_on_the_tick_by_nothing() -> None:
    tenths = replace(free_instrument("TESTUSDT"), price_tick=Decimal("0.1"))
    level = 100.4 - 0.3
    assert level == 100.10000000000001
    assert tenths.stop_price(Side.LONG, to_decimal(level)) == Decimal("100.2")
    assert tenths.stop_price(Side.LONG, to_level(level)) == Decimal("100.1")
    assert tenths.target_price(Side.SHORT, to_level(level)) == Decimal("100.1")
