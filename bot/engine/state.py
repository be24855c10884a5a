"""All trading state. Only `Engine.handle` changes it, through the functions of this folder."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.account import Balance
from bot.domain.action import RecordDifference
from bot.domain.alert import Alert
from bot.domain.command import Receipt
from bot.domain.decision import Decision
from bot.domain.fill import Fill
from bot.domain.guard import Halt, Kill, Limits, Sizing, TradingState
from bot.domain.instrument import ZERO, Instrument, to_decimal
from bot.domain.market import DAY_MS
from bot.domain.model import UNFILTERED, ModelUse
from bot.domain.order import CloseReason, Order, OrderStatus, Purpose
from bot.domain.position import Plan, Position
from bot.domain.settings import EngineSettings, SymbolSettings
from bot.domain.signal import Side, Signal
from bot.domain.snapshot import DayFigures, OpenTrade
from bot.risk.book import Judged

KEPT_RESULTS = 50
KEPT_RESULTS_OF_ALL = 500
KEPT_TRADE_IDS = 5000
KEPT_ORDERS = 200
KEPT_ENTRIES = 20
KEPT_TICKS = 64
OVERLAP_MS = 600_000


@dataclass(slots=True)
class Pending:
    """An entry order on its way: what it reserves, in quote asset, and what its fills will be planned with."""

    decision_id: str
    signal: Signal
    client_id: str
    notional: Decimal
    margin: Decimal
    risk: Decimal
    planned_price: Decimal
    model_score: float | None = None


@dataclass(frozen=True, slots=True)
class LeverageWish:
    """A leverage asked of the venue for a person. `behind` counts calls before it that are not answered yet.

    `to_config`: it is the configuration's, nothing of it is kept.
    """

    leverage: int
    command_id: str
    actor: str
    at_ms: int
    tries: int = 0
    behind: int = 0
    to_config: bool = False


@dataclass(frozen=True, slots=True)
class Placing:
    """A version on its way into use, asked by `actor`.

    `unawaited`: it takes too long, or a restart lies in between; nobody waits for its answer any more.
    """

    number: int
    strategy: str
    symbol: str
    version: str
    before: str
    command_id: str
    actor: str
    unawaited: bool = False


@dataclass(slots=True)
class Closing:
    """A close on its way. `waiters` are command ids to answer; `left` is what is still to be closed (base units).

    `side` is the position's, `rung` the step of the ladder (0: market), `most` the largest piece after a refusal for
    size (0: the instrument's), `room_made` how often what rests in its way was cancelled, `reading` that the position
    is read again before the next try.
    """

    reason: CloseReason
    side: Side
    asked: Decimal
    left: Decimal
    started_at_ms: int
    expected_price: Decimal
    waiters: list[str] = field(default_factory=list)
    value: Decimal = ZERO
    net: Decimal = ZERO
    tries: int = 0
    retry_at_ms: int = 0
    rung: int = 0
    most: Decimal = ZERO
    room_made: int = 0
    room_at_ms: int = 0
    reading: bool = False

    @property
    def done(self) -> Decimal:
        """Quantity closed so far, in base units."""
        return self.asked - self.left


@dataclass(slots=True)
class Flatten:
    """A close of all of `symbols` on its way until the venue confirms that they are flat.

    `answered`: the one who asked knows how far it came; `resumed`: a restart lies in between, nobody waits any more.
    `proving`: flat by our books, the venue is being asked; until it has answered their stops and targets stay.
    `proven`: those it has been asked about.
    """

    command_id: str
    symbols: tuple[str, ...]
    reason: CloseReason
    started_at_ms: int
    actor: str
    receipts: list[Receipt] = field(default_factory=list)
    verifying: bool = False
    rounds: int = 0
    again_at_ms: int = 0
    answered: bool = False
    resumed: bool = False
    proving: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)


@dataclass(slots=True)
class SymbolState:
    """One symbol: its position, orders, guards and last prices.

    `entries` are the last entry orders' plans, so that a late fill finds its own. `owed` is what the venue says an
    order has filled beyond what is booked; `denied` are orders that the venue says it does not know; `unwanted` those
    we asked to be cancelled; `fought` are purposes whose order a person cancelled and we put back, once; `sized` those
    for which the venue takes no second close-position order. `stops_lost` counts stops that rested and went. `ticks`
    are the last seconds' prices, with the one in force before them. `early_funding` was paid (when, how much) while no
    trade was open by our books; `carried` is what the open position has cost and earned besides its price: the entry's
    fees and funding, less what exits took with them. `differs_since_ms`: since when the venue's quantity is another one
    and executions of ours, not told yet, may explain it; `made_up`: what was booked in their place when none came.
    """

    settings: SymbolSettings
    instrument: Instrument
    leverage: int
    position: Position
    open_trade: OpenTrade | None = None
    orders: dict[str, Order] = field(default_factory=dict)
    past_orders: dict[str, Order] = field(default_factory=dict)
    pending: Pending | None = None
    entries: dict[str, Pending] = field(default_factory=dict)
    owed: dict[str, Decimal] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    fought: set[Purpose] = field(default_factory=set)
    closing: Closing | None = None
    reversal: Signal | None = None
    reversal_judged: Judged | None = None
    model: ModelUse = UNFILTERED
    model_young: str = ""
    model_absent: bool = False
    paused: bool = False
    reentry: bool = True
    kill: Kill | None = None
    nets: deque[Decimal] = field(default_factory=lambda: deque(maxlen=KEPT_RESULTS))
    last_loss_at_ms: int = 0
    last_price: float = 0.0
    mark: float = 0.0
    priced_at_ms: int = 0
    last_bar_at_ms: int = 0
    ticks: deque[tuple[int, float]] = field(default_factory=deque)
    early_funding: list[tuple[int, Decimal]] = field(default_factory=list)
    carried: Decimal = ZERO
    spread_percent: float | None = None
    last_candle_at_ms: int = 0
    funding_rate: float | None = None
    next_funding_at_ms: int = 0
    last_signal: Signal | None = None
    last_decision: Decision | None = None
    stop_failures: int = 0
    target_failures: int = 0
    uncovered_since_ms: int = 0
    through_since_ms: int = 0
    unwanted: set[str] = field(default_factory=set)
    liquidation_warned: bool = False
    stop_moved: bool = False
    sized: set[Purpose] = field(default_factory=set)
    stops_lost: int = 0
    trailed_at_ms: int = 0
    cancel_tries: int = 0
    differs_since_ms: int = 0
    made_up: Fill | None = None
    leverage_wish: LeverageWish | None = None
    leverage_calls: int = 0
    last_opened_at_ms: int = 0
    marked: tuple[float, Decimal] = field(default=(0.0, ZERO), compare=False, repr=False)

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def plan(self) -> Plan | None:
        """How the open position is protected; None when flat."""
        return self.open_trade.plan if self.open_trade else None

    @property
    def mark_price(self) -> Decimal:
        """Mark price as Decimal; the position's entry before any price is known."""
        if not self.mark:
            return self.position.entry_price
        if self.marked[0] != self.mark:  # asked several times a bar
            self.marked = (self.mark, to_decimal(self.mark))
        return self.marked[1]

    def live(self, purpose: Purpose) -> list[Order]:
        """Live orders of one purpose, oldest first."""
        return [order for order in self.orders.values() if order.intent.purpose is purpose]

    def unsettled(self) -> int:
        """Orders whose outcome is unknown."""
        return sum(order.status is OrderStatus.UNKNOWN for order in self.orders.values())


@dataclass(slots=True)
class EngineState:
    """The whole desk: symbols, money, limits, guards, and what is on its way.

    `found` is what the last comparison with the venue found; `ignored` the quantities of positions that are not ours
    and that a person left alone, by symbol. What is `kept_` was last recorded so. `unscored` are bars' signals that
    wait for their models' scores, by the number they asked under; `placings` are versions of models on their way into
    use, by theirs. `clusters` are the numbers of the clusters that symbols are in; those in none are left out.
    """

    settings: EngineSettings
    symbols: dict[str, SymbolState]
    limits: Limits
    sizing: Sizing
    wallet: Decimal = ZERO
    base_balance: Decimal = ZERO
    equity_high: Decimal = ZERO
    day: DayFigures = field(default_factory=DayFigures)
    halts: list[Halt] = field(default_factory=list)
    recovering: bool = True
    protect: bool = False
    stopped: bool = False
    paused: bool = False
    stopping: bool = False
    storage_ok: bool = True
    link_up: bool = True
    first_start: bool = False
    flattens: list[Flatten] = field(default_factory=list)
    kept_flattens: str = "[]"
    flattens_progress: tuple[object, ...] = ()
    score_asks: int = 0
    unscored: dict[int, tuple[Signal, ...]] = field(default_factory=dict)
    placings: dict[int, Placing] = field(default_factory=dict)
    placing_count: int = 0
    kept_placings: str = "[]"
    clusters: dict[str, int] = field(default_factory=dict)
    found: list[RecordDifference] = field(default_factory=list)
    ignored: dict[str, Decimal] = field(default_factory=dict)
    alerts: dict[int, Alert] = field(default_factory=dict)
    alert_count: int = 0
    kept_alerts: str = ""
    reconcile_waiters: list[str] = field(default_factory=list)
    booked: dict[str, None] = field(default_factory=dict)
    recorded_high: Decimal = ZERO
    proven_at_ms: int = 0
    last_bar_at_ms: int = 0
    last_fill_at_ms: int = 0
    heard_fill_at_ms: int = 0
    trade_count: int = 0
    order_count: int = 0
    results: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=KEPT_RESULTS_OF_ALL))
    longest_uncovered_ms: int = 0
    at_ms: int = 0
    foreign_orders: set[str] = field(default_factory=set)
    foreign_legs: set[str] = field(default_factory=set)
    foreign_positions: set[str] = field(default_factory=set)
    strategies_off: set[str] = field(default_factory=set)

    @property
    def trading(self) -> TradingState:
        """The one word for what the desk may do now, the gravest first."""
        if self.recovering:
            return TradingState.RECOVERING
        if self.protect:
            return TradingState.PROTECT
        if self.stopped:
            return TradingState.STOPPED
        return TradingState.PAUSED if self.paused else TradingState.ACTIVE

    @property
    def lasting(self) -> TradingState:
        """What a restart must remember: recovering passes by itself, a stop asked for is kept whatever else is so."""
        if self.stopped:
            return TradingState.STOPPED
        if self.protect:
            return TradingState.PROTECT
        return TradingState.PAUSED if self.paused else TradingState.ACTIVE

    @property
    def ask_since_ms(self) -> int:
        """From when on the venue is asked for fills and payments: a while before the books were last proven.

        The frame of a fill may have been lost while later ones arrived, and a venue that lives by bars tells what
        happened within one symbol by symbol. Not more than a day: so far back goes the ledger's memory of ids.
        """
        return max(0, self.proven_at_ms - min(DAY_MS, self.settings.bar_ms + OVERLAP_MS))

    @property
    def losing_run(self) -> int:
        """Losses running over all symbols; those of a symbol whose counters were reset do not count."""
        run = 0
        for _, loss in reversed(self.results):
            if not loss:
                break
            run += 1
        return run

    @property
    def open_symbols(self) -> list[SymbolState]:
        """Symbols with a position, in configured order."""
        return [state for state in self.symbols.values() if state.position.quantity]

    def unrealised(self) -> Decimal:
        """Open profit over all positions at their marks."""
        held = self.open_symbols
        return sum((s.position.unrealised(s.mark_price) for s in held), ZERO) if held else ZERO

    def margin_used(self) -> Decimal:
        """Margin of open positions and of entries on their way."""
        held = sum((s.position.size * s.position.entry_price / s.leverage for s in self.open_symbols), ZERO)
        reserved = sum((s.pending.margin for s in self.symbols.values() if s.pending), ZERO)
        return held + reserved

    def balance(self) -> Balance:
        """Wallet, open profit, margin in use."""
        return Balance(self.wallet, self.unrealised(), self.margin_used())

    def equity(self) -> Decimal:
        """Wallet and open profit together."""
        return self.wallet + self.unrealised()

    def day_pnl(self) -> Decimal:
        """The day's result as the daily loss limit counts it.

        With open losses it is the change of equity since 00:00 UTC, so that what was already open then does not count
        twice; without them it is what was realised, fees and funding included.
        """
        if self.limits.count_open_loss and self.day.start_equity:
            return self.equity() - self.day.start_equity
        return self.day.realised

    def halts_of(self, symbol: str, at_ms: int) -> tuple[Halt, ...]:
        """Halts that stop entries of a symbol now."""
        return tuple(halt for halt in self.halts if halt.covers(symbol, at_ms))

    def book_once(self, key: str) -> bool:
        """True the first time a venue id is seen; remembers a bounded number of them."""
        if key in self.booked:
            return False
        self.booked[key] = None
        while len(self.booked) > KEPT_TRADE_IDS:
            del self.booked[next(iter(self.booked))]
        return True


def exposure_side(state: SymbolState) -> Side | None:
    """Side that a symbol is on, or about to be; None when neither."""
    if state.position.quantity:
        return state.position.side
    return state.pending.signal.side if state.pending else None


def new_state(settings: EngineSettings) -> EngineState:
    """The state before anything happened."""
    symbols = {
        s.symbol: SymbolState(
            settings=s,
            instrument=settings.instruments[s.symbol],
            leverage=s.leverage,
            model=s.model,
            position=Position(s.symbol, leverage=s.leverage),
        )
        for s in settings.symbols
    }
    return EngineState(settings=settings, symbols=symbols, limits=settings.limits, sizing=settings.sizing)
