"""`quarterdeck tune` in processes of its own: trials in the database, kill -9 and --resume, two at once."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from planted_market import walk_frame, write_csv
from processes import command, environ, quarterdeck, slip

ROOT = Path(__file__).resolve().parents[2]
TRIALS = 64


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    folder = tmp_path / "candles"
    folder.mkdir()
    for seed, name in enumerate(("AUSDT", "BUSDT")):
        write_csv(folder, walk_frame(name, 4_000, seed))
    return folder


def words(candles: Path, trials: int, *more: str) -> tuple[str, ...]:
    ranges = ("--range", "atr_sl_mult=0.5:3", "atr_tp_mult=0.5:4", "adx_threshold=0:40")
    fixed = ("--set", "signal_threshold=2", "volume_multiplier=0")
    asked = ("--strategy", "composite", "--walk-forward", "10d/5d", "--trials", str(trials), "--workers", "1")
    return ("tune", "--candles", str(candles), *ranges, *fixed, *asked, *more)


def written(home: Path) -> int:
    """Trials in the database that are over; 0 while there is none."""
    file = home / "quarterdeck-tuning.db"
    if not file.is_file():
        return 0
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        try:
            return int(db.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()[0])
        except sqlite3.OperationalError:  # its tables are being made
            return 0


def begun(*arguments: str, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments, home=home),
        cwd=ROOT,
        env=environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 90
    while not true():
        assert process.poll() is None, "it was over too soon"
        assert time.monotonic() < end
        time.sleep(0.003)


def test_a_search_killed_in_the_middle_ends_as_one_that_was_not(candles: Path, tmp_path: Path) -> None:
    """kill -9 after some trials, wherever in a batch that is: every set and figure of the end is the same."""
    home, calm = tmp_path / "home", tmp_path / "calm"
    process = begun(*words(candles, TRIALS), home=home)
    until(lambda: written(home) >= 9, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = written(home)
    assert 9 <= there < TRIALS

    done = quarterdeck(*words(candles, TRIALS, "--resume", "--json"), home=home)
    assert done.returncode == 0, done.stderr
    resumed = json.loads(done.stdout)
    whole = json.loads(quarterdeck(*words(candles, TRIALS, "--json"), home=calm).stdout)
    assert (resumed["resumed"], whole["resumed"]) == (there, 0)
    assert written(home) == written(calm) == TRIALS
    assert resumed["tune"] == whole["tune"]
    assert resumed["sections"] == whole["sections"]

    best = whole["tune"]["best"]
    assert 0.5 <= best["atr_sl_mult"] <= 3
    assert 0 <= best["adx_threshold"] <= 40
    assert whole["tune"]["held_out"]["trades"] > 0
    kept = json.loads(Path(whole["file"]).read_text())
    assert kept["tune"] == whole["tune"]
    assert {"config", "data", "code", "seed"} <= set(kept["run"])


def test_an_odd_number_of_trials_is_gone_on_with_as_if_never_stopped(candles: Path, tmp_path: Path) -> None:
    home, calm = tmp_path / "home", tmp_path / "calm"
    assert quarterdeck(*words(candles, 11, "--json"), home=home).returncode == 0
    resumed = json.loads(quarterdeck(*words(candles, 20, "--resume", "--json"), home=home).stdout)
    whole = json.loads(quarterdeck(*words(candles, 20, "--json"), home=calm).stdout)
    assert (resumed["resumed"], resumed["tune"], resumed["sections"]) == (
        11,
        whole["tune"],
        whole["sections"],
    )


def test_two_at_once_on_one_study(candles: Path, tmp_path: Path) -> None:
    """The second is refused in one line and takes nothing from the first; another search goes on beside it."""
    home = tmp_path / "home"
    first = begun(*words(candles, 5_000), home=home)
    try:
        until(lambda: written(home) >= 8, first)
        for more in ((), ("--resume",)):
            before = written(home)
            says = slip(quarterdeck(*words(candles, 16, *more), home=home))
            assert "another process is at this very search" in says
            assert written(home) >= before
        other = quarterdeck(*words(candles, 8, "--seed", "5", "--json"), home=home)
        assert other.returncode == 0, other.stderr
        assert json.loads(other.stdout)["tune"]["trials"] == 8
        assert first.poll() is None
        first.send_signal(signal.SIGINT)
        assert first.wait(100) == 130
    finally:
        first.kill()
        first.wait()
    there = written(home) - 8
    done = quarterdeck(*words(candles, there + 1, "--resume", "--json"), home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["resumed"] == there


def test_slips_are_one_clear_line(candles: Path, tmp_path: Path) -> None:
    for more, says in (
        (("--trials", "0"), "--trials 0 is not allowed"),
        (("--range", "atr_sl_mult=1:3"), "is given twice"),
        (("--walk-forward", "none"), "tune needs --walk-forward"),
        (("--walk-forward", "30d/10d"), "tune needs 3"),
    ):
        assert says in slip(quarterdeck(*words(candles, 8, *more), home=tmp_path / "home")), more
