"""A position: the sum of its fills, one-way (net) accounting, and the plan that protects it."""

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.fill import Fill
from bot.domain.instrument import ZERO, money_in
from bot.domain.signal import Side


@dataclass(frozen=True, slots=True)
class Position:
    """Net position of one symbol. `quantity` is signed (negative = short), `entry_price` its average."""

    symbol: str
    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO
    leverage: int = 1
    isolated_margin: Decimal = ZERO

    @property
    def flat(self) -> bool:
        """True when there is nothing to close."""
        return self.quantity == ZERO

    @property
    def side(self) -> Side:
        """Direction; only meaningful when not flat."""
        return Side.LONG if self.quantity > ZERO else Side.SHORT

    @property
    def size(self) -> Decimal:
        """Absolute quantity in base units."""
        return abs(self.quantity)

    def notional(self, mark: Decimal) -> Decimal:
        """Absolute value at `mark`, in quote asset."""
        return abs(self.quantity) * mark

    def unrealised(self, mark: Decimal) -> Decimal:
        """Profit (positive) or loss at `mark`, before fees, in quote asset."""
        return self.quantity * (mark - self.entry_price)

    def apply(self, fill: Fill) -> tuple["Position", Decimal]:
        """The position after the fill and the profit that the fill realised (before its fee, on the grid of money).

        A fill beyond the position's size closes it and opens the rest the other way at the fill's price.
        """
        signed = fill.quantity * fill.side.sign
        if self.flat or (self.quantity > ZERO) == (signed > ZERO):
            return self._grown(signed, fill.price), ZERO
        closed = min(abs(signed), self.size)
        realised = money_in(closed * (fill.price - self.entry_price) * self.side.sign)
        rest = self.quantity + signed
        if rest == ZERO:
            return replace(self, quantity=ZERO, entry_price=ZERO, isolated_margin=ZERO), realised
        flipped = (rest > ZERO) != (self.quantity > ZERO)
        entry = fill.price if flipped else self.entry_price
        return replace(self, quantity=rest, entry_price=entry), realised

    def _grown(self, signed: Decimal, price: Decimal) -> "Position":
        quantity = self.quantity + signed
        cost = self.size * self.entry_price + abs(signed) * price
        return replace(self, quantity=quantity, entry_price=cost / abs(quantity))


@dataclass(frozen=True, slots=True)
class Plan:
    """How an open position came to be and how it is to be protected. Prices in quote asset.

    `stop_distance` and `target_distance` are those of the signal; with anchor FILL the prices move with the fill.
    `trail_distance` is zero unless the stop trails. `risk` is what the first stop would lose, in quote (1 R).
    `entry_client_id` is the entry order; `foreign` marks a position adopted from outside.
    """

    symbol: str
    side: Side
    strategy: str
    decision_id: str
    entry_client_id: str
    opened_at_ms: int
    planned_price: Decimal
    stop_price: Decimal
    target_price: Decimal | None
    score: float = 0.0
    atr: Decimal = ZERO
    trail_distance: Decimal = ZERO
    risk: Decimal = ZERO
    anchored: bool = True
    foreign: bool = False
    model_score: float | None = None
