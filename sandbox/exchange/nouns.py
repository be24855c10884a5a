"""What exists at the exchange. Ground truth: every figure here is the exchange's own, in quote or base units."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bot.domain.modes import MarginMode as MarginMode
from bot.domain.modes import PositionMode as PositionMode
from bot.domain.order import OrderSide, OrderStatus, TimeInForce

ZERO = Decimal(0)


class Leg(StrEnum):
    """Which position of a contract: the only one (one-way), or the long or the short one (hedge)."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class Kind(StrEnum):
    """Order types. All but the first two are conditional: they rest until triggered, then become one of the two."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"


class TriggerBy(StrEnum):
    """Which price triggers."""

    LAST = "last"
    MARK = "mark"


class Origin(StrEnum):
    """Who made an order."""

    CLIENT = "client"
    TRIGGER = "trigger"
    HUMAN = "human"
    LIQUIDATION = "liquidation"
    DELEVERAGING = "deleveraging"


class ConditionalStatus(StrEnum):
    """Life of a conditional order. FINISHED: its ordinary order ended, filled or cancelled."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def live(self) -> bool:
        """True while it may still lead to an order."""
        return self in (ConditionalStatus.NEW, ConditionalStatus.TRIGGERING)


class Refused(Exception):
    """The exchange does not take it: `code` as in bot.venues.matching.Code (or Extra), `figures` one line."""

    def __init__(self, code: str, figures: str) -> None:
        super().__init__(f"{code}: {figures}")
        self.code = code
        self.figures = figures


class Extra(StrEnum):
    """Refusal codes beyond those of the fill model; Binance's numbers where it has one, else a word."""

    TOO_MANY_ORDERS = "-1015"
    MAX_OPEN_ORDERS = "-2025"
    WRONG_KIND = "-4120"
    UNKNOWN_ORDER_QUERY = "-2013"
    MARKET_PERCENT_PRICE = "-4131"
    SAME_MARGIN_MODE = "-4046"
    MARGIN_OPEN_ORDERS = "-4047"
    MARGIN_OPEN_POSITION = "-4048"
    SAME_POSITION_MODE = "-4059"
    WRONG_LEG = "-4061"
    MODE_OPEN_ORDERS = "-4067"
    MODE_OPEN_POSITION = "-4068"
    SAME_LEVERAGE = "same leverage"
    NOTHING_CHANGED = "nothing changed"
    TOO_MANY_PARTIAL = "too many partial stops"
    FINISHED = "order finished"


@dataclass(frozen=True, slots=True)
class OrderAsk:
    """An ordinary order as asked for. `foreign` marks what a person does past the bot; `client_id` empty = made up."""

    symbol: str
    side: OrderSide
    kind: Kind
    quantity: Decimal
    client_id: str = ""
    price: Decimal | None = None
    leg: Leg = Leg.BOTH
    reduce_only: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    origin: Origin = Origin.CLIENT


@dataclass(frozen=True, slots=True)
class ConditionalAsk:
    """A conditional order as asked for. `limit_price` for STOP and TAKE_PROFIT; `callback_rate` in percent,
    `callback_distance` in price: one of them for a trailing stop.

    `close_all`: covers whatever the position is when it triggers, without a quantity. `with_position`: belongs to the
    position and goes when it goes (Bybit's stop and target), `partial`: one of several such.
    """

    symbol: str
    side: OrderSide
    kind: Kind
    quantity: Decimal = ZERO
    trigger_price: Decimal | None = None
    client_id: str = ""
    limit_price: Decimal | None = None
    leg: Leg = Leg.BOTH
    trigger_by: TriggerBy = TriggerBy.LAST
    reduce_only: bool = False
    close_all: bool = False
    activation_price: Decimal | None = None
    callback_rate: Decimal | None = None
    callback_distance: Decimal | None = None
    price_protect: bool = False
    time_in_force: TimeInForce = TimeInForce.GTC
    with_position: bool = False
    partial: bool = False
    rises: bool | None = None
    """Direction of the trigger where the protocol states it (True: triggers when the price rises to it)."""


