"""Which barrier each entry meets first, taken alone: the walk of a backtest with no other entry around it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.market.compiled import compiled
from bot.strategy import Array
from research.arrays.walk import END, Asked, Legs, Market, Rows, Terms, part_of, walk


class Touched(NamedTuple):
    """Room for a line per entry: kind of exit (END: neither), the last row looked at, and prices of both ends.

    An entry on the last bar has no bar to be entered in: END, its own row, NaN.
    """

    kind: NDArray[np.int8]
    end_row: Rows
    entry: Array
    exit: Array


@compiled
def touch(market: Market, asked: Asked, terms: Terms, bars: int, legs: Legs, found: Touched) -> None:
    """Follow each entry for at most `bars` bars after its own; `legs` is room for one trade."""
    length = len(market.bars.open)
    for k in range(len(asked.row)):
        first = asked.row[k] + 1
        to = min(first + bars, length)
        if walk(market, part_of(asked, k, k + 1), terms, legs, first, to):
            found.kind[k], found.end_row[k] = legs.kind[0], legs.exit_row[0]
            found.entry[k], found.exit[k] = legs.entry[0], legs.exit[0]
        else:
            found.kind[k], found.end_row[k] = END, asked.row[k]
            found.entry[k], found.exit[k] = np.nan, np.nan
