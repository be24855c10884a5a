"""`quarterdeck bench research`: every row of the table is there, with figures that can be; speed is not judged here."""

import json
from pathlib import Path

import numpy as np
import pytest
from markets import random_frame

from bot.domain.errors import ConfigError
from cli.bench_research import ROWS, BenchResearch, Stand, grid, many, run_research_bench

SPEED = {
    "fast_ms",
    "command_s",
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
