"""`quarterdeck sweep`: count, keep, show; what was counted before a stop is on the shelf."""

import sys
from pathlib import Path

from cli.research.progress_view import progress
from cli.research.sweep_options import SweepOptions, known_of, plan_of, workers_of
from cli.research.sweep_view import show_sweep
from research.results.files import packed, write_whole
from research.sweep.document import name_of, sweep_document
from research.sweep.run import SweepResult, sweep
from research.sweep.shelf import Shelf

FOLDER = Path("results") / "sweeps"


def run_sweep(options: SweepOptions, resume: bool, picture: Path | None, html: Path | None) -> int:
    """Run it, or go on with it."""
    plan = plan_of(options)
    with workers_of(options) as workers:
        with progress("Candles", unit="symbols", json=options.json) as tell:
            known = known_of(options, workers, tell)
        folder, name = options.folder / FOLDER, name_of("sweep", plan, known)
        shelf = Shelf(folder / name)
        if not resume:
            shelf.clear()
        with progress("Sweep", json=options.json) as tell:
            result = sweep(plan, known, workers, tell, shelf)
    path = folder / f"{name}.json"
    content = sweep_document(result)
    write_whole(path, packed(content))
    shelf.clear()
    _draw(result, picture)
    _write_page(result, html)
    if options.json:
        sys.stdout.buffer.write(packed({**content, "resumed": result.resumed, "file": str(path)}) + b"\n")
        sys.stdout.flush()
    else:
        show_sweep(result, path)
    return 0


def _draw(result: SweepResult, picture: Path | None) -> None:
    """A picture for each section; with several, the symbol goes into the name."""
    if picture is None:
        return
    from research.sweep.pictures import heat_map

    for section in result.sections:
        title = section.course.title
        named = picture if len(result.sections) == 1 else picture.with_stem(f"{picture.stem}-{title}")
        write_whole(named, heat_map(result.plan, section, f"Sweep of {result.plan.strategy}: {title}"))


def _write_page(result: SweepResult, html: Path | None) -> None:
    if html is None:
        return
    from research.sweep.page import sweep_page

    write_whole(html, sweep_page(result).encode())
