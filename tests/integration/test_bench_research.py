"""`quarterdeck bench research`: every row of the table is there, with figures that can be; speed is not judged here."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from markets import random_frame

from bot.domain.errors import ConfigError
from cli.bench_research import ROWS, BenchResearch, Stand, grid, many, run_research_bench
from cli.bench_research_peers import LINES, table
from cli.bench_research_whole import whole

SPEED = {
    "fast_ms",
    "command_s",
    "sweep_command_s",
    "many_command_s",
    "exact_bars_per_s",
    "sweep_ms",
    "walk_forward_ms",
    "many_read_s",
    "many_fast_s",
    "many_sweep_s",
}


@pytest.mark.slow
def test_every_row_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_research_bench(BenchResearch(candles=None, symbols=2, runs=1, json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) >= SPEED | {f"{name}_memory_mb" for name in ROWS}
    assert all(found[name] > 0 for name in SPEED)
    assert (found["bars"], found["symbols"], found["sweep_sets"], found["walk_forward_folds"]) == (
        35_040,
        2,
        324,
        9,
    )
    assert found["candles"] == "generated, seed 7"
    assert [row["ours"] for row in found["table"]] == [found[line.figure] for line in LINES]
    assert found["sweep_command_memory_mb"] < 250, "one process, whatever else the machine does"


def test_the_table_has_ratios_to_peers_and_says_what_is_reached() -> None:
    """A time that is half a peer's is twice as good, so is twice its rate."""
    figures: dict[str, object] = {line.figure: line.asked or 1.0 for line in LINES}
    figures |= {line.memory: line.memory_mb for line in LINES if line.memory}
    rows = {str(row["line"]): row for row in table(figures)}
    assert all(row["reached"] for row in rows.values())
    assert rows["fast backtest, ms"]["peers"]["vectorbt"] == {"figure": 10.9, "ratio": 2.73}
    assert rows["exact backtest, bars/s"]["peers"]["jesse"] == {"figure": 36_000.0, "ratio": 1.39}
    worse = figures | {"fast_ms": 4.1, "exact_bars_per_s": 49_999.0, "sweep_memory_mb": 251.0}
    failed = {str(row["line"]) for row in table(worse) if not row["reached"]}
    assert failed == {"fast backtest, ms", "exact backtest, bars/s", "324-set sweep, ms"}


def test_the_memory_of_all_processes_of_a_command_counts() -> None:
    found = whole(("--help",), 1)
    assert 5 < found.memory_mb < 200
    assert 0 < found.seconds < 60
    with pytest.raises(subprocess.CalledProcessError):
        whole(("no such command",), 1)


def test_many_markets_are_markets_and_differ() -> None:
    frame = random_frame(1, 2_000)
    found = many(Stand(frame, Path("none"), 5, 1))
    assert len({one.close[-500] for one in found.values()}) == 5
    for one in found.values():
        assert (one.low > 0).all()
        assert (one.low <= np.minimum(one.open, one.close)).all()
        assert (one.high >= np.maximum(one.open, one.close)).all()


def test_the_grid_is_the_default_one() -> None:
    assert len({tuple(sorted(one.parameters.items())) for one in grid()}) == 324


@pytest.mark.parametrize("symbols, runs", [(0, 1), (601, 1), (1, 0), (1, 1_001)])
def test_what_cannot_be_measured_is_refused(symbols: int, runs: int) -> None:
    with pytest.raises(ConfigError, match="is not allowed; a whole number from 1 to"):
        run_research_bench(BenchResearch(None, symbols, runs, json=True))
