"""Versions of models on the disk as a desk asks for them, and a version as a proposal beside the one in use."""

from dataclasses import dataclass
from pathlib import Path

from bot.domain.command import UseModel
from bot.ml import files
from bot.ml.card import Card
from bot.ml.model import ModelError
from bot.ml.shelf import Place
from bot.runtime.proposals import Draft, Figures
from handlers import model_versions
from handlers.format import UNKNOWN, number, share


@dataclass(frozen=True, slots=True)
class Versions:
    """The folder of models. Everything here reads the disk: for a thread."""

    root: Path

    def current(self, place: Place) -> str:
        """The version in use, empty where there is none. Raises ModelError."""
        return files.current_version(files.place(self.root, *place)) or ""

    def card(self, place: Place, version: str) -> Card:
        """The card of a version. Raises ModelError."""
        return files.read_card(files.version_folder(self.root, *place, version))

    def newest_ms(self, place: Place) -> int:
        """When the newest whole version was made; 0 where there is none."""
        folder = files.place(self.root, *place)
        found = files.versions(folder)
        return files.read_card(folder / found[-1]).created_at_ms if found else 0

    def draft(self, place: Place, version: str, source: str, more: Figures = ()) -> Draft:
        """A version as a proposal; `more` are figures of its trial. Raises ModelError."""
        before = self.current(place)
        return draft_of(self.card(place, version), before, self._known(place, before), source, more)

    def _known(self, place: Place, version: str) -> Card | None:
        """The card of the version in use; None where there is none, or it cannot be read."""
        try:
            return self.card(place, version) if version else None
        except ModelError:
            return None


def draft_of(card: Card, before: str, champion: Card | None, source: str, more: Figures = ()) -> Draft:
    """A version as a proposal beside the one in use (`before`, empty: none; `champion` its card)."""
    command = UseModel(card.strategy, card.symbol, card.version, before)
    return model_versions.draft_of(command, (*more, *compared(champion, card)), source)


def compared(before: Card | None, after: Card) -> Figures:
    """Two cards side by side, as the trainings saw them."""
    unknown = [UNKNOWN] * len(NAMES)
    sides = zip(NAMES, unknown if before is None else figures(before), figures(after), strict=True)
    return tuple(sides)


NAMES = (
    "AUC",
    "Precision at its threshold",
    "Recall at its threshold",
    "Brier score",
    "Profit factor with the filter",
    "Profit factor without it",
    "Rows",
    "Threshold",
    "Advice",
)


def figures(card: Card) -> list[str]:
    """A card's figures in the order of NAMES."""
    metrics = card.metrics
    traded = card.comparison.figures if card.comparison is not None else {}
    return [
        number(metrics.auc, 3),
        share(metrics.precision),
        share(metrics.recall),
        number(metrics.brier, 4),
        number(traded.get("profit_factor_on")),
        number(traded.get("profit_factor_off")),
        str(card.rows),
        number(card.threshold, 3),
        card.advice,
    ]