@dataclass(slots=True)
class ExchangeOrder:
    """An ordinary order, from the day it was taken; kept for ever. `parent` is the conditional order it came from."""

    order_id: int
    client_id: str
    ask: OrderAsk
    status: OrderStatus
    created_at_ms: int
    updated_at_ms: int
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fee: Decimal = ZERO
    parent: int = 0
    reason: str = ""

    @property
    def average(self) -> Decimal:
        """Average price, zero before the first fill."""
        return self.value / self.filled if self.filled else ZERO

    @property
    def left(self) -> Decimal:
        """Quantity not filled."""
        return self.ask.quantity - self.filled


@dataclass(slots=True)
class Conditional:
    """A conditional order; kept for ever. `child` is the ordinary order it became."""

    conditional_id: int
    client_id: str
    ask: ConditionalAsk
    status: ConditionalStatus
    created_at_ms: int
    updated_at_ms: int
    child: int = 0
    triggered_at_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution; `realised` before fees. `order_client_id` may be a person's or the exchange's own."""

    trade_id: int
    order_id: int
    order_client_id: str
    symbol: str
    side: OrderSide
    leg: Leg
    quantity: Decimal
    price: Decimal
    fee: Decimal
    realised: Decimal
    at_ms: int
    maker: bool = False
    origin: Origin = Origin.CLIENT
    fee_asset: str = "USDT"
    closed_quantity: Decimal = ZERO
    """How much of it reduced the position."""


class IncomeKind(StrEnum):
    """Where money came from or went; Binance's words."""

    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"
    TRANSFER = "TRANSFER"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"


@dataclass(frozen=True, slots=True)
class Income:
    """One line of the account's income; signed, positive = received. Their sum is the wallet, always."""

    income_id: int
    kind: IncomeKind
    symbol: str
    amount: Decimal
    at_ms: int
    wallet_after: Decimal
    trade_id: int = 0
    rate: Decimal = ZERO
    asset: str = "USDT"


@dataclass(frozen=True, slots=True)
class LegView:
    """One position (leg) of a contract, flat ones too. `quantity` is signed. Prices at this moment."""

    symbol: str
    leg: Leg
    quantity: Decimal
    entry_price: Decimal
    mark: Decimal
    leverage: int
    margin_mode: MarginMode
    isolated_margin: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    unrealised: Decimal
    liquidation_price: Decimal | None
    realised: Decimal
    created_at_ms: int
    updated_at_ms: int
    stop: Conditional | None = None
    target: Conditional | None = None
    """The position's own full stop and target (with_position), where there are any."""


@dataclass(frozen=True, slots=True)
class Funds:
    """The account's money: margins in use, what is left."""

    wallet: Decimal
    unrealised: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    available: Decimal
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class MarketView:
    """Prices of one contract at this moment. `funding_rate` is the current estimate."""

    symbol: str
    at_ms: int
    last: Decimal
    mark: Decimal
    index: Decimal
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    funding_rate: Decimal
    next_funding_at_ms: int
    open_interest: Decimal
    day_open: Decimal
    day_high: Decimal
    day_low: Decimal
    day_volume: Decimal
    day_turnover: Decimal


@dataclass(frozen=True, slots=True)
class Kline:
    """One candle, closed or still forming. Figures are exact texts of the market's floats."""

    symbol: str
    interval: str
    open_at_ms: int
    close_at_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal
    trades: int
    closed: bool


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """Where exchanges differ in behaviour, not in words.

    `unique_for_ever`: a client id may never be used again (else: among open orders only). `stops_with_position`:
    a position's own stops go when it goes. `count_conditional`: resting reduce-only stops count against -4118.
    `acks_first`: what the book finds wrong with an order (post-only that would take) is told by an event, after the
    acknowledgement; lack of margin is refused at once by all.
    """

    unique_for_ever: bool = False
    stops_with_position: bool = False
    acks_first: bool = False
    taker_fee: Decimal = Decimal("0.0005")
    maker_fee: Decimal = Decimal("0.0002")
    start_wallet: Decimal = Decimal(10_000)
    max_orders: int = 200
    max_conditional: int = 100
    max_partial: int = 20
    book_depth: Decimal = ZERO
    """Quantity (in quote) that one execution takes at most; zero = everything at once."""
    count_conditional: bool = False


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What an API key may do."""

    trade: bool = True
    withdraw: bool = False
    transfer: bool = False
    ips: tuple[str, ...] = ("127.0.0.1",)
    expires_at_ms: int = 0
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of an account, for the sandbox only."""

    key: str
    secret: str = field(repr=False)
    rights: KeyRights = KeyRights()
