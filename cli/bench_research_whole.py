"""Whole commands of research, from nothing to their last byte: by the clock, with the memory of all their processes."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.05
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20) if hasattr(os, "sysconf") else 0.0
SESSION_FIELD = 3
"""Of /proc/PID/stat behind the name: state, parent, group, session."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Medians of a command's runs: seconds by the clock, most memory of all its processes together in MB."""

    seconds: float
    memory_mb: float


def whole(words: Sequence[str], runs: int) -> Whole:
    """Run `quarterdeck WORDS` in a home of its own; once before to warm up. What it raises ends the benchmark."""
    taken: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "cli.main", "--home", home, *words]
        taken += [_once(command) for _ in range(runs + 1)]
    return Whole(*(statistics.median(one[place] for one in taken[1:]) for place in (0, 1)))


def _once(command: Sequence[str]) -> tuple[float, float]:
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own words
        command, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        most, ended = [0.0], threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, most, ended))
        watcher.start()
        code = process.wait()
        took = time.perf_counter() - began
        ended.set()
        watcher.join()
    if code:
        raise subprocess.CalledProcessError(code, list(command))
    return took, most[0]


def _watch(session: int, most: list[float], ended: threading.Event) -> None:
    """Look at the memory of a session's processes until the end; pages that they share count for each."""
    while not ended.wait(LOOK_S):
        most[0] = max(most[0], sum(_resident_mb(path, session) for path in Path("/proc").glob("[0-9]*")))


def _resident_mb(path: Path, session: int) -> float:
    try:
        fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
        if int(fields[SESSION_FIELD]) != session:
            return 0.0
        return int((path / "statm").read_text().split()[1]) * PAGE_MB
    except (OSError, IndexError, ValueError):  # it ended while it was looked at
        return 0.0
