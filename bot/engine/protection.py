"""Protection: every filled quantity has a venue-confirmed stop, and leftovers go when the position is gone.

`ensure` compares what should rest at the venue with what does, and closes the gap; it may be called at any time and
does nothing when all is well.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.domain.action import StartTimer
from bot.domain.guard import HaltKind
from bot.domain.instrument import Instrument
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import Approved, CloseReason, Intent, Order, OrderStatus, OrderType, Purpose, closing
from bot.domain.position import Plan
from bot.domain.signal import Side
from bot.engine import accounting, codes, guards, ladder, orders, tell
from bot.engine import closing as closes
from bot.engine.state import SymbolState
from bot.engine.turn import Turn
from bot.risk.approval import approve_exit

COVER_TIMER = "cover"
THROUGH_TIMER = "through"
CONFIRMED = frozenset({OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED})
RESTED = CONFIRMED | {OrderStatus.UNKNOWN}
HOUR_MS = 3_600_000
MOST_VANISHED = 2
EXITS = tuple(purpose for purpose in Purpose if purpose.exits)


def ensure(turn: Turn, symbol: SymbolState) -> None:
    """Bring the orders that protect a position in line with its plan, or remove them when it is flat.

    Before the first reconciliation nobody knows what rests at the venue: it waits for that.
    """
    if turn.state.recovering:
        return
    _clear(turn, symbol)
    held = not symbol.position.flat and not orders.owing(symbol, *EXITS)
    if held and symbol.plan is not None and not symbol.plan.foreign:
        _ensure_stop(turn, symbol, symbol.plan)
        _ensure_target(turn, symbol, symbol.plan)
    _watch_cover(turn, symbol)


def _clear(turn: Turn, symbol: SymbolState) -> None:
    """Exits of a position that is gone, or has become one of the other side, go; a close only when it rests.

    What protects a position that a person has closed stays until the venue has said that it is flat.
    """
    position = symbol.position
    leaving = [order for order in symbol.live(Purpose.CLOSE) if order.status in CONFIRMED]
    if not (position.flat and any(symbol.symbol in task.proving for task in turn.state.flattens)):
        leaving += [*symbol.live(Purpose.STOP), *symbol.live(Purpose.TARGET)]
    for order in leaving:
        if position.flat or order.intent.side is not closing(position.side):
            orders.cancel(turn, symbol, order)


def covered(symbol: SymbolState) -> bool:
    """True when a confirmed stop on the right side covers the position, or it is flat or not ours to cover."""
    if symbol.position.flat or (symbol.plan is not None and symbol.plan.foreign):
        return True
    return bool(_covering(symbol))


def _covering(symbol: SymbolState) -> Sequence[Order]:
    """Confirmed stops on the right side for the whole position."""
    side = closing(symbol.position.side)
    return [
        order
        for order in symbol.live(Purpose.STOP)
        if order.status in CONFIRMED and order.intent.side is side and _covers(order, symbol.position.size)
    ]


def _covers(order: Order, size: Decimal) -> bool:
    return order.intent.close_position or order.remaining >= size


def _closing_all(symbol: SymbolState) -> bool:
    return symbol.closing is not None and symbol.closing.left >= symbol.position.size


def _leaving(turn: Turn, symbol: SymbolState) -> bool:
    """True while a close of everything is young: a close that does not get through needs a stop like anything else."""
    task = symbol.closing
    young = task is not None and turn.at_ms - task.started_at_ms < turn.state.settings.stop_deadline_ms
    return young and _closing_all(symbol)


def _ensure_stop(turn: Turn, symbol: SymbolState, plan: Plan) -> None:
    stops = symbol.live(Purpose.STOP)
    right = [
        order
        for order in stops
        if order.intent.trigger_price == plan.stop_price
        and _covers(order, symbol.position.size)
        and order.client_id not in symbol.unwanted
    ]
    if not right:
        _place_stop(turn, symbol, plan)
    elif any(order.status in CONFIRMED for order in right):
        for order in stops:
            if order not in right:
                orders.cancel(turn, symbol, order)


def _making_room(turn: Turn, symbol: SymbolState, after: int) -> bool:
    """True for a moment after orders of a kind were cancelled because they stood in a close's way."""
    task = symbol.closing
    if task is None or task.room_made < after:
        return False
    return turn.at_ms - task.room_at_ms < turn.state.settings.stop_deadline_ms


