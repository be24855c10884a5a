"""Whatever is asked of the sandbox exchange and wherever its prices go, its books hold together.

One random life (orders of every kind in both modes, conditional orders, cancels, amendments, pushes, marks, thin
books, funding, liquidations, deleveraging) is watched by a bookkeeper that knows only the news.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from core_kit import OTHER, SYMBOL, D, Desk
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.instrument import ZERO
from bot.domain.order import TRANSITIONS, OrderSide, OrderStatus
from sandbox.exchange.news import AccountNews, ConditionalNews, News, OrderNews
from sandbox.exchange.nouns import (
    ConditionalStatus,
    ExchangeRules,
    IncomeKind,
    Leg,
    MarginMode,
    Origin,
    PositionMode,
    Refused,
    Trade,
)

BARS = [(100, 104, 97, 103), (103, 103, 90, 91), (91, 99, 91, 99), (98, 112, 98, 108), (108, 108, 80, 85)]
S = ConditionalStatus
NEXT = {
    S.NEW: {S.NEW, S.TRIGGERING, S.CANCELED, S.EXPIRED},
    S.TRIGGERING: {S.TRIGGERED, S.REJECTED, S.EXPIRED},
    S.TRIGGERED: {S.FINISHED},
}


class Bookkeeper:
    """Knows only what it is told, and complains at once."""

    def __init__(self, mode: PositionMode) -> None:
        self.mode = mode
        self.wallet = D(10_000)
        self.held: defaultdict[tuple[str, Leg], Decimal] = defaultdict(lambda: ZERO)
        self.filled: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
        self.statuses: dict[int, OrderStatus] = {}
        self.conditionals: dict[int, ConditionalStatus] = {}
        self.children: set[int] = set()
        self.at_ms = 0

    def hear(self, news: News) -> None:
        """Check one piece of news against all before."""
        assert news.at_ms >= self.at_ms
        self.at_ms = news.at_ms
        match news:
            case OrderNews():
                self.order(news)
            case ConditionalNews():
                self.conditional(news)
            case AccountNews(funds=funds, income=income):
                self.wallet += sum((one.amount for one in income), ZERO)
                assert self.wallet == funds.wallet
                assert all(
                    one.wallet_after >= 0 or one.kind is not IncomeKind.INSURANCE_CLEAR for one in income
                )
            case _:
                pass

    def order(self, news: OrderNews) -> None:
        """Orders live as the table says; fills add up; exits never grow anything."""
        order = news.order
        before = self.statuses.get(order.order_id)
        assert (before is None) is (news.what == "NEW")
        if before is not None and before is not order.status:
            assert order.status in TRANSITIONS[before]
        assert before is None or before.live
        self.statuses[order.order_id] = order.status
        if news.trade is not None:
            self.trade(news, news.trade)
        assert order.filled == self.filled[order.order_id] <= order.ask.quantity

    def trade(self, news: OrderNews, trade: Trade) -> None:
        """One execution."""
        ask, signed = news.order.ask, trade.quantity * trade.side.sign
        key = (trade.symbol, trade.leg)
        before = self.held[key]
        self.held[key] += signed
        self.filled[trade.order_id] += trade.quantity
        closing = {Leg.LONG: OrderSide.SELL, Leg.SHORT: OrderSide.BUY}.get(trade.leg) is trade.side
        if ask.reduce_only or closing:
            assert trade.closed_quantity == trade.quantity
            assert abs(self.held[key]) == abs(before) - trade.quantity
        assert (trade.leg is Leg.BOTH) is (self.mode is PositionMode.ONE_WAY)
        assert trade.leg is not Leg.LONG or self.held[key] >= 0
        assert trade.leg is not Leg.SHORT or self.held[key] <= 0

    def conditional(self, news: ConditionalNews) -> None:
        """Each triggers at most once and becomes one order."""
        one = news.conditional
        before = self.conditionals.get(one.conditional_id)
        assert (before is None and one.status is S.NEW) or (before and one.status in NEXT[before])
        self.conditionals[one.conditional_id] = one.status
        if one.status is S.TRIGGERED:
            assert one.child not in self.children
            self.children.add(one.child)
        if one.status is S.FINISHED:
            assert not self.statuses[one.child].live


prices = st.integers(80, 120).map(str)
quantities = st.sampled_from(["0.5", "1", "3", "7", "20"])
sides = st.sampled_from(["BUY", "SELL"])
legs = st.sampled_from(["LONG", "SHORT"])
whats = st.sampled_from(["entry", "exit", "all", "own", "part"])
orders = st.tuples(
    st.just("order"),
    sides,
    quantities,
    st.none() | prices,
    legs,
    st.booleans(),
    st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
)
kinds = st.sampled_from(["STOP_MARKET", "TAKE_PROFIT_MARKET", "STOP", "TRAILING_STOP_MARKET"])
conditionals = st.tuples(
    st.just("conditional"), sides, kinds, prices, quantities, legs, whats,
    st.sampled_from(["last", "mark"]),
)  # fmt: skip
pushes = st.tuples(st.just("push"), prices, st.none() | prices)
others = st.sampled_from(
    [("cancel",), ("cancel conditional",), ("amend",), ("minute",), ("fund",), ("deep",), ("thin",), ("follow",),
     ("liquidate",), ("deleverage",), ("mark", "95"), ("mark", "104"), ("stick",), ("refuse",), ("other",)]
)  # fmt: skip
lives = st.lists(
    st.one_of(orders, orders, conditionals, conditionals, pushes, others), min_size=5, max_size=60
)


def do(desk: Desk, step: tuple[Any, ...]) -> None:
    """One thing asked of the exchange."""
    hedge = desk.account.position_mode is PositionMode.HEDGE
    match step:
        case ("order", side, quantity, price, leg, reduce_only, tif):
            more = {"leg": leg} if hedge else {"reduce_only": reduce_only}
            desk.order(side, quantity, price, tif=tif if price else "GTC", **more)
        case ("conditional", *asked):
            conditional(desk, asked, hedge=hedge)
        case ("push", price, mark):
            desk.price(price, mark)
        case ("mark", mark):
            desk.exchange.set_mark(SYMBOL, D(mark))
        case ("other",):
            desk.order("BUY", "2", symbol=OTHER, leg="LONG" if hedge else "BOTH")
        case (word,):
            with suppress(Refused):
                CONTROLS[word](desk)


def conditional(desk: Desk, asked: list[str], *, hedge: bool) -> None:
    """One conditional order."""
    side, kind, price, quantity, leg, what, by = asked
    more = {"leg": leg} if hedge else {}
    extra: dict[str, Any] = {
        "entry": {"quantity": quantity},
        "exit": {"quantity": quantity, "reduce_only": True},
        "all": {"close_all": True},
        "own": {"with_position": True},
        "part": {"quantity": quantity, "with_position": True, "partial": True},
    }[what]
    if kind == "STOP":
        extra["limit_price"] = price
    if kind == "TRAILING_STOP_MARKET":
        desk.conditional(side, kind, by=by, callback_rate="3", activation_price=price, **more, **extra)
    else:
        desk.conditional(side, kind, price, by=by, **more, **extra)


def cancel(desk: Desk) -> None:
    for order in desk.account.live_orders()[:1]:
        desk.account.cancel(order)


def cancel_conditional(desk: Desk) -> None:
    for one in desk.account.live_conditionals()[:1]:
        desk.account.cancel_conditional(one)


def amend(desk: Desk) -> None:
    for order in desk.account.live_orders()[:1]:
        desk.account.amend(order, quantity=order.ask.quantity + 1, price=D(99))


def liquidate(desk: Desk) -> None:
    for view in [view for view in desk.account.legs() if view.quantity][:1]:
        desk.exchange.liquidate("me", view.symbol, view.leg)


def deleverage(desk: Desk) -> None:
    for view in [view for view in desk.account.legs() if view.quantity][:1]:
        desk.exchange.deleverage("me", view.symbol, D("0.5"), view.leg)


CONTROLS: dict[str, Callable[[Desk], None]] = {
    "cancel": cancel,
    "cancel conditional": cancel_conditional,
    "amend": amend,
    "minute": lambda desk: desk.minutes(1),
    "fund": lambda desk: desk.exchange.settle_funding(SYMBOL),
    "deep": lambda desk: desk.exchange.set_depth(SYMBOL, D(0)),
    "thin": lambda desk: desk.exchange.set_depth(SYMBOL, D(2)),
    "follow": lambda desk: desk.exchange.set_mark(SYMBOL, None),
    "liquidate": liquidate,
    "deleverage": deleverage,
    "stick": lambda desk: desk.exchange.stick("me", SYMBOL),
    "refuse": lambda desk: desk.exchange.refuse_trigger("me", SYMBOL),
}


@pytest.mark.parametrize("margin", list(MarginMode))
@pytest.mark.parametrize("mode", list(PositionMode))
@given(life=lives)
@settings(max_examples=100)
def test_the_books_hold_together(mode: PositionMode, margin: MarginMode, life: list[tuple[Any, ...]]) -> None:
    desk = Desk(ExchangeRules(stops_with_position=margin is MarginMode.CROSSED), BARS, mode, leverage=25)
    for symbol in (SYMBOL, OTHER):
        with suppress(Refused):
            desk.account.set_margin_mode(symbol, margin)
    keeper = Bookkeeper(mode)
    desk.exchange.subscribe(keeper.hear)
    for step in life:
        do(desk, step)
        audit(desk, keeper)
    desk.minutes(3)
    audit(desk, keeper)


def audit(desk: Desk, keeper: Bookkeeper) -> None:
    """The exchange's own figures are the bookkeeper's."""
    account, ledger = desk.account, desk.exchange.world.ledger
    funds = account.funds()
    assert funds.wallet == keeper.wallet == sum((one.amount for one in account.income), ZERO)
    assert sum(ledger.balances.values(), ZERO) == ZERO
    assert funds.wallet >= ZERO or funds.position_margin == 0
    assert funds.available >= ZERO
    for view in account.legs():
        assert view.quantity == keeper.held[view.symbol, view.leg]
    fees = sum((trade.fee for trade in account.trades), ZERO)
    assert -fees == sum((one.amount for one in account.income if one.kind is IncomeKind.COMMISSION), ZERO)
    assert {order.order_id for order in account.live_orders()} == {
        number for number, status in keeper.statuses.items() if status.live
    }
    origins = {order.order_id: order.ask.origin for order in account.orders}
    assert keeper.children == {number for number, origin in origins.items() if origin is Origin.TRIGGER}
