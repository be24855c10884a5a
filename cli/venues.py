"""Which venue stands behind the desk: paper over a candle feed, or an exchange."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain.instrument import Instrument
from bot.venues.feed import CandleFeed
from bot.venues.matching import MatchingRules
from bot.venues.paper import PaperVenue
from storage.database import Database

if TYPE_CHECKING:
    from cli.wiring import Blueprint


@dataclass(frozen=True, slots=True)
class PaperOn:
    """Orders are filled here, on the candles of a feed; `start_at_ms` is the first bar a new account lives."""

    feed: CandleFeed
    instruments: Mapping[str, Instrument]
    start_at_ms: int | None = None

    async def __call__(self, plan: "Blueprint", database: Database) -> PaperVenue:
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
