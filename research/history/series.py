"""One symbol's candles from one or more files, brought in order: sorted, each time once, holes known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Frame
from research.history.checks import Candles
from research.history.headers import FIGURES
from research.history.report import CandleFileError, Gap, Mask, counted, moment
from research.history.values import Integers

MAX_FILLED_BARS = 1_000_000


@dataclass(frozen=True, slots=True)
class Series:
    """Candles of one symbol in the order of time, each opening time once."""

    symbol: str
    open_at_ms: Integers
    figures: NDArray[np.float64]


def is_ordered(times: Integers) -> bool:
    """True when every time is later than the one before."""
    return bool((times[1:] > times[:-1]).all())


def ordering_notes(candles: Candles) -> list[str]:
    """What is said about rows that do not stand in the order of time."""
    times = candles.open_at_ms
    if is_ordered(times):
        return []
    early = np.flatnonzero(times < np.maximum.accumulate(times))
    if not len(early):
        return []
    if len(early) == len(times) - 1 and (np.diff(times) <= 0).all():
        return [f"{candles.path}: {candles.symbol} newest first; turned round"]
    where = f"{candles.word} {candles.rows[early[0]]}"
    return [
        f"{candles.path}: {counted(len(early), candles.word)} out of order, the first is {where}; sorted by time"
    ]


def joined(pieces: Sequence[Candles]) -> tuple[Series, list[str]]:
    """One symbol's candles of all files in the order of time; CandleFileError where two candles of a time differ."""
    if len(pieces) == 1 and is_ordered(pieces[0].open_at_ms):
        return Series(pieces[0].symbol, pieces[0].open_at_ms, pieces[0].figures), []
    times = np.concatenate([piece.open_at_ms for piece in pieces])
    order = np.argsort(times, kind="stable")
    times, figures = times[order], np.concatenate([piece.figures for piece in pieces])[order]
    again = np.concatenate(([False], times[1:] == times[:-1]))
    differs = again & np.concatenate(([False], (figures[1:] != figures[:-1]).any(axis=1)))
    if differs.any():
        raise CandleFileError(_disagreement(pieces, order, times, figures, differs))
    notes = [_dropped(pieces, order, again)] if again.any() else []
    return Series(pieces[0].symbol, times[~again], figures[~again]), notes


def _place(pieces: Sequence[Candles], index: int) -> str:
    """Where record `index` of all pieces one after another stands."""
    for piece in pieces:
        if index < len(piece.rows):
            return f"{piece.path}: {piece.word} {piece.rows[index]}"
        index -= len(piece.rows)
    raise IndexError(index)


def _dropped(pieces: Sequence[Candles], order: Integers, again: Mask) -> str:
    first = _place(pieces, int(order[np.argmax(again)]))
    return f"{first}: {pieces[0].symbol} candle repeated; {counted(int(again.sum()), 'repetition')} dropped"


def _disagreement(
    pieces: Sequence[Candles],
    order: Integers,
    times: Integers,
    figures: NDArray[np.float64],
    differs: Mask,
) -> str:
    at = int(np.argmax(differs))
    column = int(np.argmax(figures[at] != figures[at - 1]))
    more = int(differs.sum()) - 1
    return (
        f"{_place(pieces, int(order[at]))}: another candle of {pieces[0].symbol} {moment(int(times[at]))} than "
        f"{_place(pieces, int(order[at - 1]))}: {FIGURES[column]} {figures[at, column]:.10g} and "
        f"{figures[at - 1, column]:.10g}; allowed: one candle for each time"
        + (f" (and {counted(more, 'more candle')})" if more else "")
    )


def find_gaps(symbol: str, times: Integers, timeframe_ms: int, fill: bool) -> list[Gap]:
    """The holes between opening times; `fill` says that they are being filled."""
    before = np.flatnonzero(np.diff(times) > timeframe_ms)
    return [
        Gap(
            symbol=symbol,
            first_open_at_ms=int(times[i]) + timeframe_ms,
            last_open_at_ms=int(times[i + 1]) - timeframe_ms,
            bars=int(times[i + 1] - times[i]) // timeframe_ms - 1,
            filled=fill,
        )
        for i in before
    ]


def filled(series: Series, timeframe_ms: int) -> Series:
    """Holes closed with flat candles of zero volume at the last close."""
    steps = (series.open_at_ms - series.open_at_ms[0]) // timeframe_ms
    bars = int(steps[-1]) + 1
    if bars - len(steps) > MAX_FILLED_BARS:
        raise CandleFileError(
            f"{series.symbol}: {bars - len(steps)} bars are missing; allowed to fill: {MAX_FILLED_BARS}"
        )
    source = np.searchsorted(steps, np.arange(bars), side="right") - 1
    figures = series.figures[source]
    flat = np.ones(bars, dtype=np.bool_)
    flat[steps] = False
    figures[flat, :4] = figures[flat, 3:4]
    figures[flat, 4] = 0.0
    return Series(series.symbol, series.open_at_ms[0] + np.arange(bars) * timeframe_ms, figures)


def to_frame(series: Series, timeframe_ms: int) -> Frame:
    """The series as the columns that strategies read."""
    columns = [np.ascontiguousarray(series.figures[:, i]) for i in range(len(FIGURES))]
    return Frame(series.symbol, timeframe_ms, series.open_at_ms, *columns)


def series_of(frame: Frame) -> Series:
    """A frame's candles as a series."""
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    return Series(frame.symbol, frame.open_at_ms, np.stack(columns).T)
