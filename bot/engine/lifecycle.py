"""What becomes of orders and positions: outcomes of calls, updates, fills, entries planned, exits booked."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.action import QueryOrder, StartTimer, TakeSnapshot
from bot.domain.event import Call, CallEnded, OrderUpdated, Outcome
from bot.domain.fill import Fill
from bot.domain.guard import HaltKind
from bot.domain.instrument import ZERO, to_decimal
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, Order, OrderStatus, Purpose
from bot.domain.position import Plan
from bot.domain.signal import Anchor, Side, Signal
from bot.engine import accounting, closing, guards, orders, pipeline, protection, tell
from bot.engine.state import Pending, SymbolState
from bot.engine.turn import Turn

UNKNOWN_TIMER = "unknown"
QUERY_AGAIN_MS = 2_000


def on_call(turn: Turn, event: CallEnded) -> None:
    """A submit or cancel call came back."""
    symbol = turn.symbol(event.symbol)
    if symbol is not None and not event.client_id:
        _leverage_set(turn, symbol, event)
    order = orders.find(symbol, event.client_id) if symbol else None
    if symbol is None or order is None:
        return
    if event.call is Call.CANCEL:
        _cancelled(turn, symbol, order, event)
    elif event.outcome is Outcome.UNKNOWN:
        _unknown(turn, symbol, order, event.code)
    elif event.outcome is Outcome.NOT_DONE:
        _not_done(turn, symbol, order, event.code)
    settle(turn, symbol)


def _leverage_set(turn: Turn, symbol: SymbolState, event: CallEnded) -> None:
    """Sizing counts on the leverage: a symbol on which it could not be set is not traded."""
    if event.outcome is not Outcome.DONE:
        figures = f"leverage {symbol.leverage} could not be set ({event.code})"
        guards.halt(turn, symbol.symbol, HaltKind.ERRORS, 0, figures)


def _cancelled(turn: Turn, symbol: SymbolState, order: Order, event: CallEnded) -> None:
    symbol.cancelling.discard(order.client_id)
    if event.outcome is Outcome.DONE:
        if order.status.live:
            _ended(turn, symbol, orders.advance(turn, symbol, order, OrderStatus.CANCELLED))
    elif order.status.live:
        turn.act(QueryOrder(order.client_id, order.symbol, order.intent.type.conditional))


def _unknown(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    """Executed or not: ask, never send again."""
    orders.advance(turn, symbol, order, OrderStatus.UNKNOWN, code)
    turn.act(
        QueryOrder(order.client_id, order.symbol, order.intent.type.conditional),
        StartTimer(UNKNOWN_TIMER, order.client_id, turn.at_ms + QUERY_AGAIN_MS),
    )


def _not_done(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    if order.status is OrderStatus.UNKNOWN:
        # one source says "not found"; the snapshot is the second, and reconciliation settles it
        orders.advance(turn, symbol, order, OrderStatus.UNKNOWN, code)
        turn.act(TakeSnapshot(order.created_at_ms))
    elif order.status.live:
        _refused(turn, symbol, orders.advance(turn, symbol, order, OrderStatus.REJECTED, code), code)


def unknown_due(turn: Turn, client_id: str) -> None:
    """An order's outcome is still unknown: ask again, and after the deadline ask a person."""
    for symbol in turn.state.symbols.values():
        order = symbol.orders.get(client_id)
        if order is None or order.status is not OrderStatus.UNKNOWN:
            continue
        if turn.at_ms - order.created_at_ms >= turn.state.settings.unknown_deadline_ms:
            figures = f"order {client_id} may or may not have been executed"
            guards.halt(turn, symbol.symbol, HaltKind.UNKNOWN_ORDER, 0, figures)
            return
        turn.act(
            QueryOrder(client_id, order.symbol, order.intent.type.conditional),
            StartTimer(UNKNOWN_TIMER, client_id, turn.at_ms + QUERY_AGAIN_MS),
        )


def on_update(turn: Turn, event: OrderUpdated) -> None:
    """The venue reported an order's state."""
    symbol = turn.symbol(event.symbol)
    order = orders.find(symbol, event.client_id) if symbol else None
    if symbol is None or order is None:
        return
    moved = orders.advance(turn, symbol, order, event.status, event.code)
    if moved.status is order.status and not event.code:
        return
    if moved.status is OrderStatus.WORKING:
        protection.confirmed(symbol, moved)
    elif moved.status in (OrderStatus.REJECTED, OrderStatus.EXPIRED):
        _refused(turn, symbol, moved, event.code)
    elif moved.status.final:
        _ended(turn, symbol, moved)
    settle(turn, symbol)


