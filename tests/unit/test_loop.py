"""The one task that owns the engine: commit, then perform, then answer; and what it does when it cannot commit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from desk_story import BAR_MS, D, Desk
from desk_story import Venue as StoryVenue

from bot.domain.account import EquityPoint
from bot.domain.action import (
    Action,
    Answer,
    Cancel,
    Notify,
    PlaceModel,
    QueryOrder,
    RecordEquity,
    RecordTrading,
    SetLeverage,
    StartTimer,
    Submit,
    TakeSnapshot,
)
from bot.domain.command import CloseAll, Done, Pause, Resume
from bot.domain.errors import InvariantError, StorageError
from bot.domain.event import (
    Call,
    CallEnded,
    CandlesClosed,
    CommandIssued,
    Event,
    ModelPlaced,
    Outcome,
    QuotesSeen,
    ScoresCame,
    SnapshotFailed,
    SnapshotTaken,
    Started,
    StorageChanged,
    TimerDue,
    VenueConditionChanged,
)
from bot.domain.guard import HaltKind, TradingState
from bot.domain.market import Candle
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.order import Intent, Order, OrderSide, OrderStatus, OrderType, Purpose
from bot.domain.signal import Side
from bot.domain.snapshot import Recovered, VenueSnapshot
from bot.runtime.loop import TOGETHER, Loop, urgent
from bot.runtime.perform import LanedPerformer, Performer, deeds_of, risks_more
from bot.runtime.ports import Step
from bot.runtime.timers import Timers
from bot.venues.port import VenueUnavailable

NOW = 1_700_000_000_000


def order(client_id: str, purpose: Purpose) -> Order:
    intent = Intent("XYZ", OrderSide.BUY, purpose, OrderType.MARKET, D(1), "d")
    return Order(client_id, intent, "exit" if purpose.exits else "entry", OrderStatus.INTENDED, NOW, NOW)


ENTRY, STOP, CLOSE = (Submit(order(p.lower(), p)) for p in (Purpose.ENTRY, Purpose.STOP, Purpose.CLOSE))
CANCEL = Cancel("old", "XYZ", True)
EQUITY = RecordEquity(EquityPoint(NOW, D(1), D(1), 0))
TOLD = Notify(Notice(NoticeKind.JOB, Severity.INFO, NOW, "hello"))


class Words:
    """An engine that answers a timer by its name (others by their class) with what it was told, commands with Done."""

    def __init__(self, **told: list[Action] | Exception) -> None:
        self.told = told
        self.heard: list[Event] = []
        self.state = SimpleNamespace(protect=False, lasting=TradingState.PROTECT)

    def handle(self, event: Event) -> list[Action]:
        self.heard.append(event)
        if isinstance(event, CommandIssued):
            return [Answer(event.command_id, Done(remarks=(type(event.command).__name__,)))]
        name = event.name if isinstance(event, TimerDue) else type(event).__name__
        found = self.told.get(name, [])
        if isinstance(found, Exception):
            raise found
        return list(found)


class Books:
    """A ledger in memory: keeps steps, may be down, may be slow; `log` has the order of all calls."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.steps: list[Step] = []
        self.down = False
        self.fault: Exception | None = None
        self.tries = 0
        self.open = asyncio.Event()
        self.open.set()

    async def commit(self, steps: Sequence[Step]) -> None:
        await self.open.wait()
        self.tries += 1
        numbers = ",".join(str(step.number) for step in steps)
        if self.fault is not None:
            raise self.fault
        if self.down:
            self.log.append(f"failed {numbers}")
            raise StorageError("the disk is full")
        self.log.append(f"commit {numbers}")
        self.steps += steps


