"""The contract of an exchange's dialect: translation only, between the port's words and the exchange's.

A dialect makes asks and reads answers and frames; it opens no connection, keeps no clock and starts no task. Whatever
a frame may hold (missing keys, unknown enums, text for numbers, NaN) it returns what it understood and never raises;
what cannot be read is logged once per kind and left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.event import CallEnded, Event, OrderUpdated
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, FundingRate, Quote
from bot.domain.modes import MarginMode as MarginMode
from bot.domain.modes import PositionMode as PositionMode
from bot.domain.order import Order
from bot.domain.snapshot import VenueSnapshot
from bot.strategy import Frame
from bot.venues.ccxt_venue.wire import Access, Ask, Reply
from bot.venues.outcome import Verdict


@dataclass(frozen=True, slots=True)
class Wish:
    """How the account has to be set before the first order: read back, set where it differs, read back again."""

    leverage: Mapping[str, int]
    position_mode: PositionMode = PositionMode.ONE_WAY
    margin_mode: MarginMode = MarginMode.ISOLATED
    live: bool = False


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the start-up gate found. `refusals` are reasons not to start, `halts` symbols that must not be entered.

    `changed` says what was set to fit, `warnings` what a person should know (a key that expires, a key without IP).
    `pending` says what the venue's pace did not allow to finish: entries rest, and the gate is looked at again soon.
    """

    refusals: tuple[str, ...] = ()
    halts: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    pending: str = ""


@dataclass(frozen=True, slots=True)
class KlineSeen:
    """A candle frame: `closed` when the venue says that the candle is final."""

    candle: Candle
    timeframe: str
    closed: bool


@dataclass(frozen=True, slots=True)
class PriceSeen:
    """Some current prices of one symbol; None: not in this frame."""

    symbol: str
    at_ms: int
    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """The user stream is over although its socket may be open (listen key expired): connect anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class FrozenSettings:
    """Something about the account was changed at the venue (leverage, mode, margin): the gate looks again."""

    symbol: str
    what: str


type PublicNews = KlineSeen | PriceSeen | FundingRate
type PrivateNews = Event | StreamEnded | FrozenSettings


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The venue's budget: weight per minute, orders per ten seconds and per minute; 0 = not limited.

    `per_second`: how often a second single methods may be called; the venue's own word, once heard, changes nothing.
    """

    weight_per_minute: int
    orders_per_10s: int
    orders_per_minute: int = 0
    per_second: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Client:
    """How ccxt's exchange object is made: its id (`binanceusdm`, `bybit`), constructor settings, production error map.

    `settings` holds `urls`, `options` and whatever else the constructor takes, but no key and no secret.
    """

    exchange_id: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What the shared stream keeper needs to know of a venue's sockets; times in seconds.

    `renew_s`: how often to renew the user stream's key by `renew` (None: nothing to renew); `life_s`: reconnect in
    good time before the venue cuts; `silent_s`: a public stream without a frame for so long is dead;
    `symbols_per_socket`: how many candle streams one connection carries.
    """

    symbols_per_socket: int
    silent_s: float
    life_s: float
    renew_s: float = 0.0
    renew: Ask | None = None


class Dialect(Protocol):
    """One exchange's words. Constructed with a Gateway, a Memory and the account's PositionMode."""

    @property
    def name(self) -> str:
        """`binance`, `bybit`."""
        ...

    @property
    def limits(self) -> RateLimits:
        """The documented budget."""
        ...

    @property
    def streams(self) -> StreamPlan:
        """How its sockets live."""
        ...

    def client(self, access: Access) -> Client:
        """How ccxt is constructed for this access. SANDBOX overrides every URL there is: none may lead outside."""
        ...

    def reply_code(self, body: object) -> tuple[str, str]:
        """The venue's code and message in a parsed body; empty code when the body is a good answer."""
        ...

    def verdict(self, reply: Reply, ask: Ask) -> Verdict:
        """The table: what this answer to this ask means. 429/418 and unlisted codes too."""
        ...

    # Account and market by REST; VenueUnavailable (short code) where a question could not be answered

    async def server_time_ms(self) -> int:
        """The venue's clock."""
        ...

    async def instruments(self) -> Mapping[str, Instrument]:
        """All linear USDT perpetuals with brackets, fees of this account (where a key is given), funding intervals."""
        ...

    async def gate(self, wish: Wish) -> GateReport:
        """Mode, margin type, leverage, key rights: read, set, read back."""
        ...

    async def submit(self, order: Order) -> CallEnded:
        """Send one order under its client id, or set a position's stop or target where the venue has no id for it."""
        ...

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        """Cancel one order; DONE also when it is already gone."""
        ...

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        """What became of one order, from every source that may know it."""
        ...

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        """Set leverage; `already so` is DONE."""
        ...

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        """Everything that exists, ordinary and conditional; fills with our client ids, funding."""
        ...

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int = 0) -> Frame:
        """The last `bars` closed candles (that close at or before `until_ms`, 0 = now), oldest first."""
        ...

    async def quotes(self) -> tuple[Quote, ...]:
        """Current prices of all symbols, in as few calls as there are."""
        ...

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        """Current funding rates of all symbols with their next settlement."""
        ...

    async def maintenance(self) -> str:
        """Empty when the venue works; else what it says about its maintenance."""
        ...

    # Streams

    def public_news(self, frame: object) -> Sequence[PublicNews]:
        """What a frame of the market streams says."""
        ...

    def private_news(self, frame: object, now_ms: int) -> Sequence[PrivateNews]:
        """What a frame of the user stream says: fills, order updates, funding, wallet, its own end."""
        ...

    def unified(self, symbol: str) -> str:
        """ccxt's name of a symbol (`BTC/USDT:USDT`)."""
        ...
