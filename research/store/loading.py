"""The one way by which candles come in: from files that are named, else from the store; repaired, gaps reported.

Start-up, backtests, sweeps and models all read through `load_history`, so that they see the same bars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.market import TIMEFRAMES_MS
from bot.strategy import Frame
from research.history import CandleFileError, Gap, History, HistoryReport, read_candles
from research.history.series import filled, find_gaps, series_of, to_frame
from research.store.point_files import read_points
from research.store.port import CandleStore, Points, PointStore, StoreError

LATEST = 1 << 62
NAMED = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which candles: `files` (and folders) when there are any, else `symbols` of the store.

    With files, `symbols` choose among those in them (none: all), and no `timeframe` means the files' own. Bars that
    open in from_ms <= open < to_ms. `fill` puts flat candles of zero volume into holes.
    """

    symbols: tuple[str, ...] = ()
    timeframe: str | None = None
    files: tuple[Path, ...] = ()
    from_ms: int = 0
    to_ms: int = LATEST
    fill: bool = False


def load_history(wanted: Wanted, store: CandleStore | None = None) -> History:
    """The candles wanted, symbols in name order, and the report of repairs and gaps.

    Raises CandleFileError or StoreError, one line, for what cannot be used or is not there.
    """
    if wanted.files:
        return _from_files(wanted)
    if store is None:
        raise StoreError("no candles were named; give files with --candles")
    return _from_store(wanted, store)


def _from_files(wanted: Wanted) -> History:
    history = read_candles(wanted.files, wanted.timeframe, fill=wanted.fill)
    lacking = [symbol for symbol in wanted.symbols if symbol not in history.frames]
    if lacking:
        raise CandleFileError(
            f"no candles of {_listed(lacking)} in the files; there are {_listed(history.frames)}"
        )
    names = sorted(set(wanted.symbols)) or list(history.frames)
    frames = {name: _span(history.frames[name], wanted) for name in names}
    empty = [name for name, frame in frames.items() if not len(frame)]
    if empty:
        raise CandleFileError(f"no candles of {_listed(empty)} in the time asked for")
    report = history.report
    gaps = tuple(gap for gap in report.gaps if gap.symbol in frames and _inside(gap, frames[gap.symbol]))
    return History(history.timeframe, frames, HistoryReport(report.notes, gaps))


def _from_store(wanted: Wanted, store: CandleStore) -> History:
    if wanted.timeframe not in TIMEFRAMES_MS:
        raise StoreError(f"timeframe {wanted.timeframe!r} unknown; allowed: {', '.join(TIMEFRAMES_MS)}")
    timeframe, names = wanted.timeframe, sorted(set(wanted.symbols))
    if not names:
        raise StoreError("no symbols and no files were named; give symbols, or files with --candles")
    frames = {name: store.load(name, timeframe, wanted.from_ms, wanted.to_ms) for name in names}
    empty = [name for name, frame in frames.items() if not len(frame)]
    if empty:
        when = "" if wanted.from_ms == 0 and wanted.to_ms == LATEST else " of that time"
        raise StoreError(
            f"no {timeframe} candles of {_listed(empty)}{when} are stored; get them with "
            f"`quarterdeck fetch {' '.join(empty[:NAMED])} --timeframe {timeframe}`, or name files with --candles"
        )
    gaps: list[Gap] = []
    for name, frame in frames.items():
        found = find_gaps(name, frame.open_at_ms, frame.timeframe_ms, wanted.fill)
        gaps += found
        if found and wanted.fill:
            frames[name] = to_frame(filled(series_of(frame), frame.timeframe_ms), frame.timeframe_ms)
    return History(timeframe, frames, HistoryReport((), tuple(gaps)))


def _span(frame: Frame, wanted: Wanted) -> Frame:
    first, last = frame.open_at_ms.searchsorted([wanted.from_ms, min(wanted.to_ms, LATEST)])
    if first == 0 and last == len(frame):
        return frame
    rows = slice(int(first), int(last))
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    return Frame(
        frame.symbol, frame.timeframe_ms, frame.open_at_ms[rows], *(column[rows] for column in columns)
    )


def _inside(gap: Gap, frame: Frame) -> bool:
    return bool(frame.open_at_ms[0] < gap.first_open_at_ms and gap.last_open_at_ms < frame.open_at_ms[-1])


def _listed(names: Sequence[str] | Mapping[str, object]) -> str:
    shown = list(names)
    return ", ".join(shown[:NAMED]) + (f" and {len(shown) - NAMED} more" if len(shown) > NAMED else "")


def load_points(
    kind: str, symbols: Sequence[str], files: Sequence[Path] = (), store: PointStore | None = None
) -> dict[str, Points]:
    """Figures of a kind by symbol, from files when there are any, else from the store; symbols without any left out.

    Raises CandleFileError or StoreError, one line, for a file that cannot be used.
    """
    if files:
        found = read_points(files, kind)
        return {symbol: found[symbol] for symbol in sorted(set(symbols)) if symbol in found}
    if store is None:
        return {}
    loaded = {symbol: store.points(kind, symbol) for symbol in sorted(set(symbols))}
    return {symbol: points for symbol, points in loaded.items() if len(points.at_ms)}