class Hands:
    """A venue that only says DONE."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.reachable = True
        self.fault: Exception | None = None

    def _done(self, what: str, client_id: str, call: Call = Call.SUBMIT) -> CallEnded:
        self.log.append(f"{what} {client_id}")
        return CallEnded(NOW, client_id, "XYZ", call, Outcome.DONE)

    async def submit(self, asked: Order) -> CallEnded:
        return self._done("submit", asked.client_id)

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        return self._done("cancel", client_id, Call.CANCEL)

    async def query(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        return self._done("query", client_id)

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        return self._done("leverage", f"{symbol} {leverage}")

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        self.log.append(f"snapshot {since_ms}")
        if not self.reachable:
            raise VenueUnavailable("time-out")
        if self.fault is not None:
            raise self.fault
        return VenueSnapshot(NOW, D(1), (), ())


class House:
    """Loop, ledger, venue and timers around an engine."""

    def __init__(
        self,
        engine: Any,
        venue: Any = None,
        performs: type[Performer] = Performer,
        batch: int = 1,
        last_step: int = 0,
    ) -> None:
        self.log: list[str] = []
        self.books = Books(self.log)
        self.hands = venue or Hands(self.log)
        self.woken = 0
        self.loop = Loop(engine, self.books, lambda: NOW, batch)  # type: ignore[arg-type]
        self.timers = Timers(self.loop.put)
        performer = performs(self.hands, self.timers, self.loop.put, lambda: NOW)
        self.loop.join(performer, last_step, self._wake)

    def _wake(self) -> None:
        self.woken += 1
        self.log.append("notice")

    async def say(self, *names: str) -> None:
        """These timers are due; wait for all they lead to."""
        for name in names:
            self.loop.put(TimerDue(NOW, name))
        await self.loop.settled()


@asynccontextmanager
async def running(engine: Any, **more: Any) -> AsyncIterator[House]:
    house = House(engine, **more)
    task = asyncio.create_task(house.loop.run())
    try:
        yield house
        assert not task.done(), "the loop is alive"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def turns(count: int = 5) -> None:
    """Let every other task have its turn."""
    for _ in range(count):
        await asyncio.sleep(0)


# --- the order of things --------------------------------------------------------------------------------------------


async def test_commit_happens_before_anything_is_done() -> None:
    async with running(Words(go=[ENTRY])) as house:
        await house.say("go")
        assert house.log == ["commit 1", "submit entry", "commit 2"]
        assert [step.number for step in house.books.steps] == [1, 2]
        assert isinstance(house.books.steps[1].event, CallEnded)


async def test_nothing_is_done_while_the_commit_is_on_its_way() -> None:
    async with running(Words(go=[ENTRY, TOLD])) as house:
        house.books.open.clear()
        house.loop.put(TimerDue(NOW, "go"))
        await turns()
        assert house.log == []
        house.books.open.set()
        await house.loop.settled()
        assert house.log[:3] == ["commit 1", "submit entry", "notice"]


async def test_events_are_handled_one_after_the_other_in_their_order() -> None:
    engine = Words(one=[CANCEL], two=[STOP])
    async with running(engine) as house:
        await house.say("one", "two")
        assert house.log == ["commit 1,2", "cancel old", "submit stop", "commit 3,4"]
        assert [type(event).__name__ for event in engine.heard] == ["TimerDue"] * 2 + ["CallEnded"] * 2


async def test_numbers_go_on_where_the_journal_ended() -> None:
    async with running(Words(go=[TOLD]), last_step=41) as house:
        await house.say("go", "go")
        await house.say("go")
        assert house.log == ["commit 42,43", "notice", "notice", "commit 44", "notice"]


def test_deeds_exits_first_then_cancels_the_rest_and_entries() -> None:
    query, look = QueryOrder("q", "XYZ", False), TakeSnapshot(0)
    timer, leverage = StartTimer("t", "", NOW), SetLeverage("XYZ", 5)
    mixed = [TOLD, ENTRY, query, CANCEL, timer, STOP, EQUITY, look, leverage, CLOSE]
    assert deeds_of(mixed) == [STOP, CLOSE, CANCEL, query, timer, look, leverage, ENTRY]
    assert [deed for deed in deeds_of(mixed) if risks_more(deed)] == [ENTRY]


async def test_every_deed_comes_back_as_an_event() -> None:
    engine = Words(go=[QueryOrder("q", "XYZ", False), SetLeverage("XYZ", 5), TakeSnapshot(7)])
    async with running(engine) as house:
        await house.say("go")
        assert house.log[1:4] == ["query q", "leverage XYZ 5", "snapshot 7"]
        house.hands.reachable = False
        await house.say("go")
        assert engine.heard[-1] == SnapshotFailed(NOW, "time-out")


async def test_an_account_that_cannot_be_read_rests_from_entries_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = Words(go=[TakeSnapshot(7)])
    async with running(engine) as house:
        house.hands.fault = KeyError("positionAmt")
        await house.say("go")
        await house.say("go")
        house.hands.fault = None
        await house.say("go")
        await house.say("go")
    told = [event for event in engine.heard if not isinstance(event, TimerDue)]
    blind = VenueConditionChanged(NOW, HaltKind.ERRORS, True, "the account cannot be read (fault)")
    sees = VenueConditionChanged(NOW, HaltKind.ERRORS, False, "the account can be read again")
    failed, taken = SnapshotFailed(NOW, "fault"), SnapshotTaken(NOW, VenueSnapshot(NOW, D(1), (), ()))
    assert told == [blind, failed, failed, taken, sees, taken], "entries go on after the books were compared"
    assert caplog.text.count("positionAmt") >= 2, "the log says what it was"


# --- batches --------------------------------------------------------------------------------------------------------


async def test_uneventful_steps_wait_for_a_batch() -> None:
    async with running(Words(quiet=[EQUITY], loud=[TOLD]), batch=3) as house:
        await house.say("quiet", "quiet")
        assert house.log == []
        await house.say("quiet")
        assert house.log == ["commit 1,2,3"]
        await house.say("quiet", "loud")
        assert house.log[1:] == ["commit 4,5", "notice"]


async def test_flush_writes_what_waits_and_nothing_twice() -> None:
    async with running(Words(quiet=[EQUITY]), batch=100) as house:
        await house.say("quiet", "nothing")
        await house.loop.flush()
        await house.loop.flush()
        assert house.log == ["commit 1,2"]


async def test_a_flush_beside_a_commit_writes_nothing_twice() -> None:
    async with running(Words(quiet=[EQUITY], loud=[TOLD]), batch=100) as house:
        await house.say("quiet")
        house.books.open.clear()
        flushing = asyncio.create_task(house.loop.flush())
        house.loop.put(TimerDue(NOW, "loud"))
        await turns()
        house.books.open.set()
        await flushing
        await house.loop.settled()
        assert [step.number for step in house.books.steps] == [1, 2]


@pytest.mark.parametrize(
    "actions, hurry", [([], False), ([EQUITY], False), ([EQUITY, TOLD], True), ([STOP], True)]
)
def test_only_figures_may_wait(actions: list[Action], hurry: bool) -> None:
    assert urgent(actions) is hurry


# --- steps that share a commit --------------------------------------------------------------------------------------


KEPT = RecordTrading(NOW, TradingState.PROTECT)


async def test_events_share_a_commit_and_are_carried_out_in_their_order() -> None:
    async with running(Words(row=[KEPT], deed=[CANCEL], more=[ENTRY, STOP, TOLD])) as house:
        await house.say("row", "deed", "row", "more", "row")
        assert house.log == [
            *("commit 1,2,3,4,5", "cancel old", "submit stop", "submit entry", "notice"),
            "commit 6,7,8",
        ], "before anything is done all is in the books"
        assert [step.number for step in house.books.steps] == list(range(1, 9))


BAR = CandlesClosed(NOW, "1m", ())
SLOW_ONES = [BAR, ScoresCame(NOW, 1, ()), SnapshotTaken(NOW, VenueSnapshot(NOW, D(1), (), ()))]


@pytest.mark.parametrize("action", [TOLD, CANCEL, STOP, ENTRY, StartTimer("t", "", NOW), TakeSnapshot(0)])
@pytest.mark.parametrize("slow", SLOW_ONES, ids=lambda event: type(event).__name__)
async def test_what_is_to_be_done_never_waits_for_a_slow_event(action: Action, slow: Event) -> None:
    engine = Words(act=[KEPT, action], row=[KEPT])
    async with running(engine) as house:
        for event in (TimerDue(NOW, "act"), TimerDue(NOW, "row"), slow):
            house.loop.put(event)
        await house.loop.settled()
        assert house.log[0] == "commit 1,2"
        assert house.loop.unsaved == 0


async def test_what_a_bar_leads_to_waits_for_nobody_behind_it() -> None:
    async with running(Words(CandlesClosed=[STOP], act=[CANCEL])) as house:
        for event in (BAR, TimerDue(NOW, "act")):
            house.loop.put(event)
        await house.loop.settled()
        assert house.log[:3] == ["commit 1", "submit stop", "commit 2,3"]


async def test_rows_alone_wait_for_a_bar_too() -> None:
    async with running(Words(row=[KEPT]), batch=10) as house:
        for event in (TimerDue(NOW, "row"), BAR):
            house.loop.put(event)
        await house.loop.settled()
        assert house.log == ["commit 1,2"]


async def test_quiet_steps_that_wait_for_a_batch_leave_room_for_what_is_shared() -> None:
    async with running(Words(quiet=[EQUITY], deed=[CANCEL]), batch=1000) as house:
        await house.say(*["quiet"] * (2 * TOGETHER))
        await house.say("deed", "deed", "deed")
        assert house.books.tries == 1
        assert house.log[1:] == ["cancel old"] * 3


async def test_without_a_database_a_crowd_waits_for_one_try_only() -> None:
    async with running(Words(row=[KEPT], exit=[STOP])) as house:
        house.books.down = True
        for _ in range(3):
            await house.say(*["row"] * TOGETHER)
        house.log.clear()
        await house.say(*["row"] * (TOGETHER - 1), "exit")
        assert [line.split()[0] for line in house.log[:2]] == ["failed", "submit"]


@pytest.mark.parametrize("fault", ["the engine", "the books"])
async def test_what_came_before_the_end_of_an_engine_is_carried_out(fault: str) -> None:
    """A fill whose stop is not sent yet, and behind it what nobody foresaw. Nobody would watch over an entry."""
    house = House(Words(fill=[ENTRY, STOP], fatal=RuntimeError("nobody foresaw this"), row=[KEPT]))
    if fault == "the books":
        house.books.fault = RuntimeError("nobody foresaw this")
    for name in ("fill", "row" if fault == "the books" else "fatal"):
        house.loop.put(TimerDue(NOW, name))
    with pytest.raises(RuntimeError, match="nobody foresaw"):
        await house.loop.run()
    assert house.log == (["submit stop"] if fault == "the books" else ["commit 1", "submit stop"])


@pytest.mark.parametrize("fault", ["the engine", "the books"])
async def test_the_last_stop_arrives_although_the_venue_takes_its_time(fault: str) -> None:
    class FarHands(Hands):
        async def submit(self, asked: Order) -> CallEnded:
            await asyncio.sleep(0.05)
            return await super().submit(asked)

    house = House(Words(fill=[STOP], fatal=RuntimeError("nobody foresaw this")), FarHands([]), LanedPerformer)
    if fault == "the books":
        house.books.fault = RuntimeError("nobody foresaw this")
    for name in ("fill", "fatal"):
        house.loop.put(TimerDue(NOW, name))
    with pytest.raises(RuntimeError, match="nobody foresaw"):
        await house.loop.run()
    assert house.hands.log == ["submit stop"]


async def test_a_command_behind_a_crowd_is_answered_with_one_commit() -> None:
    async with running(Words(row=[KEPT])) as house:
        for _ in range(20):
            house.loop.put(TimerDue(NOW, "row"))
        assert await house.loop.execute(Pause(), "test:1") == Done(remarks=("Pause",))
        assert house.books.tries == 1
        assert len(house.books.steps) == 21


async def test_a_crowd_is_written_in_portions_in_its_order() -> None:
    async with running(Words(row=[KEPT])) as house:
        await house.say(*["row"] * (2 * TOGETHER + 1))
        assert house.books.tries == 3
        assert [step.number for step in house.books.steps] == list(range(1, 2 * TOGETHER + 2))


async def test_rows_are_written_when_what_stood_behind_them_stays_outside() -> None:
    """A quote that nobody needs never comes in; a batch that is not full does not hold rows of the books back."""
    async with running(Words(row=[KEPT], quiet=[EQUITY]), batch=10) as house:
        house.loop.put(TimerDue(NOW, "row"))
        house.loop.put(QuotesSeen(NOW, ()))
        await house.loop.settled()
        assert house.log == ["commit 1"]
        await house.say("quiet", "quiet")
        assert house.log == ["commit 1"], "figures wait for the batch as ever"
        await house.say("row", "quiet")
        assert house.log == ["commit 1", "commit 2,3,4,5"]


async def test_rows_that_shared_a_failed_commit_are_written_later_in_their_order() -> None:
    async with running(Words(row=[KEPT], told=[TOLD])) as house:
        house.books.down = True
        await house.say("row", "row", "told")
        assert house.books.steps == []
        house.books.down = False
        await house.say("told")
        numbers = [step.number for step in house.books.steps]
        assert numbers == list(range(1, len(numbers) + 1))
        assert house.loop.unsaved == 0


# --- answers --------------------------------------------------------------------------------------------------------


async def test_an_answer_comes_after_its_commit() -> None:
    async with running(Words()) as house:
        house.books.open.clear()
        asked = asyncio.create_task(house.loop.execute(Pause(), "test:1"))
        await turns()
        assert not asked.done()
        house.books.open.set()
        assert await asked == Done(remarks=("Pause",))
        assert house.log == ["commit 1"]


async def test_each_question_gets_its_own_answer() -> None:
    engine = Words()
    async with running(engine) as house:
        answers = await asyncio.gather(
            *(house.loop.execute(c, "test:1") for c in (Pause(), Resume(), CloseAll()))
        )
        assert [answer.remarks for answer in answers] == [("Pause",), ("Resume",), ("CloseAll",)]
        assert len({event.command_id for event in engine.heard}) == 3
        assert {event.actor for event in engine.heard} == {"test:1"}


async def test_who_stops_waiting_leaves_the_loop_alive() -> None:
    async with running(Words()) as house:
        house.books.open.clear()
        asked = asyncio.create_task(house.loop.execute(Pause(), "test:1"))
        await turns()
        asked.cancel()
        await turns()
        house.books.open.set()
        assert asked.cancelled()
        assert await house.loop.execute(Resume(), "test:1") == Done(remarks=("Resume",))
        assert house.log == ["commit 1", "commit 2"], "what was asked is done and recorded all the same"


# --- broken invariants ----------------------------------------------------------------------------------------------


async def test_a_broken_invariant_stops_entries_and_tells() -> None:
    engine = Words(broken=InvariantError("entry 7 does not sum to zero"), fine=[TOLD])
    async with running(engine) as house:
        await house.say("broken", "fine")
        assert engine.state.protect
        assert house.loop.errors == 1
        assert house.log == ["commit 1,2", "notice", "notice"]
        *kept, told = house.books.steps[0].actions
        assert kept == [RecordTrading(NOW, TradingState.PROTECT)], "a restart must remember it"
        assert isinstance(told, Notify)
        assert told.notice.severity is Severity.CRITICAL
        assert told.notice.title == "Broken invariant, entries stop: entry 7 does not sum to zero"


# --- the database is down -------------------------------------------------------------------------------------------


async def test_without_a_database_exits_go_on_and_entries_are_refused() -> None:
    engine = Words(go=[ENTRY, CANCEL, STOP])
    async with running(engine) as house:
        house.books.down = True
        await house.say("go")
        assert [line for line in house.log if not line.startswith("failed")] == ["submit stop", "cancel old"]
        refused = CallEnded(NOW, "entry", "XYZ", Call.SUBMIT, Outcome.NOT_DONE, "database down")
        assert engine.heard.count(refused) == 1


async def test_without_a_database_no_other_model_is_put_in_use() -> None:
    engine = Words(go=[PlaceModel(3, "composite", "XRPUSDT", "v0002", "v0001")])
    async with running(engine) as house:
        house.books.down = True
        await house.say("go")
        said = "the database cannot be written; nothing is changed"
        assert engine.heard.count(ModelPlaced(NOW, 3, said)) == 1
        house.books.down = False
        await house.say("go")
        assert engine.heard[-1] == ModelPlaced(NOW, 3, "there are no models here"), "it was tried"


async def test_the_loss_is_told_once_and_so_is_the_return() -> None:
    engine = Words(go=[TOLD])
    async with running(engine) as house:
        house.books.down = True
        await house.say("go", "go")
        await house.say("go")
        lost = [event for event in engine.heard if isinstance(event, StorageChanged)]
        assert lost == [StorageChanged(NOW, False, "the disk is full")]
        assert house.loop.last_commit_failed
        house.books.down = False
        await house.say("go")
        told = [event for event in engine.heard if isinstance(event, StorageChanged)]
        assert told == [*lost, StorageChanged(NOW, True)]
        assert not house.loop.last_commit_failed
        assert house.loop.errors == house.books.tries - 2


async def test_what_could_not_be_written_is_written_later_in_its_order() -> None:
    async with running(Words(go=[TOLD], quiet=[EQUITY]), batch=10) as house:
        await house.say("go")
        house.books.down = True
        await house.say("go", "quiet", "go", "quiet")
        assert [step.number for step in house.books.steps] == [1]
        house.books.down = False
        await house.say("go")
        await house.loop.flush()
        assert [step.number for step in house.books.steps] == list(range(1, house.loop.number + 1))


async def test_a_command_is_answered_although_nothing_can_be_written() -> None:
    async with running(Words()) as house:
        house.books.down = True
        assert await house.loop.execute(CloseAll(), "test:1") == Done(remarks=("CloseAll",))


# --- the real engine ------------------------------------------------------------------------------------------------


class Market(Hands):
    """The story's venue behind the port: the stream says what happened, then the call ends."""

    def __init__(self, story: StoryVenue, put: Callable[[Event], None]) -> None:
        super().__init__([])
        self.story, self.put = story, put

    def _do(self, deed: Any) -> Any:
        self.story._perform(deed)
        *stream, ended = self.story._inbox
        self.story._inbox.clear()
        for event in stream:
            self.put(event)
        return ended

    async def submit(self, asked: Order) -> CallEnded:
        return self._do(Submit(asked))

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        return self._do(Cancel(client_id, symbol, conditional))

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        return self._do(TakeSnapshot(since_ms)).snapshot


