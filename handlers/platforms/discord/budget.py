"""How often the bot may log in: Discord resets the token of one that identifies more than a thousand times a day."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import discord
from discord.gateway import KeepAliveHandler

AT_ONCE = 10
GAP_S = 120.0
HOUR_S = 3600.0
"""Ten in a row, then one in two minutes: at most 40 an hour, and 730 a day."""


class TooManyLogins(Exception):
    """An identify has to wait; `wait_s` is how long."""

    def __init__(self, wait_s: float) -> None:
        """Seconds from now."""
        super().__init__(f"too many logins, {wait_s:.0f} s to wait")
        self.wait_s = wait_s


@dataclass(slots=True)
class LoginBudget:
    """Counts identifies of the last hour. `seconds` is a clock that only goes forward."""

    seconds: Callable[[], float]
    _done: deque[float] = field(init=False, default_factory=deque)

    def spend(self) -> None:
        """One identify; raises TooManyLogins when it has to wait."""
        now = self.seconds()
        while self._done and now - self._done[0] >= HOUR_S:
            self._done.popleft()
        if len(self._done) >= AT_ONCE and now - self._done[-1] < GAP_S:
            raise TooManyLogins(self._done[-1] + GAP_S - now)
        self._done.append(now)

    @property
    def spent(self) -> int:
        """Identifies counted now."""
        return len(self._done)


def hush(client: discord.Client) -> None:
    """End what a held-back login leaves behind: it beats already, and the library has forgotten it."""
    for thread in threading.enumerate():
        if isinstance(thread, KeepAliveHandler) and thread.ws._connection is client._connection:
            thread.stop()
