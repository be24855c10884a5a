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
"""Kinds of exits; EMERGENCY: the stop would lie at or below nothing, which no venue takes."""
BOTH, AT_OPEN = 5, 6
"""On the way to a kind: the bar reaches both; the open lies beyond already (SL and TP only)."""

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
    """Where a trade ends. `reach` of both: times sign, moved towards the price by what counts as equal."""

    sign: float
    stop: float
    target: float
    stop_reach: float
    target_reach: float


@compiled
def walk(market: Market, asked: Asked, terms: Terms, legs: Legs, first: int, to: int) -> int:
    """Trades entered and left in bars first to to (exclusive), written to `legs`; answers how many."""
    bars, rows, count, other, free_row = market.bars, asked.row, 0, 0, first - 1
    place = int(np.searchsorted(rows, free_row))
    while True:
        place = reaching(rows, place, free_row)
        if place >= len(rows) or rows[place] + 1 >= to:
            return count
        other = other if other > place else opposite(asked.side, place)
        turn, row, sign = rows[other] if other < len(rows) else to, rows[place] + 1, float(asked.side[place])
        price = bars.open[row] * (1.0 + sign * terms.slippage)
        base = asked.reference[place] if asked.on_level[place] else price
        level = _levels(sign, price, base - asked.reference[place], asked.stop[place], asked.target[place])
        legs.place[count], legs.entry_row[count], legs.entry[count] = place, row, price
        legs.stop[count], legs.target[count] = level.stop, level.target
        last = min(turn, to - 1)
        row = _reached(bars.low, bars.high, level, row, last)
        if row <= last:
            free_row = row
            kind = _met(level, bars.open[row], bars.low[row], bars.high[row])
            if kind == BOTH:
                kind = _first(market.inside, terms.both_hit, level, row)
            price = _price(kind, level, bars.open[row])
        elif turn + 1 < to:
            free_row, row = turn, turn + 1
            kind, price = REVERSE, bars.open[row]
        else:
            free_row = row = to - 1
            kind, price = END, bars.close[row]
        legs.exit_row[count], legs.kind[count] = row, kind if kind < BOTH else kind - AT_OPEN
        legs.exit[count] = price * (1.0 - sign * terms.slippage)
        count += 1


@compiled
def reaching(rows: Rows, place: int, row: int) -> int:
    """The first place from `place` on whose row is not before `row`."""
    while place < len(rows) and rows[place] < row:
        place += 1
    return place


@compiled
def opposite(sides: NDArray[np.int8], place: int) -> int:
    """The first place after `place` on the other side."""
    after = place + 1
    while after < len(sides) and sides[after] == sides[place]:
        after += 1
    return after


@compiled
def _levels(sign: float, price: float, moved: float, stop: float, target: float) -> Levels:
    """Stop and target of a signal, moved with the entry price; without a target it is never reached."""
    tie, stop = TIE * price, stop + moved
    if target == 0.0:
        return Levels(sign, stop, 0.0, sign * stop + tie, np.inf)
    target += moved
    return Levels(sign, stop, target, sign * stop + tie, sign * target - tie)


@compiled
def _reached(low: Array, high: Array, level: Levels, first: int, last: int) -> int:
    """The first row from first to last that reaches stop or target; last + 1 when none does."""
    if level.stop <= 0.0:
        return first
    stop, target = level.stop_reach, level.target_reach
    if level.sign > 0:
        for i in range(first, last + 1):
            if low[i] <= stop or high[i] >= target:
                return i
    else:
        for i in range(first, last + 1):
            if -high[i] <= stop or -low[i] >= target:
                return i
    return last + 1


@compiled
def _met(level: Levels, opened: float, low: float, high: float) -> int:
    """The kind of exit in a bar that reaches stop, target or both."""
    sign = level.sign
    if level.stop <= 0.0:
        return EMERGENCY
    if sign * opened <= level.stop_reach:
        return SL + AT_OPEN
    if sign * opened >= level.target_reach:
        return TP + AT_OPEN
    against, ahead = (low, high) if sign > 0 else (-high, -low)
    if against > level.stop_reach:
        return TP
    return BOTH if ahead >= level.target_reach else SL


@compiled
def _price(kind: int, level: Levels, opened: float) -> float:
    """Where an exit by stop or target is filled, before slippage."""
    if kind == SL:
        return level.stop
    return level.target if kind == TP else opened


@compiled
def _first(inside: Inside, both_hit: int, level: Levels, row: int) -> int:
    """Which is first in a bar that reaches both; the stop where finer candles do not tell."""
    if both_hit != PATH:
        return TP if both_hit == TARGET_FIRST else SL
    for i in range(inside.begin[row], inside.end[row]):
        low, high = inside.low[i], inside.high[i]
        against, ahead = (low, high) if level.sign > 0 else (-high, -low)
        if against <= level.stop_reach:
            return SL
        if ahead >= level.target_reach:
            return TP
    return SL


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
    """Room for figures of shape (sets, spans), zeros at first, see Tallies."""

    trades: NDArray[np.int32]
    wins: NDArray[np.int32]
    held: NDArray[np.int32]
    net: Array
    gross_profit: Array
    gross_loss: Array
    drawdown: Array


class Sets(NamedTuple):
    """Entries of many sets of parameters one after another: those of set k are places begin[k] to begin[k + 1].

    `spans` are rows [first, to), one a line; `fee` is a side's fraction of notional. `paid[i]` is what funding took
    from one unit held long through all closes before row i; no funding: no rows.
    """

    begin: Rows
    spans: NDArray[np.int64]
    fee: float
    paid: Array


@compiled
def tally(market: Market, asked: Asked, terms: Terms, sets: Sets, legs: Legs, room: Tallied) -> None:
    """Walk every set through every span anew and add its trades up."""
    for k in range(len(sets.begin) - 1):
        own = part_of(asked, sets.begin[k], sets.begin[k + 1])
        for s in range(len(sets.spans)):
            count = walk(market, own, terms, legs, sets.spans[s, 0], sets.spans[s, 1])
            room.trades[k, s] = count
            _add_up(own, legs, count, sets, room, (k, s))


@compiled
def part_of(asked: Asked, begin: int, end: int) -> Asked:
    """Entries of one set."""
    return Asked(
        asked.row[begin:end],
        asked.side[begin:end],
        asked.reference[begin:end],
        asked.stop[begin:end],
        asked.target[begin:end],
        asked.on_level[begin:end],
    )


@compiled
def _add_up(asked: Asked, legs: Legs, count: int, sets: Sets, room: Tallied, at: tuple[int, int]) -> None:
    """The figures of `count` trades into one place of the room."""
    high = 0.0
    for t in range(count):
        entry, leave, sign = legs.entry[t], legs.exit[t], float(asked.side[legs.place[t]])
        gain = sign * (leave - entry) - sets.fee * (entry + leave)
        if len(sets.paid):
            until = legs.exit_row[t] + (legs.kind[t] == END)
            gain -= sign * (sets.paid[until] - sets.paid[legs.entry_row[t]])
        gain /= entry
        room.wins[at] += gain > 0.0
        room.held[at] += legs.exit_row[t] - legs.entry_row[t] + (legs.kind[t] != REVERSE)
        room.net[at] += gain
        room.gross_profit[at] += max(gain, 0.0)
        room.gross_loss[at] += max(-gain, 0.0)
        high = max(high, room.net[at])
        room.drawdown[at] = max(room.drawdown[at], high - room.net[at])


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
