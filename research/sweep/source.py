"""Where a symbol's candles come from: files, the store, or memory; and what is known of them before work begins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from bot.domain.errors import ConfigError
from bot.strategy import Frame
from research.history import History
from research.history.files import candle_files, symbol_of
from research.results.files import DataMark, data_mark
from research.store.files import FileStore
from research.store.loading import Wanted, load_history
from research.store.port import Points


@dataclass(frozen=True, slots=True)
class HistorySource:
    """A symbol's candles in files, or in the store at `root`: read by whoever works with them."""

    symbol: str
    wanted: Wanted
    root: Path | None

    def load(self) -> Frame:
        """Read them; raises CandleFileError or StoreError."""
        return _read(self.wanted, self.root).frames[self.symbol]


@dataclass(frozen=True, slots=True)
class FrameSource:
    """Candles in memory: what a worker on another machine is given."""

    frame: Frame

    @property
    def symbol(self) -> str:
        """Whose candles."""
        return self.frame.symbol

    def load(self) -> Frame:
        """They are here."""
        return self.frame


type Source = HistorySource | FrameSource


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes with a symbol's candles: funding rates, and candles of a lower timeframe with their fingerprint."""

    funding: Points | None = None
    finer: Source | None = None
    finer_mark: DataMark | None = None

    @property
    def funding_sha256(self) -> str:
        """Fingerprint of the rates; empty without."""
        if self.funding is None:
            return ""
        digest = sha256(np.ascontiguousarray(self.funding.at_ms, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.funding.value, dtype="<f8").tobytes())
        return digest.hexdigest()


NOTHING = Beside()


@dataclass(frozen=True)
class Known:
    """A source and what it holds: opening time of the first bar, end of the last, fingerprint of all figures."""

    source: Source
    symbol: str
    timeframe_ms: int
    first_ms: int
    end_ms: int
    mark: DataMark
    notes: tuple[str, ...] = ()
    beside: Beside = NOTHING

    @cached_property
    def print(self) -> tuple[str, ...]:
        """Equal for equal candles with equal funding and equal finer candles."""
        finer = self.beside.finer_mark
        more = (self.beside.funding_sha256, finer.sha256 if finer else "")
        return (self.mark.sha256, *(more if any(more) else ()))


@dataclass(frozen=True, slots=True)
class Survey:
    """Look through candles that by their names are one symbol's; `carry` keeps them with the answer."""

    wanted: Wanted
    root: Path | None
    carry: bool = False

    def __str__(self) -> str:
        """The first file, or the symbol."""
        return str(self.wanted.files[0].name if self.wanted.files else self.wanted.symbols[0])


def surveys(wanted: Wanted, root: Path | None, carry: bool = False) -> tuple[list[Survey], tuple[str, ...]]:
    """One for each symbol of the store, or that the files' names say; and notes about what was passed over."""
    if not wanted.files:
        names = sorted(set(wanted.symbols))
        return [Survey(replace(wanted, symbols=(name,)), root, carry) for name in names], ()
    files, notes = candle_files(wanted.files)
    groups: dict[str, list[Path]] = {}
    for path in files:
        groups.setdefault(symbol_of(path), []).append(path)
    asked = [replace(wanted, symbols=(), files=tuple(group)) for group in groups.values()]
    return [Survey(one, None, carry) for one in asked], tuple(notes)


def surveyed(survey: Survey) -> tuple[Known, ...]:
    """What is there, by symbol."""
    found = _read(survey.wanted, survey.root)
    return tuple(
        known(
            frame,
            FrameSource(frame) if survey.carry else HistorySource(symbol, survey.wanted, survey.root),
            found.report.lines,
        )
        for symbol, frame in found.frames.items()
    )


def known(frame: Frame, source: Source | None = None, notes: tuple[str, ...] = ()) -> Known:
    """What is known of candles in memory. Raises ValueError for none."""
    return Known(
        source=source or FrameSource(frame),
        symbol=frame.symbol,
        timeframe_ms=frame.timeframe_ms,
        first_ms=int(frame.open_at_ms[0]),
        end_ms=int(frame.open_at_ms[-1]) + frame.timeframe_ms,
        mark=data_mark(frame),
        notes=notes,
    )


def chosen(found: Iterable[Known], symbols: Sequence[str]) -> tuple[Known, ...]:
    """The symbols asked for (all when none is) in name order; ConfigError when one is missing or there twice."""
    by_symbol: dict[str, Known] = {}
    for one in found:
        if one.symbol in by_symbol:
            raise ConfigError(
                f"{one.symbol}: is in files of different names; allowed: one name for each symbol"
            )
        by_symbol[one.symbol] = one
    missing = [symbol for symbol in symbols if symbol not in by_symbol]
    if missing:
        there = ", ".join(sorted(by_symbol)[:8]) + (", ..." if len(by_symbol) > 8 else "")
        raise ConfigError(f"{missing[0]}: no candles of it; there are {there or 'none'}")
    picked = tuple(by_symbol[symbol] for symbol in sorted(set(symbols) or by_symbol))
    if len({one.timeframe_ms for one in picked}) > 1:
        raise ConfigError("the candles are of different timeframes; allowed: one timeframe")
    return picked


@lru_cache(maxsize=2)
def _read(wanted: Wanted, root: Path | None) -> History:
    """The last candles read stay at hand: a symbol is looked through, then counted."""
    return load_history(wanted, FileStore(root) if root is not None else None)
