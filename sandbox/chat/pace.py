"""How fast a bot may be, in seconds of a clock that is handed in."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

type Seconds = Callable[[], float]


def loop_seconds() -> float:
    """The running loop's clock, virtual or not."""
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Window:
    """At most `most` within any `per_s` seconds."""

    most: int
    per_s: float
    seconds: Seconds = loop_seconds
    _taken: deque[float] = field(default_factory=deque)

    @property
    def left(self) -> int:
        """How many more may come now."""
        now = self.seconds()
        while self._taken and self._taken[0] <= now - self.per_s:
            self._taken.popleft()
        return self.most - len(self._taken)

    @property
    def wait_s(self) -> float:
        """Seconds until the next one may come; 0 when it may come now."""
        return 0.0 if self.left > 0 else self._taken[0] + self.per_s - self.seconds()

    @property
    def reset_s(self) -> float:
        """Seconds until all of it is free again."""
        return 0.0 if self.left == self.most else self._taken[-1] + self.per_s - self.seconds()

    def take(self) -> float:
        """0 when it may come, and it is counted; otherwise the seconds to wait, and nothing is counted."""
        wait_s = self.wait_s
        if not wait_s:
            self._taken.append(self.seconds())
        return wait_s


@dataclass(slots=True)
class Tokens:
    """`per_s` tokens a second on average, at most `burst` at once; full at the start."""

    per_s: float
    burst: float
    seconds: Seconds = loop_seconds
    _held: float = -1.0
    _at_s: float = 0.0

    @property
    def wait_s(self) -> float:
        """Seconds until there is a token; 0 when there is one now."""
        self._fill()
        return 0.0 if self._held >= 1 - 1e-9 else (1 - self._held) / self.per_s

    def take(self) -> float:
        """0 when there was a token, and it is gone; otherwise the seconds to wait, and nothing is taken."""
        wait_s = self.wait_s
        if not wait_s:
            self._held -= 1
        return wait_s

    def _fill(self) -> None:
        now = self.seconds()
        self._held = self.burst if self._held < 0 else self._held + (now - self._at_s) * self.per_s
        self._held = min(self.burst, max(0.0, self._held))
        self._at_s = now
