"""Price alerts: told once to the one who asked."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Alert:
    """Fires when the mark of `symbol` is above (or below) `price`. `owner` is "platform:user_id"."""

    id: int
    symbol: str
    above: bool
    price: Decimal
    owner: str
    at_ms: int
