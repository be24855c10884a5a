"""`quarterdeck ml ablation` and `ml compare`: trained for the answer alone, nothing is written."""

from dataclasses import asdict

from cli.research.kept import put_json
from cli.research.ml_ground import material_for
from cli.research.ml_options import MlOptions
from cli.research.ml_train import learner_of
from cli.research.ml_view import show_ablation, show_comparison
from cli.research.progress_view import progress
from research.learning.ablation import ablation_of
from research.learning.comparing import Side, comparison_of
from research.learning.folds import walk_forward
from research.learning.lesson import refuse_leaks
from research.learning.training import validated


def run_ablation(options: MlOptions) -> int:
    """A, B, C and what their difference means."""
    material, notes = material_for(options)
    refuse_leaks(material, options.seed)
    data, learner = material.dataset, learner_of(options)
    splits = walk_forward(data, embargo=material.recipe.lookahead)
    with progress("Ablation", unit="steps", json=options.json) as tell:
        tell(0, 1)
        found = ablation_of(data, splits, learner, options.seed)
    if options.json:
        figures = {**asdict(found), "drop": found.drop, "verdict": found.word, "line": found.line}
        put_json({"ablation": figures, "notes": list(notes)})
    else:
        show_ablation(found)
    return 0


def run_compare(options: MlOptions) -> int:
    """Both backtests."""
    material, notes = material_for(options)
    refuse_leaks(material, options.seed)
    splits = walk_forward(material.dataset, embargo=material.recipe.lookahead)
    with progress("Compare", unit="trainings", json=options.json) as tell:
        learner = learner_of(options)
        judged = validated(material.dataset, splits, learner, options.seed, tell, options.threshold)
    found = comparison_of(material, judged)
    if options.json:
        sides = {"on": _side(found.on), "off": _side(found.off)}
        put_json(
            {
                "comparison": {**asdict(found), **sides, "gain": found.gain, "verdict": found.word},
                "notes": list(notes),
            }
        )
    else:
        show_comparison(found)
    return 0


def _side(side: Side) -> dict[str, object]:
    return {**asdict(side), "profit_factor": side.profit_factor, "win_rate": side.win_rate}
