"""Stops and targets of positions: POST position/trading-stop, and those that orders brought with them.

Full: one stop, one target, one trailing stop for the whole position, replaced by setting them anew. Partial: each call
adds orders of a quantity; two set in one call are a pair, of which the one cancels the other.
"""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import OrderSide
from sandbox.exchange.bybit.asking import Call, Floor
from sandbox.exchange.bybit.identity import conditional_uid
from sandbox.exchange.bybit.keeping import Attached, Ending, Side
from sandbox.exchange.bybit.orders import refusing, withdraw
from sandbox.exchange.bybit.problems import Problem, bad
from sandbox.exchange.bybit.records import Record, by_number, by_uid, record_of_order
from sandbox.exchange.bybit.sides import base_price, check_stop, check_target, side_of
from sandbox.exchange.bybit.words import TRIGGERS
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Conditional, ConditionalAsk, Kind, LegView, Refused


@dataclass(frozen=True, slots=True)
class Owner:
    """A position that stops are for."""

    call: Call
    leg: LegView

    @property
    def long(self) -> bool:
        """True for a long position."""
        return self.leg.quantity > 0

    @property
    def size(self) -> Decimal:
        """Its quantity without sign."""
        return abs(self.leg.quantity)

    @property
    def exit_side(self) -> OrderSide:
        """The side that closes it."""
        return OrderSide.SELL if self.long else OrderSide.BUY

    def base(self, side: Side) -> Decimal:
        """The price that would trigger it."""
        return base_price(self.call.exchange.view(self.leg.symbol), side.by)


def trading_stop(call: Call) -> dict[str, object]:
    """POST position/trading-stop."""
    call.category()
    owner = Owner(call, held_leg(call))
    mode = call.choice("tpslMode", ("Full", "Partial"), "Full")
    stop, target = side_of(call, "sl", "stopLoss"), side_of(call, "tp", "takeProfit")
    if stop is not None:
        check_stop(stop, owner.base(stop), long=owner.long)
    if target is not None:
        check_target(target, owner.base(target), long=owner.long)
    changed = set_trailing(owner)
    changed |= add_partial(owner, stop, target) if mode == "Partial" else set_full(owner, stop, target)
    if not changed:
        raise Problem(34040)
    return {}


def held_leg(call: Call) -> LegView:
    """The position meant. Raises Problem 10001 for the wrong index or a flat one."""
    symbol, leg = call.instrument().symbol, call.leg()
    found = next((one for one in call.account.legs(symbol) if one.leg is leg), None)
    if found is None:
        raise bad("position idx not match position mode")
    if not found.quantity:
        raise bad("can not set tp/sl/ts for zero position")
    return found


def set_full(owner: Owner, stop: Side | None, target: Side | None) -> bool:
    """Stop and target of the whole position; True when anything changed."""
    if any(one is not None and one.limit_price for one in (stop, target)):
        raise bad("tpslMode Full only supports market orders")
    call = owner.call
    removes_stop, removes_target = (call.figure(name) == ZERO for name in ("stopLoss", "takeProfit"))
    changed = _replace(owner, owner.leg.stop, stop, removes=removes_stop, kind=Kind.STOP_MARKET)
    return (
        _replace(owner, owner.leg.target, target, removes=removes_target, kind=Kind.TAKE_PROFIT_MARKET)
        or changed
    )


def _replace(owner: Owner, old: Conditional | None, new: Side | None, *, removes: bool, kind: Kind) -> bool:
    call = owner.call
    if new is None:
        if not removes or old is None:
            return False
        withdraw(call, Record(None, old))
        return True
    if old is not None and old.ask.trigger_by is new.by:
        if old.ask.trigger_price == new.price:
            return False
        refusing(lambda: call.account.amend_conditional(old, trigger_price=new.price), rising=not owner.long)
        return True
    if old is not None:
        withdraw(call, Record(None, old))
    place_full(owner, new, kind)
    return True


def place_full(owner: Owner, side: Side, kind: Kind) -> Conditional:
    """A stop or target of the whole position."""
    target = kind is Kind.TAKE_PROFIT_MARKET
    ask = ConditionalAsk(
        symbol=owner.leg.symbol,
        side=owner.exit_side,
        kind=kind,
        quantity=ZERO,
        trigger_price=side.price,
        leg=owner.leg.leg,
        trigger_by=side.by,
        with_position=True,
        rises=owner.long is target,
    )
    return refusing(lambda: owner.call.account.place_conditional(ask), rising=owner.long is target)


def set_trailing(owner: Owner) -> bool:
    """A trailing stop, by its distance from the best price; True when anything changed."""
    call = owner.call
    distance = call.figure("trailingStop")
    if distance is None:
        return False
    old = _trailing(call.account, owner.leg)
    activation = call.figure("activePrice") or None
    if (
        old is not None
        and old.ask.callback_distance == distance
        and activation in {None, old.ask.activation_price}
    ):
        return False
    if not distance:
        if old is not None:
            withdraw(call, Record(None, old))
        return old is not None
    ask = ConditionalAsk(
        symbol=owner.leg.symbol,
        side=owner.exit_side,
        kind=Kind.TRAILING_STOP_MARKET,
        leg=owner.leg.leg,
        trigger_by=TRIGGERS[call.choice("slTriggerBy", tuple(TRIGGERS), "LastPrice")],
        activation_price=activation,
        callback_distance=distance,
        with_position=True,
    )
    if old is not None:
        withdraw(call, Record(None, old))
    refusing(lambda: call.account.place_conditional(ask))
    return True


