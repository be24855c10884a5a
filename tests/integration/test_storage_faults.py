"""What the world does to a database: kills, locks, full disks, torn files. Each is one line, nothing half-written."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event
from storage_kit import ACCOUNT, NOW, candle, only_sqlite, opened, path_of, step
from storage_writer import step as fill_step
from test_storage_commit import TRADE

from bot.domain.action import RecordTrade
from bot.domain.errors import StorageError
from bot.domain.event import CandlesClosed
from bot.domain.snapshot import Recovered
from storage.database import Database, open_database
from storage.ledger import SqlLedger

ROOT = Path(__file__).parents[2]
WRITER = Path(__file__).with_name("storage_writer.py")


def one_line(caught: pytest.ExceptionInfo[StorageError]) -> str:
    """The message, which is fit for an operator."""
    text = str(caught.value)
    assert "\n" not in text
    assert not {"INSERT", "SELECT", "PRAGMA", "sqlalche.me"} & set(text.replace("(", " ").split())
    return text


def agrees(recovered: Recovered, last: int) -> None:
    """After step n there are n fills, n in the wallet, n orders, all of the same n."""
    assert sum(position.quantity for position in recovered.positions) == last
    assert recovered.wallet == last
    assert recovered.day.trades == last
    assert len(recovered.orders) == last
    assert recovered.last_fill_at_ms == (NOW + last if last else 0)


# --- kill -9 ---------------------------------------------------------------------------------------------------------


async def test_a_writer_killed_at_any_moment_leaves_whole_steps(url: str) -> None:
    dice, last = random.Random(7), 0
    for _ in range(6):
        told = await asyncio.to_thread(_write_until_killed, url, last + 1, dice.uniform(0.0, 0.12))
        async with opened(url) as database:
            ledger = database.ledger(ACCOUNT)
            last = await ledger.last_step()
            assert told <= last <= told + 7, "what was told to be durable is, and at most one batch more"
            agrees(await ledger.recover(), last)
            assert [row.number async for row in ledger.journal(1, 0)] == list(range(1, last + 1))
    assert last > 6


def _write_until_killed(url: str, first: int, seconds: float) -> int:
    """Numbers told by the writer before it died, the highest of them."""
    arguments = [sys.executable, str(WRITER), url, str(first)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        told = int(writer.stdout.readline() or 0)
        time.sleep(seconds)
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
    return max([told, first - 1, *(int(line) for line in rest if line)])


# --- disk full -------------------------------------------------------------------------------------------------------


@only_sqlite
async def test_a_full_disk_stops_writing_and_nothing_else(url: str) -> None:
    async with opened(url) as database:
        ledger = database.ledger(ACCOUNT)
        await ledger.commit([fill_step(1)])
        pages = _pages(path_of(url))
        _limit(database, pages + 8)
        with pytest.raises(StorageError, match="the disk is full; free some space") as caught:
            await _until_it_fails(ledger)
        one_line(caught)
        limited = await ledger.last_step() + 1
        agrees(await ledger.recover(), limited - 1)
        with pytest.raises(StorageError, match="the disk is full"):
            await ledger.commit([fill_step(limited), fill_step(limited + 1)])
        _limit(database, 1_000_000)
        await ledger.commit([fill_step(limited), fill_step(limited + 1)])
        agrees(await ledger.recover(), limited + 1)


async def _until_it_fails(ledger: SqlLedger) -> None:
    for number in range(2, 500):
        await ledger.commit([fill_step(number)])


def _limit(database: Database, pages: int) -> None:
    """As small as a disk may be; on every connection, old and new."""
    engine = database._connections._engine
    engine.dispose()
    event.listen(engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages}"))


def _pages(path: Path) -> int:
    raw = sqlite3.connect(path)
    (pages,) = raw.execute("PRAGMA page_count").fetchone()
    raw.close()
    return int(pages)


# --- locks -----------------------------------------------------------------------------------------------------------


@only_sqlite
async def test_a_lock_of_somebody_else_is_waited_for(url: str) -> None:
    async with opened(url, busy_ms=5000) as database:
        ledger = database.ledger(ACCOUNT)
        await ledger.commit([step(1)])
        locked = _lock(path_of(url))
        release = threading.Timer(0.3, _unlock, (locked,))
        release.start()
        await ledger.commit([step(2)])
        release.join()
        assert await ledger.last_step() == 2


@only_sqlite
async def test_a_lock_that_stays_is_told(url: str) -> None:
    async with opened(url, busy_ms=50) as database:
        ledger = database.ledger(ACCOUNT)
        await ledger.commit([step(1)])
        locked = _lock(path_of(url))
        for _ in range(2):
            with pytest.raises(
                StorageError, match="it is locked by another program; close that, or wait"
            ) as caught:
                await ledger.commit([step(2, RecordTrade(TRADE))])
            one_line(caught)
        assert await ledger.last_step() == 1, "reading goes on"
        _unlock(locked)
        await ledger.commit([step(2, RecordTrade(TRADE)), step(3)])
        assert (await ledger.recover()).trade_count == 1


def _lock(path: Path) -> sqlite3.Connection:
    raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    raw.execute("BEGIN IMMEDIATE")
    return raw


def _unlock(raw: sqlite3.Connection) -> None:
    raw.execute("ROLLBACK")
    raw.close()


# --- read-only, torn, strange ----------------------------------------------------------------------------------------


@only_sqlite
async def test_a_database_that_cannot_be_written_to(url: str) -> None:
    async with opened(url) as database:
        await database.ledger(ACCOUNT).commit([step(1)])
        engine = database._connections._engine
        engine.dispose()
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only = ON"))
        with pytest.raises(StorageError, match="it cannot be written to; check the rights") as caught:
            await database.ledger(ACCOUNT).commit([step(2)])
        one_line(caught)
        assert await database.ledger(ACCOUNT).last_step() == 1


@only_sqlite
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_read_only_file(url: str) -> None:
    async with opened(url):
        pass
    path_of(url).chmod(0o400)
    path_of(url).parent.chmod(0o500)
    with pytest.raises(StorageError) as caught:
        async with opened(url) as database:
            await database.ledger(ACCOUNT).commit([step(1)])
    one_line(caught)


def _cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _cut_to_a_page_and_a_bit(path: Path) -> None:
    os.truncate(path, 5000)


def _no_header(path: Path) -> None:
    with path.open("rb+") as file:
        file.write(b"this is no database, but a letter to my mother")


def _noise_in_the_middle(path: Path) -> None:
    with path.open("rb+") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(3 * 4096))


def _a_text(path: Path) -> None:
    path.write_text("BTCUSDT,1,2,3\n" * 1000)


@only_sqlite
@pytest.mark.parametrize(
    "spoil",
    [_cut_in_half, _cut_to_a_page_and_a_bit, _no_header, _noise_in_the_middle, _a_text],
    ids=lambda f: f.__name__,
)
async def test_a_spoiled_file_is_told_in_one_line(url: str, spoil: Callable[[Path], None]) -> None:
    async with opened(url) as database:
        bars = [step(n, event=CandlesClosed(NOW, "15m", (candle(),))) for n in range(1, 400)]
        await database.ledger(ACCOUNT).commit(bars)
    spoil(path_of(url))
    before = path_of(url).read_bytes()
    with pytest.raises(StorageError, match="damaged") as caught:
        await open_database(url)
    one_line(caught)
    assert path_of(url).read_bytes() == before, "what may still be saved is left alone"


@only_sqlite
async def test_a_torn_write_ahead_log_loses_whole_steps_at_most(url: str) -> None:
    async with opened(url) as database:
        for number in range(1, 30):
            await database.ledger(ACCOUNT).commit([fill_step(number)])
        file, log = path_of(url).read_bytes(), path_of(url).with_name(path_of(url).name + "-wal").read_bytes()
    for kept in (0, 31, 5000, len(log) // 2, len(log) - 1):
        torn = path_of(url).with_name(f"torn{kept}.db")
        torn.write_bytes(file)
        torn.with_name(torn.name + "-wal").write_bytes(log[:kept])
        async with opened(f"sqlite:///{torn}") as database:
            ledger = database.ledger(ACCOUNT)
            agrees(await ledger.recover(), await ledger.last_step())


@only_sqlite
async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the file cannot be opened") as caught:
        await open_database(f"sqlite:///{tmp_path}")
    one_line(caught)


@only_sqlite
async def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as caught:
        await open_database(f"sqlite:///{tmp_path / 'file' / 'desk.db'}")
    one_line(caught)


# --- cancelled callers -----------------------------------------------------------------------------------------------


async def test_a_cancelled_commit_is_whole_or_absent_and_may_be_given_again(database: Database) -> None:
    ledger, number = database.ledger(ACCOUNT), 1
    for turns in (0, 1, 2, 3, 5, 8, 13, 21):
        task = asyncio.create_task(ledger.commit([fill_step(number), fill_step(number + 1)]))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ledger.commit([fill_step(number), fill_step(number + 1)])
        number += 2
        agrees(await ledger.recover(), number - 1)
