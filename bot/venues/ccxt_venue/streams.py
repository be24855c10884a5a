"""The streams of an account: market sockets, the prices of watched symbols, the user stream. Each is supervised.

Market sockets carry the candles of so many symbols each. The user stream is proven before it counts; after every new
connection its frames wait while a snapshot is taken, which goes to the sink first. An outage is told once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from itertools import batched
from random import Random

from bot.domain.event import Event, Filled, SnapshotTaken, VenueLost, VenueRestored
from bot.domain.snapshot import VenueSnapshot
from bot.venues.ccxt_venue.client import Clients, Exchange
from bot.venues.ccxt_venue.dialect import Dialect, FrozenSettings, PrivateNews, PublicNews, StreamEnded
from bot.venues.ccxt_venue.line import Line, Lines, Watch
from bot.venues.ccxt_venue.supervise import Backoff, Life, StreamLost, insist, keep_alive
from bot.venues.ccxt_venue.wire import Gateway
from bot.venues.outcome import Verdict
from bot.venues.port import Sink, VenueUnavailable

TICK_S = 1.0
SILENT_S = 90.0
RENEW_AGAIN_S = 60.0
OVERLAP_MS = 60_000
REGROUP_S = 10.0
KEPT_HEARD = 1_000

USER_WATCHES = ("watch_orders", "watch_my_trades", "watch_positions", "watch_balance")

type Hear = Callable[[PublicNews], None]


class MarketStreams:
    """Candle streams of all symbols, as few connections as the venue allows, and prices of watched symbols."""

    def __init__(self, dialect: Dialect, clients: Clients, hear: Hear, chance: Random) -> None:
        self._dialect = dialect
        self._lines = Lines(clients)
        self._hear = hear
        self._chance = chance
        self._watched: frozenset[str] = frozenset()
        self._wanted: frozenset[str] = frozenset()
        self._tasks: list[asyncio.Task[None]] = []
        self.lives: list[Life] = []
        self.up = 0
        self.frames = 0
        self.garbage = 0

    def start(self, symbols: Sequence[str], timeframe: str) -> None:
        """Open a socket for each batch of symbols, and keep them open."""
        for number, batch in enumerate(batched(sorted(symbols), self._dialect.streams.symbols_per_socket)):
            self._keep(f"candles {number}", partial(self._live, self._candles(batch, timeframe)))
        self._keep("prices", self._live_prices)

    async def close(self) -> None:
        """End all tasks and connections."""
        await _end(self._tasks)
        await self._lines.close()

    def watch(self, symbols: Iterable[str]) -> None:
        """Prices of these symbols are wanted as they change; others are dropped with the next connection."""
        self._wanted = frozenset(symbols)

    def _keep(self, name: str, live: Callable[[], Awaitable[None]]) -> None:
        life = Life(f"{self._dialect.name} {name}")
        self.lives.append(life)
        self._tasks.append(asyncio.create_task(keep_alive(life, live, Backoff(self._chance)), name=life.name))

    def _candles(self, symbols: Sequence[str], timeframe: str) -> Watch:
        pairs = [[self._dialect.unified(symbol), timeframe] for symbol in symbols]
        return lambda exchange: exchange.watch_ohlcv_for_symbols(pairs)

    async def _live(self, watch: Watch) -> None:
        """One connection's life."""
        plan = self._dialect.streams
        line = Line(self._read, garbled_is_over=False)
        ends_s = asyncio.get_running_loop().time() + plan.life_s
        async with self._lines.open(line, [watch]):
            await line.proven()
            self.up += 1
            try:
                while (now_s := asyncio.get_running_loop().time()) < ends_s:
                    if now_s - line.heard_s >= plan.silent_s:
                        raise StreamLost("silent")
                    await line.rest(min(TICK_S, ends_s - now_s))
            finally:
                self.up -= 1
                self.garbage += line.garbage

    def _read(self, frame: object) -> bool:
        news = self._dialect.public_news(frame)
        self.frames += bool(news)
        for one in news:
            self._hear(one)
        return bool(news)

    async def _live_prices(self) -> None:
        """Prices of the watched symbols; ends when others are wanted. Quiet markets are not silent sockets."""
        loop = asyncio.get_running_loop()
        while not self._wanted:  # noqa: ASYNC110 - the wish may change back within a tick
            await asyncio.sleep(TICK_S)
        watched = self._watched = self._wanted
        names = sorted(self._dialect.unified(symbol) for symbol in watched)
        line = Line(self._read, garbled_is_over=False)
        began_s = loop.time()
        async with self._lines.open(line, [partial(_watch_prices, names=names)]):
            await line.proven()
            while loop.time() - began_s < self._dialect.streams.life_s:
                await line.rest(TICK_S)
                if not self._wanted <= watched and loop.time() - began_s > REGROUP_S:
                    return


async def _watch_prices(exchange: Exchange, names: list[str]) -> None:
    """By what the exchange has: best prices and mark prices, or tickers that hold all of them."""
    if exchange.has.get("watchMarkPrices") and exchange.has.get("watchBidsAsks"):
        await asyncio.gather(exchange.watch_bids_asks(names), exchange.watch_mark_prices(names))
    else:
        await exchange.watch_tickers(names)


