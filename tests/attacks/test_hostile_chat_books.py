"""Other programs that look into the books while the desk runs: `audit verify`, `db backup`, somebody's sqlite3."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from processes import quarterdeck

from bot.domain.errors import StorageError
from bot.runtime.ports import AuditDraft
from storage.database import Database, open_database

LOOK = """
import sqlite3, sys
books = sqlite3.connect(sys.argv[1])
print(books.execute("SELECT count(*) FROM commands").fetchone()[0])
books.close()
"""


def draft(number: int) -> AuditDraft:
    """One line of the audit."""
    return AuditDraft(number, "telegram", "1", "1", "status", "", "ok", "", number)


async def busy(database: Database) -> None:
    """Every connection of the pool comes to be: several threads ask at once."""
    audit = database.audit()
    asked = (audit.tail(5) for _ in range(20))
    await asyncio.gather(audit.append(draft(1)), *asked)


def look(file: Path) -> int:
    """A program of its own opens the books, reads and leaves."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(file)], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


def open_and_deleted(name: str) -> list[str]:
    """Files of that name which this process still has open although they are gone."""
    found = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if _is(number)]
    return [one for one in found if name in one and one.endswith("(deleted)")]


def _is(number: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{number}")


async def test_who_looks_in_and_leaves_takes_no_log_away(tmp_path: Path) -> None:
    """What is committed from then on would be in a deleted file: gone with the process, orders and all."""
    file = tmp_path / "quarterdeck.db"
    database = await open_database(f"sqlite+aiosqlite:///{file}")
    try:
        await busy(database)
        log = file.with_name("quarterdeck.db-wal")
        inode = log.stat().st_ino
        assert look(file) == 1
        assert log.exists(), "the last one to leave removes the log; we are still here"
        assert log.stat().st_ino == inode
        assert open_and_deleted("quarterdeck.db") == []
        await database.audit().append(draft(2))
        assert look(file) == 2, "what is durable is seen by others"
    finally:
        await database.close()


async def test_audit_verify_beside_a_running_desk(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("mode: demo\n")
    file = tmp_path / "quarterdeck.db"
    database = await open_database(f"sqlite+aiosqlite:///{file}")
    audit = database.audit(anchor=tmp_path / "audit.anchor")
    try:
        await busy(database)
        for number in range(2, 6):
            await audit.append(draft(number))
            done = await asyncio.to_thread(quarterdeck, "audit", "verify", home=tmp_path)
            assert (done.returncode, done.stdout) == (0, f"audit: {number} entries, the chain is whole\n")
        assert look(file) == 5
    finally:
        await database.close()


async def test_a_new_file_is_its_owners_alone_and_an_open_one_is_made_so(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = tmp_path / "quarterdeck.db"
        database = await open_database(f"sqlite+aiosqlite:///{file}")
        await database.close()
        assert file.stat().st_mode & 0o777 == 0o600
        file.chmod(0o664)
        again = await open_database(f"sqlite+aiosqlite:///{file}")
        await busy(again)
        await again.close()
        assert file.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


async def test_a_panic_does_not_stand_behind_writes_that_wait_for_a_lock(tmp_path: Path) -> None:
    """Another program holds the lock: twenty writes that wait two seconds each would keep the twenty-first for 40 s."""
    file = tmp_path / "quarterdeck.db"
    database = await open_database(f"sqlite+aiosqlite:///{file}", busy_ms=1000)
    audit, clock = database.audit(), asyncio.get_running_loop().time
    await audit.append(draft(1))
    thief = sqlite3.connect(file, isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")
    try:
        begun = clock()
        refused = await asyncio.gather(*(audit.append(draft(9)) for _ in range(21)), return_exceptions=True)
        assert all(isinstance(one, StorageError) for one in refused)
        assert 1 <= clock() - begun < 6, "the first one waits as it should, the others hardly"
    finally:
        thief.execute("ROLLBACK")
        thief.close()
    try:
        assert (await audit.append(draft(2))).number == 2, "and it goes on by itself"
        begun, thief = clock(), sqlite3.connect(file, isolation_level=None)
        thief.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked by another program"):
            await audit.append(draft(3))
        assert clock() - begun >= 1, "patient again after a write that succeeded"
        thief.close()
    finally:
        await database.close()
