"""Random runs of the whole pure part, told as lists of small happenings that shrink well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from zlib import crc32

from desk_story import BAR_MS, SMOOTH, D, Desk, stopped_at
from hypothesis import strategies as st
from recovered import Memory

from bot.domain import command as ask
from bot.domain.account import Book
from bot.domain.action import Action, RecordDecision, RecordEntry, RecordFill, RecordOrder, Submit
from bot.domain.event import ClustersChanged, Filled, OrderUpdated, Outcome
from bot.domain.guard import Limits, Sizing, SizingMode
from bot.domain.instrument import ZERO
from bot.domain.model import ModelMode, ModelScore, ScoreAsk
from bot.domain.order import TRANSITIONS, OrderSide, OrderStatus, OrderType, Purpose
from bot.domain.signal import Anchor, Side
from bot.engine import reading
from bot.runtime.rehearsal import rehearse
from bot.venues.matching import Code, OrderRequest, Refusal

NAMES = ("AAA", "BBB", "CCC")
names = st.sampled_from(NAMES)
sides = st.sampled_from(list(Side))

type Happening = Callable[["Run"], None]


@dataclass
class Run:
    """A desk, everything it did, and what must hold of that whatever happens."""

    desk: Desk
    checked: int = 0
    wallet: Decimal = ZERO
    held: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(NAMES, ZERO))
    statuses: dict[str, OrderStatus] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    entries: set[str] = field(default_factory=set)
    clean: bool = True

    def do(self, happening: Happening) -> None:
        happening(self)
        self.look()

    def look(self) -> None:
        """Everything new since the last look, action by action; then the state as a whole."""
        actions = self.desk.actions
        for action in actions[self.checked :]:
            self._action(action)
        self.checked = len(actions)
        state = self.desk.state
        assert state.wallet == self.wallet
        assert {name: s.position.quantity for name, s in state.symbols.items()} == self.held
        balance = state.balance()
        assert state.equity() == balance.wallet + balance.unrealised == balance.equity
        assert reading.status(state).balance == balance
        if self.clean:
            self.desk.check()

    def _action(self, action: Action) -> None:
        match action:
            case RecordEntry(entry):
                assert sum(posting.amount for posting in entry.postings) == 0
                self.wallet += entry.amount(Book.WALLET)
            case RecordFill(fill):
                self.held[fill.symbol] += fill.quantity * fill.side.sign
            case Submit(order):
                self._submit(order)
            case RecordOrder(order):
                before = self.statuses[order.client_id]
                assert order.status is before or order.status in TRANSITIONS[before], (before, order.status)
                self.statuses[order.client_id] = order.status
            case RecordDecision(decision):
                assert decision.taken is all(gate.passed for gate in decision.gates)
                assert not decision.taken or decision.client_id in self.sent
            case _:
                pass

    def _submit(self, order: Any) -> None:
        assert order.client_id not in self.sent, "an id is used once"
        assert order.status is OrderStatus.INTENDED
        assert order.rule_set == ("exit" if order.purpose.exits else "entry")
        assert order.intent.reduce_only is order.purpose.exits, "an exit can never open"
        assert order.intent.quantity > 0
        self.sent.add(order.client_id)
        self.statuses[order.client_id] = order.status

    def settle(self) -> None:
        """The venue behaves again: within minutes the books are its books and everything open is covered."""
        venue, desk = self.desk.venue, self.desk
        venue.misbehave, venue.lose, venue.answers = (lambda r: None), (lambda r: False), True
        venue.dropped = venue.held_back = 0
        desk._take(venue.catch_up())
        desk.wait(180_000)
        desk.reconcile()
        desk.wait(60_000)
        desk.reconcile()
        self.look()
        desk.exact = D("1e-20") if self.clean else D("1e-4")  # what came backwards has another average
        desk.check()
        for name, symbol in desk.state.symbols.items():
            assert symbol.unsettled() == 0
            ours = {
                o.request.client_id for o in desk.matching.orders(name) if o.request.client_id[:2] == "qd"
            }
            assert set(symbol.orders) == ours
            theirs = desk.matching.position(name)
            foreign = symbol.plan is not None and symbol.plan.foreign
            assert theirs.flat or foreign or stopped_at(desk.matching, name) or leaving(desk, name)


def leaving(desk: Desk, name: str) -> bool:
    """The venue has our market order for all that is left and only needs more bars to fill it."""
    orders = [
        o for o in desk.matching.orders(name) if o.request.type is OrderType.MARKET and o.request.reduce_only
    ]
    return sum((order.remaining for order in orders), ZERO) >= desk.matching.position(name).size


def new_run(parts: int = 0, **more: Any) -> Run:
    desk = Desk(
        *NAMES,
        rules=replace(SMOOTH, max_fill_quantity=D(parts)),
        limits=Limits(max_positions=3, max_same_direction=3, consecutive_losses=4, drawdown_percent=D(30)),
        **more,
    )
    desk.venue.scores = some_scores
    return Run(desk)


def some_scores(asks: tuple[ScoreAsk, ...]) -> tuple[ModelScore, ...]:
    """Models that pass, refuse, fail or are not there, whichever the bar's time says."""
    said = []
    for one in asks:
        dice = crc32(f"{one.symbol}{one.bar_at_ms}".encode()) % 8
        if dice > 1:
            said.append(ModelScore(one.symbol, dice / 8, 0.5))
        elif dice:
            said.append(ModelScore(one.symbol, fault="broken"))
    return tuple(said)


