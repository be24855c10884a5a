"""A sandbox exchange for tests of its core: two flat markets at 100, no spread, all news remembered as short lines."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from floor import BUY, SELL, XYZ, number
from paper_kit import T0, ListFeed

from bot.domain.order import TimeInForce
from sandbox.exchange.build import ExchangeOptions, build_exchange
from sandbox.exchange.news import (
    AccountNews,
    ConditionalNews,
    KlineNews,
    MarginCallNews,
    News,
    OrderNews,
    PriceNews,
    SettingsNews,
)
from sandbox.exchange.nouns import (
    ApiKey,
    Conditional,
    ConditionalAsk,
    ExchangeOrder,
    ExchangeRules,
    Kind,
    Leg,
    OrderAsk,
    PositionMode,
    Refused,
    TriggerBy,
)
from sandbox.exchange.simulated import SimulatedExchange

D = Decimal
SYMBOL, OTHER = "XYZUSDT", "ABCUSDT"
INSTRUMENTS = {SYMBOL: XYZ, OTHER: replace(XYZ, symbol=OTHER, base="ABC")}
MINUTE_MS = 60_000
FLAT = (100.0, 100.0, 100.0, 100.0)

type Corners = tuple[float, float, float, float]


def line(news: News) -> str:
    """One piece of news in a few words; empty for prices and candles."""
    match news:
        case OrderNews(order=order, what=what, trade=trade):
            done = f" {number(trade.quantity)} @ {number(trade.price)}" if trade else ""
            return f"{what} {order.status.value}{done}"
        case ConditionalNews(conditional=conditional):
            return f"{conditional.ask.kind.value} {conditional.status.value}"
        case AccountNews(reason=reason):
            return f"account {reason}"
        case SettingsNews(symbol=symbol, leverage=leverage):
            return f"settings {symbol} {leverage}"
        case MarginCallNews(leg=leg):
            return f"margin call {leg.symbol}"
        case PriceNews() | KlineNews():
            return ""


class Desk:
    """One account at a small exchange. Methods return what the exchange answers, or the code it refuses with."""

    def __init__(
        self,
        rules: ExchangeRules | None = None,
        bars: Sequence[Corners] = (FLAT,),
        mode: PositionMode = PositionMode.ONE_WAY,
        leverage: int = 10,
        rates: dict[tuple[str, int], float] | None = None,
    ) -> None:
        feed = ListFeed({SYMBOL: list(bars), OTHER: [FLAT]}, rates, timeframe="1m")
        options = ExchangeOptions(candles=feed, instruments=INSTRUMENTS, start_at_ms=T0, position_mode=mode)
        self.exchange: SimulatedExchange = build_exchange(
            rules or ExchangeRules(), options, [("me", ApiKey("key", "secret"))]
        )
        self.account = self.exchange.account("me")
        self.news: list[News] = []
        self.exchange.subscribe(self.news.append)
        for symbol in INSTRUMENTS:
            self.exchange.set_spread(symbol, D(0))
            self.account.set_leverage(symbol, leverage)
        self.news.clear()

    def lines(self) -> list[str]:
        """What happened since it was asked last, without prices."""
        told = [text for text in map(line, self.news) if text]
        self.news.clear()
        return told

    def order(self, side: str, quantity: str, price: str | None = None, **more: Any) -> Any:
        """Place an order."""
        ask = OrderAsk(
            symbol=more.pop("symbol", SYMBOL),
            side=BUY if side == "BUY" else SELL,
            kind=Kind.MARKET if price is None else Kind.LIMIT,
            quantity=D(quantity),
            price=None if price is None else D(price),
            leg=Leg(more.pop("leg", "BOTH")),
            time_in_force=TimeInForce(more.pop("tif", "GTC")),
            **more,
        )
        try:
            return self.account.place(ask)
        except Refused as refused:
            return refused.code

    def conditional(self, side: str, kind: str, trigger: str | None = None, **more: Any) -> Any:
        """Place a conditional order."""
        for name in ("quantity", "limit_price", "activation_price", "callback_rate"):
            if name in more:
                more[name] = D(more[name])
        ask = ConditionalAsk(
            symbol=more.pop("symbol", SYMBOL),
            side=BUY if side == "BUY" else SELL,
            kind=Kind(kind),
            trigger_price=None if trigger is None else D(trigger),
            leg=Leg(more.pop("leg", "BOTH")),
            trigger_by=TriggerBy(more.pop("by", "last")),
            **more,
        )
        try:
            return self.account.place_conditional(ask)
        except Refused as refused:
            return refused.code

    def stop(self, trigger: str, side: str = "SELL", **more: Any) -> Any:
        """A stop for the whole position."""
        return self.conditional(side, "STOP_MARKET", trigger, close_all=True, **more)

    def price(self, price: str, mark: str | None = None) -> None:
        """The market jumps."""
        self.exchange.set_price(SYMBOL, D(price), None if mark is None else D(mark))

    def held(self, leg: str = "BOTH", symbol: str = SYMBOL) -> Decimal:
        """Signed quantity held."""
        return self.account.held(symbol, Leg(leg))

    def wallet(self) -> Decimal:
        """Wallet balance."""
        return self.account.funds().wallet

    def minutes(self, count: int) -> None:
        """Time passes."""
        self.exchange.advance(self.exchange.now_ms + count * MINUTE_MS)


def placed(answer: Any) -> ExchangeOrder:
    """The order, not a refusal."""
    assert isinstance(answer, ExchangeOrder), answer
    return answer


def rests(answer: Any) -> Conditional:
    """The conditional order, not a refusal."""
    assert isinstance(answer, Conditional), answer
    return answer
