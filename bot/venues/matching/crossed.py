"""Crossed margin: the whole wallet, less what isolated positions hold, stands for all crossed positions together."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.signal import Side
from bot.venues.matching.account import Account


def crossed_part(account: Account, symbol: str) -> tuple[Decimal, Decimal]:
    """What one symbol's positions add to the crossed margin balance, and to the maintenance margin.

    Isolated ones take their own margin out of the balance and need none. All at the mark price.
    """
    balance = maintenance = ZERO
    mark = account.mark_price(symbol)
    for leg in (None, *Side):
        book = account.book(symbol, leg)
        if book is None or mark is None or book.position.flat:
            continue
        if not book.crossed:
            balance -= book.position.isolated_margin
            continue
        balance += book.position.unrealised(mark)
        maintenance += book.instrument.maintenance_margin(book.position.notional(mark))
    return balance, maintenance
