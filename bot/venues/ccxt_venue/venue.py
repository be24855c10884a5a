"""A real exchange's account as a Venue: one dialect, one gateway, streams, candles, quotes, and what watches them.

`build_venue` makes one. Nothing is told to the sink before the first snapshot was answered, which is the engine's own
of its start; from then on events come as they happen. All symbols traded are those of the wish.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from bot.domain.errors import StorageError
from bot.domain.event import Call, CallEnded, Event, Filled, OrderUpdated, SnapshotTaken, VenueRestored
from bot.domain.instrument import Instrument
from bot.domain.market import timeframe_ms
from bot.domain.modes import PositionMode
from bot.domain.order import Order
from bot.domain.snapshot import VenueSnapshot
from bot.strategy import Frame
from bot.venues import outcome
from bot.venues.ccxt_venue.candles import Assembler, CandleKeeper
from bot.venues.ccxt_venue.conditions import Conditions
from bot.venues.ccxt_venue.dialect import Dialect, GateReport, KlineSeen, PriceSeen, PublicNews, Wish
from bot.venues.ccxt_venue.gateway import CcxtGateway, GatewayHealth
from bot.venues.ccxt_venue.markets import load_markets
from bot.venues.ccxt_venue.quotes import QuoteKeeper, QuotePace
from bot.venues.ccxt_venue.shelf import Shelf, last_candles
from bot.venues.ccxt_venue.streams import MarketStreams, UserStream
from bot.venues.ccxt_venue.supervise import Backoff, Life, insist, keep_alive
from bot.venues.ccxt_venue.watchman import Watchman, WatchPace
from bot.venues.ccxt_venue.wire import Access, Gateway, Memory
from bot.venues.port import Sink, VenueUnavailable

PROVEN_S = 20.0
PARALLEL = 20

type MakeDialect = Callable[[Gateway, Memory, PositionMode], Dialect]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are looked at, in seconds of the loop; candles' grace and patience in ms of business time."""

    quotes: QuotePace = field(default_factory=QuotePace)
    watch: WatchPace = field(default_factory=WatchPace)
    candle_tick_s: float = 0.25
    grace_ms: int = 2_000
    patience_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """Which account, and how it is to be traded. The symbols are those of `wish.leverage`."""

    access: Access
    wish: Wish
    timeframe: str
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class VenueHealth:
    """How the venue does, for people. `lives`: what is supervised, how often it began again and why."""

    wire: GatewayHealth
    lives: tuple[Life, ...]
    market_sockets: int
    market_frames: int
    unreadable_frames: int
    user_stream: bool
    candle_repairs: int
    stale: tuple[str, ...]


@dataclass(slots=True)
class _Held:
    """Events wait here until the engine has begun."""

    sink: Sink
    waiting: list[Event] | None = field(default_factory=list)

    def put(self, event: Event) -> None:
        """Hand on, or keep."""
        if self.waiting is None:
            self.sink(event)
        else:
            self.waiting.append(event)

    def release(self) -> None:
        """Hand on what waits, and from now on everything at once."""
        waiting, self.waiting = self.waiting or [], None
        for event in waiting:
            self.sink(event)


