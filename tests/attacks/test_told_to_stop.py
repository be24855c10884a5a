"""Told to stop at any moment, the start included: it ends by itself with exit code 0, everything saved."""

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import ROOT, command, environ, quarterdeck

PATIENT_S = 120.0
PROMISED_S = 10.0
AS_SLOW_AS_THIS = 10.0
"""An end takes no longer than promised; on a machine with other work, than so many starts of a small command there."""


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


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended that was told to, and how long that took it."""

    code: int
    said: str
    took_s: float


def ended(home: Path, number: signal.Signals, moment: str) -> Ended:
    """A demo with a console on an open pipe, told to stop at that moment."""
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
        return told(process, number)
    finally:
        process.kill()


def told(process: subprocess.Popen[str], number: signal.Signals) -> Ended:
    """Tell it to stop and wait for its end; its console stays open."""
    begun = time.monotonic()
    process.send_signal(number)
    code = process.wait(timeout=PATIENT_S)
    took_s = time.monotonic() - begun
    assert process.stderr is not None
    return Ended(code, process.stderr.read(), took_s)


def timed(*words: str, home: Path) -> tuple[str, float]:
    """What a command of the same house says, and how long all of it takes on this machine now."""
    begun = time.monotonic()
    done = quarterdeck(*words, home=home)
    return done.stdout, time.monotonic() - begun


@pytest.mark.timeout(500)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_desk_that_is_told_to_stop_ends_in_order(
    tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    """While it imports, opens its books, recovers, and trades."""
    end = ended(tmp_path, number, moment)
    assert (end.code, end.said) == (0, "")
    verified, small_s = timed("audit", "verify", home=tmp_path)
    assert "the chain is whole" in verified
    assert end.took_s < max(PROMISED_S, AS_SLOW_AS_THIS * small_s)


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
    for _ in range(1_200):
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
