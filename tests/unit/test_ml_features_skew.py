"""No train-serve skew: the row a desk computes at a bar is the history's row of that bar, bit for bit."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from markets import REAL_SYMBOLS, candles, flat_frame, real_data, real_frame, rows
from ml_features_kit import (
    ALL,
    at,
    chosen,
    ends,
    everything,
    unlike,
    with_bars,
    without,
)

from bot.market.buffers import CandleBuffer
from bot.market.points import Points
from bot.ml.align import Sources
from bot.ml.compute import history_matrix, live_row, live_rows
from bot.ml.feature import FUNDING_RATE, OPEN_INTEREST, RATIO_GLOBAL, RATIO_TOP, FeatureSet
from bot.ml.registry import GROUPS, feature_set

BARS = 1_700


def gapless(sources: Sources) -> Sources:
    return sources


def no_open_interest(sources: Sources) -> Sources:
    return without(sources, OPEN_INTEREST)


def nothing_but_candles(sources: Sources) -> Sources:
    return Sources(sources.frame)


def open_interest_with_holes(sources: Sources) -> Sources:
    known = sources.points[OPEN_INTEREST]
    kept = np.random.default_rng(5).random(len(known.at_ms)) < 0.97
    kept[700:720] = False
    return replace(
        sources, points={**sources.points, OPEN_INTEREST: Points(known.at_ms[kept], known.value[kept])}
    )


def btc_with_holes(sources: Sources) -> Sources:
    kept = np.ones(BARS, dtype=np.bool_)
    kept[[300, 811, 812, 1300]] = False
    assert sources.btc is not None
    return replace(sources, btc=chosen(sources.btc, kept))


def btc_begins_late(sources: Sources) -> Sources:
    assert sources.btc is not None
    return replace(sources, btc=rows(sources.btc, 600, BARS))


def bars_missing(sources: Sources) -> Sources:
    kept = np.random.default_rng(7).random(BARS) < 0.95
    return with_bars(sources, kept)


def a_long_silence(sources: Sources) -> Sources:
    kept = np.ones(BARS, dtype=np.bool_)
    kept[600:1450] = False
    return with_bars(sources, kept)


def listed_yesterday(sources: Sources) -> Sources:
    return with_bars(sources, np.arange(BARS) >= BARS - 96)


def flat_for_days(sources: Sources) -> Sources:
    flat = flat_frame(BARS)
    return replace(sources, frame=replace(flat, symbol="TESTUSDT", open_at_ms=sources.frame.open_at_ms))


def dust(sources: Sources) -> Sources:
    frame, least = sources.frame, 1e-9
    prices = (least * column for column in (frame.open, frame.high, frame.low, frame.close))
    return replace(
        sources, frame=type(frame)(frame.symbol, frame.timeframe_ms, frame.open_at_ms, *prices, frame.volume)
    )


MARKETS = (
    gapless,
    no_open_interest,
    nothing_but_candles,
    open_interest_with_holes,
    btc_with_holes,
    btc_begins_late,
    bars_missing,
    a_long_silence,
    listed_yesterday,
    flat_for_days,
    dust,
    lambda sources: without(sources, FUNDING_RATE),
    lambda sources: without(sources, RATIO_TOP, RATIO_GLOBAL),
    lambda sources: replace(sources, eth=None, outside={}, side=None, strength=None),
)


@pytest.mark.parametrize("change", MARKETS, ids=lambda change: change.__name__)
def test_a_live_row_is_the_row_of_the_history(change: Callable[[Sources], Sources]) -> None:
    sources = change(everything(11, BARS))
    history = history_matrix(ALL, sources)
    assert history.shape == (len(sources.frame), len(ALL))
    for end in ends(sources, 25):
        assert not unlike(ALL, live_row(ALL, at(sources, end)), history[end - 1 : end]), end


def test_the_features_that_can_be_are_there() -> None:
    """Equal because all is missing would be no proof."""
    history = history_matrix(ALL, everything(11, BARS))[700:]
    known = dict(zip(ALL.names, np.isfinite(history).mean(axis=0), strict=True))
    at_signals = {one.name for one in ALL.features if "signal" in one.needs}
    assert {name for name, share in known.items() if share < 1.0} <= at_signals
    assert min(known.values()) > 0.15
    values = {
        name: len(np.unique(column[np.isfinite(column)]))
        for name, column in zip(ALL.names, history.T, strict=True)
    }
    quiet = {"level_proximity_4h", "next_level_4h"}  # this market moves too fast to come back to a level
    assert {name for name, count in values.items() if count < 2} <= quiet


@cache
def real_sources(symbol: str, begin: int, end: int) -> Sources:
    """Real candles with BTC, ETH and settled funding; open interest is known to nobody."""
    path = real_data() / "funding" / f"{symbol}-funding.parquet"
    part, btc, eth = (rows(real_frame(name), begin, end) for name in (symbol, "BTCUSDT", "ETHUSDT"))
    if not path.is_file():
        pytest.skip(f"no real funding of {symbol} in the folder QUARTERDECK_REAL_DATA names")
    table = pytest.importorskip("pyarrow.parquet").read_table(path)
    funding = Points(table["timestamp"].to_numpy().astype(np.int64), table["funding_rate"].to_numpy())
    return Sources(part, btc, eth, {FUNDING_RATE: funding})


@pytest.mark.parametrize("symbol", REAL_SYMBOLS)
def test_on_real_candles_too(symbol: str) -> None:
    sources = real_sources(symbol, 30_000, 33_000)
    history = history_matrix(ALL, sources)
    for end in ends(sources, 40, seed=3):
        assert not unlike(ALL, live_row(ALL, at(sources, end)), history[end - 1 : end]), end


def test_bar_after_bar_and_after_a_restart() -> None:
    """One buffer follows 600 real bars, another is preloaded in the middle: both give the history's rows."""
    sources = real_sources("XRPUSDT", 30_000, 33_000)
    history, bars = history_matrix(ALL, sources), sources.frame
    begin, restart, end = 1_100, 1_430, 1_700
    old, fresh = (CandleBuffer("XRPUSDT", bars.timeframe_ms) for _ in range(2))
    old.preload(rows(bars, begin - 1_000, begin))
    for row, candle in enumerate(candles(rows(bars, begin, end)), begin):
        assert old.append(candle)
        if row == restart:
            fresh.preload(rows(bars, restart - 999, restart + 1))
        elif row > restart:
            assert fresh.append(candle)
        for buffer in (old, fresh)[: 1 + (row >= restart)]:
            seen = replace(sources, frame=buffer.frame())
            assert not unlike(ALL, live_row(ALL, seen), history[row : row + 1]), row