class CcxtVenue:
    """One account at one exchange."""

    def __init__(self, dialect: Dialect, gateway: CcxtGateway, account: Account, chance: Random) -> None:
        """The gateway has been joined with the dialect."""
        self._dialect = dialect
        self._gateway = gateway
        self._account = account
        self._symbols = tuple(sorted(account.wish.leverage))
        self._chance = chance
        self._instruments: Mapping[str, Instrument] = {}
        self._held = _Held(lambda event: None)
        self._conditions = Conditions(self._put, lambda: gateway.now_ms)
        self._watchman = Watchman(gateway, account.wish, self._conditions, account.pace.watch)
        self._quotes = QuoteKeeper(
            dialect, self._symbols, self._put, lambda: gateway.now_ms, account.pace.quotes
        )
        self._market: MarketStreams | None = None
        self._user: UserStream | None = None
        self._candles: CandleKeeper | None = None
        self._open_symbols: set[str] = set()
        self._listened: frozenset[str] = frozenset()
        self._tasks: list[asyncio.Task[None]] = []
        self._lives: list[Life] = []
        self._slots = asyncio.Semaphore(PARALLEL)
        self.report = GateReport()
        self.shelf: Shelf | None = None

    @property
    def name(self) -> str:
        """The dialect's."""
        return self._dialect.name

    @property
    def gateway(self) -> CcxtGateway:
        """The line to the exchange: what else is asked over it shares its rate budget."""
        return self._gateway

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Every contract listed, by symbol; complete after `open`."""
        return self._instruments

    @property
    def now_ms(self) -> int:
        """The venue's clock as far as it is measured."""
        return self._gateway.now_ms

    # Opening and closing

    async def open(self, sink: Sink) -> None:
        """Prove that everything works, in the order in which it matters. Raises VenueUnavailable."""
        self._held = _Held(sink, self._held.waiting)  # what the gate found is told too
        await self.prepare()
        try:
            await self._begin()
        except BaseException:
            await self.close()
            raise

    async def prepare(self) -> None:
        """Clock, contracts, gate: all that whoever is built around the venue has to know. Raises VenueUnavailable."""
        if self._instruments:
            return
        try:
            await self._gateway.start()
        except StorageError as error:
            raise VenueUnavailable(f"storage: {error}") from None
        try:
            await self._pass_gate()
        except BaseException:
            await self.close()
            raise

    async def _pass_gate(self) -> None:
        if self._gateway.ban_left_ms:
            raise VenueUnavailable(f"banned for another {self._gateway.ban_left_ms // 1000} s")
        await self._gateway.measure_offset()
        maintained = await self._dialect.maintenance()
        if maintained:
            raise VenueUnavailable(f"maintenance: {maintained}")
        self._instruments = await self._dialect.instruments()
        unlisted = [symbol for symbol in self._symbols if symbol not in self._instruments]
        if unlisted:
            raise VenueUnavailable(f"not listed at {self.name}: {', '.join(unlisted)}")
        self.report = await self._watchman.gate()
        if self.report.refusals:
            raise VenueUnavailable("; ".join(self.report.refusals))
        await load_markets(self._gateway)

    async def _begin(self) -> None:
        """Streams up, the user stream proven, tasks begun."""
        gateway, dialect, clients = self._gateway, self._dialect, self._gateway.clients
        timeframe, pace = self._account.timeframe, self._account.pace
        assembler = Assembler(self._symbols, timeframe, self.now_ms, pace.grace_ms, pace.patience_ms)

        async def ask(symbol: str, bars: int, until_ms: int) -> Frame:
            return await dialect.candles(symbol, timeframe, bars, until_ms)

        self._candles = CandleKeeper(
            assembler, ask, self._put, lambda: gateway.now_ms, tick_s=pace.candle_tick_s
        )
        self._market = MarketStreams(dialect, clients, self._hear, self._chance)
        self._market.start(self._symbols, timeframe)
        self._user = UserStream(dialect, gateway, clients, self._put, self._chance, self._exposed)
        self._user.on_frozen = self._watchman.settings_changed
        self._user.start()
        try:
            async with asyncio.timeout(PROVEN_S):
                await self._user.proven.wait()
        except TimeoutError:
            raise VenueUnavailable(f"user stream: {self._user.life.fault or 'not proven'}") from None
        for name, run in (
            ("candles", self._candles.run),
            ("quotes", self._quotes.run),
            ("watch", self._watchman.run),
        ):
            life = Life(f"{self.name} {name}")
            self._lives.append(life)
            self._tasks.append(asyncio.create_task(keep_alive(life, run, Backoff(self._chance))))

    async def close(self) -> None:
        """Disconnect; resting orders stay at the venue."""
        self._held = _Held(lambda event: None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in (self._user, self._market):
            if stream is not None:
                await stream.close()
        if self.shelf is not None:
            await self.shelf.close()
        await self._gateway.close()

    def health(self) -> VenueHealth:
        """Figures for people; after `open`."""
        market, user, candles = self._market, self._user, self._candles
        if market is None or user is None or candles is None:
            raise RuntimeError("the venue is not open")
        return VenueHealth(
            wire=self._gateway.health(),
            lives=(user.life, *market.lives, *self._lives),
            market_sockets=market.up,
            market_frames=market.frames,
            unreadable_frames=market.garbage,
            user_stream=user.proven.is_set(),
            candle_repairs=candles.repairs,
            stale=tuple(sorted(candles.assembler.stale)),
        )

    # What the port asks

    async def submit(self, order: Order) -> CallEnded:
        """Send one order under its client id."""
        self._look_at(order.symbol)
        return await self._dialect.submit(order)

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order; DONE also when it is already gone."""
        return await self._dialect.cancel(client_id, symbol, conditional)

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of one order."""
        return await self._dialect.query(client_id, symbol, conditional)

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        """Set leverage; it is what the account is held to from now on. What the gate has proven is not asked again."""
        if self._watchman.proven(symbol, leverage):
            return outcome.done(self.now_ms, Call.SUBMIT, "", symbol, "already so")
        self._watchman.leverage_set(symbol, leverage)
        return await self._dialect.set_leverage(symbol, leverage)

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists. What waited for the engine's start is told after the first one."""
        snapshot = await self._dialect.snapshot(since_ms)
        self._learn(snapshot)
        if self._held.waiting is not None:
            # After the caller has put the snapshot into the inbox.
            asyncio.get_running_loop().call_soon(self._held.release)
        return snapshot

    async def history(self, symbols: Sequence[str], timeframe: str, bars: int) -> Mapping[str, Frame]:
        """The last closed candles per symbol, all of them up to the same bar."""
        bar_ms = timeframe_ms(timeframe)
        until_ms = self.now_ms // bar_ms * bar_ms

        async def one(symbol: str) -> Frame:
            async with self._slots:
                return await self._candles_of(symbol, timeframe, bars, until_ms)

        return dict(zip(symbols, await asyncio.gather(*(one(symbol) for symbol in symbols)), strict=True))

    async def _candles_of(self, symbol: str, timeframe: str, bars: int, until_ms: int) -> Frame:
        async def ask(more: int, before_ms: int) -> Frame:
            return await insist(lambda: self._dialect.candles(symbol, timeframe, more, before_ms))

        if self.shelf is None:
            return await ask(bars, until_ms)
        return await last_candles(self.shelf, ask, symbol, timeframe, bars, until_ms)

    def watch(self, symbols: Sequence[str]) -> None:
        """Somebody wants these symbols' prices as they change; those with orders or positions always are."""
        self._listened = frozenset(symbols)
        self._rewatch()

    # What streams tell

    def _hear(self, news: PublicNews) -> None:
        if isinstance(news, KlineSeen):
            if news.timeframe == self._account.timeframe and self._candles is not None:
                self._candles.see(news.candle, news.closed)
        elif isinstance(news, PriceSeen):
            self._quotes.see(news)

    def _put(self, event: Event) -> None:
        if isinstance(event, Filled):
            self._look_at(event.fill.symbol)
        elif isinstance(event, SnapshotTaken):
            self._learn(event.snapshot)
        elif isinstance(event, VenueRestored):
            self._watchman.look_again()
        self._held.put(event)

    def _exposed(self) -> bool:
        return bool(self._open_symbols)

    def _learn(self, snapshot: VenueSnapshot) -> None:
        held = {position.symbol for position in snapshot.positions if not position.flat}
        self._open_symbols = held | {order.symbol for order in snapshot.orders}
        self._rewatch()

    def _look_at(self, symbol: str) -> None:
        if symbol not in self._open_symbols:
            self._open_symbols.add(symbol)
            self._rewatch()

    def _rewatch(self) -> None:
        ours = (self._open_symbols | self._listened) & set(self._symbols)
        self._quotes.watch(ours)
        if self._market is not None:
            self._market.watch(ours)


def build_venue(
    make_dialect: MakeDialect,
    account: Account,
    memory: Memory,
    clock: Callable[[], int],
    chance: Random,
    session: object = None,
) -> CcxtVenue:
    """The venue of an account, not open yet. `clock`: UTC ms; `session`: an aiohttp session to use instead of an own
    one, the caller closes it. Raises ConfigError when a sandbox's addresses lead outside."""
    gateway = CcxtGateway(account.access, memory, clock, session)
    dialect = make_dialect(gateway, memory, account.wish.position_mode)
    gateway.join(dialect)
    return CcxtVenue(dialect, gateway, account, chance)
