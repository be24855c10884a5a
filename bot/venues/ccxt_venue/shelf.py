"""Candles that are at home already: an exchange is asked only for those that are missing.

The newest one known is always asked for again. When it is not what the exchange says, nothing of what is known is used:
prices of another market must never become signals.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.domain.market import timeframe_ms
from bot.strategy import Array, Frame

type Ask = Callable[[int, int], Awaitable[Frame]]
"""Bars and latest close (ms): the exchange's closed candles of one symbol, oldest first."""


class Shelf(Protocol):
    """Where candles lie. Nothing of it raises, and nothing of it holds the loop."""

    async def take(self, symbol: str, timeframe: str, from_ms: int, until_ms: int) -> Frame:
        """What is known of the bars that open in from_ms <= open < until_ms, in order; empty when nothing is."""
        ...

    def put(self, timeframe: str, frame: Frame) -> None:
        """Keep candles of the exchange, when there is time for it."""
        ...

    def differs(self, symbol: str, timeframe: str) -> None:
        """What was taken is not what the exchange says."""
        ...

    async def close(self) -> None:
        """Nothing more comes."""
        ...


async def last_candles(
    shelf: Shelf, ask: Ask, symbol: str, timeframe: str, bars: int, until_ms: int
) -> Frame:
    """The last `bars` closed candles up to then, the same as the exchange would tell. Raises what `ask` raises.

    `until_ms` is a boundary of bars.
    """
    step_ms = timeframe_ms(timeframe)
    known = _unbroken(await shelf.take(symbol, timeframe, until_ms - bars * step_ms, until_ms), step_ms)
    if not len(known):
        return await _all(shelf, ask, timeframe, bars, until_ms)
    fresh = await ask((until_ms - int(known.open_at_ms[-1])) // step_ms, until_ms)
    again = int(np.searchsorted(fresh.open_at_ms, known.open_at_ms[-1], side="right"))
    told = min(again, len(known))
    if not told or not _same(fresh.part(again - told, again), known.part(-told, None)):
        shelf.differs(symbol, timeframe)
        return await ask(bars, until_ms)
    for new in (fresh.part(0, again - told), fresh.part(again, None)):
        _keep(shelf, timeframe, new)
    found = _joined(known.part(0, len(known) - told), fresh)
    if len(found) < bars:
        older = await ask(bars - len(found), int(found.open_at_ms[0]))
        _keep(shelf, timeframe, older)
        found = _joined(older, found)
    return found.part(-bars, None)


async def _all(shelf: Shelf, ask: Ask, timeframe: str, bars: int, until_ms: int) -> Frame:
    frame = await ask(bars, until_ms)
    _keep(shelf, timeframe, frame)
    return frame


def _keep(shelf: Shelf, timeframe: str, frame: Frame) -> None:
    if len(frame):
        shelf.put(timeframe, frame)


def _unbroken(frame: Frame, step_ms: int) -> Frame:
    """The newest bars without a hole between them."""
    holes = np.flatnonzero(np.diff(frame.open_at_ms) != step_ms)
    return frame.part(int(holes[-1]) + 1, None) if len(holes) else frame


def _same(one: Frame, other: Frame) -> bool:
    """To the bit."""
    return all(
        mine.tobytes() == theirs.tobytes()
        for mine, theirs in zip(_columns(one), _columns(other), strict=True)
    )


def _joined(one: Frame, other: Frame) -> Frame:
    return Frame(
        other.symbol,
        other.timeframe_ms,
        np.concatenate((one.open_at_ms, other.open_at_ms)),
        np.concatenate((one.open, other.open)),
        np.concatenate((one.high, other.high)),
        np.concatenate((one.low, other.low)),
        np.concatenate((one.close, other.close)),
        np.concatenate((one.volume, other.volume)),
    )


def _columns(frame: Frame) -> tuple[NDArray[np.int64] | Array, ...]:
    return (frame.open_at_ms, frame.open, frame.high, frame.low, frame.close, frame.volume)
