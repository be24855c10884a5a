"""Answers that get through: whatever became of a command is told, even when the platform stumbles meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from handlers.speaker import PlatformDown

log = logging.getLogger(__name__)
ATTEMPTS = 2_880
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
"""At most half a minute apart: an answer is tried for a day; no outage leaves a command without its outcome."""

LAST_WORDS_S = 3.0

type Sleep = Callable[[float], Awaitable[None]]


async def insisted[R](
    send: Callable[[], Awaitable[R]], what: str, attempts: int = ATTEMPTS, sleep: Sleep = asyncio.sleep
) -> R | None:
    """What `send` answers, tried again while the platform is down; None, and a line in the log, when it stays so."""
    retry_s = FIRST_RETRY_S
    for _ in range(attempts):
        try:
            return await send()
        except PlatformDown as down:
            log.warning("%s does not get through yet: %s", what, down)
            await sleep(max(down.retry_after_s, retry_s))
            retry_s = min(retry_s * 2, LONGEST_RETRY_S)
    log.error("%s did not get through; the audit has what was done", what)
    return None


class Underway:
    """What a face is doing for people, each by itself: nothing that hangs keeps a panic waiting."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        """Nothing yet."""
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Begin and return at once; what breaks is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def close(self, within_s: float = LAST_WORDS_S) -> None:
        """The process is leaving: what is nearly done may end ("restarting" is an answer too), the rest is cut off."""
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def finished(self) -> None:
        """Wait until nothing is underway."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an answer failed", exc_info=error)
