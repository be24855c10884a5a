"""Candle files as people have them: what is read, what is repaired and noted, and what is refused in one line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.domain.errors import ConfigError
from bot.domain.market import MINUTE_MS
from bot.strategy import Frame
from research.history import CandleFileError, Gap, read_candles

BAR_MS = 15 * MINUTE_MS
START_MS = 1_700_000_100_000
HEADER = "timestamp,open,high,low,close,volume"
COLUMNS = ("open", "high", "low", "close", "volume")


def row(bar: int, time: object | None = None) -> list[object]:
    """A sound candle, different for every bar."""
    price = 100.0 + bar % 7
    at = START_MS + bar * BAR_MS if time is None else time
    return [at, price, price + 2, price - 2, price + 1, 10.0 + bar]


def text(rows: Sequence[Sequence[object]], header: str = HEADER, delimiter: str = ",") -> str:
    lines = [delimiter.join(str(cell) for cell in cells) for cells in rows]
    return "\n".join([header.replace(",", delimiter), *lines]) + "\n"


def csv(
    folder: Path, rows: Sequence[Sequence[object]], name: str = "BTCUSDT.csv", header: str = HEADER
) -> Path:
    path = folder / name
    path.write_text(text(rows, header), encoding="utf-8")
    return path


def parquet(folder: Path, columns: dict[str, object], name: str = "BTCUSDT.parquet") -> Path:
    path = folder / name
    pq.write_table(pa.table(columns), path)
    return path


def parquet_columns(bars: int) -> dict[str, object]:
    names = HEADER.split(",")
    return {name: [row(bar)[i] for bar in range(bars)] for i, name in enumerate(names)}


def read_one(path: Path, timeframe: str | None = None, **options: bool) -> Frame:
    (frame,) = read_candles([path], timeframe, **options).frames.values()
    return frame


def refused(path: Path, timeframe: str | None = None) -> str:
    """The one line that refuses a file."""
    with pytest.raises(CandleFileError) as caught:
        read_candles([path], timeframe)
    line = str(caught.value)
    assert "\n" not in line
    return line.replace(f"{path.parent}/", "")


def is_plain(frame: Frame, bars: int) -> bool:
    """The frame holds bars 0, 1, ... as `row` makes them."""
    expected = np.array([row(bar) for bar in range(bars)], dtype=np.float64)
    found = np.column_stack([frame.open_at_ms, *(getattr(frame, name) for name in COLUMNS)])
    return np.array_equal(found, expected)


# What is read


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_with_any_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(text([row(i) for i in range(5)], delimiter=delimiter), encoding="utf-8")
    history = read_candles([path])
    assert is_plain(history.frames["BTCUSDT"], 5)
    assert (history.timeframe, history.report.lines) == ("15m", ())
    frame = history.frames["BTCUSDT"]
    assert (frame.symbol, frame.timeframe_ms, frame.open_at_ms.dtype.name) == ("BTCUSDT", BAR_MS, "int64")
    assert all(getattr(frame, name).dtype == np.float64 for name in COLUMNS)
    assert all(getattr(frame, name).flags["C_CONTIGUOUS"] for name in COLUMNS)


def test_parquet(tmp_path: Path) -> None:
    history = read_candles([parquet(tmp_path, parquet_columns(6))])
    assert is_plain(history.frames["BTCUSDT"], 6)
    assert history.report.lines == ()


@pytest.mark.parametrize(
    "header",
    [
        "Open Time,Open,High,Low,Close,Volume",
        "openTime,o,h,l,c,v",
        "DATE,open_price,high_price,low_price,close_price,Vol",
        '"time","open","high","low","close","volume"',
        " ts , o , h , l , c , base-volume ",
        "\ufefftimestamp,open,high,low,close,volume",
    ],
)
def test_headers_by_many_names(tmp_path: Path, header: str) -> None:
    assert is_plain(read_one(csv(tmp_path, [row(i) for i in range(4)], header=header)), 4)


def test_columns_in_any_order_beside_others(tmp_path: Path) -> None:
    rows = [[v, "x", c, low, h, "", o, t] for t, o, h, low, c, v in (row(i) for i in range(4))]
    path = csv(tmp_path, rows, header="volume,exchange,close,low,high,note,open,time")
    assert is_plain(read_one(path), 4)


def test_parquet_columns_in_any_order_beside_others(tmp_path: Path) -> None:
    columns = {"trades": [1] * 5, **dict(reversed(parquet_columns(5).items())), "note": ["x"] * 5}
    assert is_plain(read_one(parquet(tmp_path, columns)), 5)


def test_the_opening_time_is_preferred_to_other_times(tmp_path: Path) -> None:
    rows = [[*row(i), START_MS + (i + 1) * BAR_MS, "2020-01-01"] for i in range(3)]
    path = csv(tmp_path, rows, header="open_time,open,high,low,close,volume,close_time,date")
    assert is_plain(read_one(path), 3)


@pytest.mark.parametrize(
    "scale",
    [
        pytest.param(0.001, id="s"),
        pytest.param(1, id="ms"),
        pytest.param(1000, id="us"),
        pytest.param(10**6, id="ns"),
    ],
)
def test_units_of_time_are_told_by_their_size(tmp_path: Path, scale: float) -> None:
    rows = [row(i, int((START_MS + i * BAR_MS) * scale)) for i in range(5)]
    assert is_plain(read_one(csv(tmp_path, rows)), 5)
    columns = {**parquet_columns(5), "timestamp": [cells[0] for cells in rows]}
    assert is_plain(read_one(parquet(tmp_path, columns)), 5)


def test_seconds_with_decimals(tmp_path: Path) -> None:
    rows = [row(i, f"{(START_MS + i * BAR_MS) / 1000:.3f}") for i in range(5)]
    assert is_plain(read_one(csv(tmp_path, rows)), 5)


@pytest.mark.parametrize(
    "style",
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%d %H:%M", "%Y%m%dT%H%M"],
)
def test_iso_times_are_utc_unless_they_say_otherwise(tmp_path: Path, style: str) -> None:
    rows = [
        row(i, datetime.fromtimestamp((START_MS + i * BAR_MS) / 1000, UTC).strftime(style)) for i in range(5)
    ]
    assert is_plain(read_one(csv(tmp_path, rows)), 5)


@pytest.mark.parametrize(
    "typed",
    [
        "now", "today", "2023-W46-2", "2023-318", "2023-11-14T24:00", "2023-11-14 22:30 CET", "2023-02-30 22:30",
        "2023-11/14 22:30", "2023-11-14T22:30:00+02:00:30", "14.11.2023 22:30", "２０２３-11-14 22:30",
    ],
)  # fmt: skip
def test_text_that_is_no_time_is_named_with_its_line(tmp_path: Path, typed: str) -> None:
    rows = [row(0, "2023-11-14 22:15"), row(1, typed), row(2, "2023-11-14 22:45")]
    with pytest.raises(CandleFileError, match=r"line 3: time .* is no time; allowed: ISO-8601"):
        read_one(csv(tmp_path, rows))


@pytest.mark.parametrize(
    "typed",
    [
        "2023/11/14 22:30", "2023-11-14 22:30:00 +0000", "2023-11-14T22:30:00.000999999Z", "20231114 223000",
        "2023-11-14T17:00-05:30", "2023-11-15 00:30+02", "2023-11-14T22:30z",
    ],
)  # fmt: skip
def test_times_as_text_of_many_writers(tmp_path: Path, typed: str) -> None:
    rows = [row(0, "2023-11-14 22:15"), row(1, typed), row(2, "2023-11-14 22:45")]
    assert read_one(csv(tmp_path, rows)).open_at_ms.tolist() == [START_MS + i * BAR_MS for i in range(3)]


def test_iso_times_with_an_offset(tmp_path: Path) -> None:
    rows = [
        row(0, "2023-11-15T00:15:00+02:00"),
        row(1, "2023-11-14T22:30:00+00:00"),
        row(2, "2023-11-14T22:45Z"),
    ]
    assert read_one(csv(tmp_path, rows)).open_at_ms.tolist() == [START_MS + i * BAR_MS for i in range(3)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_parquet_timestamps(tmp_path: Path, unit: str, zone: str | None) -> None:
    kind = pa.timestamp(unit, tz=zone)
    times = pa.array([START_MS + i * BAR_MS for i in range(4)], pa.timestamp("ms", tz=zone)).cast(kind)
    assert is_plain(read_one(parquet(tmp_path, {**parquet_columns(4), "timestamp": times})), 4)


def test_parquet_dates(tmp_path: Path) -> None:
    days = pa.array([19_675, 19_676, 19_677], pa.date32())
    frame = read_one(parquet(tmp_path, {**parquet_columns(3), "timestamp": days}))
    assert frame.open_at_ms.tolist() == [day * 86_400_000 for day in (19_675, 19_676, 19_677)]


def test_parquet_decimals_integers_and_texts(tmp_path: Path) -> None:
    columns = parquet_columns(4)
    columns["open"] = pa.array([Decimal(str(row(i)[1])) for i in range(4)], pa.decimal128(12, 4))
    columns["close"] = pa.array([str(row(i)[4]) for i in range(4)])
    columns["volume"] = pa.array([int(str(row(i)[5]).split(".")[0]) for i in range(4)], pa.int32())
    columns["high"] = pa.array([str(row(i)[2]) for i in range(4)], pa.large_string())
    columns["low"] = pa.array([str(row(i)[3]) for i in range(4)]).dictionary_encode()
    assert is_plain(read_one(parquet(tmp_path, columns)), 4)


def test_a_file_without_header_is_read_as_exchanges_write_them(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-15m-2023-11.csv"
    path.write_text(text([[*row(i), 1, 2, 3] for i in range(4)]).split("\n", 1)[1], encoding="utf-8")
    history = read_candles([path])
    assert is_plain(history.frames["BTCUSDT"], 4)
    (note,) = history.report.notes
    assert note.endswith("has no header; read as timestamp, open, high, low, close, volume")


def test_spaces_quotes_blank_lines_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    lines = [
        HEADER,
        *(
            ",".join(f' "{cell}"'.strip() if j else f" {cell} " for j, cell in enumerate(row(i)))
            for i in range(3)
        ),
    ]
    path.write_bytes("\r\n".join([lines[0], lines[1], "", lines[2], lines[3], "", ""]).encode())
    assert is_plain(read_one(path), 3)


@pytest.mark.parametrize(
    "name, symbol",
    [
        ("BTCUSDT.csv", "BTCUSDT"),
        ("btcusdt.csv", "BTCUSDT"),
        ("BTC-USDT.csv", "BTCUSDT"),
        ("BTC_USDT_USDT-15m-futures.csv", "BTCUSDT"),
        ("BTCUSDT-15m-2023-01.csv", "BTCUSDT"),
        ("Binance_BTCUSDT_15m.csv", "BTCUSDT"),
        ("1000000BOBUSDT.csv", "1000000BOBUSDT"),
        ("币安人生USDT.csv", "币安人生USDT"),
        ("AAPL.csv", "AAPL"),
    ],
)
def test_the_symbol_is_in_the_name(tmp_path: Path, name: str, symbol: str) -> None:
    history = read_candles([csv(tmp_path, [row(i) for i in range(3)], name=name)])
    assert list(history.frames) == [symbol]
    assert history.frames[symbol].symbol == symbol


def test_a_symbol_column_divides_a_file(tmp_path: Path) -> None:
    rows = [[name, *row(i)] for i in range(3) for name in ("ETH/USDT:USDT", "btcusdt")]
    history = read_candles([csv(tmp_path, rows, name="all.csv", header=f"pair,{HEADER}")])
    assert list(history.frames) == ["BTCUSDT", "ETHUSDT"]
    assert all(is_plain(frame, 3) for frame in history.frames.values())
    assert history.report.lines == ()


def test_a_folder_is_read_in_name_order_and_says_what_it_left(tmp_path: Path) -> None:
    for name in ("XRPUSDT.csv", "ADAUSDT.csv", "ETHUSDT.csv"):
        csv(tmp_path, [row(i) for i in range(3)], name=name)
    parquet(tmp_path, parquet_columns(3), name="BTCUSDT.parquet")
    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    (tmp_path / ".hidden.csv").write_text("", encoding="utf-8")
    history = read_candles([tmp_path])
    assert list(history.frames) == ["ADAUSDT", "BTCUSDT", "ETHUSDT", "XRPUSDT"]
    assert [note.removeprefix(f"{tmp_path}: ") for note in history.report.notes] == [
        "1 other file not read: README.md"
    ]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = csv(tmp_path, [row(i) for i in range(3)])
    history = read_candles([path, tmp_path, path])
    assert is_plain(history.frames["BTCUSDT"], 3)
    assert history.report.lines == ()


def test_months_of_one_symbol_are_joined(tmp_path: Path) -> None:
    csv(tmp_path, [row(i) for i in range(4, 8)], name="BTCUSDT-2023-02.csv")
    csv(tmp_path, [row(i) for i in range(5)], name="BTCUSDT-2023-01.csv")
    history = read_candles([tmp_path])
    assert is_plain(history.frames["BTCUSDT"], 8)
    (note,) = history.report.notes
    assert note.endswith("BTCUSDT-2023-02.csv: line 2: BTCUSDT candle repeated; 1 repetition dropped")


def test_one_candle_with_its_timeframe_named(tmp_path: Path) -> None:
    assert is_plain(read_one(csv(tmp_path, [row(0)]), "15m"), 1)


# What is repaired, and noted


def test_rows_out_of_order_are_sorted_with_a_note(tmp_path: Path) -> None:
    history = read_candles([csv(tmp_path, [row(i) for i in (0, 3, 1, 2, 4)])])
    assert is_plain(history.frames["BTCUSDT"], 5)
    (note,) = history.report.notes
    assert note.endswith("BTCUSDT.csv: 2 lines out of order, the first is line 4; sorted by time")


def test_newest_first_is_turned_round_with_a_note(tmp_path: Path) -> None:
    history = read_candles([csv(tmp_path, [row(i) for i in (4, 3, 2, 1, 0)])])
    assert is_plain(history.frames["BTCUSDT"], 5)
    (note,) = history.report.notes
    assert note.endswith("BTCUSDT.csv: BTCUSDT newest first; turned round")


def test_exact_repetitions_are_dropped_with_a_note(tmp_path: Path) -> None:
    history = read_candles([csv(tmp_path, [row(i) for i in (0, 1, 1, 2, 2, 2, 3)])])
    assert is_plain(history.frames["BTCUSDT"], 4)
    (note,) = history.report.notes
    assert note.endswith("BTCUSDT.csv: line 4: BTCUSDT candle repeated; 3 repetitions dropped")


def test_parquet_rows_are_counted_from_one(tmp_path: Path) -> None:
    order = (0, 1, 2, 3, 2)
    columns: dict[str, object] = {
        name: [row(i)[at] for i in order] for at, name in enumerate(HEADER.split(","))
    }
    notes = read_candles([parquet(tmp_path, columns)]).report.notes
    assert [note.split("BTCUSDT.parquet: ")[1] for note in notes] == [
        "1 row out of order, the first is row 5; sorted by time",
        "row 5: BTCUSDT candle repeated; 1 repetition dropped",
    ]


def test_holes_stay_holes_and_are_reported(tmp_path: Path) -> None:
    history = read_candles([csv(tmp_path, [row(i) for i in (0, 1, 2, 6, 7, 9)])])
    frame = history.frames["BTCUSDT"]
    assert ((frame.open_at_ms - START_MS) // BAR_MS).tolist() == [0, 1, 2, 6, 7, 9]
    assert history.report.gaps == (
        Gap("BTCUSDT", START_MS + 3 * BAR_MS, START_MS + 5 * BAR_MS, 3),
        Gap("BTCUSDT", START_MS + 8 * BAR_MS, START_MS + 8 * BAR_MS, 1),
    )
    assert history.report.lines == (
        "BTCUSDT: 3 bars missing, 2023-11-14 23:00 to 2023-11-14 23:30; left open",
        "BTCUSDT: 1 bar missing, 2023-11-15 00:15 to 2023-11-15 00:15; left open",
    )


def test_many_holes_are_summed_up(tmp_path: Path) -> None:
    lines = read_candles(
        [csv(tmp_path, [row(i) for i in (0, 1, 2, 3, 5, 7, 10, 12, 14)])], "15m"
    ).report.lines
    assert len(lines) == 4
    assert lines[3] == "BTCUSDT: and 2 more gaps, 2 bars"


def test_holes_are_filled_on_demand(tmp_path: Path) -> None:
    history = read_candles([csv(tmp_path, [row(i) for i in (0, 1, 2, 5, 6)])], fill=True)
    frame = history.frames["BTCUSDT"]
    assert ((frame.open_at_ms - START_MS) // BAR_MS).tolist() == list(range(7))
    flat = [frame.open[3:5], frame.high[3:5], frame.low[3:5], frame.close[3:5]]
    assert all(column.tolist() == [103.0, 103.0] for column in flat)
    assert frame.volume[3:5].tolist() == [0.0, 0.0]
    assert frame.close[5] == row(5)[4]
    assert history.report.lines == (
        "BTCUSDT: 2 bars missing, 2023-11-14 23:00 to 2023-11-14 23:15; filled with flat candles",
    )


# What is refused, in one line


def broken(tmp_path: Path, at: int, column: str, value: object, *more: int) -> Path:
    """Six sound candles but for one cell (the same in rows `more`)."""
    rows = [row(i) for i in range(6)]
    for i in (at, *more):
        rows[i][HEADER.split(",").index(column)] = value
    return csv(tmp_path, rows)


@pytest.mark.parametrize(
    "column, value, line",
    [
        ("close", "abc", "BTCUSDT.csv: line 4: close 'abc' is no number; allowed: 123 or 123.45"),
        ("close", "", "BTCUSDT.csv: line 4: close (empty) is no number; allowed: 123 or 123.45"),
        ("open", "1_000", "BTCUSDT.csv: line 4: open '1_000' is no number; allowed: 123 or 123.45"),
        ("open", "0x10", "BTCUSDT.csv: line 4: open '0x10' is no number; allowed: 123 or 123.45"),
        (
            "open",
            "\x1b[31m\u202e",
            "BTCUSDT.csv: line 4: open '\\x1b[31m\\u202e' is no number; allowed: 123 or 123.45",
        ),
        ("high", "nan", "BTCUSDT.csv: line 4: high is nan; allowed: finite numbers"),
        ("volume", "NaN", "BTCUSDT.csv: line 4: volume is nan; allowed: finite numbers"),
        ("high", "inf", "BTCUSDT.csv: line 4: high is inf; allowed: finite numbers"),
        ("high", "1e999", "BTCUSDT.csv: line 4: high is inf; allowed: finite numbers"),
        ("low", "0", "BTCUSDT.csv: line 4: low is 0; allowed: 1e-12 to 1e+12"),
        ("low", "-5", "BTCUSDT.csv: line 4: low is -5; allowed: 1e-12 to 1e+12"),
        ("volume", "-1", "BTCUSDT.csv: line 4: volume is -1; allowed: 0 to 1e+18"),
        ("high", "99", "BTCUSDT.csv: line 4: high 99 is below low 100; allowed: low <= high"),
        ("high", "102.5", "BTCUSDT.csv: line 4: close 103 is outside low 100 to high 102.5"),
        ("low", "102.5", "BTCUSDT.csv: line 4: open 102 is outside low 102.5 to high 104"),
        (
            "timestamp",
            START_MS // 1000 + 2 * 900,
            "BTCUSDT.csv: line 4: time 1700001900 is in seconds, most rows in milliseconds; allowed: one unit per file",
        ),
        ("timestamp", "12", "BTCUSDT.csv: line 4: time 12 is no time from 2000 to 2100 in s, ms, us or ns"),
        (
            "timestamp",
            "",
            "BTCUSDT.csv: line 4: time (empty) is no number as in other rows; allowed: one kind of time per file",
        ),
        (
            "timestamp",
            "2023-11-14",
            "BTCUSDT.csv: line 4: time '2023-11-14' is no number as in other rows; allowed: one kind of time per file",
        ),
        (
            "timestamp",
            START_MS + 2 * BAR_MS + 60_000,
            "BTCUSDT.csv: line 4: opens at 2023-11-14 22:46, between 15m bars; allowed: whole 15m since 00:00 UTC",
        ),
    ],
)
def test_a_broken_cell_is_told_with_its_line(tmp_path: Path, column: str, value: object, line: str) -> None:
    assert refused(broken(tmp_path, 2, column, value)) == line


def test_further_broken_lines_are_counted(tmp_path: Path) -> None:
    assert refused(broken(tmp_path, 1, "close", "x", 3, 5)).endswith(
        "BTCUSDT.csv: line 3: close 'x' is no number; allowed: 123 or 123.45 (and 2 more lines)"
    )


def test_the_first_broken_line_is_told_whatever_its_fault(tmp_path: Path) -> None:
    rows = [row(i) for i in range(6)]
    rows[4][1] = "x"
    rows[1][2] = "1"
    line = refused(csv(tmp_path, rows))
    assert line == "BTCUSDT.csv: line 3: high 1 is below low 99; allowed: low <= high (and 1 more line)"


def test_blank_lines_count_when_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    cells = [",".join(str(cell) for cell in row(i)) for i in range(3)]
    path.write_text(
        "\n".join([HEADER, cells[0], "", "", cells[1].replace("101.0", "x", 1), cells[2]]), encoding="utf-8"
    )
    assert refused(path) == "BTCUSDT.csv: line 5: open 'x' is no number; allowed: 123 or 123.45"


@pytest.mark.parametrize(
    "line, found", [("1,2", "2 fields"), ("1,2,3,4,5,6,7", "7 fields"), ("oops", "1 field")]
)
def test_lines_of_a_wrong_width(tmp_path: Path, line: str, found: str) -> None:
    path = tmp_path / "BTCUSDT.csv"
    cells = text([row(i) for i in range(4)]).splitlines()
    path.write_text("\n".join([*cells[:3], line, *cells[3:], line]), encoding="utf-8")
    assert refused(path) == f"BTCUSDT.csv: line 4: {found}; expected 6 (and 1 more line)"


def test_candles_that_disagree(tmp_path: Path) -> None:
    rows = [row(i) for i in range(4)] + [row(1)]
    rows[4][5] = 99
    assert refused(csv(tmp_path, rows)) == (
        f"BTCUSDT.csv: line 6: another candle of BTCUSDT 2023-11-14 22:30 than {tmp_path}/BTCUSDT.csv: line 3: "
        "volume 99 and 11; allowed: one candle for each time"
    ).replace(f"{tmp_path}/", "")


def test_files_that_disagree(tmp_path: Path) -> None:
    csv(tmp_path, [row(i) for i in range(4)], name="BTCUSDT-a.csv")
    other = [row(i) for i in range(2, 6)]
    other[1][4] = 104.5
    csv(tmp_path, other, name="BTCUSDT-b.csv")
    with pytest.raises(CandleFileError) as caught:
        read_candles([tmp_path])
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "BTCUSDT-b.csv: line 3: another candle of BTCUSDT 2023-11-14 23:00 than BTCUSDT-a.csv: line 5: "
        "close 104.5 and 104; allowed: one candle for each time"
    )


def test_a_column_is_missing(tmp_path: Path) -> None:
    path = csv(tmp_path, [[1, 2, 3]], header="time,open,Prix")
    assert refused(path) == (
        "BTCUSDT.csv: no column for high, low, close, volume; found: time, open, Prix; "
        "needed: timestamp, open, high, low, close, volume"
    )
    assert "no column for timestamp" in refused(parquet(tmp_path, {"a": [1]}))


def test_a_column_is_there_twice(tmp_path: Path) -> None:
    path = csv(tmp_path, [[*row(0), 1]], header=f"{HEADER},Open")
    assert refused(path) == "BTCUSDT.csv: 2 columns for open: 'open' and 'Open'; allowed: one"


def test_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(b"")
    assert refused(path) == "BTCUSDT.csv: is empty; expected candles"
    path.write_text(HEADER + "\n", encoding="utf-8")
    assert refused(path) == "BTCUSDT.csv: has no candles, only column names"
    path.write_text(HEADER + "\n\n\n", encoding="utf-8")
    assert refused(path) == "BTCUSDT.csv: has no candles, only column names"
    columns = {name: pa.array([], pa.float64()) for name in HEADER.split(",")}
    assert refused(parquet(tmp_path, columns)) == "BTCUSDT.parquet: has no candles, only column names"


@pytest.mark.parametrize("kept", [1, 4, 100, 2000, -1, -4])
def test_truncated_parquet(tmp_path: Path, kept: int) -> None:
    path = parquet(tmp_path, parquet_columns(500))
    path.write_bytes(path.read_bytes()[:kept])
    assert refused(path).startswith("BTCUSDT.parquet: is damaged or of another format; expected ")


def test_a_parquet_page_gone_bad(tmp_path: Path) -> None:
    path = parquet(tmp_path, parquet_columns(500))
    whole = bytearray(path.read_bytes())
    whole[4:200] = bytes(196)
    path.write_bytes(bytes(whole))
    assert refused(path).startswith("BTCUSDT.parquet: ")


@pytest.mark.parametrize(
    "content", [b"\x00" * 50, b"\xff\xfeT\x00i\x00m\x00e\x00", b"PAR1", bytes(range(256)) * 4]
)
@pytest.mark.parametrize("name", ["BTCUSDT.csv", "BTCUSDT.parquet"])
def test_files_that_are_something_else(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refused(path).startswith(f"{name}: ")


def test_a_csv_that_turns_binary(tmp_path: Path) -> None:
    path = csv(tmp_path, [row(i) for i in range(3)])
    path.write_bytes(path.read_bytes() + b"\xff\xfe,1,2,3,4,5\n")
    assert refused(path).startswith("BTCUSDT.csv: is damaged or of another format; expected ")


@pytest.mark.parametrize(
    "column, values, line",
    [
        ("close", [[1.0], [2.0], [3.0]], "column close holds list<element: double>; allowed: numbers"),
        ("close", [True, False, True], "column close holds bool; allowed: numbers"),
        ("close", [1.0, None, 3.0], "row 1: close 1 is outside low 98 to high 102 (and 1 more row)"),
        ("timestamp", [True, False, True], "column timestamp holds bool; allowed: numbers or ISO-8601"),
        (
            "timestamp",
            [None, None, None],
            "row 1: time is empty; allowed: one time for each candle (and 2 more rows)",
        ),
    ],
)
def test_parquet_columns_of_wrong_kinds(tmp_path: Path, column: str, values: list[object], line: str) -> None:
    columns = {**parquet_columns(3), column: values}
    assert refused(parquet(tmp_path, columns)).startswith(f"BTCUSDT.parquet: {line}"[:60])


def test_parquet_nulls(tmp_path: Path) -> None:
    columns = parquet_columns(3)
    columns["volume"] = [1.0, None, 3.0]
    assert (
        refused(parquet(tmp_path, columns))
        == "BTCUSDT.parquet: row 2: volume is nan; allowed: finite numbers"
    )
    columns["timestamp"] = pa.array([START_MS, None, START_MS + 2 * BAR_MS], pa.timestamp("ms"))
    assert refused(parquet(tmp_path, columns)) == (
        "BTCUSDT.parquet: row 2: time is empty; allowed: one time for each candle"
    )


def test_times_outside_reason(tmp_path: Path) -> None:
    rows = [row(i, f"{1870 + i}-01-01") for i in range(3)]
    assert refused(csv(tmp_path, rows)) == (
        "BTCUSDT.csv: line 2: time lies outside the years 2000 to 2100 (and 2 more lines)"
    )
    assert "is no time" in refused(csv(tmp_path, [row(i, "01/02/2023") for i in range(3)]))


def test_a_number_among_iso_times(tmp_path: Path) -> None:
    rows = [row(0, "2023-11-14 22:15"), row(1, "2023-11-14 22:30"), row(2)]
    assert refused(csv(tmp_path, rows)) == (
        "BTCUSDT.csv: line 4: time '1700001900000' is a number, other rows have text; "
        "allowed: one kind of time per file"
    )


def test_empty_symbols_in_a_symbol_column(tmp_path: Path) -> None:
    rows = [["BTCUSDT", *row(0)], ["", *row(1)], ["BTCUSDT", *row(2)]]
    assert refused(csv(tmp_path, rows, header=f"symbol,{HEADER}")) == "BTCUSDT.csv: line 3: symbol is empty"


# Timeframes


def test_another_timeframe_than_asked(tmp_path: Path) -> None:
    path = csv(tmp_path, [row(i) for i in range(4)])
    assert (
        refused(path, "1h")
        == "BTCUSDT.csv: BTCUSDT has 15m candles, you asked for 1h; allowed: one timeframe"
    )
    assert refused(path, "7m") == "timeframe '7m' unknown; allowed: 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 1d"


def test_files_of_two_timeframes(tmp_path: Path) -> None:
    csv(tmp_path, [row(i) for i in range(4)], name="AUSDT.csv")
    csv(tmp_path, [row(i, 1_699_999_200_000 + i * 4 * BAR_MS) for i in range(4)], name="BUSDT.csv")
    with pytest.raises(CandleFileError) as caught:
        read_candles([tmp_path])
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "BUSDT.csv: BUSDT has 1h candles, AUSDT.csv has 15m; allowed: one timeframe"
    )


def test_a_distance_that_is_no_timeframe(tmp_path: Path) -> None:
    line = refused(csv(tmp_path, [row(i, START_MS + i * 7 * MINUTE_MS) for i in range(4)]))
    assert line == (
        "BTCUSDT.csv: BTCUSDT candles are mostly 7 minutes apart, from 2023-11-14 22:15; "
        "allowed: 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 1d"
    )


def test_one_candle_without_a_timeframe(tmp_path: Path) -> None:
    assert refused(csv(tmp_path, [row(0)])) == "BTCUSDT.csv: one candle does not tell its timeframe; name it"


# Paths


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.csv") == "none.csv: there is no such file or folder"
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    assert refused(tmp_path / "notes.txt") == (
        "notes.txt: is no candle file by its name; allowed: *.parquet, *.pq, *.csv"
    )
    assert refused(tmp_path).endswith("holds no candle file; allowed: *.parquet, *.pq, *.csv")
    with pytest.raises(CandleFileError, match="no candle file was given"):
        read_candles([])


def test_a_folder_named_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT.csv").mkdir()
    assert (
        refused(tmp_path / "BTCUSDT.csv")
        == "BTCUSDT.csv: holds no candle file; allowed: *.parquet, *.pq, *.csv"
    )


def test_the_error_is_one_of_ours() -> None:
    assert issubclass(CandleFileError, ConfigError)


def test_too_large_a_hole_is_not_filled(tmp_path: Path) -> None:
    path = csv(tmp_path, [row(0), row(1), row(2), row(2_000_000)])
    with pytest.raises(CandleFileError, match="BTCUSDT: 1999997 bars are missing; allowed to fill: 1000000"):
        read_candles([path], fill=True)
    assert read_candles([path]).report.gaps[0].bars == 1_999_997
