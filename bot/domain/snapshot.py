"""What the venue says exists, and what our ledger says was: the two sides of recovery and reconciliation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.account import Entry
from bot.domain.decision import Decision
from bot.domain.fill import Fill
from bot.domain.guard import Halt, Kill, KillReset, Limits, Sizing, TradingState
from bot.domain.order import Order, OrderSide, OrderStatus, OrderType
from bot.domain.position import Plan, Position
from bot.domain.trade import Trade


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue reports it; `client_id` may be a person's."""

    client_id: str
    venue_id: str
    symbol: str
    side: OrderSide
    type: OrderType
    status: OrderStatus
    quantity: Decimal
    filled: Decimal
    average_price: Decimal
    trigger_price: Decimal | None = None
    limit_price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False


@dataclass(frozen=True, slots=True)
class VenueSnapshot:
    """Everything that exists at the venue at one moment.

    `orders` are the working ones, conditional ones too; `fills` and `funding` are those since the time asked for,
    oldest first; funding as ledger entries. `marks` are mark prices of the symbols with positions.
    """

    at_ms: int
    wallet: Decimal
    positions: tuple[Position, ...]
    orders: tuple[VenueOrder, ...]
    fills: tuple[Fill, ...] = ()
    funding: tuple[Entry, ...] = ()
    marks: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The day's counters, rebuilt from the ledger at start. Money in quote asset.

    `realised` holds profit, fees, funding since 00:00 UTC; `day` is the day's number since the epoch.
    """

    day: int = 0
    start_equity: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)
    trades: int = 0
    breached: bool = False


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """Running figures of a position not yet closed; see Trade for the meaning of each."""

    plan: Plan
    opened_at_ms: int
    entry_quantity: Decimal
    entry_value: Decimal
    exit_quantity: Decimal = Decimal(0)
    exit_value: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    slippage: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What our own ledger remembers of this account: the state a start begins with, before the venue is asked.

    `recent_trades` are the last closed trades per symbol, oldest first, since its last kill reset;
    `decisions` are those whose entry order is among `orders`, so that its fills find their plan. `order_count` keeps
    the ids of exits apart from those of earlier runs. `last_trade_ids`
    (as SYMBOL:trade id) and `last_payment_ids` are booked already. `parameters` are run-time overrides (symbol,
    name, value). `kept` are other run-time settings (key, JSON text): leverages, alerts, closes under way, what is left
    alone. `clean` is False when the last run did not end well.
    """

    trading: TradingState = TradingState.ACTIVE
    positions: tuple[Position, ...] = ()
    open_trades: tuple[OpenTrade, ...] = ()
    orders: tuple[Order, ...] = ()
    decisions: tuple[Decision, ...] = ()
    wallet: Decimal = Decimal(0)
    base_balance: Decimal = Decimal(0)
    equity_high: Decimal = Decimal(0)
    day: DayFigures = DayFigures()
    recent_trades: tuple[Trade, ...] = ()
    kills: tuple[Kill, ...] = ()
    kill_resets: tuple[KillReset, ...] = ()
    halts: tuple[Halt, ...] = ()
    paused: tuple[str, ...] = ()
    no_reentry: tuple[str, ...] = ()
    sizing: Sizing | None = None
    limits: Limits | None = None
    parameters: tuple[tuple[str, str, int | float | bool | str], ...] = ()
    last_fill_at_ms: int = 0
    last_trade_ids: tuple[str, ...] = ()
    last_payment_ids: tuple[str, ...] = ()
    last_bar_at_ms: int = 0
    trade_count: int = 0
    order_count: int = 0
    clean: bool = True
    first_start: bool = True
    kept: tuple[tuple[str, str], ...] = ()
