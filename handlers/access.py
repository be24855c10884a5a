"""Who is of the crew, and where the crew may be spoken to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.errors import StorageError
from bot.domain.market import MINUTE_MS
from bot.runtime.chat_ports import CodeKeys, Grant, Grants
from handlers.command import Injected, Role
from handlers.persons import Persons
from handlers.request import ChatKind, Request

log = logging.getLogger(__name__)
SEEN_EVERY_MS = 10 * MINUTE_MS
"""How often at most it is written down that somebody was heard of."""
LONGEST_WATCH_MS = 60 * MINUTE_MS


class Access(Protocol):
    """Answers who may ask and where; identity is the platform's user id alone."""

    def role(self, user: str, at_ms: int) -> Role | None:
        """The role of "platform:user_id" at a time, None for strangers."""
        ...

    def crew(self, at_ms: int) -> Mapping[str, Role]:
        """Everybody who has a role at a time, by "platform:user_id"."""
        ...

    def allows_chat(self, request: Request) -> bool:
        """True when commands may be given in the request's chat."""
        ...

    async def heard(self, user: str, name: str) -> None:
        """Somebody of the crew spoke."""
        ...


@dataclass(frozen=True, slots=True)
class ConfiguredAccess:
    """Access as config.yaml says it: roles by "platform:user_id", groups by "platform:chat_id"."""

    users: Mapping[str, Role]
    chats: Collection[str] = ()

    def role(self, user: str, at_ms: int) -> Role | None:
        """The configured role; it does not change with time."""
        return self.users.get(user)

    def crew(self, at_ms: int) -> Mapping[str, Role]:
        """The configured roles."""
        return self.users

    def allows_chat(self, request: Request) -> bool:
        """A private chat is as good as its user; a group must be named."""
        if request.chat_kind is ChatKind.GROUP:
            places = (request.chat_id, *request.within)
            return any(f"{request.platform}:{place}" in self.chats for place in places)
        return request.chat_kind is not ChatKind.CHANNEL

    async def heard(self, user: str, name: str) -> None:
        """Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Member:
    """One user as /who shows him. `role` None: access was taken away; `until_ms` 0: without end."""

    user: str
    role: Role | None
    source: str
    until_ms: int
    name: str
    seen_at_ms: int


@dataclass(slots=True)
class CrewAccess(Injected):
    """The configuration's users, and over them what was granted or taken away at run time.

    Everything is answered from memory and stored when it changes. A grant that has ended counts no more: what the
    configuration says is in force again. `fixed` are users whom no grant concerns (the console's operator).
    """

    configured: ConfiguredAccess
    store: Grants
    wall_clock: Callable[[], int]
    persons: Persons = field(default_factory=Persons)
    code_keys: CodeKeys | None = None
    fixed: frozenset[str] = frozenset()
    _grants: dict[str, Grant] = field(init=False, default_factory=dict)
    _seen: dict[str, tuple[str, int]] = field(init=False, default_factory=dict)
    _written: dict[str, int] = field(init=False, default_factory=dict)
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    async def load(self) -> None:
        """Take over what earlier runs stored. Raises StorageError."""
        self._grants = {grant.user: grant for grant in await self.store.grants()}
        self._seen = dict(await self.store.last_seen())
        self._changed.set()

    def configure(self, configured: ConfiguredAccess) -> None:
        """The configuration says something else from now on."""
        self.configured = configured
        self._changed.set()

    def role(self, user: str, at_ms: int) -> Role | None:
        """The role at a time: the grant in force, else the configured one."""
        grant = self.grant_of(user, at_ms)
        return _role(grant.role) if grant is not None else self.configured.role(user, at_ms)

    def crew(self, at_ms: int) -> Mapping[str, Role]:
        """Everybody who has a role at a time."""
        found = {user: self.role(user, at_ms) for user in self._known_users()}
        return {user: role for user, role in found.items() if role is not None}

    def allows_chat(self, request: Request) -> bool:
        """As the configuration says."""
        return self.configured.allows_chat(request)

    def grant_of(self, user: str, at_ms: int) -> Grant | None:
        """The grant that is in force for a user."""
        grant = None if user in self.fixed else self._grants.get(user)
        return grant if grant is not None and (not grant.until_ms or at_ms < grant.until_ms) else None

    def lasting_admins(self, at_ms: int) -> frozenset[str]:
        """Admins whose access has no end."""
        crew = self.crew(at_ms)
        grants = {user: self.grant_of(user, at_ms) for user in crew}
        return frozenset(
            user
            for user, role in crew.items()
            if role is Role.ADMIN and not ((grant := grants[user]) and grant.until_ms)
        )

    def members(self, at_ms: int) -> tuple[Member, ...]:
        """Everybody who has access or had it taken away, highest roles first."""
        found = [self._member(user, at_ms) for user in self._known_users()]
        return tuple(sorted(found, key=lambda one: (-(one.role or 0), one.user)))

    def name_of(self, user: str) -> str:
        """The name by which a user was last heard of; the id without one."""
        return self._seen.get(user, ("", 0))[0] or user

    async def give(self, user: str, role: Role | None, until_ms: int, by: str) -> Grant:
        """Grant a role, stored before it counts; or take access away (None), which counts at once.

        Raises StorageError: then nothing was granted, or what was taken away comes back with the next start.
        """
        at_ms = self.wall_clock()
        grant = Grant(user, role.word if role is not None else "", until_ms, by, at_ms)
        if role is None:
            self._grants[user] = grant
        await self.store.grant(grant)
        self._grants[user] = grant
        self._changed.set()
        await self.store.decided(user, at_ms)
        return grant

    async def has_code(self, user: str) -> bool:
        """True when the user, or the same person elsewhere, has proved a one-time code."""
        if self.code_keys is None:
            return False
        keys = [await self.code_keys.get(one) for one in self.persons.users_of(user)]
        return any(key is not None and key.confirmed for key in keys)

    async def heard(self, user: str, name: str) -> None:
        """Somebody of the crew spoke. That this cannot be written down stops nobody."""
        at_ms = self.wall_clock()
        before, self._seen[user] = self._seen.get(user), (name, at_ms)
        if before and before[0] == name and at_ms - self._written.get(user, 0) < SEEN_EVERY_MS:
            return
        self._written[user] = at_ms
        try:
            await self.store.seen(user, name, at_ms)
        except StorageError:
            log.exception("when %s was last heard of could not be stored", user)

    async def watch(self, renew: Callable[[Mapping[str, Role]], Awaitable[None]]) -> None:
        """Tell `renew` the crew whenever a role has changed or ended, for ever: menus by role follow it."""
        told: Mapping[str, Role] = {}
        while True:
            self._changed.clear()
            crew = self.crew(self.wall_clock())
            if crew != told:
                await renew(crew)
                told = crew
            wait_s = self._next_end_ms() / 1000
            try:
                await asyncio.wait_for(self._changed.wait(), wait_s)
            except TimeoutError:
                continue

    def _next_end_ms(self) -> int:
        now_ms = self.wall_clock()
        ends = (grant.until_ms - now_ms for grant in self._grants.values() if grant.until_ms > now_ms)
        return min((LONGEST_WATCH_MS, *ends))

    def _known_users(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.configured.users, *self._grants)))

    def _member(self, user: str, at_ms: int) -> Member:
        grant = self.grant_of(user, at_ms)
        name, seen_at_ms = self._seen.get(user, ("", 0))
        ended = user in self._grants and user not in self.configured.users
        source = f"grant by {grant.by}" if grant else ("ended grant" if ended else "config")
        until_ms = grant.until_ms if grant else 0
        return Member(user, self.role(user, at_ms), source, until_ms, name, seen_at_ms)


def _role(word: str) -> Role | None:
    """The role of a stored word; one that this program does not know is none."""
    return next((role for role in Role if role.word == word), None)


class NoGrants:
    """Nothing is stored: where there is no database, nobody is let in at run time."""

    async def grants(self) -> tuple[Grant, ...]:
        """None."""
        return ()

    async def grant(self, grant: Grant) -> None:
        """Raises StorageError."""
        raise StorageError("grants need a database")

    async def ask(self, user: str, name: str, at_ms: int) -> bool:
        """Nobody is asked."""
        return False

    async def asking(self) -> tuple[tuple[str, str, int], ...]:
        """Nobody asks."""
        return ()

    async def decided(self, user: str, at_ms: int) -> None:
        """There is nothing to decide."""

    async def seen(self, user: str, name: str, at_ms: int) -> None:
        """Nothing is kept."""

    async def last_seen(self) -> Mapping[str, tuple[str, int]]:
        """Nobody."""
        return {}
