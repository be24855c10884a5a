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
MAKING = "making tables"
PATIENCE_S = 60
"""So long a process waits while others write."""


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


class Shared:
    """A study that several processes work on: each takes trials by their turns, and the system gives back what a dead
    one had taken.

    Beside the database lies one lock file; who is at a study, and every turn, is a byte of it. Not for two of one
    process: the system's locks are a process's.
    """

    def __init__(self, url: str, study: str) -> None:
        """Nothing is taken yet. Raises StorageError."""
        file = Path(make_url(url).database or "")
        try:
            self._lock = os.open(
                file.with_name(f"{file.stem}-trials.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise StorageError(f"database {file}: cannot be used: {error.strerror}") from None
        self._study = study

    def __enter__(self) -> "Shared":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    @contextmanager
    def entering(self, anew: bool) -> Iterator[None]:
        """One at a time while tables and studies are made; afterwards this process is at the study, too.

        StorageError where it is to begin anew while another is at it.
        """
        fcntl.lockf(self._lock, fcntl.LOCK_EX, 1, _place(MAKING))
        try:
            if anew and not self._has(fcntl.LOCK_EX, self._study):
                raise StorageError(
                    "another process is at this very search; --resume works on it together, "
                    "or stop it to begin anew"
                )
            yield
            self._has(fcntl.LOCK_SH, self._study)
        finally:
            self._free(MAKING)

    def take(self, turn: int) -> bool:
        """Take a trial; False when another process has it."""
        return self._has(fcntl.LOCK_EX, f"{self._study} {turn}")

    def give(self, turn: int) -> None:
        """It is done, or somebody else may do it."""
        self._free(f"{self._study} {turn}")

    def _has(self, how: int, name: str) -> bool:
        try:
            fcntl.lockf(self._lock, how | fcntl.LOCK_NB, 1, _place(name))
        except (BlockingIOError, PermissionError):  # systems differ in how they say it
            return False
        return True

    def _free(self, name: str) -> None:
        fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, _place(name))


def _place(name: str) -> int:
    """The byte of a lock file that stands for a name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=7).digest())


@contextmanager
def alone(url: str, study: str) -> Iterator[None]:
    """One process at a time on a study; StorageError when another is at it. The system frees it with the process.

    Beside the database lies one lock file; a study is a byte of it.
    """
    file = Path(make_url(url).database or "")
    place = _place(study)
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
