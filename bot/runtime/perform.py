"""Carries out deeds: calls to the venue and timers. What they come to goes back into the inbox as events."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import assert_never

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
from bot.domain.event import (
    Call,
    CallEnded,
    Event,
    ModelPlaced,
    Outcome,
    ScoresCame,
    SnapshotFailed,
    SnapshotTaken,
    VenueConditionChanged,
)
from bot.domain.guard import HaltKind
from bot.domain.model import ModelScore
from bot.domain.order import Purpose
from bot.runtime.ports import Placer, Scorer
from bot.runtime.timers import Timers
from bot.venues.outcome import unknown
from bot.venues.port import Venue, VenueUnavailable

KEPT_LATENCIES = 2000
NO_MODELS = "there are no models here"
UNWRITABLE = "the database cannot be written; nothing is changed"
FAULT = "fault"
"""The code of what went wrong on our side; the log says more."""
DEEDS = (Submit, Cancel, QueryOrder, SetLeverage, TakeSnapshot, StartTimer, AskScores, PlaceModel)

log = logging.getLogger(__name__)


def deeds_of(actions: Sequence[Action]) -> list[Deed]:
    """The actions that act on the world, the most urgent first: exits, cancels, the rest, then entries.

    Protection must never wait behind an entry; within a rank the engine's order stays.
    """
    deeds = [action for action in actions if isinstance(action, DEEDS)]
    return sorted(deeds, key=_rank)


def _rank(deed: Deed) -> int:
    if isinstance(deed, Submit):
        return 0 if deed.order.purpose.exits else 3
    return 1 if isinstance(deed, Cancel) else 2


def risks_more(deed: Deed) -> bool:
    """True for deeds that add exposure."""
    return isinstance(deed, Submit) and deed.order.purpose is Purpose.ENTRY


def needs_books(deed: Deed) -> bool:
    """True for deeds that are not done unless they are in the books: entries, and other models in use."""
    return risks_more(deed) or isinstance(deed, PlaceModel)


class Performer:
    """Performs deeds in order, one after the other: for venues in this process, whose runs must repeat exactly.

    `order_ms` are the last round trips of orders, in milliseconds; `scorer` are the models and `placer` puts others in
    use, None where there are none.
    """

    scorer: Scorer | None = None
    placer: Placer | None = None

    def __init__(
        self, venue: Venue, timers: Timers, put: Callable[[Event], None], now: Callable[[], int]
    ) -> None:
        """`put` takes the events that deeds come to; `now` gives business time in ms."""
        self._venue = venue
        self._timers = timers
        self._put = put
        self._now = now
        self.order_ms: deque[float] = deque(maxlen=KEPT_LATENCIES)
        self._is_blind = False
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        """Deeds under way."""
        return len(self._under_way)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def close(self) -> None:
        """Give what is under way up; whether it took effect, the next start finds out."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def perform(self, deed: Deed) -> None:
        """Carry out one deed."""
        match deed:
            case Submit():
                await self._submit(deed)
            case Cancel():
                self._put(await self._venue.cancel(deed.client_id, deed.symbol, deed.conditional))
            case QueryOrder():
                self._put(await self._venue.query(deed.client_id, deed.symbol, deed.conditional))
            case SetLeverage():
                self._put(await self._venue.set_leverage(deed.symbol, deed.leverage))
            case TakeSnapshot():
                await self._snapshot(deed.since_ms)
            case StartTimer():
                self._timers.start(deed)
            case AskScores():
                self._put(ScoresCame(self._now(), deed.number, await self._scores(deed)))
            case PlaceModel():
                self._place_beside(deed)
            case _:
                assert_never(deed)

    def _place_beside(self, deed: PlaceModel) -> None:
        """Nothing waits for files: neither trading nor another deed."""
        task = asyncio.create_task(self._place(deed), name=PlaceModel.__name__)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _place(self, deed: PlaceModel) -> None:
        fault = await self._place_fault(deed)
        self._put(ModelPlaced(self._now(), deed.number, fault))

    async def _place_fault(self, deed: PlaceModel) -> str:
        if self.placer is None:
            return NO_MODELS
        try:
            return await self.placer.place(deed.strategy, deed.symbol, deed.version, deed.before)
        except Exception:  # the one who asked must be answered, whatever a disk does
            log.exception("%s of %s/%s could not be put in use", deed.version, deed.strategy, deed.symbol)
            return f"{deed.strategy}/{deed.symbol}: not put in use ({FAULT})"

    async def _scores(self, deed: AskScores) -> tuple[ModelScore, ...]:
        if self.scorer is None:
            return ()
        try:
            return tuple(await self.scorer.scores(deed.asks))
        except Exception:  # whatever a model does, the bar's other signals and all exits go on
            log.exception("the models could not be asked")
            return tuple(ModelScore(ask.symbol, fault=FAULT) for ask in deed.asks)

    async def _submit(self, deed: Submit) -> None:
        began = perf_counter()
        self._put(await self._venue.submit(deed.order))
        self.order_ms.append((perf_counter() - began) * 1000)

    async def _snapshot(self, since_ms: int) -> None:
        try:
            snapshot = await self._venue.snapshot(since_ms)
        except VenueUnavailable as error:
            self._put(SnapshotFailed(self._now(), str(error)))
        except Exception:  # an answer nobody foresaw must not end the engine, nor be traded upon
            log.exception("the account could not be read: a fault in reading what the venue said")
            self._see(False)
            self._put(SnapshotFailed(self._now(), FAULT))
        else:
            self._put(SnapshotTaken(snapshot.at_ms, snapshot))
            self._see(True)

    def _see(self, readable: bool) -> None:
        """An account that cannot be read for a fault rests from entries until it can be."""
        if readable is not self._is_blind:  # as before
            return
        self._is_blind = not readable
        reason = "the account can be read again" if readable else f"the account cannot be read ({FAULT})"
        self._put(VenueConditionChanged(self._now(), HaltKind.ERRORS, not readable, reason))

    def refuse(self, deed: Deed) -> None:
        """Answer a deed that must not be done because the books cannot be written."""
        if isinstance(deed, Submit):
            order = deed.order
            self._put(
                CallEnded(
                    self._now(), order.client_id, order.symbol, Call.SUBMIT, Outcome.NOT_DONE, "database down"
                )
            )
        elif isinstance(deed, PlaceModel):
            self._put(ModelPlaced(self._now(), deed.number, UNWRITABLE))


