"""Told to stop at any moment, the start included: it ends by itself with exit code 0, everything saved."""

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from processes import ROOT, command, environ, quarterdeck

from cli.live import FAREWELL_S, PATIENCE_S

PATIENT_S = 120.0
"""For processes of a machine that has other work; that nothing long is waited for at the end is a test of its own."""


def hears(process: subprocess.Popen[str], home: Path) -> bool:
    """Its first lines were run: it hears all three signals, the hang-up last."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) & 1 << signal.SIGHUP - 1)


def has_books(process: subprocess.Popen[str], home: Path) -> bool:
    return (home / "quarterdeck.db").exists()


def trades(process: subprocess.Popen[str], home: Path) -> bool:
    return lines_of(home) > 50


MOMENTS: dict[str, tuple[Callable[[subprocess.Popen[str], Path], bool], float]] = {
    "imports": (hears, 0.0),
    "imports on": (hears, 0.4),
    "opens its books": (has_books, 0.0),
    "recovers": (has_books, 0.3),
    "trades": (trades, 0.0),
}


def ended(home: Path, number: signal.Signals, moment: str) -> subprocess.Popen[str]:
    """A demo with a console on an open pipe, told to stop at that moment; answers the ended process."""
    come, later_s = MOMENTS[moment]
    process = subprocess.Popen(
        command("demo", "--speed", "0.05", home=home),
        cwd=ROOT,
        env=environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + PATIENT_S
        while not come(process, home):
            assert process.poll() is None
            assert time.monotonic() < end, moment
            time.sleep(0.005)
        time.sleep(later_s)
        process.send_signal(number)
        process.wait(timeout=PATIENT_S)
    finally:
        process.kill()
    return process


def test_what_an_end_waits_for_lasts_less_than_ten_seconds() -> None:
    assert PATIENCE_S + FAREWELL_S < 10.0


@pytest.mark.timeout(500)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_desk_that_is_told_to_stop_ends_in_order(
    tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    """While it imports, opens its books, recovers, and trades."""
    process = ended(tmp_path, number, moment)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.returncode == 0
    done = quarterdeck("audit", "verify", home=tmp_path)
    assert "the chain is whole" in done.stdout


def lines_of(home: Path) -> int:
    """How many lines the journal has; none while there are no books."""
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"file:{home}/quarterdeck.db?mode=ro", uri=True)) as books,
    ):
        return int(books.execute("SELECT count(*) FROM journal").fetchone()[0])
    return 0


def wait_for_journal(home: Path) -> None:
    """Until the script trades, however slow the machine is."""
    for _ in range(600):
        time.sleep(0.1)
        if lines_of(home) > 50:
            return
    raise AssertionError("the script does not begin")


@pytest.mark.timeout(500)
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
    try:
        wait_for_journal(tmp_path)
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENT_S)
    finally:
        process.kill()
    assert (process.returncode, said) == (130, "")
    assert "byte for byte" in quarterdeck("replay", home=tmp_path).stdout
