"""Providers that are away, slow, or say "slower": nothing critical is lost, nothing is told twice, trading never waits.

The whole desk with its real libraries at the emulators, on a clock that jumps. What a person was told is read from the
provider's side.
"""

import asyncio
from collections import Counter
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from attack_house import ALL, CALM, AttackHouse, Ways, attack_house, worlds
from house_parts import in_virtual_time, until
from whole_house import market

from bot.domain.errors import StorageError
from bot.domain.notice import Notice, NoticeKind, Severity
from sandbox.chat.troubles import Trouble
from storage.paper_books import SqlPaperBooks
from storage.sqlite import SqliteConnections

pytestmark = pytest.mark.filterwarnings("ignore:.*send_heartbeat:pytest.PytestUnraisableExceptionWarning")
FRAMES = [market(CALM)]
PATIENT = (
    "notices: {acknowledge_s: 3600}\n"  # nobody answers: without it everything critical is told once more
)
SEND = {"telegram": "send*", "discord": "POST channels/*", "slack": "chat.postMessage"}


def told(house: AttackHouse, platform: str, word: str) -> list[str]:
    """Headlines with this word in them, in the order in which they came."""
    return [head for head in house.heads(platform) if word in head]


async def slept(house: AttackHouse, minutes: float) -> None:
    """Let time pass."""
    await asyncio.sleep(minutes * 60)


@pytest.mark.parametrize("away", ALL)
def test_after_thirty_minutes_away_every_critical_notice_comes_once_and_in_order(
    tmp_path: Path, away: str
) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, Ways(bars=2, config=PATIENT)) as house:
            await house.tell("fire 0")
            await asyncio.sleep(5)
            house.box(away).troubles.down()
            for number in range(1, 9):
                await house.tell(f"fire {number}")
                await slept(house, 3.75)
            assert [head[-6:] for head in told(house, away, "fire")] == ["fire 0"]
            for other in set(ALL) - {away}:
                assert [head[-6:] for head in told(house, other, "fire")] == [f"fire {n}" for n in range(9)]
            house.box(away).troubles.up()
            await until(lambda: len(told(house, away, "fire")) >= 9, 900)
            await slept(house, 1.5)  # whatever comes twice has come by then
            assert [head[-6:] for head in told(house, away, "fire")] == [f"fire {n}" for n in range(9)]
            assert house.box(away).calls.statuses(429) == []

    in_virtual_time(play)


@pytest.mark.parametrize("away", ALL)
def test_an_alarm_that_is_in_the_outbox_too_is_told_once_after_a_long_outage(
    tmp_path: Path, away: str
) -> None:
    """The database stumbles while the provider is away: the alarm and the outbox both know of it."""

    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, Ways(bars=2, config=PATIENT)) as house:
            house.box(away).troubles.down()
            await asyncio.sleep(5)
            both = Notice(NoticeKind.STORAGE, Severity.CRITICAL, house.house.now_ms(), "both ways", ())
            alone = Notice(NoticeKind.STORAGE, Severity.CRITICAL, house.house.now_ms(), "alarm alone", ())
            house.house.ring(both)
            house.house.ring(alone)
            await house.tell("both ways")
            await slept(house, 45)
            house.box(away).troubles.up()
            await until(lambda: told(house, away, "alarm alone") and told(house, away, "both ways"), 900)
            await slept(house, 2)
            for platform in ALL:
                for title in ("both ways", "alarm alone"):
                    assert len(told(house, platform, title)) == 1, (platform, house.heads(platform))

    in_virtual_time(play)


def test_five_hundred_fills_are_folded_within_every_limit_and_delay_nothing_critical(tmp_path: Path) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, Ways(bars=2, config=PATIENT)) as house:
            await asyncio.sleep(30)
            for number in range(500):
                severity, kind = Severity.TRADE, NoticeKind.ENTRY
                await house.tell(f"flood {number}", severity, kind, fields=(("Net", "+1.00 USDT"),))
                if number == 250:
                    await house.tell("fire in the flood")
                    at_s = asyncio.get_running_loop().time()
            waits = {}
            for platform in ALL:
                await until(lambda p=platform: told(house, p, "fire in the flood"), 60)  # type: ignore[misc]
                waits[platform] = asyncio.get_running_loop().time() - at_s
            await slept(house, 5)
            for platform in ALL:
                box, heads = house.box(platform), house.heads(platform)
                single = [head for head in heads if "flood " in head and "fire" not in head]
                sums = [
                    int(word)
                    for head in heads
                    if "more like this" in head
                    for word in head.split()
                    if word.isdigit()
                ]
                assert len(single) + sum(sums) == 500, (platform, heads)
                assert len(single) + len(sums) <= 25, (platform, heads)
                assert box.calls.statuses(429) == [], platform
            assert max(waits.values()) < 10, waits

    in_virtual_time(play)


def place_of(call: Any) -> str:
    """The chat that a message was for."""
    return str(call.payload.get("chat_id") or call.payload.get("channel") or call.method)


@pytest.mark.parametrize("platform", ALL)
def test_told_to_wait_five_minutes_the_desk_waits_and_then_tells_once(tmp_path: Path, platform: str) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, Ways(bars=2, config=PATIENT)) as house:
            await asyncio.sleep(30)
            box = house.box(platform)
            box.troubles.arm(Trouble(SEND[platform], times=None, status=429, retry_after=300))
            before = len(box.calls.of(SEND[platform]))
            await house.tell("slower")
            await house.tell("and this")
            orders = house.house.engine.state.order_count
            await house.type("/panic_close XRPUSDT now")
            assert house.house.engine.state.order_count > orders, "trading does not wait"
            await asyncio.sleep(290)
            tries = Counter(place_of(call) for call in box.calls.of(SEND[platform])[before:])
            assert tries
            assert max(tries.values()) <= 2, tries  # what was on its way as it said so, and no more
            box.troubles.clear()
            await until(lambda: told(house, platform, "and this"), 200)
            await slept(house, 2)
            heads = [head for head in house.heads(platform) if "slower" in head or "and this" in head]
            assert [head[-6:] for head in heads] == ["slower", "d this"]

    in_virtual_time(play)


