"""Ordinary orders: MARKET and LIMIT. Conditional types are refused here; they live in the algo service."""

import re
from decimal import Decimal

from bot.domain.order import OrderSide, OrderStatus, TimeInForce
from sandbox.exchange.binance.call import Call
from sandbox.exchange.binance.order_rows import row
from sandbox.exchange.binance.problems import Json, Problem, bad_value, missing, not_wanted
from sandbox.exchange.nouns import (
    ExchangeOrder,
    Kind,
    Leg,
    OrderAsk,
    Origin,
    PositionMode,
)

NEW_ORDER = frozenset(
    {
        "symbol", "side", "positionSide", "type", "timeInForce", "quantity", "reduceOnly", "price",
        "newClientOrderId", "newOrderRespType", "priceMatch", "selfTradePreventionMode", "goodTillDate",
        "stopPrice", "closePosition", "activationPrice", "callbackRate", "workingType", "priceProtect",
    }
)  # fmt: skip
NAMED = frozenset({"symbol", "orderId", "origClientOrderId"})
AMENDED = NAMED | {"side", "quantity", "price", "priceMatch", "origType", "positionSide"}
SIDES = tuple(side.value for side in OrderSide)
LEGS = tuple(leg.value for leg in Leg)
TIMES = ("GTC", "IOC", "FOK", "GTX", "GTD")
MATCHES = (
    "NONE", "OPPONENT", "OPPONENT_5", "OPPONENT_10", "OPPONENT_20", "QUEUE", "QUEUE_5", "QUEUE_10", "QUEUE_20",
)  # fmt: skip
SELF_TRADE = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
FORGOTTEN_MS = 3 * 86_400_000
OLD_MS = 90 * 86_400_000


def leg_of(call: Call) -> Leg:
    """The position the order is about. Raises Problem -4060, -4061."""
    leg = Leg(call.choice("positionSide", LEGS, Leg.BOTH.value, -4060))
    hedged = call.account.position_mode is PositionMode.HEDGE
    if hedged is (leg is Leg.BOTH):
        raise Problem(-4061)
    if hedged and call.has("reduceOnly"):
        raise not_wanted("reduceOnly")
    return leg


def client_id(call: Call, name: str) -> str:
    """The client's id, empty when not sent. Raises Problem -4015."""
    if not call.has(name):
        return ""
    value = call.parameters[name]
    if len(value) > 36:
        raise Problem(-4015, "Client order id length should be less than 36 chars")
    if not CLIENT_ID.fullmatch(value):
        raise Problem(-4015)
    return value


def side_of(call: Call) -> OrderSide:
    """BUY or SELL. Raises Problem -1117."""
    return OrderSide(call.choice("side", SIDES, None, -1117))


def _kind(call: Call) -> Kind:
    kind = call.text("type")
    if kind not in Kind.__members__:
        raise Problem(-1116)
    if kind not in {Kind.MARKET, Kind.LIMIT}:
        raise Problem(-4120)
    return Kind(kind)


def _check_extras(call: Call, kind: Kind) -> None:
    """Parameters of conditional orders do not go with ordinary ones."""
    for name in ("stopPrice", "activationPrice", "callbackRate"):
        if call.has(name):
            raise not_wanted(name)
    if call.flag("closePosition"):
        raise Problem(-4136, f"Target strategy invalid for orderType {kind.value},closePosition true")
    call.flag("priceProtect")
    call.choice("workingType", ("MARK_PRICE", "CONTRACT_PRICE"), "CONTRACT_PRICE", -4031)
    call.choice("selfTradePreventionMode", SELF_TRADE, "NONE")
    call.choice("newOrderRespType", ("ACK", "RESULT"), "ACK", -1136)
    if kind is Kind.MARKET:
        for name in ("price", "timeInForce", "priceMatch", "goodTillDate"):
            if call.has(name):
                raise not_wanted(name)


def limit_price(call: Call, symbol: str) -> Decimal:
    """The price sent, or the one of `priceMatch`. Raises Problem -1102, -1106."""
    match = call.choice("priceMatch", MATCHES, "NONE")
    if match == "NONE":
        return call.needed_figure("price")
    if call.has("price"):
        raise not_wanted("price")
    view, buys = call.exchange.view(symbol), side_of(call) is OrderSide.BUY
    best = view.ask if buys is match.startswith("OPPONENT") else view.bid
    away = int(match.rpartition("_")[2]) - 1 if "_" in match else 0
    upwards = 1 if best == view.ask else -1
    return best + call.contract(symbol).price_tick * away * upwards


def ask_of(call: Call) -> OrderAsk:
    """The order that is asked for. Raises Problem."""
    call.only(NEW_ORDER)
    symbol, side, kind = call.symbol(), side_of(call), _kind(call)
    leg = leg_of(call)
    _check_extras(call, kind)
    price, time_in_force = None, TimeInForce.GTC
    if kind is Kind.LIMIT:
        word = call.choice("timeInForce", TIMES, None, -1115)
        time_in_force = TimeInForce.GTC if word == "GTD" else TimeInForce(word)
        price = limit_price(call, symbol)
        _good_till(call, word)
    return OrderAsk(
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=call.needed_figure("quantity"),
        client_id=client_id(call, "newClientOrderId"),
        price=price,
        leg=leg,
        reduce_only=call.flag("reduceOnly"),
        time_in_force=time_in_force,
    )


