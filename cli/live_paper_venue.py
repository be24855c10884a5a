"""The paper venue on a live feed: what an exchange tells, orders filled here."""

from collections.abc import Mapping, Sequence

from bot.domain.market import timeframe_ms
from bot.strategy import Frame
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.live_feed import LiveFeed
from bot.venues.paper import PaperVenue
from bot.venues.port import Sink


class LivePaperVenue(PaperVenue):
    """A paper account on a feed that grows: what closed while nobody ran is lived through before anybody hears."""

    feed: LiveFeed
    line: CcxtGateway | None = None
    """The way to an exchange that we have a dialect for."""

    async def open(self, sink: Sink) -> None:
        """Read the books and live through the bars that were missed."""
        await super().open(sink)
        held = (await self.snapshot(self.now_ms)).positions
        await self.feed.load_funding([position.symbol for position in held], self.now_ms)
        await self.catch_up()

    async def history(self, symbols: Sequence[str], timeframe: str, bars: int) -> Mapping[str, Frame]:
        """The last closed candles; those of symbols that are not traded come from the exchange."""
        feed = self.feed
        others = [symbol for symbol in symbols if symbol not in feed.symbols and timeframe == feed.timeframe]
        found = dict(await super().history([one for one in symbols if one not in others], timeframe, bars))
        bar_ms = timeframe_ms(timeframe)
        until_ms = self.now_ms // bar_ms * bar_ms
        return found | {symbol: await feed.elsewhere(symbol, bars, until_ms) for symbol in others}

    async def close(self) -> None:
        """Write what is still open and let go of the exchange."""
        await super().close()
        await self.feed.close()