@pytest.mark.parametrize("platform", ALL)
def test_what_became_of_a_command_is_told_after_an_outage(tmp_path: Path, platform: str) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, Ways(bars=2, config=PATIENT)) as house:
            await asyncio.sleep(30)
            box = house.box(platform)
            for method in (
                SEND[platform],
                "POST interactions/*",
                "POST webhooks/*",
                "PATCH webhooks/*",
                "respond",
            ):
                box.troubles.arm(Trouble(method, times=None, status=500))
            match platform:
                case "telegram":
                    house.telegram.ann.says("/panic_close now")
                case "discord":
                    house.discord.ann.slash(house.discord.channel, "panic_close", {"now": True})
                case _:
                    house.slack.ann.dm("panic_close now")
            await until(lambda: not house.house.desk.status().positions, 20)
            box.troubles.down()
            await slept(house, 25)
            box.troubles.clear()
            box.troubles.up()
            match platform:
                case "telegram":
                    seen = lambda: [one.text for one in house.telegram.ann.sees() if one.by_bot]  # noqa: E731
                case "discord":
                    channel = house.discord.channel
                    seen = lambda: [one.text for one in house.discord.ann.sees(channel)]  # noqa: E731
                case _:
                    seen = lambda: [one.text for one in house.slack.ann.sees(house.slack.ann.private)]  # noqa: E731
            await until(lambda: any("Time to flat" in text for text in seen()), 300)

    in_virtual_time(play)


def test_a_second_poller_is_told_to_every_admin_with_what_to_do(tmp_path: Path) -> None:
    async def play() -> None:
        async with (
            attack_house(tmp_path, FRAMES, Ways(bars=2, config=PATIENT)) as house,
            ClientSession() as session,
        ):
            url = f"{house.telegram.box.base_url}{house.telegram.box.token}/getUpdates"
            for _ in range(3):
                async with session.post(url, data={"timeout": "0"}) as answer:
                    await answer.read()
                await asyncio.sleep(7)
            for platform in ALL:
                await until(lambda p=platform: told(house, p, "Another process reads"), 60)  # type: ignore[misc]
            bea = [seen.text for seen in house.telegram.bea.sees() if "Another process reads" in seen.text]
            assert len(bea) == 1, "once an hour"
            assert "BotFather" in bea[0]
            said = house.telegram.ann.says("/status")
            assert "Status" in (await house.telegram.ann.answer(said, 60)).text

    in_virtual_time(play)


BY_THE_VENUE: ContextVar[bool] = ContextVar("by_the_venue", default=False)


def kill_database(broken: pytest.MonkeyPatch) -> None:
    """Every transaction fails but those of the paper venue, whose books stand for an exchange that is well."""
    for name in ("read", "write"):
        broken.setattr(SqliteConnections, name, _dying(getattr(SqliteConnections, name)))
    for name in ("load", "save"):
        broken.setattr(SqlPaperBooks, name, _living(getattr(SqlPaperBooks, name)))


def _dying(work: Any) -> Any:
    async def run(*given: Any) -> Any:
        if not BY_THE_VENUE.get():
            raise StorageError("database: disk I/O error")
        return await work(*given)

    return run


def _living(work: Any) -> Any:
    async def run(*given: Any) -> Any:
        token = BY_THE_VENUE.set(True)
        try:
            return await work(*given)
        finally:
            BY_THE_VENUE.reset(token)

    return run


@pytest.mark.parametrize("face", ["discord", "console"])
def test_panic_reaches_flat_with_the_database_dead_and_telegram_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, Ways(bars=2, config=PATIENT)) as house:
            assert house.house.desk.status().positions
            with monkeypatch.context() as broken:
                kill_database(broken)
                house.telegram.box.troubles.down()
                text = await panicked(house, face)
            house.telegram.box.troubles.up()
            assert not house.house.desk.status().positions, text
            assert "Now flat, verified with the venue" in text, text
            assert "XRPUSDT" in text, text
            assert "Time to flat" in text, text
            await until(lambda: not house.house.loop.unsaved, 120)
            await until(lambda: told(house, "telegram", "Panic close"), 300)
            assert len(told(house, "telegram", "Panic close")) == 1

    in_virtual_time(play)


async def panicked(house: AttackHouse, face: str) -> str:
    """What was answered to /panic_close now."""
    if face == "console":
        text = await house.type("/panic_close now")
        await asyncio.sleep(20)
        return text
    channel, ann = house.discord.channel, house.discord.ann
    ann.slash(channel, "panic_close", {"now": True})
    await asyncio.sleep(30)
    return "\n".join(seen.text for seen in ann.sees(channel))


def test_a_start_while_every_provider_is_away_trades_and_tells_later(tmp_path: Path) -> None:
    async def play() -> None:
        async with (
            worlds() as there,
            attack_house(tmp_path, FRAMES, Ways(broken=ALL, config=PATIENT), there) as house,
        ):
            await house.bars(3)
            assert house.house.desk.status().positions, "entries need no chat"
            await house.tell("fire while away")
            await slept(house, 10)
            for platform in ALL:
                house.box(platform).troubles.up()
            for platform in ALL:
                await until(lambda p=platform: told(house, p, "fire while away"), 900)  # type: ignore[misc]
            await slept(house, 1.5)
            for platform in ALL:
                assert len(told(house, platform, "fire while away")) == 1

    in_virtual_time(play)
