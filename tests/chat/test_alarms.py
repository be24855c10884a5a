"""Alarms go to everybody at once, past a dead outbox, and are not told twice."""

import asyncio

from chat_fakes import START_MS, Clock, MemoryOutbox, MemoryPreferences
from test_notices import ME, OTHER, Phone, notice, queued

from bot.domain.errors import StorageError
from bot.domain.notice import NoticeKind, Severity
from bot.runtime.ports import QueuedNotice
from handlers.notices import Courier, CourierRules

FIRE = notice("the database is gone", NoticeKind.STORAGE, Severity.CRITICAL)


class DeadOutbox(MemoryOutbox):
    """An outbox in a database that is gone."""

    alive = False

    async def waiting(self, platform: str, limit: int) -> tuple[QueuedNotice, ...]:
        if not self.alive:
            raise StorageError("gone")
        return tuple(await super().waiting(platform, limit))


class House:
    """A courier whose outbox is dead, and who never wakes from a pause by himself."""

    def __init__(self) -> None:
        self.phone = Phone()
        self.outbox = DeadOutbox(queued(FIRE, notice("an entry")))
        self.paused = asyncio.Event()
        self.courier = Courier(
            self.phone,
            lambda: (ME, OTHER),
            self.outbox,
            MemoryPreferences(),
            Clock(),
            lambda: START_MS,
            CourierRules(poll_s=0.001),
            self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        await self.paused.wait()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.phone.got) < count:  # noqa: ASYNC110 (the phone has no bell)
                await asyncio.sleep(0.001)


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


async def test_an_alarm_is_tried_until_the_platform_takes_it() -> None:
    house = House()
    house.paused.set()
    house.phone.down_for = 3
    task = asyncio.create_task(house.courier._alarms.run())
    house.courier.alarm(FIRE)
    await house.until(2)
    task.cancel()
    assert [chat for chat, _, _ in house.phone.got] == ["1", "2"]
