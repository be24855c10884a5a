"""How fast a platform is spoken to: one Pace per platform, asked before everything that is sent.

    await pace.turn(chat_id)      # returns when the next message may go, and counts it
    pace.hold(30, chat_id)        # the platform said: nothing to this chat for 30 s (without a chat: to nobody)

Who waits is served by urgency, then in the order of asking: replies to people first, then critical notices, trades, the
rest. The rest waits while somebody in the chat is being answered, though not for ever: a digest must not take the place
of the next answer. A chat that must wait holds up no other one. Time is the running loop's. Nothing is refused.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum

from bot.domain.notice import Severity

MARGIN = 1.05
"""So much slower than allowed: messages sent a second apart may arrive a little closer together."""


class Urgency(IntEnum):
    """Whose message goes first."""

    REPLY = 0
    CRITICAL = 1
    TRADE = 2
    INFO = 3

    @classmethod
    def of(cls, severity: Severity) -> "Urgency":
        """The urgency of a notice."""
        return cls[severity.value]


_urgency: ContextVar[Urgency] = ContextVar("urgency", default=Urgency.REPLY)


@contextmanager
def spoken_as(urgency: Urgency) -> Iterator[None]:
    """Whatever is sent inside waits with this urgency; outside of it everything is a reply."""
    token = _urgency.set(urgency)
    try:
        yield
    finally:
        _urgency.reset(token)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `most` messages within any `per_s` seconds."""

    most: int
    per_s: float


@dataclass(frozen=True, slots=True)
class PaceRules:
    """What a platform allows: to everybody together, to one chat (all rates hold), to one group beside that.

    `calm` holds for what is less urgent than a critical notice, per chat and beside the others: bursts are for replies
    and critical notices, and between two of those no other message slips in. What is merely told waits until nobody has
    been answered in its chat for `lull_s`, at most `patience_s`.
    """

    overall: tuple[Rate, ...] = ()
    chat: tuple[Rate, ...] = ()
    calm: tuple[Rate, ...] = ()
    group: tuple[Rate, ...] = ()
    is_group: Callable[[str], bool] = lambda chat_id: False
    lull_s: float = 0.0
    patience_s: float = 60.0


def telegram_group(chat_id: str) -> bool:
    """Telegram's groups, topics and channels have negative ids."""
    return chat_id.startswith("-")


TELEGRAM = PaceRules(
    overall=(Rate(30, 1.0),),
    chat=(Rate(3, 3.0),),  # one a second, three at once
    calm=(Rate(1, 1.0),),
    group=(Rate(20, 60.0),),
    is_group=telegram_group,
    lull_s=4.0,
)
DISCORD = PaceRules(overall=(Rate(45, 1.0),), chat=(Rate(5, 5.0),), calm=(Rate(1, 1.0),), lull_s=4.0)
SLACK = PaceRules(chat=(Rate(1, 1.0),), lull_s=4.0)
UNPACED = PaceRules()


@dataclass(slots=True)
class _Window:
    """What was sent within one rate's span."""

    rate: Rate
    sent: deque[float] = field(default_factory=deque)

    def opens_s(self, now_s: float) -> float:
        """When the next message may go: now or later."""
        span_s = self.rate.per_s * MARGIN
        while self.sent and self.sent[0] + span_s <= now_s:
            self.sent.popleft()
        if len(self.sent) < self.rate.most:
            return now_s
        return self.sent[-self.rate.most] + span_s

    @property
    def idle(self) -> bool:
        """Nothing is remembered."""
        return not self.sent


@dataclass(slots=True)
class _Waiting:
    """Somebody who waits for a turn."""

    urgency: Urgency
    number: int
    chat_id: str
    asked_s: float
    turn: asyncio.Future[None]

    @property
    def place(self) -> tuple[int, int]:
        """Where in the row."""
        return self.urgency, self.number


