"""People speaking to a dispatcher that has a crew, a doorstep and a list of what came while it was away."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from chat_fakes import COMMANDS, START_MS, Chat, Clock, MemoryArrivals

from bot.domain.errors import StorageError
from bot.runtime.chat_ports import CodeKey, Grant
from handlers.access import ConfiguredAccess, CrewAccess
from handlers.away import Away
from handlers.command import Role
from handlers.commands.access import grant, refuse, revoke, who
from handlers.commands.away import away
from handlers.dispatch import Dispatcher
from handlers.doorstep import Doorstep
from handlers.limits import ChatLimits
from handlers.persons import Persons
from handlers.registry import Registry
from handlers.reply import Reply
from handlers.request import ChatKind, RequestKind
from handlers.speaker import PlatformDown

DAY = 86_400_000
HOUR = 3_600_000
GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
STRANGER = "666"
CREW = {
    "telegram:1": Role.ADMIN,
    "telegram:2": Role.TRADER,
    "telegram:3": Role.VIEWER,
    "telegram:7": Role.TRADER,
    "discord:9": Role.ADMIN,
    "slack:U7": Role.VIEWER,
}


@dataclass
class MemoryGrants:
    """As the database keeps them."""

    history: list[Grant] = field(default_factory=list)
    requests: dict[str, tuple[str, int, int | None]] = field(default_factory=dict)
    people: dict[str, tuple[str, int]] = field(default_factory=dict)
    writes: int = 0
    down: bool = False

    def _write(self) -> None:
        if self.down:
            raise StorageError("locked")
        self.writes += 1

    async def grants(self) -> tuple[Grant, ...]:
        return tuple({one.user: one for one in self.history}.values())

    async def grant(self, grant: Grant) -> None:
        self._write()
        self.history.append(grant)

    async def ask(self, user: str, name: str, at_ms: int) -> bool:
        self._write()
        before = self.requests.get(user)
        if before and (before[2] is None or at_ms - before[2] < 30 * DAY):
            return False
        self.requests[user] = (name, at_ms, None)
        return True

    async def asking(self) -> tuple[tuple[str, str, int], ...]:
        open_ones = ((u, name, at) for u, (name, at, decided) in self.requests.items() if decided is None)
        return tuple(open_ones)

    async def decided(self, user: str, at_ms: int) -> None:
        self._write()
        name, asked, decided = self.requests.get(user, ("", 0, 0))
        if decided is None:
            self.requests[user] = (name, asked, at_ms)

    async def seen(self, user: str, name: str, at_ms: int) -> None:
        self._write()
        self.people[user] = (name, at_ms)

    async def last_seen(self) -> Mapping[str, tuple[str, int]]:
        return self.people


@dataclass
class MemoryKeys:
    """Who has which code key."""

    keys: dict[str, CodeKey] = field(default_factory=dict)

    async def get(self, user: str) -> CodeKey | None:
        return self.keys.get(user)

    async def put(self, key: CodeKey) -> None:
        self.keys[key.user] = key

    async def drop(self, user: str) -> None:
        self.keys.pop(user, None)


@dataclass
class Mouth:
    """A platform's speaker; `down` makes it fail so many times."""

    platform: str
    said: list[tuple[str, Reply]] = field(default_factory=list)
    down: int = 0

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        if self.down:
            self.down -= 1
            raise PlatformDown("gone", 1)
        self.said.append((chat_id, reply))
        return f"m{len(self.said)}"

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        self.said.append((chat_id, reply))

    def to(self, chat_id: str) -> list[Reply]:
        return [reply for chat, reply in self.said if chat == chat_id]


class Crew(Chat):
    """A run of the desk. Another one on the same `arrivals` and `grants` is the run after it."""

    def __init__(
        self,
        arrivals: MemoryArrivals | None = None,
        grants: MemoryGrants | None = None,
        at_ms: int = START_MS,
        users: Mapping[str, Role] = CREW,
        limits: ChatLimits | None = None,
        salt: bytes = b"salt",
    ) -> None:
        super().__init__(limits, salt)
        self.clock = Clock(at_ms)
        self.arrivals = arrivals if arrivals is not None else MemoryArrivals()
        self.grants = grants if grants is not None else MemoryGrants()
        self.keys = MemoryKeys()
        self.registry = Registry((*COMMANDS, grant, revoke, refuse, who, away))
        configured = ConfiguredAccess(users, {"telegram:-100", "telegram:-200/7", "discord:55"})
        self.access = CrewAccess(
            configured,
            self.grants,
            self.clock,
            Persons({"anna": ("telegram:1", "discord:9")}),
            self.keys,
            frozenset({"console:operator"}),
        )
        self.away = Away(
            self.arrivals,
            self.registry,
            self.access,
            self.clock,
            at_ms,
            name_of=self.access.name_of,
            sleep=self._sleep,
        )
        self.doorstep = Doorstep(self.access, self.clock, sleep=self._sleep)
        self.mouths = {name: Mouth(name) for name in ("telegram", "discord", "slack")}
        old = self.dispatcher
        self.dispatcher = Dispatcher(
            old.desk,
            self.registry,
            self.access,
            self.audit,
            self.arrivals,
            self.clock,
            old.limits,
            salt,
            context=(self.access, self.away),
            away=self.away,
            doorstep=self.doorstep,
            speakers=dict(self.mouths),
        )

    async def _sleep(self, seconds: float) -> None:
        self.clock.forward(int(seconds * 1000))
        await asyncio.sleep(0)

    async def settle_down(self) -> None:
        """Let what speaks by itself speak."""
        tasks = [asyncio.create_task(work.run()) for work in (self.away, self.doorstep)]
        for _ in range(200):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def tap(self, reply: Reply, label: str, user: str = "2", **given: object) -> Reply | None:
        """Press a button and confirm what it asks."""
        answer = await self.press(reply, label, user, **given)
        if answer is not None and any(button.label == "Confirm" for button in answer.buttons):
            return await self.press(answer, "Confirm", user, **given)
        return answer

    async def confirmed(self, line: str, user: str = "1", **given: object) -> Reply:
        """Say a line and confirm it."""
        answer = await self.reply(line, user, **given)
        if any(button.label == "Confirm" for button in answer.buttons):
            return cast(Reply, await self.press(answer, "Confirm", user, **given))
        return answer

    async def ask_in(self, user: str = STRANGER, name: str = "Stranger", **given: object) -> Reply | None:
        """A stranger presses the only button there is."""
        return await self.dispatcher.handle(
            self.request(user, user_name=name, kind=RequestKind.BUTTON, button="ask-for-access", **given)
        )


def labels(reply: Reply | None) -> list[str]:
    assert reply is not None
    return [button.label for button in reply.buttons]


def lines(reply: Reply) -> list[str]:
    """The last column of a list."""
    return [row[-1] for row in reply.table.rows] if reply.table else []
