"""The loop never sleeps on news: what comes in while it writes is handled before it rests."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from test_loop import NOW, TOLD, House, Words, running, turns
from virtual_loop import virtually

from bot.domain.action import Action
from bot.domain.event import Event, StorageChanged, TimerDue
from bot.runtime import loop
from bot.runtime.ports import Step


def heard(house: House) -> list[bool]:
    return [e.usable for e in house.loop.engine.heard if isinstance(e, StorageChanged)]


class Listening(Words):
    """Tells when it hears that the database is back."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.back = asyncio.Event()

    def handle(self, event: Event) -> list[Action]:
        if isinstance(event, StorageChanged) and event.usable:
            self.back.set()
        return super().handle(event)


async def test_the_database_is_back_with_the_last_try_of_a_burst() -> None:
    """Two commits fail, the one made at rest works: the engine hears of it without any other event."""
    async with running(Words(tell=[TOLD])) as house:
        plain = house.books.commit

        async def third_time_lucky(steps: Sequence[Step]) -> None:
            house.books.down = house.books.tries < 2
            await plain(steps)

        house.books.commit = third_time_lucky  # type: ignore[method-assign]
        await house.say("tell")
        assert heard(house) == [False, True]
        assert house.loop.queue_length == 0


@virtually
async def test_what_waits_is_written_as_soon_as_it_can_be_without_any_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "WRITE_AGAIN_S", 0.001)
    words = Listening(tell=[TOLD])
    async with running(words) as house:
        house.books.down = True
        await house.say("tell")
        assert house.loop.unsaved
        house.books.down = False
        async with asyncio.timeout(60):
            await words.back.wait()
        assert house.loop.unsaved <= 1  # the return itself may be on its way
        assert heard(house) == [False, True]


async def test_news_while_it_writes_is_not_slept_on() -> None:
    async with running(Words(tell=[TOLD])) as house:
        house.books.open.clear()
        house.loop.put(TimerDue(NOW, "tell"))
        await turns()
        house.loop.put(TimerDue(NOW, "tell"))
        house.books.open.set()
        await house.loop.settled()
        assert house.loop.queue_length == 0
        assert len(house.books.steps) == 2