def _place_stop(turn: Turn, symbol: SymbolState, plan: Plan) -> None:
    if _leaving(turn, symbol) or _making_room(turn, symbol, ladder.MOST_ROOM):
        return
    if _given_up(turn, symbol.stop_failures):
        if not _closing_all(symbol):
            emergency(turn, symbol, "the venue refuses its stop")
        return
    # a second close-position stop on one side is refused (-4130), so a moved stop is a sized reduce-only one
    others = any(order.intent.close_position for order in symbol.live(Purpose.STOP))
    whole = not others and Purpose.STOP not in symbol.sized
    _place(turn, symbol, Purpose.STOP, plan.stop_price, whole)


def _ensure_target(turn: Turn, symbol: SymbolState, plan: Plan) -> None:
    targets = symbol.live(Purpose.TARGET)
    wrong = [order for order in targets if order.intent.trigger_price != plan.target_price]
    for order in wrong:
        orders.cancel(turn, symbol, order)
    if targets or plan.target_price is None or _closing_all(symbol) or _making_room(turn, symbol, 1):
        return
    if not _given_up(turn, symbol.target_failures):
        _place(turn, symbol, Purpose.TARGET, plan.target_price, Purpose.TARGET not in symbol.sized)


def _given_up(turn: Turn, failures: int) -> bool:
    return failures >= turn.state.settings.stop_tries


_TYPES = {Purpose.STOP: OrderType.STOP_MARKET, Purpose.TARGET: OrderType.TAKE_PROFIT_MARKET}


def _place(turn: Turn, symbol: SymbolState, purpose: Purpose, trigger: Decimal, whole: bool) -> None:
    plan = symbol.plan
    intent = Intent(
        symbol=symbol.symbol,
        side=closing(symbol.position.side),
        purpose=purpose,
        type=_TYPES[purpose],
        quantity=symbol.position.size,
        decision_id=f"{plan.decision_id if plan else 'foreign'}/{turn.at_ms}",
        attempt=turn.state.order_count + 1,
        trigger_price=trigger,
        reduce_only=True,
        close_position=whole,
        expected_price=trigger,
    )
    approved = approve_exit(intent, symbol.position)
    if isinstance(approved, Approved):
        orders.send(turn, symbol, approved)


