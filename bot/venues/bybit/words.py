"""Bybit's words for orders, fills and positions, and ours for them."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.event import OrderUpdated
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO
from bot.domain.order import Order, OrderSide, OrderStatus, OrderType, TimeInForce
from bot.domain.position import Position
from bot.domain.signal import Side
from bot.domain.snapshot import VenueOrder
from bot.venues.bybit.errors import engine_code
from bot.venues.bybit.reading import Row
from bot.venues.ccxt_venue.dialect import PositionMode

LINEAR = "linear"
QUOTE = "USDT"

SIDES = {OrderSide.BUY: "Buy", OrderSide.SELL: "Sell"}
_SIDES = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
_IN_FORCE = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTX: "PostOnly",
}

_S = OrderStatus
_STATUSES = {
    "Created": _S.WORKING,
    "New": _S.WORKING,
    "Untriggered": _S.WORKING,
    "Triggered": _S.WORKING,
    "Active": _S.WORKING,
    "PartiallyFilled": _S.PARTIALLY_FILLED,
    "Filled": _S.FILLED,
    "Rejected": _S.REJECTED,
    "Cancelled": _S.CANCELLED,
    "PartiallyFilledCanceled": _S.CANCELLED,
    "Deactivated": _S.CANCELLED,
}
# What a person or we asked for is CANCELLED; what the venue removed by its own rules is EXPIRED.
_BY_HAND = {"", "UNKNOWN", "CancelByUser"}
_NO_REASON = {"", "EC_NoError", "EC_PerCancelRequest", "EC_Others", "UNKNOWN"}

FILL_TYPES = {"Trade", "AdlTrade", "BustTrade", "Settle", "Delivery", "BlockTrade", "MovePosition"}
FUNDING_TYPE = "Funding"


class Part(StrEnum):
    """Which of a position's own orders: its stop or its target."""

    STOP = "stop"
    TARGET = "target"


_PARTS = {"StopLoss": Part.STOP, "TakeProfit": Part.TARGET}
_CREATED = {"CreateByStopLoss": Part.STOP, "CreateByTakeProfit": Part.TARGET}
_TYPES = {Part.STOP: OrderType.STOP_MARKET, Part.TARGET: OrderType.TAKE_PROFIT_MARKET}


def part_of_type(kind: OrderType) -> Part:
    """The part of a position that a conditional order of ours sets."""
    return Part.TARGET if kind is OrderType.TAKE_PROFIT_MARKET else Part.STOP


def index_of(side: OrderSide, *, exits: bool, mode: PositionMode) -> int:
    """Bybit's positionIdx: 0 in one-way mode; in hedge mode 1 for the long leg, 2 for the short one."""
    if mode is PositionMode.ONE_WAY:
        return 0
    return 1 if (side is OrderSide.BUY) != exits else 2


def order_params(order: Order, mode: PositionMode) -> dict[str, object]:
    """Parameters of order/create. Always with our id: Bybit makes up none, and without one nobody could ask."""
    intent = order.intent
    exits = intent.purpose.exits
    params: dict[str, object] = {
        "category": LINEAR,
        "symbol": intent.symbol,
        "side": SIDES[intent.side],
        "orderType": "Limit" if intent.type is OrderType.LIMIT else "Market",
        "qty": f"{intent.quantity:f}",
        "orderLinkId": order.client_id,
        "positionIdx": index_of(intent.side, exits=exits, mode=mode),
    }
    if intent.type is OrderType.LIMIT:
        params["price"] = f"{intent.limit_price or ZERO:f}"
        params["timeInForce"] = _IN_FORCE[intent.time_in_force]
    if exits or intent.reduce_only:
        params["reduceOnly"] = True
    return params


@dataclass(frozen=True, slots=True)
class Seen:
    """An order row of a position's own stop or target, as far as it tells whose it is."""

    symbol: str
    index: int
    part: Part
    venue_id: str
    trigger: Decimal | None
    waiting: bool
    status: OrderStatus
    at_ms: int
    position_gone: bool
    """The venue says that it removed the order because the position was closed."""


def part_of(row: Row) -> Part | None:
    """Which of a position's own orders a row is about; None for an ordinary order.

    A row with a client id is somebody's conditional order, however its stop is called.
    """
    if row.text("orderLinkId"):
        return None
    return _PARTS.get(row.text("stopOrderType")) or _CREATED.get(row.text("createType"))


def seen(row: Row, mode: PositionMode) -> Seen | None:
    """A row of a position's own stop or target; None for any other order, and for what cannot be read."""
    part, side, status = part_of(row), _SIDES.get(row.text("side")), status_of(row)
    if part is None or side is None or status is None:
        return None
    return Seen(
        symbol=row.text("symbol"),
        index=row.whole("positionIdx", index_of(side, exits=True, mode=mode)),
        part=part,
        venue_id=row.text("orderId"),
        trigger=row.price("triggerPrice"),
        waiting=row.text("orderStatus") == "Untriggered",
        status=status,
        at_ms=row.ms("updatedTime"),
        position_gone=row.text("cancelType") == "CancelByTpSlTsClear",
    )


def status_of(row: Row) -> OrderStatus | None:
    """Where an order stands; None for a status that we do not know."""
    status = _STATUSES.get(row.text("orderStatus"))
    if status is _S.CANCELLED and not _by_hand(row):
        return _S.EXPIRED
    if status is _S.REJECTED and row.amount("cumExecQty") > ZERO:
        return _S.EXPIRED  # the rest of it was refused; what it filled is a fact
    return status


