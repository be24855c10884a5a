"""Candles for the tests: seeded random markets, and the real ones where the machine has them."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bot.domain.market import MINUTE_MS, Candle, timeframe_ms
from bot.strategy import Frame

BAR_MS = 15 * MINUTE_MS
START_MS = 1_700_000_100_000 // BAR_MS * BAR_MS
REAL_SYMBOLS = ("ADAUSDT", "BNBUSDT", "BTCUSDT", "DOGEUSDT", "ETHUSDT", "SOLUSDT", "TRXUSDT", "XRPUSDT")
PRICE_COLUMNS = ("open", "high", "low", "close", "volume")


def random_frame(
    seed: int, bars: int, *, symbol: str = "TESTUSDT", price: float = 100.0, bar_ms: int = BAR_MS
) -> Frame:
    """A market that trends, chops and surges: volatility and drift change every hundred bars or so."""
    chance = np.random.default_rng(seed)
    regimes = bars // 100 + 1
    volatility = np.repeat(chance.uniform(5e-4, 6e-3, regimes), 100)[:bars]
    drift = np.repeat(chance.normal(0.0, 8e-4, regimes), 100)[:bars]
    close = price * np.exp(np.cumsum(drift + volatility * chance.standard_normal(bars)))
    opened = np.concatenate(([price], close[:-1]))
    high = np.maximum(opened, close) * (1.0 + volatility * chance.uniform(0.0, 1.0, bars))
    low = np.minimum(opened, close) * (1.0 - volatility * chance.uniform(0.0, 1.0, bars))
    volume = chance.lognormal(7.0, 1.0, bars)
    return frame_of(opened, high, low, close, volume, symbol=symbol, bar_ms=bar_ms)


def frame_of(
    opened: object,
    high: object,
    low: object,
    close: object,
    volume: object,
    *,
    symbol: str = "TESTUSDT",
    bar_ms: int = BAR_MS,
) -> Frame:
    """A frame from columns, without gaps."""
    columns = [
        np.ascontiguousarray(column, dtype=np.float64) for column in (opened, high, low, close, volume)
    ]
    at_ms = START_MS + bar_ms * np.arange(len(columns[0]), dtype=np.int64)
    return Frame(symbol, bar_ms, at_ms, *columns)


def flat_frame(bars: int, *, price: float = 100.0, volume: float = 0.0, bar_ms: int = BAR_MS) -> Frame:
    """A market in which nothing happens."""
    same = np.full(bars, price)
    return frame_of(same, same, same, same, np.full(bars, volume), bar_ms=bar_ms)


def rows(frame: Frame, begin: int, end: int) -> Frame:
    """Rows `begin` to `end` (excluded) as a frame of its own, copied as a fresh window would be."""
    part = slice(begin, end)
    return Frame(
        frame.symbol,
        frame.timeframe_ms,
        frame.open_at_ms[part].copy(),
        *(getattr(frame, name)[part].copy() for name in PRICE_COLUMNS),
    )


def candles(frame: Frame) -> list[Candle]:
    """The frame bar by bar."""
    columns = (frame.open_at_ms, *(getattr(frame, name) for name in PRICE_COLUMNS))
    return [Candle(frame.symbol, *row) for row in zip(*(column.tolist() for column in columns), strict=True)]


@cache
def real_frame(symbol: str, timeframe: str = "15m") -> Frame:
    """Real candles, two years of 15m; skips the test, by name and with the reason, where they are absent."""
    path = real_data() / "candles" / timeframe / f"{symbol}.parquet"
    if not path.is_file():
        pytest.skip(f"no real {timeframe} candles of {symbol} in the folder QUARTERDECK_REAL_DATA names")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path)
    columns = [np.ascontiguousarray(table[name].to_numpy(), dtype=np.float64) for name in PRICE_COLUMNS]
    return Frame(symbol, timeframe_ms(timeframe), table["timestamp"].to_numpy().astype(np.int64), *columns)


def real_data() -> Path:
    """The folder with real market data; it may be absent."""
    checkout = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("QUARTERDECK_REAL_DATA") or checkout.parent / "shared" / "data")
