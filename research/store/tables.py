"""Stored series as Parquet: plain columns, a checksum for every page, the newest rows in small groups of their own.

A start of the desk reads the newest bars of every symbol: they are two small row groups. Nothing is compressed: prices
hardly are any smaller for it, and take four times as long to read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from research.history.report import printable
from research.store.port import StoreError

TIME = "timestamp"
GROUP_ROWS = 131_072
TAIL_ROWS = (704, 320)
"""The newest rows in two groups: a start reads both, a look at the last days one."""
SOURCE = b"quarterdeck.source"

type Figures = NDArray[np.float64]
type Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Times and a row of figures for each column. `source` says where they come from; empty: unsaid."""

    times: Times
    figures: Figures
    source: str = ""


def write_columns(path: Path, names: tuple[str, ...], columns: Columns) -> None:
    """Write a file. Raises OSError."""
    schema = _schema(names).with_metadata({SOURCE: columns.source.encode()})
    table = pa.table([columns.times, *columns.figures], schema=schema)
    newest = max(0, table.num_rows - TAIL_ROWS[1])
    body = max(0, newest - TAIL_ROWS[0])
    with pq.ParquetWriter(
        path,
        schema,
        compression="none",
        use_dictionary=False,
        write_statistics=[TIME],
        write_page_checksum=True,
    ) as writer:
        for first, after in ((0, body), (body, newest), (newest, table.num_rows)):
            if after > first or not table.num_rows:
                writer.write_table(table.slice(first, after - first), row_group_size=GROUP_ROWS)


def read_columns(
    path: Path, names: tuple[str, ...], from_ms: int = 0, to_ms: int = 1 << 62
) -> Columns | None:
    """The rows in from_ms <= time < to_ms; None when there is no file.

    Raises StoreError when the file is damaged or another's, as far as the rows that are read tell.
    """
    try:
        with pq.ParquetFile(pa.OSFile(str(path)), page_checksum_verification=True) as file:
            return _read(path, file, names, from_ms, to_ms)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException, UnicodeError) as error:
        raise StoreError(f"{path}: {_trouble(error)}") from None


def _trouble(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and error.strerror:
        return f"cannot be read: {error.strerror}"
    words = printable(" ".join(str(error).split())[:100])
    return f"is damaged or no Parquet ({words}); remove it and fetch again"


def _read(path: Path, file: pq.ParquetFile, names: tuple[str, ...], from_ms: int, to_ms: int) -> Columns:
    schema = file.schema_arrow
    ours = schema.equals(_schema(names))
    if not ours:
        _refuse_foreign(path, schema, names)
    groups = _groups(file.metadata, schema.names.index(TIME), from_ms, to_ms)
    # To name the columns takes a tenth of the time of a small read: ours are all wanted, in their order.
    table = file.read_row_groups(groups, columns=None if ours else [TIME, *names], use_threads=False)
    if not ours and any(column.null_count for column in table.columns):
        raise StoreError(f"{path}: is not ours: it has empty cells")
    times = table.column(0).to_numpy()
    rows = _rows(times, from_ms, to_ms)
    figures = np.empty((len(names), rows.stop - rows.start))
    for place in range(len(names)):
        figures[place] = table.column(place + 1).to_numpy()[rows]
    source = (schema.metadata or {}).get(SOURCE, b"").decode("utf-8", "replace")
    return Columns(times[rows], figures, source)


@cache
def _schema(names: tuple[str, ...]) -> pa.Schema:
    """What a file of ours is made of; our own have no nulls."""
    fields = [pa.field(TIME, pa.int64(), nullable=False)]
    return pa.schema(fields + [pa.field(name, pa.float64(), nullable=False) for name in names])


def _refuse_foreign(path: Path, schema: pa.Schema, names: tuple[str, ...]) -> None:
    """Raise StoreError unless the columns are those of a candle or a figure, whoever wrote them."""
    wanted = dict(zip(_schema(names).names, _schema(names).types, strict=True))
    found = dict(zip(schema.names, schema.types, strict=True))
    if found != wanted or len(schema.names) != len(wanted):
        listed = ", ".join(f"{name} {kind}" for name, kind in list(found.items())[:8])
        raise StoreError(f"{path}: is not ours: it has {printable(listed)}; expected {', '.join(wanted)}")


def _groups(metadata: pq.FileMetaData, place: int, from_ms: int, to_ms: int) -> list[int]:
    """The row groups that may hold rows of a span, in order; all where the file does not tell. `place`: of the times.

    Looked up from the newest on, since mostly the newest rows are wanted.
    """
    count = metadata.num_row_groups
    if from_ms <= 0 and to_ms >= 1 << 62:
        return list(range(count))
    found: list[int] = []
    for group in range(count - 1, -1, -1):
        said = metadata.row_group(group).column(place).statistics
        if said is None or not said.has_min_max:
            return list(range(count))
        if said.max >= from_ms and said.min < to_ms:
            found.append(group)
            if said.min <= from_ms:  # in order of time all groups before are older
                break
    return found[::-1]


def _rows(times: Times, from_ms: int, to_ms: int) -> slice:
    """The rows in a span. What is out of order is handed on whole, and refused by whoever asked."""
    count = len(times)
    if not count or (times[0] >= from_ms and times[-1] < to_ms) or (times[1:] <= times[:-1]).any():
        return slice(0, count)
    first, last = times.searchsorted((from_ms, to_ms))
    return slice(int(first), int(last))


def merged(old: Columns, new: Columns) -> tuple[Columns, int, int, int]:
    """Old and new rows by time, new ones instead of old ones of the same time; how many are added, corrected, same."""
    if len(old.times) and len(new.times) and new.times[0] > old.times[-1]:
        times = np.concatenate([old.times, new.times])
        return Columns(times, np.hstack([old.figures, new.figures]), new.source), len(new.times), 0, 0
    places = np.searchsorted(old.times, new.times)
    known = np.zeros(len(new.times), dtype=np.bool_)
    inside = places < len(old.times)
    known[inside] = old.times[places[inside]] == new.times[inside]
    figures = old.figures.copy()
    equal = (figures[:, places[known]] == new.figures[:, known]).all(axis=0)
    figures[:, places[known]] = new.figures[:, known]
    times = np.concatenate([old.times, new.times[~known]])
    order = np.argsort(times, kind="stable")
    joined = np.hstack([figures, new.figures[:, ~known]])[:, order]
    same = int(equal.sum())
    return (
        Columns(times[order], joined, new.source),
        int((~known).sum()),
        int(known.sum()) - same,
        same,
    )


def empty(names: Mapping[str, object] | tuple[str, ...]) -> Columns:
    """No rows."""
    return Columns(np.empty(0, dtype=np.int64), np.empty((len(names), 0), dtype=np.float64))
