"""Binance USDⓈ-M behind the Dialect contract."""

from collections.abc import Mapping, Sequence

from bot.domain.event import CallEnded, OrderUpdated
from bot.domain.instrument import Instrument
from bot.domain.market import FundingRate, Quote
from bot.domain.order import Order
from bot.domain.snapshot import VenueSnapshot
from bot.strategy import Frame
from bot.venues.binance import addresses, archive, asks, errors
from bot.venues.binance.gate import Gate
from bot.venues.binance.kinship import Kinship
from bot.venues.binance.market import MarketReader
from bot.venues.binance.market_frames import MarketFrames
from bot.venues.binance.orders import Orders
from bot.venues.binance.snapshot import Snapshots
from bot.venues.binance.trades import Past
from bot.venues.binance.user_frames import UserFrames
from bot.venues.binance.words import QUOTE
from bot.venues.ccxt_venue.dialect import (
    Client,
    GateReport,
    PositionMode,
    PrivateNews,
    PublicNews,
    RateLimits,
    StreamPlan,
    Wish,
)
from bot.venues.ccxt_venue.wire import Access, Ask, Environment, Gateway, Memory, Reply
from bot.venues.outcome import Verdict

LIMITS = RateLimits(
    weight_per_minute=2400, orders_per_10s=300, orders_per_minute=1200, per_second=archive.PER_SECOND
)

STREAMS = StreamPlan(
    symbols_per_socket=200,  # ccxt's own limit; the venue's is higher
    silent_s=60.0,
    life_s=23.5 * 3600,  # cut at 24 h
    renew_s=25 * 60.0,  # a key lives an hour, renewed or not
    renew=asks.RENEW_KEY,
)


class BinanceDialect:
    """Translation between our words and Binance's. Holds no connection; remembers order ids only."""

    def __init__(self, gateway: Gateway, memory: Memory, position_mode: PositionMode) -> None:
        """`memory` is not needed here: Binance has a client id for every order, stops too."""
        kin = Kinship()
        past = Past(gateway, kin)
        self._memory = memory
        self._environment: Environment | None = None
        self._orders = Orders(gateway, kin, position_mode)
        self._snapshots = Snapshots(gateway, kin, past)
        self._gate = Gate(gateway, past)
        self._market = MarketReader(gateway)
        self._user_frames = UserFrames(kin)
        self._market_frames = MarketFrames()

    @property
    def name(self) -> str:
        """`binance`."""
        return "binance"

    @property
    def limits(self) -> RateLimits:
        """The documented budget."""
        return LIMITS

    @property
    def streams(self) -> StreamPlan:
        """How its sockets live."""
        return STREAMS

    def client(self, access: Access) -> Client:
        """How ccxt is constructed for this access; from then on we know in which world we are."""
        self._environment = access.environment
        return addresses.client(access)

    def reply_code(self, body: object) -> tuple[str, str]:
        """The venue's code and message in a parsed body; empty code when the body is a good answer."""
        return errors.code_of(body)

    def verdict(self, reply: Reply, ask: Ask) -> Verdict:
        """The table."""
        return errors.verdict(reply, errors.kind_of(ask))

    async def server_time_ms(self) -> int:
        """The venue's clock."""
        return await self._snapshots.server_time_ms()

    async def instruments(self) -> Mapping[str, Instrument]:
        """All linear USDT perpetuals with brackets, fees of this account, funding intervals."""
        return await self._market.read_instruments()

    async def gate(self, wish: Wish) -> GateReport:
        """Mode, margin type, leverage, key rights: read, set, read back. The testnet cannot be asked for key rights."""
        return await self._gate.check(wish, key_rights=self._environment is not Environment.TESTNET)

    async def submit(self, order: Order) -> CallEnded:
        """Send one order under its client id."""
        return await self._orders.submit(order)

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order; DONE also when it is already gone."""
        return await self._orders.cancel(client_id, symbol, conditional)

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of one order, from every source that may know it."""
        return await self._orders.query(client_id, symbol, conditional)

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        """Set leverage."""
        return await self._orders.set_leverage(symbol, leverage)

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists, ordinary and conditional; fills with our client ids, funding."""
        return await self._snapshots.take(since_ms)

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int = 0) -> Frame:
        """The last `bars` closed candles, oldest first."""
        return await self._market.candles(symbol, timeframe, bars, until_ms)

    async def quotes(self) -> tuple[Quote, ...]:
        """Current prices of all symbols."""
        return await self._market.quotes()

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """Current funding rates of all symbols with their next settlement."""
        return await self._market.funding_rates()

    async def maintenance(self) -> str:
        """Empty when the venue works, or where it cannot be asked (testnet)."""
        return "" if self._environment is Environment.TESTNET else await self._market.maintenance()

    def public_news(self, frame: object) -> Sequence[PublicNews]:
        """What a frame of the market streams says."""
        return self._market_frames.read(frame)

    def private_news(self, frame: object, now_ms: int) -> Sequence[PrivateNews]:
        """What a frame of the user stream says."""
        return self._user_frames.read(frame, now_ms)

    def unified(self, symbol: str) -> str:
        """ccxt's name of a symbol (`BTC/USDT:USDT`)."""
        known = self._market.instruments.get(symbol)
        base = known.base if known is not None else symbol.removesuffix(QUOTE)
        return f"{base}/{QUOTE}:{QUOTE}"
