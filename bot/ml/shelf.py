"""The models in use: `current` files are looked at every bar, what changed is loaded beside, checked, and swapped in.

Swapping is quick and belongs to the loop; `marks` and `load` ask the disk and may take their time in a thread. Whatever
is wrong with a new version, the old one stays, and one word is said about it, not one per bar.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path

from bot.ml.card import Card
from bot.ml.choice import candidates
from bot.ml.files import CURRENT, current_version, place
from bot.ml.loaded import Hasher, Loaded, load_model, registered
from bot.ml.model import ModelError

type Place = tuple[str, str]
"""A strategy, and a symbol or the name of a cluster's or the general model."""
type Mark = tuple[int, int, int] | None
"""What tells one `current` from the next: time, inode, size; None where there is none."""

GONE: Mark = (0, 0, -ENOENT)
"""The whole folder of a symbol is gone: nobody takes a model out of use like that."""
FOLDER_GONE = "its folder is gone; `quarterdeck ml reset` takes a model out of use"
COMING = "its model is still being loaded"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A symbol whose signals are to be scored; `cluster` None: it is in none."""

    strategy: str
    symbol: str
    cluster: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A `current` that changed; `load` it."""

    place: Place
    folder: Path
    mark: Mark


@dataclass(frozen=True, slots=True)
class Found:
    """What a job found: a model; a fault in one line; or neither, where there is no current version any more."""

    job: Job
    version: str = ""
    model: Loaded | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Swapped:
    """A version is in use now; `before` is the one it follows, empty where there was none."""

    place: Place
    version: str
    before: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A version cannot be used, and why; `kept` is the one that stays, empty where there was none."""

    place: Place
    version: str
    reason: str
    kept: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """No version is in use any more."""

    place: Place
    before: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The folder of all models is not there or cannot be read, and why; the `kept` ones that are loaded stay in use."""

    reason: str
    kept: int


type Change = Swapped | Kept | Withdrawn | Missing
type Marks = Mapping[Place, Mark] | Missing


@dataclass(frozen=True, slots=True)
class Unusable:
    """There should be a model, but it never could be loaded; why, in one line."""

    reason: str


class ModelShelf:
    """Models by strategy and symbol under `root`. `hasher` is the registry's word on features."""

    def __init__(self, root: Path, hasher: Hasher = registered) -> None:
        self._root = root
        self._hasher = hasher
        self._chains: dict[Place, tuple[Place, ...]] = {}
        self._currents: dict[Place, str] = {}
        self._asked: dict[Place, Mark] = {}
        self._held: dict[Place, Loaded] = {}
        self._faults: dict[Place, str] = {}
        self._coming: set[Place] = set()
        self._told: set[tuple[Place, str, str]] = set()

    def want(self, wanted: Iterable[Wanted]) -> None:
        """Look after the models of these symbols from now on, and of no others. Raises ModelError for strange names."""
        chains = {
            (one.strategy, one.symbol): tuple(
                (one.strategy, name) for name in candidates(one.symbol, one.cluster)
            )
            for one in wanted
        }
        places = {each for chain in chains.values() for each in chain}
        currents = {each: str(place(self._root, *each) / CURRENT) for each in sorted(places)}
        self._chains, self._currents = chains, currents
        for gone in self._asked.keys() - places:
            del self._asked[gone]
            self._held.pop(gone, None)
            self._faults.pop(gone, None)
            self._coming.discard(gone)

    @property
    def is_used(self) -> bool:
        """True when any model is loaded."""
        return bool(self._held)

    def cards(self) -> list[Card]:
        """The cards of all that is loaded."""
        return [one.card for one in self._held.values()]

    def marks(self) -> Marks:
        """How every `current` is now: times only; changes nothing, so any thread may ask the disk."""
        fault = _fault(self._root) if self._held else ""
        if fault:
            return Missing(fault, len(self._held))
        return {each: _mark(path) for each, path in self._currents.items()}

    def changed(self, marks: Marks) -> list[Job]:
        """What is not as it was when it was looked at before, each change once."""
        jobs: list[Job] = []
        for each, now in marks.items() if not isinstance(marks, Missing) else ():
            mark = None if now == GONE and each not in self._held else now
            if each in self._currents and mark != self._asked.get(each):
                self._asked[each] = mark
                jobs.append(Job(each, Path(self._currents[each]).parent, mark))
                if mark is not None and each not in self._held:
                    self._coming.add(each)
        return jobs

    def changes(self) -> list[Job]:
        """What changed since the last look, each change once."""
        return self.changed(self.marks())

    def load(self, job: Job) -> Found:
        """Load what a job names; changes nothing, so any thread may do it."""
        version = ""
        if job.mark == GONE:
            return Found(job, fault=f"{'/'.join(job.place)}: {FOLDER_GONE}")
        try:
            version = current_version(job.folder) or ""
            model = load_model(job.folder / version, self._hasher) if version else None
            return Found(job, version, model)
        except ModelError as error:
            log.warning("model refused: %s", error, exc_info=error.__cause__)
            return Found(job, version, fault=str(error))

    def swap(self, found: Found) -> Change | None:
        """Take what was found into use; None where there is nothing to tell, or a newer change is under way."""
        where = found.job.place
        if self._asked.get(where) != found.job.mark or where not in self._currents:
            return None
        self._coming.discard(where)
        held = self._held.get(where)
        before = held.card.version if held else ""
        if found.fault:
            return self._keep(found, before)
        self._faults.pop(where, None)
        if found.model is None:
            self._held.pop(where, None)
            return Withdrawn(where, before) if before else None
        self._held[where] = found.model
        return Swapped(where, found.version, before) if found.version != before else None

    def look(self) -> list[Change]:
        """Look, load and swap in one go, for those who may wait."""
        told = [self.swap(self.load(job)) for job in self.changes()]
        return [change for change in told if change is not None]

    def chosen(self, strategy: str, symbol: str) -> Loaded | Unusable | None:
        """Whose model speaks for a symbol; None: nobody's. One that should speak and cannot is not passed over.

        While the first version of one is being loaded, whoever spoke before it does.
        """
        coming = False
        for each in self.places(strategy, symbol):
            if each in self._held:
                return self._held[each]
            if each in self._faults:
                return Unusable(COMING if coming else self._faults[each])
            coming = coming or each in self._coming
        return Unusable(COMING) if coming else None

    def places(self, strategy: str, symbol: str) -> tuple[Place, ...]:
        """Where the models lie that may speak for a symbol, the first that there is does."""
        return self._chains.get((strategy, symbol), ())

    def _keep(self, found: Found, before: str) -> Kept | None:
        where = found.job.place
        if not before:
            self._faults[where] = found.fault
        told = (where, found.version, found.fault)
        if told in self._told:
            return None
        self._told.add(told)
        return Kept(where, found.version, found.fault, before)


def _mark(path: str) -> Mark:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None if os.path.isdir(os.path.dirname(path)) else GONE
    except OSError as error:
        return (0, 0, -(error.errno or 1))
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _fault(root: Path) -> str:
    """Why the folder of all models cannot be what it was; empty: it can. A disk that is gone leaves an empty one."""
    try:
        with os.scandir(root) as found:
            return "" if next(found, None) else "it is empty"
    except OSError as error:
        return error.strerror or type(error).__name__
