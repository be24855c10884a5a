"""Clusters in the running house: live rows are training rows to the last bit over regroupings; who else follows."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from model_house import BARS, HISTORY, put
from whole_house import BAR_MS, START_MS, Desk, said, walk, whole_house

from bot.ml import grouping as groupings
from bot.ml.align import Sources
from bot.ml.compute import history_matrix
from bot.ml.feature import FeatureSet
from bot.ml.grouping import (
    FOLDER,
    Cluster,
    Grouping,
    Measures,
    Member,
    keep_grouping,
    kept_groupings,
    outside_of,
)
from bot.ml.phantom import Followed
from bot.ml.registry import FEATURES, feature_set
from bot.strategy import Array, Frame

NAMES = (
    "rsi", "cluster_0", "cluster_1", "cluster_2", "volatility_in_cluster", "volume_in_cluster", "btc_correlation",
    "signal_strength", "side",
)  # fmt: skip


def market_of(seed: int, symbol: str) -> Frame:
    """With volumes of its own."""
    return replace(walk(seed, symbol, BARS), volume=np.random.default_rng(seed).lognormal(5, 1, BARS))


XRP, BTC = market_of(1, "XRPUSDT"), market_of(2, "BTCUSDT")
FRAMES = (XRP, BTC)
MEASURES = (
    Measures(0.0037, 1e8, 0.91, 1.1, 0.2, 0.0, 1.03),
    Measures(0.0081, 1e7, 0.63, 1.6, 0.2, 0.0, 1.11),
    Measures(0.0212, 1e6, None, None, 0.3, 0.001, 1.27),
)


def close_ms(bar: int) -> int:
    return START_MS + (bar + 1) * BAR_MS


def grouping(at_ms: int, **numbers: int) -> Grouping:
    """Each symbol in its cluster, of three; those that nobody else is in have others."""
    placed = {"ADAUSDT": 0, "BNBUSDT": 1, "SOLUSDT": 2} | numbers
    members = tuple(Member(name, number, MEASURES[number]) for name, number in sorted(placed.items()))
    clusters = tuple(
        Cluster(number, tuple(one.symbol for one in members if one.cluster == number), measures, "calm")
        for number, measures in enumerate(MEASURES)
    )
    return Grouping(at_ms, 30, BAR_MS, 3, 0.4, clusters, members)


def group(home: Path, at_ms: int, **numbers: int) -> None:
    keep_grouping(home / "models", grouping(at_ms, **numbers))


def trained(seed: int) -> lightgbm.Booster:
    """A small model of these features that looks at all of them."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(600, len(NAMES)))
    rows[:, 1:4] = chance.integers(0, 2, (600, 3))
    rows[:, 4:7] = np.abs(rows[:, 4:7])
    rows[chance.random(rows.shape) < 0.1] = np.nan
    known = np.nan_to_num(rows)
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 31, "seed": seed}
    return lightgbm.train(parameters, lightgbm.Dataset(rows, known.sum(axis=1) > 1.5), 30)


def install(home: Path, seed: int, symbol: str = "XRPUSDT") -> None:
    put(home, NAMES, trained(seed), symbol)


def sources(home: Path) -> Sources:
    """As training has them, were there a long of strength 3 on every bar."""
    told = outside_of(kept_groupings(home / "models"), "XRPUSDT", XRP.open_at_ms + BAR_MS)
    return Sources(XRP, btc=BTC, strength=np.full(BARS, 3.0), side=np.ones(BARS), outside=told)


def as_in_training(home: Path, seed: int) -> Array:
    return np.asarray(trained(seed).predict(history_matrix(feature_set(NAMES), sources(home))))


