"""Timers the engine asked for: TimerDue goes into the inbox when business time reaches them."""

import heapq
from collections.abc import Callable

from bot.domain.action import StartTimer
from bot.domain.event import TimerDue


class Timers:
    """At most one timer per name and key; a new one replaces the old."""

    def __init__(self, put: Callable[[TimerDue], None]) -> None:
        """`put` takes the events."""
        self._put = put
        self._due: dict[tuple[str, str], int] = {}
        self._heap: list[tuple[int, str, str]] = []

    def start(self, action: StartTimer) -> None:
        """Set or replace a timer."""
        self._due[action.name, action.key] = action.due_at_ms
        heapq.heappush(self._heap, (action.due_at_ms, action.name, action.key))

    @property
    def next_at_ms(self) -> int:
        """When the next timer is due; 0 when there is none."""
        return self._heap[0][0] if self._heap else 0

    def fire(self, now_ms: int) -> int:
        """Put an event for every timer that is due by now; returns how many."""
        fired = 0
        while self._heap and self._heap[0][0] <= now_ms:
            due_at_ms, name, key = heapq.heappop(self._heap)
            if self._due.get((name, key)) == due_at_ms:
                del self._due[name, key]
                self._put(TimerDue(now_ms, name, key))
                fired += 1
        return fired