class LanedPerformer(Performer):
    """Performs deeds side by side, for venues behind a wire: one slow answer must not hold up another symbol's stop.

    Exits of one symbol go one after the other, and so do its entries, but an exit never waits behind an entry. What
    concerns an order that is still on its way waits for its answer: a cancel that overtakes its order finds nothing.
    Snapshots are dear: while one is under way, whoever asks for another shares the next one.
    """

    def __init__(
        self, venue: Venue, timers: Timers, put: Callable[[Event], None], now: Callable[[], int]
    ) -> None:
        """As for a Performer."""
        super().__init__(venue, timers, put, now)
        self._lanes: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._orders: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._look_next: TakeSnapshot | None = None

    async def close(self) -> None:
        """Give what is under way up; whether it took effect, the next start finds out."""
        self._look_next = None
        await super().close()

    async def perform(self, deed: Deed) -> None:
        """Begin one deed; returns at once."""
        match deed:
            case StartTimer():
                self._timers.start(deed)
            case Submit():
                lane = (deed.order.symbol, "exit" if deed.order.purpose.exits else "entry")
                self._orders[deed.order.client_id] = self._queue(deed, lane)
            case SetLeverage():
                self._queue(deed, (deed.symbol, "entry"))
            case Cancel() | QueryOrder():
                self._begin(deed, self._orders.get(deed.client_id))
            case TakeSnapshot():
                self._look(deed)
            case AskScores():
                self._begin(deed, None)
            case PlaceModel():
                self._place_beside(deed)
            case _:
                assert_never(deed)

    def _look(self, deed: TakeSnapshot) -> None:
        if self._looking is None:
            self._looking = self._begin(deed, None)
        elif self._look_next is None or deed.since_ms < self._look_next.since_ms:
            self._look_next = deed

    def _looked(self) -> None:
        following, self._looking, self._look_next = self._look_next, None, None
        if following is not None:
            self._look(following)

    def _queue(self, deed: Deed, lane: tuple[str, str]) -> asyncio.Task[None]:
        task = self._lanes[lane] = self._begin(deed, self._lanes.get(lane))
        return task

    def _begin(self, deed: Deed, after: asyncio.Task[None] | None) -> asyncio.Task[None]:
        task = asyncio.create_task(self._do(deed, after), name=type(deed).__name__)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _do(self, deed: Deed, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait([after])
        try:
            await super().perform(deed)
        except Exception:
            log.exception("%s failed", type(deed).__name__)
            if isinstance(deed, Submit):
                self._put(unknown(self._now(), Call.SUBMIT, deed.order.client_id, deed.order.symbol, FAULT))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if task is self._looking and not task.cancelled():
            self._looked()
        self._lanes = {lane: last for lane, last in self._lanes.items() if last is not task}
        self._orders = {order: last for order, last in self._orders.items() if last is not task}