def _by_hand(row: Row) -> bool:
    reason = row.text("rejectReason")
    return row.text("cancelType") in _BY_HAND and (reason in _NO_REASON or not reason.startswith("EC_"))


def why_ended(row: Row) -> str:
    """The venue's reason for refusing or removing an order; empty when it gave none."""
    reason = row.text("rejectReason")
    if reason and reason not in _NO_REASON:
        return engine_code(reason, "")
    cancelled = row.text("cancelType")
    return "" if cancelled in _BY_HAND else cancelled


def average_of(row: Row) -> Decimal:
    """Average price of what an order filled; zero before its first fill."""
    filled = row.amount("cumExecQty")
    if filled <= ZERO:
        return ZERO
    return row.price("avgPrice") or row.amount("cumExecValue") / filled


def update_of(row: Row, client_id: str, at_ms: int) -> OrderUpdated | None:
    """An order row as news about one of our orders."""
    status = status_of(row)
    if status is None or not row.text("symbol"):
        return None
    return OrderUpdated(
        at_ms=at_ms,
        client_id=client_id,
        venue_id=row.text("orderId"),
        symbol=row.text("symbol"),
        status=status,
        filled=max(ZERO, row.amount("cumExecQty")),
        average_price=average_of(row),
        code="" if status.live or status is _S.FILLED else why_ended(row),
    )


def order_of(row: Row, client_id: str) -> VenueOrder | None:
    """An order row as what rests at the venue."""
    status, side = status_of(row), _SIDES.get(row.text("side"))
    if status is None or side is None or not row.text("symbol"):
        return None
    part = part_of(row)
    return VenueOrder(
        client_id=client_id,
        venue_id=row.text("orderId"),
        symbol=row.text("symbol"),
        side=side,
        type=_type_of(row, part),
        status=status,
        quantity=row.amount("qty"),
        filled=row.amount("cumExecQty"),
        average_price=average_of(row),
        trigger_price=row.price("triggerPrice"),
        limit_price=row.price("price") if row.text("orderType") == "Limit" else None,
        reduce_only=row.flag("reduceOnly") or row.flag("closeOnTrigger"),
        close_position=part is not None and row.text("tpslMode") != "Partial",
    )


def _type_of(row: Row, part: Part | None) -> OrderType:
    if part is not None:
        return _TYPES[part]
    if row.price("triggerPrice") is not None and row.text("orderStatus") == "Untriggered":
        falls, sells = row.whole("triggerDirection") == 2, row.text("side") == "Sell"
        return OrderType.STOP_MARKET if falls == sells else OrderType.TAKE_PROFIT_MARKET
    return OrderType.LIMIT if row.text("orderType") == "Limit" else OrderType.MARKET


def fill_of(row: Row, client_id: str, latest_ms: int, mode: PositionMode) -> Fill | None:
    """An execution row as a fill; None for what is none or cannot be read. Never later than `latest_ms`."""
    side, quantity, price = _SIDES.get(row.text("side")), row.amount("execQty"), row.price("execPrice")
    kind, trade_id = row.text("execType"), row.text("execId")
    readable = trade_id and row.text("symbol") and side is not None and price is not None
    if not readable or side is None or price is None or quantity <= ZERO or kind not in FILL_TYPES:
        return None
    return Fill(
        trade_id=trade_id,
        symbol=row.text("symbol"),
        side=side,
        quantity=quantity,
        price=price,
        fee=row.amount("execFee"),
        at_ms=min(row.ms("execTime") or latest_ms, latest_ms),
        client_id=client_id,
        venue_order_id=row.text("orderId"),
        fee_asset=row.text("feeCurrency") or QUOTE,
        maker=row.flag("isMaker"),
        liquidation=kind == "BustTrade",
        leg=_leg_of(row, side) if mode is PositionMode.HEDGE else None,
    )


_BY_THE_EXCHANGE = {"BustTrade", "AdlTrade", "Settle", "Delivery"}


def _leg_of(row: Row, side: OrderSide) -> Side | None:
    """The leg of a fill in hedge mode. Bybit does not name it: what closed something closed the other side's leg."""
    closed = row.number("closedSize")
    if row.text("execType") in _BY_THE_EXCHANGE or part_of(row) is not None or (closed or ZERO) > ZERO:
        return Side.SHORT if side is OrderSide.BUY else Side.LONG
    if closed is None:
        return None
    return Side.LONG if side is OrderSide.BUY else Side.SHORT


def position_of(row: Row) -> Position | None:
    """A position row; None for a flat one and for what cannot be read."""
    side, size = _SIDES.get(row.text("side")), row.amount("size")
    entry = row.price("avgPrice") or row.price("entryPrice")
    if side is None or size <= ZERO or entry is None or not row.text("symbol"):
        return None
    margin = row.amount("positionBalance") or row.amount("positionIM")
    return Position(
        symbol=row.text("symbol"),
        quantity=size * side.sign,
        entry_price=entry,
        leverage=leverage_of(row) or 1,
        isolated_margin=max(ZERO, margin),
    )


def leverage_of(row: Row) -> int:
    """Leverage of a position row, in whole steps as we set it; zero when it cannot be read."""
    leverage = row.price("leverage")
    return int(leverage) if leverage is not None else 0


def side_of(row: Row) -> OrderSide | None:
    """The side of a row; None when it says neither."""
    return _SIDES.get(row.text("side"))
