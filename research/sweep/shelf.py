"""What a sweep has counted so far: a file for each symbol, so that whoever was stopped or killed goes on from there.

A part is a line of JSON, then the tallies' figures as they lie in memory, then a digest over both: what a crash left
half written is seen and counted again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree

import numpy as np
import orjson

from research.arrays.tallies import Tallies
from research.results.files import ResultFileError, packed, write_whole
from research.sweep.counting import Counted

NAMES = tuple(field.name for field in fields(Tallies))
COUNTS = ("trades", "wins", "held")
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Shelf:
    """Parts in a folder of their own. A part counts only with the key it was written with."""

    folder: Path

    def put(self, part: Counted, key: str) -> None:
        """Write a symbol's part so that a killed process leaves none or the whole. Raises ResultFileError."""
        head = {
            "key": key,
            "symbol": part.symbol,
            "production": dict(part.production),
            "shape": part.tallies.trades.shape,
        }
        figures = (
            np.ascontiguousarray(getattr(part.tallies, name), dtype=_kind(name)).tobytes() for name in NAMES
        )
        content = b"".join((packed(head), b"\n", *figures))
        write_whole(self._path(part.symbol), content + _digest(content), durable=False)

    def get(self, symbol: str, key: str) -> Counted | None:
        """A symbol's part; None when there is none of that key (another plan, other candles, other code)."""
        try:
            whole = self._path(symbol).read_bytes()
            content = whole[:-DIGEST_BYTES]
            if whole[-DIGEST_BYTES:] != _digest(content):
                return None
            line, _, figures = content.partition(b"\n")
            head = orjson.loads(line)
            return (
                Counted(symbol, _tallies(head, figures), head["production"]) if head["key"] == key else None
            )
        except (OSError, ValueError, KeyError, TypeError):  # not there, or of another version: counted again
            return None

    def clear(self) -> None:
        """Take all parts away: the result holds what they came to. Raises ResultFileError."""
        try:
            rmtree(self.folder) if self.folder.exists() else None
        except OSError as error:
            raise ResultFileError(f"{self.folder}: cannot be removed: {error.strerror}") from None

    def _path(self, symbol: str) -> Path:
        return self.folder / f"{symbol}.part"


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def _kind(name: str) -> str:
    return "<i4" if name in COUNTS else "<f8"


def _tallies(head: Mapping[str, object], figures: bytes) -> Tallies:
    spans, sets = (int(str(length)) for length in head["shape"])  # type: ignore[attr-defined]
    found, at = {}, 0
    for name in NAMES:
        kind = np.dtype(_kind(name))
        found[name] = np.frombuffer(figures, kind, spans * sets, at).reshape(spans, sets)
        at += spans * sets * kind.itemsize
    return Tallies(**found)
