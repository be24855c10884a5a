"""Tuning with Optuna: seeded, resumed to the same trials, its database apart from the desk's."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from planted_market import PLATEAU, planted_folder, walk_frame

from bot.domain.errors import ConfigError
from research.sweep.figures import SetFigures
from research.sweep.grid import Listed
from research.sweep.plan import SweepPlan
from research.sweep.source import known
from research.sweep.tuning import Range, Search, TuneResult, ranges_of, tune, valued
from research.work import open_workers
from storage.database import open_database
from storage.tuning import tuning_url
from strategies.registry import Registry

AXES = (Range("a", 0, 4, True), Range("b", 0, 4, True))


def search_in(folder: Path, seed: int = 1) -> Search:
    own = folder / "own"
    if not own.exists():
        planted_folder(own, PLATEAU)
    plan = SweepPlan("planted", Listed(()), strategy_paths=(str(own),), windows=("10d", "5d"), seed=seed)
    return Search(plan, AXES, (known(walk_frame("AUSDT", 4_000, 3)),), f"sqlite:///{folder}/trials.db")


def tuned(search: Search, trials: int, resume: bool = False) -> TuneResult:
    with open_workers(1) as workers:
        return tune(search, trials, resume, workers)


def tried(search: Search) -> list[dict[str, object]]:
    study = optuna.load_study(study_name=search.name, storage=search.url)
    return [one.params for one in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))]


def test_it_finds_the_plateau_and_judges_it_on_windows_it_never_saw(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    result = tuned(search, 24)
    assert 1 <= int(result.best["a"]) <= 3
    assert 1 <= int(result.best["b"]) <= 3
    seen, held = search.folds()
    assert seen[-1].test_to_ms <= held[0].test_from_ms
    assert (result.tuned_folds, result.held_out_folds) == (len(seen), len(held))
    assert result.held_out.trades > 0
    assert result.held_out.factor > 1.0
    assert result.swept.sections[0].walk is not None


def test_a_resumed_search_asks_for_the_same_sets(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    whole, parts = search_in(tmp_path / "one"), search_in(tmp_path / "two")
    first = tuned(whole, 24)
    tuned(parts, 16)
    study = optuna.load_study(study_name=parts.name, storage=parts.url)
    study.ask()  # a trial that was cut short by a kill
    second = tuned(parts, 24, resume=True)
    assert second.resumed == 16
    assert tried(whole) == tried(parts)
    assert (first.best, first.value) == (second.best, second.value)


def test_without_resume_it_begins_anew(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    tuned(search, 8)
    assert tuned(search, 8).resumed == 0
    assert len(tried(search)) == 8


async def test_the_desks_database_stays_as_it_is(tmp_path: Path) -> None:
    """Optuna's tables in it would be refused at the next start; theirs is a file beside it."""
    desk = f"sqlite+aiosqlite:///{tmp_path / 'quarterdeck.db'}"
    await (await open_database(desk)).close()
    url = tuning_url(desk, tmp_path)
    assert url == f"sqlite:///{tmp_path / 'quarterdeck-tuning.db'}"
    assert tuning_url("postgresql+asyncpg://u:p@localhost/desk", tmp_path) == url
    tuned(replace(search_in(tmp_path), url=url), 8)
    await (await open_database(desk)).close()


def test_a_value_below_zero_says_too_few_trades() -> None:
    figures = SetFigures(0, {}, 12, 6, 0.1, 0.3, 0.2, None, 0)
    assert valued(figures, 30) == pytest.approx(12 / 30 - 1)
    assert valued(figures, 10) == pytest.approx(1.5)
    assert valued(replace(figures, gross_loss=0.0), 10) == 10.0


def test_usual_ranges_and_refused_ones() -> None:
    registry = Registry()
    usual = {one.name: one for one in ranges_of(registry, "composite", (), {"adx_threshold": 20.0})}
    assert usual["atr_sl_mult"] == Range("atr_sl_mult", 1.0, 4.0, False)
    assert usual["signal_threshold"].whole
    assert "adx_threshold" not in usual
    for text, says in (
        ("adx_threshold=5", "allowed: parameter=low:high"),
        ("adx_treshold=5:6", "did you mean adx_threshold"),
        ("adx_threshold=5:600", "out of range"),
        ("adx_threshold=9:5", "is not below"),
    ):
        with pytest.raises(ConfigError, match=says):
            ranges_of(registry, "composite", (text,), {})


def test_too_few_folds_are_refused(tmp_path: Path) -> None:
    search = search_in(tmp_path)
    short = replace(search, plan=replace(search.plan, windows=("20d", "10d")))
    with pytest.raises(ConfigError, match="tune needs 3"):
        tuned(short, 8)
