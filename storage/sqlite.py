"""SQLite: one thread writes, two read, the event loop waits for none of them.

Plain threads rather than aiosqlite: that crosses threads for each statement, this once per transaction (0.4 ms
instead of 1.2 ms for a commit of one step here). The one writing thread is the writer lock, and a transaction that
was begun is finished even when the one who asked for it is cancelled.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection as RawConnection

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from bot.domain.errors import StorageError
from storage.backup import owner_only
from storage.connections import Work
from storage.failures import FAILURES, GONE, LOCKED, reason, told

SYNCHRONOUS = ("FULL", "NORMAL")
READERS = 2
HASTY_MS = 50
"""How long a write waits for a lock that the write before could not get: a panic stands behind many of them."""


class SqliteConnections:
    """Transactions on one SQLite file."""

    kind = "sqlite"

    def __init__(self, path: Path, synchronous: str, busy_ms: int) -> None:
        """Prepare; the file is touched by the first transaction."""
        self.path = path
        self.place = str(path)
        self.last_commit_ms = 0.0
        self._inode = 0
        self._engine = _engine(path, synchronous, busy_ms)
        self._locked = False
        self._patient = self._engine.execution_options(begin="BEGIN IMMEDIATE", busy_ms=busy_ms)
        self._hasty = self._patient.execution_options(busy_ms=min(busy_ms, HASTY_MS))
        self._writer = ThreadPoolExecutor(1, "storage-write")
        self._readers = ThreadPoolExecutor(READERS, "storage-read")

    async def read[T](self, work: Work[T]) -> T:
        """Run in a read transaction: one consistent picture."""
        return await self._on(self._readers, lambda: self._run(self._engine, work))

    async def write[T](self, work: Work[T]) -> T:
        """Run in a write transaction, one at a time; durable when this returns."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        answer = await self._on(self._writer, lambda: self._written(work))
        self.last_commit_ms = (clock() - begun) * 1000
        return answer

    async def size(self) -> int:
        """Bytes of the file and its write-ahead log."""
        return await self._on(self._readers, self._size)

    async def aside[T](self, job: Callable[[], T]) -> T:
        """Run a job that reads the file by itself, such as a backup."""
        return await self._on(self._readers, job)

    async def close(self) -> None:
        """Finish what was begun and let go of the file."""
        await asyncio.to_thread(self._close)

    async def _on[T](self, executor: Executor, job: Callable[[], T]) -> T:
        try:
            answer = asyncio.get_running_loop().run_in_executor(executor, job)
        except RuntimeError as error:  # the executor's word for "shut down"
            raise StorageError(f"database {self.place}: it is closed") from error
        try:
            return await answer
        except FAILURES as error:
            raise told(self.place, error) from error

    def _written[T](self, work: Work[T]) -> T:
        """On the writing thread. While another program holds the lock, only the first write waits for it at length."""
        try:
            answer = self._run(self._hasty if self._locked else self._patient, work)
        except FAILURES as error:
            self._locked = reason(error) == LOCKED
            raise
        self._locked = False
        return answer

    def _run[T](self, engine: Engine, work: Work[T]) -> T:
        with engine.begin() as connection:
            answer = work(connection)
            self._still_there()
            return answer

    def _still_there(self) -> None:
        """What is written into a file that was deleted or put in another's place under way would be lost silently."""
        try:
            found = self.path.stat().st_ino
        except FileNotFoundError:
            found = 0
        self._inode = self._inode or found
        if found != self._inode:
            raise StorageError(f"database {self.place}: {GONE}")

    def _size(self) -> int:
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._engine.dispose()


def _engine(path: Path, synchronous: str, busy_ms: int) -> Engine:
    if synchronous not in SYNCHRONOUS:
        raise StorageError(f"synchronous {synchronous!r} unknown; allowed: {', '.join(SYNCHRONOUS)}")
    pragmas = (
        f"busy_timeout = {busy_ms}",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        "foreign_keys = ON",
    )
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"isolation_level": None}, hide_parameters=True)
    event.listen(engine, "do_connect", lambda *_: owner_only(path))
    event.listen(engine, "connect", lambda raw, _: _prepare(raw, pragmas, busy_ms))
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(raw: RawConnection, pragmas: tuple[str, ...], busy_ms: int) -> None:
    until_s = time.monotonic() + busy_ms / 1000
    for pragma in pragmas:
        while not _told_pragma(raw, pragma, patient=time.monotonic() < until_s):
            time.sleep(0.01)


def _told_pragma(raw: RawConnection, pragma: str, *, patient: bool) -> bool:
    """Whether it was taken. The change to WAL does not wait for another's lock by itself, as all else does."""
    try:
        with closing(raw.cursor()) as cursor:
            cursor.execute(f"PRAGMA {pragma}")
    except sqlite3.OperationalError as error:
        if patient and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True


def _begin(connection: Connection) -> None:
    """The driver is told not to begin by itself, so that a writer takes the lock at once and never half-way."""
    options = connection.get_execution_options()
    if "busy_ms" in options:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {options['busy_ms']}")
    connection.exec_driver_sql(options.get("begin", "BEGIN"))
