"""Where searches for parameters keep their trials: a database of their own beside the desk's.

Optuna brings tables and a schema version of its own. In the desk's database its `alembic_version` would take the place
of ours, so it gets a SQLite file of its own: beside the desk's file, or in the home where the desk's is on a server.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot.domain.errors import StorageError

SUFFIX = "-tuning.db"
FAILURES = (SQLAlchemyError, OSError)
"""What a database that cannot be used raises."""


def tuning_url(database_url: str, home: Path) -> str:
    """The address of the trials' database. Raises StorageError for an address that is none."""
    try:
        address = make_url(database_url)
    except (ArgumentError, ValueError) as error:
        raise StorageError("database URL cannot be read") from error
    file = Path(address.database or "quarterdeck.db").expanduser()
    at_home = address.get_backend_name() != "sqlite"
    found = home / f"quarterdeck{SUFFIX}" if at_home else file.with_name(f"{file.stem}{SUFFIX}")
    try:
        found.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"database {found}: cannot be used: {error.strerror}") from None
    return f"sqlite:///{found}"


@contextmanager
def alone(url: str, study: str) -> Iterator[None]:
    """One process at a time on a study; StorageError when another is at it. The system frees it with the process.

    Beside the database lies one lock file; a study is a byte of it.
    """
    file = Path(make_url(url).database or "")
    place = int.from_bytes(blake2b(study.encode(), digest_size=7).digest())
    try:
        lock = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"database {file}: cannot be used: {error.strerror}") from None
    try:
        _locked(lock, place)
        yield
    finally:
        os.close(lock)


def _locked(lock: int, place: int) -> None:
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError):  # systems differ in how they say it
        raise StorageError(
            "another process is at this very search; wait for it, or stop it and go on with --resume"
        ) from None
