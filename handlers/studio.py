"""A process of its own that draws: a picture takes a tenth of a second of work, and the desk must not share its turns.

It is started with the first picture (or before, by `run`) and replaced when it has died or hangs. It gets no
secret: of the environment only what Python and matplotlib need.
"""

import asyncio
import logging
import os
import subprocess
import sys
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path

from handlers.drawing import NotDrawn
from handlers.pictures.wire import Wish, to_bytes
from handlers.pictures.worker import HEAD, LENGTH
from handlers.reply import Plot

COMMAND = (sys.executable, "-m", "handlers.pictures.worker")
ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 10.0
"""A picture takes a tenth of a second, the first one a second; a machine that is busy several times that."""
LENT = frozenset(
    {
        *("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "MPLCONFIGDIR", "PATH", "PYTHONDONTWRITEBYTECODE"),
        *(
            "PYTHONPATH",
            "SYSTEMROOT",
            "TMPDIR",
            "TZ",
            "TZDIR",
            "VIRTUAL_ENV",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
        ),
    }
)
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Studio:
    """Draws in another process; who calls it lets one picture be finished before the next (`handlers.drawing`)."""

    zone: str
    quote: str
    command: tuple[str, ...] = COMMAND
    patience_s: float = PATIENCE_S
    memory_mb: float = 0.0
    _worker: Process | None = None
    _opening: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    async def paint(self, plot: Plot, dark: bool) -> bytes:
        """The picture as PNG. Raises NotDrawn, and what is no plot ValueError or TypeError."""
        asked = to_bytes(Wish(plot, self.zone, self.quote, dark))
        worker = await self._ready()
        try:
            async with asyncio.timeout(self.patience_s):
                is_picture, body = await self._exchange(worker, asked)
        except TimeoutError as error:
            raise NotDrawn(f"no picture within {self.patience_s:g} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise NotDrawn("the process that draws has ended") from error
        if not is_picture:
            raise NotDrawn(body.decode(errors="replace"))
        return body

    async def run(self) -> None:
        """Have it ready before the first picture is asked for, and end it when cancelled."""
        try:
            await self._ready()
        except OSError as error:
            log.warning("the process that draws cannot be started yet: %s", error.strerror)
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the process; the next picture starts another."""
        worker, self._worker = self._worker, None
        if worker is not None:
            _end(worker)
            await worker.wait()

    async def _ready(self) -> Process:
        """The process, a new one when there is none that lives."""
        async with self._opening:
            if self._worker is None or self._worker.returncode is not None:
                self._worker = await self._start()
            return self._worker

    async def _start(self) -> Process:
        kept = {name: value for name, value in os.environ.items() if name in LENT}
        return await asyncio.create_subprocess_exec(
            *self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=kept | ONE_THREAD,
            start_new_session=True,  # Ctrl-C at the terminal is for the desk
        )

    async def _exchange(self, worker: Process, asked: bytes) -> tuple[bool, bytes]:
        """What it answers; a process whose answer was not read to its end is good for nothing more."""
        if worker.stdin is None or worker.stdout is None:
            raise AssertionError("it was started with both ends")
        finished = False
        try:
            worker.stdin.write(LENGTH.pack(len(asked)) + asked)
            await worker.stdin.drain()
            length, is_picture, used_kib = HEAD.unpack(await worker.stdout.readexactly(HEAD.size))
            body = await worker.stdout.readexactly(length)
            finished = True
        finally:
            if not finished:
                self._worker = None
                _end(worker)
        self.memory_mb = used_kib / 1024
        return is_picture, body


def _end(worker: Process) -> None:
    if worker.returncode is None:
        worker.kill()
