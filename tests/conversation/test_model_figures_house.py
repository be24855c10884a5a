"""Models live in a whole house: a young one only shadows, figures are those of the books, drift is told once a week."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import model_kit
import numpy as np
import pytest
from model_house import put
from whole_house import START_MS, Desk, walk, whole_house

from bot.domain.decision import Decision
from bot.ml.align import Sources
from bot.ml.card import Profile
from bot.ml.compute import history_matrix
from bot.ml.drift import drift_of, profile_of
from bot.ml.feature import Matrix
from bot.ml.phantom import Followed, Outcome, Vector
from bot.ml.registry import feature_set
from bot.runtime.clock import WallClock
from bot.runtime.phantoms import LateSignal
from bot.strategy import Array
from cli import model_figures
from cli.jobs import build_jobs
from cli.model_figures import LiveFigures, judged_of
from handlers.learning import ModelFigures, Models
from storage.phantoms import SqlPhantoms

NAMES = ("rsi", "adx", "macd_hist", "signal_strength", "side", "btc_ret_1")
HISTORY, BARS, BAR_MS = 620, 720, 900_000
NOW_MS = START_MS + HISTORY * BAR_MS
FEW = 60


XRP, BTC = walk(1, "XRPUSDT", BARS, 0.006), walk(2, "BTCUSDT", BARS, 0.006)
FRAMES = (XRP, BTC)


def as_in_training() -> Matrix:
    """The row of every bar of the history, were there a long of strength 3 on each."""
    sources = Sources(XRP, btc=BTC, strength=np.full(BARS, 3.0), side=np.ones(BARS))
    return history_matrix(feature_set(NAMES), sources)


def scores(seed: int, rows: Matrix) -> Array:
    return np.asarray(model_kit.knowing_nothing(seed, len(NAMES)).predict(rows), dtype=np.float64)


def install(
    home: Path, seed: int, symbol: str = "XRPUSDT", threshold: float = 0.5, profile: Profile | None = None
) -> str:
    """A model made when the house begins, put in use; answers its version."""
    booster = model_kit.knowing_nothing(seed, len(NAMES))
    more = {"threshold": threshold, "profile": profile, "created_at_ms": NOW_MS + seed}
    return put(home, NAMES, booster, symbol, **more)


async def decided(desk: Desk) -> list[Decision]:
    """Those of XRPUSDT, oldest first."""
    found = [one for one in await desk.house.desk.decisions(500) if one.signal.symbol == "XRPUSDT"]
    return sorted(found, key=lambda one: one.signal.bar_at_ms)


def gates(found: Sequence[Decision]) -> list[str]:
    return [gate.figures for one in found for gate in one.gates if gate.gate == "model"]


async def ended(desk: Desk) -> list[Followed]:
    """Everything that was followed to its end, after what was heard was followed."""
    assert desk.house.follower is not None
    await desk.house.follower.catch_up()
    return list(await desk.house.database.phantoms(desk.house.plan.account).finished(symbol="XRPUSDT"))


async def test_an_own_model_only_shadows_until_enough_have_ended_also_over_a_restart(tmp_path: Path) -> None:
    install(tmp_path, 1, threshold=1.0)
    config = "ml: {mode: on, evolution_outcomes: 12}\nlimits: {max_trades_per_day: 0}\n"
    async with whole_house(tmp_path, FRAMES, config, history=HISTORY) as desk:
        assert "0 of 12 outcomes" in await desk.say("/ml")
        card = await desk.say("/ml_on XRP")
        assert "XRPUSDT only shadows for now: 0 of 12 outcomes." in card
        await desk.bars(6)
        count = len(await ended(desk))
        assert 0 < count < 12
        assert f"{count} of 12 outcomes" in await desk.say("/ml XRP")
        assert all("; shadow: " in one for one in gates(await decided(desk)))
    async with whole_house(tmp_path, FRAMES, config, history=HISTORY + 6) as desk:
        assert f"{count} of 12 outcomes" in await desk.say("/ml")
        told, grown = "", 0
        while not grown and len(await decided(desk)) < 60:
            told += await desk.bars()
            grown = int(len(await ended(desk)) >= 12)
        told += await desk.bars(2)
        assert told.count("Model metronome/XRPUSDT: 12 outcomes, its scores count now") == 1
        assert "of 12 outcomes" not in await desk.say("/ml")
        last = (await decided(desk))[-1]
        assert last.refused_by == "model"
        assert (last.model, last.model_threshold) == ("XRPUSDT/v0001", 1.0)
        install(tmp_path, 2, threshold=1.0)
        await desk.bars(1)
        last = (await decided(desk))[-1]
        assert (last.refused_by, last.model) == ("model", "XRPUSDT/v0002"), "the next version is of age, too"


async def test_a_general_model_judges_from_the_first_signal_on(tmp_path: Path) -> None:
    install(tmp_path, 1, "_general", threshold=1.0)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: on}\n", history=HISTORY) as desk:
        await desk.bars(2)
        found = await decided(desk)
        assert [(one.refused_by, one.model) for one in found] == [("model", "_general/v0001")] * 2


async def test_shadow_notes_scores_and_refuses_nothing(tmp_path: Path) -> None:
    install(tmp_path, 1, threshold=1.0)
    async with whole_house(
        tmp_path, FRAMES, "ml: {mode: on, evolution_outcomes: 0}\n", history=HISTORY
    ) as desk:
        await desk.bars(2)
        assert "Let models only shadow?" in await desk.say("/ml_shadow XRP")
        await desk.say("Confirm")
        await desk.bars(2)
        found = await decided(desk)
        assert [one.refused_by == "model" for one in found] == [True, True, False, False]
        assert all(one.model_score is not None for one in found)
        assert "shadow" in await desk.say("/ml")


def counted(found: Sequence[Followed], decisions: Sequence[Decision], name: str) -> dict[str, object]:
    """The figures of one version by hand."""
    mine = [one for one in decisions if one.model == name and one.model_score is not None]
    passed = {
        one.signal.bar_at_ms for one in mine if (one.model_score or 0.0) >= (one.model_threshold or 0.0)
    }
    kept = {one.signal.bar_at_ms for one in mine if one.refused_by in ("", "model")} - passed
    ends = [one for one in found if one.phantom.model == name and one.ending is not None]
    levels = [one.ending.outcome for one in ends if one.ending and one.phantom.bar_at_ms in passed]
    levels = [one for one in levels if one is not Outcome.TIMEOUT]
    nets = [one.ending.net for one in ends if one.ending and one.phantom.bar_at_ms in kept]
    return {
        "scored": len(mine),
        "passed": len(passed),
        "ended": len(levels),
        "hit_rate": levels.count(Outcome.TARGET) / len(levels) if levels else None,
        "refused": len(nets),
        "uplift": -sum(nets) if nets else None,
    }


def check(one: ModelFigures, expected: dict[str, object]) -> None:
    for name, value in expected.items():
        figure = getattr(one, name)
        assert figure == (pytest.approx(value) if not isinstance(figure, Decimal) else figure), name
        if isinstance(figure, Decimal):
            assert float(figure) == pytest.approx(value)


async def test_figures_are_those_of_the_books_and_drift_is_told(tmp_path: Path) -> None:
    rows = as_in_training()
    late = slice(HISTORY, HISTORY + FEW)
    calm = profile_of(rows[late], scores(1, rows[late]))
    install(tmp_path, 1, profile=calm)
    config = "ml: {mode: shadow}\nlimits: {max_trades_per_day: 0}\n"
    async with whole_house(tmp_path, FRAMES, config, history=HISTORY) as desk:
        await desk.bars(FEW)
        ends, decisions = await ended(desk), await decided(desk)
        assert desk.house.scorer is not None
        live = LiveFigures(desk.house, desk.house.scorer.shelf)
        (one,) = await live.figures()
        expected = counted(ends, decisions, "XRPUSDT/v0001")
        check(one, expected)
        assert min(one.scored, one.passed, one.ended, one.refused) > 0
        assert (one.late, one.drift, one.worst, one.warned) == (FEW, 0.0, ("adx", 0.0), ())
        assert await live.check_drift() == "1 models, 1 judged, 0 drifted"
        page = await desk.say("/ml_stats")
        assert "v0001" in page
        assert str(one.scored) in page

        strange = rows[:HISTORY].copy()
        strange[:, 0] += 60.0
        profile = profile_of(strange[100:], scores(2, strange[100:]))
        version = install(tmp_path, 2, profile=profile)
        await desk.bars(1)
        assert version == "v0002"
        again = rows[HISTORY : HISTORY + FEW + 1]
        drift = drift_of(profile, NAMES, again, scores(2, again))
        assert drift.worst is not None
        assert drift.worst[0] == "rsi"
        said = await live.check_drift()
        assert said == "1 models, 1 judged, 1 drifted: metronome/XRPUSDT/v0002"
        told = await desk.bars(1)
        assert "late signals are not like those it was trained for" in told
        assert f"rsi {drift.worst[1].psi:.2f}" in told
        (one,) = await live.figures()
        assert (one.model, one.scored) == ("XRPUSDT/v0002", 2), "each version has its own figures"
        assert one.worst is not None
        assert one.warned


async def test_the_ranking_reads_tallies_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uplift is that of the statistics, and nobody looks at late signals for it."""
    asked: list[str] = []

    def note(where: object, name: str) -> None:
        real = getattr(where, name)

        def noted(*given: object) -> object:
            asked.append(name)
            return real(*given)

        monkeypatch.setattr(where, name, noted)

    rows = as_in_training()[:HISTORY]
    install(tmp_path, 1, profile=profile_of(rows, scores(1, rows)))
    config = "ml: {mode: shadow}\nlimits: {max_trades_per_day: 0}\n"
    async with whole_house(tmp_path, FRAMES, config, history=HISTORY) as desk:
        await desk.bars(FEW)
        await ended(desk)
        for where, name in (
            (SqlPhantoms, "model_tallies"),
            (SqlPhantoms, "late_signals"),
            (model_figures, "drift_of"),
        ):
            note(where, name)
        shelf = desk.house.front.seats[desk.house.name].context
        [models] = [one for one in shelf if isinstance(one, Models)]
        for by in ("quality", "uplift"):
            assert f"Models by {by}" in await desk.say(f"/ml_rankings {by}")
        assert asked == ["model_tallies"] * 2
        [one] = await models.shelf.figures()
        assert asked[2:] == ["model_tallies", "late_signals", "drift_of"]
        assert one.uplift is not None
        assert await models.shelf.uplifts() == {"XRPUSDT": one.uplift}
        assert await Models().shelf.uplifts() == {}


