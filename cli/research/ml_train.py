"""`quarterdeck ml train`: learn, judge, write a version."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bot.domain.errors import ConfigError
from bot.ml import files
from bot.ml.card import Card
from bot.ml.model import ModelError
from bot.runtime.clock import WallClock
from cli.about import commit, version
from cli.research.kept import put_json
from cli.research.ml_ground import material_for, sweep_ratio
from cli.research.ml_options import MlOptions
from cli.research.ml_view import show_lesson
from cli.research.progress_view import progress
from research.learning.boosting import Boosted, Boosting
from research.learning.cards import Origin
from research.learning.keeping import keep
from research.learning.lesson import Lesson, teach
from research.learning.material import Subject
from research.learning.network import Network, Networking
from research.learning.tuned import read_settings

LIGHTGBM, MLP = "lightgbm", "mlp"
BACKENDS = (LIGHTGBM, MLP)


@dataclass(frozen=True, slots=True)
class Kept:
    """A version that was written, and where."""

    card: Card
    folder: str


def run_train(options: MlOptions, backend: str, use: bool) -> int:
    """Train, write, show. With --backend mlp the trees are trained and written, too."""
    if backend not in BACKENDS:
        raise ConfigError(f"--backend {backend[:40]!r} is not allowed; allowed: {', '.join(BACKENDS)}")
    ratio = sweep_ratio(options.sweep, options.symbol, options.strategy)
    material, notes = material_for(options)
    with progress("Train", unit="trainings", json=options.json) as tell:
        trees = teach(material, learner_of(options), options.seed, ratio, tell, options.threshold)
    network: Lesson[Network] | None = None
    if backend == MLP:
        with progress("Train mlp", unit="trainings", json=options.json) as tell:
            network = teach(material, Networking(), options.seed, ratio, tell, options.threshold)
    remarks = _beside(trees, network) if network else ()
    asked_trees = backend == LIGHTGBM
    kept = [_keep(options, trees, remarks, use and asked_trees)]
    if network:
        try:
            kept.append(_keep(options, network, remarks, use))
        except ModelError as error:
            raise ModelError(f"{error}; {LIGHTGBM} is written as {kept[0].card.version}") from None
    _tell(options, material, trees, network, kept, notes)
    return 0


def learner_of(options: MlOptions) -> Boosting:
    """The trees, set as a tuning proposed where one is named."""
    if options.tuned is None:
        return Boosting()
    return Boosting(read_settings(options.tuned.expanduser(), options.strategy, options.symbol))


def _beside(trees: Lesson[Boosted], network: Lesson[Network]) -> tuple[str, ...]:
    """Which of both is better on the same folds."""
    lines = []
    for name, judged in ((LIGHTGBM, trees.trained.judged), (MLP, network.trained.judged)):
        auc, precision = ("–" if one is None else f"{one:.3f}" for one in (judged.auc, judged.precision))
        lines.append(f"{name} AUC {auc}, precision {precision}")
    return (f"On the same folds: {'; '.join(lines)}. {better_of(trees, network)} is better.",)


def better_of(trees: Lesson[Boosted], network: Lesson[Network]) -> str:
    """By AUC out of fold; the trees where both are equal."""
    one, other = trees.trained.judged.auc or 0.0, network.trained.judged.auc or 0.0
    return MLP if other > one else LIGHTGBM


def _keep[Made: (Boosted, Network)](
    options: MlOptions, lesson: Lesson[Made], remarks: Sequence[str], use: bool
) -> Kept:
    origin = Origin(version(), commit(), WallClock().wall_ms(), tuple(remarks))
    card = keep(options.shelf, lesson, origin, current=use)
    folder = files.version_folder(options.shelf, card.strategy, card.symbol, card.version)
    return Kept(card, str(folder))


def _tell(
    options: MlOptions,
    material: Subject,
    trees: Lesson[Boosted],
    network: Lesson[Network] | None,
    kept: Sequence[Kept],
    notes: Sequence[str],
) -> None:
    lesson: Lesson[Boosted] | Lesson[Network] = network or trees
    if not options.json:
        show_lesson(lesson, kept[-1].card, kept[-1].folder, notes)
        return
    asked = kept[-1]
    content: dict[str, object] = {
        "card": asdict(asked.card),
        "verdict": lesson.advised.word,
        "conditions": [asdict(one) for one in lesson.advised.conditions],
        "balance": asdict(lesson.trained.balance),
        "folder": asked.folder,
        "report": f"{asked.folder}/{files.REPORT}",
        "bars": sum(len(part.frame) for part in material.parts),
        "notes": list(notes),
    }
    if network:
        beside = {"card": asdict(kept[0].card), "folder": kept[0].folder}
        content |= {"beside": beside, "better": better_of(trees, network)}
    put_json(content)
