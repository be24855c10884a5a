"""The generated market beside the real one: bands measured on two years of 15m candles of eight symbols (2023, 2024).

Each band holds what was measured on the real symbols (in brackets, lowest to highest) with room for the luck of 50,000
bars. The generated market must lie in every band; so must the real one, where the data are there, which keeps the
bands honest.
"""

from functools import cache

import numpy as np
import pytest
from market_statistics import REAL_15M, correlations, statistics

from bot.strategy import Frame
from research.history import read_candles
from sandbox.market import GeneratedMarket, listings

BARS = 50_000
SEEDS = (7, 8, 9)
BANDS = {
    "deviation": (0.0020, 0.0065),  # [0.0026 .. 0.0052]
    "excess kurtosis": (10.0, 400.0),  # [36 .. 287], a single crash decides it, so the band is wide above
    "skewness": (-5.0, 4.0),  # [-2.4 .. 1.5], as above
    "beyond five deviations": (0.0025, 0.0055),  # [0.0031 .. 0.0045]
    "memory of r, lag 1": (-0.09, 0.05),  # [-0.039 .. 0.033], near nothing: there is no easy money
    "memory of r, lag 5": (-0.03, 0.03),  # [-0.007 .. 0.002]
    "memory of |r|, lag 1": (0.22, 0.50),  # [0.29 .. 0.45]
    "memory of |r|, lag 5": (0.15, 0.36),  # [0.19 .. 0.30]
    "memory of |r|, lag 20": (0.09, 0.30),  # [0.13 .. 0.25]
    "memory of |r|, lag 96": (
        0.06,
        0.24,
    ),  # [0.12 .. 0.18], a day later: long memory and the hours of the day
    "least memory of |r|, lags 1 to 20": (0.07, 0.28),  # [0.12 .. 0.24], positive throughout
    "day variance ratio": (
        0.80,
        1.40,
    ),  # [0.85 .. 1.34], trends pay over a day, but not much more than chance
    "volume with |r|": (0.45, 0.75),  # [0.61 .. 0.68]
    "log volume with log |r|": (0.33, 0.60),  # [0.42 .. 0.52]
    "deviation of log volume": (
        0.75,
        1.20,
    ),  # [0.83 .. 0.95], lognormal-like: most bars within a factor of 2.5
    "skewness of log volume": (0.0, 1.0),  # [0.38 .. 0.66], surges rather than droughts
    "memory of log volume, lag 1": (0.58, 0.88),  # [0.74 .. 0.82], ours is a little rougher from bar to bar
    "memory of log volume, lag 20": (0.28, 0.64),  # [0.32 .. 0.51]
    "volume surges": (0.038, 0.068),  # [0.043 .. 0.063], the composite's volume gate opens as often
    "range to |r|": (1.90, 2.20),  # [1.99 .. 2.10], what goes to and fro inside a bar
    "unchanged closes": (0.0, 0.07),  # [0.001 .. 0.041], coarse ticks
}
# How far the median of eight generated symbols may lie from the median of the real ones, as a factor.
CLOSE = {
    "deviation": 1.25,
    "excess kurtosis": 3.0,
    "beyond five deviations": 1.25,
    "memory of |r|, lag 1": 1.25,
    "memory of |r|, lag 5": 1.25,
    "memory of |r|, lag 20": 1.35,
    "memory of |r|, lag 96": 1.5,
    "volume with |r|": 1.25,
    "log volume with log |r|": 1.2,
    "deviation of log volume": 1.2,
    "memory of log volume, lag 1": 1.25,
    "volume surges": 1.25,
    "range to |r|": 1.06,
}

real_data = pytest.mark.skipif(
    not REAL_15M.is_dir(), reason="no real 15m candles in the folder QUARTERDECK_REAL_DATA names"
)


@cache
def generated(seed: int) -> tuple[Frame, ...]:
    market = GeneratedMarket(seed)
    return tuple(market.frame(symbol, 0, BARS) for symbol in market.symbols)


@cache
def real() -> tuple[Frame, ...]:
    return tuple(read_candles([REAL_15M]).frames.values())


def outside(frames: tuple[Frame, ...]) -> list[str]:
    """Every figure that lies outside its band, in words."""
    found = []
    for frame in frames:
        for name, value in statistics(frame).items():
            low, high = BANDS[name]
            if not low <= value <= high:
                found.append(f"{frame.symbol}: {name} {value:.4f}, band {low} to {high}")
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_candles_lie_in_the_bands(seed: int) -> None:
    assert outside(generated(seed)) == []


@real_data
def test_real_candles_lie_in_the_bands() -> None:
    assert outside(real()) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_each_symbol_has_the_deviation_it_is_listed_with(seed: int) -> None:
    for frame, row in zip(generated(seed), listings(8), strict=True):
        assert 0.75 < np.diff(np.log(frame.close)).std() / row.sigma < 1.35, frame.symbol


@pytest.mark.parametrize("seed", SEEDS)
def test_symbols_move_together_as_real_ones_do(seed: int) -> None:
    """Real pairs correlate by 0.41 (BNB with TRX) to 0.83 (BTC with ETH), 0.62 at the median."""
    pairs = correlations(list(generated(seed)))
    assert pairs.min() > 0.35
    assert 0.5 < np.median(pairs) < 0.8
    assert pairs.max() < 0.92


@real_data
def test_real_pairs_lie_in_the_same_band() -> None:
    pairs = correlations(list(real()))
    assert pairs.min() > 0.35
    assert 0.5 < np.median(pairs) < 0.8
    assert pairs.max() < 0.92


@real_data
@pytest.mark.parametrize("name", CLOSE)
def test_medians_are_close_to_the_real_ones(name: str) -> None:
    ours = np.median([statistics(frame)[name] for seed in SEEDS for frame in generated(seed)])
    theirs = np.median([statistics(frame)[name] for frame in real()])
    assert 1 / CLOSE[name] < ours / theirs < CLOSE[name], f"generated {ours:.4f}, real {theirs:.4f}"


def conditional_skewness(frame: Frame, bars: int = 8) -> float:
    """Skewness of returns, in recent deviations and in the direction of the swing of the last bars."""
    log_close = np.log(frame.close)
    returns = np.diff(log_close)
    usual = np.convolve(np.abs(returns), np.ones(20) / 20)[: len(returns)]
    swing = np.concatenate((np.zeros(bars), log_close[bars:-1] - log_close[: -bars - 1]))
    strength = swing[1:] / (usual[:-1] * bars**0.5 + 1e-12)
    along = np.sign(swing[1:]) * returns[1:] / (usual[:-1] + 1e-12)
    chosen = along[(np.abs(strength) > 1) & (np.abs(along) < 8)]
    return float((chosen**3).mean() / (chosen**2).mean() ** 1.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_moves_along_a_swing_are_larger_than_those_against_it(seed: int) -> None:
    """What makes breakouts loud: real symbols have 0.41 at the median (0.27 to 0.53)."""
    assert 0.25 < np.median([conditional_skewness(frame) for frame in generated(seed)]) < 0.65


@real_data
def test_real_moves_along_a_swing_are_larger_too() -> None:
    assert 0.25 < np.median([conditional_skewness(frame) for frame in real()]) < 0.65
