"""The heart: one event in, a list of actions out. Nothing else changes the book."""

from collections.abc import Callable
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from math import inf
from typing import assert_never

from bot.domain.action import Action, Notify
from bot.domain.event import (
    CallEnded,
    CandlesClosed,
    ClustersChanged,
    CommandIssued,
    Event,
    Filled,
    FundingPaid,
    FundingRatesSeen,
    HistoryLoaded,
    ModelPlaced,
    NoticeRaised,
    OrderUpdated,
    QuotesSeen,
    ScoresCame,
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
from bot.domain.settings import EngineSettings
from bot.engine import (
    accounting,
    alerts,
    closing,
    clusters,
    commands,
    flattening,
    guards,
    hands,
    keeping,
    leverage,
    lifecycle,
    orders,
    pipeline,
    placing,
    protection,
    reconcile,
    recover,
    scoring,
)
from bot.engine.state import KEPT_TICKS, EngineState, SymbolState, new_state
from bot.engine.strategies import BuildStrategy, Strategies
from bot.engine.turn import Turn
from bot.market.signals import SignalSource
from bot.strategy import Value

PRECISION, TRAPS = 28, [InvalidOperation, DivisionByZero, Overflow]
"""How the engine counts, whatever the process around it does."""


class Engine:
    """All trading state of one account. Synchronous; opens nothing, reads no clock, draws no random numbers.

    `signals` turns candles into signals; `build` makes a symbol's strategy from run-time parameter overrides.
    """

    def __init__(self, settings: EngineSettings, signals: SignalSource, build: BuildStrategy) -> None:
        """Begin with empty books; the first event must be `Started`."""
        self.state: EngineState = new_state(settings)
        self.signals = signals
        self.overrides: dict[str, dict[str, Value]] = {name: {} for name in self.state.symbols}
        self._strategies = Strategies(signals, self.overrides, build)

    def handle(self, event: Event) -> list[Action]:
        """React to one event: the only door to the state. Raises InvariantError when the books contradict.

        Libraries change how the process counts decimals (ccxt its rounding), and the same event must come to the same
        figures in a replay: such a context is left to them.
        """
        counting = getcontext()
        if counting.rounding != ROUND_HALF_EVEN or counting.prec != PRECISION:
            setcontext(Context(PRECISION, ROUND_HALF_EVEN, traps=TRAPS))
        turn = Turn(self.state, event.at_ms)
        self.state.at_ms = max(self.state.at_ms, event.at_ms)
        accounting.roll_day(turn)
        guards.expire(turn)
        self._react(turn, event)
        hands.review(turn)
        keeping.flattens(turn)
        keeping.alerts(turn)
        keeping.placings(turn)
        return turn.actions

    def _react(self, turn: Turn, event: Event) -> None:  # noqa: C901, PLR0912, PLR0915 - one arm per event, none hidden
        match event:
            case CandlesClosed():
                pipeline.on_candles(turn, self.signals, event, scoring.weigh)
                alerts.watch(turn)
            case ScoresCame():
                scoring.on_scores(turn, event)
            case ModelPlaced():
                placing.on_placed(turn, event)
            case ClustersChanged():
                clusters.on_change(turn, event)
            case QuotesSeen():
                self._quotes(turn, event)
            case Filled():
                lifecycle.on_fill(turn, event.fill)
            case OrderUpdated():
                lifecycle.on_update(turn, event)
            case CallEnded():
                lifecycle.on_call(turn, event)
            case CommandIssued():
                commands.on_command(turn, event, self._strategies)
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
                self._strategies.rebuild(symbol)
        recover.on_start(turn, event)

    def _quotes(self, turn: Turn, event: QuotesSeen) -> None:
        for quote in event.quotes:
            self._quote(turn, quote)
        pipeline.watch_positions(turn)
        alerts.watch(turn)

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
        symbol, of_symbol = turn.symbol(event.key), _OF_SYMBOL.get(event.name)
        if of_symbol is not None and symbol is not None:
            of_symbol(turn, symbol)
        elif event.name == scoring.SCORES_TIMER:
            scoring.due(turn, event.key)
        elif event.name == placing.PLACING_TIMER:
            placing.due(turn, event.key)
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
            placing.again(turn)
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


_OF_SYMBOL: dict[str, Callable[[Turn, SymbolState], None]] = {
    protection.COVER_TIMER: protection.cover_due,
    protection.THROUGH_TIMER: protection.through_due,
    closing.CLOSE_TIMER: closing.again,
    lifecycle.OWED_TIMER: lifecycle.owed_due,
    leverage.LEVERAGE_TIMER: leverage.due,
}
"""What a symbol's timers lead to, by the timer's name."""