class RealHouse:
    """Desk and loop around one engine that has not been started yet."""

    def __init__(self) -> None:
        self.desk = Desk()
        engine = self.desk.new_engine()
        self.story = StoryVenue(engine, self.desk.matching)
        self.story.now_ms = self.at_ms = self.desk.at_ms
        self.engine = engine
        self.house = House(engine)
        market = Market(self.story, self.house.loop.put)
        now = lambda: self.at_ms  # noqa: E731 - the clock
        self.house.loop._now = now
        self.house.loop.join(Performer(market, self.house.timers, self.house.loop.put, now), 0, lambda: None)

    async def start(self) -> None:
        self.house.loop.put(Started(self.at_ms, Recovered()))
        await self.house.loop.settled()

    async def bar(self, side: Side | None = None) -> None:
        if side is not None:
            self.desk.at_ms = self.at_ms
            self.desk.says("XYZ", side, stop=100 - 5 * side.sign, target=100 + 10 * side.sign)
        opened = self.at_ms
        self.at_ms = self.story.now_ms = opened + BAR_MS
        candle = Candle("XYZ", opened, 100.0, 100.0, 100.0, 100.0, 1.0)
        self.engine.signals.said = self.desk.script.said
        self.house.loop.put(CandlesClosed(self.at_ms, "15m", (candle,)))
        await self.house.loop.settled()


