"""Paper on real candles: the market of an exchange as it comes, orders filled here. Needs no key."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bot.domain.errors import ConfigError
from bot.domain.modes import PositionMode
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.generic import Exchanged, GenericSource
from bot.venues.ccxt_venue.live_feed import DialectSource, LiveFeed, Source
from bot.venues.ccxt_venue.wire import Access
from bot.venues.matching import MatchingRules
from bot.venues.paper.records import resumes_at_ms
from bot.venues.port import VenueUnavailable
from cli.house import Blueprint, House
from cli.live import Running
from cli.live_paper_venue import LivePaperVenue
from cli.shelf import shelf_of
from cli.venues import DIALECTS
from storage.database import Database


@dataclass(frozen=True, slots=True)
class PaperLive:
    """Orders are filled here, on an exchange's candles. `access` without keys; `session` as for ExchangeAt."""

    name: str
    access: Access
    clock: Callable[[], int]
    chance: Random
    session: object = None

    async def __call__(self, plan: Blueprint, database: Database) -> LivePaperVenue:
        """The paper venue, its feed open. Raises ConfigError with what is in the way."""
        settings, books = plan.loaded.settings, database.paper_books(plan.account)
        since_ms = resumes_at_ms(await books.load())
        line = self._line(database, plan.account)
        feed = LiveFeed(self._source(line), plan.symbols, plan.timeframe, self.chance)
        if line is not None:
            feed.shelf = shelf_of(plan.home, line)
        try:
            await feed.open(settings.buffers.bars, since_ms)
        except VenueUnavailable as error:
            await feed.close()
            raise ConfigError(f"{self.name}: {error}") from None
        chosen = settings.venue
        venue = LivePaperVenue(
            account=plan.account,
            feed=feed,
            instruments={symbol: feed.instruments[symbol] for symbol in feed.symbols},
            books=books,
            rules=MatchingRules(
                slippage=chosen.slippage, taker_fee=chosen.taker_fee, maker_fee=chosen.maker_fee
            ),
            start_wallet=chosen.start_wallet,
        )
        venue.feed, venue.line = feed, line
        return venue

    def _source(self, line: CcxtGateway | None) -> Source:
        if line is None:
            return GenericSource(Exchanged(self.name), self.clock, self.chance)
        return DialectSource(line, self.chance)

    def _line(self, database: Database, account: str) -> CcxtGateway | None:
        """The way to an exchange that we have a dialect for; None: ccxt alone knows it."""
        make = DIALECTS.get(self.name)
        if make is None:
            return None
        memory = database.venue_memory(account)
        gateway = CcxtGateway(self.access, memory, self.clock, self.session)
        gateway.join(make(gateway, memory, PositionMode.ONE_WAY))
        return gateway


async def follow(running: Running) -> None:
    """Live every bar as soon as the exchange has closed it."""
    house = running.house
    while True:
        await next_bar(house)
        while await house.step():
            pass


async def next_bar(house: House) -> None:
    """Wait for the exchange's next bar."""
    if not isinstance(house.venue, LivePaperVenue):
        raise TypeError(f"{house.venue.name} has no feed that grows")
    await house.venue.feed.next_bar()
