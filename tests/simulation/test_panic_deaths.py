"""A panic is finished whatever happens: in every state of the desk, and by the next start when the process dies.

Every moment at which the process can die is tried: after each step of the journal and before each deed. The next start
begins with what the ledger has, on a copy of the same venue.
"""

from dataclasses import replace
from typing import Any

import pytest
from desk_story import BAR_MS, LONG, SHORT, SMOOTH, START_MS, D, Desk, Script, Venue, build_quiet
from recovered import Memory

from bot.domain.action import Action, Answer, Notify, RecordTrade, Submit
from bot.domain.command import CloseAll, ClosePosition, Command, Done, PanicClose, StartTrading
from bot.domain.event import StorageChanged, VenueLost, VenueRestored
from bot.domain.guard import HaltKind, KillKind, TradingState
from bot.domain.market import Candle
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.order import CloseReason, Purpose
from bot.domain.refusal import Refused
from bot.engine import guards
from bot.engine.engine import Engine
from bot.engine.turn import Turn
from bot.runtime.perform import deeds_of
from bot.runtime.ports import Step
from bot.venues.matching import Matching, Refusal

NAMES = ("AAA", "BBB", "CCC")


class Mortal(Venue):
    """A simulation that calls `die` wherever a process can die; what its ledger knows is in `memory`."""

    def __init__(self, engine: Engine, matching: Matching, **more: Any) -> None:
        super().__init__(engine, matching, **more)
        self.memory = Memory()
        self.die: Any = lambda: None

    def _step(self, event: Any) -> list[Action]:
        actions = self.engine.handle(event)
        self.steps.append(Step(len(self.steps) + 1, event, tuple(actions)))
        self.memory.take(self.steps[-1])
        for deed in deeds_of(actions):
            self.die()
            self._perform(deed)
            self.after_deed()
        self.die()
        return actions


def mortal(parts: int) -> tuple[Desk, Mortal]:
    """Two positions, one long and one short; AAA's executions come in parts of this size (0: whole)."""
    rules = replace(SMOOTH, max_fill_quantity=D(parts))
    desk = Desk(*NAMES, rules=rules)
    venue = Mortal(desk.new_engine(), Matching(desk.instruments, D(10_000), rules))
    for name in NAMES:
        venue.matching.set_price(name, 100.0)
    desk.venue, desk.matching = venue, venue.matching
    venue.start(START_MS)
    desk.says("AAA", LONG, stop=95, target=110).enter("BBB", SHORT, stop=105, target=90)
    desk.bars(4)
    assert (desk.size("AAA"), desk.size("BBB")) == (10, -10)
    return desk, venue


def reborn(old: Mortal) -> tuple[Mortal, list[Action]]:
    """The next process, on a copy of the venue as it was."""
    account = old.matching._account
    matching = Matching(account.instruments, account.wallet, account.rules)
    matching.restore(old.matching.state())
    for symbol, price in account.last.items():
        matching.set_price(symbol, price)
    venue = Mortal(Engine(old.engine.state.settings, Script(NAMES), build_quiet), matching)
    venue.fills, venue.funding, venue.commands = list(old.fills), list(old.funding), old.commands
    venue.memory, venue.steps = Memory(old.steps), list(old.steps)
    actions = venue.start(old.now_ms + 1000, old.memory.recovered())
    return venue, actions + venue.wait(venue.now_ms + 120_000) + still(venue)


