"""`quarterdeck import` and `data`: files taken whole, or every bad row named with its line and nothing taken."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.domain.errors import QuarterdeckError
from cli.research.data_line import ImportOptions
from cli.research.data_view import run_data
from cli.research.import_run import run_import
from research.store.files import FileStore

BAR = 900_000
START = 1_700_000_100_000
HEADER = "timestamp,open,high,low,close,volume"


def row(bar: int, time: object | None = None) -> list[object]:
    price = 100.0 + bar % 7
    return [START + bar * BAR if time is None else time, price, price + 2, price - 2, price + 1, 10.0 + bar]


def csv(
    folder: Path, rows: Sequence[Sequence[object]], name: str = "BTCUSDT.csv", header: str = HEADER
) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *(",".join(map(str, cells)) for cells in rows)]) + "\n")
    return path


def options(home: Path, *files: Path, **more: Any) -> ImportOptions:
    given: dict[str, Any] = {
        "symbol": "",
        "timeframe": "",
        "kind": "candles",
        "source": "import",
        "json": False,
    }
    return ImportOptions(files, **(given | more), home=home)


def stored(home: Path, symbol: str = "BTCUSDT") -> list[float]:
    return FileStore(home / "history").load(symbol, "15m").close.tolist()


def nothing_is_stored(home: Path) -> bool:
    return not list((home / "history").rglob("*.parquet"))


# What is taken


@pytest.mark.parametrize("unit", [1e-3, 1, 1e3, 1e6])
def test_times_in_any_unit(tmp_path: Path, unit: float) -> None:
    rows = [row(bar, int((START + bar * BAR) * unit)) for bar in range(5)]
    assert run_import(options(tmp_path, csv(tmp_path, rows))) == 0
    frame = FileStore(tmp_path / "history").load("BTCUSDT", "15m")
    assert frame.open_at_ms.tolist() == [START + bar * BAR for bar in range(5)]


@pytest.mark.parametrize("suffix", ["", "Z", "+00:00"])
def test_times_as_text(tmp_path: Path, suffix: str) -> None:
    rows = [
        row(b, datetime.fromtimestamp((START + b * BAR) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") + suffix)
        for b in range(5)
    ]
    assert run_import(options(tmp_path, csv(tmp_path, rows))) == 0
    assert stored(tmp_path) == [101.0, 102.0, 103.0, 104.0, 105.0]


def test_a_byte_order_mark_semicolons_and_other_names(tmp_path: Path) -> None:
    path = tmp_path / "dump.csv"
    lines = ["Open Time;O;H;L;C;Vol", *(";".join(map(str, row(bar))) for bar in range(4))]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert run_import(options(tmp_path, path, symbol="XRPUSDT")) == 0
    assert len(stored(tmp_path, "XRPUSDT")) == 4


def test_several_files_of_one_symbol_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = csv(tmp_path, [row(bar) for bar in range(10)], "BTCUSDT-a.csv")
    two = csv(tmp_path, [row(bar) for bar in range(8, 20)], "BTCUSDT-b.csv")
    assert run_import(options(tmp_path, one, two, json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["imported"] == [
        {"symbol": "BTCUSDT", "what": "15m", "bars": 20, "added": 20, "corrected": 0, "same": 0}
    ]
    assert "2 repetitions dropped" in found["notes"][0]
    assert run_import(options(tmp_path, two)) == 0
    assert "0 new, 0 corrected, 12 there already" in capsys.readouterr().out


def test_holes_stay_holes_and_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(bar) for bar in range(20) if bar not in {7, 8}]
    assert run_import(options(tmp_path, csv(tmp_path, rows))) == 0
    assert "BTCUSDT: 2 bars missing" in capsys.readouterr().out
    assert run_data(tmp_path, True) == 0
    (one,) = json.loads(capsys.readouterr().out)["candles"]
    assert (one["bars"], one["missing"], one["source"]) == (18, 2, "import")
    first = START + 7 * BAR
    assert one["gaps"] == [{"first_open_at_ms": first, "last_open_at_ms": first + BAR, "bars": 2}]


@pytest.mark.parametrize(
    "kind, column",
    [("funding", "fundingRate"), ("open_interest", "sumOpenInterest"), ("ls_ratio", "longShortRatio")],
)
def test_figures(tmp_path: Path, kind: str, column: str) -> None:
    path = csv(tmp_path, [[START, 0.5], [START + BAR, 0.25]], header=f"timestamp,{column}")
    assert run_import(options(tmp_path, path, kind=kind)) == 0
    assert FileStore(tmp_path / "history").points(kind, "BTCUSDT").value.tolist() == [0.5, 0.25]


# What is refused: the file, every bad row with its line, and nothing is taken


def changed(bar: int, place: int, value: object) -> Callable[[list[list[object]]], None]:
    def change(rows: list[list[object]]) -> None:
        rows[bar][place] = value

    return change


def repeated(rows: list[list[object]]) -> None:
    rows.insert(6, [*rows[5][:4], 106.5, 1.0])


BAD: dict[str, tuple[Callable[[list[list[object]]], None], str]] = {
    "a zero price": (changed(3, 3, 0), "line 5: low is 0; allowed: 1e-12 to 1e+12"),
    "a negative price": (changed(4, 1, -7), "line 6: open is -7"),
    "no number": (changed(4, 4, "n/a"), "line 6: close 'n/a' is no number"),
    "NaN": (changed(4, 4, "nan"), "line 6: close is nan; allowed: finite numbers"),
    "infinite": (changed(4, 5, "inf"), "line 6: volume is inf"),
    "negative volume": (changed(4, 5, -1), "line 6: volume is -1"),
    "high below low": (changed(4, 2, 1.0), "line 6: high 1 is below low"),
    "seconds among milliseconds": (changed(9, 0, START // 1000), "line 11: time 1700000100 is in seconds"),
    "text among numbers": (changed(9, 0, "2023-11-14"), "line 11: time '2023-11-14' is no number"),
    "no time": (changed(9, 0, ""), "line 11: time (empty) is no number"),
    "off the grid": (changed(9, 0, START + 9 * BAR + 60_000), "line 11: opens at"),
    "two candles of one time": (repeated, "line 8: another candle of BTCUSDT"),
    "too many fields": (changed(4, 5, "1,2"), "line 6: 7 fields; expected 6"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_bad_row_is_named_and_nothing_is_taken(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, said = BAD[case]
    rows = [row(bar) for bar in range(20)]
    change(rows)
    good = csv(tmp_path, [row(bar) for bar in range(20)], "ETHUSDT.csv")
    assert run_import(options(tmp_path, good, csv(tmp_path, rows))) == 2
    error = capsys.readouterr().err
    assert f"BTCUSDT.csv: {said}" in error
    assert error.endswith("nothing was imported\n")
    assert nothing_is_stored(tmp_path)


def test_every_bad_row_of_every_file_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(bar) for bar in range(200)]
    for bar in range(10, 70):
        rows[bar][4] = -1
    other = [row(bar) for bar in range(5)]
    other[2][5] = "x"
    files = csv(tmp_path, rows), csv(tmp_path, other, "ETHUSDT.csv")
    assert run_import(options(tmp_path, *files, json=True)) == 2
    said = capsys.readouterr()
    refused = json.loads(said.out)["refused"]
    assert [one["faulty"] for one in refused] == [60, 1]
    assert refused[0]["rows"][:2] == [f"line {n}: close is -1; allowed: 1e-12 to 1e+12" for n in (12, 13)]
    assert len(refused[0]["rows"]) == 50
    assert "and 10 more" in said.err
    assert "line 4: volume 'x' is no number" in said.err


PARQUET_START = {"timestamp": [START, START + BAR], "open": [1.0, 1.0], "high": [1.0, 1.0], "low": [1.0, 1.0]}


def write_truncated(path: Path) -> None:
    pq.write_table(pa.table({**PARQUET_START, "close": [1.0, 1.0], "volume": [1.0, 1.0]}), path)
    path.write_bytes(path.read_bytes()[:-20])


def write_other_columns(path: Path) -> None:
    pq.write_table(pa.table({**PARQUET_START, "volume": [1.0, 1.0]}), path)


def write_null(path: Path) -> None:
    pq.write_table(pa.table({**PARQUET_START, "close": [1.0, None], "volume": [1.0, 1.0]}), path)


@pytest.mark.parametrize(
    "write, said",
    [
        (write_truncated, "BTCUSDT.parquet: is damaged or of another format"),
        (
            write_other_columns,
            "BTCUSDT.parquet: no column for close; found: timestamp, open, high, low, volume",
        ),
        (write_null, "BTCUSDT.parquet: row 2: close is nan"),
        (lambda path: path.write_bytes(b""), "BTCUSDT.parquet: is empty; expected candles"),
    ],
)
def test_bad_parquet_is_named(
    tmp_path: Path, write: Callable[[Path], None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "BTCUSDT.parquet"
    write(path)
    assert run_import(options(tmp_path, path)) == 2
    assert said in capsys.readouterr().err
    assert nothing_is_stored(tmp_path)


@pytest.mark.parametrize("night", ["2024-11-02", "2024-03-09"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_local_times_with_daylight_saving_are_refused(
    tmp_path: Path, night: str, newest_first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    zone = ZoneInfo("America/New_York")
    start = datetime.fromisoformat(night).replace(tzinfo=UTC)
    times = [(start + timedelta(minutes=15 * bar)).astimezone(zone) for bar in range(192)]
    ordered = times[::-1] if newest_first else times
    local = [row(bar, at.strftime("%Y-%m-%d %H:%M:%S")) for bar, at in enumerate(ordered)]
    assert run_import(options(tmp_path, csv(tmp_path, local))) == 2
    error = capsys.readouterr().err
    assert "in a night in which clocks change: local time? allowed: UTC, or an offset such as +02:00" in error
    assert "BTCUSDT.csv: line " in error
    assert nothing_is_stored(tmp_path)
    offset = [row(bar, at.isoformat()) for bar, at in enumerate(ordered)]
    assert run_import(options(tmp_path, csv(tmp_path, offset))) == 0
    assert len(stored(tmp_path)) == 192


def test_hours_that_stand_twice_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zone, start = ZoneInfo("Europe/Berlin"), datetime(2024, 10, 26, tzinfo=UTC)
    rows = [
        row(b, (start + timedelta(hours=b)).astimezone(zone).strftime("%Y-%m-%d %H:%M")) for b in range(48)
    ]
    assert run_import(options(tmp_path, csv(tmp_path, rows))) == 2
    assert "another candle of BTCUSDT 2024-10-27 02:00" in capsys.readouterr().err


def test_two_sources_are_not_mixed_and_nothing_of_either_is_taken(tmp_path: Path) -> None:
    bars = csv(tmp_path, [row(bar) for bar in range(5)])
    assert run_import(options(tmp_path, bars, source="binance")) == 0
    new = csv(tmp_path, [row(bar) for bar in range(9)], "ADAUSDT.csv")
    with pytest.raises(QuarterdeckError, match="holds history of binance, this is of import"):
        run_import(options(tmp_path, new, bars))
    assert stored(tmp_path, "ADAUSDT") == []
    assert len(stored(tmp_path)) == 5


@pytest.mark.parametrize(
    "more, said",
    [({"kind": "mood"}, "--kind mood: is not allowed"), ({"source": ""}, "--source: a short name")],
)
def test_slips(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(QuarterdeckError, match=said):
        run_import(options(tmp_path, csv(tmp_path, [row(0), row(1)]), **more))


def test_data_names_what_is_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_data(tmp_path, False) == 0
    assert "Nothing is stored yet" in capsys.readouterr().out
    files = [csv(tmp_path, [row(bar) for bar in range(9)], f"{name}.csv") for name in ("BTCUSDT", "ETHUSDT")]
    assert run_import(options(tmp_path, *files)) == 0
    path = tmp_path / "history" / "candles" / "15m" / "BTCUSDT.parquet"
    path.write_bytes(np.random.default_rng(1).bytes(500))
    capsys.readouterr()
    assert run_data(tmp_path, False) == 1
    said = capsys.readouterr()
    assert "ETHUSDT" in said.out
    assert said.err.startswith(f"{path}: is damaged")
