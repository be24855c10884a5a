"""A small trading floor for tests of the fill model: one symbol, orders in one line, reports told as short text."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bot.domain.instrument import ZERO, Bracket, Instrument
from bot.domain.market import Candle
from bot.domain.order import OrderSide, OrderType
from bot.venues.matching import (
    Executed,
    FundingSettled,
    Matching,
    MatchingRules,
    OrderChanged,
    OrderRequest,
    Refusal,
    Report,
)

D = Decimal
BAR_MS = 900_000
BUY, SELL = OrderSide.BUY, OrderSide.SELL

# Tick 0.1, step 0.01; up to 10,000 USDT at 50x with 1 % maintenance, up to 100,000 at 20x with 2 % - 100.
XYZ = Instrument(
    symbol="XYZUSDT",
    base="XYZ",
    quote="USDT",
    price_tick=D("0.1"),
    quantity_step=D("0.01"),
    min_quantity=D("0.01"),
    max_quantity=D(1000),
    max_market_quantity=D(100),
    min_notional=D(5),
    brackets=(Bracket(D(10_000), 50, D("0.01"), ZERO), Bracket(D(100_000), 20, D("0.02"), D(100))),
    percent_price_up=D("1.05"),
    percent_price_down=D("0.95"),
)
SMOOTH = replace(XYZ, price_tick=ZERO, quantity_step=ZERO)


def number(value: Decimal) -> str:
    """A figure without trailing zeros."""
    return f"{value.normalize():f}"


def tell(report: Report) -> str:
    """One report as a line: `SELL 1 @ 94.9905`, `stop FILLED`, `stop EXPIRED -2022`, `funding -0.01`."""
    match report:
        case Executed(fill=fill):
            mark = " maker" if fill.maker else " liquidation" if fill.liquidation else ""
            return f"{fill.side.value} {number(fill.quantity)} @ {number(fill.price)}{mark}"
        case OrderChanged(order=order, code=code):
            return f"{order.request.client_id} {order.status.value} {code}".rstrip()
        case FundingSettled(amount=amount):
            return f"funding {number(amount)}"


class Floor:
    """The fill model with one symbol, a clock of bars and a memory of all reports."""

    def __init__(
        self,
        instrument: Instrument = SMOOTH,
        rules: MatchingRules | None = None,
        price: float = 100.0,
        wallet: int = 10_000,
        leverage: int = 10,
    ) -> None:
        self.symbol = instrument.symbol
        self.start = D(wallet)
        self.matching = Matching({instrument.symbol: instrument}, self.start, rules)
        self.matching.set_price(self.symbol, price)
        assert self.matching.set_leverage(self.symbol, leverage) is None
        self.now_ms = 0
        self.reports: list[Report] = []

    def ask(
        self, client_id: str, side: OrderSide, kind: str = "MARKET", quantity: str = "1", **more: Any
    ) -> Any:
        """Submit; prices may be texts. Answers the story, or the refusal."""
        for name in ("limit_price", "trigger_price"):
            if isinstance(more.get(name), str):
                more[name] = D(more[name])
        more = {"symbol": self.symbol} | more
        request = OrderRequest(client_id, side=side, type=OrderType(kind), quantity=D(quantity), **more)
        before = self.matching.state()
        answer = self.matching.submit(request, self.now_ms)
        if isinstance(answer, Refusal):
            assert self.matching.state() == before, "a refusal changes nothing"
            return answer
        return self._keep(answer)

    def stop(self, client_id: str, side: OrderSide, trigger: str, **more: Any) -> Any:
        """A stop on the whole position unless told otherwise."""
        more = {"close_position": True} | more
        return self.ask(client_id, side, "STOP_MARKET", trigger_price=trigger, **more)

    def target(self, client_id: str, side: OrderSide, trigger: str, **more: Any) -> Any:
        """A target on the whole position unless told otherwise."""
        more = {"close_position": True} | more
        return self.ask(client_id, side, "TAKE_PROFIT_MARKET", trigger_price=trigger, **more)

    def limit(self, client_id: str, side: OrderSide, price: str, quantity: str = "1", **more: Any) -> Any:
        """A limit order."""
        return self.ask(client_id, side, "LIMIT", quantity, limit_price=price, **more)

    def bar(self, open_: float, high: float, low: float, close: float) -> list[str]:
        """One candle passes."""
        candle = Candle(self.symbol, self.now_ms, open_, high, low, close, 1.0)
        self.now_ms += BAR_MS
        return self._keep(self.matching.sweep(candle, self.now_ms))

    def funding(self, rate: str) -> list[str]:
        """One settlement."""
        return self._keep(self.matching.settle_funding(self.symbol, D(rate), self.now_ms))

    @property
    def size(self) -> Decimal:
        """The position's signed quantity."""
        return self.matching.position(self.symbol).quantity

    @property
    def wallet(self) -> str:
        """The wallet, after the books were checked against everything that was ever reported."""
        assert self.matching.wallet == self.start + flow(self.reports)
        return number(self.matching.wallet)

    def _keep(self, reports: Iterable[Report]) -> list[str]:
        new = list(reports)
        self.reports += new
        return [tell(report) for report in new]


def flow(reports: Iterable[Report]) -> Decimal:
    """What the reports say came into the wallet: realised - fees + funding."""
    total = ZERO
    for report in reports:
        match report:
            case Executed(fill=fill, realised=realised):
                total += realised - fill.fee
            case FundingSettled(amount=amount):
                total += amount
            case OrderChanged():
                pass
    return total
