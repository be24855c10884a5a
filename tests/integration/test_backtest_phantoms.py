"""`quarterdeck backtest --phantoms FILE`: every signal of an exact run followed alone; equal to its trades."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from outcomes import random_frame
from typed_backtest import LOOSE, Row, found, notes, slip, trades_of, typed, write

BARS = 6_000
BAR_MS = 900_000
ENDS = {"SL": "STOP", "TP": "TARGET"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Candles of two symbols."""
    folder = tmp_path_factory.mktemp("candles")
    frames = (random_frame(seed, BARS, name) for seed, name in ((31, "BTCUSDT"), (32, "XRPUSDT")))
    return [write(folder, frame) for frame in frames]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def words(files: list[str]) -> tuple[str, ...]:
    """What is asked."""
    return "--candles", *files, "--strategy", "composite", *LOOSE, "--exact"


def rows_of(path: Path) -> list[Row]:
    rows: list[Row] = json.loads(path.read_text())
    return rows


def test_trades_and_phantoms_of_the_same_signals_are_the_same(
    words: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    """A trade that ended by stop or target within 24 bars is the phantom of its signal, to a billionth."""
    content = found(home, *words, "--phantoms", str(tmp_path / "p.json"))
    phantoms = {(row["symbol"], row["bar_at_ms"]): row for row in rows_of(tmp_path / "p.json")}
    taken = [row for row in phantoms.values() if not row["refused_by"]]
    trades = trades_of(content)
    assert len(taken) == len(trades) > 200
    seen = Counter[str]()
    for trade in trades:
        phantom = phantoms[trade["symbol"], trade["entry_at_ms"]]
        assert not phantom["refused_by"]
        assert phantom["side"] == trade["side"]
        bars = (int(str(trade["exit_at_ms"])) - int(str(trade["entry_at_ms"]))) // BAR_MS + 1
        if trade["reason"] not in ENDS or bars > 24:
            continue
        seen[str(trade["reason"])] += 1
        assert phantom["outcome"] == ENDS[str(trade["reason"])]
        assert phantom["bars"] == bars
        same = ("entry_at_ms", "exit_at_ms")
        near = {name: name for name in ("entry_price", "exit_price", "net_return", "net", "score")}
        near |= {"adverse": "mae", "favourable": "mfe"}
        assert [phantom[name] for name in same] == [trade[name] for name in same]
        for name, theirs in near.items():
            assert phantom[name] == pytest.approx(trade[theirs], rel=1e-9, abs=1e-9), name
    assert min(seen["SL"], seen["TP"]) > 50


def test_refused_signals_have_theirs_and_what_has_no_end_says_so(
    words: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    content = found(home, *words, "--phantoms", str(tmp_path / "p.json"))
    rows = rows_of(tmp_path / "p.json")
    gates = Counter(str(row["refused_by"]) for row in rows)
    assert gates["same symbol"] > 100
    assert {row["outcome"] for row in rows} >= {"STOP", "TARGET", "TIMEOUT"}
    last = max(int(str(trade["exit_at_ms"])) for trade in trades_of(content))
    for row in rows:
        if row["outcome"] is None:
            assert int(str(row["bar_at_ms"])) > last - 30 * BAR_MS
            assert {row[name] for name in ("net", "exit_price", "finished_at_ms", "bars")} == {None}


def test_the_result_is_the_same_with_and_without(words: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    with_them = found(home, *words, "--phantoms", str(tmp_path / "p.json"))
    without = found(home, *words)
    assert with_them == without


def test_as_csv(words: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    for name in ("p.json", "p.csv"):
        done = typed(home, *words, "--phantoms", str(tmp_path / name))
        assert done.exit_code == 0, done.output
        assert f"Phantoms: {tmp_path / name}" in done.output
    plain = rows_of(tmp_path / "p.json")
    with (tmp_path / "p.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(plain)
    for one, other in zip(table, plain, strict=True):
        assert list(one) == list(other)
        assert one["symbol"] == other["symbol"]
        assert other["net"] is None or float(one["net"]) == other["net"]
        assert (one["outcome"] or None) == other["outcome"]


def test_the_configuration_says_how_long(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("ml: {lookahead: 2}\n")
    found(tmp_path, *words, "--phantoms", str(tmp_path / "p.json"))
    rows = rows_of(tmp_path / "p.json")
    assert {row["lookahead"] for row in rows} == {2}
    assert max(int(str(row["bars"])) for row in rows if row["bars"] is not None) == 2


def test_a_span_of_time_has_the_phantoms_of_its_signals(
    words: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    content = found(home, *words, "--from", "2023-01-25", "--phantoms", str(tmp_path / "p.json"))
    starts = {
        (row["symbol"], row["bar_at_ms"]) for row in rows_of(tmp_path / "p.json") if not row["refused_by"]
    }
    assert starts == {(trade["symbol"], trade["entry_at_ms"]) for trade in trades_of(content)}


def test_what_cannot_be_is_refused_in_one_line(words: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    assert slip(home, *words, "--phantoms", "x.txt").endswith("allowed: .json or .csv files")
    line = slip(home, *words[:-1], "--fast", "--phantoms", "x.json")
    assert line == "--fast knows no --phantoms: leave out --fast, or --phantoms"
    assert "do not go together" in slip(home, "--repeat", "a.json", "--phantoms", "x.json")
    told = notes(found(home, *words[:-1], "--phantoms", str(tmp_path / "p.json")))
    assert told[0] == "The exact way, because of --phantoms."
