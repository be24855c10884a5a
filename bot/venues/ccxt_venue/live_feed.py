"""Real candles as a feed: history by REST, then bars as they close. What the paper venue lives on with real data.

A `Source` is where they come from: an exchange's dialect (DialectSource, no key needed) or any other exchange that
ccxt streams from (generic.py). A bar shows in the feed as a whole, once it is complete. Funding rates are known for
settlements of which the rate was seen before, or that `load_funding` asked for.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import nan
from random import Random
from typing import Protocol

import numpy as np

from bot.domain.event import CandlesClosed, Event
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, FundingRate, timeframe_ms
from bot.market.buffers import CandleBuffer
from bot.strategy import Frame
from bot.venues.ccxt_venue.candles import Assembler, CandleKeeper
from bot.venues.ccxt_venue.dialect import KlineSeen, PublicNews
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.markets import as_unavailable, load_markets
from bot.venues.ccxt_venue.shelf import Shelf, last_candles
from bot.venues.ccxt_venue.streams import Hear, MarketStreams
from bot.venues.ccxt_venue.supervise import Backoff, Life, keep_alive
from bot.venues.port import Sink, VenueUnavailable

log = logging.getLogger(__name__)

BARS = 1_000
PARALLEL = 10
FUNDING_S = 120.0
TICK_S = 0.25
MINUTE_MS = 60_000
LONGEST_FUNDING = 100

type Clock = Callable[[], int]


class Source(Protocol):
    """A market by REST and streams. Questions raise VenueUnavailable."""

    @property
    def now_ms(self) -> int:
        """The market's time."""
        ...

    async def open(self) -> Mapping[str, Instrument]:
        """Connect; the contracts that there are."""
        ...

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int) -> Frame:
        """Closed candles up to then, oldest first."""
        ...

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """Current rates with their next settlements."""
        ...

    async def settled(self, symbol: str, since_ms: int) -> Sequence[tuple[int, float]]:
        """Settlements since then: time and rate."""
        ...

    def start(self, symbols: Sequence[str], timeframe: str, hear: Hear) -> None:
        """Begin to stream candles."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class DialectSource:
    """The market of an exchange that we have a dialect for. The gateway has been joined with it."""

    def __init__(self, gateway: CcxtGateway, chance: Random) -> None:
        self._gateway = gateway
        self._chance = chance
        self._streams: MarketStreams | None = None

    @property
    def now_ms(self) -> int:
        """The exchange's clock as far as it is measured."""
        return self._gateway.now_ms

    async def open(self) -> Mapping[str, Instrument]:
        """Measure the clock, learn the contracts."""
        await self._gateway.start()
        await self._gateway.measure_offset()
        await load_markets(self._gateway)
        return await self._gateway.dialect.instruments()

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int) -> Frame:
        """Closed candles up to then."""
        return await self._gateway.dialect.candles(symbol, timeframe, bars, until_ms)

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """Current rates."""
        return await self._gateway.dialect.funding_rates()

    async def settled(self, symbol: str, since_ms: int) -> Sequence[tuple[int, float]]:
        """Settlements by ccxt's own words, which are the same for every exchange."""
        rest = self._gateway.clients.rest()
        return await settlements(rest, self._gateway.dialect.unified(symbol), since_ms)

    def start(self, symbols: Sequence[str], timeframe: str, hear: Hear) -> None:
        """Open the market sockets."""
        self._streams = MarketStreams(self._gateway.dialect, self._gateway.clients, hear, self._chance)
        self._streams.start(symbols, timeframe)

    async def close(self) -> None:
        """Disconnect."""
        if self._streams is not None:
            await self._streams.close()
        await self._gateway.close()


async def settlements(exchange: object, name: str, since_ms: int) -> Sequence[tuple[int, float]]:
    """Settled funding rates of a contract (ccxt's name) since then; none where the exchange does not tell."""
    async with as_unavailable("funding"):
        ask = exchange.fetch_funding_rate_history  # type: ignore[attr-defined]
        rows = await ask(name, since_ms, LONGEST_FUNDING)
    return [(int(row["timestamp"]), float(row["fundingRate"])) for row in rows if row.get("timestamp")]