@asynccontextmanager
async def real() -> AsyncIterator[RealHouse]:
    whole = RealHouse()
    task = asyncio.create_task(whole.house.loop.run())
    try:
        await whole.start()
        yield whole
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_refused_entry_frees_its_slot_and_margin() -> None:
    async with real() as whole:
        symbol = whole.engine.state.symbols["XYZ"]
        whole.house.books.down = True
        await whole.bar(Side.LONG)
        assert (whole.desk.size(), symbol.pending, symbol.orders) == (0, None, {})
        assert [o.status for o in symbol.past_orders.values()] == [OrderStatus.REJECTED]
        assert not whole.engine.state.storage_ok
        await whole.bar(Side.LONG)
        assert symbol.last_decision.refused_by == "trading"
        whole.house.books.down = False
        await whole.bar()
        assert whole.engine.state.storage_ok
        await whole.bar(Side.LONG)
        assert whole.desk.size() == 10
        assert whole.desk.resting() == {"stop": "95", "target": "110"}
        numbers = [step.number for step in whole.house.books.steps]
        assert numbers == list(range(1, whole.house.loop.number + 1))


async def test_positions_are_closed_without_a_database() -> None:
    async with real() as whole:
        await whole.bar(Side.LONG)
        assert whole.desk.size() == 10
        whole.house.books.down = True
        answer = await whole.house.loop.execute(CloseAll(), "test:1")
        assert answer.remarks == ("flat, verified with the venue",)
        assert (whole.desk.size(), whole.desk.resting()) == (0, {})


