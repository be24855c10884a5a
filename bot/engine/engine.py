"""The heart: one event in, a list of actions out. Nothing else changes the book."""

import json
from collections.abc import Callable
from math import inf, isfinite
from typing import assert_never

from bot.domain.action import Action, Notify, RecordSetting
from bot.domain.command import Change, Done, SetParameter
from bot.domain.event import (
    CallEnded,
    CandlesClosed,
    CommandIssued,
    Event,
    Filled,
    FundingPaid,
    FundingRatesSeen,
    HistoryLoaded,
    NoticeRaised,
    OrderUpdated,
    QuotesSeen,
    SnapshotFailed,
    SnapshotTaken,
    Started,
    Stopping,
    StorageChanged,
    TimerDue,
    VenueConditionChanged,
    VenueLost,
    VenueRestored,
    WalletSeen,
)
from bot.domain.market import Quote
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import Purpose
from bot.domain.refusal import Refused
from bot.domain.settings import EngineSettings
from bot.engine import (
    accounting,
    closing,
    commands,
    flattening,
    guards,
    keeping,
    lifecycle,
    orders,
    pipeline,
    protection,
    reconcile,
    recover,
)
from bot.engine.state import KEPT_TICKS, EngineState, new_state
from bot.engine.turn import Turn
from bot.market.signals import SignalSource
from bot.strategy import Strategy, Value

type BuildStrategy = Callable[[str, dict[str, Value]], Strategy]


