"""What is left of a model without the strategy's own word: does it say anything that the strategy did not?"""

from dataclasses import dataclass

from research.learning.dataset import Dataset
from research.learning.folds import Split, again
from research.learning.learners import Fitted, Learner
from research.learning.training import validated

ROUNDED = 9
STRENGTH, SIDE = "signal_strength", "side"
USEFUL_DROP, REDESIGN_DROP = 0.05, 0.10
USEFUL, CONDITIONAL, REDESIGN, UNKNOWN = "useful", "conditional", "re-design", "not known"


@dataclass(frozen=True, slots=True)
class Ablation:
    """AUC of A (all features), B (without signal_strength) and C (without signal_strength and side)."""

    everything: float | None
    without_strength: float | None
    without_both: float | None

    @property
    def drop(self) -> float | None:
        """A less C; None where one of them is not known."""
        if self.everything is None or self.without_both is None:
            return None
        return round(self.everything - self.without_both, ROUNDED)

    @property
    def word(self) -> str:
        """What the drop means."""
        if self.drop is None:
            return UNKNOWN
        if self.drop <= USEFUL_DROP:
            return USEFUL
        return CONDITIONAL if self.drop < REDESIGN_DROP else REDESIGN

    @property
    def line(self) -> str:
        """The verdict in one line."""
        return f"{self._figures}: {self.word}, {MEANINGS[self.word]}"

    @property
    def reason(self) -> str:
        """The same for those who name the verdict themselves."""
        return f"{self._figures}: {MEANINGS[self.word]}"

    @property
    def _figures(self) -> str:
        aucs = (self.everything, self.without_strength, self.without_both)
        figures = ", ".join(f"{name} {_text(auc)}" for name, auc in zip("ABC", aucs, strict=True))
        return f"AUC {figures}; A-C drop {_text(self.drop)}"


MEANINGS = {
    USEFUL: "little of it is the strategy's own word",
    CONDITIONAL: "part of it is the strategy's own word",
    REDESIGN: "it repeats the strategy's own word",
    UNKNOWN: "too few outcomes",
}


def ablation_of[Made: Fitted](
    dataset: Dataset, splits: tuple[Split, ...], learner: Learner[Made], seed: int
) -> Ablation:
    """Train A, B and C on signal rows alone, on the bars of the model's folds.

    With hold rows the drop would also tell what it is worth to know a hold by the side it lacks, which says nothing of
    signals.
    """
    signals = dataset.taken(dataset.is_signal)
    own = tuple(again(signals, one) for one in splits)
    found = (_auc(signals, own, learner, seed, without) for without in ((), (STRENGTH,), (STRENGTH, SIDE)))
    return Ablation(*found)


def _auc[Made: Fitted](
    dataset: Dataset, splits: tuple[Split, ...], learner: Learner[Made], seed: int, without: tuple[str, ...]
) -> float | None:
    kept = tuple(name for name in dataset.features.names if name not in without)
    return validated(dataset.only(kept), splits, learner, seed).auc if kept else None


def _text(auc: float | None) -> str:
    return "–" if auc is None else f"{auc:.3f}"
