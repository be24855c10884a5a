"""Asking an exchange that may be slow, busy or away: again, after pauses that grow."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from bot.venues.ccxt_venue.supervise import Backoff
from bot.venues.port import VenueUnavailable

LOOK_S = 0.2

type Hear = Callable[[str], None]


def unheard(words: str) -> None:
    """A Hear that nobody listens to."""


@dataclass(slots=True)
class Patience:
    """How long it is tried: `tries` in a row without an answer are given up; pauses in seconds grow to the longest.

    `heard` is told every failure in a few words; `look` is called while a pause lasts, and what it raises ends it.
    """

    chance: Random
    tries: int = 8
    first_s: float = 1.0
    longest_s: float = 60.0
    heard: Hear = unheard
    look: Callable[[], None] = lambda: None
    failures: int = field(default=0, init=False)

    async def ask[T](self, question: Callable[[], Awaitable[T]]) -> T:
        """The answer; raises VenueUnavailable with the last failure when the patience is at its end."""
        backoff = Backoff(self.chance, self.first_s, self.longest_s)
        for _ in range(self.tries - 1):
            try:
                return await question()
            except VenueUnavailable as error:
                self.failures += 1
                pause_s = backoff.next_s()
                self.heard(f"{error}; again in {pause_s:.0f} s")
            await self._rest(pause_s)
        return await question()

    async def _rest(self, pause_s: float) -> None:
        end_s = asyncio.get_running_loop().time() + pause_s
        while (left_s := end_s - asyncio.get_running_loop().time()) > 0:
            self.look()
            await asyncio.sleep(min(LOOK_S, left_s))
