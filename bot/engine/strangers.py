"""Orders at the venue that are not in our books: left over, a person's, or another desk's."""

from collections.abc import Sequence

from bot.domain.action import Cancel, RecordTrading
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import closing, instance_prefix
from bot.domain.snapshot import VenueOrder, VenueSnapshot
from bot.engine import differences, orders
from bot.engine.turn import Turn


def look(turn: Turn, snapshot: VenueSnapshot) -> None:
    """Look at every order of a snapshot that we have no live record of."""
    strange = [order for order in snapshot.orders if _unknown_order(turn, order, snapshot)]
    if strange:
        _another_desk(turn, strange)


def _unknown_order(turn: Turn, order: VenueOrder, snapshot: VenueSnapshot) -> bool:
    """An order of ours that has ended, or a stray one, goes; a person's is reported once, never touched.

    True for one that bears our name and protects a position, and of which the books know nothing: it stays. Orders are
    written down before they are sent, so it is another desk's, or the books were lost.
    """
    symbol = turn.symbol(order.symbol)
    known = orders.find(symbol, order.client_id) if symbol is not None else None
    if known is not None and (known.status.live or known.updated_at_ms >= snapshot.at_ms):
        return False
    text = f"{order.side} {order.type} {order.quantity:f}"
    ours = order.client_id.startswith(instance_prefix(turn.state.settings.account))
    strange = ours and known is None and _protects(order, snapshot)
    if ours and not strange:
        turn.act(Cancel(order.client_id, order.symbol, order.type.conditional))
        differences.record(turn, order.symbol, "orphan order", "none", text, "cancelled")
    elif order.venue_id not in turn.state.foreign_orders:
        turn.state.foreign_orders.add(order.venue_id)
        kind, done = (
            ("order not in these books", "left: it protects") if strange else ("foreign order", "left alone")
        )
        differences.record(turn, order.symbol, kind, "none", text, done)
        return strange
    return False


def _protects(order: VenueOrder, snapshot: VenueSnapshot) -> bool:
    """True for an order that can only reduce a position that is there."""
    exits = order.reduce_only or order.close_position
    held = (
        position for position in snapshot.positions if position.symbol == order.symbol and position.quantity
    )
    return exits and any(order.side is closing(position.side) for position in held)


def _another_desk(turn: Turn, strange: Sequence[VenueOrder]) -> None:
    """Two desks on one account would double every position: this one opens nothing until a person decides."""
    turn.state.protect = True
    turn.act(RecordTrading(turn.at_ms, turn.state.lasting))
    names = ", ".join(sorted({order.symbol for order in strange}))
    title = (
        f"{names}: protected by orders of a desk of this account that these books know nothing of: another desk runs "
        "on it, or the books were lost. They are left alone; no entries until /start_trading"
    )
    turn.tell(NoticeKind.RECOVERY, Severity.CRITICAL, title)
