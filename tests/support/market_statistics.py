"""Statistics of candles that tell a market from a toy: tails, memory of volatility, volume, ranges."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Frame

REAL_DATA = Path(
    os.environ.get("QUARTERDECK_REAL_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data"
)
REAL_15M = REAL_DATA / "candles" / "15m"

type Array = NDArray[np.float64]


def autocorrelation(values: Array, lag: int) -> float:
    """Autocorrelation of a series at one lag."""
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).mean() / (centred * centred).mean())


def standardised_moment(values: Array, power: int) -> float:
    """Third or fourth moment of a series in its own deviations."""
    return float((((values - values.mean()) / values.std()) ** power).mean())


def surges(volume: Array) -> float:
    """Share of bars with at least 2.5 times the mean volume of 20 (their own included), as the composite asks."""
    mean = np.convolve(volume, np.ones(20) / 20, "valid")
    return float(np.mean(volume[19:] >= 2.5 * mean))


def returns_of(frame: Frame) -> Array:
    """Log returns from close to close."""
    return np.diff(np.log(frame.close))


def day_variance_ratio(frame: Frame) -> float:
    """Deviation of returns over 96 bars beside that of 96 independent bars."""
    return float(np.diff(np.log(frame.close[::96])).std() / (returns_of(frame).std() * 96**0.5))


def statistics(frame: Frame) -> dict[str, float]:
    """The figures of one symbol that the bands speak about."""
    returns, volume = returns_of(frame), frame.volume[1:]
    size, log_volume = np.abs(returns), np.log(np.maximum(volume, 1e-9))
    ranges = np.log(frame.high / frame.low)
    return {
        "deviation": float(returns.std()),
        "excess kurtosis": standardised_moment(returns, 4) - 3,
        "skewness": standardised_moment(returns, 3),
        "beyond five deviations": float(np.mean(size > 5 * returns.std())),
        "memory of r, lag 1": autocorrelation(returns, 1),
        "memory of r, lag 5": autocorrelation(returns, 5),
        **{f"memory of |r|, lag {lag}": autocorrelation(size, lag) for lag in (1, 5, 20, 96)},
        "least memory of |r|, lags 1 to 20": min(autocorrelation(size, lag) for lag in range(1, 21)),
        "day variance ratio": day_variance_ratio(frame),
        "volume with |r|": float(np.corrcoef(size, volume)[0, 1]),
        "log volume with log |r|": float(np.corrcoef(np.log(size + 1e-5), log_volume)[0, 1]),
        "deviation of log volume": float(log_volume.std()),
        "skewness of log volume": standardised_moment(log_volume, 3),
        "memory of log volume, lag 1": autocorrelation(log_volume, 1),
        "memory of log volume, lag 20": autocorrelation(log_volume, 20),
        "volume surges": surges(frame.volume),
        "range to |r|": float(ranges.mean() / size.mean()),
        "unchanged closes": float(np.mean(returns == 0)),
    }


def correlations(frames: list[Frame]) -> Array:
    """Correlation of returns of every pair."""
    matrix = np.corrcoef([returns_of(frame) for frame in frames])
    return np.asarray(matrix[np.triu_indices(len(frames), 1)], dtype=np.float64)
