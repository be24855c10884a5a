"""Models in the running house: scored live as in training to the last bit, switched from the chat, swapped at a bar."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import model_kit
import numpy as np
import pytest
from model_house import BARS, HISTORY, NAMES, install
from whole_house import said, walk, whole_house

from bot.domain.decision import Decision
from bot.ml.align import Sources
from bot.ml.compute import history_matrix
from bot.ml.files import MODEL_FILE
from bot.ml.registry import feature_set
from bot.strategy import Array

XRP, BTC = walk(1, "XRPUSDT", BARS), walk(2, "BTCUSDT", BARS)
FRAMES = (XRP, BTC)


def as_in_training(seed: int) -> Array:
    """Score of every bar of the history, were there a long of strength 3 on each."""
    sources = Sources(XRP, btc=BTC, strength=np.full(BARS, 3.0), side=np.ones(BARS))
    return np.asarray(
        model_kit.knowing_nothing(seed, len(NAMES)).predict(history_matrix(feature_set(NAMES), sources))
    )


def scored(decisions: Sequence[Decision]) -> dict[int, float | None]:
    """Scores of XRPUSDT by the row of their bar."""
    first = XRP.open_at_ms.item(0) + XRP.timeframe_ms
    mine = (one for one in decisions if one.signal.symbol == "XRPUSDT")
    return {(one.signal.bar_at_ms - first) // XRP.timeframe_ms: one.model_score for one in mine}


async def test_live_scores_are_those_of_training_also_over_a_restart(tmp_path: Path) -> None:
    install(tmp_path, 1)
    async with whole_house(tmp_path, FRAMES, history=HISTORY) as desk:
        assert "on" in await said(desk, "/ml_on XRP", "Confirm")
        await desk.bars(12)
    async with whole_house(tmp_path, FRAMES, history=HISTORY + 12) as desk:
        await desk.bars(12)
        found = scored(await desk.house.desk.decisions(200))
    expected = as_in_training(1)
    assert len(found) >= 20
    assert found == {row: expected.item(row) for row in found}


async def test_a_score_below_refuses_and_why_names_what_moved_it(tmp_path: Path) -> None:
    install(tmp_path, 1)
    async with whole_house(tmp_path, FRAMES, "ml: {evolution_outcomes: 0}\n", history=HISTORY) as desk:
        await said(desk, "/ml_on XRP", "Confirm", "/ml_threshold XRP 0.99", "Confirm")
        await desk.bars(3)
        assert [one.refused_by for one in await desk.house.desk.decisions(10) if one.signal.symbol == "XRPUSDT"] == [
            "model"
        ] * 3  # fmt: skip
        why = await said(desk, "/why XRP")
    assert "refused by model (score 0." in why
    assert "moved by" in why
    assert any(name in why for name in NAMES)


async def test_without_a_model_signals_pass_and_nothing_can_be_switched(tmp_path: Path) -> None:
    async with whole_house(
        tmp_path, FRAMES, "ml: {mode: on, evolution_outcomes: 0}\n", history=HISTORY
    ) as desk:
        await desk.bars(2)
        found = await desk.house.desk.decisions(10)
        assert {gate.figures for one in found for gate in one.gates if gate.gate == "model"} == {"no model"}
        assert "no model is installed" in await said(desk, "/ml_on XRP")


async def test_a_new_version_counts_from_the_next_bar_and_a_broken_one_never(tmp_path: Path) -> None:
    install(tmp_path, 1)
    first, second = as_in_training(1), as_in_training(2)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY) as desk:
        await desk.bars(2)
        version = install(tmp_path, 2)
        told = await desk.bars(2)
        assert f"Model metronome/XRPUSDT: {version} is in use now instead of v0001" in told
        third = install(tmp_path, 3)
        broken = tmp_path / "models" / "metronome" / "XRPUSDT" / third / MODEL_FILE["lightgbm"]
        broken.write_bytes(broken.read_bytes()[:500])
        told = await desk.bars(3)
        assert told.count(f"{third} cannot be used, {version} stays in use") == 1
        found = scored(await desk.house.desk.decisions(200))
        listed = await said(desk, "/ml")
    rows = sorted(found)
    assert [found[row] for row in rows] == [first[row] for row in rows[:2]] + [
        second[row] for row in rows[2:]
    ]
    assert "XRPUSDT" in listed


async def test_a_new_version_is_told_at_the_next_bar_also_where_no_signal_asks(tmp_path: Path) -> None:
    install(tmp_path, 1)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: off}\n", history=HISTORY) as desk:
        assert "v0001 is in use now" in await desk.bars()
        news = f"Model metronome/XRPUSDT: {install(tmp_path, 2)} is in use now instead of v0001"
        await asyncio.sleep(0.1)
        await desk.carry()
        assert news not in desk.screen.getvalue(), "no bar has closed"
        await desk.bars()
        async with asyncio.timeout(60):
            while news not in desk.screen.getvalue():
                await asyncio.sleep(0.01)
                await desk.house.settled()
                await desk.carry()


@pytest.mark.parametrize("on_error,refused", [("block", "model"), ("pass", "")])
async def test_a_model_that_never_loads_blocks_or_passes_and_is_told_once(
    tmp_path: Path, on_error: str, refused: str
) -> None:
    version = install(tmp_path, 1)
    card = tmp_path / "models" / "metronome" / "XRPUSDT" / version / "card.json"
    card.write_text("{}")
    config = f"ml: {{mode: on, on_error: {on_error}}}\nlimits: {{max_trades_per_day: 0}}\n"
    async with whole_house(tmp_path, FRAMES, config, history=HISTORY) as desk:
        told = await desk.bars(3)
        found = [one for one in await desk.house.desk.decisions(10) if one.signal.symbol == "XRPUSDT"]
    assert found[-1].refused_by == refused
    assert told.count("its model gives no score") == 1


async def test_what_a_short_window_would_score_otherwise_than_training_is_not_scored(tmp_path: Path) -> None:
    """Of 400 bars that are kept no feature remembers as much as in training: said, and not passed over in silence."""
    install(tmp_path, 1)
    config = "buffers: {bars: 400}\nml: {mode: on}\n"
    async with whole_house(tmp_path, FRAMES, config, history=HISTORY) as desk:
        told = await desk.bars(3)
        found = [one for one in await desk.house.desk.decisions(10) if one.signal.symbol == "XRPUSDT"]
    assert {one.model_score for one in found} == {None}
    assert {one.refused_by for one in found} == {"model"}
    assert told.count("buffers.bars keeps fewer candles than its features remember") == 1


async def test_a_running_house_scores_on_when_its_models_are_gone(tmp_path: Path) -> None:
    install(tmp_path, 1)
    models, away, expected = tmp_path / "models", tmp_path / "away", as_in_training(1)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY) as desk:
        await desk.bars(2)
        models.rename(away)
        await desk.bars(3)
        await desk.bars(1)
        found = scored(await desk.house.desk.decisions(200))
        away.rename(models)
        await desk.bars(1)
    assert len(found) == 6
    assert found == {row: expected.item(row) for row in found}
    lines = desk.screen.getvalue()
    assert lines.count("The folder of models cannot be read, 1 model in use stay so") == 1
