"""A desk that starts over loopback: candles of the store, the exchange for what is missing, the same to the bit."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from loopback_house import BAR_MS, LISTED, both, loopback_house, told, twice
from sandbox_house import Sandbox, sandbox

from bot.market.signals import WindowSignals
from bot.strategy import Frame
from bot.venues.binance import BinanceDialect
from bot.venues.bybit import BybitDialect
from bot.venues.ccxt_venue.venue import CcxtVenue
from cli import shelf as shelves
from cli.live_paper_venue import LivePaperVenue
from cli.shelf import StoreShelf
from cli.wiring import House
from research.store.files import FileStore

NAMES = ("open_at_ms", "open", "high", "low", "close", "volume")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "QUIET_S", 0.0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bars were asked for, question by question."""
    found: list[int] = []
    for dialect in (BinanceDialect, BybitDialect):
        real = dialect.candles

        async def candles(
            self: object, symbol: str, timeframe: str, bars: int, until_ms: int = 0, real: object = real
        ) -> Frame:
            found.append(bars)
            return await real(self, symbol, timeframe, bars, until_ms)  # type: ignore[operator, no-any-return]

        monkeypatch.setattr(dialect, "candles", candles)
    return found


def desk(box: Sandbox, name: str, home: Path, *, on_paper: bool) -> AbstractAsyncContextManager[House]:
    return loopback_house(box, name, home, *LISTED, on_paper=on_paper)


def shelf_of(house: House) -> StoreShelf:
    venue = house.venue
    shelf = venue.feed.shelf if isinstance(venue, LivePaperVenue) else None
    shelf = venue.shelf if isinstance(venue, CcxtVenue) else shelf
    assert isinstance(shelf, StoreShelf)
    return shelf


def started_with(house: House) -> dict[str, list[bytes]]:
    """The candles that the strategies see, to the bit."""
    signals = house.engine.signals
    assert isinstance(signals, WindowSignals)
    return {symbol: bits(signals.frame(symbol)) for symbol in LISTED}


def bits(frame: Frame) -> list[bytes]:
    return [getattr(frame, name).tobytes() for name in NAMES]


async def alone(house: House, box: Sandbox) -> dict[str, list[bytes]]:
    """The same as the exchange alone tells it."""
    return {symbol: bits(await told(house, box, symbol, 1000)) for symbol in LISTED}


@both
@twice
async def test_the_second_start_asks_only_for_what_is_missing(
    tmp_path: Path, name: str, on_paper: bool, asked: list[int]
) -> None:
    async with sandbox(name) as box:
        async with desk(box, name, tmp_path, on_paper=on_paper) as house:
            assert asked == [1000] * 3
            assert started_with(house) == await alone(house, box)
            await shelf_of(house).settled()
        store = FileStore(tmp_path / "history", f"{name} sandbox")
        assert [(one.symbol, one.bars, one.missing) for one in store.inventory()] == [
            (symbol, 1000, 0) for symbol in LISTED
        ]
        box.pace.skip(7 * BAR_MS)
        asked.clear()
        async with desk(box, name, tmp_path, on_paper=on_paper) as house:
            assert asked == [8] * 3, "seven new ones, and the newest known as proof"
            assert started_with(house) == await alone(house, box)
            await shelf_of(house).settled()
        assert {(one.bars, one.missing) for one in store.inventory()} == {(1007, 0)}


@both
async def test_holes_and_damage_never_keep_a_desk_from_starting(
    tmp_path: Path, name: str, asked: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    async with sandbox(name) as box:
        async with desk(box, name, tmp_path, on_paper=False) as house:
            await shelf_of(house).settled()
        store = FileStore(tmp_path / "history", f"{name} sandbox")
        damaged, gappy, foreign = (store.root / "candles" / "15m" / f"{one}.parquet" for one in LISTED)
        damaged.write_bytes(damaged.read_bytes()[:5000])
        whole = store.load("ETHUSDT", "15m")
        gappy.unlink()
        rows = [*range(300), *range(310, 1000)]
        store.upsert("15m", replace(whole, **{one: getattr(whole, one)[rows] for one in NAMES}))
        other = store.load("XRPUSDT", "15m")
        foreign.unlink()
        FileStore(store.root, "import").upsert("15m", other)
        asked.clear()
        caplog.clear()
        async with desk(box, name, tmp_path, on_paper=False) as house:
            assert sorted(asked) == [1, 310, 1000, 1000]
            assert started_with(house) == await alone(house, box)
            await shelf_of(house).settled()
            assert not house.desk.status().halts
        lines = [one.getMessage() for one in caplog.records if one.name == "cli.shelf"]
        assert len([one for one in lines if one.startswith("stored candles are not used")]) == 1
        assert bits(store.load("ETHUSDT", "15m")) == bits(whole), "the hole is filled"
