"""The ladder of a close: what a refusal teaches the next try.

A market order goes first. Refused for its size, the pieces get smaller; refused for the price, or ended without having
met anybody, limit orders that execute at once or never follow, each at a worse price within the venue's band, and
after the last of them the market again. What rests in the way is cancelled.
"""

from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import Order, OrderStatus, OrderType, Purpose, TimeInForce
from bot.domain.signal import Side
from bot.engine import codes, orders
from bot.engine.state import Closing, SymbolState
from bot.engine.turn import Turn

RUNGS = (Decimal("0.05"), Decimal("0.2"), Decimal("0.5"), Decimal("0.95"))
"""How far from the mark towards the edge of the price band the limits lie."""
ABSENT = "absent at the venue"
UNMET = frozenset({OrderStatus.EXPIRED, OrderStatus.CANCELLED})
RESTING = frozenset({OrderStatus.WORKING, OrderStatus.PARTIALLY_FILLED})
MOST_ROOM = 2
TWO = Decimal(2)


def form(symbol: SymbolState, task: Closing) -> tuple[OrderType, Decimal | None, TimeInForce]:
    """Type, limit price and time in force of the next try."""
    if not task.rung:
        return OrderType.MARKET, None, TimeInForce.GTC
    return OrderType.LIMIT, _limit(symbol, RUNGS[task.rung - 1]), TimeInForce.IOC


def _limit(symbol: SymbolState, share: Decimal) -> Decimal:
    """A price on the worse side of the mark, this share of the way to the edge, rounded away from the edge."""
    instrument, mark = symbol.instrument, symbol.mark_price
    if symbol.position.side is Side.LONG:
        return instrument.price_above(mark - mark * (1 - instrument.percent_price_down) * share)
    return instrument.price_below(mark + mark * (instrument.percent_price_up - 1) * share)


def learn(turn: Turn, symbol: SymbolState, task: Closing, order: Order, code: str) -> bool:
    """Take in why an order of the close failed; True when the next try is another one and need not wait."""
    if code in codes.TOO_LARGE:
        return _smaller(symbol, task, order)
    if code in codes.RESTING_IN_THE_WAY:
        return _make_room(turn, symbol, task)
    limit = order.intent.type is OrderType.LIMIT
    if code in codes.LIMIT_OUT_OF_BAND and limit:
        task.rung = 0
        return False
    if code in codes.NO_MARKET or (order.status in UNMET and code != ABSENT):
        task.rung = (task.rung + 1) % (len(RUNGS) + 1)
        return task.rung > 0
    return False


def _smaller(symbol: SymbolState, task: Closing, order: Order) -> bool:
    half = symbol.instrument.quantity_down(order.intent.quantity / TWO)
    task.most = max(half, symbol.instrument.min_quantity)
    return half >= symbol.instrument.min_quantity and half > ZERO


def _make_room(turn: Turn, symbol: SymbolState, task: Closing) -> bool:
    """First targets and what rests of closes go; when that was not enough, stops too, once and for a moment."""
    if task.room_made >= MOST_ROOM:
        return False
    task.room_made += 1
    task.room_at_ms = turn.at_ms
    orders.cancel_all(turn, symbol, Purpose.TARGET)
    for order in symbol.live(Purpose.CLOSE):
        if order.status in RESTING:
            orders.cancel(turn, symbol, order)
    if task.room_made == MOST_ROOM:
        orders.cancel_all(turn, symbol, Purpose.STOP)
    return True
