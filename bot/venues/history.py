"""The contract of an exchange's past: candles, funding, open interest, long/short ratios, one page at a time."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from bot.domain.market import MINUTE_MS
from bot.strategy import Frame

FUNDING, OPEN_INTEREST, LS_RATIO, LS_RATIO_TOP = "funding", "open_interest", "ls_ratio", "ls_ratio_top"
KINDS = (FUNDING, OPEN_INTEREST, LS_RATIO, LS_RATIO_TOP)
"""What is known of the past besides candles: funding rates as settled (fraction of notional), open interest in base
asset, accounts that are long over accounts that are short: all of them, and the fifth with the highest balances."""

PERIOD = "15m"
PERIOD_MS = 15 * MINUTE_MS
"""How often open interest and ratios are asked for."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far an exchange's answers go: the longest span asked for at once, and how far back (0: to the start)."""

    page_ms: int
    back_ms: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Figures (time in UTC ms, value), oldest first. Not `whole`: there may be more in the span than were told."""

    rows: tuple[tuple[int, float], ...]
    whole: bool = True


class Archive(Protocol):
    """One exchange's words for the figures of the past. Translation only; questions raise VenueUnavailable."""

    def reach(self, kind: str) -> Reach | None:
        """How far answers of a kind go; None when there are none."""
        ...

    async def figures(self, kind: str, symbol: str, from_ms: int, to_ms: int) -> Page:
        """Figures in from_ms <= at < to_ms, a span no longer than the reach's page."""
        ...


class HistorySource(Protocol):
    """The past as an exchange tells it. Questions raise VenueUnavailable with a short code."""

    @property
    def name(self) -> str:
        """Where it comes from, as the store remembers it: `binance`, `bybit testnet`, `binance sandbox`."""
        ...

    @property
    def now_ms(self) -> int:
        """The exchange's time."""
        ...

    async def open(self) -> Collection[str]:
        """Connect; the linear USDT perpetuals that there are."""
        ...

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int) -> Frame:
        """The last `bars` closed candles that close at or before `until_ms`, oldest first."""
        ...

    def reach(self, kind: str) -> Reach | None:
        """See Archive."""
        ...

    async def figures(self, kind: str, symbol: str, from_ms: int, to_ms: int) -> Page:
        """See Archive."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
