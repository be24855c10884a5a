"""A courier with its surroundings: a platform that may be down, slow or blocked, an outbox, wishes, a clock."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from chat_fakes import START_MS, Clock, MemoryOutbox, MemoryPreferences

from bot.domain.action import PLACES
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.ports import QueuedNotice
from handlers.command import Role
from handlers.lanes import LaneRules, Office, Recipient
from handlers.notices import Courier
from handlers.reply import Reply
from handlers.speaker import PlatformDown

ME = Recipient("telegram:1", "1", Role.ADMIN)
OTHER = Recipient("telegram:2", "2", Role.TRADER)
QUICK = LaneRules(poll_s=0.01)


def notice(
    title: str,
    kind: NoticeKind = NoticeKind.ENTRY,
    severity: Severity = Severity.TRADE,
    at: int = 0,
    to: str = "",
) -> Notice:
    return Notice(kind, severity, START_MS + at, title, (("size", "1"),), "XRPUSDT", to)


def critical(title: str, at: int = 0) -> Notice:
    return notice(title, NoticeKind.STREAM, Severity.CRITICAL, at)


def queued(*notices: Notice) -> list[QueuedNotice]:
    """Each notice of a journal line of its own: ids are PLACES, 2 PLACES, ..."""
    return [QueuedNotice(number * PLACES, "", one) for number, one in enumerate(notices, 1)]


@dataclass
class Phone:
    """A platform; `got` is what arrived: chat, title, silent. `slow` chats take so many seconds for every message."""

    platform: str = "telegram"
    got: list[tuple[str, str, bool]] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    down_for: int = 0
    retry_after_s: float = 7
    down_chats: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)
    breaks_on: str = ""

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        if self.down_for or chat_id in self.down_chats:
            self.down_for = max(0, self.down_for - 1)
            raise PlatformDown("502", self.retry_after_s)
        if self.breaks_on and self.breaks_on in reply.title and reply.fields:
            raise ValueError("cannot render")
        if chat_id in self.blocked:
            return ""
        if chat_id in self.slow:
            await asyncio.sleep(self.slow[chat_id])
        self.got.append((chat_id, reply.title, silent))
        self.replies.append(reply)
        return f"m{len(self.got)}"

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        raise AssertionError("nothing is amended here")

    def titles(self, chat_id: str = "1") -> list[str]:
        return [title for chat, title, _ in self.got if chat == chat_id]


class Post:
    """A courier with its surroundings."""

    def __init__(
        self, notices: Sequence[Notice], recipients: Sequence[Recipient] = (ME,), **given: object
    ) -> None:
        self.phone = Phone()
        self.outbox = MemoryOutbox(queued(*notices))
        self.preferences = MemoryPreferences()
        self.clock = Clock()
        self.people = list(recipients)
        self.slept: list[float] = []
        surroundings = {"rules": QUICK, "sleep": self.sleep, **given}
        self.office = Office(self.outbox, self.preferences, self.clock, lambda: START_MS, **surroundings)
        self.courier = Courier(self.phone, lambda: tuple(self.people), self.office)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def titles(self) -> list[str]:
        return [title for _, title, _ in self.phone.got]

    async def run_until(self, count: int) -> None:
        task = asyncio.create_task(self.courier.run())
        async with asyncio.timeout(60):
            while len(self.phone.got) < count:  # noqa: ASYNC110 (the phone has no bell)
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
