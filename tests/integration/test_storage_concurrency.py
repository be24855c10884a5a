"""Several tasks on one database: writers take turns, readers see whole commits, accounts do not mind each other."""

import asyncio
from decimal import Decimal

import pytest
from storage_kit import ACCOUNT, NOW, OTHER, opened, step

from bot.domain.account import Book, transfer
from bot.domain.action import Notify, RecordDay, RecordEntry
from bot.domain.errors import StorageError
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.snapshot import DayFigures
from bot.runtime.chat_ports import Arrival
from bot.runtime.ports import AuditDraft, Ledger, Step
from storage.audit import SqlAudit
from storage.database import Database


def counted(number: int) -> Step:
    """A step that adds one to the wallet and counts itself in the day's trades."""
    entry = transfer(NOW + number, "fill", "BTCUSDT", str(number), Book.REALISED, Decimal(1))
    return step(number, RecordEntry(entry), RecordDay(NOW + number, DayFigures(trades=number)))


async def fill(ledger: Ledger, until: int) -> None:
    """Commit one step after the other."""
    for number in range(1, until + 1):
        await ledger.commit([counted(number)])


async def test_readers_see_whole_commits_only(database: Database) -> None:
    writing, reading = database.ledger(ACCOUNT), database.ledger(ACCOUNT)
    writer, seen = asyncio.create_task(fill(writing, 60)), []
    while not writer.done():
        recovered = await reading.recover()
        assert recovered.wallet == recovered.day.trades
        seen.append(recovered.day.trades)
    await writer
    assert seen == sorted(seen)
    assert (await reading.recover()).wallet == 60


async def test_accounts_write_side_by_side(database: Database) -> None:
    mine, theirs = database.ledger(ACCOUNT), database.ledger(OTHER)
    await asyncio.gather(fill(mine, 40), fill(theirs, 25))
    assert (await mine.recover()).wallet == 40
    assert (await theirs.recover()).wallet == 25


async def test_two_programs_share_a_file(url: str) -> None:
    async with opened(url, busy_ms=20_000) as one, opened(url, busy_ms=20_000) as two:
        await asyncio.gather(fill(one.ledger(ACCOUNT), 25), fill(two.ledger(OTHER), 25))
        assert await one.ledger(OTHER).last_step() == 25
        assert await two.ledger(ACCOUNT).last_step() == 25


async def test_two_programs_on_one_account_are_told_apart(url: str) -> None:
    async with opened(url, busy_ms=20_000) as one, opened(url, busy_ms=20_000) as two:
        ends = await asyncio.gather(
            fill(one.ledger(ACCOUNT), 25), fill(two.ledger(ACCOUNT), 25), return_exceptions=True
        )
        refused = [end for end in ends if end is not None]
        assert refused
        assert all(isinstance(end, StorageError) and "another process writes" in str(end) for end in refused)
        recovered = await one.ledger(ACCOUNT).recover()
        assert recovered.wallet == await two.ledger(ACCOUNT).last_step()


async def test_chat_and_engine_write_side_by_side(database: Database) -> None:
    ledger, audit, arrivals = database.ledger(ACCOUNT), database.audit(), database.arrivals()
    outbox = database.outbox(ACCOUNT)
    notice = Notify(Notice(NoticeKind.ENTRY, Severity.TRADE, NOW, "in"))
    asked = Arrival("x", "1", "x:1", "1", "/pause", NOW, NOW)

    async def trade() -> None:
        for number in range(1, 30):
            await ledger.commit([step(number, notice)])

    async def send() -> int:
        sent = 0
        while sent < 29:
            waiting = await outbox.waiting("console", 5)
            await outbox.sent("console", [queued.id for queued in waiting], NOW)
            sent += len(waiting)
        return sent

    _, sent, *claims = await asyncio.gather(
        trade(),
        send(),
        _talk(audit),
        *(arrivals.claim(asked) for _ in "abc"),
    )
    assert sent == 29
    assert claims.count(True) == 1
    assert await audit.verify() == 0
    assert await outbox.waiting("console", 5) == ()


async def _talk(audit: SqlAudit) -> None:
    for number in range(15):
        await audit.append(AuditDraft(NOW + number, "console", "local", "", "/status", "", "done"))


async def test_closing_waits_for_what_was_begun(url: str) -> None:
    async with opened(url) as database:
        task = asyncio.create_task(database.ledger(ACCOUNT).commit([counted(1)]))
        await asyncio.sleep(0)
    outcome = await asyncio.gather(task, return_exceptions=True)
    async with opened(url) as database:
        assert await database.ledger(ACCOUNT).last_step() == (1 if outcome == [None] else 0)


@pytest.mark.parametrize("numbers", [(1, 1), (2, 1), (3, 3)])
async def test_numbers_that_repeat_within_a_batch_are_refused_whole(
    database: Database, numbers: tuple[int, int]
) -> None:
    ledger = database.ledger(ACCOUNT)
    await ledger.commit([counted(1)])
    with pytest.raises(StorageError, match="is there already"):
        await ledger.commit([counted(number) for number in numbers])
    assert await ledger.last_step() == 1
