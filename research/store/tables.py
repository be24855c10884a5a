"""Stored series as Parquet: plain columns, a checksum for every page, the newest rows once more beside the schema.

A start of the desk reads the newest bars of every symbol. Opening a file brings its footer in any case, so they lie
there too, with a checksum of their own: that is half of the work. Nothing is compressed: prices hardly are any smaller
for it, and take four times as long to read.
"""

import struct
import zlib
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
GROUP_ROWS, NEWEST_ROWS = 131_072, 1_024
SOURCE, NEWEST = b"quarterdeck.source", b"quarterdeck.newest"
HEAD = struct.Struct("<QII")
"""Of the newest rows: rows of the whole file, checksum, nothing. Then times and each column, eight bytes a figure."""

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
    with pq.ParquetWriter(
        path,
        schema,
        compression="none",
        use_dictionary=False,
        write_statistics=[TIME],
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table, row_group_size=GROUP_ROWS)
        writer.add_key_value_metadata({NEWEST: _packed(names, columns)})


def _packed(names: tuple[str, ...], columns: Columns) -> bytes:
    """The newest rows as the footer holds them."""
    rows = slice(-NEWEST_ROWS, None)
    body = columns.times[rows].astype("<i8").tobytes() + columns.figures[:, rows].astype("<f8").tobytes()
    return HEAD.pack(len(columns.times), _sum(names, body), 0) + body


def _sum(names: tuple[str, ...], body: bytes | memoryview) -> int:
    return zlib.crc32(body, zlib.crc32(",".join(names).encode()))


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
    metadata = file.metadata
    beside = metadata.metadata or {}
    source = beside.get(SOURCE, b"").decode("utf-8", "replace")
    rows = metadata.num_rows
    newest = _newest(path, names, beside.get(NEWEST, b""), rows)
    if newest is not None and (len(newest.times) == rows or newest.times[0] <= from_ms):
        return _cut(Columns(newest.times, newest.figures, source), from_ms, to_ms)
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
    figures = np.empty((len(names), len(times)))
    for place in range(len(names)):
        figures[place] = table.column(place + 1).to_numpy()
    return _cut(Columns(times, figures, source), from_ms, to_ms)


def _newest(path: Path, names: tuple[str, ...], packed: bytes, rows: int) -> Columns | None:
    """The newest rows as the footer holds them; None where it does not, or where another program was at the file.

    Raises StoreError when they are not what was written.
    """
    if len(packed) < HEAD.size:
        return None
    counted, checksum, _ = HEAD.unpack_from(packed)
    if counted != rows:
        return None
    body = memoryview(packed)[HEAD.size :]
    if _sum(names, body) != checksum:
        raise StoreError(f"{path}: is damaged (its newest rows); remove it and fetch again")
    figures = np.frombuffer(body, dtype="<f8").reshape(1 + len(names), -1)
    return Columns(figures[0].view("<i8").copy(), figures[1:].copy())


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


def _cut(columns: Columns, from_ms: int, to_ms: int) -> Columns:
    """The rows in a span. What is out of order is handed on whole, and refused by whoever asked."""
    times = columns.times
    if not len(times) or (times[0] >= from_ms and times[-1] < to_ms) or (times[1:] <= times[:-1]).any():
        return columns
    first, last = times.searchsorted((from_ms, to_ms))
    return Columns(times[first:last].copy(), columns.figures[:, first:last].copy(), columns.source)


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
