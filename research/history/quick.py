"""The quick way through a file that has nothing wrong with it: the same checks, all at once; else the strict way.

Whatever is not as it should be (another name, type or unit, a null, a figure or a time out of order) makes `quick_read`
answer None; the strict reader then says what it is, with its row.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bot.strategy import Array
from research.history.checks import PRICE_RANGE, VOLUME_RANGE, Candles
from research.history.files import symbol_of
from research.history.headers import FIGURES, NEEDED
from research.history.tables import PARQUET
from research.history.values import EARLIEST_S, LATEST_S, Integers

COLUMNS = list(NEEDED)


def quick_read(path: Path, symbol: str = "") -> Candles | None:
    """The candles of a Parquet file with our own columns, in order, without a fault; else None."""
    if path.suffix.lower() not in PARQUET:
        return None
    try:
        with pq.ParquetFile(pa.OSFile(str(path)), page_checksum_verification=True) as file:
            if not is_ours(file.schema_arrow):
                return None
            table = file.read(columns=COLUMNS, use_threads=False)
    except (OSError, pa.ArrowException, UnicodeError):
        return None
    columns = columns_of_table(table)
    if columns is None or not are_sound(*columns):
        return None
    times, figures = columns
    return Candles(path, "row", symbol or symbol_of(path), np.arange(1, len(times) + 1), times, figures.T)


def is_ours(schema: pa.Schema) -> bool:
    """True when the columns of a candle are there by our names and types, and none says a symbol."""
    kinds = dict(zip(schema.names, schema.types, strict=True))
    if len(kinds) != len(schema.names) or any("symbol" in name.lower() for name in schema.names):
        return False
    wanted = {"timestamp": pa.int64(), **dict.fromkeys(FIGURES, pa.float64())}
    return all(kinds.get(name) == kind for name, kind in wanted.items()) and set(kinds) == set(wanted)


def columns_of_table(table: pa.Table) -> tuple[Integers, NDArray[np.float64]] | None:
    """Times and the figures (a row for each column) as own arrays; None when there is a null or nothing at all."""
    if not table.num_rows or any(column.null_count for column in table.columns):
        return None
    figures = np.empty((len(FIGURES), table.num_rows), dtype=np.float64)
    for place, name in enumerate(FIGURES):
        _copy(table.column(name), figures[place])
    times = np.empty(table.num_rows, dtype=np.int64)
    _copy(table.column("timestamp"), times)
    return times, figures


def _copy(column: pa.ChunkedArray, to: NDArray[np.float64] | Integers) -> None:
    at = 0
    for chunk in column.chunks:
        to[at : at + len(chunk)] = chunk.to_numpy()
        at += len(chunk)


def are_sound(times: Integers, figures: NDArray[np.float64]) -> bool:
    """True when no check of the strict reader would find a fault, and the times are in order, each once."""
    opened, high, low, closed, volume = figures
    return bool(
        times[0] >= EARLIEST_S * 1000
        and times[-1] < LATEST_S * 1000
        and (times[1:] > times[:-1]).all()
        and _within(low, high, PRICE_RANGE)
        and _within(volume, volume, VOLUME_RANGE)
        and (np.minimum(opened, closed) >= low).all()
        and (np.maximum(opened, closed) <= high).all()
    )


def _within(low: Array, high: Array, allowed: tuple[float, float]) -> bool:
    """NaN is not within anything."""
    return bool(low.min() >= allowed[0] and high.max() <= allowed[1])
