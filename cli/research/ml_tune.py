"""`quarterdeck ml tune`: search, keep, propose. Nothing is put in use."""

from dataclasses import asdict
from pathlib import Path

from cli.research.code_mark import code_mark
from cli.research.kept import Keeping, named, put_json, written
from cli.research.ml_ground import material_for
from cli.research.ml_options import MlOptions
from cli.research.ml_train import learner_of
from cli.research.ml_view import number
from cli.research.progress_view import progress
from research.learning.cards import data_hash
from research.learning.lesson import refuse_leaks
from research.learning.tuned import PROPOSAL
from research.learning.tuning import Proposal, Search, Shown, tune
from research.results.files import packed
from storage.tuning import tuning_url

FOLDER = Path("results") / "tuning"


def run_tune(options: MlOptions, trials: int, resume: bool) -> int:
    """Run it, or go on with it."""
    material, notes = material_for(options)
    refuse_leaks(material, options.seed)
    url = tuning_url(options.loaded.database_url, options.folder)
    search = Search(material, learner_of(options).set_to, options.seed, url)
    with progress("Tune", unit="trials", json=options.json) as tell:
        found = tune(search, trials, resume, tell)
    content: dict[str, object] = {
        PROPOSAL: {
            "strategy": material.strategy,
            "symbol": material.symbol,
            "settings": asdict(found.settings),
            "in_use": asdict(search.now),
            "better": found.better,
            "applied": False,
        },
        "study": found.study,
        "trials": found.trials,
        "pruned": found.pruned,
        "value": found.value,
        "held_out": {"before": asdict(found.before), "after": asdict(found.after)},
        "run": {"code": code_mark(), "data_hash": data_hash(material), "seed": options.seed},
    }
    path = options.folder / FOLDER / f"{found.study}.json"
    keeping = Keeping()
    kept = keeping.result(lambda: written(path, packed(content)))
    if options.json:
        put_json({**content, "resumed": found.resumed, "file": named(kept), "notes": list(notes)})
    else:
        _show(found, kept)
    return keeping.end()


def _show(found: Proposal, path: Path | None) -> None:
    print(f"Best of {found.trials} trials ({found.pruned} cut short, {found.resumed} from before):")
    for name, value in asdict(found.settings).items():
        print(f"  {name} = {value:.6g}")
    print("On the last fold, which no trial saw:")
    print(f"  before: {_line(found.before)}")
    print(f"  after:  {_line(found.after)}")
    print("It held." if found.better else "It did not hold: leave the settings as they are.")
    print("A proposal; nothing is changed.", end="")
    print(f" To train with it: quarterdeck ml train ... --tuned {path}" if path else "")


def _line(shown: Shown) -> str:
    return (
        f"precision {number(shown.precision)}, recall {number(shown.recall)}, AUC {number(shown.auc)} "
        f"({shown.signals} signals)"
    )
