"""Candles of a longer timeframe out of shorter ones, with the shared indicators, for pictures only."""

from dataclasses import replace

import numpy as np

from bot.market.indicators import core_columns
from bot.runtime.desk import Picture
from bot.strategy import Frame


def widened(picture: Picture, timeframe_ms: int, bars: int) -> Picture:
    """The picture in a longer timeframe, its last `bars`; the last candle holds what there is of it so far."""
    frame = wider_frame(picture.frame, timeframe_ms)
    first = max(0, len(frame) - bars)
    columns = {name: column[first:] for name, column in core_columns(frame).items()}
    return replace(picture, frame=frame.part(first), columns=columns)


def wider_frame(frame: Frame, timeframe_ms: int) -> Frame:
    """Candles joined by the longer timeframe's opening times; a first one without its beginning is left out."""
    opens = frame.open_at_ms // timeframe_ms * timeframe_ms
    starts = np.flatnonzero(np.diff(opens, prepend=-1))
    if len(starts) and frame.open_at_ms[0] != opens[0]:
        starts = starts[1:]
    if not len(starts):
        return frame.part(len(frame))
    ends = np.append(starts[1:], len(frame)) - 1
    return Frame(
        symbol=frame.symbol,
        timeframe_ms=timeframe_ms,
        open_at_ms=opens[starts],
        open=frame.open[starts],
        high=np.maximum.reduceat(frame.high, starts),
        low=np.minimum.reduceat(frame.low, starts),
        close=frame.close[ends],
        volume=np.add.reduceat(frame.volume, starts),
    )
