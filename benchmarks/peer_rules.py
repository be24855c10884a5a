"""What every peer is given: candles, the composite strategy's signals by TA-Lib and NumPy, the rules, a stop-watch.

Runs in a peer's own environment, so it imports nothing of Quarterdeck: NumPy and TA-Lib only. Signals are computed for
the whole history at one go, the fastest way a peer could be given them; the peer then does what it is for: fill orders.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import talib
from numpy.typing import NDArray

type Array = NDArray[np.float64]
type Sides = NDArray[np.int8]

WARMUP_BARS = 500
SLIPPAGE = 0.0001
FEE = 0.0004
NOTIONAL = 1000.0
ONE_SET = (1.5, 4.0, 3, 25.0, 2.5)
"""Stop, target, threshold, ADX, volume: composite's parameters for XRPUSDT."""

GRID = tuple(product((1.0, 1.5, 2.0), (2.0, 3.0, 4.0), (3, 4, 5), (0.0, 20.0, 25.0, 30.0), (1.5, 2.0, 2.5)))
"""The sweep's 324 sets, in the same order of figures."""

FOLDS = 9

ENOUGH_MS, MOST_RUNS = 300.0, 50
"""Short runs are repeated until they add up to so much."""

SPREAD = 131
"""A step through the grid that meets every set once before it comes back."""

type Set = tuple[float, float, int, float, float]


@dataclass(frozen=True, slots=True)
class Market:
    """Candles of one symbol as columns, oldest first; times are UTC milliseconds of the bar's open."""

    symbol: str
    bar_ms: int
    at_ms: NDArray[np.int64]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    @property
    def following(self) -> Array:
        """The price at which each bar's signal is carried out: the next open, the last bar's own close."""
        return np.append(self.open[1:], self.close[-1])


@dataclass(frozen=True, slots=True)
class Votes:
    """What the rules say on every bar, before any threshold: side, score, and the columns that gates read."""

    side: Sides
    score: NDArray[np.int8]
    adx: Array
    atr: Array
    volume_mean: Array


@dataclass(frozen=True, slots=True)
class Found:
    """What one run came to: trades and the sum of their net returns of every set, in the order of the sets."""

    trades: Sequence[int]
    net: Sequence[float]


def read_market(path: Path) -> Market:
    """The candles that the comparison wrote."""
    with np.load(path, allow_pickle=False) as file:
        columns = (file[name] for name in ("at_ms", "open", "high", "low", "close", "volume"))
        return Market(str(file["symbol"]), int(file["bar_ms"]), *columns)


def votes(market: Market) -> Votes:
    """Indicators over the whole history, and the five rules' points."""
    close, rounding = market.close, 1e-12 * market.close
    rsi = talib.RSI(close, 14)
    histogram = talib.MACD(close, 12, 26, 9)[2]
    upper, _, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    fast, middle, slow = (talib.EMA(close, length) for length in (9, 21, 50))
    k, d = stochastic(rsi)
    before = np.append(np.nan, histogram[:-1])
    ups = (
        rsi < 35.0,
        (before <= rounding) & (histogram > rounding),
        close < lower - rounding,
        (fast > middle + rounding) & (middle > slow + rounding),
        (k < 20.0) & (k > d + 1e-6),
    )
    downs = (
        rsi > 65.0,
        (before >= -rounding) & (histogram < -rounding),
        close > upper + rounding,
        (fast < middle - rounding) & (middle < slow - rounding),
        (k > 80.0) & (k < d - 1e-6),
    )
    long, short = points(ups), points(downs)
    return Votes(
        side=np.sign(long - short).astype(np.int8),
        score=np.maximum(long, short),
        adx=talib.ADX(market.high, market.low, close, 14),
        atr=talib.ATR(market.high, market.low, close, 14),
        volume_mean=talib.SMA(market.volume, 20),
    )


def points(rules: tuple[NDArray[np.bool_], ...]) -> NDArray[np.int8]:
    """One point a rule, two for the second (MACD)."""
    first, second, *others = (rule.astype(np.int8) for rule in rules)
    return np.asarray(first + 2 * second + sum(others), dtype=np.int8)


