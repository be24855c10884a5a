"""A fill: one execution at the venue, booked exactly once by its trade id."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.order import OrderSide
from bot.domain.signal import Side


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `fee` is positive when paid, in `fee_asset`; `client_id` is empty for orders not ours.

    `leg` is the position it belongs to on an account in hedge mode; None: the one net position.
    """

    trade_id: str
    symbol: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    at_ms: int
    client_id: str = ""
    venue_order_id: str = ""
    fee_asset: str = "USDT"
    maker: bool = False
    liquidation: bool = False
    leg: Side | None = None
