"""Orders of the algo service: the only home of conditional orders. They are not among the open orders; one that
triggers leads to a new ordinary order; none goes when the position is closed (but for timeInForce GTE_GTC)."""

from dataclasses import replace

from bot.domain.order import TimeInForce
from sandbox.exchange.binance.call import Call, Floor
from sandbox.exchange.binance.figures import average, plain
from sandbox.exchange.binance.orders import SELF_TRADE, client_id, leg_of, limit_price, side_of
from sandbox.exchange.binance.problems import Json, Problem, bad_value, missing, not_wanted
from sandbox.exchange.nouns import (
    ZERO,
    Conditional,
    ConditionalAsk,
    ConditionalStatus,
    Kind,
    Leg,
    TriggerBy,
)

NEW_ALGO = frozenset(
    {
        "algoType", "symbol", "side", "positionSide", "type", "timeInForce", "quantity", "price", "triggerPrice",
        "workingType", "priceMatch", "closePosition", "priceProtect", "reduceOnly", "activatePrice",
        "activationPrice", "callbackRate", "clientAlgoId", "newOrderRespType", "selfTradePreventionMode",
        "goodTillDate",
    }
)  # fmt: skip
NAMED = frozenset({"symbol", "algoId", "clientAlgoId"})
WITH_LIMIT = (Kind.STOP, Kind.TAKE_PROFIT)
AT_MARKET = (Kind.STOP_MARKET, Kind.TAKE_PROFIT_MARKET)
TIMES = ("GTC", "IOC", "FOK", "GTX", "GTE_GTC")
WORKING = {"CONTRACT_PRICE": TriggerBy.LAST, "MARK_PRICE": TriggerBy.MARK}
WORDS = {by: word for word, by in WORKING.items()}
DAY_MS = 86_400_000


def _kind(call: Call) -> Kind:
    kind = call.text("type")
    if kind not in Kind.__members__ or kind in {Kind.MARKET, Kind.LIMIT}:
        raise Problem(-1116)
    return Kind(kind)


def ask_of(call: Call) -> ConditionalAsk:
    """The conditional order that is asked for. Raises Problem."""
    call.only(NEW_ALGO)
    call.choice("algoType", ("CONDITIONAL",), None)
    kind, symbol = _kind(call), call.symbol()
    call.choice("newOrderRespType", ("ACK", "RESULT"), "ACK", -1136)
    call.choice("selfTradePreventionMode", SELF_TRADE, "NONE")
    if call.has("goodTillDate"):
        raise not_wanted("goodTillDate")
    ask = ConditionalAsk(
        symbol=symbol,
        side=side_of(call),
        kind=kind,
        client_id=client_id(call, "clientAlgoId"),
        leg=leg_of(call),
        trigger_by=WORKING[call.choice("workingType", tuple(WORKING), "CONTRACT_PRICE", -4031)],
        reduce_only=call.flag("reduceOnly"),
        price_protect=call.flag("priceProtect"),
        time_in_force=_time_in_force(call, kind),
    )
    return _with_prices(call, _with_quantity(call, ask))


def _time_in_force(call: Call, kind: Kind) -> TimeInForce:
    word = call.choice("timeInForce", TIMES, "GTC", -1115)
    return TimeInForce(word) if word in TimeInForce.__members__ and kind in WITH_LIMIT else TimeInForce.GTC


def _with_quantity(call: Call, ask: ConditionalAsk) -> ConditionalAsk:
    if not call.flag("closePosition"):
        return replace(ask, quantity=call.needed_figure("quantity"))
    if ask.kind not in AT_MARKET:
        raise Problem(-4136, f"Target strategy invalid for orderType {ask.kind.value},closePosition true")
    if call.figure("quantity"):
        raise Problem(-4137)
    if call.has("reduceOnly"):
        raise not_wanted("reduceOnly")
    return replace(ask, close_all=True, reduce_only=False)


def _with_prices(call: Call, ask: ConditionalAsk) -> ConditionalAsk:
    if ask.kind is Kind.TRAILING_STOP_MARKET:
        return _trailing(call, ask)
    for name in ("callbackRate", "activatePrice", "activationPrice"):
        if call.has(name):
            raise not_wanted(name)
    ask = replace(ask, trigger_price=call.needed_figure("triggerPrice"))
    if ask.kind in WITH_LIMIT:
        return replace(ask, limit_price=limit_price(call, ask.symbol))
    for name in ("price", "priceMatch"):
        if call.has(name):
            raise not_wanted(name)
    return ask


def _trailing(call: Call, ask: ConditionalAsk) -> ConditionalAsk:
    for name in ("triggerPrice", "price", "priceMatch"):
        if call.has(name):
            raise not_wanted(name)
    rate = call.needed_figure("callbackRate")
    if not 0 < rate <= 10 or (rate % 1 and rate * 10 % 1):
        raise bad_value("callbackRate")
    start = call.figure("activatePrice")
    return replace(
        ask,
        callback_rate=rate,
        activation_price=call.figure("activationPrice") if start is None else start,
    )


