"""Figures beside their limits: never so rounded that one over its limit reads like one within."""

from decimal import Decimal

MOST_DIGITS = 12


def beside(value: Decimal, limit: Decimal, digits: int) -> str:
    """`value` with so many decimals, and with more where it would read like a limit that it is not."""
    for more in range(digits, MOST_DIGITS):
        text = f"{value:.{more}f}"
        if value == limit or Decimal(text) != limit:
            return text
    return f"{value:f}"