def stochastic(rsi: Array) -> tuple[Array, Array]:
    """Stochastic RSI, lines K and D."""
    lowest, highest = talib.MINMAX(rsi, 14)
    span = highest - lowest
    k = talib.SMA(100.0 * (rsi - lowest) / np.where(span < 1e-9, np.inf, span), 3)
    return k, talib.SMA(k, 3)


def sides(market: Market, said: Votes, one: Set) -> Sides:
    """+1, -1 or 0 a bar: the side that passes the set's gates; none on the last bar, which no open follows."""
    _, _, threshold, adx, volume = one
    surge = market.volume >= volume * np.maximum(said.volume_mean, 1e-6)
    passed = (said.score > threshold) | ((said.score == threshold) & surge)
    if adx:
        passed &= said.adx >= adx
    passed[: WARMUP_BARS - 1] = False
    passed[-1] = False
    return np.where(passed, said.side, np.int8(0))


def spans(bars: int) -> list[tuple[int, int]]:
    """Nine folds of a year: three twelfths to train and the next to test, as rows from and to (exclusive)."""
    month = bars // 12
    trains = [(fold * month, (fold + 3) * month) for fold in range(FOLDS)]
    return [span for first, to in trains for span in ((first, to), (to, to + month))]


def cut(market: Market, said: Votes, span: tuple[int, int]) -> tuple[Market, Votes, slice]:
    """A span's bars and votes, with the bar before it, whose signal it may enter on."""
    rows = slice(max(1, span[0]) - 1, span[1])
    figures = (getattr(market, name)[rows] for name in ("at_ms", "open", "high", "low", "close", "volume"))
    columns = (getattr(said, name)[rows] for name in ("side", "score", "adx", "atr", "volume_mean"))
    return Market(market.symbol, market.bar_ms, *figures), Votes(*columns), rows


def returns(side: Array, entry: Array, exit_: Array) -> Array:
    """Net returns by the rules from prices before slippage: both fills slipped against us, two fees."""
    paid, got = entry * (1.0 + side * SLIPPAGE), exit_ * (1.0 - side * SLIPPAGE)
    return side * (got - paid) / paid - FEE * (1.0 + got / paid)


def places(count: int) -> list[int]:
    """So many places of the grid, spread over all its figures; 0: all."""
    return sorted(number * SPREAD % len(GRID) for number in range(min(count or len(GRID), len(GRID))))


def some_sets(count: int) -> list[Set]:
    """The sets in those places."""
    return [GRID[place] for place in places(count)]


def together(found: Sequence[Found]) -> Found:
    """The findings of sets that were run one after the other."""
    return Found([n for one in found for n in one.trades], [net for one in found for net in one.net])


def measure(
    packages: Sequence[str], tasks: Mapping[str, Callable[[Market, int], Callable[[], Found]]]
) -> None:
    """Run the task that the command line names and print what was measured as one line of JSON.

    The command line: task, file of candles, warm runs, sets of a sweep (0: all), the monotonic clock's milliseconds
    when the process was started.
    """
    task, path, runs, count, began = sys.argv[1:6]
    if hasattr(os, "sched_setaffinity"):  # everybody has one core
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    run = tasks[task](read_market(Path(path)), int(count))
    found, first_ms = timed(run)
    started_ms = time.monotonic() * 1000 - float(began)
    warm: list[float] = []
    while len(warm) < int(runs) or (sum(warm) < ENOUGH_MS and len(warm) < MOST_RUNS):
        warm.append(timed(run)[1])
    figures = {
        "task": task,
        "packages": {name: version(name) for name in packages},
        "first_ms": first_ms,
        "started_ms": started_ms,
        "warm_ms": warm,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "trades": [int(one) for one in found.trades],
        "net": [float(one) for one in found.net],
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def timed(run: Callable[[], Found]) -> tuple[Found, float]:
    """What a run found, and its milliseconds."""
    began = time.perf_counter()
    found = run()
    return found, (time.perf_counter() - began) * 1000
