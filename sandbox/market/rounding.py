"""From the tape to candles: prices on the tick, volume on the step, high and low around open and close."""

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.strategy import Frame
from sandbox.market.listing import Listing
from sandbox.market.noise import Array
from sandbox.market.tape import Tape


def rounded_frame(listing: Listing, bar_ms: int, open_at_ms: NDArray[np.int64], tape: Tape) -> Frame:
    """The block as candles of a contract."""
    close = _ticks(tape.close, listing)
    opens = np.maximum(1.0, _ticks(tape.open, listing) + tape.flicker)
    high = np.maximum(_ticks(tape.high, listing), np.maximum(opens, close))
    low = np.minimum(_ticks(tape.low, listing), np.minimum(opens, close))
    steps = np.maximum(1.0, np.rint(tape.turnover / np.exp(tape.close) / float(listing.step)))
    return Frame(
        symbol=listing.symbol,
        timeframe_ms=bar_ms,
        open_at_ms=open_at_ms,
        open=on_grid(opens, listing.tick),
        high=on_grid(high, listing.tick),
        low=on_grid(low, listing.tick),
        close=on_grid(close, listing.tick),
        volume=on_grid(steps, listing.step),
    )


def _ticks(log_price: Array, listing: Listing) -> Array:
    """Prices as whole ticks, never less than one."""
    ticks: Array = np.maximum(1.0, np.rint(np.exp(log_price) / float(listing.tick)))
    return ticks


def on_grid(count: Array, unit: Decimal) -> Array:
    """So many units of 0.1, 0.01, ..., each the float nearest to the decimal number, as read from a file."""
    values: Array = count / float(1 / unit)
    return values