def _good_till(call: Call, time_in_force: str) -> int:
    """When a GTD order ends; 0 for others."""
    if time_in_force != "GTD":
        return 0
    value = call.whole("goodTillDate")
    if value is None:
        raise missing("goodTillDate")
    if value <= call.floor.now_ms:
        raise bad_value("goodTillDate")
    return value // 1000 * 1000


def place(call: Call) -> Json:
    """POST order: NEW with ACK (the default), what became of it with RESULT."""
    ask = ask_of(call)
    order = call.account.place(ask)
    ends = _good_till(call, call.parameters.get("timeInForce", ""))
    if ends and not order.status.final:
        timers, key = call.floor.keeping.timers, (call.account.name, order.order_id)
        timers.good_till[key] = timers.ending[key] = ends
    shown = row(call.floor, call.account.name, order)
    del shown["time"]
    if call.parameters.get("newOrderRespType", "ACK") == "RESULT":
        return shown
    return shown | {
        "status": "NEW",
        "avgPrice": "0.00",
        "executedQty": "0",
        "cumQty": "0",
        "cumQuote": "0",
    }


def test(call: Call) -> Json:
    """POST order/test: checked as far as the protocol goes, not placed."""
    ask_of(call)
    return {}


def named(call: Call) -> ExchangeOrder | None:
    """The order asked for by `orderId` or `origClientOrderId`, as far as it is still remembered."""
    symbol, order_id = call.symbol(), call.whole("orderId") or 0
    name = call.parameters.get("origClientOrderId", "")
    if not order_id and not name:
        text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        raise Problem(-1102, text)
    found = call.account.find(symbol, order_id, "" if order_id else name)
    return None if found is None or _forgotten(found, call.floor.now_ms) else found


def _forgotten(order: ExchangeOrder, now_ms: int) -> bool:
    """Orders that ended unfilled are forgotten after three days, all after ninety."""
    age = now_ms - order.created_at_ms
    ended = order.status in {OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED}
    return age > OLD_MS or (ended and not order.filled and age > FORGOTTEN_MS)


def query(call: Call) -> Json:
    """GET order."""
    call.only(NAMED)
    order = named(call)
    if order is None:
        raise Problem(-2013)
    return row(call.floor, call.account.name, order)


def query_open(call: Call) -> Json:
    """GET openOrder."""
    call.only(NAMED)
    order = named(call)
    if order is None or order.status.final:
        raise Problem(-2013)
    return row(call.floor, call.account.name, order)


def cancel(call: Call) -> Json:
    """DELETE order."""
    call.only(NAMED)
    order = named(call)
    if order is None or order.status.final:
        raise Problem(-2011)
    ended = call.account.cancel(order)
    shown = row(call.floor, call.account.name, ended)
    del shown["time"]
    return shown


def amend(call: Call) -> Json:
    """PUT order: another price and quantity of a working limit order; both must be sent."""
    call.only(AMENDED)
    order = named(call)
    if order is None or order.status.final:
        raise Problem(-2013)
    side = side_of(call)
    if side is not order.ask.side or order.ask.kind is not Kind.LIMIT:
        raise Problem(-1128)
    quantity, price = call.needed_figure("quantity"), limit_price(call, order.ask.symbol)
    if (quantity, price) == (order.ask.quantity, order.ask.price):
        raise Problem(-5027)
    changed = call.account.amend(order, quantity=quantity, price=price)
    shown = row(call.floor, call.account.name, changed)
    del shown["time"]
    return shown


def open_orders(call: Call) -> list[Json]:
    """GET openOrders: ordinary orders only."""
    found = call.account.live_orders(call.optional_symbol())
    return [row(call.floor, call.account.name, order) for order in found]


def cancel_all(call: Call) -> Json:
    """DELETE allOpenOrders: ordinary orders only."""
    call.only(frozenset({"symbol"}))
    for order in call.account.live_orders(call.symbol()):
        call.account.cancel(order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def all_orders(call: Call) -> list[Json]:
    """GET allOrders: from `orderId` on, or of a time span of at most seven days, the newest `limit`."""
    symbol, limit, first = call.symbol(), call.limit(500, 1000), call.whole("orderId")
    start, end = call.span()
    found = [
        order
        for order in call.account.orders
        if order.ask.symbol == symbol and not _forgotten(order, call.floor.now_ms)
    ]
    if first is not None:
        found = [order for order in found if order.order_id >= first][:limit]
    else:
        found = [order for order in found if start <= order.created_at_ms <= end]
        found = found[:limit] if call.has("startTime") else found[-limit:]
    return [row(call.floor, call.account.name, order) for order in found]


def forced(call: Call) -> list[Json]:
    """GET forceOrders: the user's liquidations and auto-deleveragings."""
    symbol, limit = call.optional_symbol(), call.limit(50, 100)
    wanted = {
        "LIQUIDATION": {Origin.LIQUIDATION},
        "ADL": {Origin.DELEVERAGING},
        "": {Origin.LIQUIDATION, Origin.DELEVERAGING},
    }[call.choice("autoCloseType", ("LIQUIDATION", "ADL", ""), "")]
    found = [
        order
        for order in call.account.orders
        if order.ask.origin in wanted and symbol in {"", order.ask.symbol}
    ]
    return [row(call.floor, call.account.name, order) for order in found[-limit:]]
