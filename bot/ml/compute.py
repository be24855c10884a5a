"""Rows of features, for training from a whole history and for trading from a live window: the same to the last bit.

Both go through `matrix` over the bars from one anchor on (see bot.ml.feature); history does it chunk by chunk.
"""

from collections.abc import Sequence

import numpy as np

from bot.ml.align import Sources, inputs_of, needs_of, part_of
from bot.ml.feature import CHUNK, Beside, FeatureSet, Inputs, Matrix, anchor_ms
from bot.ml.normal import normalise, normalised


def matrix(features: FeatureSet, inputs: Inputs) -> Matrix:
    """One row per bar of a chunk (rows of `inputs` from `first` on), one column per feature.

    `inputs` begin at the chunk's anchor and may end anywhere in the chunk.
    """
    rows = slice(inputs.first, None)
    out = np.empty((len(inputs.frame) - inputs.first, len(features)))
    normalise(features.features, inputs)
    for place, feature in enumerate(features.features):
        out[:, place] = normalised(feature, inputs)[rows]
    return out


def history_matrix(features: FeatureSet, sources: Sources) -> Matrix:
    """One row per bar of the whole history: what training takes. Early bars have the NaN of a short memory."""
    frame, length = sources.frame, len(sources.frame)
    out = np.empty((length, len(features)))
    whole = inputs_of(sources, needs_of(features.features), slice(0, length))
    chunk = frame.open_at_ms // frame.timeframe_ms // CHUNK
    begins = np.flatnonzero(np.diff(chunk, prepend=-1)).tolist()
    for begin, end in zip(begins, [*begins[1:], length], strict=True):
        anchor = anchor_ms(int(frame.open_at_ms[begin]), frame.timeframe_ms)
        oldest = int(np.searchsorted(frame.open_at_ms, anchor))
        out[begin:end] = matrix(features, _part(whole, slice(oldest, end), begin - oldest))
    return out


def live_row(features: FeatureSet, sources: Sources) -> Matrix:
    """The row of the last bar of a live window, shape (1, features). Raises ValueError for an empty window."""
    return live_rows(features, (sources,))


def live_rows(features: FeatureSet, batch: Sequence[Sources]) -> Matrix:
    """The row of the last bar of each symbol's window; what is made of BTC and ETH alone is made once for all."""
    needs = needs_of(features.features)
    out = np.empty((len(batch), len(features)))
    for place, sources in enumerate(batch):
        out[place] = matrix(features, _live_inputs(sources, needs))[-1]
    return out


def _live_inputs(sources: Sources, needs: frozenset[str]) -> Inputs:
    """The bars that the last bar's features remember."""
    frame = sources.frame
    if not len(frame):
        raise ValueError(f"no bars of {frame.symbol}")
    last_ms, bar_ms = int(frame.open_at_ms[-1]), frame.timeframe_ms
    chunk_ms = last_ms - last_ms // bar_ms % CHUNK * bar_ms
    oldest, first = np.searchsorted(frame.open_at_ms, (anchor_ms(last_ms, bar_ms), chunk_ms)).tolist()
    return inputs_of(sources, needs, slice(oldest, len(frame)), first - oldest)


def _part(whole: Inputs, rows: slice, first: int) -> Inputs:
    return Inputs(
        part_of(whole.frame, rows),
        _beside(whole.btc, rows),
        _beside(whole.eth, rows),
        {name: column[rows] for name, column in whole.points.items()},
        whole.strength[rows],
        whole.side[rows],
        {name: column[rows] for name, column in whole.outside.items()},
        first,
    )


def _beside(whole: Beside, rows: slice) -> Beside:
    return Beside(whole.close[rows], whole.ratio_top[rows], whole.ratio_global[rows])
