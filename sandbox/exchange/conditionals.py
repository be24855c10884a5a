"""One account's conditional orders: they wait here, trigger, and become ordinary orders.

A trigger is told as TRIGGERING, then TRIGGERED with the ordinary order's number, then come that order's own news,
and FINISHED when it ended. Stops stay when the position closes, unless they belong to it.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from bot.domain.order import OrderSide
from bot.venues.matching import Refusal
from bot.venues.matching.rules import Code
from sandbox.exchange.news import ConditionalNews
from sandbox.exchange.nouns import (
    ZERO,
    Conditional,
    ConditionalAsk,
    ConditionalStatus,
    ExchangeOrder,
    Kind,
    Leg,
    OrderAsk,
    Origin,
    TriggerBy,
)
from sandbox.exchange.world import World

PROTECT = Decimal("0.05")
"""Mark and last further apart than this hold back orders with price protection."""
STOPS = (Kind.STOP, Kind.STOP_MARKET)
TARGETS = (Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_MARKET)
POSITION_CLOSED = "position closed"
REPLACED = "replaced"
_RANKS = {Kind.STOP: 0, Kind.STOP_MARKET: 0, Kind.TRAILING_STOP_MARKET: 0}


class Host(Protocol):
    """The account, as its trigger book needs it."""

    name: str

    def held(self, symbol: str, leg: Leg) -> Decimal:
        """Signed quantity of a position."""
        ...

    def verdict(self, ask: OrderAsk) -> Refusal | None:
        """Why a triggered order cannot go on."""
        ...

    def run_child(self, ask: OrderAsk, parent: Conditional) -> None:
        """Take the ordinary order that a trigger made."""
        ...


@dataclass(slots=True)
class Waiting:
    """A conditional order that waits. `peak` is a trailing one's best price since its activation."""

    conditional: Conditional
    rises: bool
    peak: Decimal | None = None

    def level(self) -> Decimal | None:
        """Where it triggers; None while a trailing one is not active."""
        ask = self.conditional.ask
        if ask.kind is not Kind.TRAILING_STOP_MARKET:
            return ask.trigger_price
        if self.peak is None:
            return None
        away = ask.callback_distance
        if away is None:
            away = self.peak * (ask.callback_rate or ZERO) / 100
        return self.peak + (away if self.rises else -away)

    def reached(self, price: Decimal) -> bool:
        """True when a price triggers it."""
        level = self.level()
        if level is None:
            return False
        return price >= level if self.rises else price <= level

    def observe(self, price: Decimal) -> None:
        """Follow the price, for trailing ones."""
        ask = self.conditional.ask
        if ask.kind is not Kind.TRAILING_STOP_MARKET:
            return
        if self.peak is None:
            start = ask.activation_price
            active = start is None or (price <= start if self.rises else price >= start)
            self.peak = price if active else None
        else:
            self.peak = min(self.peak, price) if self.rises else max(self.peak, price)


@dataclass(frozen=True, slots=True)
class Hit:
    """A conditional order whose level was reached, and how far on the price's way that was."""

    distance: Decimal
    rank: int
    waiting: Waiting


def rises(ask: ConditionalAsk) -> bool:
    """Direction of the trigger: as stated, else stops of buyers and targets of sellers wait above."""
    if ask.rises is not None:
        return ask.rises
    buys = ask.side is OrderSide.BUY
    return not buys if ask.kind in TARGETS else buys


def family(kind: Kind) -> str:
    """Stop, target or trail: a position has one of each of its own."""
    if kind is Kind.TRAILING_STOP_MARKET:
        return "trail"
    return "stop" if kind in STOPS else "target"