# --- what may happen ----------------------------------------------------------------------------------------------


def bar(
    moves: dict[str, tuple[int, int, int, int]], words: dict[str, tuple[Side, int, int, Anchor]]
) -> Happening:
    """One bar: per symbol gap, low, high, close in tenths of a per cent; and signals with stop and target distances."""

    def happen(run: Run) -> None:
        desk, candles, opens = run.desk, {}, {}
        for name, (gap, low, high, close) in moves.items():
            opened = desk.prices[name]
            end = max(1.0, round(opened * (1 + close / 1000), 2))
            top = round(max(opened, end) * (1 + high / 1000), 2)
            bottom = round(min(opened, end) * (1 - low / 1000), 2)
            candles[name] = (opened, top, bottom, end)
            opens[name] = round(end * (1 + gap / 1000), 2)
        for name, (side, stop, target, anchor) in words.items():
            price = candles[name][3] if name in candles else desk.prices[name]
            desk.says(
                name,
                side,
                stop=price * (1 - side.sign * stop / 1000),
                target=price * (1 + side.sign * target / 1000),
                reference=price,
                anchor=anchor,
            )
        desk.bar(opens=opens, **candles)

    return named(happen, f"bar({moves}, {words})")


def named(happen: Happening, text: str) -> Happening:
    happen.__qualname__ = happen.__name__ = text
    return happen


def command(asked: ask.Command) -> Happening:
    return named(lambda run: void(run.desk.ask(asked)), repr(asked))


def void(value: object) -> None:
    """Nothing."""


def wait(ms: int) -> Happening:
    return named(lambda run: void(run.desk.wait(min(ms, BAR_MS))), f"wait({ms})")


def fund(name: str, rate: int) -> Happening:
    def happen(run: Run) -> None:
        run.desk.wait(1)  # one settlement per symbol and moment
        run.desk.fund(name, f"{rate}e-5")

    return named(happen, f"fund({name!r}, {rate})")


def person(name: str, side: OrderSide, quantity: int) -> Happening:
    return named(
        lambda run: void(run.desk.person(name, side, quantity)), f"person({name}, {side}, {quantity})"
    )


def person_cancels(index: int) -> Happening:
    def happen(run: Run) -> None:
        orders = run.desk.matching.orders()
        if orders:
            run.desk.sane = run.clean = False  # a person may take a stop away
            run.desk.person_cancels(orders[index % len(orders)])

    return named(happen, f"person_cancels({index})")


