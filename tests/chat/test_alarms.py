"""Alarms go to everybody at once, past a dead outbox, and are not told twice."""

import asyncio

from chat_fakes import MemoryOutbox
from notice_kit import ME, OTHER, Post, notice, queued
from virtual_loop import virtually

from bot.domain.errors import StorageError
from bot.domain.notice import NoticeKind, Severity
from bot.runtime.ports import QueuedNotice
from handlers.alarms import Alarms

FIRE = notice("the database is gone", NoticeKind.STORAGE, Severity.CRITICAL)


class DeadOutbox(MemoryOutbox):
    """An outbox in a database that is gone."""

    alive = False

    async def waiting(
        self, platform: str, limit: int, severity: Severity | None = None
    ) -> tuple[QueuedNotice, ...]:
        if not self.alive:
            raise StorageError("gone")
        return await super().waiting(platform, limit, severity)


class House(Post):
    """A courier whose outbox is dead, and who never wakes from a pause by himself."""

    def __init__(self) -> None:
        self.paused = asyncio.Event()
        super().__init__([], (ME, OTHER))
        self.outbox = DeadOutbox(queued(FIRE, notice("an entry")))
        self.office.outbox = self.outbox

    async def sleep(self, seconds: float) -> None:
        await self.paused.wait()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.phone.got) < count:  # noqa: ASYNC110 (the phone has no bell)
                await asyncio.sleep(0.001)


@virtually
async def test_an_alarm_gets_through_while_the_courier_waits_for_the_database() -> None:
    house = House()
    task = asyncio.create_task(house.courier.run())
    await asyncio.sleep(0.01)
    house.courier.alarm(FIRE)
    await house.until(2)
    assert house.phone.got == [("1", "the database is gone", False), ("2", "the database is gone", False)]
    house.outbox.alive = True
    house.paused.set()
    await house.until(4)
    assert [title for _, title, _ in house.phone.got[2:]] == ["an entry"] * 2, "not told again"
    task.cancel()


@virtually
async def test_an_alarm_for_one_person_is_told_to_nobody_else() -> None:
    house = House()
    task = asyncio.create_task(house.courier.run())
    await asyncio.sleep(0.01)
    house.courier.alarm(notice("yours", NoticeKind.ALERT, Severity.CRITICAL, to="telegram:2"))
    await house.until(1)
    await asyncio.sleep(0.01)
    task.cancel()
    assert house.phone.got == [("2", "yours", False)]


@virtually
async def test_an_alarm_is_tried_until_the_platform_takes_it() -> None:
    house = House()
    house.paused.set()
    house.phone.down_for = 3
    alarms = Alarms(house.phone, "1", house.sleep)
    task = asyncio.create_task(alarms.run())
    alarms.ring(FIRE)
    await house.until(1)
    task.cancel()
    assert [chat for chat, _, _ in house.phone.got] == ["1"]


@virtually
async def test_who_is_blocked_keeps_no_alarm_from_the_others() -> None:
    house = House()
    house.phone.down_chats = {"1"}
    task = asyncio.create_task(house.courier.run())
    await asyncio.sleep(0.01)
    house.courier.alarm(FIRE)
    await house.until(1)
    task.cancel()
    assert house.phone.got == [("2", "the database is gone", False)]
