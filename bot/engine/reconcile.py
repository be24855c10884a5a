"""One comparison for start, reconnect, timer and doubt: the venue is the truth for what exists, we for why."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from bot.domain.account import Book, Entry, transfer
from bot.domain.action import (
    RecordDay,
    RecordDifference,
    RecordSetting,
    StartTimer,
)
from bot.domain.command import Done
from bot.domain.event import SnapshotTaken
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO
from bot.domain.market import DAY_MS
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, Order, OrderStatus, opening
from bot.domain.position import Position
from bot.domain.snapshot import DayFigures, VenueOrder, VenueSnapshot
from bot.engine import (
    accounting,
    booking,
    closing,
    differences,
    flattening,
    guards,
    legs,
    lifecycle,
    orders,
    protection,
    recover,
    strangers,
    tell,
)
from bot.engine.state import SymbolState
from bot.engine.turn import Turn

RECONCILE_TIMER = "reconcile"
DEAF_TIMER = "deaf"
DEAF_MS = 60_000
TOO_OLD_MS = 1_000
FAILED_MS = 5_000
SAME_PRICE = Decimal("0.0001")  # venues round their averages


def on_snapshot(turn: Turn, event: SnapshotTaken) -> None:
    """Bring our books in line with the venue; every difference is recorded and told."""
    snapshot, first, virgin = event.snapshot, turn.state.recovering, turn.state.first_start
    if snapshot.at_ms < turn.state.heard_fill_at_ms:
        _later(turn, TOO_OLD_MS)  # older than what we have booked since: it proves nothing
        return
    found_before = len(turn.actions)
    turn.state.found.clear()
    _take_marks(turn, snapshot)
    if first and turn.state.first_start:
        _open_books(turn, snapshot)
    _book_missed(turn, snapshot)
    _settle_orders(turn, snapshot)
    unexplained = _compare_positions(turn, snapshot)
    if first and unexplained and not virgin:
        _protect(turn, unexplained)
    if any(symbol.differs_since_ms for symbol in turn.state.symbols.values()):
        _later(turn, TOO_OLD_MS)
        for symbol in turn.state.symbols.values():
            lifecycle.settle(turn, symbol)
        return
    _compare_wallet(turn, snapshot)
    turn.state.proven_at_ms = max(turn.state.proven_at_ms, snapshot.at_ms)
    if first:
        _begin(turn)
    for symbol in turn.state.symbols.values():
        lifecycle.settle(turn, symbol)
    closing.read(turn)
    flattening.verified(turn)
    if first:
        flattening.carry_on(turn)
    _answer(turn, found_before)


def on_failure(turn: Turn, code: str) -> None:
    """The venue could not be asked; nothing is concluded from that, it is asked again."""
    closing.read(turn)
    flattening.unverified(turn, code)
    _later(turn, FAILED_MS)


def listen_again(turn: Turn) -> None:
    """The stream is down: as long as that lasts, what happens at the venue is asked for now and then."""
    turn.act(StartTimer(DEAF_TIMER, "", turn.at_ms + DEAF_MS))


def while_deaf(turn: Turn) -> None:
    """Another moment without the stream has passed; stops and targets may have filled meanwhile."""
    if turn.state.open_symbols or any(symbol.orders for symbol in turn.state.symbols.values()):
        turn.look()
    listen_again(turn)


def _later(turn: Turn, wait_ms: int) -> None:
    turn.act(StartTimer(RECONCILE_TIMER, "", turn.at_ms + wait_ms))


def _take_marks(turn: Turn, snapshot: VenueSnapshot) -> None:
    """Before the first candle or quote the venue's marks are all we know about prices."""
    for name, mark in snapshot.marks.items():
        symbol = turn.symbol(name)
        if symbol is not None and not symbol.mark:
            symbol.mark = float(mark)


def _open_books(turn: Turn, snapshot: VenueSnapshot) -> None:
    """The first start ever: what is in the wallet is our capital, and the base of dynamic sizing.

    What was traded and paid on the account before is in the wallet already; it is not ours to book.
    """
    for fill in snapshot.fills:
        turn.state.book_once(lifecycle.fill_key(fill))
    for entry in snapshot.funding:
        turn.state.book_once(f"funding:{entry.reference}")
    amount = snapshot.wallet - turn.state.wallet
    accounting.post(turn, transfer(turn.at_ms, "capital", "", "capital", Book.CAPITAL, amount))
    turn.state.first_start = False
    turn.state.base_balance = amount
    turn.act(
        RecordSetting(turn.at_ms, "base_balance", f'"{amount:f}"', "engine", "-", f"{amount:.2f}"),
    )


def _book_missed(turn: Turn, snapshot: VenueSnapshot) -> None:
    """Book what happened, in the order in which it did: a payment belongs to the trade that was open then."""
    # a chain of missed fills may open and close a position: nothing is sent before the last of them is booked
    happened: list[Fill | Entry] = [*snapshot.funding, *snapshot.fills]
    for one in sorted(happened, key=lambda one: one.at_ms):
        if isinstance(one, Fill):
            lifecycle.book_fill(turn, one)
        else:
            book_funding(turn, one.symbol, one.amount(Book.WALLET), one.reference, one.at_ms)