def grouped(numbers: Mapping[str, int]) -> Happening:
    """Symbols are grouped anew."""
    groups = tuple(sorted(numbers.items()))
    return named(
        lambda run: void(run.desk.feed(ClustersChanged(run.desk.venue.now_ms, groups))), f"grouped({numbers})"
    )


def restart() -> Happening:
    def happen(run: Run) -> None:
        run.desk.restart(Memory(run.desk.venue.steps).recovered())

    return named(happen, "restart()")


def tell_again(index: int) -> Happening:
    """The stream repeats something it said before."""

    def happen(run: Run) -> None:
        said = [s.event for s in run.desk.venue.steps if isinstance(s.event, Filled | OrderUpdated)]
        if said:
            actions = run.desk.feed(said[index % len(said)])
            assert not run.clean or actions == []

    return named(happen, f"tell_again({index})")


def misbehave(letter: str, how: str, times: int) -> Happening:
    """Orders of one purpose are refused, lost, or executed in silence, so many times."""

    def happen(run: Run) -> None:
        left = [times]
        run.desk.sane = run.clean = False

        def meant(request: OrderRequest) -> bool:
            if left[0] and request.client_id[7] == letter:
                left[0] -= 1
                return True
            return False

        run.desk.venue.lose, run.desk.venue.misbehave = (lambda r: False), (lambda r: None)
        if how == "silence":
            run.desk.venue.lose = meant
        else:
            run.desk.venue.misbehave = lambda request: ANSWERS[how] if meant(request) else None

    return named(happen, f"misbehave({letter!r}, {how!r}, {times})")


def lossy(dropped: int, held_back: int) -> Happening:
    """Frames of the stream are lost, or come late and backwards."""

    def happen(run: Run) -> None:
        run.desk.sane = run.clean = False
        run.desk.venue.dropped, run.desk.venue.held_back = dropped, held_back

    return named(happen, f"lossy({dropped}, {held_back})")


def catch_up() -> Happening:
    return named(lambda run: void(run.desk._take(run.desk.venue.catch_up())), "catch_up()")


def deaf(answers: bool) -> Happening:
    def happen(run: Run) -> None:
        run.desk.venue.answers = answers

    return named(happen, f"answers={answers}")


ANSWERS: dict[str, Refusal | Outcome] = {
    "margin": Refusal(Code.MARGIN, ""),
    "through": Refusal(Code.WOULD_TRIGGER, ""),
    "reduce": Refusal(Code.REDUCE_ONLY, ""),
    "limit": Refusal(Code.TOO_MANY_STOPS, ""),
    "unknown": Outcome.UNKNOWN,
}