def place(call: Call) -> Json:
    """POST algoOrder."""
    ask = ask_of(call)
    tied = call.parameters.get("timeInForce") == "GTE_GTC"
    if tied and not holds(call, ask.symbol, ask.leg):
        raise Problem(-4509)
    taken = call.account.place_conditional(ask)
    if tied:
        timers, key = call.floor.keeping.timers, (call.account.name, taken.conditional_id)
        timers.with_position.add(key)
        timers.tied.add(key)
    return row(call.floor, call.account.name, taken)


def holds(call: Call, symbol: str, leg: Leg) -> bool:
    """True while there is a position."""
    return any(view.quantity for view in call.account.legs(symbol) if view.leg is leg)


def named(call: Call) -> Conditional | None:
    """The order asked for by `algoId` or `clientAlgoId`."""
    number, name = call.whole("algoId") or 0, call.parameters.get("clientAlgoId", "")
    if not number and not name:
        raise missing("algoId")
    return call.account.find_conditional(number, "" if number else name)


def query(call: Call) -> Json:
    """GET algoOrder."""
    call.only(NAMED)
    found = named(call)
    if found is None:
        raise Problem(-2013)
    return row(call.floor, call.account.name, found)


def cancel(call: Call) -> Json:
    """DELETE algoOrder: only one that waits; one that hangs in TRIGGERING is unknown."""
    call.only(NAMED)
    found = named(call)
    if found is None or found.status is not ConditionalStatus.NEW:
        raise Problem(-2011)
    ended = call.account.cancel_conditional(found)
    return {
        "algoId": ended.conditional_id,
        "clientAlgoId": ended.client_id,
        "code": "200",
        "msg": "success",
    }


def cancel_all(call: Call) -> Json:
    """DELETE algoOpenOrders."""
    call.only(frozenset({"symbol"}))
    for found in call.account.live_conditionals(call.symbol()):
        if found.status is ConditionalStatus.NEW:
            call.account.cancel_conditional(found)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_orders(call: Call) -> list[Json]:
    """GET openAlgoOrders."""
    number, symbol = call.whole("algoId"), call.optional_symbol()
    found = call.account.live_conditionals(symbol)
    return [row(call.floor, call.account.name, one) for one in found if number in {None, one.conditional_id}]


def all_orders(call: Call) -> list[Json]:
    """GET allAlgoOrders: from `algoId` on, or of a time span of at most seven days, the newest `limit`."""
    symbol, limit, first = call.symbol(), call.limit(500, 1000), call.whole("algoId")
    start, end = call.span()
    found = [one for one in call.account.conditionals if one.ask.symbol == symbol]
    if first is not None:
        found = [one for one in found if one.conditional_id >= first][:limit]
    else:
        found = [one for one in found if start <= one.created_at_ms <= end]
        found = found[:limit] if call.has("startTime") else found[-limit:]
    return [row(call.floor, call.account.name, one) for one in found]


def time_word(floor: Floor, account: str, one: Conditional) -> str:
    """Its time in force as it was sent."""
    tied = (account, one.conditional_id) in floor.keeping.timers.with_position
    return "GTE_GTC" if tied else one.ask.time_in_force.value


def row(floor: Floor, account: str, one: Conditional) -> Json:
    """A conditional order as REST tells it."""
    ask = one.ask
    owner = next(found for found in floor.exchange.accounts() if found.name == account)
    child = owner.find(ask.symbol, one.child) if one.child else None
    shown: Json = {
        "algoId": one.conditional_id,
        "clientAlgoId": one.client_id,
        "algoType": "CONDITIONAL",
        "orderType": ask.kind.value,
        "symbol": ask.symbol,
        "side": ask.side.value,
        "positionSide": ask.leg.value,
        "timeInForce": time_word(floor, account, one),
        "quantity": plain(ask.quantity),
        "algoStatus": one.status.value,
        "actualOrderId": str(one.child) if one.child else "",
        "actualPrice": "0.00000" if child is None else average(child.average),
        "actualQty": "0" if child is None else plain(child.filled),
        "triggerPrice": plain(ask.trigger_price or ZERO),
        "price": plain(ask.limit_price or ZERO),
        "icebergQuantity": None,
        "tpTriggerPrice": "0.000",
        "tpPrice": "0.000",
        "slTriggerPrice": "0.000",
        "slPrice": "0.000",
        "tpOrderType": "",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": WORDS[ask.trigger_by],
        "priceMatch": "NONE",
        "closePosition": ask.close_all,
        "priceProtect": ask.price_protect,
        "reduceOnly": ask.reduce_only,
        "createTime": one.created_at_ms,
        "updateTime": one.updated_at_ms,
        "triggerTime": one.triggered_at_ms,
        "goodTillDate": 0,
    }
    if ask.kind is Kind.TRAILING_STOP_MARKET:
        shown |= {
            "activatePrice": plain(ask.activation_price or ZERO),
            "callbackRate": plain(ask.callback_rate or ZERO),
        }
    return shown