async def test_few_signals_or_no_profile_give_no_figures(tmp_path: Path) -> None:
    install(tmp_path, 1)
    async with whole_house(tmp_path, FRAMES, "ml: {mode: shadow}\n", history=HISTORY) as desk:
        await desk.bars(3)
        await ended(desk)
        assert desk.house.scorer is not None
        live = LiveFigures(desk.house, desk.house.scorer.shelf)
        (one,) = await live.figures()
        assert (one.scored, one.late, one.drift, one.worst, one.warned) == (3, 0, None, None, ())
        assert await live.check_drift() == "1 models, 0 judged, 1 without a profile, 0 drifted"
        rows = as_in_training()[:HISTORY]
        install(tmp_path, 2, profile=profile_of(rows, scores(2, rows)))
        await desk.bars(1)
        await ended(desk)
        (one,) = await live.figures()
        assert (one.late, one.drift, one.worst) == (4, None, None)
        assert await live.check_drift() == "1 models, 0 judged, 0 drifted"
    async with whole_house(tmp_path / "none", FRAMES, history=HISTORY) as desk:
        assert desk.house.scorer is not None
        live = LiveFigures(desk.house, desk.house.scorer.shelf)
        assert (await live.check_drift(), await live.figures()) == ("no models", [])
        assert "No model is installed" in await desk.say("/ml_stats")


def test_a_week_with_too_few_signals_is_filled_up_with_the_newest_before_it() -> None:
    found = [LateSignal("metronome", "XRPUSDT", at_ms, Vector()) for at_ms in range(100, 0, -1)]
    assert judged_of(found, week_ms=31) == found[:70]
    assert judged_of(found, week_ms=90) == found[:50]
    assert judged_of(found[:20], week_ms=90) == found[:20]


async def test_the_scheduler_looks_at_drift_when_its_time_has_come(tmp_path: Path) -> None:
    install(tmp_path, 1)
    async with whole_house(tmp_path, FRAMES, "ml: {drift: '* * * * *'}\n", history=HISTORY) as desk:
        jobs = build_jobs(desk.house, WallClock())
        await jobs.start()
        try:
            async with asyncio.timeout(90):
                view = next(one for one in jobs.views() if one.id == "drift")
                while view.last_result in ("", "running"):
                    await asyncio.sleep(0.05)
                    view = next(one for one in jobs.views() if one.id == "drift")
            assert view.last_result == "1 models, 0 judged, 1 without a profile, 0 drifted"
        finally:
            await jobs.stop()