def test_a_batch_answers_what_each_symbol_answers_alone() -> None:
    """Symbols that share BTC's bars, one with gaps, one listed yesterday, one without neighbours, one bar late."""
    one = everything(21, BARS)
    others = [replace(everything(30 + k, BARS), btc=one.btc, eth=one.eth) for k in range(45)]
    odd = [bars_missing(others[0]), listed_yesterday(others[1]), nothing_but_candles(others[2])]
    batch = [at(sources, len(sources.frame)) for sources in (one, *others, *odd)]
    batch.append(at(one, BARS - 1))
    shared = [
        replace(sources, btc=batch[0].btc, eth=batch[0].eth) if sources.btc else sources for sources in batch
    ]
    together = live_rows(ALL, shared)
    for place, sources in enumerate(shared):
        assert not unlike(ALL, together[place : place + 1], live_row(ALL, sources)), place
    for place, sources in enumerate((one, *others, *odd)):
        bars = len(sources.frame)
        assert not unlike(ALL, together[place : place + 1], history_matrix(ALL, sources)[bars - 1 : bars]), (
            place
        )


@pytest.mark.parametrize("group", GROUPS)
def test_a_part_of_the_features_gives_the_same_columns(group: str) -> None:
    sources = everything(41, BARS)
    part = feature_set([group])
    whole = dict(zip(ALL.names, history_matrix(ALL, sources).T, strict=True))
    columns = np.array([whole[name] for name in part.names]).T
    assert not unlike(part, history_matrix(part, sources), columns)
    turned = FeatureSet(part.features[::-1])
    assert not unlike(turned, history_matrix(turned, sources), columns[:, ::-1])


@settings(max_examples=40)
@given(
    some.integers(0, 10**6),
    some.integers(2, 1_900),
    some.floats(0.0, 0.3),
    some.sets(some.sampled_from(ALL.features), min_size=1, max_size=8),
)
def test_whatever_is_missing(seed: int, bars: int, lost: float, picked: set[object]) -> None:
    chance = np.random.default_rng(seed)
    features = FeatureSet(tuple(feature for feature in ALL.features if feature in picked))
    sources = everything(seed, bars)
    kept = chance.random(bars) >= lost
    kept[-1] = True
    sources = with_bars(sources, kept)
    for name, points in list(sources.points.items()):
        known = chance.random(len(points.at_ms)) >= lost
        sources = replace(
            sources, points={**sources.points, name: Points(points.at_ms[known], points.value[known])}
        )
    history = history_matrix(features, sources)
    for end in {1, len(sources.frame), *chance.integers(1, len(sources.frame) + 1, 3).tolist()}:
        assert not unlike(features, live_row(features, at(sources, end)), history[end - 1 : end]), end
