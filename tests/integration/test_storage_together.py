"""Small writes of many callers share transactions; what is told to have been written has been."""

import asyncio

import pytest
from sqlalchemy import Connection
from storage_kit import NOW

from bot.domain.errors import StorageError
from bot.runtime.ports import AuditDraft
from storage.database import Database
from storage.together import Together


class Books:
    """Connections that count transactions and can be broken; the first one takes its time."""

    def __init__(self) -> None:
        self.transactions: list[list[int]] = []
        self.broken = False
        self.go = asyncio.Event()

    async def write(self, work):
        await self.go.wait()
        if self.broken:
            raise StorageError("the disk is full")
        return work(None)

    def put(self, _: Connection, things) -> None:
        self.transactions.append(list(things))


async def test_what_comes_meanwhile_shares_the_next_transaction() -> None:
    books = Books()
    together = Together[int](books, books.put)
    tasks = [asyncio.create_task(together.add(number)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(together.add(number)) for number in range(3, 60)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    books.go.set()
    await asyncio.gather(*tasks)
    assert [number for one in books.transactions for number in one] == list(range(60))
    assert len(books.transactions) == 2


async def test_a_failure_reaches_everybody_and_the_next_one_is_tried() -> None:
    books = Books()
    books.broken = True
    books.go.set()
    together = Together[int](books, books.put)
    ends = await asyncio.gather(*(together.add(number) for number in range(5)), return_exceptions=True)
    assert [str(end) for end in ends] == ["the disk is full"] * 5
    books.broken = False
    await together.add(9)
    assert books.transactions == [[9]]


async def test_who_is_called_off_takes_nobody_along() -> None:
    books = Books()
    together = Together[int](books, books.put)
    first, second = asyncio.create_task(together.add(1)), asyncio.create_task(together.add(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    books.go.set()
    await second
    assert first.cancelled()
    assert 2 in books.transactions[0]


async def test_many_audit_entries_at_once_leave_the_newest_anchor(
    database: Database, tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    anchor = tmp_path / "anchor"
    audit = database.audit(anchor=anchor)
    draft = AuditDraft(NOW, "console", "local", "", "/pause", "BTCUSDT", "done", "", 7)
    for _ in range(5):
        await asyncio.gather(*(audit.append(draft) for _ in range(20)))
    assert anchor.read_text().split()[0] == "100"
    assert "cannot be written" not in caplog.text
