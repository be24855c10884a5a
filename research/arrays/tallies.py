"""What parameter sets came to over spans of a history: the columns that ranking reads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Array


@dataclass(frozen=True, slots=True)
class Tallies:
    """Figures of shape (spans, sets), a trade counted in the span in which it was entered and closed.

    Money is in units of the notional: `net`, `gross_profit`, `gross_loss` (positive) are sums of net returns of trades,
    `drawdown` the deepest fall of their running sum (positive). `held` is the number of bars in a position.
    Every span begins flat and ends flat (reason END at its last close).
    """

    trades: NDArray[np.int32]
    wins: NDArray[np.int32]
    net: Array
    gross_profit: Array
    gross_loss: Array
    drawdown: Array
    held: NDArray[np.int32]
