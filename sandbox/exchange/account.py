"""One account of the sandbox exchange: what its owner may ask, over fill model, trigger book and records."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.order import OrderStatus
from bot.venues.matching import Matching, MatchingRules, OrderRequest, Refusal
from bot.venues.matching.checks import TRIGGERED_CHECKS
from bot.venues.matching.rules import Code
from sandbox.exchange.conditionals import Triggers
from sandbox.exchange.gate import (
    TYPES,
    check_client_id,
    check_conditional,
    check_leg,
    check_promises,
    check_trigger,
    order_request,
)
from sandbox.exchange.holdings import Holdings
from sandbox.exchange.news import AccountNews, SettingsNews
from sandbox.exchange.nouns import (
    ZERO,
    ApiKey,
    Conditional,
    ConditionalAsk,
    ConditionalStatus,
    ExchangeOrder,
    Extra,
    Funds,
    Income,
    IncomeKind,
    Kind,
    Leg,
    LegView,
    MarginMode,
    OrderAsk,
    PositionMode,
    Refused,
    Trade,
)
from sandbox.exchange.records import Records
from sandbox.exchange.world import SIDES, World

LATE = (Code.NOT_MAKER,)
"""Refusals that an exchange which acknowledges first tells by an event; lack of margin is refused at once."""


class SimulatedAccount:
    """Fulfils ExchangeAccount. What the exchange itself does to it (liquidation, funding) is in `upkeep`."""

    def __init__(self, name: str, key: ApiKey, world: World, position_mode: PositionMode) -> None:
        self.name = name
        self.key = key
        self.position_mode = position_mode
        self.world = world
        rules = world.rules
        fills = MatchingRules(
            taker_fee=rules.taker_fee, maker_fee=rules.maker_fee, liquidate=False, slippage=ZERO
        )
        instruments = {symbol: one.instrument for symbol, one in world.market.contracts.items()}
        self.instruments = instruments
        self.matching = Matching(instruments, ZERO, fills)
        self.records = Records(name, world, self._booked, self._moved)
        self.triggers = Triggers(self, world)
        self.holdings = Holdings(self.matching, self.records, self.triggers, world)
        self._used: set[str] = set()
        self._signs: dict[tuple[str, Leg], int] = {}
        self._late: list[tuple[ExchangeOrder, str]] = []

    # Reading

    @property
    def orders(self) -> Sequence[ExchangeOrder]:
        """Every ordinary order ever, oldest first."""
        return self.records.orders

    @property
    def conditionals(self) -> Sequence[Conditional]:
        """Every conditional order ever, oldest first."""
        return self.triggers.all

    @property
    def trades(self) -> Sequence[Trade]:
        """Every execution, oldest first."""
        return self.records.trades

    @property
    def income(self) -> Sequence[Income]:
        """Every income line, oldest first."""
        return self.world.ledger.incomes[self.name]

    def find(self, symbol: str, order_id: int = 0, client_id: str = "") -> ExchangeOrder | None:
        """An ordinary order; by client id the newest one, a live one first."""
        if order_id:
            found = self.records.by_id.get(order_id)
            return found if found is not None and found.ask.symbol == symbol else None
        same = self.records.named(client_id, symbol)
        return next((order for order in same if order.status.live), same[0] if same else None)

    def find_conditional(self, conditional_id: int = 0, client_id: str = "") -> Conditional | None:
        """A conditional order; by client id the newest one, a live one first."""
        if conditional_id:
            return self.triggers.by_id.get(conditional_id)
        same = self.triggers.named(client_id) if client_id else []
        return next((one for one in same if one.status.live), same[0] if same else None)

    def live_orders(self, symbol: str = "") -> list[ExchangeOrder]:
        """Working ordinary orders, oldest first."""
        live = self.records.live.values()
        return [order for order in live if symbol in ("", order.ask.symbol)]

    def live_conditionals(self, symbol: str = "") -> list[Conditional]:
        """Waiting conditional orders, oldest first."""
        return self.triggers.alive(symbol)

    def legs(self, symbol: str = "") -> list[LegView]:
        """Positions, flat ones too where a symbol is named or something was ever set; by symbol, then leg."""
        return self.holdings.legs(self.position_mode, symbol)

    def funds(self) -> Funds:
        """The account's money."""
        return self.holdings.funds()

    def leverage(self, symbol: str) -> int:
        """Leverage set for a symbol."""
        self._listed(symbol)
        return self.matching.position(symbol, SIDES[self._some_leg()]).leverage

    def margin_mode(self, symbol: str) -> MarginMode:
        """Margin mode of a symbol."""
        self._listed(symbol)
        return self.holdings.margin_mode(symbol)

    # Orders

    def place(self, ask: OrderAsk) -> ExchangeOrder:
        """Take an ordinary order; what executes at once has executed when this returns.

        Where the exchange acknowledges first (rules.acks_first), the refusal of a post-only order that would take comes
        as REJECTED news with the next `Exchange.advance` (or `settle_acks`), and this returns a working order.
        """
        self._check(ask.symbol, ask.leg, ask.client_id)
        self._check_duplicate(ask.client_id, conditional=False)
        if ask.kind not in TYPES:
            raise Refused(Extra.WRONG_KIND, f"{ask.kind.value} is a conditional order")
        working = len(self.live_orders(ask.symbol))
        if working >= (most := self.world.rules.max_orders):
            raise Refused(Extra.MAX_OPEN_ORDERS, f"{working} orders work, at most {most}")
        check_promises(
            ask, self.held(ask.symbol, ask.leg), self.live_orders(ask.symbol), self.triggers, self.world.rules
        )
        number = self.world.number()
        request = order_request(ask, number)
        refused = self.matching.refusal(request)
        late = refused is not None and self.world.rules.acks_first and refused.code in LATE
        if refused is not None and not late:
            raise Refused(refused.code.value, refused.figures)
        order = self.records.open(ask, ask.client_id, number=number)
        self._used.add(order.client_id)
        if refused is not None or self.world.takes_back(self.name, ask.symbol):
            self._late.append((order, refused.code.value if refused is not None else ""))
        else:
            self._run(request)
        return order

    def place_conditional(self, ask: ConditionalAsk) -> Conditional:
        """Take a conditional order."""
        self._check(ask.symbol, ask.leg, ask.client_id)
        self._check_duplicate(ask.client_id, conditional=True)
        contract = self.world.market.contracts[ask.symbol]
        check_conditional(ask, contract, self.matching, self.triggers, self.world.rules)
        check_promises(
            ask, self.held(ask.symbol, ask.leg), self.live_orders(ask.symbol), self.triggers, self.world.rules
        )
        conditional = self.triggers.add(ask, ask.client_id)
        self._used.add(conditional.client_id)
        return conditional

    def cancel(self, order: ExchangeOrder) -> ExchangeOrder:
        """Cancel a working order."""
        self.sync(order.ask.symbol)
        answer = self.matching.cancel(str(order.order_id), self.world.now_ms)
        if isinstance(answer, Refusal):
            if not self._drop_late(order):
                raise Refused(Code.UNKNOWN_ORDER, f"order {order.order_id} is {order.status.value}")
            self.records.end(order, OrderStatus.CANCELLED)
            return order
        self.records.take(answer)
        self._settled(order.ask.symbol)
        return order

    def cancel_conditional(self, conditional: Conditional) -> Conditional:
        """Cancel a waiting conditional order; one that hangs in TRIGGERING is out of reach."""
        if conditional.status is not ConditionalStatus.NEW:
            raise Refused(Code.UNKNOWN_ORDER, f"{conditional.conditional_id} is {conditional.status.value}")
        self.triggers.end(conditional, ConditionalStatus.CANCELED)
        return conditional

    def amend(
        self, order: ExchangeOrder, *, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> ExchangeOrder:
        """Change quantity or price of a working limit order."""
        ask = order.ask
        if not order.status.live or ask.kind is not Kind.LIMIT or ask.price is None:
            raise Refused(Extra.FINISHED, f"order {order.order_id} is {order.status.value}")
        new = (quantity if quantity is not None else ask.quantity, price if price is not None else ask.price)
        if new == (ask.quantity, ask.price):
            raise Refused(Extra.NOTHING_CHANGED, f"order {order.order_id} is so already")
        self.sync(ask.symbol)
        answer = self.matching.amend(str(order.order_id), *new, self.world.now_ms)
        if isinstance(answer, Refusal):
            raise Refused(answer.code.value, answer.figures)
        self.records.amended(order, *new)
        self.records.take(answer)
        self._settled(ask.symbol)
        return order

    def amend_conditional(
        self,
        conditional: Conditional,
        *,
        quantity: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> Conditional:
        """Change quantity or trigger of a waiting conditional order."""
        if conditional.status is not ConditionalStatus.NEW:
            raise Refused(Extra.FINISHED, f"{conditional.conditional_id} is {conditional.status.value}")
        ask = conditional.ask
        new = (quantity or ask.quantity, trigger_price or ask.trigger_price)
        if new == (ask.quantity, ask.trigger_price):
            raise Refused(Extra.NOTHING_CHANGED, f"{conditional.conditional_id} is so already")
        changed = replace(ask, quantity=new[0], trigger_price=new[1])
        check_trigger(changed, self.world.market.contracts[ask.symbol])
        self.triggers.amend(conditional, *new)
        return conditional

    # Settings

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """For all legs of a symbol; Extra.SAME_LEVERAGE when it is so already."""
        if self.leverage(symbol) == leverage:
            raise Refused(Extra.SAME_LEVERAGE, f"{symbol} has leverage {leverage}")
        self.sync(symbol)
        refusals = (self.matching.leverage_refusal(symbol, leverage, leg) for leg in SIDES.values())
        refused = next((found for found in refusals if found is not None), None)
        if refused is not None:
            raise Refused(refused.code.value, refused.figures)
        for leg in SIDES.values():
            self.matching.set_leverage(symbol, leverage, leg)
        self._changed_settings(symbol, leverage)

    def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Isolated or crossed; refused with open orders or a position."""
        if self.margin_mode(symbol) is mode:
            raise Refused(Extra.SAME_MARGIN_MODE, f"{symbol} is {mode.value}")
        if self.live_orders(symbol) or self.live_conditionals(symbol):
            raise Refused(Extra.MARGIN_OPEN_ORDERS, f"{symbol} has open orders")
        if any(leg.quantity for leg in self.legs(symbol)):
            raise Refused(Extra.MARGIN_OPEN_POSITION, f"{symbol} has a position")
        self.matching.set_crossed(symbol, crossed=mode is MarginMode.CROSSED)
        self._changed_settings(symbol, 0)

    def set_position_mode(self, mode: PositionMode) -> None:
        """One-way or hedge; refused with open orders or a position."""
        if self.position_mode is mode:
            raise Refused(Extra.SAME_POSITION_MODE, f"mode is {mode.value}")
        if self.live_orders() or self.live_conditionals():
            raise Refused(Extra.MODE_OPEN_ORDERS, "there are open orders")
        if any(leg.quantity for leg in self.legs()):
            raise Refused(Extra.MODE_OPEN_POSITION, "there is a position")
        self.position_mode = mode
        self.world.tell(SettingsNews(self.world.now_ms, self.name, ""))

    def transfer(self, amount: Decimal) -> None:
        """Money from or to outside (negative)."""
        available = self.funds().available
        if amount + available < ZERO:
            raise Refused(Code.MARGIN, f"{-amount:f} asked, available {available:f}")
        income = self.records.book(IncomeKind.TRANSFER, amount)
        self.matching.credit(amount)
        self.tell_account("DEPOSIT" if amount > ZERO else "WITHDRAW", (), income)
        self.assert_balanced()

    # What the trigger book and the exchange ask

    def held(self, symbol: str, leg: Leg) -> Decimal:
        """Signed quantity of a position."""
        return self.matching.position(symbol, SIDES[leg]).quantity

    def verdict(self, ask: OrderAsk) -> Refusal | None:
        """Why a triggered order cannot go on."""
        self.sync(ask.symbol)
        return self.matching.refusal(order_request(ask, 0), TRIGGERED_CHECKS)

    def run_child(self, ask: OrderAsk, parent: Conditional) -> None:
        """Take the ordinary order that a trigger made; its client id is the conditional's (not verified)."""
        number = parent.child
        self.records.open(ask, parent.client_id, parent=parent.conditional_id, number=number)
        self._run(order_request(ask, number))

    def relist(self, instrument: Instrument) -> None:
        """A contract has other rules from now on."""
        self.instruments[instrument.symbol] = instrument
        self.matching.relist(instrument)
        self.holdings.forget_liquidations(instrument.symbol)

    def settle_acks(self) -> None:
        """End what was acknowledged and is refused."""
        late, self._late = self._late, []
        status = OrderStatus.REJECTED if self.world.rules.acks_first else OrderStatus.EXPIRED
        for order, code in late:
            self.records.end(order, status, code)

    def sync(self, symbol: str) -> None:
        """Tell the fill model the prices of a symbol."""
        self.holdings.sync(symbol)

    def assert_balanced(self) -> None:
        """OutOfBalance unless the wallet is the sum of all income."""
        self.world.ledger.assert_balanced(self.name, self.matching.wallet)

    def tell_account(self, reason: str, legs: tuple[LegView, ...], income: tuple[Income, ...]) -> None:
        """News of wallet and positions."""
        now_ms = self.world.now_ms
        self.world.tell(AccountNews(now_ms, self.name, reason, self.funds(), legs, income))

    def busy(self, symbol: str) -> bool:
        """True when a price movement of the symbol may matter to the account."""
        return bool(
            self.triggers.waiting(symbol)
            or any(self.held(symbol, leg) for leg in Leg)
            or any(order.ask.symbol == symbol for order in self.records.live.values())
        )

    # Inside

    def _run(self, request: OrderRequest) -> None:
        self.sync(request.symbol)
        reports = self.matching.submit(request, self.world.now_ms, checked=False)
        if isinstance(reports, Refusal):
            raise TypeError(f"an unchecked order was refused: {reports}")
        self.records.take(reports)
        self._settled(request.symbol)

    def _settled(self, symbol: str) -> None:
        self.assert_balanced()
        self.world.touched(symbol)

    def _check(self, symbol: str, leg: Leg, client_id: str) -> None:
        self._listed(symbol)
        check_client_id(client_id)
        check_leg(self.position_mode, leg)
        self.sync(symbol)

    def _check_duplicate(self, client_id: str, *, conditional: bool) -> None:
        if not client_id:
            return
        if self.world.rules.unique_for_ever:
            taken = client_id in self._used
        elif conditional:
            taken = any(one.status.live for one in self.triggers.named(client_id))
        else:
            taken = any(order.status.live for order in self.records.named(client_id))
        if taken:
            raise Refused(Code.DUPLICATE, f"client id {client_id} was used")

    def _listed(self, symbol: str) -> None:
        if symbol not in self.world.market.contracts:
            raise Refused(Code.UNKNOWN_SYMBOL, f"{symbol} is not listed here")

    def _some_leg(self) -> Leg:
        return Leg.BOTH if self.position_mode is PositionMode.ONE_WAY else Leg.LONG

    def _changed_settings(self, symbol: str, leverage: int) -> None:
        self.holdings.remember(symbol)
        self.world.tell(SettingsNews(self.world.now_ms, self.name, symbol, leverage))

    def _drop_late(self, order: ExchangeOrder) -> bool:
        before = len(self._late)
        self._late = [pair for pair in self._late if pair[0] is not order]
        return len(self._late) < before

    def _booked(self, symbol: str, leg: Leg, income: tuple[Income, ...], reason: str) -> None:
        self.holdings.moved(symbol)
        self.world.touched(symbol)
        self.tell_account(reason, (self.holdings.leg(symbol, leg),), income)

    def _moved(self, order: ExchangeOrder) -> None:
        """After an order executed or ended: its parent ends with it, a position that closed or turned takes its own."""
        if not order.status.live:
            self.triggers.child_ended(order)
        symbol, leg = order.ask.symbol, order.ask.leg
        held = self.held(symbol, leg)
        sign = (held > ZERO) - (held < ZERO)
        before, self._signs[symbol, leg] = self._signs.get((symbol, leg), 0), sign
        if before not in (0, sign):
            self.triggers.position_gone(symbol, leg)
