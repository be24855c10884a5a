"""What the market tells us: candles, quotes, funding, timeframes. Prices are floats until sizing."""

from dataclasses import dataclass
from math import isfinite

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

TIMEFRAMES_MS: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "1d": DAY_MS,
}


def timeframe_ms(timeframe: str) -> int:
    """Length of a timeframe in milliseconds; raises ValueError naming the allowed ones."""
    try:
        return TIMEFRAMES_MS[timeframe]
    except KeyError:
        raise ValueError(f"timeframe {timeframe!r} unknown; allowed: {', '.join(TIMEFRAMES_MS)}") from None


@dataclass(frozen=True, slots=True)
class Candle:
    """One closed candle. `open_at_ms` is the opening time (UTC ms); volume in base asset."""

    symbol: str
    open_at_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def sound(self) -> bool:
        """True when the figures can be a candle at all: finite, positive, high and low enclose the rest."""
        low, high = self.low, self.high
        return (
            low > 0.0
            and isfinite(high)
            and self.volume >= 0.0
            and isfinite(self.volume)
            and low <= self.open <= high
            and low <= self.close <= high
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """Last known prices of one symbol at a moment. `mark` is the venue's mark price, `last` the last trade."""

    symbol: str
    at_ms: int
    bid: float
    ask: float
    last: float
    mark: float


@dataclass(frozen=True, slots=True)
class FundingRate:
    """Funding rate of one symbol: fraction of notional, positive when longs pay shorts."""

    symbol: str
    at_ms: int
    rate: float
    next_at_ms: int
