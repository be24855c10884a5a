"""Combined figures, as typed: a sweep's and a backtest's over several symbols, from merged trade lists, by scripts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from planted_market import walk_frame, write_csv
from processes import quarterdeck

SUPPORT = Path(__file__).resolve().parents[1] / "support"
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
GRID = "atr_sl_mult: [0.7, 2.0]\nsignal_threshold: [2, 3]\n"
FIXED = ("adx_threshold=0", "volume_multiplier=0")


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """Three symbols of different lengths, funding of each, a grid."""
    (tmp_path / "candles").mkdir()
    for seed, (name, bars) in enumerate(zip(SYMBOLS, (4_000, 3_500, 3_000), strict=True)):
        write_csv(tmp_path / "candles", walk_frame(name, bars, seed))
    times = range(1_672_531_200_000, 1_672_531_200_000 + 4_000 * 900_000, 8 * 3_600_000)
    rows = [f"{at},{name},{0.0004 * (1 + place)}" for at in times for place, name in enumerate(SYMBOLS)]
    (tmp_path / "funding.csv").write_text("\n".join(["timestamp,symbol,funding_rate", *rows]) + "\n")
    (tmp_path / "grid.yaml").write_text(GRID)
    return tmp_path


def ran(ground: Path, *words: str) -> dict[str, object]:
    done = quarterdeck(*words, "--json", home=ground / "home")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def script(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process without the project on its path."""
    return subprocess.run(
        [sys.executable, "-I", str(SUPPORT / name), *words], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("funded", [False, True])
def test_combined_figures_are_those_of_the_merged_trades(ground: Path, funded: bool) -> None:
    candles = ("--candles", str(ground / "candles"), "--strategy", "composite")
    paid = ("--funding", str(ground / "funding.csv")) if funded else ()
    grid = ("--grid", str(ground / "grid.yaml"), "--walk-forward", "10d/5d", "--combined")
    swept = ran(ground, "sweep", *candles, *paid, *grid, "--set", *FIXED)
    (section,) = swept["sections"]  # type: ignore[misc]
    sets = {str(row["rank"]): row["set"] for row in section["ranking"]}
    assert len(sets) == 4
    assert all(row["trades"] > 100 for row in section["ranking"])
    files = []
    for rank, values in {**sets, "production": None}.items():
        own = (*FIXED, *(f"{name}={value}" for name, value in values.items())) if values else ()
        chosen = ("--set", *own) if own else ()
        single = ran(ground, "backtest", *candles, *paid, *chosen, "--wallet", "1000000")
        assert (sum(abs(trade["funding"]) for trade in single["trades"]) > 0) is funded  # type: ignore[attr-defined]
        recounted = script("recount.py", str(single["file"]))
        assert recounted.stdout == "equal\n", recounted.stdout + recounted.stderr
        files.append(f"{rank}={single['file']}")
    done = script("recount_sweep.py", str(swept["file"]), *files)
    assert done.stdout == "equal\n", done.stdout + done.stderr

    wrong = script("recount_sweep.py", str(swept["file"]), f"1={files[1].partition('=')[2]}")
    assert wrong.returncode == 1, "a script that finds no fault in other trades finds none at all"
