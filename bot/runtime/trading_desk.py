"""The desk over a running engine: reads answer from its state or the ledger, commands go through its inbox."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from bot.config import ConfigItem
from bot.domain.account import Entry, EquityPoint
from bot.domain.action import RecordNote, RecordSetting
from bot.domain.alert import Alert
from bot.domain.command import Command, Done, OpenPosition, SettingChange, UndoSetting
from bot.domain.decision import Decision
from bot.domain.errors import ConfigError
from bot.domain.guard import KillReset, Sizing
from bot.domain.instrument import Instrument
from bot.domain.order import Order
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.domain.trade import Trade
from bot.engine import hands, placing, previews, reading
from bot.engine.engine import Engine
from bot.engine.state import EngineState
from bot.engine.views import (
    ClosePreview,
    DifferenceView,
    KillView,
    LeveragePreview,
    OpenPreview,
    RiskReport,
    SettingPreview,
    SizePreview,
    StatusView,
    SymbolView,
    Why,
)
from bot.runtime import rehearsal
from bot.runtime.desk import About, DrillReport, HealthView, JobView, ParameterView, Picture, VenueCall
from bot.runtime.drill import Drill
from bot.runtime.loop import Loop
from bot.runtime.ports import Audit, AuditEntry, Ledger, Preference, Preferences, TradeQuery
from bot.strategy import Parameter, Value

EVERY_TRADE = 500
KEPT_CHANGES = 2000
"""So many changes of settings back one can be taken back."""


class ParameterBook(Protocol):
    """What the desk asks about strategy parameters; the registry of strategies fulfils it."""

    def effective(
        self, name: str, symbol: str, overrides: Mapping[str, object] | None = None
    ) -> Sequence[tuple[Parameter, Value, str]]:
        """Every parameter with its value for the symbol and where it comes from."""
        ...

    def parsed(self, name: str, key: str, text: str) -> Value:
        """A value as typed, in the parameter's own type; raises ConfigError."""
        ...


