"""Jobs that train, and trials, on a whole house: over restarts, won and lost, the proposal with its figures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from model_house import put
from training_house import CONFIG, XRP, folder, market_of, service_of
from whole_house import Desk, market, said, whole_house

from bot.ml import files
from bot.ml.challenger import challenger_version, make_challenger
from bot.ml.loaded import load_model
from bot.ml.model import ModelError
from bot.ml.trial import Trial, trial_of
from bot.ml.writing import make_current, withdraw
from bot.runtime.job_rules import JobRule
from bot.strategy import Frame
from cli.training.joining import HOURLY, WEEKLY
from cli.training.rounds import Rounds, pooled
from cli.training.turns import Ticket

pytestmark = pytest.mark.timeout(300)  # real workers train, on whatever machine
NAMES = ("rsi", "adx", "ret_1", "signal_strength", "side")
EARLY = 620
SMALL = "ml: {mode: shadow, trial_signals: 10, retrain_every: 10}\n"
PLACE = ("metronome", "XRPUSDT")


def drifting(rise: float) -> Frame:
    """A market that goes somewhere: longs earn where it rises, and lose where it falls."""
    steps = np.random.default_rng(3).normal(rise, 0.003, 760)
    return market([round(float(one), 5) for one in np.exp(np.cumsum(steps))], wick=0.001)


UP, DOWN = drifting(0.003), drifting(-0.003)


@asynccontextmanager
async def house(home: Path, frame: Frame, config: str = SMALL, history: int = EARLY) -> AsyncIterator[Desk]:
    async with whole_house(home, [frame], config, history=history) as desk:
        yield desk


def install(home: Path, threshold: float, made_ms: int, *, current: bool = False) -> str:
    """A version of the same small model, with its own threshold."""
    given = np.random.default_rng(1).normal(size=(400, len(NAMES)))
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 7, "seed": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(given, given[:, 0] > 0), 10)
    return put(home, NAMES, booster, threshold=threshold, created_at_ms=made_ms, current=current)


def rule_of(desk: Desk, name: str) -> JobRule:
    [found] = [one for one in desk.house.job_rules if one.id == name]
    return found


async def job(desk: Desk, name: str) -> str:
    """What the scheduler would do; everything heard is followed first."""
    assert desk.house.follower is not None
    await desk.house.follower.catch_up()
    answer = str(await rule_of(desk, name).work())
    await desk.house.settled()
    await desk.carry()
    return answer


def rounds_of(desk: Desk) -> Rounds:
    found = getattr(rule_of(desk, HOURLY).work, "__self__", None)
    assert isinstance(found, Rounds)
    return found


async def tried(home: Path, desk: Desk, old: str, new: str, wanted: int) -> Trial:
    """The trial as anybody may compute it from the books."""
    store = desk.house.database.phantoms(desk.house.plan.account)
    pair = [load_model(folder(home) / version) for version in (old, new)]
    return trial_of(await store.finished(strategy=PLACE[0], symbol=PLACE[1]), pair[0], pair[1], wanted)


@pytest.mark.parametrize("frame,wins", [(UP, True), (DOWN, False)], ids=["won", "lost"])
async def test_a_trial_goes_on_over_a_restart_and_ends_by_its_figures(
    tmp_path: Path, frame: Frame, wins: bool
) -> None:
    made_ms = int(frame.open_at_ms[EARLY]) - 1
    install(tmp_path, 0.999, made_ms, current=True)
    make_challenger(tmp_path / "models", *PLACE, install(tmp_path, 0.0, made_ms))
    async with house(tmp_path, frame) as desk:
        await desk.bars(8)
        begun = await job(desk, HOURLY)
        assert begun.startswith("metronome/XRPUSDT: ")
        assert begun.endswith(" of 10 signals")
    async with house(tmp_path, frame, history=EARLY + 8) as desk:
        assert rounds_of(desk).trials.is_tried("XRPUSDT"), "known from the first bar on"
        await desk.bars(40)
        trial = await tried(tmp_path, desk, "v0001", "v0002", 10)
        assert trial.over
        assert trial.won is wins
        assert (trial.champion.passed, trial.challenger.passed) == (0, 10)
        rounds_of(desk).wishes = replace(rounds_of(desk).wishes, every=10**9)
        before = len(desk.screen.getvalue())
        answer = await job(desk, HOURLY)
        told = desk.screen.getvalue()[before:]
        assert challenger_version(folder(tmp_path)) is None
        assert not rounds_of(desk).trials.is_tried("XRPUSDT")
        assert f"0.00 → {trial.challenger.net:+.2f}" in told
        if not wins:
            assert answer == "metronome/XRPUSDT: v0002 was dropped"
            assert "v0002 does no better than v0001; it is dropped" in told
            assert "Nothing waits" in await said(desk, "/proposals")
            assert files.current_version(folder(tmp_path)) == "v0001"
            return
        assert answer == "metronome/XRPUSDT: v0002 won: p1 waits"
        assert "v0002 does better than v0001 on the same signals" in told
        assert "Wait for approval p1" in told
        shown = await said(desk, "/proposals")
        assert f"{trial.challenger.net:+.2f}" in shown
        assert "v0001" in shown
        assert "v0001 → v0002" in await said(desk, "/approve p1", "1")
        assert "v0002 is in use now instead of v0001" in await desk.bars(2)
        assert await job(desk, HOURLY) == ""


async def test_a_weekly_round_ends_in_a_proposal_then_in_a_challenger(tmp_path: Path) -> None:
    """A real worker: the first version waits at once, the next is tried, a newer one takes its place."""
    config = CONFIG.replace("ml: {", "ml: {mode: shadow, trial_signals: 500, retrain_every: 12, ")
    async with house(tmp_path, XRP, config, history=1_900) as desk:
        assert await job(desk, HOURLY) == ""
        before = len(desk.screen.getvalue())
        assert await job(desk, WEEKLY) == "1 trained"
        told = desk.screen.getvalue()[before:]
        assert "Weekly training: 1 trained" in told
        assert "v0001 waits for approval" in told
        assert "Wait for approval p1" in told
        assert challenger_version(folder(tmp_path)) is None
        assert await job(desk, WEEKLY) == "nothing to train", "it is younger than a day"
        await said(desk, "/approve p1", "1")
        assert files.current_version(folder(tmp_path)) == "v0001"
        assert await job(desk, HOURLY) == ""
        await desk.bars(45)
        before = len(desk.screen.getvalue())
        assert await job(desk, HOURLY) == "1 trained"
        assert "v0002 is tried beside v0001" in desk.screen.getvalue()[before:]
        assert challenger_version(folder(tmp_path)) == "v0002"
        assert (await job(desk, HOURLY)).endswith("of 500 signals")
        await desk.bars(45)
        assert (await job(desk, HOURLY)).endswith("of 500 signals; 1 trained")
        assert challenger_version(folder(tmp_path)) == "v0003"
        assert files.current_version(folder(tmp_path)) == "v0001"
        assert "Nothing waits" in await said(desk, "/proposals")
        card = files.read_card(folder(tmp_path) / "v0003")
        assert card.created_at_ms <= desk.house.now_ms()
        assert card.sources["phantom"] > 30, "what was lived is learned from"


async def test_several_symbols_have_a_model_together_too(tmp_path: Path) -> None:
    config = CONFIG.replace("ml: {", "ml: {mode: shadow, ")
    frames = [XRP, market_of(2, "BTCUSDT")]
    async with whole_house(tmp_path, frames, config, history=1_900) as desk:
        assert await job(desk, WEEKLY) == "3 trained"
        shown = await said(desk, "/proposals")
        assert "model metronome/XRPUSDT v0001" in shown
        assert "model metronome/BTCUSDT v0001" in shown
        assert "model metronome/_general v0001" in shown
        waiting = await service_of(desk.house).book.waiting()
        [general] = [one.id for one in waiting if "_general" in one.title]
        assert "none → v0001" in await said(desk, f"/approve {general}", "1")
        await desk.bars(3)
        found = await desk.house.desk.decisions(4)
        assert {one.signal.symbol for one in found} == {"XRPUSDT", "BTCUSDT"}
        assert all(one.model_score is not None for one in found), "it speaks for both"


def test_which_models_of_several_symbols_are_worth_it() -> None:
    places = [("a", name) for name in ("XRP", "BTC", "ETH", "SOL")] + [
        ("b", "ADA"),
        ("c", "BNB"),
        ("c", "TRX"),
    ]
    clusters = {"XRP": 2, "ETH": 2, "SOL": 2, "BTC": 0, "ADA": 0, "BNB": 2, "TRX": 2}
    assert pooled(places, clusters) == [("a", "_general"), ("a", "_cluster-2"), ("c", "_general")]
    assert pooled(places[:1], clusters) == []


async def test_a_training_that_comes_to_nothing_is_told_and_not_tried_again_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, UP, SMALL, history=60) as desk:
        await desk.bars(30)
        before = len(desk.screen.getvalue())
        assert await job(desk, HOURLY) == "0 trained, 1 not"
        told = desk.screen.getvalue()[before:]
        assert "Training: 0 trained, 1 not" in told
        assert "metronome/XRPUSDT" in told
        assert await job(desk, HOURLY) == ""
        await desk.bars(12)
        assert await job(desk, HOURLY) == "0 trained, 1 not"


async def test_a_death_between_the_proposal_and_the_end_of_the_trial_files_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_ms = int(UP.open_at_ms[EARLY]) - 1
    install(tmp_path, 0.999, made_ms, current=True)
    make_challenger(tmp_path / "models", *PLACE, install(tmp_path, 0.0, made_ms))

    def dies(*_: object) -> bool:
        raise ModelError("metronome/XRPUSDT: cannot be written: No space left on device")

    async with house(tmp_path, UP) as desk:
        rounds_of(desk).wishes = replace(rounds_of(desk).wishes, every=10**9)
        await desk.bars(45)
        with monkeypatch.context() as patched:
            patched.setattr("cli.training.trials.drop_challenger", dies)
            assert "No space left on device" in await job(desk, HOURLY)
        assert [one.id for one in await service_of(desk.house).book.waiting()] == ["p1"]
        assert challenger_version(folder(tmp_path)) == "v0002"
    async with house(tmp_path, UP, history=EARLY + 45) as desk:
        rounds_of(desk).wishes = replace(rounds_of(desk).wishes, every=10**9)
        assert await job(desk, HOURLY) == "metronome/XRPUSDT: v0002 won: p1 waits"
        assert [one.id for one in await service_of(desk.house).book.waiting()] == ["p1"]
        assert challenger_version(folder(tmp_path)) is None


async def test_a_weekly_round_leaves_a_trial_to_its_end(tmp_path: Path) -> None:
    install(tmp_path, 0.999, 1, current=True)
    make_challenger(tmp_path / "models", *PLACE, install(tmp_path, 0.0, 2))
    async with house(tmp_path, UP) as desk:
        assert await job(desk, WEEKLY) == "nothing to train"
        assert challenger_version(folder(tmp_path)) == "v0002"


async def test_the_list_of_models_says_who_is_being_trained(tmp_path: Path) -> None:
    install(tmp_path, 0.5, 1, current=True)
    async with house(tmp_path, UP) as desk:
        assert "queued" not in await said(desk, "/ml")
        with service_of(desk.house).turns.hold(Ticket("telegram:7", PLACE)):
            assert "queued" in await said(desk, "/ml")
        assert "queued" not in await said(desk, "/ml")


async def test_symbols_whose_models_are_off_and_have_none_are_left_alone(tmp_path: Path) -> None:
    async with house(tmp_path, UP, "ml: {retrain_every: 10}\n") as desk:
        await desk.bars(30)
        assert await job(desk, HOURLY) == ""
        assert await job(desk, WEEKLY) == "nothing to train"
        assert not folder(tmp_path).exists()
        install(tmp_path, 0.5, 1, current=True)
        rounds = rounds_of(desk)
        assert await rounds._places() == [PLACE], "one with a model is trained, though nobody asks it"


async def test_what_is_in_the_way_of_a_trial_ends_it_or_waits(tmp_path: Path) -> None:
    made_ms = int(UP.open_at_ms[EARLY]) - 1
    root = tmp_path / "models"
    for threshold in (0.999, 0.5, 0.0):
        install(tmp_path, threshold, made_ms)
    async with house(tmp_path, UP) as desk:
        rounds = rounds_of(desk)
        rounds.wishes = replace(rounds.wishes, every=10**9)
        make_current(root, *PLACE, "v0001")
        make_challenger(root, *PLACE, "v0001")
        assert await job(desk, HOURLY) == "metronome/XRPUSDT: there is no challenger any more"
        assert not (folder(tmp_path) / files.CHALLENGER).exists()
        (folder(tmp_path) / files.CHALLENGER).write_text("../../x\n")
        assert await job(desk, HOURLY) == "metronome/XRPUSDT: there is no challenger any more"
        make_challenger(root, *PLACE, "v0002")
        await desk.bars(45)
        (folder(tmp_path) / "v0002" / "model.txt").write_bytes(b"tree\n")
        assert await job(desk, HOURLY) == "metronome/XRPUSDT: v0002 cannot be tried"
        assert "v0002 cannot be tried: " in desk.screen.getvalue()
        make_challenger(root, *PLACE, "v0003")
        (folder(tmp_path) / files.CURRENT).write_text("???\n")
        assert "current: does not name a version" in await job(desk, HOURLY)
        assert challenger_version(folder(tmp_path)) == "v0003", "a person has to look first"
        withdraw(root, *PLACE)
        assert await job(desk, HOURLY) == "metronome/XRPUSDT: v0003 won: p1 waits"
        assert "none" in await said(desk, "/proposals")


async def test_a_jobs_newer_proposal_takes_the_place_of_its_older_one(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        trials = rounds_of(desk).trials
        for threshold in (0.4, 0.5):
            version = install(tmp_path, threshold, 1)
            entered = await trials.enter(PLACE, version)
            assert entered.said == f"{version} waits for approval"
        filed = await service_of(desk.house).filed(PLACE, "v0001", "training asked by ann")
        assert filed.id == "p3"
        await trials.enter(PLACE, install(tmp_path, 0.6, 1))
        waiting = await service_of(desk.house).book.waiting()
        assert [one.id for one in waiting] == ["p3", "p4"], "what a person asked for stays"
        assert "v0003 follows it" in await said(desk, "/proposals decided")
