"""Books: every fill and payment once, double entry, and trades from first entry fill to flat."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.account import Book, Entry, Posting, transfer
from bot.domain.action import RecordDay, RecordEntry, RecordFill, RecordPosition, RecordTrade
from bot.domain.errors import InvariantError
from bot.domain.fill import Fill
from bot.domain.instrument import ZERO, money_in
from bot.domain.market import DAY_MS
from bot.domain.order import CloseReason, Order, Purpose
from bot.domain.position import Plan, Position
from bot.domain.snapshot import DayFigures, OpenTrade
from bot.domain.trade import Trade
from bot.engine.plans import UNCOUNTED
from bot.engine.state import EngineState, SymbolState
from bot.engine.turn import Turn


def post(turn: Turn, entry: Entry) -> None:
    """Post a ledger entry; the wallet follows it."""
    if not entry.balanced:
        raise InvariantError(f"entry {entry.reference} does not sum to zero")
    turn.state.wallet += entry.amount(Book.WALLET)
    turn.act(RecordEntry(entry))


def count_day(turn: Turn, amount: Decimal) -> None:
    """Add a realised amount to the day."""
    day = turn.state.day
    turn.state.day = replace(day, realised=day.realised + amount)
    turn.act(RecordDay(turn.at_ms, turn.state.day))


def roll_day(turn: Turn) -> None:
    """Begin a new day when the event's time is in one: counters at zero, starting equity as it is now."""
    day = turn.at_ms // DAY_MS
    state = turn.state
    if day <= state.day.day or state.recovering:
        return
    state.day = DayFigures(day=day, start_equity=state.equity())
    turn.act(RecordDay(turn.at_ms, state.day))


def post_fill(turn: Turn, symbol: SymbolState, fill: Fill) -> Decimal:
    """Book one fill: position, realised profit and fee; returns the realised profit before the fee."""
    before = symbol.position
    position, realised = before.apply(fill)
    symbol.position = replace(position, isolated_margin=_margin(before, position, fill, symbol.leverage))
    turn.state.last_fill_at_ms = max(turn.state.last_fill_at_ms, fill.at_ms)
    turn.act(RecordFill(fill))
    postings = (
        Posting(Book.WALLET, realised - fill.fee),
        Posting(Book.REALISED, -realised),
        Posting(Book.FEES, fill.fee),
    )
    post(turn, Entry(fill.at_ms, "fill", fill.symbol, f"{fill.symbol}:{fill.trade_id}", postings))
    count_day(turn, realised - fill.fee)
    return realised


def post_fee(turn: Turn, symbol: SymbolState, fill: Fill) -> None:
    """Book an execution whose quantity is booked already: the row and the fee of the open trade."""
    symbol.carried -= fill.fee
    turn.state.last_fill_at_ms = max(turn.state.last_fill_at_ms, fill.at_ms)
    turn.act(RecordFill(fill))
    reference = f"{fill.symbol}:{fill.trade_id}"
    post(turn, transfer(fill.at_ms, "fill", fill.symbol, reference, Book.FEES, -fill.fee))
    count_day(turn, -fill.fee)


def _margin(before: Position, after: Position, fill: Fill, leverage: int) -> Decimal:
    """Isolated margin after a fill, where the venue has told it: grown by the new part, released in proportion."""
    if not before.isolated_margin or before.size == ZERO:
        return ZERO
    if after.size > before.size:
        return before.isolated_margin + fill.quantity * fill.price / leverage
    return money_in(before.isolated_margin * after.size / before.size)


def post_funding(turn: Turn, symbol: SymbolState, amount: Decimal, payment_id: str, paid_at_ms: int) -> None:
    """Book one funding payment to the wallet and to the trade that was open then.

    Where the fill that opened it is not booked yet, the payment waits for it.
    """
    post(turn, transfer(turn.at_ms, "funding", symbol.symbol, payment_id, Book.FUNDING, amount))
    count_day(turn, amount)
    trade = symbol.open_trade
    if trade is None:
        symbol.early_funding.append((paid_at_ms, amount))
    elif paid_at_ms >= trade.opened_at_ms:
        symbol.carried += amount
        symbol.open_trade = replace(trade, funding=trade.funding + amount)
        record_position(turn, symbol)


def record_position(turn: Turn, symbol: SymbolState) -> None:
    """Record position and open trade as they now are."""
    turn.act(RecordPosition(symbol.position, symbol.open_trade))


def entry_fill(symbol: SymbolState, plan: Plan, fill: Fill) -> None:
    """Add an entry fill to the open trade, beginning one when there is none."""
    trade = symbol.open_trade or _begun(symbol, plan, fill)
    symbol.carried -= fill.fee
    planned = plan.planned_price or fill.price
    symbol.open_trade = replace(
        trade,
        entry_quantity=trade.entry_quantity + fill.quantity,
        entry_value=trade.entry_value + fill.quantity * fill.price,
        fees=trade.fees + fill.fee,
        slippage=trade.slippage + (fill.price - planned) * fill.quantity * plan.side.sign,
    )


