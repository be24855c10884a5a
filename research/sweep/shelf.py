"""What a sweep has counted so far: a file for each symbol, so that whoever was stopped or killed goes on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from shutil import rmtree

import numpy as np
import orjson
from numpy.typing import NDArray

from bot.strategy import Array
from research.arrays.tallies import Tallies
from research.results.files import ResultFileError, packed, write_whole
from research.sweep.counting import Counted


@dataclass(frozen=True, slots=True)
class Shelf:
    """Parts in a folder of their own. A part counts only with the key it was written with."""

    folder: Path

    def put(self, part: Counted, key: str) -> None:
        """Write a symbol's part so that a crash leaves none or the whole. Raises ResultFileError."""
        content = {
            "key": key,
            "symbol": part.symbol,
            "production": dict(part.production),
            "tallies": {
                field.name: np.ascontiguousarray(getattr(part.tallies, field.name))
                for field in fields(Tallies)
            },
        }
        write_whole(self._path(part.symbol), packed(content))

    def get(self, symbol: str, key: str) -> Counted | None:
        """A symbol's part; None when there is none of that key (another plan, other candles, other code)."""
        try:
            found = orjson.loads(self._path(symbol).read_bytes())
            if found["key"] != key:
                return None
            return Counted(symbol, _tallies(found["tallies"]), found["production"])
        except (OSError, ValueError, KeyError, TypeError):  # not there, or a disk's leftovers: counted again
            return None

    def clear(self) -> None:
        """Take all parts away: the result holds what they came to. Raises ResultFileError."""
        try:
            rmtree(self.folder) if self.folder.exists() else None
        except OSError as error:
            raise ResultFileError(f"{self.folder}: cannot be removed: {error.strerror}") from None

    def _path(self, symbol: str) -> Path:
        return self.folder / f"{symbol}.json"


def _tallies(found: Mapping[str, Sequence[Sequence[float]]]) -> Tallies:
    def figures(name: str) -> Array:
        return np.array(found[name], dtype=np.float64)

    def counts(name: str) -> NDArray[np.int32]:
        return np.array(found[name], dtype=np.int32)

    return Tallies(
        trades=counts("trades"),
        wins=counts("wins"),
        net=figures("net"),
        gross_profit=figures("gross_profit"),
        gross_loss=figures("gross_loss"),
        drawdown=figures("drawdown"),
        held=counts("held"),
    )