class Engine:
    """All trading state of one account. Synchronous; opens nothing, reads no clock, draws no random numbers.

    `signals` turns candles into signals; `build` makes a symbol's strategy from run-time parameter overrides.
    """

    def __init__(self, settings: EngineSettings, signals: SignalSource, build: BuildStrategy) -> None:
        """Begin with empty books; the first event must be `Started`."""
        self.state: EngineState = new_state(settings)
        self.signals = signals
        self.overrides: dict[str, dict[str, Value]] = {name: {} for name in self.state.symbols}
        self._build = build

    def handle(self, event: Event) -> list[Action]:
        """React to one event: the only door to the state. Raises InvariantError when the books contradict."""
        turn = Turn(self.state, event.at_ms)
        self.state.at_ms = max(self.state.at_ms, event.at_ms)
        accounting.roll_day(turn)
        guards.expire(turn)
        self._react(turn, event)
        keeping.flattens(turn)
        return turn.actions

    def _react(self, turn: Turn, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915 - one arm per event, none hidden
        match event:
            case CandlesClosed():
                pipeline.on_candles(turn, self.signals, event)
            case QuotesSeen():
                self._quotes(turn, event)
            case Filled():
                lifecycle.on_fill(turn, event.fill)
            case OrderUpdated():
                lifecycle.on_update(turn, event)
            case CallEnded():
                lifecycle.on_call(turn, event)
            case CommandIssued():
                self._command(turn, event)
            case TimerDue():
                self._timer(turn, event)
            case FundingPaid():
                reconcile.book_funding(turn, event.symbol, event.amount, event.payment_id, event.at_ms)
            case FundingRatesSeen():
                self._funding_rates(event)
            case SnapshotTaken():
                reconcile.on_snapshot(turn, event)
            case SnapshotFailed():
                reconcile.on_failure(turn, event.code)
            case Started():
                self._start(turn, event)
            case VenueLost() | VenueRestored():
                self._link(turn, event)
            case VenueConditionChanged():
                guards.on_condition(turn, event)
            case StorageChanged():
                self._storage(turn, event)
            case NoticeRaised():
                turn.act(Notify(event.notice))
            case Stopping():
                self._stop(turn)
            case HistoryLoaded() | WalletSeen():
                pass  # the first is the journal's reference to candles, the second is settled by reconciliation
            case _:
                assert_never(event)

    def _start(self, turn: Turn, event: Started) -> None:
        for name, parameter, value in event.recovered.parameters:
            for symbol in [name] if name else list(self.overrides):
                if symbol in self.overrides:
                    self.overrides[symbol][parameter] = value
        for symbol, overrides in self.overrides.items():
            if overrides:
                self.signals.reconfigure(symbol, self._build(symbol, overrides))
        recover.on_start(turn, event)

    def _command(self, turn: Turn, event: CommandIssued) -> None:
        if isinstance(event.command, SetParameter):
            turn.answer(event.command_id, self._set_parameter(turn, event.command, event.actor))
        else:
            commands.on_command(turn, event)

    def _set_parameter(self, turn: Turn, command: SetParameter, actor: str) -> Done | Refused:
        """Strategies are pure functions of their parameters, so a change is a new strategy from the next bar on."""
        chosen = [command.symbol] if command.symbol else list(self.overrides)
        if command.symbol and command.symbol not in self.overrides:
            return Refused("symbol", f"{command.symbol} is not traded")
        if isinstance(command.value, float) and not isfinite(command.value):
            return Refused("value", f"{command.value} is no figure")
        changes = []
        for symbol in chosen:
            before = self.signals.strategy(symbol).parameters.get(command.name)
            self.overrides[symbol][command.name] = command.value
            self.signals.reconfigure(symbol, self._build(symbol, self.overrides[symbol]))
            changes.append(Change(f"{command.name} of {symbol}", f"{before}", f"{command.value}"))
            key = f"parameter:{symbol}:{command.name}"
            text = json.dumps(command.value)
            turn.act(RecordSetting(turn.at_ms, key, text, actor, f"{before}", f"{command.value}"))
        return Done(changes=tuple(changes))

    def _quotes(self, turn: Turn, event: QuotesSeen) -> None:
        for quote in event.quotes:
            self._quote(turn, quote)
        pipeline.watch_positions(turn)

    def _quote(self, turn: Turn, quote: Quote) -> None:
        symbol = turn.symbol(quote.symbol)
        if symbol is None or not 0 < quote.mark < inf or not 0 < quote.last < inf:
            return
        if quote.at_ms < symbol.priced_at_ms:  # no price any more, but what a move may be measured from
            if len(symbol.ticks) < KEPT_TICKS:
                symbol.ticks.appendleft((quote.at_ms, quote.last))
            return
        guards.watch_volatility(turn, symbol, quote.last, quote.at_ms)
        symbol.last_price, symbol.mark, symbol.priced_at_ms = quote.last, quote.mark, quote.at_ms
        if quote.bid > 0 and quote.ask >= quote.bid:
            symbol.spread_percent = (quote.ask - quote.bid) / quote.ask * 100

    def _funding_rates(self, event: FundingRatesSeen) -> None:
        for rate in event.rates:
            symbol = self.state.symbols.get(rate.symbol)
            if symbol is not None:
                symbol.funding_rate, symbol.next_funding_at_ms = rate.rate, rate.next_at_ms

    def _timer(self, turn: Turn, event: TimerDue) -> None:
        symbol = turn.symbol(event.key)
        if event.name == protection.COVER_TIMER and symbol is not None:
            protection.cover_due(turn, symbol)
        elif event.name == protection.THROUGH_TIMER and symbol is not None:
            protection.through_due(turn, symbol)
        elif event.name == closing.CLOSE_TIMER and symbol is not None:
            closing.again(turn, symbol)
        elif event.name == lifecycle.OWED_TIMER and symbol is not None:
            lifecycle.owed_due(turn, symbol)
        elif event.name == lifecycle.UNKNOWN_TIMER:
            lifecycle.unknown_due(turn, event.key)
        elif event.name == flattening.VERIFY_TIMER:
            flattening.again(turn)
        elif event.name == flattening.FLATTEN_TIMER:
            flattening.due(turn, event.key)
        elif event.name == reconcile.RECONCILE_TIMER:
            turn.look()
        elif event.name == reconcile.DEAF_TIMER and not self.state.link_up:
            reconcile.while_deaf(turn)

    def _link(self, turn: Turn, event: VenueLost | VenueRestored) -> None:
        state = self.state
        up = isinstance(event, VenueRestored)
        if up == state.link_up:
            return
        state.link_up = up
        if isinstance(event, VenueLost):
            title = f"The venue's stream is down ({event.reason}): no entries; stops rest at the venue"
            turn.tell(NoticeKind.STREAM, Severity.CRITICAL, title)
            reconcile.listen_again(turn)
            return
        turn.tell(NoticeKind.STREAM, Severity.INFO, "The venue's stream is back, reconciling")
        turn.look()

    def _storage(self, turn: Turn, event: StorageChanged) -> None:
        if event.usable == self.state.storage_ok:
            return
        self.state.storage_ok = event.usable
        if event.usable:
            turn.tell(
                NoticeKind.STORAGE, Severity.CRITICAL, "The database is back: entries are allowed again"
            )
        else:
            title = f"The database cannot be written ({event.reason}): no entries; exits and protection go on"
            turn.tell(NoticeKind.STORAGE, Severity.CRITICAL, title)

    def _stop(self, turn: Turn) -> None:
        self.state.stopping = True
        for symbol in self.state.symbols.values():
            symbol.reversal = None
            orders.cancel_all(turn, symbol, Purpose.ENTRY)
