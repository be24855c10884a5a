"""What a worker is given, as bytes from one process to another: an order as JSON, candles as plain numbers.

What it says is lines of JSON: `{"done": 3, "whole": 10, "at": "fold 3"}` on the way, then one last line, which is
`{"result": ...}` or `{"refused": "why"}`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO

import numpy as np
import orjson

from bot.strategy import Frame

FIGURES = ("open", "high", "low", "close", "volume")
MOST_BARS = 5_000_000
MOST_ORDER = 50_000_000
_HEAD = Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Parcel:
    """Work by its name, what is asked (JSON), and candles by symbol."""

    work: str
    order: bytes
    frames: tuple[Frame, ...]


def packed(work: str, order: bytes, frames: Sequence[Frame] = ()) -> bytes:
    """The parcel as bytes."""
    sizes = [[frame.symbol, frame.timeframe_ms, len(frame)] for frame in frames]
    head = orjson.dumps({"work": work, "frames": sizes})
    columns = [
        np.ascontiguousarray(column, dtype=kind).tobytes()
        for frame in frames
        for column, kind in _columns(frame)
    ]
    return b"".join([_HEAD.pack(len(head), len(order)), head, order, *columns])


def _columns(frame: Frame) -> list[tuple[object, str]]:
    return [(frame.open_at_ms, "<i8"), *((getattr(frame, name), "<f8") for name in FIGURES)]


def unpacked(source: BinaryIO) -> Parcel:
    """What `packed` made; raises ValueError for anything else."""
    raw = source.read(_HEAD.size)
    if len(raw) < _HEAD.size:
        raise ValueError("a parcel begins with its sizes")
    head_size, order_size = _HEAD.unpack(raw)
    if max(head_size, order_size) > MOST_ORDER:
        raise ValueError(f"{head_size} and {order_size} bytes are more than a parcel holds")
    head, order = orjson.loads(source.read(head_size)), source.read(order_size)
    if sum(bars for _, _, bars in head["frames"]) > MOST_BARS:
        raise ValueError(f"more than {MOST_BARS} bars")
    frames = tuple(_frame(source, *size) for size in head["frames"])
    return Parcel(head["work"], order, frames)


def _frame(source: BinaryIO, symbol: str, timeframe_ms: int, bars: int) -> Frame:
    times = np.frombuffer(_column(source, bars), dtype="<i8").astype(np.int64)
    figures = [np.frombuffer(_column(source, bars), dtype="<f8").astype(np.float64) for _ in FIGURES]
    return Frame(symbol, timeframe_ms, times, *figures)


def _column(source: BinaryIO, bars: int) -> bytes:
    raw = source.read(bars * 8)
    if len(raw) != bars * 8:
        raise ValueError("the candles end too early")
    return raw


def progress_line(done: int, whole: int, at: str = "") -> bytes:
    """How far it is."""
    return orjson.dumps({"done": done, "whole": whole, "at": at}) + b"\n"


def result_line(result: bytes) -> bytes:
    """What came out, last; `result` is JSON."""
    return b'{"result":' + result + b"}\n"


def refused_line(why: str) -> bytes:
    """Why nothing came out, last."""
    return orjson.dumps({"refused": " ".join(why.split())}) + b"\n"
