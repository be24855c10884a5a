"""Orders: create, amend, cancel. What comes back says only that a request was received."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.instrument import ZERO, Instrument
from bot.domain.order import OrderSide, TimeInForce
from sandbox.exchange.bybit.asking import Call
from sandbox.exchange.bybit.identity import conditional_uid, order_uid
from sandbox.exchange.bybit.keeping import Attached, Side
from sandbox.exchange.bybit.problems import Problem, bad, problem_of
from sandbox.exchange.bybit.records import Record, asked_for, by_link, by_uid, open_records, passes_filter
from sandbox.exchange.bybit.sides import base_price, check_stop, check_target, side_of
from sandbox.exchange.bybit.words import SIDES, TIMES_IN_FORCE, TRIGGERS, rises
from sandbox.exchange.nouns import (
    ConditionalAsk,
    ConditionalStatus,
    Kind,
    Leg,
    OrderAsk,
    Origin,
    Refused,
    TriggerBy,
)

type Result = dict[str, object]

MOST_AT_ONCE = 500
IN_A_BATCH = 20
KINDS = {
    (False, True): Kind.STOP_MARKET,
    (False, False): Kind.STOP,
    (True, True): Kind.TAKE_PROFIT_MARKET,
    (True, False): Kind.TAKE_PROFIT,
}
"""(it triggers in the direction of a target, it becomes a market order) -> the core's kind."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An order as asked for, formats checked."""

    instrument: Instrument
    side: OrderSide
    market: bool
    quantity: Decimal
    price: Decimal | None
    leg: Leg
    link_id: str
    time_in_force: TimeInForce
    reduce_only: bool
    close_on_trigger: bool


def create(call: Call) -> Result:
    """POST order/create."""
    call.category()
    draft = draft_of(call)
    if draft.link_id and by_link(call.account, draft.link_id) is not None:
        raise Problem(110072)
    attached = attached_of(call, draft)
    if call.figure("triggerPrice") is not None:
        return _place_conditional(call, draft, attached)
    return _place(call, draft, attached)


def draft_of(call: Call) -> Draft:
    """Read the order. Raises Problem 10001 for what is no order."""
    instrument = call.instrument()
    side = SIDES[call.choice("side", tuple(SIDES))]
    market = call.choice("orderType", ("Market", "Limit")) == "Market"
    word = call.choice("timeInForce", tuple(TIMES_IN_FORCE), "GTC")
    price = None if market else call.needed_figure("price")
    return Draft(
        instrument=instrument,
        side=side,
        market=market,
        quantity=call.needed_figure("qty"),
        price=price,
        leg=call.leg(),
        link_id=call.link_id(),
        time_in_force=TimeInForce.IOC if market else TIMES_IN_FORCE[word],
        reduce_only=call.flag("reduceOnly"),
        close_on_trigger=call.flag("closeOnTrigger"),
    )


def attached_of(call: Call, draft: Draft) -> Attached | None:
    """Stop and target that the order brings, None without; they must be on their side of the price."""
    mode = call.choice("tpslMode", ("Full", "Partial"), "Full")
    stop, target = side_of(call, "sl", "stopLoss"), side_of(call, "tp", "takeProfit")
    if stop is None and target is None:
        return None
    if draft.reduce_only:
        raise bad("reduce-only orders can't set take profit or stop loss")
    if mode == "Full" and any(one is not None and one.limit_price for one in (stop, target)):
        raise bad("tpslMode Full only supports market orders")
    long, symbol = draft.side is OrderSide.BUY, draft.instrument.symbol
    for one, check in ((stop, check_stop), (target, check_target)):
        if one is not None:
            base = draft.price or base_price(call.exchange.view(symbol), one.by)
            check(one, base, long=long)
    return Attached(stop, target, mode == "Partial")


def _place(call: Call, draft: Draft, attached: Attached | None) -> Result:
    ask = OrderAsk(
        symbol=draft.instrument.symbol,
        side=draft.side,
        kind=Kind.MARKET if draft.market else Kind.LIMIT,
        quantity=_quantity(call, draft),
        client_id=draft.link_id,
        price=draft.price,
        leg=draft.leg,
        reduce_only=draft.reduce_only or draft.close_on_trigger,
        time_in_force=draft.time_in_force,
        origin=Origin.CLIENT,
    )
    order = refusing(lambda: call.account.place(ask))
    uid = order_uid(order)
    if attached is not None:
        call.notes.attached[uid] = attached
        call.floor.memory.fills.append((call.account.name, order.order_id))
    return {"orderId": uid, "orderLinkId": draft.link_id}


