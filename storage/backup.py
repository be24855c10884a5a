"""Copies of a SQLite database: complete and sound when they appear, whatever is written meanwhile."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from bot.domain.errors import StorageError
from storage.failures import DAMAGED

OWNER_ONLY = 0o600
"""Books, and the keys of one-time codes, are nobody else's business."""


def owner_only(path: Path) -> None:
    """Make sure the file is there and its owner alone may read it, before anything is written into it.

    Where that cannot be done, whoever opens the file next says what is wrong with it. A file that is there is never
    opened here: closing it would drop every lock that this process's SQLite holds on it, and the next program that
    looks in and leaves would take the write-ahead log away with all that is written from then on.
    """
    with suppress(OSError):
        if not path.exists():
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT, OWNER_ONLY))
        mode = path.stat().st_mode
        if mode & ~OWNER_ONLY & 0o777 and path.is_file():
            path.chmod(mode & OWNER_ONLY)


def copy(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup under another name, check, then rename: a half copy is never taken for whole."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        _copy(source, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def copy_anew(source: Path, target: Path) -> None:
    """Copy to a file that is not there yet."""
    if target.exists():
        raise StorageError(f"backup {target}: this file exists already; name another")
    copy(source, target)


def _copy(source: Path, part: Path) -> None:
    owner_only(part)
    with closing(_existing(source)) as old, closing(sqlite3.connect(part)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
        _check(source, new)
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _existing(path: Path) -> sqlite3.Connection:
    """A connection that makes no file where there is none."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)


def _check(path: Path, copied: sqlite3.Connection) -> None:
    (verdict,) = copied.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StorageError(f"database {path}: {DAMAGED}")
