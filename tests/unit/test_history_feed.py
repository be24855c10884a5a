"""Candles from files played back as a feed."""

import os
from pathlib import Path

import numpy as np
import pytest

from bot.domain.market import MINUTE_MS
from bot.strategy import Frame
from bot.venues.feed import CandleFeed
from research.history import History, HistoryFeed, HistoryReport, read_candles

BAR_MS = 15 * MINUTE_MS
START_MS = 1_700_000_100_000
REAL = Path(
    os.environ.get("QUARTERDECK_REAL_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data"
)


def frame(symbol: str, bars: list[int]) -> Frame:
    times = START_MS + BAR_MS * np.array(bars, dtype=np.int64)
    close = 100.0 + np.array(bars, dtype=np.float64)
    return Frame(symbol, BAR_MS, times, close - 1, close + 2, close - 2, close, close * 10)


def feed_of(**bars: list[int]) -> HistoryFeed:
    frames = {symbol: frame(symbol, places) for symbol, places in bars.items()}
    return HistoryFeed(History("15m", frames, HistoryReport()))


def test_it_is_a_candle_feed() -> None:
    feed: CandleFeed = feed_of(AUSDT=[0, 1, 2], BUSDT=[1, 2, 3])
    assert feed.symbols == ("AUSDT", "BUSDT")
    assert feed.timeframe == "15m"
    assert feed.first_open_at_ms == START_MS


def test_symbols_begin_and_end_when_they_do() -> None:
    feed = feed_of(AUSDT=[0, 1, 2], BUSDT=[1, 2, 3])
    traded = [[candle.symbol for candle in feed.bar(START_MS + i * BAR_MS)] for i in range(-1, 5)]
    assert traded == [[], ["AUSDT"], ["AUSDT", "BUSDT"], ["AUSDT", "BUSDT"], ["BUSDT"], []]
    assert feed.last_open_at_ms == START_MS + 3 * BAR_MS


def test_holes_are_left_out() -> None:
    feed = feed_of(AUSDT=[0, 1, 4], BUSDT=[0, 1, 2])
    assert [candle.symbol for candle in feed.bar(START_MS + 2 * BAR_MS)] == ["BUSDT"]
    assert feed.bar(START_MS + 3 * BAR_MS) == ()
    assert [candle.close for candle in feed.bar(START_MS + 4 * BAR_MS)] == [104.0]


def test_a_candle_is_made_of_plain_figures() -> None:
    (candle,) = feed_of(AUSDT=[0, 1]).bar(START_MS + BAR_MS)
    assert (candle.open, candle.high, candle.low, candle.close) == (100.0, 103.0, 99.0, 101.0)
    assert (candle.open_at_ms, candle.volume) == (START_MS + BAR_MS, 1010.0)
    assert {type(candle.open_at_ms), type(candle.close)} == {int, float}


def test_between_bars_there_is_nothing() -> None:
    assert feed_of(AUSDT=[0, 1]).bar(START_MS + 1) == ()


@pytest.mark.parametrize(
    "last, bars, expected",
    [(4, 2, [1, 4]), (4, 99, [0, 1, 4]), (3, 2, [0, 1]), (1, 1, [1]), (9, 1, [4]), (-1, 5, []), (4, 0, [])],
)
def test_windows_end_with_the_last_candle_not_later(last: int, bars: int, expected: list[int]) -> None:
    window = feed_of(AUSDT=[0, 1, 4]).window("AUSDT", START_MS + last * BAR_MS, bars)
    assert ((window.open_at_ms - START_MS) // BAR_MS).tolist() == expected
    assert window.close.tolist() == [100.0 + bar for bar in expected]


def test_funding_is_known_where_given() -> None:
    history = History("15m", {"AUSDT": frame("AUSDT", [0, 1])}, HistoryReport())
    feed = HistoryFeed(history, {"AUSDT": {START_MS: 0.0001}})
    assert feed.funding_rate("AUSDT", START_MS) == 0.0001
    assert np.isnan(feed.funding_rate("AUSDT", START_MS + 1))
    assert np.isnan(feed.funding_rate("BUSDT", START_MS))


@pytest.mark.skipif(
    not (REAL / "candles").is_dir(), reason="no real candles in the folder QUARTERDECK_REAL_DATA names"
)
@pytest.mark.parametrize(
    "folder, symbols, bars",
    [("15m", 8, 70_176), ("1h", 3, 26_304), ("1m", 9, 43_198), ("scale-15m", 300, 2_016)],
)
def test_real_candles_are_read_whole_and_without_a_note(folder: str, symbols: int, bars: int) -> None:
    history = read_candles([REAL / "candles" / folder])
    assert history.report.lines == ()
    assert len(history.frames) == symbols
    assert {len(frame) for frame in history.frames.values()} == {bars}
    assert history.timeframe == folder.removeprefix("scale-")
    feed = HistoryFeed(history)
    middle = feed.first_open_at_ms + bars // 2 * next(iter(history.frames.values())).timeframe_ms
    assert len(feed.bar(middle)) == symbols
