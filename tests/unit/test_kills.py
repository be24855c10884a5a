"""The two automatic kill switches from results alone: a run of losses, and a poor profit factor."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from desk_story import D
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.guard import KillKind, Limits
from bot.risk.kills import KillFigures, figures, profit_factor, tripped

LIMITS = Limits()  # 8 losses running; profit factor below 0.75 of the last 15
FAST, SLOW = KillKind.FAST, KillKind.SLOW


def nets(*amounts: object) -> list[Decimal]:
    return [D(str(amount)) for amount in amounts]


def kind(results: Sequence[Decimal], limits: Limits = LIMITS) -> KillKind | None:
    found = tripped(results, limits)
    return found[0] if found else None


@pytest.mark.parametrize(
    "results, run",
    [
        ([], 0),
        ([5], 0),
        ([-1], 1),
        ([5, -1, -2, -3], 3),
        ([-1, -2, 5], 0),
        ([-1, -2, 0], 0),  # a net of zero is no loss and ends the run
        ([-1, 0, -2], 1),
        ([-1] * 40, 40),
    ],
)
def test_the_losing_run_counts_back_to_the_last_trade_that_was_no_loss(results: list[int], run: int) -> None:
    assert figures(nets(*results), 15).losing_run == run


def test_eight_losses_running_kill_and_seven_do_not() -> None:
    assert tripped(nets(*[-1] * 8), LIMITS) == (FAST, "8 losses running, limit 8")
    assert tripped(nets(100, *[-1] * 9), LIMITS) == (FAST, "9 losses running, limit 8")
    assert tripped(nets(*[-1] * 7), LIMITS) is None
    assert tripped(nets(*[-1] * 7, 0), LIMITS) is None


@pytest.mark.parametrize(
    "results, factor",
    [
        ([], None),
        ([1, 2], None),
        ([0, 0], None),
        ([-4, 3], "0.75"),
        ([-4, 0, 3, 0], "0.75"),
        ([-4], "0"),
        (["-0.5", "0.25", "0.125"], "0.75"),
    ],
)
def test_the_profit_factor_is_profit_over_loss(results: list[object], factor: str | None) -> None:
    assert profit_factor(nets(*results)) == (None if factor is None else D(factor))


def test_the_slow_kill_wants_its_whole_window_and_less_than_the_limit() -> None:
    at_limit = nets(*[-1, 0] * 6, -2, 6, 0)  # 6 over 8 = 0.75, fifteen trades
    below = nets(*[-1, 0] * 6, -2, "5.99", 0)
    assert (len(at_limit), profit_factor(at_limit)) == (15, D("0.75"))
    assert tripped(at_limit, LIMITS) is None
    assert tripped(below, LIMITS) == (SLOW, "profit factor 0.75 of the last 15 trades, limit 0.75")
    assert tripped(below[1:], LIMITS) is None


def test_only_the_window_counts() -> None:
    poor = nets(*[-10, 1] * 8)[:15]
    assert kind(poor) is SLOW
    assert kind(nets(-1000, -1000) + nets(*[1, -1] * 7, 1)) is None
    assert kind(nets(5000) + poor) is SLOW


def test_without_losses_nobody_is_killed() -> None:
    assert tripped(nets(*[0] * 50), LIMITS) is None
    assert tripped(nets(*[1] * 50), LIMITS) is None
    assert tripped([], LIMITS) is None


def test_the_fast_kill_is_named_first() -> None:
    assert kind(nets(*[-1] * 15)) is FAST


def test_zero_switches_either_off() -> None:
    losses = nets(*[-1] * 20)
    assert kind(losses, replace(LIMITS, kill_losing_run=0)) is SLOW
    assert kind(losses, replace(LIMITS, kill_losing_run=0, kill_trades=0)) is None
    assert kind(losses, replace(LIMITS, kill_losing_run=0, kill_profit_factor=D(0))) is None


amounts = st.integers(-500, 500).map(lambda cents: D(cents) / 100)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(amounts, max_size=40), st.integers(1, 20), st.integers(1, 10))
def test_kills_as_the_specification_says_them(results: list[Decimal], window: int, running: int) -> None:
    limits = replace(LIMITS, kill_trades=window, kill_losing_run=running)
    fast = len(results) >= running and all(net < 0 for net in results[-running:])
    last = results[-window:]
    gained, lost = sum(n for n in last if n > 0), -sum(n for n in last if n < 0)
    slow = len(last) == window and lost > 0 and gained < D("0.75") * lost
    assert kind(results, limits) is (FAST if fast else SLOW if slow else None)
    found = figures(results, window)
    assert found == KillFigures(found.losing_run, len(last), gained / lost if lost else None)
