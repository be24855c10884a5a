"""A dispatcher with everything around it that one person, several persons and several accounts need, in memory."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pyotp
from chat_fakes import COMMANDS, USERS, Chat, FakeDesk, MemoryArrivals

from bot.domain.errors import StorageError
from bot.runtime.chat_ports import CodeKey
from bot.runtime.desk import Desk
from handlers.access import ConfiguredAccess
from handlers.codes import Codes
from handlers.command import Command, Role
from handlers.commands.codes import cancel, totp, totp_reset
from handlers.desks import Desks, Seat
from handlers.dispatch import Dispatcher
from handlers.limits import ChatLimits
from handlers.outgoing import Redact
from handlers.persons import Persons
from handlers.registry import Registry
from handlers.reply import Reply
from handlers.request import RequestKind
from handlers.second import TwoPerson
from handlers.speaker import PlatformDown

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CREW = {**USERS, "telegram:5": Role.ADMIN, "discord:1": Role.ADMIN}
MANY = 10_000


@dataclass
class MemoryKeys:
    """Code keys; every question yields once, as a database does."""

    kept: dict[str, CodeKey] = field(default_factory=dict)
    broken: bool = False

    async def get(self, user: str) -> CodeKey | None:
        await asyncio.sleep(0)
        if self.broken:
            raise StorageError("locked")
        return self.kept.get(user)

    async def put(self, key: CodeKey) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise StorageError("locked")
        self.kept[key.user] = key

    async def drop(self, user: str) -> None:
        self.kept.pop(user, None)


@dataclass
class Mouth:
    """A platform's speaker that remembers what it said."""

    platform: str
    said: list[tuple[str, str, Reply]] = field(default_factory=list)
    amended: list[tuple[str, str, Reply]] = field(default_factory=list)
    down: bool = False

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        await asyncio.sleep(0)
        if self.down:
            raise PlatformDown("away")
        self.said.append((chat_id, f"m{len(self.said)}", reply))
        return self.said[-1][1]

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        if self.down:
            raise PlatformDown("away")
        self.amended.append((chat_id, message_id, reply))

    def to(self, chat_id: str) -> list[Reply]:
        return [reply for chat, _, reply in self.said if chat == chat_id]


def same(text: str) -> str:
    return text


class Crew(Chat):
    """A chat with codes, a second person, accounts, speakers; rebuilt with `restart`."""

    def __init__(
        self,
        two: tuple[str, ...] = (),
        accounts: tuple[str, ...] = (),
        routes: dict[str, str] | None = None,
        require_code: bool = False,
        redact: Redact = same,
        more: tuple[Command, ...] = (),
    ) -> None:
        super().__init__()
        self.rule = TwoPerson(frozenset(two), 300_000)
        self.desks = {name: FakeDesk() for name in accounts}
        self.routes = routes or {}
        self.require_code = require_code
        self.redact = redact
        self.more = more
        self.keys = MemoryKeys()
        self.arrivals = MemoryArrivals()
        self.mouths = {name: Mouth(name) for name in ("telegram", "discord")}
        self.waits: list[tuple[float, asyncio.Event]] = []
        self.persons = Persons({"ann": ("telegram:1", "discord:1")})
        self.restart()

    def restart(self) -> None:
        """A new process: books and clock stay, memory does not."""
        self.registry = Registry((*COMMANDS, totp, totp_reset, cancel, *self.more))
        seats = {name: Seat(cast(Desk, desk)) for name, desk in self.desks.items()}
        names = tuple(seats)
        self.dispatcher = Dispatcher(
            cast(Desk, self.desk),
            self.registry,
            ConfiguredAccess(CREW, {"telegram:-100", "telegram:-200/7", "discord:55"}),
            self.audit,
            self.arrivals,
            self.clock,
            ChatLimits(per_minute=6000, burst=1000),
            b"a salt for tests",
            desks=Desks(seats, names[0], self.routes) if seats else None,
            persons=self.persons,
            two_person=self.rule,
            codes=Codes(self.keys, self.clock, "Quarterdeck test", self.persons, lambda: SECRET),
            require_code=self.require_code,
            speakers=dict(self.mouths),
            redact=self.redact,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        """Until `pass_time` says so."""
        event = asyncio.Event()
        self.waits.append((seconds, event))
        await event.wait()

    async def pass_time(self) -> None:
        """Everything that sleeps wakes up."""
        for _, event in self.waits:
            event.set()
        self.waits = []
        await self.rest()

    async def rest(self) -> None:
        """Let everything beside the answers happen."""
        for _ in range(30):
            await asyncio.sleep(0)

    def code(self, steps: int = 0) -> str:
        """The code of now, or of some half minutes later."""
        return pyotp.TOTP(SECRET).generate_otp(self.clock.now_ms // 30_000 + steps)

    def enrol(self, user: str) -> None:
        self.keys.kept[user] = CodeKey(user, SECRET, confirmed=True)

    async def modal(
        self, card: Reply | None, label: str, text: str, user: str = "2", **given: object
    ) -> Reply | None:
        assert card is not None
        button = next(button for button in card.buttons if button.label == label)
        request = self.request(user, kind=RequestKind.MODAL, button=button.id, text=text, **given)
        return await self.dispatcher.handle(request)

    @property
    def kept_words(self) -> str:
        """Everything that the audit holds, as one text."""
        return "\n".join(repr(draft) for draft in self.audit.drafts)
