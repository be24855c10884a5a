"""Funding of the generated contracts: the exchange's own formula on a premium that wanders for days."""

from functools import lru_cache

import numpy as np

from sandbox.market.listing import Listing
from sandbox.market.noise import BLOCK_BARS, Array, Purpose, Source

INTEREST_BP, CLAMP_BP, CAP_BP = 1.0, 5.0, 75.0
"""Interest of 0.01 % alone is paid while the premium is within 0.05 % of it; the cap is 0.75 %."""
SLOW, QUICK = np.array([0.6, 0.5, 0.4, 0.35]), 0.3
"""Shares of the octaves (of settlements, not bars) and of plain noise in the premium's mood."""
FLOOR_BP, SIZE_BP, SKEW = -8.5, 6.0, 0.7
"""Premiums are lognormal above a floor: greed is paid for far more than fear, on the real venue as here."""


def funding_rate(seed: int, listing: Listing, at_ms: int) -> float:
    """The rate settled at `at_ms` as a fraction of notional, positive when longs pay; NaN when none is settled."""
    settlement, off = divmod(at_ms, listing.funding_ms)
    if off:
        return float("nan")
    block, place = divmod(settlement, BLOCK_BARS)
    return float(_rates(seed, listing.index + 1, block)[place])


@lru_cache(maxsize=1024)
def _rates(seed: int, key: int, block: int) -> Array:
    """The rates of one block of settlements, in steps of 0.000001 % as the venue gives them."""
    source = Source(seed, key, block)
    noise = QUICK * source.stream(Purpose.PREMIUM).standard_normal(BLOCK_BARS)
    mood = source.smooth(Purpose.FUNDING, SLOW) + noise
    premium = FLOOR_BP + SIZE_BP * np.exp(SKEW * mood)
    rate = premium + np.clip(INTEREST_BP - premium, -CLAMP_BP, CLAMP_BP)
    return np.round(np.clip(rate, -CAP_BP, CAP_BP) / 1e4, 8)
