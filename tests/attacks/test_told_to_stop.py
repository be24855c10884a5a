"""Told to stop at any moment, the start included: exit code 0 within ten seconds, everything saved."""

import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from processes import ROOT, command, environ, quarterdeck


def ended(home: Path, number: signal.Signals, after_s: float) -> subprocess.Popen[str]:
    """A demo with a console on an open pipe, told to stop after a while; answers the ended process."""
    process = subprocess.Popen(
        command("demo", "--speed", "0.05", home=home),
        cwd=ROOT,
        env=environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(after_s)
    process.send_signal(number)
    process.wait(timeout=10)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("after_s", [0.8, 1.4, 3.0])
def test_a_desk_that_is_told_to_stop_ends_in_order(
    tmp_path: Path, number: signal.Signals, after_s: float
) -> None:
    """While it imports, opens its books, recovers, and trades."""
    process = ended(tmp_path, number, after_s)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.returncode == 0
    done = quarterdeck("audit", "verify", home=tmp_path)
    assert "the chain is whole" in done.stdout


def wait_for_journal(home: Path) -> None:
    """Until the script trades, however slow the machine is."""
    for _ in range(600):
        time.sleep(0.1)
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"file:{home}/quarterdeck.db?mode=ro", uri=True)) as books,
        ):
            if books.execute("SELECT count(*) FROM journal").fetchone()[0] > 50:
                return
    raise AssertionError("the script does not begin")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_script_that_is_cut_short_says_so_by_its_exit_code(tmp_path: Path, number: signal.Signals) -> None:
    """What was lived is saved and replays; but nobody may take half a script for a whole one."""
    process = subprocess.Popen(
        command("demo", "--bars", "100000000", "--json", home=tmp_path),
        cwd=ROOT,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_journal(tmp_path)
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (130, "")
    assert "byte for byte" in quarterdeck("replay", home=tmp_path).stdout
