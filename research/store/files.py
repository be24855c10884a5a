"""History in Parquet files, one for each symbol and timeframe: the one store of candles and figures."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bot.domain.market import TIMEFRAMES_MS, timeframe_ms
from bot.strategy import Frame
from research.history import CandleFileError, read_candles
from research.history.headers import FIGURES
from research.history.quick import are_sound
from research.history.report import moment
from research.store import places
from research.store.port import Points, Stored, StoreError, Upserted
from research.store.tables import Columns, empty, merged, read_columns, write_columns

VALUE = {
    "funding": "funding_rate",
    "open_interest": "open_interest",
    "ls_ratio": "ls_ratio",
    "ls_ratio_top": "ls_ratio_top",
}
"""Name of the column of each kind of figure."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is there: candles, figures (their `timeframe` is the kind), and files that cannot be used, a line each."""

    candles: tuple[Stored, ...]
    points: tuple[Stored, ...]
    damaged: tuple[str, ...]


class FileStore:
    """A CandleStore and PointStore under `root` (`<home>/history`).

    `source` says where what is written comes from ("binance", "bybit testnet", "import"); files remember it, and what
    comes from elsewhere is not mixed in: prices of two exchanges are two histories. Empty: only to read.
    """

    def __init__(self, root: Path, source: str = "") -> None:
        self.root = root
        self.source = source

    # Candles

    def load(self, symbol: str, timeframe: str, from_ms: int = 0, to_ms: int = 1 << 62) -> Frame:
        """Bars that open in from_ms <= open < to_ms, holes left open; empty frame when there are none."""
        path = places.candle_file(self.root, timeframe, symbol)
        columns = read_columns(path, FIGURES, from_ms, to_ms) or empty(FIGURES)
        _check_candles(path, timeframe, columns)
        return _frame(symbol, timeframe, columns)

    def load_own(self, symbol: str, timeframe: str, from_ms: int = 0, to_ms: int = 1 << 62) -> Frame:
        """As `load`. Raises StoreError also where what is stored comes from another source than this store writes."""
        path = places.candle_file(self.root, timeframe, symbol)
        columns = read_columns(path, FIGURES, from_ms, to_ms)
        self._same_source(path, columns)
        columns = columns or empty(FIGURES)
        _check_candles(path, timeframe, columns)
        return _frame(symbol, timeframe, columns)

    def source_of(self, symbol: str, timeframe: str) -> str:
        """Where a symbol's stored candles come from; empty when there are none, or when it was not said."""
        path = places.candle_file(self.root, timeframe, symbol)
        found = read_columns(path, FIGURES, 1 << 61)
        return found.source if found is not None else ""

    def refuse_mixing(self, what: str, symbol: str) -> None:
        """Raise StoreError when what is stored of a symbol is damaged, or of another source than what is written."""
        candles = what in TIMEFRAMES_MS
        make = places.candle_file if candles else places.point_file
        path = make(self.root, what, symbol)
        old = read_columns(path, FIGURES if candles else (VALUE[what],))
        if old is not None and candles:
            _check_candles(path, what, old)
        elif old is not None:
            _check_points(path, old)
        self._same_source(path, old)

    def upsert(self, timeframe: str, frame: Frame) -> Upserted:
        """Add or correct bars, durably and whole: a crash leaves the old file or the new one.

        Raises StoreError for bars that cannot be, and where bars of another source are stored.
        """
        path = places.candle_file(self.root, timeframe, frame.symbol)
        if frame.timeframe_ms != timeframe_ms(timeframe):
            raise StoreError(f"{frame.symbol}: bars of {frame.timeframe_ms} ms are not {timeframe}")
        figures = np.array([frame.open, frame.high, frame.low, frame.close, frame.volume], dtype=np.float64)
        new = Columns(np.asarray(frame.open_at_ms, dtype=np.int64), figures, self.source)
        if not len(new.times):
            return Upserted(0, 0, 0)
        _refuse_unsound(frame.symbol, timeframe, new)
        return self._merge(path, FIGURES, new, timeframe)

    def _merge(self, path: Path, names: tuple[str, ...], new: Columns, timeframe: str = "") -> Upserted:
        with places.held(path):
            old = read_columns(path, names)
            if old is not None and timeframe:
                _check_candles(path, timeframe, old)
            elif old is not None:
                _check_points(path, old)
            self._same_source(path, old)
            rows, added, corrected, same = merged(old or empty(names), new)
            if added or corrected:
                places.replace_file(path, lambda fresh: write_columns(fresh, names, rows))
        return Upserted(added, corrected, same)

    def _same_source(self, path: Path, old: Columns | None) -> None:
        if old is not None and len(old.times) and old.source != self.source:
            raise StoreError(
                f"{path}: holds history of {old.source or 'an unknown source'}, this is of "
                f"{self.source or 'an unknown source'}; prices of two sources are not mixed: use another --home, "
                "or remove the file"
            )

    # Figures

    def points(self, kind: str, symbol: str, from_ms: int = 0, to_ms: int = 1 << 62) -> Points:
        """Points in from_ms <= at < to_ms; empty when there are none."""
        path = places.point_file(self.root, kind, symbol)
        columns = read_columns(path, (VALUE[kind],), from_ms, to_ms) or empty((VALUE[kind],))
        _check_points(path, columns)
        return Points(columns.times, columns.figures[0])

    def add(self, kind: str, symbol: str, points: Points) -> int:
        """Add or correct points, durably; answers how many are new."""
        path = places.point_file(self.root, kind, symbol)
        new = Columns(
            np.asarray(points.at_ms, dtype=np.int64),
            np.asarray(points.value, dtype=np.float64)[None, :],
            self.source,
        )
        if not len(new.times):
            return 0
        fault = _point_fault(new)
        if fault:
            raise StoreError(f"{symbol}: {kind} {fault}")
        return self._merge(path, (VALUE[kind],), new).added

    # What is there

    def inventory(self) -> Sequence[Stored]:
        """All candles stored, by timeframe and symbol. Files that cannot be used are logged; `survey` names them."""
        found = self.survey()
        for line in found.damaged:
            log.warning("stored history: %s", line)
        return found.candles

    def survey(self) -> Survey:
        """Everything stored, every file read and checked."""
        damaged: list[str] = []
        candles = [
            self._stored_candles(path, timeframe, damaged)
            for timeframe in TIMEFRAMES_MS
            for path in places.stored_files(self.root / places.CANDLES / timeframe)
        ]
        points = [
            self._stored_points(path, kind, damaged)
            for kind in places.KINDS
            for path in places.stored_files(self.root / kind)
        ]
        return Survey(
            tuple(one for one in candles if one), tuple(one for one in points if one), tuple(damaged)
        )

    def _stored_candles(self, path: Path, timeframe: str, damaged: list[str]) -> Stored | None:
        try:
            columns = read_columns(path, FIGURES) or empty(FIGURES)
            _check_candles(path, timeframe, columns)
        except StoreError as error:
            damaged.append(str(error))
            return None
        found = _stored(path.stem, timeframe, columns)
        if not found.bars:
            return found
        steps = (found.last_open_at_ms - found.first_open_at_ms) // timeframe_ms(timeframe) + 1
        return replace(found, missing=steps - found.bars)

    def _stored_points(self, path: Path, kind: str, damaged: list[str]) -> Stored | None:
        try:
            columns = read_columns(path, (VALUE[kind],)) or empty((VALUE[kind],))
            _check_points(path, columns)
        except StoreError as error:
            damaged.append(str(error))
            return None
        return replace(_stored(path.stem, kind, columns), missing=_points_missing(columns))


