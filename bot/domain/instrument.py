"""The rules of one tradable contract, and the one border between floats and Decimal."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
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
    """A linear perpetual contract: prices in quote asset per one base unit, quantities in base units."""

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
        return (quantity / self.quantity_step).to_integral_value(ROUND_FLOOR) * self.quantity_step

    def price_nearest(self, price: Decimal) -> Decimal:
        """Price rounded to the nearest tick."""
        return (price / self.price_tick).to_integral_value(ROUND_HALF_EVEN) * self.price_tick

    def price_below(self, price: Decimal) -> Decimal:
        """Price rounded down to the tick."""
        return (price / self.price_tick).to_integral_value(ROUND_FLOOR) * self.price_tick

    def price_above(self, price: Decimal) -> Decimal:
        """Price rounded up to the tick."""
        return (price / self.price_tick).to_integral_value(ROUND_CEILING) * self.price_tick

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
