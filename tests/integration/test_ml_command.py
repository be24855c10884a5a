"""`quarterdeck ml` as typed: JSON, tables, versions, one line for every slip; killed in the middle, two at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markets import frame_of
from typed_backtest import write
from typed_ml import found, slip, typed, walk

from bot.ml import files
from bot.ml.card import card_of
from bot.ml.loaded import load_model
from bot.ml.registry import feature_set

BARS = 14_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("candles")
    return [
        write(folder, walk(seed, name, BARS))
        for seed, name in ((1, "XRPUSDT"), (2, "BTCUSDT"), (3, "ETHUSDT"))
    ]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Just enough to learn from."""
    return [write(tmp_path_factory.mktemp("few"), walk(4, "XRPUSDT", 5_000))]


@pytest.fixture(scope="module")
def funding(tmp_path_factory: pytest.TempPathFactory, candles: list[str]) -> str:
    times = pq.read_table(candles[0])["timestamp"].to_numpy()
    at_ms = np.arange(times[0], times[-1], 8 * 3_600_000)
    path = tmp_path_factory.mktemp("funding") / "XRPUSDT-funding.parquet"
    rates = np.random.default_rng(5).normal(1e-4, 1e-4, len(at_ms))
    pq.write_table(pa.table({"timestamp": at_ms, "funding_rate": rates}), path)
    return str(path)


def usable(models: Path, version: str = "") -> None:
    """The version can be loaded as the bot loads it."""
    folder = models / "composite" / "XRPUSDT"
    load_model(
        folder / (version or files.current_version(folder) or ""), lambda names: feature_set(names).hash
    )


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, candles: list[str], funding: str
) -> tuple[Path, dict[str, object]]:
    """A home with a model in use, and what its training said."""
    home = tmp_path_factory.mktemp("home")
    words = ("train", "XRPUSDT", "--candles", *candles, "--funding", funding, "--seed", "3", "--use")
    return home, found(home, *words)


class TestTrain:
    def test_json_gives_card_and_report(self, trained: tuple[Path, dict[str, object]]) -> None:
        home, content = trained
        folder = Path(str(content["folder"]))
        assert folder == home / "models" / "composite" / "XRPUSDT" / "v0001"
        told = card_of(json.dumps(content["card"]).encode())
        assert told == files.read_card(folder)
        assert told.seed == 3
        assert Path(str(content["report"])).read_text().startswith("<!doctype html>")
        assert content["verdict"] in {"switch on", "leave off"}
        assert told.advice == ("on" if content["verdict"] == "switch on" else "off")
        assert "XRPUSDT: no open_interest; features made of it are missing" in str(content["notes"])
        assert "no funding_rate" not in str(content["notes"])
        usable(home / "models")

    def test_the_same_seed_gives_the_same_model_and_it_is_not_in_use_unasked(
        self, trained: tuple[Path, dict[str, object]], candles: list[str], funding: str
    ) -> None:
        home, first = trained
        models = home / "again"
        words = ("train", "XRPUSDT", "--candles", *candles, "--funding", funding, "--models", str(models))
        again = found(home, *words, "--seed", "3")
        one, two = (dict(content["card"], created_at_ms=0, git_commit="") for content in (first, again))  # type: ignore[call-overload]
        assert one == two
        assert files.current_version(models / "composite" / "XRPUSDT") is None

    def test_people_get_a_table(self, tmp_path: Path, candles: list[str]) -> None:
        done = typed(tmp_path, "train", "XRPUSDT", "--candles", *candles[:2])
        assert done.exit_code == 0
        for words in (
            "signals per fold",
            "A-C drop",
            "win rate",
            "no eth; features made of it are missing",
            "v0001",
        ):
            assert words in done.stdout

    def test_a_network_is_written_beside_the_trees_and_the_card_says_which_is_better(
        self, tmp_path: Path, candles: list[str]
    ) -> None:
        pytest.importorskip("onnx")
        content = found(tmp_path, "train", "XRPUSDT", "--candles", *candles, "--backend", "mlp", "--use")
        folder = tmp_path / "models" / "composite" / "XRPUSDT"
        trees, network = (files.read_card(folder / name) for name in files.versions(folder))
        assert (trees.kind, network.kind) == ("lightgbm", "onnx")
        assert content["better"] in {"lightgbm", "mlp"}
        for card in (trees, network):
            assert card.reasons[-1].startswith("On the same folds: lightgbm AUC 0.")
            assert card.reasons[-1].endswith(f"{content['better']} is better.")
        assert [one.signals for one in trees.folds] == [one.signals for one in network.folds]
        assert files.current_version(folder) == network.version
        usable(tmp_path / "models")