def _quantity(call: Call, draft: Draft) -> Decimal:
    """Zero with reduceOnly and closeOnTrigger: all of the position, as far as one order may go."""
    if draft.quantity or not (draft.reduce_only and draft.close_on_trigger):
        return draft.quantity
    size = sum(
        (leg.quantity for leg in call.account.legs(draft.instrument.symbol) if leg.leg is draft.leg), ZERO
    )
    if not size or (size > 0) is (draft.side is OrderSide.BUY):
        raise Problem(110017)
    most = draft.instrument.max_market_quantity if draft.market else draft.instrument.max_quantity
    return min(abs(size), most)


def _place_conditional(call: Call, draft: Draft, attached: Attached | None) -> Result:
    direction = call.whole("triggerDirection")
    if direction not in {1, 2}:
        raise bad("TriggerDirection invalid")
    target = (direction == 1) is (draft.side is OrderSide.SELL)
    _check_count(call, draft.instrument.symbol)
    closes = draft.reduce_only and draft.close_on_trigger and not draft.quantity
    ask = ConditionalAsk(
        symbol=draft.instrument.symbol,
        side=draft.side,
        kind=KINDS[target, draft.market],
        quantity=draft.quantity,
        trigger_price=call.figure("triggerPrice"),
        client_id=draft.link_id,
        limit_price=draft.price,
        leg=draft.leg,
        trigger_by=TRIGGERS[call.choice("triggerBy", tuple(TRIGGERS), "LastPrice")],
        reduce_only=draft.reduce_only or draft.close_on_trigger,
        close_all=closes,
        time_in_force=draft.time_in_force if not draft.market else TimeInForce.GTC,
        rises=direction == 1,
    )
    conditional = refusing(lambda: call.account.place_conditional(ask), rising=direction == 1)
    uid = conditional_uid(conditional.conditional_id)
    if attached is not None:
        call.notes.attached[uid] = attached
    return {"orderId": uid, "orderLinkId": draft.link_id}


def _check_count(call: Call, symbol: str) -> None:
    own = [one for one in call.account.live_conditionals(symbol) if not one.ask.with_position]
    if len(own) >= call.floor.memory.settings.conditionals_per_symbol:
        raise Problem(110009)


def refusing[T](act: Callable[[], T], *, rising: bool = True) -> T:
    """Do it; a refusal of the core becomes Bybit's."""
    try:
        return act()
    except Refused as error:
        raise problem_of(error, rising=rising) from None


def named(call: Call) -> Record:
    """The open order that is meant. Raises Problem 110001, 110008, 110010, 110079."""
    symbol = call.instrument().symbol
    if not call.text("orderId") and not call.text("orderLinkId"):
        raise bad("params error: OrderId or orderLinkId is required")
    record = asked_for(call)
    if record is None or record.symbol != symbol:
        raise Problem(110001)
    if record.waits and record.conditional and record.conditional.status is ConditionalStatus.TRIGGERING:
        raise Problem(110079)
    if not record.open:
        raise Problem(
            {"Filled": 110008, "Cancelled": 110010, "Deactivated": 110010}.get(record.status, 110001)
        )
    return record


def cancel(call: Call) -> Result:
    """POST order/cancel; half of a pair takes the other half with it."""
    call.category()
    record = named(call)
    withdraw(call, record)
    other = call.notes.pairs.pop(record.uid, "")
    partner = by_uid(call.account, other) if other else None
    if partner is not None and partner.open:
        withdraw(call, partner)
    return {"orderId": record.uid, "orderLinkId": record.link_id}


def withdraw(call: Call, record: Record) -> None:
    """Cancel one open order on behalf of its owner."""
    account, order, conditional = call.account, record.order, record.conditional
    call.notes.by_user.add(record.uid)
    try:
        if order is not None:
            account.cancel(order)
        elif conditional is not None:
            account.cancel_conditional(conditional)
    except Refused as error:
        call.notes.by_user.discard(record.uid)
        raise problem_of(error) from None


