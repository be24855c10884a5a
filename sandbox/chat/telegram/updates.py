"""The bot's queue of updates: kept for a day, delivered again until confirmed, read by one poller at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from sandbox.chat.bell import Bell
from sandbox.chat.telegram.fields import Json
from sandbox.chat.telegram.refusal import Refused

KEPT_MS = 24 * 3_600_000
QUIET_MS = 7 * KEPT_MS
MOST = 100
LONGEST_POLL_S = 50
FUTURE = 10
"""An offset so far ahead of the newest update belongs to ids of another time; it confirms nothing."""
_FIRST_ID = 700_000_001
_SPECIAL = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Only delivered to bots that asked for them by name."""
CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


@dataclass(frozen=True, slots=True)
class Queued:
    """One update; `order` is its place among all that came, whatever their ids."""

    order: int
    id: int
    at_ms: int
    body: Json


@dataclass(slots=True)
class Updates:
    """The queue. `wall_ms` dates what comes in."""

    wall_ms: Callable[[], int]
    bell: Bell
    lots: Random = field(default_factory=lambda: Random(7))
    allowed: tuple[str, ...] = ()
    next_id: int = _FIRST_ID
    queue: list[Queued] = field(default_factory=list)
    past: dict[int, Queued] = field(default_factory=dict)
    _again: list[Queued] = field(default_factory=list)
    _last_ms: int | None = None
    _count: int = 0
    _turn: int = 0
    _ended: bool = False

    def add(self, kind: str, body: Json) -> int | None:
        """Queue an update; None when the bot did not ask for this kind (it is lost)."""
        if kind not in self.allowed if self.allowed else kind in _SPECIAL:
            return None
        now = self.wall_ms()
        if self._last_ms is not None and now - self._last_ms >= QUIET_MS:
            self.next_id = self.lots.randrange(1, 1_000_000_000)
        made = Queued(self._count, self.next_id, now, {"update_id": self.next_id, kind: body})
        self.next_id, self._last_ms, self._count = made.id + 1, now, self._count + 1
        self.queue.append(made)
        self.past[made.id] = made
        self.bell.ring()
        return made.id

    def again(self, update_id: int) -> None:
        """Deliver an update once more with the next answer, confirmed or not."""
        self._again.append(self.past[update_id])
        self.bell.ring()

    def drop(self) -> None:
        """Forget all that waits."""
        self.queue.clear()
        self._again.clear()

    def end(self) -> None:
        """Whoever polls is let go."""
        self._ended = True
        self.bell.ring()

    async def poll(
        self, offset: int, limit: int, timeout_s: float, allowed: Sequence[str] | None
    ) -> list[Json]:
        """One call of getUpdates; ends an earlier one that still waits. Raises Refused (409) when a later one came."""
        self._turn += 1
        mine = self._turn
        self.bell.ring()
        if allowed is not None:
            self.allowed = tuple(allowed)
        self._confirm(offset)
        if not self._ready():
            over = min(max(timeout_s, 0.0), LONGEST_POLL_S)
            await self.bell.until(lambda: self._turn != mine or self._ended or self._ready(), over)
        else:
            await asyncio.sleep(0)
        if self._turn != mine and not self._ended:
            raise Refused(409, CONFLICT)
        return self._hand_out(limit if 1 <= limit <= MOST else MOST)

    def _ready(self) -> bool:
        self._expire()
        return bool(self.queue or self._again)

    def _expire(self) -> None:
        oldest = self.wall_ms() - KEPT_MS
        self.queue = [one for one in self.queue if one.at_ms > oldest]

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            self.queue = self.queue[offset:]
        elif offset - 1 in self.past:
            last = self.past[offset - 1].order
            self.queue = [one for one in self.queue if one.order > last]
        elif offset and offset <= self.next_id + FUTURE:
            self.queue = [one for one in self.queue if one.id >= offset]

    def _hand_out(self, limit: int) -> list[Json]:
        given = [*self._again, *self.queue][:limit]
        self._again = self._again[len(given) :]
        return [one.body for one in given]