@dataclass(frozen=True, slots=True)
class Books:
    """What the desk reads beside the engine."""

    ledger: Ledger
    audit: Audit
    preferences: Preferences
    parameters: ParameterBook


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the desk asks of the rest of the process, as functions, so that it knows none of it."""

    jobs: Callable[[], tuple[JobView, ...]]
    health: Callable[[], Awaitable[HealthView]]
    config: Callable[[], tuple[ConfigItem, ...]]
    now_ms: Callable[[], int]
    may_drill: bool = False


class TradingDesk:
    """See bot.runtime.desk.Desk, which this fulfils."""

    def __init__(self, about: About, engine: Engine, loop: Loop, books: Books, around: Surroundings) -> None:
        """The engine is only read here; commands go to the loop."""
        self._about = about
        self._engine = engine
        self._loop = loop
        self._books = books
        self._around = around
        settings = engine.state.settings
        self._drill = Drill(engine.state, loop.execute, self._last_trade)
        self._instruments = {s.symbol: settings.instruments[s.symbol] for s in settings.symbols}

    @property
    def _state(self) -> EngineState:
        return self._engine.state

    @property
    def about(self) -> About:
        """What is running."""
        return self._about

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The traded contracts, by symbol, in the configured order."""
        return self._instruments

    def now_ms(self) -> int:
        """Business time."""
        return self._around.now_ms()

    async def execute(self, command: Command, actor: str, origin: str = "") -> Done | Refused:
        """Hand a command to the engine; returns when its effect is committed."""
        return await self._loop.execute(await self._whole(command), actor, origin)

    async def _whole(self, command: Command) -> Command:
        """A command with what only the ledger knows: what the change was that is to be taken back."""
        if not isinstance(command, UndoSetting):
            return command
        history = await self._books.ledger.settings(KEPT_CHANGES)
        return replace(command, changes=changes_of(history, command.id))

    async def preview_setting(self, command: Command, actor: str) -> SettingPreview | Refused:
        """What a command on settings would change, and what that means for trades."""
        return rehearsal.setting(self._engine, await self._whole(command), actor, self._loop.now_ms)

    async def dry(self, command: Command, actor: str) -> tuple[VenueCall, ...]:
        """What the engine would ask of the venue for a command; nothing is done."""
        quote = self._loop.newest_quote(command.symbol) if isinstance(command, OpenPosition) else None
        whole = await self._whole(command)
        return rehearsal.rehearse(self._engine, whole, actor, self._loop.now_ms, quote)

    async def drill(self, symbol: str, actor: str) -> DrillReport | Refused:
        """The panic path tried on one smallest position."""
        if not self._around.may_drill:
            return Refused("drill", "not with real money: drills are for paper, testnet and sandbox")
        return await self._drill.run(symbol, actor)

    async def _last_trade(self, symbol: str) -> Trade | None:
        found = await self._books.ledger.trades(TradeQuery(1, symbol))
        return found[-1] if found else None

    def preview_open(self, symbol: str, side: Side, risk: Decimal | None = None) -> OpenPreview | Refused:
        """What a person's entry would be now."""
        command, quote = OpenPosition(symbol, side, risk), self._loop.newest_quote(symbol)
        return previews.opening(self._state, self._engine.signals, command, self._loop.now_ms, quote)

    def preview_leverage(self, symbol: str, leverage: int) -> LeveragePreview | Refused:
        """What another leverage would come to."""
        return previews.leverage(self._state, symbol, leverage)

    def status(self) -> StatusView:
        """The desk at a glance."""
        return reading.status(self._state)

    def orders(self, symbol: str = "") -> tuple[Order, ...]:
        """Working orders."""
        return reading.working_orders(self._state, symbol)

    def symbols(self) -> tuple[SymbolView, ...]:
        """Every traded symbol with its state."""
        signals = self._engine.signals
        return tuple(reading.symbol_view(self._state, s, signals) for s in self._state.symbols.values())

    def kills(self) -> tuple[KillView, ...]:
        """Every symbol's kill switch counters."""
        return tuple(reading.kill_view(self._state, s) for s in self._state.symbols.values())

    def risk(self) -> RiskReport:
        """Sizing, limits and their use."""
        return reading.risk_report(self._state)

    def why(self, symbol: str) -> Why:
        """The last bar's gates and the last decision."""
        return reading.why(self._state, self._state.symbols[symbol], self._engine.signals)

    def parameters(self, symbol: str) -> tuple[ParameterView, ...]:
        """A symbol's strategy parameters."""
        name = self._state.symbols[symbol].settings.strategy
        rows = self._books.parameters.effective(name, symbol, self._engine.overrides[symbol])
        return tuple(ParameterView(symbol, name, *row) for row in rows)

    def check_parameter(self, symbol: str, name: str, text: str) -> Value | Refused:
        """Parse and range-check a parameter value; for all symbols it must fit every strategy in use."""
        chosen = [self._state.symbols[symbol]] if symbol else list(self._state.symbols.values())
        try:
            values = [self._books.parameters.parsed(s.settings.strategy, name, text) for s in chosen]
        except ConfigError as error:
            return Refused("parameter", str(error))
        return values[0]

    def preview_close(self, symbol: str, percent: Decimal) -> ClosePreview | Refused:
        """What closing would come to now."""
        return reading.preview_close(self._state, symbol, percent)

    def preview_size(self, symbol: str, sizing: Sizing) -> SizePreview:
        """What the next trade would be under a sizing."""
        return reading.preview_size(self._state, self._state.symbols[symbol], sizing)

    async def picture(self, symbol: str, bars: int) -> Picture:
        """The last bars with indicators, trades and position."""
        frame = self._engine.signals.frame(symbol)
        first = max(0, len(frame) - bars)
        columns = {name: column[first:] for name, column in self._engine.signals.columns(symbol).items()}
        shown = frame.part(first)
        since = int(shown.open_at_ms[0]) if len(shown) else 0
        trades = await self._books.ledger.trades(TradeQuery(EVERY_TRADE, symbol, since))
        held = [p for p in reading.status(self._state).positions if p.symbol == symbol]
        return Picture(shown, columns, trades, held[0] if held else None)

    def differences(self) -> tuple[DifferenceView, ...]:
        """What the last comparison found, and what is still to be decided."""
        return hands.views(self._state)

    def alerts(self, owner: str = "") -> tuple[Alert, ...]:
        """Price alerts that wait."""
        return tuple(a for a in self._state.alerts.values() if owner in ("", a.owner))

    async def notes(self, limit: int, symbol: str = "") -> tuple[RecordNote, ...]:
        """The newest notes on trades."""
        return await self._books.ledger.notes(limit, symbol)

    async def trades(self, query: TradeQuery) -> tuple[Trade, ...]:
        """Closed trades, oldest first."""
        return await self._books.ledger.trades(query)

    async def decisions(self, limit: int, symbol: str = "") -> tuple[Decision, ...]:
        """The newest decisions, newest first."""
        return await self._books.ledger.decisions(limit, symbol)

    async def equity(self, since_ms: int) -> tuple[EquityPoint, ...]:
        """The equity series, oldest first; what still waits for its commit is committed first."""
        await self._loop.flush()
        return await self._books.ledger.equity(since_ms)

    async def entries(self, since_ms: int) -> tuple[Entry, ...]:
        """Ledger entries, oldest first."""
        return await self._books.ledger.entries(since_ms)

    async def settings(self, limit: int) -> tuple[RecordSetting, ...]:
        """The newest run-time changes."""
        return await self._books.ledger.settings(limit)

    async def kill_resets(self, limit: int) -> tuple[KillReset, ...]:
        """The newest kill resets."""
        return await self._books.ledger.kill_resets(limit)

    async def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        """The newest audit entries."""
        return await self._books.audit.tail(limit)

    async def preferences(self, user_id: str) -> Mapping[str, str]:
        """A user's notice settings."""
        return await self._books.preferences.get(user_id)

    async def set_preference(self, preference: Preference) -> None:
        """Store a user's notice setting."""
        await self._books.preferences.put(preference)

    def jobs(self) -> tuple[JobView, ...]:
        """Scheduled jobs."""
        return self._around.jobs()

    async def health(self) -> HealthView:
        """Is it alive."""
        return await self._around.health()

    def config(self, key: str = "") -> tuple[ConfigItem, ...]:
        """Effective configuration whose keys start with `key`."""
        return tuple(item for item in self._around.config() if item.key.startswith(key))


def changes_of(history: Sequence[RecordSetting], wanted: int) -> tuple[SettingChange, ...]:
    """What journal line `wanted` changed, each with the value that its key had before; `history` is newest first."""
    found = []
    for index, row in enumerate(history):
        if row.id == wanted:
            earlier = next((old.value for old in history[index + 1 :] if old.key == row.key), "")
            before = placing.before_of(row) if row.key.startswith(f"{placing.KIND}:") else earlier
            newest = next(one.value for one in history if one.key == row.key)
            found.append(SettingChange(row.key, before, row.value, newest))
    return tuple(reversed(found))
