"""What a job is: when it is due (a period's boundaries, a cron line), what it does, how its last run went."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.config.cron import CronLine, parse_cron
from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS

_UNITS = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m"), (1000, "s"))


@dataclass(frozen=True, slots=True)
class Every:
    """At every whole multiple of a period (counted from 1970, so days begin at 00:00 UTC), `offset_ms` later."""

    period_ms: int
    offset_ms: int = 0

    def __str__(self) -> str:
        """The rule for people: every 15m + 2s."""
        text = f"every {_duration(self.period_ms)}"
        return f"{text} + {_duration(self.offset_ms)}" if self.offset_ms else text

    def first_ms(self, now_ms: int) -> int:
        """The first time that is not before now."""
        return now_ms + (self.offset_ms - now_ms) % self.period_ms

    def next_ms(self, previous_ms: int, now_ms: int) -> int:
        """The time after the previous one; of several that were missed, the last."""
        latest_ms = self.first_ms(now_ms - self.period_ms + 1)
        return max(self.first_ms(previous_ms + 1), latest_ms)


@dataclass(frozen=True, slots=True)
class Cron:
    """By a cron line, read in a time zone."""

    text: str
    timezone: str

    def __str__(self) -> str:
        """The rule for people: 0 8 * * mon (Europe/Berlin)."""
        return f"{self.text} ({self.timezone})"

    @property
    def line(self) -> CronLine:
        """The line taken apart."""
        return parse_cron(self.text)


type Work = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class JobRule:
    """One job: when it is due and what it does; the work answers in a few words how it went, or with nothing.

    `wall` jobs follow the wall clock however fast the market runs, and are not kept over restarts.
    """

    id: str
    title: str
    when: Every | Cron
    work: Work
    wall: bool = False


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job; an empty result means that it began and was not seen to end."""

    at_ms: int
    took_ms: float = 0.0
    result: str = ""


def _duration(milliseconds: int) -> str:
    """A duration in its largest whole unit: 15m, 90s, 250ms."""
    for size, unit in _UNITS:
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
