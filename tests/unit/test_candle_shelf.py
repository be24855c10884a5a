"""Candles of the shelf and of the exchange together: the same, to the bit, as if all had been asked for."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.strategy import Frame
from bot.venues.ccxt_venue.shelf import last_candles
from bot.venues.port import VenueUnavailable
from cli import shelf as shelves
from cli.shelf import StoreShelf
from research.store.files import FileStore

BAR = 900_000
START = 1_700_000_100_000 // BAR * BAR
NAMES = ("open_at_ms", "open", "high", "low", "close", "volume")
LENGTH = 60


def frame(numbers: list[int], shift: float = 0.0) -> Frame:
    """The bars of these numbers; a bar looks the same in every frame."""
    number = np.array(numbers, dtype=np.float64)
    price = 100.0 + number % 7 / 3 + shift
    times = START + np.array(numbers, dtype=np.int64) * BAR
    return Frame("BTCUSDT", BAR, times, price, price + 2, price - 2, price + 1, 10 + number / 7)


def bits(found: Frame) -> list[bytes]:
    return [getattr(found, name).tobytes() for name in NAMES]


@dataclass
class Exchange:
    """An exchange that has these bars."""

    has: list[int]
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def ask(self, bars: int, until_ms: int) -> Frame:
        self.asked.append((bars, until_ms))
        closed = [one for one in self.has if START + (one + 1) * BAR <= until_ms]
        return frame(closed[-bars:] if bars > 0 else [])


@dataclass
class Held:
    """A shelf in memory."""

    known: Frame
    kept: list[Frame] = field(default_factory=list)
    wrong: int = 0

    async def take(self, symbol: str, timeframe: str, from_ms: int, until_ms: int) -> Frame:
        first, after = np.searchsorted(self.known.open_at_ms, (from_ms, until_ms))
        return self.known.part(int(first), int(after))

    def put(self, timeframe: str, found: Frame) -> None:
        self.kept.append(found)

    def differs(self, symbol: str, timeframe: str) -> None:
        self.wrong += 1

    async def close(self) -> None:
        """Nothing."""


def until(number: int) -> int:
    """When the bar of this number has closed."""
    return START + (number + 1) * BAR


async def last(held: Held, exchange: Exchange, bars: int, newest: int = LENGTH - 1) -> Frame:
    return await last_candles(held, exchange.ask, "BTCUSDT", "15m", bars, until(newest))


numbers = st.sets(st.integers(0, LENGTH - 1)).map(sorted)


@given(has=numbers, stored=numbers, bars=st.integers(1, LENGTH + 5), newest=st.integers(0, LENGTH + 3))
async def test_whatever_is_known_the_answer_is_the_exchanges(
    has: list[int], stored: list[int], bars: int, newest: int
) -> None:
    """Holes at the exchange, holes on the shelf, bars of the shelf that close later than is asked for."""
    known = [one for one in stored if one in has]
    exchange = Exchange(has)
    expected = await exchange.ask(bars, until(newest))
    held = Held(frame(known))
    assert bits(await last(held, exchange, bars, newest)) == bits(expected)
    assert held.wrong == 0
    kept = {int(at_ms) for one in held.kept for at_ms in one.open_at_ms}
    missing = {int(at_ms) for at_ms in expected.open_at_ms} - {START + one * BAR for one in known}
    assert missing <= kept, "what was missing is kept"


@given(stored=st.integers(1, LENGTH), wrong=st.integers(0, LENGTH - 1))
async def test_a_newest_bar_that_differs_makes_the_exchange_tell_all(stored: int, wrong: int) -> None:
    has = list(range(LENGTH))
    known = frame(has[:stored])
    if wrong == stored - 1:
        known.close[wrong] += 1e-9
    exchange, held = Exchange(has), Held(known)
    assert bits(await last(held, exchange, LENGTH)) == bits(frame(has))
    assert held.wrong == (wrong == stored - 1)
    assert not held.wrong or held.kept == [], "the file is left alone"


@pytest.mark.parametrize(
    "stored, asked",
    [
        (range(LENGTH), [1]),
        (range(LENGTH - 5), [6]),
        (range(10, LENGTH), [1, 10]),
        ([*range(20), *range(25, LENGTH)], [1, 25]),
        ([], [LENGTH]),
        (range(3), [58]),
    ],
)
async def test_only_what_is_missing_is_asked_for(stored: list[int], asked: list[int]) -> None:
    exchange = Exchange(list(range(LENGTH)))
    await last(Held(frame(list(stored))), exchange, LENGTH)
    assert [bars for bars, _ in exchange.asked] == asked


async def test_what_the_exchange_does_not_answer_is_no_answer() -> None:
    async def away(bars: int, until_ms: int) -> Frame:
        raise VenueUnavailable("candles: HTTP 500")

    with pytest.raises(VenueUnavailable, match="HTTP 500"):
        await last_candles(Held(frame([1, 2])), away, "BTCUSDT", "15m", 9, until(3))


# The store as a shelf


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "QUIET_S", 0.0)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "history", "binance")


def path_of(store: FileStore) -> Path:
    return store.root / "candles" / "15m" / "BTCUSDT.parquet"


async def from_store(store: FileStore, bars: int = LENGTH) -> tuple[Frame, list[int], StoreShelf]:
    """What comes of a start with this store, how many bars were asked for, and the shelf."""
    exchange, shelf = Exchange(list(range(LENGTH))), StoreShelf(store)
    found = await last_candles(shelf, exchange.ask, "BTCUSDT", "15m", bars, until(LENGTH - 1))
    return found, [one for one, _ in exchange.asked], shelf


async def test_what_was_got_is_stored_and_the_next_start_asks_for_the_newest_only(store: FileStore) -> None:
    found, asked, shelf = await from_store(store)
    assert (asked, len(found)) == ([LENGTH], LENGTH)
    await shelf.settled()
    assert bits(store.load("BTCUSDT", "15m")) == bits(found)
    again, asked, shelf = await from_store(store)
    await shelf.settled()
    assert (asked, bits(again)) == ([1], bits(found))
    longer, asked, shelf = await from_store(store, 3)
    assert (asked, bits(longer)) == ([1], bits(found.part(-3, None)))
    await shelf.close()


async def test_a_start_that_ends_at_once_writes_nothing(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "QUIET_S", 60.0)
    _, _, shelf = await from_store(store)
    await shelf.close()
    assert not path_of(store).exists()


def spoiled(store: FileStore, how: str) -> None:
    """A file that somebody or something has been at."""
    path = path_of(store)
    store.upsert("15m", frame(list(range(LENGTH))))
    content = path.read_bytes()
    match how:
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(content[:-100])
        case "no Parquet":
            path.write_bytes(b"PAR1" + b"x" * 4000 + b"PAR1")
        case "flipped":
            middle = content.rindex(np.float64(100.0).tobytes())  # of the newest rows, which a start reads
            path.write_bytes(content[:middle] + b"\xff" + content[middle + 1 :])
        case "a folder":
            path.unlink()
            path.mkdir()
        case "another source":
            path.unlink()
            FileStore(store.root, "import").upsert("15m", frame(list(range(LENGTH))))
        case "other prices":
            path.unlink()
            store.upsert("15m", frame(list(range(LENGTH)), shift=1.0))
        case "other columns":
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.table({"timestamp": [1], "mood": [0.5]}), path)


@pytest.mark.parametrize(
    "how",
    [
        "empty",
        "truncated",
        "no Parquet",
        "flipped",
        "a folder",
        "another source",
        "other prices",
        "other columns",
    ],
)
async def test_a_spoiled_file_never_breaks_a_start_and_is_one_line(
    store: FileStore, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    spoiled(store, how)
    path = path_of(store)
    before = path.read_bytes() if path.is_file() else b""
    found, asked, shelf = await from_store(store)
    assert bits(found) == bits(frame(list(range(LENGTH))))
    assert asked[-1] == LENGTH
    await shelf.settled()
    lines = [one.getMessage() for one in caplog.records]
    assert len(lines) == 1, lines
    assert lines[0].startswith("stored candles are not used: ")
    assert "\n" not in lines[0]
    assert (path.read_bytes() if path.is_file() else b"") == before, (
        "it is left alone for a person to look at"
    )


async def test_many_spoiled_files_are_one_line_too(
    store: FileStore, caplog: pytest.LogCaptureFixture
) -> None:
    spoiled(store, "empty")
    _, _, shelf = await from_store(store)
    await last_candles(shelf, Exchange([1]).ask, "BTCUSDT", "15m", 2, until(3))
    assert len(caplog.records) == 1


async def test_no_byte_that_changes_breaks_a_start_or_makes_a_price(store: FileStore) -> None:
    """Every 7th byte of a file turned round: the candles are the exchange's, or there are none."""
    spoiled(store, "")
    content, path = path_of(store).read_bytes(), path_of(store)
    expected = bits(frame(list(range(LENGTH))))
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        found, _, shelf = await from_store(store)
        assert bits(found) == expected, place
        await shelf.close()
