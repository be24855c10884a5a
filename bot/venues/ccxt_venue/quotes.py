"""Current prices and funding rates: what streams say of watched symbols once a second, polls of all now and then."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.domain.event import FundingRatesSeen, QuotesSeen
from bot.domain.market import FundingRate, Quote
from bot.venues.ccxt_venue.dialect import Dialect, PriceSeen
from bot.venues.port import Sink, VenueUnavailable

log = logging.getLogger(__name__)

SETTLED_MS = 5_000


@dataclass(frozen=True, slots=True)
class QuotePace:
    """Seconds between: events of watched symbols, polls of all prices, polls of funding rates."""

    tick_s: float = 1.0
    poll_s: float = 15.0
    funding_s: float = 300.0


class QuoteKeeper:
    """Tells prices of our symbols. A symbol has none before the first poll: half a quote is not told."""

    def __init__(
        self,
        dialect: Dialect,
        symbols: Iterable[str],
        sink: Sink,
        clock: Callable[[], int],
        pace: QuotePace | None = None,
    ) -> None:
        self._dialect = dialect
        self._symbols = frozenset(symbols)
        self._sink = sink
        self._clock = clock
        self._pace = pace or QuotePace()
        self._quotes: dict[str, Quote] = {}
        self._changed: set[str] = set()
        self._watched: frozenset[str] = frozenset()
        self._settles_ms = 0

    def watch(self, symbols: Iterable[str]) -> None:
        """Whose streamed prices are told."""
        self._watched = frozenset(symbols) & self._symbols

    def see(self, seen: PriceSeen) -> None:
        """Take what a frame says over what is known."""
        known = self._quotes.get(seen.symbol)
        if known is None or seen.at_ms < known.at_ms:
            return
        self._quotes[seen.symbol] = Quote(
            seen.symbol,
            seen.at_ms,
            known.bid if seen.bid is None else seen.bid,
            known.ask if seen.ask is None else seen.ask,
            known.last if seen.last is None else seen.last,
            known.mark if seen.mark is None else seen.mark,
        )
        self._changed.add(seen.symbol)

    async def run(self) -> None:
        """Tell and poll for as long as the venue is open."""
        loop = asyncio.get_running_loop()
        polls_s = funds_s = loop.time()
        while True:
            if loop.time() >= polls_s:
                polls_s = loop.time() + self._pace.poll_s
                await self._poll()
            if loop.time() >= funds_s or 0 < self._settles_ms <= self._clock():
                funds_s = loop.time() + self._pace.funding_s
                await self._fund()
            await asyncio.sleep(self._pace.tick_s)
            self._tell(self._changed & self._watched)

    async def _poll(self) -> None:
        try:
            quotes = await self._dialect.quotes()
        except VenueUnavailable as error:
            log.info("no prices: %s", error)
            return
        for quote in quotes:
            if quote.symbol in self._symbols:
                self._quotes[quote.symbol] = quote
        self._tell(self._quotes.keys() & {quote.symbol for quote in quotes})

    async def _fund(self) -> None:
        self._settles_ms = 0
        try:
            rates = [rate for rate in await self._dialect.funding_rates() if rate.symbol in self._symbols]
        except VenueUnavailable as error:
            log.info("no funding rates: %s", error)
            return
        if rates:
            self._settles_ms = _next_settlement(rates, self._clock()) + SETTLED_MS
            self._sink(FundingRatesSeen(self._clock(), tuple(sorted(rates, key=lambda rate: rate.symbol))))

    def _tell(self, symbols: Iterable[str]) -> None:
        quotes = tuple(self._quotes[symbol] for symbol in sorted(symbols))
        self._changed.difference_update(symbols)
        if quotes:
            self._sink(QuotesSeen(self._clock(), quotes))


def _next_settlement(rates: Iterable[FundingRate], now_ms: int) -> int:
    """The first settlement ahead; an hour from now when none is known."""
    ahead = (rate.next_at_ms for rate in rates if rate.next_at_ms > now_ms)
    return min(ahead, default=now_ms + 3_600_000)