# --- timers ---------------------------------------------------------------------------------------------------------


def test_a_timer_fires_once_when_it_is_due() -> None:
    fired: list[TimerDue] = []
    timers = Timers(fired.append)
    timers.start(StartTimer("cover", "XYZ", 100))
    assert (timers.next_at_ms, timers.fire(99)) == (100, 0)
    assert (timers.fire(105), timers.fire(200)) == (1, 0)
    assert fired == [TimerDue(105, "cover", "XYZ")]
    assert timers.next_at_ms == 0


@pytest.mark.parametrize("newer", [50, 150])
def test_a_newer_timer_replaces_the_old_one(newer: int) -> None:
    fired: list[TimerDue] = []
    timers = Timers(fired.append)
    timers.start(StartTimer("cover", "XYZ", 100))
    timers.start(StartTimer("cover", "XYZ", newer))
    timers.start(StartTimer("cover", "ABC", 100))
    timers.start(StartTimer("close", "XYZ", 100))
    for now in range(10, 301, 10):
        timers.fire(now)
    assert [(t.at_ms, t.name, t.key) for t in fired] == sorted(
        [(newer, "cover", "XYZ"), (100, "cover", "ABC"), (100, "close", "XYZ")],
        key=lambda t: (t[0], t[1], t[2]),
    )


