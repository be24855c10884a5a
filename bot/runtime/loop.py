"""The one task that owns the engine: inbox -> handle -> commit -> perform, and back into the inbox.

An event's journal line, what was decided, the order intents and the notices are committed in one transaction before
anything is done about them. Events that led to nothing but figures may wait for the next commit; the others share it
with what stands behind them in the inbox, and what they led to is done after it, step by step: after a bar of hundreds
of symbols dozens of orders are placed and end at once, and neither a stop nor a person's command must wait for dozens
of commits. What is to be done never waits for an event that takes its time to handle (SLOW), nor does what such an
event leads to wait for others.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import filterfalse
from time import perf_counter

from bot.domain.action import Action, Answer, Deed, Notify, RecordEquity, RecordTrading
from bot.domain.command import Command, Done
from bot.domain.errors import InvariantError, StorageError
from bot.domain.event import (
    CandlesClosed,
    CommandIssued,
    Event,
    ScoresCame,
    SnapshotTaken,
    StorageChanged,
)
from bot.domain.market import Quote
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.engine.engine import Engine
from bot.runtime.discreet import discreet
from bot.runtime.door import Door
from bot.runtime.perform import DEEDS, Performer, deeds_of, needs_books
from bot.runtime.ports import Ledger, Step

KEPT_LATENCIES = 2000
WRITE_AGAIN_S = 1.0
TOGETHER = 32
"""So many steps at most share a commit because others stand behind them."""
SLOW = (CandlesClosed, ScoresCame, SnapshotTaken)
"""Events of all symbols at once."""
LAST_DEEDS_S = 2.0
"""So long a venue behind a wire has to take the last exits when the engine ends with a fault."""

log = logging.getLogger(__name__)


class Loop:
    """Takes events one at a time. `batch` is how many uneventful steps may wait for one commit."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        now: Callable[[], int],
        batch: int = 1,
        redact: Callable[[str], str] = str,
    ) -> None:
        """`now` gives business time in ms; `join` must be called before the first event.

        `redact` takes secrets out of what venues say in words: the journal keeps it for good. `commit_listeners` are
        told of steps that are in the books, before they are carried out: they may remember them, nothing more.
        """
        self.engine = engine
        self.number = 0
        self.errors = 0
        self.handled = 0
        self.last_commit_failed = False
        self.storage_fault = ""
        self.handle_ms: deque[float] = deque(maxlen=KEPT_LATENCIES)
        self._ledger = ledger
        self._now = now
        self._batch = batch
        self._redact = redact
        self._performer: Performer | None = None
        self._inbox: deque[Event] = deque()
        self._door = Door()
        self._pending: list[Step] = []
        self._owed = False
        self._together = 0
        self._undone: deque[list[Action]] = deque()
        self._answers: dict[str, asyncio.Future[Done | Refused]] = {}
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._committing = asyncio.Lock()
        self._commands = 0
        self.commit_listeners: list[Callable[[Sequence[Step]], None]] = []
        self._on_notice: Callable[[], None] = lambda: None
        self._on_alarm: Callable[[Notice], None] = lambda notice: None

    def join(
        self,
        performer: Performer,
        last_step: int,
        on_notice: Callable[[], None],
        on_alarm: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        """Give the loop its hands, the journal's last number, and whom to wake for notices.

        `on_alarm` takes critical notices that could not be written: the database is no way to tell them.
        """
        self._performer = performer
        self.number = last_step
        self._on_notice = on_notice
        self._on_alarm = on_alarm

    def put(self, event: Event) -> None:
        """Put an event into the inbox."""
        self._inbox.append(discreet(event, self._redact))
        self._idle.clear()
        self._woken.set()

    @property
    def order_ms(self) -> Sequence[float]:
        """The last round trips of orders, in milliseconds."""
        return self._performer.order_ms if self._performer is not None else ()

    @property
    def queue_length(self) -> int:
        """Events waiting."""
        return len(self._inbox)

    @property
    def unsaved(self) -> int:
        """Journal lines that are not in the books yet."""
        return len(self._pending)

    @property
    def now_ms(self) -> int:
        """Business time."""
        return self._now()

    def newest_quote(self, symbol: str) -> Quote | None:
        """The newest quote of a symbol, where there are any."""
        return self._door.newest(symbol)

    async def execute(self, command: Command, actor: str, origin: str = "") -> Done | Refused:
        """Put a command into the inbox and wait for its answer, which comes after its commit.

        `origin` is the platform's update; its effect is noted in the same commit.
        """
        self._commands += 1
        command_id = f"c{self.number}-{self._commands}"
        answer: asyncio.Future[Done | Refused] = asyncio.get_running_loop().create_future()
        self._answers[command_id] = answer
        self.put(CommandIssued(self._now(), command_id, actor, command, origin))
        try:
            return await answer
        finally:
            self._answers.pop(command_id, None)

    async def run(self) -> None:
        """Handle events until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self._empty_the_inbox()
            except Exception:  # whatever it is: a fill before it may need its stop
                await self._leave()
                raise
            if not self._inbox:  # writing takes its time, and its outcome is an event too
                await self._rest()

    async def _empty_the_inbox(self) -> None:
        while self._inbox:
            event = self._inbox.popleft()
            await self._make_way(event)  # the door takes its time too
            for admitted in self._door.admit(event, self.engine.state):
                await self._make_way(admitted)
                await self._take(admitted)
        if self._undone or self.last_commit_failed or self._must_be_written:
            await self._carry_out()

    async def _make_way(self, event: Event) -> None:
        if self._undone and isinstance(event, SLOW):
            await self._carry_out()

    async def _leave(self) -> None:
        """The engine is at its end: what it decided before is carried out, but entries, which nobody would watch."""
        self._undone = deque(list(filterfalse(opens, actions)) for actions in self._undone)
        committed = False
        try:
            committed = await self._write()
        finally:
            await self._do(committed)
            await self._last_deeds()

    async def _last_deeds(self) -> None:
        if self._performer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_DEEDS_S):
                    await self._performer.idle()

    async def _rest(self) -> None:
        """Until there is news; while the books cannot be written, only until the next try."""
        self._idle.set()
        if not self.last_commit_failed:
            await self._woken.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WRITE_AGAIN_S):
                await self._woken.wait()

    async def settled(self) -> None:
        """Wait until the inbox is empty and everything it led to is done, the calls under way too."""
        await self._idle.wait()
        while self._performer is not None and self._performer.busy:
            await self._performer.idle()
            await self._idle.wait()

    async def flush(self) -> None:
        """Commit whatever waits."""
        if self._pending:
            await self._commit()

    @property
    def _must_be_written(self) -> bool:
        return self._owed or len(self._pending) >= max(self._batch, 1)

    async def _take(self, event: Event) -> None:
        """One event: handle, and commit and perform unless that is shared with the next."""
        began = perf_counter()
        actions = self._handle(event)
        self.handle_ms.append((perf_counter() - began) * 1000)
        self.number += 1
        self._pending.append(Step(self.number, event, tuple(actions)))
        self._owed = self._owed or urgent(actions)
        if not silent(actions):
            self._undone.append(actions)
        if not self._must_be_written:
            return
        self._together += 1
        if not self._inbox or self._together >= TOGETHER or isinstance(event, SLOW):
            await self._carry_out()

    async def _carry_out(self) -> None:
        """Write what waits; then do, tell and answer what it led to, in the order of the steps."""
        self._together = 0
        await self._do(await self._write())

    async def _write(self) -> bool:
        return await self._commit() if self._pending else not self.last_commit_failed

    async def _do(self, committed: bool) -> None:
        while self._undone:
            actions = self._undone.popleft()
            if not committed:
                self._alarm(actions)
            await self._perform(deeds_of(actions), committed)
            self._deliver(actions)

    def _handle(self, event: Event) -> list[Action]:
        self.handled += 1
        try:
            return self.engine.handle(event)
        except InvariantError as error:
            self.errors += 1
            return protect(self.engine, event, error)

    async def _commit(self) -> bool:
        """Write what waits; on failure keep it for the next try and tell the engine."""
        async with self._committing:
            batch = tuple(self._pending)
            try:
                await self._ledger.commit(batch)
            except StorageError as error:
                self._storage_failed(error)
                return False
            del self._pending[: len(batch)]
            self._owed = any(urgent(step.actions) for step in self._pending)
        for listener in self.commit_listeners:
            listener(batch)
        if self.last_commit_failed:
            self.last_commit_failed = False
            self.put(StorageChanged(self._now(), True))
        return True

    def _storage_failed(self, error: StorageError) -> None:
        self.errors += 1
        self.storage_fault = str(error)
        log.error("%d journal lines wait: %s", self.unsaved, error)
        if not self.last_commit_failed:
            self.put(StorageChanged(self._now(), False, str(error)))
        self.last_commit_failed = True

    async def _perform(self, deeds: list[Deed], committed: bool) -> None:
        performer = self._performer
        if performer is None:
            return
        for deed in deeds:
            if not committed and needs_books(deed):
                performer.refuse(deed)  # what cannot be recorded is not done; exits go on from memory
                continue
            await performer.perform(deed)

    def _alarm(self, actions: list[Action]) -> None:
        """What is critical and could not be written is told all the same."""
        for action in actions:
            if isinstance(action, Notify) and action.notice.severity is Severity.CRITICAL:
                self._on_alarm(action.notice)

    def _deliver(self, actions: list[Action]) -> None:
        told = False
        for action in actions:
            if isinstance(action, Answer):
                waiting = self._answers.get(action.command_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(action.result)
            told = told or isinstance(action, Notify)
        if told:
            self._on_notice()


def protect(engine: Engine, event: Event, error: InvariantError) -> list[Action]:
    """The books contradict themselves: entries stop until a person decides, after a restart too; as in a replay."""
    engine.state.protect = True
    title = f"Broken invariant, entries stop: {error}"
    notice = Notice(NoticeKind.STORAGE, Severity.CRITICAL, event.at_ms, title)
    return [RecordTrading(event.at_ms, engine.state.lasting), Notify(notice)]


def urgent(actions: Sequence[Action]) -> bool:
    """True when something must be durable or done now; equity points alone may wait."""
    return any(not isinstance(action, RecordEquity) for action in actions)


def opens(action: Action) -> bool:
    """True for what must not be done once nobody watches over it."""
    return isinstance(action, DEEDS) and needs_books(action)


def silent(actions: Sequence[Action]) -> bool:
    """True when nothing is done, told or answered: nobody can tell yet whether it is in the books."""
    return not any(isinstance(action, (*DEEDS, Notify, Answer)) for action in actions)
