"""The audit as the dispatcher writes it: in order, and complete as soon as the database takes it again."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import islice

from bot.runtime.ports import Audit, AuditDraft

log = logging.getLogger(__name__)
MOST_WAITING = 10_000
TOGETHER = 100
"""So many lines at most share a transaction."""


class Recorder:
    """Lines that cannot be written wait here and go first when the next one can: none changes places.

    Lines of many people that came while one was written go together, up to TOGETHER of them: so a person waits for
    the transaction that is on its way and for their own, however many people act at once.
    """

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
            while any(one is draft for one in self._waiting) and await self._write():
                pass

    async def _write(self) -> bool:
        """The oldest lines, in one transaction; False: they wait on."""
        drafts = tuple(islice(self._waiting, TOGETHER))
        try:
            await self._audit().extend(drafts)
        except Exception:  # whatever is wrong with the database: who asked gets the answer all the same
            log.exception("%d lines of the audit wait, the newest: %s", self.waiting, self._waiting[-1])
            return False
        for draft in drafts:  # where too many waited the oldest have been dropped meanwhile
            if self._waiting and self._waiting[0] is draft:
                self._waiting.popleft()
        return True