move = st.tuples(st.integers(-8, 8), st.integers(0, 12), st.integers(0, 12), st.integers(-30, 30))
word = st.tuples(sides, st.integers(3, 30), st.integers(5, 50), st.sampled_from(list(Anchor)))
bars = st.builds(bar, st.dictionaries(names, move, max_size=3), st.dictionaries(names, word, max_size=3))
prices = st.integers(9000, 11000).map(lambda n: Decimal(n) / 100)
sizings = st.sampled_from(
    [
        Sizing(),
        Sizing(SizingMode.RISK_USD, D(40)),
        Sizing(SizingMode.RISK_PERCENT, D(1)),
        Sizing(SizingMode.FIXED_NOTIONAL, D(2500)),
    ]
)
places, versions = st.sampled_from([*NAMES, "_general"]), st.sampled_from(["", "v0001", "v0002"])
commands = st.builds(
    command,
    st.one_of(
        st.builds(ask.ClosePosition, names, st.sampled_from([D(100), D(50), D(1), D("99.99")])),
        st.builds(ask.PanicClose, st.sampled_from(["", *NAMES])),
        st.just(ask.CloseAll()),
        st.builds(ask.MoveStop, names, price=prices),
        st.builds(ask.MoveStop, names, break_even=st.just(True)),
        st.builds(ask.MoveStop, names, trail_atr=st.sampled_from([D(1), D(3)])),
        st.builds(ask.MoveTarget, names, prices | st.none()),
        st.builds(ask.SetSizing, sizings),
        st.builds(ask.Pause, st.sampled_from(["", *NAMES])),
        st.builds(ask.Resume, st.sampled_from(["", *NAMES])),
        st.just(ask.StartTrading()),
        st.builds(ask.SetReentry, names, st.booleans()),
        st.builds(ask.SwitchModel, st.sampled_from(["", *NAMES]), st.sampled_from(list(ModelMode))),
        st.builds(ask.SetModelThreshold, names, st.sampled_from([None, D(0), D("0.3"), D("0.9")])),
        st.builds(ask.UseModel, st.just("quiet"), places, versions, versions),
        st.builds(ask.SetLimit, st.just("max_same_cluster"), st.sampled_from([D(0), D(1), D(2)])),
        st.builds(ask.SetLimit, st.just("exposure_per_cluster"), st.sampled_from([D(0), D("0.05"), D(1)])),
        st.builds(ask.KillNow, names),
        st.builds(ask.ResetKill, st.sampled_from(["", *NAMES]), st.just("why not")),
        st.just(ask.Unhalt()),
        st.just(ask.Reconcile()),
        st.builds(ask.OpenPosition, names, sides, st.sampled_from([None, None, D(30), D(0)]), st.booleans()),
        st.builds(ask.ChangeLeverage, names, st.sampled_from([0, 1, 5, 9, 11, 20, 50])),
        st.builds(ask.Adopt, names),
        st.builds(ask.Ignore, names),
        st.builds(ask.AttachStop, names, prices | st.none()),
        st.builds(ask.SetAlert, names, st.booleans(), prices, st.sampled_from(["telegram:1", "discord:2"])),
        st.builds(ask.DropAlert, st.integers(1, 9)),
        st.builds(ask.NoteTrade, names, st.sampled_from(["", "good"]), st.just("telegram:1")),
    ),
)


def rehearsed() -> Happening:
    """A panic is only rehearsed: nothing of the desk moves, every open position would be closed, and proven."""

    def happen(run: Run) -> None:
        before = reading.dump(run.desk.state), len(run.desk.venue.steps), run.desk.matching.state()
        calls = rehearse(run.desk.venue.engine, ask.PanicClose(), "test:1", run.desk.venue.now_ms)
        assert (reading.dump(run.desk.state), len(run.desk.venue.steps), run.desk.matching.state()) == before
        held = {s.symbol for s in run.desk.state.open_symbols if not s.live(Purpose.CLOSE)}
        closing = {s.symbol for s in run.desk.state.open_symbols if s.closing is not None}
        assert held - closing <= {call.symbol for call in calls if call.words.startswith("close: ")}

    return named(happen, "rehearsed()")


good = st.one_of(
    bars,
    bars,
    bars,
    commands,
    st.builds(rehearsed),
    st.builds(grouped, st.dictionaries(names, st.integers(1, 2), max_size=3)),
    st.builds(wait, st.integers(1, 20_000)),
    st.builds(fund, names, st.integers(-50, 50)),
    st.builds(tell_again, st.integers(0, 1000)),
)
people = st.builds(person, names, st.sampled_from(list(OrderSide)), st.integers(1, 30)) | st.builds(
    person_cancels, st.integers(0, 20)
)
bad = st.one_of(
    st.builds(
        misbehave,
        st.sampled_from("estc"),
        st.sampled_from([*ANSWERS, "silence"]),
        st.integers(1, 12),
    ),
    st.builds(deaf, st.booleans()),
    st.builds(lossy, st.integers(0, 6), st.integers(0, 6)),
    st.builds(catch_up),
)
