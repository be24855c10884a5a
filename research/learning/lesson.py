"""A whole training: leak check, folds, model, ablation, comparison, advice."""

from dataclasses import dataclass

from research.learning.ablation import Ablation, ablation_of
from research.learning.advising import Advised, advised
from research.learning.comparing import Comparison, comparison_of
from research.learning.leaks import leaks
from research.learning.learners import Fitted, Learner
from research.learning.material import Material, Subject, Unteachable
from research.learning.training import DEFAULT_THRESHOLD, Trained, train
from research.progress import Tell, silent


@dataclass(frozen=True, slots=True)
class Lesson[Made: Fitted]:
    """What came of it."""

    material: Subject
    trained: Trained[Made]
    ablation: Ablation
    comparison: Comparison
    advised: Advised


def teach[Made: Fitted](
    material: Subject,
    learner: Learner[Made],
    seed: int,
    sweep_ratio: float | None = None,
    tell: Tell = silent,
    fallback: float = DEFAULT_THRESHOLD,
) -> Lesson[Made]:
    """Train and judge. Raises Unteachable for features that know the future, TooFewRows. `tell` hears of trainings.

    `fallback` is what the model asks of a signal where its folds tell no threshold.
    """
    refuse_leaks(material, seed)
    embargo = material.recipe.lookahead
    trained = train(material.dataset, learner, seed, embargo=embargo, tell=tell, fallback=fallback)
    splits = tuple(one.split for one in trained.judged.folds)
    ablation = ablation_of(material.dataset, splits, learner, seed)
    comparison = comparison_of(material, trained.judged)
    return Lesson(
        material, trained, ablation, comparison, advised(trained.judged, ablation, comparison, sweep_ratio)
    )


def refuse_leaks(material: Subject, seed: int) -> None:
    """Raises Unteachable with the names of features that know the future; a pool's members have been looked at."""
    if not isinstance(material, Material):
        return
    found = leaks(material.features, material.sources, material.matrix, seed)
    if found:
        raise Unteachable(
            f"{material.symbol}: {', '.join(found)} changes when the future is cut off; it must not be learned from"
        )
