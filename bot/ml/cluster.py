"""The cluster features: the symbol among its like, and what higher timeframes say. Clusters come from outside."""

from functools import partial

import numpy as np

from bot.ml.columns import indicator, read, told
from bot.ml.feature import (
    BTC_CORRELATION,
    CLUSTER,
    CLUSTER_VOLATILITY,
    CLUSTER_VOLUME,
    Feature,
    Inputs,
    Windows,
)
from bot.ml.structure import FAR, atr, higher, share_of

COUNT = 5
"""Clusters with a column of their own; of others all are 0."""


def outside(name: str, inputs: Inputs) -> Windows:
    """A column from elsewhere, NaN where nobody brought it."""
    known = inputs.outside.get(name)
    return np.full(inputs.close.shape, np.nan) if known is None else known


def member(number: int, inputs: Inputs) -> Windows:
    """1 in this cluster, 0 in another, NaN where the cluster is not known."""
    known = outside(CLUSTER, inputs)
    return np.where(np.isnan(known), np.nan, np.where(known == number, 1.0, 0.0))


def against(name: str, of: str, inputs: Inputs) -> Windows:
    """An indicator over the mean of the cluster's members."""
    return share_of(read(inputs, indicator(name, inputs)), read(inputs, outside(of, inputs)), np.nan)


def proximity(inputs: Inputs) -> Windows:
    """Distance to the nearest 4-hour level on either side in ATR, FAR where none is nearer."""
    nearest = np.minimum(read(inputs, higher("above", inputs)), read(inputs, higher("below", inputs)))
    return np.minimum(nearest / atr(inputs), FAR)


def alignment(inputs: Inputs) -> Windows:
    """Mean of three trends' signs: of 20 bars, of 80 bars, of 20 bars of 4 hours."""
    from bot.ml import structure_arrays as arrays

    total = np.sign(read(inputs, higher("trend", inputs)))
    for short, long in ((5, 20), (20, 80)):
        out = np.empty(inputs.close.shape)
        arrays.trends(inputs.close, inputs.read, short, long, out)
        total = total + np.sign(read(inputs, out))
    return total / 3.0


def _member(number: int) -> Feature:
    meaning = f"1 in cluster {number}, else 0"
    return Feature(f"cluster_{number}", "cluster", meaning, partial(member, number), needs=(CLUSTER,))


FEATURES = (
    *(_member(number) for number in range(COUNT)),
    Feature(
        "volatility_in_cluster",
        "cluster",
        "ATR 14 as a share of the price / its mean in the cluster",
        partial(told, partial(against, "atr_pct", CLUSTER_VOLATILITY)),
        needs=(CLUSTER_VOLATILITY,),
    ),
    Feature(
        "volume_in_cluster",
        "cluster",
        "volume / its mean of 20 bars / the same in the cluster",
        partial(told, partial(against, "vol_ratio", CLUSTER_VOLUME)),
        needs=(CLUSTER_VOLUME,),
    ),
    Feature(
        "btc_correlation",
        "cluster",
        "correlation with BTC over 30 days",
        partial(outside, BTC_CORRELATION),
        needs=(BTC_CORRELATION,),
    ),
    Feature(
        "trend_4h",
        "cluster",
        "mean of 5 closes of 4 hours less that of 20 / close",
        partial(told, lambda inputs: read(inputs, higher("trend", inputs))),
    ),
    Feature(
        "level_proximity_4h",
        "cluster",
        "nearest 4-hour level, in ATR; 10: none nearer",
        partial(told, proximity),
    ),
    Feature(
        "trend_alignment",
        "cluster",
        "trends of 20 bars, 80 bars, 4 hours: +1 all rise",
        partial(told, alignment),
    ),
    Feature(
        "range_place_4h",
        "cluster",
        "place in the range of the last 6 bars of 4 hours: 0 low, 1 high",
        partial(told, lambda inputs: read(inputs, higher("place", inputs))),
    ),
)
