"""The engine and the fill model joined without asyncio: exact backtests, benchmarks and tests of the engine.

The same engine, the same fill model and the same order of things as the paper venue; only sockets, database and
waiting are missing. What a real journal would hold is kept in `steps` when asked.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.account import Book, Entry, transfer
from bot.domain.action import (
    Action,
    AskScores,
    Cancel,
    Deed,
    PlaceModel,
    QueryOrder,
    SetLeverage,
    StartTimer,
    Submit,
    TakeSnapshot,
)
from bot.domain.command import Command
from bot.domain.event import (
    Call,
    CallEnded,
    CandlesClosed,
    CommandIssued,
    Event,
    Filled,
    FundingPaid,
    ModelPlaced,
    OrderUpdated,
    Outcome,
    ScoresCame,
    SnapshotTaken,
    Started,
)
from bot.domain.fill import Fill
from bot.domain.market import Candle
from bot.domain.model import ModelScore, ScoreAsk
from bot.domain.order import OrderType, closing
from bot.domain.snapshot import Recovered, VenueSnapshot
from bot.engine.engine import Engine
from bot.runtime.perform import deeds_of
from bot.runtime.ports import Step
from bot.runtime.timers import Timers
from bot.venues.matching import (
    Finer,
    Matching,
    OrderRequest,
    Refusal,
    Report,
    event_of,
    request_of,
)
from bot.venues.matching.walk import coarse

type Scores = Callable[[tuple[ScoreAsk, ...]], tuple[ModelScore, ...]]


def no_models(asks: tuple[ScoreAsk, ...]) -> tuple[ModelScore, ...]:
    """Nobody has anything to say."""
    return ()


type Places = Callable[[PlaceModel], str]


def any_place(deed: PlaceModel) -> str:
    """Every version can be put in use; no file is touched."""
    return ""


@dataclass(frozen=True, slots=True)
class Payment:
    """Funding of one symbol that is due: `rate` as a fraction of notional, positive when longs pay."""

    symbol: str
    at_ms: int
    rate: Decimal


class Simulation:
    """One account in a loop of bars. `now_ms` is the venue's time; `journal` keeps every step when True."""

    def __init__(
        self, engine: Engine, matching: Matching, *, journal: bool = False, finer: Finer = coarse
    ) -> None:
        """The engine must be new; `start` makes it ready. `finer` tells what is inside a candle (BothHit.PATH)."""
        self.engine = engine
        self.matching = matching
        self.now_ms = 0
        self.steps: list[Step] = []
        self.fills: list[Fill] = []
        self.funding: list[Entry] = []
        self._journal = journal
        self._finer = finer
        self.scores: Scores = no_models
        self.places: Places = any_place
        self._inbox: deque[Event] = deque()
        self._timers = Timers(self._inbox.append)
        self.commands = 0

    def start(self, at_ms: int, recovered: Recovered | None = None) -> list[Action]:
        """Begin: recovery and reconciliation as on every start."""
        self.now_ms = at_ms
        return self.feed(Started(at_ms, recovered or Recovered()))

    def bar(
        self,
        candles: Sequence[Candle],
        closes_at_ms: int,
        opens: Mapping[str, float],
        payments: Sequence[Payment] = (),
        ended: Sequence[str] = (),
    ) -> list[Action]:
        """One bar: its path at the venue, funding due by its end, its close to the engine, orders at the next opens.

        Of the symbols that have `ended` with it, the venue closes what is open, at the close.
        """
        done = self.wait(closes_at_ms - 1)  # what is due within the bar meets its opening price
        self.now_ms = closes_at_ms
        for candle in candles:
            for report in self.matching.sweep(candle, closes_at_ms, self._finer):
                self._tell(report)
        for payment in payments:
            for report in self.matching.settle_funding(payment.symbol, payment.rate, payment.at_ms):
                self._tell(report)
        for candle in candles:
            self.matching.set_price(candle.symbol, opens.get(candle.symbol, candle.close))
        for symbol in ended:
            done += self._end(symbol)
        self._timers.fire(closes_at_ms)
        timeframe = self.engine.state.settings.timeframe
        return done + self.feed(CandlesClosed(closes_at_ms, timeframe, tuple(candles)))

    def _end(self, symbol: str) -> list[Action]:
        done = self._drain()
        position = self.matching.position(symbol)
        if position.flat:
            return done
        side, size = closing(position.side), position.size
        request = OrderRequest("end", symbol, side, OrderType.MARKET, size, reduce_only=True, foreign=True)
        return done + self.person(request)

    def fund(self, symbol: str, rate: Decimal) -> list[Action]:
        """Settle funding now."""
        for report in self.matching.settle_funding(symbol, rate, self.now_ms):
            self._tell(report)
        return self._drain()

    def command(self, command: Command, actor: str = "test:1") -> list[Action]:
        """An operator's command, now."""
        self.commands += 1
        return self.feed(CommandIssued(self.now_ms, f"c{self.commands}", actor, command))

    def person(self, request: OrderRequest) -> list[Action]:
        """A person trades at the venue, past the bot."""
        reports = self.matching.submit(request, self.now_ms)
        if not isinstance(reports, Refusal):
            for report in reports:
                self._tell(report)
        return self._drain()

    def feed(self, event: Event) -> list[Action]:
        """One event and everything it leads to; returns all actions in order."""
        self._inbox.append(event)
        return self._drain()

    def wait(self, until_ms: int) -> list[Action]:
        """Let time pass without market, so that timers fire, each at its time."""
        done: list[Action] = []
        while 0 < self._timers.next_at_ms <= until_ms:
            self.now_ms = max(self.now_ms, self._timers.next_at_ms)
            self._timers.fire(self.now_ms)
            done += self._drain()
        self.now_ms = max(self.now_ms, until_ms)
        return done

    def _drain(self) -> list[Action]:
        done: list[Action] = []
        while self._inbox:
            done.extend(self._step(self._inbox.popleft()))
        return done

    def _step(self, event: Event) -> list[Action]:
        """One event: handled, recorded, its deeds performed; what they come to waits in the inbox."""
        actions = self.engine.handle(event)
        if self._journal:
            self.steps.append(Step(len(self.steps) + 1, event, tuple(actions)))
        for deed in deeds_of(actions):
            self._perform(deed)
        return actions

    def _perform(self, deed: Deed) -> None:
        match deed:
            case Submit(order):
                self._answer(order.client_id, order.symbol, Call.SUBMIT, self.submit(request_of(order)))
            case Cancel(client_id, symbol):
                answer = self.matching.cancel(client_id, self.now_ms)
                self._answer(client_id, symbol, Call.CANCEL, answer)
            case TakeSnapshot(since_ms):
                self._inbox.append(SnapshotTaken(self.now_ms, self._snapshot(since_ms)))
            case QueryOrder(client_id, symbol):
                self._inbox.append(self._query(client_id, symbol))
            case StartTimer():
                self._timers.start(deed)
            case AskScores(number, asks):
                self._inbox.append(ScoresCame(self.now_ms, number, self.scores(asks)))
            case PlaceModel(number):
                self._inbox.append(ModelPlaced(self.now_ms, number, self.places(deed)))
            case SetLeverage(symbol, leverage):
                refused = self.matching.set_leverage(symbol, leverage)
                self._answer("", symbol, Call.SUBMIT, refused or [])

    def submit(self, request: OrderRequest) -> list[Report] | Refusal:
        """The venue's answer to an order; tests replace it to make a venue misbehave."""
        return self.matching.submit(request, self.now_ms)

    def _answer(self, client_id: str, symbol: str, call: Call, answer: list[Report] | Refusal) -> None:
        if isinstance(answer, Refusal):
            ended = CallEnded(self.now_ms, client_id, symbol, call, Outcome.NOT_DONE, answer.code)
        else:
            for report in answer:
                self._tell(report)
            ended = CallEnded(self.now_ms, client_id, symbol, call, Outcome.DONE)
        self._inbox.append(ended)

    def _tell(self, report: Report) -> None:
        self._inbox.append(self.remember(report))

    def remember(self, report: Report) -> Event:
        """Keep what later snapshots have to tell; returns the event that says the same now."""
        event = event_of(report)
        if isinstance(event, Filled):
            self.fills.append(event.fill)
        elif isinstance(event, FundingPaid):
            paid = transfer(
                event.at_ms, "funding", event.symbol, event.payment_id, Book.FUNDING, event.amount
            )
            self.funding.append(paid)
        return event

    def _query(self, client_id: str, symbol: str) -> OrderUpdated | CallEnded:
        order = self.matching.order(client_id)
        if order is None:
            return CallEnded(self.now_ms, client_id, symbol, Call.SUBMIT, Outcome.NOT_DONE, "not found")
        return OrderUpdated(
            self.now_ms, client_id, order.venue_id, symbol, order.status, order.filled, order.average_price
        )

    def _snapshot(self, since_ms: int) -> VenueSnapshot:
        positions = self.matching.positions()
        marks = {p.symbol: self.matching.mark(p.symbol) or p.entry_price for p in positions}
        return VenueSnapshot(
            at_ms=self.now_ms,
            wallet=self.matching.wallet,
            positions=positions,
            orders=tuple(order.view() for order in self.matching.orders()),
            fills=tuple(fill for fill in self.fills if fill.at_ms >= since_ms),
            funding=tuple(entry for entry in self.funding if entry.at_ms >= since_ms),
            marks=marks,
        )
