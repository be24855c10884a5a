"""The worker `train`: candles of the store joined with the desk's, a version that nobody uses yet, its words.

Killed while it writes, with a full disk, beside another one: nothing half-written is ever there to be used.
"""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from markets import frame_of
from typed_backtest import write

from bot.ml import files
from bot.ml.card import Card
from bot.ml.grouping import Cluster, Grouping, Measures, Member, keep_grouping
from bot.ml.loaded import load_model
from bot.ml.phantom import LivedSignal, Outcome
from bot.ml.registry import feature_set
from bot.ml.writing import write_version
from bot.runtime.codec import decode, encode
from bot.strategy import Frame
from cli.training.versions import Versions
from cli.workshop import trainings
from cli.workshop.asking import Place, TrainAnswer, TrainAsked
from cli.workshop.parcel import Parcel, packed
from research.learning.lived import ALL
from research.results.plan import Rules
from research.store.files import FileStore

BARS = 9_000
ROOT = Path(__file__).resolve().parents[2]
WORKER = ("-m", "cli.workshop.worker")
DYING = str(ROOT / "tests" / "support" / "dying_worker.py")


def walk(seed: int, symbol: str, bars: int = BARS) -> Frame:
    """A walk with many surges of volume."""
    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.003 * chance.standard_normal(bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return frame_of(opened, high, low, close, chance.lognormal(7.0, 1.6, bars), symbol=symbol)


XRP, BTC, ETH = walk(1, "XRPUSDT"), walk(2, "BTCUSDT"), walk(3, "ETHUSDT")


def asked_of(home: Path, symbol: str = "XRPUSDT", members: tuple[str, ...] = ("XRPUSDT",)) -> TrainAsked:
    end = int(XRP.open_at_ms[-1]) + XRP.timeframe_ms
    place = Place(str(home), "15m", "binance")
    return TrainAsked(place, str(home / "models"), "composite", symbol, members, ("base",), 24, Rules(), end)


def stored(home: Path, *frames: Frame) -> None:
    for frame in frames:
        FileStore(home / "history", "binance").upsert("15m", frame)


def begun(asked: TrainAsked, *live: Frame, command: tuple[str, ...] = WORKER) -> "subprocess.Popen[bytes]":
    """A worker with its parcel, as it goes on."""
    done = subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert done.stdin is not None
    done.stdin.write(packed("train", encode(asked), live))
    done.stdin.close()
    done.stdin = None
    return done


def answered(asked: TrainAsked, *live: Frame) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The worker's last line, and those before it."""
    out, err = begun(asked, *live).communicate(timeout=200)
    assert out, err.decode()
    lines = [orjson.loads(line) for line in out.splitlines()]
    return lines[-1], lines[:-1]


def trained(asked: TrainAsked, *live: Frame) -> tuple[TrainAnswer, Card]:
    last, _ = answered(asked, *live)
    answer = decode(orjson.dumps(last["result"]), TrainAnswer)
    folder = Path(asked.models) / asked.strategy / asked.symbol
    load_model(folder / answer.version, lambda names: feature_set(names).hash)
    return answer, files.read_card(folder / answer.version)


def test_a_version_nobody_uses_is_written_from_the_store_and_the_desk(tmp_path: Path) -> None:
    """The desk's newest bars go on where the store ends; BTC is the desk's alone, ETH is nowhere."""
    stored(tmp_path, XRP.part(0, 8_000))
    asked = asked_of(tmp_path)
    last, said = answered(asked, XRP.part(7_900), BTC)
    answer = decode(orjson.dumps(last["result"]), TrainAnswer)
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    card = files.read_card(folder / answer.version)
    assert (answer.version, files.current_version(folder)) == ("v0001", None)
    assert card.trained.to_ms > int(XRP.open_at_ms[8_100])
    assert card.created_at_ms == asked.to_ms
    assert "XRPUSDT: 9,000 bars, 94 days" in answer.words
    names = [name for name in card.features if name.startswith(("btc_", "eth_"))]
    rows = np.array([[np.nan if one is None else one for one in canary.row] for canary in card.canary])
    for name in names:
        column = rows[:, card.features.index(name)]
        assert np.isnan(column).all() == name.startswith("eth_"), name
    assert {"done", "whole", "at"} == set(said[0])


def test_what_a_desk_did_not_have_yet_is_not_learned_from(tmp_path: Path) -> None:
    """Bars after the asked time are there, in the store and in the parcel."""
    stored(tmp_path, XRP, BTC, ETH)
    early = replace(asked_of(tmp_path), to_ms=int(XRP.open_at_ms[7_000]))
    _, card = trained(early, XRP, BTC, ETH)
    assert card.trained.to_ms <= early.to_ms + 1
    other = tmp_path / "other"
    stored(other, *(one.part(0, 7_000) for one in (XRP, BTC, ETH)))
    _, again = trained(replace(asked_of(other), to_ms=early.to_ms))
    assert replace(again, git_commit="") == replace(card, git_commit="")


def test_a_bar_under_way_is_not_learned_from(tmp_path: Path) -> None:
    """Asked one millisecond before a bar closes: it is in the store, and is left out."""
    stored(tmp_path, XRP.part(0, 6_001))
    answer, _ = trained(replace(asked_of(tmp_path), to_ms=int(XRP.open_at_ms[6_001]) - 1))
    assert "XRPUSDT: 6,000 bars, 62 days" in answer.words


def test_where_there_is_too_little_one_line_says_so(tmp_path: Path) -> None:
    stored(tmp_path, XRP.part(0, 900))
    last, _ = answered(asked_of(tmp_path))
    assert "labelled signals; 5 folds need 60" in str(last["refused"])
    nothing, _ = answered(asked_of(tmp_path, "SOLUSDT", ("SOLUSDT",)))
    assert "no candles of SOLUSDT are known" in str(nothing["refused"])
    assert not (tmp_path / "models").exists()


def test_candles_of_another_exchange_are_left_out(tmp_path: Path) -> None:
    stored(tmp_path, XRP)
    asked = asked_of(tmp_path)
    last, _ = answered(replace(asked, place=replace(asked.place, source="bybit")))
    assert "no candles of XRPUSDT are known" in str(last["refused"])
    assert "Stored candles of binance are left out" in str(last["refused"])


@pytest.mark.timeout(300)
def test_old_versions_make_room(tmp_path: Path) -> None:
    stored(tmp_path, XRP.part(0, 6_000))
    asked = asked_of(tmp_path)
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    _, card = trained(asked)
    model = files.read_whole(folder / "v0001" / files.MODEL_FILE["lightgbm"], files.LARGEST_MODEL)
    for number in range(2, 12):
        write_version(tmp_path / "models", replace(card, version=f"v{number:04d}"), model, "<p>a copy</p>")
    second, _ = trained(asked)
    assert second.version == "v0012"
    assert len(files.versions(folder)) == 12, "the desk removes them: it knows what waits for approval"
    Versions(tmp_path / "models").make_room(("composite", "XRPUSDT"), {second.version})
    assert list(files.versions(folder)) == [f"v{number:04d}" for number in range(3, 13)]


def test_candles_before_a_hole_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    stored(tmp_path, XRP.part(0, 3_000), XRP.part(3_001))
    answer, card = trained(asked_of(tmp_path))
    assert "XRPUSDT: 3,000 candles before the newest hole are left out." in answer.words
    assert "XRPUSDT: 5,999 bars, 62 days" in answer.words
    assert card.trained.from_ms > int(XRP.open_at_ms[3_001])


class TestPooled:
    def test_a_general_model_of_all_that_have_something_to_say(self, tmp_path: Path) -> None:
        """SOLUSDT has no candles; ETHUSDT is a member and stands beside the others, too."""
        stored(tmp_path, *(one.part(0, 6_000) for one in (XRP, BTC, ETH)))
        asked = asked_of(tmp_path, "_general", ("XRPUSDT", "SOLUSDT", "ETHUSDT"))
        answer, card = trained(asked)
        assert (card.symbol, card.parameters["members"]) == ("_general", "ETHUSDT, XRPUSDT")
        assert answer.words[0] == "_general: 2 symbols, 12,000 bars, 94 days"
        assert answer.words[1].startswith("Left out: no candles of SOLUSDT are known")
        assert card.profile is not None
        assert (tmp_path / "models" / "composite" / "_general" / "v0001").is_dir()

    def test_of_many_candles_the_newest_are_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored(tmp_path, XRP, ETH)
        monkeypatch.setattr(trainings, "POOLED_BARS", 10_000)
        asked = asked_of(tmp_path, "_general", ("XRPUSDT", "ETHUSDT"))
        answer = trainings.work(Parcel("train", encode(asked), ()), lambda *_: None)
        assert answer.words[0] == "_general: 2 symbols, 10,000 bars, 52 days"
        card = files.read_card(tmp_path / "models" / "composite" / "_general" / answer.version)
        assert card.trained.from_ms > int(XRP.open_at_ms[4_000])

    def test_one_symbol_alone_is_no_pool(self, tmp_path: Path) -> None:
        stored(tmp_path, XRP.part(0, 6_000))
        last, said = answered(asked_of(tmp_path, "_cluster-2", ("XRPUSDT", "SOLUSDT")))
        assert "_cluster-2: of its symbols only XRPUSDT has something to learn from" in str(last["refused"])
        assert [line["at"] for line in said[:2]] == ["XRPUSDT", "SOLUSDT"]


def test_followed_signals_are_learned_from(tmp_path: Path) -> None:
    """Each bar says what was lived there; one from after the asked time and one without a bar are left out."""
    stored(tmp_path, XRP)
    asked = asked_of(tmp_path)
    closes = (XRP.open_at_ms[2_000:6_000:40] + XRP.timeframe_ms).tolist()
    figures = tuple(None if place % 7 == 0 else float(place) for place in range(len(ALL)))
    lived = [LivedSignal("XRPUSDT", at, -1, Outcome.TARGET, 0.01, figures, ALL.hash) for at in closes]
    wrong = [
        replace(lived[0], bar_at_ms=asked.to_ms + XRP.timeframe_ms),
        replace(lived[0], bar_at_ms=closes[0] + 1),
    ]
    answer, card = trained(replace(asked, lived=(*lived, *wrong)))
    assert card.sources["phantom"] == len(closes) == 100
    assert "XRPUSDT: 1 followed signals cannot be learned from" in answer.words
    assert "100 of them followed live" in answer.words[-1]


def test_followed_signals_reach_the_worker_as_they_are(tmp_path: Path) -> None:
    lived = tuple(
        LivedSignal("XRPUSDT", 1_700_000_000_000, side, outcome, -0.25, (None, 0.1), ALL.hash)
        for outcome, side in zip(Outcome, (1, -1, 1), strict=True)
    )
    asked = replace(asked_of(tmp_path), lived=lived)
    order = encode(asked)
    found = decode(order, TrainAsked)
    assert found == asked
    assert [one.outcome is outcome for one, outcome in zip(found.lived, Outcome, strict=True)] == [True] * 3
    with pytest.raises(ValueError, match="TrainAsked cannot be read: 'WON' is not a valid Outcome"):
        decode(order.replace(b'"TIMEOUT"', b'"WON"'), TrainAsked)


def test_bars_know_the_clusters_of_their_time(tmp_path: Path) -> None:
    """Before the first grouping nothing is known; after it the symbol stands in cluster 1 of three."""
    stored(tmp_path, XRP)
    at_ms = int(XRP.open_at_ms[5_000]) + XRP.timeframe_ms
    measures = Measures(0.01, 1e6, 0.5, 1.0, 0.3, 0.001, 1.0)
    names = (("ADAUSDT", 0), ("XRPUSDT", 1), ("ZECUSDT", 2))
    clusters = tuple(Cluster(number, (name,), measures, "calm") for name, number in names)
    members = tuple(Member(name, number, measures) for name, number in names)
    keep_grouping(tmp_path / "models", Grouping(at_ms, 30, XRP.timeframe_ms, 3, 0.4, clusters, members))
    asked = replace(asked_of(tmp_path), features=("base", "cluster"))
    _, card = trained(asked)
    column = card.features.index("cluster_1")
    told = [canary.row[column] for canary in card.canary]
    assert told == sorted(told, key=lambda one: one is not None), "first nothing, then what is known"
    assert set(told) == {None, 1.0}
    assert {canary.row[card.features.index("cluster_0")] for canary in card.canary} == {None, 0.0}


def state(folder: Path) -> tuple[list[str], bool]:
    """Versions that are there, each of which can be loaded, and whether a draft lies beside them."""
    found = [
        path.name for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")
    ]
    for name in found:
        load_model(folder / name, lambda names: feature_set(names).hash)
    return found, (folder / ".new").exists()


@pytest.mark.timeout(400)
def test_killed_while_it_writes_no_half_version_is_there(tmp_path: Path) -> None:
    """At each call that settles something: model, report, card, the draft, its number; the sixth after the renaming."""
    stored(tmp_path, XRP.part(0, 6_000))
    asked = asked_of(tmp_path)
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    for number, (versions, drafted) in enumerate(
        [([], True), ([], True), ([], True), ([], True), ([], True), (["v0001"], False)], 1
    ):
        worker = begun(asked, command=(DYING, "kill", str(number)))
        out, err = worker.communicate(timeout=200)
        assert worker.returncode == -signal.SIGKILL, err.decode()
        assert b"result" not in out
        assert state(folder) == (versions, drafted), f"killed at call {number}"
    assert files.current_version(folder) is None
    answer, _ = trained(asked)
    assert answer.version == "v0002"
    assert state(folder) == (["v0001", "v0002"], False)


@pytest.mark.timeout(300)
def test_killed_while_it_is_put_in_use_the_old_or_the_new_one_is(tmp_path: Path) -> None:
    """`ml train --use`: six calls settle the version, two its folder's `first` (once), two what is in use."""
    words = ("ml", "train", "XRPUSDT", "--candles", write(tmp_path, XRP.part(0, 6_000)), "--use")
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    versions: list[str] = []
    for number, current in ((7, None), (9, None), (8, "v0003")):
        versions.append(f"v{len(versions) + 1:04d}")
        command = [sys.executable, DYING, "kill", str(number), *words, "--home", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=200, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        assert state(folder) == (versions, False)
        assert files.current_version(folder) == current


@pytest.mark.parametrize("room", [0, 5_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, room: int) -> None:
    stored(tmp_path, XRP.part(0, 6_000))
    out, _ = begun(asked_of(tmp_path), command=(DYING, "full", str(room))).communicate(timeout=200)
    last = orjson.loads(out.splitlines()[-1])
    assert last["refused"] == "composite/XRPUSDT: cannot be written: File too large"
    assert state(tmp_path / "models" / "composite" / "XRPUSDT") == ([], False)


@pytest.mark.timeout(300)
def test_two_at_once_write_a_version_each(tmp_path: Path) -> None:
    stored(tmp_path, XRP.part(0, 6_000))
    running = [begun(replace(asked_of(tmp_path), seed=seed)) for seed in (1, 2)]
    for worker in running:
        out, err = worker.communicate(timeout=200)
        assert b'{"result":' in out, err.decode()
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    assert state(folder) == (["v0001", "v0002"], False)
    assert {files.read_card(folder / name).seed for name in ("v0001", "v0002")} == {1, 2}