def book_funding(turn: Turn, name: str, amount: Decimal, payment_id: str, paid_at_ms: int) -> None:
    """Book a funding payment, once."""
    symbol = turn.symbol(name)
    if symbol is not None and turn.state.book_once(f"funding:{payment_id}"):
        accounting.post_funding(turn, symbol, amount, payment_id, paid_at_ms)
        guards.watch_account(turn)


def _settle_orders(turn: Turn, snapshot: VenueSnapshot) -> None:
    """Orders of ours that the venue no longer has, and orders of its that we do not know."""
    theirs = {order.client_id: order for order in snapshot.orders}
    held: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for position in snapshot.positions:
        held[position.symbol] += position.quantity
    for symbol in turn.state.symbols.values():
        for order in list(symbol.orders.values()):
            if order.client_id in theirs or not _shows(turn, symbol, order, held[symbol.symbol]):
                _settle_order(turn, symbol, order, theirs.get(order.client_id), snapshot.at_ms)
    strangers.look(turn, snapshot)


def _settle_order(
    turn: Turn, symbol: SymbolState, order: Order, theirs: VenueOrder | None, asked_at_ms: int
) -> None:
    if theirs is not None:
        symbol.denied.discard(order.client_id)
        moved = orders.advance(turn, symbol, order, theirs.status, "", theirs.venue_id)
        if moved.status is OrderStatus.WORKING:
            protection.confirmed(symbol, moved)
    elif _absence_counts(turn, symbol, order, asked_at_ms):
        moved = lifecycle.gone(turn, symbol, order)
        ours = f"{order.purpose} {order.status}"
        differences.record(turn, symbol.symbol, "order", ours, "absent", f"{moved.status}")
    elif order.status in protection.CONFIRMED and _told_before(turn, order.updated_at_ms, asked_at_ms):
        lifecycle.doubt(turn, symbol, order)


def _shows(turn: Turn, symbol: SymbolState, order: Order, theirs: Decimal) -> bool:
    """True while the venue's quantity says that an order was executed, of which it tells nothing else yet.

    Its lists may be behind its positions: an order that they deny is not gone then. Not for ever: a person may trade.
    """
    young = turn.at_ms - order.created_at_ms < turn.state.settings.unknown_deadline_ms
    moved = (theirs - symbol.position.quantity) * order.intent.side.sign > ZERO
    return young and moved and not turn.state.recovering


def _told_before(turn: Turn, at_ms: int, asked_at_ms: int) -> bool:
    """True when the venue's answers have caught up with that moment."""
    return at_ms + turn.state.settings.read_lag_ms < asked_at_ms


def _absence_counts(turn: Turn, symbol: SymbolState, order: Order, asked_at_ms: int) -> bool:
    """Absence is one witness, and none at all of what was sent after the venue was asked; a denial is the other.

    A call that has not come back leaves no second witness but time: a venue that lives by bars tells a bar late.
    """
    settings = turn.state.settings
    if turn.state.recovering:
        return order.created_at_ms <= asked_at_ms
    if order.client_id in symbol.denied:
        return order.updated_at_ms < asked_at_ms and _told_before(turn, order.created_at_ms, asked_at_ms)
    on_its_way = settings.read_lag_ms or settings.bar_ms
    return order.status is OrderStatus.INTENDED and order.updated_at_ms + on_its_way < asked_at_ms


def _protect(turn: Turn, found: list[str]) -> None:
    """After a start the venue holds more than ledger and fills explain: cover or ask; a person decides on entries.

    What has a plan is covered by its stop; what has none is left alone, or covered where such is adopted.
    """
    turn.state.protect = True
    uncovered = [s.symbol for s in turn.state.open_symbols if s.plan is None or s.plan.foreign]
    fields = (("Without a stop of ours", ", ".join(uncovered) or "none"),)
    names = ", ".join(found)
    title = f"{names}: held at the venue and not explained by our books: no entries until /start_trading"
    turn.tell(NoticeKind.RECOVERY, Severity.CRITICAL, title, fields)


def _compare_positions(turn: Turn, snapshot: VenueSnapshot) -> list[str]:
    """Ours follow the venue's; answers what grew without an explanation."""
    unexplained: list[str] = []
    theirs: dict[str, list[Position]] = defaultdict(list)
    for position in snapshot.positions:
        theirs[position.symbol].append(position)
    for symbol in turn.state.symbols.values():
        venue = legs.ours(turn, symbol, theirs.pop(symbol.symbol, []))
        if venue.leverage > 1 or venue.quantity:
            symbol.position = replace(
                symbol.position, leverage=venue.leverage, isolated_margin=venue.isolated_margin
            )
        if _on_the_way(turn, symbol, venue.quantity):
            continue
        if venue.quantity != symbol.position.quantity and _adopt(turn, symbol, venue, snapshot):
            unexplained.append(f"{symbol.symbol} {venue.side} {venue.size:f}")
        if (
            venue.quantity
            and abs(symbol.position.entry_price - venue.entry_price) > venue.entry_price * SAME_PRICE
        ):
            _adopt_entry(turn, symbol, venue.entry_price)
        if symbol.position.quantity and symbol.open_trade is None:
            booking.take_in(turn, symbol)
    _untraded(turn, [position for found in theirs.values() for position in found if position.quantity])
    return unexplained


