"""The walk of a backtest with a filter: a signal that the filter refuses enters nothing, but still turns a trade out.

So the engine does it: an opposite signal closes the position before anything is asked of the other side.
"""

import numpy as np
from numpy.typing import NDArray

from bot.market.compiled import compiled, plain
from bot.strategy import Entries, Frame
from research.arrays.trades import asked_of, cut, legs_for, market_of, terms_of
from research.arrays.walk import END, REVERSE, Asked, Legs, Market, Terms, opposite, reaching, walk
from research.results.plan import Rules


def gated_trades(frame: Frame, entries: Entries, passing: NDArray[np.bool_], rules: Rules) -> Legs:
    """Trades of the entries that pass, through a whole history."""
    room = legs_for(len(entries))
    market, asked = market_of(frame, rules, None), asked_of(entries)
    count = _walk(market, asked, plain(passing), terms_of(rules), room, legs_for(2), _pair())
    return cut(room, count)


def _pair() -> Asked:
    row, (reference, stop, target) = np.zeros(2, np.int64), np.zeros((3, 2))
    return Asked(row, np.zeros(2, np.int8), reference, stop, target, np.zeros(2, np.bool_))


@compiled
def _walk(
    market: Market,
    asked: Asked,
    passing: NDArray[np.bool_],
    terms: Terms,
    legs: Legs,
    one: Legs,
    pair: Asked,
) -> int:
    """One trade after another: each walked with its own entry and the next opposite one alone."""
    rows, to, count, place, free_row = asked.row, len(market.bars.open), 0, 0, 0
    while True:
        place = reaching(rows, place, free_row)
        while place < len(rows) and not passing[place]:
            place += 1
        if place >= len(rows) or rows[place] + 1 >= to:
            return count
        other = opposite(asked.side, place)
        _take(asked, place, pair, 0)
        if other < len(rows):
            _take(asked, other, pair, 1)
        else:
            _take(asked, place, pair, 1)
        walk(market, pair, terms, one, rows[place] + 1, to)
        legs.place[count], legs.entry_row[count], legs.exit_row[count] = (
            place,
            one.entry_row[0],
            one.exit_row[0],
        )
        legs.kind[count], legs.entry[count], legs.exit[count] = one.kind[0], one.entry[0], one.exit[0]
        legs.stop[count], legs.target[count] = one.stop[0], one.target[0]
        count += 1
        if one.kind[0] == END:
            return count
        free_row = one.exit_row[0] - (one.kind[0] == REVERSE)


@compiled
def _take(asked: Asked, place: int, pair: Asked, at: int) -> None:
    pair.row[at], pair.side[at], pair.on_level[at] = (
        asked.row[place],
        asked.side[place],
        asked.on_level[place],
    )
    pair.reference[at], pair.stop[at] = asked.reference[place], asked.stop[place]
    pair.target[at] = asked.target[place]
