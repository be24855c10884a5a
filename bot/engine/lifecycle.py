"""What becomes of orders: outcomes of calls, updates, unknown outcomes; and what follows for their symbol."""

from decimal import Decimal

from bot.domain.action import QueryOrder, StartTimer
from bot.domain.event import Call, CallEnded, OrderUpdated, Outcome
from bot.domain.fill import Fill
from bot.domain.guard import HaltKind
from bot.domain.instrument import ZERO
from bot.domain.order import Order, OrderStatus, OrderType, Purpose
from bot.engine import (
    booking,
    closing,
    flattening,
    guards,
    ladder,
    legs,
    leverage,
    orders,
    pipeline,
    protection,
    tell,
)
from bot.engine.state import SymbolState
from bot.engine.turn import Turn

UNKNOWN_TIMER = "unknown"
OWED_TIMER = "owed"
ASK_AGAIN_MS = 2_000
MOST_ASK_AGAIN_MS = 5_000
CONFIRM_EXIT_MS = 1_000  # the same of a stop: not confirmed, the position would be closed soon
CONFIRM_MS = 3_000  # taken by the venue, but its stream has not said so
MOST_CANCEL_WAIT_MS = 60_000
MARKET_ASKED_MS = 30_000  # so long a market order that is not filled is asked after
_DOUBTED = (OrderStatus.UNKNOWN, OrderStatus.INTENDED)
_UNFILLED_ENDS = (OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED)
NOT_FOUND = "not found"  # the venue does not know the order: one witness, no proof


def on_call(turn: Turn, event: CallEnded) -> None:
    """A submit or cancel call came back, or the answer to a question about an order."""
    symbol = turn.symbol(event.symbol)
    if symbol is not None and not event.client_id:
        leverage.ended(turn, symbol, event)
    order = orders.find(symbol, event.client_id) if symbol else None
    if symbol is None or order is None:
        return
    if event.call is Call.CANCEL:
        _cancelled(turn, symbol, order, event)
    elif event.outcome is Outcome.UNKNOWN:
        _unknown(turn, symbol, order, event.code)
    elif event.outcome is Outcome.NOT_DONE:
        _not_done(turn, symbol, order, event.code)
    elif _unconfirmed(order):
        wait_ms = CONFIRM_EXIT_MS if order.purpose.exits else CONFIRM_MS
        turn.act(StartTimer(UNKNOWN_TIMER, order.client_id, turn.at_ms + wait_ms))
    settle(turn, symbol)


def _unconfirmed(order: Order) -> bool:
    """True for an order of which the stream still has to speak: taken at all, and, at market, filled.

    The frame that tells of the only fill may be the one that is lost; nothing of ours would rest under it.
    """
    at_market = order.intent.type is OrderType.MARKET and order.status.live
    return at_market or order.status in _DOUBTED


def _cancelled(turn: Turn, symbol: SymbolState, order: Order, event: CallEnded) -> None:
    if not order.status.live:
        return
    if event.outcome is Outcome.DONE:
        symbol.cancel_tries = 0
        _ended(turn, symbol, orders.advance(turn, symbol, order, OrderStatus.CANCELLED))
        return
    _ask(turn, order)
    wait = min(ASK_AGAIN_MS * 2**symbol.cancel_tries, MOST_CANCEL_WAIT_MS)
    symbol.cancel_tries = min(symbol.cancel_tries + 1, 10)
    closing.later(turn, symbol, wait)


def _ask(turn: Turn, order: Order) -> None:
    turn.act(QueryOrder(order.client_id, order.symbol, order.intent.type.conditional))


