"""Rows of features, for training from a whole history and for trading from live windows: the same to the last bit.

Both go through `columns` over windows of bars that begin at an anchor (see bot.ml.feature): one window per chunk of a
history, one per symbol in trading. Windows of equal length are computed together.
"""

from collections.abc import Iterator, Sequence
from itertools import batched, pairwise

import numpy as np

from bot.ml.align import Sources, Span, inputs_of, needs_of
from bot.ml.feature import CHUNK, MEMORY, FeatureSet, Inputs, Matrix, Windows, anchor_ms
from bot.ml.normal import normalised
from bot.strategy import Frame

TOGETHER = 40
"""Windows computed at one go: their columns stay in the processor's cache, the next ones use the memory again."""


def columns(features: FeatureSet, inputs: Inputs) -> list[Windows]:
    """One column per feature, as a model takes it, sound from bar `inputs.read` on.

    Of the windows' shape, or (1, bars) where it is the same for all windows.
    """
    return [normalised(feature, inputs) for feature in features.features]


def matrix(features: FeatureSet, inputs: Inputs) -> Matrix:
    """One row per bar from `inputs.read` on, window by window, one column per feature."""
    windows, bars = inputs.close.shape
    out = np.empty((windows, bars - inputs.read, len(features)))
    for place, column in enumerate(columns(features, inputs)):
        out[:, :, place] = column[:, inputs.read :]
    return out.reshape(-1, len(features))


def history_matrix(features: FeatureSet, sources: Sources) -> Matrix:
    """One row per bar of the whole history: what training takes. Early bars have the NaN of a short memory."""
    out = np.empty((len(sources.frame), len(features)))
    needs = needs_of(features.features)
    for first, spans in _together(_chunks(sources)):
        inputs = inputs_of(list(spans.values()), needs, first, first)
        rows = np.concatenate([np.arange(span.begin + first, span.end) for span in spans.values()])
        out[rows] = matrix(features, inputs)
    return out


def whole_from(frame: Frame) -> int:
    """The first bar whose memory the history holds wholly: of bars before it, a desk may have remembered more.

    Models are trained on rows from here on. The length of the history when it is too short for one.
    """
    if not len(frame):
        return 0
    bar_ms, begin_ms = frame.timeframe_ms, frame.open_at_ms.item(0)
    bar = -(-begin_ms // bar_ms) + MEMORY
    return _row_of(frame, -(-bar // CHUNK) * CHUNK * bar_ms)


def live_row(features: FeatureSet, sources: Sources) -> Matrix:
    """The row of the last bar of a live window, shape (1, features). Raises ValueError for an empty window."""
    return live_rows(features, (sources,))


def live_rows(features: FeatureSet, batch: Sequence[Sources]) -> Matrix:
    """The row of the last bar of each symbol's window; what is made of BTC and ETH alone is made once for all."""
    out = np.empty((len(batch), len(features)))
    needs = needs_of(features.features)
    for first, spans in _together([_live(sources) for sources in batch]):
        windows = list(spans.values())
        last = windows[0].end - windows[0].begin - 1
        out[list(spans)] = matrix(features, inputs_of(windows, needs, first, last))
    return out


def _together(windows: Sequence[tuple[int, Span]]) -> Iterator[tuple[int, dict[int, Span]]]:
    """Windows of the same shape by their places, so many at once, and the bars of each that are only remembered."""
    found: dict[tuple[int, int], dict[int, Span]] = {}
    for place, (first, span) in enumerate(windows):
        found.setdefault((first, span.end - span.begin), {})[place] = span
    for (first, _), spans in found.items():
        for some in batched(spans.items(), TOGETHER):
            yield first, dict(some)


def _chunks(sources: Sources) -> list[tuple[int, Span]]:
    """One window per chunk that has bars: bars only remembered, and the rows of the history."""
    frame = sources.frame
    chunk = frame.open_at_ms // frame.timeframe_ms // CHUNK
    borders = [*np.flatnonzero(np.diff(chunk, prepend=-1)).tolist(), len(frame)]
    found = []
    for begin, end in pairwise(borders):
        oldest = _row_of(frame, anchor_ms(frame.open_at_ms.item(begin), frame.timeframe_ms))
        found.append((begin - oldest, Span(sources, oldest, end)))
    return found


def _live(sources: Sources) -> tuple[int, Span]:
    """The window that the last bar's features remember."""
    frame, length = sources.frame, len(sources.frame)
    if not length:
        raise ValueError(f"no bars of {frame.symbol}")
    last_ms, bar_ms = frame.open_at_ms.item(-1), frame.timeframe_ms
    oldest = _row_of(frame, anchor_ms(last_ms, bar_ms))
    first = _row_of(frame, last_ms - last_ms // bar_ms % CHUNK * bar_ms)
    return first - oldest, Span(sources, oldest, length)


def _row_of(frame: Frame, at_ms: int) -> int:
    """The first bar that opens at this time or later; a gapless window says it without a search."""
    open_at_ms, length = frame.open_at_ms, len(frame)
    begin_ms = open_at_ms.item(0)
    if open_at_ms.item(-1) - begin_ms == (length - 1) * frame.timeframe_ms:
        return min(max(0, -((begin_ms - at_ms) // frame.timeframe_ms)), length)
    return int(np.searchsorted(open_at_ms, at_ms))
