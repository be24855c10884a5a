"""A run that did not end in order is told at the next start; what watchers need to know; digests have pictures."""

import asyncio
import json
from pathlib import Path

from whole_house import Desk, market, whole_house

from bot.domain.notice import NoticeKind, Severity
from bot.runtime.heartbeat import HEARTBEAT_FILE, WRITTEN_AT, mark_stopped, read_heartbeat
from cli.comeback import comeback
from cli.couriers import courier
from cli.jobs import send_digest
from cli.vitals import VitalSigns
from handlers.lanes import Recipient
from handlers.reply import EquityPlot, Reply

CALM = [0.6012 + 0.0001 * (i % 2) for i in range(8)]


async def killed(desk: Desk) -> None:
    """The engine's task dies without a farewell."""
    task = desk.house._task
    assert task is not None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_after_a_death_the_next_start_says_how_long_it_was_away_and_what_was_found(
    tmp_path: Path,
) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        assert await comeback(desk.house, None) is None, "a first start"
        await desk.bars(3)
        last = desk.house.wall_ms()
        await killed(desk)
        assert not desk.house.is_alive
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        notice = await comeback(desk.house, {WRITTEN_AT: last - 7_500_000})
        assert notice is not None
        assert notice.title == "The last run did not end in order; away for 2h 5m"
        assert (notice.kind, notice.severity) == (NoticeKind.RECOVERY, Severity.TRADE)
        assert dict(notice.fields)["Positions"] == "XRPUSDT"
        assert dict(notice.fields)["Without a stop"] == "none"
        assert dict(notice.fields)["Compared with the venue"] == "yes"
        unknown = await comeback(desk.house, None)
        assert unknown is not None
        assert dict(unknown.fields)["Last heard of"] == "unknown"
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        assert await comeback(desk.house, {WRITTEN_AT: last}) is None, "that run ended in order"


async def test_an_engine_that_dies_ends_the_wait_for_it(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        waiting = asyncio.create_task(desk.house.until_dead())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert VitalSigns(desk.house, desk.house.wall_ms)()["engine"] is True
        await killed(desk)
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.done()
        assert VitalSigns(desk.house, desk.house.wall_ms)()["engine"] is False


async def test_troubles_are_timed(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        now_ms = [1_000_000]
        signs = VitalSigns(desk.house, lambda: now_ms[0])
        assert signs()["link_down_s"] == 0
        desk.house.engine.state.link_up = False
        for later_s, said in ((0, 0), (301, 301)):
            now_ms[0] = 1_000_000 + later_s * 1000
            assert signs()["link_down_s"] == said
        desk.house.engine.state.link_up = True
        assert signs()["link_down_s"] == 0


def test_a_run_that_ends_in_order_says_so_in_its_last_heartbeat(tmp_path: Path) -> None:
    mark_stopped(tmp_path, 5)
    assert read_heartbeat(tmp_path) == {WRITTEN_AT: 5, "stopped": True}
    assert json.loads((tmp_path / HEARTBEAT_FILE).read_text())["stopped"] is True


class Mouth:
    """A platform that keeps what it was to say."""

    platform = "telegram"

    def __init__(self) -> None:
        self.said: list[Reply] = []

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        self.said.append(reply)
        return str(len(self.said))

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        raise AssertionError("nothing is amended here")


async def test_the_scheduled_digest_brings_its_picture(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], "chat: {users: {'telegram:1': viewer}}\n") as desk:
        mouth = Mouth()
        carrier = courier(desk.house, 1.0, mouth)
        await desk.bars(3)
        await send_digest(desk.house, "daily")
        await desk.house.settled()
        await carrier.deliver()
        digest = next(reply for reply in mouth.said if reply.title.startswith("Digest of the day"))
        assert isinstance(digest.plot, EquityPlot)
        assert "Picture" not in dict(digest.fields)
        entry = next(reply for reply in mouth.said if "opened" in reply.title)
        assert [(button.label, bool(button.id)) for button in entry.buttons] == [
            ("Status", True),
            ("Chart", True),
        ]


async def test_a_critical_notice_can_be_acknowledged_in_the_console(tmp_path: Path) -> None:
    from bot.domain.event import NoticeRaised
    from bot.domain.notice import Notice

    async with whole_house(tmp_path, [market(CALM)], "chat: {users: {'telegram:1': trader}}\n") as desk:
        fire = Notice(NoticeKind.STREAM, Severity.CRITICAL, desk.house.now_ms(), "fire")
        desk.house.loop.put(NoticeRaised(desk.house.now_ms(), fire))
        await desk.house.settled()
        assert desk.house.on_call is not None
        await desk.house.on_call.look()
        assert "1 critical notice not acknowledged" in await desk.say("/ack")
        assert "Acknowledged: 1 critical notice" in await desk.say("/ack all")
        assert "Every critical notice has been acknowledged" in await desk.say("/ack")
        await desk.house.settled()
        mouth = Mouth()
        await courier(desk.house, 1.0, mouth, [Recipient("telegram:1", "1")]).deliver()
        assert any("Acknowledged by operator (console:operator): fire" in one.title for one in mouth.said)