class TestDoubt:
    def test_ablation_and_comparison(self, tmp_path: Path, candles: list[str]) -> None:
        ablation = found(tmp_path, "ablation", "XRPUSDT", "--candles", *candles)["ablation"]
        assert isinstance(ablation, dict)
        assert ablation["verdict"] in {"useful", "conditional", "re-design"}
        compared = found(tmp_path, "compare", "XRPUSDT", "--candles", *candles)["comparison"]
        assert isinstance(compared, dict)
        assert {"trades", "profit_factor", "win_rate", "drawdown", "sharpe"} <= set(compared["on"])
        assert compared["on"]["trades"] <= compared["off"]["trades"]
        assert not (tmp_path / "models").exists()
        assert "Sharpe" in typed(tmp_path, "compare", "XRPUSDT", "--candles", *candles).stdout
        assert "A-C drop" in typed(tmp_path, "ablation", "XRPUSDT", "--candles", *candles).stdout

    def test_tuning_proposes_and_training_takes_it_when_told(
        self, tmp_path: Path, candles: list[str]
    ) -> None:
        content = found(tmp_path, "tune", "XRPUSDT", "--candles", *candles, "--trials", "2")
        proposal = content["proposal"]
        assert isinstance(proposal, dict)
        assert proposal["applied"] is False
        assert not (tmp_path / "models").exists()
        words = ("train", "XRPUSDT", "--candles", *candles, "--tuned", str(content["file"]))
        card = found(tmp_path, *words)["card"]
        assert isinstance(card, dict)
        assert proposal["settings"].items() <= card["parameters"].items()


class TestShelf:
    def test_status_reset_export(self, trained: tuple[Path, dict[str, object]]) -> None:
        pytest.importorskip("onnx")
        home, _ = trained
        (row,) = found(home, "status")["models"]  # type: ignore[misc]
        assert (row["symbol"], row["version"], row["in_use"], row["fault"]) == ("XRPUSDT", "v0001", True, "")
        exported = found(home, "export-onnx", "XRPUSDT")
        assert float(str(exported["farthest"])) <= 1e-6
        assert int(str(exported["rows"])) > 100
        usable(home / "models", "v0002")
        out = home / "model.onnx"
        found(home, "export-onnx", "XRPUSDT", "--out", str(out))
        assert out.stat().st_size > 1_000
        assert "is an ONNX model already" in slip(home, "export-onnx", "XRPUSDT", "--version", "v0002")
        assert found(home, "reset", "XRPUSDT")["withdrawn"] == "v0001"
        assert found(home, "reset", "XRPUSDT")["withdrawn"] is None
        assert {row["in_use"] for row in found(home, "status")["models"]} == {False}  # type: ignore[attr-defined]
        assert "v0001 lightgbm" in typed(home, "status").stdout

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert found(tmp_path, "status")["models"] == []
        assert "No models." in typed(tmp_path, "status").stdout
        assert "no LightGBM model" in slip(tmp_path, "export-onnx", "XRPUSDT")


@pytest.mark.parametrize(
    "words, line",
    [
        (("SOLUSDT",), "no candles of SOLUSDT in the files; there are"),
        (("XRPUSDT", "--strategy", "composit"), "did you mean composite?"),
        (("XRPUSDT", "--features", "bas"), "base"),
        (("XRPUSDT", "--features", ","), "--features: none named"),
        (("XRPUSDT", "--lookahead", "0"), "--lookahead 0 is not allowed; allowed: 1 to 500 bars"),
        (("XRPUSDT", "--timed-out", "guess"), "--timed-out 'guess' is not allowed; allowed: drop, sign"),
        (("XRPUSDT", "--negative-ratio", "-1"), "--negative-ratio -1 is not allowed"),
        (("XRPUSDT", "--backend", "forest"), "--backend 'forest' is not allowed; allowed: lightgbm, mlp"),
        (("XRPUSDT", "--fee", "5"), "--fee '5' is not allowed"),
        (("XRPUSDT", "--from", "2030-01-01"), "in the time asked for"),
        (("XRPUSDT", "--to", "2023-11-24"), "labelled signals; 5 folds need 60: take a longer history"),
        (("../XRPUSDT",), "is not allowed"),
    ],
)
def test_every_slip_is_one_line(
    tmp_path: Path, candles: list[str], words: tuple[str, ...], line: str
) -> None:
    assert line in slip(tmp_path, "train", *words, "--candles", *candles, "--models", str(tmp_path / "m"))
    assert not (tmp_path / "m").exists()


