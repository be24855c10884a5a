"""`quarterdeck tune`: search, keep, show."""

from pathlib import Path

from cli.research.kept import Keeping, named, put_json, written
from cli.research.progress_view import progress
from cli.research.sweep_options import SweepOptions, known_of, plan_of, workers_of
from cli.research.sweep_view import print_notes, print_table
from research.results.files import packed
from research.sweep.document import run_row, section_row, set_row, set_words
from research.sweep.grid import Listed
from research.sweep.tuning import Search, TuneResult, ranges_of, tune
from research.sweep.words import HEADS, section_lines, set_cells
from storage.tuning import tuning_url

FOLDER = Path("results") / "tuning"


def run_tune(options: SweepOptions, texts: tuple[str, ...], trials: int, resume: bool) -> int:
    """Run it, or go on with it."""
    plan = plan_of(options, Listed(()))
    ranges = ranges_of(options.registry, options.trading, texts, plan.fixed)
    with workers_of(options) as workers:
        with progress("Candles", unit="symbols", json=options.json) as tell:
            known = known_of(options, workers, tell, carry=True)
        search = Search(plan, ranges, known, tuning_url(options.loaded.database_url, options.folder))
        with progress("Tune", unit="trials", json=options.json) as tell:
            result = tune(search, trials, resume, workers, tell)
    path = options.folder / FOLDER / f"tune-{result.study}.json"
    content, keeping = _document(search, result), Keeping()
    kept = keeping.result(lambda: written(path, packed(content)))
    if options.json:
        put_json({**content, "resumed": result.resumed, "file": named(kept)})
    else:
        _show(result, kept)
    return keeping.end()


def _document(search: Search, result: TuneResult) -> dict[str, object]:
    return {
        "tune": {
            "study": result.study,
            "trials": result.trials,
            "ranges": {one.name: [one.low, one.high] for one in search.ranges},
            "value": result.value,
            "best": dict(result.best),
            "tuned_on": {"folds": result.tuned_folds, **set_row(result.tuned)},
            "held_out": {"folds": result.held_out_folds, **set_row(result.held_out)},
            "held_out_production": set_row(result.held_out_production),
        },
        "sections": [section_row(section, 20) for section in result.swept.sections],
        "notes": [note for one in search.known for note in one.notes],
        "run": run_row("tune", search.plan, search.known),
    }


def _show(result: TuneResult, path: Path | None) -> None:
    print(f"Best of {result.trials} trials ({result.resumed} of them from before): {set_words(result.best)}")
    rows = [
        set_cells("", result.tuned, f"tuned on {result.tuned_folds} test windows"),
        set_cells("", result.held_out, f"held out, {result.held_out_folds} windows"),
        set_cells("", result.held_out_production, "production, held out"),
    ]
    print_table(HEADS, rows)
    print(f"{'!' if _failed(result) else '-'} {_judged(result)}")
    print("All sets tried, walked forward like a sweep:")
    print("\n".join(section_lines(result.swept.sections[0])))
    print_notes(result.swept.known)
    if path:
        print(f"Result: {path}")


def _failed(result: TuneResult) -> bool:
    held = result.held_out
    return held.trades < result.swept.plan.least or held.factor <= 1.0


def _judged(result: TuneResult) -> str:
    held, least = result.held_out, result.swept.plan.least
    if held.trades < least:
        return f"the held-out windows mean nothing: {held.trades} trades, {least} are asked for"
    found = f"factor {result.tuned.factor:.2f} tuned, {held.factor:.2f} in windows the search never saw"
    return f"it held: {found}" if held.factor > 1.0 else f"it did not hold: {found}"
