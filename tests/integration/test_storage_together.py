"""Small writes of many callers share transactions; what is told to have been written has been."""

import asyncio

import pytest
from sqlalchemy import Connection
from storage_kit import ACCOUNT, NOW, step

from bot.domain.action import Notify
from bot.domain.errors import StorageError
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.ports import AuditDraft
from storage.database import Database
from storage.together import Asked, Together


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


async def test_questions_that_come_meanwhile_are_answered_together() -> None:
    looks: list[list[int]] = []

    class Readable:
        go = asyncio.Event()

        async def read(self, work):
            await self.go.wait()
            return work(None)

    def answer(_: Connection, questions):
        looks.append(list(questions))
        return {question: question * 2 for question in questions}

    asked = Asked[int, int](Readable(), answer)
    tasks = [asyncio.create_task(asked.ask(1))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(asked.ask(number)) for number in (2, 3, 2)]
    await asyncio.sleep(0)
    Readable.go.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 4]
    assert looks == [[1], [2, 3]], "one asked before a read begins is never answered by an older read"


async def test_readers_that_mark_at_once_each_keep_their_own_place(database: Database) -> None:
    outbox = database.outbox(ACCOUNT)
    raised = [Notify(Notice(NoticeKind.ENTRY, Severity.INFO, NOW, f"n{number}")) for number in range(6)]
    await database.ledger(ACCOUNT).commit([step(1, *raised)])
    places = [one.id for one in await outbox.waiting("t:1", 10)]
    marks = {"t:1": places, "t:2": places[:3], "t:3": places[4:], "t:4": [places[0], places[2]], "t:5": []}
    await asyncio.gather(*(outbox.sent(reader, ids, NOW) for reader, ids in marks.items()))
    left = await asyncio.gather(*(outbox.waiting(reader, 10) for reader in marks))
    assert [[one.id for one in row] for row in left] == [
        [place for place in places if place not in ids] for ids in marks.values()
    ]
    assert [{one.platform for one in row} for row in left] == [set(), {"t:2"}, {"t:3"}, {"t:4"}, {"t:5"}]
    await outbox.sent("t:3", places[:2], NOW)
    await asyncio.gather(*(outbox.sent("t:3", [place], NOW) for place in places[2:4]))
    assert await outbox.waiting("t:3", 10) == ()
