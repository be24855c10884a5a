"""What a backtest is given, as bytes from one process to another: settings as JSON, candles as plain numbers."""

from dataclasses import dataclass
from decimal import Decimal
from struct import Struct
from typing import BinaryIO

import numpy as np

from bot.domain.settings import EngineSettings
from bot.runtime.codec import decode, encode
from bot.strategy import Frame

FIGURES = ("open", "high", "low", "close", "volume")
MOST_BARS = 600_000
MOST_SETTINGS = 10_000_000
_HEAD = Struct("<QQ")


@dataclass(frozen=True, slots=True)
class BacktestJob:
    """One symbol's backtest: the first `warmup` bars are only looked at. `wallet` in quote asset."""

    settings: EngineSettings
    strategy_paths: tuple[str, ...]
    warmup: int
    wallet: Decimal


def packed(job: BacktestJob, frame: Frame) -> bytes:
    """The job and its candles as bytes."""
    settings = encode(job)
    columns = [np.ascontiguousarray(getattr(frame, name), dtype="<f8") for name in FIGURES]
    times = np.ascontiguousarray(frame.open_at_ms, dtype="<i8")
    head = _HEAD.pack(len(settings), len(frame))
    return b"".join([head, settings, times.tobytes(), *(column.tobytes() for column in columns)])


def read_job(source: BinaryIO) -> tuple[BacktestJob, Frame]:
    """What `packed` made; raises ValueError for anything else."""
    head = source.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise ValueError("a job begins with its sizes")
    size, bars = _HEAD.unpack(head)
    if size > MOST_SETTINGS or bars > MOST_BARS:
        raise ValueError(f"{size} bytes of settings and {bars} bars are more than a job holds")
    job = decode(source.read(size), BacktestJob)
    times = np.frombuffer(_column(source, bars), dtype="<i8").astype(np.int64)
    columns = [np.frombuffer(_column(source, bars), dtype="<f8").astype(np.float64) for _ in FIGURES]
    return job, Frame(job.settings.symbols[0].symbol, job.settings.bar_ms, times, *columns)


def _column(source: BinaryIO, bars: int) -> bytes:
    raw = source.read(bars * 8)
    if len(raw) != bars * 8:
        raise ValueError("the candles end too early")
    return raw
