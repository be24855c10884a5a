"""The database is locked, deleted or full while the desk runs: it stays up, says so, and loses nothing it can keep."""

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.event import listen
from whole_house import Desk, market, whole_house

from bot.domain.errors import ConfigError, StorageError
from bot.runtime.clock import MarketClock
from bot.venues.instruments import free_instrument
from cli import live
from cli.live import Running

CLOSES = [100.0 + step / 10 for step in range(400)]
BAR_MS = 900_000


async def paced(desk: Desk, seconds: float) -> asyncio.Task[None]:
    """The market's own task, as `demo` and `run` have it."""
    clock = MarketClock.for_bars(desk.house.now_ms(), BAR_MS, 0.01)
    task = asyncio.create_task(Running(desk.house, clock).pace())
    await asyncio.sleep(seconds)
    return task


async def test_a_lock_of_another_program_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Longer than the database waits by itself; afterwards the bars go on."""
    monkeypatch.setattr(live, "STORAGE_RETRY_S", 0.05)
    caplog.set_level(logging.CRITICAL)
    async with whole_house(tmp_path, [market(CLOSES)]) as desk:
        await desk.bars(2)
        holder = sqlite3.connect(tmp_path / "quarterdeck.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        task = await paced(desk, 2.6)
        assert not task.done()
        holder.execute("ROLLBACK")
        holder.close()
        before = desk.house.now_ms()
        async with asyncio.timeout(60):
            while desk.house.now_ms() <= before:  # noqa: ASYNC110 - the market has no bell
                await asyncio.sleep(0.01)
        task.cancel()
        await desk.house.settled()
        assert "Panic close" in await desk.say("/panic_close now")
    async with whole_house(tmp_path, [market(CLOSES)]) as desk:
        assert "stopped" in await desk.say("/status")


async def test_a_deleted_database_is_noticed_and_the_end_says_what_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is written into a deleted file would be lost without a word."""
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(StorageError, match=r"could not be saved .*deleted or replaced"):
        await lived_without_books(tmp_path)


async def lived_without_books(home: Path) -> None:
    """Two bars, then the file is gone."""
    async with whole_house(home, [market(CLOSES)]) as desk:
        await desk.bars(2)
        await asyncio.to_thread(delete_books, home)
        with pytest.raises(StorageError):
            await desk.bars(1)
        await desk.say("/pause XRPUSDT 5m")
        assert not desk.house.engine.state.storage_ok


def delete_books(home: Path) -> None:
    """What somebody tidying up does."""
    for file in home.glob("quarterdeck.db*"):
        file.unlink()


async def test_a_full_disk_loses_nothing_once_there_is_space_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A panic while nothing can be written holds over a restart."""
    caplog.set_level(logging.CRITICAL)
    async with whole_house(tmp_path, [market(CLOSES)]) as desk:
        await desk.bars(2)
        books, room = desk.house.database._connections, [1]
        # a limit holds for one connection: each is told of it as it begins
        listen(books._engine, "begin", lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {room[0]}"))
        await until_full(desk)
        await desk.say("/panic_close now")
        room[0] = 1_000_000
        assert "The database is back" in await desk.bars(2)
        assert desk.house.loop.unsaved == 0
    async with whole_house(tmp_path, [market(CLOSES)]) as desk:
        status = await desk.say("/status")
        assert "stopped" in status
        assert "No open positions" in status


async def until_full(desk: Desk) -> None:
    """A page that was begun may still take the rows of a bar or two."""
    for _ in range(20):
        await desk.bars(1)
        if not desk.house.engine.state.storage_ok:
            return
    pytest.fail("twenty bars fitted into a full disk")


async def test_buffers_shorter_than_a_strategys_warm_up_are_refused(tmp_path: Path) -> None:
    """It would never trade, and never say why."""
    from whole_house import plan_of

    from cli.wiring import build_engine
    from strategies.registry import Registry

    text = "buffers: {bars: 100}\nsymbols: [{symbol: XRPUSDT}]\n"
    plan = plan_of(tmp_path, [market(CLOSES)], text, 1)
    with pytest.raises(ConfigError, match=r"buffers\.bars: 100 .* at least 500"):
        build_engine(plan, Registry(), {"XRPUSDT": free_instrument("XRPUSDT")})