def _ask_later(turn: Turn, order: Order) -> None:
    """Ask again soon, and less often the longer it takes."""
    age = turn.at_ms - order.updated_at_ms
    wait = max(ASK_AGAIN_MS, min(age // 2, MOST_ASK_AGAIN_MS))
    turn.act(StartTimer(UNKNOWN_TIMER, order.client_id, turn.at_ms + wait))


def _unknown(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    """Executed or not: ask, never send again. A question that stays unanswered is asked again by the timer."""
    if order.status is not OrderStatus.INTENDED:
        return
    orders.advance(turn, symbol, order, OrderStatus.UNKNOWN, code)
    _ask(turn, order)
    _ask_later(turn, order)


def _not_done(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    if not order.status.live:
        return
    if order.status is OrderStatus.UNKNOWN or code == NOT_FOUND:
        # one witness says that it does not exist; the snapshot is the second, and reconciliation settles it
        symbol.denied.add(order.client_id)
        turn.look()
        _ask_later(turn, order)
    else:
        _refused(turn, symbol, orders.advance(turn, symbol, order, OrderStatus.REJECTED, code), code)


def doubt(turn: Turn, symbol: SymbolState, order: Order) -> None:
    """An order that rested is absent from a snapshot: what became of it the venue is asked for by its id."""
    orders.advance(turn, symbol, order, OrderStatus.UNKNOWN, ladder.ABSENT)
    _ask(turn, order)
    _ask_later(turn, order)


def unknown_due(turn: Turn, client_id: str) -> None:
    """What became of an order is still not known: ask again, and after the deadline ask a person too."""
    for symbol in turn.state.symbols.values():
        order = symbol.orders.get(client_id)
        if order is None or not _unconfirmed(order):
            continue
        age = turn.at_ms - order.created_at_ms
        if order.status not in _DOUBTED:
            _ask(turn, order)
            if age < MARKET_ASKED_MS:
                _ask_later(turn, order)
            continue
        if age >= turn.state.settings.unknown_deadline_ms:
            figures = f"order {client_id} may or may not have been executed"
            guards.halt(turn, symbol.symbol, HaltKind.UNKNOWN_ORDER, 0, figures)
        _ask(turn, order)
        _ask_later(turn, order)


def on_update(turn: Turn, event: OrderUpdated) -> None:
    """The venue reported an order's state."""
    symbol = turn.symbol(event.symbol)
    order = orders.find(symbol, event.client_id) if symbol else None
    if symbol is None or order is None:
        return
    _owe(turn, symbol, order, event.filled)
    stale = order.status.final and event.status.live  # what it filled before its end, fills will tell
    if stale or event.status is order.status:
        return
    if order.status is OrderStatus.UNKNOWN and event.status in _UNFILLED_ENDS:
        turn.look()  # one witness; the other is what is held
    asked_for = order.client_id in symbol.unwanted
    moved = orders.advance(turn, symbol, order, event.status, event.code, event.venue_id)
    if moved.status is order.status:
        return  # stale news
    if moved.status is OrderStatus.WORKING:
        protection.confirmed(symbol, moved)
    elif moved.status in (OrderStatus.REJECTED, OrderStatus.EXPIRED):
        if order.status in protection.CONFIRMED and order.purpose is Purpose.STOP:
            protection.lost(turn, symbol, moved, event.code)
        else:
            _refused(turn, symbol, moved, event.code)
    elif moved.status.final:
        if moved.status is OrderStatus.CANCELLED and not asked_for:
            _cancelled_by_hand(turn, symbol, moved)
        _ended(turn, symbol, moved)
    settle(turn, symbol)


def _cancelled_by_hand(turn: Turn, symbol: SymbolState, order: Order) -> None:
    if order.purpose is Purpose.CLOSE:
        closing.failed(turn, symbol, order, "cancelled at the venue")
    else:
        protection.cancelled_by_hand(turn, symbol, order)


def _owe(turn: Turn, symbol: SymbolState, order: Order, filled: Decimal) -> None:
    """The venue has filled more than we have booked: the fills follow in a moment, or are fetched."""
    if filled > order.filled:
        symbol.owed[order.client_id] = filled
        turn.act(StartTimer(OWED_TIMER, symbol.symbol, turn.at_ms + ASK_AGAIN_MS))


def owed_due(turn: Turn, symbol: SymbolState) -> None:
    """Fills that the venue spoke of have not come: fetch them."""
    if symbol.owed:
        symbol.owed.clear()
        turn.look()


def gone(turn: Turn, symbol: SymbolState, order: Order) -> Order:
    """The venue has the order no more, and its fills are booked: it was filled, removed, or never there."""
    absent = OrderStatus.REJECTED if order.status is OrderStatus.INTENDED else OrderStatus.EXPIRED
    whole = order.filled > ZERO and order.filled >= order.intent.quantity
    moved = orders.advance(turn, symbol, order, OrderStatus.FILLED if whole else absent, ladder.ABSENT)
    if order.purpose is Purpose.CLOSE and not whole:
        closing.failed(turn, symbol, moved, ladder.ABSENT)
    elif order.purpose is Purpose.STOP and not whole and order.status in protection.RESTED:
        protection.lost(turn, symbol, moved, ladder.ABSENT)
    _ended(turn, symbol, moved)
    return moved


def _refused(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    """The venue did not do what the order asked for."""
    if order.purpose is Purpose.ENTRY:
        tell.rejected(turn, order, code)
    elif order.purpose is Purpose.CLOSE:
        closing.failed(turn, symbol, order, code)
    elif symbol.position.quantity:
        protection.refused(turn, symbol, order, code)
    _ended(turn, symbol, order)


def _ended(turn: Turn, symbol: SymbolState, order: Order) -> None:
    """An entry that ends frees its reservation; what it filled is announced and protected at its final size."""
    pending = symbol.pending
    if order.purpose is not Purpose.ENTRY or pending is None or pending.client_id != order.client_id:
        return
    if order.status.live or order.filled < _expected_fill(order):
        return
    symbol.pending = None
    if order.filled and symbol.plan is not None:
        tell.entered(turn, symbol, order, symbol.plan)


def _expected_fill(order: Order) -> Decimal:
    """A FILLED order's last fill may still be on its way; its reservation holds until it is booked."""
    return order.intent.quantity if order.status is OrderStatus.FILLED else order.filled


def on_fill(turn: Turn, fill: Fill) -> None:
    """Book one execution, exactly once, and bring plan, protection and closes in line with it."""
    seen = fill_key(fill) in turn.state.booked
    if book_fill(turn, fill):
        turn.state.heard_fill_at_ms = max(turn.state.heard_fill_at_ms, fill.at_ms)
        settle(turn, turn.state.symbols[fill.symbol])
        if fill.liquidation:
            turn.look()  # it may cost more than its fill says
    elif not seen and fill.symbol in turn.state.symbols:
        turn.look()  # of another leg: what it did to the wallet, and that it is there, the venue tells


def fill_key(fill: Fill) -> str:
    """Under which a fill is booked once: trade ids are unique per symbol."""
    return f"fill:{fill.symbol}:{fill.trade_id}"


def book_fill(turn: Turn, fill: Fill) -> bool:
    """Book one execution without reacting to it yet; False when it is not ours to book, or booked already."""
    symbol = turn.symbol(fill.symbol)
    if symbol is None or not turn.state.book_once(fill_key(fill)):
        return False
    order = orders.find(symbol, fill.client_id) if fill.client_id else None
    if order is None and legs.elsewhere(symbol, fill):
        return False
    if order is not None:
        order = orders.count_fill(turn, symbol, order, fill)
    if not booking.explains(turn, symbol, fill):
        booking.book(turn, symbol, fill, order)
    if order is not None:
        _ended(turn, symbol, order)
    return True


def settle(turn: Turn, symbol: SymbolState) -> None:
    """After anything that touched a symbol: protection, closes, proof of flatness, a reversal's second half."""
    if not turn.state.recovering and not any(order.status in _DOUBTED for order in symbol.orders.values()):
        guards.outcome_known(turn, symbol.symbol)
    if symbol.position.flat:
        closing.finish(turn, symbol)
        _stop_entering(turn, symbol)
    flattening.progress(turn)
    protection.ensure(turn, symbol)
    _reverse(turn, symbol)


def _stop_entering(turn: Turn, symbol: SymbolState) -> None:
    """What is left of an entry whose first part is already out again is not wanted any more."""
    for order in symbol.live(Purpose.ENTRY):
        if order.filled:
            orders.cancel(turn, symbol, order)


def _reverse(turn: Turn, symbol: SymbolState) -> None:
    """The other half of a reversal: flat, nothing of ours resting, then all gates again."""
    signal = symbol.reversal
    if signal is None or not symbol.position.flat or symbol.orders or symbol.closing:
        return
    judged, symbol.reversal, symbol.reversal_judged = symbol.reversal_judged, None, None
    pipeline.decide(turn, symbol, signal, pipeline.standing(turn.state), judged)
