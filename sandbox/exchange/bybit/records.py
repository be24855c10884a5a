"""Orders as Bybit sees them: one id from the conditional order to the fill of what it became."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import OrderSide, OrderStatus, TimeInForce
from bot.venues.matching import Code
from sandbox.exchange.bybit.asking import DAY_MS, WEEK_MS, Call
from sandbox.exchange.bybit.identity import (
    CONDITIONAL,
    ORDINARY,
    child_of,
    conditional_uid,
    number_of,
    order_uid,
    parent_of,
)
from sandbox.exchange.bybit.words import (
    CONDITIONAL_STATUSES,
    MARKET_KINDS,
    OPEN_STATUSES,
    ORDER_STATUSES,
    stop_order_type,
)
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Conditional, ExchangeOrder, Leg


@dataclass(frozen=True, slots=True)
class Record:
    """One order: an ordinary one, a conditional one, or both in turn (then `order` is what the other became)."""

    order: ExchangeOrder | None = None
    conditional: Conditional | None = None

    @property
    def uid(self) -> str:
        """Bybit's id."""
        if self.conditional is not None:
            return conditional_uid(self.conditional.conditional_id)
        return order_uid(self._order)

    @property
    def _order(self) -> ExchangeOrder:
        if self.order is None:
            raise ValueError("a record of nothing")
        return self.order

    @property
    def _conditional(self) -> Conditional:
        if self.conditional is None:
            raise ValueError("not a conditional order")
        return self.conditional

    @property
    def first(self) -> ExchangeOrder | Conditional:
        """What it was at first."""
        return self.conditional or self._order

    @property
    def latest(self) -> ExchangeOrder | Conditional:
        """What it is now."""
        return self.order or self._conditional

    @property
    def link_id(self) -> str:
        """The client's own id; none where it gave none."""
        return self.first.ask.client_id

    @property
    def symbol(self) -> str:
        """The contract."""
        return self.first.ask.symbol

    @property
    def side(self) -> OrderSide:
        """Buy or sell."""
        return self.first.ask.side

    @property
    def leg(self) -> Leg:
        """Which position."""
        return self.first.ask.leg

    @property
    def status(self) -> str:
        """Bybit's word; a post-only order that would have taken is cancelled there, not rejected."""
        if self.order is not None:
            turned_down = self.order.status is OrderStatus.REJECTED and self.order.reason == Code.NOT_MAKER
            return "Cancelled" if turned_down else ORDER_STATUSES[self.order.status]
        return CONDITIONAL_STATUSES[self._conditional.status]

    @property
    def open(self) -> bool:
        """True while it may still do something."""
        return self.status in OPEN_STATUSES

    @property
    def known(self) -> bool:
        """True while it is not over: open, or on its way from its trigger to the market."""
        return self.open or self.status == "Triggered"

    @property
    def filled(self) -> Decimal:
        """Executed quantity."""
        return self.order.filled if self.order is not None else ZERO

    @property
    def market(self) -> bool:
        """True for a market order, or one that becomes a market order."""
        return self.first.ask.kind in MARKET_KINDS

    @property
    def time_in_force(self) -> TimeInForce:
        """As asked for; market orders are always IOC."""
        return TimeInForce.IOC if self.market else self.first.ask.time_in_force

    @property
    def price(self) -> Decimal | None:
        """The limit price, if any."""
        ask = self.latest.ask
        return getattr(ask, "limit_price", None) or getattr(ask, "price", None)

    @property
    def stop_type(self) -> str:
        """stopOrderType, empty for an order that was never conditional."""
        return "" if self.conditional is None else stop_order_type(self.conditional.ask)

    @property
    def waits(self) -> bool:
        """True for a conditional order that has not triggered."""
        return self.order is None and self.conditional is not None


def record_of_order(account: ExchangeAccount, order: ExchangeOrder) -> Record:
    """The record of an ordinary order."""
    return Record(order, parent_of(account, order))


