"""Sizing by hand-computed figures: four modes, what each bound leaves, and what is named as binding."""

from dataclasses import replace
from typing import Any

import pytest
from desk_story import LONG, SHORT, D, instrument

from bot.domain.guard import Sizing, SizingMode
from bot.domain.instrument import Bracket
from bot.domain.signal import Side
from bot.risk.sizing import SizeRequest, margin_ratio, size

PLENTY = D(10**9)
BY_RATIO = Sizing()
TEN_DOLLARS = Sizing(SizingMode.RISK_USD, D(10))
ONE_PERCENT = Sizing(SizingMode.RISK_PERCENT, D(1))
THOUSAND = Sizing(SizingMode.FIXED_NOTIONAL, D(1000))


def request(sizing: Sizing = THOUSAND, **changes: Any) -> SizeRequest:
    """An entry at 100 with its stop at 95: a balance of 1,000 of which half is the symbol's, leverage 10, no costs."""
    plain = SizeRequest(
        sizing=sizing,
        instrument=instrument("XYZ"),
        entry_price=D(100),
        stop_price=D(95),
        balance=D(1000),
        base_balance=D(1000),
        share=D("0.5"),
        leverage=10,
        cost_rate=D(0),
        room=PLENTY,
        available=PLENTY,
    )
    return replace(plain, **changes)


@pytest.mark.parametrize(
    "balance, ratio",
    [
        (1000, "0.50"),  # at its base
        (1100, "0.44"),  # 100 x 0.0006 less
        (1500, "0.20"),  # exactly at the lower bound
        (1499, "0.2006"),
        (1_000_000, "0.20"),
        (999, "0.50"),  # a falling balance does not raise the ratio
        (0, "0.50"),
        (-5, "0.50"),
    ],
)
def test_the_margin_ratio_falls_as_the_balance_grows(balance: int, ratio: str) -> None:
    assert margin_ratio(BY_RATIO, D(balance), D(1000)) == D(ratio)


@pytest.mark.parametrize(
    "balance, notional",
    [
        (1000, 2500),  # 1000 x 0.5 x 0.50 x 10
        (1100, 2420),  # 1100 x 0.5 x 0.44 x 10
        (2000, 2000),  # 2000 x 0.5 x 0.20 x 10
        (800, 2000),  # 800 x 0.5 x 0.50 x 10
    ],
)
def test_margin_ratio_is_of_the_symbols_share_times_leverage(balance: int, notional: int) -> None:
    sized = size(request(BY_RATIO, balance=D(balance)))
    assert (sized.notional, sized.quantity, sized.margin) == (notional, D(notional) / 100, D(notional) / 10)
    assert sized.binding == "margin_ratio"


def test_a_share_of_eight_symbols_and_another_leverage() -> None:
    sized = size(request(BY_RATIO, share=D(1) / 8, leverage=4))
    assert sized.notional == 250  # 1000 x 0.125 x 0.50 x 4


def test_ratios_of_ones_own() -> None:
    own = Sizing(ratio_max=D("0.30"), ratio_min=D("0.10"), ratio_decay=D("0.001"))
    assert [margin_ratio(own, D(b), D(1000)) for b in (900, 1100, 1200, 1300)] == [
        D("0.30"),
        D("0.20"),
        D("0.10"),
        D("0.10"),
    ]


@pytest.mark.parametrize("side, stop", [(LONG, 95), (SHORT, 105)])
@pytest.mark.parametrize(
    "sizing, cost_rate, quantity, risk",
    [
        (TEN_DOLLARS, "0", "2", "10"),  # 10 / 5
        (TEN_DOLLARS, "0.001", "1.960", "9.996"),  # 10 / (5 + 0.1) = 1.9607..
        (ONE_PERCENT, "0", "2", "10"),  # 1 % of 1000
        (ONE_PERCENT, "0.01", "1.666", "9.996"),  # 10 / (5 + 1) = 1.6666..
        (THOUSAND, "0.01", "10", "60"),
    ],
)
def test_risk_counts_fees_and_slippage_per_unit(
    side: Side, stop: int, sizing: Sizing, cost_rate: str, quantity: str, risk: str
) -> None:
    sized = size(request(sizing, stop_price=D(stop), cost_rate=D(cost_rate)))
    assert (sized.quantity, sized.risk) == (D(quantity), D(risk))
    assert sized.binding == sizing.mode.value


