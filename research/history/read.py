"""Reading candle files: one call from files and folders to frames and a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bot.domain.market import MINUTE_MS, TIMEFRAMES_MS, timeframe_ms
from bot.strategy import Frame
from research.history.checks import Candles, check_grid, checked
from research.history.files import candle_files, symbol_of
from research.history.quick import quick_read
from research.history.report import CandleFileError, Gap, History, HistoryReport, moment
from research.history.series import filled, find_gaps, joined, ordering_notes, to_frame
from research.history.tables import read_table, refusing_damage
from research.history.values import Integers

NAMES = {length: name for name, length in TIMEFRAMES_MS.items()}


def read_candles(
    paths: Sequence[Path], timeframe: str | None = None, *, fill: bool = False, symbol: str = ""
) -> History:
    """Candles of files and folders (Parquet, CSV), frames by symbol in name order.

    Without `timeframe` it is taken from the candles. `symbol` is that of files without a column of that name (else the
    file's name says it). What cannot be used raises CandleFileError: one line with file,
    row and what is allowed. What can be repaired without guessing (order, exact repetitions) is, and is noted in the
    report, as are holes, which stay holes unless `fill` asks for flat candles of zero volume.
    """
    if timeframe is not None and timeframe not in TIMEFRAMES_MS:
        raise CandleFileError(f"timeframe {timeframe!r} unknown; allowed: {', '.join(TIMEFRAMES_MS)}")
    files, notes = candle_files(paths)
    pieces: list[Candles] = []
    for path in files:
        found_there, said = _pieces(path, symbol)
        pieces += found_there
        notes += said
    found = _common_timeframe(pieces, timeframe)
    for piece in pieces:
        check_grid(piece, timeframe_ms(found), found)
        notes += ordering_notes(piece)
    frames, gaps = _frames(_by_symbol(pieces), timeframe_ms(found), fill, notes)
    return History(found, frames, HistoryReport(tuple(notes), tuple(gaps)))


def _pieces(path: Path, symbol: str) -> tuple[list[Candles], tuple[str, ...]]:
    """The candles of one file, and what is to be said about it."""
    clean = quick_read(path, symbol)
    if clean is not None:
        return [clean], ()
    with refusing_damage(path):
        table = read_table(path)
        return checked(table, "" if "symbol" in table.columns else symbol or symbol_of(path)), table.notes


def _frames(
    by_symbol: Mapping[str, Sequence[Candles]], length_ms: int, fill: bool, notes: list[str]
) -> tuple[dict[str, Frame], list[Gap]]:
    frames: dict[str, Frame] = {}
    gaps: list[Gap] = []
    for symbol, pieces in by_symbol.items():
        series, dropped = joined(pieces)
        notes += dropped
        gaps += find_gaps(symbol, series.open_at_ms, length_ms, fill)
        frames[symbol] = to_frame(filled(series, length_ms) if fill else series, length_ms)
    return frames, gaps


def _by_symbol(pieces: Sequence[Candles]) -> dict[str, list[Candles]]:
    found: dict[str, list[Candles]] = {}
    for piece in pieces:
        found.setdefault(piece.symbol, []).append(piece)
    return dict(sorted(found.items()))


def _common_timeframe(pieces: Sequence[Candles], asked: str | None) -> str:
    """The timeframe of all candles, which must be the one asked for, if any."""
    found = asked
    source = "you asked for"
    for piece in pieces:
        seen = _timeframe_of(piece, asked)
        if seen is None:
            continue
        if found is not None and seen != found:
            raise CandleFileError(
                f"{piece.path}: {piece.symbol} has {seen} candles, {source} {found}; allowed: one timeframe"
            )
        if found is None:
            found, source = seen, f"{piece.path} has"
    if found is None:
        raise CandleFileError(f"{pieces[0].path}: one candle does not tell its timeframe; name it")
    return found


def _timeframe_of(piece: Candles, asked: str | None) -> str | None:
    """The usual distance between candles (the one asked for, if it occurs at all); None when there is but one."""
    steps, counts = _steps(piece.open_at_ms)
    if not len(steps):
        return None
    if asked is not None and timeframe_ms(asked) in steps:
        return asked
    usual = int(steps[np.argmax(counts)])
    if usual not in NAMES:
        raise CandleFileError(
            f"{piece.path}: {piece.symbol} candles are mostly {usual / MINUTE_MS:g} minutes apart, from "
            f"{moment(int(piece.open_at_ms[0]))}; allowed: {', '.join(TIMEFRAMES_MS)}"
        )
    return NAMES[usual]


def _steps(times: Integers) -> tuple[Integers, Integers]:
    """The distances between candles, and how often each occurs."""
    steps = np.diff(times)
    if len(steps) and steps[0] > 0 and (steps == steps[0]).all():
        return steps[:1], np.array([len(steps)])
    return np.unique(np.diff(np.unique(times)), return_counts=True)
