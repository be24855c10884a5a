"""The sandbox's market: every contract's path of prices, walked through step by step, and what funding it knows.

The path is a candle feed's. Inside each candle prices come at fixed times (path.way), so that candles, last prices and
triggers agree with the source as long as nobody interferes; after a person's push the path goes on multiplied. Larger
intervals are always made of the feed's own candles, past and present alike.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import isnan

from bot.domain.instrument import Instrument, to_decimal
from bot.domain.market import HOUR_MS, Candle, timeframe_ms
from bot.venues.feed import CandleFeed
from sandbox.exchange.contract import ContractMarket
from sandbox.exchange.nouns import Kline, MarketView
from sandbox.exchange.path import offsets_ms
from sandbox.exchange.series import Series

USUAL_RATE = Decimal("0.0001")
"""What funding is when the feed does not know: interest alone."""
FUNDING_MAX = 100_000


class SandboxMarket:
    """Contracts by symbol, and the clock of their steps."""

    def __init__(
        self, feed: CandleFeed, instruments: Mapping[str, Instrument], start_at_ms: int, steps: int = 4
    ) -> None:
        """Symbols without a candle before `start_at_ms` are left out; ValueError when that leaves none."""
        self._feed = feed
        self._bar_ms = timeframe_ms(feed.timeframe)
        self._offsets = offsets_ms(self._bar_ms, steps)
        self._open_at_ms = start_at_ms // self._bar_ms * self._bar_ms
        self._place = sum(offset <= start_at_ms - self._open_at_ms for offset in self._offsets)
        self._rates: dict[str, Decimal] = {}
        self._settled: dict[str, dict[int, Decimal]] = {}
        self.interval = feed.timeframe
        self.contracts: dict[str, ContractMarket] = {}
        candles = {candle.symbol: candle for candle in feed.bar(self._open_at_ms) if candle.sound}
        for symbol in feed.symbols:
            candle = candles.get(symbol) or self._last_candle(symbol)
            if candle is not None and symbol in instruments:
                series = Series(feed, symbol, self._bar_ms)
                if symbol not in candles:
                    series.interfered(self._open_at_ms)
                contract = ContractMarket(instruments[symbol], series, candle, steps)
                for place in range(self._place):
                    contract.trade(contract.target(place))
                self.contracts[symbol] = contract
        if not self.contracts:
            raise ValueError(f"the market has no candles at {start_at_ms}")

    def _last_candle(self, symbol: str) -> Candle | None:
        frame = self._feed.window(symbol, self._open_at_ms, 1)
        if not len(frame):
            return None
        return Candle(symbol, self._open_at_ms, *(float(frame.close[-1]),) * 4, 0.0)

    # The clock

    @property
    def next_at_ms(self) -> int:
        """When prices move next."""
        if self._place < len(self._offsets):
            return self._open_at_ms + self._offsets[self._place]
        return self._open_at_ms + self._bar_ms

    @property
    def turns(self) -> bool:
        """True when a new candle begins with the next step."""
        return self._place == len(self._offsets)

    def turn(self) -> list[Kline]:
        """Close all candles; prices stand where they stood until `open_bars`."""
        return [contract.close_bar() for contract in self.contracts.values()]

    def open_bars(self) -> None:
        """The next candles begin."""
        self._open_at_ms += self._bar_ms
        self._place = 0
        candles = {candle.symbol: candle for candle in self._feed.bar(self._open_at_ms) if candle.sound}
        for symbol, contract in self.contracts.items():
            contract.open_bar(self._open_at_ms, candles.get(symbol))

    def targets(self) -> Iterator[tuple[str, ContractMarket, float]]:
        """Where each path goes with this step."""
        place, self._place = self._place, self._place + 1
        for symbol, contract in self.contracts.items():
            yield symbol, contract, contract.target(place)

    # Reading

    def view(self, symbol: str, at_ms: int) -> MarketView:
        """Prices of one contract."""
        due = self.next_funding(symbol, at_ms)
        return self.contracts[symbol].view(at_ms, self.rate(symbol, due), due)

    def klines(
        self, symbol: str, interval: str, limit: int, start_ms: int | None, end_ms: int | None
    ) -> list[Kline]:
        """See Exchange.klines."""
        contract, length = self.contracts[symbol], timeframe_ms(interval)
        last = contract.forming.open_at_ms // length * length
        if end_ms is not None:
            last = min(last, end_ms // length * length)
        if start_ms is None:
            first = last - (limit - 1) * length
        else:
            first = -(-start_ms // length) * length
            last = min(last, first + (limit - 1) * length)
        if limit < 1 or first > last:
            return []
        return contract.series.klines(contract.forming, interval, first, last)

    def kline(self, symbol: str, interval: str) -> Kline:
        """The forming candle of an interval."""
        contract = self.contracts[symbol]
        if interval == self.interval:
            return contract.kline()
        return contract.series.grown(interval, contract.forming)

    def prepare(self, interval: str, bars: int) -> None:
        """Make the last candles of an interval of all contracts now."""
        for contract in self.contracts.values():
            forming = contract.forming
            first = forming.open_at_ms - bars * timeframe_ms(interval)
            contract.series.prepare(interval, first, forming)

    # Funding

    def next_funding(self, symbol: str, at_ms: int) -> int:
        """When the next settlement after a time is due."""
        interval = self._interval_ms(symbol)
        return at_ms // interval * interval + interval

    def due(self, at_ms: int) -> list[str]:
        """Contracts that settle funding with the candle that ends at this time."""
        if at_ms % HOUR_MS:
            return []
        return [symbol for symbol in self.contracts if at_ms % self._interval_ms(symbol) == 0]

    def rate(self, symbol: str, at_ms: int) -> Decimal:
        """The rate of the settlement at a time, past or to come."""
        settled = self._settled.get(symbol, {}).get(at_ms)
        if settled is not None:
            return settled
        return self._rates[symbol] if symbol in self._rates else self._usual(symbol, at_ms)

    def _usual(self, symbol: str, at_ms: int) -> Decimal:
        rate = self._feed.funding_rate(symbol, at_ms)
        return USUAL_RATE if isnan(rate) else to_decimal(rate)

    def set_rate(self, symbol: str, rate: Decimal) -> None:
        """The rate of settlements to come."""
        self._rates[symbol] = rate

    def settled(self, symbol: str, at_ms: int, rate: Decimal) -> None:
        """Remember a settlement."""
        self._settled.setdefault(symbol, {})[at_ms] = rate

    def funding_history(
        self, symbol: str, start_ms: int, end_ms: int, limit: int, begun_at_ms: int
    ) -> list[tuple[int, Decimal]]:
        """Settlements ascending, the newest `limit`: the feed's before `begun_at_ms`, then those that took place."""
        interval = self._interval_ms(symbol)
        first = -(-max(start_ms, self._feed.first_open_at_ms) // interval) * interval
        before = range(first, min(end_ms, begun_at_ms) + 1, interval)
        found = {at: self._usual(symbol, at) for at in before[-min(limit, FUNDING_MAX) :]}
        ours = self._settled.get(symbol, {})
        found |= {at: rate for at, rate in ours.items() if start_ms <= at <= end_ms}
        return sorted(found.items())[-limit:] if limit > 0 else []

    def _interval_ms(self, symbol: str) -> int:
        return self.contracts[symbol].instrument.funding_interval_hours * HOUR_MS
