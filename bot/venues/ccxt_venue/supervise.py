"""Tasks that are kept alive: whatever ends them, they begin again after a pause that grows and is never the same."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from bot.venues.port import VenueUnavailable

log = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 0.5, 60.0
WELL_S = 60.0
TRIES, AGAIN_S = 3, 1.0


class StreamLost(Exception):
    """A connection is over; the message is a short reason without secrets."""


class Backoff:
    """Pauses in seconds: each up to twice the one before, between half and the whole of it, by chance."""

    def __init__(self, chance: Random, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._chance = chance
        self._first_s = first_s
        self._longest_s = longest_s
        self._tries = 0

    def next_s(self) -> float:
        """The next pause."""
        whole_s = min(self._longest_s, self._first_s * 2.0 ** min(self._tries, 16))
        self._tries += 1
        return whole_s * (0.5 + self._chance.random() / 2)

    def reset(self) -> None:
        """All is well: begin with the shortest pause again."""
        self._tries = 0


@dataclass(slots=True)
class Life:
    """How a supervised task does: how often it began again, and why the last time."""

    name: str
    restarts: int = 0
    fault: str = ""


async def keep_alive(
    life: Life, live: Callable[[], Awaitable[None]], backoff: Backoff, well_s: float = WELL_S
) -> None:
    """Run `live` again and again. Its ordinary end is planned: it begins anew at once."""
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        try:
            await live()
            life.fault = ""
            pause_s = 0.0
        except Exception as error:  # noqa: BLE001 - a supervisor; it is said and counted
            _tell(life, error)
            pause_s = -1.0
        life.restarts += 1
        if loop.time() - began_s >= well_s:
            backoff.reset()
        await asyncio.sleep(pause_s if pause_s >= 0 else backoff.next_s())


async def insist[T](ask: Callable[[], Awaitable[T]]) -> T:
    """Ask a few times: one lost answer among hundreds is no reason to give up. Raises VenueUnavailable."""
    for _ in range(TRIES - 1):
        with suppress(VenueUnavailable):
            return await ask()
        await asyncio.sleep(AGAIN_S)
    return await ask()


def _tell(life: Life, error: Exception) -> None:
    """Once per kind of fault: a line that stays down is not news every minute."""
    known = isinstance(error, StreamLost | VenueUnavailable)
    fault = str(error) if known else type(error).__name__
    if fault != life.fault:
        log.warning("%s: %s; beginning again", life.name, fault, exc_info=None if known else error)
    life.fault = fault
