"""Entries walked through candles by the rules of a backtest, in compiled code: one symbol, one position at a time.

A signal on closed bar t enters at the open of t+1. From that bar on stop and target may be reached: what the open
already lies beyond fills at the open, everything else at its level; where a bar reaches both, `both_hit` says which
was first. A signal of the other side on bar u leaves and enters at the open of u+1; one of the same side changes
nothing. A bar in which the position was left may give the next signal. What is open at the end leaves at the last
close. Every execution loses the slippage.

`sign` is +1 for long, -1 for short; prices times sign make both sides the same.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.market.compiled import compiled
from bot.strategy import Array

type Rows = NDArray[np.int64]

STOP_FIRST, TARGET_FIRST, PATH = 0, 1, 2
SL, TP, REVERSE, END, EMERGENCY = 0, 1, 2, 3, 4

TIE = 1e-14
"""Levels and prices that differ by less of the price than this are equal: floats of the same decimal figures may."""


class Bars(NamedTuple):
    """Candles as columns, oldest first."""

    open: Array
    high: Array
    low: Array
    close: Array


class Asked(NamedTuple):
    """Entries as columns, see `bot.strategy.Entries`."""

    row: Rows
    side: NDArray[np.int8]
    reference: Array
    stop: Array
    target: Array
    on_level: NDArray[np.bool_]


class Inside(NamedTuple):
    """Candles of a lower timeframe: those of bar i are rows begin[i] to end[i] (exclusive)."""

    begin: Rows
    end: Rows
    high: Array
    low: Array


class Market(NamedTuple):
    """What happened; `inside` is read only where `both_hit` is PATH."""

    bars: Bars
    inside: Inside


class Terms(NamedTuple):
    """Slippage as a fraction of the price; which comes first where a bar reaches both."""

    slippage: float
    both_hit: int


class Legs(NamedTuple):
    """Room for as many trades as entries: the entry's place, rows and prices of both ends, kind of exit, levels."""

    place: Rows
    entry_row: Rows
    exit_row: Rows
    kind: NDArray[np.int8]
    entry: Array
    exit: Array
    stop: Array
    target: Array


class Levels(NamedTuple):
    """Stop and target times sign, each moved towards the price by what counts as equal; no target: infinity."""

    sign: float
    stop: float
    target: float


@compiled
def walk(market: Market, asked: Asked, terms: Terms, legs: Legs, first: int, to: int) -> int:
    """Trades entered and left in bars first to to (exclusive), written to `legs`; answers how many."""
    count = other = 0
    free_row = first - 1
    place = int(np.searchsorted(asked.row, free_row))
    while True:
        place = _reaching(asked.row, place, free_row)
        if place >= len(asked.row) or asked.row[place] + 1 >= to:
            return count
        other = other if other > place else _opposite(asked.side, place)
        turn = asked.row[other] if other < len(asked.row) else to
        level = _enter(market.bars, asked, terms, legs, place, count)
        last = min(turn, to - 1)
        row = legs.entry_row[count]
        if legs.stop[count] > 0.0:
            row = _reached(market.bars, level, row, last)
        if row <= last:
            free_row = row
            kind, price = _met(market, terms, level, legs, count, row)
        elif turn + 1 < to:
            free_row, row = turn, turn + 1
            kind, price = REVERSE, market.bars.open[row]
        else:
            free_row = row = to - 1
            kind, price = END, market.bars.close[row]
        legs.exit_row[count], legs.kind[count] = row, kind
        legs.exit[count] = price * (1.0 - level.sign * terms.slippage)
        count += 1


@compiled
def _reaching(rows: Rows, place: int, row: int) -> int:
    """The first place from `place` on whose row is not before `row`."""
    while place < len(rows) and rows[place] < row:
        place += 1
    return place


@compiled
def _opposite(sides: NDArray[np.int8], place: int) -> int:
    """The first place after `place` on the other side."""
    after = place + 1
    while after < len(sides) and sides[after] == sides[place]:
        after += 1
    return after


@compiled
def _enter(bars: Bars, asked: Asked, terms: Terms, legs: Legs, place: int, count: int) -> Levels:
    """Begin trade number `count`; answers where it ends."""
    row, sign = asked.row[place] + 1, float(asked.side[place])
    price = bars.open[row] * (1.0 + sign * terms.slippage)
    stop, target = asked.stop[place], asked.target[place]
    if not asked.on_level[place]:
        stop = price + (stop - asked.reference[place])
        target = price + (target - asked.reference[place]) if target != 0.0 else 0.0
    legs.place[count], legs.entry_row[count], legs.entry[count] = place, row, price
    legs.stop[count], legs.target[count] = stop, target
    tie = TIE * price
    return Levels(sign, sign * stop + tie, np.inf if target == 0.0 else sign * target - tie)


@compiled
def _reached(bars: Bars, level: Levels, first: int, last: int) -> int:
    """The first row from first to last that reaches stop or target; last + 1 when none does."""
    sign = level.sign
    against, ahead = (bars.low, bars.high) if sign > 0 else (bars.high, bars.low)
    for i in range(first, last + 1):
        if sign * against[i] <= level.stop or sign * ahead[i] >= level.target:
            return i
    return last + 1