class Pace:
    """One platform's pace; see the module."""

    def __init__(self, rules: PaceRules) -> None:
        """Nothing has been sent yet."""
        self._rules = rules
        self._overall = [_Window(rate) for rate in rules.overall]
        self._chats: dict[str, list[_Window]] = {}
        self._calm: dict[str, list[_Window]] = {}
        self._held_s: dict[str, float] = {}
        self._answered_s: dict[str, float] = {}
        self._waiting: list[_Waiting] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, chat_id: str, urgency: Urgency | None = None) -> None:
        """Return when one message may go to this chat; it is counted then. A cancelled wait counts nothing."""
        self._number += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        given = _urgency.get() if urgency is None else urgency
        self._waiting.append(_Waiting(given, self._number, _room(chat_id), self._now_s(), future))
        self._serve()
        await future

    def hold(self, seconds: float, chat_id: str = "") -> None:
        """Send nothing to a chat (to nobody without one) for so long; what was held longer stays so."""
        room, until_s = _room(chat_id), self._now_s() + seconds
        self._held_s[room] = max(self._held_s.get(room, 0.0), until_s)
        self._serve()

    def wait_s(self, chat_id: str) -> float:
        """How long a message to this chat would have to wait now, were it alone."""
        now_s = self._now_s()
        return max(0.0, self._opens_s(_room(chat_id), now_s, Urgency.REPLY) - now_s)

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._waiting)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _serve(self) -> None:
        """Give turns to whoever may go now, and look again when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_s, next_s = self._now_s(), float("inf")
        left: list[_Waiting] = []
        for one in sorted(self._waiting, key=lambda one: one.place):
            if one.turn.done():
                continue
            opens_s = max(self._opens_s(one.chat_id, now_s, one.urgency), self._lull_s(one))
            if opens_s <= now_s:
                self._count(one.chat_id, now_s)
                if one.urgency is Urgency.REPLY:
                    self._answered_s[one.chat_id] = now_s
                one.turn.set_result(None)
            else:
                next_s = min(next_s, opens_s)
                left.append(one)
        self._waiting = left
        if left:
            self._timer = asyncio.get_running_loop().call_at(next_s, self._serve)
        else:
            self._forget(now_s)

    def _opens_s(self, room: str, now_s: float, urgency: Urgency) -> float:
        held_s = max(self._held_s.get("", 0.0), self._held_s.get(room, 0.0))
        windows = self._overall + self._chats.get(room, [])
        windows += self._calm.get(room, []) if urgency > Urgency.CRITICAL else []
        opens_s: list[float] = [window.opens_s(now_s) for window in windows]
        return max([now_s, held_s, *opens_s])

    def _lull_s(self, one: _Waiting) -> float:
        """When what is merely told may break into a conversation."""
        rules, answered_s = self._rules, self._answered_s.get(one.chat_id)
        if one.urgency is not Urgency.INFO or answered_s is None:
            return 0.0
        return min(answered_s + rules.lull_s, one.asked_s + rules.patience_s)

    def _count(self, room: str, now_s: float) -> None:
        for window in (*self._overall, *self._windows(room), *self._calm[room]):
            window.sent.append(now_s)

    def _windows(self, room: str) -> list[_Window]:
        if room not in self._chats:
            group = self._rules.group if self._rules.is_group(room) else ()
            self._chats[room] = [_Window(rate) for rate in (*self._rules.chat, *group)]
            self._calm[room] = [_Window(rate) for rate in self._rules.calm]
        return self._chats[room]

    def _forget(self, now_s: float) -> None:
        """Chats that have been silent for long, and holds that are over, are no longer remembered."""
        self._held_s = {room: until_s for room, until_s in self._held_s.items() if until_s > now_s}
        lull_s = self._rules.lull_s
        self._answered_s = {room: at_s for room, at_s in self._answered_s.items() if at_s + lull_s > now_s}
        for room in list(self._chats):
            windows = self._chats[room] + self._calm[room]
            for window in windows:
                window.opens_s(now_s)
            if all(window.idle for window in windows):
                del self._chats[room], self._calm[room]


def _room(chat_id: str) -> str:
    """The chat that a topic ("chat/topic") or thread ("channel:thread") belongs to: the limits are the chat's."""
    return chat_id.partition("/")[0].partition(":")[0]
