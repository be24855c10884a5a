"""The contract of the core: what protocols and the control endpoint may ask of the exchange. All synchronous.

Time moves only by `Exchange.advance` and by control calls; news is told to listeners in the order in which it happens,
before the call that caused it returns.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from bot.domain.instrument import Instrument
from sandbox.exchange.news import News
from sandbox.exchange.nouns import (
    ApiKey,
    Conditional,
    ConditionalAsk,
    ExchangeOrder,
    ExchangeRules,
    Funds,
    Income,
    Kline,
    Leg,
    LegView,
    MarginMode,
    MarketView,
    OrderAsk,
    PositionMode,
    Trade,
)

type Listener = Callable[[News], None]


class ExchangeAccount(Protocol):
    """One account. Methods that change something raise Refused(code, figures) when the exchange does not take it."""

    name: str
    key: ApiKey
    position_mode: PositionMode

    # Reading: ground truth

    @property
    def orders(self) -> Sequence[ExchangeOrder]:
        """Every ordinary order ever, oldest first."""
        ...

    @property
    def conditionals(self) -> Sequence[Conditional]:
        """Every conditional order ever, oldest first."""
        ...

    @property
    def trades(self) -> Sequence[Trade]:
        """Every execution, oldest first."""
        ...

    @property
    def income(self) -> Sequence[Income]:
        """Every income line, oldest first; they sum to the wallet."""
        ...

    def find(self, symbol: str, order_id: int = 0, client_id: str = "") -> ExchangeOrder | None:
        """An ordinary order; by client id the newest one, a live one first."""
        ...

    def find_conditional(self, conditional_id: int = 0, client_id: str = "") -> Conditional | None:
        """A conditional order; by client id the newest one, a live one first."""
        ...

    def live_orders(self, symbol: str = "") -> list[ExchangeOrder]:
        """Working ordinary orders, oldest first."""
        ...

    def live_conditionals(self, symbol: str = "") -> list[Conditional]:
        """Waiting conditional orders, oldest first."""
        ...

    def legs(self, symbol: str = "") -> list[LegView]:
        """Positions, flat ones too where a symbol is named or something was ever set; by symbol, then leg."""
        ...

    def funds(self) -> Funds:
        """The account's money."""
        ...

    def leverage(self, symbol: str) -> int:
        """Leverage set for a symbol."""
        ...

    def margin_mode(self, symbol: str) -> MarginMode:
        """Margin mode of a symbol."""
        ...

    # Orders

    def place(self, ask: OrderAsk) -> ExchangeOrder:
        """Take an ordinary order; what executes at once has executed when this returns."""
        ...

    def place_conditional(self, ask: ConditionalAsk) -> Conditional:
        """Take a conditional order."""
        ...

    def cancel(self, order: ExchangeOrder) -> ExchangeOrder:
        """Cancel a working order."""
        ...

    def cancel_conditional(self, conditional: Conditional) -> Conditional:
        """Cancel a waiting conditional order."""
        ...

    def amend(
        self, order: ExchangeOrder, *, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> ExchangeOrder:
        """Change quantity or price of a working limit order."""
        ...

    def amend_conditional(
        self,
        conditional: Conditional,
        *,
        quantity: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> Conditional:
        """Change quantity or trigger of a waiting conditional order."""
        ...

    # Settings

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Refused when it is so already only by exchanges that do; the core says Extra.SAME_LEVERAGE."""
        ...

    def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Isolated or crossed; refused with open orders or a position."""
        ...

    def set_position_mode(self, mode: PositionMode) -> None:
        """One-way or hedge; refused with open orders or a position."""
        ...

    def transfer(self, amount: Decimal) -> None:
        """Money from or to outside (negative)."""
        ...


class Exchange(Protocol):
    """The exchange: a market, contracts, accounts."""

    rules: ExchangeRules

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        ...

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Contracts by symbol."""
        ...

    def subscribe(self, listener: Listener) -> None:
        """Hear all news from now on."""
        ...

    def advance(self, to_ms: int) -> None:
        """Let the market and everything that follows from it happen up to this time."""
        ...

    def on_time(self, timestamp_ms: int, window_ms: int) -> bool:
        """True when a request's timestamp is recent (and at most a second ahead) by our clock."""
        ...

    # Market

    def view(self, symbol: str) -> MarketView:
        """Prices now; raises KeyError for an unknown symbol."""
        ...

    def klines(
        self, symbol: str, interval: str, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Kline]:
        """Candles ascending, the forming one last unless `end_ms` excludes it; with start the first `limit` from it."""
        ...

    def prepare(self, interval: str, bars: int) -> None:
        """Make the last candles of an interval in advance, so that many clients are answered quickly."""
        ...

    def kline(self, symbol: str, interval: str) -> Kline:
        """The candle that forms now."""
        ...

    def funding_history(
        self, symbol: str, start_ms: int, end_ms: int, limit: int
    ) -> list[tuple[int, Decimal]]:
        """Settled funding rates (time, rate), ascending, the newest `limit`."""
        ...

    # Accounts

    def account_of_key(self, key: str) -> ExchangeAccount | None:
        """Whose API key it is."""
        ...

    def accounts(self) -> Sequence[ExchangeAccount]:
        """All accounts."""
        ...

    # Control: what tests and drills do to the world

    def set_price(self, symbol: str, price: Decimal, mark: Decimal | None = None) -> None:
        """The price is now this (a gap when it is far); triggers, fills and liquidations follow. The path goes on
        from here."""
        ...

    def set_mark(self, symbol: str, mark: Decimal | None) -> None:
        """Hold the mark price away from the last price; None: it follows again."""
        ...

    def set_spread(self, symbol: str, fraction: Decimal) -> None:
        """Distance of bid and ask as a fraction of the price."""
        ...

    def hold(self, symbol: str, *, held: bool) -> None:
        """Stop the symbol's market (empty: all): only control calls move its price; candles close all the same."""
        ...

    def set_funding(self, symbol: str, rate: Decimal) -> None:
        """The rate of the next settlements."""
        ...

    def settle_funding(self, symbol: str) -> None:
        """Settle funding now."""
        ...

    def set_tradable(self, symbol: str, *, tradable: bool) -> None:
        """Halt or resume a contract."""
        ...

    def change_filters(self, symbol: str, changes: Mapping[str, Decimal]) -> None:
        """Other rules from now on: fields of Instrument by name."""
        ...

    def set_depth(self, symbol: str, quantity: Decimal) -> None:
        """How much (base) one execution takes at most; the rest of a market order waits for the next price; 0 = all."""
        ...

    def liquidate(self, account: str, symbol: str, leg: Leg = Leg.BOTH) -> None:
        """Liquidate a position now."""
        ...

    def deleverage(self, account: str, symbol: str, quantity: Decimal, leg: Leg = Leg.BOTH) -> None:
        """Auto-deleverage a part of a position now, at the bankruptcy price of the other side: the mark."""
        ...

    def stick(self, account: str, symbol: str) -> None:
        """The next conditional order of this symbol that triggers hangs in TRIGGERING."""
        ...

    def refuse_trigger(self, account: str, symbol: str) -> None:
        """The next conditional order of this symbol that triggers is REJECTED."""
        ...

    def expire_conditional(self, account: str, conditional_id: int) -> None:
        """The exchange removes a conditional order by itself (EXPIRED)."""
        ...

    def reject_next(self, account: str, symbol: str) -> None:
        """The next ordinary order of this symbol is taken and acknowledged as NEW (told so), then, before anything of
        it executes, the exchange takes it back with the next advance: REJECTED where `acks_first`, else EXPIRED."""
        ...
