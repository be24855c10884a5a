"""Where in the time of the candles funding rates are missing: nothing is paid there, and that is said."""

from collections.abc import Iterator

import numpy as np

from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from bot.strategy import Frame
from research.backtest.ground import Ground
from research.history.report import moment
from research.store.port import Points

NO_FUNDING = "Without funding: no rates were given."
LONGEST_MS = 8 * HOUR_MS + MINUTE_MS
"""No perpetual settles less often than every eight hours; some settle milliseconds late."""

SHOWN = 5


def funding_notes(ground: Ground) -> Iterator[str]:
    """That there is no funding, or where in the time of the candles rates are missing."""
    if not ground.funding:
        yield NO_FUNDING
        return
    for symbol, frame in sorted(ground.frames.items()):
        yield from hole_notes(symbol, ground.funding.get(symbol), *_time_of(frame))


def _time_of(frame: Frame) -> tuple[int, int]:
    return frame.open_at_ms.item(0), frame.open_at_ms.item(-1) + frame.timeframe_ms


def hole_notes(symbol: str, points: Points | None, begin_ms: int, end_ms: int) -> Iterator[str]:
    """One line about where a symbol's rates are missing between two times; none where nothing is."""
    holes = _holes(points, begin_ms, end_ms)
    shown = [f"{moment(begin)} to {moment(end)}" for begin, end in holes[:SHOWN]]
    more = [f"{len(holes) - SHOWN} more"] if len(holes) > SHOWN else []
    if holes:
        days = sum(end - begin for begin, end in holes) / DAY_MS
        where = ", ".join([*shown, *more])
        yield f"{symbol}: no funding rates {where}; nothing is paid in these {days:,.1f} days."


def funding_holes(points: Points | None, frame: Frame) -> list[tuple[int, int]]:
    """Stretches of the frame's time without settlements: longer than eight hours, or than those around them.

    The interval of a symbol may change for good; one that is longer than both its neighbours is a hole.
    """
    return _holes(points, *_time_of(frame))


def _holes(points: Points | None, begin: int, end: int) -> list[tuple[int, int]]:
    known = np.empty(0, dtype=np.int64) if points is None else points.at_ms
    inside = known[(known > begin) & (known <= end)]
    if not len(inside):
        return [(begin, end)]
    times = np.concatenate(([begin], inside, [end]))
    steps = np.diff(times)
    hole = steps > LONGEST_MS
    if len(steps) > 4:  # the first and the last are cut off by the candles and tell no interval
        hole[2:-2] |= 2 * steps[2:-2] > 3 * np.maximum(steps[1:-3], steps[3:-1])
    return [(times.item(at), times.item(at + 1)) for at in np.flatnonzero(hole)]
