"""Sweeps over planted markets: lone peaks, plateaus and noise are named; sums are those of the trade lists."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted_market import COIN, LONE_PEAK, PLATEAU, planted_folder, walk_frame

from bot.domain.errors import ConfigError
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.progress import Stopped
from research.results.plan import Plan
from research.sweep.grid import Axis, Grid, default_grid, grid_of, read_grid
from research.sweep.layout import sheet
from research.sweep.plan import SweepPlan
from research.sweep.run import SweepResult, sweep
from research.sweep.shelf import Shelf
from research.sweep.source import known
from research.work import open_workers
from strategies.registry import Registry

FIVE = Grid((Axis("a", (0, 1, 2, 3, 4)), Axis("b", (0, 1, 2, 3, 4))))


def swept(tmp_path: Path, plan: dict[object, int], **options: object) -> SweepResult:
    folder = planted_folder(tmp_path, plan)
    asked = SweepPlan("planted", FIVE, strategy_paths=(str(folder),), windows=("30d", "10d"))
    with open_workers(1) as workers:
        return sweep(replace(asked, **options), [known(walk_frame("AUSDT", 8_000, 3))], workers)


def codes(result: SweepResult) -> set[str]:
    return {verdict.code for verdict in result.sections[0].verdicts}


def test_a_planted_lone_peak_is_named_overfit(tmp_path: Path) -> None:
    result = swept(tmp_path, LONE_PEAK)
    best = result.sections[0].best
    assert best is not None
    assert best.parameters == {"a": 2, "b": 2}
    assert "lone_peak" in codes(result)
    assert next(one.text for one in result.sections[0].verdicts if one.code == "lone_peak").startswith(
        "overfit"
    )
    assert result.sections[0].production_rank == 1  # its files say a 2, b 2


def test_a_planted_plateau_is_none(tmp_path: Path) -> None:
    result = swept(tmp_path, PLATEAU)
    around = result.sections[0].around
    assert around is not None
    assert around.kept is not None
    assert around.kept > 0.5
    assert "plateau" in codes(result)
    assert not {"lone_peak", "overfit", "walk_lost"} & codes(result)


def test_noise_does_not_hold(tmp_path: Path) -> None:
    """Sets that toss coins: whatever the best came to, a verdict says that it must not be trusted."""
    result = swept(tmp_path, COIN)
    assert {"lone_peak", "overfit", "walk_lost", "no_profit"} & codes(result)
    assert "chance" in codes(result)


def test_too_few_trades_mean_nothing(tmp_path: Path) -> None:
    result = swept(tmp_path, PLATEAU, least=5_000)
    section = result.sections[0]
    assert section.best is None
    assert section.able == 0
    assert [(one.code, one.bad) for one in section.verdicts] == [("too_few_trades", True)]
    assert "mean nothing" in section.verdicts[0].text
    assert "--combined" in section.verdicts[0].text


def test_combined_figures_are_those_of_the_merged_trade_lists(tmp_path: Path) -> None:
    """Recomputed from the trades of two symbols, by hand."""
    folder = planted_folder(tmp_path, PLATEAU)
    frames = [walk_frame("AUSDT", 4_000, 1), walk_frame("BUSDT", 3_000, 2)]
    asked = SweepPlan("planted", FIVE, strategy_paths=(str(folder),), windows=None, combined=True)
    with open_workers(1) as workers:
        (section,) = sweep(asked, [known(frame) for frame in frames], workers).sections
    best = section.best
    assert best is not None
    trades = []
    for frame in frames:
        ground = Ground("15m", {frame.symbol: frame}, strategy_paths=(folder,))
        trades += run_fast(Plan("planted", best.parameters), ground).trades
    trades.sort(key=lambda one: (one.exit_at_ms, one.entry_at_ms, one.symbol))
    returns = [one.net_return for one in trades]
    running = high = deepest = 0.0
    for one in returns:
        running += one
        high = max(high, running)
        deepest = max(deepest, high - running)
    assert best.trades == len(returns)
    assert best.wins == sum(one > 0 for one in returns)
    assert best.net == pytest.approx(sum(returns), rel=1e-9)
    assert best.gross_profit == pytest.approx(sum(one for one in returns if one > 0), rel=1e-9)
    assert best.gross_loss == pytest.approx(-sum(one for one in returns if one < 0), rel=1e-9)
    assert best.drawdown == pytest.approx(deepest, rel=1e-9)
    assert sum(one.trades for one in section.by_symbol.values()) == best.trades


def test_the_walk_forward_chooses_on_train_and_adds_up_test(tmp_path: Path) -> None:
    walk = swept(tmp_path, PLATEAU).sections[0].walk
    assert walk is not None
    tests = [step.test for step in walk.steps if step.test]
    assert len(tests) == walk.chosen == len(walk.steps) >= 4
    assert walk.total.trades == sum(one.trades for one in tests)
    assert walk.total.net == pytest.approx(sum(one.net for one in tests))
    for step in walk.steps:
        assert step.train is not None
        assert step.test is not None
        assert step.train.index == step.test.index
        assert step.train.trades >= step.least
        assert step.fold.train_to_ms == step.fold.test_from_ms


def test_processes_count_as_one(tmp_path: Path) -> None:
    folder = planted_folder(tmp_path, PLATEAU)
    marks = [known(walk_frame(name, 2_500, seed)) for seed, name in enumerate(("AUSDT", "BUSDT", "CUSDT"))]
    asked = SweepPlan("planted", FIVE, strategy_paths=(str(folder),), windows=None)
    with open_workers(1) as one, open_workers(2) as two:
        assert sweep(asked, marks, one).sections == sweep(asked, marks, two).sections


def test_a_stopped_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = planted_folder(tmp_path / "own", PLATEAU)
    marks = [known(walk_frame(name, 2_000, seed)) for seed, name in enumerate(("AUSDT", "BUSDT", "CUSDT"))]
    asked = SweepPlan("planted", FIVE, strategy_paths=(str(folder),), windows=None)
    shelf = Shelf(tmp_path / "parts")

    def stopping(done: int, whole: int) -> None:
        if done >= 4_000:
            raise Stopped

    with open_workers(1) as workers:
        with pytest.raises(Stopped):
            sweep(asked, marks, workers, stopping, shelf)
        assert len(list(shelf.folder.glob("*.part"))) == 2
        whole = sweep(asked, marks, workers)
        resumed = sweep(asked, marks, workers, shelf=shelf)
        assert resumed.resumed == 2
        assert resumed.sections == whole.sections
        moved = [known(walk_frame("AUSDT", 2_000, 99)), *marks[1:]]
        assert sweep(asked, moved, workers, shelf=shelf).resumed == 2
        assert sweep(replace(asked, windows=("5d", "5d")), marks, workers, shelf=shelf).resumed == 0


def test_a_damaged_part_is_counted_again(tmp_path: Path) -> None:
    folder = planted_folder(tmp_path / "own", PLATEAU)
    marks = [known(walk_frame("AUSDT", 2_000, 1))]
    asked = SweepPlan("planted", FIVE, strategy_paths=(str(folder),), windows=None)
    shelf = Shelf(tmp_path / "parts")
    with open_workers(1) as workers:
        whole = sweep(asked, marks, workers, shelf=shelf)
        part = next(shelf.folder.glob("*.part"))
        part.write_bytes(part.read_bytes()[:200])
        again = sweep(asked, marks, workers, shelf=shelf)
    assert again.resumed == 0
    assert again.sections == whole.sections


def test_the_usual_grid_has_324_sets_in_their_order() -> None:
    grid = default_grid(Registry(), "composite")
    sets = grid.sets()
    assert len(grid) == len(sets) == 324
    assert len({tuple(one.items()) for one in sets}) == 324
    for index in (0, 1, 17, 200, 323):
        assert grid.index(grid.places(index)) == index
        values = {
            axis.name: axis.values[place] for axis, place in zip(grid.axes, grid.places(index), strict=True)
        }
        assert values == sets[index]
        for other in grid.neighbours(index):
            assert sum(sets[other][name] != value for name, value in sets[index].items()) == 1


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "is empty"),
        ("adx_treshold: [1]", "did you mean adx_threshold"),
        ("adx_threshold: [20, 400]", "400.0 is out of range; allowed: 0 to 100"),
        ("adx_threshold: []", "has no value"),
        ("nothing_like_it: []", "is unknown"),
        ("adx_threshold: [20, 20.0]", "twice"),
        ("mode: [live]", "mode is no parameter to try"),
        ("signal_threshold: [3.5]", "is not a whole number"),
        ("adx_threshold: {from: 0, to: 100}", "allowed: [value, value] or {from: number"),
        ("adx_threshold: {from: 10, to: 0, step: 1}", "allowed: from <= to, step above 0"),
        ("adx_threshold: {from: 0, to: 100, step: 0}", "allowed: from <= to, step above 0"),
        (
            "adx_threshold: {from: 0, to: 100, step: 0.1}\natr_sl_mult: {from: 1, to: 20, step: 0.1}",
            "allowed: 10,000",
        ),
        ("adx_threshold: [1\n", "not valid YAML"),
    ],
)
def test_grids_that_cannot_be_are_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_grid(path, Registry(), "composite")
    assert says in str(refused.value)
    assert str(refused.value).startswith("grid.yaml")
    assert "\n" not in str(refused.value)


def test_a_grid_file_may_step() -> None:
    found = {"adx_threshold": {"from": 0, "to": 30, "step": 10}, "signal_threshold": 3, "atr_sl_mult": [2, 1]}
    grid = grid_of(found, "grid.yaml", Registry(), "composite")
    assert grid.axes == (
        Axis("adx_threshold", (0.0, 10.0, 20.0, 30.0)),
        Axis("signal_threshold", (3,)),
        Axis("atr_sl_mult", (1.0, 2.0)),
    )


def test_every_set_has_its_cell(tmp_path: Path) -> None:
    section = swept(tmp_path, PLATEAU).sections[0]
    laid = sheet(FIVE, section.rows, 30, 10.0)
    assert laid.cells.shape == (5, 5)
    assert len(set(laid.places)) == 25
    for row in section.rows:
        expected = row.factor if row.trades >= 30 else np.nan
        assert laid.cells[laid.places[row.index]] == pytest.approx(expected, nan_ok=True)


def test_rows_without_enough_trades_are_left_out_of_the_sheet(tmp_path: Path) -> None:
    """All but row 3 of five rows have too few trades; production stands in row 1 and stays."""
    rows = [
        replace(row, trades=100 if FIVE.places(row.index)[1] == 3 else 1)
        for row in swept(tmp_path, PLATEAU).sections[0].rows
    ]
    production = FIVE.index((2, 1))
    laid = sheet(FIVE, rows, 30, 10.0).without_empty([production])
    assert (laid.down_words, laid.left_out, laid.cells.shape) == (["1", "3"], 3, (2, 5))
    assert laid.places[production] == (0, 2)
    assert laid.places[FIVE.index((4, 3))] == (1, 4)
    assert laid.places[FIVE.index((4, 0))] == (-1, 4)
    assert np.isnan(laid.cells[0]).all()
    assert np.isfinite(laid.cells[1]).all()
    assert sheet(FIVE, rows, 300, 10.0).without_empty([]).cells.shape == (0, 5)
