"""Contracts that storage fulfils for the chat layer: updates, access, one-time codes, escalations."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.domain.notice import Notice


class ArrivalState(StrEnum):
    """What became of an update.

    TAKEN: claimed, no effect yet; EFFECTED: its effect is committed (written in the same transaction); ENDED: answered
    without an effect; PARKED: came too late, waits for run or discard; DROPPED: discarded.
    """

    TAKEN = "taken"
    EFFECTED = "effected"
    ENDED = "ended"
    PARKED = "parked"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One update of a chat platform: who said what where. `user` is "platform:user_id", `line` the command as written.

    `sent_at_ms` is the platform's time, `at_ms` when it was taken; both people's time.
    """

    platform: str
    update_id: str
    user: str
    chat_id: str
    line: str
    sent_at_ms: int
    at_ms: int
    state: ArrivalState = ArrivalState.TAKEN

    @property
    def key(self) -> str:
        """The update as events and audit name it: platform:update_id."""
        return f"{self.platform}:{self.update_id}"


class Arrivals(Protocol):
    """Updates and what became of them: each acts at most once, across restarts; none is lost unseen."""

    async def claim(self, arrival: Arrival) -> bool:
        """True the first time this update is seen, False ever after. Durable before it returns."""
        ...

    async def settle(self, platform: str, update_id: str, state: ArrivalState) -> None:
        """Note what became of an update; one that is EFFECTED stays so unless it is DROPPED."""
        ...

    async def open(self, before_ms: int) -> tuple[Arrival, ...]:
        """PARKED ones, and TAKEN ones that were taken before a time (an earlier run died on them), oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """Access given at run time. `until_ms` 0: without end; role "" takes access away that the configuration gives."""

    user: str
    role: str
    until_ms: int
    by: str
    at_ms: int


class Grants(Protocol):
    """Who was let in at run time, who asked to be, and when people were last heard of."""

    async def grants(self) -> tuple[Grant, ...]:
        """The newest grant of every user who has one."""
        ...

    async def grant(self, grant: Grant) -> None:
        """Store one; it replaces the user's last."""
        ...

    async def ask(self, user: str, name: str, at_ms: int) -> bool:
        """Note that a stranger asks for access: True the first time since the last decision about this user."""
        ...

    async def asking(self) -> tuple[tuple[str, str, int], ...]:
        """Undecided requests: user, name, when."""
        ...

    async def decided(self, user: str, at_ms: int) -> None:
        """A request was granted or refused. A refused one may not ask again before `ask_again_ms` of the chat layer."""
        ...

    async def seen(self, user: str, name: str, at_ms: int) -> None:
        """Note when a crew member was last heard of."""
        ...

    async def last_seen(self) -> Mapping[str, tuple[str, int]]:
        """Name and time by user."""
        ...


@dataclass(frozen=True, slots=True)
class CodeKey:
    """A user's one-time code key. `secret` is base32 and never shown again; `used_step` is the newest step used.

    `confirmed` is False until a first code proved the enrolment; `failures` in a row lead to `locked_until_ms`.
    """

    user: str
    secret: str
    confirmed: bool = False
    used_step: int = 0
    failures: int = 0
    locked_until_ms: int = 0

    def __repr__(self) -> str:
        """Without the secret."""
        return f"CodeKey({self.user}, confirmed={self.confirmed})"


class CodeKeys(Protocol):
    """One-time code keys by user."""

    async def get(self, user: str) -> CodeKey | None:
        """A user's key."""
        ...

    async def put(self, key: CodeKey) -> None:
        """Store or replace one."""
        ...

    async def drop(self, user: str) -> None:
        """Forget one."""
        ...


@dataclass(frozen=True, slots=True)
class Escalation:
    """A critical notice on its way to somebody who answers. `step` counts who was told; `by` is who acknowledged it."""

    notice_id: int
    at_ms: int
    step: int = 0
    told_at_ms: int = 0
    by: str = ""


class Escalations(Protocol):
    """Critical notices that nobody has acknowledged yet; kept over restarts."""

    async def open(self) -> tuple[tuple[Escalation, Notice], ...]:
        """Those without an acknowledgement, oldest first."""
        ...

    async def put(self, escalation: Escalation) -> None:
        """Store or replace one."""
        ...

    async def acknowledge(self, notice_id: int, by: str, at_ms: int) -> bool:
        """True when it was open and is now acknowledged; 0 acknowledges all that are open."""
        ...
