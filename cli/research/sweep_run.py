"""`quarterdeck sweep`: count, keep, show; what was counted before a stop is on the shelf."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.research.again import told_again
from cli.research.asked import asked_again, recorded
from cli.research.kept import Keeping, named, put_json, written
from cli.research.progress_view import progress
from cli.research.sweep_options import SweepOptions, known_of, plan_of, workers_of
from cli.research.sweep_view import show_sweep
from research.results.files import packed, read_result
from research.sweep.document import name_of, sweep_document
from research.sweep.run import SweepResult, sweep
from research.sweep.shelf import Shelf

FOLDER = Path("results") / "sweeps"
SECTIONS = ("sections",)


@dataclass(frozen=True, slots=True)
class Ways:
    """What happens to the result besides: pictures, a page; `resume` goes on, `repeat` runs a result file again."""

    resume: bool = False
    repeat: Path | None = None
    picture: Path | None = None
    html: Path | None = None


def run_sweep(options: SweepOptions, ways: Ways) -> int:
    """Run it, or go on with it, or run it again."""
    if ways.repeat is not None:
        return _repeat(options, ways.repeat)
    result, name, shelf = _swept(options, ways.resume)
    path = options.folder / FOLDER / f"{name}.json"
    content, keeping = _document(options, result), Keeping()
    kept = keeping.result(lambda: _kept(path, content, shelf))
    _draw(result, ways.picture, keeping)
    if ways.html is not None:
        page = ways.html
        keeping.file("the page was not written", lambda: _write_page(result, page))
    if options.json:
        put_json({**content, "resumed": result.resumed, "file": named(kept)})
    else:
        show_sweep(result, kept)
    return keeping.end()


def _kept(path: Path, content: dict[str, object], shelf: Shelf) -> Path:
    """The parts go when the result holds what they came to, and not before."""
    written(path, packed(content))
    shelf.clear()
    return path


def _swept(options: SweepOptions, resume: bool) -> tuple[SweepResult, str, Shelf]:
    """The sweep, its name, and where its parts are."""
    plan = plan_of(options)
    with workers_of(options) as workers:
        with progress("Candles", unit="symbols", json=options.json) as tell:
            known = known_of(options, workers, tell)
        name = name_of("sweep", plan, known)
        shelf = Shelf(options.folder / FOLDER / name)
        if not resume:
            shelf.clear()
        with progress("Sweep", json=options.json) as tell:
            return sweep(plan, known, workers, tell, shelf), name, shelf


def _document(options: SweepOptions, result: SweepResult) -> dict[str, object]:
    content = sweep_document(result)
    run = content["run"]
    return {**content, "run": {**(run if isinstance(run, dict) else {}), "asked": recorded(options, {})}}


def _repeat(options: SweepOptions, file: Path) -> int:
    before = read_result(file, "sweep")
    again, _ = asked_again(before, "sweep", file, options, {})
    result, _, shelf = _swept(again, resume=False)
    shelf.clear()
    return told_again(file, before, _document(again, result), SECTIONS, options.json)


def _draw(result: SweepResult, picture: Path | None, keeping: Keeping) -> None:
    """A picture for each section; with several, the symbol goes into the name."""
    if picture is None:
        return
    from research.sweep.pictures import heat_map

    for section in result.sections:
        title = section.course.title
        path = picture if len(result.sections) == 1 else picture.with_stem(f"{picture.stem}-{title}")
        drawn = heat_map(result.plan, section, f"Sweep of {result.plan.strategy}: {title}")
        keeping.file("the picture was not written", partial(written, path, drawn))


def _write_page(result: SweepResult, html: Path) -> Path:
    from research.sweep.page import sweep_page

    return written(html, sweep_page(result).encode())