class UserStream:
    """Fills, order updates, funding, wallet. `heard` gets every event before the sink does."""

    def __init__(
        self,
        dialect: Dialect,
        gateway: Gateway,
        clients: Clients,
        sink: Sink,
        chance: Random,
        exposed: Callable[[], bool] = lambda: True,
        on_frozen: Callable[[FrozenSettings], None] = lambda frozen: None,
    ) -> None:
        self._dialect = dialect
        self._gateway = gateway
        self._lines = Lines(clients)
        self._sink = sink
        self._backoff = Backoff(chance)
        self._exposed = exposed
        self.on_frozen = on_frozen
        self._line: Line | None = None
        self._buffer: list[Event] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._up_ms = self._since_ms = 0
        self._heard: deque[tuple[str, str]] = deque(maxlen=KEPT_HEARD)
        self._lost = False
        self.proven = asyncio.Event()
        self.life = Life(f"{dialect.name} user stream")
        self.compares = 0

    def start(self) -> None:
        """Connect and keep connected; `proven` is set while it is."""
        work = keep_alive(self.life, self._live_or_tell, self._backoff)
        self._tasks.append(asyncio.create_task(work, name=self.life.name))

    async def close(self) -> None:
        """End the connection; nothing is told any more."""
        await _end(self._tasks)
        await self._lines.close()

    async def _live_or_tell(self) -> None:
        try:
            await self._live()
        except Exception as error:
            if self._up_ms and not self._lost:
                self._lost = True
                reason = str(error) if isinstance(error, StreamLost) else type(error).__name__
                self._sink(VenueLost(self._gateway.now_ms, reason))
            raise
        finally:
            self.proven.clear()

    async def _live(self) -> None:
        """One connection's life."""
        self._buffer = []
        line = self._line = Line(self._read, garbled_is_over=True)
        watches: list[Watch] = [partial(_call, name=name) for name in USER_WATCHES]
        async with self._lines.open(line, watches):
            await line.proven()
            if self._up_ms:
                await self._restore()
            self._up_ms = self._since_ms = self._gateway.now_ms
            self._flush()
            self.proven.set()
            renewing = asyncio.create_task(self._renew(line))
            try:
                await self._watch_over(line)
            finally:
                self._up_ms = self._gateway.now_ms
                renewing.cancel()

    async def _restore(self) -> None:
        """What happened while nobody listened comes from a snapshot; frames of the new connection wait for it."""
        snapshot = await self._snapshot()
        if self._lost:
            self._lost = False
            self._sink(VenueRestored(self._gateway.now_ms))
        self._sink(SnapshotTaken(self._gateway.now_ms, snapshot))

    async def _snapshot(self) -> VenueSnapshot:
        try:
            return await insist(lambda: self._dialect.snapshot(max(0, self._up_ms - OVERLAP_MS)))
        except VenueUnavailable as error:
            raise StreamLost(f"no snapshot: {error}") from None

    async def _watch_over(self, line: Line) -> None:
        """Until its planned end: what waits inside the dialect is asked for, long silence is looked into."""
        loop = asyncio.get_running_loop()
        ends_s, compared_s = loop.time() + self._dialect.streams.life_s, loop.time()
        while (now_s := loop.time()) < ends_s:
            await line.rest(min(TICK_S, ends_s - now_s))
            self._read(None)
            if loop.time() - max(line.told_s, compared_s) >= SILENT_S and self._exposed():
                compared_s = loop.time()
                await self._compare()

    async def _compare(self) -> None:
        """Silence with something at stake: is what we believe still so? Fills not told of: the stream is dead."""
        self.compares += 1
        snapshot = await self._snapshot()
        self._sink(SnapshotTaken(self._gateway.now_ms, snapshot))
        self._up_ms = self._gateway.now_ms
        late = [fill for fill in snapshot.fills if fill.at_ms > self._since_ms]
        if any((fill.symbol, fill.trade_id) not in self._heard for fill in late):
            raise StreamLost("silent about fills")

    async def _renew(self, line: Line) -> None:
        plan = self._dialect.streams
        pause_s = plan.renew_s
        while plan.renew is not None and plan.renew_s > 0:
            await asyncio.sleep(pause_s)
            answer = await self._gateway.ask(plan.renew)
            pause_s = plan.renew_s if answer.good else min(RENEW_AGAIN_S, plan.renew_s)
            if not answer.good and answer.status and answer.verdict in (Verdict.NOT_DONE, Verdict.AUTH):
                line.lost(f"not renewed: {answer.code}")

    def _read(self, frame: object) -> bool:
        news = self._dialect.private_news(frame, self._gateway.now_ms)
        for one in news:
            self._take(one)
        return bool(news)

    def _take(self, news: PrivateNews) -> None:
        if isinstance(news, Filled):
            self._heard.append((news.fill.symbol, news.fill.trade_id))
        if isinstance(news, StreamEnded):
            if self._line is not None:
                self._line.lost(news.reason)
        elif isinstance(news, FrozenSettings):
            self.on_frozen(news)
        elif self._buffer is not None:
            self._buffer.append(news)
        else:
            self._sink(news)

    def _flush(self) -> None:
        waiting, self._buffer = self._buffer or [], None
        for event in waiting:
            self._sink(event)


async def _call(exchange: Exchange, name: str) -> None:
    await getattr(exchange, name)()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()
