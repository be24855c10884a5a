"""Figures as Binance writes them: plain digits in text."""

from decimal import Decimal

from bot.domain.instrument import ZERO


def plain(value: Decimal) -> str:
    """All its digits, no exponent."""
    return f"{value:f}" if value else "0"


def eight(value: Decimal) -> str:
    """Eight decimals: mark prices, rates."""
    return f"{value:.8f}" if value else "0.00000000"


def money(value: Decimal) -> str:
    """An amount: eight decimals, and those up to twelve that the exchange's books have beyond."""
    if not value:
        return "0.00000000"
    text = f"{value:.12f}"
    return text[:-4] + text[-4:].rstrip("0")


def ratio(value: Decimal) -> str:
    """Four decimals."""
    return f"{value:.4f}"


def decimals(grid: Decimal) -> int:
    """Decimals of a tick or step."""
    exponent = grid.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def average(value: Decimal) -> str:
    """An average price, at most eight decimals."""
    if value == ZERO:
        return "0.00"
    text = f"{value:.8f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
