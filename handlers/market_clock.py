"""The market's clock as a chat command may turn it: only a demo has one that can be turned."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from handlers.command import Injected


class TurnableClock(Protocol):
    """A market clock."""

    @property
    def paused(self) -> bool:
        """True when the market stands still."""
        ...

    def pause(self) -> None:
        """Stand still."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def set_speed(self, speed: float) -> None:
        """Business seconds per second."""
        ...


def real_time() -> TurnableClock | None:
    """The clock of a desk on a real market: nobody turns it."""
    return None


@dataclass(frozen=True, slots=True)
class ClockControl(Injected):
    """`clock` gives the market's clock, None when it cannot be turned; `bar_seconds` is a bar's length on it."""

    clock: Callable[[], TurnableClock | None] = real_time
    bar_seconds: float = 900.0
