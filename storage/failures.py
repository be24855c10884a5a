"""What a database can do to us, in one line that says what is wrong and what to do: never SQL, never figures."""

from socket import gaierror
from sqlite3 import Error as SqliteError

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from bot.domain.errors import StorageError

LOCKED = "it is locked by another program; close that, or wait"
FULL = "the disk is full; free some space"
READ_ONLY = "it cannot be written to; check the rights of the file and its folder"
DAMAGED = "it is damaged; restore a backup, or move it away to start anew"
NO_DATABASE = "the file is no SQLite database, or it is damaged; name another, or restore a backup"
GONE = "the file was deleted or replaced while in use; put it back, or stop and restore a backup"
CLOSED = "the file cannot be opened; check that its folder exists and may be written to"
BROKEN_DISK = "the disk cannot be read or written; check it, then restore a backup if need be"
CONTRADICTION = "a row contradicts one that is there; nothing was written"
UNPREPARED = "tables of this program are missing or not as they were; restore a backup, or move it away"
UNREACHABLE = "the server cannot be reached; check that it runs, and DATABASE_URL"
REFUSED = "the server refuses user or password; check DATABASE_URL"
NO_SUCH = "the server has no database of this name; create it, or check DATABASE_URL"
BUSY = "the server has no room for this now; free memory, connections or disk"
UNFIT = "a value cannot be stored"

# By SQLite's error name, the longest beginning that fits.
SQLITE = {
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_NOTADB": NO_DATABASE,
    "SQLITE_CANTOPEN": CLOSED,
    "SQLITE_IOERR": BROKEN_DISK,
    "SQLITE_CONSTRAINT": CONTRADICTION,
    "SQLITE_ERROR": UNPREPARED,
    "SQLITE_TOOBIG": UNFIT,
}
# By PostgreSQL's SQLSTATE, the longest beginning that fits.
POSTGRES = {
    "08": UNREACHABLE,
    "22": UNFIT,
    "23": CONTRADICTION,
    "25006": READ_ONLY,
    "28": REFUSED,
    "3D000": NO_SUCH,
    "40": LOCKED,
    "42501": READ_ONLY,
    "42": UNPREPARED,
    "53100": FULL,
    "53": BUSY,
    "55P03": LOCKED,
    "57014": LOCKED,
    "57": UNREACHABLE,
    "58": BROKEN_DISK,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
FAILURES = (SQLAlchemyError, SqliteError, OSError, OverflowError)


def told(place: str, error: BaseException) -> StorageError:
    """The failure as an operator reads it; `place` is the file, or server and database name."""
    return StorageError(f"database {place}: {reason(error)}")


def reason(error: BaseException) -> str:
    """What is wrong and what to do."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    known = _longest(SQLITE, getattr(cause, "sqlite_errorname", None))
    known = known or _longest(POSTGRES, getattr(cause, "sqlstate", None))
    if known:
        return known
    if isinstance(cause, ConnectionError | TimeoutError | gaierror):
        return UNREACHABLE
    if isinstance(cause, OSError):
        return cause.strerror or UNREACHABLE
    return (
        UNFIT if isinstance(cause, StatementError | OverflowError) else f"it failed ({type(cause).__name__})"
    )


def _longest(table: dict[str, str], code: str | None) -> str:
    fitting = [beginning for beginning in table if code and code.startswith(beginning)]
    return table[max(fitting, key=len)] if fitting else ""
