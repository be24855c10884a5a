"""What is over and may still be asked for: ended orders by client id, fills and funding payments by time."""

from bisect import bisect_left
from collections.abc import Sequence

from bot.domain.event import FundingPaid, OrderUpdated
from bot.domain.fill import Fill

KEPT_ORDERS = 2_000
KEPT_PAYMENTS = 20_000


class Past:
    """The newest ended orders, fills and payments."""

    def __init__(self, kept_orders: int = KEPT_ORDERS, kept_payments: int = KEPT_PAYMENTS) -> None:
        self._kept_orders = kept_orders
        self._kept_payments = kept_payments
        self._orders: dict[str, OrderUpdated] = {}
        self._by_client: dict[str, str] = {}
        self._fills: list[Fill] = []
        self._payments: list[FundingPaid] = []
        self._complete_from_ms = 0

    def end(self, update: OrderUpdated) -> list[str]:
        """Keep an ended order; returns the venue ids of those that are forgotten for it."""
        self._orders[update.venue_id] = update
        self._by_client[update.client_id] = update.venue_id
        forgotten = list(self._orders)[: max(0, len(self._orders) - self._kept_orders)]
        for venue_id in forgotten:
            client_id = self._orders.pop(venue_id).client_id
            if self._by_client.get(client_id) == venue_id:
                del self._by_client[client_id]
        return forgotten

    def order(self, client_id: str) -> OrderUpdated | None:
        """The last ended order of this client id."""
        venue_id = self._by_client.get(client_id)
        return None if venue_id is None else self._orders[venue_id]

    def add_fill(self, fill: Fill) -> None:
        """Keep a fill."""
        self._fills.append(fill)
        self._trim(self._fills)

    def add_payment(self, payment: FundingPaid) -> None:
        """Keep a funding payment."""
        self._payments.append(payment)
        self._trim(self._payments)

    def _trim(self, kept: list[Fill] | list[FundingPaid]) -> None:
        # Twice the limit, then back to it: trimming at every single one would copy the list each time.
        if len(kept) > 2 * self._kept_payments:
            self._complete_from_ms = max(self._complete_from_ms, kept[-self._kept_payments].at_ms)
            del kept[: -self._kept_payments]

    def reaches(self, since_ms: int) -> bool:
        """True when nothing since then was forgotten."""
        return since_ms > self._complete_from_ms or self._complete_from_ms == 0

    def fills(self, since_ms: int) -> tuple[Fill, ...]:
        """Fills since a time, oldest first."""
        return tuple(self._fills[_first(self._fills, since_ms) :])

    def payments(self, since_ms: int) -> tuple[FundingPaid, ...]:
        """Funding payments since a time, oldest first."""
        return tuple(self._payments[_first(self._payments, since_ms) :])


def _first(kept: Sequence[Fill] | Sequence[FundingPaid], since_ms: int) -> int:
    return bisect_left(kept, since_ms, key=lambda one: one.at_ms)
