"""Thirty minutes without Telegram, 40 critical notices, 500 fills: over the real library and the strict sandbox."""

import asyncio
from collections import Counter
from dataclasses import replace

from chat_fakes import Chat
from drawings import drawn_by
from notice_kit import Post, critical, notice, queued
from telegram_raw import START_MS, png, wall_ms
from virtual_loop import run_virtually

from bot.domain.action import PLACES
from bot.domain.notice import NoticeKind
from bot.runtime.ports import QueuedNotice
from handlers.command import Role
from handlers.lanes import LaneRules, Recipient
from handlers.notices import Courier
from handlers.platforms.telegram import TelegramChat, TelegramSettings
from sandbox.chat.telegram import TelegramSandbox

CRITICAL, FILLS = 40, 500
HALF_AN_HOUR_S = 1800


class Office(Post):
    """A courier over a real face."""

    def __init__(self, telegram: TelegramSandbox, people: tuple[str, ...]) -> None:
        super().__init__([], [Recipient(f"telegram:{one}", one, Role.ADMIN) for one in people])
        chat = Chat()
        settings = TelegramSettings(telegram.token, {}, telegram.base_url, telegram.base_file_url)
        self.face = TelegramChat(
            settings, chat.dispatcher.handle, chat.registry, drawn_by(lambda plot, dark: png()), wall_ms
        )
        self.office.rules, self.office.sleep = LaneRules(poll_s=5), asyncio.sleep
        self.office.now_ms = wall_ms
        self.courier = Courier(self.face, lambda: tuple(self.people), self.office)

    def raise_(self, *notices: object) -> None:
        first = len(self.outbox.queue) + 1
        self.outbox.queue += [
            QueuedNotice(number * PLACES, "", replace(one, at_ms=wall_ms()))  # type: ignore[type-var]
            for number, one in enumerate(notices, first)
        ]
        self.courier.wake()

    async def run(self, play: object) -> None:
        tasks = [asyncio.create_task(self.face.run()), asyncio.create_task(self.courier.run())]
        try:
            await play  # type: ignore[misc]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def seen(telegram: TelegramSandbox, person: int) -> list[str]:
    return [one.text.split("\n")[0].removeprefix("🔴 ") for one in telegram.people.persons[person].sees()]


def test_half_an_hour_without_telegram() -> None:
    async def work() -> None:
        async with TelegramSandbox(wall_ms) as telegram:
            for person in (1, 2, 3):
                telegram.people.person(person, f"P{person}")
            telegram.people.persons[3].blocks_bot()
            office = Office(telegram, ("1", "2", "3"))
            await office.run(_outage(telegram, office))
        for person in (1, 2):
            titles = seen(telegram, person)
            assert [t for t in titles if t.startswith("fire")] == [f"fire {n}" for n in range(CRITICAL)]
            told = Counter(t.split(" ")[0] for t in titles)
            assert told["fire"] == CRITICAL
            assert len(titles) - CRITICAL <= 8, titles
            folded = sum(int(t.split(" ")[0]) for t in titles if "more like this" in t)
            assert folded + told["fill"] == FILLS
            assert titles.index("fill 1") > titles.index(f"fire {CRITICAL - 1}"), "critical ones overtook"
        assert telegram.calls.statuses(429) == []
        assert sorted(office.outbox.gone["telegram:3"]) == sorted(office.outbox.gone["telegram:1"])

    run_virtually(work, START_MS)


async def _outage(telegram: TelegramSandbox, office: Office) -> None:
    await asyncio.sleep(5)
    telegram.troubles.down()
    office.raise_(*(notice(f"fill {n}", NoticeKind.EXIT) for n in range(FILLS)))
    for number in range(CRITICAL):
        office.raise_(critical(f"fire {number}"))
        await asyncio.sleep(HALF_AN_HOUR_S / CRITICAL)
    telegram.troubles.up()
    await asyncio.sleep(300)


def test_a_critical_one_overtakes_a_queue_that_is_under_way() -> None:
    async def work() -> None:
        async with TelegramSandbox(wall_ms) as telegram:
            telegram.people.person(1, "P1")
            office = Office(telegram, ("1",))
            await office.run(_overtaken(office))
            titles = seen(telegram, 1)
        kinds = list(NoticeKind)
        assert len(titles) == 1 + 2 * len(kinds)
        assert titles.index("fire") <= 8
        assert telegram.calls.statuses(429) == []

    run_virtually(work, START_MS)


async def _overtaken(office: Office) -> None:
    await asyncio.sleep(5)
    office.raise_(*(notice(f"{kind} {n}", kind) for n in range(2) for kind in NoticeKind))
    await asyncio.sleep(2)
    office.raise_(critical("fire"))
    await asyncio.sleep(120)


def test_the_kit_numbers_as_the_ledger_does() -> None:
    assert [one.id for one in queued(notice("a"), notice("b"))] == [PLACES, 2 * PLACES]
