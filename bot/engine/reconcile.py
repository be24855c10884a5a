"""One comparison for start, reconnect, timer and doubt: the venue is the truth for what exists, we for why."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.account import Book, transfer
from bot.domain.action import Cancel, RecordDifference, RecordSetting, TakeSnapshot
from bot.domain.command import Done
from bot.domain.event import SnapshotTaken
from bot.domain.fill import Fill
from bot.domain.guard import HaltKind
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, Order, OrderStatus, Purpose, instance_prefix, opening
from bot.domain.position import Position
from bot.domain.snapshot import DayFigures, VenueOrder, VenueSnapshot
from bot.engine import accounting, closing, guards, lifecycle, orders, recover, tell
from bot.engine.state import SymbolState
from bot.engine.turn import Turn


def on_snapshot(turn: Turn, event: SnapshotTaken) -> None:
    """Bring our books in line with the venue; every difference is recorded and told."""
    snapshot, first = event.snapshot, turn.state.recovering
    if snapshot.at_ms < turn.state.last_fill_at_ms and not first:
        turn.act(TakeSnapshot(snapshot.at_ms))  # older than what we have booked since: it proves nothing
        return
    found_before = len(turn.actions)
    if first and turn.state.first_start:
        _open_books(turn, snapshot)
    _book_missed(turn, snapshot)
    _settle_orders(turn, snapshot)
    _compare_positions(turn, snapshot)
    _compare_wallet(turn, snapshot)
    if first:
        _begin(turn)
    for symbol in turn.state.symbols.values():
        lifecycle.settle(turn, symbol)
    closing.verified(turn)
    _answer(turn, found_before)


def _open_books(turn: Turn, snapshot: VenueSnapshot) -> None:
    """The first start ever: what is in the wallet is our capital, and the base of dynamic sizing."""
    amount = snapshot.wallet - sum((e.amount(Book.WALLET) for e in snapshot.funding), ZERO)
    accounting.post(turn, transfer(turn.at_ms, "capital", "", "capital", Book.CAPITAL, amount))
    turn.state.first_start = False
    turn.state.base_balance = amount
    turn.act(
        RecordSetting(turn.at_ms, "base_balance", f'"{amount:f}"', "engine", "-", f"{amount:.2f}"),
    )


def _book_missed(turn: Turn, snapshot: VenueSnapshot) -> None:
    for fill in snapshot.fills:
        lifecycle.on_fill(turn, fill)
    for entry in snapshot.funding:
        book_funding(turn, entry.symbol, entry.amount(Book.WALLET), entry.reference)


def book_funding(turn: Turn, name: str, amount: Decimal, payment_id: str) -> None:
    """Book a funding payment, once."""
    symbol = turn.symbol(name)
    if symbol is not None and turn.state.book_once(f"funding:{payment_id}"):
        accounting.post_funding(turn, symbol, amount, payment_id)


def _settle_orders(turn: Turn, snapshot: VenueSnapshot) -> None:
    """Orders of ours that the venue no longer has, and orders of its that we do not know."""
    theirs = {order.client_id: order for order in snapshot.orders}
    for symbol in turn.state.symbols.values():
        for order in list(symbol.orders.values()):
            _settle_order(turn, symbol, order, theirs.get(order.client_id), snapshot.at_ms)
    for unknown in snapshot.orders:
        _unknown_order(turn, unknown)


def _settle_order(
    turn: Turn, symbol: SymbolState, order: Order, theirs: VenueOrder | None, asked_at_ms: int
) -> None:
    if theirs is not None:
        moved = orders.advance(turn, symbol, order, theirs.status)
        if moved.status is OrderStatus.WORKING:
            _confirm(symbol, moved)
        return
    if order.created_at_ms > asked_at_ms or (
        order.created_at_ms == asked_at_ms and not turn.state.recovering
    ):
        return  # sent after the venue was asked: its absence proves nothing
    # absent among the working orders, and its fills are booked: filled, gone, or never there
    gone = OrderStatus.REJECTED if order.status is OrderStatus.INTENDED else OrderStatus.EXPIRED
    whole = order.filled > ZERO and order.filled >= order.intent.quantity
    status = OrderStatus.FILLED if whole else gone
    moved = orders.advance(turn, symbol, order, status, "absent at the venue")
    if symbol.pending and symbol.pending.client_id == order.client_id:
        symbol.pending = None
    _difference(turn, symbol.symbol, "order", f"{order.purpose} {order.status}", "absent", f"{moved.status}")


def _confirm(symbol: SymbolState, order: Order) -> None:
    if order.purpose is Purpose.STOP:
        symbol.stop_failures = 0


def _unknown_order(turn: Turn, order: VenueOrder) -> None:
    """An order of ours without a record is an orphan and goes; a person's order is reported once, never touched."""
    symbol = turn.symbol(order.symbol)
    if symbol is not None and orders.find(symbol, order.client_id) is not None:
        return
    text = f"{order.side} {order.type} {order.quantity:f}"
    if order.client_id.startswith(instance_prefix(turn.state.settings.account)):
        turn.act(Cancel(order.client_id, order.symbol, order.type.conditional))
        _difference(turn, order.symbol, "orphan order", "none", text, "cancelled")
    elif order.venue_id not in turn.state.foreign_orders:
        turn.state.foreign_orders.add(order.venue_id)
        _difference(turn, order.symbol, "foreign order", "none", text, "left alone")


