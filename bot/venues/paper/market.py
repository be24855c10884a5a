"""The candle feed as the paper venue sees it: sound candles, the next open, funding settlements."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import isnan

from bot.domain.instrument import Instrument, to_decimal
from bot.domain.market import DAY_MS, HOUR_MS, Candle, FundingRate, timeframe_ms
from bot.venues.feed import CandleFeed

LONGEST_HOLE_MS = 30 * DAY_MS


class Market:
    """Reads each bar once it is there. A candle that cannot be one (NaN, high below low) is as good as missing."""

    def __init__(self, feed: CandleFeed, instruments: Mapping[str, Instrument]) -> None:
        self.feed = feed
        self.bar_ms = timeframe_ms(feed.timeframe)
        self._listed = [symbol for symbol in feed.symbols if symbol in instruments]
        self._intervals = {
            symbol: instruments[symbol].funding_interval_hours * HOUR_MS for symbol in self._listed
        }
        self._interval_set = sorted(set(self._intervals.values()))
        self._read_at_ms = -1
        self._read: tuple[Candle, ...] = ()

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """The sound candles of one bar, in symbol order."""
        # A bar that is not there yet may come: the feed of a real market grows.
        if open_at_ms != self._read_at_ms or not self._read:
            self._read = tuple([candle for candle in self.feed.bar(open_at_ms) if candle.sound])
            self._read_at_ms = open_at_ms
        return self._read

    def ended(self, open_at_ms: int) -> bool:
        """True when nothing comes from this bar on; a hole in all symbols is no end."""
        return not self.bar(open_at_ms) and not any(self._after(open_at_ms))

    def _after(self, open_at_ms: int) -> Iterator[bool]:
        for symbol in self.feed.symbols:
            ahead = self.feed.window(symbol, open_at_ms + LONGEST_HOLE_MS, 1)
            yield len(ahead) > 0 and int(ahead.open_at_ms[-1]) >= open_at_ms

    def prices(self, open_at_ms: int) -> dict[str, float]:
        """Where every symbol stands as a bar opens: its open, or its last close before."""
        prices = {candle.symbol: candle.open for candle in self.bar(open_at_ms)}
        for symbol in self.feed.symbols:
            if symbol not in prices:
                before = self.feed.window(symbol, open_at_ms - self.bar_ms, 1)
                prices |= {symbol: float(before.close[-1])} if len(before) else {}
        return prices

    def settles(self, after_ms: int, until_ms: int) -> bool:
        """True when some symbol settles funding after the first and not after the second time."""
        return any(until_ms // interval > after_ms // interval for interval in self._interval_set)

    def settlements(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[tuple[int, Decimal]]:
        """A symbol's settlements within these times with their rates; without a rate nothing is settled."""
        interval = self._intervals[symbol]
        for at_ms in range((after_ms // interval + 1) * interval, until_ms + 1, interval):
            rate = self.feed.funding_rate(symbol, at_ms)
            if not isnan(rate):
                yield at_ms, to_decimal(rate)

    def rates(self, at_ms: int) -> tuple[FundingRate, ...]:
        """The last settled rate of every symbol that has one, and when the next is due."""
        found = []
        for symbol in self._listed:
            interval = self._intervals[symbol]
            settled_ms = at_ms // interval * interval
            rate = self.feed.funding_rate(symbol, settled_ms)
            if not isnan(rate):
                found.append(FundingRate(symbol, settled_ms, rate, settled_ms + interval))
        return tuple(found)
