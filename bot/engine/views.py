"""Frozen views of the engine's state: what everybody outside the engine may read."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.account import Balance
from bot.domain.command import Change
from bot.domain.decision import Decision
from bot.domain.guard import Halt, Kill, Limits, Sizing, TradingState
from bot.domain.order import Order
from bot.domain.signal import GateCheck, Side, Signal
from bot.domain.snapshot import DayFigures

NO_PRICE = "no_price"
"""What binds the size of a trade of which no price is known."""


@dataclass(frozen=True, slots=True)
class PositionView:
    """One open position. Money in quote asset; `r` is unrealised over planned risk (None when the risk is unknown).

    `covered` is True when a venue-confirmed stop covers the whole size. `liquidation_price` None when out of reach.
    """

    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    notional: Decimal
    unrealised: Decimal
    unrealised_percent: Decimal
    r: Decimal | None
    stop_price: Decimal | None
    target_price: Decimal | None
    opened_at_ms: int
    strategy: str
    score: float
    model_score: float | None
    leverage: int
    margin: Decimal
    liquidation_price: Decimal | None
    covered: bool
    fees: Decimal
    funding: Decimal
    foreign: bool


@dataclass(frozen=True, slots=True)
class KillView:
    """The kill switch of one symbol: its counters against their limits; `kill` None when not set.

    `profit_factor` is None with no losses among the counted trades.
    """

    symbol: str
    losing_run: int
    losing_run_limit: int
    trades: int
    trades_needed: int
    profit_factor: Decimal | None
    profit_factor_limit: Decimal
    kill: Kill | None


@dataclass(frozen=True, slots=True)
class SymbolView:
    """One traded symbol: `state` is trading, paused, killed, halted or cooling down; prices are None before data."""

    symbol: str
    strategy: str
    state: str
    paused: bool
    reentry: bool
    halts: tuple[Halt, ...]
    kill: Kill | None
    cooldown_bars_left: int
    last_price: Decimal | None
    mark_price: Decimal | None
    change_24h_percent: float | None
    funding_rate: float | None
    next_funding_at_ms: int
    last_candle_at_ms: int
    leverage: int


@dataclass(frozen=True, slots=True)
class StatusView:
    """The desk at a glance. `uncovered` names symbols with a position that no confirmed stop covers.

    `storage_ok` False: the database cannot be written. `blocked` says what keeps all entries away beside the trading
    state, or is empty.
    """

    at_ms: int
    account: str
    trading: TradingState
    paused_all: bool
    stopped: bool
    reconciled: bool
    link_up: bool
    positions: tuple[PositionView, ...]
    balance: Balance
    day: DayFigures
    day_pnl: Decimal
    day_limit: Decimal
    equity_high: Decimal
    drawdown_percent: Decimal
    halts: tuple[Halt, ...]
    kills: tuple[Kill, ...]
    paused: tuple[str, ...]
    uncovered: tuple[str, ...]
    last_bar_at_ms: int
    trade_count: int
    storage_ok: bool = True
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One limit with its present use, as text for people."""

    name: str
    limit: str
    use: str


@dataclass(frozen=True, slots=True)
class RiskReport:
    """How positions are sized and what bounds them."""

    sizing: Sizing
    limits: Limits
    base_balance: Decimal
    margin_ratio: Decimal
    share: Decimal
    leverage: dict[str, int]
    uses: tuple[LimitUse, ...]


@dataclass(frozen=True, slots=True)
class SizePreview:
    """What the next trade of one symbol would be under a sizing, at its last price with the default stop distance.

    `binding` is NO_PRICE, and all figures are zero, while no price of it is known.
    """

    symbol: str
    quantity: Decimal
    notional: Decimal
    margin: Decimal
    risk: Decimal
    binding: str


@dataclass(frozen=True, slots=True)
class ClosePreview:
    """What closing (part of) a position would come to, in quote asset, at the present mark with expected slippage."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    slippage: Decimal
    fee: Decimal
    realised: Decimal
    margin_freed: Decimal


@dataclass(frozen=True, slots=True)
class Why:
    """Why a symbol did or did not trade: the last bar's signal and gates, the last decision and its order."""

    symbol: str
    signal: Signal | None
    gates: tuple[GateCheck, ...]
    decision: Decision | None
    order: Order | None


@dataclass(frozen=True, slots=True)
class OpenPreview:
    """What a person's entry would be now. Prices, money in quote asset; `refused_by` empty: every gate would pass.

    `target` None without one; `reward` is the target's distance over the stop's. `risk` is the loss at the stop with
    fees and slippage, `fee` what entry and exit cost; `binding` names what gave the size or kept it down.
    """

    symbol: str
    side: Side
    strategy: str
    entry: Decimal
    quantity: Decimal
    notional: Decimal
    margin: Decimal
    leverage: int
    stop: Decimal
    target: Decimal | None
    reward: Decimal | None
    risk: Decimal
    fee: Decimal
    binding: str
    gates: tuple[GateCheck, ...]
    refused_by: str = ""
    figures: str = ""


@dataclass(frozen=True, slots=True)
class LeveragePreview:
    """What another leverage comes to. Margins and liquidation are the open position's: None when flat or out of reach.

    `size_before` and `size_after` are the next trade of the symbol.
    """

    symbol: str
    before: int
    after: int
    margin_before: Decimal | None
    margin_after: Decimal | None
    liquidation_before: Decimal | None
    liquidation_after: Decimal | None
    size_before: SizePreview
    size_after: SizePreview


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """One difference between our books and the venue that the last comparison found, or that is still open.

    `choices` are what a person may do about it now: adopt, close, stop, ignore (none: it is settled).
    """

    at_ms: int
    symbol: str
    kind: str
    ours: str
    theirs: str
    done: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingPreview:
    """What a setting command would change: from -> to, what the next trade of `symbol` and each open trade become.

    `refused` says why it would be refused. `remarks` are sentences about open trades and entries.
    """

    changes: tuple[Change, ...]
    symbol: str = ""
    size_before: SizePreview | None = None
    size_after: SizePreview | None = None
    remarks: tuple[str, ...] = ()