class LiveFeed:
    """A CandleFeed that grows. `open`, then `next_bar` for as long as it runs, then `close`."""

    def __init__(
        self, source: Source, symbols: Sequence[str], timeframe: str, chance: Random, sink: Sink | None = None
    ) -> None:
        """`sink` hears conditions of the market (STALE symbols), not bars."""
        self._source = source
        self._symbols = tuple(sorted(symbols))
        self._timeframe = timeframe
        self._bar_ms = timeframe_ms(timeframe)
        self._chance = chance
        self._sink = sink
        self._buffers: dict[str, CandleBuffer] = {}
        self._rates: dict[tuple[str, int], float] = {}
        self._grown = asyncio.Event()
        self._first_ms = 0
        self._newest_ms = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._keeper: CandleKeeper | None = None
        self.instruments: Mapping[str, Instrument] = {}
        self.shelf: Shelf | None = None

    # The contract of a feed

    @property
    def symbols(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return self._symbols

    @property
    def timeframe(self) -> str:
        """Of every candle."""
        return self._timeframe

    @property
    def first_open_at_ms(self) -> int:
        """Opening time of the bar that comes next when the feed was opened: a new account begins there."""
        return self._first_ms

    def bar(self, open_at_ms: int) -> tuple[Candle, ...]:
        """The candles of one bar; empty when it is not there (yet)."""
        found = (self._candle(symbol, open_at_ms) for symbol in self._symbols)
        return tuple(candle for candle in found if candle is not None)

    def window(self, symbol: str, last_open_at_ms: int, bars: int) -> Frame:
        """Up to `bars` candles ending with the one that opens then, or the last before."""
        frame = self._frame(symbol)
        end = int(np.searchsorted(frame.open_at_ms, last_open_at_ms, side="right"))
        return frame.part(max(0, end - bars), end)

    async def elsewhere(self, symbol: str, bars: int, until_ms: int) -> Frame:
        """Closed candles of a symbol that is not on the feed, as the exchange tells them. Raises VenueUnavailable."""
        if symbol not in self.instruments:
            raise VenueUnavailable(f"{symbol} is not listed")
        return await self._source.candles(symbol, self._timeframe, bars, until_ms)

    def funding_rate(self, symbol: str, at_ms: int) -> float:
        """The rate settled then; NaN when unknown."""
        return self._rates.get((symbol, at_ms), nan)

    # Life

    async def open(self, bars: int = BARS, since_ms: int = 0) -> None:
        """Connect and load history, back to `since_ms` when that is longer. Raises VenueUnavailable."""
        self.instruments = await self._source.open()
        unlisted = [symbol for symbol in self._symbols if symbol not in self.instruments]
        if unlisted:
            raise VenueUnavailable(f"not listed: {', '.join(unlisted)}")
        self._first_ms = self._source.now_ms // self._bar_ms * self._bar_ms
        asked = max(bars, (self._first_ms - since_ms) // self._bar_ms if since_ms else 0)
        slots = asyncio.Semaphore(PARALLEL)

        async def load(symbol: str) -> None:
            async with slots:
                frame = await self._last(symbol, asked)
            buffer = self._buffers[symbol] = CandleBuffer(symbol, self._bar_ms, asked + BARS)
            buffer.preload(frame)

        await asyncio.gather(*(load(symbol) for symbol in self._symbols))
        self._newest_ms = max((b.last_open_at_ms or 0 for b in self._buffers.values()), default=0)
        self._start()

    async def _last(self, symbol: str, bars: int) -> Frame:
        async def ask(more: int, before_ms: int) -> Frame:
            return await self._source.candles(symbol, self._timeframe, more, before_ms)

        if self.shelf is None:
            return await ask(bars, self._first_ms)
        return await last_candles(self.shelf, ask, symbol, self._timeframe, bars, self._first_ms)

    async def load_funding(self, symbols: Iterable[str], since_ms: int) -> None:
        """Learn what was settled while nobody ran, for symbols that had positions; best effort."""
        for symbol in symbols:
            try:
                rows = await self._source.settled(symbol, since_ms)
            except VenueUnavailable as error:
                log.warning("settled funding of %s is unknown: %s", symbol, error)
                continue
            for at_ms, rate in rows:
                self._rates[symbol, round(at_ms / MINUTE_MS) * MINUTE_MS] = rate

    async def next_bar(self) -> int:
        """Wait until at least one bar more is there; the opening time of the newest."""
        await self._grown.wait()
        self._grown.clear()
        return self._newest_ms

    async def close(self) -> None:
        """Disconnect."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.shelf is not None:
            await self.shelf.close()
        await self._source.close()

    def _start(self) -> None:
        source = self._source
        assembler = Assembler(self._symbols, self._timeframe, self._first_ms)

        async def ask(symbol: str, bars: int, until_ms: int) -> Frame:
            return await source.candles(symbol, self._timeframe, bars, until_ms)

        self._keeper = CandleKeeper(assembler, ask, self._take, lambda: source.now_ms, tick_s=TICK_S)
        source.start(self._symbols, self._timeframe, self._hear)
        for name, run in (("candles", self._keeper.run), ("funding", self._watch_funding)):
            work = keep_alive(Life(f"feed {name}"), run, Backoff(self._chance))
            self._tasks.append(asyncio.create_task(work))

    def _hear(self, news: PublicNews) -> None:
        if isinstance(news, KlineSeen) and news.timeframe == self._timeframe and self._keeper is not None:
            self._keeper.see(news.candle, news.closed)
        elif isinstance(news, FundingRate):
            self._rate_seen(news)

    def _take(self, event: Event) -> None:
        if not isinstance(event, CandlesClosed):
            if self._sink is not None:
                self._sink(event)
            return
        for candle in event.candles:
            self._buffers[candle.symbol].append(candle)
            self._newest_ms = max(self._newest_ms, candle.open_at_ms)
        self._grown.set()

    async def _watch_funding(self) -> None:
        while True:
            try:
                for rate in await self._source.funding_rates():
                    self._rate_seen(rate)
            except VenueUnavailable as error:
                log.info("no funding rates: %s", error)
            await asyncio.sleep(FUNDING_S)

    def _rate_seen(self, rate: FundingRate) -> None:
        """The rate of the next settlement as it stands; the last word before it counts."""
        if rate.symbol in self._buffers and rate.next_at_ms > self._source.now_ms:
            self._rates[rate.symbol, rate.next_at_ms] = rate.rate

    def _frame(self, symbol: str) -> Frame:
        buffer = self._buffers.get(symbol) or CandleBuffer(symbol, self._bar_ms, 1)
        return buffer.frame()

    def _candle(self, symbol: str, open_at_ms: int) -> Candle | None:
        frame = self.window(symbol, open_at_ms, 1)
        if not len(frame) or int(frame.open_at_ms[0]) != open_at_ms:
            return None
        columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
        return Candle(symbol, open_at_ms, *(float(column[0]) for column in columns))