def _trailing(account: ExchangeAccount, leg: LegView) -> Conditional | None:
    for one in account.live_conditionals(leg.symbol):
        if one.ask.with_position and one.ask.kind is Kind.TRAILING_STOP_MARKET and one.ask.leg is leg.leg:
            return one
    return None


def add_partial(owner: Owner, stop: Side | None, target: Side | None) -> bool:
    """Stop and target of a part of the position, added to those there are; True when there was anything to add."""
    stop_size, target_size = (owner.call.figure(name) for name in ("slSize", "tpSize"))
    if stop_size is not None and target_size is not None and stop_size != target_size:
        raise bad("tpSize and slSize must be equal")
    quantity = stop_size or target_size or owner.size
    if quantity > owner.size:
        raise Problem(110058)
    return bool(place_partial(owner, Attached(stop, target, partial=True), quantity))


def place_partial(owner: Owner, attached: Attached, quantity: Decimal) -> list[str]:
    """Place one or both, as a pair; returns their ids."""
    uids = []
    for side, market, limit in (
        (attached.stop, Kind.STOP_MARKET, Kind.STOP),
        (attached.target, Kind.TAKE_PROFIT_MARKET, Kind.TAKE_PROFIT),
    ):
        if side is not None:
            kind = limit if side.limit_price else market
            uids.append(_place_one_partial(owner, side, kind, quantity))
    if len(uids) == 2:
        owner.call.notes.pairs |= {uids[0]: uids[1], uids[1]: uids[0]}
    return uids


def _place_one_partial(owner: Owner, side: Side, kind: Kind, quantity: Decimal) -> str:
    target = kind in {Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_MARKET}
    ask = ConditionalAsk(
        symbol=owner.leg.symbol,
        side=owner.exit_side,
        kind=kind,
        quantity=quantity,
        trigger_price=side.price,
        limit_price=side.limit_price,
        leg=owner.leg.leg,
        trigger_by=side.by,
        reduce_only=True,
        with_position=True,
        partial=True,
        rises=owner.long is target,
    )
    made = refusing(lambda: owner.call.account.place_conditional(ask), rising=owner.long is target)
    return conditional_uid(made.conditional_id)


# What orders brought with them


def settle(floor: Floor) -> None:
    """Give stops and targets to what was filled since, and take the other half of pairs that triggered."""
    memory = floor.memory
    while memory.widows:
        account_name, uid = memory.widows.popleft()
        _take_widow(floor, account_name, uid)
    while memory.fills:
        account_name, order_id = memory.fills.popleft()
        _protect(floor, account_name, order_id)


def _account(floor: Floor, name: str) -> ExchangeAccount | None:
    return next((one for one in floor.exchange.accounts() if one.name == name), None)


def _take_widow(floor: Floor, account_name: str, uid: str) -> None:
    account = _account(floor, account_name)
    record = by_uid(account, uid) if account is not None else None
    if account is None or record is None or not record.open or record.conditional is None:
        return
    target = record.stop_type.endswith("TakeProfit")
    half = "TpCanceledBySl" if target else "SlCanceledByTp"
    floor.memory.of(account_name).endings[uid] = Ending(f"CancelByOCO{half}Triggered")
    account.cancel_conditional(record.conditional)


def _protect(floor: Floor, account_name: str, order_id: int) -> None:
    account = _account(floor, account_name)
    if account is None:
        return
    order = by_number(account, order_id)
    if order is None:
        return
    record = record_of_order(account, order)
    notes = floor.memory.of(account_name)
    attached = notes.attached.get(record.uid)
    fresh = order.filled - notes.placed_stops.get(record.uid, ZERO)
    leg = next((one for one in account.legs(record.symbol) if one.leg is record.leg), None)
    if attached is None or fresh <= 0 or leg is None or not leg.quantity:
        return
    if (leg.quantity > 0) is not (order.ask.side is OrderSide.BUY):
        return
    notes.placed_stops[record.uid] = order.filled
    owner = Owner(Call(floor, {"symbol": record.symbol}, account), leg)
    before = {one.conditional_id for one in account.live_conditionals(record.symbol)}
    _place_attached(owner, attached, min(fresh, owner.size))
    for one in account.live_conditionals(record.symbol):
        if one.conditional_id not in before:
            notes.parent_links[conditional_uid(one.conditional_id)] = record.link_id


def _place_attached(owner: Owner, attached: Attached, quantity: Decimal) -> None:
    """What the price has passed already is not placed: the order brought it too late."""
    try:
        if attached.partial:
            place_partial(owner, attached, quantity)
            return
        for side, old, kind in (
            (attached.stop, owner.leg.stop, Kind.STOP_MARKET),
            (attached.target, owner.leg.target, Kind.TAKE_PROFIT_MARKET),
        ):
            if side is not None:
                _replace(owner, old, side, removes=False, kind=kind)
    except (Problem, Refused):
        owner.call.floor.memory.troubles.append(f"{owner.leg.symbol}: attached stop or target not placed")