def test_risk_percent_follows_the_balance_and_risk_usd_does_not() -> None:
    poor = {"balance": D(500)}
    assert size(request(ONE_PERCENT, **poor)).quantity == 1
    assert size(request(TEN_DOLLARS, **poor)).quantity == 2


@pytest.mark.parametrize(
    "changes, quantity, binding",
    [
        ({"instrument": instrument("XYZ", max_quantity=D(7))}, "7", "maximum quantity"),
        ({"instrument": instrument("XYZ", max_market_quantity=D(6))}, "6", "maximum quantity"),
        ({"instrument": instrument("XYZ", brackets=(Bracket(D(450), 10, D(0), D(0)),))}, "4.5", "leverage bracket"),
        ({"leverage": 30, "instrument": instrument("XYZ", brackets=(Bracket(D(450), 50, D(0), D(0)),
                                                                    Bracket(D(9000), 20, D(0), D(0))))},
         "4.5", "leverage bracket"),
        ({"room": D("333.3")}, "3.333", "exposure limit"),
        ({"available": D(20)}, "2", "free margin"),  # 100 / 10 a unit
        ({"available": D(20), "cost_rate": D("0.001")}, "1.980", "free margin"),  # 100 / 10 + 0.1 a unit
        ({"available": D(20), "room": D(150)}, "1.5", "exposure limit"),  # the tightest is named
        ({"available": D(15), "room": D(150)}, "1.5", "exposure limit"),  # of two equal ones the first
    ],
)  # fmt: skip
def test_each_bound_is_named_when_it_binds(changes: dict[str, Any], quantity: str, binding: str) -> None:
    sized = size(request(**changes))
    assert (sized.quantity, sized.binding) == (D(quantity), binding)
    assert sized.notional == D(quantity) * 100


@pytest.mark.parametrize(
    "changes, binding",
    [
        ({"sizing": Sizing(SizingMode.FIXED_NOTIONAL, D("0.09"))}, "fixed_notional"),
        ({"available": D(0)}, "free margin"),
        ({"room": D(0)}, "exposure limit"),
        ({"leverage": 60}, "leverage bracket"),
        ({"sizing": BY_RATIO, "balance": D(0)}, "margin_ratio"),
        ({"sizing": ONE_PERCENT, "balance": D(-50)}, "risk_percent"),
    ],
)
def test_too_little_is_nothing_and_says_what_it_was(changes: dict[str, Any], binding: str) -> None:
    sized = size(request(**changes))
    assert (sized.quantity, sized.notional, sized.margin, sized.risk) == (0, 0, 0, 0)
    assert sized.binding == f"{binding}: below minimum quantity 0.001"


def test_just_the_minimum_quantity_is_a_size() -> None:
    sized = size(request(Sizing(SizingMode.FIXED_NOTIONAL, D("0.1"))))
    assert (sized.quantity, sized.binding) == (D("0.001"), "fixed_notional")


@pytest.mark.parametrize(
    "step, quantity", [("0.001", "3.333"), ("0.1", "3.3"), ("1", "3"), ("3", "3"), ("5", "0")]
)
def test_the_step_rounds_down(step: str, quantity: str) -> None:
    coarse = instrument("XYZ", quantity_step=D(step))
    assert size(request(room=D("333.34"), instrument=coarse)).quantity == D(quantity)


def test_without_a_step_nothing_is_rounded() -> None:
    smooth = instrument("XYZ", quantity_step=D(0), price_tick=D(0))
    assert size(request(room=D("333.3456"), instrument=smooth)).quantity == D("3.333456")


def test_without_a_step_the_notional_stays_within_the_limit_to_the_last_digit() -> None:
    """4000 / 11 has no last digit: one unit of it too many would be an exposure of 4.00 x of 4, refused."""
    smooth = instrument("XYZ", quantity_step=D(0))
    for price in range(11, 400):
        sized = size(
            request(
                Sizing(SizingMode.FIXED_NOTIONAL, D(9000)),
                entry_price=D(price),
                room=D(4000),
                instrument=smooth,
            )
        )
        assert sized.notional <= 4000
