"""Mangled candle files: whatever happens to a file, it is read with every repair noted, or refused in one line."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.market import Candle
from research.history import CandleFileError, History, read_candles

BAR_MS = 900_000
START_MS = 1_700_000_100_000
HEADER = "timestamp,open,high,low,close,volume"
NASTY = st.sampled_from(
    ["", " ", "abc", "nan", "NaN", "inf", "-inf", "1e400", "-1", "0", "1,5", '"', "'", "\x00", "💥", "=1+1", "None",
     "null", "2023-01-01", "1_0", "٣", "1e-320", "99999999999999999999", ";", "<b>", "DROP TABLE", "0x1"]
)  # fmt: skip


def rows(bars: int) -> list[list[str]]:
    """Sound candles, each different."""
    return [
        [
            str(START_MS + i * BAR_MS),
            *(f"{price:.2f}" for price in (100 + i, 103 + i, 98.5 + i, 101 + i)),
            str(10 + i),
        ]
        for i in range(bars)
    ]


@contextmanager
def file_of(content: bytes, name: str = "BTCUSDT.csv") -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield path


def csv_of(table: list[list[str]]) -> bytes:
    return "\n".join([HEADER, *(",".join(cells) for cells in table)]).encode("utf-8", "surrogateescape")


def read_or_refuse(path: Path) -> History | None:
    """The history, sound throughout; or None after one refusing line that names the file."""
    try:
        history = read_candles([path])
    except CandleFileError as error:
        line = str(error)
        assert len(line.splitlines()) == 1
        assert line.isprintable()
        assert path.name in line or "candle" in line
        return None
    for frame in history.frames.values():
        assert (np.diff(frame.open_at_ms) > 0).all()
        columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
        for at, *figures in zip(
            frame.open_at_ms.tolist(), *(column.tolist() for column in columns), strict=True
        ):
            assert Candle(frame.symbol, at, *figures).sound
    return history


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 5), NASTY), min_size=1, max_size=4))
def test_nasty_cells_never_pass_unseen(changes: list[tuple[int, int, str]]) -> None:
    table = rows(12)
    for row, column, cell in changes:
        table[row][column] = cell
    with file_of(csv_of(table)) as path:
        history = read_or_refuse(path)
    if history is not None:
        pairs = zip(table, rows(12), strict=True)
        assert all(
            _harmless(column, after[column])
            for after, before in pairs
            for column in range(6)
            if after[column] != before[column]
        )


def _harmless(column: int, cell: str) -> bool:
    """No volume, or next to none, is sound."""
    return column == 5 and cell in ("0", "1e-320")


@settings(max_examples=100)
@given(
    st.permutations(range(10)),
    st.lists(st.integers(0, 9), max_size=5),
    st.sets(st.integers(1, 8), max_size=3),
)
def test_order_repetitions_and_holes(order: list[int], again: list[int], missing: set[int]) -> None:
    """Any order, with repetitions and holes, gives the candles left; every difference is in the report."""
    kept = [i for i in (*order, *again) if i not in missing]
    table = rows(10)
    with file_of(csv_of([table[i] for i in kept])) as path:
        history = read_candles([path], "15m") if _has_a_step(kept) else None
    if history is None:
        return
    (frame,) = history.frames.values()
    expected = sorted(set(kept))
    assert ((frame.open_at_ms - START_MS) // BAR_MS).tolist() == expected
    assert frame.close.tolist() == [float(table[i][4]) for i in expected]
    assert sum(gap.bars for gap in history.report.gaps) == expected[-1] - expected[0] + 1 - len(expected)
    assert bool(history.report.notes) == (kept != expected)


def _has_a_step(kept: list[int]) -> bool:
    times = sorted(set(kept))
    return any(b - a == 1 for a, b in pairwise(times))


@settings(max_examples=150)
@given(st.binary(max_size=400))
@example(b"timestamp,open,high,low,close,volume\n1700000100000,1,1,1,1\x00,1\n")
@example(b'timestamp,open,high,low,close,volume\n"1700000100000,1,1,1,1,1\n')
@example(b"\xef\xbb\xbf")
@example(b",,,,,\n,,,,,\n")
def test_any_bytes_called_csv(content: bytes) -> None:
    with file_of(content) as path:
        read_or_refuse(path)


@settings(max_examples=100)
@given(st.text(alphabet=st.sampled_from('0123456789.,;-\n\r" abTZ:e\t|'), max_size=300))
def test_any_text_below_a_header(body: str) -> None:
    with file_of(f"{HEADER}\n{body}".encode()) as path:
        read_or_refuse(path)


@settings(max_examples=100)
@given(st.integers(0, 20_000), st.binary(min_size=1, max_size=8), st.booleans())
def test_parquet_with_bytes_overwritten(at: int, patch: bytes, texts: bool) -> None:
    """Damage is refused, or hits nothing that is read, or makes other sound candles."""
    content = bytearray(_parquet(texts))
    at %= len(content)
    content[at : at + len(patch)] = patch
    with file_of(bytes(content), "BTCUSDT.parquet") as path:
        read_or_refuse(path)


@settings(max_examples=60)
@given(st.integers(0, 20_000), st.booleans())
def test_parquet_cut_anywhere(at: int, texts: bool) -> None:
    content = _parquet(texts)
    with file_of(content[: at % len(content)], "BTCUSDT.parquet") as path:
        assert read_or_refuse(path) is None


@cache
def _parquet(texts: bool) -> bytes:
    """Thirty candles, their cells as numbers or as text, with a symbol column in the second case."""
    kind: Callable[[str], object] = str if texts else float
    columns = {name: [kind(row[i]) for row in rows(30)] for i, name in enumerate(HEADER.split(","))}
    sink = pa.BufferOutputStream()
    named = {"symbol": ["BTCUSDT"] * 30} if texts else {}
    pq.write_table(pa.table({**columns, **named}), sink, compression="none", use_dictionary=False)
    return bytes(sink.getvalue().to_pybytes())


@settings(max_examples=60)
@given(
    st.sampled_from([0.001, 1.0, 1000.0, 1e6]), st.integers(1, 11), st.sampled_from([0.001, 1.0, 1000.0, 1e6])
)
def test_mixed_units_are_refused(unit: float, row: int, other: float) -> None:
    table = rows(12)
    for i, cells in enumerate(table):
        cells[0] = str(round((START_MS + i * BAR_MS) * (other if i == row else unit)))
    with file_of(csv_of(table)) as path:
        history = read_or_refuse(path)
    assert (history is not None) == (unit == other)


@settings(max_examples=60)
@given(st.sets(st.integers(0, 40), min_size=2, max_size=30).filter(lambda kept: _has_a_step(sorted(kept))))
def test_filling_closes_every_hole(kept: set[int]) -> None:
    table = rows(41)
    with file_of(csv_of([table[i] for i in sorted(kept)])) as path:
        open_, full = read_candles([path], "15m"), read_candles([path], "15m", fill=True)
    before, after = open_.frames["BTCUSDT"], full.frames["BTCUSDT"]
    assert (np.diff(after.open_at_ms) == BAR_MS).all()
    assert len(after) - len(before) == sum(gap.bars for gap in full.report.gaps)
    old = np.isin(after.open_at_ms, before.open_at_ms)
    assert np.array_equal(after.close[old], before.close)
    assert (after.volume[~old] == 0).all()
    assert (after.high[~old] == after.low[~old]).all()
