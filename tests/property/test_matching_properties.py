"""Whatever is asked of the fill model and wherever prices go, its books hold together.

One random account life (orders of every kind, cancels, leverage, candles with gaps, funding) is watched by a
bookkeeper that knows only the reports, by a twin that is saved and restored at random moments, and by a twin that
never takes the short cut for untouched bars.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.instrument import ZERO, Bracket, Instrument
from bot.domain.market import Candle
from bot.domain.order import TRANSITIONS, OrderSide, OrderStatus, OrderType
from bot.domain.position import Position
from bot.venues.matching import (
    BothHit,
    Executed,
    FundingSettled,
    Matching,
    MatchingRules,
    OrderChanged,
    OrderRequest,
    Refusal,
    Report,
    TimeInForce,
)
from bot.venues.matching.book import SymbolBook

D = Decimal
START = D(5000)
BAR_MS = 60_000
NAMES = ("AAAUSDT", "BBBUSDT")
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def instrument(symbol: str, tick: str, step: str) -> Instrument:
    return Instrument(
        symbol=symbol,
        base=symbol[:3],
        quote="USDT",
        price_tick=D(tick),
        quantity_step=D(step),
        min_quantity=D("0.01"),
        max_quantity=D(1000),
        max_market_quantity=D(300),
        min_notional=D(1),
        brackets=(Bracket(D(4000), 50, D("0.01"), ZERO), Bracket(D(40_000), 20, D("0.03"), D(80))),
        percent_price_up=D("1.5"),
        percent_price_down=D("0.5"),
    )


MARKET = {"AAAUSDT": instrument("AAAUSDT", "0.1", "0.01"), "BBBUSDT": instrument("BBBUSDT", "0", "0")}


class Bookkeeper:
    """Keeps books from reports alone and compares them with the model's."""

    def __init__(self, rules: MatchingRules) -> None:
        self.rules = rules
        self.wallet = START
        self.cash = START
        self.held = dict.fromkeys(NAMES, ZERO)
        self.positions = {name: Position(name) for name in NAMES}
        self.statuses: dict[str, OrderStatus] = {}
        self.trade_ids: set[str] = set()

    def note(self, reports: Iterable[Report]) -> None:
        for report in reports:
            match report:
                case Executed():
                    self._executed(report)
                case FundingSettled(amount=amount):
                    self.wallet += amount
                    self.cash += amount
                case OrderChanged(order=order):
                    before = self.statuses.get(order.venue_id, OrderStatus.INTENDED)
                    assert order.status in TRANSITIONS[before], (before, order.status)
                    self.statuses[order.venue_id] = order.status

    def _executed(self, report: Executed) -> None:
        fill, order = report.fill, report.order
        before = self.held[fill.symbol]
        after = before + fill.quantity * fill.side.sign
        if order is None or order.request.exits:
            assert before != ZERO
            assert abs(after) < abs(before), "what may only reduce has grown the position"
            assert before * after >= ZERO, "what may only reduce has turned the position"
        assert fill.trade_id not in self.trade_ids
        self.trade_ids.add(fill.trade_id)
        self._price(report)
        position, realised = self.positions[fill.symbol].apply(fill)
        assert realised == report.realised
        self.positions[fill.symbol], self.held[fill.symbol] = position, after
        self.wallet += report.realised - fill.fee
        self.cash -= fill.quantity * fill.price * fill.side.sign + fill.fee

    def _price(self, report: Executed) -> None:
        fill, contract = report.fill, MARKET[report.fill.symbol]
        assert not contract.price_tick or fill.price % contract.price_tick == ZERO
        assert fill.quantity > ZERO
        limit = report.order.request.limit_price if report.order else None
        if limit is not None:
            assert (limit - fill.price) * fill.side.sign >= ZERO, "worse than its limit"
        if not fill.liquidation:
            rate = contract.maker_fee if fill.maker else contract.taker_fee
            assert fill.fee >= fill.quantity * fill.price * rate, "a fee rounded in our favour"
        most = self.rules.max_fill_quantity
        assert fill.liquidation or not most or fill.quantity <= most

    def compare(self, matching: Matching) -> None:
        assert matching.wallet == self.wallet, "wallet = start + realised - fees + funding"
        for name in NAMES:
            position = matching.position(name)
            assert position.quantity == self.held[name], "position = sum of fills"
            assert position.entry_price == self.positions[name].entry_price
            assert position.flat == (position.isolated_margin == ZERO) or position.isolated_margin >= ZERO
        self._equity(matching)
        assert {o.venue_id for o in matching.orders()} == {i for i, s in self.statuses.items() if s.live}

    def _equity(self, matching: Matching) -> None:
        balance = matching.balance()
        assert balance.equity == balance.wallet + balance.unrealised
        worth = sum((held * (matching.mark(name) or ZERO) for name, held in self.held.items()), ZERO)
        assert abs(balance.equity - (self.cash + worth)) < D("1e-9"), (
            "equity = cash + what the positions are worth"
        )
        kept = sum((margin_of(matching, name) for name in NAMES), ZERO)
        assert balance.margin_used == kept


