"""The desk: everything that chat and web page may ask or command, and nothing else.

Reads answer from frozen views of the engine or from the ledger; commands go through the engine's inbox and come back
when they are committed. Handlers know no engine, no venue and no database behind it.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from bot.config import ConfigItem
from bot.domain.account import Entry, EquityPoint
from bot.domain.action import RecordNote, RecordSetting
from bot.domain.alert import Alert
from bot.domain.command import Command, Done, Receipt
from bot.domain.decision import Decision
from bot.domain.guard import KillReset, Sizing, TradingState
from bot.domain.instrument import Instrument
from bot.domain.order import Order
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.engine.views import (
    ClosePreview,
    DifferenceView,
    KillView,
    LeveragePreview,
    OpenPreview,
    PositionView,
    RiskReport,
    SettingPreview,
    SizePreview,
    StatusView,
    SymbolView,
    Why,
)
from bot.runtime.ports import AuditEntry, Preference, StorageHealth, TradeQuery
from bot.strategy import Columns, Frame, Parameter, Value


@dataclass(frozen=True, slots=True)
class JobView:
    """One scheduled job: `next_run_at_ms` 0 when paused, `last_*` empty before the first run."""

    id: str
    title: str
    rule: str
    next_run_at_ms: int
    last_run_at_ms: int
    last_took_ms: float
    last_result: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """Is it alive: ages in milliseconds, latencies in milliseconds, counts since start."""

    at_ms: int
    started_at_ms: int
    link_up: bool
    last_bar_at_ms: int
    candle_age_ms: Mapping[str, int]
    queue_length: int
    events: int
    handle_ms_p50: float
    handle_ms_p99: float
    order_ms_p50: float
    order_ms_p99: float
    longest_uncovered_ms: int
    errors: int
    memory_mb: float
    disk_free_mb: float
    storage: StorageHealth
    version: str
    wire: tuple[tuple[str, str], ...] = ()
    """What the line to an exchange does, as labels and texts; empty where there is none."""


@dataclass(frozen=True, slots=True)
class ParameterView:
    """One strategy parameter of one symbol: value in use and where it comes from (default, file, run time)."""

    symbol: str
    strategy: str
    parameter: Parameter
    value: Value
    source: str


@dataclass(frozen=True, slots=True)
class About:
    """What is running: mode is demo, paper, testnet or live; `account` is venue:mode:name."""

    version: str
    commit: str
    mode: str
    venue: str
    account: str
    quote: str
    timeframe: str
    timezone: str
    started_at_ms: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The candles of one symbol with what happened on them, for /chart. Prices are floats in quote asset."""

    frame: Frame
    columns: Columns
    trades: tuple[Trade, ...]
    position: PositionView | None


@dataclass(frozen=True, slots=True)
class VenueCall:
    """One call that a command would make: submit, cancel, query, set_leverage or snapshot, and in words."""

    what: str
    symbol: str
    words: str


@dataclass(frozen=True, slots=True)
class DrillReport:
    """How the panic path did on one smallest position: event times in ms, each from the step before.

    `filled_ms` from the order to its fill, `covered_ms` from the fill to a confirmed stop, `flat_ms` from the panic to
    the venue's word that it is flat. `fees` in quote asset. `trading` is the trading state afterwards.
    """

    symbol: str
    filled_ms: int
    covered_ms: int
    flat_ms: int
    receipts: tuple[Receipt, ...]
    fees: Decimal
    trading: TradingState