def _compare_positions(turn: Turn, snapshot: VenueSnapshot) -> None:
    theirs = {position.symbol: position for position in snapshot.positions}
    for symbol in turn.state.symbols.values():
        venue = theirs.pop(symbol.symbol, Position(symbol.symbol))
        if venue.leverage > 1 or venue.quantity:
            symbol.position = replace(
                symbol.position, leverage=venue.leverage, isolated_margin=venue.isolated_margin
            )
        if venue.quantity != symbol.position.quantity:
            _adopt(turn, symbol, venue, snapshot)
    for venue in theirs.values():
        if venue.quantity:
            _difference(
                turn, venue.symbol, "foreign position", "not traded", f"{venue.quantity:f}", "left alone"
            )


def _adopt(turn: Turn, symbol: SymbolState, venue: Position, snapshot: VenueSnapshot) -> None:
    """The venue's quantity is right; a made-up fill without a fee brings ours there and says so."""
    ours = symbol.position
    price = snapshot.marks.get(symbol.symbol, venue.entry_price or symbol.mark_price)
    missing = venue.quantity - ours.quantity
    grows = ours.flat or (missing > ZERO) == (ours.quantity > ZERO)
    fill = Fill(
        trade_id=f"sync-{snapshot.at_ms}-{ours.quantity:f}-{venue.quantity:f}",
        symbol=symbol.symbol,
        side=opening(Position(symbol.symbol, missing).side),
        quantity=abs(missing),
        price=(venue.entry_price or price) if grows else price,
        fee=ZERO,
        at_ms=snapshot.at_ms,
    )
    _difference(turn, symbol.symbol, "position", f"{ours.quantity:f}", f"{venue.quantity:f}", "ours follows")
    if grows:
        lifecycle.on_fill(turn, fill)
    else:
        _sync_close(turn, symbol, fill)
    if venue.quantity and (symbol.plan is None or symbol.plan.foreign):
        guards.halt(
            turn, symbol.symbol, HaltKind.FOREIGN, 0, f"a position we did not open: {venue.quantity:f}"
        )


def _sync_close(turn: Turn, symbol: SymbolState, fill: Fill) -> None:
    realised = accounting.post_fill(turn, symbol, fill)
    accounting.exit_fill(symbol, fill, realised, None)
    if symbol.position.flat:
        trade = accounting.close_trade(turn, symbol, CloseReason.SYNC)
        if trade is not None:
            tell.left(turn, symbol, trade)
            guards.after_trade(turn, symbol)
    accounting.record_position(turn, symbol)


def _compare_wallet(turn: Turn, snapshot: VenueSnapshot) -> None:
    """Money that no fill and no payment explains is shown as a difference, never absorbed silently."""
    gap = snapshot.wallet - turn.state.wallet
    if gap == ZERO:
        return
    before = turn.state.wallet
    reference = f"difference-{snapshot.at_ms}"
    accounting.post(turn, transfer(turn.at_ms, "difference", "", reference, Book.DIFFERENCE, gap))
    _difference(turn, "", "wallet", f"{before:f}", f"{snapshot.wallet:f}", "ours follows")


def _difference(turn: Turn, symbol: str, kind: str, ours: str, theirs: str, done: str) -> None:
    turn.act(RecordDifference(turn.at_ms, symbol, kind, ours, theirs, done))
    if done == "REJECTED":
        return  # an intent that never left: nobody needs to be woken for it
    title = f"{symbol or 'Wallet'}: {kind} differs: ours {ours}, venue {theirs}; {done}"
    turn.tell(NoticeKind.DIFFERENCE, Severity.TRADE, title, (), symbol)


def _begin(turn: Turn) -> None:
    state = turn.state
    today = turn.at_ms // DAY_MS
    recover.ready(turn)
    if state.day.day < today or not state.day.start_equity:
        state.day = DayFigures(day=today, start_equity=state.equity())
    state.equity_high = max(state.equity_high, state.equity())
    held = [s for s in state.symbols.values() if s.position.quantity]
    if not held:
        return
    fields = tuple((s.symbol, _held_text(s)) for s in held)
    title = f"Recovered {len(held)} open position{'s' if len(held) > 1 else ''}, verified with the venue"
    turn.tell(NoticeKind.RECOVERY, Severity.TRADE, title, fields)


def _held_text(symbol: SymbolState) -> str:
    position = symbol.position
    entry = tell.price(symbol.instrument, position.entry_price)
    stop = tell.price(symbol.instrument, symbol.plan.stop_price if symbol.plan else None)
    return f"{position.side} {position.size.normalize():f} at {entry}, stop {stop}"


def _answer(turn: Turn, found_before: int) -> None:
    found = [a for a in turn.actions[found_before:] if isinstance(a, RecordDifference)]
    lines = tuple(
        f"{a.symbol or 'wallet'}: {a.kind}: ours {a.ours}, venue {a.theirs}; {a.done}" for a in found
    )
    for waiter in turn.state.reconcile_waiters:
        turn.answer(waiter, Done(remarks=lines or ("the books agree with the venue",)))
    turn.state.reconcile_waiters.clear()
