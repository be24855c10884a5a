"""Orders: what is intended, what was approved, and the life of an order as a table."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256

from bot.domain.instrument import ZERO
from bot.domain.signal import Side


class OrderSide(StrEnum):
    """What the venue is asked to do."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is OrderSide.BUY else -1


def opening(side: Side) -> OrderSide:
    """The order side that opens or grows a position on `side`."""
    return OrderSide.BUY if side is Side.LONG else OrderSide.SELL


def closing(side: Side) -> OrderSide:
    """The order side that reduces a position on `side`."""
    return OrderSide.SELL if side is Side.LONG else OrderSide.BUY


class OrderType(StrEnum):
    """How the order executes. The two conditional ones become market orders when the mark price triggers."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"

    @property
    def conditional(self) -> bool:
        """True for orders that rest until a trigger price is reached."""
        return self in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)


class TimeInForce(StrEnum):
    """How long a limit order lasts: until cancelled, at once or never (in part, in whole), only as maker."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class Purpose(StrEnum):
    """Why the order exists; part of its id."""

    ENTRY = "ENTRY"
    STOP = "STOP"
    TARGET = "TARGET"
    CLOSE = "CLOSE"

    @property
    def exits(self) -> bool:
        """True for every purpose that can only reduce a position."""
        return self is not Purpose.ENTRY


class CloseReason(StrEnum):
    """Why a position was closed, as trades and reports show it."""

    TP = "TP"
    SL = "SL"
    TRAIL = "TRAIL"
    REVERSE = "REVERSE"
    MANUAL = "MANUAL"
    PANIC = "PANIC"
    SYNC = "SYNC"
    KILL = "KILL"
    LIQUIDATION = "LIQUIDATION"
    EMERGENCY = "EMERGENCY"
    END = "END"


class OrderStatus(StrEnum):
    """Where an order stands, as far as we can prove."""

    INTENDED = "INTENDED"
    WORKING = "WORKING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"

    @property
    def final(self) -> bool:
        """True when nothing more can happen to the order, but for a late fill (see TRANSITIONS)."""
        return self in FINAL

    @property
    def live(self) -> bool:
        """True when the order may execute at the venue now or soon."""
        return self not in FINAL


FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})

_S = OrderStatus
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.INTENDED: frozenset(
        {
            _S.WORKING,
            _S.PARTIALLY_FILLED,  # the fill's frame overtakes the answer to the order
            _S.FILLED,  # a market order is answered as filled
            _S.CANCELLED,  # cancelled before the acknowledgement was seen
            _S.REJECTED,
            _S.EXPIRED,  # an IOC order with nothing to match
            _S.UNKNOWN,  # time-out, 5xx, cut line: executed or not
        }
    ),
    _S.WORKING: frozenset(
        {
            _S.PARTIALLY_FILLED,
            _S.FILLED,
            _S.CANCELLED,
            _S.REJECTED,  # a conditional order refused at its trigger, or a late reject after the acknowledgement
            _S.EXPIRED,  # removed by the venue
            _S.UNKNOWN,  # absent from a snapshot: settled by a query
        }
    ),
    _S.PARTIALLY_FILLED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset(
        {_S.WORKING, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}
    ),
    _S.CANCELLED: frozenset(
        {
            _S.PARTIALLY_FILLED,  # a fill that happened while the cancel was on its way is booked all the same
            _S.FILLED,
        }
    ),
    _S.EXPIRED: frozenset({_S.PARTIALLY_FILLED, _S.FILLED}),  # as for CANCELLED
    _S.REJECTED: frozenset(
        {_S.FILLED, _S.PARTIALLY_FILLED}
    ),  # the rejection was the venue's error: trades prove it
    _S.FILLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Intent:
    """An order somebody wants: not yet allowed, not yet sent. Prices and quantities already fit the instrument.

    `close_position` orders cover whatever the position is when they trigger; their quantity is informative.
    `expected_price` is the price we plan with, for slippage figures.
    """

    symbol: str
    side: OrderSide
    purpose: Purpose
    type: OrderType
    quantity: Decimal
    decision_id: str
    attempt: int = 0
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False
    expected_price: Decimal = ZERO
    reason: CloseReason | None = None
    time_in_force: TimeInForce = TimeInForce.GTC


@dataclass(frozen=True, slots=True)
class Approved:
    """An intent that passed the named rule set. Only bot.risk makes these; only these can become orders."""

    intent: Intent
    rule_set: str


@dataclass(frozen=True, slots=True)
class Order:
    """An approved order under its client order id, as we know it. `updated_at_ms` is the event that last changed it."""

    client_id: str
    intent: Intent
    rule_set: str
    status: OrderStatus
    created_at_ms: int
    updated_at_ms: int
    filled: Decimal = ZERO
    average_price: Decimal = ZERO
    venue_id: str = ""
    note: str = ""

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.intent.symbol

    @property
    def purpose(self) -> Purpose:
        """Why the order exists."""
        return self.intent.purpose

    @property
    def remaining(self) -> Decimal:
        """Quantity not yet filled, in base units."""
        return self.intent.quantity - self.filled


def instance_prefix(account: str) -> str:
    """Prefix of every client order id of this account's bot: how we tell our orders from a person's."""
    return f"qd{sha256(account.encode()).hexdigest()[:4]}-"


def client_order_id(account: str, intent: Intent) -> str:
    """Deterministic id, at most 36 characters of [a-zA-Z0-9-], from account, symbol, decision, purpose, attempt."""
    text = "|".join((account, intent.symbol, intent.decision_id, intent.purpose, str(intent.attempt)))
    return f"{instance_prefix(account)}{intent.purpose[0].lower()}{sha256(text.encode()).hexdigest()[:24]}"
