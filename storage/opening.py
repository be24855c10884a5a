"""From a URL to a database of this program's revision, or one line that says what is wrong."""

from functools import partial
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.domain.errors import StorageError
from storage import backup
from storage.connections import Connections
from storage.failures import DAMAGED, told
from storage.migrate import HEAD, check, migrate, revision
from storage.sqlite import SqliteConnections

ALLOWED = "sqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/NAME"
CHECKED_BYTES = 64 * 1024 * 1024


def connect(url: str, synchronous: str, busy_ms: int) -> Connections:
    """Connections by URL; nothing is touched yet but the folder of a SQLite file."""
    address = _address(url)
    if address.get_backend_name() == "postgresql":
        from storage.postgres import PostgresConnections

        return PostgresConnections(address.set(drivername="postgresql+asyncpg"), busy_ms)
    path = Path(address.database or "").expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise told(str(path), error) from error
    return SqliteConnections(path, synchronous, busy_ms)


async def prepare(connections: Connections, upgrade_server: bool) -> str:
    """Bring the database to HEAD and return the revision it had (empty: it was new); close it when that fails."""
    try:
        return await _prepare(connections, upgrade_server)
    except BaseException:
        await connections.close()
        raise


async def _prepare(connections: Connections, upgrade_server: bool) -> str:
    if isinstance(connections, SqliteConnections) and await connections.size() <= CHECKED_BYTES:
        await connections.read(partial(_sound, place=connections.place))
    before = await connections.read(revision)
    check(connections.place, before)
    if before == HEAD:
        return before
    if before and isinstance(connections, SqliteConnections):
        kept = connections.path.with_name(f"{connections.path.name}.bak-{before}")
        await connections.aside(partial(backup.copy, connections.path, kept))
    elif before and not upgrade_server:
        raise StorageError(
            f"database {connections.place}: it is of revision {before}, older than this program ({HEAD}); "
            "run `quarterdeck db upgrade`"
        )
    await connections.write(migrate)
    return before


def _sound(connection: Connection, place: str) -> None:
    if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
        raise StorageError(f"database {place}: {DAMAGED}")


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StorageError(f"database URL cannot be read; allowed: {ALLOWED}") from error
    backend, database = address.get_backend_name(), address.database or ""
    if backend == "sqlite" and "?" in url:
        raise StorageError(
            f"database URL sqlite:///{database}?...: a file's name without question mark is allowed"
        )
    if backend == "postgresql" or (backend == "sqlite" and database not in ("", ":memory:")):
        return address
    raise StorageError(f"database URL {address.render_as_string()} cannot be used; allowed: {ALLOWED}")