def margin_of(matching: Matching, name: str) -> Decimal:
    """Margin of one symbol, computed the long way."""
    position = matching.position(name)
    total = position.isolated_margin
    for order in matching.orders(name):
        asked = order.request
        if asked.type is OrderType.LIMIT and not asked.exits:
            opposite = position.size if position.quantity * asked.side.sign < ZERO else ZERO
            opening = max(ZERO, order.remaining - opposite)
            total += (opening * order.level / position.leverage).quantize(D("1e-12"), "ROUND_CEILING")
    return total


# What happens: plain tuples, so that a failing life is easy to read and to shrink. Prices are offsets in tenths from
# the last price; a sensible order stands on the side where it makes sense, so that lives get somewhere.

tenths = st.integers(1, 60)
quantities = st.integers(1, 4000).map(lambda hundredths: D(hundredths) / 100)
names, sides = st.sampled_from(NAMES), st.sampled_from([BUY, SELL])
orders = st.tuples(
    st.just("order"),
    names,
    sides,
    st.sampled_from([OrderType.MARKET, *OrderType]),
    quantities,
    tenths,
    st.sampled_from(["open", "reduce", "close"]),
    st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, *TimeInForce]),
    st.sampled_from([True, True, True, False]),
)
gaps = st.one_of(st.just(0), st.just(0), st.integers(-60, 60))
candles = st.tuples(
    st.just("bar"),
    names,
    gaps,
    st.integers(0, 80),
    st.integers(0, 80),
    st.integers(0, 8).map(lambda i: i / 8),
)
others = st.one_of(
    st.tuples(st.just("cancel"), st.integers(0, 60)),
    st.tuples(st.just("funding"), names, st.integers(-300, 300).map(lambda i: D(i) / 10_000)),
    st.tuples(st.just("leverage"), names, st.integers(1, 50)),
    st.tuples(st.just("restart")),
)
lives = st.lists(st.one_of(orders, orders, orders, candles, candles, others), min_size=25, max_size=60)
rule_sets = st.sampled_from(
    [
        MatchingRules(),
        MatchingRules(both_hit=BothHit.TARGET),
        MatchingRules(max_fill_quantity=D("3.5")),
        MatchingRules(liquidate=False),
        MatchingRules(count_conditional=True, liquidation_fee=D("0.001"), max_conditional_orders=3),
    ]
)


class Life:
    """One account living through a list of happenings."""

    def __init__(self, rules: MatchingRules) -> None:
        self.rules = rules
        self.matching = Matching(MARKET, START, rules)
        self.last = dict.fromkeys(NAMES, 100.0)
        self.now_ms = 0
        self.number = 0
        self._tell_prices()
        for name in NAMES:
            self.matching.set_leverage(name, 5)

    def _tell_prices(self) -> None:
        for name, price in self.last.items():
            self.matching.set_price(name, price)

    def live(self, happening: Sequence[Any]) -> list[Report]:
        answer: Any = getattr(self, f"_{happening[0]}")(*happening[1:])
        return [] if answer is None or isinstance(answer, Refusal) else list(answer)

    def _order(self, *asked: Any) -> Any:
        name, side, kind, quantity, away, purpose, force, sensible = asked
        self.number += 1
        held = self.matching.position(name).quantity
        if sensible and purpose != "open" and held:
            side = SELL if held > 0 else BUY
        rises = side is BUY if kind is OrderType.STOP_MARKET else side is SELL
        price = D(str(round(self.last[name] + (away if rises is sensible else -away) / 10, 1)))
        request = OrderRequest(
            client_id=f"c{self.number}",
            symbol=name,
            side=side,
            type=kind,
            quantity=quantity,
            limit_price=price if kind is OrderType.LIMIT else None,
            trigger_price=price if kind.conditional else None,
            reduce_only=purpose == "reduce",
            close_position=purpose == "close" and kind.conditional,
            time_in_force=force if kind is OrderType.LIMIT else TimeInForce.GTC,
        )
        return self.matching.submit(request, self.now_ms)

    def _bar(self, name: str, gap: int, up: int, down: int, where: float) -> Any:
        open_ = max(10.0, round(self.last[name] + gap / 10, 1))
        high, low = round(open_ + up / 10, 1), round(max(1.0, open_ - down / 10), 1)
        candle = Candle(name, self.now_ms, open_, high, low, round(low + (high - low) * where, 1), 1.0)
        self.last[name] = candle.close
        self.now_ms += BAR_MS
        return self.matching.sweep(candle, self.now_ms)

    def _cancel(self, number: int) -> Any:
        ids = [order.request.client_id for order in self.matching.orders()] + ["nobody"]
        return self.matching.cancel(ids[number % len(ids)], self.now_ms)

    def _funding(self, name: str, rate: Decimal) -> Any:
        return self.matching.settle_funding(name, rate, self.now_ms)

    def _leverage(self, name: str, leverage: int) -> None:
        self.matching.set_leverage(name, leverage)

    def _restart(self) -> None:
        """Nothing happens to the account itself."""


