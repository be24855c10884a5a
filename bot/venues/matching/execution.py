"""How one order executes: at market, at its limit, when triggered; and how a position is liquidated."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import OrderSide, OrderStatus
from bot.venues.matching.account import Account
from bot.venues.matching.book import SymbolBook
from bot.venues.matching.checks import margin_refusal
from bot.venues.matching.margin import against_us, bankruptcy_price
from bot.venues.matching.orders import BookedOrder
from bot.venues.matching.reports import Executed, Report
from bot.venues.matching.rules import Code


def at_market(
    account: Account, book: SymbolBook, order: BookedOrder, price: Decimal, at_ms: int
) -> list[Report]:
    """Execute an order at market, where the market stands at `price`."""
    return _execute(account, book, order, account.slipped(book, order.request.side, price), at_ms)


def at_limit(
    account: Account, book: SymbolBook, order: BookedOrder, price: Decimal, at_ms: int, *, maker: bool
) -> list[Report]:
    """Execute a limit order where the market stands at `price`: never worse than its limit, no slippage for a maker."""
    side, limit = order.request.side, order.level
    got = against_us(book.instrument, side, price) if maker else account.slipped(book, side, price)
    got = min(got, limit) if side is OrderSide.BUY else max(got, limit)
    return _execute(account, book, order, got, at_ms, maker=maker)


def triggered(
    account: Account, book: SymbolBook, order: BookedOrder, price: Decimal, at_ms: int
) -> list[Report]:
    """A conditional order's trigger was reached: it becomes a market order if margin and position still allow it."""
    if margin_refusal(account, book, order.request, price) is not None:
        return [account.end(book, order, OrderStatus.REJECTED, at_ms, Code.MARGIN.value)]
    return at_market(account, book, order, price, at_ms)


def liquidate(account: Account, book: SymbolBook, price: Decimal, at_ms: int) -> Executed:
    """The venue takes the position over where the market stands at `price`, never beyond the bankruptcy price.

    A crossed position has no bankruptcy price of its own: the wallet bears what it can.

    Fees are the taker's and the liquidation fee. Real venues may reduce in steps; this model closes at once.
    """
    position = book.position
    side = OrderSide.SELL if position.quantity > ZERO else OrderSide.BUY
    if not book.crossed:
        last_resort = bankruptcy_price(position)
        price = max(price, last_resort) if side is OrderSide.SELL else min(price, last_resort)
    return account.liquidate(book, side, against_us(book.instrument, side, price), at_ms)


def _execute(
    account: Account, book: SymbolBook, order: BookedOrder, price: Decimal, at_ms: int, *, maker: bool = False
) -> list[Report]:
    quantity = _executable(account, book, order)
    if quantity == ZERO:  # a reduce-only order that finds nothing to reduce
        return [account.end(book, order, OrderStatus.EXPIRED, at_ms, Code.REDUCE_ONLY.value)]
    executed, changed = account.trade(book, order, quantity, price, at_ms, maker=maker)
    return [executed, changed]


def _executable(account: Account, book: SymbolBook, order: BookedOrder) -> Decimal:
    asked = order.request
    quantity = order.remaining
    if asked.exits:
        closable = book.closable(asked.side)
        quantity = closable if asked.close_position else min(quantity, closable)
    most = account.depth(asked.symbol)
    return min(quantity, most) if most else quantity
