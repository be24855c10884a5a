"""The rules of a backtest written a third time, from their text alone: one plain loop over one symbol's bars.

Nothing of the project is imported but its nouns. It knows bars, signals, prices and fees; no engine, no account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import talib

from bot.strategy import Frame
from research.results.outcome import SimulatedTrade

GRID = 4e-12
"""Steps of the grid on which money is kept: so much is no difference."""

TIE = 1e-13
"""Prices nearer than this part of themselves are equal: they are floats of decimal figures."""


@dataclass(frozen=True)
class Said:
    """A signal on a closed bar: side (+1, -1), how far stop and target lie from the entry's average price."""

    side: int
    stop: float
    target: float


@dataclass(frozen=True)
class Terms:
    """Slippage and fee as fractions; both_hit is stop, target or path; finer candles by the bar's opening time."""

    slippage: float = 0.0001
    fee: float = 0.0004
    notional: float = 1000.0
    both_hit: str = "stop"
    funding: Mapping[int, float] = field(default_factory=dict)
    finer: Frame | None = None


@dataclass(frozen=True)
class Told:
    """One round trip by the rules; rows of the frame. `left_at` is the price before slippage, `how` what it was.

    `how`: gap (the bar opened beyond the level), both (the bar reached both levels), or nothing of these.
    """

    side: int
    entry_row: int
    entry: float
    exit_row: int
    exit: float
    reason: str
    quantity: float
    fees: float
    funding: float
    left_at: float
    how: str

    @property
    def net(self) -> float:
        """Price profit less fees, and funding."""
        return self.quantity * (self.exit - self.entry) * self.side - self.fees + self.funding

    @property
    def net_return(self) -> float:
        """Net over what was bought or sold."""
        return self.net / (self.quantity * self.entry)


@dataclass
class _Held:
    side: int
    row: int
    entry: float
    stop: float
    target: float
    quantity: float
    funding: float = 0.0


def round_trips(frame: Frame, said: Mapping[int, Said], terms: Terms) -> list[Told]:
    """Every trade that the rules make of these signals."""
    done: list[Told] = []
    held: _Held | None = None
    asked: tuple[int, Said] | None = None
    last = len(frame) - 1
    for row in range(len(frame)):
        opened = float(frame.open[row])
        way_out = _at_the_open(held, opened, turned=asked is not None) if held is not None else None
        if asked is not None:
            if held is not None and way_out is not None:
                done.append(_left(held, row, way_out, terms))
            held = _entered(frame, row, asked, terms)
            way_out = _at_the_open(held, opened, turned=False)
        if held is not None:
            way_out = way_out or _inside(frame, row, held, terms)
            if way_out is None:
                held.funding += _funding(frame, row, held, terms)
                way_out = _Out(float(frame.close[row]), "END") if row == last else None
            if way_out is not None:
                done.append(_left(held, row, way_out, terms))
                held = None
        wanted = said.get(row)
        asked = (row, wanted) if wanted is not None and (held is None or wanted.side != held.side) else None
    return done


@dataclass(frozen=True)
class _Out:
    """The price at which it is left, before slippage, and why; `how` as in Told."""

    price: float
    reason: str
    how: str = ""


def _left(held: _Held, row: int, way_out: _Out, terms: Terms) -> Told:
    got = way_out.price * (1 - held.side * terms.slippage)
    fees = terms.fee * held.quantity * (held.entry + got)
    paid = (fees, held.funding, way_out.price, way_out.how)
    return Told(held.side, held.row, held.entry, row, got, way_out.reason, held.quantity, *paid)


def _entered(frame: Frame, row: int, asked: tuple[int, Said], terms: Terms) -> _Held:
    at, signal = asked
    entry = float(frame.open[row]) * (1 + signal.side * terms.slippage)
    stop, target = entry - signal.side * signal.stop, entry + signal.side * signal.target
    return _Held(signal.side, row, entry, stop, target, terms.notional / float(frame.close[at]))


def _at_the_open(held: _Held, opened: float, *, turned: bool) -> _Out | None:
    """Turned round by a signal of the bar before, or beyond a level: both at the open."""
    if turned:
        return _Out(opened, "REVERSE")
    stop, target = _reached(held, opened, opened)
    if stop:
        return _Out(opened, "SL", "gap")
    return _Out(opened, "TP", "gap") if target else None


def _inside(frame: Frame, row: int, held: _Held, terms: Terms) -> _Out | None:
    stop, target = _reached(held, float(frame.low[row]), float(frame.high[row]))
    how = "both" if stop and target else ""
    if stop and target:
        first = terms.both_hit if terms.both_hit != "path" else _path(frame, row, held, terms)
        stop = first == "stop"
    if stop:
        return _Out(held.stop, "SL", how)
    return _Out(held.target, "TP", how) if target else None


def _reached(held: _Held, low: float, high: float) -> tuple[bool, bool]:
    equal = TIE * high
    if held.side > 0:
        return low - held.stop <= equal, held.target - high <= equal
    return held.stop - high <= equal, low - held.target <= equal


