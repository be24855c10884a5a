"""Symbols made so that they fall into groups are found in them; measures of markets whose figures are known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.domain.market import DAY_MS, HOUR_MS
from bot.ml.grouping import Measures, keep_grouping, read_grouping
from bot.strategy import Array, Frame
from research.learning import clustering
from research.learning.clustering import (
    DAYS,
    Asked,
    Ungrouped,
    behaviour,
    best_labels,
    grouped,
    measures_of,
    standardised,
)

BAR_MS = 900_000
BARS = DAYS * DAY_MS // BAR_MS
FIRST_MS = 1_699_920_000_000
END_MS = FIRST_MS + BARS * BAR_MS


def frame(symbol: str, returns: Array, volume: float = 1000.0, wick: float = 0.0005) -> Frame:
    bars = len(returns)
    close = 100.0 * np.exp(np.cumsum(returns))
    opened = np.append(100.0, close[:-1])
    high, low = np.maximum(opened, close) * (1 + wick), np.minimum(opened, close) * (1 - wick)
    times = FIRST_MS + BAR_MS * np.arange(bars, dtype=np.int64)
    return Frame(symbol, BAR_MS, times, opened, high, low, close, np.full(bars, volume) / close)


def market() -> dict[str, Frame]:
    """BTC, and three groups of four that differ in every measure."""
    lots = np.random.default_rng(7)
    btc = lots.normal(0, 0.002, BARS)
    days = np.repeat(np.tile([1.0, -1.0], DAYS // 2), DAY_MS // BAR_MS)
    found = {"BTCUSDT": frame("BTCUSDT", btc, 1e6)}
    for group in range(3):
        for place in range(4):
            name, own = f"G{group}N{place}USDT", lots.normal(0, 0.002 * 2**group, BARS)
            returns = btc * (2 - group) + own + 0.002 * group * days
            found[name] = frame(name, returns, 1e5 / 20**group, 0.0005 * 3**group)
    return found


def asked(frames: dict[str, Frame], **changes: object) -> Asked:
    return replace(Asked(frames, frames.get("BTCUSDT"), END_MS), **changes)  # type: ignore[arg-type]


def test_groups_that_were_made_are_found_the_calmest_first() -> None:
    found = grouped(asked(market())).grouping
    numbers = found.numbers()
    for group in range(3):
        assert len({numbers[f"G{group}N{place}USDT"] for place in range(4)}) == 1
    volatility = [cluster.volatility for cluster in found.clusters]
    assert volatility == sorted(volatility)
    assert numbers["G0N0USDT"] < numbers["G2N0USDT"]
    assert found.silhouette > 0.5
    assert (found.at_ms, found.days, found.timeframe_ms) == (END_MS, DAYS, BAR_MS)


def test_what_is_found_hangs_neither_on_the_order_of_symbols_nor_on_chance() -> None:
    frames = market()
    backwards = dict(reversed(frames.items()))
    assert grouped(asked(frames)) == grouped(asked(backwards)) == grouped(asked(frames))


def test_what_is_found_can_be_kept_and_read_to_the_last_bit(tmp_path: Path) -> None:
    found = grouped(asked(market())).grouping
    path = keep_grouping(tmp_path, found)
    assert read_grouping(path) == found
    assert json.loads(path.read_bytes())["k"] == found.k


def test_nothing_after_the_moment_counts() -> None:
    frames = market()
    later = {
        name: Frame(
            name,
            BAR_MS,
            np.append(one.open_at_ms, END_MS - BAR_MS + BAR_MS * np.arange(1, 97)),
            *(
                np.append(getattr(one, key), np.full(96, 5000.0))
                for key in ("open", "high", "low", "close", "volume")
            ),
        )
        for name, one in frames.items()
    }
    assert grouped(asked(later, leader=later["BTCUSDT"])) == grouped(asked(frames))
    in_the_bar = grouped(asked(later, leader=later["BTCUSDT"], to_ms=END_MS + 1)).grouping
    assert (
        in_the_bar.at_ms == END_MS + BAR_MS
    )  # the bar under way is not known, and is told of the one before
    assert in_the_bar.members[0].measures.volume == pytest.approx(
        grouped(asked(frames, to_ms=END_MS + 1)).grouping.members[0].measures.volume
    )


def test_symbols_with_too_few_candles_are_left_out_and_said() -> None:
    frames = market()
    young, old = frames["G0N0USDT"].part(BARS // 2), frames["G1N1USDT"].part(0, BARS - 200)
    found = grouped(asked({**frames, "G0N0USDT": young, "G1N1USDT": old}))
    assert found.left_out == ("G0N0USDT", "G1N1USDT")
    assert found.grouping.numbers().get("G0N0USDT") is None
    assert len(found.grouping.members) == 11


def test_fewer_than_six_are_not_grouped() -> None:
    frames = dict(list(market().items())[:5])
    with pytest.raises(Ungrouped, match="5 of 5 symbols have the candles of 30 days; at least 6"):
        grouped(asked(frames))


def test_symbols_that_are_all_alike_are_not_grouped() -> None:
    one = market()["BTCUSDT"]
    alike = {f"S{n}USDT": replace(one, symbol=f"S{n}USDT") for n in range(7)}
    with pytest.raises(Ungrouped, match="behave alike"):
        grouped(asked(alike))


def test_without_btc_the_other_measures_group() -> None:
    found = grouped(asked(market(), leader=None)).grouping
    assert all(one.measures.correlation is None for one in found.members)
    assert "BTC" not in " ".join(one.behaviour for one in found.clusters)
    assert len({found.numbers()[f"G2N{place}USDT"] for place in range(4)}) == 1


def test_a_market_that_stands_still_has_measures() -> None:
    flat = frame("FLATUSDT", np.zeros(BARS), 0.0)
    flat = replace(flat, high=flat.close, low=flat.close)
    leader = clustering._hours(market()["BTCUSDT"])
    assert measures_of(flat, leader) == Measures(0.0, 0.0, None, None, 0.0, 0.0, 0.0)
    assert grouped(asked({**market(), "FLATUSDT": flat})).grouping.numbers().get("FLATUSDT") is not None


def test_a_symbol_that_is_twice_btc_has_beta_two() -> None:
    btc = np.random.default_rng(3).normal(0, 0.002, BARS)
    leader, double = frame("BTCUSDT", btc), frame("XUSDT", 2 * btc, 50.0)
    found = measures_of(double, clustering._hours(leader))
    assert found.correlation == pytest.approx(1.0)
    assert found.beta == pytest.approx(2.0)
    assert found.volume == pytest.approx(50.0 * DAY_MS / BAR_MS)
    assert found.surge == pytest.approx(1.0, abs=0.01)


def test_a_straight_way_is_all_trend_and_there_and_back_is_none() -> None:
    straight = frame("UPUSDT", np.full(BARS, 0.0001))
    assert measures_of(straight, None).trend == pytest.approx(1.0)
    hourly = np.repeat([0.001, -0.001], 4)
    back = frame("ZIGUSDT", np.tile(hourly, BARS // 8))
    assert measures_of(back, None).trend < 0.06


@pytest.mark.parametrize("spread", [0.001, 0.004])
def test_a_spread_that_was_made_is_estimated(spread: float) -> None:
    """A walk in small steps whose highs are asks and whose lows are bids."""
    lots, hours, steps = np.random.default_rng(5), 720, 400
    middle = np.cumsum(lots.normal(0, 0.0002, hours * steps)).reshape(hours, steps)
    high, low = np.exp(middle.max(axis=1)) * (1 + spread / 2), np.exp(middle.min(axis=1)) * (1 - spread / 2)
    known = clustering.Hours(np.arange(hours), high, low, np.exp(middle[:, -1]), HOUR_MS)
    assert clustering.spread_of(known) == pytest.approx(spread, rel=0.2)


def test_hours_with_a_missing_bar_are_left_out() -> None:
    whole = market()["BTCUSDT"]
    rows = np.ones(BARS, bool)
    rows[401] = False
    holed = Frame(
        whole.symbol, BAR_MS, *(getattr(whole, name)[rows] for name in ("open_at_ms", *clustering_figures()))
    )
    assert len(clustering._hours(holed).number) == BARS // 4 - 1
    numbers, _ = clustering._hours(holed).returns()
    assert len(numbers) == BARS // 4 - 3


def clustering_figures() -> tuple[str, ...]:
    return ("open", "high", "low", "close", "volume")


def test_bars_longer_than_an_hour_are_grouped_too() -> None:
    frames = {}
    for name, one in market().items():
        first = np.arange(0, BARS, 16)
        frames[name] = Frame(
            name,
            4 * HOUR_MS,
            one.open_at_ms[::16],
            one.open[::16],
            np.maximum.reduceat(one.high, first),
            np.minimum.reduceat(one.low, first),
            one.close[15::16],
            np.add.reduceat(one.volume, first),
        )
    found = grouped(asked(frames)).grouping
    assert found.timeframe_ms == 4 * HOUR_MS
    assert found.numbers()["G0N0USDT"] < found.numbers()["G2N0USDT"]


def test_candles_of_two_timeframes_are_not_grouped_together() -> None:
    frames = market()
    odd = replace(frames["G0N0USDT"], timeframe_ms=BAR_MS + 1)
    with pytest.raises(Ungrouped, match="several timeframes"):
        grouped(asked({**frames, "G0N0USDT": odd}))


def test_one_odd_symbol_does_not_press_the_others_into_a_heap() -> None:
    usual = [Measures(0.005, 10.0**n, 0.8, 1.0, 0.2, 0.001, 1.0) for n in range(3, 9)]
    rows = standardised([*usual, Measures(5.0, 1.0, -0.9, 400.0, 1.0, 0.5, 9.0)])
    assert np.abs(rows).max() <= clustering.HELD


def test_more_groups_than_pay_are_not_made() -> None:
    rows = np.repeat([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]], 4, axis=0)
    labels, score = best_labels(rows + np.random.default_rng(1).normal(0, 0.01, rows.shape), 0)
    assert len(set(labels.tolist())) == 4
    assert score > 0.95


def test_words_say_how_a_cluster_differs() -> None:
    everybody = [Measures(0.005 * n, 10.0**n, 0.1 * n, 1.0, 0.1 * n, 0.001 * n, 1.0) for n in range(1, 10)]
    assert behaviour(0, 3, everybody[0], everybody) == "calm, little traded, moves by itself, choppy"
    assert behaviour(1, 3, everybody[4], everybody) == "lively, moves loosely with BTC"
    assert (
        behaviour(2, 3, everybody[8], everybody) == "wild, much traded, moves with BTC, trending, wide spread"
    )
