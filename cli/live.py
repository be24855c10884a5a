"""A desk that runs: the market paced by a clock, couriers, jobs, and every chat platform there is a token for."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial

from bot.config import LoadedConfig
from bot.domain.errors import StorageError
from bot.domain.market import timeframe_ms
from bot.runtime.clock import MarketClock, WallClock
from bot.runtime.log import set_up_logging
from cli import couriers
from cli.homes import prompt_history
from cli.wiring import OPERATOR, House
from handlers.command import Role
from handlers.completion import complete
from handlers.drawing import Drawing
from handlers.market_clock import ClockControl, TurnableClock
from handlers.notices import Courier, Recipient
from handlers.platforms.console import ConsoleChat, PipeLines, PromptLines, Screen, terminal
from handlers.platforms.console.inline import ImageProtocol, image_protocol
from handlers.platforms.console.local import LocalDoor
from handlers.session import Session
from handlers.speaker import Speaker
from handlers.studio import Studio

PATIENCE_S = 2.0
FAREWELL_S = 2.0
HANDOVER_S = 0.0005
"""How soon a thread that draws or stores lets the desk go on; Python's own 5 ms add up on a command's way."""
STORAGE_RETRY_S = 1.0
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

log = logging.getLogger(__name__)


class LateClock:
    """The market's clock for the chat, which is joined before the market's time is known."""

    def __init__(self, seconds_per_bar: float, timeframe: str) -> None:
        """No clock yet."""
        self.clock: MarketClock | None = None
        self._seconds_per_bar = seconds_per_bar
        self._bar_ms = timeframe_ms(timeframe)

    def control(self) -> ClockControl:
        """What /clock turns."""
        return ClockControl(self._get, self._bar_ms / 1000)

    def _get(self) -> TurnableClock | None:
        return self.clock

    def begin(self, now_ms: int) -> MarketClock:
        """The market's time is known: start the clock."""
        self.clock = MarketClock.for_bars(now_ms, self._bar_ms, self._seconds_per_bar)
        return self.clock


YOUNG, SELDOM = (2_000, 20), 500
"""When the collector looks: after so many new objects, so many of those looks, and so many of these."""


