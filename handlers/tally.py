"""Counting refusals, so that nobody fills the disk by being refused: one line a minute each, so many for all."""

from collections.abc import Iterable
from dataclasses import dataclass, field

MINUTE_MS = 60_000
MOST_PEOPLE = 5_000
MOST_LINES = 60
"""Refusals written down in a minute, over all who are refused."""


@dataclass(slots=True)
class _Count:
    """When a line was last written, and how many refusals came since."""

    at_ms: int
    since: int = 0


@dataclass(slots=True)
class RefusalTally:
    """Says which refusal gets its line in the audit, and how many came before it without one."""

    _people: dict[str, _Count] = field(init=False, default_factory=dict)
    _all: _Count = field(init=False, default_factory=lambda: _Count(0))
    _lines: int = field(init=False, default=0)

    def count(self, who: str, at_ms: int) -> int | None:
        """None: it gets no line. Else how many refusals had none since this one's last line (or anybody's)."""
        if at_ms - self._all.at_ms >= MINUTE_MS:
            self._all.at_ms, self._lines = at_ms, 0
        known = self._people.get(who)
        if known is not None and at_ms - known.at_ms < MINUTE_MS:
            known.since += 1
            return None
        if self._lines >= MOST_LINES:
            self._all.since += 1
            return None
        self._lines += 1
        uncounted = (known.since if known else 0) + self._all.since
        self._all.since = 0
        self._people[who] = _Count(at_ms)
        self._forget(at_ms)
        return uncounted

    def _forget(self, at_ms: int) -> None:
        """What is forgotten with somebody is counted for all."""
        if len(self._people) <= MOST_PEOPLE:
            return
        old = [who for who, count in self._people.items() if at_ms - count.at_ms >= MINUTE_MS]
        self._all.since += sum(_taken(self._people, old or [next(iter(self._people))]))


def _taken(people: dict[str, _Count], who: Iterable[str]) -> Iterable[int]:
    for one in who:
        yield people.pop(one).since
