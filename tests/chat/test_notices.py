"""The courier: order, folding, preferences, outages."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from chat_fakes import START_MS, Clock, MemoryOutbox, MemoryPreferences

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.ports import QueuedNotice
from handlers.notices import Courier, CourierRules, PlatformDown, Recipient, fold
from handlers.render_text import notice_reply

ME = Recipient("telegram:1", "1")
OTHER = Recipient("telegram:2", "2")


def notice(
    title: str, kind: NoticeKind = NoticeKind.ENTRY, severity: Severity = Severity.TRADE, at: int = 0
) -> Notice:
    return Notice(kind, severity, START_MS + at, title, (("size", "1"),), "XRPUSDT")


def queued(*notices: Notice) -> list[QueuedNotice]:
    return [QueuedNotice(number, "telegram", one) for number, one in enumerate(notices, 1)]


@dataclass
class Phone:
    """A platform that may be down or hate a notice."""

    platform: str = "telegram"
    got: list[tuple[str, str, bool]] = field(default_factory=list)
    down_for: int = 0
    down_chats: set[str] = field(default_factory=set)
    breaks_on: str = ""

    async def send_notice(self, chat_id: str, notice: Notice, silent: bool) -> None:
        if self.down_for or chat_id in self.down_chats:
            self.down_for = max(0, self.down_for - 1)
            raise PlatformDown("502", 7)
        if self.breaks_on and self.breaks_on in notice.title:
            raise ValueError("cannot render")
        self.got.append((chat_id, notice.title, silent))


class Post:
    """A courier with its surroundings."""

    def __init__(self, notices: Sequence[Notice], recipients: Sequence[Recipient] = (ME,)) -> None:
        self.phone = Phone()
        self.outbox = MemoryOutbox(queued(*notices))
        self.preferences = MemoryPreferences()
        self.slept: list[float] = []
        self.courier = Courier(
            self.phone,
            lambda: recipients,
            self.outbox,
            self.preferences,
            Clock(),
            lambda: START_MS,
            CourierRules(poll_s=0.01),
            self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def titles(self) -> list[str]:
        return [title for _, title, _ in self.phone.got]

    async def run_until(self, count: int) -> None:
        task = asyncio.create_task(self.courier.run())
        async with asyncio.timeout(5):
            while len(self.phone.got) < count:  # noqa: ASYNC110 (the phone has no bell)
                await asyncio.sleep(0.001)
        task.cancel()


async def test_in_order_critical_first() -> None:
    post = Post([notice("a"), notice("b"), notice("c", NoticeKind.KILL, Severity.CRITICAL)])
    assert await post.courier.deliver() == 3
    assert post.titles == ["c", "a", "b"]
    assert await post.courier.deliver() == 0


async def test_to_everybody_as_they_wish() -> None:
    post = Post([notice("in"), notice("out", NoticeKind.EXIT)], (ME, OTHER))
    post.preferences.settings = {"telegram:1": {"entry": "off"}, "telegram:2": {"exit": "quiet"}}
    await post.courier.deliver()
    assert post.phone.got == [("2", "in", False), ("1", "out", False), ("2", "out", True)]
    assert post.outbox.gone == [1, 2]


async def test_a_critical_one_comes_whatever_somebody_has_set() -> None:
    post = Post([notice("kill", NoticeKind.KILL, Severity.CRITICAL), notice("reset", NoticeKind.KILL)])
    post.preferences.settings = {"telegram:1": {"kill": "off"}}
    await post.courier.deliver()
    assert post.phone.got == [("1", "kill", False)]


async def test_a_storm_is_folded_and_says_how_many() -> None:
    post = Post([notice(f"entry {i}") for i in range(17)] + [notice("exit", NoticeKind.EXIT)])
    await post.courier.deliver()
    assert post.titles == [*(f"entry {i}" for i in range(5)), "12 more like this: entry", "exit"]
    assert sorted(post.outbox.gone) == list(range(1, 19))


async def test_what_is_critical_is_never_folded() -> None:
    post = Post([notice(f"kill {i}", NoticeKind.KILL, Severity.CRITICAL, -9_999_999) for i in range(30)])
    await post.courier.deliver()
    assert post.titles == [f"kill {i}" for i in range(30)]


async def test_old_ones_are_summed_up() -> None:
    old = [notice(f"old {i}", at=-3_600_001) for i in range(12)] + [
        notice("x", NoticeKind.EXIT, at=-3_700_000)
    ]
    parcels = list(fold(queued(*old, notice("new")), CourierRules(), START_MS))
    assert [parcel.notice.title for parcel in parcels] == [
        "While this chat was away: 13 older notices",
        "new",
    ]
    fields = parcels[0].notice.fields
    assert fields[:3] == (("entry", "12"), ("exit", "1"), ("and", "3 before these"))
    assert len(fields) == 13


async def test_a_few_old_ones_are_told_as_they_are() -> None:
    few = [notice(f"old {i}", at=-3_600_001) for i in range(3)]
    parcels = list(fold(queued(*few, notice("new")), CourierRules(), START_MS))
    assert [parcel.notice.title for parcel in parcels] == ["old 0", "old 1", "old 2", "new"]


async def test_one_too_many_is_not_worth_a_fold() -> None:
    parcels = list(fold(queued(*(notice(f"{i}") for i in range(6))), CourierRules(), START_MS))
    assert [parcel.notice.title for parcel in parcels] == list("012345")


async def test_an_outage_loses_and_reorders_nothing() -> None:
    post = Post([notice("a"), notice("b"), notice("c", NoticeKind.KILL, Severity.CRITICAL)])
    post.phone.down_for = 5
    await post.run_until(3)
    assert post.titles == ["c", "a", "b"]
    assert post.slept[:5] == [7, 7, 7, 8, 16]


async def test_who_has_it_does_not_get_it_twice() -> None:
    post = Post([notice("a"), notice("b")], (ME, OTHER))
    post.phone.down_chats = {"2"}
    for _ in range(3):
        try:
            await post.courier.deliver()
        except PlatformDown:
            post.outbox.queue.append(
                QueuedNotice(9, "telegram", notice("late", NoticeKind.KILL, Severity.CRITICAL))
            )
    assert post.phone.got == [("1", "a", False)]
    post.phone.down_chats = set()
    post.outbox.queue = post.outbox.queue[:3]
    await post.courier.deliver()
    assert [(chat, title) for chat, title, _ in post.phone.got] == [
        ("1", "a"),
        ("2", "a"),
        ("1", "late"),
        ("2", "late"),
        ("1", "b"),
        ("2", "b"),
    ]


async def test_a_notice_that_breaks_the_platform_blocks_nothing() -> None:
    post = Post([notice("poison"), notice("good")])
    post.phone.breaks_on = "poison"
    await post.run_until(1)
    assert post.titles == ["good"]
    assert len(post.slept) == 4


async def test_a_broken_outbox_is_tried_again() -> None:
    post = Post([notice("a")])
    waiting, calls = post.outbox.waiting, []

    async def flaky(platform: str, limit: int) -> tuple[QueuedNotice, ...]:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("disk")
        return await waiting(platform, limit)

    post.outbox.waiting = flaky  # type: ignore[method-assign]
    await post.run_until(1)
    assert post.slept == [1.0, 2.0]


async def test_a_wake_up_is_heard_at_once() -> None:
    post = Post([])
    post.courier.rules = CourierRules(poll_s=60)
    task = asyncio.create_task(post.courier.run())
    await asyncio.sleep(0.01)
    post.outbox.queue = queued(notice("now"))
    post.courier.wake()
    await asyncio.sleep(0.01)
    assert post.titles == ["now"]
    task.cancel()


def test_a_notice_reads_like_a_reply() -> None:
    reply = notice_reply(notice("Entry"))
    assert (reply.title, reply.fields, reply.severity) == ("Entry", (("size", "1"),), Severity.TRADE)
