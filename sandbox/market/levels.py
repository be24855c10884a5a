"""Where prices stand at the borders of blocks: a slow mean-reverting chain, cheap enough to run from the first bar.

It is the only part that depends on all earlier blocks. Because every block's path is bent to end on it, bar 50,000
can be had without generating the 49,999 before it, and no price wanders off to nothing over years.
"""

from functools import lru_cache
from itertools import accumulate
from math import exp, log, sqrt

from bot.domain.market import DAY_MS
from sandbox.market.listing import Listing
from sandbox.market.noise import BLOCK_BARS, MARKET, Purpose, Source

REVERSION_MS = 120 * DAY_MS
"""Time in which a deviation from the usual price fades to 1/e."""


def block_levels(seed: int, listing: Listing, block: int, bar_ms: int) -> tuple[float, float]:
    """Log price at the start and at the end of a block."""
    count = 1 << (block + 2).bit_length()  # a prefix of a longer chain is the same chain, so powers of two do
    shared = _chain(seed, MARKET, count, bar_ms)
    own = _chain(seed, listing.index + 1, count, bar_ms)
    spread = listing.bar_sigma(REVERSION_MS) / sqrt(2)
    weight, rest = sqrt(listing.shared), sqrt(1 - listing.shared)
    start, end = (spread * (weight * shared[i] + rest * own[i]) for i in (block, block + 1))
    return log(listing.price) + start, log(listing.price) + end


@lru_cache(maxsize=2048)
def _chain(seed: int, key: int, count: int, bar_ms: int) -> tuple[float, ...]:
    """Unit-variance Ornstein-Uhlenbeck values at the block borders, from the first on."""
    keep = exp(-BLOCK_BARS * bar_ms / REVERSION_MS)
    first, *shocks = Source(seed, key).stream(Purpose.LEVEL).standard_normal(count).tolist()
    noise = sqrt(1 - keep * keep)
    return tuple(accumulate(shocks, lambda level, shock: keep * level + noise * shock, initial=first))
