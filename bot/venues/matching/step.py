"""One price after another, as an exchange sees them: what rests goes on at the new price.

A walk through a candle has to guess in which order prices came; here each price comes by itself. Conditional orders
and liquidations are the exchange's own affair and not judged here.
"""

from decimal import Decimal

from bot.domain.order import OrderSide, OrderType
from bot.venues.matching import execution
from bot.venues.matching.account import Account
from bot.venues.matching.book import SymbolBook
from bot.venues.matching.orders import BookedOrder
from bot.venues.matching.reports import Report


def step(account: Account, book: SymbolBook, price: Decimal, at_ms: int) -> list[Report]:
    """The last price is now this: market orders go on, limit orders that it traded through get their limit."""
    reports: list[Report] = []
    for order in [order for order in book.orders.values() if order.triggered]:
        reports += execution.at_market(account, book, order, price, at_ms)
    for order in sorted(
        _traded_through(book, price), key=lambda order: abs(order.level - price), reverse=True
    ):
        reports += execution.at_limit(account, book, order, order.level, at_ms, maker=True)
    return reports


def _traded_through(book: SymbolBook, price: Decimal) -> list[BookedOrder]:
    limits = (order for order in book.orders.values() if order.request.type is OrderType.LIMIT)
    return [order for order in limits if _beyond(order, price)]


def _beyond(order: BookedOrder, price: Decimal) -> bool:
    return price < order.level if order.request.side is OrderSide.BUY else price > order.level
