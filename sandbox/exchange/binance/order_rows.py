"""An ordinary order as REST tells it."""

from decimal import Decimal

from bot.domain.order import OrderStatus
from sandbox.exchange.binance.call import Floor
from sandbox.exchange.binance.figures import average, plain
from sandbox.exchange.binance.problems import Json
from sandbox.exchange.nouns import ExchangeOrder, Origin

STATUS = {
    OrderStatus.INTENDED: "NEW",
    OrderStatus.WORKING: "NEW",
    OrderStatus.UNKNOWN: "NEW",
    OrderStatus.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELLED: "CANCELED",
    OrderStatus.REJECTED: "REJECTED",
    OrderStatus.EXPIRED: "EXPIRED",
}


def shown_id(order: ExchangeOrder) -> str:
    """The client id; orders that the exchange made itself have Binance's."""
    origin, own = order.ask.origin, order.client_id
    if origin is Origin.LIQUIDATION:
        return own if own.startswith("autoclose-") else f"autoclose-{order.created_at_ms}{order.order_id}"
    if origin is Origin.DELEVERAGING:
        return own if own.startswith("adl_autoclose") else "adl_autoclose"
    return own


def origin_type(floor: Floor, account: str, order: ExchangeOrder) -> str:
    """The type it was born with: that of its conditional order, if it came from one."""
    if not order.parent:
        return order.ask.kind.value
    owner = next(one for one in floor.exchange.accounts() if one.name == account)
    parent = owner.find_conditional(order.parent)
    return order.ask.kind.value if parent is None else parent.ask.kind.value


def row(floor: Floor, account: str, order: ExchangeOrder) -> Json:
    """An order as REST tells it."""
    ask = order.ask
    ends = floor.keeping.timers.good_till.get((account, order.order_id), 0)
    return {
        "orderId": order.order_id,
        "symbol": ask.symbol,
        "status": STATUS[order.status],
        "clientOrderId": shown_id(order),
        "price": plain(ask.price or Decimal(0)),
        "avgPrice": average(order.average),
        "origQty": plain(ask.quantity),
        "executedQty": plain(order.filled),
        "cumQty": plain(order.filled),
        "cumQuote": plain(order.value),
        "timeInForce": "GTD" if ends else ask.time_in_force.value,
        "type": ask.kind.value,
        "reduceOnly": ask.reduce_only,
        "closePosition": False,
        "side": ask.side.value,
        "positionSide": ask.leg.value,
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": origin_type(floor, account, order),
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": ends,
        "time": order.created_at_ms,
        "updateTime": order.updated_at_ms,
    }
