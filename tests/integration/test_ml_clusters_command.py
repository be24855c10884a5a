"""`quarterdeck ml clusters`, and the worker that groups: candles of files, of the store, of the desk."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest
from markets import frame_of
from typer.testing import CliRunner

from bot.domain.market import DAY_MS
from bot.ml.feature import CLUSTER
from bot.ml.grouping import FOLDER, kept_groupings, outside_of
from bot.runtime.codec import decode, encode
from bot.strategy import Frame
from cli.main import app
from cli.research import ml_clusters
from cli.research.ml_clusters import SUNDAY_MS, WEEK_MS
from cli.workshop.asking import GroupAnswer, GroupAsked, Place
from cli.workshop.parcel import packed
from research.store.files import FileStore

BARS, BAR_MS = 96 * 45, 900_000
ROOT = Path(__file__).resolve().parents[2]
NAMES = ("AAAUSDT", "BBBUSDT", "BTCUSDT", "CCCUSDT", "DDDUSDT", "EEEUSDT", "FFFUSDT", "GGGUSDT")


def walk(number: int, symbol: str) -> Frame:
    chance, wild = np.random.default_rng(number), (1.0, 2.5, 6.0)[number % 3]
    common = np.random.default_rng(99).normal(0, 0.002, BARS)
    close = 50 * np.exp(np.cumsum(common / wild + chance.normal(0, 0.001 * wild, BARS)))
    opened = np.append(50.0, close[:-1])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return frame_of(opened, high, low, close, np.full(BARS, 10.0 ** (6 - number % 3)), symbol=symbol)


FRAMES = {name: walk(number, name) for number, name in enumerate(NAMES)}
FIRST_MS = FRAMES["BTCUSDT"].open_at_ms.item(0)
END_MS = FIRST_MS + BARS * BAR_MS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose store has all candles."""
    folder = tmp_path_factory.mktemp("home")
    for frame in FRAMES.values():
        FileStore(folder / "history", "binance").upsert("15m", frame)
    return folder


def ml(*words: str) -> str:
    done = CliRunner().invoke(app, ["ml", "clusters", *words])
    assert done.exit_code == 0, done.exception
    return done.stdout


def candles(home: Path) -> tuple[str, str]:
    return "--candles", str(home / "history" / "candles" / "15m")


def test_one_grouping_of_files_is_printed_and_kept_as_of_their_end(home: Path, tmp_path: Path) -> None:
    words = *candles(home), "--home", str(tmp_path)
    told = json.loads(ml(*words, "--json"))
    [kept] = kept_groupings(tmp_path / "models")
    assert told["grouping"]["at_ms"] == kept.at_ms == END_MS
    assert [Path(one).parent.name for one in told["files"]] == [FOLDER]
    shown = ml(*words, "--no-keep")
    assert f"{kept.k} clusters of 8 symbols" in shown
    assert "Nothing was kept." in shown
    assert len(kept_groupings(tmp_path / "models")) == 1


def test_the_past_is_filled_week_by_week_and_each_knows_nothing_later(home: Path, tmp_path: Path) -> None:
    words = "--history", *candles(home), "--home", str(tmp_path)
    ml(*words)
    kept = kept_groupings(tmp_path / "models")
    expected = [at for at in range(SUNDAY_MS, END_MS + 1, WEEK_MS) if at >= FIRST_MS + 30 * DAY_MS]
    assert [one.at_ms for one in kept] == expected
    assert len(expected) >= 2
    first = kept[0]
    until = "--to", np.datetime_as_string(np.datetime64(first.at_ms, "ms"), unit="m").replace("T", " ")
    alone = json.loads(ml(*candles(home), *until, "--home", str(tmp_path), "--no-keep", "--json"))
    assert alone["grouping"] == json.loads(
        (tmp_path / "models" / FOLDER / f"{_name(first.at_ms)}.json").read_bytes()
    )
    told = outside_of(kept, "AAAUSDT", FRAMES["AAAUSDT"].open_at_ms + BAR_MS)[CLUSTER]
    assert np.isnan(told).sum() == (first.at_ms - FIRST_MS) // BAR_MS
    assert json.loads(ml(*words, "--json"))["made"] == [], "every week has its grouping"


def _name(at_ms: int) -> str:
    return np.datetime_as_string(np.datetime64(at_ms, "ms"), unit="s").replace("-", "").replace(":", "")


def test_without_candles_it_says_how_to_get_some(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["ml", "clusters", "--home", str(tmp_path)])
    assert done.exit_code != 0
    assert "no 15m candles are stored" in str(done.exception)


def test_old_candles_of_a_store_are_not_grouped_as_of_now(home: Path) -> None:
    done = CliRunner().invoke(app, ["ml", "clusters", "--home", str(home)])
    assert done.exit_code != 0
    assert "0 of 8 symbols have the candles of 30 days" in str(done.exception)
    assert not (home / "models").exists()


def test_one_of_the_present_counts_from_the_moment_it_is_ready(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grouping took a bar and more: a desk that runs beside was not told of it before."""
    moments = iter((END_MS + 1, END_MS + BAR_MS + 1))

    class Clock:
        def wall_ms(self) -> int:
            return next(moments)

    monkeypatch.setattr(ml_clusters, "WallClock", Clock)
    ml("--home", str(home), "--models", str(tmp_path))
    [kept] = kept_groupings(tmp_path)
    assert kept.at_ms == END_MS + 2 * BAR_MS
    assert len(kept.members) == 8


def answered(asked: GroupAsked, *live: Frame) -> dict[str, object]:
    """The worker's last line."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.workshop.worker"],
        input=packed("clusters", encode(asked), live),
        capture_output=True,
        cwd=ROOT,
        timeout=200,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    found: dict[str, object] = orjson.loads(done.stdout.splitlines()[-1])
    return found


def asked_of(home: Path, *symbols: str, source: str = "binance") -> GroupAsked:
    return GroupAsked(Place(str(home), "15m", source), symbols, "BTCUSDT", END_MS, 30)


def test_the_worker_joins_the_store_and_the_desk_and_leaves_out_who_is_young(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "history", "binance")
    for frame in list(FRAMES.values())[:6]:
        store.upsert("15m", frame.part(0, BARS - 100))
    damaged = tmp_path / "history" / "candles" / "15m" / "ZZZUSDT.parquet"
    damaged.write_bytes(b"no candles")
    live = [frame.part(BARS - 200) for frame in FRAMES.values()]
    asked = asked_of(tmp_path, *NAMES)
    answer = decode(orjson.dumps(answered(asked, *live)["result"]), GroupAnswer)
    assert set(answer.grouping.numbers()) == set(NAMES[:6])
    assert answer.left_out == ("FFFUSDT", "GGGUSDT"), "ZZZUSDT is not traded: nobody asks about it"
    whole = decode(orjson.dumps(answered(asked, *FRAMES.values())["result"]), GroupAnswer)
    assert set(whole.grouping.numbers()) == set(NAMES)
    for name in NAMES[:6]:
        assert whole.grouping.member(name).measures == answer.grouping.member(name).measures  # type: ignore[union-attr]


def test_candles_of_another_exchange_are_left_out(home: Path) -> None:
    refused = answered(asked_of(home, *NAMES, source="bybit"))
    assert refused == {"refused": "0 of 8 symbols have the candles of 30 days; at least 6 are grouped"}
