"""The candle store: what was written comes back, whole or not at all; what is damaged or foreign is named."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import ROOT, environ

from bot.strategy import Frame
from research.history import CandleFileError
from research.store.files import FileStore
from research.store.loading import Wanted, load_history, load_points
from research.store.places import held
from research.store.port import Points, StoreError, Upserted
from research.store.tables import NEWEST

BAR = 900_000
START = 1_700_000_100_000
NAMES = ("open_at_ms", "open", "high", "low", "close", "volume")


def frame(bars: int, first: int = 0, symbol: str = "BTCUSDT", shift: float = 0.0) -> Frame:
    """Sound bars `first`, `first`+1, ...; each differs from its neighbours."""
    number = np.arange(first, first + bars, dtype=np.float64)
    price = 100.0 + number % 7 + shift
    times = START + np.arange(first, first + bars, dtype=np.int64) * BAR
    return Frame(symbol, BAR, times, price, price + 2, price - 2, price + 1, 10 + number)


def rows(source: Frame, keep: np.ndarray | slice) -> Frame:
    return replace(source, **{name: getattr(source, name)[keep] for name in NAMES})


def same(one: Frame, other: Frame) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in NAMES)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "history", "binance")


def path_of(store: FileStore, symbol: str = "BTCUSDT") -> Path:
    return store.root / "candles" / "15m" / f"{symbol}.parquet"


def refused(work: object, *arguments: object) -> str:
    with pytest.raises(StoreError) as caught:
        work(*arguments)  # type: ignore[operator]
    line = str(caught.value)
    assert "\n" not in line
    return line


# What is written comes back


def test_an_empty_store_has_nothing(store: FileStore) -> None:
    found = store.load("BTCUSDT", "15m")
    assert (len(found), found.symbol, found.timeframe_ms, found.open_at_ms.dtype) == (
        0,
        "BTCUSDT",
        BAR,
        np.int64,
    )
    assert store.inventory() == ()
    assert len(store.points("funding", "BTCUSDT").at_ms) == 0


@pytest.mark.parametrize("bars", [1, 2, 1023, 1024, 1025, 5_000, 33_793, 40_000])
def test_what_was_written_comes_back_to_the_bit(store: FileStore, bars: int) -> None:
    written = frame(bars)
    assert store.upsert("15m", written) == Upserted(bars, 0, 0)
    found = store.load("BTCUSDT", "15m")
    assert same(found, written)
    assert all(getattr(found, name).flags["C_CONTIGUOUS"] for name in NAMES)
    table = pq.read_table(path_of(store))
    assert table.column_names == ["timestamp", "open", "high", "low", "close", "volume"]
    assert [str(kind) for kind in table.schema.types] == ["int64"] + ["double"] * 5


@pytest.mark.parametrize("first, last", [(0, 10), (0, 3000), (2990, 3000), (1975, 1977), (500, 2500), (7, 7)])
def test_a_span_is_half_open(store: FileStore, first: int, last: int) -> None:
    written = frame(3000)
    store.upsert("15m", written)
    found = store.load("BTCUSDT", "15m", START + first * BAR, START + last * BAR)
    assert same(found, rows(written, slice(first, last)))


def test_upserts_add_correct_and_leave_alone(store: FileStore) -> None:
    store.upsert("15m", frame(10))
    store.upsert("15m", frame(5, 20))
    assert store.upsert("15m", frame(10, 5)) == Upserted(5, 0, 5)
    assert store.upsert("15m", frame(3, 2, shift=0.5)) == Upserted(0, 3, 0)
    assert store.upsert("15m", frame(3, 2, shift=0.5)) == Upserted(0, 0, 3)
    expected = {bar: frame(1, bar) for bar in [*range(15), *range(20, 25)]}
    expected |= {bar: frame(1, bar, shift=0.5) for bar in range(2, 5)}
    found = store.load("BTCUSDT", "15m")
    assert len(found) == len(expected)
    for place, bar in enumerate(sorted(expected)):
        assert same(rows(found, slice(place, place + 1)), expected[bar])


def test_random_upserts_equal_a_dictionary(store: FileStore) -> None:
    chance = np.random.default_rng(5)
    truth: dict[int, tuple[float, ...]] = {}
    for _ in range(60):
        first, bars = int(chance.integers(0, 3000)), int(chance.integers(1, 400))
        new = frame(bars, first, shift=float(chance.integers(0, 3)))
        new = rows(new, chance.random(bars) < 0.8)
        store.upsert("15m", new)
        truth |= dict(
            zip(
                new.open_at_ms.tolist(),
                zip(*(getattr(new, n).tolist() for n in NAMES[1:]), strict=True),
                strict=True,
            )
        )
    found = store.load("BTCUSDT", "15m")
    got = dict(
        zip(
            found.open_at_ms.tolist(),
            zip(*(getattr(found, n).tolist() for n in NAMES[1:]), strict=True),
            strict=True,
        )
    )
    assert got == dict(sorted(truth.items()))
    assert list(got) == sorted(truth)


def test_an_upsert_that_changes_nothing_writes_nothing(store: FileStore) -> None:
    store.upsert("15m", frame(10))
    before = path_of(store).stat().st_mtime_ns, path_of(store).stat().st_ino
    store.upsert("15m", frame(10))
    assert (path_of(store).stat().st_mtime_ns, path_of(store).stat().st_ino) == before


def test_figures_are_added_and_corrected(store: FileStore) -> None:
    at = np.array([START, START + 2 * BAR], dtype=np.int64)
    assert store.add("funding", "BTCUSDT", Points(at, np.array([0.0001, -0.0002]))) == 2
    assert store.add("funding", "BTCUSDT", Points(at[:1] + BAR, np.array([0.5]))) == 1
    assert store.add("funding", "BTCUSDT", Points(at[1:], np.array([0.3]))) == 0
    found = store.points("funding", "BTCUSDT")
    assert found.at_ms.tolist() == [START, START + BAR, START + 2 * BAR]
    assert found.value.tolist() == [0.0001, 0.5, 0.3]
    assert store.points("funding", "BTCUSDT", START + BAR, START + 2 * BAR).value.tolist() == [0.5]
    assert store.points("ls_ratio", "BTCUSDT").at_ms.tolist() == []


def test_the_survey_says_from_to_bars_and_gaps(store: FileStore) -> None:
    store.upsert("15m", rows(frame(100), np.r_[0:40, 45:100]))
    store.upsert("15m", frame(7, symbol="ADAUSDT"))
    store.add("open_interest", "BTCUSDT", Points(START + np.arange(4) * BAR, np.ones(4)))
    found = store.survey()
    assert [(one.symbol, one.timeframe, one.bars, one.missing, one.source) for one in found.candles] == [
        ("ADAUSDT", "15m", 7, 0, "binance"),
        ("BTCUSDT", "15m", 95, 5, "binance"),
    ]
    assert (found.candles[1].first_open_at_ms, found.candles[1].last_open_at_ms) == (START, START + 99 * BAR)
    assert [(one.symbol, one.timeframe, one.bars) for one in found.points] == [
        ("BTCUSDT", "open_interest", 4)
    ]
    assert found.damaged == ()


# What cannot be


@pytest.mark.parametrize(
    "column, value, said",
    [
        ("low", 0.0, "0"),
        ("close", -1.0, "-1"),
        ("open", np.nan, "nan"),
        ("high", np.inf, "inf"),
        ("volume", -1.0, "-1"),
        ("high", 50.0, "50"),
        ("open_at_ms", START + 3 * BAR + 1, "cannot be stored"),
        ("open_at_ms", START, "cannot be stored"),
        ("open_at_ms", 1_700_000_100, "cannot be stored"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_and_nothing_is_stored(
    store: FileStore, column: str, value: float, said: str
) -> None:
    broken = frame(10)
    getattr(broken, column)[3] = value
    line = refused(store.upsert, "15m", broken)
    assert line.startswith("BTCUSDT: 15m bar of")
    assert said in line
    assert not path_of(store).exists()


@pytest.mark.parametrize("symbol", ["", "../BTCUSDT", "btcusdt", "BTC/USDT", "A" * 41, ".BTC", "BTC USDT"])
def test_a_name_that_is_no_symbol_is_refused(store: FileStore, symbol: str) -> None:
    assert "is no symbol" in refused(store.load, symbol, "15m")


def test_an_unknown_timeframe_or_kind_is_refused(store: FileStore) -> None:
    assert "allowed: 1m, 3m" in refused(store.load, "BTCUSDT", "7m")
    assert "allowed: funding, open_interest, ls_ratio" in refused(store.points, "mood", "BTCUSDT")


def test_two_sources_are_not_mixed(store: FileStore) -> None:
    store.upsert("15m", frame(5))
    store.add("funding", "BTCUSDT", Points(np.array([START]), np.array([0.1])))
    other = FileStore(store.root, "bybit")
    assert "holds history of binance, this is of bybit" in refused(other.upsert, "15m", frame(5, 5))
    points = Points(np.array([START + BAR]), np.array([0.1]))
    assert "holds history of binance" in refused(other.add, "funding", "BTCUSDT", points)
    assert len(other.load("BTCUSDT", "15m")) == 5
    assert store.source_of("BTCUSDT", "15m") == "binance"


# Damage is named, and what is sound is still read


def damage_cases(path: Path) -> dict[str, bytes]:
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0x10
    return {
        "cut in the middle": whole[: len(whole) // 2],
        "cut at the end": whole[:-1],
        "only the beginning": whole[:4],
        "empty": b"",
        "another format": b"timestamp,open\n1,2\n" * 50,
        "one bit": bytes(flipped),
    }


@pytest.mark.parametrize(
    "case",
    ["cut in the middle", "cut at the end", "only the beginning", "empty", "another format", "one bit"],
)
def test_a_damaged_file_is_named_and_others_are_read(store: FileStore, case: str) -> None:
    store.upsert("15m", frame(3000))
    store.upsert("15m", frame(3000, symbol="ETHUSDT"))
    path = path_of(store)
    path.write_bytes(damage_cases(path)[case])
    line = refused(store.load, "BTCUSDT", "15m")
    assert line.startswith(f"{path}: ")
    assert "damaged" in line or "no Parquet" in line
    before = path.read_bytes()
    assert str(path) in refused(store.upsert, "15m", frame(10, 3000))
    assert path.read_bytes() == before
    found = store.survey()
    assert [one.symbol for one in found.candles] == ["ETHUSDT"]
    assert len(found.damaged) == 1
    assert str(path) in found.damaged[0]
    assert len(store.load("ETHUSDT", "15m")) == 3000


@pytest.mark.parametrize("case", range(40))
def test_a_flipped_bit_anywhere_is_found_or_without_effect(store: FileStore, case: int) -> None:
    written = frame(400)
    store.upsert("15m", written)
    path = path_of(store)
    content = bytearray(path.read_bytes())
    chance = np.random.default_rng(case)
    content[int(chance.integers(0, len(content)))] ^= 1 << int(chance.integers(0, 8))
    path.write_bytes(bytes(content))
    assert seen_as(store, written) in {"whole", f"named: {path}"}


def seen_as(store: FileStore, written: Frame) -> str:
    """`whole`, or which file was named."""
    try:
        found = store.load(written.symbol, "15m")
    except StoreError as error:
        return f"named: {str(error).partition(': ')[0]}"
    return "whole" if same(found, written) else "something else"


def foreign(path: Path, **columns: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def sound_columns(bars: int) -> dict[str, object]:
    source = frame(bars)
    return {"timestamp": source.open_at_ms, **{name: getattr(source, name) for name in NAMES[1:]}}


def test_a_foreign_file_with_our_columns_is_read_but_not_mixed(store: FileStore) -> None:
    foreign(path_of(store), **sound_columns(20))
    assert same(store.load("BTCUSDT", "15m"), frame(20))
    assert "holds history of an unknown source" in refused(store.upsert, "15m", frame(5, 20))


@pytest.mark.parametrize("name", ["timestamp", "close"])
def test_a_file_without_a_column_is_named(store: FileStore, name: str) -> None:
    columns = sound_columns(20)
    columns.pop(name)
    foreign(path_of(store), **columns)
    assert "is not ours: it has" in refused(store.load, "BTCUSDT", "15m")


@pytest.mark.parametrize(
    "name, row, value, said",
    [
        ("close", 4, -3.0, "row 5: close is -3"),
        ("volume", 19, float("nan"), "row 20: volume is nan"),
        ("timestamp", 7, START + 6 * BAR, "row 8"),
        ("timestamp", 7, START + 7 * BAR + 60_000, "row 8: opens at"),
        ("timestamp", 0, 1_700_000_100, "row 1: time 1700000100 is in seconds"),
    ],
)
def test_what_the_store_never_writes_is_named_with_its_row(
    store: FileStore, name: str, row: int, value: float, said: str
) -> None:
    columns = {key: np.array(column) for key, column in sound_columns(20).items()}
    columns[name][row] = value
    foreign(path_of(store), **columns)
    assert said in refused(store.load, "BTCUSDT", "15m")
    assert said in store.survey().damaged[0]


def test_empty_cells_are_named(store: FileStore) -> None:
    foreign(path_of(store), **(sound_columns(3) | {"close": [101.0, None, 103.0]}))
    assert "empty cells" in refused(store.load, "BTCUSDT", "15m")


# Two writers, and death in the middle


def test_a_second_writer_waits_and_gives_up_in_one_line(store: FileStore) -> None:
    with (
        held(path_of(store)),
        pytest.raises(StoreError, match="another process is writing there"),
        held(path_of(store), 0.05),
    ):
        pass


def _write_bars(root: Path, offset: int) -> None:
    store = FileStore(root, "binance")
    for bar in range(40):
        store.upsert("15m", frame(1, bar * 2 + offset))


def test_two_processes_lose_nothing_of_each_other(store: FileStore) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_bars, args=(store.root, offset)) for offset in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(100)
        assert writer.exitcode == 0
    assert same(store.load("BTCUSDT", "15m"), frame(80))


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/unit")
from test_history_store import frame
from research.store.files import FileStore
store = FileStore(Path(sys.argv[1]), "binance")
print("ready", flush=True)
for step in range(1_000_000):
    store.upsert("15m", frame(20_000, shift=float(step % 2)))
    print(step, flush=True)
"""


