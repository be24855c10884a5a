"""The face: Bybit's words for everything the shared driver asks of an exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.event import Call, CallEnded, OrderUpdated
from bot.domain.instrument import Instrument
from bot.domain.market import FundingRate, Quote
from bot.domain.modes import PositionMode
from bot.domain.order import Order
from bot.domain.snapshot import VenueSnapshot
from bot.strategy import Frame
from bot.venues import outcome
from bot.venues.bybit import access as accesses
from bot.venues.bybit import errors
from bot.venues.bybit.account import Account
from bot.venues.bybit.gate import Gate
from bot.venues.bybit.instruments import Extras, read_instruments
from bot.venues.bybit.market import Market, MarketNews
from bot.venues.bybit.news import News
from bot.venues.bybit.orders import Orders
from bot.venues.bybit.paging import pages
from bot.venues.bybit.slots import Slots
from bot.venues.bybit.words import LINEAR, QUOTE
from bot.venues.ccxt_venue.dialect import (
    Client,
    GateReport,
    PrivateNews,
    PublicNews,
    RateLimits,
    StreamPlan,
    Wish,
)
from bot.venues.ccxt_venue.wire import Access, Ask, Gateway, Memory, Reply
from bot.venues.outcome import Verdict


class BybitDialect:
    """Bybit v5 linear perpetuals of a unified account. Translation only."""

    def __init__(self, gateway: Gateway, memory: Memory, position_mode: PositionMode) -> None:
        self._gateway = gateway
        self._slots = Slots(memory)
        self._news = News(self._slots, position_mode)
        self._orders = Orders(gateway, self._slots, self._news, position_mode)
        self._account = Account(gateway, self._news)
        self._gate = Gate(gateway, self._news, position_mode)
        self._market = Market(gateway)
        self._market_news = MarketNews()
        self._instruments: Mapping[str, Instrument] = {}
        self._has_key = True

    @property
    def name(self) -> str:
        """`bybit`."""
        return accesses.EXCHANGE

    @property
    def limits(self) -> RateLimits:
        """The documented budget."""
        return accesses.LIMITS

    @property
    def streams(self) -> StreamPlan:
        """How its sockets live."""
        return accesses.STREAMS

    def client(self, access: Access) -> Client:
        """How ccxt is constructed for this access."""
        self._has_key = bool(access.key)
        return accesses.client(access)

    def reply_code(self, body: object) -> tuple[str, str]:
        """The code and message in a parsed body; empty code when it is a good answer."""
        return errors.reply_code(body)

    def verdict(self, reply: Reply, ask: Ask) -> Verdict:
        """What this answer to this ask means."""
        return errors.verdict(reply, ask)

    async def server_time_ms(self) -> int:
        """Bybit's clock."""
        return await self._market.server_time_ms()

    async def instruments(self) -> Mapping[str, Instrument]:
        """All linear USDT perpetuals with brackets, and fees of this account where a key is given."""
        await self._slots.ready()
        category = {"category": LINEAR}
        found = await pages(self._gateway, "publicGetV5MarketInstrumentsInfo", {**category, "limit": 1000})
        risk = await pages(self._gateway, "publicGetV5MarketRiskLimit", category)
        fees = await pages(self._gateway, "privateGetV5AccountFeeRate", category) if self._has_key else []
        self._instruments = read_instruments(found, Extras(risk, fees))
        return self._instruments

    async def gate(self, wish: Wish) -> GateReport:
        """Mode, margin type, leverage, key rights: read, set, read back."""
        await self._slots.ready()
        instruments = self._instruments or await self.instruments()
        return await self._gate.look(wish, instruments)

    async def submit(self, order: Order) -> CallEnded:
        """Send one order, or set a position's stop or target."""
        await self._slots.ready()
        return await self._orders.submit(order)

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order; DONE also when it is already gone."""
        await self._slots.ready()
        return await self._orders.cancel(client_id, symbol, conditional)

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of one order, from open orders, history and executions."""
        await self._slots.ready()
        return await self._orders.query(client_id, symbol, conditional)

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        """Set leverage of both sides; `already so` is DONE."""
        answer = await self._gate.set_leverage(symbol, leverage)
        if answer.verdict is Verdict.NOT_DONE:
            answer = replace(answer, code=errors.engine_code(answer.code, answer.words))
        return outcome.ended(answer, self._gateway.now_ms, Call.SUBMIT, "", symbol)

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists, of one moment."""
        await self._slots.ready()
        return await self._account.snapshot(since_ms)

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int = 0) -> Frame:
        """The last closed candles, oldest first."""
        return await self._market.candles(symbol, timeframe, bars, until_ms)

    async def quotes(self) -> tuple[Quote, ...]:
        """Current prices of all symbols, in one call."""
        return await self._market.quotes()

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """Current funding rates of all symbols, in one call."""
        return await self._market.funding_rates()

    async def maintenance(self) -> str:
        """Empty when Bybit works; else what it says about its maintenance."""
        return await self._market.maintenance()

    def public_news(self, frame: object) -> Sequence[PublicNews]:
        """What a frame of the market streams says."""
        return self._market_news.read(frame)

    def private_news(self, frame: object, now_ms: int) -> Sequence[PrivateNews]:
        """What a frame of the user stream says."""
        return self._news.read(frame, now_ms)

    def unified(self, symbol: str) -> str:
        """ccxt's name of a symbol (`BTC/USDT:USDT`)."""
        instrument = self._instruments.get(symbol)
        base = instrument.base if instrument is not None else symbol.removesuffix(QUOTE)
        return f"{base}/{QUOTE}:{QUOTE}"