class Triggers:
    """The trigger book of one account."""

    def __init__(self, host: Host, world: World) -> None:
        self._host = host
        self._world = world
        self.all: list[Conditional] = []
        self.by_id: dict[int, Conditional] = {}
        self._named: dict[str, list[Conditional]] = {}
        self._waiting: dict[str, dict[int, Waiting]] = {}
        self._children: dict[int, Conditional] = {}
        self._stick: set[str] = set()
        self._refuse: set[str] = set()

    # Reading

    def waiting(self, symbol: str) -> list[Waiting]:
        """Those of a symbol that wait, oldest first."""
        return list(self._waiting.get(symbol, {}).values())

    def alive(self, symbol: str = "") -> list[Conditional]:
        """Those that may still lead to an order, stuck ones too; oldest first."""
        return [c for c in self.all if c.status.live and symbol in ("", c.ask.symbol)]

    def named(self, client_id: str) -> list[Conditional]:
        """Those of a client id, newest first."""
        return self._named.get(client_id, [])[::-1]

    def own(self, symbol: str, leg: Leg, kinds: tuple[Kind, ...]) -> Conditional | None:
        """A position's own full stop or target."""
        for waiting in self.waiting(symbol):
            ask = waiting.conditional.ask
            if ask.with_position and not ask.partial and ask.leg is leg and ask.kind in kinds:
                return waiting.conditional
        return None

    def levels(self, symbol: str, *, mark_follows: bool) -> Iterator[Decimal]:
        """Prices at which something triggers while the last price moves."""
        for waiting in self._waiting.get(symbol, {}).values():
            level = waiting.level()
            if level is not None and (mark_follows or waiting.conditional.ask.trigger_by is TriggerBy.LAST):
                yield level

    def hits(self, symbol: str, last: Decimal, mark: Decimal) -> Iterator[Hit]:
        """Those whose level is reached; `last` and `mark` are the prices the movement came from."""
        contract = self._world.market.contracts[symbol]
        apart = abs(contract.mark - contract.last) > PROTECT * contract.mark
        for waiting in self._waiting.get(symbol, {}).values():
            ask = waiting.conditional.ask
            now, before = self._prices(ask, last, mark)
            level = waiting.level()
            if level is not None and waiting.reached(now) and not (apart and ask.price_protect):
                yield Hit(abs(level - before), _RANKS.get(ask.kind, 2), waiting)

    def observe(self, symbol: str) -> None:
        """Let trailing ones follow the prices."""
        for waiting in self._waiting.get(symbol, {}).values():
            waiting.observe(self._prices(waiting.conditional.ask, ZERO, ZERO)[0])

    def _prices(self, ask: ConditionalAsk, last: Decimal, mark: Decimal) -> tuple[Decimal, Decimal]:
        contract = self._world.market.contracts[ask.symbol]
        by_mark = ask.trigger_by is TriggerBy.MARK
        return (contract.mark, mark) if by_mark else (contract.last, last)

    # Coming and going

    def add(self, ask: ConditionalAsk, client_id: str) -> Conditional:
        """Take one that was checked; the position's own full stop replaces the one before."""
        world = self._world
        if ask.with_position and not ask.partial:
            self._replace_own(ask)
        number = world.number()
        made_up = "" if ask.with_position else f"auto_{number}"
        conditional = Conditional(
            number, client_id or made_up, ask, ConditionalStatus.NEW, world.now_ms, world.now_ms
        )
        self.all.append(conditional)
        self.by_id[number] = conditional
        self._named.setdefault(conditional.client_id, []).append(conditional)
        waiting = Waiting(conditional, rises(ask))
        self._waiting.setdefault(ask.symbol, {})[number] = waiting
        waiting.observe(self._prices(ask, ZERO, ZERO)[0])
        self._tell(conditional)
        world.touched(ask.symbol)
        return conditional

    def _replace_own(self, ask: ConditionalAsk) -> None:
        for waiting in self.waiting(ask.symbol):
            other = waiting.conditional.ask
            same = (other.with_position, other.partial, other.leg) == (True, False, ask.leg)
            if same and family(other.kind) == family(ask.kind):
                self.end(waiting.conditional, ConditionalStatus.CANCELED, REPLACED)

    def amend(self, conditional: Conditional, quantity: Decimal, trigger_price: Decimal | None) -> None:
        """Change quantity and trigger."""
        conditional.ask = replace(conditional.ask, quantity=quantity, trigger_price=trigger_price)
        self._set(conditional, conditional.status)
        self._world.touched(conditional.ask.symbol)

    def end(self, conditional: Conditional, status: ConditionalStatus, reason: str = "") -> None:
        """It is over, without an order of its own or with it."""
        symbol = conditional.ask.symbol
        self._waiting.get(symbol, {}).pop(conditional.conditional_id, None)
        self._set(conditional, status, reason)
        self._world.touched(symbol)

    def position_gone(self, symbol: str, leg: Leg) -> None:
        """A position closed: what belongs to it goes with it."""
        keeps_own = self._world.rules.stops_with_position
        for waiting in self.waiting(symbol):
            ask = waiting.conditional.ask
            if ask.leg is leg and (ask.with_position or (keeps_own and ask.close_all)):
                self.end(waiting.conditional, ConditionalStatus.CANCELED, POSITION_CLOSED)

    def child_ended(self, order: ExchangeOrder) -> None:
        """The ordinary order of a triggered one ended."""
        parent = self._children.pop(order.order_id, None)
        if parent is not None:
            self._set(parent, ConditionalStatus.FINISHED, parent.reason)

    # Triggering

    def stick(self, symbol: str) -> None:
        """The next of this symbol hangs in TRIGGERING."""
        self._stick.add(symbol)

    def refuse(self, symbol: str) -> None:
        """The next of this symbol is rejected."""
        self._refuse.add(symbol)

    def fire(self, waiting: Waiting) -> None:
        """Its level was reached."""
        conditional = waiting.conditional
        symbol = conditional.ask.symbol
        del self._waiting[symbol][conditional.conditional_id]
        conditional.triggered_at_ms = self._world.now_ms
        self._set(conditional, ConditionalStatus.TRIGGERING)
        self._world.touched(symbol)
        if symbol in self._stick:
            self._stick.discard(symbol)
        elif symbol in self._refuse:
            self._refuse.discard(symbol)
            self.end(conditional, ConditionalStatus.REJECTED, Code.MARGIN.value)
        else:
            self._go_on(conditional)

    def _go_on(self, conditional: Conditional) -> None:
        ask = self._child(conditional.ask)
        refused = self._host.verdict(ask)
        if refused is not None:
            gone = refused.code is Code.REDUCE_ONLY
            status = ConditionalStatus.EXPIRED if gone else ConditionalStatus.REJECTED
            self.end(conditional, status, refused.code.value)
            return
        conditional.child = self._world.number()
        self._children[conditional.child] = conditional
        self._set(conditional, ConditionalStatus.TRIGGERED)
        self._host.run_child(ask, conditional)

    def _child(self, ask: ConditionalAsk) -> OrderAsk:
        whole = covers_all(ask)
        held = abs(self._host.held(ask.symbol, ask.leg))
        return OrderAsk(
            symbol=ask.symbol,
            side=ask.side,
            kind=Kind.MARKET if ask.limit_price is None else Kind.LIMIT,
            quantity=held if whole else ask.quantity,
            price=ask.limit_price,
            leg=ask.leg,
            reduce_only=ask.reduce_only or ask.close_all or ask.with_position,
            time_in_force=ask.time_in_force,
            origin=Origin.TRIGGER,
        )

    def _set(self, conditional: Conditional, status: ConditionalStatus, reason: str = "") -> None:
        conditional.status, conditional.reason = status, reason
        conditional.updated_at_ms = self._world.now_ms
        self._tell(conditional)

    def _tell(self, conditional: Conditional) -> None:
        self._world.tell(ConditionalNews(self._world.now_ms, self._host.name, copy(conditional)))


def covers_all(ask: ConditionalAsk) -> bool:
    """True when it covers whatever the position is when it triggers."""
    return ask.close_all or (ask.with_position and not ask.partial)
