"""The contract of a candle feed with random access: what drives the paper venue in demo, replay and backtest."""

from typing import Protocol

from bot.domain.market import Candle
from bot.strategy import Frame


class CandleFeed(Protocol):
    """Candles of several symbols on one grid of opening times."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in a fixed order."""
        ...

    @property
    def timeframe(self) -> str:
        """Timeframe of every candle."""
        ...

    @property
    def first_open_at_ms(self) -> int:
        """Opening time of the first bar there is."""
        ...

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """The candles of one bar, in symbol order; symbols without one are left out; empty after the end."""
        ...

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        """Up to `bars` candles ending with the one that opens at `last_open_at_ms`."""
        ...

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        """The rate settled at `at_ms` (fraction of notional, positive: longs pay); NaN when unknown."""
        ...