def test_a_version_that_cannot_be_put_in_use_is_named_in_the_error(tmp_path: Path, few: list[str]) -> None:
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    (folder / "current").mkdir(parents=True)
    said = slip(tmp_path, "train", "XRPUSDT", "--candles", *few, "--use")
    assert "v0001 is written, but cannot be put in use: composite/XRPUSDT/current: is a folder" in said
    assert files.versions(folder) == ("v0001",)


def test_features_are_those_of_the_configuration_unless_named(tmp_path: Path, few: list[str]) -> None:
    (tmp_path / "config.yaml").write_text("ml: {features: {composite: 'rsi,adx,side'}}\n")
    words = ("train", "XRPUSDT", "--candles", *few)
    card = found(tmp_path, *words)["card"]
    assert isinstance(card, dict)
    assert card["features"] == ["rsi", "adx", "side"]
    named = found(tmp_path, *words, "--features", "bb_pct,side")["card"]
    assert isinstance(named, dict)
    assert named["features"] == ["bb_pct", "side"]
    assert card["parameters"]["composite.adx_threshold"] == 25.0


def test_other_candles_are_refused(tmp_path: Path) -> None:
    quick = frame_of(*np.full((5, 3_000), 100.0), symbol="XRPUSDT", bar_ms=300_000)
    assert "composite trades 15m candles, these are 5m" in slip(
        tmp_path, "train", "XRPUSDT", "--candles", write(tmp_path, quick)
    )


def started(home: Path, candles: list[str]) -> "subprocess.Popen[bytes]":
    """A training in a process of its own."""
    words = ["ml", "train", "XRPUSDT", "--candles", *candles, "--use", "--json", "--home", str(home)]
    command = [sys.executable, "-m", "cli.main", *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ.copy()
    )


def until(process: "subprocess.Popen[bytes]", seen: Callable[[], bool]) -> bool:
    """Kill the process as soon as something is seen; False when it ended before."""
    while process.poll() is None:
        if seen():
            process.send_signal(signal.SIGKILL)
            process.wait(100)
            return True
        time.sleep(0.0005)
    return False


@pytest.mark.timeout(400)
def test_killed_in_the_middle_nothing_half_written_is_used(tmp_path: Path, few: list[str]) -> None:
    """Killed while it computes, while it writes, and when the version is there but not yet in use."""
    assert typed(tmp_path, "train", "XRPUSDT", "--candles", *few, "--use").exit_code == 0
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    begun = time.monotonic()
    moments: tuple[Callable[[], bool], ...] = (
        lambda: time.monotonic() > begun + 3.0,
        (folder / ".new").exists,
        (folder / "v0002").exists,
    )
    for seen in moments:
        until(started(tmp_path, few), seen)
        usable(tmp_path / "models")
        for version in files.versions(folder):
            usable(tmp_path / "models", version)
    assert typed(tmp_path, "train", "XRPUSDT", "--candles", *few, "--use").exit_code == 0
    assert not (folder / ".new").exists(), "what a dead training left is gone after the next"
    assert files.current_version(folder) == files.versions(folder)[-1] != "v0001"
    usable(tmp_path / "models")


@pytest.mark.timeout(400)
def test_two_trainings_at_once_both_end_whole(tmp_path: Path, few: list[str]) -> None:
    running = [started(tmp_path, few) for _ in range(2)]
    assert [process.wait(180) for process in running] == [0, 0]
    folder = tmp_path / "models" / "composite" / "XRPUSDT"
    assert set(files.versions(folder)) == {"v0001", "v0002"}
    for version in ("", "v0001", "v0002"):
        usable(tmp_path / "models", version)
