"""Candle files as columns: Parquet and CSV brought to the same shape, every record knowing its row or line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from research.history.headers import CANDLES, Layout, columns_of
from research.history.report import CandleFileError, counted

DELIMITERS = ",;\t|"
HEADER_BYTES = 65_536
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of one file that make candles, by our own names (`symbol` may be missing).

    `word` is what the file's people count, `rows` that count for each record.
    """

    path: Path
    columns: dict[str, pa.ChunkedArray]
    word: str
    rows: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def read_table(path: Path, layout: Layout = CANDLES) -> Table:
    """The table of a Parquet or CSV file; CandleFileError when it is none."""
    what = "candles" if layout is CANDLES else "figures"
    if path.stat().st_size == 0:
        raise CandleFileError(f"{path}: is empty; expected {what}")
    table = _parquet(path, layout) if path.suffix.lower() in PARQUET else _csv(path, layout)
    if not len(table.rows):
        raise CandleFileError(f"{path}: has no {what}, only column names")
    return table


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """What Arrow and the system say about a file they cannot read, as one line of ours."""
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise CandleFileError(f"{path}: cannot be read: {error.strerror}") from None
        kind = "Parquet" if path.suffix.lower() in PARQUET else "CSV in UTF-8"
        words = " ".join(str(error).split())[:120]
        raise CandleFileError(f"{path}: is damaged or of another format; expected {kind} ({words})") from None


def _parquet(path: Path, layout: Layout) -> Table:
    with pq.ParquetFile(path) as file:
        header = file.schema_arrow.names
        chosen = {ours: header[position] for ours, position in columns_of(path, header, layout).items()}
        table = file.read(columns=list(chosen.values()))
    columns = {ours: _plain(table.column(theirs)) for ours, theirs in chosen.items()}
    return Table(path, columns, "row", np.arange(1, table.num_rows + 1))


def _plain(column: Any) -> Any:
    """A column without dictionary encoding."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _csv(path: Path, layout: Layout) -> Table:
    names, delimiter, has_header = _header(path, layout.headerless)
    chosen = columns_of(path, names, layout)
    ragged: dict[int, int] = {}
    table = _csv_texts(path, [f"c{i}" for i in range(len(names))], delimiter, int(has_header), ragged)
    lines = _lines(table.num_rows, ragged, first=1 + has_header)
    _refuse_ragged(path, ragged, len(names))
    filled = _not_blank(table)
    columns = {name: table.column(i).filter(filled) for name, i in chosen.items()}
    notes = () if has_header else (f"{path}: has no header; read as {', '.join(layout.headerless)}",)
    return Table(path, columns, "line", lines[filled.to_numpy()], notes)


def _header(path: Path, headerless: Sequence[str]) -> tuple[list[str], str, bool]:
    """Column names, delimiter, and whether the file has a header at all (exchange dumps often have none)."""
    with path.open("rb") as file:
        line = file.readline(HEADER_BYTES)
    try:
        text = line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise CandleFileError(f"{path}: line 1: is no UTF-8 text; expected CSV with a header") from None
    delimiter = max(DELIMITERS, key=text.count)
    names = [name.strip().strip('"') for name in text.split(delimiter)]
    known = len(headerless)
    if known and len(names) >= known and all(_is_number(name) for name in names[:known]):
        more = [f"column {i}" for i in range(known + 1, len(names) + 1)]
        return [*headerless, *more], delimiter, False
    return names, delimiter, True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _csv_texts(path: Path, names: Sequence[str], delimiter: str, skip: int, ragged: dict[int, int]) -> Any:
    """All cells as text, so that what is no number can be told with its line; wrong widths go to `ragged`."""

    def collect(row: Any) -> str:
        ragged[row.number] = row.actual_columns
        return "skip"

    return pv.read_csv(
        path,
        # One thread: only then does Arrow number the lines.
        read_options=pv.ReadOptions(skip_rows=skip, column_names=list(names), use_threads=False),
        parse_options=pv.ParseOptions(
            delimiter=delimiter, invalid_row_handler=collect, ignore_empty_lines=False
        ),
        convert_options=pv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def _lines(records: int, ragged: dict[int, int], first: int) -> NDArray[np.int64]:
    """The line number of every record that was kept."""
    lines = np.arange(first, first + records + len(ragged), dtype=np.int64)
    return lines[~np.isin(lines, list(ragged))] if ragged else lines


def _refuse_ragged(path: Path, ragged: dict[int, int], width: int) -> None:
    if ragged:
        line, found = min(ragged.items())
        more = f" (and {counted(len(ragged) - 1, 'more line')})" if len(ragged) > 1 else ""
        raise CandleFileError(f"{path}: line {line}: {counted(found, 'field')}; expected {width}{more}")


def _not_blank(table: Any) -> Any:
    """Which records are more than an empty line."""
    import pyarrow.compute as pc  # takes longer to read than a file without a fault

    filled = pc.not_equal(table.column(0), "")
    for column in table.columns[1:]:
        filled = pc.or_(filled, pc.not_equal(column, ""))
    return filled