def still(venue: Mortal) -> list[Action]:
    """Three bars in which nothing moves: what executes in parts gets its parts."""
    actions: list[Action] = []
    for _ in range(3):
        closes_at_ms = (venue.now_ms // BAR_MS + 1) * BAR_MS
        candles = [Candle(name, closes_at_ms - BAR_MS, *[100.0] * 4, 1.0) for name in NAMES]
        actions += venue.bar(candles, closes_at_ms, {})
    return actions


def panics(actions: list[Action]) -> list[Notice]:
    told = [a.notice for a in actions if isinstance(a, Notify) and a.notice.kind is NoticeKind.PANIC]
    return [notice for notice in told if "finished after a restart" in notice.title]


@pytest.mark.parametrize(
    "command, severity",
    [
        (PanicClose(), Severity.CRITICAL),
        (PanicClose("AAA"), Severity.CRITICAL),
        (CloseAll(), Severity.TRADE),
        (ClosePosition("AAA"), Severity.TRADE),
    ],
    ids=["panic", "panic of one", "close all", "close one"],
)
@pytest.mark.parametrize("parts", [0, 4], ids=["whole", "in parts"])
def test_death_at_every_moment_of_a_close(command: Command, severity: Severity, parts: int) -> None:
    desk, venue = mortal(0)
    if parts:
        venue.matching._account.rules = replace(SMOOTH, max_fill_quantity=D(parts))
    looked = told = 0
    wanted = [getattr(command, "symbol", "")] if getattr(command, "symbol", "") else ["AAA", "BBB"]

    def look() -> None:
        nonlocal looked, told
        looked += 1
        open_still = venue.memory.settings.get("flattens", "[]") != "[]"
        life, actions = reborn(venue)
        assert all(life.matching.position(name).flat for name in wanted), "the next start finishes it"
        rests = [o for name in wanted for o in life.matching.orders(name)]
        assert rests == []
        assert life.matching.wallet == life.engine.state.wallet
        assert life.engine.state.flattens == []
        entries = [a for a in actions if isinstance(a, Submit) and a.order.purpose is Purpose.ENTRY]
        assert entries == []
        if isinstance(command, PanicClose) and not command.symbol:
            assert life.engine.state.trading is TradingState.STOPPED
        notices = panics(actions)
        assert len(notices) == open_still, "the end is told once, and only when it was not reached before"
        for notice in notices:
            told += 1
            assert notice.severity is severity
            assert "finished after a restart: flat, verified with the venue" in notice.title
            check_receipts(life, notice, wanted)
        _, later = reborn(life)
        assert [a for a in later if isinstance(a, Submit)] == []
        assert panics(later) == []

    venue.die = look
    answer = desk.ask(command)
    still(venue)
    venue.die = lambda: None
    assert answer is None if parts else isinstance(answer, Done)
    assert looked > 8
    assert told > 4


def check_receipts(life: Mortal, notice: Notice, wanted: list[str]) -> None:
    """A receipt per position, and its net is the trade's."""
    trades = {t.symbol: t for t in life.memory.trades}
    assert sorted(label for label, _ in notice.fields) == wanted
    for label, text in notice.fields:
        assert text.startswith("10 of 10 closed at 100.00, net ")
        assert f"net {trades[label].net.quantize(D('0.01')):+f} USDT, flat after" in text


def test_the_receipt_says_what_the_trade_says() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=120)
    desk.bar(XYZ=103.5)
    desk.fund("XYZ", "0.0001")
    answer = desk.ask(PanicClose())
    assert isinstance(answer, Done)
    (receipt,) = answer.receipts
    assert receipt.net == desk.trades[0].net
    assert (receipt.asked, receipt.done, receipt.left) == (10, 10, 0)


# --- every state ------------------------------------------------------------------------------------------------


def stopped(desk: Desk) -> None:
    desk.state.stopped = True


def paused(desk: Desk) -> None:
    desk.state.paused = desk.of().paused = True


def protect(desk: Desk) -> None:
    desk.state.protect = True


def killed(desk: Desk) -> None:
    guards.kill(Turn(desk.state, desk.venue.now_ms), desk.of(), KillKind.MANUAL, "test")


def halted(desk: Desk) -> None:
    guards.halt(Turn(desk.state, desk.venue.now_ms), "", HaltKind.MAINTENANCE, 0, "test")


def no_database(desk: Desk) -> None:
    desk.feed(StorageChanged(desk.venue.now_ms, False, "disk full"))


def no_link(desk: Desk) -> None:
    desk.feed(VenueLost(desk.venue.now_ms, "silent"))


def closing_by_half(desk: Desk) -> None:
    desk.venue.misbehave = lambda r: (
        Refusal("-1008", "overload") if r.exits and not r.close_position else None
    )
    assert desk.ask(ClosePosition("XYZ", D(50))) is None
    desk.venue.misbehave = lambda r: None


