"""Entries of composite over whole histories at one go: what `decide` answers bar by bar, in compiled code.

A history's ballot (sides and scores, which hang on no parameter) is taken once; each set of parameters then looks at
the bars whose score reaches its threshold, and at nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.market.compiled import compiled, plain
from bot.strategy import Array, Columns, Entries, Frame
from strategies.composite.strategy import (
    LEAST_VOLUME,
    MACD_POINTS,
    ROUNDING,
    RSI_HIGH,
    RSI_LOW,
    STOCH_HIGH,
    STOCH_LOW,
    STOCH_TOLERANCE,
    Settings,
)

type Rows = NDArray[np.int64]

MOST_POINTS = 6
"""All five rules on one side."""


class Indicators(NamedTuple):
    """What the rules read, one figure a bar."""

    close: Array
    rsi14: Array
    macd_hist: Array
    bb_lower: Array
    bb_upper: Array
    ema9: Array
    ema21: Array
    ema50: Array
    stoch_k: Array
    stoch_d: Array


class Bounds(NamedTuple):
    """The constants of strategy.py. They are handed over: compiled code keeps what it reads from another module."""

    rsi_low: float
    rsi_high: float
    stoch_low: float
    stoch_high: float
    stoch_tolerance: float
    rounding: float
    macd_points: int


BOUNDS = Bounds(RSI_LOW, RSI_HIGH, STOCH_LOW, STOCH_HIGH, STOCH_TOLERANCE, ROUNDING, MACD_POINTS)


class Candidates(NamedTuple):
    """Bars on which one side leads, with what the gates read; columns of equal length, oldest first.

    `needed` is the mean volume that a multiplier is applied to.
    """

    row: Rows
    side: NDArray[np.int8]
    score: Array
    close: Array
    atr: Array
    adx: Array
    volume: Array
    needed: Array


class Gates(NamedTuple):
    """Settings as compiled code takes them."""

    adx_threshold: float
    signal_threshold: float
    volume_multiplier: float
    atr_sl_mult: float
    atr_tp_mult: float
    rounding: float


class Found(NamedTuple):
    """Room for entries, as long as the candidates: their places among them, stop and target."""

    place: Rows
    stop: Array
    target: Array


@compiled
def _rules(x: Indicators, of: Bounds, i: int) -> tuple[int, int, int, int, int]:
    """The votes of bar `i`: the five rules of strategy.py, written without branches that markets make unforeseeable."""
    close, rsi, k, d = x.close[i], x.rsi14[i], x.stoch_k[i], x.stoch_d[i]
    fast, middle, slow = x.ema9[i], x.ema21[i], x.ema50[i]
    before, now = x.macd_hist[max(i, 1) - 1], x.macd_hist[i]
    rounding = of.rounding * close
    up = (before <= rounding) & (rounding < now)
    down = (before >= -rounding) & (-rounding > now)
    rising = (fast > middle + rounding) & (middle > slow + rounding)
    falling = (fast < middle - rounding) & (middle < slow - rounding)
    return (
        int(rsi < of.rsi_low) - int(rsi > of.rsi_high),
        of.macd_points * (int(up) - int(down)),
        int(close < x.bb_lower[i] - rounding) - int(close > x.bb_upper[i] + rounding),
        int(rising) - int(falling),
        int((k < of.stoch_low) & (k > d + of.stoch_tolerance))
        - int((k > of.stoch_high) & (k < d - of.stoch_tolerance)),
    )


@compiled
def ballot(x: Indicators, of: Bounds, first: int, lead: NDArray[np.int8]) -> None:
    """The leading side's points of every bar from `first` on: positive long, negative short, 0 for none or a tie."""
    for i in range(first, len(lead)):
        rsi, macd, band, ema, stoch = _rules(x, of, i)
        total = rsi + macd + band + ema + stoch
        weight = abs(rsi) + abs(macd) + abs(band) + abs(ema) + abs(stoch)
        sign = int(total > 0) - int(total < 0)
        lead[i] = sign * ((weight + abs(total)) // 2)


@compiled
def passing(x: Candidates, gates: Gates, found: Found) -> int:
    """Which candidates pass every gate, with their levels; answers how many."""
    count = 0
    for j in range(len(x.row)):
        close, atr = x.close[j], x.atr[j]
        if not (x.adx[j] >= gates.adx_threshold or gates.adx_threshold == 0.0):
            continue
        if x.score[j] < gates.signal_threshold:
            continue
        loud = x.volume[j] >= gates.volume_multiplier * x.needed[j]
        if not (loud or x.score[j] > gates.signal_threshold) or not atr > gates.rounding * close:
            continue
        down, up = atr * gates.atr_sl_mult, atr * gates.atr_tp_mult
        if not (down if x.side[j] > 0 else up) < close:
            continue
        found.place[count] = j
        found.stop[count] = close - x.side[j] * down
        found.target[count] = close + x.side[j] * up
        count += 1
    return count


def indicators(frame: Frame, columns: Columns) -> Indicators:
    """The rules' columns as compiled code takes them."""
    return Indicators(plain(frame.close), *(plain(columns[name]) for name in Indicators._fields[1:]))


def leads(frame: Frame, columns: Columns, first: int) -> NDArray[np.int8]:
    """`ballot` of a whole history, 0 before bar `first`."""
    lead = np.zeros(len(frame), dtype=np.int8)
    ballot(indicators(frame, columns), BOUNDS, first, lead)
    return lead


def candidates(frame: Frame, columns: Columns, lead: NDArray[np.int8], least: int) -> Candidates:
    """The bars on which a side leads with at least `least` points."""
    row = np.flatnonzero(np.abs(lead) >= max(1, least))
    led, mean = lead[row], columns["volume_mean20"][row]
    return Candidates(
        row=row,
        side=np.sign(led),
        score=np.abs(led).astype(np.float64),
        close=frame.close[row],
        atr=columns["atr14"][row],
        adx=columns["adx14"][row],
        volume=frame.volume[row],
        needed=np.where(mean < LEAST_VOLUME, LEAST_VOLUME, mean),
    )


def chosen(x: Candidates, settings: Settings) -> Entries:
    """The candidates that pass the gates of these settings."""
    length = len(x.row)
    found = Found(np.empty(length, dtype=np.int64), np.empty(length), np.empty(length))
    count = passing(x, _gates(settings), found)
    place = found.place[:count]
    return Entries(
        row=x.row[place],
        side=x.side[place],
        score=x.score[place],
        reference_price=x.close[place],
        stop_price=found.stop[:count],
        target_price=found.target[:count],
        atr=x.atr[place],
        on_level=np.zeros(count, dtype=np.bool_),
    )


def _gates(settings: Settings) -> Gates:
    return Gates(
        settings.adx_threshold,
        float(settings.signal_threshold),
        settings.volume_multiplier,
        settings.atr_sl_mult,
        settings.atr_tp_mult,
        ROUNDING,
    )


@dataclass(slots=True)
class Ballots:
    """One history asked by many sets of parameters: candidates are looked up once for each threshold."""

    frame: Frame
    columns: Columns
    lead: NDArray[np.int8]
    _by_threshold: dict[int, Candidates] = field(default_factory=dict)

    def entries(self, settings: Settings) -> Entries:
        """The entries of one set."""
        least = min(max(1, settings.signal_threshold), MOST_POINTS + 1)
        if least not in self._by_threshold:
            self._by_threshold[least] = candidates(self.frame, self.columns, self.lead, least)
        return chosen(self._by_threshold[least], settings)


def ballots(frame: Frame, columns: Columns, warmup_bars: int) -> Callable[[Settings], Entries]:
    """Take a history's ballot once; answers what gives each set's entries."""
    return Ballots(frame, columns, leads(frame, columns, max(1, warmup_bars) - 1)).entries
