"""What the protocol remembers beside the core: how orders ended, what is attached to them, what their fills closed."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.instrument import ZERO
from bot.domain.order import OrderSide
from sandbox.exchange.bybit.settings import Settings
from sandbox.exchange.nouns import Income, Leg, Trade, TriggerBy


@dataclass(frozen=True, slots=True)
class Side:
    """One half of a stop and target: trigger price, which price triggers, the limit price it then becomes, if any."""

    price: Decimal
    by: TriggerBy = TriggerBy.LAST
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """Stop and target that an order brings for what it fills. `partial`: for its own quantity only."""

    stop: Side | None = None
    target: Side | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How an order ended."""

    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"


@dataclass(slots=True)
class Closing:
    """What one order closed. `realised` before fees; `open_fee` is the share of the fees paid when it was opened."""

    trade: Trade
    quantity: Decimal = ZERO
    value: Decimal = ZERO
    realised: Decimal = ZERO
    open_fee: Decimal = ZERO
    close_fee: Decimal = ZERO
    fills: int = 0
    updated_at_ms: int = 0

    @property
    def profit(self) -> Decimal:
        """After the fees of both sides."""
        return self.realised - self.open_fee - self.close_fee

    @property
    def entry_value(self) -> Decimal:
        """What had been paid for what was closed."""
        sign = 1 if self.trade.side is OrderSide.SELL else -1
        return self.value - sign * self.realised


@dataclass(slots=True)
class Held:
    """One leg as its trades made it: signed quantity, the fees paid for opening it, what it has brought since then."""

    quantity: Decimal = ZERO
    fees: Decimal = ZERO
    brought: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Seen:
    """What stood around an execution: mark and index price, what was left of its order, the leg's size after it."""

    mark: Decimal
    index: Decimal
    left: Decimal
    size_after: Decimal


@dataclass(frozen=True, slots=True)
class FundingSeen:
    """A settlement: the leg's signed quantity and the mark price it was settled at."""

    quantity: Decimal
    mark: Decimal


@dataclass(slots=True)
class Notes:
    """One account's. Keys are Bybit's order ids, or the core's numbers of trades and incomes."""

    last_on_created: dict[str, Decimal] = field(default_factory=dict)
    last_on_taken: dict[str, Decimal] = field(default_factory=dict)
    """The same, but when a conditional order had become an ordinary one."""
    endings: dict[str, Ending] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    """The newest orders that are over, and when they ended."""
    by_user: set[str] = field(default_factory=set)
    triggered: set[str] = field(default_factory=set)
    attached: dict[str, Attached] = field(default_factory=dict)
    placed_stops: dict[str, Decimal] = field(default_factory=dict)
    """How much of an order's filling has its stop and target already."""
    pairs: dict[str, str] = field(default_factory=dict)
    parent_links: dict[str, str] = field(default_factory=dict)
    seen: dict[int, Seen] = field(default_factory=dict)
    funding: dict[int, FundingSeen] = field(default_factory=dict)
    held: dict[tuple[str, Leg], Held] = field(default_factory=dict)
    closings: dict[int, Closing] = field(default_factory=dict)
    """By the core's order number, in the order of their first closing execution."""
    realised: dict[str, Decimal] = field(default_factory=dict)
    """All that a symbol ever brought, fees and funding included."""
    booked: int = 0
    """How many of the account's trades are in these notes."""
    seq: dict[str, int] = field(default_factory=dict)
    """A symbol's last execution."""

    def book(self, trade: Trade) -> Decimal:
        """An execution: fees of opening are kept until they are closed. Returns the leg's signed size after it."""
        self.seq[trade.symbol] = trade.trade_id
        held = self.leg(trade.symbol, trade.leg)
        closed = min(trade.closed_quantity, trade.quantity)
        share = closed / trade.quantity if trade.quantity else ZERO
        if closed:
            self._close(trade, held, closed, share)
        if not held.quantity:
            held.brought = ZERO
        held.brought += trade.realised - trade.fee
        held.fees += trade.fee * (1 - share)
        held.quantity += trade.side.sign * trade.quantity
        return held.quantity

    def close(self, uid: str, at_ms: int, most: int) -> None:
        """An order is over; only the newest are remembered."""
        self.closed.setdefault(uid, at_ms)
        if len(self.closed) > most:
            del self.closed[next(iter(self.closed))]

    def leg(self, symbol: str, leg: Leg) -> Held:
        """One leg, flat before its first trade."""
        return self.held.setdefault((symbol, leg), Held())

    def earn(self, income: Iterable[Income]) -> None:
        """Money that a symbol brought or cost."""
        for line in income:
            if line.symbol:
                self.realised[line.symbol] = self.realised.get(line.symbol, ZERO) + line.amount

    def _close(self, trade: Trade, held: Held, closed: Decimal, share: Decimal) -> None:
        size = abs(held.quantity)
        open_fee = held.fees * min(Decimal(1), closed / size) if size else ZERO
        held.fees -= open_fee
        row = self.closings.setdefault(trade.order_id, Closing(trade))
        row.quantity += closed
        row.value += closed * trade.price
        row.realised += trade.realised
        row.open_fee += open_fee
        row.close_fee += trade.fee * share
        row.fills += 1
        row.updated_at_ms = trade.at_ms


@dataclass(slots=True)
class Memory:
    """All of it. `fills` waits to get stops, `widows` are paired orders whose other half triggered."""

    settings: Settings
    accounts: dict[str, Notes] = field(default_factory=dict)
    fills: deque[tuple[str, int]] = field(default_factory=deque)
    widows: deque[tuple[str, str]] = field(default_factory=deque)
    maintenance: list[dict[str, object]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """Stops that orders brought and that could not be placed any more."""
    restarted_at_ms: int = 0
    """Closed orders from before are in the history only."""

    def of(self, account: str) -> Notes:
        """One account's notes."""
        return self.accounts.setdefault(account, Notes())
