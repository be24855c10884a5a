"""The weekly report and the digests as notices on the real platforms: picture, the five lines, page; once each."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from chat_faces import Seen
from chat_house import ChatHouse, chat_house
from house_parts import in_virtual_time
from whole_house import BAR_MS, START_MS, market

from cli.jobs import send_digest, send_weekly
from handlers.speaker import NOT_TAKEN
from sandbox.chat.discord import DiscordSandbox
from sandbox.chat.troubles import Trouble

MONDAY_MS = 1_700_438_400_000
"""2023-11-20 00:00 UTC, the first Monday behind the market's start."""
LIVED = 60
BEFORE = (MONDAY_MS - START_MS) // BAR_MS - LIVED
CLOSES = [0.6 * (1 + 0.012 * ((i // 3) % 2)) * 0.99995**i for i in range(BEFORE + LIVED + 20)]
LOOSE = """sizing: {mode: risk_usd, value: "20"}
limits: {daily_loss_percent: "0", drawdown_percent: "0", kill_losing_run: 0, kill_trades: 0}
notices: {off: [entry, exit]}
"""
LINES = ("Live", "Backtest", "Live against backtest", "Kill switches", "Models, proposals")
PLATFORMS = ("telegram", "discord", "slack")
REFUSED = {
    "telegram": ("sendPhoto", 400, "Bad Request: IMAGE_PROCESS_FAILED"),
    "slack": ("files.getUploadURLExternal", 200, "file_uploads_disabled"),
}
TITLE = "Weekly report 2023-W46"


def play(home: Path, face: str, story: Callable[[ChatHouse], Awaitable[None]]) -> None:
    """A desk that has lived through the end of a week, at a platform."""

    async def told() -> None:
        async with chat_house(home, face, [market(CLOSES)], LOOSE, BEFORE) as house:
            await house.bars(LIVED + 4)
            await house.ann.wait(60)
            await story(house)

    in_virtual_time(told)


def count(seen: Seen, words: str) -> int:
    return sum(words in text for text in seen.texts)


@pytest.mark.parametrize("face", PLATFORMS)
def test_the_weekly_report_comes_with_picture_lines_and_page_once_over_a_restart(
    tmp_path: Path, face: str
) -> None:
    async def story(house: ChatHouse) -> None:
        assert await send_weekly(house.house) == "sent"
        seen = await house.ann.wait(60)
        assert count(seen, TITLE) == 1, seen.texts
        for line in LINES:
            assert line in seen.text, line
        assert "Failed" not in seen.text
        assert "Picture" not in seen.text
        assert [picture[:4] for picture in seen.pictures] == [b"\x89PNG"]
        [(name, page)] = seen.files.items()
        assert name == "2023-W46.html"
        assert b"Live against backtest" in page
        told = [
            reply.title for to, reply in house.heard.told if to.endswith(house.ann.user.partition(":")[2])
        ]
        assert sum(title.startswith(TITLE) for title in told) == 1
        await house.close()
        await house.open()
        await house.bars(1)
        again = await house.ann.wait(60)
        assert TITLE not in again.text

    play(tmp_path, face, story)


@pytest.mark.parametrize("face", PLATFORMS)
def test_one_raised_while_the_platform_is_away_comes_once_after_the_next_start(
    tmp_path: Path, face: str
) -> None:
    async def story(house: ChatHouse) -> None:
        house.world.box.troubles.down()
        assert await send_weekly(house.house) == "sent"
        await house.house.settled()
        assert TITLE not in (await house.ann.wait(20)).text
        await house.close()
        house.world.box.troubles.up()
        await house.open()
        await house.bars(1)
        seen = await house.ann.wait(120)
        assert count(seen, TITLE) == 1, seen.texts
        assert [picture[:4] for picture in seen.pictures] == [b"\x89PNG"], "drawn from the kept figures"
        assert list(seen.files) == ["2023-W46.html"]
        assert TITLE not in (await house.ann.wait(120)).text

    play(tmp_path, face, story)


def refuse_pictures(house: ChatHouse, face: str) -> None:
    """From now on this platform takes words alone."""
    box = house.world.box
    if face in REFUSED:
        method, status, words = REFUSED[face]
        box.troubles.arm(Trouble(method, times=None, status=status, description=words))
    else:
        assert isinstance(box, DiscordSandbox)
        box.world.rules = replace(box.world.rules, file_bytes=1_000)


@pytest.mark.parametrize("face", PLATFORMS)
def test_a_platform_that_refuses_the_picture_still_gets_the_words_once(tmp_path: Path, face: str) -> None:
    async def story(house: ChatHouse) -> None:
        refuse_pictures(house, face)
        assert await send_weekly(house.house) == "sent"
        seen = await house.ann.wait(120)
        assert count(seen, TITLE) == 1, seen.texts
        for line in LINES:
            assert line in seen.text, line
        assert NOT_TAKEN in seen.text
        assert not seen.pictures
        assert TITLE not in (await house.ann.wait(120)).text

    play(tmp_path, face, story)


@pytest.mark.parametrize("face", PLATFORMS)
def test_daily_and_weekly_digests_come_with_a_picture_once(tmp_path: Path, face: str) -> None:
    async def story(house: ChatHouse) -> None:
        for period, word in (("daily", "day"), ("weekly", "week")):
            assert await send_digest(house.house, period) == "sent"
            seen = await house.ann.wait(60)
            assert count(seen, f"Digest of the {word}") == 1, seen.texts
            assert [picture[:4] for picture in seen.pictures] == [b"\x89PNG"]
            for line in ("In short", "Best", "Worst", "Exposure", "Kills"):
                assert line in seen.text, line
        await house.close()
        await house.open()
        assert "Digest" not in (await house.ann.wait(60)).text

    play(tmp_path, face, story)


def test_a_file_that_is_refused_is_said_and_the_words_are_not_repeated(tmp_path: Path) -> None:
    async def story(house: ChatHouse) -> None:
        refusal = Trouble("sendDocument", times=None, status=400, description="Bad Request: file is too big")
        house.world.box.troubles.arm(refusal)
        assert await send_weekly(house.house) == "sent"
        seen = await house.ann.wait(120)
        assert count(seen, TITLE) == 1, seen.texts
        assert count(seen, NOT_TAKEN) == 1
        assert len(seen.pictures) == 1
        assert TITLE not in (await house.ann.wait(120)).text

    play(tmp_path, "telegram", story)


def test_the_job_itself_runs_by_its_name(tmp_path: Path) -> None:
    async def story(house: ChatHouse) -> None:
        seen = await house.ann.say("/run_job weekly")
        if "Confirm" in seen.labels:
            await house.ann.press("Confirm")
        seen = await house.ann.wait(60)
        assert TITLE in seen.page
        [job] = [one for one in house.house.desk.jobs() if one.id == "weekly"]
        assert (job.title, job.last_result) == ("Weekly report", "sent")

    play(tmp_path, "telegram", story)
