"""The life of our orders: sent under a deterministic id, advanced only along the table of allowed transitions."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.action import Cancel, RecordOrder, Submit
from bot.domain.fill import Fill
from bot.domain.order import TRANSITIONS, Approved, Order, OrderStatus, Purpose, client_order_id
from bot.engine.state import KEPT_ORDERS, SymbolState
from bot.engine.turn import Turn


def send(turn: Turn, symbol: SymbolState, approved: Approved) -> Order:
    """Turn an approved intent into an order: recorded as INTENDED, then submitted."""
    turn.state.order_count += 1
    client_id = client_order_id(turn.state.settings.account, approved.intent)
    order = Order(
        client_id=client_id,
        intent=approved.intent,
        rule_set=approved.rule_set,
        status=OrderStatus.INTENDED,
        created_at_ms=turn.at_ms,
        updated_at_ms=turn.at_ms,
    )
    symbol.orders[client_id] = order
    turn.act(Submit(order))
    return order


def find(symbol: SymbolState, client_id: str) -> Order | None:
    """One of our orders, live or past."""
    return symbol.orders.get(client_id) or symbol.past_orders.get(client_id)


def advance(
    turn: Turn, symbol: SymbolState, order: Order, status: OrderStatus, note: str = "", venue_id: str = ""
) -> Order:
    """Move an order to a status if the table allows it; what it does not allow is stale news and ignored."""
    if status is order.status or status not in TRANSITIONS[order.status]:
        return order
    moved = replace(
        order,
        status=status,
        updated_at_ms=turn.at_ms,
        note=note or order.note,
        venue_id=venue_id or order.venue_id,
    )
    keep(symbol, moved)
    turn.act(RecordOrder(moved))
    return moved


def count_fill(turn: Turn, symbol: SymbolState, order: Order, fill: Fill) -> Order:
    """Add a fill, not yet booked, to its order: filled when nothing remains of what it asked for.

    A close-position order asks for whatever the position is; its own quantity only says what it once was.
    """
    filled = order.filled + fill.quantity
    value = order.filled * order.average_price + fill.quantity * fill.price
    asked = symbol.position.size if order.intent.close_position else order.remaining
    status = OrderStatus.FILLED if fill.quantity >= asked else OrderStatus.PARTIALLY_FILLED
    late = order.status.final and status is OrderStatus.PARTIALLY_FILLED  # it happened before the order's end
    if late or status not in TRANSITIONS[order.status]:
        status = order.status
    moved = replace(
        order,
        filled=filled,
        average_price=value / filled,
        status=status,
        venue_id=fill.venue_order_id or order.venue_id,
        updated_at_ms=turn.at_ms,
    )
    if filled >= symbol.owed.get(order.client_id, filled):
        symbol.owed.pop(order.client_id, None)
    keep(symbol, moved)
    turn.act(RecordOrder(moved))
    return moved


def keep(symbol: SymbolState, order: Order) -> None:
    """File the order under live or past ones."""
    if order.status.live:
        symbol.orders[order.client_id] = order
        symbol.past_orders.pop(order.client_id, None)
        return
    symbol.orders.pop(order.client_id, None)
    symbol.denied.discard(order.client_id)
    symbol.unwanted.discard(order.client_id)
    symbol.past_orders[order.client_id] = order
    while len(symbol.past_orders) > KEPT_ORDERS:
        del symbol.past_orders[next(iter(symbol.past_orders))]


def cancel(turn: Turn, symbol: SymbolState, order: Order) -> None:
    """Ask the venue to cancel an order, once."""
    if order.client_id not in symbol.unwanted:
        symbol.unwanted.add(order.client_id)
        turn.act(Cancel(order.client_id, order.symbol, order.intent.type.conditional))


def cancel_again(turn: Turn, symbol: SymbolState) -> None:
    """Ask once more for what we wanted cancelled and is still there."""
    for order in symbol.orders.values():
        if order.client_id in symbol.unwanted:
            turn.act(Cancel(order.client_id, order.symbol, order.intent.type.conditional))


def cancel_all(turn: Turn, symbol: SymbolState, purpose: Purpose) -> None:
    """Cancel every live order of one purpose."""
    for order in symbol.live(purpose):
        cancel(turn, symbol, order)


def working_quantity(symbol: SymbolState, purpose: Purpose) -> Decimal:
    """What live orders of a purpose may still execute, in base units."""
    return sum((order.remaining for order in symbol.live(purpose)), Decimal(0))


def owing(symbol: SymbolState, *purposes: Purpose) -> bool:
    """True when the venue says that an order of these purposes has executed and its fill is still on its way."""
    told = (find(symbol, client_id) for client_id in symbol.owed)
    return any(order is not None and order.purpose in purposes for order in told)
