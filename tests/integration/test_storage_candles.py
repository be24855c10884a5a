"""Candles in bulk: what goes in comes out, as columns, per symbol and for all."""

import numpy as np
import pytest
from storage_kit import ACCOUNT, BAR, NOW, OTHER

from bot.domain.market import HOUR_MS
from bot.strategy import Frame
from storage.database import Database

START = NOW // BAR * BAR


def frame(symbol: str, bars: int, first_ms: int = START, seed: int = 1) -> Frame:
    """A random stretch of candles."""
    random = np.random.default_rng(seed)
    opens = first_ms + np.arange(bars, dtype=np.int64) * BAR
    low, body, volume = random.random((3, bars)) * 1e5
    return Frame(symbol, BAR, opens, low + body / 3, low + body, low, low + body / 7, volume)


def same(one: Frame, other: Frame) -> bool:
    """Equal to the last bit."""
    names = ("open_at_ms", "open", "high", "low", "close", "volume")
    columns = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    kinds = all(getattr(one, name).dtype == getattr(other, name).dtype for name in names)
    return (one.symbol, one.timeframe_ms) == (other.symbol, other.timeframe_ms) and columns and kinds


async def test_candles_come_back_to_the_last_bit(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    frames = {
        symbol: frame(symbol, 50, seed=n) for n, symbol in enumerate(("BTCUSDT", "ETHUSDT", "币安人生USDT"))
    }
    await ledger.save_candles("15m", frames)
    for symbol, saved in frames.items():
        assert same(await ledger.candles(symbol, "15m", START, START + 49 * BAR), saved)
    together = await ledger.all_candles("15m", 0, START + 49 * BAR)
    assert list(together) == sorted(frames)
    assert all(same(together[symbol], frames[symbol]) for symbol in frames)


async def test_bounds_are_inclusive_and_may_be_anything(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.save_candles("15m", {"BTCUSDT": frame("BTCUSDT", 10)})

    async def bars(first: int, last: int) -> int:
        return len(await ledger.candles("BTCUSDT", "15m", first, last))

    assert await bars(START + 2 * BAR, START + 4 * BAR) == 3
    assert await bars(START + 2 * BAR + 1, START + 4 * BAR - 1) == 1
    assert await bars(0, 2**50) == 10
    assert await bars(START + 4 * BAR, START) == 0
    assert await bars(0, 0) == 0
    assert len(await ledger.candles("NOSUCH", "15m", 0, 2**50)) == 0
    assert len(await ledger.candles("BTCUSDT", "1h", 0, 2**50)) == 0


async def test_a_long_stretch_comes_whole(database: Database) -> None:
    ledger, saved = database.ledger(ACCOUNT), frame("BTCUSDT", 4500)
    await ledger.save_candles("15m", {"BTCUSDT": saved})
    assert same(await ledger.candles("BTCUSDT", "15m", 0, 2**50), saved)


async def test_holes_stay_holes(database: Database) -> None:
    ledger, whole = database.ledger(ACCOUNT), frame("BTCUSDT", 10)
    parts = {"BTCUSDT": Frame("BTCUSDT", BAR, *(column[[0, 3, 9]] for column in columns(whole)))}
    await ledger.save_candles("15m", parts)
    assert same(await ledger.candles("BTCUSDT", "15m", 0, 2**50), parts["BTCUSDT"])


async def test_candles_are_corrected_in_place(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.save_candles("15m", {"BTCUSDT": frame("BTCUSDT", 10, seed=1)})
    corrected = frame("BTCUSDT", 10, seed=2)
    await ledger.save_candles("15m", {"BTCUSDT": corrected})
    assert same(await ledger.candles("BTCUSDT", "15m", 0, 2**50), corrected)


async def test_empty_frames_are_nothing(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.save_candles("15m", {})
    await ledger.save_candles("15m", {"BTCUSDT": frame("BTCUSDT", 0)})
    assert await ledger.all_candles("15m", 0, 2**50) == {}


async def test_candles_without_figures_are_refused(database: Database) -> None:
    broken = frame("BTCUSDT", 3)
    broken.close[1] = np.nan
    with pytest.raises(ValueError, match=f"candle of BTCUSDT at {START + BAR} holds"):
        await database.ledger(ACCOUNT).save_candles("15m", {"BTCUSDT": broken})
    assert len(await database.ledger(ACCOUNT).candles("BTCUSDT", "15m", 0, 2**50)) == 0


async def test_candles_belong_to_an_account(database: Database) -> None:
    await database.ledger(ACCOUNT).save_candles("15m", {"BTCUSDT": frame("BTCUSDT", 3)})
    assert len(await database.ledger(OTHER).candles("BTCUSDT", "15m", 0, 2**50)) == 0
    assert await database.ledger(OTHER).all_candles("15m", 0, 2**50) == {}


async def test_old_candles_are_pruned_in_small_batches(database: Database) -> None:
    ledger = database.ledger(ACCOUNT)
    frames = {symbol: frame(symbol, 20) for symbol in ("BTCUSDT", "ETHUSDT")}
    await ledger.save_candles("15m", frames)
    await ledger.save_candles("1h", frames)
    assert await ledger.prune(0, START + 10 * BAR, 7) == 7
    assert await ledger.prune(0, START + 10 * BAR, 1000) == 33
    assert await ledger.prune(0, START + 10 * BAR, 1000) == 0
    left = await ledger.candles("ETHUSDT", "15m", 0, 2**50)
    assert left.open_at_ms[0] == START + 10 * BAR
    assert HOUR_MS == 4 * BAR


def columns(whole: Frame) -> tuple[np.ndarray, ...]:
    """The columns of a frame."""
    return whole.open_at_ms, whole.open, whole.high, whole.low, whole.close, whole.volume
