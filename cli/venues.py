"""Which venue stands behind the desk: paper over a candle feed, or an exchange."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from bot.domain.errors import ConfigError
from bot.domain.instrument import Instrument
from bot.venues.binance import BinanceDialect
from bot.venues.bybit import BybitDialect
from bot.venues.ccxt_venue.dialect import Wish
from bot.venues.ccxt_venue.venue import Account, CcxtVenue, MakeDialect, Pace, build_venue
from bot.venues.ccxt_venue.wire import Access
from bot.venues.feed import CandleFeed
from bot.venues.matching import MatchingRules
from bot.venues.paper import PaperVenue
from bot.venues.port import VenueUnavailable
from cli.house import Blueprint
from cli.shelf import shelf_of
from storage.database import Database

READ_LAG_MS = 3_000
DIALECTS: Mapping[str, MakeDialect] = {"binance": BinanceDialect, "bybit": BybitDialect}


@dataclass(frozen=True, slots=True)
class PaperOn:
    """Orders are filled here, on the candles of a feed; `start_at_ms` is the first bar a new account lives."""

    feed: CandleFeed
    instruments: Mapping[str, Instrument]
    start_at_ms: int | None = None

    async def __call__(self, plan: Blueprint, database: Database) -> PaperVenue:
        """The paper venue with the figures of the configuration."""
        venue = plan.loaded.settings.venue
        return PaperVenue(
            account=plan.account,
            feed=self.feed,
            instruments=self.instruments,
            books=database.paper_books(plan.account),
            rules=MatchingRules(
                slippage=venue.slippage, taker_fee=venue.taker_fee, maker_fee=venue.maker_fee
            ),
            start_wallet=venue.start_wallet,
            start_at_ms=self.start_at_ms,
        )


@dataclass(frozen=True, slots=True)
class ExchangeAt:
    """Orders go to an exchange. `clock` gives UTC milliseconds, `chance` spreads re-connects.

    `session` is an aiohttp session, or what behaves like one, to use instead of an own one.
    """

    name: str
    access: Access
    clock: Callable[[], int]
    chance: Random
    pace: Pace = field(default_factory=Pace)
    session: object = None

    async def __call__(self, plan: Blueprint, database: Database) -> CcxtVenue:
        """The exchange's account, its gate passed. Raises ConfigError with what is in the way."""
        settings = plan.loaded.settings
        wish = Wish(
            leverage={symbol.symbol: symbol.leverage for symbol in settings.traded(plan.symbols)},
            position_mode=settings.venue.position_mode,
            margin_mode=settings.venue.margin_mode,
            live=plan.mode == "live",
        )
        account = Account(self.access, wish, plan.timeframe, self.pace)
        memory = database.venue_memory(plan.account)
        venue = build_venue(DIALECTS[self.name], account, memory, self.clock, self.chance, self.session)
        venue.shelf = shelf_of(plan.home, venue.gateway)
        try:
            await venue.prepare()
        except VenueUnavailable as error:
            raise ConfigError(f"{self.name}: {error}") from None
        return venue


def wire_words(venue: CcxtVenue) -> tuple[tuple[str, str], ...]:
    """How the line to an exchange does, for /health."""
    health = venue.health()
    wire, lives = health.wire, health.lives
    restarts = sum(life.restarts for life in lives)
    faults = "; ".join(dict.fromkeys(life.fault for life in lives if life.fault))
    again = f", begun again {restarts} times{f' (last: {faults})' if faults else ''}" if restarts else ""
    user = "proven" if health.user_stream else "NOT PROVEN"
    return (
        ("Calls", f"{wire.sent} sent, {wire.unanswered} unanswered, {wire.median_ms:.0f} ms median"),
        ("Rate budget", f"{wire.weight_used} used in the last minute, {wire.waiting} waiting"),
        ("Clock", f"{wire.offset_ms:+d} ms to the exchange's"),
        ("Streams", f"user stream {user}, {health.market_sockets} market sockets{again}"),
        ("Candles", f"{health.candle_repairs} fetched because a stream had not brought them"),
    )
