"""The pace of a platform, in virtual time: rates, groups, urgency, holds."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

from virtual_loop import run_virtually

from bot.domain.notice import Severity
from handlers.pace import DISCORD, SLACK, TELEGRAM, Pace, PaceRules, Rate, Urgency, spoken_as


def play(work: Callable[[], Awaitable[None]]) -> None:
    run_virtually(work, 1_700_000_000_000)


def now_s() -> float:
    return asyncio.get_running_loop().time()


class Log:
    """Who got a turn when."""

    def __init__(self, rules: PaceRules) -> None:
        self.pace = Pace(rules)
        self.turns: list[tuple[float, str]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, chat_id: str, name: str = "", urgency: Urgency = Urgency.INFO) -> asyncio.Task[None]:
        task = asyncio.create_task(self._go(chat_id, name or chat_id, urgency))
        self.tasks.append(task)
        return task

    async def _go(self, chat_id: str, name: str, urgency: Urgency) -> None:
        await self.pace.turn(chat_id, urgency)
        self.turns.append((now_s(), name))

    async def all(self) -> list[tuple[float, str]]:
        await asyncio.gather(*self.tasks)
        return self.turns

    def most_within(self, span_s: float, chat: str = "") -> int:
        times = [at for at, name in self.turns if chat in {"", name}]
        return max(sum(1 for at in times if first <= at < first + span_s) for first in times)


def test_a_chat_gets_one_a_second_and_three_at_once() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)
        for _ in range(30):
            log.ask("1", "1", Urgency.CRITICAL)
        turns = await log.all()
        assert [at for at, _ in turns[:3]] == [0, 0, 0]
        assert log.most_within(3.0) == 3
        assert 27 <= turns[-1][0] <= 30

    play(work)


def test_what_is_less_urgent_leaves_bursts_to_others() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)
        for _ in range(5):
            log.ask("1")
        await asyncio.sleep(1.1)
        for _ in range(3):
            log.ask("1", "fire", Urgency.CRITICAL)
        turns = await log.all()
        assert [name for _, name in turns[:4]] == ["1", "1", "fire", "fire"]
        calm = [at for at, name in turns if name == "1"]
        assert all(later - earlier >= 1 for earlier, later in pairwise(calm))

    play(work)


def test_a_critical_backlog_lets_nothing_else_in_between() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)

        async def backlog() -> None:
            for _ in range(20):
                await log.pace.turn("1", Urgency.CRITICAL)
                log.turns.append((now_s(), "fire"))
                await asyncio.sleep(0.2)  # the way to the platform and back

        for _ in range(5):
            log.ask("1")
        log.tasks.append(asyncio.create_task(backlog()))
        order = [name for _, name in await log.all()]
        first, last = order.index("fire"), len(order) - 1 - order[::-1].index("fire")
        assert order[first : last + 1] == ["fire"] * 20

    play(work)


def test_a_group_gets_twenty_a_minute_its_topics_together() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)
        for number in range(60):
            log.ask(f"-100/{number % 3}", "group")
        await log.all()
        assert log.most_within(60.0) == 20

    play(work)


def test_all_chats_together_get_thirty_a_second() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)
        for number in range(300):
            log.ask(str(number))
        await log.all()
        assert log.most_within(1.0) == 30
        assert 9 <= log.turns[-1][0] <= 11

    play(work)


def test_discord_and_slack() -> None:
    async def work() -> None:
        for rules, span_s, most in ((DISCORD, 5.0, 5), (SLACK, 1.0, 1)):
            log = Log(rules)
            for _ in range(20):
                log.ask("C1")
            await log.all()
            assert log.most_within(span_s) == most

    play(work)


def test_replies_go_first_then_critical_notices_then_trades() -> None:
    async def work() -> None:
        log = Log(SLACK)
        log.ask("1", "first")
        await asyncio.sleep(0.1)
        for urgency in (Urgency.INFO, Urgency.TRADE, Urgency.CRITICAL, Urgency.REPLY):
            log.ask("1", urgency.name, urgency)
            log.ask("1", urgency.name, urgency)
        order = [name for _, name in await log.all()]
        assert order == ["first", *(name for u in Urgency for name in (u.name, u.name))]

    play(work)


def test_a_chat_that_is_held_holds_up_no_other() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)
        log.pace.hold(300, "1")
        log.pace.hold(10, "1")
        log.ask("1")
        log.ask("2")
        assert await log.all() == [(0, "2"), (300, "1")]
        log.pace.hold(5)
        log.ask("3")
        assert (await log.all())[-1] == (305, "3")

    play(work)


def test_who_stops_waiting_takes_no_turn() -> None:
    async def work() -> None:
        log = Log(PaceRules(chat=(Rate(1, 10),)))
        log.ask("1", "a")
        await asyncio.sleep(0)
        gone = log.ask("1", "b")
        log.ask("1", "c")
        await asyncio.sleep(1)
        gone.cancel()
        await asyncio.gather(*log.tasks, return_exceptions=True)
        assert log.turns == [(0, "a"), (10.5, "c")]
        assert log.pace.waiting == 0

    play(work)


def test_the_urgency_of_what_is_said_goes_along() -> None:
    async def work() -> None:
        log = Log(SLACK)
        log.ask("1", "first")
        await asyncio.sleep(0.1)

        async def say(name: str) -> None:
            await log.pace.turn("1")
            log.turns.append((now_s(), name))

        with spoken_as(Urgency.of(Severity.INFO)):
            log.tasks.append(asyncio.create_task(say("notice")))
        log.tasks.append(asyncio.create_task(say("reply")))
        assert [name for _, name in await log.all()] == ["first", "reply", "notice"]

    play(work)


def test_silent_chats_are_forgotten() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)
        for number in range(50):
            log.ask(str(number))
        await log.all()
        await asyncio.sleep(100)
        log.ask("1")
        await log.all()
        assert list(log.pace._chats) == ["1"]
        assert log.pace.wait_s("1") == 0

    play(work)


def test_what_is_merely_told_does_not_break_into_a_conversation() -> None:
    """Somebody who asks every 1.3 s never waits for a digest; it comes when he stops."""

    async def work() -> None:
        log, waits = Log(TELEGRAM), []
        for number in range(10):
            if number == 3:
                log.ask("1", "digest")
                log.ask("2", "elsewhere")
            asked_s = now_s()
            await log.ask("1", "answer", Urgency.REPLY)
            waits.append(now_s() - asked_s)
            await asyncio.sleep(1.3)
        turns = await log.all()
        assert max(waits) == 0
        assert [name for _, name in turns].index("digest") == 11
        told = {name: at for at, name in turns}
        assert told["digest"] == told["answer"] + TELEGRAM.lull_s
        assert told["elsewhere"] < 3 * 1.3 + 0.1

    play(work)


def test_what_is_merely_told_does_not_wait_for_ever() -> None:
    async def work() -> None:
        log = Log(TELEGRAM)
        await log.ask("1", "answer", Urgency.REPLY)
        log.ask("1", "digest")
        while "digest" not in [name for _, name in log.turns]:
            await asyncio.sleep(1.3)
            await log.ask("1", "answer", Urgency.REPLY)
        told = {name: at for at, name in log.turns}
        assert TELEGRAM.patience_s <= told["digest"] < TELEGRAM.patience_s + 2

    play(work)