def cancel_all(call: Call) -> Result:
    """POST order/cancel-all."""
    call.category()
    scope = set(call.scope())
    found = [one for one in open_records(call.account) if one.symbol in scope and passes_filter(call, one)]
    gone = []
    for record in found[:MOST_AT_ONCE]:
        fresh = by_uid(call.account, record.uid)
        if fresh is not None and fresh.open:
            withdraw(call, fresh)
            gone.append({"orderId": record.uid, "orderLinkId": record.link_id})
    return {"list": gone, "success": "1"}


def amend(call: Call) -> Result:
    """POST order/amend: price, quantity, trigger, attached stop and target."""
    call.category()
    record = named(call)
    changed = _amend_attached(call, record)
    quantity, price, trigger = (call.figure(name) for name in ("qty", "price", "triggerPrice"))
    if quantity is not None and quantity <= record.filled:
        raise Problem(110064)
    if quantity is not None or price is not None or trigger is not None:
        _amend_figures(call, record, quantity, price, trigger)
    elif not changed:
        raise bad("The order remains unchanged as the parameters entered match the existing ones.")
    return {"orderId": record.uid, "orderLinkId": record.link_id}


def _amend_figures(
    call: Call, record: Record, quantity: Decimal | None, price: Decimal | None, trigger: Decimal | None
) -> None:
    account, order, conditional = call.account, record.order, record.conditional
    try:
        if order is not None:
            account.amend(order, quantity=quantity, price=price)
        elif conditional is not None:
            account.amend_conditional(conditional, quantity=quantity, trigger_price=trigger)
    except Refused as error:
        found = problem_of(error, rising=conditional is None or rises(conditional.ask))
        if found.code == 34040:
            found = bad("The order remains unchanged as the parameters entered match the existing ones.")
        raise found from None


def _amend_attached(call: Call, record: Record) -> bool:
    """True when stop or target of the order changed; `0` removes."""
    old = call.notes.attached.get(record.uid, Attached())
    new = old
    for name, prefix, field in (("stopLoss", "sl", "stop"), ("takeProfit", "tp", "target")):
        given = call.figure(name)
        if given is not None:
            side = None
            if given:
                was = getattr(old, field)
                by = call.text(f"{prefix}TriggerBy")
                kept = was.by if was else TriggerBy.LAST
                side = Side(given, TRIGGERS.get(by, kept), call.figure(f"{prefix}LimitPrice"))
            new = replace(new, stop=side) if field == "stop" else replace(new, target=side)
    if new != old and record.filled:
        raise Problem(110059, "Not allowed to modify the TP/SL of a partially filled open order")
    call.notes.attached[record.uid] = new
    return new != old


def batch(call: Call, act: Callable[[Call], Result], granted: int) -> tuple[Result, Result]:
    """POST order/*-batch: each order on its own; those beyond `granted` have come too often."""
    call.category()
    requests = call.parameters.get("request")
    if not isinstance(requests, list) or not requests or len(requests) > IN_A_BATCH:
        raise bad("params error: request invalid")
    rows, codes = [], []
    for number, one in enumerate(requests):
        parameters: Mapping[str, object] = one if isinstance(one, dict) else {}
        row, code = _one_of_batch(call, act, parameters, late=number >= granted)
        rows.append(row)
        codes.append(code)
    return {"list": rows}, {"list": codes}


def _one_of_batch(
    call: Call, act: Callable[[Call], Result], parameters: Mapping[str, object], *, late: bool
) -> tuple[Result, Result]:
    named_so = {name: str(parameters.get(name) or "") for name in ("symbol", "orderLinkId")}
    row: Result = {"category": "linear", "symbol": named_so["symbol"], "orderId": ""}
    row |= {"orderLinkId": named_so["orderLinkId"], "createAt": ""}
    try:
        if late:
            raise Problem(10006)
        done = act(replace(call, parameters={**parameters, "category": "linear"}))
    except Problem as problem:
        return row, {"code": problem.code, "msg": problem.message}
    return row | done | {"createAt": str(call.floor.now_ms)}, {"code": 0, "msg": "OK"}
