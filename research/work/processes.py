"""Processes of this machine: started when work is long enough, nice, gone with whoever started them.

They are forked from a server that has read what they need, once for all of them; where there is none, each is spawned.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext, ForkServerContext

from research.work.port import TRIES, WorkError, called

NICE = 10
"""Trading comes first."""
PATIENCE_S = 1.0
"""Work that this process does sooner is not worth starting others for; and so long they take to be ready."""
AHEAD = 2
"""Tasks handed out for each worker, so that none waits for the next."""


@dataclass(slots=True)
class _Load:
    """What is left to do: task indices waiting, those whose worker ended, and how often that happened to each."""

    waiting: list[int]
    suspects: list[int] = field(default_factory=list)
    broken: dict[int, int] = field(default_factory=dict)

    def next(self, flying: int, most: int) -> int | None:
        """The next task to hand out. A suspect flies alone, so that it is known who ends a worker."""
        if self.suspects:
            return None if flying else self.suspects.pop(0)
        return self.waiting.pop(0) if self.waiting and flying < most else None

    def lost(self, index: int) -> int:
        """A task whose worker ended while it was out; answers how often by now."""
        self.broken[index] = self.broken.get(index, 0) + 1
        self.suspects.append(index)
        return self.broken[index]


class Processes:
    """Workers as processes. `patient`: the first second of the work is done here, and often that is all of it."""

    remote = False

    def __init__(self, count: int, patient: bool, ready: Sequence[str] = ()) -> None:
        """Nothing is started yet. A single worker is this process itself. `ready`: modules that workers begin with."""
        self.count = count
        self._ready = list(ready)
        self._patience_s = PATIENCE_S if patient else 0.0
        self._pool: ProcessPoolExecutor | None = None
        self._leash: Connection | None = None

    def results[Task, Result](
        self, work: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Result]]:
        """Results as they come; see the port."""
        begun = time.monotonic()
        done = 0
        while done < len(tasks) and (self.count == 1 or self._here(begun)):
            yield done, work(tasks[done])
            done += 1
            if self.count > 1:
                self._foreseen((time.monotonic() - begun) / done * (len(tasks) - done))
        if done < len(tasks):
            yield from self._spread(work, tasks, _Load(list(range(done, len(tasks)))))

    def close(self) -> None:
        """Let workers end their tasks and go."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._unleash()

    def stop(self) -> None:
        """End workers at once, whatever they are at."""
        self._unleash()
        self.close()

    def _here(self, begun: float) -> bool:
        return self._pool is None and time.monotonic() - begun < self._patience_s

    def _foreseen(self, left_s: float) -> None:
        """Work that will last: whoever forks the workers gets ready while this process goes on."""
        if left_s > self._patience_s and isinstance(self._context(), ForkServerContext):
            forkserver.ensure_running()

    def _context(self) -> BaseContext:
        if "forkserver" not in multiprocessing.get_all_start_methods():
            return multiprocessing.get_context("spawn")
        found = multiprocessing.get_context("forkserver")
        found.set_forkserver_preload(self._ready)
        return found

    def _spread[Task, Result](
        self, work: Callable[[Task], Result], tasks: Sequence[Task], load: _Load
    ) -> Iterator[tuple[int, Result]]:
        flying: dict[Future[Result], int] = {}
        while True:
            self._launch(work, tasks, load, flying)
            if not flying:
                return
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            landed = [(flying.pop(future), future) for future in done]
            for index, future in sorted(landed, key=lambda pair: pair[0]):
                if isinstance(future.exception(), BrokenProcessPool):
                    self._again(load, tasks, index)
                else:
                    yield index, future.result()

    def _launch[Task, Result](
        self,
        work: Callable[[Task], Result],
        tasks: Sequence[Task],
        load: _Load,
        flying: dict[Future[Result], int],
    ) -> None:
        while (index := load.next(len(flying), self.count * AHEAD)) is not None:
            try:
                flying[self._running().submit(work, tasks[index])] = index
            except BrokenProcessPool:  # a worker ended between two tasks: nobody's fault
                load.waiting.insert(0, index)
                self._drop()
                if flying:
                    return

    def _again(self, load: _Load, tasks: Sequence[object], index: int) -> None:
        """A worker ended under a task: hand it to a fresh pool, unless it did that too often."""
        self._drop()
        if load.lost(index) == TRIES:
            raise WorkError(
                f"{called(tasks, index)} ended its worker {TRIES} times (killed, out of memory, or a fault in compiled "
                "code); results before it are kept"
            )

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = self._context()
            kept, self._leash = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(self.count, context, _begin, (kept,))
        return self._pool

    def _drop(self) -> None:
        """A broken pool: its other workers end too."""
        self._unleash()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _unleash(self) -> None:
        if self._leash is not None:
            self._leash.close()
            self._leash = None


def _begin(leash: Connection) -> None:
    """A worker's first act: be nice, leave Ctrl-C to whoever started it, and never outlive them."""
    os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(leash,), daemon=True).start()


def _end_with(leash: Connection) -> None:
    """The other end of the pipe is closed on purpose, or by the kernel when its holder died."""
    try:
        leash.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)
