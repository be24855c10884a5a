"""What happens at the exchange: a closed union. Records are copies; who keeps them sees no later change."""

from dataclasses import dataclass

from sandbox.exchange.nouns import (
    Conditional,
    ExchangeOrder,
    Funds,
    Income,
    Kline,
    LegView,
    MarketView,
    Trade,
)


@dataclass(frozen=True, slots=True)
class OrderNews:
    """An order was taken, executed (then with its trade), amended or ended. `what` is Binance's execution type:
    NEW, TRADE, CANCELED, EXPIRED, REJECTED, AMENDMENT, CALCULATED (liquidation and ADL executions)."""

    at_ms: int
    account: str
    order: ExchangeOrder
    what: str
    trade: Trade | None = None


@dataclass(frozen=True, slots=True)
class ConditionalNews:
    """A conditional order changed its status or was amended."""

    at_ms: int
    account: str
    conditional: Conditional


@dataclass(frozen=True, slots=True)
class AccountNews:
    """Wallet or positions changed. `reason` is Binance's: ORDER, FUNDING_FEE, DEPOSIT, WITHDRAW, ADJUSTMENT, ...

    `legs` are those that changed; `income` what was booked for it, if anything.
    """

    at_ms: int
    account: str
    reason: str
    funds: Funds
    legs: tuple[LegView, ...]
    income: tuple[Income, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsNews:
    """Leverage, margin or position mode was changed; `leverage` 0 when it was another setting."""

    at_ms: int
    account: str
    symbol: str
    leverage: int = 0


@dataclass(frozen=True, slots=True)
class MarginCallNews:
    """A position is near its liquidation."""

    at_ms: int
    account: str
    leg: LegView


@dataclass(frozen=True, slots=True)
class PriceNews:
    """Prices of some contracts moved (one message per advance, only symbols that moved)."""

    at_ms: int
    views: tuple[MarketView, ...]


@dataclass(frozen=True, slots=True)
class KlineNews:
    """Candles moved or closed, base interval of the market; protocols build larger ones by asking the core."""

    at_ms: int
    klines: tuple[Kline, ...]


type News = OrderNews | ConditionalNews | AccountNews | SettingsNews | MarginCallNews | PriceNews | KlineNews
