"""Alarms: critical notices that cannot wait for the database, because they are about it, or it is down.

They go from the loop straight to each person, and are tried for as long as the platform is away. What was told so is
not told again when the database is back and the same notice comes out of the outbox; what still waits is left to the
outbox then, which outlives the process.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from bot.domain.notice import Notice
from handlers.pace import Urgency, spoken_as
from handlers.render_text import notice_reply
from handlers.reply import Reply
from handlers.speaker import PlatformDown, Speaker

log = logging.getLogger(__name__)
KEPT = 100
ATTEMPTS = 50
"""So often a notice may break a platform that is there; one that is away is waited for."""
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0


def _as_it_is(reply: Reply) -> Reply:
    return reply


class Alarms:
    """The alarms of one person, in order, each tried until it gets through."""

    def __init__(
        self,
        speaker: Speaker,
        chat_id: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        dress: Callable[[Reply], Reply] = _as_it_is,
    ) -> None:
        """Nothing rings yet. `dress` makes a reply fit to be said: without secrets, whoever wrote the notice."""
        self._speaker = speaker
        self._chat_id = chat_id
        self._sleep = sleep
        self._dress = dress
        self._waiting: deque[Notice] = deque(maxlen=KEPT)
        self._told: deque[Notice] = deque(maxlen=KEPT)
        self._trying: Notice | None = None
        self._rang = asyncio.Event()

    def ring(self, notice: Notice) -> None:
        """Tell at once; returns at once."""
        self._waiting.append(notice)
        self._rang.set()

    def told(self, notice: Notice) -> bool:
        """True when this very notice was told as an alarm; asked once. Raises PlatformDown while it is on its way."""
        if notice in self._told:
            self._told.remove(notice)
            return True
        if notice == self._trying:
            raise PlatformDown("it is on its way as an alarm")
        if notice in self._waiting:
            self._waiting.remove(notice)
        return False

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            await self._rang.wait()
            self._rang.clear()
            while self._waiting:
                self._trying = self._waiting.popleft()
                if await self._until_through(self._trying):
                    self._told.append(self._trying)
                self._trying = None

    async def _until_through(self, notice: Notice) -> bool:
        """False when it was given up: it breaks a platform that is there."""
        retry_s, failures = FIRST_RETRY_S, 0
        while failures < ATTEMPTS:
            try:
                with spoken_as(Urgency.CRITICAL):
                    await self._speaker.say(self._chat_id, self._dress(notice_reply(notice)), False)
            except Exception as error:  # noqa: BLE001 (whatever it is: an alarm is tried again, later ones wait behind it)
                failures += not isinstance(error, PlatformDown)
                log.error("an alarm does not get through: %s (%s)", notice.title, type(error).__name__)
                await self._sleep(retry_s)
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
            else:
                return True
        return False