def _begun(symbol: SymbolState, plan: Plan, fill: Fill) -> OpenTrade:
    """A new trade, with the funding that was told before its first fill was."""
    funding = sum((amount for at_ms, amount in symbol.early_funding if at_ms >= fill.at_ms), ZERO)
    symbol.early_funding.clear()
    symbol.carried = funding
    return OpenTrade(plan, fill.at_ms, ZERO, ZERO, funding=funding)


def release(symbol: SymbolState, size: Decimal, quantity: Decimal) -> Decimal:
    """What an exit of `quantity` out of `size` takes with it of the entry's fees and of funding: money, signed."""
    share = symbol.carried if quantity >= size else money_in(symbol.carried * quantity / size)
    symbol.carried -= share
    return share


def carried(trade: OpenTrade) -> Decimal:
    """The same of an open trade after a restart: to the digit when nothing was closed yet, in proportion otherwise."""
    both = trade.entry_quantity + trade.exit_quantity
    if not trade.exit_quantity or not both:
        return trade.funding - trade.fees
    left = (trade.entry_quantity - trade.exit_quantity) / trade.entry_quantity
    return money_in((trade.funding - trade.fees * trade.entry_quantity / both) * left)


def exit_fill(symbol: SymbolState, fill: Fill, realised: Decimal, order: Order | None) -> None:
    """Add an exit fill to the open trade."""
    trade = symbol.open_trade
    if trade is None:
        return
    expected = (order.intent.expected_price if order else ZERO) or fill.price
    symbol.open_trade = replace(
        trade,
        exit_quantity=trade.exit_quantity + fill.quantity,
        exit_value=trade.exit_value + fill.quantity * fill.price,
        gross=trade.gross + realised,
        fees=trade.fees + fill.fee,
        slippage=trade.slippage + (expected - fill.price) * fill.quantity * trade.plan.side.sign,
    )


def close_trade(turn: Turn, symbol: SymbolState, reason: CloseReason) -> Trade | None:
    """Turn the open trade into a closed one; the position is flat."""
    running, symbol.open_trade = symbol.open_trade, None
    if running is None:
        return None
    state = turn.state
    state.trade_count += 1
    trade = _closed(turn, symbol, running, reason)
    count_result(state, symbol, trade)
    turn.act(RecordTrade(trade))
    return trade


def count_result(state: EngineState, symbol: SymbolState, trade: Trade) -> None:
    """Count a closed trade towards kill switches, cooldown and the losing run; a person's own trades do not count."""
    symbol.last_opened_at_ms = trade.opened_at_ms
    if trade.strategy in UNCOUNTED:
        return
    symbol.nets.append(trade.net)
    loss = trade.net < ZERO
    state.results.append((trade.symbol, loss))
    symbol.last_loss_at_ms = trade.closed_at_ms if loss else symbol.last_loss_at_ms


def _closed(turn: Turn, symbol: SymbolState, running: OpenTrade, reason: CloseReason) -> Trade:
    plan = running.plan
    net = running.gross - running.fees + running.funding
    return Trade(
        id=f"T{turn.state.trade_count}",
        symbol=symbol.symbol,
        side=plan.side,
        strategy=plan.strategy,
        quantity=running.entry_quantity,
        entry_price=_average(running.entry_value, running.entry_quantity),
        exit_price=_average(running.exit_value, running.exit_quantity),
        opened_at_ms=running.opened_at_ms,
        closed_at_ms=turn.at_ms,
        reason=reason,
        gross=running.gross,
        fees=running.fees,
        funding=running.funding,
        net=net,
        slippage=running.slippage,
        risk=plan.risk,
        r_multiple=net / plan.risk if plan.risk else ZERO,
        score=plan.score,
        stop_price=plan.stop_price,
        target_price=plan.target_price,
        leverage=symbol.leverage,
    )


def _average(value: Decimal, quantity: Decimal) -> Decimal:
    return value / quantity if quantity else ZERO


def close_reason(symbol: SymbolState, fill: Fill, order: Order | None) -> CloseReason:
    """Why a fill closed: liquidation, then the order's purpose, then the nearer of stop and target, else by hand."""
    if fill.liquidation:
        return CloseReason.LIQUIDATION
    if order is not None:
        return _order_reason(symbol, order)
    return _nearest_reason(symbol, fill.price)


def _order_reason(symbol: SymbolState, order: Order) -> CloseReason:
    if order.intent.purpose is Purpose.TARGET:
        return CloseReason.TP
    if order.intent.purpose is Purpose.STOP:
        return CloseReason.TRAIL if symbol.plan and symbol.plan.trail_distance else CloseReason.SL
    return order.intent.reason or CloseReason.MANUAL


def _nearest_reason(symbol: SymbolState, price: Decimal) -> CloseReason:
    """A fill without one of our ids: within a tenth of the stop's (target's) distance of it, it was that one."""
    plan = symbol.plan
    if plan is None or plan.foreign:
        return CloseReason.MANUAL
    near = [(abs(price - plan.stop_price), abs(plan.planned_price - plan.stop_price), CloseReason.SL)]
    if plan.target_price is not None:
        away = abs(plan.target_price - plan.planned_price)
        near.append((abs(price - plan.target_price), away, CloseReason.TP))
    miss, distance, reason = min(near)
    return reason if miss * 10 <= distance else CloseReason.MANUAL