def _frame(symbol: str, timeframe: str, columns: Columns) -> Frame:
    return Frame(symbol, timeframe_ms(timeframe), columns.times, *columns.figures)


def _stored(symbol: str, name: str, columns: Columns) -> Stored:
    times = columns.times
    if not len(times):
        return Stored(symbol, name, 0, 0, 0, 0, columns.source)
    return Stored(symbol, name, int(times[0]), int(times[-1]), len(times), 0, columns.source)


def _points_missing(columns: Columns) -> int:
    """Points missing at the usual distance; none where the distance changes with time."""
    steps = np.diff(columns.times)
    if not len(steps):
        return 0
    usual = int(np.median(steps))
    return int((np.rint(steps[steps > usual] / usual) - 1).sum())


def _check_candles(path: Path, timeframe: str, columns: Columns) -> None:
    """Raise StoreError with the row when a stored file holds what the store never writes."""
    times = columns.times
    if not len(times) or (are_sound(times, columns.figures) and not (times % timeframe_ms(timeframe)).any()):
        return
    try:
        report = read_candles([path], timeframe).report
        fault = f"{path}: {next(iter(report.notes), 'out of order')}"
    except CandleFileError as error:
        fault = str(error)
    raise StoreError(f"{fault} (stored files are always sound: remove it and fetch or import again)")


def _refuse_unsound(symbol: str, timeframe: str, new: Columns) -> None:
    """Raise StoreError with the first bar that cannot be stored."""
    if are_sound(new.times, new.figures) and not (new.times % timeframe_ms(timeframe)).any():
        return
    for row in range(len(new.times)):
        one = slice(row, row + 1)
        fits = not new.times[row] % timeframe_ms(timeframe)
        later = row == 0 or new.times[row] > new.times[row - 1]
        if not (fits and later and are_sound(new.times[one], new.figures[:, one])):
            shown = ", ".join(f"{figure:g}" for figure in new.figures[:, row])
            when = moment(int(new.times[row])) if 0 < new.times[row] < 1 << 42 else str(new.times[row])
            raise StoreError(f"{symbol}: {timeframe} bar of {when} cannot be stored: {shown}")


def _check_points(path: Path, columns: Columns) -> None:
    fault = _point_fault(columns)
    if fault:
        raise StoreError(
            f"{path}: {fault} (stored files are always sound: remove it and fetch or import again)"
        )


def _point_fault(columns: Columns) -> str:
    """The first row that cannot be; empty when there is none."""
    times, values = columns.times, columns.figures[0]
    if not len(times):
        return ""
    wrong = ~np.isfinite(values) | (times <= 0)
    wrong[1:] |= times[1:] <= times[:-1]
    if not wrong.any():
        return ""
    row = int(np.argmax(wrong))
    return f"row {row + 1}: {values[row]:g} at {int(times[row])}; allowed: finite figures in order of time, each once"
