"""`quarterdeck ml tune` by several processes at one study: all finish, no trial is done twice, a dead one's is done."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from processes import ROOT, command, environ, quarterdeck, slip
from typed_backtest import write

from bot.strategy import Frame

BARS, TRIALS, BAR_MS = 6_000, 14, 900_000
OVER = "('COMPLETE', 'PRUNED')"


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A walk with many surges of volume."""
    chance = np.random.default_rng(4)
    close = 100.0 * np.exp(np.cumsum(0.003 * chance.standard_normal(BARS)))
    opened = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    times = 1_700_000_100_000 // BAR_MS * BAR_MS + np.arange(BARS, dtype=np.int64) * BAR_MS
    volume = chance.lognormal(7.0, 1.6, BARS)
    frame = Frame("XRPUSDT", BAR_MS, times, opened, high, low, close, volume)
    return write(tmp_path_factory.mktemp("candles"), frame)


def words(candles: str, trials: int, *more: str) -> tuple[str, ...]:
    return ("ml", "tune", "XRPUSDT", "--candles", candles, "--trials", str(trials), "--json", *more)


def rows(home: Path, question: str) -> list[tuple[object, ...]]:
    """From the trials' database; nothing where it is being made."""
    file = home / "quarterdeck-tuning.db"
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as db:
        try:
            return db.execute(question).fetchall()
        except sqlite3.OperationalError:
            return []


def over(home: Path) -> int:
    return len(rows(home, f"select 1 from trials where state in {OVER}"))


def turns(home: Path) -> Counter[object]:
    """How often every turn was done."""
    joined = "trials join trial_user_attributes using (trial_id)"
    return Counter(
        json.loads(str(value))
        for (value,) in rows(home, f"select value_json from {joined} where key = 'turn' and state in {OVER}")
    )


def tried(home: Path) -> list[tuple[object, ...]]:
    """What every finished trial tried."""
    listed = "group_concat(param_name || '=' || param_value)"
    ordered = "(select * from trial_params order by trial_id, param_name)"
    over = f"select trial_id from trials where state in {OVER}"
    return rows(home, f"select {listed} from {ordered} where trial_id in ({over}) group by trial_id")


def begun(*arguments: str, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments, home=home),
        cwd=ROOT,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def until(true: Callable[[], bool], *processes: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 200
    while not true():
        assert all(one.poll() is None for one in processes), "it was over too soon"
        assert time.monotonic() < end
        time.sleep(0.01)


def ended(process: subprocess.Popen[bytes]) -> dict[str, object]:
    """What it answered."""
    out, told = process.communicate(timeout=300)
    assert process.returncode == 0, told.decode()
    found: dict[str, object] = json.loads(out)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_share_a_study_and_one_that_is_killed_is_made_up_for(candles: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    doomed, other = (begun(*words(candles, TRIALS, "--resume"), home=home) for _ in range(2))
    running = (
        "select value_json from trials join trial_user_attributes using (trial_id) where state = 'RUNNING'"
    )
    until(lambda: over(home) >= 2 and len(rows(home, running)) >= 2, doomed, other)
    os.kill(doomed.pid, signal.SIGSTOP)  # somewhere in a trial or between two
    assert "--resume works on it together" in slip(quarterdeck(*words(candles, TRIALS), home=home))
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.communicate()
    third = begun(*words(candles, TRIALS, "--resume"), home=home)
    first, second = ended(other), ended(third)
    assert first["trials"] == second["trials"] == TRIALS
    assert (first["proposal"], first["held_out"]) == (second["proposal"], second["held_out"])
    assert turns(home) == Counter(range(TRIALS))
    assert len(set(tried(home))) == TRIALS, "two tried the same"
    assert not rows(home, running), "what the dead one was at has failed"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_alone_does_what_it_always_did(candles: str, tmp_path: Path) -> None:
    """A kill in the middle of a trial, and the rest alone: the same trials as without."""
    home, calm = tmp_path / "home", tmp_path / "calm"
    process = begun(*words(candles, 8), home=home)
    until(lambda: over(home) >= 3, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert 3 <= over(home) < 8
    assert quarterdeck(*words(candles, 8, "--resume"), home=home).returncode == 0
    assert quarterdeck(*words(candles, 8), home=calm).returncode == 0
    assert sorted(map(str, tried(home))) == sorted(map(str, tried(calm)))
    assert turns(home) == turns(calm) == Counter(range(8))
