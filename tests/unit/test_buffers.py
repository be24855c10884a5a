"""Candle buffers: a window that slides without copying, refuses what cannot be next, and counts its gaps."""

from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import BAR_MS, START_MS, candles, random_frame, rows

from bot.domain.market import Candle
from bot.market.buffers import CandleBuffer
from bot.strategy import Frame


def candle(number: int, close: float = 100.0) -> Candle:
    return Candle(
        "TESTUSDT", START_MS + number * BAR_MS, 100.0, max(100.0, close), min(100.0, close), close, 5.0
    )


def buffer(capacity: int = 1000) -> CandleBuffer:
    return CandleBuffer("TESTUSDT", BAR_MS, capacity)


def filled(bars: int, capacity: int = 1000) -> CandleBuffer:
    made = buffer(capacity)
    assert all(made.append(each) for each in candles(random_frame(1, bars)))
    return made


def assert_frames_equal(one: Frame, other: Frame) -> None:
    assert (one.symbol, one.timeframe_ms) == (other.symbol, other.timeframe_ms)
    for name in ("open_at_ms", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_empty_buffer_gives_an_empty_frame() -> None:
    empty = buffer()
    assert (len(empty), empty.last_open_at_ms, empty.missing, len(empty.frame())) == (0, None, 0, 0)


@pytest.mark.parametrize("bars", [1, 999, 1000, 1001, 1999, 2000, 2001, 2999, 3000, 3001, 5432])
def test_window_is_the_last_bars(bars: int) -> None:
    whole = random_frame(1, bars)
    assert_frames_equal(filled(bars).frame(), rows(whole, max(0, bars - 1000), bars))


@pytest.mark.parametrize("capacity", [1, 2, 3, 7])
def test_small_windows_slide_as_well(capacity: int) -> None:
    sliding, whole = buffer(capacity), random_frame(1, 50)
    for number, each in enumerate(candles(whole), start=1):
        assert sliding.append(each)
        assert_frames_equal(sliding.frame(), rows(whole, max(0, number - capacity), number))


def test_columns_are_contiguous_float64_views() -> None:
    window = filled(1500)
    first, second = window.frame(), window.frame()
    for name in ("open", "high", "low", "close", "volume"):
        column = getattr(first, name)
        assert column.flags.c_contiguous
        assert column.dtype == np.float64
        assert np.shares_memory(column, getattr(second, name))
    assert first.open_at_ms.dtype == np.int64


def test_a_frame_never_changes_under_its_reader() -> None:
    window, market = buffer(10), candles(random_frame(1, 200))
    seen: list[tuple[Frame, Frame]] = []
    for each in market:
        window.append(each)
        seen.append((window.frame(), rows(window.frame(), 0, 10)))
    for shown, copy in seen:
        assert_frames_equal(shown, copy)


def test_columns_move_once_per_capacity() -> None:
    window, market = buffer(100), candles(random_frame(1, 1000))
    homes = set()
    for each in market:
        window.append(each)
        homes.add(id(window.frame().close.base))
    assert len(homes) <= 10


@pytest.mark.parametrize(
    "wrong",
    [
        candle(9),
        candle(8),
        candle(0),
        replace(candle(10), open_at_ms=START_MS + 9 * BAR_MS + 1),
        replace(candle(10), symbol="OTHERUSDT"),
        replace(candle(10), close=float("nan")),
        replace(candle(10), high=float("inf")),
        replace(candle(10), volume=-1.0),
        replace(candle(10), volume=float("nan")),
        replace(candle(10), low=0.0),
        replace(candle(10), low=101.0),
        replace(candle(10), close=-5.0),
    ],
    ids=[
        "duplicate",
        "older",
        "much older",
        "off the grid",
        "other symbol",
        "NaN",
        "infinite",
        "negative volume",
        "NaN volume",
        "zero price",
        "low above close",
        "negative price",
    ],
)
def test_what_cannot_be_next_is_refused_and_changes_nothing(wrong: Candle) -> None:
    window = filled(10)
    before = rows(window.frame(), 0, 10)
    assert window.append(wrong) is False
    assert_frames_equal(window.frame(), before)
    assert window.append(candle(10))


def test_gap_is_counted_until_it_leaves_the_window() -> None:
    window = buffer(5)
    for number in (0, 1, 5, 6):
        assert window.append(candle(number))
    assert window.missing == 3
    window.append(candle(8))
    assert window.missing == 4
    for number in (9, 10):
        window.append(candle(number))
    assert window.missing == 1
    for number in (11, 12):
        window.append(candle(number))
    assert window.missing == 0


def test_preload_takes_the_last_bars() -> None:
    window, history = buffer(100), random_frame(1, 250)
    assert window.preload(history) == 100
    assert_frames_equal(window.frame(), rows(history, 150, 250))
    assert window.last_open_at_ms == int(history.open_at_ms[-1])
    assert window.append(candle(250))


def test_preload_keeps_newer_bars_that_came_meanwhile() -> None:
    history = random_frame(1, 60)
    window = buffer(40)
    for each in candles(history)[50:]:
        window.append(each)
    assert window.preload(rows(history, 0, 52)) == 40
    assert_frames_equal(window.frame(), rows(history, 20, 60))


def test_preload_drops_rows_append_would_refuse() -> None:
    history = random_frame(1, 12)
    history.close[3] = np.nan
    history.volume[4] = -1.0
    history.high[5] = np.inf
    history.low[6] = 0.0
    history.open_at_ms[7] = history.open_at_ms[2]
    history.open_at_ms[8] += 17
    one, other = buffer(), buffer()
    assert one.preload(history) == 6
    for each in candles(history):
        other.append(each)
    assert_frames_equal(one.frame(), other.frame())
    assert one.missing == 6


def test_preload_of_nothing_useful_leaves_an_empty_buffer() -> None:
    window, history = buffer(), random_frame(1, 5)
    history.close[:] = np.nan
    assert window.preload(history) == 0
    assert window.preload(rows(history, 0, 0)) == 0
    assert window.append(candle(0))


@pytest.mark.parametrize("change", [{"symbol": "OTHERUSDT"}, {"timeframe_ms": 60_000}])
def test_preload_of_another_market_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="buffer of TESTUSDT 900000 ms cannot take"):
        filled(5).preload(replace(random_frame(1, 5), **change))


def test_preload_does_not_hold_on_to_the_history() -> None:
    window, history = buffer(10), random_frame(1, 20)
    window.preload(history)
    history.close[:] = 1.0
    assert window.frame().close.min() > 50.0


@pytest.mark.parametrize("arguments", [(BAR_MS, 0), (0, 10), (BAR_MS, -1)])
def test_senseless_sizes_are_refused(arguments: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        CandleBuffer("TESTUSDT", *arguments)


@given(
    st.integers(min_value=1, max_value=12),
    st.lists(st.integers(min_value=-3, max_value=4), max_size=120),
)
@settings(deadline=None)
def test_buffer_agrees_with_a_plain_queue(capacity: int, steps: list[int]) -> None:
    window, plain, last = buffer(capacity), deque[Candle](maxlen=capacity), -1
    for count, step in enumerate(steps):
        number = last + step
        each = candle(number, close=100.0 + count)
        taken = not plain or step > 0
        assert window.append(each) is taken
        if taken:
            plain.append(each)
            last = number
    assert candles(window.frame()) == list(plain)
    if plain:
        span_ms = plain[-1].open_at_ms - plain[0].open_at_ms
        assert window.missing == span_ms // BAR_MS + 1 - len(plain)
