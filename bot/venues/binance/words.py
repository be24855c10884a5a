"""Binance's words for sides, states and types, and how one of its rows reads as one of our orders."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.domain.signal import Side
from bot.domain.snapshot import VenueOrder
from bot.venues.binance import asks
from bot.venues.binance.kinship import Kinship
from bot.venues.binance.reading import Row, amount, moment, plain, price, text, truth
from bot.venues.ccxt_venue.dialect import PositionMode
from bot.venues.ccxt_venue.wire import Ask, Lane

QUOTE = "USDT"
STUCK_MS = 4_000

SIDES = {side.value: side for side in OrderSide}
LEGS = {side.value: side for side in Side}  # BOTH is no leg

STATUSES = {
    "NEW": OrderStatus.WORKING,
    "PENDING_NEW": OrderStatus.WORKING,
    "PENDING_CANCEL": OrderStatus.WORKING,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
    "NEW_INSURANCE": OrderStatus.WORKING,
    "NEW_ADL": OrderStatus.WORKING,
}

ALGO_ENDS = {
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
}

# A person's types that we never send are shown as the nearest of ours; all that matters is ordinary or conditional.
TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "LIQUIDATION": OrderType.MARKET,
    "STOP": OrderType.STOP_MARKET,
    "STOP_MARKET": OrderType.STOP_MARKET,
    "TRAILING_STOP_MARKET": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_MARKET,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT_MARKET,
}
CONDITIONAL = frozenset(word for word, kind in TYPES.items() if kind.conditional)


def lane(order: Order) -> Lane:
    """Entries wait for exits."""
    return Lane.PROTECT if order.purpose.exits else Lane.ENTRY


def submit_ask(order: Order, mode: PositionMode) -> Ask:
    """One of our orders as Binance wants it."""
    intent = order.intent
    params: dict[str, object] = {
        "symbol": order.symbol,
        "side": intent.side.value,
        "type": intent.type.value,
        **_leg(order, mode),
    }
    if intent.type.conditional:
        params |= _conditional(order, mode)
    else:
        params |= _ordinary(order, mode)
    return asks.submit(params, lane(order), conditional=intent.type.conditional)


def _leg(order: Order, mode: PositionMode) -> dict[str, object]:
    """In hedge mode an order says whose position it means, and what reduces is clear from that."""
    if mode is PositionMode.ONE_WAY:
        return {}
    buys = order.intent.side is OrderSide.BUY
    return {"positionSide": "LONG" if buys is (order.purpose is Purpose.ENTRY) else "SHORT"}


def _reduces(order: Order, mode: PositionMode) -> dict[str, object]:
    if mode is PositionMode.HEDGE or not order.intent.reduce_only:
        return {}
    return {"reduceOnly": "true"}


def _ordinary(order: Order, mode: PositionMode) -> dict[str, object]:
    intent = order.intent
    params: dict[str, object] = {
        "quantity": plain(intent.quantity),
        "newClientOrderId": order.client_id,
        "newOrderRespType": "RESULT",
        **_reduces(order, mode),
    }
    if intent.type is OrderType.LIMIT:
        params |= {"price": plain(intent.limit_price or ZERO), "timeInForce": intent.time_in_force.value}
    return params


def _conditional(order: Order, mode: PositionMode) -> dict[str, object]:
    """Triggered by the mark price, at once: the default (last price) is a person's to push, a protected one waits."""
    intent = order.intent
    params: dict[str, object] = {
        "algoType": "CONDITIONAL",
        "clientAlgoId": order.client_id,
        "triggerPrice": plain(intent.trigger_price or ZERO),
        "workingType": "MARK_PRICE",
        "priceProtect": "false",
    }
    if intent.close_position:
        return params | {"closePosition": "true"}
    return params | {"quantity": plain(intent.quantity), **_reduces(order, mode)}


def stuck(row: Row, now_ms: int) -> bool:
    """True when a conditional order has hung between trigger and book for longer than any match takes.

    It has happened that such an order never led anywhere while cancels were answered with -2011: a stop in this state
    protects nothing, so it is told as ended and the engine protects anew (or closes, where the venue refuses that).
    """
    since_ms = moment(row, "triggerTime") or moment(row, "updateTime")
    hangs = text(row, "algoStatus") == "TRIGGERING" and text(row, "actualOrderId") in ("", "0")
    return hangs and since_ms is not None and now_ms - since_ms > STUCK_MS


def venue_order(row: Row, kin: Kinship) -> VenueOrder | None:
    """A row of openOrders; a triggered order goes by its conditional order's client id."""
    side, status = SIDES.get(text(row, "side")), STATUSES.get(text(row, "status"))
    order_id, own = text(row, "orderId"), text(row, "clientOrderId")
    if side is None or status is None or not order_id or not text(row, "symbol"):
        return None
    kin.name(order_id, own)
    kin.sent(own)
    return VenueOrder(
        client_id=kin.client_id(order_id, own),
        venue_id=order_id,
        symbol=text(row, "symbol"),
        side=side,
        type=_ordinary_type(text(row, "type")),
        status=status,
        quantity=amount(row, "origQty"),
        filled=amount(row, "executedQty"),
        average_price=amount(row, "avgPrice"),
        trigger_price=price(row, "stopPrice"),
        limit_price=price(row, "price"),
        reduce_only=truth(row, "reduceOnly"),
        close_position=truth(row, "closePosition"),
    )


def _ordinary_type(word: str) -> OrderType:
    """What stands among ordinary orders is cancelled as such, whatever it once was."""
    return OrderType.LIMIT if word in ("LIMIT", "STOP", "TAKE_PROFIT") else OrderType.MARKET


def venue_algo(row: Row, kin: Kinship) -> VenueOrder | None:
    """A row of openAlgoOrders."""
    side, kind = SIDES.get(text(row, "side")), TYPES.get(text(row, "orderType"))
    client_id, symbol = text(row, "clientAlgoId"), text(row, "symbol")
    if side is None or kind is None or not client_id or not symbol:
        return None
    learn_algo(row, kin)
    whole_position = truth(row, "closePosition")
    return VenueOrder(
        client_id=client_id,
        venue_id=text(row, "algoId"),
        symbol=symbol,
        side=side,
        type=kind,
        status=OrderStatus.WORKING,
        quantity=amount(row, "quantity"),
        filled=ZERO,
        average_price=Decimal(0),
        trigger_price=price(row, "triggerPrice"),
        limit_price=price(row, "price"),
        reduce_only=truth(row, "reduceOnly") or whole_position,
        close_position=whole_position,
    )


def learn_algo(row: Row, kin: Kinship) -> None:
    """Keep what a REST row says of a conditional order and of the order it became."""
    kin.algo(
        text(row, "clientAlgoId"),
        text(row, "symbol"),
        SIDES.get(text(row, "side")),
        text(row, "algoStatus"),
        text(row, "actualOrderId"),
    )