def leave_alone_what_stays() -> None:
    """What the start has made stays: looking through it for garbage again and again held everything up for 0.2 s.

    What lives longer than a moment is looked through seldom too; what dies young is found as ever.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG, SELDOM)


def begin_log(loaded: LoadedConfig, *, console: bool) -> None:
    """Log to the file in the home, and to standard error unless a person is typing there."""
    settings = loaded.settings.logging
    set_up_logging(
        loaded.home,
        level=settings.level,
        console=settings.console if console else "none",
        hidden=loaded.hidden,
    )


class Running:
    """The tasks around a house, ended together. A task that dies ends the run with what it died of."""

    def __init__(self, house: House, clock: MarketClock | WallClock) -> None:
        """Nothing runs yet."""
        self.house = house
        self.clock = clock
        settings = house.plan.loaded.settings
        self.studio = Studio(settings.timezone, settings.venue.quote)
        self.drawing = Drawing(self.studio.paint)
        self.speakers: list[tuple[Speaker, Sequence[Recipient] | None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()

    @property
    def speed(self) -> float:
        """How many seconds of the market pass in a second."""
        return self.clock.speed

    def stop(self) -> None:
        """Ask the run to end."""
        self._stop.set()

    def stop_soon(self) -> None:
        """Ask the run to end when the answer to whoever asked for it has had time to leave."""
        asyncio.get_running_loop().call_later(FAREWELL_S, self._stop.set)

    def begin(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Run a task for as long as the run lasts."""
        self._tasks.append(asyncio.create_task(work, name=name))

    async def until_stopped(self) -> None:
        """Wait for the end: asked for, or because a task died."""
        leave_alone_what_stays()
        waiting = asyncio.create_task(self._stopped())
        try:
            done, _ = await asyncio.wait({waiting, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.studio.close()
        for task in done:
            if not task.cancelled():
                task.result()

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def pace(self) -> None:
        """Step the market at its clock's bars; at the end of finite candles the desk stays and answers."""
        bar_ms = timeframe_ms(self.house.plan.timeframe)
        more = True
        while more:
            await self.clock.sleep_until(self.house.venue.now_ms + bar_ms)
            try:
                more = await self.house.step()
            except StorageError as error:  # the venue reads its books again and lives the bar once more
                log.error("the paper venue waits: %s", error)
                await asyncio.sleep(STORAGE_RETRY_S)
        await asyncio.Event().wait()

    async def fire_timers(self) -> None:
        """Fire the engine's timers between bars."""
        while True:
            await asyncio.sleep(0.05)
            self.house.timers.fire(self.house.now_ms())


def console_chat(running: Running) -> ConsoleChat:
    """The console: a prompt with completion on a terminal, plain lines from a pipe."""
    house = running.house
    is_tty = sys.stdin.isatty() and sys.stdout.isatty()
    session = Session(house.dispatcher.handle, house.wall_ms)
    suggest = partial(complete, registry=house.commands, role=Role.ADMIN, desk=house.desk)
    lines = PromptLines(suggest, prompt_history(house.plan.home)) if is_tty else PipeLines(sys.stdin)
    screen = Screen(
        terminal(os.environ, is_tty), image_protocol(os.environ) if is_tty else ImageProtocol.NONE
    )
    return ConsoleChat(
        session=session,
        lines=lines,
        screen=screen,
        drawing=running.drawing,
        folder=house.plan.home / "pictures",
        wall_clock=house.wall_ms,
        patience_s=PATIENCE_S if is_tty else None,
    )


def open_local_door(running: Running) -> None:
    """Let the home's owner speak to this desk from a second terminal."""
    house = running.house
    door = LocalDoor(house.plan.home, house.dispatcher.handle, house.wall_ms, running.drawing)
    running.begin("local console", door.run())


def open_front(running: Running) -> None:
    """Lists of what arrived while the desk was away, and admins told of strangers who ask."""
    front = running.house.front
    running.begin("arrived while away", front.away.run())
    running.begin("doorstep", front.doorstep.run())


def courier(running: Running, speaker: Speaker, people: Sequence[Recipient] | None = None) -> Courier:
    """A courier of one platform, to these people or to all of its crew, at the pace of the running market."""
    return couriers.courier(running.house, running.speed, speaker, people)


async def talk(house: House, running: Running, welcome: str) -> None:
    """The console conversation; its end is the end of the run."""
    chat = console_chat(running)
    people = [Recipient(OPERATOR, "console")]
    running.speakers.append((chat, people))
    carrier = courier(running, chat, people)
    running.begin("console notices", carrier.run())
    await chat.run(welcome)
    running.stop()


class Ending:
    """What a signal ends: the start, as long as the house is being opened, then the run."""

    def __init__(self) -> None:
        """The start is the task that runs now."""
        self._start = asyncio.current_task()
        self._running: Running | None = None

    def ends(self, running: Running) -> None:
        """The house is open: from now on it is this that ends."""
        self._running = running

    def stop(self) -> None:
        """A signal came."""
        if self._running is not None:
            self._running.stop()
        elif self._start is not None:
            self._start.cancel()


@contextlib.contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """SIGINT, SIGTERM and a terminal that goes away end the run in order instead of killing it."""
    loop, ending = asyncio.get_running_loop(), Ending()
    before = {number: signal.getsignal(number) for number in ENDS}
    for number in ENDS:
        loop.add_signal_handler(number, ending.stop)
    try:
        yield ending
    finally:
        for number in ENDS:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


def run_to_end(work: Coroutine[None, None, int], called_off: int = 0) -> int:
    """Run it; `called_off` is the exit code when a signal ended it before its own end."""
    sys.setswitchinterval(HANDOVER_S)
    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        return called_off
