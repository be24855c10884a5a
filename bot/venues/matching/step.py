"""One price after another, as an exchange sees them: what rests goes on at the new price.

A walk through a candle has to guess in which order prices came; here each price comes by itself. Conditional orders
and liquidations are the exchange's own affair and not judged here.
"""

from collections.abc import Iterator
from decimal import Decimal

from bot.domain.order import OrderSide, OrderType
from bot.venues.matching import execution
from bot.venues.matching.account import Account
from bot.venues.matching.book import SymbolBook
from bot.venues.matching.orders import BookedOrder
from bot.venues.matching.reports import Report


def step(account: Account, book: SymbolBook, price: Decimal, at_ms: int) -> Iterator[Report]:
    """The last price is now this: market orders go on, limit orders that it traded through get their limit.

    Each thing happens only when the reports of the one before are taken; whoever takes them takes them all.
    """
    for order in [order for order in book.orders.values() if order.triggered]:
        yield from execution.at_market(account, book, order, price, at_ms)
    through = _traded_through(book, price)
    for order in sorted(through, key=lambda order: abs(order.level - price), reverse=True):
        yield from execution.at_limit(account, book, order, order.level, at_ms, maker=True)


def _traded_through(book: SymbolBook, price: Decimal) -> list[BookedOrder]:
    limits = (order for order in book.orders.values() if order.request.type is OrderType.LIMIT)
    return [order for order in limits if _beyond(order, price)]


def _beyond(order: BookedOrder, price: Decimal) -> bool:
    return price < order.level if order.request.side is OrderSide.BUY else price > order.level
