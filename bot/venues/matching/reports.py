"""What happened in the fill model: a closed union, and the domain event that tells it to the engine.

Every change of wallet, position or order is in a report; who keeps the reports keeps the books.
"""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.event import Filled, FundingPaid, OrderUpdated
from bot.domain.fill import Fill
from bot.domain.position import Position
from bot.venues.matching.orders import BookedOrder


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order is now as given; `code` says why the venue removed it, when it did."""

    at_ms: int
    order: BookedOrder
    code: str = ""


@dataclass(frozen=True, slots=True)
class Executed:
    """One execution: the fill, the profit it realised before its fee, order (None = liquidation), position after."""

    at_ms: int
    fill: Fill
    realised: Decimal
    order: BookedOrder | None
    position: Position


@dataclass(frozen=True, slots=True)
class FundingSettled:
    """Funding was paid (negative) or received on a position; `payment_id` is unique per symbol and settlement."""

    at_ms: int
    amount: Decimal
    rate: Decimal
    payment_id: str
    position: Position


type Report = OrderChanged | Executed | FundingSettled


def event_of(report: Report) -> OrderUpdated | Filled | FundingPaid:
    """The domain event that says the same."""
    match report:
        case OrderChanged(at_ms, order, code):
            return order_updated(order, at_ms, code)
        case Executed(at_ms, fill):
            return Filled(at_ms, fill)
        case FundingSettled():
            return funding_paid(report)


def order_updated(order: BookedOrder, at_ms: int, code: str = "") -> OrderUpdated:
    """The order's state as an event."""
    return OrderUpdated(
        at_ms=at_ms,
        client_id=order.request.client_id,
        venue_id=order.venue_id,
        symbol=order.request.symbol,
        status=order.status,
        filled=order.filled,
        average_price=order.average_price,
        code=code,
    )


def funding_paid(settled: FundingSettled) -> FundingPaid:
    """A settlement as an event."""
    symbol = settled.position.symbol
    return FundingPaid(settled.at_ms, symbol, settled.amount, settled.rate, settled.payment_id)
