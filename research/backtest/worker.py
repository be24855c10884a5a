"""The process in which a backtest runs: a job on its input, progress and the result on its output, a line each.

0.42        how far it is
{...}       the result, last
!text       why there is none, last
"""

import os
import sys
from typing import TextIO

from bot.domain.errors import QuarterdeckError
from bot.runtime.codec import encode
from research.backtest.job import read_job
from research.backtest.run import run_backtest

NICE = 10
"""Trading comes first."""


def main() -> int:
    """Read a job, run it, write what came out."""
    os.nice(NICE)
    said, sys.stdout = sys.stdout, sys.stderr  # a strategy that prints must not end up in the answer
    try:
        job, frame = read_job(sys.stdin.buffer)
        found = run_backtest(job, frame, lambda part: _say(said, f"{part:.3f}"))
    except QuarterdeckError as error:
        _say(said, f"!{' '.join(str(error).split())}")
        return 1
    _say(said, encode(found).decode())
    return 0


def _say(to: TextIO, line: str) -> None:
    to.write(line + "\n")
    to.flush()


if __name__ == "__main__":
    sys.exit(main())
