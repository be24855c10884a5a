"""Entries of whole histories by compiled code are what `decide` answers bar by bar, for every strategy."""

from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
from markets import REAL_SYMBOLS, flat_frame, frame_of, random_frame, real_frame

from bot.domain.market import timeframe_ms
from bot.strategy import Entries, Frame, Strategy, Value
from strategies.registry import Registry

REGISTRY = Registry()
NAMES = REGISTRY.names()
COMPOSITE = [
    {
        "adx_threshold": adx,
        "signal_threshold": threshold,
        "volume_multiplier": volume,
        "atr_sl_mult": stop,
        "atr_tp_mult": 3.0,
    }
    for adx, threshold, volume, stop in product((0.0, 25.0), (1, 2, 3, 6), (0.0, 1.5), (0.5, 20.0))
]


def variants(name: str) -> list[Strategy]:
    """The strategy as filed, with every number at its low and at its high end."""
    parameters = REGISTRY.parameters(name)
    ends: list[dict[str, Value]] = [{}]
    for end in ("low", "high"):
        bounds = {each.name: getattr(each, end) for each in parameters}
        ends.append({key: bound for key, bound in bounds.items() if bound is not None})
    return [REGISTRY.build(name, "TESTUSDT", settings) for settings in ends]


def assert_same(found: Entries, expected: Entries) -> None:
    for column in fields(Entries):
        one, other = getattr(found, column.name), getattr(expected, column.name)
        assert one.dtype == other.dtype, column.name
        np.testing.assert_array_equal(one, other, err_msg=column.name)


def assert_agree(strategy: Strategy, frame: Frame) -> int:
    """Answers how many entries there are."""
    columns = strategy.prepare_history(frame)
    for name, column in strategy.prepare(frame).items():
        np.testing.assert_array_equal(columns[name].view(np.int64), column.view(np.int64), err_msg=name)
    expected = Strategy.entries(strategy, frame, columns)
    assert_same(strategy.entries(frame, columns), expected)
    assert_same(strategy.family(frame)(strategy), expected)
    return len(expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_every_strategy_on_random_markets(name: str, seed: int) -> None:
    for strategy in variants(name):
        frame = random_frame(seed, 1_500, bar_ms=timeframe_ms(strategy.timeframe))
        assert_agree(strategy, frame)


@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_on_real_candles(name: str, symbol: str) -> None:
    strategy = REGISTRY.build(name, symbol)
    whole = real_frame(symbol, strategy.timeframe)
    frame = cut(whole, 20_000)
    assert assert_agree(strategy, frame) > 0


def cut(frame: Frame, bars: int) -> Frame:
    columns = {
        name: getattr(frame, name)[:bars] for name in ("open_at_ms", "open", "high", "low", "close", "volume")
    }
    return replace(frame, **columns)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bars", [0, 1, 99, 499, 500, 501, 700])
def test_short_and_flat_markets(name: str, bars: int) -> None:
    for strategy in variants(name):
        assert_agree(strategy, flat_frame(bars, bar_ms=timeframe_ms(strategy.timeframe)))


def test_no_signal_before_the_warm_up() -> None:
    frame = random_frame(5, 3_000)
    loose = REGISTRY.build("composite", "TESTUSDT", COMPOSITE[0])
    rows = loose.entries(frame, loose.prepare_history(frame)).row
    assert rows[0] >= loose.warmup_bars - 1
    assert np.abs(np.diff(rows)).min() >= 1


def test_a_family_answers_for_each_member() -> None:
    frame = random_frame(11, 4_000)
    members = [REGISTRY.build("composite", "TESTUSDT", one) for one in COMPOSITE]
    asked, columns = members[0].family(frame), members[0].prepare(frame)
    counts = set()
    for member in members:
        expected = Strategy.entries(member, frame, columns)
        assert_same(asked(member), expected)
        counts.add(len(expected))
    assert len(counts) > 5


def test_columns_that_are_not_numbers_vote_for_nothing() -> None:
    """Every column in turn NaN on every third bar; both ways agree on what is left."""
    frame = random_frame(3, 1_200)
    strategy = REGISTRY.build("composite", "TESTUSDT", COMPOSITE[0])
    whole = strategy.prepare(frame)
    for name in whole:
        broken = {key: column.copy() for key, column in whole.items()}
        broken[name][::3] = np.nan
        assert_same(strategy.entries(frame, broken), Strategy.entries(strategy, frame, broken))


def test_columns_that_may_not_be_written_to_or_are_views() -> None:
    frame = random_frame(8, 1_000)
    strategy = REGISTRY.build("composite", "TESTUSDT", COMPOSITE[0])
    expected = strategy.entries(frame, strategy.prepare(frame))
    wide = np.column_stack([frame.open, frame.high, frame.low, frame.close, frame.volume])
    wide.flags.writeable = False
    view = frame_of(*wide.T)
    view = replace(
        view, **{name: wide[:, i] for i, name in enumerate(("open", "high", "low", "close", "volume"))}
    )
    found = strategy.entries(view, strategy.prepare(frame))
    assert_same(found, expected)
