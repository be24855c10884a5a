"""What is listed on the generated market: invented contracts with the scales and rules of real linear perpetuals.

A listing does not depend on the market's seed: the same symbol has the same rules in every generated market, so that
an exchangeInfo file written once fits all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from itertools import product
from math import floor, log10, sqrt

import numpy as np

from bot.domain.market import HOUR_MS, MINUTE_MS

MAX_LISTINGS = 600
LISTING_SEED = 20_260_101
FIGURES_BAR_MS = 15 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Listing:
    """One contract of the generated market.

    `index` is its fixed place in the catalogue and keys its random streams. `sigma` is the usual standard deviation
    of a 15m log return, `shared` the part of its variance that it shares with the whole market, `turnover` the usual
    quote volume of a 15m bar, `depth` the notional (quote) up to which the highest leverage is allowed.
    """

    index: int
    base: str
    price: float
    tick: Decimal
    step: Decimal
    min_notional: int
    max_leverage: int
    sigma: float
    shared: float
    turnover: float
    depth: int
    funding_hours: int = 8

    @property
    def symbol(self) -> str:
        """Name of the contract, base and quote asset joined."""
        return f"{self.base}USDT"

    @property
    def funding_ms(self) -> int:
        """Time between two settlements of funding."""
        return self.funding_hours * HOUR_MS

    def bar_sigma(self, bar_ms: int) -> float:
        """The usual deviation of a bar of any length."""
        return self.sigma * sqrt(bar_ms / FIGURES_BAR_MS)

    def bar_turnover(self, bar_ms: int) -> float:
        """The usual quote volume of a bar of any length."""
        return self.turnover * bar_ms / FIGURES_BAR_MS


# index, base, price, tick, step, minimum notional, leverage, 15m deviation, shared variance, 15m turnover, depth
_MAJORS = (
    Listing(0, "BTC", 64_000.0, Decimal("0.1"), Decimal("0.001"), 100, 125, 0.0026, 0.88, 87e6, 300_000),
    Listing(1, "ETH", 3_200.0, Decimal("0.01"), Decimal("0.001"), 20, 100, 0.0031, 0.90, 44e6, 200_000),
    Listing(2, "XRP", 0.62, Decimal("0.0001"), Decimal("0.1"), 5, 75, 0.0045, 0.66, 4.4e6, 40_000),
    Listing(3, "SOL", 145.0, Decimal("0.01"), Decimal("0.01"), 5, 75, 0.0052, 0.76, 13e6, 50_000),
    Listing(4, "BNB", 580.0, Decimal("0.01"), Decimal("0.01"), 5, 75, 0.0030, 0.74, 2.9e6, 50_000),
    Listing(5, "DOGE", 0.16, Decimal("0.00001"), Decimal("1"), 5, 75, 0.0051, 0.74, 3.8e6, 30_000),
    Listing(6, "ADA", 0.45, Decimal("0.0001"), Decimal("1"), 5, 75, 0.0046, 0.76, 1.8e6, 25_000),
    Listing(7, "TRX", 0.13, Decimal("0.00001"), Decimal("1"), 5, 75, 0.0028, 0.44, 0.5e6, 10_000),
)
_TICKERS = {
    "LINK": 14.2, "AVAX": 27.5, "DOT": 6.3, "LTC": 74.0, "BCH": 410.0, "UNI": 8.1, "ATOM": 7.4, "ETC": 23.5,
    "XLM": 0.105, "NEAR": 5.4, "APT": 8.2, "FIL": 4.9, "ARB": 0.82, "OP": 1.9, "SUI": 1.15, "INJ": 22.0, "AAVE": 96.0,
    "ALGO": 0.16, "VET": 0.027, "ICP": 9.3, "HBAR": 0.078, "SAND": 0.36, "MANA": 0.35, "AXS": 6.1, "THETA": 1.6,
    "EOS": 0.62, "XTZ": 0.83, "NEO": 11.8, "IOTA": 0.18, "GRT": 0.21, "CRV": 0.33, "SNX": 1.95, "COMP": 52.0,
    "ZEC": 24.0, "DASH": 26.5, "KAVA": 0.48, "EGLD": 33.0, "FLOW": 0.66, "CHZ": 0.084, "ENJ": 0.19, "GALA": 0.024,
    "LDO": 1.75, "RUNE": 4.3, "STX": 1.7, "SEI": 0.38, "TIA": 6.9, "IMX": 1.45, "WLD": 2.6, "DYDX": 1.4,
}  # fmt: skip


def _invented_tickers() -> list[str]:
    """Pronounceable tickers of two syllables, in an order that looks unsorted, none of them a real one above."""
    syllables = [a + b for a, b in product("BDFGKLMNPRSTVZ", "AEIOU")]
    pairs = [a + b for a, b in product(syllables, syllables)]
    order = np.random.default_rng(LISTING_SEED).permutation(len(pairs))
    return [pairs[i] for i in order if pairs[i] not in _TICKERS]


def _minor(index: int, base: str) -> Listing:
    """A smaller contract: price over five decades, tick of one to ten basis points, a step worth a few cents."""
    rng = np.random.default_rng([LISTING_SEED, index])
    price = _TICKERS.get(base, float(f"{10 ** rng.uniform(-2.5, 2.5):.3g}"))
    decade = floor(log10(price))
    return Listing(
        index=index,
        base=base,
        price=price,
        tick=Decimal(10) ** (decade - 3),
        step=Decimal(10) ** min(0, -decade - 1),
        min_notional=5,
        max_leverage=int(rng.choice([20, 25, 50, 75])),
        sigma=round(rng.uniform(0.0035, 0.0075), 5),
        shared=round(rng.uniform(0.35, 0.65), 2),
        turnover=float(f"{10 ** rng.uniform(4.7, 6.5):.2g}"),
        depth=5_000,
        funding_hours=int(rng.choice([8, 8, 4])),
    )


@cache
def catalogue(count: int) -> tuple[Listing, ...]:
    """The first `count` listings: the eight majors of the demo, known tickers, then invented ones."""
    names = [*_TICKERS, *_invented_tickers()][: max(0, count - len(_MAJORS))]
    minors = (_minor(i, base) for i, base in enumerate(names, start=len(_MAJORS)))
    return (*_MAJORS, *minors)[:count]


def listings(symbols: int | Sequence[str]) -> tuple[Listing, ...]:
    """The first N listings, or those named; ValueError says what is allowed."""
    if isinstance(symbols, int):
        if not 1 <= symbols <= MAX_LISTINGS:
            raise ValueError(f"{symbols} symbols cannot be generated; allowed: 1 to {MAX_LISTINGS}")
        return catalogue(symbols)
    if not symbols or len(set(symbols)) != len(symbols):
        raise ValueError("symbols of a generated market must be given once each, at least one")
    return tuple(listing(symbol) for symbol in symbols)


def listing(symbol: str) -> Listing:
    """The listing of one symbol; ValueError suggests the nearest name."""
    known = {entry.symbol: entry for entry in catalogue(MAX_LISTINGS)}
    if symbol in known:
        return known[symbol]
    near = get_close_matches(symbol.upper(), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"symbol {symbol!r} is not listed on the generated market{hint}")
