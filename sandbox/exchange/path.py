"""The way of a price through one candle: open, one extreme, the other, close, at fixed times.

A rising candle goes low first, a falling one high first, as the fill model walks without a position.
"""

from itertools import pairwise

from bot.domain.market import Candle

CORNERS = 4


def offsets_ms(bar_ms: int, steps: int) -> tuple[int, ...]:
    """When the prices of a bar come, counted from its open; `steps` must be 4, 7, 10, ..."""
    if steps < CORNERS or (steps - 1) % (CORNERS - 1):
        raise ValueError(f"{steps} price steps in a candle; allowed: 4, 7, 10, 13, ...")
    return tuple(bar_ms * number // steps for number in range(steps))


def way(candle: Candle, steps: int) -> list[float]:
    """Prices of one candle, one for each step; the corners are the candle's own figures to the digit."""
    rising = candle.close >= candle.open
    first, second = (candle.low, candle.high) if rising else (candle.high, candle.low)
    corners = (candle.open, first, second, candle.close)
    if steps == CORNERS:
        return list(corners)
    between = (steps - 1) // (CORNERS - 1)
    prices = [candle.open]
    for start, end in pairwise(corners):
        prices += [start + (end - start) * part / between for part in range(1, between)]
        prices.append(end)
    return prices
