"""A house: everything of one account joined, started and ended in order; and the blueprint it is built from."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.config import LoadedConfig
from bot.domain.errors import StorageError
from bot.domain.event import Event, HistoryLoaded, Started, Stopping
from bot.domain.notice import Notice
from bot.domain.snapshot import Recovered
from bot.engine.engine import Engine
from bot.market.signals import WindowSignals
from bot.runtime.desk import JobView
from bot.runtime.following import Follower
from bot.runtime.health import Health
from bot.runtime.job_rules import JobRule
from bot.runtime.loop import Loop
from bot.runtime.perform import Performer
from bot.runtime.scoring import ModelScorer
from bot.runtime.timers import Timers
from bot.runtime.trading_desk import TradingDesk
from bot.strategy import Frame
from bot.venues.paper import PaperVenue
from bot.venues.port import Venue
from handlers.command import Injected
from handlers.dispatch import Dispatcher
from handlers.escalation import OnCall
from handlers.front import Front
from handlers.registry import Registry as Commands
from storage.database import Database

GROUP = 20
"""Symbols whose candles are loaded and saved together."""
ENDING_S = 8.0


async def step_paper(house: "House") -> bool:
    """One bar of a paper market."""
    if not isinstance(house.venue, PaperVenue):
        raise TypeError(f"{house.venue.name} moves by itself")
    more = await house.venue.step()
    house.timers.fire(house.now_ms())
    await house.settled()
    return more


type MakeVenue = Callable[["Blueprint", Database], Awaitable[Venue]]
"""Makes the venue; its instruments and its clock are there when it returns, nothing flows yet."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What is to be built: configuration, market, account, and how time passes.

    `symbols` are what is traded, `timeframe` is that of their candles. `place` names the venue for people where its own
    name would mislead. `read_lag_ms` and `haste` are for venues behind a wire: how far their answers may lie behind
    what they say by themselves, and how many times faster business time runs than answers come. `guests` are accounts
    of the same process that are commanded through this one's chat.
    """

    home: Path
    loaded: LoadedConfig
    mode: str
    account: str
    timeframe: str
    symbols: Sequence[str]
    make_venue: MakeVenue
    performer: type[Performer] = Performer
    step: Callable[["House"], Awaitable[bool]] = step_paper
    start_at_ms: int | None = None
    wall_ms: Callable[[], int] | None = None
    place: str = ""
    read_lag_ms: int = 0
    haste: float = 1.0
    commit_batch: int = 1
    synchronous: str = "FULL"
    context: tuple[Injected, ...] = ()
    guests: tuple[str, ...] = ()
    started_at_ms: int = 0


@dataclass(slots=True)
class House:
    """Everything joined and started."""

    plan: Blueprint
    database: Database
    venue: Venue
    engine: Engine
    loop: Loop
    performer: Performer
    timers: Timers
    desk: TradingDesk
    commands: Commands
    front: Front
    health: Health
    jobs: Callable[[], tuple[JobView, ...]] = tuple
    notice_listeners: list[Callable[[], None]] = field(default_factory=list)
    alarm_listeners: list[Callable[[Notice], None]] = field(default_factory=list)
    beat_listeners: list[Callable[[], None]] = field(default_factory=list)
    beside: dict[str, Callable[[], Coroutine[None, None, None]]] = field(default_factory=dict)
    """What runs beside trading, by name, from the end of the start to the end of the house."""
    job_rules: list[JobRule] = field(default_factory=list)
    """Jobs of what was joined to the house, beside the standard ones."""
    follower: Follower | None = None
    scorer: ModelScorer | None = None
    on_call: OnCall | None = None
    opened_at_ms: int = 0
    recovered: Recovered = field(default_factory=Recovered)
    _task: asyncio.Task[None] | None = None
    _following: asyncio.Task[None] | None = None
    _beside: list[asyncio.Task[None]] = field(default_factory=list)
    _early: list[Event] | None = field(default_factory=list)

    async def start(self) -> None:
        """Recover: the ledger's memory first, then the candles, then the venue's truth."""
        ledger = self.database.ledger(self.plan.account)
        recovered = await ledger.recover()
        await self.front.load()
        last = await ledger.last_step()
        self.loop.join(self.performer, last, self._wake, self._alarm)
        await self.venue.open(self._hear)
        await ledger.mark_running(self.now_ms())
        self.recovered, self.opened_at_ms = recovered, self.now_ms()
        self.loop.put(Started(self.now_ms(), recovered, self.engine.state.settings))
        await asyncio.gather(self._load_history(), self._load_models())
        early, self._early = self._early or [], None
        for event in early:
            self.loop.put(event)
        self._task = asyncio.create_task(self.loop.run(), name="engine")
        await self.settled()
        if self.follower is not None:
            self._following = asyncio.create_task(self.follower.run(self.loop.settled), name="phantoms")
        self._beside = [asyncio.create_task(work(), name=name) for name, work in self.beside.items()]

    def _hear(self, event: Event) -> None:
        """What the venue tells; before the engine has been told its own memory it waits."""
        if self._early is None:
            self.loop.put(event)
        else:
            self._early.append(event)

    async def _load_models(self) -> None:
        if self.scorer is not None:
            await self.scorer.begin()

    async def _load_history(self) -> None:
        """The candles of all symbols, those of one group saved while the next ones are on their way."""
        symbols = list(self.engine.state.symbols)
        groups = [symbols[at : at + GROUP] for at in range(0, len(symbols), GROUP)]
        loaded = await asyncio.gather(*(self._load_group(group) for group in groups))
        signals = self.engine.signals
        for frame in (frame for frames in loaded for frame in frames):
            if isinstance(signals, WindowSignals):
                signals.preload(frame)
            self.loop.put(_loaded(self.now_ms(), self.plan.timeframe, frame))

    async def _load_group(self, symbols: Sequence[str]) -> list[Frame]:
        ledger, timeframe = self.database.ledger(self.plan.account), self.plan.timeframe
        frames = await self.venue.history(symbols, timeframe, self.bars)
        kept = {symbol: frame for symbol, frame in frames.items() if len(frame)}
        await ledger.save_candles(timeframe, kept)
        return list(kept.values())

    @property
    def bars(self) -> int:
        """Candles kept per symbol."""
        return self.plan.loaded.settings.buffers.bars

    def now_ms(self) -> int:
        """Business time: the venue's."""
        return self.venue.now_ms

    def wall_ms(self) -> int:
        """Time of the people: the wall's, or business time where a run must repeat exactly."""
        return self.plan.wall_ms() if self.plan.wall_ms else self.now_ms()

    async def step(self) -> bool:
        """One bar of the market and everything it leads to; False at the end of the market."""
        return await self.plan.step(self)

    @property
    def dispatcher(self) -> Dispatcher:
        """One way in for every platform."""
        return self.front.dispatcher

    @property
    def name(self) -> str:
        """The account's name among the desks of the process."""
        return self.plan.loaded.settings.name

    @property
    def is_alive(self) -> bool:
        """True while the engine's task runs."""
        return self._task is not None and not self._task.done()

    async def until_dead(self) -> None:
        """Wait for the engine's end; one that died raises what it died of."""
        if self._task is not None:
            await asyncio.wait({self._task})
            self._task.result()

    async def settled(self) -> None:
        """Wait until the engine has nothing left to do; an engine that died raises what it died of."""
        waiting = asyncio.ensure_future(self.loop.settled())
        if self._task is None:
            await waiting
            return
        await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            waiting.cancel()
            self._task.result()

    def _wake(self) -> None:
        for listener in self.notice_listeners:
            listener()

    def ring(self, notice: Notice) -> None:
        """Tell something critical on every platform that is up, past the database."""
        self._alarm(notice)

    def _alarm(self, notice: Notice) -> None:
        for listener in self.alarm_listeners:
            listener(notice)

    async def close(self) -> None:
        """End in order; whatever cannot be written any more, everything is let go of, and StorageError says so."""
        try:
            for task in self._beside:
                task.cancel()
            await asyncio.gather(*self._beside, return_exceptions=True)
            if self._following is not None:
                self._following.cancel()
                await asyncio.wait({self._following})
            if self._task is not None and not self._task.done():
                await self._end(self._task)
        finally:
            await self.performer.close()
            await self.venue.close()
            await self.database.close()

    async def _end(self, task: asyncio.Task[None]) -> None:
        """No new entries, unfilled entries cancelled, protection stays, everything written.

        A venue that does not answer is not waited for longer than a supervisor would wait for us.
        """
        self.loop.put(Stopping(self.now_ms()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_S):
                await self.settled()
        await self.performer.close()
        await self.settled()
        await self.loop.flush()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if self.loop.unsaved:
            raise StorageError(
                f"{self.loop.unsaved} journal lines could not be saved ({self.loop.storage_fault}); "
                "the next start takes orders and positions from the venue"
            )
        await self.database.ledger(self.plan.account).mark_clean(self.now_ms())


def _loaded(at_ms: int, timeframe: str, frame: Frame) -> HistoryLoaded:
    times = frame.open_at_ms
    return HistoryLoaded(at_ms, frame.symbol, timeframe, int(times[0]), int(times[-1]), len(frame))
