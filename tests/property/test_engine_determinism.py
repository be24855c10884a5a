"""Same seed, same actions: in this process, in another, whatever order sets and dictionaries hash to."""

import os
import subprocess
import sys
from decimal import ROUND_HALF_UP, localcontext
from pathlib import Path

import digest_of_run
import pytest

SCRIPT = Path(digest_of_run.__file__)


@pytest.mark.parametrize("seed", [1, 2])
def test_another_process_with_another_hash_seed_does_the_same(seed: int) -> None:
    ours = digest_of_run.digest(seed, 150)
    for hash_seed in ("0", "4242"):
        theirs = subprocess.run(
            [sys.executable, str(SCRIPT), str(seed), "150"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert theirs.stdout == ours


def test_a_library_that_changes_how_decimals_round_changes_nothing() -> None:
    ours = digest_of_run.digest(3, 60)
    with localcontext(rounding=ROUND_HALF_UP, prec=9):
        assert digest_of_run.digest(3, 60) == ours


def test_another_market_does_something_else() -> None:
    assert digest_of_run.digest(1, 40) != digest_of_run.digest(2, 40)
