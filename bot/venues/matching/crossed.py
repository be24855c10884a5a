"""Crossed margin: the whole wallet, less what isolated positions hold, stands for all crossed positions together."""

from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.venues.matching.account import Account


def crossed_health(account: Account) -> tuple[Decimal, Decimal]:
    """Margin balance and maintenance margin of all crossed positions at mark prices; (wallet, 0) without any."""
    balance, maintenance = account.wallet, ZERO
    for book in account.books.values():
        position = book.position
        mark = account.mark_price(position.symbol)
        if position.flat or mark is None:
            continue
        if not book.crossed:
            balance -= position.isolated_margin
            continue
        balance += position.unrealised(mark)
        maintenance += book.instrument.maintenance_margin(position.notional(mark))
    return balance, maintenance
