"""Versions of models on the disk as a desk asks for them, and a version as a proposal beside the one in use."""

import logging
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.command import UseModel
from bot.ml import files
from bot.ml.card import Card
from bot.ml.challenger import challenger_version
from bot.ml.loaded import Loaded, load_model
from bot.ml.model import ModelError
from bot.ml.shelf import Place
from bot.ml.writing import prune
from bot.runtime.proposals import Draft, Figures
from handlers import model_versions
from handlers.format import UNKNOWN, number, share

KEPT = 10
"""Versions of a symbol that stay; older ones make room."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version is in use, which is tried, both empty where there is none; when the challenger was made."""

    current: str = ""
    challenger: str = ""
    made_ms: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """The models of a trial; `champion` None where the one in use cannot be loaded."""

    champion: Loaded | None
    challenger: Loaded


@dataclass(frozen=True, slots=True)
class Versions:
    """The folder of models. Everything here reads the disk: for a thread."""

    root: Path
    _newest: dict[Place, tuple[int, int]] = field(init=False, repr=False, default_factory=dict)
    """When a place's folder was changed, and when its newest version was made: cards are read once."""

    def current(self, place: Place) -> str:
        """The version in use, empty where there is none. Raises ModelError."""
        return files.current_version(files.place(self.root, *place)) or ""

    def card(self, place: Place, version: str) -> Card:
        """The card of a version. Raises ModelError."""
        return files.read_card(files.version_folder(self.root, *place, version))

    def newest_ms(self, place: Place) -> int:
        """When the newest whole version was made; 0 where there is none."""
        folder = files.place(self.root, *place)
        mark = changed_ns(folder)
        known_mark, made_ms = self._newest.get(place, (-1, 0))
        if mark == known_mark:
            return made_ms
        try:
            found = files.versions(folder)
            made_ms = files.read_card(folder / found[-1]).created_at_ms if found else 0
        except (OSError, ModelError) as error:  # whoever trains into it meets the same, and says so
            log.warning("versions of %s cannot be looked at: %s", "/".join(place), error)
            return 0
        self._newest[place] = (mark, made_ms)
        return made_ms

    def tried(self) -> frozenset[Place]:
        """All that have a challenger; a folder of that name is none, and said."""
        try:
            found = list(self.root.glob(f"*/*/{files.CHALLENGER}"))
            folders = [path for path in found if path.is_dir() and not path.is_symlink()]
        except OSError as error:
            log.warning("the folder of models cannot be looked at: %s", error.strerror)
            return frozenset()
        for path in folders:
            log.warning("%s: is a folder, where a file names who is tried; remove it", files.shown(path))
        return frozenset((path.parts[-3], path.parts[-2]) for path in found if path not in folders)

    def make_room(self, place: Place, spared: Collection[str]) -> None:
        """Remove the oldest versions, none of those that are `spared`. Raises ModelError."""
        prune(self.root, *place, KEPT, *spared)

    def standing(self, place: Place) -> Standing:
        """Who is in use, who is tried; a challenger that is gone or broken is none. Raises ModelError."""
        current = self.current(place)
        challenger = self.challenger(place)
        if not challenger or challenger == current:
            return Standing(current)
        return Standing(current, challenger, self.card(place, challenger).created_at_ms)

    def challenger(self, place: Place) -> str:
        """The version that is tried; empty where there is none that could be."""
        try:
            version = challenger_version(files.place(self.root, *place)) or ""
            if version:
                self.card(place, version)
        except ModelError as error:
            log.warning("the challenger is left alone: %s", error)
            return ""
        return version

    def pair(self, place: Place, standing: Standing) -> Pair:
        """Both models. Raises ModelError where the challenger cannot be loaded."""
        folder = files.place(self.root, *place)
        challenger = load_model(folder / standing.challenger)
        try:
            return Pair(load_model(folder / standing.current), challenger)
        except ModelError as error:
            log.warning("the model in use cannot be tried: %s", error)
            return Pair(None, challenger)

    def has_model(self, place: Place) -> bool:
        """True where a version is in use, or the file that says so is broken."""
        return os.path.lexists(files.place(self.root, *place) / files.CURRENT)

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


def changed_ns(folder: Path) -> int:
    """When the names of a folder changed; 0 where there is none."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def draft_of(card: Card, before: str, champion: Card | None, source: str, more: Figures = ()) -> Draft:
    """A version as a proposal beside the one in use (`before`, empty: none; `champion` its card)."""
    command = UseModel(card.strategy, card.symbol, card.version, before)
    return model_versions.draft_of(
        command, (*more, *compared(champion, card)), source, model_versions.mark_of(card)
    )


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