def closing_all(desk: Desk) -> None:
    desk.venue.misbehave = lambda r: (
        Refusal("-1008", "overload") if r.exits and not r.close_position else None
    )
    assert desk.ask(CloseAll()) is None
    desk.venue.misbehave = lambda r: None


STATES = [
    stopped, paused, protect, killed, halted, no_database, no_link, closing_by_half, closing_all
]  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("symbol", ["", "XYZ"], ids=["all", "one"])
def test_a_panic_works_in_every_state(state: Any, symbol: str) -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    state(desk)
    answer = desk.ask(PanicClose(symbol))
    assert isinstance(answer, Done)
    assert answer.remarks == ("flat, verified with the venue",)
    assert (desk.size(), desk.resting()) == (0, {})
    assert sum(r.done for r in answer.receipts) == 10
    assert all(r.left == 0 for r in answer.receipts)
    assert [t.net for t in desk.trades] == [D("-0.8")]
    assert desk.state.flattens == []
    again = desk.ask(PanicClose(symbol))
    assert isinstance(again, Done)
    assert (again.receipts, again.remarks) == ((), ("flat, verified with the venue",))


def test_a_panic_before_the_books_are_reconciled() -> None:
    """The start's first question is still unanswered: the close goes out, and the end is proven."""
    desk, venue = mortal(0)
    life = Mortal(Engine(desk.settings, Script(NAMES), build_quiet), venue.matching)
    life.fills, life.commands, life.steps = venue.fills, 50, venue.steps
    plain, life_snapshots = life._perform, []
    life._perform = lambda deed: (
        life_snapshots.append(deed) if "Snapshot" in type(deed).__name__ else plain(deed)
    )
    life.start(venue.now_ms + 1000, venue.memory.recovered())
    assert life.engine.state.trading is TradingState.RECOVERING
    life.command(PanicClose())
    assert life.matching.position("AAA").flat
    assert life.matching.position("BBB").flat
    life._perform = plain
    actions = [a for deed in life_snapshots for a in (plain(deed) or [])] + life._drain()
    answers = [a.result for a in actions if isinstance(a, Answer)]
    assert [type(a) for a in answers] == [Done]
    assert life.engine.state.trading is TradingState.STOPPED
    assert [a for a in actions if isinstance(a, RecordTrade)] == []
    assert all(not life.matching.orders(name) for name in NAMES)


def test_a_person_ends_a_panic_that_cannot_be_finished() -> None:
    """Until it is answered it cannot be ended; then /start_trading gives it up, and the stop protects again."""
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.venue.misbehave = lambda r: (
        Refusal("-1008", "overload") if r.exits and not r.close_position else None
    )
    assert desk.ask(PanicClose()) is None
    refused = desk.ask(StartTrading())
    assert refused == Refused("panic", "a panic close is under way: XYZ 10 left; wait for its answer")
    desk.wait(31_000)
    answer = desk.answer("c1")
    assert isinstance(answer, Done)
    assert answer.remarks == ("NOT CONFIRMED after 30 s: XYZ 10 left; the desk goes on until it is flat",)
    ended = desk.ask(StartTrading())
    assert isinstance(ended, Done)
    assert ended.remarks == ("Panic close of 12:15 UTC is given up: XYZ 10 left",)
    assert (desk.state.flattens, desk.of().closing) == ([], None)
    desk.venue.misbehave = lambda r: None
    desk.wait(60_000)
    assert desk.size() == 10
    assert desk.resting() == {"stop": "95", "target": "110"}


def test_the_venue_link_comes_back_after_a_panic() -> None:
    desk = Desk()
    desk.enter("XYZ", LONG, stop=95, target=110)
    no_link(desk)
    desk.ask(PanicClose())
    desk.feed(VenueRestored(desk.venue.now_ms))
    assert desk.state.trading is TradingState.STOPPED
    assert [t.reason for t in desk.trades] == [CloseReason.PANIC]
