"""The rules of one tradable contract, and the one border between floats and Decimal."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from math import isfinite

from bot.domain.signal import Side

ZERO = Decimal(0)


def to_decimal(value: float) -> Decimal:
    """Cross the border from market float to money Decimal by the shortest exact text of the float.

    Raises ValueError for NaN and infinities: they never enter sizing, risk or the books.
    """
    if not isfinite(value):
        raise ValueError(f"{value} is no price or quantity")
    return Decimal(repr(value))


LEVEL_DIGITS = 12
LEVEL_TIE = 1e-14
"""A price of so many digits is meant where floats come this near to it, as a part of the price."""


def to_level(value: float) -> Decimal:
    """Cross the border with a price that was worked out: 100.1 - 0.3 is 99.8, not the 99.79999999999998 of floats.

    Else a bar that touches a level would not reach it, and rounding to the tick would move it by a whole one.
    """
    meant = float(f"{value:.{LEVEL_DIGITS}g}")
    return to_decimal(meant if abs(meant - value) <= LEVEL_TIE * abs(value) else value)


# Money is kept on a fixed grid, so that sums are exact whatever their order and two sets of books agree to the digit;
# twelve decimals leave sixteen digits for the amount. Averages have more digits; they are rounded against us.
MONEY_GRID = Decimal("1e-12")
_WIDE = Context(prec=60)  # no amount is too large to be rounded


def money_in(amount: Decimal) -> Decimal:
    """Money that comes to us (or goes, when negative), rounded down to the grid of money."""
    rounded = amount.quantize(MONEY_GRID, ROUND_FLOOR, _WIDE)
    return amount if rounded == amount else rounded


def money_out(amount: Decimal) -> Decimal:
    """Money that we pay, rounded up to the grid of money."""
    rounded = amount.quantize(MONEY_GRID, ROUND_CEILING, _WIDE)
    return amount if rounded == amount else rounded


def on_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    """`value` rounded to a multiple of `grid`; unchanged when the grid is zero (an instrument without rounding)."""
    return (value / grid).to_integral_value(rounding) * grid if grid else value


@dataclass(frozen=True, slots=True)
class Bracket:
    """One leverage bracket: up to `notional_cap` (quote) at most `max_leverage`.

    `maintenance_rate` is a fraction of notional, `maintenance_amount` (quote) is subtracted from it.
    """

    notional_cap: Decimal
    max_leverage: int
    maintenance_rate: Decimal
    maintenance_amount: Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """A linear perpetual contract: prices in quote asset per one base unit, quantities in base units.

    A tick or step of zero means that nothing is rounded (backtests without an instruments file).
    """

    symbol: str
    base: str
    quote: str
    price_tick: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    brackets: tuple[Bracket, ...]
    taker_fee: Decimal = Decimal("0.0004")
    maker_fee: Decimal = Decimal("0.0002")
    funding_interval_hours: int = 8
    percent_price_up: Decimal = Decimal("1.15")
    percent_price_down: Decimal = Decimal("0.85")
    tradable: bool = True

    def quantity_down(self, quantity: Decimal) -> Decimal:
        """Quantity rounded down to the step: never more exposure than asked."""
        return on_grid(quantity, self.quantity_step, ROUND_FLOOR)

    def price_nearest(self, price: Decimal) -> Decimal:
        """Price rounded to the nearest tick."""
        return on_grid(price, self.price_tick, ROUND_HALF_EVEN)

    def price_below(self, price: Decimal) -> Decimal:
        """Price rounded down to the tick."""
        return on_grid(price, self.price_tick, ROUND_FLOOR)

    def price_above(self, price: Decimal) -> Decimal:
        """Price rounded up to the tick."""
        return on_grid(price, self.price_tick, ROUND_CEILING)

    def stop_price(self, side: Side, price: Decimal) -> Decimal:
        """Stop of a position on `side`, rounded towards the entry, so that the loss never grows by rounding."""
        return self.price_above(price) if side is Side.LONG else self.price_below(price)

    def target_price(self, side: Side, price: Decimal) -> Decimal:
        """Target of a position on `side`, rounded towards the entry, so that it is not harder to reach."""
        return self.price_below(price) if side is Side.LONG else self.price_above(price)

    def bracket(self, notional: Decimal) -> Bracket:
        """The leverage bracket a position of this notional falls into (the last one when beyond all)."""
        for bracket in self.brackets:
            if notional <= bracket.notional_cap:
                return bracket
        return self.brackets[-1]

    def maintenance_margin(self, notional: Decimal) -> Decimal:
        """Margin below which a position of this notional is liquidated, in quote asset."""
        bracket = self.bracket(notional)
        return max(ZERO, notional * bracket.maintenance_rate - bracket.maintenance_amount)

    def max_notional(self, leverage: int) -> Decimal:
        """Largest notional that the brackets allow at this leverage; zero when none does."""
        caps = [bracket.notional_cap for bracket in self.brackets if bracket.max_leverage >= leverage]
        return max(caps, default=ZERO)

    @property
    def max_leverage(self) -> int:
        """Highest leverage of the smallest bracket."""
        return self.brackets[0].max_leverage
