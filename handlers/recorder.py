"""The audit as the dispatcher writes it: in order, and complete as soon as the database takes it again."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from bot.runtime.ports import Audit, AuditDraft

log = logging.getLogger(__name__)
MOST_WAITING = 10_000


class Recorder:
    """Lines that cannot be written wait here and go first when the next one can: none changes places."""

    def __init__(self, audit: Callable[[], Audit]) -> None:
        """Nothing waits."""
        self._audit = audit
        self._waiting: deque[AuditDraft] = deque(maxlen=MOST_WAITING)
        self._turn = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """Lines that are not in the audit yet."""
        return len(self._waiting)

    async def append(self, draft: AuditDraft) -> None:
        """Write the line and those before it. While that fails the log has it: the answer must not be lost too."""
        self._waiting.append(draft)
        async with self._turn:
            await self._write()

    async def _write(self) -> None:
        while self._waiting:
            draft = self._waiting[0]
            try:
                await self._audit().append(draft)
            except Exception:
                log.exception("%d lines of the audit wait, the newest: %s", self.waiting, self._waiting[-1])
                return
            self._waiting.popleft()
