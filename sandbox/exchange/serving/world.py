"""What tests, drills and timed rules may do to the world: prices, rules, and what people do past the bot.

One table for the control endpoint (`POST .../NAME`, the fields as JSON) and for rules of the world (`effect: NAME`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_EVEN, Decimal
from fnmatch import fnmatchcase
from typing import Any, Protocol

from bot.domain.instrument import Instrument, on_grid
from bot.domain.order import OrderSide
from sandbox.exchange.core import Exchange, ExchangeAccount
from sandbox.exchange.nouns import ConditionalAsk, Kind, Leg, OrderAsk, Origin, Refused
from sandbox.exchange.serving import asked
from sandbox.exchange.serving.asked import Field, need, read_fields
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.frames import StageSocket


class Ground(Protocol):
    """What actions need of a stage."""

    exchange: Exchange
    sockets: dict[int, StageSocket]

    def expire_keys(self, sockets: list[StageSocket]) -> None:
        """The protocol says that these sockets' keys have expired."""
        ...


type Values = Mapping[str, Any]
type Run = Callable[[Ground, Values], object]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that may be done: its fields, and how. What `run` answers goes back to the caller as JSON."""

    fields: Mapping[str, Field]
    run: Run


def do(ground: Ground, name: str, given: Mapping[str, object]) -> object:
    """Do it; raises Refusal with one line when it cannot be."""
    values = check(name, given)
    symbol = values.get("symbol")
    if symbol and symbol not in ground.exchange.instruments:
        raise Refusal(f"{name}: no symbol {symbol!r} at this exchange", 404)
    try:
        return ACTIONS[name].run(ground, values)
    except (Refused, ValueError, KeyError) as error:
        raise Refusal(f"{name}: the exchange refuses it: {error}", 409) from None


def check(name: str, given: Mapping[str, object]) -> dict[str, object]:
    """The fields of an action, converted; raises Refusal."""
    if name not in ACTIONS:
        raise Refusal(f"no action {name!r}; allowed: {', '.join(sorted(ACTIONS))}", 404)
    return read_fields(name, ACTIONS[name].fields, given)


def account_of(ground: Ground, values: Values) -> ExchangeAccount:
    """The account named, or the only one (the first)."""
    accounts = ground.exchange.accounts()
    wanted = values.get("account")
    for account in accounts:
        if not wanted or account.name == wanted:
            return account
    raise Refusal(f"no account {wanted!r}; allowed: {', '.join(one.name for one in accounts)}", 404)


def _gap(ground: Ground, values: Values) -> object:
    view = ground.exchange.view(values["symbol"])
    tick = ground.exchange.instruments[values["symbol"]].price_tick
    price = on_grid(view.last * (1 + values["fraction"]), tick, ROUND_HALF_EVEN)
    ground.exchange.set_price(values["symbol"], max(price, tick))
    return {"price": str(price)}


def _change_filters(exchange: Exchange, values: Values) -> object:
    known = {one.name for one in fields(Instrument) if one.type in {Decimal, "Decimal"}}
    for name in values["changes"]:
        if name not in known:
            raise Refusal(f"filters: no filter {name!r}; allowed: {', '.join(sorted(known))}")
    exchange.change_filters(values["symbol"], values["changes"])
    return None


def _order(ground: Ground, values: Values) -> object:
    account = account_of(ground, values)
    if values["trigger_price"] is not None:
        return _conditional(account, values)
    order = account.place(
        OrderAsk(
            symbol=values["symbol"],
            side=values["side"],
            kind=values["kind"],
            quantity=values["quantity"],
            price=values["price"],
            leg=values["leg"],
            reduce_only=values["reduce_only"],
            origin=Origin.HUMAN,
        )
    )
    return {"order_id": order.order_id, "client_id": order.client_id, "status": str(order.status)}


def _conditional(account: ExchangeAccount, values: Values) -> object:
    conditional = account.place_conditional(
        ConditionalAsk(
            symbol=values["symbol"],
            side=values["side"],
            kind=values["kind"],
            quantity=values["quantity"],
            trigger_price=values["trigger_price"],
            limit_price=values["price"],
            leg=values["leg"],
            reduce_only=values["reduce_only"],
        )
    )
    return {"conditional_id": conditional.conditional_id, "status": str(conditional.status)}


def _close(ground: Ground, values: Values) -> object:
    """A person closes what there is at market."""
    account = account_of(ground, values)
    closed: list[dict[str, str]] = []
    for position in account.legs(values["symbol"]):
        if not position.quantity or values["leg"] not in {None, position.leg}:
            continue
        side = OrderSide.SELL if position.quantity > 0 else OrderSide.BUY
        ask = OrderAsk(
            symbol=position.symbol,
            side=side,
            kind=Kind.MARKET,
            quantity=abs(position.quantity),
            leg=position.leg,
            reduce_only=position.leg is Leg.BOTH,
            origin=Origin.HUMAN,
        )
        account.place(ask)
        closed.append({"symbol": position.symbol, "leg": position.leg, "quantity": str(position.quantity)})
    return {"closed": closed}


def _cancel(ground: Ground, values: Values) -> object:
    """A person cancels one order (ordinary or conditional), or all of a symbol, or all."""
    account = account_of(ground, values)
    number, client_id = values["id"], values["client_id"]
    orders = [
        order
        for order in account.live_orders(values["symbol"])
        if number in {0, order.order_id} and client_id in {"", order.client_id}
    ]
    conditionals = [
        row
        for row in account.live_conditionals(values["symbol"])
        if number in {0, row.conditional_id} and client_id in {"", row.client_id}
    ]
    if (number or client_id) and not orders and not conditionals:
        raise Refusal("cancel: no such working order", 404)
    for order in orders:
        account.cancel(order)
    for row in conditionals:
        account.cancel_conditional(row)
    return {"cancelled": len(orders) + len(conditionals)}


def _cut(ground: Ground, values: Values) -> object:
    found = [one for one in list(ground.sockets.values()) if fnmatchcase(one.path, values["path"])]
    for socket in found:
        socket.close(values["code"], "control")
    return {"closed": len(found)}


def _plain(call: Callable[[Exchange, Values], object]) -> Run:
    return lambda ground, values: call(ground.exchange, values)


def _with_account(call: Callable[[Exchange, str, Values], object]) -> Run:
    return lambda ground, values: call(ground.exchange, account_of(ground, values).name, values)


def _of_account(call: Callable[[ExchangeAccount, Values], object]) -> Run:
    return lambda ground, values: call(account_of(ground, values), values)


SYMBOL = need(asked.text)
ANY_SYMBOL = Field(asked.text, "")
ACCOUNT = Field(asked.text)
LEG = Field(asked.leg, Leg.BOTH)
NUMBER = need(asked.amount)

ACTIONS: Mapping[str, Action] = {
    "price": Action(
        {"symbol": SYMBOL, "price": NUMBER, "mark": Field(asked.amount)},
        _plain(lambda x, v: x.set_price(v["symbol"], v["price"], v["mark"])),
    ),
    "gap": Action({"symbol": SYMBOL, "fraction": NUMBER}, _gap),
    "mark": Action(
        {"symbol": SYMBOL, "mark": Field(asked.amount)},
        _plain(lambda x, v: x.set_mark(v["symbol"], v["mark"])),
    ),
    "spread": Action(
        {"symbol": SYMBOL, "fraction": NUMBER}, _plain(lambda x, v: x.set_spread(v["symbol"], v["fraction"]))
    ),
    "funding": Action(
        {"symbol": SYMBOL, "rate": NUMBER}, _plain(lambda x, v: x.set_funding(v["symbol"], v["rate"]))
    ),
    "settle": Action({"symbol": SYMBOL}, _plain(lambda x, v: x.settle_funding(v["symbol"]))),
    "hold": Action(
        {"symbol": ANY_SYMBOL, "held": Field(asked.flag, True)},
        _plain(lambda x, v: x.hold(v["symbol"], held=v["held"])),
    ),
    "depth": Action(
        {"symbol": SYMBOL, "quantity": NUMBER}, _plain(lambda x, v: x.set_depth(v["symbol"], v["quantity"]))
    ),
    "filters": Action(
        {"symbol": SYMBOL, "changes": need(asked.amounts)},
        _plain(_change_filters),
    ),
    "tradable": Action(
        {"symbol": SYMBOL, "tradable": need(asked.flag)},
        _plain(lambda x, v: x.set_tradable(v["symbol"], tradable=v["tradable"])),
    ),
    "liquidate": Action(
        {"account": ACCOUNT, "symbol": SYMBOL, "leg": LEG},
        _with_account(lambda x, name, v: x.liquidate(name, v["symbol"], v["leg"])),
    ),
    "deleverage": Action(
        {"account": ACCOUNT, "symbol": SYMBOL, "quantity": NUMBER, "leg": LEG},
        _with_account(lambda x, name, v: x.deleverage(name, v["symbol"], v["quantity"], v["leg"])),
    ),
    "stick": Action(
        {"account": ACCOUNT, "symbol": SYMBOL}, _with_account(lambda x, name, v: x.stick(name, v["symbol"]))
    ),
    "refuse": Action(
        {"account": ACCOUNT, "symbol": SYMBOL},
        _with_account(lambda x, name, v: x.refuse_trigger(name, v["symbol"])),
    ),
    "reject": Action(
        {"account": ACCOUNT, "symbol": SYMBOL},
        _with_account(lambda x, name, v: x.reject_next(name, v["symbol"])),
    ),
    "expire": Action(
        {"account": ACCOUNT, "id": need(asked.whole)},
        _with_account(lambda x, name, v: x.expire_conditional(name, v["id"])),
    ),
    "order": Action(
        {
            "account": ACCOUNT,
            "symbol": SYMBOL,
            "side": need(asked.side),
            "quantity": Field(asked.amount, Decimal(0)),
            "kind": Field(asked.kind, Kind.MARKET),
            "price": Field(asked.amount),
            "trigger_price": Field(asked.amount),
            "leg": LEG,
            "reduce_only": Field(asked.flag, False),
        },
        _order,
    ),
    "close": Action({"account": ACCOUNT, "symbol": ANY_SYMBOL, "leg": Field(asked.leg)}, _close),
    "cancel": Action(
        {
            "account": ACCOUNT,
            "symbol": ANY_SYMBOL,
            "id": Field(asked.whole, 0),
            "client_id": Field(asked.text, ""),
        },
        _cancel,
    ),
    "transfer": Action(
        {"account": ACCOUNT, "amount": NUMBER}, _of_account(lambda one, v: one.transfer(v["amount"]))
    ),
    "leverage": Action(
        {"account": ACCOUNT, "symbol": SYMBOL, "leverage": need(asked.whole)},
        _of_account(lambda one, v: one.set_leverage(v["symbol"], v["leverage"])),
    ),
    "margin": Action(
        {"account": ACCOUNT, "symbol": SYMBOL, "mode": need(asked.margin_mode)},
        _of_account(lambda one, v: one.set_margin_mode(v["symbol"], v["mode"])),
    ),
    "mode": Action(
        {"account": ACCOUNT, "mode": need(asked.position_mode)},
        _of_account(lambda one, v: one.set_position_mode(v["mode"])),
    ),
    "cut": Action({"path": Field(asked.text, "*"), "code": Field(asked.close_code, 1001)}, _cut),
    "expire keys": Action({}, lambda ground, _: ground.expire_keys(list(ground.sockets.values()))),
}
