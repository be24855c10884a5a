"""A closed trade: from the first entry fill to flat."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.order import CloseReason
from bot.domain.signal import Side


@dataclass(frozen=True, slots=True)
class Trade:
    """One round trip. `quantity` is the largest size held (base units), money figures are in quote asset.

    `gross` is price profit, `fees` positive when paid, `funding` positive when received; net = gross - fees + funding.
    `slippage` is what entry and exit cost against the planned prices (positive = worse than planned).
    `r_multiple` is net over the planned risk (0 when the risk is unknown).
    """

    id: str
    symbol: str
    side: Side
    strategy: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    opened_at_ms: int
    closed_at_ms: int
    reason: CloseReason
    gross: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    slippage: Decimal
    risk: Decimal
    r_multiple: Decimal
    score: float
    stop_price: Decimal
    target_price: Decimal | None
    leverage: int