def _on_the_way(turn: Turn, symbol: SymbolState, theirs: Decimal) -> bool:
    """True for a moment while executions of our orders may explain the venue's quantity: they are told later than it.

    What grew must be covered soon; nothing is at stake where it shrank, and its price is worth waiting for.
    """
    missing, lag_ms = theirs - symbol.position.quantity, turn.state.settings.read_lag_ms
    ours = [order for order in symbol.orders.values() if order.intent.side.sign * missing > ZERO]
    if not ours or turn.state.recovering:
        symbol.differs_since_ms = 0
        return False
    since_ms = symbol.differs_since_ms or turn.at_ms
    grows = symbol.position.flat or missing * symbol.position.quantity > ZERO
    waits = turn.at_ms - since_ms < (lag_ms if grows else lag_ms * 3)
    symbol.differs_since_ms = since_ms if waits else 0
    return waits


def _untraded(turn: Turn, found: list[Position]) -> None:
    """Positions of symbols that we do not trade: told when they are first seen, and when another size is."""
    seen = {f"{position.symbol} {position.quantity:f}" for position in found}
    for position in found:
        if f"{position.symbol} {position.quantity:f}" not in turn.state.foreign_positions:
            theirs = f"{position.quantity:f}"
            differences.record(turn, position.symbol, "foreign position", "not traded", theirs, "left alone")
    turn.state.foreign_positions = seen


def _adopt(turn: Turn, symbol: SymbolState, venue: Position, snapshot: VenueSnapshot) -> bool:
    """The venue's quantity is right; a made-up fill without a fee brings ours there and says so.

    True when it opened or grew a position and no entry of ours explains it.
    """
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
    differences.record(
        turn, symbol.symbol, "position", f"{ours.quantity:f}", f"{venue.quantity:f}", "ours follows"
    )
    entry = _entry_of(symbol, fill)
    symbol.made_up = fill if grows and entry is not None else None
    turned = not venue.quantity * ours.quantity > ZERO and venue.quantity != ZERO
    booking.book(turn, symbol, fill, entry, CloseReason.SYNC)
    return entry is None and (grows or turned)


def _adopt_entry(turn: Turn, symbol: SymbolState, theirs: Decimal) -> None:
    """Fills that came in another order than they happened leave another average; the money follows in the wallet."""
    ours = symbol.position.entry_price
    differences.record(turn, symbol.symbol, "entry price", f"{ours:f}", f"{theirs:f}", "ours follows")
    symbol.position = replace(symbol.position, entry_price=theirs)
    accounting.record_position(turn, symbol)


def _entry_of(symbol: SymbolState, fill: Fill) -> Order | None:
    """The entry order that explains a fill nobody told us about: the one on its way, when side and size agree."""
    waiting = [*symbol.orders.values(), *symbol.past_orders.values()]
    for order in waiting:
        ours = symbol.pending is not None and order.client_id == symbol.pending.client_id
        if ours and order.intent.side is fill.side and fill.quantity <= order.remaining:
            return order
    return None


def _compare_wallet(turn: Turn, snapshot: VenueSnapshot) -> None:
    """Money that no fill and no payment explains is shown as a difference, never absorbed silently."""
    gap = snapshot.wallet - turn.state.wallet
    if gap == ZERO:
        return
    before = turn.state.wallet
    reference = f"difference-{snapshot.at_ms}"
    accounting.post(turn, transfer(turn.at_ms, "difference", "", reference, Book.DIFFERENCE, gap))
    _shift(turn, gap)
    differences.record(turn, "", "wallet", f"{before:f}", f"{snapshot.wallet:f}", "ours follows")


def _shift(turn: Turn, gap: Decimal) -> None:
    """Money that came or went past our trading is no result: day and equity high are measured without it."""
    state = turn.state
    if state.day.start_equity:
        state.day = replace(state.day, start_equity=state.day.start_equity + gap)
        turn.act(RecordDay(turn.at_ms, state.day))
    if state.equity_high:
        state.equity_high += gap
        guards.record_high(turn, "engine")


def _begin(turn: Turn) -> None:
    state = turn.state
    today = turn.at_ms // DAY_MS
    recover.ready(turn)
    if state.day.day < today or not state.day.start_equity:
        state.day = DayFigures(day=today, start_equity=state.equity())
        turn.act(RecordDay(turn.at_ms, state.day))
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
    lines = tuple(f"{a.symbol} {a.kind}: ours {a.ours}, venue {a.theirs}; {a.done}".lstrip() for a in found)
    for waiter in turn.state.reconcile_waiters:
        turn.answer(waiter, Done(remarks=lines or ("the books agree with the venue",)))
    turn.state.reconcile_waiters.clear()