async def scores(desk: Desk) -> dict[int, float | None]:
    decisions = await desk.house.desk.decisions(200)
    mine = (one for one in decisions if one.signal.symbol == "XRPUSDT")
    return {(one.signal.bar_at_ms - close_ms(0)) // BAR_MS: one.model_score for one in mine}


async def until(desk: Desk, there: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not there():
            await asyncio.sleep(0.01)
            await desk.house.settled()


async def test_live_scores_are_those_of_training_over_regroupings_and_a_restart(tmp_path: Path) -> None:
    """None at first, two while it runs, one while the house is down, one without the symbol."""
    install(tmp_path, 1)
    async with whole_house(tmp_path, FRAMES, history=HISTORY) as desk:
        await said(desk, "/ml_on XRP", "Confirm")
        await desk.bars(5)
        group(tmp_path, close_ms(HISTORY + 5), XRPUSDT=1)
        await desk.bars(6)
        group(tmp_path, close_ms(HISTORY + 11), XRPUSDT=2)
        await desk.bars(3)
    group(tmp_path, close_ms(HISTORY + 16), XRPUSDT=0)
    async with whole_house(tmp_path, FRAMES, history=HISTORY + 14) as desk:
        await desk.bars(8)
        group(tmp_path, close_ms(HISTORY + 23), BTCUSDT=0)
        await desk.bars(6)
        found = await scores(desk)
    expected = as_in_training(tmp_path, 1)
    assert len(found) >= 24
    assert found == {row: expected.item(row) for row in found}
    told = [sources(tmp_path).outside["cluster"][row] for row in sorted(found)]
    assert len(set(np.nan_to_num(told, nan=-1.0).tolist())) == 4, "every grouping was lived"


async def test_a_house_reads_a_grouping_once_for_all_who_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores are told of it, and the engine takes it into use."""
    seen, real = Counter[str](), groupings.read_grouping

    def read(path: Path) -> Grouping:
        seen[path.name] += 1
        return real(path)

    monkeypatch.setattr(groupings, "read_grouping", read)
    install(tmp_path, 1)
    group(tmp_path, close_ms(HISTORY), XRPUSDT=2)
    async with whole_house(tmp_path, FRAMES, history=HISTORY) as desk:
        await said(desk, "/ml_on XRP", "Confirm")
        await desk.bars(3)
        group(tmp_path, close_ms(HISTORY + 4), XRPUSDT=1)
        await desk.bars(4)
        await until(desk, lambda: desk.house.engine.state.clusters.get("XRPUSDT") == 1)
        assert len(await scores(desk)) >= 6
    assert list(seen.values()) == [1, 1]


async def vectors(desk: Desk) -> Sequence[Followed]:
    house = desk.house
    assert house.follower is not None
    await house.follower.catch_up()
    store = house.database.phantoms(house.plan.account)
    return [*(await store.finished()), *(Followed(one) for one in await store.waiting())]


async def test_phantoms_keep_the_rows_of_training(tmp_path: Path) -> None:
    group(tmp_path, close_ms(HISTORY + 1), XRPUSDT=1)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY) as desk:
        await desk.bars(4)
        group(tmp_path, close_ms(HISTORY + 4), XRPUSDT=2)
        await desk.bars(4)
        found = [one.phantom for one in await vectors(desk) if one.phantom.symbol == "XRPUSDT"]
    features = FeatureSet(FEATURES)
    expected = history_matrix(features, sources(tmp_path))
    assert len(found) >= 7
    for one in found:
        row = (one.bar_at_ms - close_ms(0)) // BAR_MS
        np.testing.assert_array_equal(one.vector.values, expected[row])
    numbers = {one.vector.values[features.names.index("cluster_2")] for one in found}
    assert numbers >= {0.0, 1.0}


async def test_limits_and_models_follow_the_newest_grouping_and_who_moved_is_told_once(
    tmp_path: Path,
) -> None:
    install(tmp_path, 1, "_cluster-2")
    group(tmp_path, close_ms(0), XRPUSDT=1, BTCUSDT=0)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY) as desk:
        state = desk.house.engine.state
        await until(desk, lambda: state.clusters == {"XRPUSDT": 1, "BTCUSDT": 0})
        await desk.bars(2)
        assert "Symbols are grouped: 3 clusters" in desk.screen.getvalue()
        assert "no model is installed" in await said(desk, "/ml_on XRP")
        group(tmp_path, close_ms(HISTORY + 1), XRPUSDT=2, BTCUSDT=0)
        await desk.bars()
        await until(desk, lambda: state.clusters == {"XRPUSDT": 2, "BTCUSDT": 0})
        told = await desk.bars(2)
        assert "1 in another of 3 clusters" in desk.screen.getvalue()
        assert "XRPUSDT 1 → 2" in told or "XRPUSDT 1 → 2" in desk.screen.getvalue()
        assert "_cluster-2: v0001 is in use now" in desk.screen.getvalue()
        assert any(score is not None for score in (await scores(desk)).values())
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY + 5) as desk:
        assert desk.house.engine.state.clusters == {"XRPUSDT": 2, "BTCUSDT": 0}
        await desk.bars(2)
        assert "grouped" not in desk.screen.getvalue()
        shown = await said(desk, "/clusters", "/clusters 2")
    assert "Clusters · 3" in shown
    assert "XRPUSDT" in shown
    group(tmp_path, close_ms(HISTORY + 6), XRPUSDT=0)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY + 7) as desk:
        await until(desk, lambda: desk.house.engine.state.clusters == {"XRPUSDT": 0})
        assert "BTCUSDT 0 → none, XRPUSDT 2 → 0" in await desk.bars()


async def test_one_dated_in_the_future_waits_for_its_time(tmp_path: Path) -> None:
    """Made while the clock was wrong: those of today must not stand behind it for a year."""
    group(tmp_path, close_ms(HISTORY + 10), XRPUSDT=2)
    group(tmp_path, close_ms(0), XRPUSDT=1)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY) as desk:
        state = desk.house.engine.state
        await until(desk, lambda: state.clusters == {"XRPUSDT": 1})
        group(tmp_path, close_ms(HISTORY - 1), XRPUSDT=0)
        await desk.bars()
        await until(desk, lambda: state.clusters == {"XRPUSDT": 0})
        await desk.bars(9)
        assert state.clusters == {"XRPUSDT": 0}
        await desk.bars(2)
        await until(desk, lambda: state.clusters == {"XRPUSDT": 2})


async def test_symbols_of_one_cluster_are_limited_together(tmp_path: Path) -> None:
    group(tmp_path, close_ms(0), XRPUSDT=1, BTCUSDT=1)
    async with whole_house(tmp_path, FRAMES, "limits: {max_same_cluster: 1}\n", history=HISTORY) as desk:
        await until(desk, lambda: len(desk.house.engine.state.clusters) == 2)
        await desk.bars(3)
        refused = {one.refused_by for one in await desk.house.desk.decisions(20)}
        assert "same cluster" in refused
        assert len(desk.house.desk.status().positions) == 1
        group(tmp_path, close_ms(HISTORY + 3), XRPUSDT=1, BTCUSDT=2)
        await desk.bars(1)
        await until(desk, lambda: desk.house.engine.state.clusters["BTCUSDT"] == 2)
        await desk.bars(2)
        assert len(desk.house.desk.status().positions) == 2


@pytest.mark.parametrize("broken", ["gone", "unreadable", "a file", "broken newest"])
async def test_a_folder_that_cannot_be_read_leaves_what_is_known(broken: str, tmp_path: Path) -> None:
    group(tmp_path, close_ms(0), XRPUSDT=1)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY) as desk:
        await until(desk, lambda: desk.house.engine.state.clusters == {"XRPUSDT": 1})
        folder = tmp_path / "models" / FOLDER
        if broken == "broken newest":
            (folder / "20380101T000000.json").write_text("{")
        else:
            folder.rename(tmp_path / "elsewhere")
        if broken == "a file":
            folder.write_text("")
        if broken == "unreadable":
            folder.symlink_to(tmp_path / "nowhere")
        await desk.bars(3)
        assert desk.house.engine.state.clusters == {"XRPUSDT": 1}
        assert desk.house.is_alive
        assert "Clusters" in await said(desk, "/clusters")
