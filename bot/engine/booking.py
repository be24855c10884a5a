"""Fills: each booked exactly once, then plan, protection, closes and trades brought in line with it."""

from dataclasses import replace

from bot.domain.action import RecordDay
from bot.domain.fill import Fill
from bot.domain.guard import HaltKind
from bot.domain.instrument import ZERO, money_out
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason, Order, opening
from bot.domain.position import Plan, Position
from bot.engine import accounting, closing, flattening, guards, plans, tell
from bot.engine.state import SymbolState
from bot.engine.turn import Turn


def book(
    turn: Turn, symbol: SymbolState, fill: Fill, order: Order | None, reason: CloseReason | None = None
) -> None:
    """Book one fill that was not booked before; `reason` is why it closes, where that is known from elsewhere."""
    size = symbol.position.size
    out, into = parts(symbol.position, fill)
    realised = accounting.post_fill(turn, symbol, fill)
    if out is not None:
        accounting.exit_fill(symbol, out, realised, order)
        share = accounting.release(symbol, size, out.quantity)
        why = reason or accounting.close_reason(symbol, out, order)
        if symbol.position.flat or into is not None:
            _closed(turn, symbol, why)
        closing.count(turn, symbol, out, realised + share)
    if into is not None:
        _entered(turn, symbol, into, order)
    accounting.record_position(turn, symbol)
    if out is not None:
        guards.watch_account(turn)


def explains(turn: Turn, symbol: SymbolState, fill: Fill) -> bool:
    """True when what was made up from the venue's quantity was this execution, told late: only its fee is new."""
    made_up, trade = symbol.made_up, symbol.open_trade
    if made_up is None or trade is None or fill.side is not made_up.side:
        return False
    if fill.quantity > made_up.quantity or fill.at_ms > made_up.at_ms:
        return False
    left = made_up.quantity - fill.quantity
    symbol.made_up = replace(made_up, quantity=left) if left else None
    accounting.post_fee(turn, symbol, fill)
    value = trade.entry_value + fill.quantity * (fill.price - made_up.price)
    symbol.open_trade = replace(trade, entry_value=value, fees=trade.fees + fill.fee)
    accounting.record_position(turn, symbol)
    return True


def parts(before: Position, fill: Fill) -> tuple[Fill | None, Fill | None]:
    """What of a fill closes and what opens; only a person's fill can do both."""
    if before.flat or before.side.sign == fill.side.sign:
        return None, fill
    if fill.quantity <= before.size:
        return fill, None
    fee = money_out(fill.fee * before.size / fill.quantity)
    rest = fill.quantity - before.size
    return replace(fill, quantity=before.size, fee=fee), replace(fill, quantity=rest, fee=fill.fee - fee)


def _closed(turn: Turn, symbol: SymbolState, reason: CloseReason) -> None:
    symbol.made_up = None
    trade = accounting.close_trade(turn, symbol, reason)
    if trade is not None:
        tell.left(turn, symbol, trade)
        guards.after_trade(turn, symbol)


def _entered(turn: Turn, symbol: SymbolState, fill: Fill, order: Order | None) -> None:
    pending = symbol.entries.get(order.client_id) if order else None
    if pending is None:
        accounting.entry_fill(symbol, symbol.plan or _foreign(turn, symbol, fill), fill)
        _tell_foreign(turn, symbol, fill)
    else:
        if symbol.open_trade is None:
            _begin(turn, symbol)
        accounting.entry_fill(symbol, symbol.plan or plans.new_plan(symbol, pending, fill), fill)
        if symbol.plan is not None and symbol.plan.entry_client_id == pending.client_id:
            plans.replan(symbol, pending)
    flattening.overtake(turn, symbol)


def _foreign(turn: Turn, symbol: SymbolState, fill: Fill) -> Plan:
    return plans.foreign_plan(turn, symbol, fill.client_id, fill.price, fill.at_ms)


def _begin(turn: Turn, symbol: SymbolState) -> None:
    """A new trade: nothing of the last one counts, and it is one of the day's."""
    symbol.stop_failures = symbol.target_failures = 0
    symbol.stop_moved = symbol.liquidation_warned = False
    symbol.fought.clear()
    symbol.sized.clear()
    symbol.stops_lost = symbol.trailed_at_ms = 0
    day = turn.state.day
    turn.state.day = replace(day, trades=day.trades + 1)
    turn.act(RecordDay(turn.at_ms, turn.state.day))


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


def take_in(turn: Turn, symbol: SymbolState) -> None:
    """A position without a plan of any kind: shown as foreign, so that somebody looks."""
    position = symbol.position
    plan = plans.foreign_plan(turn, symbol, "", position.entry_price, turn.at_ms)
    side, price = opening(position.side), position.entry_price
    fill = Fill("", symbol.symbol, side, position.size, price, ZERO, turn.at_ms)
    accounting.entry_fill(symbol, plan, fill)
    accounting.record_position(turn, symbol)
    _tell_foreign(turn, symbol, fill)
