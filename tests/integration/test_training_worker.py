"""The worker `train`: candles of the store joined with the desk's, a version that nobody uses yet, its words."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from markets import frame_of

from bot.ml import files
from bot.ml.card import Card
from bot.ml.loaded import load_model
from bot.ml.registry import feature_set
from bot.ml.writing import write_version
from bot.runtime.codec import decode, encode
from bot.strategy import Frame
from cli.workshop.asking import Place, TrainAnswer, TrainAsked
from cli.workshop.parcel import packed
from research.results.plan import Rules
from research.store.files import FileStore

BARS = 9_000
ROOT = Path(__file__).resolve().parents[2]


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


def answered(asked: TrainAsked, *live: Frame) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The worker's last line, and those before it."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.workshop.worker"],
        input=packed("train", encode(asked), live),
        capture_output=True,
        cwd=ROOT,
        timeout=200,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
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
    assert list(files.versions(folder)) == [f"v{number:04d}" for number in range(3, 13)]
