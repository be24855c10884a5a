"""The process in which long work runs: a parcel on its input, progress and the result on its output, a line each."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TextIO

from bot.domain.errors import QuarterdeckError
from bot.runtime.codec import encode
from cli.workshop.parcel import Parcel, progress_line, refused_line, result_line, unpacked

NICE = 10
"""Trading comes first."""
SAID_EVERY_S = 0.1

type Say = Callable[[int, int, str], None]
"""Told how far it is, and at what."""
type Work = Callable[[Parcel, Say], object]

WORKS = {
    "backtest": "cli.workshop.backtests",
    "clusters": "cli.workshop.groupings",
    "sweep": "cli.workshop.sweeps",
    "train": "cli.workshop.trainings",
    "weekly": "cli.workshop.weeklies",
}
"""Work by its name, and the module whose `work` does it."""


@dataclass(slots=True)
class Voice:
    """Says how far it is, not more often than anybody looks."""

    to: TextIO
    said_s: float = 0.0
    at: str = ""

    def say(self, done: int, whole: int, at: str = "") -> None:
        """Cheap to call often; something new is said at once."""
        now_s = time.monotonic()
        if now_s - self.said_s < SAID_EVERY_S and at == self.at:
            return
        self.said_s, self.at = now_s, at
        self.line(progress_line(done, whole, at))

    def line(self, line: bytes) -> None:
        """One line; whoever listened may be gone, and then this process has no reason to be."""
        self.to.write(line.decode())
        self.to.flush()


def main() -> int:
    """Read a parcel, do the work, write what came out."""
    os.nice(NICE)
    voice = Voice(os.fdopen(os.dup(1), "w"))
    os.dup2(
        2, 1
    )  # what a strategy prints, here or in a process that counts for us, must not end up in the answer
    try:
        parcel = unpacked(sys.stdin.buffer)
        work: Work = import_module(WORKS[parcel.work]).work
        result = encode(work(parcel, voice.say))
    except QuarterdeckError as error:
        voice.line(refused_line(str(error)))
        return 1
    voice.line(result_line(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