@compiled
def _met(market: Market, terms: Terms, level: Levels, legs: Legs, count: int, row: int) -> tuple[int, float]:
    """Kind and price of an exit in a bar that reaches stop or target."""
    bars, sign = market.bars, level.sign
    opened = bars.open[row]
    if legs.stop[count] <= 0.0:
        return EMERGENCY, opened
    if sign * opened <= level.stop:
        return SL, opened
    if sign * opened >= level.target:
        return TP, opened
    stopped = sign * (bars.low[row] if sign > 0 else bars.high[row]) <= level.stop
    gained = sign * (bars.high[row] if sign > 0 else bars.low[row]) >= level.target
    if stopped and not (gained and _target_first(market.inside, terms, level, row)):
        return SL, legs.stop[count]
    return TP, legs.target[count]


@compiled
def _target_first(inside: Inside, terms: Terms, level: Levels, row: int) -> bool:
    """Which is first in a bar that reaches both; the stop where finer candles do not tell."""
    if terms.both_hit != PATH:
        return terms.both_hit == TARGET_FIRST
    sign = level.sign
    for i in range(inside.begin[row], inside.end[row]):
        if sign * (inside.low[i] if sign > 0 else inside.high[i]) <= level.stop:
            return False
        if sign * (inside.high[i] if sign > 0 else inside.low[i]) >= level.target:
            return True
    return False


class Excursions(NamedTuple):
    """Room for the farthest prices against and for each trade, as fractions of its entry price."""

    adverse: Array
    favourable: Array


@compiled
def excursions(bars: Bars, asked: Asked, legs: Legs, found: Excursions) -> None:
    """How far prices went while each trade was open.

    Of the bar in which it was left only the open and the exit itself count: the candle does not tell what came later.
    """
    for t in range(len(legs.place)):
        last, entry = legs.exit_row[t], legs.entry[t]
        low, high = min(bars.open[last], legs.exit[t], entry), max(bars.open[last], legs.exit[t], entry)
        for i in range(legs.entry_row[t], last + (legs.kind[t] == END)):
            low, high = min(low, bars.low[i]), max(high, bars.high[i])
        below, above = (entry - low) / entry, (high - entry) / entry
        long = asked.side[legs.place[t]] > 0
        found.adverse[t], found.favourable[t] = (below, above) if long else (above, below)


class Tallied(NamedTuple):
    """Room for one set's figures over spans, see Tallies."""

    trades: NDArray[np.int32]
    wins: NDArray[np.int32]
    net: Array
    gross_profit: Array
    gross_loss: Array
    drawdown: Array
    held: NDArray[np.int32]


@compiled
def tally(
    market: Market,
    asked: Asked,
    terms: Terms,
    fee: float,
    spans: NDArray[np.int64],
    legs: Legs,
    room: Tallied,
) -> None:
    """Walk every span (rows of first, to) anew and add its trades up; `fee` is a side's fraction of notional."""
    for s in range(len(spans)):
        count = walk(market, asked, terms, legs, spans[s, 0], spans[s, 1])
        net = high = 0.0
        for t in range(count):
            entry, leave, sign = legs.entry[t], legs.exit[t], float(asked.side[legs.place[t]])
            gain = (sign * (leave - entry) - fee * (entry + leave)) / entry
            net += gain
            high = max(high, net)
            room.drawdown[s] = max(room.drawdown[s], high - net)
            room.wins[s] += gain > 0.0
            room.gross_profit[s] += max(gain, 0.0)
            room.gross_loss[s] += max(-gain, 0.0)
            room.held[s] += legs.exit_row[t] - legs.entry_row[t] + (legs.kind[t] != REVERSE)
        room.trades[s] += count
        room.net[s] += net


class Money(NamedTuple):
    """What each trade moves: side times quantity, its entry's fee, what its exit brings (the exit's fee taken off).

    `due` is what funding takes from one unit held long at each bar's close; no funding: no bars.
    """

    held: Array
    entry_fee: Array
    exit_gain: Array
    due: Array


@compiled
def marked(bars: Bars, legs: Legs, money: Money, wallet: Array, equity: Array) -> None:
    """The wallet and the equity above its beginning at every bar's close, open positions at that close.

    Both come in as zeros. What happens at a close (exits at the end) counts, what happens at the next open does not.
    """
    for t in range(len(legs.place)):
        first, last, held, entry = legs.entry_row[t], legs.exit_row[t], money.held[t], legs.entry[t]
        wallet[first] -= money.entry_fee[t]
        wallet[last] += money.exit_gain[t]
        for i in range(first, last):
            equity[i] += held * (bars.close[i] - entry)
        if len(money.due):
            for i in range(first, last + (legs.kind[t] == END)):
                wallet[i] -= held * money.due[i]
    for i in range(1, len(wallet)):
        wallet[i] += wallet[i - 1]
    for i in range(len(wallet)):
        equity[i] += wallet[i]
