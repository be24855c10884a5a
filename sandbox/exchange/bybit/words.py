"""Bybit's words for what the core names otherwise, and its way of writing figures."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import OrderSide, OrderStatus, TimeInForce
from sandbox.exchange.nouns import (
    Conditional,
    ConditionalAsk,
    ConditionalStatus,
    Kind,
    Leg,
    Origin,
    TriggerBy,
)

CATEGORY = "linear"
COIN = "USDT"

INTERVALS = {
    "1": "1m",
    "3": "3m",
    "5": "5m",
    "15": "15m",
    "30": "30m",
    "60": "1h",
    "120": "2h",
    "240": "4h",
    "360": "6h",
    "720": "12h",
    "D": "1d",
    "W": "1w",
    "M": "1M",
}
"""Bybit's name of a candle interval -> the core's."""

SIDES = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
SIDE_WORDS = {side: word for word, side in SIDES.items()}
LEGS = {0: Leg.BOTH, 1: Leg.LONG, 2: Leg.SHORT}
LEG_NUMBERS = {leg: number for number, leg in LEGS.items()}
TIMES_IN_FORCE = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PostOnly": TimeInForce.GTX,
}
TIME_WORDS = {ours: theirs for theirs, ours in TIMES_IN_FORCE.items()}
TRIGGERS = {"LastPrice": TriggerBy.LAST, "MarkPrice": TriggerBy.MARK, "IndexPrice": TriggerBy.MARK}
"""Nothing triggers on an index here; it is taken for the mark."""
TRIGGER_WORDS = {TriggerBy.LAST: "LastPrice", TriggerBy.MARK: "MarkPrice"}

ORDER_STATUSES = {
    OrderStatus.INTENDED: "New",
    OrderStatus.WORKING: "New",
    OrderStatus.PARTIALLY_FILLED: "PartiallyFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELLED: "Cancelled",
    OrderStatus.REJECTED: "Rejected",
    OrderStatus.EXPIRED: "Cancelled",
    OrderStatus.UNKNOWN: "New",
}
CONDITIONAL_STATUSES = {
    ConditionalStatus.NEW: "Untriggered",
    ConditionalStatus.TRIGGERING: "Triggered",
    ConditionalStatus.TRIGGERED: "Triggered",
    ConditionalStatus.FINISHED: "Triggered",
    ConditionalStatus.CANCELED: "Deactivated",
    ConditionalStatus.EXPIRED: "Deactivated",
    ConditionalStatus.REJECTED: "Rejected",
}
OPEN_STATUSES = frozenset({"New", "PartiallyFilled", "Untriggered"})
EXECUTIONS = {Origin.LIQUIDATION: "BustTrade", Origin.DELEVERAGING: "AdlTrade"}
MARKET_KINDS = frozenset({Kind.MARKET, Kind.STOP_MARKET, Kind.TAKE_PROFIT_MARKET, Kind.TRAILING_STOP_MARKET})
TARGET_KINDS = frozenset({Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_MARKET})


def plain(value: Decimal) -> str:
    """All its digits, no exponent, no trailing zeros."""
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def average(value: Decimal) -> str:
    """A price that was divided: at most twelve decimals."""
    return plain(value.quantize(Decimal("1e-12"))) if value else "0"


def ratio(value: Decimal) -> str:
    """A fraction: at most six decimals."""
    return plain(value.quantize(Decimal("1e-6"))) if value else "0"


def optional(value: Decimal | None) -> str:
    """A price, empty where there is none."""
    return "" if value is None or value == ZERO else plain(value)


def covers_position(ask: ConditionalAsk) -> bool:
    """True when it covers whatever the position is when it triggers."""
    return ask.close_all or (ask.with_position and not ask.partial)


def stop_order_type(ask: ConditionalAsk) -> str:
    """What Bybit calls a conditional order: `Stop`, or by what it does for its position."""
    if not ask.with_position:
        return "Stop"
    if ask.kind is Kind.TRAILING_STOP_MARKET:
        return "TrailingStop"
    name = "TakeProfit" if ask.kind in TARGET_KINDS else "StopLoss"
    return f"Partial{name}" if ask.partial else name


def create_type(origin: Origin, parent: Conditional | None, *, reduces: bool) -> str:
    """Who made an order."""
    if parent is not None:
        kind = stop_order_type(parent.ask)
        return "CreateByStopOrder" if kind == "Stop" else f"CreateBy{kind}"
    if origin is Origin.LIQUIDATION:
        return "CreateByTakeOver_PassThrough"
    if origin is Origin.DELEVERAGING:
        return "CreateByAdl_PassThrough"
    return "CreateByClosing" if origin is Origin.HUMAN and reduces else "CreateByUser"


def rises(ask: ConditionalAsk) -> bool:
    """True when it triggers by a rise."""
    if ask.rises is not None:
        return ask.rises
    return (ask.side is OrderSide.BUY) is not (ask.kind in TARGET_KINDS)
