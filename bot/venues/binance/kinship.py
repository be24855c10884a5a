"""Which ordinary order came from which conditional one, and under which client id an order goes.

A triggered conditional order becomes a new ordinary order. Recorded frames show it under the same client id, but no
document promises that, so the venue's own link (`ai`, `actualOrderId`) decides wherever it is known. All this is memory
only: after a restart queries and snapshots fill it again.
"""

from collections.abc import Iterable

from bot.domain.order import OrderSide

KEPT = 20_000  # ids of each kind; the oldest go first

_EXCHANGE_MADE = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
LIVE_ALGOS = frozenset({"NEW", "ACCEPTED", "TRIGGERING"})
TRIGGERING = "TRIGGERING"


def made_by_exchange(client_id: str) -> bool:
    """True for the ids under which the exchange itself liquidates, deleverages and settles."""
    return client_id.startswith(_EXCHANGE_MADE)


class Kinship:
    """What is known of order ids. `touched` says when something was last sent or heard per symbol (ms)."""

    def __init__(self) -> None:
        """Nothing is known."""
        self.touched: dict[str, int] = {}
        self._owners: dict[str, str] = {}
        self._children: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._known: dict[str, None] = {}
        self._triggering: dict[str, tuple[str, OrderSide | None]] = {}

    def touch(self, symbol: str, at_ms: int) -> None:
        """Something was sent or heard: the next snapshots look at this symbol's trades."""
        self.touched[symbol] = max(at_ms, self.touched.get(symbol, 0))

    def forget_touched(self, before_ms: int) -> None:
        """What was last touched before this time has been looked at."""
        self.touched = {symbol: at for symbol, at in self.touched.items() if at >= before_ms}

    def sent(self, client_id: str) -> None:
        """A client id that is ours, or that an order of the account was seen under."""
        if client_id:
            _keep(self._known, client_id, None)

    def knows(self, client_id: str) -> bool:
        """True when an order under this id was sent or seen before."""
        return client_id in self._known

    def name(self, order_id: str, client_id: str) -> None:
        """An ordinary order's own client id, as the venue says it."""
        if order_id and client_id:
            _keep(self._names, order_id, client_id)

    def algo(self, client_id: str, symbol: str, side: OrderSide | None, status: str, child: str) -> bool:
        """A conditional order as the venue reports it; True when its ordinary order was not known before."""
        if not client_id:
            return False
        self.sent(client_id)
        if status == TRIGGERING and not child:
            _keep(self._triggering, client_id, (symbol, side))
        else:
            self._triggering.pop(client_id, None)
        if not child or child == "0" or self._owners.get(child) == client_id:
            return False
        _keep(self._owners, child, client_id)
        _keep(self._children, client_id, child)
        return True

    def child(self, client_id: str) -> str:
        """The ordinary order's id that came from a conditional order; empty when none is known."""
        return self._children.get(client_id, "")

    def is_child(self, order_id: str) -> bool:
        """True when the order is known to come from a conditional one."""
        return order_id in self._owners

    def triggering(self, symbol: str, side: OrderSide | None) -> bool:
        """True while a conditional order of this symbol and side is on its way into the book."""
        return (symbol, side) in self._triggering.values()

    def client_id(self, order_id: str, own: str = "") -> str:
        """The client id that an order's fills belong to: its conditional order's, else its own; empty: not known.

        What the exchange itself did has none.
        """
        found = self._owners.get(order_id) or own or self._names.get(order_id, "")
        return "" if made_by_exchange(found) else found

    def resolved(self, order_id: str) -> bool:
        """True when it is known whose order this is."""
        return order_id in self._owners or order_id in self._names

    def own_name(self, order_id: str) -> str:
        """The order's own client id, the exchange's too; empty when it was never seen."""
        return self._names.get(order_id, "")

    def unresolved(self, order_ids: Iterable[str]) -> list[str]:
        """Those whose owner is not known, in order."""
        return [one for one in dict.fromkeys(order_ids) if not self.resolved(one)]


def _keep[V](kept: dict[str, V], key: str, value: V) -> None:
    kept[key] = value
    while len(kept) > KEPT:
        del kept[next(iter(kept))]