def refused(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    """The venue refused or removed a stop or target: count it, close at once where waiting would be worse."""
    through = code in codes.WOULD_TRIGGER and not _closing_all(symbol)
    if code in codes.CLOSE_POSITION_EXISTS:
        symbol.sized.add(order.purpose)
    if code in codes.NOTHING_TO_REDUCE:
        turn.look()
    if order.purpose is Purpose.STOP:
        symbol.stop_failures += 1
        if through:
            emergency(turn, symbol, "the price is already through its stop", CloseReason.SL)
        elif _given_up(turn, symbol.stop_failures):
            _keep_old_stop(turn, symbol, code)
        return
    symbol.target_failures += 1
    if through:
        closes.start(turn, symbol, symbol.position.size, CloseReason.TP)
    elif _given_up(turn, symbol.target_failures):
        _tell(turn, symbol, "the venue refuses its target; the stop stands", code)


def lost(turn: Turn, symbol: SymbolState, order: Order, code: str) -> None:
    """A stop that rested is gone without having closed: refused at its trigger, removed, or simply not there.

    Refused at its trigger means that the price is there: out at once. Removed, it is put back; one that vanishes again
    and again protects nothing, and is not replaced for ever.
    """
    if symbol.position.flat or order.client_id in symbol.unwanted or _covering(symbol):
        return
    if order.status is OrderStatus.REJECTED:
        if not _closing_all(symbol):
            emergency(
                turn,
                symbol,
                f"its stop was refused at its trigger ({code or 'no reason given'})",
                CloseReason.SL,
            )
        return
    lasted = order.updated_at_ms - order.created_at_ms >= HOUR_MS
    symbol.stops_lost = 1 if lasted else symbol.stops_lost + 1
    most = MOST_VANISHED if code == ladder.ABSENT else turn.state.settings.stop_tries
    if symbol.stops_lost < most:
        _tell(turn, symbol, "its stop was removed at the venue: put back", code)
    elif not _closing_all(symbol):
        emergency(turn, symbol, f"its stops do not stay at the venue ({symbol.stops_lost} gone)")


def _keep_old_stop(turn: Turn, symbol: SymbolState, code: str) -> None:
    """A stop could not be moved but the one before still covers: it becomes the plan again."""
    old = _covering(symbol)
    if not old or old[0].intent.trigger_price is None:
        return
    move_stop(symbol, old[0].intent.trigger_price)
    symbol.stop_failures = 0
    accounting.record_position(turn, symbol)
    where = tell.price(symbol.instrument, old[0].intent.trigger_price)
    _tell(turn, symbol, f"the venue refuses its new stop; the old one stands at {where}", code)


def _tell(turn: Turn, symbol: SymbolState, what: str, code: str) -> None:
    fields = (("Reason", code),) if code else ()
    title = f"{symbol.symbol}: {what}"
    turn.tell(NoticeKind.PROTECTION, Severity.CRITICAL, title, fields, symbol.symbol)


def cancelled_by_hand(turn: Turn, symbol: SymbolState, order: Order) -> None:
    """A person cancelled our stop or target: it is put back once; the second time they mean it."""
    if symbol.position.flat or not order.purpose.exits:
        return
    what = order.purpose.lower()
    if order.purpose not in symbol.fought:
        symbol.fought.add(order.purpose)
        _tell(turn, symbol, f"its {what} was cancelled at the venue, not by us: put back", "")
        return
    if order.purpose is Purpose.TARGET:
        move_target(symbol, None)
        _tell(turn, symbol, "its target was cancelled at the venue again: it stays without one", "")
    elif symbol.open_trade is not None:
        symbol.open_trade = replace(symbol.open_trade, plan=replace(symbol.open_trade.plan, foreign=True))
        figures = (
            "its stop was cancelled at the venue twice: the position is in a person's hands, WITHOUT A STOP"
        )
        guards.halt(turn, symbol.symbol, HaltKind.FOREIGN, 0, figures)
        _tell(turn, symbol, figures, "")
    accounting.record_position(turn, symbol)


def confirmed(symbol: SymbolState, order: Order) -> None:
    """A stop or target rests at the venue: earlier failures no longer count."""
    if order.purpose is Purpose.STOP:
        symbol.stop_failures = 0
    elif order.purpose is Purpose.TARGET:
        symbol.target_failures = 0


def emergency(turn: Turn, symbol: SymbolState, why: str, reason: CloseReason = CloseReason.EMERGENCY) -> None:
    """Close at market at once, loudly."""
    tell.emergency(turn, symbol, why)
    closes.start(turn, symbol, symbol.position.size, reason)


def _watch_cover(turn: Turn, symbol: SymbolState) -> None:
    """Keep the time during which the position is not covered, and have it looked at again at the deadline."""
    if covered(symbol):
        if symbol.uncovered_since_ms:
            interval = turn.at_ms - symbol.uncovered_since_ms
            turn.state.longest_uncovered_ms = max(turn.state.longest_uncovered_ms, interval)
            symbol.uncovered_since_ms = 0
    elif not symbol.uncovered_since_ms:
        symbol.uncovered_since_ms = turn.at_ms
        deadline = turn.at_ms + turn.state.settings.stop_deadline_ms
        turn.act(StartTimer(COVER_TIMER, symbol.symbol, deadline))


def cover_due(turn: Turn, symbol: SymbolState) -> None:
    """The deadline for covering a position has come: close it when it still is not covered, cover it when it closes."""
    waited = turn.at_ms - symbol.uncovered_since_ms
    if not symbol.uncovered_since_ms or waited < turn.state.settings.stop_deadline_ms or symbol.plan is None:
        return
    if _closing_all(symbol):
        ensure(turn, symbol)
    else:
        emergency(turn, symbol, f"no confirmed stop for {waited / 1000:.1f} s")


def watch_through(turn: Turn, symbol: SymbolState) -> None:
    """The price is beyond a stop that has not closed the position: a stop can hang at the venue, so it gets a while."""
    if not _through(symbol):
        symbol.through_since_ms = 0
    elif not symbol.through_since_ms:
        symbol.through_since_ms = turn.at_ms
        turn.act(StartTimer(THROUGH_TIMER, symbol.symbol, turn.at_ms + _patience_ms(turn)))


def through_due(turn: Turn, symbol: SymbolState) -> None:
    """A stop has had its while: what it did not close is closed at market."""
    waited = turn.at_ms - symbol.through_since_ms
    if not symbol.through_since_ms or not _through(symbol):
        symbol.through_since_ms = 0
    elif waited < _patience_ms(turn):
        turn.act(StartTimer(THROUGH_TIMER, symbol.symbol, symbol.through_since_ms + _patience_ms(turn)))
    elif not _closing_all(symbol):
        symbol.through_since_ms = 0
        emergency(
            turn,
            symbol,
            f"the price has been beyond its stop for {waited / 1000:.1f} s, and it is still open",
        )


def _patience_ms(turn: Turn) -> int:
    return 2 * turn.state.settings.stop_deadline_ms


def _through(symbol: SymbolState) -> bool:
    """True when the mark is beyond the stop and the stop has done nothing about it."""
    plan, mark = symbol.plan, symbol.mark
    if symbol.position.flat or plan is None or plan.foreign or not plan.stop_price or not mark:
        return False
    if any(order.filled for order in symbol.live(Purpose.STOP)):
        return False  # it is under way, in parts
    beyond = mark - float(plan.stop_price)
    return beyond < 0 if symbol.position.side is Side.LONG else beyond > 0


def move_stop(symbol: SymbolState, price: Decimal) -> None:
    """Give the plan a new stop; `ensure` then places it before it removes the old one."""
    if symbol.open_trade is not None:
        plan = replace(symbol.open_trade.plan, stop_price=price)
        symbol.open_trade = replace(symbol.open_trade, plan=plan)
        symbol.stop_moved = True


def move_target(symbol: SymbolState, price: Decimal | None) -> None:
    """Give the plan a new target, or none."""
    if symbol.open_trade is not None:
        plan = replace(symbol.open_trade.plan, target_price=price)
        symbol.open_trade = replace(symbol.open_trade, plan=plan)
        symbol.target_failures = 0


def trail(turn: Turn, symbol: SymbolState) -> bool:
    """Move a trailing stop after the mark, only ever towards less risk, with a pause in between; True when it moved."""
    plan = symbol.plan
    if plan is None or not plan.trail_distance:
        return False
    if turn.at_ms < symbol.trailed_at_ms + turn.state.settings.trail_pause_ms:
        return False
    better = _trailed(symbol.instrument, plan, symbol.mark_price)
    if better is None:
        return False
    symbol.trailed_at_ms = turn.at_ms
    move_stop(symbol, better)
    accounting.record_position(turn, symbol)
    ensure(turn, symbol)
    return True


def _trailed(instrument: Instrument, plan: Plan, mark: Decimal) -> Decimal | None:
    wanted = instrument.stop_price(plan.side, mark - plan.trail_distance * plan.side.sign)
    gained = (wanted - plan.stop_price) * plan.side.sign
    beyond = (mark - wanted) * plan.side.sign > 0
    # moving by less than a tenth of the distance would only burn the venue's order limits
    return wanted if beyond and gained * 10 >= plan.trail_distance else None


def better_stop(side: Side, old: Decimal, new: Decimal) -> bool:
    """True when `new` risks less than `old`."""
    return (new - old) * side.sign > 0