class Restarted(Life):
    """The same account, saved and restored into a new model now and then."""

    def _restart(self) -> None:
        state = self.matching.state()
        self.matching = Matching(MARKET, ZERO, self.rules)
        self.matching.restore(state)
        self._tell_prices()


@settings(max_examples=300, deadline=None)
@given(life=lives, rules=rule_sets)
def test_the_books_hold_together(life: list[Sequence[Any]], rules: MatchingRules) -> None:
    account, keeper = Life(rules), Bookkeeper(rules)
    for happening in life:
        reports = account.live(happening)
        assert [report.at_ms for report in reports] == sorted(report.at_ms for report in reports)
        keeper.note(reports)
        keeper.compare(account.matching)


@settings(max_examples=150, deadline=None)
@given(life=lives, rules=rule_sets)
def test_a_restored_account_has_the_same_future(life: list[Sequence[Any]], rules: MatchingRules) -> None:
    account, twin = Life(rules), Restarted(rules)
    for happening in life:
        assert account.live(happening) == twin.live(happening)
        assert account.matching.state() == twin.matching.state()


@settings(max_examples=150, deadline=None)
@given(life=lives, rules=rule_sets)
def test_the_short_cut_for_untouched_bars_changes_nothing(
    life: list[Sequence[Any]], rules: MatchingRules
) -> None:
    told = [Life(rules), Life(rules)]
    with pytest.MonkeyPatch.context() as patch:
        for happening in life:
            quick = told[0].live(happening)
            patch.setattr(SymbolBook, "untouched_by", lambda *_: False)
            slow = told[1].live(happening)
            patch.undo()
            assert quick == slow


# Stop and target against an oracle of five lines: the rules of a backtest.


def exit_by_the_rules(
    side: OrderSide, stop: Decimal, target: Decimal, bars: list[list[Decimal]]
) -> Decimal | None:
    """The raw exit price: stop before target, gaps at the open."""
    sign = side.sign
    for open_, high, low, _ in bars:
        worst, best = (low, high) if side is BUY else (high, low)
        for price, stopped in ((open_, True), (open_, False)):
            if (price - stop) * sign <= 0 if stopped else (price - target) * sign >= 0:
                return open_
        if (worst - stop) * sign <= 0:
            return stop
        if (best - target) * sign >= 0:
            return target
    return None


@settings(max_examples=400, deadline=None)
@given(
    side=sides,
    stop=st.integers(1, 80),
    target=st.integers(1, 80),
    corners=st.lists(st.tuples(*[st.integers(900, 1100)] * 4), min_size=1, max_size=12),
    slippage=st.sampled_from([D(0), D("0.0001"), D("0.002")]),
)
def test_stop_before_target_and_gaps_at_the_open(
    side: OrderSide, stop: int, target: int, corners: list[tuple[int, ...]], slippage: Decimal
) -> None:
    bars = [[c[0] / 10, max(c) / 10, min(c) / 10, c[1] / 10] for c in corners]
    matching = Matching(MARKET, START, MatchingRules(liquidate=False, slippage=slippage))
    matching.set_price("BBBUSDT", 100.0)
    out = SELL if side is BUY else BUY
    levels = (D(100) - side.sign * D(stop) / 10, D(100) + side.sign * D(target) / 10)
    entry = OrderRequest("in", "BBBUSDT", side, OrderType.MARKET, D(1))
    kinds = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)
    exits = [replace(entry, client_id=k, side=out, type=k, close_position=True) for k in kinds]
    asked = [entry, *(replace(e, trigger_price=price) for e, price in zip(exits, levels, strict=True))]
    assert not any(isinstance(matching.submit(request, 0), Refusal) for request in asked)
    fills = []
    for number, (open_, high, low, close) in enumerate(bars):
        reports = matching.sweep(Candle("BBBUSDT", number, open_, high, low, close, 1.0), number + 1)
        fills += [report.fill.price for report in reports if isinstance(report, Executed)]
    raw = exit_by_the_rules(side, *levels, [[D(str(p)) for p in bar] for bar in bars])
    assert fills == ([] if raw is None else [raw * (1 + out.sign * slippage)])


@given(side=sides, price=st.integers(1, 10**9), tick=st.sampled_from(["0.1", "0.01", "0.5", "0.0003", "0"]))
def test_rounding_is_never_in_our_favour(side: OrderSide, price: int, tick: str) -> None:
    contract = replace(MARKET["AAAUSDT"], price_tick=D(tick), percent_price_up=ZERO, percent_price_down=ZERO)
    contract = replace(
        contract, quantity_step=ZERO, min_quantity=ZERO, min_notional=ZERO, max_market_quantity=D(10**9)
    )
    matching = Matching({"AAAUSDT": contract}, D(10**9))
    matching.set_price("AAAUSDT", price / 1000)
    reports = matching.submit(OrderRequest("in", "AAAUSDT", side, OrderType.MARKET, D(1000) / price), 0)
    assert isinstance(reports, list)
    (executed,) = [report for report in reports if isinstance(report, Executed)]
    raw = D(str(price / 1000)) * (1 + side.sign * D("0.0001"))
    assert (executed.fill.price - raw) * side.sign >= ZERO
    assert abs(executed.fill.price - raw) <= D(tick)