@pytest.mark.parametrize("case", range(6))
def test_kill_9_leaves_the_old_file_or_the_new_one(store: FileStore, case: int) -> None:
    store.upsert("15m", frame(20_000))
    more = os.pathsep.join([str(ROOT), str(ROOT / "tests/unit"), str(ROOT / "tests/support")])
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.root)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=environ(PYTHONPATH=more),
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    time.sleep(0.03 + 0.017 * case)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    found = store.load("BTCUSDT", "15m")
    assert same(found, frame(20_000)) or same(found, frame(20_000, shift=1.0))
    assert store.upsert("15m", frame(1, 20_000)).added == 1
    assert [one.symbol for one in store.survey().candles] == ["BTCUSDT"]


def test_a_full_disk_is_one_line_and_the_old_file_stays(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.upsert("15m", frame(10))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "cannot be written: No space left on device" in refused(store.upsert, "15m", frame(10, 10))
    monkeypatch.undo()
    assert same(store.load("BTCUSDT", "15m"), frame(10))
    assert [entry.name for entry in path_of(store).parent.iterdir() if "new" in entry.name] == []


# The loader


def test_the_loader_reads_the_store_and_reports_gaps(store: FileStore) -> None:
    store.upsert("15m", rows(frame(100), np.r_[0:40, 45:100]))
    store.upsert("15m", frame(100, symbol="ETHUSDT"))
    history = load_history(Wanted(("ETHUSDT", "BTCUSDT"), "15m"), store)
    assert list(history.frames) == ["BTCUSDT", "ETHUSDT"]
    assert [(gap.symbol, gap.bars, gap.filled) for gap in history.report.gaps] == [("BTCUSDT", 5, False)]
    full = load_history(Wanted(("BTCUSDT",), "15m", fill=True), store)
    assert len(full.frames["BTCUSDT"]) == 100
    assert full.frames["BTCUSDT"].volume[40:45].tolist() == [0.0] * 5
    assert full.report.gaps[0].filled


def test_the_loader_gives_the_same_from_files_and_from_the_store(store: FileStore) -> None:
    store.upsert("15m", rows(frame(100), np.r_[0:40, 45:100]))
    span = {"from_ms": START + 10 * BAR, "to_ms": START + 90 * BAR}
    stored = load_history(Wanted(("BTCUSDT",), "15m", **span), store)  # type: ignore[arg-type]
    filed = load_history(Wanted(files=(path_of(store),), **span))  # type: ignore[arg-type]
    assert same(stored.frames["BTCUSDT"], filed.frames["BTCUSDT"])
    assert (stored.timeframe, stored.report.gaps) == (filed.timeframe, filed.report.gaps)


def test_the_loader_says_how_to_get_what_is_not_there(store: FileStore) -> None:
    line = refused(load_history, Wanted(("BTCUSDT", "ETHUSDT"), "15m"), store)
    assert (
        "no 15m candles of BTCUSDT, ETHUSDT are stored; get them with `quarterdeck fetch BTCUSDT ETHUSDT"
        in line
    )
    store.upsert("15m", frame(10))
    assert "of that time" in refused(load_history, Wanted(("BTCUSDT",), "15m", from_ms=1 << 50), store)
    assert "timeframe '7m' unknown" in refused(load_history, Wanted(("BTCUSDT",), "7m"), store)
    assert "give symbols" in refused(load_history, Wanted((), "15m"), store)
    with pytest.raises(CandleFileError, match="no candles of ETHUSDT in the files; there are BTCUSDT"):
        load_history(Wanted(("ETHUSDT",), files=(path_of(store),)))


def test_figures_come_from_files_or_from_the_store(store: FileStore, tmp_path: Path) -> None:
    given = tmp_path / "funding.csv"
    given.write_text(
        "symbol,fundingTime,fundingRate\n"
        f"BTCUSDT,{START + 28_800_007},0.0002\nBTCUSDT,{START},0.0001\nETHUSDT,{START},-0.0001\n"
    )
    found = load_points("funding", ["BTCUSDT", "ADAUSDT"], [given])
    assert list(found) == ["BTCUSDT"]
    assert found["BTCUSDT"].at_ms.tolist() == [START, START + 28_800_000]
    assert found["BTCUSDT"].value.tolist() == [0.0001, 0.0002]
    assert load_points("funding", ["BTCUSDT"], store=store) == {}
    store.add("funding", "BTCUSDT", found["BTCUSDT"])
    assert load_points("funding", ["BTCUSDT"], store=store)["BTCUSDT"].value.tolist() == [0.0001, 0.0002]


@pytest.mark.parametrize(
    "lines, said",
    [
        (["1700000100000,7"], "line 2: funding is 7; allowed: -1 to 1"),
        (["1700000100000,x"], "line 2: funding 'x' is no number"),
        (["1700000100000,0.1", "1700000100000,0.2"], "line 3: another figure of BTCUSDT"),
        (["1700000100,0.1", "1700000160000,0.2"], "in milliseconds, most rows in seconds"),
        ([], "has no figures, only column names"),
    ],
)
def test_bad_figures_are_named_with_their_line(tmp_path: Path, lines: list[str], said: str) -> None:
    given = tmp_path / "BTCUSDT.csv"
    given.write_text("\n".join(["timestamp,funding_rate", *lines]) + "\n")
    with pytest.raises(CandleFileError) as caught:
        load_points("funding", ["BTCUSDT"], [given])
    assert said in str(caught.value)


# The newest rows, which the footer holds once more


@pytest.mark.parametrize("bars", [1, 5, 1023, 1024, 1025, 3_000])
def test_every_span_is_the_same_from_the_footer_and_from_the_pages(store: FileStore, bars: int) -> None:
    whole = frame(bars)
    store.upsert("15m", whole)
    edges = sorted(
        {0, 1, bars // 2, max(0, bars - 1025), max(0, bars - 1024), max(0, bars - 1023), bars - 1, bars}
    )
    for first in edges:
        for after in edges:
            found = store.load("BTCUSDT", "15m", START + first * BAR, START + after * BAR)
            assert same(found, rows(whole, slice(first, max(first, after)))), (first, after)
            assert all(getattr(found, name).flags.c_contiguous for name in NAMES)


def test_newest_rows_are_checked_against_their_sum_and_the_files_length(store: FileStore) -> None:
    store.upsert("15m", frame(2_000))
    path = path_of(store)
    content = path.read_bytes()
    place = content.rindex(np.float64(frame(2_000).volume[-1]).tobytes())
    path.write_bytes(content[:place] + b"\x01" + content[place + 1 :])
    assert "is damaged (its newest rows)" in refused(store.load, "BTCUSDT", "15m", START + 1_900 * BAR)
    path.write_bytes(content)
    grown = pq.read_table(path)
    kept = pq.ParquetFile(path).metadata.metadata[NEWEST]
    with pq.ParquetWriter(path, grown.schema, use_dictionary=False) as writer:
        writer.write_table(grown.slice(0, 1_990))  # another program was at it, and kept what it did not know
        writer.add_key_value_metadata({NEWEST: kept})
    assert same(store.load("BTCUSDT", "15m", START + 1_900 * BAR), frame(90, 1_900))


def test_files_without_newest_rows_in_the_footer_are_read_too(store: FileStore) -> None:
    store.upsert("15m", frame(2_000))
    path = path_of(store)
    table = pq.read_table(path)
    pq.write_table(table, path, row_group_size=700)
    for first in (0, 600, 700, 1_500, 1_999, 2_000):
        assert same(store.load("BTCUSDT", "15m", START + first * BAR), frame(2_000 - first, first))
    assert store.upsert("15m", frame(3, 2_000)) == Upserted(3, 0, 0)
    assert NEWEST in pq.ParquetFile(path).metadata.metadata
