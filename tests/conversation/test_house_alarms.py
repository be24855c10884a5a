"""A database that is gone is told by a way that needs none, shown in /status, and told once."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from whole_house import Desk, market, whole_house

from bot.domain.event import NoticeRaised
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime import loop
from cli.live import courier
from cli.wiring import OPERATOR
from handlers.notices import Recipient

CALM = [0.6012] * 8


async def until(desk: Desk, text: str) -> None:
    async with asyncio.timeout(60):
        while text not in " ".join(desk.screen.getvalue().split()):  # noqa: ASYNC110 (a screen has no bell)
            await asyncio.sleep(0.01)


def locked(home: Path) -> sqlite3.Connection:
    """Somebody else writes to the database and does not end; reading goes on."""
    (file,) = home.glob("*.db")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_a_database_that_is_gone_is_told_at_once_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "WRITE_AGAIN_S", 0.02)
    async with whole_house(tmp_path, [market(CALM)]) as desk:
        await desk.bars(1)
        assert "Database" not in await desk.say("/status")
        carrier = asyncio.create_task(
            courier(desk.running, desk.chat, [Recipient(OPERATOR, "console")]).run()
        )
        other = locked(tmp_path)
        word = Notice(NoticeKind.JOB, Severity.INFO, desk.house.now_ms(), "a word in between")
        desk.house.loop.put(NoticeRaised(desk.house.now_ms(), word))
        await until(desk, "The database cannot be written")
        status = " ".join((await desk.say("/status")).split())
        assert "Database CANNOT BE WRITTEN: no new entries" in status
        assert "entries blocked (the database cannot be written)" in status
        assert "a word in between" not in desk.screen.getvalue(), "what is not urgent waits for the database"
        other.execute("ROLLBACK")
        other.close()
        await until(desk, "The database is back")
        await until(desk, "a word in between")
        carrier.cancel()
        await asyncio.gather(carrier, return_exceptions=True)
        assert desk.screen.getvalue().count("The database cannot be written") == 1
        assert "Database" not in await desk.say("/status")
