"""Notices in words: what people read when something happened. Figures carry sign, unit and the contract's precision."""

from decimal import Decimal

from bot.domain.command import Receipt
from bot.domain.instrument import Instrument
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import Order
from bot.domain.position import Plan
from bot.domain.trade import Trade
from bot.engine.state import SymbolState
from bot.engine.turn import Turn

CENT = Decimal("0.01")


def money(amount: Decimal, quote: str) -> str:
    """Signed amount with two decimals and currency."""
    return f"{amount.quantize(CENT):+f} {quote}"


def price(instrument: Instrument, value: Decimal | None) -> str:
    """A price in the contract's own precision; a dash for none."""
    if value is None:
        return "-"
    if not instrument.price_tick:
        return f"{value.normalize():f}"
    return f"{value.quantize(instrument.price_tick):f}"


def entered(turn: Turn, symbol: SymbolState, order: Order, plan: Plan) -> None:
    """An entry is complete."""
    instrument, quote = symbol.instrument, turn.state.settings.quote
    notional = order.filled * order.average_price
    fields = (
        ("Size", f"{order.filled.normalize():f} ({notional.quantize(CENT):f} {quote}, {symbol.leverage}x)"),
        ("Entry", price(instrument, order.average_price)),
        ("Stop", price(instrument, plan.stop_price)),
        ("Target", price(instrument, plan.target_price)),
        ("Risk", f"{plan.risk.quantize(CENT):f} {quote} (1 R)"),
        ("Score", f"{plan.score:g}"),
        ("Why", _reasons(symbol)),
    )
    title = f"{symbol.symbol} {plan.side} opened at {price(instrument, order.average_price)}"
    turn.tell(NoticeKind.ENTRY, Severity.TRADE, title, fields, symbol.symbol)


def _reasons(symbol: SymbolState) -> str:
    decision = symbol.last_decision
    if decision is None or not decision.signal.reasons:
        return "-"
    return ", ".join(f"{reason.name} ({reason.points:g})" for reason in decision.signal.reasons)


def left(turn: Turn, symbol: SymbolState, trade: Trade) -> None:
    """A trade is closed."""
    instrument, quote = symbol.instrument, turn.state.settings.quote
    estimated = trade.net + trade.slippage
    fields = (
        ("Net", money(trade.net, quote)),
        ("R", f"{trade.r_multiple.quantize(CENT):+f}" if trade.risk else "-"),
        ("Entry", price(instrument, trade.entry_price)),
        ("Exit", price(instrument, trade.exit_price)),
        ("Fees", money(-trade.fees, quote)),
        ("Funding", money(trade.funding, quote)),
        ("Estimated", f"{money(estimated, quote)}, {money(-trade.slippage, quote)} by slippage"),
    )
    title = f"{symbol.symbol} {trade.side} closed by {trade.reason}: {money(trade.net, quote)}"
    turn.tell(NoticeKind.EXIT, Severity.TRADE, title, fields, symbol.symbol)


def rejected(turn: Turn, order: Order, code: str) -> None:
    """The venue refused an order."""
    fields = (
        ("Order", f"{order.intent.purpose} {order.intent.type} {order.intent.quantity:f}"),
        ("Reason", code),
    )
    title = f"{order.symbol}: the venue refused the {order.intent.purpose.lower()} order"
    turn.tell(NoticeKind.ORDER_REJECTED, Severity.TRADE, title, fields, order.symbol)


def receipt(turn: Turn, found: Receipt) -> str:
    """What closing one position came to, in one line."""
    symbol, quote = turn.state.symbols[found.symbol], turn.state.settings.quote
    closed = f"{found.done.normalize():f} of {found.asked.normalize():f} closed"
    at = (
        f" at {price(symbol.instrument, found.average_price)}, net {money(found.net, quote)}"
        if found.done
        else ""
    )
    left_over = (
        f", {found.left.normalize():f} LEFT" if found.left else f", flat after {found.took_ms / 1000:.1f} s"
    )
    return closed + at + left_over


def emergency(turn: Turn, symbol: SymbolState, why: str) -> None:
    """A position without a stop is closed at once."""
    title = f"{symbol.symbol}: closing at market at once, {why}"
    turn.tell(NoticeKind.EMERGENCY_CLOSE, Severity.CRITICAL, title, (), symbol.symbol)


def unclosed(turn: Turn, symbol: SymbolState, left_over: Decimal, code: str) -> None:
    """A close has failed for good: somebody must act."""
    fields = (("Left", f"{left_over:f}"), ("Last answer", code))
    title = f"{symbol.symbol}: could not be closed, {left_over:f} left: close it at the venue"
    turn.tell(NoticeKind.PANIC, Severity.CRITICAL, title, fields, symbol.symbol)