def _refused(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    """The venue did not do what the order asked for."""
    if order.purpose is Purpose.ENTRY:
        tell.rejected(turn, order, code)
    elif order.purpose is Purpose.CLOSE:
        closing.failed(turn, symbol, code)
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
    symbol = turn.symbol(fill.symbol)
    if symbol is None or not turn.state.book_once(f"fill:{fill.symbol}:{fill.trade_id}"):
        return
    order = orders.find(symbol, fill.client_id) if fill.client_id else None
    if order is not None:
        order = orders.count_fill(turn, symbol, order, fill)
    before = symbol.position
    realised = accounting.post_fill(turn, symbol, fill)
    if before.flat or before.side.sign == fill.side.sign:
        _entered(turn, symbol, fill, order)
    else:
        _left(turn, symbol, fill, realised, order)
    accounting.record_position(turn, symbol)
    if order is not None:
        _ended(turn, symbol, order)
    settle(turn, symbol)


def _entered(turn: Turn, symbol: SymbolState, fill: Fill, order: Order | None) -> None:
    pending = symbol.pending
    if pending is not None and order is not None and pending.client_id == order.client_id:
        if symbol.open_trade is None:
            _begin(turn, symbol)
        accounting.entry_fill(symbol, symbol.plan or new_plan(symbol, pending, fill), fill)
        _replan(symbol, pending)
    else:
        accounting.entry_fill(symbol, symbol.plan or foreign_plan(symbol, fill), fill)
        _tell_foreign(turn, symbol, fill)
    if any(symbol.symbol in task.symbols for task in turn.state.flattens):
        closing.start(turn, symbol, symbol.position.size, CloseReason.PANIC)


def _begin(turn: Turn, symbol: SymbolState) -> None:
    symbol.stop_failures = symbol.target_failures = 0
    symbol.stop_moved = symbol.liquidation_warned = False
    day = turn.state.day
    turn.state.day = replace(day, trades=day.trades + 1)


def new_plan(symbol: SymbolState, pending: Pending, fill: Fill) -> Plan:
    """The plan of an entry, from its signal; prices are set by `_replan` from the average fill."""
    signal = pending.signal
    return Plan(
        symbol=symbol.symbol,
        side=signal.side or Side.LONG,
        strategy=signal.strategy,
        decision_id=pending.decision_id,
        entry_client_id=pending.client_id,
        opened_at_ms=fill.at_ms,
        planned_price=pending.planned_price,
        stop_price=to_decimal(signal.stop_price),
        target_price=to_decimal(signal.target_price) if signal.target_price else None,
        score=signal.score,
        atr=to_decimal(signal.atr),
        risk=pending.risk,
        anchored=signal.anchor is Anchor.FILL,
        model_score=pending.model_score,
    )


def _replan(symbol: SymbolState, pending: Pending) -> None:
    """Stop and target of the signal, moved with the average entry price when they hang on the fill."""
    trade = symbol.open_trade
    if trade is None or symbol.stop_moved:
        return
    base = symbol.position.entry_price if trade.plan.anchored else to_decimal(pending.signal.reference_price)
    stop, target = planned_prices(symbol, pending.signal, base)
    risk = abs(symbol.position.entry_price - stop) * symbol.position.size
    symbol.open_trade = replace(
        trade, plan=replace(trade.plan, stop_price=stop, target_price=target, risk=risk)
    )


def planned_prices(symbol: SymbolState, signal: Signal, base: Decimal) -> tuple[Decimal, Decimal | None]:
    """Stop and target at the signal's distances from `base`, rounded towards less risk."""
    side = signal.side or Side.LONG
    reference = to_decimal(signal.reference_price)
    stop = symbol.instrument.stop_price(side, base + to_decimal(signal.stop_price) - reference)
    if not signal.target_price:
        return stop, None
    target = symbol.instrument.target_price(side, base + to_decimal(signal.target_price) - reference)
    return stop, target


def foreign_plan(symbol: SymbolState, fill: Fill) -> Plan:
    """A position that no decision of ours made: shown, without stop and target of ours."""
    return Plan(
        symbol=symbol.symbol,
        side=symbol.position.side,
        strategy="foreign",
        decision_id=f"{symbol.symbol}:foreign:{fill.at_ms}",
        entry_client_id=fill.client_id,
        opened_at_ms=fill.at_ms,
        planned_price=fill.price,
        stop_price=ZERO,
        target_price=None,
        foreign=True,
    )


def _tell_foreign(turn: Turn, symbol: SymbolState, fill: Fill) -> None:
    figures = f"{fill.side} {fill.quantity:f} at {tell.price(symbol.instrument, fill.price)}"
    guards.halt(turn, symbol.symbol, HaltKind.FOREIGN, 0, f"a position we did not open: {figures}")
    turn.tell(
        NoticeKind.DIFFERENCE,
        Severity.CRITICAL,
        f"{symbol.symbol}: an order that is not ours was filled, {figures}",
        (),
        symbol.symbol,
    )


def _left(turn: Turn, symbol: SymbolState, fill: Fill, realised: Decimal, order: Order | None) -> None:
    accounting.exit_fill(symbol, fill, realised, order)
    reason = accounting.close_reason(symbol, fill, order)
    task_before = symbol.closing
    if symbol.position.flat:
        trade = accounting.close_trade(turn, symbol, reason)
        if trade is not None:
            tell.left(turn, symbol, trade)
            guards.after_trade(turn, symbol)
    if task_before is not None:
        closing.count(turn, symbol, fill, realised)


def settle(turn: Turn, symbol: SymbolState) -> None:
    """After anything that touched a symbol: protection, closes, proof of flatness, a reversal's second half."""
    if symbol.position.flat and symbol.closing is not None:
        closing.finish(turn, symbol)
    protection.ensure(turn, symbol)
    closing.progress(turn)
    _reverse(turn, symbol)


def _reverse(turn: Turn, symbol: SymbolState) -> None:
    """The other half of a reversal: flat, nothing of ours resting, then all gates again."""
    signal = symbol.reversal
    if signal is None or not symbol.position.flat or symbol.orders or symbol.closing:
        return
    symbol.reversal = None
    pipeline.decide(turn, symbol, signal)
