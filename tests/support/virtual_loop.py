"""An event loop whose clock jumps to the next timer as soon as nothing is in flight; the wall clock goes along.

Everything that talks must live in this one loop (in-process sessions, or servers and clients on loopback): what was
sent has then arrived when a poll without waiting finds nothing. Jobs in the loop's executor are waited for in real
time, and so is the process that draws. Threads started past the loop are invisible.
"""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

import time_machine

from handlers.reply import Plot
from handlers.studio import Studio

START_MS = 1_700_000_000_000


class _Jumping:
    """A selector that never waits for time to pass: it lets it pass."""

    def __init__(self, jump: Callable[[float], None], busy: Callable[[], bool]) -> None:
        self._real = selectors.DefaultSelector()
        self._jump = jump
        self._busy = busy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def select(self, timeout: float | None = None) -> Any:
        found = self._real.select(0)
        if found or timeout == 0:
            return found
        if timeout is None or self._busy():
            return self._real.select(timeout)
        self._jump(timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop. Its time starts at 0, when the wall clock of everything in it stands at `start_s` (since 1970)."""

    def __init__(self, traveller: Any, start_s: float) -> None:
        self._now_s = 0.0
        self._start_s = start_s
        self._traveller = traveller
        self._jobs = 0
        self.jumps = 0
        super().__init__(_Jumping(self._jump, lambda: self._jobs > 0))  # type: ignore[arg-type]
        self._clock_resolution = 1e-6  # coarser than the float: a timer that is due now is run now

    def time(self) -> float:
        return self._now_s

    def _jump(self, seconds: float) -> None:
        self._now_s += seconds
        self.jumps += 1
        self._traveller.move_to(self._start_s + self._now_s, tick=False)

    def run_in_executor(self, executor: Executor | None, func: Any, *args: Any) -> Any:
        self._jobs += 1
        job = super().run_in_executor(executor, func, *args)
        job.add_done_callback(self._job_done)
        return job

    def _job_done(self, _: object) -> None:
        self._jobs -= 1


@contextmanager
def clock_stands() -> Iterator[None]:
    """Time that passes in another process is real time; the virtual clock waits for it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop._jobs += 1
    try:
        yield
    finally:
        loop._jobs -= 1


@contextmanager
def pictures_in_real_time() -> Iterator[None]:
    """The clock stands while another process draws or ends; it is started with the first picture only."""
    real_paint, real_close = Studio.paint, Studio.close

    async def paint(studio: Studio, plot: Plot, dark: bool) -> bytes:
        with clock_stands():
            return await real_paint(studio, plot, dark)

    async def close(studio: Studio) -> None:
        with clock_stands():
            await real_close(studio)

    async def run(studio: Studio) -> None:
        await asyncio.Event().wait()

    with ExitStack() as stack:
        stack.enter_context(patch.object(Studio, "paint", paint))
        stack.enter_context(patch.object(Studio, "close", close))
        stack.enter_context(patch.object(Studio, "run", run))
        yield


def run_virtually[T](work: Callable[[], Awaitable[T]], start_ms: int) -> T:
    """Run to the end on a virtual clock that starts at `start_ms`."""

    async def main() -> T:
        return await work()

    with time_machine.travel(start_ms / 1000, tick=False) as traveller, pictures_in_real_time():
        runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(traveller, start_ms / 1000))
        with runner:
            return runner.run(main())


def virtually[**P](test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test in virtual time: what it waits for comes as late as it says, however busy the machine is.

    Its fixtures must be plain ones: those that are coroutines live in another loop.
    """

    @wraps(test)
    def run(*given: P.args, **named: P.kwargs) -> None:
        run_virtually(lambda: test(*given, **named), START_MS)

    return run
