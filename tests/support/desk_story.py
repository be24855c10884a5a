"""Stories about the engine: it, the fill model and a market told bar by bar, with signals said by hand.

Unless said otherwise: every symbol stands at 100 (tick 0.01, step 0.001), wallet 10,000, each entry is 1,000 USDT at
leverage 10 (10 units at 100), no slippage, taker fee 0.04 %. An entry at 100 thus costs a fee of 0.40.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from bot.domain.action import Action, Answer, Cancel, Notify, RecordDecision, RecordTrade, Submit
from bot.domain.command import Command, Done
from bot.domain.decision import Decision
from bot.domain.event import Call, CallEnded, Event, Outcome, TimerDue
from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.instrument import ZERO, Bracket, Instrument
from bot.domain.market import HOUR_MS, Candle
from bot.domain.notice import Notice, NoticeKind
from bot.domain.order import Order, OrderSide, OrderType, Purpose
from bot.domain.refusal import Refused
from bot.domain.settings import EngineSettings, SymbolSettings
from bot.domain.signal import GateCheck, Hold, Side, Signal
from bot.domain.snapshot import Recovered
from bot.domain.trade import Trade
from bot.engine.engine import Engine
from bot.engine.state import EngineState, SymbolState
from bot.runtime.simulation import Simulation
from bot.strategy import Columns, Frame, Strategy, Value
from bot.venues.matching import (
    BookedOrder,
    Matching,
    MatchingRules,
    OrderRequest,
    Refusal,
    Report,
    request_of,
)

D = Decimal
BAR_MS = 900_000
DAY = 86_400_000
START_MS = 19_000 * DAY + 12 * HOUR_MS  # noon
LONG, SHORT = Side.LONG, Side.SHORT
BUY, SELL = OrderSide.BUY, OrderSide.SELL
BRACKETS = (
    Bracket(D(50_000), 50, D("0.01"), ZERO),
    Bracket(D(500_000), 20, D("0.02"), D(500)),
)
MOST_STEPS = 3000
SMOOTH = MatchingRules(slippage=ZERO, default_leverage=10)


def instrument(symbol: str, **changes: Any) -> Instrument:
    """Tick 0.01, step 0.001, at least 5 USDT an order."""
    plain = Instrument(
        symbol=symbol,
        base=symbol,
        quote="USDT",
        price_tick=D("0.01"),
        quantity_step=D("0.001"),
        min_quantity=D("0.001"),
        max_quantity=D(100_000),
        max_market_quantity=D(10_000),
        min_notional=D(5),
        brackets=BRACKETS,
    )
    return replace(plain, **changes)


class Quiet(Strategy):
    """A strategy that never says anything; it carries parameters."""

    name = "quiet"
    timeframe = "15m"
    warmup_bars = 1

    def prepare(self, frame: Frame) -> Columns:
        return {}

    def decide(self, frame: Frame, columns: Columns, i: int) -> Signal:
        return Signal(frame.symbol, self.name, 0, None, 0.0, hold=Hold("quiet", 0.0, "<", 1.0))

    def explain(self, frame: Frame, columns: Columns, i: int) -> tuple[GateCheck, ...]:
        return ()


def build_quiet(symbol: str, overrides: dict[str, Value]) -> Strategy:
    """How the engine makes a strategy after SetParameter."""
    return Quiet(overrides)


@dataclass
class Script:
    """A signal source that says what it was told, by symbol and closing time of the bar."""

    symbols: Sequence[str]
    said: dict[tuple[str, int], Signal] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    strategies: dict[str, Strategy] = field(default_factory=dict)

    def on_candles(self, candles: Sequence[Candle]) -> list[Signal]:
        return [self._signal(candle) for candle in candles if candle.symbol in self.symbols]

    def _signal(self, candle: Candle) -> Signal:
        at_ms = candle.open_at_ms + BAR_MS
        silent = Signal(candle.symbol, "quiet", at_ms, None, 0.0, hold=Hold("quiet", 0.0, "<", 1.0))
        return self.said.get((candle.symbol, at_ms), silent)

    def explain(self, symbol: str) -> tuple[GateCheck, ...]:
        return ()

    def columns(self, symbol: str) -> Columns:
        return {}

    def frame(self, symbol: str) -> Frame:
        none = np.array([], dtype=np.float64)
        return Frame(symbol, BAR_MS, np.array([], dtype=np.int64), none, none, none, none, none)

    def reconfigure(self, symbol: str, strategy: Strategy) -> None:
        self.strategies[symbol] = strategy

    def strategy(self, symbol: str) -> Strategy:
        return self.strategies.setdefault(symbol, Quiet({}))


type Answerer = Callable[[OrderRequest], list[Report] | Refusal | Outcome | None]


class Venue(Simulation):
    """The simulation with a venue that can be told to misbehave, and a look at it after every single deed.

    `misbehave(request)` may answer instead of the venue: a Refusal, an Outcome (UNKNOWN or NOT_DONE: nothing was
    executed) or None (the venue answers). `lose` names orders whose true outcome is executed but answered UNKNOWN.
    `answers` False: questions about orders time out. The next `dropped` frames of the stream are lost, the next
    `held_back` ones come late (with `catch_up`).
    """

    def __init__(self, engine: Engine, matching: Matching, *, journal: bool = True) -> None:
        super().__init__(engine, matching, journal=journal)
        self.misbehave: Answerer = lambda request: None
        self.lose: Callable[[OrderRequest], bool] = lambda request: False
        self.after_deed: Callable[[], None] = lambda: None
        self.answers = True
        self.dropped = 0
        self.held_back = 0
        self.late: list[Event] = []
        self._limit = MOST_STEPS

    def _drain(self) -> list[Action]:
        began = len(self.steps)
        self._limit = began + MOST_STEPS
        return super()._drain()

    def _step(self, event: Event) -> list[Action]:
        assert len(self.steps) < self._limit, "engine and venue talk without end"
        return super()._step(event)

    def _tell(self, report: Report) -> None:
        event = self.remember(report)
        if self.dropped:
            self.dropped -= 1
        elif self.held_back:
            self.held_back -= 1
            self.late.append(event)
        else:
            self._inbox.append(event)

    def catch_up(self) -> list[Action]:
        """The frames held back come now, the newest first."""
        late, self.late = self.late[::-1], []
        self._inbox.extend(late)
        return self._drain()

    def _query(self, client_id: str, symbol: str) -> Any:
        if self.answers:
            return super()._query(client_id, symbol)
        return CallEnded(self.now_ms, client_id, symbol, Call.SUBMIT, Outcome.UNKNOWN, "time-out")

    def _perform(self, deed: Any) -> None:
        if isinstance(deed, Submit) and self._strange(deed.order):
            pass
        else:
            super()._perform(deed)
        self.after_deed()

    def _strange(self, order: Order) -> bool:
        request = request_of(order)
        if self.lose(request):
            self.matching_executes_in_silence(request)
            self._end(order, Outcome.UNKNOWN, "time-out")
            return True
        answer = self.misbehave(request)
        if answer is None:
            return False
        if isinstance(answer, Outcome):
            self._end(order, answer, "time-out")
        else:
            self._answer(order.client_id, order.symbol, Call.SUBMIT, answer)
        return True

    def matching_executes_in_silence(self, request: OrderRequest) -> None:
        """The venue does it (or refuses), the stream says nothing; only a snapshot will tell."""
        answer = self.matching.submit(request, self.now_ms)
        for report in [] if isinstance(answer, Refusal) else answer:
            self.remember(report)

    def hear(self, reports: Sequence[Report]) -> list[Action]:
        """The stream tells these reports."""
        for report in reports:
            self._tell(report)
        return self._drain()

    def inherit(self, old: "Venue") -> None:
        """What venue and ledger remember outlives our process; the command counter only keeps ids apart."""
        self.fills, self.funding, self.commands = old.fills, old.funding, old.commands
        self.steps = old.steps

    def _end(self, order: Order, outcome: Outcome, code: str) -> None:
        self._inbox.append(CallEnded(self.now_ms, order.client_id, order.symbol, Call.SUBMIT, outcome, code))


class Desk:
    """A desk at noon of some day, reconciled, every symbol at 100."""

    def __init__(
        self,
        *symbols: str,
        wallet: object = 10_000,
        limits: Limits | None = None,
        sizing: Sizing | None = None,
        rules: MatchingRules = SMOOTH,
        leverage: int = 10,
        at_ms: int = START_MS,
        price: float = 100.0,
        instruments: Mapping[str, Instrument] | None = None,
        **settings: Any,
    ) -> None:
        self.names = symbols or ("XYZ",)
        self.instruments = dict(instruments or {name: instrument(name) for name in self.names})
        self.settings = EngineSettings(
            account="paper:test:story",
            instruments=self.instruments,
            symbols=tuple(
                SymbolSettings(name, "quiet", leverage, D(1) / len(self.names)) for name in self.names
            ),
            bar_ms=BAR_MS,
            timeframe="15m",
            sizing=sizing or Sizing(SizingMode.FIXED_NOTIONAL, D(1000)),
            limits=limits or Limits(),
            **settings,
        )
        self.script = Script(self.names)
        self.prices = dict.fromkeys(self.names, float(price))
        self.matching = Matching(self.instruments, D(str(wallet)), rules)
        for name in self.names:
            self.matching.set_price(name, price)
        self.venue = Venue(self.new_engine(), self.matching)
        self.actions: list[Action] = []
        self.at_ms = at_ms
        self.sane = True
        self.exact = D("1e-20")
        self._take(self.venue.start(at_ms))

    def new_engine(self) -> Engine:
        return Engine(self.settings, self.script, build_quiet)

    # What happens

    def says(self, symbol: str, side: Side, stop: float, target: float = 0.0, **more: Any) -> "Desk":
        """The strategy's word at the close of the coming bar; distances hang on that bar's close."""
        at_ms = self.at_ms + BAR_MS
        reference = more.pop("reference", None) or self.prices[symbol]
        words = {"score": 5.0, "atr": 1.0} | more
        self.script.said[symbol, at_ms] = Signal(
            symbol,
            "quiet",
            at_ms,
            side,
            reference_price=reference,
            stop_price=stop,
            target_price=target,
            **words,
        )
        return self

    def bar(self, opens: Mapping[str, float] | None = None, **candles: Any) -> list[Action]:
        """One bar of all symbols: a price (a flat candle) or (open, high, low, close); others stand still.

        `opens` are the prices at which the next bar opens, where they differ from the close.
        """
        told = [self._candle(name, candles.get(name, self.prices[name])) for name in self.names]
        self.at_ms += BAR_MS
        for candle in told:
            self.prices[candle.symbol] = candle.close
        self.prices |= opens or {}
        return self._take(self.venue.bar(told, self.at_ms, opens or {}))

    def _candle(self, name: str, told: Any) -> Candle:
        figures = told if isinstance(told, tuple) else (told,) * 4
        return Candle(name, self.at_ms, *map(float, figures), 1.0)

    def enter(self, symbol: str, side: Side, stop: float, target: float = 0.0, **more: Any) -> list[Action]:
        """A signal and its bar: standing still, the entry executes at the price as it is."""
        return self.says(symbol, side, stop, target, **more).bar()

    def bars(self, count: int, **candles: Any) -> None:
        for _ in range(count):
            self.bar(**candles)

    def wait(self, ms: int) -> list[Action]:
        """Time passes within a bar."""
        return self._take(self.venue.wait(self.venue.now_ms + ms))

    def ask(self, command: Command) -> Done | Refused | None:
        """An operator's command; None when the answer is still to come."""
        actions = self._take(self.venue.command(command))
        found = [a.result for a in actions if isinstance(a, Answer) and a.command_id == self.last_command]
        assert len(found) <= 1, "a command is answered once"
        return found[0] if found else None

    def feed(self, *events: Event) -> list[Action]:
        """Events as they come, past the market."""
        return [action for event in events for action in self._take(self.venue.feed(event))]

    def fund(self, symbol: str, rate: str) -> list[Action]:
        return self._take(self.venue.fund(symbol, D(rate)))

    def person(self, symbol: str, side: OrderSide, quantity: object) -> list[Action]:
        """A person trades at the venue."""
        request = OrderRequest("", symbol, side, OrderType.MARKET, D(str(quantity)), foreign=True)
        request = replace(request, client_id="web")
        return self._take(self.venue.person(request))

    def person_cancels(self, order: BookedOrder) -> list[Action]:
        answer = self.matching.cancel(order.request.client_id, self.venue.now_ms)
        assert not isinstance(answer, Refusal)
        return self._take(self.venue.hear(answer))

    def reconcile(self) -> list[Action]:
        return self.feed(TimerDue(self.venue.now_ms, "reconcile"))

    def restart(self, recovered: Recovered) -> list[Action]:
        """The process dies and a new one begins with what the ledger remembers."""
        said = self.script.said
        self.script = Script(self.names, said)
        old, self.venue = self.venue, Venue(self.new_engine(), self.matching)
        self.venue.inherit(old)
        return self._take(self.venue.start(old.now_ms + 1000, recovered))

    def _take(self, actions: list[Action]) -> list[Action]:
        self.actions += actions
        if self.sane:
            self.check()
        return actions

    # What can be seen

    @property
    def state(self) -> EngineState:
        return self.venue.engine.state

    def of(self, symbol: str = "XYZ") -> SymbolState:
        return self.state.symbols[symbol]

    @property
    def last_command(self) -> str:
        return f"c{self.venue.commands}"

    @property
    def trades(self) -> list[Trade]:
        return [action.trade for action in self.actions if isinstance(action, RecordTrade)]

    @property
    def decisions(self) -> list[Decision]:
        return [action.decision for action in self.actions if isinstance(action, RecordDecision)]

    def refusals(self) -> list[str]:
        """Which gate refused, decision by decision; empty for those taken."""
        return [decision.refused_by for decision in self.decisions]

    def answer(self, command_id: str) -> Done | Refused | None:
        found = [a.result for a in self.actions if isinstance(a, Answer) and a.command_id == command_id]
        assert len(found) <= 1, "a command is answered once"
        return found[0] if found else None

    def notices(self, kind: NoticeKind) -> list[Notice]:
        return [a.notice for a in self.actions if isinstance(a, Notify) and a.notice.kind is kind]

    def submitted(self, purpose: Purpose, actions: Sequence[Action] | None = None) -> list[Order]:
        """Orders of one purpose sent (within these actions, or ever)."""
        told = self.actions if actions is None else actions
        return [a.order for a in told if isinstance(a, Submit) and a.order.purpose is purpose]

    def cancels(self, actions: Sequence[Action] | None = None) -> list[str]:
        told = self.actions if actions is None else actions
        return [action.client_id for action in told if isinstance(action, Cancel)]

    def resting(self, symbol: str = "XYZ") -> dict[str, str]:
        """What rests at the venue: purpose letter of our id -> trigger; a person's under its own id."""
        found = {}
        for order in self.matching.orders(symbol):
            ours = order.request.client_id.startswith("qd")
            name = (
                {"s": "stop", "t": "target", "c": "close", "e": "entry"}[order.request.client_id[7]]
                if ours
                else ""
            )
            key = name or order.request.client_id
            assert key not in found, f"two {key} orders rest: {self.matching.orders(symbol)}"
            found[key] = text(order.level)
        return found

    def size(self, symbol: str = "XYZ") -> Decimal:
        """The position at the venue."""
        return self.matching.position(symbol).quantity

    def check(self) -> None:
        """What must hold whenever a well-behaved venue has been heard out."""
        assert self.state.wallet == self.matching.wallet
        for name in self.names:
            ours, theirs = self.of(name).position, self.matching.position(name)
            assert ours.quantity == theirs.quantity, name
            assert ours.flat or abs(ours.entry_price / theirs.entry_price - 1) < self.exact, name
            assert self.covered(name), f"{name} has no stop"
            if ours.flat:
                left = [
                    o
                    for o in self.matching.orders(name)
                    if o.request.client_id.startswith("qd") and o.request.exits
                ]
                assert not left, f"{name} is flat and {left} rests"

    def covered(self, symbol: str) -> bool:
        """The venue itself holds a stop for the whole position, or it is flat, a person's, or being closed."""
        position, state = self.matching.position(symbol), self.of(symbol)
        if position.flat or (state.plan is not None and state.plan.foreign) or state.closing is not None:
            return True
        return stopped_at(self.matching, symbol)


def stopped_at(matching: Matching, symbol: str) -> bool:
    """True when the venue holds a stop that closes the whole position."""
    position = matching.position(symbol)
    return any(
        order.request.type is OrderType.STOP_MARKET
        and order.request.exits
        and book_closes(order, position.quantity)
        and (order.request.close_position or order.remaining >= position.size)
        for order in matching.orders(symbol)
    )


def book_closes(order: BookedOrder, quantity: Decimal) -> bool:
    return order.request.side is (SELL if quantity > ZERO else BUY)


def text(value: Decimal) -> str:
    """A figure without trailing zeros."""
    return f"{value.normalize():f}"
