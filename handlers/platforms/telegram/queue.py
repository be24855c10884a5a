"""The library's queue of updates, made patient.

Asking Telegram for the next updates confirms the ones before: it forgets them. The library asks as soon as the queue
has taken them; this queue takes one only when the desk has claimed it, so a crash in between loses no command.
"""

import asyncio
from collections.abc import Callable

from telegram import Update

PATIENCE_S = 1.0
REST_S = 10.0


class PatientQueue(asyncio.Queue[object]):
    """`put` returns when the update is claimed, done with, or after a second: a database that hangs stops no panic.

    After an update that was not claimed in time, those of the next seconds are not waited for.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        """Nothing waits."""
        super().__init__()
        self._patience_s = patience_s
        self._open: dict[int, asyncio.Event] = {}
        self._hasty_until_s = 0.0

    async def put(self, item: object) -> None:
        """Hand an update on, and wait until it is claimed."""
        now_s = asyncio.get_running_loop().time()
        if not isinstance(item, Update) or not is_answered(item) or now_s < self._hasty_until_s:
            await super().put(item)
            return
        claimed = self._open.setdefault(item.update_id, asyncio.Event())
        await super().put(item)
        try:
            async with asyncio.timeout(self._patience_s):
                await claimed.wait()
        except TimeoutError:
            self._hasty_until_s = asyncio.get_running_loop().time() + REST_S
        finally:
            self._open.pop(item.update_id, None)

    def claimed(self, update_id: int) -> Callable[[], None]:
        """What to call when the update is claimed or done with."""

        def tell() -> None:
            if (event := self._open.get(update_id)) is not None:
                event.set()

        return tell


def is_answered(update: Update) -> bool:
    """True for updates that our handlers take up."""
    return bool(update.callback_query or (update.message and update.message.text))
