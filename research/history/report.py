"""What reading candle files gives: frames, and a report of everything that was repaired or is missing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import ConfigError
from bot.strategy import Frame

SHOWN_GAPS = 3
LISTED_ROWS = 50

type Mask = NDArray[np.bool_]


class CandleFileError(ConfigError):
    """A candle file cannot be used; one line says which, where in it, why, and what is allowed.

    `rows` are the first faulty rows, a line each, and `faulty` how many there are, where rows are what is wrong.
    """

    def __init__(self, line: str, rows: Sequence[str] = (), faulty: int = 0) -> None:
        """`line` may quote the file: what cannot be printed is escaped."""
        super().__init__(printable(line))
        self.rows = tuple(printable(row) for row in rows)
        self.faulty = faulty


@dataclass(frozen=True, slots=True)
class Gap:
    """Bars missing inside one symbol's history: opening times of the first and the last, and how many.

    `filled` when flat candles of zero volume were put in their place.
    """

    symbol: str
    first_open_at_ms: int
    last_open_at_ms: int
    bars: int
    filled: bool = False

    def __str__(self) -> str:
        """One line for an operator."""
        what = "filled with flat candles" if self.filled else "left open"
        between = f"{moment(self.first_open_at_ms)} to {moment(self.last_open_at_ms)}"
        return f"{self.symbol}: {counted(self.bars, 'bar')} missing, {between}; {what}"


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """Everything a reader did besides reading: `notes` name the file, `gaps` the bars that are missing."""

    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The report for people: every note, and the first gaps of each symbol."""
        symbols = sorted({gap.symbol for gap in self.gaps})
        return (*self.notes, *(line for symbol in symbols for line in self._gap_lines(symbol)))

    def _gap_lines(self, symbol: str) -> list[str]:
        gaps = [gap for gap in self.gaps if gap.symbol == symbol]
        lines = [str(gap) for gap in gaps[:SHOWN_GAPS]]
        rest = gaps[SHOWN_GAPS:]
        if rest:
            lines.append(
                f"{symbol}: and {counted(len(rest), 'more gap')}, {sum(gap.bars for gap in rest)} bars"
            )
        return lines


@dataclass(frozen=True, slots=True)
class History:
    """Frames by symbol, all of one timeframe, and the report of how they were read."""

    timeframe: str
    frames: Mapping[str, Frame]
    report: HistoryReport


class Faults:
    """Faulty rows of one file: the first is told in full, the others are counted and listed."""

    def __init__(self, path: Path, word: str, rows: NDArray[np.int64]) -> None:
        """`word` is what the file's people count (row, line), `rows` the number of each record in it."""
        self._path = path
        self._word = word
        self._rows = rows
        self._found: list[tuple[Mask, Callable[[int], str]]] = []

    def add(self, faulty: Mask, tell: Callable[[int], str]) -> None:
        """Note faulty records; of several faults of one record the one added first is told."""
        if faulty.any():
            self._found.append((faulty, tell))

    def settle(self) -> None:
        """Raise CandleFileError if there was any fault."""
        if not self._found:
            return
        every = np.flatnonzero(np.logical_or.reduce([faulty for faulty, _ in self._found]))
        listed = tuple(self._line(int(index)) for index in every[:LISTED_ROWS])
        more = len(every) - 1
        tail = f" (and {counted(more, f'more {self._word}')})" if more else ""
        raise CandleFileError(f"{self._path}: {listed[0]}{tail}", listed, len(every))

    def _line(self, index: int) -> str:
        told = next(tell for faulty, tell in self._found if faulty[index])
        return f"{self._word} {self._rows[index]}: {told(index)}"


def printable(text: str) -> str:
    """A text without line breaks, control characters and changes of direction, which a file may well contain."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def moment(at_ms: int) -> str:
    """A time as people write it, UTC to the minute (to the millisecond where it matters)."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.strftime("%Y-%m-%d %H:%M") if at_ms % 60_000 == 0 else at.isoformat(" ", "milliseconds")[:23]


def counted(count: int, noun: str) -> str:
    """A count with its noun in the right number."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