class Desk(Protocol):
    """What handlers and the web page may call. Symbols are checked by the caller against `instruments`."""

    @property
    def about(self) -> About:
        """What is running."""
        ...

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The traded contracts, by symbol, in the configured order."""
        ...

    def now_ms(self) -> int:
        """Business time: the market's clock (in a demo it runs faster than the wall)."""
        ...

    async def execute(self, command: Command, actor: str, origin: str = "") -> Done | Refused:
        """Hand a command to the engine; returns when its effect is committed (a close: when verified flat).

        A close that the venue does not confirm within half a minute is answered so, with what is left; the desk goes on
        and a notice follows. `origin` is the platform's update ("telegram:123"): noted as effected in the same commit.
        """
        ...

    async def dry(self, command: Command, actor: str) -> tuple[VenueCall, ...]:
        """What the engine would ask of the venue for a command, in order, until all is quiet; nothing is done."""
        ...

    async def drill(self, symbol: str, actor: str) -> DrillReport | Refused:
        """Open the smallest position of a flat symbol, panic-close it, and say how long it took. Never with real money.

        Other positions are not touched; a symbol's pause that the panic set is lifted again.
        """
        ...

    def preview_open(self, symbol: str, side: Side, risk: Decimal | None = None) -> OpenPreview | Refused:
        """What a person's entry would be now, with every gate; Refused when there is nothing to compute it from."""
        ...

    def preview_leverage(self, symbol: str, leverage: int) -> LeveragePreview | Refused:
        """What another leverage would come to."""
        ...

    async def preview_setting(self, command: Command, actor: str) -> SettingPreview | Refused:
        """What a command on settings (UndoSetting too) would change, and what that means for trades."""
        ...

    def differences(self) -> tuple[DifferenceView, ...]:
        """What the last comparison with the venue found, and what is still open with its choices."""
        ...

    def alerts(self, owner: str = "") -> tuple[Alert, ...]:
        """Price alerts that wait, of one owner or of all, by id."""
        ...

    async def notes(self, limit: int, symbol: str = "") -> tuple[RecordNote, ...]:
        """The newest notes on trades, newest first; a trade's are those with its symbol and opening time."""
        ...

    def status(self) -> StatusView:
        """The desk at a glance."""
        ...

    def orders(self, symbol: str = "") -> tuple[Order, ...]:
        """Working orders, conditional ones too."""
        ...

    def symbols(self) -> tuple[SymbolView, ...]:
        """Every traded symbol with its state."""
        ...

    def kills(self) -> tuple[KillView, ...]:
        """Every symbol's kill switch counters."""
        ...

    def risk(self) -> RiskReport:
        """Sizing, limits and their use."""
        ...

    def why(self, symbol: str) -> Why:
        """The last bar's gates and the last decision of a symbol."""
        ...

    def parameters(self, symbol: str) -> tuple[ParameterView, ...]:
        """A symbol's strategy parameters with value, default and source."""
        ...

    def check_parameter(self, symbol: str, name: str, text: str) -> Value | Refused:
        """Parse and range-check a new parameter value (symbol empty: for all symbols)."""
        ...

    def preview_close(self, symbol: str, percent: Decimal) -> ClosePreview | Refused:
        """What closing would come to now."""
        ...

    def preview_size(self, symbol: str, sizing: Sizing) -> SizePreview:
        """What the next trade would be under a sizing."""
        ...

    def picture(self, symbol: str, bars: int) -> Awaitable[Picture]:
        """Candles, indicators, trades and position of one symbol."""
        ...

    async def trades(self, query: TradeQuery) -> tuple[Trade, ...]:
        """Closed trades, oldest first."""
        ...

    async def decisions(self, limit: int, symbol: str = "") -> tuple[Decision, ...]:
        """The newest decisions, newest first."""
        ...

    async def equity(self, since_ms: int) -> tuple[EquityPoint, ...]:
        """The equity series, oldest first."""
        ...

    async def entries(self, since_ms: int) -> tuple[Entry, ...]:
        """Ledger entries, oldest first."""
        ...

    async def settings(self, limit: int) -> tuple[RecordSetting, ...]:
        """The newest run-time changes, newest first; each with its `id`, by which /undo takes it back."""
        ...

    async def kill_resets(self, limit: int) -> tuple[KillReset, ...]:
        """The newest kill resets."""
        ...

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        """The newest audit entries, newest first."""
        ...

    async def preferences(self, user_id: str) -> Mapping[str, str]:
        """A user's notice settings by kind."""
        ...

    async def set_preference(self, preference: Preference) -> None:
        """Store a user's wish for one kind of notice."""
        ...

    def jobs(self) -> tuple[JobView, ...]:
        """Scheduled jobs."""
        ...

    async def health(self) -> HealthView:
        """Is it alive."""
        ...

    def config(self, key: str = "") -> tuple[ConfigItem, ...]:
        """Effective configuration whose keys start with `key`."""
        ...
