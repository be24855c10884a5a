"""How fast a bot may write: about one message a second into a chat, 20 a minute into a group, 30 a second in all.

The provider lets short bursts into a chat pass; here three at once, which is our choice: the manual says "may allow
short bursts" and gives no figure. Whoever goes on while told to wait waits a second longer for every attempt.
Edits count like messages.
"""

from dataclasses import dataclass, field
from math import ceil

from sandbox.chat.pace import Seconds, Tokens, Window, loop_seconds
from sandbox.chat.telegram.nouns import Room
from sandbox.chat.telegram.refusal import too_many

CHAT_PER_S = 1.0
CHAT_BURST = 3
GROUP_PER_MINUTE = 20
ALL_PER_S = 30
EVERYWHERE = 0
"""No chat has this id: the penalty for all of them."""


@dataclass(slots=True)
class Rates:
    """The limits of one bot; `enforced` False lets everything pass."""

    seconds: Seconds = loop_seconds
    enforced: bool = True
    _all: Window = field(init=False)
    _chats: dict[int, Tokens] = field(init=False, default_factory=dict)
    _groups: dict[int, Window] = field(init=False, default_factory=dict)
    _until_s: dict[int, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._all = Window(ALL_PER_S, 1.0, self.seconds)

    def take(self, room: Room) -> None:
        """Count one message to this chat; raises Refused (429) when it comes too early, and counts nothing."""
        if not self.enforced:
            return
        for scope in (room.id, EVERYWHERE):
            self._wait_longer(scope)
        chat = self._chats.setdefault(room.id, Tokens(CHAT_PER_S, CHAT_BURST, self.seconds))
        group = self._groups.setdefault(room.id, Window(GROUP_PER_MINUTE, 60.0, self.seconds))
        wait_s = max(chat.wait_s, group.wait_s if room.is_group else 0.0)
        if wait_s:
            raise self._punish(room.id, wait_s)
        if self._all.wait_s:
            raise self._punish(EVERYWHERE, self._all.wait_s)
        chat.take()
        group.take()
        self._all.take()

    def _wait_longer(self, scope: int) -> None:
        left_s = self._until_s.get(scope, 0.0) - self.seconds()
        if left_s > 0:
            raise self._punish(scope, left_s + 1)

    def _punish(self, scope: int, wait_s: float) -> Exception:
        seconds = max(1, ceil(wait_s - 1e-6))
        self._until_s[scope] = self.seconds() + seconds
        return too_many(seconds)