def test_the_same_timer_set_twice_fires_once() -> None:
    fired: list[TimerDue] = []
    timers = Timers(fired.append)
    for _ in range(3):
        timers.start(StartTimer("cover", "XYZ", 100))
    assert (timers.fire(100), len(fired)) == (1, 1)


def test_timers_fire_in_the_order_in_which_they_are_due() -> None:
    fired: list[TimerDue] = []
    timers = Timers(fired.append)
    for name, at_ms in (("c", 30), ("a", 10), ("b", 20), ("d", 40)):
        timers.start(StartTimer(name, "", at_ms))
    assert timers.fire(30) == 3
    assert [t.name for t in fired] == ["a", "b", "c"]
    assert timers.next_at_ms == 40


# --- alarms ---------------------------------------------------------------------------------------------------------


async def test_what_is_critical_and_could_not_be_written_is_handed_over_directly() -> None:
    rang: list[str] = []
    urgent_word = Notify(Notice(NoticeKind.STORAGE, Severity.CRITICAL, NOW, "fire"))
    async with running(Words(fine=[urgent_word], bad=[TOLD, urgent_word])) as house:
        performer = Performer(house.hands, house.timers, house.loop.put, lambda: NOW)
        house.loop.join(performer, 0, house._wake, lambda notice: rang.append(notice.title))
        await house.say("fine")
        assert rang == [], "the outbox has it"
        house.books.down = True
        await house.say("bad")
        assert rang == ["fire"]
