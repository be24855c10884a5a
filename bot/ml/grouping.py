"""Symbols grouped by how they behave, kept with their dates, and what features are told of it.

A grouping is one small file, `<models>/_clusters/<YYYYMMDDTHHMMSS>.json`, named after `at_ms`. It is never changed and
never removed: a training asks which one was known at each bar, and a bar is told of those alone that were made before
it closed.
"""

import logging
import os
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from json import dumps
from operator import attrgetter
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from bot.ml.card import check_symbol
from bot.ml.feature import BTC_CORRELATION, CLUSTER, CLUSTER_VOLATILITY, CLUSTER_VOLUME, OUTSIDE
from bot.ml.files import read_whole
from bot.ml.model import ModelError
from bot.ml.strict import read_as
from bot.ml.writing import held, put, settle
from bot.strategy import Array

FOLDER = "_clusters"
LARGEST = 4 << 20
LEAST_SYMBOLS = 6
"""Fewer are not grouped: three groups of them would be single symbols."""
MOST_CLUSTERS = 50
SECOND_MS = 1000
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}")
_DRAFT = ".new.json"

type Times = NDArray[np.int64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measures:
    """How a symbol behaved, or the means over a cluster's symbols; correlation and beta None where BTC is not known.

    `volatility`: ATR 14 as a share of the price. `volume`: turnover of a day, in quote asset. `surge`: volume over its
    mean of 20 bars. `trend`: way made over way gone, 0 to 1. `spread`: bid to ask as a share of the price, estimated.
    """

    volatility: float
    volume: float
    correlation: float | None
    beta: float | None
    trend: float
    spread: float
    surge: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Symbols that behave alike: the means of what was measured, and the same in words."""

    number: int
    symbols: tuple[str, ...]
    means: Measures
    behaviour: str

    @property
    def volatility(self) -> float:
        """Mean ATR 14 of its members, a share of the price."""
        return self.means.volatility

    @property
    def volume(self) -> float:
        """Mean of its members' volume over its mean of 20 bars."""
        return self.means.surge


@dataclass(frozen=True, slots=True)
class Member:
    """One symbol's measures."""

    symbol: str
    cluster: int
    measures: Measures


@dataclass(frozen=True, slots=True)
class Grouping:
    """Symbols as they were grouped from the candles of `days` days: it counts for bars that close after `at_ms`.

    Clusters are numbered from 0 on, the calmest first, so that a number means about the same from week to week.
    `members` stand in order of their symbols. `silhouette` says how well the clusters stand apart, -1 to 1.
    `timeframe_ms` is that of the candles.
    """

    at_ms: int
    days: int
    timeframe_ms: int
    k: int
    silhouette: float
    clusters: tuple[Cluster, ...]
    members: tuple[Member, ...]
    seed: int = 0

    def member(self, symbol: str) -> Member | None:
        """A symbol with its measures; None: it is not in it."""
        place = bisect_left(self.members, symbol, key=attrgetter("symbol"))
        found = self.members[place] if place < len(self.members) else None
        return found if found is not None and found.symbol == symbol else None

    def numbers(self) -> dict[str, int]:
        """The cluster of every symbol."""
        return {symbol: one.number for one in self.clusters for symbol in one.symbols}

    def told_of(self, symbol: str) -> tuple[float, ...]:
        """What features are told of a symbol, in the order of feature.OUTSIDE; NaN where it is not known."""
        member = self.member(symbol)
        if member is None:
            return (np.nan,) * len(OUTSIDE)
        cluster, correlation = self.clusters[member.cluster], member.measures.correlation
        told = {
            CLUSTER: float(cluster.number),
            CLUSTER_VOLATILITY: cluster.volatility,
            CLUSTER_VOLUME: cluster.volume,
            BTC_CORRELATION: np.nan if correlation is None else correlation,
        }
        return tuple(told[name] for name in OUTSIDE)


def outside_of(groupings: Sequence[Grouping], symbol: str, close_at_ms: Times) -> dict[str, Array]:
    """Columns of feature.OUTSIDE for bars that close at these times, by the newest grouping made before each close.

    `groupings` oldest first; times in order. NaN where there was none yet, and where it does not hold the symbol.
    """
    if not groupings:
        return {name: np.full(len(close_at_ms), np.nan) for name in OUTSIDE}
    made = np.array([one.at_ms for one in groupings], dtype=np.int64)
    newest = (
        np.searchsorted(made, close_at_ms, side="left") - 1
    )  # one made at the very close is not known then
    used = sorted(set(newest[[0, -1]].tolist())) if len(newest) else []
    if len(used) == 1:
        told = (np.nan,) * len(OUTSIDE) if used[0] < 0 else groupings[used[0]].told_of(symbol)
        return {name: np.full(len(newest), value) for name, value in zip(OUTSIDE, told, strict=True)}
    rows = np.array([(np.nan,) * len(OUTSIDE), *(one.told_of(symbol) for one in groupings)])
    return {name: rows[newest + 1, place] for place, name in enumerate(OUTSIDE)}


def kept_groupings(models: Path, timeframe_ms: int = 0, since_ms: int = 0) -> tuple[Grouping, ...]:
    """All that are kept under a models folder, oldest first; one that cannot be read is left out, and logged once.

    `timeframe_ms`: only those made of such candles (0: of any). `since_ms`: only those that a bar closing at that time
    or later could be told of.
    """
    found = []
    for path in reversed(_files(models / FOLDER)):
        one = _readable(path)
        if one is None or timeframe_ms not in {0, one.timeframe_ms}:
            continue
        found.append(one)
        if one.at_ms < since_ms:
            break
    return tuple(reversed(found))


def read_grouping(path: Path) -> Grouping:
    """One file. Raises ModelError: one line with file, key and what is allowed."""
    label = f"{FOLDER}/{path.name}"
    found = read_as(Grouping, read_whole(path, LARGEST), label)
    for fault in _faults(found, path.stem):
        raise ModelError(f"{label}: {fault}")
    return found


def keep_grouping(models: Path, grouping: Grouping) -> Path:
    """Write one, durably and whole; answers its file. What is kept of that moment already stays.

    Raises ModelError where it cannot be written, or is not sound.
    """
    for fault in _faults(grouping, name_of(grouping.at_ms)):
        raise ModelError(f"{FOLDER}: {fault}")
    folder = models / FOLDER
    path = folder / f"{name_of(grouping.at_ms)}.json"
    with held(folder):
        if not os.path.lexists(path):
            try:
                put(folder / _DRAFT, _text(grouping))
                (folder / _DRAFT).replace(path)
                settle(folder)
            except OSError as error:
                with suppress(OSError):
                    (folder / _DRAFT).unlink(missing_ok=True)
                why = error.strerror or type(error).__name__
                raise ModelError(f"{FOLDER}: cannot be written: {why}") from None
    return path


def name_of(at_ms: int) -> str:
    """The name of the file that holds the grouping of a moment."""
    return datetime.fromtimestamp(at_ms // SECOND_MS, UTC).strftime("%Y%m%dT%H%M%S")


def moment_of(name: str) -> int:
    """The moment that a file is named after; 0 where there is no such moment."""
    try:
        return int(datetime.strptime(f"{name}Z", "%Y%m%dT%H%M%S%z").timestamp()) * SECOND_MS
    except ValueError:
        return 0


def counts_from(now_ms: int, timeframe_ms: int) -> int:
    """`at_ms` of a grouping that is ready now: the end of the bar under way.

    A bar that closes while it is being written is told of the one before, as a training will tell of that bar.
    """
    return -(-now_ms // timeframe_ms) * timeframe_ms


class Groupings:
    """What is kept under a models folder, for a desk: every file is read once, new ones are found at the next look.

    Whoever asks reads files: it belongs into a thread, of which there may be several.
    """

    def __init__(self, models: Path, timeframe_ms: int) -> None:
        """Nothing is read yet."""
        self._folder = models / FOLDER
        self._timeframe_ms = timeframe_ms
        self._read: dict[str, Grouping | None] = {}
        self._reading = Lock()
        self._told: tuple[int, Grouping | None] = (0, None)

    def known_at(self, close_at_ms: int) -> Grouping | None:
        """The newest one made before a bar's close; None: there was none yet."""
        return next((one for one in self._newest_first() if one.at_ms < close_at_ms), None)

    def moments(self) -> tuple[int, ...]:
        """`at_ms` of all files, oldest first, by their names: nothing is read."""
        return tuple(moment_of(path.stem) for path in _files(self._folder))

    def outside(self, symbol: str, close_at_ms: int) -> dict[str, float]:
        """What a bar is told, by names of feature.OUTSIDE: the figures of `outside_of` at that bar.

        The folder is looked at once for all symbols whose bars close together.
        """
        at_ms, found = self._told
        if at_ms != close_at_ms:
            found = self.known_at(close_at_ms)
            self._told = close_at_ms, found
        return {} if found is None else dict(zip(OUTSIDE, found.told_of(symbol), strict=True))

    def _newest_first(self) -> Iterator[Grouping]:
        for path in reversed(_files(self._folder)):
            with self._reading:
                if path.name not in self._read:
                    self._keep(path)
            found = self._read.get(path.name)
            if found is not None and found.timeframe_ms == self._timeframe_ms:
                yield found

    def _keep(self, path: Path) -> None:
        """Read it once; where the disk did not let us, the next look tries again: a training will have read it."""
        try:
            self._read[path.name] = read_grouping(path)
        except ModelError as error:
            _log_once(str(error))
            if not isinstance(error.__context__, OSError):
                self._read[path.name] = None


def _files(folder: Path) -> list[Path]:
    """Files named as groupings, oldest first; none where the folder cannot be read."""
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".json")]
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            _log_once(f"{FOLDER}: cannot be read: {error.strerror or type(error).__name__}")
        return []
    return [folder / name for name in sorted(names) if _NAME.fullmatch(name.removesuffix(".json"))]


_logged: set[str] = set()
"""What was said in this process already: a broken file is met again with every look."""
_MOST_LOGGED = 1000


def _readable(path: Path) -> Grouping | None:
    try:
        return read_grouping(path)
    except ModelError as error:
        _log_once(str(error))
        return None


def _log_once(line: str) -> None:
    if line not in _logged and len(_logged) < _MOST_LOGGED:
        _logged.add(line)
        log.warning("a grouping is left out: %s", line)


def _text(grouping: Grouping) -> bytes:
    return dumps(asdict(grouping), indent=1, allow_nan=False).encode() + b"\n"


def _faults(one: Grouping, name: str) -> Iterator[str]:
    """What is wrong beyond types, most telling first."""
    if one.at_ms <= 0 or one.at_ms % SECOND_MS or one.at_ms >= 1 << 42 or name_of(one.at_ms) != name:
        yield f"at_ms: {one.at_ms} is not the moment the file is named after"
    if one.days < 1 or one.timeframe_ms < 1:
        yield "days and timeframe_ms: 1 or more is allowed"
    if not -1.0 <= one.silhouette <= 1.0:
        yield f"silhouette: {one.silhouette:g} is not allowed; -1 to 1"
    if one.k != len(one.clusters) or not 1 <= one.k <= MOST_CLUSTERS:
        yield f"k: {one.k} with {len(one.clusters)} clusters; 1 to {MOST_CLUSTERS}, as many as there are"
    if [cluster.number for cluster in one.clusters] != list(range(len(one.clusters))):
        yield "clusters: numbers from 0 on, in order, are allowed"
    yield from _member_faults(one)
    for measures in (*(each.means for each in one.clusters), *(each.measures for each in one.members)):
        yield from _measure_faults(measures)


def _member_faults(one: Grouping) -> Iterator[str]:
    listed = [(symbol, cluster.number) for cluster in one.clusters for symbol in cluster.symbols]
    if len({symbol for symbol, _ in listed}) != len(listed):
        yield "clusters: a symbol stands there twice"
    if not all(cluster.symbols for cluster in one.clusters):
        yield "clusters: one without symbols is not allowed"
    if sorted(listed) != [(member.symbol, member.cluster) for member in one.members]:
        yield "members: the symbols of all clusters in order, each with its cluster, are allowed"
    for symbol, _ in listed:
        try:
            check_symbol(symbol)
        except ModelError as error:
            yield f"clusters: {error}"


def _measure_faults(one: Measures) -> Iterator[str]:
    floors: Mapping[str, float] = {
        "volatility": one.volatility,
        "volume": one.volume,
        "trend": one.trend,
        "spread": one.spread,
        "surge": one.surge,
    }
    for name, value in floors.items():
        if value < 0:
            yield f"{name}: {value:g} is not allowed; 0 or more"
    if one.correlation is not None and abs(one.correlation) > 1:
        yield f"correlation: {one.correlation:g} is not allowed; -1 to 1"
