"""The parent's side of long work: one process a person, few in all, progress heard, stopped by a kill."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from bot.domain.refusal import Refused

LONGEST_LINE = 64 * 1024 * 1024
TOO_LONG = b"a line that was too long\n"
MOST_AT_ONCE = 2
"""Long work of all people together: the desk has few cores, and trading needs one."""
COMMAND = (sys.executable, "-m", "cli.workshop.worker")
ROOT = Path(__file__).resolve().parents[2]
LENT = frozenset(
    {
        "HOME",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "NUMBA_CACHE_DIR",
        "PATH",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "TMPDIR",
        "TZDIR",
        "VIRTUAL_ENV",
        "XDG_CACHE_HOME",
        "MPLCONFIGDIR",
    }
)
"""What of the environment a worker gets: no secret is among it."""

type Heard = Callable[[float, str], Awaitable[None]]
"""Told how far it is, 0 to 1, and at what."""

STOPPED = Refused("stopped", "it was stopped")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of long work: who asked, what it is called ("a backtest"), the parcel, how long it may take."""

    user: str
    name: str
    parcel: bytes
    longest_s: float = 600.0


@dataclass(slots=True)
class Running:
    """Work under way; the process comes a moment after the place is taken."""

    name: str
    process: Process | None = None
    stopped: bool = False


@dataclass(slots=True)
class Crew:
    """The workers of a house."""

    command: tuple[str, ...] = COMMAND
    _running: dict[str, Running] = field(init=False, default_factory=dict)
    _stirred: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def refusal(self, user: str) -> Refused | None:
        """Why a person cannot begin something now."""
        if user in self._running:
            return Refused("running", f"you have {self._running[user].name} running; one at a time")
        if len(self._running) >= MOST_AT_ONCE:
            return Refused("busy", f"{len(self._running)} pieces of long work are running; try again soon")
        return None

    @property
    def idle(self) -> bool:
        """True while nobody has anything running."""
        return not self._running

    async def news(self) -> None:
        """Wait until a place is given back, or somebody stirs those who wait."""
        self._stirred.clear()
        await self._stirred.wait()

    def stir(self) -> None:
        """Let those who wait look again."""
        self._stirred.set()

    @contextlib.contextmanager
    def place(self, user: str, name: str) -> Iterator[None]:
        """Hold a person's place from the first look at the candles to the answer. Ask `refusal` before."""
        self._running[user] = Running(name)
        try:
            yield
        finally:
            del self._running[user]
            self.stir()

    def stop(self, user: str) -> str:
        """End a person's process; answers what it was, empty when there was none."""
        running = self._running.get(user)
        if running is None:
            return ""
        running.stopped = True
        _kill(running.process)
        return running.name

    async def result(self, task: Task, heard: Heard) -> bytes | Refused:
        """Do the work of a held place; the result is JSON."""
        running = self._running[task.user]
        if running.stopped:
            return STOPPED
        kept = {name: value for name, value in os.environ.items() if name in LENT}
        process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            limit=LONGEST_LINE,
            cwd=ROOT,
            env=kept,
            start_new_session=True,  # Ctrl-C at the terminal is for the desk
        )
        running.process = process
        try:
            with _ends_with_all_it_began(process):
                async with asyncio.timeout(task.longest_s):
                    return await _talk(running, process, task, heard)
        except TimeoutError:
            return Refused("slow", f"it took longer than {task.longest_s / 60:.0f} minutes and was stopped")
        finally:
            _kill(process)
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()


def _kill(process: Process | None) -> None:
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


@contextlib.contextmanager
def _ends_with_all_it_began(process: Process) -> Iterator[None]:
    """A worker's own children end when it does: they would hold its pipe, and nobody would hear that it has ended."""
    loop = asyncio.get_running_loop()
    try:
        ended = os.pidfd_open(process.pid)
    except ProcessLookupError:  # so quickly
        _kill_all(process)
        yield
        return

    def bury() -> None:
        if loop.remove_reader(ended):  # once: the number may be another's later
            _kill_all(process)

    loop.add_reader(ended, bury)
    try:
        yield
    finally:
        bury()
        os.close(ended)


def _kill_all(leader: Process) -> None:
    """Whatever is still there of a worker's session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader.pid, signal.SIGKILL)


async def _talk(running: Running, process: Process, task: Task, heard: Heard) -> bytes | Refused:
    """Give the parcel, hear progress, take the result."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both were asked for")
    if _is_stopped(running):
        return STOPPED
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(task.parcel)
        await process.stdin.drain()
        process.stdin.close()
    last = b""
    while line := await _line(process.stdout):
        last = line
        if line.startswith(b'{"done"'):
            await _hear(line, heard)
    await process.wait()
    return _ended(running, process, task, last)


async def _line(stdout: asyncio.StreamReader) -> bytes:
    """The next line, empty at the end; one longer than allowed is not kept."""
    try:
        return await stdout.readline()
    except ValueError:
        return TOO_LONG


async def _hear(line: bytes, heard: Heard) -> None:
    """Tell how far it is; what is no progress is not told."""
    try:
        said = orjson.loads(line)
        part, at = said["done"] / max(1, said["whole"]), str(said["at"])
    except (ValueError, TypeError, KeyError):
        return
    await heard(part, at)


def _is_stopped(running: Running) -> bool:
    """Asked again after every wait: somebody may have stopped it meanwhile."""
    return running.stopped


def _ended(running: Running, process: Process, task: Task, last: bytes) -> bytes | Refused:
    """What its last line means."""
    if running.stopped:
        return STOPPED
    refused = _refused(last)
    if refused:
        return Refused("work", refused)
    if not last.startswith(b'{"result":'):
        log.error("%s ended with code %s and no result", task.name, process.returncode)
        return Refused("died", f"{task.name} failed before its end; nothing of it is kept")
    return last.removeprefix(b'{"result":').rstrip()[:-1]


def _refused(last: bytes) -> str:
    """Why it was not done, in its own words; empty where it gave none."""
    try:
        said = orjson.loads(last) if last.startswith(b'{"refused"') else None
    except ValueError:
        return ""
    return str(said["refused"]) if said else ""