def record_of_conditional(account: ExchangeAccount, conditional: Conditional) -> Record:
    """The record of a conditional order, with what it became."""
    return Record(child_of(account, conditional), conditional)


def open_records(account: ExchangeAccount, symbol: str = "") -> list[Record]:
    """All that may still do something, oldest first."""
    found = [record_of_order(account, order) for order in account.live_orders(symbol)]
    found += [Record(None, conditional) for conditional in account.live_conditionals(symbol)]
    return sorted((one for one in found if one.open), key=_age)


def all_records(account: ExchangeAccount) -> Iterator[Record]:
    """Every order ever."""
    yield from (Record(order) for order in account.orders if not order.parent)
    yield from (record_of_conditional(account, one) for one in account.conditionals)


def closed_records(account: ExchangeAccount, start_ms: int, end_ms: int) -> list[Record]:
    """All made in this span of time that is over, oldest first."""
    found = (one for one in all_records(account) if start_ms <= one.first.created_at_ms <= end_ms)
    return sorted((one for one in found if not one.open), key=_age)


def _age(record: Record) -> tuple[int, str]:
    return record.first.created_at_ms, record.uid


def by_uid(account: ExchangeAccount, uid: str) -> Record | None:
    """The order of Bybit's id."""
    number = number_of(uid, CONDITIONAL)
    if number:
        conditional = account.find_conditional(conditional_id=number)
        return None if conditional is None else record_of_conditional(account, conditional)
    found = by_number(account, number_of(uid, ORDINARY))
    return None if found is None or found.parent else Record(found)


def by_number(account: ExchangeAccount, number: int) -> ExchangeOrder | None:
    """The ordinary order of the core's number, whatever its symbol; orders are kept in the order of their numbers."""
    place = bisect_left(account.orders, number, key=lambda order: order.order_id)
    found = account.orders[place] if place < len(account.orders) else None
    return found if found is not None and found.order_id == number else None


def by_link(account: ExchangeAccount, link_id: str) -> Record | None:
    """The order of the client's id."""
    conditional = account.find_conditional(client_id=link_id)
    if conditional is not None:
        record = record_of_conditional(account, conditional)
        return record if record.link_id == link_id else None
    found = account.find("", client_id=link_id)
    return None if found is None or found.ask.client_id != link_id else record_of_order(account, found)


def asked_for(call: Call) -> Record | None:
    """The order named by orderId or orderLinkId (the first goes first); None when neither is, or there is no such."""
    uid, link_id = call.text("orderId"), call.text("orderLinkId")
    if uid:
        return by_uid(call.account, uid)
    return by_link(call.account, link_id) if link_id else None


def passes_filter(call: Call, record: Record) -> bool:
    """True when orderFilter lets it pass: `Order` for active ones, `StopOrder` for conditional ones."""
    wanted = call.choice("orderFilter", ("Order", "StopOrder", "OpenOrder", "all"), "all")
    kind = call.text("stopOrderType")
    if wanted == "StopOrder":
        return record.conditional is not None and (not kind or record.stop_type == kind)
    return wanted != "Order" or not record.waits


def recent(call: Call) -> list[Record]:
    """The closed orders that order/realtime still has, oldest first."""
    found = (by_uid(call.account, uid) for uid in call.notes.closed if is_recent(call, uid))
    return sorted((one for one in found if one is not None), key=_age)


def is_recent(call: Call, uid: str) -> bool:
    """True for a closed order that order/realtime still has."""
    closed_at_ms = call.notes.closed.get(uid)
    return closed_at_ms is not None and closed_at_ms >= call.floor.memory.restarted_at_ms


def in_history(record: Record, now_ms: int) -> bool:
    """True while order/history still has it: a week, a day for those that ended without any fill."""
    age = now_ms - record.first.created_at_ms
    if record.filled:
        return True
    return age <= (WEEK_MS if record.status == "Filled" else DAY_MS)