def _path(frame: Frame, row: int, held: _Held, terms: Terms) -> str:
    finer, begin = terms.finer, int(frame.open_at_ms[row])
    if finer is None:
        return "stop"
    inside = (finer.open_at_ms >= begin) & (finer.open_at_ms < begin + frame.timeframe_ms)
    for at in np.flatnonzero(inside):
        stop, target = _reached(held, float(finer.low[at]), float(finer.high[at]))
        if stop or target:
            return "stop" if stop else "target"
    return "stop"


def _funding(frame: Frame, row: int, held: _Held, terms: Terms) -> float:
    """Settlements after this bar's open up to the next one's: who holds through the boundary pays at the close."""
    begin = int(frame.open_at_ms[row])
    end = int(frame.open_at_ms[row + 1]) if row + 1 < len(frame) else begin + frame.timeframe_ms
    rates = [rate for at_ms, rate in terms.funding.items() if begin < at_ms <= end]
    return sum(-held.side * held.quantity * float(frame.close[row]) * rate for rate in rates)


@dataclass(frozen=True)
class Composed:
    """Parameters of composite."""

    adx: float = 25.0
    threshold: int = 3
    volume: float = 2.5
    sl: float = 2.0
    tp: float = 2.0


def composite_says(frame: Frame, given: Composed, warmup: int = 500) -> dict[int, Said]:
    """What composite says on every bar, from TA-Lib over the whole history and the table of its rules."""
    close, high, low, volume = frame.close, frame.high, frame.low, frame.volume
    rsi = talib.RSI(close, 14)
    hist = talib.MACD(close, 12, 26, 9)[2]
    upper, _, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    means = [talib.EMA(close, length) for length in (9, 21, 50)]
    least, most = talib.MIN(rsi, 14), talib.MAX(rsi, 14)
    k = talib.SMA(100 * (rsi - least) / np.where(most - least < 1e-9, np.inf, most - least), 3)
    d = talib.SMA(k, 3)
    atr, adx, mean = talib.ATR(high, low, close, 14), talib.ADX(high, low, close, 14), talib.SMA(volume, 20)
    found: dict[int, Said] = {}
    for i in range(warmup - 1, len(frame)):
        if not (given.adx == 0 or adx[i] >= given.adx):
            continue
        long = [rsi[i] < 35, 2 * (hist[i - 1] <= 0 < hist[i]), close[i] < lower[i]]
        long += [means[0][i] > means[1][i] > means[2][i], k[i] < 20 and k[i] > d[i] + 1e-6]
        short = [rsi[i] > 65, 2 * (hist[i - 1] >= 0 > hist[i]), close[i] > upper[i]]
        short += [means[0][i] < means[1][i] < means[2][i], k[i] > 80 and k[i] < d[i] - 1e-6]
        longs, shorts = int(sum(long)), int(sum(short))
        score = max(longs, shorts)
        surge = volume[i] >= given.volume * mean[i] or score > given.threshold
        if longs != shorts and score >= given.threshold and surge:
            side = 1 if longs > shorts else -1
            found[i] = Said(side, float(atr[i] * given.sl), float(atr[i] * given.tp))
    return found


def differences(
    frame: Frame, told: Sequence[Told], found: Sequence[SimulatedTrade], most: float = 1e-9
) -> list[str]:
    """Where a backtest's trades are not the oracle's, in words: times equal, figures within `most` of themselves.

    Money is kept on a grid of 1e-12: some steps of it are no difference.
    """
    lines = [] if len(told) == len(found) else [f"{len(found)} trades, the rules make {len(told)}"]
    for number, (one, other) in enumerate(zip(told, found, strict=False)):
        lines += [f"trade {number}: {line}" for line in _differs(frame, one, other, most)]
    return lines


def _differs(frame: Frame, one: Told, other: SimulatedTrade, most: float) -> list[str]:
    whole = {
        "side": (one.side, other.side.sign),
        "entry_at_ms": (int(frame.open_at_ms[one.entry_row]), other.entry_at_ms),
        "exit_at_ms": (int(frame.open_at_ms[one.exit_row]), other.exit_at_ms),
        "reason": (one.reason, str(other.reason)),
    }
    names = {
        "entry": "entry_price",
        "exit": "exit_price",
        "quantity": "",
        "fees": "",
        "funding": "",
        "net": "",
    }
    figures = {name: (getattr(one, name), getattr(other, his or name)) for name, his in names.items()}
    figures["net_return"] = (one.net_return, other.net_return)
    steps = {"fees": GRID, "funding": GRID, "net": GRID, "net_return": GRID / (one.quantity * one.entry)}
    lines = [f"{name} {b}, the rules say {a}" for name, (a, b) in whole.items() if a != b]
    return lines + [
        f"{name} {b!r}, the rules say {a!r}"
        for name, (a, b) in figures.items()
        if abs(a - b) > most * abs(a) + steps.get(name, 0.0)
    ]
